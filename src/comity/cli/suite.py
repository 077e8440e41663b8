"""`comity suite`: the suites that ship, what they are for, and what they say beyond a share of right answers."""

import json
from typing import Any

import click

from comity.cli.home import Home
from comity.cli.runs import run_folder
from comity.evaluation import EvaluationError
from comity.evaluation.exporting import HISTORY
from comity.evaluation.history import parse_export
from comity.evaluation.scores import blind
from comity.evaluation.shown import shown_answers
from comity.evaluation.suites import PURPOSE, SHIPPED, load_suite
from comity.evaluation.suites.readings import read_confidence, read_pairs, stated_percent
from comity.evaluation.suites.statistics import read_statistics

__all__ = ["suite"]


@click.group()
def suite() -> None:
    """The suites that ship: for practice and monitoring, not evidence of capability."""


@suite.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the suites as one JSON object.")
def list_(as_json: bool) -> None:
    """List the suites, with what a small real model made of them."""
    try:
        found = [(one := load_suite(name), read_statistics(one)) for name in sorted(SHIPPED)]
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({"purpose": PURPOSE, "suites": [
            {"name": one.name, "version": one.version, "sha256": one.sha256, "items": len(one.items),
             "measured_on": known.model, "right": known.whole().as_json()}
            for one, known in found
        ]}))  # fmt: skip
        return
    click.echo(PURPOSE)
    for one, known in found:
        click.echo(f"  {one.name:18} version {one.version}, {len(one.items):3} items")
        click.echo(f"  {'':18} {known.model}: {known.whole()}")


@suite.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print the readings as one JSON object.")
@click.pass_obj
def read(home: Home, run: str, as_json: bool) -> None:
    """Read what RUN says beyond its share of right answers: over-confidence, or what a wording changes.

    RUN is the id that `comity run` printed, or `last`, of a run over stated-confidence or paraphrase.
    """
    folder = run_folder(home, run)
    try:
        plan = json.loads((folder / "plan.json").read_bytes())
        name, level = plan["claim"]["population"].get("suite", ""), float(plan["outputs"]["level"])
        readings: dict[str, Any]
        if name == "stated-confidence":
            bank = load_suite(name)
            shown = shown_answers(folder, salt := bytes.fromhex((folder / "scores.salt").read_text()))
            asked = {item.id: shown.get(blind(item.id, salt)) for item in bank.items}
            stated = {item: stated_percent(one.answer) for item, one in asked.items() if one is not None}
            made = read_confidence(stated, {item.id: "100" in item.answers for item in bank.items}, level)
            readings = {"over-confidence": made.overconfidence, "Brier score": made.brier}
        elif name == "paraphrase":
            outcomes = parse_export((folder / HISTORY).read_bytes()).outcomes
            pairs = read_pairs({item: scores[0] for item, scores in outcomes.items() if scores}, level)
            readings = {"second wording less first": pairs.difference, "pairs that differ": pairs.differing}
        else:
            raise click.ClickException(
                f"this run is over {name or 'a task'}; stated-confidence and paraphrase say more than a share"
            )
    except OSError as error:
        raise click.ClickException(f"the run's folder cannot be read: {error.strerror}") from None
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        said = {key: str(value) for key, value in readings.items()}
        click.echo(json.dumps({"run": folder.name, "suite": name, "purpose": PURPOSE, "readings": said}))
        return
    click.echo(f"{name}, {PURPOSE}")
    for key, value in readings.items():
        click.echo(f"  {key:26} {value}")
