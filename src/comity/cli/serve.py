"""`comity ledger` and `comity serve`: the operator's half.

A ledger's name and keys are made before anybody signs (`ledger reserve`), so
that the terms can state them; the ledger itself begins when the operator takes
the terms that both parties signed (`ledger adopt`).  `serve` then runs gateway
and publisher of every adopted ledger in one process.

Several processes may serve a ledger in a database, and one of them publishes it.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import click
import uvloop

from comity import __version__
from comity.arrangement import ArrangementError, Offer, Terms, verify_offer
from comity.cli.amending import amend_ledger, keep_terms
from comity.cli.closing import compact
from comity.cli.home import Home, write_private
from comity.cli.places import ADDRESS, FILE, adopted_folders, ledger_place
from comity.cli.watching import Watching, host_port, open_watching
from comity.gateway import Doors, Gate, Provider, Upstream, begin_ledger, open_arrangement
from comity.gateway.endpoint import parse_endpoint
from comity.gateway.serve import bind, serve
from comity.gateway.tls import ServerTLS, UnfitTLS, client_context
from comity.ledger import Ledger, LedgerError, Signer, generate_key, parse_private_key
from comity.ledger.doors import is_url
from comity.ledger.publisher import AwaitingQuorum, Outcome, Publisher

__all__ = ["ledger", "serve_command"]

EXISTING: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def ledger() -> None:
    """The operator's ledgers: reserve a name and keys, adopt signed terms, take amendments, compact."""


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
    if not (home.path / "keys" / "permit").exists():
        permit = generate_key("ed25519", f"{home.host}/permit", home.random)
        write_private(home.path / "keys" / "permit", permit.private_text())
    card = home.card(logs=(log.vkey, log_mldsa.vkey), origin=origin)
    if out is not None:
        out.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    if as_json:
        click.echo(json.dumps(card))
    else:
        click.echo(f"reserved {origin}: its two log keys are made; the card states them and the permit key")


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
@click.option(
    "--database",
    metavar="URL",
    help="Keep the ledger in PostgreSQL, postgresql://… without a password, and not in a file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was adopted as JSON.")
@click.pass_obj
def adopt(
    home: Home,
    offer_file: Path,
    upstreams: Sequence[str],
    upstream_key_env: str,
    database: str | None,
    as_json: bool,
) -> None:
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
    if folder in adopted_folders(home.path):
        raise click.ClickException(f"{offer.terms.ledger.origin} is adopted here already; 'comity serve' serves it")
    if database is not None and not is_url(database):
        raise click.UsageError("--database: expected an address such as postgresql://db.example/comity")
    _permit_signer(home, offer.terms)
    providers = _providers(offer, upstreams)
    secret = os.environ.get(upstream_key_env, "")
    if not secret:
        raise click.ClickException(f"expected the provider's key in the environment variable {upstream_key_env}")
    try:
        begin_ledger(database or folder / FILE, offer, now=home.clock()).close()
    except (ArrangementError, LedgerError) as error:
        raise click.ClickException(str(error)) from None
    write_private(folder / "keys" / "upstream", secret)
    (folder / "terms.json").write_bytes(offer.envelope)
    (folder / "providers.json").write_text(json.dumps(providers, indent=1) + "\n")
    if database is not None:
        write_private(folder / ADDRESS, database)
    members = {"arrangement": offer.terms.id, "ledger": offer.terms.ledger.origin, "digest": offer.terms.digest}
    if as_json:
        click.echo(json.dumps(members))
    else:
        click.echo(f"{offer.terms.ledger.origin} begins: entry 0 holds both signatures over {offer.terms.digest[:16]}…")


