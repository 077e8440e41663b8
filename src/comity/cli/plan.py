"""`comity plan`: write, check and freeze an evaluation plan.

A plan is a file that its author edits.  `plan new` writes two: the plan, which commits to a seed, and `FILE.seed`,
which holds it and stays with the evaluator until the run tells it; for a sample that is not a simple random one, its
frame too (`plan_frame`).  Freezing puts the plan's digest into the
arrangement's ledger, with the evaluator's key, and writes `FILE.frozen.json` beside it, which says where.  A run is
refused without it.

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

from comity.arrangement import ArrangementError, deviation_text, sign_act, verify_offer
from comity.cli.calling import ask_json
from comity.cli.forecast import show_forecast
from comity.cli.home import Home, write_private
from comity.cli.plan_frame import BATCH as ACTIVE_BATCH
from comity.cli.plan_frame import Wanted, frame_path, make_sampling, open_frame_beside, salt_path, write_frame
from comity.evaluation import EvaluationError
from comity.evaluation.banks import guest_fields, suite_fields
from comity.evaluation.edge import Door
from comity.evaluation.framing import Made
from comity.evaluation.freezing import Frozen, format_frozen, freeze, parse_frozen
from comity.evaluation.guests import Guest
from comity.evaluation.history import Admitted
from comity.evaluation.plan import (
    Mark,
    Plan,
    Protocol,
    TaskPopulation,
    TaskScoring,
    deciding,
    drawn_from,
    open_seed,
    plan_members,
    task_plan_members,
)
from comity.evaluation.plan_fields import unstated
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.evaluation.scores import SALT_BYTES
from comity.evaluation.suites import SHIPPED, load_suite

__all__ = ["frozen_path", "open_plan", "plan", "read_frozen", "read_plan", "seed_path"]

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
SUITE: Final = "short-answers"
BATCH: Final = 10


def read_plan(path: Path) -> Plan:
    """The plan in a file; raises a `ClickException` with every fault."""
    try:
        return parse_plan(path.read_bytes(), path.name)
    except EvaluationError as error:
        raise click.ClickException(f"{path.name} is no plan:\n{error}") from None


def open_plan(path: Path) -> Plan:
    """The plan in a file with its seed and frame at hand; raises a `ClickException` where these are not its own."""
    read = open_frame_beside(path, read_plan(path))
    if not read.design.commitment:
        return read
    try:
        return open_seed(read, seed_path(path).read_text().strip())
    except EvaluationError as error:
        raise click.ClickException(f"{seed_path(path).name}: {error}") from None
    except OSError:
        raise click.ClickException(
            f"design.seed_commitment: the seed of {path.name} is not here; expected it in {seed_path(path).name}, "
            f"which 'comity plan new' wrote beside the plan. Without it nobody knows which items are asked"
        ) from None


def seed_path(path: Path) -> Path:
    """Where the seed of a plan lies, until its run tells it."""
    return path.with_name(path.name + ".seed")


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
@click.option(
    "--judge",
    metavar="NAME=PROTOCOL/MODEL@ARRANGEMENT",
    help="The model that grades for the task's scorer: a recipient that content.recipients of the terms lists.",
)
@click.option("--arrangement", required=True, help="Id of the arrangement, 32 hex digits.")
@click.option("--protocol", required=True, type=click.Choice(["openai", "anthropic"]), help="The provider's dialect.")
@click.option("--model", required=True, help="The model's name in the terms.")
@click.option("--items", required=True, type=click.IntRange(min=1), help="How many items to draw.")
@click.option(
    "--decide",
    metavar="RATE",
    help="Stop as soon as it is known whether the rate is above this, such as 0.10; --items is then the most.",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    help="Look, or draw anew, after every so many.  [default: 10; 5 of an active sample]",
)
@click.option(
    "--sample",
    "kind",
    type=click.Choice(["srs", "stratified", "active"]),
    default="srs",
    show_default=True,
    help="Draw at random; so many of each stratum; or, batch by batch, where an answer teaches most.",
)
@click.option("--strata-by", metavar="FIELD", help="Items' field, such as a topic: strata, or what active learns by.")
@click.option(
    "--strata", type=click.IntRange(2, 100), help="Without --strata-by: groups by how hard items were.  [default: 5]"
)
@click.option("--neyman", is_flag=True, help="More of the strata where earlier outcomes differ; for an estimate alone.")
@click.option("--history", type=FILE, multiple=True, help="Earlier runs (comity history), or one table of them in CSV.")
@click.option("--cutoff", default="", metavar="DAY", help="Earlier runs are of before this day.  [default: today]")
@click.option("--same-items-as", "like", type=FILE, metavar="PLAN", help="Take PLAN's seed, to compare two models.")
@click.option("--epochs", default=1, show_default=True, type=click.IntRange(min=1), help="Times an item is asked.")
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
    judge: str | None,
    arrangement: str,
    protocol: Protocol,
    model: str,
    items: int,
    decide: str | None,
    batch: int | None,
    kind: str,
    strata_by: str | None,
    strata: int | None,
    neyman: bool,
    history: tuple[Path, ...],
    cutoff: str,
    like: Path | None,
    epochs: int,
    max_tokens: int,
    title: str,
    out: Path,
    as_json: bool,
) -> None:
    """Write a new plan over a suite or an installed task, with a fresh seed, to edit and to freeze."""
    for path in (out, seed_path(out), frame_path(out), salt_path(out)):
        if path.exists():
            raise click.ClickException(f"{path.name} exists already; a plan is not overwritten")
    if task is not None and suite is not None:
        raise click.UsageError("a plan is over a suite or over a task; give --suite or --task")
    if task is None and (args or scorer or values or threshold or judge or calls_a_sample != 1):
        raise click.UsageError("--arg, --scorer, --value, --threshold, --judge and --calls-a-sample belong to a --task")
    named = task or suite or SUITE
    seed = home.random(16).hex() if like is None else open_plan(like).design.seed
    common: dict[str, Any] = {
        "plan_id": home.random(16).hex(),
        "arrangement": arrangement,
        "title": title or f"{items} items of {named}, {model} by {protocol}",
        "protocol": protocol,
        "model": model,
        "items": items,
        "seed": seed,
        "max_tokens": max_tokens,
        "epochs": epochs,
    }
    if task is None:
        members = plan_members(suite=load_suite(named), **common)
    else:
        population, scoring = _guest(task, args, scorer, values, threshold, judged=judge is not None)
        members = task_plan_members(population=population, scoring=scoring, calls_a_sample=calls_a_sample, **common)
        if judge is not None:
            members["scoring"]["judge"] = _judge_members(judge, items)
    if batch is not None and decide is None and kind != "active":
        raise click.UsageError("--batch belongs to --decide or to --sample active")
    wanted = Wanted(
        kind=kind, strata_by=strata_by, strata=strata, neyman=neyman, history=history,
        cutoff=cutoff or f"{home.clock():%Y-%m-%d}", batch=batch, deciding=decide is not None,
    )  # fmt: skip
    _check_wanted(wanted)
    made_frame, salt = None, home.random(SALT_BYTES)
    if kind != "srs":
        members, made_frame, known = _framed(members, wanted, salt)
        if known is not None and not as_json:
            for subject, why in known.refused:
                click.echo(f"left out of the history: {subject.model}: {why}")
    if decide is not None:
        members = deciding(members, decide, min(batch or (ACTIVE_BATCH if kind == "active" else BATCH), items))
    text = write_plan(members)
    try:
        made = parse_plan(text, out.name)
    except EvaluationError as error:
        raise click.ClickException(f"these options make no plan:\n{error}") from None
    write_private(seed_path(out), seed)
    if made_frame is not None:
        write_frame(out, made_frame, salt)
    out.write_text(text, encoding="utf-8")
    if made_frame is not None:
        made = open_plan(out)
    line = f"plan written to {out.name}; check it, then freeze it before the first call"
    show_forecast(made, None, line, as_json)


@plan.command()
@click.argument("file", type=FILE)
@click.option("--terms", type=FILE, help="The terms: a signed offer, or the YAML that it was made from.")
@click.option("--gateway", help="The gateway's URL, to hold the plan against what is left of each clause.")
@click.option("--full", is_flag=True, help="Say as well what holds for every field that the plan does not state.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.pass_obj
def check(home: Home, file: Path, terms: Path | None, gateway: str | None, full: bool, as_json: bool) -> None:
    """Check FILE, and say what it takes, whether that fits the terms, and how exact its answer can be.

    What it takes is computed as the gateway reserves it, so a plan that fits is not refused under the budget, as long
    as nobody else spends and no call is repeated.
    """
    from comity.cli.forecast import forecast_plan

    if gateway is not None and terms is None:
        raise click.UsageError("--gateway tells what is left; what was agreed is in --terms FILE")
    read = read_plan(file)
    if terms is not None or read.parts.sampling.kind != "srs":
        read = open_plan(file)
    with _quiet():
        made = forecast_plan(home, read, terms, gateway)
    show_forecast(read, made, f"{file.name} is a plan", as_json)
    if full and not as_json:
        click.echo("\n  not stated, so:")
        for path, meaning in unstated(frozenset(read.stated)):
            click.echo(f"    {path:35} {meaning}")
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


@plan.command()
@click.argument("file", type=FILE)
@click.option("--because", required=True, help="Why, in one line of ASCII; it is an entry, so no content goes here.")
@click.option("--to", "amended", type=FILE, help="The plan that takes its place; its supersedes names FILE's digest.")
@click.option("--terms", "terms_file", required=True, type=FILE, help="The signed terms (offer file).")
@click.option("--gateway", required=True, help="The gateway's address, such as https://operator.example.")
@click.option("--json", "as_json", is_flag=True, help="Print the entry as JSON.")
@click.pass_obj
def deviate(
    home: Home, file: Path, because: str, amended: Path | None, terms_file: Path, gateway: str, as_json: bool
) -> None:
    """State a deviation from the frozen plan FILE, signed by this party, before any of its scores are known.

    What is found under FILE, or under the plan that takes its place, is exploratory from then on: the report says so,
    with the reason. Once scores of either are committed, no deviation is taken any more.
    """
    left, taken = read_plan(file), None if amended is None else read_plan(amended)
    if taken is not None and taken.stated.get("supersedes") != left.digest:
        raise click.ClickException(
            f"supersedes: {amended and amended.name} is to take the place of {file.name}; expected {left.digest} there"
        )
    try:
        terms = verify_offer(terms_file.read_bytes().removesuffix(b"\n")).terms
        text = deviation_text(
            ledger=terms.ledger.origin,
            plan=left.digest,
            amended="" if taken is None else taken.digest,
            because=because,
            nonce=home.random(16).hex(),
        )
    except ArrangementError as error:
        raise click.ClickException(str(error)) from None
    url = f"{gateway.rstrip('/')}/a/{terms.id}/deviations"
    members = ask_json(url, data=sign_act(text, home.signer("party")))
    said = f"stated: entry {members['index']}; results under plan {left.digest[:16]}… are exploratory"
    click.echo(json.dumps(members) if as_json else said)


def _guest(
    task: str,
    args: tuple[str, ...],
    scorer: str | None,
    values: tuple[str, ...],
    threshold: str | None,
    *,
    judged: bool,
) -> tuple[TaskPopulation, TaskScoring]:
    """What a new plan pins of an installed task, and how its scorer's values count."""
    from comity.evaluation.guests import ANY, USUAL_VALUES, find_guest, load_guest

    if values and threshold is not None:
        raise click.UsageError("a scorer's values count by --value or by --threshold")
    marks: dict[str, Any] = dict(_pair(value, "--value") for value in values) or dict(USUAL_VALUES)
    try:
        with _quiet():
            guest = find_guest(task, {name: _plain(value) for name, value in (_pair(arg, "--arg") for arg in args)})
            if scorer is None and (len(guest.scorers) > 1 or guest.scorers[0].endswith(ANY)):
                raise click.UsageError(f"{task} has several scorers; give --scorer, one of {', '.join(guest.scorers)}")
            named: dict[str, Mark] | None = None if threshold is not None else marks
            scoring = TaskScoring(scorer=scorer or guest.scorers[0], values=named, threshold=threshold)
            load_guest(guest.population, scoring, judged=judged)
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    return guest.population, scoring


