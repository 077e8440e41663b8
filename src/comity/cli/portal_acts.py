"""What a portal does with its home's own hand: open a case, sign terms, take them in, hand them on, and stop.

The portal knows nothing of folders and keys; it gets these as functions.  Each raises `HouseRefused` with a sentence
for the person who pressed the button.

The addresses of other parties' portals lie in `portal/peers.json`, a JSON object of names and addresses that
`comity portal peer` writes.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from comity.arrangement import (
    ArrangementError,
    Certificate,
    Closing,
    Offer,
    Terms,
    certificate_text,
    countersign,
    offer_terms,
    open_certificate,
    verify_offer,
)
from comity.cli.access_ledgers import held_offers, mirrors
from comity.cli.arrangement_approve import before_signing
from comity.cli.arrangement_files import party_role
from comity.cli.calling import ask_json
from comity.cli.cases import check_offer, keep_offer, open_case, record_offer, refuse, write_file
from comity.cli.closing import certify_access, close_access
from comity.cli.home import Home
from comity.cli.opening import open_engagement
from comity.engagement import EngagementError
from comity.law import LawError
from comity.ledger import LedgerError, parse_head, parse_note
from comity.portal.house import HouseRefused, Opening
from comity.records import RecordError

__all__ = ["acts_of", "peers", "put_peer"]

PARTIES: Final = ("authority", "provider")
PEERS: Final = "portal/peers.json"
DELIVER: Final = "deliver/"
CERTIFICATE: Final = "closing-certificate.json"


def acts_of(home: Home, gateway: str) -> dict[str, Any]:
    """The members of a `House` by which its side acts; a home that is no party has none of its own."""
    found: dict[str, Any] = {"send": partial(_send, gateway.rstrip("/")) if gateway else None}
    if home.role not in PARTIES:
        return found
    return found | {
        "signer": lambda: home.signer("party"),
        "accept": partial(_accept, home),
        "receive": partial(_receive, home),
        "begin": partial(_begin, home),
        "card": lambda: json.dumps(home.card(), ensure_ascii=False).encode(),
        "put": partial(_put, home),
        "peer": lambda name: peers(home).get(name, ""),
        "close": partial(_close, home, gateway),
        "certify": partial(_certify, home),
        "certificate_of": partial(_certificate_of, home),
        "addresses": lambda: peers(home),
        "know": partial(_know, home),
        "deliver": _deliver,
    }


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn a refusal of any room into one that a page can show."""
    try:
        yield
    except (click.ClickException, ArrangementError, EngagementError, LawError, LedgerError, RecordError) as refusal:
        raise HouseRefused(getattr(refusal, "message", str(refusal))) from None


def _send(gateway: str, arrangement: str, door: str, note: bytes) -> Mapping[str, object]:
    with _refusing():
        return ask_json(f"{gateway}/a/{arrangement}/{door}", data=note)


def _begin(home: Home, said: Opening) -> str:
    """What `comity engagement open` does."""
    names = {home.role: home.name, "provider" if home.role == "authority" else "authority": said.other}
    with _refusing():
        identity, _ = open_engagement(
            home, provider=names["provider"], authority=names["authority"], initiated_by=said.initiated_by,
            summary=said.summary, subjects=said.subjects, track=said.track, on=said.on, source=said.source,
            refs=said.refs,
        )  # fmt: skip
    return identity


def _accept(home: Home, engagement: str, offer: Offer) -> int:
    """What `comity arrangement accept` does, for an offer that this home holds."""
    with _refusing():
        role = party_role(home)
        known = verify_offer(offer.envelope, {role: home.signer("party").vkey})
        if role in known.signed_by:
            refuse("this side has signed these terms already; it is the other side's to accept")
        before_signing(home, known.terms, None, None)
        return _entered(home, engagement, countersign(known, home.signer("party")), home.name)


def _receive(home: Home, engagement: str, envelope: bytes) -> int:
    """What `comity engagement receive` does, for terms."""
    with _refusing():
        offer = verify_offer(envelope)
        names = {"authority": offer.terms.parties.authority.name, "provider": offer.terms.parties.provider.name}
        return _entered(home, engagement, offer, names[offer.signed_by[0]])


