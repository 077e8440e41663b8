"""What `comity plan check` prints: what a plan takes of each clause, what it can show, and whether it fits."""

import json
from pathlib import Path
from typing import Any, Final

import click

from comity.arrangement import ArrangementError, Terms, parse_terms_yaml, verify_offer
from comity.cli.home import Home
from comity.estimate import Expected, Rule
from comity.evaluation import EvaluationError
from comity.evaluation.banks import load_bank
from comity.evaluation.edge import Door
from comity.evaluation.folder import BEGUN
from comity.evaluation.forecast import ClauseForecast, Forecast, forecast, intervals
from comity.evaluation.guests import load_guest
from comity.evaluation.plan import Plan, TaskPopulation, TaskScoring
from comity.evaluation.standing import UNASKED, read_standing
from comity.evaluation.stopping import rule_of
from comity.evaluation.trade import RUNS, Trade, trade_of

__all__ = ["forecast_plan", "money", "read_terms", "show_forecast"]

NANO: Final = 10**9
DISTANCES: Final = (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2)
"""From a plan's threshold, at which it is said what the plan would find."""
MOSTLY_OPEN: Final = 0.2
BAR: Final = 40
"""Characters of the widest bar of the curve."""


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
            if isinstance(plan.claim.population, TaskPopulation) and isinstance(plan.scoring, TaskScoring):
                load_guest(plan.claim.population, plan.scoring, judged=plan.parts.judge is not None)
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
    if (rule := rule_of(plan)) is not None and plan.framed is None:
        _show_rule(rule)
    elif plan.framed is None:
        click.echo(f"  shows    with all {plan.design.items} judged, at {plan.level:.0%} (Wilson):")
    for estimate in estimates if rule is None and plan.framed is None else ():
        click.echo(
            f"             a rate of {estimate.point:5.1%} lies in {estimate.low:.1%}–{estimate.high:.1%}"
            f"  (±{(estimate.high - estimate.low) / 2:.1%})"
        )
    show_trade(plan, trade_of(plan, DISTANCES), rule, made)
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


def _show_rule(rule: Rule) -> None:
    """What a rule that may stop early does at rates around its threshold, computed exactly."""
    click.echo(
        f"  decides  whether the rate is above {rule.threshold:.1%}, at {rule.level:.0%}, with a look after every "
        f"{rule.batch} items"
    )
    click.echo("             at a rate of    asks on average    decides right    stays open")
    for distance, found in _expected(rule):
        right = found.above if distance > 0 else found.below
        click.echo(f"             {found.rate:12.1%}{found.queries:19.0f}{right:17.1%}{found.open:14.1%}")
    slowest = rule.expect(rule.threshold + (0.05 if rule.threshold < 0.5 else -0.05))
    if slowest.open > MOSTLY_OPEN:
        often = f"{slowest.open:.0%} of runs"
        click.echo(f"  limited  by its {rule.cap} items: 5 points from the threshold it stays open in {often}")


def show_trade(plan: Plan, trade: Trade, rule: Rule | None, made: Forecast | None) -> None:
    """What the items buy beside uniform ones, what is best bought next, and what limits the plan."""
    n = plan.design.items
    if plan.framed is not None:
        kind = plan.parts.sampling.kind
        known = len(plan.framed.frame.history)
        told = f"an item tells as much as {trade.gain or 1:.2f} uniform ones, by {known} earlier runs"
        click.echo(f"  draws    {kind}; {'what it gains is not foreseen' if trade.gain is None else told}")
    if trade.expected and rule is not None:
        click.echo(f"  decides  whether the rate is above {rule.threshold:.1%}, at {rule.level:.0%}, after each batch")
        click.echo("             at a rate of    asks on average    as many uniform    decides right    stays open")
        for found in trade.expected:
            right = found.above if found.rate > rule.threshold else found.below
            uniform = rule.expect(found.rate).queries
            figures = f"{found.rate:12.1%}{found.queries:19.0f}{uniform:19.0f}{right:17.0%}{found.open:14.0%}"
            click.echo(f"             {figures}")
        click.echo(f"             the first by {RUNS} simulated runs, the uniform ones exactly")
        slowest = max(trade.expected, key=lambda found: found.open)
        if slowest.open > MOSTLY_OPEN:
            points = abs(slowest.rate - rule.threshold) * 100
            often = f"{points:.0f} points from the threshold it stays open in {slowest.open:.0%} of runs"
            click.echo(f"  limited  by its {n} items: {often}")
    own = "" if trade.gain is None else "   ± so drawn"
    click.echo(f"  trade    items   ± uniform{own}   at a rate of one half, as a standard error has it")
    widest = max(uniform for _, uniform, _ in trade.widths) or 1.0
    for k, uniform, drawn in trade.widths:
        shown = "" if drawn is None else f"{drawn:13.1%}"
        bar = "#" * round(BAR * (uniform if drawn is None else drawn) / widest)
        click.echo(f"        {'→' if k == n else ' '}{k:8}{uniform:12.1%}{shown}   {bar}")
    click.echo("  next     what more could buy; * is the best")
    for option in trade.options:
        click.echo(f"         {'*' if option.best else ' '} {option.name:20}{option.said}")
    if trade.needed is not None and trade.needed > n:
        fit = "" if made is None else f", of which {made.items_that_fit} of this plan's fit the budget"
        click.echo(f"  limited  by its {n} items: the width at which the claim aims takes {trade.needed}{fit}")


def _trade_json(trade: Trade) -> dict[str, Any]:
    return {
        "gain": None if trade.gain is None else round(trade.gain, 3),
        "widths": [
            {"items": k, "uniform": round(uniform, 6), "drawn": None if own is None else round(own, 6)}
            for k, uniform, own in trade.widths
        ],
        "needed": trade.needed,
        "next": [{"name": one.name, "said": one.said, "best": one.best} for one in trade.options],
    }


def _expected(rule: Rule) -> list[tuple[float, Expected]]:
    """What the rule does at rates around its threshold, by their distance from it."""
    rates = [(distance, rule.threshold + distance) for distance in DISTANCES]
    return [(distance, rule.expect(rate)) for distance, rate in rates if 0.0 <= rate <= 1.0]


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
    estimates, rule, trade = intervals(plan), rule_of(plan), trade_of(plan, DISTANCES)
    exact = [found for _, found in _expected(rule)] if rule is not None and plan.framed is None else []
    expected = list(trade.expected) or exact
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
        "trade": _trade_json(trade),
        **({} if not expected else {"expected": [found._asdict() for found in expected]}),
    }
