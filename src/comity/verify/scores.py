"""Score tables: the rows that a run committed, and the counts and estimates that follow from them.

A third party's own reading of `comity scores/1` and of the members of a plan that the numbers depend on:

    {"format":"comity scores/1","plan":digest,"rows":[{"calls":[17],"epoch":1,"item":hex,"reason":"","score":1},…],
     "run":id}

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

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from comity.estimate import EstimateError, Method, estimate_rate
from comity.records import CallSettled, NotCanonical, parse_canonical
from comity.verify.errors import MalformedPlanFile, MalformedScores
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import entry
from comity.verify.reported_run import ReportedRun

FORMAT: Final = "comity scores/1"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """`scores.json` as read."""

    run: str
    plan: str
    rows: tuple[Row, ...]

    def judged(self) -> tuple[int, ...]:
        """Places of the rows with a score."""
        return tuple(place for place, row in enumerate(self.rows) if row.score is not None)


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
    methods: tuple[Method, ...]
    level: str
    scorer: str
    """Name and version, `short-answer/1`; a guest's scorer has a name alone."""


def read_scores(data: bytes) -> ScoreTable:
    """Read a score table, or raise `MalformedScores` and nothing else."""
    try:
        whole = parse_canonical(data, limit=MAX_SCORES)
        if set(whole) != {"format", "plan", "rows", "run"} or whole["format"] != FORMAT:
            raise ValueError("expected the members format, plan, rows and run")
        rows = tuple(_row(place, row) for place, row in enumerate(whole["rows"]))
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
        if not methods or not set(methods) <= set(get_args(Method)):
            raise ValueError(f"methods {methods!r:.80}; this release recomputes {', '.join(get_args(Method))}")
        return PlanView(
            members=plan,
            title=_text(plan["title"]),
            arrangement=_text(plan["arrangement"]),
            suite=_suite(bank),
            protocol=_text(plan["target"]["protocol"]),
            model=_text(plan["target"]["model"]),
            items=_count(design["items"]),
            epochs=_count(design["epochs"]),
            methods=methods,
            level=_level(outputs["level"]),
            scorer=_text(scoring["scorer"]) + (f"/{_count(scoring['version'])}" if "version" in scoring else ""),
        )
    except (NotCanonical, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedPlanFile(f"no plan that this release can recompute: {error!r}") from None


def check_rows(table: ScoreTable, plan: PlanView, run: ReportedRun) -> Fact:
    """Every row is one that the plan asks for; its calls are this run's, ended, and no other row's."""
    faults = Faults("rows")
    epochs = Counter(row.item for row in table.rows)
    if len(table.rows) != plan.items * plan.epochs:
        faults.add("scores.json", f"{len(table.rows)} rows; the plan asks {plan.items} items {plan.epochs} times")
    if len({(row.item, row.epoch) for row in table.rows}) != len(table.rows) or len(epochs) != plan.items:
        faults.add("scores.json", f"{len(epochs)} items in {len(table.rows)} rows; each of {plan.items} is asked once")
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


def estimates(table: ScoreTable, plan: PlanView) -> list[dict[str, Any]]:
    """The estimates that the plan asks for, recomputed."""
    scores = [row.score for row in table.rows if row.epoch == 1]
    judged = [score for score in scores if score is not None]
    if not judged:
        return []
    found = []
    for method in plan.methods:
        try:
            one = estimate_rate(method, sum(judged), len(judged), float(plan.level), missing=len(scores) - len(judged))
        except EstimateError as error:
            raise MalformedPlanFile(str(error)) from None
        found.append({name: value for name, value in one.as_json().items() if name != "text"})
    return found


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


def _row(place: int, row: Mapping[str, Any]) -> Row:
    if set(row) != {"item", "epoch", "score", "reason", "calls"}:
        raise ValueError(f"row {place} has other members than calls, epoch, item, reason and score")
    if row["score"] not in (0, 1, None) or isinstance(row["score"], bool):
        raise ValueError(f"row {place}: score {row['score']!r:.20}, expected 0, 1 or null")
    return Row(
        item=_text(row["item"]),
        epoch=_count(row["epoch"]),
        score=row["score"],
        reason=_text(row["reason"]),
        calls=tuple(_count(call) for call in row["calls"]),
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
