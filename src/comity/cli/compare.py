"""`comity compare` and `comity history`: finished runs side by side, and as what the next planner may know."""

import json
from pathlib import Path

import click

from comity.cli.home import Home
from comity.cli.runs import run_folder
from comity.evaluation import EvaluationError
from comity.evaluation.comparison import Comparison, Standing, compare
from comity.evaluation.exporting import HISTORY
from comity.evaluation.history import Export, Rules, admit, gather, parse_days, parse_export, subject_of
from comity.evaluation.matrices import read_matrix

__all__ = ["compare_", "history"]


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…")
@click.option("--level", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.9999), help="Of the intervals.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as one JSON object.")
@click.pass_obj
def compare_(home: Home, runs: tuple[str, ...], level: float, as_json: bool) -> None:
    """Put finished runs side by side, and compare each with the first.

    RUN is the id that `comity run` printed, `last`, or a file that `comity history export` wrote. Runs over the same
    items are compared item by item, and Holm's method keeps the error over all comparisons.
    """
    try:
        found = compare([_load(home, run) for run in runs], level)
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(found.as_json())) if as_json else _tell(found)


@click.group()
def history() -> None:
    """What earlier runs found, item by item, and which of them the next planner may know."""


@history.command()
@click.argument("run")
@click.option("--organisation", help="Who made the model; read off its name unless it is given.")
@click.option("--family", help="The base that the model comes from; read off its name unless it is given.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_obj
def export(home: Home, run: str, organisation: str | None, family: str | None, out: Path, as_json: bool) -> None:
    """Write RUN as a file of history, for a planner here or elsewhere.

    The file names items and outcomes, so whoever has it knows which questions were asked.
    """
    if out.exists():
        raise click.ClickException(f"{out.name} exists already; history is not overwritten")
    try:
        found = _load(home, run)
        subject = subject_of(
            found.subject.model, organisation=organisation or "", family=family or "", days=found.subject.days
        )
        made = Export(
            bank=found.bank, bank_sha256=found.bank_sha256, subject=subject, run=found.run, plan=found.plan,
            scorer=found.scorer, outcomes=found.outcomes, clusters=found.clusters,
        )  # fmt: skip
        out.write_bytes(made.content())
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    said = {
        "run": made.run, "model": subject.model, "organisation": subject.organisation, "family": subject.family,
        "inferred": subject.inferred, "items": len(made.outcomes), "file": str(out),
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(said))
        return
    click.echo(f"{out.name}: {len(made.outcomes)} items of {subject.model} ({subject.organisation}, {subject.family})")
    if subject.inferred:
        click.echo("maker or base are read off the model's name; state them if they are wrong")


@history.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--model", required=True, help="The model that will be asked.")
@click.option("--organisation", default="", help="Who made it; read off its name unless it is given.")
@click.option("--family", default="", help="The base that it comes from; read off its name unless it is given.")
@click.option("--date", default="", help="Its date; history is earlier.")
@click.option("--json", "as_json", is_flag=True, help="Print the runs as one JSON object.")
def admitted(files: tuple[Path, ...], model: str, organisation: str, family: str, date: str, as_json: bool) -> None:
    """Say which runs in FILES a planner for a model may know, and why not the others.

    FILES are files of history over one bank, or one table of models by items in CSV.
    """
    try:
        if len(files) == 1 and not files[0].name.endswith(".json"):
            matrix = read_matrix(files[0])
            past, rules = matrix.history, matrix.rules
        else:
            past, rules = gather(parse_export(path.read_bytes()) for path in files), Rules()
        days = parse_days(date) if date else None
        found = admit(past, subject_of(model, organisation=organisation, family=family, days=days), rules)
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({
            "bank": past.bank,
            "admitted": [run.subject.model for run in found.history.runs],
            "refused": [{"model": subject.model, "because": why} for subject, why in found.refused],
            "not_kept": list(rules.off()),
        }))  # fmt: skip
        return
    click.echo(f"{past.bank}: {len(found.history.runs)} of {len(past.runs)} runs may inform a plan for {model}")
    for run in found.history.runs:
        click.echo(f"  may    {run.subject.model} ({run.subject.organisation}, {run.subject.family})")
    for subject, why in found.refused:
        click.echo(f"  not    {subject.model}: {why}")
    for rule in rules.off():
        click.echo(f"  the rule '{rule}' cannot be kept: the table has no dates")


def _load(home: Home, run: str) -> Export:
    path = Path(run)
    if not path.is_file():
        path = run_folder(home, run) / HISTORY
    try:
        return parse_export(path.read_bytes())
    except OSError as error:
        raise click.ClickException(
            f"{path.name} of the run cannot be read: {error.strerror}; runs of earlier releases wrote none"
        ) from None


def _no_rate(one: Standing) -> str:
    return "drawn with unequal chances: its report states the rate" if one.export.unequal else "nothing was judged"


def _tell(found: Comparison) -> None:
    for one in found.standings:
        subject = one.export.subject
        when = f", {subject.days.first}" if subject.days else ""
        click.echo(f"{one.export.run[:8]}  {subject.model}{when}, {one.export.bank}")
        click.echo(f"          {one.rate or _no_rate(one)}")
    click.echo(f"compared with {found.standings[0].export.run[:8]}, item by item:")
    for each in found.differences:
        mean = each.mean
        groups = f" in {mean.clusters} clusters" if mean.clusters is not None else ""
        point, low, high = (f"{end * 100:+.1f}" for end in (mean.point, mean.low, mean.high))
        how = f"{mean.level * 100:.6g}% {mean.method}, n={mean.n}{groups}, missing {mean.missing}"
        click.echo(f"{each.run[:8]}  {each.verdict}: {point} points ({low} to {high}, {how})")
        click.echo(
            f"          right alone: {each.alone[0]}, the first alone: {each.alone[1]}; "
            f"p = {each.p_value:.3g}, {each.adjusted:.3g} over {len(found.differences)} by Holm"
        )
    for run, why in found.apart:
        click.echo(f"{run[:8]}  not compared: {why}")
