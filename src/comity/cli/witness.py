"""`comity witness`: the other side's half of a ledger, as a process of its own.

    comity --home DIR witness --listen 127.0.0.1:7070 --add-log policy.txt

The policy file is tlog-policy text, or the file of the signed terms in which it stands:
its `log` lines say which ledger to cosign,
and one of its `witness` lines is this party's own key (`keys/witness`).
State and evidence lie in `DIR/witness/`; several `--add-log` may be given, and a log is added once:
a later `comity witness --add-log FILE --no-serve` reaches a witness that is running already.

When it is ready it prints one JSON line,
`{"evidence": […], "logs": […], "vkey": …, "witness": "http://127.0.0.1:PORT/"}`,
and then serves until it is interrupted or terminated.  `evidence` lists the folders under `DIR/witness/evidence/`
that each hold a refused checkpoint; with `--no-serve` a running witness's home can be asked for them.

Exit status: 0 ended as asked, 1 a log was refused, 2 misuse.
"""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import click

from comity.arrangement import ArrangementError, verify_offer
from comity.cli.home import Home
from comity.ledger import LedgerError, Policy, parse_policy, parse_private_key
from comity.ledger.serve import WitnessServer
from comity.ledger.witness import Witness

LOOPBACK = "127.0.0.1:0"


@click.command()
@click.option(
    "--listen",
    default=LOOPBACK,
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one, which is printed.",
)
@click.option(
    "--add-log",
    "policies",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A tlog-policy file, or signed terms, whose ledger to cosign from now on. May be repeated.",
)
@click.option("--no-serve", is_flag=True, help="Add the logs and end; a witness that is running sees them.")
@click.option("--json", "_as_json", is_flag=True, help="Print JSON, which this command does in any case.")
@click.pass_obj
def witness(home: Home, listen: str, policies: tuple[Path, ...], no_serve: bool, _as_json: bool) -> None:
    """Cosign the checkpoints of the ledgers this party watches.

    The witness remembers the largest tree it has seen of each ledger and cosigns a newer one only with a
    proof that nothing before it changed.  A ledger that shows two histories is refused, and what proves it
    is kept in witness/evidence/; with --no-serve the folders of such evidence are listed, and `comity verify`
    reads one.
    """
    host, port = _address(listen)
    try:
        signer = parse_private_key(home.key_path("witness").read_text(encoding="utf-8").strip())
        mine = Witness(home.path / "witness", signer=signer, clock=home.clock)
        try:
            for path in policies:
                mine.add_log(_policy(path))
            kept = [str(folder) for folder in mine.evidence()]
            ready: dict[str, Any] = {"evidence": kept, "logs": list(mine.origins()), "vkey": mine.vkey}
            if no_serve:
                click.echo(json.dumps(ready, sort_keys=True))
            else:
                _serve(mine, host, port, ready)
        finally:
            mine.close()
    except LedgerError as refused:
        raise click.ClickException(str(refused)) from refused


def _serve(mine: Witness, host: str, port: int, ready: dict[str, Any]) -> None:
    try:
        server = WitnessServer(mine, host, port)
    except OSError as fault:
        raise click.ClickException(f"cannot listen on {host}:{port}: {fault}; give another --listen") from fault
    with server:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        click.echo(json.dumps({**ready, "witness": server.address}, sort_keys=True))
        server.serve_forever(poll_interval=0.1)


def _policy(path: Path) -> Policy:
    """The policy in a file: tlog-policy text, or terms that both parties signed, which state it."""
    content = path.read_bytes()
    if not content.startswith(b"{"):
        return parse_policy(content)
    try:
        offer = verify_offer(content)
    except ArrangementError as refused:
        raise click.ClickException(str(refused)) from None
    if len(offer.signed_by) != 2:
        raise click.ClickException(
            "a witness watches ledgers of terms that both parties signed; one signature is here"
        )
    return offer.terms.ledger.policy


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise click.BadParameter(f"{text!r} is not HOST:PORT, such as {LOOPBACK}", param_hint="--listen")
    return host, int(port)
