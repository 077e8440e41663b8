"""`comity draw`: which rows of a run are opened, chosen by neither side.

    comity draw commit RUN      each party, after the run's scores are committed
    comity draw reveal RUN      each party, after both have committed
    comity draw open RUN        the evaluator, after both have told

A party's secret lies in its home, `draws/<run>`, mode 600, from the commitment on.  `reveal` tells it only when both
commitments are under a checkpoint that the policy's quorum cosigned: before that, an operator in league with the
other side could still take its commitment back.

`open` finds the drawn rows (`comity.verify.draw`), opens the last call of each by its own keys, records every opening
in the ledger, and writes the bundle of the report anew with all that and a fresh copy of the ledger.
"""

import json
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import click

from comity.arrangement import (
    ActRefused,
    ArrangementError,
    DrawCommit,
    Offer,
    draw_commit_text,
    draw_reveal_text,
    open_act,
    sign_act,
    verify_offer,
)
from comity.cli.calling import ask_json
from comity.cli.home import Home, write_private
from comity.cli.mirror import copy_published
from comity.ledger import LedgerError, QuorumMet, check_receipt, parse_receipt, parse_vkey
from comity.ledger.reader import TileDirectory
from comity.records import DrawCommitted, RecordError, parse_record

__all__ = ["draw"]

WAIT: Final = 30.0
POLL_SECONDS: Final = 0.2
FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)
ROLES: Final = ("authority", "provider")


@click.group()
def draw() -> None:
    """Draw rows of a run that neither side chose, and open them."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON."),
        click.option("--terms", "terms_file", required=True, type=FILE, help="The signed terms (offer file)."),
        click.option("--gateway", required=True, help="The gateway's address, such as https://operator.example."),
        click.argument("run"),
    ):
        command = option(command)
    return command


WAITING: Final = click.option(
    "--wait",
    default=WAIT,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Seconds to wait until both sides hold what is needed.",
)


@draw.command("commit")
@_options
@click.pass_obj
def commit(home: Home, run: str, gateway: str, terms_file: Path, as_json: bool) -> None:
    """Commit to this party's half of the draw over RUN, without telling it."""
    offer = _offer(terms_file)
    path = _secret_path(home, run)
    if not path.exists():  # an answer that was lost leaves the secret, and the same one is committed to again
        write_private(path, home.random(32).hex())
    commitment = sha256(bytes.fromhex(path.read_text().strip())).hexdigest()
    text = _act(draw_commit_text, ledger=offer.terms.ledger.origin, run=run, commitment=commitment, home=home)
    members = ask_json(f"{_door(gateway, offer)}/draw-commits", data=sign_act(text, home.signer("party")))
    said = f"committed: entry {members['index']}; the secret stays in draws/{run} until both have committed"
    click.echo(json.dumps(members) if as_json else said)


@draw.command("reveal")
@_options
@WAITING
@click.pass_obj
def reveal(home: Home, run: str, gateway: str, terms_file: Path, wait: float, as_json: bool) -> None:
    """Tell this party's half of the draw over RUN, once both commitments are held by both sides."""
    offer = _offer(terms_file)
    path = _secret_path(home, run)
    if not path.exists():
        raise click.ClickException(f"no draws/{run} in this home: this party has not committed. Do: comity draw commit")
    secret = path.read_text().strip()
    door = _door(gateway, offer)
    commitments = _held_by_both(door, run, offer, wait)
    mine = sha256(bytes.fromhex(secret)).hexdigest()
    if commitments.get(_role(home, offer)) != mine:
        raise click.ClickException("the ledger holds another commitment than this home's secret; nothing is told")
    text = _act(draw_reveal_text, ledger=offer.terms.ledger.origin, run=run, secret=secret, home=home)
    members = ask_json(f"{door}/draw-reveals", data=sign_act(text, home.signer("party")))
    click.echo(json.dumps(members) if as_json else f"told: entry {members['index']} of {members['ledger']}")


