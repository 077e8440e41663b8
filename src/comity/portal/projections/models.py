"""The tables of the projections.

Each row of a case has the engagement's id and a key that follows from what it is about, so that two projectors that
read the same entries make the same rows.  Nothing here is related to the local tables.

A list that grows with a case or with their number is read by its index from where a page begins, never counted or
skipped over: the tables hold the numbers that pages show, and an order in one column where a page needs one.
"""

from typing import Any, Final, NoReturn

from django.db import models

from comity.portal.house import the_house
from comity.portal.projections.entry_text import title_of
from comity.portal.projections.fence import ReadOnly, WrittenByTheProjectorAlone
from comity.portal.projections.fields import JsonText, Text, Words

__all__ = [
    "TABLES", "AccessRow", "AdequacyRow", "ArrangementRow", "AssessmentRow", "BriefLine", "CaseRow", "ClockRow",
    "EntryRow", "FileRow", "FindingRow", "FormRow", "MatterRow", "MentionRow", "NamedRow", "PlanRow", "Position",
    "Projection", "RunRow", "TermsRow",
]  # fmt: skip


def _words(length: int, **more: Any) -> Any:
    return Words(max_length=length, **more)


def _text() -> Any:
    return Text()


def _number(**more: Any) -> Any:
    return models.BigIntegerField(**more)


def _flag(**more: Any) -> Any:
    return models.BooleanField(**more)


def _json(**more: Any) -> Any:
    return JsonText(**more)


def _index(*columns: str) -> models.Index:
    return models.Index(fields=columns, name="by_" + "_".join(columns)[:27])


class Projection(models.Model):
    """A row that follows from entries. Reading is all that a page can do with it."""

    key = _words(200, primary_key=True)
    engagement = _words(32, db_index=True)
    objects: Any = ReadOnly()

    class Meta:
        abstract = True

    def save(self, *arguments: Any, **named: Any) -> NoReturn:
        """Refuses."""
        raise WrittenByTheProjectorAlone(f"{type(self).__name__} follows from entries; append an entry instead")

    def delete(self, *arguments: Any, **named: Any) -> NoReturn:
        """Refuses."""
        raise WrittenByTheProjectorAlone(f"{type(self).__name__} follows from entries; append an entry instead")


class Position(Projection):
    """Up to which entry a ledger is in the tables. Written in the same transaction as the rows."""

    origin = _words(400)
    size = _number()
    digest = _words(64)
    """SHA-256 of the newest entry that was read."""
    computed = _words(32)
    """The time for which rows that depend on it hold."""
    turns = _words(32)
    """When they have to be made anew though no entry came: a clock runs out, or a day ends."""


class CaseRow(Projection):
    """One engagement."""

    origin = _words(400)
    authority = _words(400)
    provider = _words(400, db_index=True)
    track = _words(16)
    law = _words(200)
    initiated_by = _words(32)
    summary = _text()
    subjects = _json()
    stage = _words(16, db_index=True)
    since = _words(32)
    moved_by = _number()
    next = _text()
    questions = _json()
    """What the newest meeting left open."""
    size = _number()
    arrangements = _json()
    """Those that its entries name; what their access ledgers say is in its rows."""
    lines = _json()
    """Row of the brief → how many lines it has."""
    kinds = _json()
    """Kind of entry → how many there are."""
    open_matters = _number()
    waits_authority = _number()
    waits_provider = _number()
    """Open matters that wait for a side; what waits for both is in both."""
    live_clocks = _number()
    """Clocks that run to an instant, are late, or stand still."""
    next_due = _words(32)
    """When the next clock runs out; empty where none does."""
    next_said = _words(64)
    """The same in words."""
    overdue = _number()
    sample = _flag()
    public = _flag(db_index=True)
    """Whether its opening is cleared for publication."""
    entered = _words(32)

    @property
    def called(self) -> str:
        """What this house calls the case: the other side's name."""
        return str(self.authority if the_house().role == "provider" else self.provider)


class BriefLine(Projection):
    """One line of the brief."""

    row = _words(32)
    position = _number()
    text = _text()
    side = _text()
    on = _words(64)
    entered = _words(32)
    confidence = _words(16)
    refs = _json()
    first_refs = _json()
    """The few of `refs` that a page names; a line may rest on thousands."""
    all_refs = _number()
    """How many there are."""
    sources = _json()
    cleared = _flag()
    nothing = _flag()


class EntryRow(Projection):
    """One entry of the case's ledger."""

    index = _number()
    kind = _words(64)
    said = _text()
    by = _text()
    at = _words(32)
    on = _words(64)
    source = _text()
    confidence = _words(16)
    item = _words(32)
    withdrawn = _number(null=True)
    cleared = _number(null=True)
    digest = _words(64)
    members = _json()

    class Meta:
        indexes = (_index("engagement", "index"), _index("engagement", "kind", "index"), _index("engagement", "item"))

    @property
    def title(self) -> str:
        """What a timeline calls its kind."""
        return title_of(self.kind)


class MentionRow(Projection):
    """An entry that names an item."""

    item = _words(32)
    index = _number()

    class Meta:
        indexes = (_index("engagement", "item", "index"),)


