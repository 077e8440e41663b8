"""A run: a frozen plan carried out once, with its evidence, in one leg or in several.

    begin(plan, frozen, door, …)       a run's folder with its salt → `RunFolder`
    conduct(plan, frozen, door, …)     run.begun → calls → seed.revealed → scores.committed → run.finished

In order: the frozen entry is read back from the ledger; `run.begun`; the engine; the logs of all legs are read; the
ledger's entries since `run.begun` are fetched and compared with the logs; the seed is told, if the plan committed to
it (`seed.revealed`); the score table is written and committed; `run.finished`.  Each of these is done once, whatever
breaks off in between: who conducts the same run again finds the logs of what was asked and the entries of what was
recorded, and goes on from there.  Rows that ended are never asked again.  Calls that were under way at the break are
`lost`: they are in the ledger, their answer is in no log, and their row counts them beside the calls that were made
for it later.

What fails in between becomes `run.aborted` with its reason, and the error goes on.  Two things do not: a gateway that
cannot be reached, and an interruption (Ctrl-C); after these the run is still open, and can be resumed.

Files in the run's folder: see `folder` (state, salt, lock), `journal` (what was sent), `recovery` (the engine's logs),
`scores.json` (the table), `exporting` (history), `run.json` (the outcome), `engine.txt` and `engine/` (what the engine
printed, and keeps).

Calls go by the gateway alone.  A run whose logs and ledger differ is finished with the status `unreconciled`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from comity.estimate import Estimate, Reached
from comity.evaluation import plan as p
from comity.evaluation.banks import Bank, GuestBank, judge_of, load_bank
from comity.evaluation.edge import DoorUnreachable
from comity.evaluation.engine import Leg, engine_in, run_engine
from comity.evaluation.errors import EvaluationError
from comity.evaluation.exporting import HISTORY, export_run
from comity.evaluation.folder import OUTCOME, CannotResume, RunFolder, hold, make_folder
from comity.evaluation.framing import design_of
from comity.evaluation.freezing import Frozen, Ledger, check_frozen
from comity.evaluation.journal import Sent, read_journal
from comity.evaluation.judging import JudgeRun, begin_judging, read_judging
from comity.evaluation.reading import LoggedCall, LoggedSample, merge_legs, read_logged
from comity.evaluation.reconciliation import Reconciliation, call_index, find_lost, reconcile
from comity.evaluation.recovery import LegLog, logs_digest, read_legs, recover_logs
from comity.evaluation.scores import SALT_BYTES, Counts, count_rows, estimate_rows, make_rows, score_table
from comity.evaluation.stopping import Asking, FromFrame, Simple, rule_of
from comity.evaluation.watch import Progress
from comity.records import MalformedRecord, Record, RunAborted, RunBegun, RunFinished, UnknownKind

MAX_REASON: Final = 400


class CannotRun(EvaluationError):
    """What the plan's sample is drawn by is not at hand."""


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
    legs: int
    """Processes that carried it out: one, and one for each time it was resumed with rows left to ask."""
    milliseconds: int
    """How long the last of them took."""
    stopped: Reached | None
    """Of a plan that may stop early: after how many items it did, and what was decided."""
    judge: Mapping[str, Any] | None
    """Which judge was asked, in which ledger, and how often; `None` where no model judged."""

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
            "lost": list(self.reconciliation.lost),
            "differences": list(self.reconciliation.differences),
            **({} if self.stopped is None else {"stopped": self.stopped._asdict()}),
            **({} if self.judge is None else {"judge": dict(self.judge)}),
            "legs": self.legs,
            "seconds": round(self.milliseconds / 1000, 3),
            "log": self.log,
            "rows": self.rows,
            "indexes": {"begun": self.begun, "committed": self.committed, "finished": self.finished},
        }


def begin(plan: p.Plan, frozen: Frozen, door: Ledger, *, runs: Path, random: Callable[[int], bytes]) -> RunFolder:
    """The folder of a new run of a plan that is frozen; nothing of the run is in the ledger yet."""
    check_executable(plan)
    check_frozen(plan, frozen, door)
    framed = plan.framed
    run, salt = random(16).hex(), random(SALT_BYTES) if framed is None else framed.salt
    return make_folder(
        runs, run=run, plan=plan.digest, canonical=plan.canonical, salt=salt, seed=plan.design.seed,
        frame=None if framed is None else framed.content,
    )  # fmt: skip


