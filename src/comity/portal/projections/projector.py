"""The projector: reads the ledgers of the house and keeps the tables.

One transaction replaces a case's rows and moves its position, so a page sees a case as it was at some entry, never
between two, and a crash repeats nothing.  Rows follow from the entries and from the time for which they were made
(`Position.computed`): made again for the same times they are the same, which a rebuild shows.

A case is read again when its ledger changed, when an access ledger of its own did, and when a clock ran out or the day
turned.  An access ledger may change with every call, so because of it a case takes a tenth of the projector's time at
most: a large one waits until nine times as long as its last reading took has passed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from comity.engagement import (
    AtHand,
    Book,
    Case,
    Dossier,
    FormView,
    form_views,
    portfolio,
    read_findings,
    shelve,
    subjects_of,
)  # fmt: skip
from comity.engagement.access_record import AccessReader, AccessRecord
from comity.engagement.adequacy import Adequacy, arrangements_of, read_adequacy
from comity.engagement.adequacy_map import WAYS
from comity.engagement.assessment import Assessment, assess
from comity.law import Pack, named_calendar
from comity.portal.house import AccessBook, House
from comity.portal.projections.access_rows import access_row
from comity.portal.projections.fence import PROJECTOR
from comity.portal.projections.models import TABLES, AccessRow, CaseRow, PlanRow, Position, Projection, RunRow
from comity.portal.projections.rows import Told, arrangements_named, case_rows
from comity.portal.projections.run_rows import RunReader
from comity.portal.projections.tables import turn
from comity.records import parse_instant

__all__ = ["Projector"]

ITEMS_OF: Final = "eu-ai-act"
"""The pack whose items of access are shown where a case's own law states none."""
CHUNK: Final = 400
REST: Final = 9
"""How many times as long as its reading took a case rests before it is read for its access ledgers alone."""


