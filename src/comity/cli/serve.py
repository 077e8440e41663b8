"""`comity ledger` and `comity serve`: the operator's half.

A ledger's name and keys are made before anybody signs (`ledger reserve`), so
that the terms can state them; the ledger itself begins when the operator takes
the terms that both parties signed (`ledger adopt`).  `serve` then runs gateway
and publisher of every adopted ledger in one process.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import uvloop

from comity import __version__
from comity.arrangement import ArrangementError, Offer, verify_offer
from comity.cli.home import Home, write_private
from comity.gateway import Doors, Gate, Provider, Upstream, begin_ledger, open_arrangement
from comity.gateway.serve import bind, serve
from comity.ledger import Ledger, LedgerError, Signer, generate_key, parse_private_key
from comity.ledger.publisher import AwaitingQuorum, Outcome, Publisher

__all__ = ["ledger", "serve_command"]


@click.group()
def ledger() -> None:
    """The operator's ledgers: reserve a name and keys, adopt signed terms."""


@ledger.command("reserve")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the operator's card to a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the operator's card as JSON.")
@click.pass_obj
def reserve(home: Home, out: Path | None, as_json: bool) -> None:
    """Make an arrangement's id and its ledger's keys, before anybody signs."""
    arrangement = home.random(16).hex()
    origin = f"{home.host}/a/{arrangement}"
    keys = _folder(home, arrangement) / "keys"
    log, log_mldsa = (generate_key(kind, origin, home.random) for kind in ("ed25519", "mldsa44-cosigner"))
    write_private(keys / "log", log.private_text())
    write_private(keys / "log-mldsa", log_mldsa.private_text())
    card = home.card(logs=(log.vkey, log_mldsa.vkey), origin=origin)
    if out is not None:
        out.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    if as_json:
        click.echo(json.dumps(card))
    else:
        click.echo(f"reserved {origin}: its two log keys are made, and its card states them")


@ledger.command("adopt")
@click.argument("offer_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--upstream",
    "upstreams",
    multiple=True,
    metavar="PROTOCOL=URL",
    required=True,
    help="Where the calls of one protocol go; once for each protocol of the terms.",
)
@click.option(
    "--upstream-key-env",
    default="COMITY_UPSTREAM_KEY",
    show_default=True,
    help="The environment variable that holds the provider's key; it is kept in a file of mode 600.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was adopted as JSON.")
@click.pass_obj
def adopt(home: Home, offer_file: Path, upstreams: Sequence[str], upstream_key_env: str, as_json: bool) -> None:
    """Take the terms in OFFER_FILE, signed by both parties, and begin their ledger with entry 0."""
    try:
        offer = verify_offer(offer_file.read_bytes())
    except ArrangementError as error:
        raise click.ClickException(str(error)) from None
    folder = _folder(home, offer.terms.id)
    reserved = {signer.vkey for signer in _log_keys(folder)} if folder.exists() else set()
    named = {log.key.vkey for log in offer.terms.ledger.policy.logs}
    if not reserved or not reserved >= named:
        raise click.ClickException(
            f"these terms name log keys that this operator did not reserve for {offer.terms.ledger.origin}; "
            f"make them with 'comity ledger reserve' and have the terms name them"
        )
    providers = _providers(offer, upstreams)
    secret = os.environ.get(upstream_key_env, "")
    if not secret:
        raise click.ClickException(f"expected the provider's key in the environment variable {upstream_key_env}")
    try:
        begin_ledger(folder / "ledger.sqlite", offer, now=home.clock()).close()
    except (ArrangementError, LedgerError) as error:
        raise click.ClickException(str(error)) from None
    write_private(folder / "keys" / "upstream", secret)
    (folder / "terms.json").write_bytes(offer.envelope)
    (folder / "providers.json").write_text(json.dumps(providers, indent=1) + "\n")
    members = {"arrangement": offer.terms.id, "ledger": offer.terms.ledger.origin, "digest": offer.terms.digest}
    if as_json:
        click.echo(json.dumps(members))
    else:
        click.echo(f"{offer.terms.ledger.origin} begins: entry 0 holds both signatures over {offer.terms.digest[:16]}…")


@click.command("serve")
@click.option(
    "--listen",
    default="127.0.0.1:8787",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one.",
)
@click.option(
    "--publish-every",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.05, 3600),
    help="Seconds between checkpoints.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready (always printed).")