def conduct(
    plan: p.Plan,
    frozen: Frozen,
    door: Ledger,
    *,
    folder: RunFolder,
    secret: str,
    milliseconds: Callable[[], int],
    progress: Progress,
    judge: Ledger | None = None,
) -> RunOutcome:
    """Carry the run out, or on; every outcome but a broken gateway or an interruption leaves its end in the ledger.

    `judge` is the door to the arrangement of the plan's judge, where the plan has one.
    """
    if (judge is None) != (plan.parts.judge is None):
        raise AssertionError("a run has a judge's door if its plan has a judge")
    with hold(folder), engine_in(folder.path):
        check_frozen(plan, frozen, door)
        bank = load_bank(plan)
        began = _begin(folder, frozen, door)
        judged = None
        try:
            if judge is not None:
                judged = begin_judging(plan, folder.run, judge, read_entries)
            return _carry_out(plan, bank, frozen, door, judged, folder, began, secret, milliseconds, progress)
        except (DoorUnreachable, CannotResume):
            raise
        except Exception as problem:
            _abort(door, folder, problem)
            if judged is not None:
                _abort(judged.door, folder, problem)
            raise


def check_executable(plan: p.Plan) -> None:
    """Raise `CannotRun` unless the plan's seed is at hand, and its frame if it has one."""
    if plan.parts.sampling.kind != "srs" and plan.framed is None:
        raise CannotRun("design.sampling.frame: the frame is not at hand, so no sample can be drawn")
    if not plan.design.seed:
        raise CannotRun("design.seed_commitment: the seed that it commits to is not at hand, so no sample can be drawn")


def give_up(
    plan: p.Plan, frozen: Frozen, door: Ledger, folder: RunFolder, because: str, *, judge: Ledger | None = None
) -> int:
    """End a run that broke off and will not be resumed, with its judge too; returns the index of `run.aborted`."""
    with hold(folder):
        began = _begin(folder, frozen, door)
        _refuse_ended(folder.run, read_entries(door, began).items())
        if judge is not None:
            begin_judging(plan, folder.run, judge, read_entries)
            judge.append("run.aborted", run=folder.run, plan=folder.plan, because=because[:MAX_REASON])
        _, index = door.append("run.aborted", run=folder.run, plan=folder.plan, because=because[:MAX_REASON])
        return index


def _begin(folder: RunFolder, frozen: Frozen, door: Ledger) -> int:
    """Index of the run's one `run.begun`, made now unless it is there."""
    if folder.begun is not None:
        return folder.begun
    before = {} if folder.fresh else read_entries(door, frozen.index)
    found = (
        index
        for index, entry in before.items()
        if isinstance(entry, RunBegun) and entry.run == folder.run
    )
    index = next(found, None)
    if index is None:
        _, index = door.append("run.begun", run=folder.run, plan=folder.plan)
    folder.note_begun(index)
    return index


