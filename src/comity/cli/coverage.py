"""`comity coverage`: which use domains and risk areas were tested, how deep, and which were not."""

import json
from pathlib import Path

import click

from comity.cli.home import Home
from comity.evaluation import EvaluationError
from comity.evaluation.coverage import KINDS, AreaCoverage, MappedTask, TestedRun, cover, read_map, read_runs

__all__ = ["coverage"]


@click.command()
@click.option("--model", help="Only runs of this model.")
@click.option("--area", help="One area alone, with every task that tests it and what each needs.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as one JSON object.")
@click.pass_obj
def coverage(home: Home, model: str | None, area: str | None, as_json: bool) -> None:
    """Say what the runs in this home tested, by use domain and risk area, and what nobody tested."""
    known = [one.id for one in read_map()[0]]
    if area is not None and area not in known:
        raise click.UsageError(f"no area {area[:40]!r}; there are {', '.join(known)}")
    try:
        runs = read_runs(Path(home.path) / "runs")
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    found = cover(run for run in runs if model is None or run.model == model)
    if as_json:
        members = found.as_json()
        members["areas"] = [one for one in members["areas"] if area in (None, one["area"])]
        click.echo(json.dumps(members))
        return
    for kind, words in KINDS.items():
        shown = [one for one in found.areas if one.area.kind == kind and area in (None, one.area.id)]
        if shown:
            click.secho(words, bold=True)
        for one in shown:
            _tell(one, whole=area is not None)
    if found.elsewhere and area is None:
        click.secho("in no area: state legal.use_domain or legal.risk_area in the plan", bold=True)
        for run in found.elsewhere:
            click.echo(f"    {_line(run)}")


def _tell(one: AreaCoverage, *, whole: bool) -> None:
    tested = one.mapped - len(one.untested)
    depth = f"{one.n:,} answers judged, {tested} of {one.mapped} tasks" if one.runs else "nothing was tested"
    click.echo(f"  {one.area.name}: {depth}")
    for run in one.runs:
        click.echo(f"    {_line(run)}")
    if whole:
        for task in one.untested:
            click.echo(f"    not {task.task}: {task.samples:,} samples{_needs(task)}")
    elif one.untested:
        ready = sum(not task.needs for task in one.untested)
        left = f"{len(one.untested)} task{'' if len(one.untested) == 1 else 's'}"
        click.echo(f"    not tested: {left}; {ready} of them need no network, Docker or other model")


def _line(run: TestedRun) -> str:
    lost = f", {run.missing} missing" if run.missing else ""
    return f"{run.task}, {run.model}, run {run.run[:8]}{lost}: {run.text}"


def _needs(task: MappedTask) -> str:
    words = {"network": "the network", "docker": "Docker", "second-model": "a second model"}
    return f"; needs {' and '.join(words[need] for need in task.needs)}" if task.needs else ""
