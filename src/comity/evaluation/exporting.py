"""A finished run as history: each item's outcomes by its own name, for the next planner and for a comparison.

    export_run(plan, bank, rows, …) -> history.Export      written to `history.json` in the run's folder

The file names items and is therefore the evaluator's own; a score table, which is published, is blinded.
"""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from comity.evaluation import plan as p
from comity.evaluation.banks import Bank, GuestBank, SuiteBank
from comity.evaluation.history import Export, parse_days, subject_of
from comity.evaluation.scores import Row, blind

__all__ = ["HISTORY", "clusters_of", "export_run"]

HISTORY: Final = "history.json"


def export_run(plan: p.Plan, bank: Bank, rows: Iterable[Row], *, salt: bytes, run: str, at: str) -> Export:
    """The outcomes of a run that ended at `at`; who made the model, and from what, is read off its name."""
    by_item: dict[str, list[Row]] = {}
    for row in rows:
        by_item.setdefault(row.item, []).append(row)
    population = plan.claim.population
    return Export(
        bank=population.name,
        bank_sha256=population.sha256,
        subject=subject_of(plan.target.model, days=parse_days(at)),
        run=run,
        plan=plan.digest,
        scorer=_scorer(plan),
        outcomes={item: _scores(by_item[name]) for item in bank.chosen if (name := blind(item, salt)) in by_item},
        unequal=plan.parts.sampling.kind == "active" or plan.parts.sampling.allocation == "neyman",
        clusters=clusters_of(bank, str(plan.stated.get("claim.population.clusters_by", ""))),
    )


def clusters_of(bank: Bank, by: str) -> dict[str, str]:
    """The cluster of each chosen item under a field: a suite's `topic`, or one of a guest's metadata."""
    found: dict[str, str] = {}
    for item in bank.chosen if by else ():
        match bank:
            case SuiteBank():
                value = getattr(bank.suite.item(item), by, None)
            case GuestBank():
                value = (bank.guest.samples[item].metadata or {}).get(by)
            case _:
                assert_never(bank)
        if value is not None:
            found[item] = str(value)
    return found


def _scorer(plan: p.Plan) -> str:
    """Name and version of the scorer; a guest's is known by its name and the task's release."""
    if isinstance(plan.scoring, p.Scoring):
        return f"{plan.scoring.scorer}/{plan.scoring.version}"
    return f"{plan.scoring.scorer} of {plan.claim.population.release}"


def _scores(rows: Sequence[Row]) -> tuple[int | None, ...]:
    return tuple(row.score for row in sorted(rows, key=lambda row: row.epoch))
