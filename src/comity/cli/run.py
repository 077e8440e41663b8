"""`comity run`: carry out a frozen plan through the gateway, and show what it found with its evidence.

Exit status: 0 the run was carried out and log and ledger agree; 1 it was refused, aborted, or they differ.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Final

import click

from comity.cli.home import Home
from comity.cli.plan import read_frozen, read_plan
from comity.evaluation import EvaluationError
from comity.evaluation.edge import Door
from comity.evaluation.run import RunOutcome, conduct

__all__ = ["run"]

STEPS: Final = 10
"""Lines of progress where there is no terminal to redraw."""


@click.command()
@click.argument("file", metavar="PLAN", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--gateway", required=True, help="The gateway's URL: the one base URL that the evaluator needs.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@click.pass_obj
def run(home: Home, file: Path, gateway: str, as_json: bool) -> None:
    """Run the frozen plan PLAN through the gateway.

    The run is an entry before its first call, each call names it, and its scores are committed at the end.
    """
    plan = read_plan(file)
    frozen = read_frozen(file, plan)
    progress = ProgressLine(plan.access.calls)
    try:
        with Door(gateway, plan.arrangement, home.secret()) as door:
            outcome = conduct(
                plan,
                frozen,
                door,
                runs=Path(home.path).resolve() / "runs",
                secret=home.secret(),
                random=home.random,
                milliseconds=lambda: time.monotonic_ns() // 1_000_000,
                progress=progress.show,
            )
    except EvaluationError as error:
        progress.end()
        raise click.ClickException(str(error)) from None
    progress.end()
    click.echo(json.dumps(outcome.as_json())) if as_json else _tell(outcome)
    sys.stdout.flush()
    sys.stderr.flush()
    if outcome.reconciliation.differences or outcome.status != "success":
        raise SystemExit(1)


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


class ProgressLine:
    """One line on standard error: redrawn on a terminal, else written every tenth of the way."""

    def __init__(self, total: int) -> None:
        self._total, self._step, self._began = total, 0, time.monotonic()
        self._redraw = sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"
        self._open = False

    def show(self, done: int, calls: int, refused: int) -> None:
        """Show how far the run is."""
        step = done * STEPS // self._total
        if not self._redraw and step == self._step:
            return
        self._step = step
        seconds = time.monotonic() - self._began
        text = f"{done}/{self._total} samples, {calls} calls, {refused} refused, {seconds:.0f} s"
        click.echo(f"\r{text}\x1b[K" if self._redraw else text, nl=not self._redraw, err=True)
        self._open = self._redraw

    def end(self) -> None:
        """Leave the line as it is and go on below it."""
        if self._open:
            click.echo("", err=True)
            self._open = False
