"""The account of a run: what a ledger's entries say about it, and about everything beside it.

`read_account` goes once through the entries, in order, and counts.  It judges nothing and needs no terms: whoever reads
the same entries counts the same.

| count | is |
| --- | --- |
| `permitted`, `refused` | permits and refusals that name the run |
| `before_freeze` | permits, of whatever run, that stand before the run's plan was frozen |
| `outside_plan` | permits that name no run |
| `served` | of the settlements of the run's permits, how often the answer's model was agreed, another, unstated, none |
| `calls`, `taken` | all permits; what settled calls were charged and open ones have reserved |
| `access` | suspensions, and what the provider's guard counted (`comity.report.access`) |
| `refusals` | all refusals by clause, those that have only a common entry with their number included |

Entries of a kind that this release does not know are passed over: a report counts what it names.

Not promised: that the entries are true or complete. `comity.verify` says what can be established.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from comity.records import (
    Amount,
    ArrangementSigned,
    CallAbandoned,
    CallPermitted,
    CallRefused,
    CallSettled,
    CallsRefused,
    GrantIssued,
    JudgeCalled,
    LabelsCommitted,
    MalformedRecord,
    PlanDeviated,
    PlanFrozen,
    Record,
    ReportPublished,
    RunAborted,
    RunBegun,
    RunFinished,
    ScoresCommitted,
    SeedRevealed,
    UnknownKind,
    parse_record,
)
from comity.report.access import AccessReading
from comity.report.errors import NotReportable

__all__ = ["SERVED", "Account", "RunEntry", "read_account"]

SERVED: Final = ("agreed", "mismatch", "unstated", "none")
NOTHING: Final = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


@dataclass(slots=True)
class RunEntry:
    """One run that the ledger knows, and where it stands."""

    run: str
    plan: str
    begun: int
    at: str
    state: Literal["open", "finished", "aborted"] = "open"
    ended: int | None = None
    scores: int | None = None
    because: str = ""
    """Why it was aborted, in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything that a report takes from a ledger."""

    size: int
    """Entries that were read: what the account covers."""
    last_at: str
    """When the last of them was written."""
    signed: ArrangementSigned | None
    grant: GrantIssued | None
    frozen: int
    frozen_at: str
    begun: int
    begun_record: RunBegun
    scores: int
    committed: ScoresCommitted
    finished: int
    finished_record: RunFinished
    permitted: tuple[int, ...]
    answered: frozenset[int]
    """The run's permits whose settlement holds an answer."""
    refused: int
    before_freeze: int
    outside_plan: int
    served: Mapping[str, int]
    served_names: tuple[str, ...]
    """Names that the run's answers gave, the most frequent first."""
    outcomes: Mapping[str, int]
    calls: int
    taken: Amount
    refusals: Mapping[str, int]
    access: AccessReading
    plans_frozen: int
    runs: tuple[RunEntry, ...]
    """Every run, in the order in which they began."""
    labels: tuple[tuple[int, LabelsCommitted], ...]
    """Raters' labels of the run's answers, in the order in which they were committed."""
    planned: tuple[tuple[int, Record], ...]
    """The run's told seed and judge, and every deviation from a plan."""
    published: tuple[int, ...]
    """Entries that published a report about this run before."""


@dataclass(slots=True)
class _Reading:
    run: str
    signed: ArrangementSigned | None = None
    last_at: str = ""
    grants: dict[str, GrantIssued] = field(default_factory=dict)
    plans: dict[str, tuple[int, str]] = field(default_factory=dict)
    runs: dict[str, RunEntry] = field(default_factory=dict)
    begun: RunBegun | None = None
    finished: RunFinished | None = None
    committed: list[tuple[int, ScoresCommitted]] = field(default_factory=list)
    permits: dict[int, CallPermitted] = field(default_factory=dict)
    open: dict[int, Amount] = field(default_factory=dict)
    charged: Amount = NOTHING
    answered: set[int] = field(default_factory=set)
    refused: int = 0
    served: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    access: AccessReading = field(default_factory=AccessReading)
    labels: list[tuple[int, LabelsCommitted]] = field(default_factory=list)
    planned: list[tuple[int, Record]] = field(default_factory=list)
    published: list[int] = field(default_factory=list)


def read_account(entries: Sequence[bytes], run: str) -> Account:
    """Count; raises `NotReportable` where the run has not finished with one committed score table."""
    reading = _Reading(run=run)
    for index, data in enumerate(entries):
        try:
            record = parse_record(data)
        except UnknownKind:
            continue
        except MalformedRecord as error:
            raise NotReportable(f"entry {index} of the ledger cannot be read: {error}") from None
        reading.last_at = record.at
        reading.access.read(index, record)
        _read(reading, index, record)
    return _account(reading, len(entries))


