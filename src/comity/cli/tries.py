"""`comity tries`: what the best of several tries reaches in a finished run that asked each item more than once."""

import json

import click

from comity.cli.home import Home
from comity.cli.runs import run_folder
from comity.estimate import EstimateError, best_over_bank
from comity.evaluation import EvaluationError
from comity.evaluation.exporting import HISTORY
from comity.evaluation.folder import PLAN
from comity.evaluation.history import parse_export
from comity.evaluation.plan_text import parse_plan

__all__ = ["tries"]


@click.command()
@click.argument("run")
@click.option(
    "--k", "ks", multiple=True, required=True, type=click.IntRange(min=1), help="Of how many tries; again for more."
)
@click.option("--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.9999), help="Of the intervals.")
@click.option("--json", "as_json", is_flag=True, help="Print the estimates as one JSON object.")
@click.pass_obj
def tries(home: Home, run: str, ks: tuple[int, ...], level: float, as_json: bool) -> None:
    """Say in how many items of the bank one of K tries is right, by RUN, whose plan asked each item K times or more.

    RUN is the id that `comity run` printed, or `last`. Items are what is independent, not tries; the interval is exact.
    The report's number is the one that the plan asks for, and this is not it.
    """
    folder = run_folder(home, run)
    try:
        found = parse_export((folder / HISTORY).read_bytes())
        plan = parse_plan((folder / PLAN).read_bytes(), PLAN)
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"the run cannot be read: {error.strerror}") from None
    if found.unequal:
        raise click.ClickException("its items were drawn with unequal chances; expected a simple random sample")
    if max(ks) > plan.design.epochs:
        raise click.ClickException(
            f"--k {max(ks)}: the plan asked each item {plan.design.epochs} times (design.epochs); more is a forecast"
        )
    items = list(found.outcomes.values())
    try:
        made = [(k, best_over_bank(items, k, bank=plan.claim.population.size, level=level)) for k in ks]
    except EstimateError as error:
        raise click.ClickException(str(error)) from None
    if not as_json:
        for k, one in made:
            click.echo(f"best of {k}  {one}")
        return
    click.echo(json.dumps({
        "run": found.run, "model": found.subject.model, "epochs": plan.design.epochs, "level": f"{level:.12g}",
        "best_of": [
            {"k": k, "point": f"{one.point:.6f}", "low": f"{one.low:.6f}", "high": f"{one.high:.6f}", "items": one.n,
             "missing": one.missing, "bank": one.bank, "method": "betting-bank of bounded values"}
            for k, one in made
        ],
    }))  # fmt: skip
