"""Drafts: version 1 of the terms from an access offer and cards, with no clause typed again.

Where each clause of a draft comes from:

| clause | from |
|---|---|
| every clause of the access offer | the offer, at the same path, unchanged |
| `id`, `ledger.origin` | the operator's card, or the id given |
| `version`, `previous`, `terms` | counting: 1, none, `arrangement/1` |
| `parties.*` | the cards of authority and provider |
| `ledger.policy` | the operator's log keys, the witnesses' keys and addresses; both must cosign |
| `operator.name`, `operator.by` | the operator's card, unless the offer states them |
| `people` | one pseudonym for each evaluator's card, unless the offer states them |
| `guard.permit_key` | the operator's card |
| `guard.key` | the provider's card where the offer says that it keeps a guard, else none |
| `content.recipients` | the recipient keys of evaluators and authority, unless the offer states them |

What is then still missing the offer has to state; the refusal names each such clause.
"""

from collections.abc import Sequence
from typing import Any, Final

from comity.arrangement.cards import AccessOffer, Card
from comity.arrangement.errors import CardRefused
from comity.arrangement.parse import parse_terms_json
from comity.arrangement.terms import FORMAT, Terms
from comity.records import canonical_bytes

__all__ = ["draft_from_offer", "policy_text"]

_BY: Final = {"operator": "third-party", "authority": "authority", "provider": "provider"}


def draft_from_offer(offer: AccessOffer, cards: Sequence[Card], *, id: str = "") -> Terms:
    """Version 1 of the terms; raises `CardRefused`, or `TermsRefused` for what nobody states.

    `id` (32 hex digits) is for a ledger not reserved yet; otherwise it comes from
    the origin on the operator's card.
    """
    authority, provider = _only(cards, "authority"), _only(cards, "provider")
    operator = _operator(cards)
    evaluators = [card for card in cards if card.role == "evaluator"]
    origin = operator.origin or f"{operator.host}/a/{id}"
    value = offer.value()
    value |= {
        "terms": FORMAT,
        "id": origin.rpartition("/")[2],
        "version": 1,
        "previous": "",
        "ledger": {"origin": origin, "policy": policy_text(operator, authority, provider)},
        "parties": {
            "authority": {"name": authority.name, "key": authority.party},
            "provider": {"name": provider.name, "key": provider.party},
        },
    }
    _complete(value, "operator", {"name": operator.name, "by": _BY.get(operator.role, "")})
    guarded = value.get("guard", {}).get("by") == "provider"
    if guarded and not provider.guard:
        raise CardRefused("the offer says that the provider keeps a guard; its card has no guard key")
    if not operator.permit and "permit_key" not in value.get("guard", {}):
        raise CardRefused(
            "expected a permit key on the operator's card; got none. "
            "The operator makes it with 'comity ledger reserve', and 'comity key show --json' prints the card."
        )
    _complete(value, "guard", {"permit_key": operator.permit, "key": provider.guard if guarded else ""})
    named = [(f"evaluator-{number}", card) for number, card in enumerate(evaluators, 1)]
    people: list[Any] = [{"id": name, "role": "evaluator", "eligible": True} for name, _ in named]
    if people:
        _complete(value, "", {"people": people})
    recipients: list[Any] = [{"name": name, "key": card.recipient} for name, card in named if card.recipient]
    if authority.recipient:
        recipients.append({"name": "authority-recovery", "key": authority.recipient})
    if recipients:
        _complete(value, "content", {"recipients": recipients})
    return parse_terms_json(canonical_bytes(value), "the draft")


def policy_text(operator: Card, authority: Card, provider: Card) -> str:
    """tlog-policy text: the operator's log keys, and both sides' witnesses, both of whom must cosign."""
    lines = [f"log {key}" for key in operator.log]
    for name, card in (("authority", authority), ("provider", provider)):
        if not card.witness:
            raise CardRefused(f"expected a witness key on the {name}'s card; got none")
        lines.append(" ".join(part for part in ("witness", name, card.witness, card.witness_url) if part))
    return "".join(f"{line}\n" for line in (*lines, "group both all authority provider", "quorum both"))


def _only(cards: Sequence[Card], role: str) -> Card:
    held = [card for card in cards if card.role == role]
    if len(set(held)) != 1:
        raise CardRefused(f"expected one {role}'s card; got {len(held)}. Hand it over with --card.")
    if not held[0].party:
        raise CardRefused(f"expected a party key on the {role}'s card; got none")
    return held[0]


def _operator(cards: Sequence[Card]) -> Card:
    held = {card for card in cards if card.log}
    if len(held) != 1:
        raise CardRefused(
            f"expected one operator's card with the log keys of a reserved ledger; got {len(held)}. "
            "The operator makes it with 'comity ledger reserve'."
        )
    return held.pop()


def _complete(value: dict[str, Any], clause: str, members: dict[str, Any]) -> None:
    """Add members that are not stated; what the offer states stands."""
    at = value.setdefault(clause, {}) if clause else value
    for name, member in members.items():
        at.setdefault(name, member)
