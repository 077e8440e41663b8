"""`comity guard`: the provider's half of a gateway, in front of the model's endpoint.

    comity --home provider guard serve terms.json --upstream http://127.0.0.1:8080 --listen 127.0.0.1:9090

TERMS is the file of the terms that both parties signed, whose clause `guard.by` is `provider`.
The guard needs no secret of its own to refuse: the gateway's permit key stands in the terms.
`guard counters` signs with this home's key `keys/guard`, which stands in the terms as `guard.key`.

When it is ready, `serve` prints one JSON line, `{"guard": "http://127.0.0.1:PORT", "ledger": …, "terms": …}`,
and then serves until it is interrupted or terminated.  State lies in `guard/<arrangement>/` of the home.
"""

import asyncio
import json
import signal
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import click
import uvloop

from comity.arrangement import ArrangementError, Terms, verify_offer
from comity.cli.calling import ask_json
from comity.cli.guard_amendments import Amendments
from comity.cli.home import Home
from comity.gateway.guard import Guard, count_day
from comity.gateway.guard_counters import sign_counters, write_indexes
from comity.gateway.guard_relay import Relay
from comity.gateway.guard_serve import serve_guard
from comity.gateway.guard_state import open_state, passed
from comity.gateway.permit_note import PERMIT_SECONDS, SKEW_SECONDS
from comity.gateway.serve import bind
from comity.gateway.tls import ServerTLS, UnfitTLS, client_context
from comity.ledger import Ledger, LedgerError, parse_vkey

__all__ = ["guard", "guarded_terms"]

STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of what the guard remembers; guard/<arrangement>/ of the home unless given.",
)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
TERMS = click.argument("terms_file", metavar="TERMS", type=FILE)


@click.group()
def guard() -> None:
    """The provider's half: refuse calls without a permit, sign daily counters."""