def _carry_out(
    plan: p.Plan,
    bank: Bank,
    frozen: Frozen,
    door: Ledger,
    judged: JudgeRun | None,
    folder: RunFolder,
    begun: int,
    secret: str,
    milliseconds: Callable[[], int],
    progress: Progress,
) -> RunOutcome:
    started, run, ledger = milliseconds(), folder.run, frozen.ledger
    entries = read_entries(door, begun)
    _refuse_ended(run, entries.items(), finished_too=(folder.path / OUTCOME).exists())
    status = "success"
    recover_logs(folder.path)
    legs = read_legs(folder.path)
    samples, _ = _read(bank, legs)
    ended = {(sample.item, sample.epoch) for sample in samples if sample.finished}
    asking = _asking(plan, bank, samples)
    if rows := [row for row in _intended(plan, bank, asking) if row not in ended]:
        leg = Leg(
            run=run,
            number=1 + max([0, *(one.leg for one in legs), *(s.leg for s in read_journal(folder.path).values())]),
            rows=rows,
            done=len(ended),
            url=door.model_url(plan.target.protocol),
            secret=secret,
            folder=folder.path,
            judge_url=_judge_url(plan, judged),
            asking=None if plan.parts.sampling.kind == "stratified" else asking,
            described=None if plan.framed is None or asking is None else asking.described,
        )
        status = run_engine(plan, bank, leg, progress)
        entries = read_entries(door, begun)
    legs = read_legs(folder.path)
    samples, ended_in = _read(bank, legs)
    logged = [call for sample in samples for call in sample.calls]
    lost = find_lost(logged, entries, origin=ledger, run=run, sent=read_journal(folder.path), ended=ended_in)
    comparison = reconcile(logged, entries, origin=ledger, run=run, lost=lost.keys())
    told = None if judged is None else _close_judging(plan, judged, samples, folder, ended_in)
    if told is not None:
        comparison = replace(comparison, differences=comparison.differences + told.differences)
    samples = _with_lost(samples, lost, ledger)

    reached = _asking(plan, bank, samples)
    intended = _intended(plan, bank, reached)
    placed = reached.placed() if isinstance(reached, FromFrame) else {}
    rows_made = make_rows(samples, intended=intended, salt=folder.salt, origin=ledger, placed=placed)
    table = score_table(rows_made, run=run, plan=plan.digest)
    (folder.path / "scores.json").write_bytes(table)
    counts = count_rows(rows_made, samples)
    digest, log = sha256(table).hexdigest(), logs_digest(legs, folder.path)
    status = "unreconciled" if comparison.differences else status
    if judged is not None and told is not None:
        _record(door, entries, "judge.called", run=run, plan=plan.digest, **_judge_members(plan, judged, told))
        _record(
            judged.door, read_entries(judged.door, judged.begun), "run.finished",
            run=run, plan=plan.digest, log=log, status=status,
        )  # fmt: skip
    if plan.design.commitment:
        _record(door, entries, "seed.revealed", run=run, plan=plan.digest, seed=plan.design.seed)
    committed = _record(door, entries, "scores.committed", run=run, plan=plan.digest, rows=digest, **counts.as_json())
    finished = _record(door, entries, "run.finished", run=run, plan=plan.digest, log=log, status=status)
    outcome = RunOutcome(
        run=run,
        plan=plan.digest,
        ledger=ledger,
        status=status,
        counts=counts,
        estimates=reached.sampled.estimates(plan.outputs.methods, plan.level)
        if isinstance(reached, FromFrame)
        else estimate_rows(rows_made, plan.outputs.methods, plan.level, bank=plan.claim.population.size),
        stopped=None if reached is None or plan.parts.stopping.rule == "fixed" else reached.reached(),
        reconciliation=comparison,
        missing=_reasons(samples, len(rows_made)),
        log=log,
        rows=digest,
        begun=begun,
        committed=committed,
        finished=finished,
        legs=len({one.leg for one in legs}),
        milliseconds=milliseconds() - started,
        judge=None if judged is None or told is None else _judge_members(plan, judged, told),
    )
    history = export_run(plan, bank, rows_made, salt=folder.salt, run=run, at=door.entry(finished).at)
    (folder.path / HISTORY).write_bytes(history.content())
    (folder.path / OUTCOME).write_text(json.dumps(outcome.as_json(), indent=1) + "\n")
    return outcome


def _asking(plan: p.Plan, bank: Bank, samples: Iterable[LoggedSample]) -> Simple | FromFrame | None:
    """How far a plan has come whose sample is drawn from a frame, or that may stop early; None for any other."""
    ended = {one.item: one.score for one in samples if one.finished and one.epoch == 1}
    if plan.framed is not None:
        return FromFrame(design_of(plan), plan.framed.frame, plan.design.seed, bank.names, ended)
    rule = rule_of(plan)
    return None if rule is None else Simple(rule, bank.chosen, ended)


def _intended(plan: p.Plan, bank: Bank, asking: Asking | None) -> list[tuple[str, int]]:
    """The rows that the plan asks for, as far as it has come."""
    items = bank.chosen if asking is None else asking.items()
    return [(item, epoch) for epoch in range(1, plan.design.epochs + 1) for item in items]


def _judge_url(plan: p.Plan, judged: JudgeRun | None) -> str:
    judge = plan.parts.judge
    return "" if judge is None or judged is None else judged.door.model_url(judge.protocol)


def _close_judging(
    plan: p.Plan,
    judged: JudgeRun,
    samples: Sequence[LoggedSample],
    folder: RunFolder,
    ended: set[tuple[str, int, int]],
) -> Reconciliation:
    """The judge's calls against its ledger; what differs says that it is of the judge."""
    entries = read_entries(judged.door, judged.begun)
    found = read_judging(judged, samples, entries, run=folder.run, folder=folder.path, ended=ended)
    return replace(found, differences=tuple(f"of the judge: {said}" for said in found.differences))


