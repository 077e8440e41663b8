"""Score tables: the rows that a run committed, and the counts and estimates that follow from them.

A third party's own reading of `comity scores/1` and of the members of a plan that the numbers depend on:

    {"format":"comity scores/1","plan":digest,"rows":[{"calls":[17],"epoch":1,"item":hex,"reason":"","score":1},…],
     "run":id}

`comity scores/2` is the table of a sample that was drawn from a frame: its rows have `place` and `probability` too
(`comity.verify.sample`).

| count | follows from |
| --- | --- |
| `intended` | rows; the plan's items times its epochs |
| `attempted` | rows whose reason is not `not-attempted` |
| `answered` | rows whose last call was settled as answered, with a status of success |
| `judged`, `unscored`, `correct` | rows with a score, without one, with the score 1 |
| `repeated` | calls beyond the first of their row, and calls of the run that are in no row |

The engine may hold an answer for none that the gateway passed on (reason `no-answer`), or may have been gone when it
came (`interrupted`), so `answered` may leave such rows out.  Equal refusals beyond sixty a minute have no entry of
their own, so `repeated` may count these as well.

Estimates are over the rows of the first epoch: epochs of one item are no independent units.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from comity.estimate import SAMPLE_METHODS, EstimateError, Method, Rule, Sampled, estimate_rate
from comity.records import CallSettled, NotCanonical, parse_canonical
from comity.verify.errors import MalformedPlanFile, MalformedScores
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import entry
from comity.verify.planned import alpha_of
from comity.verify.reported_run import ReportedRun
from comity.verify.sample import design_of

FORMAT: Final = "comity scores/1"
DRAWN_FORMAT: Final = "comity scores/2"
METHODS: Final = tuple(dict.fromkeys(method for methods in SAMPLE_METHODS.values() for method in methods))
MAX_SCORES: Final = 64 * 1024 * 1024
MAX_PLAN: Final = 1024 * 1024
NOT_ATTEMPTED: Final = "not-attempted"
UNHEARD: Final = ("no-answer", "interrupted")
COUNTS: Final = ("intended", "attempted", "answered", "judged", "unscored", "repeated", "correct")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One item in one epoch, as committed."""

    item: str
    epoch: int
    score: int | None
    reason: str
    calls: tuple[int, ...]
    place: int | None = None
    """Of an item that was drawn from a frame, in the order of the draws."""
    probability: str = ""
    """With which it was drawn then, as stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """`scores.json` as read."""

    run: str
    plan: str
    rows: tuple[Row, ...]

    def judged(self) -> tuple[int, ...]:
        """Places of the rows with a score."""
        return tuple(place for place, row in enumerate(self.rows) if row.score is not None)

    def first(self) -> dict[str, int | None]:
        """The scores of the first epoch, by item."""
        return {row.item: row.score for row in self.rows if row.epoch == 1}

    def placings(self) -> list[tuple[str, int | None, str, int | None]]:
        """Item, place, chance and first call of each row of the first epoch."""
        return [
            (row.item, row.place, row.probability, row.calls[0] if row.calls else None)
            for row in self.rows
            if row.epoch == 1
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What the numbers depend on, of a plan."""

    members: Mapping[str, Any]
    title: str
    arrangement: str
    suite: Mapping[str, Any]
    """`name`, `version` and `sha256` of the bank."""
    protocol: str
    model: str
    items: int
    epochs: int
    bank: int
    """Items of the population."""
    stopping: Rule | None
    """Of a plan that may stop early."""
    sampled: bool
    """Whether the sample is drawn from a frame."""
    methods: tuple[str, ...]
    level: str
    scorer: str
    """Name and version, `short-answer/1`; a guest's scorer has a name alone."""