ledger.add_command(amend_ledger)
ledger.add_command(compact)


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
@click.option("--no-publish", is_flag=True, help="Leave checkpoints to the one gateway that publishes these ledgers.")
@click.option("--tls-certificate", type=EXISTING, help="Serve TLS with this certificate chain; SIGHUP reads it anew.")
@click.option("--tls-key", type=EXISTING, help="The certificate's private key, a file of mode 600.")
@click.option("--tls-callers", type=EXISTING, help="Take only callers with a certificate of one of these authorities.")
@click.option("--upstream-authorities", type=EXISTING, help="Trust these authorities for providers, not the system's.")
@click.option("--upstream-certificate", type=EXISTING, help="Show this certificate chain to providers.")
@click.option("--upstream-certificate-key", type=EXISTING, help="Its private key, a file of mode 600.")
@click.option(
    "--upstream-link-local",
    is_flag=True,
    help="Allow providers at link-local addresses, where clouds hand out credentials.",
)
@click.option("--metrics", metavar="HOST:PORT", help="Answer Prometheus here, apart from callers; no key is asked for.")
@click.option(
    "--portal",
    "portal_at",
    default="127.0.0.1:8788",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the portal listens, if this home keeps cases.",
)
@click.option("--no-portal", is_flag=True, help="Start no portal.")
@click.option("--trace", is_flag=True, help="Send traces of calls, without content, where OTEL_* variables say.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready (always printed).")
@click.pass_obj
def serve_command(
    home: Home,
    listen: str,
    publish_every: float,
    no_publish: bool,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_callers: Path | None,
    upstream_authorities: Path | None,
    upstream_certificate: Path | None,
    upstream_certificate_key: Path | None,
    upstream_link_local: bool,
    metrics: str | None,
    portal_at: str,
    no_portal: bool,
    trace: bool,
    as_json: bool,
) -> None:
    """Start gateway and publisher of every adopted arrangement, and the portal where this home keeps cases.

    SIGTERM ends them in order.
    """
    folders = adopted_folders(home.path)
    if not folders:
        raise click.ClickException("no arrangement is adopted here; 'comity ledger adopt' takes one that is signed")
    host, port = host_port("--listen", listen)
    tls = _server_tls(tls_certificate, tls_key, tls_callers)
    try:
        context = client_context(
            authorities=upstream_authorities, certificate=upstream_certificate, key=upstream_certificate_key
        )
    except UnfitTLS as error:
        raise click.ClickException(str(error)) from None

    def connect(url: str) -> Upstream:
        try:
            return Upstream(url, tls=context, link_local=upstream_link_local)
        except ValueError as error:
            raise click.ClickException(str(error)) from None

    listener = bind(host.strip("[]"), port)
    url = f"{'http' if tls is None else 'https'}://{host}:{listener.getsockname()[1]}"

    with contextlib.ExitStack() as stack:
        stack.enter_context(listener)
        opened = {}
        for folder in folders:
            opened[folder.name] = (folder, stack.enter_context(_open(folder)))
        publishers = [
            stack.enter_context(_publishing(home, folder, book, publish_every))
            for folder, book in opened.values()
            if not no_publish
        ]
        watching, told = open_watching(stack, metrics, trace)
        if not no_portal and any((home.path / "engagements").glob("*/ledger.sqlite")):
            from comity.cli.portal import NEEDED, can_serve, start_portal

            if can_serve():
                told["portal"] = stack.enter_context(start_portal(home, "--listen", portal_at, "--gateway", url))
            else:
                click.echo(f"no portal is started: {NEEDED}", err=True)

        def ready() -> None:
            gc.freeze()  # what is loaded by now stays, and need not be looked through again and again
            _let_each_other_end()
            click.echo(json.dumps({"gateway": url, "arrangements": [folder.name for folder in folders], **told}))

        serving = partial(serve, listener=listener, ready=ready, tls=tls)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(_serve(home, opened, connect, watching, serving))
            except (ArrangementError, LedgerError) as fault:
                raise click.ClickException(str(fault)) from None
        for publisher in publishers:
            with contextlib.suppress(LedgerError, OSError):
                publisher.publish_once()