@click.pass_obj
def serve_command(home: Home, listen: str, publish_every: float, as_json: bool) -> None:
    """Start gateway and publisher of every adopted arrangement; SIGTERM ends them in order."""
    folders = sorted(path.parent for path in (home.path / "ledgers").glob("*/ledger.sqlite"))
    if not folders:
        raise click.ClickException("no arrangement is adopted here; 'comity ledger adopt' takes one that is signed")
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise click.UsageError(f"--listen: expected HOST:PORT such as 127.0.0.1:8787, got {listen!r}")
    listener = bind(host.strip("[]"), int(port))
    url = f"http://{host}:{listener.getsockname()[1]}"

    def ready() -> None:
        click.echo(json.dumps({"gateway": url, "arrangements": [folder.name for folder in folders]}))

    with contextlib.ExitStack() as stack:
        opened = {}
        for folder in folders:
            opened[folder.name] = (folder, stack.enter_context(open_arrangement(folder / "ledger.sqlite")))
        publishers = [
            stack.enter_context(_publishing(home, folder, book, publish_every)) for folder, book in opened.values()
        ]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(_serve(home, opened, listener, ready))
            except (ArrangementError, LedgerError) as fault:
                raise click.ClickException(str(fault)) from None
        for publisher in publishers:
            with contextlib.suppress(LedgerError, OSError):
                publisher.publish_once()


async def _serve(
    home: Home, opened: dict[str, tuple[Path, Ledger]], listener: socket.socket, ready: Callable[[], None]
) -> None:
    doors = {}
    for name, (folder, book) in opened.items():
        offer = verify_offer((folder / "terms.json").read_bytes())
        key = (folder / "keys" / "upstream").read_text().strip()
        providers = json.loads((folder / "providers.json").read_text())
        gate = Gate(
            ledger=book,
            terms=offer.terms,
            providers={name: Provider(upstream=Upstream(url), key=key) for name, url in providers.items()},
            clock=home.clock,
            random=home.random,
            software=f"comity {__version__}",
        )
        doors[name] = Doors(gate, folder / "public")
    await serve(doors, listener, ready=ready)


@contextlib.contextmanager
def _publishing(home: Home, folder: Path, book: Ledger, interval: float) -> Iterator[Publisher]:
    offer = verify_offer((folder / "terms.json").read_bytes())
    publisher = Publisher(
        book, folder / "public", signers=_log_keys(folder), policy=offer.terms.ledger.policy, clock=home.clock
    )

    def publish() -> None:
        try:
            publisher.run(interval, report=PublishingTold(folder.name))
        except LedgerError as fault:  # a history that does not hold: nothing more may pass under it
            click.echo(f"{folder.name}: publishing ended, and the gateway with it: {fault}", err=True)
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        publisher.stop()
        thread.join(10)


class PublishingTold:
    """Says on standard error why a checkpoint waits, once for each reason, and when the wait is over."""

    def __init__(self, name: str) -> None:
        self._name, self._said = name, ""

    def __call__(self, outcome: Outcome | Exception) -> None:
        match outcome:
            case AwaitingQuorum():
                said = f"the quorum is not met, {', '.join(outcome.missing)} missing: {'; '.join(outcome.reasons)}"
            case Exception():
                said = f"not published: {outcome}"
            case _:
                said = ""
        if said != self._said:
            click.echo(f"{self._name}: {said or 'published again under the quorum'}", err=True)
        self._said = said


def _folder(home: Home, arrangement: str) -> Path:
    return home.path / "ledgers" / arrangement


def _log_keys(folder: Path) -> tuple[Signer, ...]:
    return tuple(parse_private_key((folder / "keys" / name).read_text().strip()) for name in ("log", "log-mldsa"))


def _providers(offer: Offer, upstreams: Sequence[str]) -> dict[str, str]:
    spoken = {protocol for model in offer.terms.models for protocol in model.protocols}
    given = {}
    for text in upstreams:
        protocol, _, url = text.partition("=")
        try:
            Upstream(url)
        except ValueError as error:
            raise click.UsageError(f"--upstream {protocol}: {error}") from None
        given[protocol] = url
    if given.keys() != spoken:
        raise click.UsageError(
            f"--upstream: expected one for each of {', '.join(sorted(spoken))}, got {', '.join(given)}"
        )
    return given
