"""Reconciliation: do the engine's log and the ledger tell the same story, call for call?

Every model call of the log names an entry (`request-id`: origin and index), and every permit or refusal that names the
run is one call of it.  The two are compared as multisets: each entry stands in the log exactly once.  Beyond the ids,
a refusal's status, the engine's own request id and the run must agree.

A difference is never repaired or explained away.  It is named, and the run's exit status is 1.

Equal refusals beyond the first 60 of a minute have no entry of their own: the gateway answers with `:counted` in place
of an index, and `calls.refused` holds their number later.  They are counted apart, and are not a difference.

Not promised: that a call which bypassed the gateway, and the log, would be seen here.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from comity.evaluation.reading import LoggedCall
from comity.records import CallPermitted, CallRefused, Record

COUNTED: Final = "counted"
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What the comparison found."""

    permitted: tuple[int, ...]
    """Indexes of the run's permits in the ledger."""
    refused: tuple[int, ...]
    """Indexes of the run's refusals in the ledger."""
    counted: int
    """Calls of the log that were refused and only counted."""
    differences: tuple[str, ...]
    """Each a sentence; empty if log and ledger agree."""


def call_index(call: LoggedCall, origin: str) -> int | None:
    """The entry that a logged call names in this ledger; `None` if it names none."""
    named, _, number = call.request_id.rpartition(":")
    return int(number) if named == origin and _INDEX.fullmatch(number) else None


def reconcile(calls: Iterable[LoggedCall], entries: Mapping[int, Record], *, origin: str, run: str) -> Reconciliation:
    """Compare the log's calls with the ledger's entries, of which those that name `run` are its calls."""
    ours = {
        index: entry
        for index, entry in entries.items()
        if isinstance(entry, CallPermitted | CallRefused) and entry.run == run
    }
    differences: list[str] = []
    seen: Counter[int] = Counter()
    counted = 0
    for call in calls:
        if call.request_id == f"{origin}:{COUNTED}" and not 200 <= call.status < 300:
            counted += 1
            continue
        index = call_index(call, origin)
        if index is None:
            named = f"names {call.request_id[:120]!r}" if call.request_id else "names no entry"
            differences.append(f"a call of the log (status {call.status}) {named}; expected {origin}:<index>")
            continue
        seen[index] += 1
        if seen[index] == 2:
            differences.append(f"entry {index} stands more than once in the log")
        entry = ours.get(index)
        if entry is None:
            differences.append(f"the log names entry {index}, which the ledger does not hold as a call of this run")
        else:
            differences.extend(_compare(index, call, entry))
    for index in sorted(ours.keys() - seen.keys()):
        differences.append(f"entry {index} ({ours[index].kind}) names this run and is not in the log")
    return Reconciliation(
        permitted=tuple(sorted(i for i, entry in ours.items() if isinstance(entry, CallPermitted))),
        refused=tuple(sorted(i for i, entry in ours.items() if isinstance(entry, CallRefused))),
        counted=counted,
        differences=tuple(differences),
    )


def _compare(index: int, call: LoggedCall, entry: CallPermitted | CallRefused) -> list[str]:
    found = []
    if isinstance(entry, CallRefused) and entry.status != call.status:
        found.append(f"entry {index} is a refusal with status {entry.status}, the log says {call.status}")
    if entry.irid and call.irid and entry.irid != call.irid:
        found.append(f"entry {index} holds x-irid {entry.irid!r}, the log says {call.irid!r}")
    return found
