"""`comity receipt`: the proof that one entry is in the ledger, to keep.

A receipt is a `.tlog-proof` (c2sp.org/tlog-proof): the entry's place, its path to
the root, and the checkpoint that both sides cosigned.  It comes with the entry's
own bytes; together they are checked offline by `comity verify`.
"""

import json
import time
from pathlib import Path

import click

from comity.cli.home import Home
from comity.ledger import LedgerError
from comity.ledger.transport import request

__all__ = ["receipt"]

POLL_SECONDS = 0.2


@click.command()
@click.argument("index", type=click.IntRange(min=0))
@click.argument("url")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder it goes to.")
@click.option(
    "--wait",
    default=10.0,
    type=click.FloatRange(0, 3600),
    show_default=True,
    help="Seconds to wait until both sides hold the entry.",
)
@click.option("--json", "as_json", is_flag=True, help="Print where it is as JSON.")
@click.pass_obj
def receipt(home: Home, index: int, url: str, out: Path, wait: float, as_json: bool) -> None:
    """Fetch the receipt of entry INDEX from the ledger at URL (…/a/<id>), with the entry beside it."""
    headers = {"authorization": f"Bearer {home.secret()}"}
    until = time.monotonic() + wait
    try:
        while (answer := request("GET", f"{url.rstrip('/')}/receipt/{index}", headers=headers)).status == 202:
            if time.monotonic() > until:
                raise click.ClickException(f"entry {index} is recorded and not yet held by both sides; ask again later")
            time.sleep(POLL_SECONDS)
        entry = request("GET", f"{url.rstrip('/')}/entry/{index}", headers=headers)
    except LedgerError as error:
        raise click.ClickException(str(error)) from None
    if answer.status != 200 or entry.status != 200:
        raise click.ClickException(f"no receipt of entry {index}: {_sentence(answer.body)}")
    out.mkdir(parents=True, exist_ok=True)
    proof, record = out / f"{index}.tlog-proof", out / f"{index}.json"
    proof.write_bytes(answer.body)
    record.write_bytes(entry.body)
    members = {"receipt": str(proof), "entry": str(record)}
    click.echo(json.dumps(members) if as_json else f"receipt of entry {index}: {proof}, with the entry beside it")


def _sentence(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
