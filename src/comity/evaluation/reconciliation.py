"""Reconciliation: do the engine's log and the ledger tell the same story, call for call?

Every model call of the log names an entry (`request-id`: origin and index), and every permit or refusal that names the
run is one call of it.  The two are compared as multisets: each entry stands in the log exactly once.  Beyond the ids,
a refusal's status, the engine's own request id and the run must agree.

A difference is never repaired or explained away.  It is named, and the run's exit status is 1.

Equal refusals beyond the first 60 of a minute have no entry of their own: the gateway answers with `:counted` in place
of an index, and `calls.refused` holds their number later.  They are counted apart, and are not a difference.

A run that broke off has calls whose answer never became durable in a log.  `find_lost` names them: the ledger holds
them under this run, and the run's journal ties their request id to a sample that had not ended in that leg.  They are
counted, and are not a difference.  Whatever else is in the ledger and in no log is one.

Not promised: that a call which bypassed the gateway, and the log, would be seen here.
"""

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from comity.evaluation.journal import Sent
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
    lost: tuple[int, ...]
    """Indexes of the calls that were under way when the run broke off, and are in no log."""
    differences: tuple[str, ...]
    """Each a sentence; empty if log and ledger agree."""


def call_index(call: LoggedCall, origin: str) -> int | None:
    """The entry that a logged call names in this ledger; `None` if it names none."""
    named, _, number = call.request_id.rpartition(":")
    return int(number) if named == origin and _INDEX.fullmatch(number) else None


def find_lost(
    calls: Iterable[LoggedCall],
    entries: Mapping[int, Record],
    *,
    origin: str,
    run: str,
    sent: Mapping[str, Sent],
    ended: Container[tuple[str, int, int]],
) -> Mapping[int, Sent]:
    """The run's calls that no log holds, each with what the journal says of it.

    `ended` has item, epoch and leg of every sample that ended: all calls of these are in a log.
    """
    logged = {call_index(call, origin) for call in calls}
    found = {}
    for index, entry in _ours(entries, run).items():
        one = sent.get(entry.irid)
        if index not in logged and one is not None and (one.item, one.epoch, one.leg) not in ended:
            found[index] = one
    return found


def reconcile(
    calls: Iterable[LoggedCall],
    entries: Mapping[int, Record],
    *,
    origin: str,
    run: str,
    lost: Collection[int] = (),
) -> Reconciliation:
    """Compare the log's calls with the ledger's entries, of which those that name `run` are its calls."""
    ours = _ours(entries, run)
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
    for index in sorted(ours.keys() - seen.keys() - set(lost)):
        differences.append(f"entry {index} ({ours[index].kind}) names this run and is not in the log")
    return Reconciliation(
        permitted=tuple(sorted(i for i, entry in ours.items() if isinstance(entry, CallPermitted))),
        refused=tuple(sorted(i for i, entry in ours.items() if isinstance(entry, CallRefused))),
        counted=counted,
        lost=tuple(sorted(lost)),
        differences=tuple(differences),
    )


def _ours(entries: Mapping[int, Record], run: str) -> dict[int, CallPermitted | CallRefused]:
    return {
        index: entry
        for index, entry in entries.items()
        if isinstance(entry, CallPermitted | CallRefused) and entry.run == run
    }


def _compare(index: int, call: LoggedCall, entry: CallPermitted | CallRefused) -> list[str]:
    found = []
    if isinstance(entry, CallRefused) and entry.status != call.status:
        found.append(f"entry {index} is a refusal with status {entry.status}, the log says {call.status}")
    if entry.irid and call.irid and entry.irid != call.irid:
        found.append(f"entry {index} holds x-irid {entry.irid!r}, the log says {call.irid!r}")
    return found