@guard.command("serve")
@TERMS
@click.option("--upstream", required=True, metavar="URL", help="The model's endpoint, without a path.")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to listen; port 0 takes a free one, which is printed.",
)
@click.option("--tls-certificate", type=FILE, help="Serve TLS with this certificate chain; SIGHUP reads it anew.")
@click.option("--tls-key", type=FILE, help="The certificate's private key, a file of mode 600.")
@click.option("--tls-callers", type=FILE, help="Take only callers with a certificate of one of these authorities.")
@click.option("--upstream-authorities", type=FILE, help="Trust these certificate authorities for the endpoint.")
@click.option(
    "--amendments",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder where later versions are laid, signed by both; each is taken when it comes, without a restart.",
)
@STATE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready (always printed).")
@click.pass_obj
def serve_command(
    home: Home,
    terms_file: Path,
    upstream: str,
    listen: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_callers: Path | None,
    upstream_authorities: Path | None,
    amendments: Path | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Let a request reach the model only with a valid, unused permit of TERMS' gateway.

    A request goes on unchanged but for the permit, and its answer comes back byte for byte.
    Of bodies nothing is kept.  SIGTERM ends the guard in order.
    """
    terms = guarded_terms(terms_file)
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise click.BadParameter(f"{listen!r} is not HOST:PORT, such as 127.0.0.1:9090", param_hint="--listen")
    try:
        tls = _tls(tls_certificate, tls_key, tls_callers)
        relay = Relay(upstream, tls=client_context(authorities=upstream_authorities))
    except UnfitTLS as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--upstream") from None
    try:
        with _state(home, terms, state) as book:
            listener = bind(host.strip("[]"), int(port))
            url = f"{'https' if tls else 'http'}://{host}:{listener.getsockname()[1]}"
            ready = {"guard": url, "ledger": terms.ledger.origin, "terms": terms.digest}

            async def run() -> None:
                ending = asyncio.Event()
                for number in (signal.SIGINT, signal.SIGTERM):
                    asyncio.get_running_loop().add_signal_handler(number, ending.set)
                if tls is not None:
                    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, tls)
                served = Guard(
                    state=book,
                    origin=terms.ledger.origin,
                    digest=terms.digest,
                    permit_key=parse_vkey(terms.guard.permit_key),
                    relay=relay,
                    clock=home.clock,
                )
                said = partial(click.echo, json.dumps(ready))
                watching = None
                if amendments is not None:
                    later = Amendments(amendments, terms, served.accept)
                    later.look()
                    watching = asyncio.create_task(later.watch())
                await serve_guard(served, listener, ready=said, until=ending, tls=tls)
                if watching is not None:
                    watching.cancel()

            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(run())
    except OSError as fault:
        raise click.ClickException(f"cannot listen on {listen}: {fault.strerror}; give another --listen") from None
    except LedgerError as fault:
        raise click.ClickException(str(fault)) from None


@guard.command("counters")
@TERMS
@click.option("--day", metavar="YYYY-MM-DD", help="The day, in UTC; yesterday unless given.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the counters to a file, and the permits' indexes beside it in FILE.indexes.",
)
@click.option("--gateway", metavar="URL", help="Post them to the gateway too, which makes them an entry.")
@STATE
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@click.pass_obj
def counters_command(
    home: Home,
    terms_file: Path,
    day: str | None,
    out: Path | None,
    gateway: str | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Count what passed and what was refused on a day, and sign it for the other side.

    Without --out and --gateway the signed counters are printed.  They hold numbers and a digest, nothing of any
    request.
    """
    terms = guarded_terms(terms_file)
    now = home.clock()
    wanted = _day(day) if day else (now - timedelta(days=1)).date().isoformat()
    signer = home.signer("guard")
    if signer.vkey != terms.guard.key:
        raise click.ClickException("this home's keys/guard is not the key that the terms name in guard.key")
    try:
        with _state(home, terms, state) as book:
            counted = count_day(book, origin=terms.ledger.origin, terms=terms.digest, day=wanted, at=now)
            reader = book.reader()
            indexes = write_indexes(passed(reader.query, wanted))
            reader.close()
    except LedgerError as fault:
        raise click.ClickException(str(fault)) from None
    note = sign_counters(counted, signer)
    if out is not None:
        out.write_bytes(note)
        out.with_name(f"{out.name}.indexes").write_bytes(indexes)
    entry = ask_json(f"{gateway.rstrip('/')}/a/{terms.id}/counters", data=note) if gateway else None
    refused = {reason: number for reason, number in counted.refused.items() if number}
    if as_json:
        members = {"day": wanted, "passed": counted.passed, "refused": refused, "indexes": counted.indexes}
        click.echo(json.dumps(members | ({"entry": entry["index"]} if entry else {})))
    elif out is None and entry is None:
        click.echo(note.decode(), nl=False)
    else:
        said = ", ".join(f"{number} {reason}" for reason, number in refused.items()) or "none"
        click.echo(f"{wanted}: {counted.passed} passed, refused: {said}")
        if out is not None:
            click.echo(f"signed in {out.name}, with the permits' indexes in {out.name}.indexes")
        if entry is not None:
            click.echo(f"recorded as entry {entry['index']} of {entry['ledger']}")
    if now.timestamp() < _final(wanted):
        click.echo(f"{wanted} is not over: these are counters so far", err=True)


def guarded_terms(path: Path) -> Terms:
    """The terms in a file, signed by both parties and with a guard; raises a `ClickException`."""
    try:
        offer = verify_offer(path.read_bytes())
    except ArrangementError as error:
        raise click.ClickException(str(error)) from None
    if len(offer.signed_by) != 2:
        raise click.ClickException("a guard keeps terms that both parties signed; one signature is missing here")
    if offer.terms.guard.by != "provider":
        raise click.ClickException("guard.by: these terms agree no guard; a version that says 'provider' does")
    return offer.terms


def _tls(certificate: Path | None, key: Path | None, callers: Path | None) -> ServerTLS | None:
    if certificate is None and key is None and callers is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-certificate and --tls-key: expected both, and --tls-callers only with them")
    return ServerTLS(certificate=certificate, key=key, callers=callers)


def _reload(tls: ServerTLS) -> None:
    try:
        tls.reload()
    except UnfitTLS as error:
        click.echo(f"the certificate in use stays: {error}", err=True)


def _state(home: Home, terms: Terms, folder: Path | None) -> Ledger:
    return open_state(folder or home.path / "guard" / terms.id, origin=terms.ledger.origin)


def _day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:  # it also reads 20261123 and weeks
            return text
        raise ValueError
    except ValueError:
        raise click.BadParameter(f"{text[:20]!r} is not a day such as 2026-11-23", param_hint="--day") from None


def _final(day: str) -> float:
    """From when on nothing can be added to a day, in seconds since 1970."""
    ends = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)
    return ends.timestamp() + PERMIT_SECONDS + SKEW_SECONDS