def _read(reading: _Reading, index: int, record: Record) -> None:
    match record:
        case ArrangementSigned():
            reading.signed = record
        case GrantIssued():
            reading.grants.setdefault(record.grant, record)
        case PlanFrozen():
            reading.plans.setdefault(record.plan, (index, record.at))
        case RunBegun():
            entry = RunEntry(run=record.run, plan=record.plan, begun=index, at=record.at)
            if reading.runs.setdefault(record.run, entry) is entry and record.run == reading.run:
                reading.begun = record
        case RunFinished() | RunAborted() if (known := reading.runs.get(record.run)) and known.ended is None:
            known.ended = index
            if isinstance(record, RunAborted):
                known.state, known.because = "aborted", record.because
            else:
                known.state = "finished"
                reading.finished = record if record.run == reading.run else reading.finished
        case ScoresCommitted():
            if known := reading.runs.get(record.run):
                known.scores = index
            if record.run == reading.run:
                reading.committed.append((index, record))
        case LabelsCommitted() if record.run == reading.run:
            reading.labels.append((index, record))
        case PlanDeviated():
            reading.planned.append((index, record))
        case SeedRevealed() | JudgeCalled() if record.run == reading.run:
            reading.planned.append((index, record))
        case ReportPublished() if record.run == reading.run:
            reading.published.append(index)
        case CallPermitted():
            reading.permits[index] = record
            reading.open[index] = record.reserved
        case CallSettled() | CallAbandoned() if reading.open.pop(record.permit, None) is not None:
            reading.charged += record.charged
            if isinstance(record, CallSettled) and reading.permits[record.permit].run == reading.run:
                _settled(reading, record)
        case CallRefused():
            reading.refusals[record.clause] += 1
            reading.refused += record.run == reading.run
        case CallsRefused():
            reading.refusals[record.clause] += record.count
        case _:
            pass


def _settled(reading: _Reading, record: CallSettled) -> None:
    reading.served[record.served_check] += 1
    reading.outcomes[record.outcome] += 1
    if record.served:
        reading.names[record.served] += 1
    if record.answer:
        reading.answered.add(record.permit)


def _account(reading: _Reading, size: int) -> Account:
    run, begun, finished = reading.runs.get(reading.run), reading.begun, reading.finished
    if run is None or begun is None:
        raise NotReportable(f"no run {reading.run} among {size} entries; expected its run.begun")
    if finished is None or run.ended is None:
        state = f"was aborted: {run.because}" if run.state == "aborted" else "has not finished"
        raise NotReportable(f"the run {reading.run} {state}; a report is about a run that finished")
    if len(reading.committed) != 1:
        number = len(reading.committed)
        raise NotReportable(f"the run {reading.run} committed {number} score tables; a report rests on exactly one")
    if run.plan not in reading.plans or reading.plans[run.plan][0] > run.begun:
        raise NotReportable(f"the plan of the run {reading.run} was not frozen before the run began")
    frozen, frozen_at = reading.plans[run.plan]
    scores, committed = reading.committed[0]
    taken = reading.charged
    for reserved in reading.open.values():
        taken += reserved
    return Account(
        size=size,
        last_at=reading.last_at,
        signed=reading.signed,
        grant=reading.grants.get(begun.grant),
        frozen=frozen,
        frozen_at=frozen_at,
        begun=run.begun,
        begun_record=begun,
        scores=scores,
        committed=committed,
        finished=run.ended,
        finished_record=finished,
        permitted=tuple(index for index, permit in reading.permits.items() if permit.run == reading.run),
        answered=frozenset(reading.answered),
        refused=reading.refused,
        before_freeze=sum(1 for index in reading.permits if index < frozen),
        outside_plan=sum(1 for permit in reading.permits.values() if not permit.run),
        served={name: reading.served[name] for name in SERVED},
        served_names=tuple(name for name, _ in reading.names.most_common()),
        outcomes=dict(sorted(reading.outcomes.items())),
        calls=len(reading.permits),
        taken=taken,
        refusals=dict(sorted(reading.refusals.items())),
        access=reading.access,
        plans_frozen=len(reading.plans),
        runs=tuple(reading.runs.values()),
        labels=tuple(reading.labels),
        planned=tuple(reading.planned),
        published=tuple(reading.published),
    )