class MatterRow(Projection):
    """What one side owes the other."""

    order = _words(120)
    """The day by which it is due, those without one after the others, then how long it has waited."""

    item = _words(32)
    index = _number()
    what = _text()
    by = _text()
    waits_for = _words(16)
    until = _words(32)
    outcome = _text()
    entered = _words(32)
    closed_by = _number(null=True)

    for_authority = _number()
    for_provider = _number()
    """1 where it is open and waits for that side, else 0: a number, because SQLite walks no index by a bare truth."""

    class Meta:
        indexes = (
            _index("for_authority", "order"), _index("for_provider", "order"),
            _index("engagement", "closed_by", "order"),
        )  # fmt: skip


class ClockRow(Projection):
    """One clock of the law or of the terms in force."""

    group = _words(16)
    """running · waiting · over · unstarted: the part of a page that it stands in."""
    order = _words(120)
    """When its time is over, those without an end after the others."""

    duty = _words(64)
    title = _text()
    ref = _text()
    force = _text()
    confidence = _words(16)
    by = _words(16)
    about = _text()
    state = _words(16)
    due = _words(40)
    """The instant at which its time is over; empty where none is set."""
    said = _text()
    """Due when, in words that do not depend on the day of reading."""
    why = _json()
    entries = _json()

    class Meta:
        indexes = (_index("group", "order"), _index("engagement", "group", "order"))


class ArrangementRow(Projection):
    """One arrangement of a case that came into force."""

    arrangement = _words(32, db_index=True)
    version = _number()
    digest = _words(64)
    until = _words(32)
    title = _text()
    days = _json(null=True)
    models_named = _json()
    origin = _words(400)
    """Of the access ledger; empty where the terms are not at hand."""
    agreed = _json(null=True)
    """What the terms allow, for the page of the access; `None` where they are not at hand."""


class TermsRow(Projection):
    """One version of an arrangement's terms, as a contract in words."""

    arrangement = _words(32)
    version = _number()
    digest = _words(64)
    title = _text()
    signed_by = _json()
    contract = _json()
    changes = _json()
    """Against the version before that is at hand: whom it burdens, the sentence, the clauses."""


class AdequacyRow(Projection):
    """Promised, delivered, used and denied, for one item of access or one clause."""

    arrangement = _words(32)
    position = _number()
    part = _words(16)
    """items · draft · clauses."""
    item = _words(64)
    title = _text()
    ref = _text()
    cells = _json()


class AssessmentRow(Projection):
    """The assessment of one model of a case: duty, claim, evidence, entry."""

    subject = _text()
    law = _words(200)
    ceiling = _text()
    level = _words(8)
    counts = _json()
    """Each status that a duty has, with how many have it."""
    open = _number()
    """Duties of which nobody said whether they bear, and nothing was entered."""
    apart = _number()
    """Duties that do not bear."""
    chapters = _json()


class FindingRow(Projection):
    """One version of a finding."""

    finding = _words(32)
    version = _number()
    newest = _flag()
    index = _number()
    duty = _words(64)
    stage = _words(16)
    finds = _words(16)
    assurance = _words(16)
    by = _text()
    text = _text()
    settles = _flag()
    open_because = _text()
    reply_until = _words(16)
    cites = _json()
    replies = _json()


class FileRow(Projection):
    """One sealed file of a case."""

    document = _words(32)
    item = _words(32)
    part = _words(32)
    title = _text()
    media_type = _words(100)
    length = _number()
    index = _number()
    disclosed = _number()
    erased = _number(null=True)


class NamedRow(Projection):
    """Somebody whom the case names and who may therefore see it: a grant's person, or an appointed expert."""

    person = _words(200, db_index=True)
    because = _words(16)
    """grant · expert."""
    arrangement = _words(32)
    index = _number()


class AccessRow(Projection):
    """What an arrangement's access ledger says, as figures."""

    arrangement = _words(32, db_index=True)
    origin = _words(400)
    size = _number()
    stand = _json()


class RunRow(Projection):
    """One run under an arrangement."""

    arrangement = _words(32, db_index=True)
    run = _words(32)
    plan = _words(64)
    person = _words(200)
    begun = _number()
    begun_at = _words(32)
    status = _words(32)
    stand = _json()

    class Meta:
        indexes = (_index("arrangement", "plan", "begun"), _index("arrangement", "begun"))


class PlanRow(Projection):
    """One plan that was frozen under an arrangement, by its digest."""

    arrangement = _words(32)
    plan = _words(64)
    person = _words(200)
    frozen = _number()
    frozen_at = _words(32)
    runs = _number()
    calls = _number()
    """Of all its runs."""
    deviations = _json()
    """What was stated of it: entry, party, reason and the plan that takes its place, if one does."""

    class Meta:
        indexes = (_index("arrangement", "frozen"),)


class FormRow(Projection):
    """One form of documentation, for one recipient, about one model."""

    form = _words(64)
    title = _text()
    ref = _text()
    subject = _text()
    view = _words(8)
    newest = _number(null=True)
    counts = _json()
    fields = _json()
    misdirected = _json()
    unconfirmed = _number()


TABLES: Final[tuple[type[Projection], ...]] = (
    Position, CaseRow, BriefLine, EntryRow, MentionRow, MatterRow, ClockRow, ArrangementRow, TermsRow, AdequacyRow,
    AssessmentRow, FindingRow, FileRow, FormRow, NamedRow, AccessRow, PlanRow, RunRow,
)  # fmt: skip
"""Every projection, in the order in which they are written."""
