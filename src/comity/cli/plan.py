"""`comity plan`: write, check and freeze an evaluation plan.

A plan is a file that its author edits.  Freezing puts its digest into the arrangement's ledger, with the evaluator's
key, and writes `FILE.frozen.json` beside it, which says where.  A run is refused without it.

`plan check` exits with 1 if the plan does not fit what is left of the budget, or a clause of the terms stands against
it; with 0 if it fits, or if no terms were given to hold it against.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from comity.cli.forecast import show_forecast
from comity.cli.home import Home
from comity.evaluation import EvaluationError
from comity.evaluation.edge import Door
from comity.evaluation.freezing import Frozen, format_frozen, freeze, parse_frozen
from comity.evaluation.plan import (
    Mark,
    Plan,
    Protocol,
    TaskPopulation,
    TaskScoring,
    plan_members,
    task_plan_members,
)
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.evaluation.suites import SHIPPED, load_suite

__all__ = ["frozen_path", "plan", "read_frozen", "read_plan"]

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
SUITE: Final = "short-answers"


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
@click.option("--suite", type=click.Choice(sorted(SHIPPED)), help=f"A suite of this release.  [default: {SUITE}]")
@click.option("--task", help="An installed Inspect task in its place: package/name, module:function or file.py@name.")
@click.option("--arg", "args", multiple=True, metavar="NAME=VALUE", help="An argument of the task; as often as needed.")
@click.option("--scorer", help="Which of the task's scorers judges.  [default: its only one]")
@click.option(
    "--value",
    "values",
    multiple=True,
    metavar="VALUE=MARK",
    help="What a value of the scorer counts as: right, wrong or missing.  [default: C right, I and P wrong, N missing]",
)
@click.option("--threshold", metavar="NUMBER", help="For a scorer of numbers: from which on a value is right.")
@click.option(
    "--calls-a-sample",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How many calls one sample of the task makes at most.",
)
@click.option("--arrangement", required=True, help="Id of the arrangement, 32 hex digits.")
@click.option("--protocol", required=True, type=click.Choice(["openai", "anthropic"]), help="The provider's dialect.")
@click.option("--model", required=True, help="The model's name in the terms.")
@click.option("--items", required=True, type=click.IntRange(min=1), help="How many items to draw.")
@click.option("--max-tokens", default=24, show_default=True, type=click.IntRange(min=1), help="Per answer.")
@click.option("--title", default="", help="A line for people.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan's summary as JSON.")
@click.pass_obj
def new(
    home: Home,
    suite: str | None,
    task: str | None,
    args: tuple[str, ...],
    scorer: str | None,
    values: tuple[str, ...],
    threshold: str | None,
    calls_a_sample: int,
    arrangement: str,
    protocol: Protocol,
    model: str,
    items: int,
    max_tokens: int,
    title: str,
    out: Path,
    as_json: bool,
) -> None:
    """Write a new plan over a suite or an installed task, with a fresh seed, to edit and to freeze."""
    if out.exists():
        raise click.ClickException(f"{out.name} exists already; a plan is not overwritten")
    if task is not None and suite is not None:
        raise click.UsageError("a plan is over a suite or over a task; give --suite or --task")
    if task is None and (args or scorer or values or threshold or calls_a_sample != 1):
        raise click.UsageError("--arg, --scorer, --value, --threshold and --calls-a-sample belong to a --task")
    named = task or suite or SUITE
    common: dict[str, Any] = {
        "plan_id": home.random(16).hex(),
        "arrangement": arrangement,
        "title": title or f"{items} items of {named}, {model} by {protocol}",
        "protocol": protocol,
        "model": model,
        "items": items,
        "seed": home.random(16).hex(),
        "max_tokens": max_tokens,
    }
    if task is None:
        members = plan_members(suite=load_suite(named), **common)
    else:
        population, scoring = _guest(task, args, scorer, values, threshold)
        members = task_plan_members(population=population, scoring=scoring, calls_a_sample=calls_a_sample, **common)
    text = write_plan(members)
    try:
        made = parse_plan(text, out.name)
    except EvaluationError as error:
        raise click.ClickException(f"these options make no plan:\n{error}") from None
    out.write_text(text, encoding="utf-8")
    line = f"plan written to {out.name}; check it, then freeze it before the first call"
    show_forecast(made, None, line, as_json)


@plan.command()
@click.argument("file", type=FILE)
@click.option("--terms", type=FILE, help="The terms: a signed offer, or the YAML that it was made from.")
@click.option("--gateway", help="The gateway's URL, to hold the plan against what is left of each clause.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.pass_obj
def check(home: Home, file: Path, terms: Path | None, gateway: str | None, as_json: bool) -> None:
    """Check FILE, and say what it takes, whether that fits the terms, and how exact its answer can be.

    What it takes is computed as the gateway reserves it, so a plan that fits is not refused under the budget, as long
    as nobody else spends and no call is repeated.
    """
    from comity.cli.forecast import forecast_plan

    if gateway is not None and terms is None:
        raise click.UsageError("--gateway tells what is left; what was agreed is in --terms FILE")
    read = read_plan(file)
    with _quiet():
        made = forecast_plan(home, read, terms, gateway)
    show_forecast(read, made, f"{file.name} is a plan", as_json)
    if made is not None and not made.fits:
        raise SystemExit(1)


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


def _guest(
    task: str, args: tuple[str, ...], scorer: str | None, values: tuple[str, ...], threshold: str | None
) -> tuple[TaskPopulation, TaskScoring]:
    """What a new plan pins of an installed task, and how its scorer's values count."""
    from comity.evaluation.guests import USUAL_VALUES, find_guest, load_guest

    if values and threshold is not None:
        raise click.UsageError("a scorer's values count by --value or by --threshold")
    marks: dict[str, Any] = dict(_pair(value, "--value") for value in values) or dict(USUAL_VALUES)
    try:
        with _quiet():
            guest = find_guest(task, {name: _plain(value) for name, value in (_pair(arg, "--arg") for arg in args)})
            if scorer is None and len(guest.scorers) > 1:
                raise click.UsageError(f"{task} has several scorers; give --scorer, one of {', '.join(guest.scorers)}")
            named: dict[str, Mark] | None = None if threshold is not None else marks
            scoring = TaskScoring(scorer=scorer or guest.scorers[0], values=named, threshold=threshold)
            load_guest(guest.population, scoring)
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    return guest.population, scoring


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"{option} is NAME=VALUE, got {text[:60]!r}")
    return name, value


def _plain(value: str) -> str | int | bool:
    """An argument as the task gets it: an integer, true or false where it reads as one, else the text."""
    if value in ("true", "false"):
        return value == "true"
    return int(value) if value.removeprefix("-").isascii() and value.removeprefix("-").isdigit() else value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What a guest prints while it is loaded is no part of our output."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
