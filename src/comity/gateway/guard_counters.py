"""Counters: what a guard saw on one day, signed, for comparison with the ledger.

A signed note (`comity.ledger.note`) by the clause `guard.key`, whose text has a field a line:

    comity guard-counters/1
    <ledger origin>
    <digest of the terms>
    <day, YYYY-MM-DD in UTC>
    <when it was counted, an instant>
    passed <number of requests that went on>
    refused <reason>=<number> …                    every reason, in the order of `REASONS`
    indexes <lowest> <highest>                     `indexes - -` where nothing passed
    <SHA-256 of the indexes' file, hex>

The day of a request that passed is the day of its permit's entry; the day of a refusal is that of the guard's
clock.  So the numbers of a day are final `PERMIT_SECONDS` and `SKEW_SECONDS` after it ends, and counters that
were signed before are counters so far.

The *indexes' file* is the index of each permit that was used, ascending, in decimal, a line each: its SHA-256
is what `sha256sum` prints.  It may travel beside the note, and lets a comparison name the calls that differ.

Not promised: that a guard counts truly.  It is the provider's word, signed, against the operator's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Final

from comity.arrangement import Terms
from comity.gateway.acts import act_digest
from comity.gateway.permit_note import REASONS
from comity.gateway.refusal import Refusal
from comity.ledger import LedgerError, Note, Signer, Transaction, Verifier, format_note, open_note, parse_vkey
from comity.records import Digest, GuardCounted, Instant, MalformedInstant, instant_text, parse_instant, to_bytes

__all__ = [
    "Counters",
    "CountersRefused",
    "count",
    "open_counters",
    "parse_indexes",
    "perform_counters",
    "sign_counters",
    "write_indexes",
]

HEADER: Final = "comity guard-counters/1"
MAX_NOTE: Final = 4_096
"""Bytes: nine short lines and a signature take under 1,000."""

_NUMBER: Final = "(?:0|[1-9][0-9]{0,14})"
_FORM: Final = re.compile(
    rf"{HEADER}\n([!-~]{{1,400}})\n([0-9a-f]{{64}})\n([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})\n([0-9TZ:.-]{{24}})\n"
    rf"passed ({_NUMBER})\nrefused (.{{1,400}})\nindexes (-|{_NUMBER}) (-|{_NUMBER})\n([0-9a-f]{{64}})\n",
    re.ASCII,
)
_REFUSED: Final = re.compile(" ".join(f"{name}=({_NUMBER})" for name in REASONS), re.ASCII)
_INDEXES: Final = re.compile(rf"(?:{_NUMBER}\n)*".encode())


class CountersRefused(Exception):
    """The counters, or the indexes beside them, cannot be read or were not signed by the guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What a guard saw of one arrangement on one day."""

    origin: str
    terms: str
    """Digest of the terms under which the guard ran when it counted."""
    day: str
    at: datetime
    passed: int
    refused: Mapping[str, int]
    lowest: int | None
    highest: int | None
    indexes: str
    """SHA-256 of the indexes' file, hex."""

    def text(self) -> str:
        """The text that is signed."""
        ends = ["-" if end is None else str(end) for end in (self.lowest, self.highest)]
        lines = [
            HEADER,
            self.origin,
            self.terms,
            self.day,
            instant_text(self.at),
            f"passed {self.passed}",
            "refused " + " ".join(f"{name}={self.refused.get(name, 0)}" for name in REASONS),
            f"indexes {' '.join(ends)}",
            self.indexes,
        ]
        return "".join(f"{line}\n" for line in lines)


def count(
    *, origin: str, terms: str, day: str, at: datetime, passed: Sequence[int], refused: Mapping[str, int]
) -> Counters:
    """The counters of one day; `passed` ascends."""
    return Counters(
        origin=origin,
        terms=terms,
        day=day,
        at=at,
        passed=len(passed),
        refused=dict(refused),
        lowest=passed[0] if passed else None,
        highest=passed[-1] if passed else None,
        indexes=sha256(write_indexes(passed)).hexdigest(),
    )