def _judge_members(plan: p.Plan, judged: JudgeRun, told: Reconciliation) -> dict[str, Any]:
    judge = plan.parts.judge
    if judge is None:
        raise AssertionError("only a plan with a judge has judge's calls")
    return {
        "recipient": judge.recipient,
        "model": judge.model,
        "ledger": judged.ledger,
        "begun": judged.begun,
        "permitted": len(told.permitted),
        "refused": len(told.refused) + told.counted,
    }


def _read(bank: Bank, legs: Sequence[LegLog]) -> tuple[tuple[LoggedSample, ...], set[tuple[str, int, int]]]:
    """The samples of all legs, one a row; and item, epoch and leg of each that ended."""
    judge, chosen = judge_of(bank), frozenset(bank.chosen)
    roles = bank.guest.roles if isinstance(bank, GuestBank) else ()
    found: list[LoggedSample] = []
    ended: set[tuple[str, int, int]] = set()
    for one in legs:
        read = read_logged(one.samples, chosen, judge, first_epoch=one.first_epoch, roles=roles)
        found += read
        ended |= {(sample.item, sample.epoch, one.leg) for sample in read if sample.finished}
    return merge_legs(found), ended


def _with_lost(samples: Iterable[LoggedSample], lost: Mapping[int, Sent], origin: str) -> tuple[LoggedSample, ...]:
    """The samples with the calls that no log holds, before those that one does."""
    unfinished = [
        LoggedSample(
            item=sent.item,
            epoch=sent.epoch,
            calls=(LoggedCall(request_id=f"{origin}:{index}", status=0, irid=sent.irid),),
            answered=False,
            score=None,
            reason="interrupted",
            finished=False,
        )
        for index, sent in sorted(lost.items())
    ]
    merged = merge_legs([*unfinished, *samples])
    rows = {(one.item, one.epoch) for one in unfinished}
    return tuple(_in_order(one, origin) if (one.item, one.epoch) in rows else one for one in merged)


def _in_order(sample: LoggedSample, origin: str) -> LoggedSample:
    """A sample's calls in the order in which the ledger has them; those that name no entry last."""

    def place(call: LoggedCall) -> tuple[bool, int]:
        index = call_index(call, origin)
        return index is None, index or 0

    return replace(sample, calls=tuple(sorted(sample.calls, key=place)))


def _refuse_ended(run: str, entries: Iterable[tuple[int, Record]], *, finished_too: bool = True) -> None:
    """A run whose end is an entry is not carried on; one that finished is, until its outcome is on the disk."""
    for index, entry in entries:
        if isinstance(entry, RunAborted) and entry.run == run:
            raise CannotResume(f"run {run} was aborted (entry {index}: {entry.because}); begin a new run of the plan")
        if isinstance(entry, RunFinished) and entry.run == run and finished_too:
            raise CannotResume(f"run {run} is finished (entry {index}); its outcome is in runs/{run}/{OUTCOME}")


def _record(door: Ledger, entries: Mapping[int, Record], kind: str, **members: str | int) -> int:
    """Index of the run's record of that kind, made now unless it is there; it must say the same."""
    for index, entry in entries.items():
        if entry.kind == kind and getattr(entry, "run", None) == members["run"]:
            said = entry.members()
            differing = [name for name, value in members.items() if said[name] != value]
            if differing:
                raise CannotResume(
                    f"entry {index} is {kind} of this run already, and differs in {', '.join(differing)} from what the "
                    f"run's folder says now: files there were changed"
                )
            return index
    return door.append(kind, **members)[1]


def read_entries(door: Ledger, after: int) -> dict[int, Record]:
    """What the ledger holds after an entry; kinds that this release does not know are no calls."""
    found: dict[int, Record] = {}
    for index in range(after + 1, door.size()):
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


def _abort(door: Ledger, folder: RunFolder, problem: Exception) -> None:
    """Say in the ledger why there is no result; if even that fails, the first problem is the one that counts."""
    because = "".join(c if c.isprintable() else " " for c in f"{type(problem).__name__}: {problem}")[:MAX_REASON]
    try:
        door.append("run.aborted", run=folder.run, plan=folder.plan, because=because)
    except EvaluationError as second:
        problem.add_note(f"run.aborted could not be recorded either: {second}")