def _put(home: Home, engagement: str, terms: Terms) -> int:
    """What `comity arrangement draft` and `counter` do once the terms are made: sign them, and enter them."""
    with _refusing():
        before_signing(home, terms, None, None)
        return _entered(home, engagement, offer_terms(terms, home.signer("party")), home.name)


def _entered(home: Home, engagement: str, offer: Offer, by: str) -> int:
    check_offer(home, offer)
    record_offer(home, engagement, offer, by)
    keep_offer(home, offer)
    with open_case(home, engagement) as (_, ledger):
        return ledger.size() - 1


def _close(home: Home, gateway: str, arrangement: str, note: bytes | None) -> tuple[Closing, int | None]:
    """What `comity arrangement close` does, for the terms in force that this home holds."""
    with _refusing():
        done = close_access(home, _in_force(home, arrangement), note, gateway or None, lambda text: None)
    return done.closing, done.index


def _certify(home: Home, arrangement: str, drawn: bytes | None) -> None:
    """What `comity arrangement certify` does, from the copy of the ledger that this home has; it is kept."""
    with _refusing():
        offer = _in_force(home, arrangement)
        folder = _copy_of(home, verify_offer(offer).terms)
        if folder is None and drawn is None:
            refuse(
                "no copy of the published ledger is here to draw it up from; 'comity mirror' makes one in mirrors/, "
                "or take in the certificate that the other side drew up"
            )
        certificate, text = certify_access(home, offer, drawn, folder)
        kept = home.path / "arrangements" / arrangement / CERTIFICATE
        write_file(kept, certificate.envelope)
        write_file(kept.with_suffix(".txt"), text.encode())


def _certificate_of(home: Home, arrangement: str) -> tuple[Certificate, str] | None:
    path = home.path / "arrangements" / arrangement / CERTIFICATE
    if not path.exists():
        return None
    with _refusing():
        terms = verify_offer(_in_force(home, arrangement)).terms
        certificate = open_certificate(path.read_bytes(), terms)
    return certificate, certificate_text(certificate, terms)


def _in_force(home: Home, arrangement: str) -> bytes:
    """The newest version that both sides signed."""
    signed = [one for one in held_offers(home, arrangement) if len(one.signed_by) > 1]
    if not signed:
        refuse("this home holds no terms of the arrangement that both sides signed")
    return signed[-1].envelope


def _copy_of(home: Home, terms: Terms) -> Path | None:
    """A folder with the published ledger: the one that this home publishes, or a mirror of it."""
    folders: list[Path] = [path.parent for path in (home.path / "ledgers" / terms.id / "public").glob("checkpoint")]
    for folder in folders + mirrors(home.path):
        if parse_head(parse_note((folder / "checkpoint").read_bytes()).text).origin == terms.ledger.origin:
            return folder
    return None


def _know(home: Home, name: str, address: str) -> None:
    with _refusing():
        put_peer(home, name, address)


def _deliver(address: str, envelope: bytes) -> None:
    with _refusing():
        ask_json(f"{address}{DELIVER}", data=envelope)


def peers(home: Home) -> dict[str, str]:
    """Party's name → the address of its portal, ending in a slash."""
    path = home.path / PEERS
    if not path.exists():
        return {}
    try:
        said = json.loads(path.read_text())
        return {str(name): str(address) for name, address in said.items()}
    except (ValueError, AttributeError):
        refuse(f"{PEERS}: expected a JSON object of names and addresses")


def put_peer(home: Home, name: str, address: str) -> dict[str, str]:
    """Keep the address of a party's portal, or forget it where the address is empty; what is kept now."""
    if address and not address.startswith("https://"):
        refuse(f"expected the address of the other side's portal with https; got {address[:80]!r}")
    known = peers(home) | {name: f"{address.rstrip('/')}/"}
    if not address:
        del known[name]
    write_file(home.path / PEERS, json.dumps(known, ensure_ascii=False, indent=1).encode() + b"\n")
    return known
