"""What this home holds of an arrangement: its signed terms, the keys of its parties, its access ledgers.

Terms lie in `arrangements/<id>/` of a party's home and in `ledgers/<id>/` of the operator's.  Access ledgers are those
that this home operates, those in `mirrors/` of the home, and those that the caller names: a file, or the folder that
`comity mirror` made.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from comity.arrangement import Offer, Terms, verify_offer
from comity.cli.cases import read_file, stored_offer
from comity.cli.home import Home
from comity.cli.places import adopted_folders, ledger_place
from comity.engagement import Case
from comity.ledger import Ledger, TileDirectory, open_ledger, parse_head, parse_note
from comity.records import ArrangementInForce

__all__ = [
    "ACCESS", "AccessLedger", "access_ledger_of", "access_ledgers", "agreed_terms", "case_keys", "held_offers",
    "mirrors",
]  # fmt: skip

READ_AT_ONCE = 4_096
"""Entries that are in memory at a time."""

ACCESS = click.option(
    "--access", "access", multiple=True, type=click.Path(path_type=Path, exists=True),
    help="An access ledger to read: its file, or a mirrored folder; may be given again.",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLedger:
    """One access ledger at hand."""

    origin: str
    entries: Iterable[bytes] = field(repr=False)

    @property
    def arrangement(self) -> str:
        """The arrangement's id, with which its origin ends."""
        return self.origin.rpartition("/")[2]


def agreed_terms(home: Home, case: Case) -> dict[str, Terms]:
    """The newest terms in force of each of the case's arrangements that this home holds, by the arrangement's id."""
    versions = {
        entry.record.arrangement: entry.record.terms_version
        for entry in case.plain
        if isinstance(entry.record, ArrangementInForce)
    }
    found = {name: _terms(home, name, version) for name, version in versions.items()}
    return {name: terms for name, terms in found.items() if terms is not None}


def _terms(home: Home, arrangement: str, version: int) -> Terms | None:
    if (offer := stored_offer(home, arrangement, version)) is not None:
        return offer.terms
    adopted = home.path / "ledgers" / arrangement / "terms.json"
    if not adopted.exists():
        return None
    terms = verify_offer(read_file(adopted)).terms
    return terms if terms.version == version else None


def held_offers(home: Home, arrangement: str) -> list[Offer]:
    """Every version of an arrangement's terms that this home holds, the oldest first."""
    paths = [*(home.path / "arrangements" / arrangement).glob("terms-*.json")]
    adopted = home.path / "ledgers" / arrangement / "terms.json"
    found = [verify_offer(read_file(path)) for path in (*paths, *([adopted] if adopted.exists() else ()))]
    fullest = {one.terms.version: one for one in sorted(found, key=lambda one: len(one.signed_by))}
    return [fullest[version] for version in sorted(fullest)]


def case_keys(home: Home, case: Case) -> dict[str, dict[str, str]]:
    """Arrangement's id → side → the key by which it signs, as far as this home holds the terms."""
    agreed = agreed_terms(home, case)
    return {
        name: {str(side): key for side, key in terms.parties.keys().items()}
        for name, terms in agreed.items()
    }


@contextmanager
def access_ledgers(home: Home, named: Iterable[Path] = ()) -> Iterator[list[AccessLedger]]:
    """Every access ledger of this home and those that are named, open while they are read; one of each origin."""
    opened: list[Ledger] = []
    found: dict[str, AccessLedger] = {}
    try:
        for path in named:
            one = _mirrored(path) if path.is_dir() else _stored(path, opened)
            found[one.origin] = one
        for path in mirrors(home.path):
            one = _mirrored(path)
            found.setdefault(one.origin, one)
        for folder in adopted_folders(home.path):
            origin = verify_offer(read_file(folder / "terms.json")).terms.ledger.origin
            one = _stored(ledger_place(folder), opened, origin)
            found.setdefault(one.origin, one)
        yield list(found.values())
    finally:
        for ledger in opened:
            ledger.close()


@contextmanager
def access_ledger_of(home: Home, arrangement: str, named: Iterable[Path] = ()) -> Iterator[AccessLedger | None]:
    """The access ledger of one arrangement, of which no other is opened; None where this home has none."""
    opened: list[Ledger] = []
    try:
        adopted = home.path / "ledgers" / arrangement
        if adopted in adopted_folders(home.path):
            origin = verify_offer(read_file(adopted / "terms.json")).terms.ledger.origin
            yield _stored(ledger_place(adopted), opened, origin)
            return
        folders = [*mirrors(home.path), *(path for path in named if path.is_dir())]
        found = next((one for one in map(_mirrored, folders) if one.arrangement == arrangement), None)
        stored = (_stored(path, opened) for path in named if not path.is_dir())
        yield found or next((one for one in stored if one.arrangement == arrangement), None)
    finally:
        for ledger in opened:
            ledger.close()


def mirrors(home: Path) -> list[Path]:
    """The folders in which this home keeps copies of ledgers that others operate: `mirrors/<name>/`."""
    return sorted(path.parent for path in (home / "mirrors").glob("*/checkpoint"))


def _stored(place: Path | str, opened: list[Ledger], origin: str | None = None) -> AccessLedger:
    ledger = open_ledger(place, origin=origin)
    opened.append(ledger)
    return AccessLedger(origin=ledger.origin, entries=_Entries(ledger))


def _mirrored(folder: Path) -> AccessLedger:
    tiles = TileDirectory(folder)
    origin = parse_head(parse_note(tiles.checkpoint()).text).origin
    return AccessLedger(origin=origin, entries=_Entries(tiles))


@dataclass(frozen=True, slots=True)
class _Entries:
    """The entries of a ledger, read anew and in parts each time that they are asked for."""

    source: Ledger | TileDirectory

    def __iter__(self) -> Iterator[bytes]:
        return self.since(0)

    def since(self, index: int) -> Iterator[bytes]:
        """The entries from an index on."""
        size = self.source.size()
        for start in range(index, size, READ_AT_ONCE):
            stop = min(size, start + READ_AT_ONCE)
            if isinstance(self.source, TileDirectory):
                yield from self.source.entries(start, stop, size=size)
            else:
                yield from self.source.read(start, stop)