@draw.command("open")
@_options
@WAITING
@click.option("--bundle", "bundle_file", required=True, type=FILE, help="The bundle of the run's report.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The bundle to write.")
@click.pass_obj
def open_rows(
    home: Home, run: str, gateway: str, terms_file: Path, wait: float, as_json: bool, bundle_file: Path, out: Path
) -> None:
    """Open the drawn rows of RUN, and write its bundle anew with them."""
    from comity.cli.drawn_rows import open_drawn

    offer = _offer(terms_file)
    door, secret = _door(gateway, offer), home.secret()

    def copy(folder: Path) -> tuple[bytes, ...]:
        size, _ = copy_published(door, folder, secret=secret, wait=wait)
        return tuple(TileDirectory(folder).entries(0, size))

    def record(call: int, part: str) -> None:
        members = {"kind": "content.disclosed", "permit": call, "part": part, "to": f"draw over {run}"}
        ask_json(f"{door}/entries", data=json.dumps(members).encode(), secret=secret)

    with tempfile.TemporaryDirectory() as folder:
        try:
            opened = open_drawn(
                home, run=run, bundle=bundle_file, out=out, copy=copy, record=record, folder=Path(folder)
            )
        except LedgerError as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({"bundle": str(out), **opened}))
        return
    rows = ", ".join(map(str, opened["rows"]))
    click.echo(f"drawn were rows {rows} of scores.json; calls {', '.join(map(str, opened['calls']))} are opened")
    click.echo(f"bundle   {out}\ncheck it with: comity verify {out} --arrangement TERMS")


def _held_by_both(door: str, run: str, offer: Offer, wait: float) -> dict[str, str]:
    """Both parties' commitments, each signed and under the quorum's cosignatures."""
    until = time.monotonic() + wait
    while True:
        found = _commitments(ask_json(f"{door}/draw/{run}"), run, offer)
        missing = [role for role in ROLES if role not in found]
        if not missing:
            return found
        if time.monotonic() >= until:
            raise click.ClickException(
                f"nothing is told: no commitment of the {' and the '.join(missing)} is held by both sides yet. "
                f"Ask again later, or give --wait SECONDS"
            )
        time.sleep(POLL_SECONDS)


def _commitments(told: dict[str, Any], run: str, offer: Offer) -> dict[str, str]:
    keys = offer.terms.parties.keys()
    found: dict[str, str] = {}
    for each in told.get("entries", ()):
        entry, held = str(each["entry"]).encode(), each["receipt"]
        try:
            record = parse_record(entry)
            if not isinstance(record, DrawCommitted) or held is None:
                continue
            verdict = check_receipt(parse_receipt(held.encode()), entry, offer.terms.ledger.policy)
            act = open_act(record.note.encode(), *(parse_vkey(key) for key in keys.values()))
        except (RecordError, LedgerError, ActRefused) as error:
            said = f"nothing is told: what the gateway shows of the draw does not hold: {error}"
            raise click.ClickException(said) from None
        signed = next(role for role in ROLES if keys[role] == act.by)
        if not isinstance(act, DrawCommit) or (act.run, act.commitment, signed) != (run, record.commitment, record.by):
            raise click.ClickException("nothing is told: a commitment's entry says something else than its signed note")
        if isinstance(verdict.checkpoint.quorum, QuorumMet):
            found[signed] = record.commitment
    return found


def _act(text: Callable[..., str], *, home: Home, **fields: str) -> str:
    try:
        return text(**fields, nonce=home.random(16).hex())
    except ActRefused as error:
        raise click.UsageError(str(error)) from None


def _role(home: Home, offer: Offer) -> str:
    keys = offer.terms.parties.keys()
    mine = home.signer("party").vkey
    role = next((role for role in ROLES if keys[role] == mine), None)
    if role is None:
        raise click.ClickException("the terms name other parties: this home's party key is not among theirs")
    return role


def _secret_path(home: Home, run: str) -> Path:
    if len(run) != 32 or not set(run) <= set("0123456789abcdef"):
        raise click.UsageError(f"a run is 32 lower-case hex digits, not {run[:60]!r}")
    return Path(home.path) / "draws" / run


def _door(gateway: str, offer: Offer) -> str:
    return f"{gateway.rstrip('/')}/a/{offer.terms.id}"


def _offer(file: Path) -> Offer:
    try:
        return verify_offer(file.read_bytes().removesuffix(b"\n"))
    except ArrangementError as error:
        raise click.ClickException(f"{file.name}: {error}") from None
