"""Amendments: the next version of the terms takes force in a running ledger.

A door takes the offer that both parties signed (`comity offer/1`), whoever brings it.
One transaction compares it with the version in force, appends `arrangement.signed` and
makes it the version by which every later decision on this ledger is taken, by any
gateway.  Calls that were permitted before end under the terms of their permit.

What is spent stays spent: the sums of a ledger know no versions.  A budget below what is
taken lets nothing more pass under its clause.  Grants stay; a person whom the new terms
do not list, or list as not eligible, is refused with the next call.

An amendment keeps the arrangement's id, its ledger's name, the party keys, the policy and
the permit key: who records and who signs is not changed while it runs.  It speaks no
protocol for which this gateway has no provider.
"""

from collections.abc import Collection
from datetime import datetime

from comity.arrangement import ArrangementError, Offer, OfferRefused, Terms, TermsRefused, in_force, verify_offer
from comity.gateway import life
from comity.gateway.refusal import Refusal
from comity.ledger import Transaction
from comity.records import ArrangementSigned, Digest, Hex32, Instant, instant_text, to_bytes

__all__ = ["amend", "record_terms"]


def record_terms(offer: Offer, now: datetime) -> ArrangementSigned:
    """The entry that says that both parties signed these terms."""
    terms = offer.terms
    return ArrangementSigned(
        at=Instant(instant_text(now)),
        arrangement=Hex32(terms.id),
        terms_version=terms.version,
        digest=Digest(terms.digest),
        previous=terms.previous,
        note=offer.note.decode(),
    )


def amend(
    tx: Transaction, *, envelope: bytes, terms: Terms, spoken: Collection[str], now: datetime
) -> int | Refusal:
    """Check an amendment of `terms`, record it and let it take force; returns its entry's index, or why not.

    `spoken` are the protocols for which there is a provider.
    """
    try:
        offer = verify_offer(envelope)
        in_force(offer, max(now, offer.terms.window.begins))
    except (OfferRefused, TermsRefused) as error:
        return Refusal(slug="request-malformed", clause="arrangement", because=str(error)[:1_000])
    except ArrangementError as error:
        return _no("arrangement", str(error))
    refusal = _refuse_other(offer.terms, terms) or _refuse_protocols(offer.terms, spoken)
    if refusal is not None:
        return refusal
    if life.find_life(tx.execute).closed:
        return _no("closed", "access under this arrangement is closed for good; a new arrangement begins a new one")
    index = tx.append(to_bytes(record_terms(offer, now)))
    life.keep_offer(tx, offer)
    life.begin_version(tx, offer.terms.version)
    return index


def _refuse_other(new: Terms, old: Terms) -> Refusal | None:
    """Whether these are not the next version of the same arrangement."""
    kept = (
        ("id", new.id, old.id),
        ("ledger.origin", new.ledger.origin, old.ledger.origin),
        ("parties.authority.key", new.parties.authority.key, old.parties.authority.key),
        ("parties.provider.key", new.parties.provider.key, old.parties.provider.key),
        ("ledger.policy", new.ledger.policy_text, old.ledger.policy_text),
        ("guard.permit_key", new.guard.permit_key, old.guard.permit_key),
    )
    for clause, stated, held in kept:
        if stated != held:
            return _no(clause, "an amendment of a running arrangement keeps this clause; here it differs")
    if new.version != old.version + 1:
        return _no("version", f"version {old.version} is in force, so the next is {old.version + 1}; got {new.version}")
    if new.previous != old.digest:
        because = f"it follows from {new.previous[:12]}…; in force is {old.digest[:12]}… (version {old.version})"
        return _no("previous", because)
    return None


def _refuse_protocols(new: Terms, spoken: Collection[str]) -> Refusal | None:
    missing = sorted({protocol for model in new.models for protocol in model.protocols} - set(spoken))
    if not missing:
        return None
    because = f"this gateway has no provider for {', '.join(missing)}; the operator adds one first"
    return _no("models.protocols", because)


def _no(clause: str, because: str) -> Refusal:
    return Refusal(slug="terms-refused", clause=clause, because=because)
