"""What `comity plan check` prints: what a plan takes of each clause, what it can show, and whether it fits."""

import json
from pathlib import Path
from typing import Any, Final

import click

from comity.arrangement import ArrangementError, Terms, parse_terms_yaml, verify_offer
from comity.cli.home import Home
from comity.evaluation import EvaluationError
from comity.evaluation.banks import load_bank
from comity.evaluation.edge import Door
from comity.evaluation.folder import BEGUN
from comity.evaluation.forecast import ClauseForecast, Forecast, forecast, intervals
from comity.evaluation.plan import Plan, TaskPopulation
from comity.evaluation.standing import UNASKED, read_standing

__all__ = ["forecast_plan", "money", "read_terms", "show_forecast"]

NANO: Final = 10**9


def read_terms(file: Path) -> Terms:
    """Terms from a signed offer or from their YAML; raises a `ClickException` that says what was expected."""
    source = file.read_bytes()
    try:
        if source.lstrip().startswith(b"{"):
            return verify_offer(source).terms
        return parse_terms_yaml(source, file.name)
    except ArrangementError as error:
        raise click.ClickException(f"{file.name} holds no terms: {error}") from None


def forecast_plan(home: Home, plan: Plan, terms_file: Path | None, gateway: str | None) -> Forecast | None:
    """The forecast under these terms, and what is left by the gateway's word; `None` without terms."""
    try:
        if terms_file is None:
            if isinstance(plan.claim.population, TaskPopulation):
                load_bank(plan)
            return None
        bank, terms = load_bank(plan), read_terms(terms_file)
        standing = UNASKED
        if gateway is not None:
            with Door(gateway, plan.arrangement, home.secret()) as door:
                standing = read_standing(door.status())
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    return forecast(plan, bank, terms, standing, now=home.clock(), repeats=_begun_before(home, plan))


def _begun_before(home: Home, plan: Plan) -> bool:
    """Whether this home began a run of the plan before; runs of other homes are not known."""
    for path in (home.path / "runs").glob(f"*/{BEGUN}"):
        try:
            members = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(members, dict) and members.get("plan") == plan.digest and members.get("begun") is not None:
            return True
    return False


def show_forecast(plan: Plan, made: Forecast | None, line: str, as_json: bool) -> None:
    """Print it, as a small table or as JSON."""
    estimates = intervals(plan)
    if as_json:
        click.echo(json.dumps({**_summary(plan), **({} if made is None else {"forecast": made.as_json()})}))
        return
    population = plan.claim.population
    click.echo(line)
    click.echo(f"  digest   {plan.digest}")
    click.echo(f"  asks     {plan.design.items} of {population.size} items of {population.name} ({population.release})")
    click.echo(f"  takes    {plan.access.calls} calls, {plan.most_calls} if every one is repeated to the limit")
    click.echo(f"  output   at most {plan.access.calls * plan.decoding.max_tokens:,} tokens without repeats")
    click.echo(f"  shows    with all {plan.design.items} judged, at {plan.level:.0%} (Wilson):")
    for estimate in estimates:
        click.echo(
            f"             a rate of {estimate.point:5.1%} lies in {estimate.low:.1%}–{estimate.high:.1%}"
            f"  (±{(estimate.high - estimate.low) / 2:.1%})"
        )
    if made is None:
        click.echo("  fits     not checked: give --terms FILE, and --gateway URL for what is left")
        return
    click.echo(f"  lasts    {_lasts(made)}")
    if made.rerun_reserve:
        click.echo(f"  kept     {_kept(made)}")
    click.echo(f"\n  {'clause':29}{'left':>15}{'expected':>15}{'at most':>15}{'all repeated':>15}   items that fit")
    for clause in made.clauses:
        click.echo(_row(clause, made))
    click.echo("")
    _verdict(made)


def money(nano: int, currency: str) -> str:
    """An amount of money, in hundredths of a cent."""
    return f"{nano / NANO:,.4f} {currency}".rstrip()


def _row(clause: ClauseForecast, made: Forecast) -> str:
    def said(figure: int) -> str:
        return money(figure, made.currency) if clause.clause == "budget.cost" else f"{figure:,}"

    figures = "".join(f"{said(f):>15}" for f in (clause.left, clause.expected, clause.most, clause.with_repeats))
    items = "all" if clause.fits else f"{clause.items} of {made.items}"
    return f"  {clause.clause:29}{figures}   {items}"


def _verdict(made: Forecast) -> None:
    for problem in made.problems:
        click.echo(f"  against it: {problem}")
    short = [clause for clause in made.clauses if not clause.fits]
    if made.fits:
        click.echo("  It fits.")
        tight = [clause.clause for clause in made.clauses if clause.with_repeats > clause.left]
        if tight:
            click.echo(f"  If calls have to be repeated, {', '.join(tight)} can run out before the end.")
        return
    click.echo("  It does not fit.")
    if short:
        names = ", ".join(clause.clause for clause in short)
        click.echo(f"  Short: {names}. {made.items_that_fit} of {made.items} items would fit.")
    if made.fits_another_day:
        click.echo("  What is short is this day's alone: a day's budget begins anew at 00:00 UTC.")


def _lasts(made: Forecast) -> str:
    if made.minutes_with_repeats == 0:
        return f"as long as the model takes; the agreed {made.rate} are not reached"
    least, most = _time(made.minutes), _time(made.minutes_with_repeats)
    repeated = f", {most} if every call is repeated" if made.minutes_with_repeats > made.minutes else ""
    return f"at least {least}{repeated}, at the agreed {made.rate}"


def _time(minutes: int) -> str:
    return f"{minutes} minute{'' if minutes == 1 else 's'}" if minutes < 120 else f"{minutes / 60:.1f} hours"


def _kept(made: Forecast) -> str:
    said = f"{made.rerun_reserve} percent of the budget for repeated runs"
    if made.repeats:
        return f"{said}; a run of this plan was begun before, so it may take them"
    return f"{said}; this plan has not run from here, so they do not count as left"


def _summary(plan: Plan) -> dict[str, Any]:
    estimates = intervals(plan)
    return {
        "plan": plan.digest,
        "id": plan.id,
        "arrangement": plan.arrangement,
        "suite": plan.claim.population.name,
        "items": plan.design.items,
        "calls": plan.access.calls,
        "most_calls": plan.most_calls,
        "output_tokens": plan.access.calls * plan.decoding.max_tokens,
        "canonical_bytes": len(plan.canonical),
        "widest": estimates[0].as_json(),
    }