@dataclass(slots=True)
class Projector:
    """Keeps the tables of one house. Not safe for two threads; one process of a house runs one."""

    house: House
    alias: str = PROJECTOR
    computed: Callable[[str], datetime | None] = lambda engagement: None
    """For which time to make a case's rows; `None`: now. A rebuild says when the live rows were made."""
    _packs: dict[tuple[str, str | None], Pack] = field(default_factory=dict)
    _stamps: dict[str, object] = field(default_factory=dict)
    _access_stamp: object = None
    _access: dict[str, AccessRecord] = field(default_factory=dict)
    _readers: dict[str, AccessReader] = field(default_factory=dict)
    _run_readers: dict[str, RunReader] = field(default_factory=dict)
    _stale: set[str] = field(default_factory=set)
    """Cases whose access ledgers changed since they were read."""
    _rest: dict[str, datetime] = field(default_factory=dict)
    """Until when a case is not read again for its access ledgers alone."""

    def run_once(self) -> int:
        """Bring every case up to its ledger, and tell how many were made anew."""
        now = self.house.clock()
        changed = self._read_access(now)
        positions = {one.engagement: one for one in Position.objects.using(self.alias)}
        if changed:
            for engagement, named in CaseRow.objects.using(self.alias).values_list("engagement", "arrangements"):
                if not changed.isdisjoint(named):
                    self._stale.add(engagement)
        done = 0
        for engagement in self.house.cases():
            stamp = self.house.case_stamp(engagement)
            known = positions.get(engagement)
            turned = known is None or parse_instant(known.turns) <= now
            moved = engagement in self._stale and self._rest.get(engagement, now) <= now
            if not turned and self._stamps.get(engagement) == stamp and not moved:
                continue
            done += self._project(engagement, known, now, force=turned or moved)
            self._stamps[engagement] = stamp
        return done

    def _project(self, engagement: str, known: Position | None, now: datetime, *, force: bool) -> int:
        with self.house.open_case(engagement) as ledger:
            size = ledger.size()
            if known is not None and known.size == size and not force:
                return 0
            entries = tuple(ledger.read(0, size))
            origin = ledger.origin
        if not entries:
            return 0
        told = self._told(Book(origin=origin, entries=entries), self.computed(engagement) or now)
        if told is None:
            return 0
        self._replace(engagement, list(case_rows(told)))
        ended = self.house.clock()
        self._stale.discard(engagement)
        self._rest[engagement] = ended + REST * (ended - now)
        return 1

    def _told(self, book: Book, at: datetime) -> Told | None:
        house = self.house
        found = portfolio([book], at, access=self._access.values(), terms_of=house.terms_of, law=self._law)
        if not found:
            return None
        dossier = found[0]
        case, terms = dossier.case, dossier.terms
        pages: list[Adequacy] = []
        for name in arrangements_of(case):
            one = terms.get(name)
            pages.append(
                read_adequacy(
                    case, book.origin, name, self._pack(case), at, terms=one, access=self._access.get(name),
                    calendar=named_calendar(one.calendar) if one is not None else None,
                )
            )
        with house.access() as books:
            shelf = shelve(case, [(one.origin, one.entries) for one in books])
        keys = {name: {str(side): key for side, key in one.parties.keys().items()} for name, one in terms.items()}
        hand = AtHand(ledgers=shelf, keys=keys)
        findings = read_findings(case, hand, dossier.clocks)
        offers = {name: house.offers_of(name) for name in arrangements_named(case)}
        return Told(book=book, dossier=dossier, adequacy=tuple(pages), findings=findings, offers=offers,
                    forms=self._forms(case), assessments=self._assessments(dossier, hand))

    def _assessments(self, dossier: Dossier, hand: AtHand) -> tuple[Assessment, ...]:
        """What `comity law assess` says of each model of the case."""
        law, case = dossier.law, dossier.case
        if law is None:
            return ()
        return tuple(assess(case, law, subject, dossier.clocks, hand) for subject in subjects_of(case))

    def _forms(self, case: Case) -> tuple[FormView, ...]:
        """The documentation's forms about each model of the case, for each recipient."""
        return tuple(one for subject in subjects_of(case) for one in form_views(case, self._pack(case), subject))

    def _pack(self, case: Case) -> Pack:
        opening = case.opening
        pack = self._law(opening.law, opening.law_version or None) if opening.law else None
        if pack is not None and any(one.id in WAYS for one in pack.access):
            return pack
        return self._law(ITEMS_OF, None)

    def _law(self, name: str, version: str | None) -> Pack:
        """A pack is read once while the projector lives; a new one is read when it starts again."""
        if (name, version) not in self._packs:
            self._packs[name, version] = self.house.law(name, version)
        return self._packs[name, version]

    def _replace(self, engagement: str, rows: Sequence[Projection]) -> None:
        with turn(self.alias):
            for model in TABLES:
                if model not in (AccessRow, PlanRow, RunRow):
                    model.objects.using(self.alias).filter(engagement=engagement).delete()
                    mine = [row for row in rows if type(row) is model]
                    model.objects.using(self.alias).bulk_create(mine, batch_size=CHUNK)

    def _read_access(self, now: datetime) -> set[str]:
        """Read the access ledgers where they changed; the arrangements whose ledger is not as the tables have it."""
        stamp = self.house.access_stamp()
        if self._access_stamp is not None and stamp == self._access_stamp:
            return set()
        sizes = dict(AccessRow.objects.using(self.alias).values_list("key", "size"))
        rows: list[AccessRow] = []
        plans: list[PlanRow] = []
        runs: list[RunRow] = []
        with self.house.access() as books:
            gone = sizes.keys() - {book.origin for book in books}
            for book in books:
                record = self._access_record(book)
                if sizes.get(book.origin) != record.size:
                    rows.append(access_row(record, now))
                    plans += self._run_readers[book.origin].plans()
                    runs += self._run_readers[book.origin].rows()
        renewed = [row.key for row in rows]
        changed = {origin.rpartition("/")[2] for origin in (*renewed, *gone)}
        with turn(self.alias):
            AccessRow.objects.using(self.alias).filter(key__in=[*renewed, *gone]).delete()
            AccessRow.objects.using(self.alias).bulk_create(rows)
            PlanRow.objects.using(self.alias).filter(arrangement__in=changed).delete()
            PlanRow.objects.using(self.alias).bulk_create(plans, batch_size=CHUNK)
            RunRow.objects.using(self.alias).filter(arrangement__in=changed).delete()
            RunRow.objects.using(self.alias).bulk_create(runs, batch_size=CHUNK)
        for origin in gone:
            self._access.pop(origin.rpartition("/")[2], None)
        self._access_stamp = stamp
        return changed

    def _access_record(self, book: AccessBook) -> AccessRecord:
        """What an access ledger says; each entry is parsed once, for its figures and for its runs."""
        reader = self._readers.setdefault(book.origin, AccessReader(book.origin))
        runs = self._run_readers.setdefault(book.origin, RunReader(book.origin))
        reader.read(book.since(reader.size), beside=runs.take)
        record = reader.record()
        self._access[record.arrangement] = record
        return record

    def lag(self) -> dict[str, int]:
        """Engagement → entries that are in its ledger and not yet in the tables; those without a lag are left out."""
        seen = dict(CaseRow.objects.using(self.alias).values_list("engagement", "size"))
        found: dict[str, int] = {}
        for engagement in self.house.cases():
            with self.house.open_case(engagement) as ledger:
                behind = ledger.size() - seen.get(engagement, 0)
            if behind:
                found[engagement] = behind
        return found