def read_scores(data: bytes) -> ScoreTable:
    """Read a score table, or raise `MalformedScores` and nothing else."""
    try:
        whole = parse_canonical(data, limit=MAX_SCORES)
        if set(whole) != {"format", "plan", "rows", "run"} or whole["format"] not in (FORMAT, DRAWN_FORMAT):
            raise ValueError("expected the members format, plan, rows and run")
        drawn = whole["format"] == DRAWN_FORMAT
        rows = tuple(_row(place, row, drawn=drawn) for place, row in enumerate(whole["rows"]))
        return ScoreTable(run=_text(whole["run"]), plan=_text(whole["plan"]), rows=rows)
    except (NotCanonical, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedScores(f"no score table ({FORMAT}): {error}") from None


def read_plan(data: bytes) -> PlanView:
    """Read what the numbers depend on, or raise `MalformedPlanFile` and nothing else."""
    try:
        plan = parse_canonical(data, limit=MAX_PLAN)
        bank, design, outputs, scoring = (
            plan["claim"]["population"], plan["design"], plan["outputs"], plan["scoring"],
        )  # fmt: skip
        methods = tuple(outputs["methods"])
        if not methods or not set(methods) <= set(METHODS):
            raise ValueError(f"methods {methods!r:.80}; this release recomputes {', '.join(METHODS)}")
        return PlanView(
            members=plan,
            title=_text(plan["title"]),
            arrangement=_text(plan["arrangement"]),
            suite=_suite(bank),
            protocol=_text(plan["target"]["protocol"]),
            model=_text(plan["target"]["model"]),
            items=_count(design["items"]),
            epochs=_count(design["epochs"]),
            bank=_count(bank["size"]),
            stopping=_stopping(plan),
            sampled=design_of(plan, alpha_of(plan)) is not None,
            methods=methods,
            level=_level(outputs["level"]),
            scorer=_text(scoring["scorer"]) + (f"/{_count(scoring['version'])}" if "version" in scoring else ""),
        )
    except (NotCanonical, EstimateError, ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedPlanFile(f"no plan that this release can recompute: {error!r}") from None


def check_rows(table: ScoreTable, plan: PlanView, run: ReportedRun) -> Fact:
    """Every row is one that the plan asks for; its calls are this run's, ended, and no other row's."""
    faults = Faults("rows")
    epochs = Counter(row.item for row in table.rows)
    items = plan.items if plan.stopping is None else _asked(table, plan.stopping, faults)
    if plan.sampled:
        items = len(epochs)  # which these are, `check_sample` says
    if len(table.rows) != items * plan.epochs:
        faults.add("scores.json", f"{len(table.rows)} rows; the plan asks {items} items {plan.epochs} times")
    if len({(row.item, row.epoch) for row in table.rows}) != len(table.rows) or len(epochs) != items:
        faults.add("scores.json", f"{len(epochs)} items in {len(table.rows)} rows; each of {items} is asked once")
    used: dict[int, int] = {}
    for place, row in enumerate(table.rows):
        _check_row(place, row, plan, run, used, faults)
    orphans = sorted((run.permits.keys() | run.refused) - used.keys())
    said = f"{len(used)} calls of the run in {len(table.rows)} rows, each used once; every judged row has its answer"
    if run.finished is not None and run.finished[1].status != "success":
        said += f"; the run itself ended as {run.finished[1].status[:40]!r}"
    if orphans:
        said += f"; {counted(len(orphans), 'call')} of the run in no row, counted as repeated: {orphans[:5]}"
    return faults.fact(said)


def recount(table: ScoreTable, run: ReportedRun) -> dict[str, int]:
    """The counts that follow from rows and entries."""
    judged = sum(row.score is not None for row in table.rows)
    used = [call for row in table.rows for call in row.calls]
    orphans = (run.permits.keys() | run.refused) - set(used)
    return {
        "intended": len(table.rows),
        "attempted": sum(row.reason != NOT_ATTEMPTED for row in table.rows),
        "answered": sum(_answered(row, run) for row in table.rows),
        "judged": judged,
        "unscored": len(table.rows) - judged,
        "repeated": sum(max(0, len(row.calls) - 1) for row in table.rows) + len(orphans),
        "correct": sum(row.score == 1 for row in table.rows),
    }


def check_counts(table: ScoreTable, run: ReportedRun, committed: Mapping[str, int], index: int) -> Fact:
    """The committed counts follow from the rows."""
    faults = Faults("counts")
    found = recount(table, run)
    unheard = sum(row.reason in UNHEARD and _answered(row, run) for row in table.rows)
    slack = {"answered": (-unheard, 0), "repeated": (0, run.counted)}
    for name, number in found.items():
        least, most = slack.get(name, (0, 0))
        if not number + least <= committed[name] <= number + most:
            faults.add(entry(index), f"counts.{name} is committed as {committed[name]}, the rows give {number}")
    return faults.fact(", ".join(f"{committed[name]} {name}" for name in COUNTS) + ": as the rows give them")


def missing(table: ScoreTable) -> dict[str, int]:
    """Rows without a score, by reason."""
    return dict(sorted(Counter(row.reason for row in table.rows if row.score is None).items()))


def estimates(table: ScoreTable, plan: PlanView, sample: Sampled | None = None) -> list[dict[str, Any]]:
    """The estimates that the plan asks for, recomputed."""
    if sample is not None:
        return sample_estimates(sample, plan.methods, plan.level)
    scores = [row.score for row in table.rows if row.epoch == 1]
    judged = [score for score in scores if score is not None]
    if not judged:
        return []
    found = []
    for method in plan.methods:
        try:
            one = estimate_rate(
                cast(Method, method),
                sum(judged),
                len(judged),
                float(plan.level),
                missing=len(scores) - len(judged),
                bank=plan.bank,
            )
        except EstimateError as error:
            raise MalformedPlanFile(str(error)) from None
        found.append({name: value for name, value in one.as_json().items() if name != "text"})
    return found


def sample_estimates(sample: Sampled, methods: Sequence[str], level: str) -> list[dict[str, Any]]:
    """The estimates of a sample that was drawn from a frame, as members of a report."""
    try:
        found = sample.estimates(tuple(methods), float(level))
    except EstimateError as error:
        raise MalformedPlanFile(str(error)) from None
    return [{name: value for name, value in one.as_json().items() if name != "text"} for one in found]


def _asked(table: ScoreTable, rule: Rule, faults: Faults) -> int:
    """How many items the stopping rule asks, replayed in the order of the first calls.

    A batch ends before the next begins, so the order within one is of no consequence; a row without a call was asked
    at no time that the record tells, and stands last.
    """
    ordered = sorted(table.rows, key=lambda row: row.calls[0] if row.calls else sys.maxsize)
    reached = rule.replay([row.score for row in ordered])
    if reached.asked != len(table.rows):
        faults.add(
            "scores.json",
            f"{len(table.rows)} rows; by the plan's stopping rule {reached.asked} items are asked ({reached.decision})",
        )
    return len(table.rows)


def _stopping(plan: Mapping[str, Any]) -> Rule | None:
    """The rule of `design.stopping`, as `comity.evaluation` makes it of the same members."""
    stated = plan["design"].get("stopping", {})
    if stated.get("rule", "fixed") == "fixed" or plan["design"].get("sampling", {}).get("kind") == "active":
        return None
    sampling, claim = plan["design"].get("sampling", {}), plan["claim"]
    items, threshold = _count(plan["design"]["items"]), float(claim["threshold"]["value"])
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"a threshold of {threshold}, expected 0 to 1")
    return Rule(
        bank=_count(claim["population"]["size"]),
        cap=items,
        batch=_count(stated.get("batch", sampling.get("batch", items))),
        least=_count(stated.get("least", 0)),
        level=1.0 - alpha_of(plan),
        threshold=threshold,
    )


def _check_row(
    place: int, row: Row, plan: PlanView, run: ReportedRun, used: dict[int, int], faults: Faults
) -> None:
    where = f"scores.json row {place}"
    if not 1 <= row.epoch <= plan.epochs:
        faults.add(where, f"epoch {row.epoch}; the plan asks each item {plan.epochs} times")
    if (row.score is None) != bool(row.reason):
        faults.add(where, f"score {row.score} and reason {row.reason!r:.40}: a row has one of the two")
    for call in row.calls:
        if call in used:
            faults.add(where, f"call {call} is used in row {used[call]} already")
        used[call] = place
        if call in run.permits:
            if call not in run.settled and call not in run.abandoned:
                faults.add(where, f"call {call} is not settled")
        elif call not in run.refused:
            faults.add(where, f"entry {call} is no call of this run")
    if row.score is not None and not _answered(row, run):
        faults.add(where, "it has a score, and its last call was not answered")


def _answered(row: Row, run: ReportedRun) -> bool:
    settled: CallSettled | None = run.settled.get(row.calls[-1]) if row.calls else None
    return settled is not None and settled.outcome == "answered" and 200 <= settled.status < 300


def _row(place: int, row: Mapping[str, Any], *, drawn: bool) -> Row:
    members = ("calls", "epoch", "item", *(("place", "probability") if drawn else ()), "reason", "score")
    if set(row) != set(members):
        raise ValueError(f"row {place} has other members than {', '.join(members[:-1])} and {members[-1]}")
    if row["score"] not in (0, 1, None) or isinstance(row["score"], bool):
        raise ValueError(f"row {place}: score {row['score']!r:.20}, expected 0, 1 or null")
    return Row(
        item=_text(row["item"]),
        epoch=_count(row["epoch"]),
        score=row["score"],
        reason=_text(row["reason"]),
        calls=tuple(_count(call) for call in row["calls"]),
        place=_count(row["place"]) if drawn else None,
        probability=_text(row["probability"]) if drawn else "",
    )


def _suite(bank: Mapping[str, Any]) -> dict[str, Any]:
    """Name, version and digest of the bank; a guest's is the task and the release of its package."""
    if "task" not in bank:
        return {"name": _text(bank["suite"]), "version": bank["version"], "sha256": _text(bank["sha256"])}
    package, version = _text(bank["package"]), _text(bank["version"])
    release = version if package == "none" else f"{package} {version}"
    return {"name": _text(bank["task"]), "version": release, "sha256": _text(bank["sha256"])}


def _level(value: object) -> str:
    level = _text(value)
    if not 0.0 < float(level) < 1.0:
        raise ValueError(f"level {level!r:.20}, expected one between 0 and 1")
    return level


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is expected, {value!r:.40} came")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"an integer from 0 is expected, {value!r:.40} came")
    return value