def write_indexes(indexes: Sequence[int]) -> bytes:
    """The indexes' file.

    >>> sha256(write_indexes([3, 5])).hexdigest()[:16]
    '56c47cb32092661c'
    """
    return "".join(f"{index}\n" for index in indexes).encode()


def parse_indexes(file: bytes, counters: Counters) -> tuple[int, ...]:
    """The indexes in a file that counters commit to; raises `CountersRefused`."""
    if sha256(file).hexdigest() != counters.indexes:
        raise CountersRefused("the file of indexes is not the one that the counters commit to: its SHA-256 differs")
    if not _INDEXES.fullmatch(file):
        raise CountersRefused("expected a file of indexes: decimal numbers, a line each")
    indexes = tuple(int(line) for line in file.split())
    if list(indexes) != sorted(set(indexes)) or len(indexes) != counters.passed:
        raise CountersRefused("the indexes do not ascend, or are not as many as the counters say passed")
    return indexes


def sign_counters(counters: Counters, signer: Signer) -> bytes:
    """The signed note that travels."""
    text = counters.text()
    return format_note(Note(text=text, signatures=(signer.sign_note(text),)))


def open_counters(note: bytes, key: Verifier) -> Counters:
    """The counters in a note that the guard's key signed; raises `CountersRefused` and nothing else."""
    if len(note) > MAX_NOTE:
        raise CountersRefused(f"expected counters of at most {MAX_NOTE} bytes; got {len(note)}")
    try:
        opened = open_note(note, [key])
    except LedgerError as error:
        raise CountersRefused(f"expected counters signed by the guard's key {key.name}: {error}") from None
    found = _FORM.fullmatch(opened.text)
    numbers = _REFUSED.fullmatch(found[6]) if found else None
    if found is None or numbers is None:
        raise CountersRefused(f"expected the nine lines of {HEADER}; got {opened.text[:60]!r}")
    try:
        date.fromisoformat(found[3])
        at = parse_instant(found[4])
    except (ValueError, MalformedInstant) as error:
        raise CountersRefused(f"the counters' day or time is none: {error}") from None
    counters = Counters(
        origin=found[1],
        terms=found[2],
        day=found[3],
        at=at,
        passed=int(found[5]),
        refused={name: int(number) for name, number in zip(REASONS, numbers.groups(), strict=True)},
        lowest=None if found[7] == "-" else int(found[7]),
        highest=None if found[8] == "-" else int(found[8]),
        indexes=found[9],
    )
    if (counters.passed == 0) != (counters.lowest is None) or (counters.lowest is None) != (counters.highest is None):
        raise CountersRefused("the counters' lowest and highest index do not fit the number that passed")
    return counters


def perform_counters(tx: Transaction, *, note: bytes, terms: Terms, now: datetime) -> int | Refusal:
    """Record a day's counters as `guard.counted`; returns the entry's index, or why not."""
    if not terms.guard.key:
        return _no("terms-refused", "guard.by", "no guard is agreed, so no counters are taken")
    try:
        counters = open_counters(note, parse_vkey(terms.guard.key))
    except CountersRefused as error:
        return _no("request-malformed", "counters", str(error))
    if counters.origin != terms.ledger.origin:
        because = f"the counters are for {counters.origin}; this ledger is {terms.ledger.origin}"
        return _no("terms-refused", "ledger.origin", because)
    digest = act_digest(note)
    if tx.execute("SELECT 1 FROM gate_act WHERE digest = ?", (digest,)):
        return _no("terms-refused", "counters", "these counters were recorded before")
    record = GuardCounted(
        at=Instant(instant_text(now)),
        day=counters.day,
        passed=counters.passed,
        refused=sum(counters.refused.values()),
        indexes=Digest(counters.indexes),
        note=note.decode(),
    )
    index = tx.append(to_bytes(record))
    tx.execute("INSERT INTO gate_act VALUES (?, ?)", (digest, index))
    return index


def _no(slug: str, clause: str, because: str) -> Refusal:
    return Refusal(slug=slug, clause=clause, because=because)
