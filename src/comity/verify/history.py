"""History: what the entries say, read in order, kind by kind.

`read_entries` turns bytes into records.  An entry that is not canonical, or claims a known kind and breaks its
form, is a fault; an entry of a kind or version that this release does not know is said and passed over.

`check_times`: an entry's time is the clock of the process that wrote it.  Several gateways write one ledger and
a time is taken a moment before its entry is ordered, so times may step back; by more than `TOLERANCE` they may
not.  Nothing here says that a clock was right.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from comity.records import MalformedRecord, Record, UnknownKind, parse_instant, parse_record
from comity.verify.facts import Fact, Faults, counted

TOLERANCE: Final = timedelta(seconds=5)
"""How far an entry's time may lie before the latest one so far: clocks kept by NTP differ by far less."""

History = tuple[tuple[int, Record], ...]
"""Index and record of every entry whose kind is known, in order."""


def entry(index: int) -> str:
    """How a place in a ledger is named."""
    return f"entry {index}"


def read_entries(entries: Sequence[bytes]) -> tuple[History, list[Fact]]:
    """The records, and the facts about their form."""
    faults, unknown = Faults("kinds"), []
    history: list[tuple[int, Record]] = []
    for index, data in enumerate(entries):
        try:
            history.append((index, parse_record(data)))
        except UnknownKind as error:
            unknown.append(f"entry {index}: {error}")
        except MalformedRecord as error:
            faults.add(entry(index), str(error))
    kinds = Counter(record.kind for _, record in history)
    said = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    facts = [faults.fact(f"every entry is canonical and keeps the form of its kind: {said or 'none'}")]
    if unknown:
        more = f"; and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        told = f"{'; '.join(unknown[:3])}{more}. What they say is not judged here; a newer release may know them"
        facts.append(Fact(name="unknown kinds", holds=None, detail=told))
    return tuple(history), facts


def check_times(history: History) -> Fact:
    """Times do not go backwards by more than the tolerance."""
    faults = Faults("times")
    latest = None
    for index, record in history:
        at = parse_instant(record.at)
        if latest is not None and at < latest - TOLERANCE:
            faults.add(entry(index), f"its time {record.at} lies {latest - at} before an earlier entry's")
        latest = at if latest is None else max(latest, at)
    seconds = int(TOLERANCE.total_seconds())
    if not history:
        return faults.fact("no entry states a time", holds=None)
    first, last = history[0][1].at, history[-1][1].at
    return faults.fact(f"from {first} to {last}, never back by more than {counted(seconds, 'second')}")