def _check_wanted(wanted: Wanted) -> None:
    """Options that belong together, and to the kind of sample."""
    if wanted.kind != "stratified" and (wanted.strata or wanted.neyman):
        raise click.UsageError("--strata and --neyman belong to --sample stratified")
    if wanted.kind == "srs" and wanted.strata_by:
        raise click.UsageError("--strata-by belongs to --sample stratified, or to active, which learns by topic")
    if wanted.strata_by and wanted.strata:
        raise click.UsageError("strata follow a field, or so many groups by how hard the items were")
    by_past = wanted.kind == "active" or (wanted.kind == "stratified" and (not wanted.strata_by or wanted.neyman))
    if by_past and not wanted.history:
        raise click.UsageError("this sample rests on earlier runs; give --history FILE, as often as there are runs")
    if wanted.history and not by_past:
        raise click.UsageError("--history belongs to an active sample, or to strata or weights that follow it")


def _framed(members: dict[str, Any], wanted: Wanted, salt: bytes) -> tuple[dict[str, Any], Made, Admitted | None]:
    """The members with their sample, the frame, and which earlier runs may be known."""
    population = members["claim"]["population"]
    try:
        with _quiet():
            if "task" in population:
                guest = _guest_again(population)
                fields = guest_fields(guest, wanted.strata_by or "")
            else:
                fields = suite_fields(load_suite(population["suite"]), wanted.strata_by or "")
        sampling, history, made, known = make_sampling(
            wanted, fields, model=members["target"]["model"], bank=population["sha256"], salt=salt
        )
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    if wanted.strata_by and wanted.kind == "stratified":
        population = {**population, "strata_by": wanted.strata_by}
        members = {**members, "claim": {**members["claim"], "population": population}}
    return drawn_from(members, sampling, history), made, known


def _guest_again(population: dict[str, Any]) -> Guest:
    """The task of a plan that was made a moment ago."""
    from comity.evaluation.guests import find_guest

    return find_guest(population["task"], population["args"])


def _judge_members(text: str, calls: int) -> dict[str, Any]:
    """What a plan states of its judge; the parser holds each part to its form."""
    name, _, rest = text.partition("=")
    protocol, slash, rest = rest.partition("/")
    model, at, arrangement = rest.rpartition("@")
    if not (name and slash and model and at):
        raise click.UsageError(f"--judge is NAME=PROTOCOL/MODEL@ARRANGEMENT, got {text[:80]!r}")
    return {"recipient": name, "protocol": protocol, "model": model, "arrangement": arrangement, "calls": calls}


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
