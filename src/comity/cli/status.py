"""`comity status`: how an arrangement stands: what is spent, what runs, what was refused, what is held by both.

operator.example/a/0123…: 272 entries, 272 held by both sides
access    open, 0 calls under way
budget.calls          ██████████████▌            132 of 192             68.8%
…
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from comity.cli.calling import ask_json
from comity.cli.forecast import money
from comity.cli.home import Home

__all__ = ["status"]

CELLS: Final = 20
"""Characters of a bar."""
EIGHTHS: Final = " ▏▎▍▌▋▊▉"
NANO: Final = "nano "


@click.command()
@click.argument("ledger")
@click.option("--gateway", required=True, help="The gateway's address, such as https://operator.example.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def status(home: Home, ledger: str, gateway: str, as_json: bool) -> None:
    """Show how the arrangement of LEDGER (its origin) stands: spend, runs, refusals, stop."""
    arrangement = ledger.rpartition("/")[2]
    members = ask_json(f"{gateway.rstrip('/')}/a/{arrangement}/status", secret=home.secret())
    if as_json:
        click.echo(json.dumps(members))
        return
    behind = members["entries"] - members["published"]
    held = "all of them under a cosigned checkpoint" if behind <= 0 else f"{behind} not yet under a cosigned checkpoint"
    click.echo(members["ledger"])
    click.echo(f"  ledger    {members['entries']:,} entries, {held}")
    click.echo(f"  access    {_access(members)}")
    click.echo(f"  plans     {members['plans']} frozen")
    click.echo(f"  runs      {_runs(members['runs'])}")
    click.echo(f"\n  {'clause':22}{'':{CELLS}}   {'taken':>14} {'agreed':>17}")
    for clause, row in members["clauses"].items():
        click.echo(_clause(clause, row))
    click.echo("")
    if not members["refusals"]:
        click.echo("  refused   nothing")
    for clause, number in sorted(members["refusals"].items(), key=lambda one: (-one[1], one[0])):
        click.echo(f"  refused   {number:>6,}  {clause}")
    if members["unauthenticated"]:
        click.echo(
            f"  turned away without a key that is known: {members['unauthenticated']:,} (counted, never entries)"
        )


def _access(members: Mapping[str, Any]) -> str:
    calls = members["open_calls"]
    under_way = f"{calls} call{'' if calls == 1 else 's'} under way"
    stop = members["stopped"]
    if stop is None:
        return f"open, {under_way}"
    return click.style(f"STOPPED by the {stop['by']}: {stop['cause']}", bold=True) + f"; {under_way}"


def _runs(runs: Mapping[str, int]) -> str:
    parts = [f"{runs[name]} {name}" for name in ("finished", "aborted", "open") if runs[name]]
    return f"{runs['begun']} begun" + (f": {', '.join(parts)}" if parts else "")


def _clause(clause: str, row: Mapping[str, Any]) -> str:
    taken, agreed, unit = row["taken"], row["agreed"], row.get("unit", "")
    share = taken / agreed if agreed else 0.0
    if unit.startswith(NANO):
        figures = f"{money(taken, ''):>14} of {money(agreed, unit.removeprefix(NANO)):>15}"
    else:
        figures = f"{taken:>14,} of {agreed:>15,}"
    return f"  {clause:22}{bar(share)}   {figures} {share:7.1%}"


def bar(share: float, cells: int = CELLS) -> str:
    """A bar of text for a share; full only where all is taken, empty only where nothing is."""
    eighths = round(min(1.0, max(0.0, share)) * cells * 8)
    if 0 < share < 1:
        eighths = min(max(eighths, 1), cells * 8 - 1)
    whole, part = divmod(eighths, 8)
    drawn = "█" * whole + (EIGHTHS[part] if part else "")
    return drawn + "·" * (cells - len(drawn))
