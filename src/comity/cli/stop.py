"""`comity stop`, `suspend`, `resume` and `exit`: a party's own hand on the access.

Each signs one act with this home's party key, and sends it to the gateway or
writes it to a file that anyone may hand to the operator.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from comity.arrangement import CAUSES, UNSTATED, exit_text, resume_text, sign_act, stop_text, suspend_text
from comity.cli.calling import ask_json
from comity.cli.home import Home

__all__ = ["leave", "resume", "stop", "suspend"]


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the entry as JSON."),
        click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the signed note to a file."),
        click.option("--gateway", help="The gateway's address, such as https://operator.example."),
        click.option("--cause", required=True, type=click.Choice(sorted(CAUSES)), help="Why, as a code."),
        click.argument("ledger"),
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.pass_obj
def stop(home: Home, ledger: str, cause: str, gateway: str | None, out: Path | None, as_json: bool) -> None:
    """Stop the access under LEDGER (its origin) at once, on every gateway.

    No call passes from then on, and answers that are under way are cut.
    """
    text = stop_text(ledger=ledger, cause=cause, nonce=home.random(16).hex())
    _act(home, "stop", text, gateway, out, as_json)


@click.command()
@_options
@click.pass_obj
def suspend(home: Home, ledger: str, cause: str, gateway: str | None, out: Path | None, as_json: bool) -> None:
    """Suspend the access under LEDGER (its origin) until this party resumes it.

    No new call passes from then on; answers that are under way end in order.
    For the causes that the terms name in suspension.clock_stops, the window's clock stands still meanwhile.
    """
    text = suspend_text(ledger=ledger, cause=cause, nonce=home.random(16).hex())
    _act(home, "suspend", text, gateway, out, as_json)


@click.command()
@_options
@click.pass_obj
def resume(home: Home, ledger: str, cause: str, gateway: str | None, out: Path | None, as_json: bool) -> None:
    """Let the access under LEDGER go on: lift this party's own stop and suspension."""
    text = resume_text(ledger=ledger, cause=cause, nonce=home.random(16).hex())
    _act(home, "resume", text, gateway, out, as_json)


@click.command("exit")
@click.argument("ledger")
@click.option("--cause", required=True, type=click.Choice(sorted((*CAUSES, UNSTATED))), help="Why, as a code.")
@click.option(
    "--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The first day without access, in UTC; else today's."
)
@click.option("--gateway", help="The gateway's address, such as https://operator.example.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the signed note to a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the entry as JSON.")
@click.pass_obj
def leave(
    home: Home, ledger: str, cause: str, day: datetime | None, gateway: str | None, out: Path | None, as_json: bool
) -> None:
    """Leave the arrangement under LEDGER (its origin) for good: from a day on there is no access.

    Who may leave, with how many days of notice, and whether a cause is stated, is agreed in the clause exit.
    The cause 'unstated' is for terms whose exit.statement is none.
    """
    on = (day or home.clock()).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    text = exit_text(ledger=ledger, cause=cause, effective=on, nonce=home.random(16).hex())
    _act(home, "exit", text, gateway, out, as_json)


def _act(home: Home, door: str, text: str, gateway: str | None, out: Path | None, as_json: bool) -> None:
    note = sign_act(text, home.signer("party"))
    if gateway is None and out is None:
        raise click.UsageError("expected --gateway URL to act now, or --out FILE to hand the signed note on")
    if out is not None:
        out.write_bytes(note)
    if gateway is None:
        click.echo(json.dumps({"note": str(out)}) if as_json else f"signed; hand {out} to the operator")
        return
    arrangement = text.split("\n")[1].rpartition("/")[2]
    members = ask_json(f"{gateway.rstrip('/')}/a/{arrangement}/{door}", data=note)
    done = {"stop": "stopped", "suspend": "suspended", "resume": "resumed", "exit": "left"}[door]
    click.echo(json.dumps(members) if as_json else f"{done}: entry {members['index']} of {members['ledger']}")