def _let_each_other_end() -> None:
    """Have no thread of this process interrupt another on the same core as soon as it could run: they hand work to
    each other at every turn, and each interruption costs two changes of thread (sched(7), SCHED_BATCH)."""
    if sys.platform == "linux":
        for thread in threading.enumerate():
            if thread.native_id is not None:
                with contextlib.suppress(OSError):  # it has ended, or this system does not let us
                    os.sched_setscheduler(thread.native_id, os.SCHED_BATCH, os.sched_param(0))


def _open(folder: Path) -> Ledger:
    """The ledger of an adopted arrangement, which is the one that its terms name."""
    try:
        offer = verify_offer((folder / "terms.json").read_bytes())
        opened = open_arrangement(ledger_place(folder), origin=offer.terms.ledger.origin)
        keep_terms(folder, opened)  # what a party handed to the gateway is in the ledger, and not yet in this file
        return opened
    except (ArrangementError, LedgerError) as fault:
        raise click.ClickException(str(fault)) from None


def _server_tls(certificate: Path | None, key: Path | None, callers: Path | None) -> ServerTLS | None:
    if certificate is None or key is None:
        if certificate is not None or key is not None or callers is not None:
            raise click.UsageError("--tls-certificate and --tls-key: expected both, and --tls-callers only with them")
        return None
    try:
        return ServerTLS(certificate=certificate, key=key, callers=callers)
    except UnfitTLS as error:
        raise click.ClickException(str(error)) from None


async def _serve(
    home: Home,
    opened: dict[str, tuple[Path, Ledger]],
    connect: Callable[[str], Upstream],
    watching: Sequence[Watching],
    serving: Callable[[Mapping[str, Doors]], Awaitable[None]],
) -> None:
    doors = {}
    for name, (folder, book) in opened.items():
        offer = verify_offer((folder / "terms.json").read_bytes())
        key = (folder / "keys" / "upstream").read_text().strip()
        providers = json.loads((folder / "providers.json").read_text())
        permit_signer = _permit_signer(home, offer.terms)
        try:
            gate = Gate(
                ledger=book,
                terms=offer.terms,
                providers={name: Provider(upstream=connect(url), key=key) for name, url in providers.items()},
                clock=home.clock,
                monotonic=home.monotonic,
                random=home.random,
                software=f"comity {__version__}",
                permit_signer=permit_signer,
            )
        except ValueError as error:  # a key that no header can hold
            raise click.ClickException(str(error)) from None
        gate.observers = tuple(watch(gate, folder / "public") for watch in watching)
        doors[name] = Doors(gate, folder / "public")
    await serving(doors)


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


def _permit_signer(home: Home, terms: Terms) -> Signer:
    """The key that signs permits; raises a `ClickException` where it is not the one that the terms name."""
    signer, named = home.signer("permit"), terms.guard.permit_key
    if signer.vkey != named:
        raise click.ClickException(
            f"the terms of {terms.ledger.origin} name the permit key {_short(named)} (clause guard.permit_key), and "
            f"keys/permit here holds {_short(signer.vkey)}: no guard would let a request pass. Put the named key "
            "back, or agree the next version with this one."
        )
    return signer


def _short(vkey: str) -> str:
    """Name and hash of a vkey, which tell one key from another."""
    return "+".join(vkey.split("+")[:2])


def _providers(offer: Offer, upstreams: Sequence[str]) -> dict[str, str]:
    spoken = {protocol for model in offer.terms.models for protocol in model.protocols}
    given = {}
    for text in upstreams:
        protocol, _, url = text.partition("=")
        try:
            parse_endpoint(url, link_local=True)  # whether it may lead there is for `serve` to say
        except ValueError as error:
            raise click.UsageError(f"--upstream {protocol}: {error}") from None
        given[protocol] = url
    if given.keys() != spoken:
        raise click.UsageError(
            f"--upstream: expected one for each of {', '.join(sorted(spoken))}, got {', '.join(given)}"
        )
    return given
