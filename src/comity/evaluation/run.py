"""A run: a frozen plan carried out once, with its evidence.

    freeze(plan, door)                 plan.frozen → Frozen, a small file beside the plan
    conduct(plan, frozen, door, …)     run.begun → calls → scores.committed → run.finished

In order: the frozen entry is read back from the ledger; `run.begun`; the engine; the log is read; the ledger's entries
since `run.begun` are fetched and compared with the log; the score table is written and committed; `run.finished`.
What fails in between becomes `run.aborted` with its reason, and the error goes on.

Files in the run's folder: the plan's canonical JSON (`plan.json`), the engine's log (`*.eval`), `scores.json` and
`scores.salt` (see `scores`), `run.json` (the outcome), `engine.txt` and `engine/`
(what the engine printed, and its traces).

Calls go by the gateway alone.  A run whose log and ledger differ is finished with the status `unreconciled`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

from comity.estimate import Estimate
from comity.evaluation import plan as p
from comity.evaluation.engine import EngineLog, Progress, run_engine
from comity.evaluation.errors import EvaluationError
from comity.evaluation.reading import LoggedSample, read_samples
from comity.evaluation.reconciliation import Reconciliation, reconcile
from comity.evaluation.scores import SALT_BYTES, Counts, count_rows, estimate_rows, make_rows, score_table
from comity.evaluation.suites import load_suite
from comity.records import MalformedRecord, PlanFrozen, Record, UnknownKind

FROZEN_FORMAT: Final = "comity frozen plan/1"
MAX_REASON: Final = 400


class NotFrozen(EvaluationError):
    """The plan has no entry in the ledger under its present digest."""


class Ledger(Protocol):
    """What a run needs of a gateway: `edge.Door`, or a test's own."""

    def append(self, kind: str, **members: str | int) -> tuple[str, int]:
        """Put a record into the ledger."""
        ...

    def entry(self, index: int) -> Record:
        """Read one entry."""
        ...

    def size(self) -> int:
        """How many entries there are."""
        ...

    def model_url(self, protocol: str) -> str:
        """Where the engine sends its calls."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Where a plan's digest stands."""

    plan: str
    ledger: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What a run found, and where its evidence stands."""

    run: str
    plan: str
    ledger: str
    status: str
    counts: Counts
    estimates: tuple[Estimate, ...]
    reconciliation: Reconciliation
    missing: Mapping[str, int]
    """Rows without a score, by reason."""
    log: str
    rows: str
    begun: int
    committed: int
    finished: int
    milliseconds: int

    def as_json(self) -> dict[str, Any]:
        """The members that `comity run --json` prints."""
        return {
            "run": self.run,
            "plan": self.plan,
            "ledger": self.ledger,
            "status": self.status,
            "counts": self.counts.as_json(),
            "missing": dict(self.missing),
            "estimates": [estimate.as_json() for estimate in self.estimates],
            "calls": len(self.reconciliation.permitted),
            "permits": list(self.reconciliation.permitted),
            "refused": len(self.reconciliation.refused) + self.reconciliation.counted,
            "differences": list(self.reconciliation.differences),
            "seconds": round(self.milliseconds / 1000, 3),
            "log": self.log,
            "rows": self.rows,
            "indexes": {"begun": self.begun, "committed": self.committed, "finished": self.finished},
        }


def freeze(plan: p.Plan, door: Ledger) -> Frozen:
    """Put the plan's digest into the ledger; freezing the same plan again finds the first entry."""
    ledger, index = door.append("plan.frozen", plan=plan.digest)
    return Frozen(plan=plan.digest, ledger=ledger, index=index)


def format_frozen(frozen: Frozen) -> str:
    """The text of the file beside the plan."""
    members = {"format": FROZEN_FORMAT, "plan": frozen.plan, "ledger": frozen.ledger, "index": frozen.index}
    return json.dumps(members, indent=1) + "\n"


