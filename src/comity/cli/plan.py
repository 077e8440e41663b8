"""`comity plan`: write, check and freeze an evaluation plan.

A plan is a file that its author edits.  Freezing puts its digest into the arrangement's ledger, with the evaluator's
key, and writes `FILE.frozen.json` beside it, which says where.  A run is refused without it.
"""

import json
from pathlib import Path
from typing import Any

import click

from comity.cli.home import Home
from comity.estimate import Estimate, wilson
from comity.evaluation import EvaluationError
from comity.evaluation.edge import Door
from comity.evaluation.plan import Plan, Protocol, plan_members
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.evaluation.run import Frozen, format_frozen, freeze, parse_frozen, plan_summary
from comity.evaluation.suites import SHIPPED, load_suite

__all__ = ["frozen_path", "plan", "read_frozen", "read_plan"]

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


def read_plan(path: Path) -> Plan:
    """The plan in a file; raises a `ClickException` with every fault."""
    try:
        return parse_plan(path.read_bytes(), path.name)
    except EvaluationError as error:
        raise click.ClickException(f"{path.name} is no plan:\n{error}") from None


def frozen_path(path: Path) -> Path:
    """Where it is written that a plan is frozen."""
    return path.with_name(path.name + ".frozen.json")


def read_frozen(path: Path, plan: Plan) -> Frozen:
    """What was frozen, if it is this very plan; raises a `ClickException` if not."""
    beside = frozen_path(path)
    if not beside.exists():
        raise click.ClickException(
            f"{path.name} is not frozen: there is no {beside.name}. A run without a frozen plan is refused; "
            f"freeze it first: comity plan freeze {path.name} --gateway URL"
        )
    try:
        return parse_frozen(beside.read_text(), plan)
    except EvaluationError as error:
        raise click.ClickException(f"{beside.name}: {error}") from None


@click.group()
def plan() -> None:
    """Say what will be asked and how it will be judged, before the first call."""


@plan.command()
@click.option("--suite", default="short-answers", show_default=True, type=click.Choice(sorted(SHIPPED)))
@click.option("--arrangement", required=True, help="Id of the arrangement, 32 hex digits.")
@click.option("--protocol", required=True, type=click.Choice(["openai", "anthropic"]), help="The provider's dialect.")
@click.option("--model", required=True, help="The model's name in the terms.")
@click.option("--items", required=True, type=click.IntRange(min=1), help="How many items to draw from the suite.")
@click.option("--max-tokens", default=24, show_default=True, type=click.IntRange(min=1), help="Per answer.")
@click.option("--title", default="", help="A line for people.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan's summary as JSON.")
@click.pass_obj
def new(
    home: Home,
    suite: str,
    arrangement: str,
    protocol: Protocol,
    model: str,
    items: int,
    max_tokens: int,
    title: str,
    out: Path,
    as_json: bool,
) -> None:
    """Write a new plan over a suite, with a fresh seed, to edit and to freeze."""
    if out.exists():
        raise click.ClickException(f"{out.name} exists already; a plan is not overwritten")
    members = plan_members(
        plan_id=home.random(16).hex(),
        arrangement=arrangement,
        title=title or f"{items} items of {suite}, {model} by {protocol}",
        suite=load_suite(suite),
        protocol=protocol,
        model=model,
        items=items,
        seed=home.random(16).hex(),
        max_tokens=max_tokens,
    )
    text = write_plan(members)
    try:
        made = parse_plan(text, out.name)
    except EvaluationError as error:
        raise click.ClickException(f"these options make no plan:\n{error}") from None
    out.write_text(text, encoding="utf-8")
    _show(made, as_json, f"plan written to {out.name}; check it, then freeze it before the first call")


@plan.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the plan's summary as JSON.")
def check(file: Path, as_json: bool) -> None:
    """Check FILE, and say what it takes from the budget and how exact its answer can be."""
    _show(read_plan(file), as_json, f"{file.name} is a plan")


@plan.command("freeze")
@click.argument("file", type=FILE)
@click.option("--gateway", required=True, help="The gateway's URL, as for a run.")
@click.option("--json", "as_json", is_flag=True, help="Print where the plan is frozen as JSON.")
@click.pass_obj
def freeze_(home: Home, file: Path, gateway: str, as_json: bool) -> None:
    """Put the digest of FILE into the arrangement's ledger and write FILE.frozen.json."""
    read = read_plan(file)
    try:
        with Door(gateway, read.arrangement, home.secret()) as door:
            frozen = freeze(read, door)
    except EvaluationError as error:
        raise click.ClickException(f"{file.name} is not frozen: {error}") from None
    frozen_path(file).write_text(format_frozen(frozen))
    if as_json:
        click.echo(json.dumps({"plan": frozen.plan, "ledger": frozen.ledger, "index": frozen.index}))
    else:
        click.echo(f"frozen: plan {frozen.plan[:16]}… is entry {frozen.index} of {frozen.ledger}")


def _show(made: Plan, as_json: bool, line: str) -> None:
    worst = widest(made)
    summary: dict[str, Any] = {**plan_summary(made), "widest": worst.as_json()}
    if as_json:
        click.echo(json.dumps(summary))
        return
    click.echo(line)
    click.echo(f"  digest   {made.digest}")
    click.echo(f"  asks     {made.design.items} of {made.claim.population.size} items of {made.claim.population.suite}")
    click.echo(f"  takes    {made.access.calls} calls, {made.most_calls} if every one is repeated to the limit")
    click.echo(f"  output   at most {made.access.calls * made.decoding.max_tokens} tokens without repeats")
    click.echo(
        f"  exact to ±{(worst.high - worst.low) / 2:.1%} at {worst.level:.0%} (a rate near one half, all judged)"
    )


def widest(made: Plan) -> Estimate:
    """The estimate with the widest interval that the plan can end in, if nothing is missing."""
    return wilson(made.design.items // 2, made.design.items, made.level)
