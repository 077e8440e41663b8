"""`comity run`: carry out a frozen plan through the gateway, and show what it found with its evidence.

Exit status: 0 the run was carried out and log and ledger agree; 1 it was refused, aborted or interrupted, or they
differ.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from comity.cli.home import Home
from comity.cli.identity_acts import Beside, canaries_beside, sentence
from comity.cli.plan import open_plan, read_frozen
from comity.cli.progress import Burn, ProgressLine
from comity.evaluation import EvaluationError
from comity.evaluation.edge import Door, DoorUnreachable
from comity.evaluation.folder import RunFolder, last_folder, open_folder
from comity.evaluation.identity.canaries import MOST_SHARE
from comity.evaluation.judging import find_receiver, judge_door
from comity.evaluation.plan import Plan
from comity.evaluation.run import RunOutcome, begin, conduct, give_up
from comity.evaluation.watch import Progress

__all__ = ["run"]

LAST = "last"


@click.command()
@click.argument("file", metavar="PLAN", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--gateway", required=True, help="The gateway's URL: the one base URL that the evaluator needs.")
@click.option("--resume", metavar="RUN", help="Go on with a run of this plan that broke off; 'last' is the newest.")
@click.option("--give-up", "given_up", metavar="RUN", help="End a run that broke off: run.aborted, and no calls.")
@click.option("--canaries", metavar="ENROLMENT", help="Ask some of this enrolment between the run's calls.")
@click.option("--canary-share", default=MOST_SHARE, show_default=True, help="How many, where the plan states none.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@click.pass_obj
def run(
    home: Home,
    file: Path,
    gateway: str,
    resume: str | None,
    given_up: str | None,
    canaries: str | None,
    canary_share: float,
    as_json: bool,
) -> None:
    """Run the frozen plan PLAN through the gateway.

    The run is an entry before its first call, each call names it, and its scores are committed at the end. A run that
    broke off is resumed under the same name: what has ended is not asked again.

    A plan that states an identity check has its canaries asked between the calls, from the enrolment that it names;
    --canaries asks for it where the plan states none. Their result changes neither the run's status nor its scores.
    """
    if resume and given_up:
        raise click.UsageError("a run is resumed or given up, not both")
    plan = open_plan(file)
    frozen = read_frozen(file, plan)
    runs = Path(home.path).resolve() / "runs"
    burn = Burn(Door(gateway, plan.arrangement, home.secret(), timeout=5))
    progress = ProgressLine(plan.design.items * plan.design.epochs, burn)
    folder: RunFolder | None = None
    beside: Beside | None = None
    try:
        with Door(gateway, plan.arrangement, home.secret()) as door, _judge(plan, door, home) as judge:
            wanted = resume or given_up
            if wanted:
                folder = last_folder(runs, plan.digest) if wanted == LAST else open_folder(runs, wanted, plan.digest)
            if given_up and folder is not None:
                index = give_up(
                    plan, frozen, door, folder, "given up by the evaluator after it broke off", judge=judge
                )
                said = {"run": folder.run, "aborted": index}
                click.echo(json.dumps(said) if as_json else f"run {folder.run} is given up: entry {index}")
                return
            if folder is None:
                folder = begin(plan, frozen, door, runs=runs, random=home.random)
            with contextlib.ExitStack() as around:
                show: Progress = progress.show
                if canaries or plan.parts.identity:
                    beside = around.enter_context(
                        canaries_beside(home, canaries, canary_share, plan, folder.run, gateway)
                    )
                    show = beside.canaries.beside(show)
                around.enter_context(burn)
                around.enter_context(progress)
                outcome = conduct(
                    plan,
                    frozen,
                    door,
                    folder=folder,
                    secret=home.secret(),
                    milliseconds=lambda: time.monotonic_ns() // 1_000_000,
                    progress=show,
                    judge=judge,
                )
    except DoorUnreachable as error:
        raise click.ClickException(f"{error}{_how_to_resume(folder, file)}") from None
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted.{_how_to_resume(folder, file)}") from None
    if as_json:
        click.echo(json.dumps({**outcome.as_json(), **({"canaries": beside.as_json()} if beside else {})}))
    else:
        _tell(outcome)
        if beside:
            _tell_canaries(beside)
    sys.stdout.flush()
    sys.stderr.flush()
    if outcome.reconciliation.differences or outcome.status != "success":
        raise SystemExit(1)


@contextlib.contextmanager
def _judge(plan: Plan, door: Door, home: Home) -> Iterator[Door | None]:
    """The door to the plan's judge, at the endpoint that the terms list; `None` where the plan has no judge."""
    if plan.parts.judge is None and plan.parts.audit is None:
        yield None
        return
    endpoint = find_receiver(plan, door.status().get("recipients") or ())
    if not endpoint:
        yield None
        return
    with judge_door(plan, endpoint, home.secret()) as judge:
        yield judge


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
    if outcome.judge is not None:
        judge = outcome.judge
        click.echo(
            f"  judge    {judge['model']}: {judge['permitted']} calls, {judge['refused']} refused, entries of "
            f"{judge['ledger']} from {judge['begun']} on"
        )
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


def _tell_canaries(beside: Beside) -> None:
    click.echo(f"  canaries {len(beside.canaries.answers)} of {beside.count} answered (entry {beside.entry})")
    for result in beside.judged.results or () if beside.judged else ():
        click.echo(f"    {result.kind:<12} {sentence(result, benign=False)}")
    if beside.canaries.because:
        click.echo(f"    they ended early: {beside.canaries.because}")