def parse_frozen(text: str, plan: p.Plan) -> Frozen:
    """Read the file beside the plan; raises `NotFrozen` unless it is about this very plan."""
    try:
        members = json.loads(text)
        if members["format"] != FROZEN_FORMAT or type(members["index"]) is not int or members["index"] < 0:
            raise ValueError("another format")
        frozen = Frozen(plan=str(members["plan"]), ledger=str(members["ledger"]), index=members["index"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotFrozen(
            f"the file beside the plan is no {FROZEN_FORMAT}; freeze the plan: comity plan freeze FILE"
        ) from None
    if frozen.plan != plan.digest:
        raise NotFrozen(
            f"the plan was frozen as {frozen.plan[:16]}… and now is {plan.digest[:16]}…: it was changed since. "
            f"Restore it, or freeze the changed one as a new plan: comity plan freeze FILE"
        )
    return frozen


def check_frozen(plan: p.Plan, frozen: Frozen, door: Ledger) -> None:
    """Read the entry back from the ledger; raises `NotFrozen` unless it freezes this plan."""
    entry = door.entry(frozen.index)
    if not isinstance(entry, PlanFrozen) or entry.plan != plan.digest:
        raise NotFrozen(
            f"entry {frozen.index} of {frozen.ledger} is {entry.kind}, expected plan.frozen with {plan.digest[:16]}…. "
            f"Freeze the plan: comity plan freeze FILE"
        )


def conduct(
    plan: p.Plan,
    frozen: Frozen,
    door: Ledger,
    *,
    runs: Path,
    secret: str,
    random: Callable[[int], bytes],
    milliseconds: Callable[[], int],
    progress: Progress,
) -> RunOutcome:
    """Carry out the plan once; every outcome but a broken gateway leaves its end in the ledger."""
    check_frozen(plan, frozen, door)
    run = random(16).hex()
    started = milliseconds()
    ledger, begun = door.append("run.begun", run=run, plan=plan.digest)
    folder = runs / run
    try:
        folder.mkdir(parents=True)
        (folder / "plan.json").write_bytes(plan.canonical)
        return _carry_out(
            plan, door, run, ledger, begun, folder, secret, random(SALT_BYTES), started, milliseconds, progress
        )
    except BaseException as problem:
        _abort(door, run, plan, problem)
        raise


def _carry_out(
    plan: p.Plan,
    door: Ledger,
    run: str,
    ledger: str,
    begun: int,
    folder: Path,
    secret: str,
    salt: bytes,
    started: int,
    milliseconds: Callable[[], int],
    progress: Progress,
) -> RunOutcome:
    suite = load_suite(plan.claim.population.suite)
    items = p.select_items(plan, suite)
    url = door.model_url(plan.target.protocol)
    log = run_engine(plan, items, run=run, url=url, secret=secret, folder=folder, progress=progress)
    log_digest = sha256(log.path.read_bytes()).hexdigest()
    samples = read_samples(log.samples, {item.id: item.answers for item in items})
    calls = [call for sample in samples for call in sample.calls]
    comparison = reconcile(calls, _entries(door, begun), origin=ledger, run=run)

    intended = [(item.id, epoch) for item in items for epoch in range(1, plan.design.epochs + 1)]
    rows = make_rows(samples, intended=intended, salt=salt, origin=ledger)
    table = score_table(rows, run=run, plan=plan.digest)
    (folder / "scores.json").write_bytes(table)
    (folder / "scores.salt").write_text(salt.hex() + "\n")
    counts = count_rows(rows, samples)
    rows_digest = sha256(table).hexdigest()
    _, committed = door.append("scores.committed", run=run, plan=plan.digest, rows=rows_digest, **counts.as_json())
    status = _status(log, comparison)
    _, finished = door.append("run.finished", run=run, plan=plan.digest, log=log_digest, status=status)
    outcome = RunOutcome(
        run=run,
        plan=plan.digest,
        ledger=ledger,
        status=status,
        counts=counts,
        estimates=estimate_rows(rows, plan.outputs.methods, plan.level),
        reconciliation=comparison,
        missing=_reasons(samples, len(rows)),
        log=log_digest,
        rows=rows_digest,
        begun=begun,
        committed=committed,
        finished=finished,
        milliseconds=milliseconds() - started,
    )
    (folder / "run.json").write_text(json.dumps(outcome.as_json(), indent=1) + "\n")
    return outcome


def _status(log: EngineLog, comparison: Reconciliation) -> str:
    return "unreconciled" if comparison.differences else log.status


def _entries(door: Ledger, begun: int) -> dict[int, Record]:
    """What the ledger holds after `run.begun`; kinds that this release does not know are no calls."""
    found: dict[int, Record] = {}
    for index in range(begun + 1, door.size()):
        try:
            found[index] = door.entry(index)
        except UnknownKind:
            continue
        except MalformedRecord as error:
            raise EvaluationError(f"entry {index} of the ledger cannot be read: {error}") from error
    return found


def _reasons(samples: Sequence[LoggedSample], intended: int) -> dict[str, int]:
    counted: dict[str, int] = {}
    for sample in samples:
        if sample.reason:
            counted[sample.reason] = counted.get(sample.reason, 0) + 1
    if unseen := intended - len(samples):
        counted["not-attempted"] = counted.get("not-attempted", 0) + unseen
    return dict(sorted(counted.items()))


def _abort(door: Ledger, run: str, plan: p.Plan, problem: BaseException) -> None:
    """Say in the ledger why there is no result; if even that fails, the first problem is the one that counts."""
    because = "".join(c if c.isprintable() else " " for c in f"{type(problem).__name__}: {problem}")[:MAX_REASON]
    try:
        door.append("run.aborted", run=run, plan=plan.digest, because=because)
    except EvaluationError as second:
        problem.add_note(f"run.aborted could not be recorded either: {second}")


def plan_summary(plan: p.Plan) -> dict[str, Any]:
    """What `comity plan check` prints: what the plan takes and what it can show."""
    return {
        "plan": plan.digest,
        "id": plan.id,
        "arrangement": plan.arrangement,
        "suite": plan.claim.population.suite,
        "items": plan.design.items,
        "calls": plan.access.calls,
        "most_calls": plan.most_calls,
        "output_tokens": plan.access.calls * plan.decoding.max_tokens,
        "canonical_bytes": len(plan.canonical),
    }
