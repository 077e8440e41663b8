"""`comity run`: carry out a frozen plan through the gateway, and show what it found with its evidence.

Exit status: 0 the run was carried out and log and ledger agree; 1 it was refused, aborted or interrupted, or they
differ.
"""

import json
import sys
import time
from pathlib import Path

import click

from comity.cli.home import Home
from comity.cli.plan import read_frozen, read_plan
from comity.cli.progress import Burn, ProgressLine
from comity.evaluation import EvaluationError
from comity.evaluation.edge import Door, DoorUnreachable
from comity.evaluation.folder import RunFolder, last_folder, open_folder
from comity.evaluation.run import RunOutcome, begin, conduct, give_up

__all__ = ["run"]

LAST = "last"


@click.command()
@click.argument("file", metavar="PLAN", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--gateway", required=True, help="The gateway's URL: the one base URL that the evaluator needs.")
@click.option("--resume", metavar="RUN", help="Go on with a run of this plan that broke off; 'last' is the newest.")
@click.option("--give-up", "given_up", metavar="RUN", help="End a run that broke off: run.aborted, and no calls.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@click.pass_obj
def run(home: Home, file: Path, gateway: str, resume: str | None, given_up: str | None, as_json: bool) -> None:
    """Run the frozen plan PLAN through the gateway.

    The run is an entry before its first call, each call names it, and its scores are committed at the end. A run that
    broke off is resumed under the same name: what has ended is not asked again.
    """
    if resume and given_up:
        raise click.UsageError("a run is resumed or given up, not both")
    plan = read_plan(file)
    frozen = read_frozen(file, plan)
    runs = Path(home.path).resolve() / "runs"
    burn = Burn(Door(gateway, plan.arrangement, home.secret(), timeout=5))
    progress = ProgressLine(plan.design.items * plan.design.epochs, burn)
    folder: RunFolder | None = None
    try:
        with Door(gateway, plan.arrangement, home.secret()) as door:
            wanted = resume or given_up
            if wanted:
                folder = last_folder(runs, plan.digest) if wanted == LAST else open_folder(runs, wanted, plan.digest)
            if given_up and folder is not None:
                index = give_up(frozen, door, folder, "given up by the evaluator after it broke off")
                said = {"run": folder.run, "aborted": index}
                click.echo(json.dumps(said) if as_json else f"run {folder.run} is given up: entry {index}")
                return
            if folder is None:
                folder = begin(plan, frozen, door, runs=runs, random=home.random)
            with burn, progress:
                outcome = conduct(
                    plan,
                    frozen,
                    door,
                    folder=folder,
                    secret=home.secret(),
                    milliseconds=lambda: time.monotonic_ns() // 1_000_000,
                    progress=progress.show,
                )
    except DoorUnreachable as error:
        raise click.ClickException(f"{error}{_how_to_resume(folder, file)}") from None
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted.{_how_to_resume(folder, file)}") from None
    click.echo(json.dumps(outcome.as_json())) if as_json else _tell(outcome)
    sys.stdout.flush()
    sys.stderr.flush()
    if outcome.reconciliation.differences or outcome.status != "success":
        raise SystemExit(1)


def _how_to_resume(folder: RunFolder | None, file: Path) -> str:
    if folder is None:
        return ""
    return f"\nThe run is open. Go on with it: comity run {file.name} --gateway URL --resume {folder.run}"


def _tell(outcome: RunOutcome) -> None:
    counts, found = outcome.counts, outcome.reconciliation
    click.echo(f"run {outcome.run}: {outcome.status} in {outcome.milliseconds / 1000:.1f} s")
    click.echo(
        f"  rows     {counts.intended} intended, {counts.attempted} attempted, {counts.answered} answered, "
        f"{counts.judged} judged, {counts.unscored} unscored, {counts.repeated} repeated"
    )
    for reason, number in outcome.missing.items():
        click.echo(f"  missing  {number} {reason}")
    click.echo(f"  calls    {len(found.permitted)} permitted, {len(found.refused) + found.counted} refused")
    if outcome.legs > 1 or found.lost:
        click.echo(
            f"  broke    off, and was carried out in {outcome.legs} legs; {len(found.lost)} calls were under way at a "
            f"break: in the ledger, in no log"
        )
    for estimate in outcome.estimates:
        click.echo(f"  right    {estimate}")
    if not outcome.estimates:
        click.echo("  right    nothing was judged, so there is no estimate")
    click.echo(f"  entries  begun {outcome.begun}, scores {outcome.committed}, finished {outcome.finished}")
    if found.differences:
        click.echo(f"  log and ledger differ in {len(found.differences)} places:")
        for difference in found.differences[:20]:
            click.echo(f"    {difference}")
    else:
        click.echo("  log and ledger agree, call for call")
