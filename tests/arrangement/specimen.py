"""A whole set of terms with real keys, and a way to change one clause of it."""

import base64
import copy
from datetime import UTC, datetime
from typing import Any

from comity.arrangement import FEATURES, Offer, Terms, countersign, offer_terms, parse_terms_json
from comity.arrangement.features import BOUNDED
from comity.ledger import Signer, generate_key
from comity.records import canonical_bytes

ID = "0123456789abcdef0123456789abcdef"
ORIGIN = f"operator.example/a/{ID}"
INSIDE = datetime(2026, 12, 1, tzinfo=UTC)


def seeded(number: int) -> Any:
    """Randomness that is none: the same key for the same number."""
    return lambda count: bytes([number]) * count


AUTHORITY: Signer = generate_key("ed25519", "authority.example", seeded(1))
PROVIDER: Signer = generate_key("ed25519", "provider.example", seeded(2))
STRANGER: Signer = generate_key("ed25519", "authority.example", seeded(3))
LOG = generate_key("ed25519", ORIGIN, seeded(4))
LOG_PQ = generate_key("mldsa44-cosigner", ORIGIN, seeded(5))
AUTHORITY_WITNESS = generate_key("ed25519-cosigner", "authority.example/witness", seeded(6))
PROVIDER_WITNESS = generate_key("ed25519-cosigner", "provider.example/witness", seeded(7))
PERMIT = generate_key("ed25519", "operator.example/permit", seeded(8))
GUARD = generate_key("ed25519", "provider.example/guard", seeded(9))

POLICY = (
    f"log {LOG.vkey}\nlog {LOG_PQ.vkey}\n"
    f"witness authority {AUTHORITY_WITNESS.vkey} https://witness.authority.example\n"
    f"witness provider {PROVIDER_WITNESS.vkey} https://witness.provider.example\n"
    "group both all authority provider\nquorum both\n"
)


def recipient_key(number: int) -> str:
    return base64.b64encode(bytes([number]) * 1216).decode()


VALUE: dict[str, Any] = {
    "terms": "arrangement/1",
    "id": ID,
    "version": 1,
    "previous": "",
    "title": "Evaluation of factual recall",
    "ledger": {"origin": ORIGIN, "policy": POLICY},
    "operator": {
        "by": "third-party",
        "name": "Independent Operator",
        "placement": "a machine of the operator in the Union",
        "upstream_key_held_by": "operator",
    },
    "parties": {
        "authority": {"name": "Office for AI", "key": AUTHORITY.vkey},
        "provider": {"name": "Northwind Models", "key": PROVIDER.vkey},
    },
    "basis_kind": "voluntary",
    "basis": "Voluntary access, offered on the provider's own initiative.",
    "purpose": ["Estimate how often short factual questions are answered rightly."],
    "channel": "api",
    "models": [
        {
            "name": "gemma-3-270m",
            "variant": "standard",
            "serves": ["gemma-3-270m"],
            "on_mismatch": "refuse",
            "unstated": "flag",
            "protocols": ["openai", "anthropic"],
            "context_window": 4096,
            "max_output": 256,
            "overhead": {"request": 64, "message": 16, "tool": 64},
            "prices": {"input": "0.10", "cached_read": "0.05", "cache_write": "0.12", "output": "0.40"},
        }
    ],
    "features": ["streaming", "sampling", "stop", "seed", "system_prompt"],
    "limits": {},
    "access": [{"item": "activations", "means": "session", "promise": "Activations of two layers, in its own room."}],
    "people": [{"id": "evaluator-1", "role": "evaluator", "eligible": True}],
    "window": {
        "from": "2026-11-23T00:00:00Z",
        "until": "2026-12-23T00:00:00Z",
        "hours": {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "until": "24:00"},
    },
    "calendar": "eu-institutions",
    "access_days": 4,
    "budget": {
        "calls": 400,
        "input_tokens": 400000,
        "output_tokens": 60000,
        "cost": "1.00",
        "currency": "EUR",
        "output_unstated": "reserve",
        "per_day": {"calls": 200, "input_tokens": 200000, "output_tokens": 30000, "cost": "0.50"},
        "rerun_reserve": 10,
    },
    "rate": {"calls_per_minute": 3000, "tokens_per_minute": 300000, "concurrency": 16},
    "costs": {"borne_by": "provider"},
    "content": {
        "recipients": [
            {"name": "evaluator-1", "key": recipient_key(1)},
            {"name": "authority-recovery", "key": recipient_key(2)},
        ],
        "blindness": "sealed-record",
        "retention": "none",
        "training": "none",
    },
    "record": {"provider_sees": "checkpoints"},
    "successor": {"notice_days": 14, "access_days": 30, "text": "Access follows on the same terms."},
    "stop": {"by": ["authority", "provider"]},
    "suspension": {"by": ["authority", "provider"], "clock_stops": ["legal-order", "operational"]},
    "exit": {"by": ["authority", "provider"], "notice_days": 5, "statement": "recorded"},
    "incident_contacts": {"authority": "the duty desk", "provider": "the safety team's duty desk"},
    "safe_harbour": {"tag": "office-for-ai/2026-17", "text": "Tests in good faith lead to no measure on accounts."},
    "guard": {"by": "provider", "permit_key": PERMIT.vkey, "key": GUARD.vkey},
    "publication": {"by": "authority", "review_days": 30, "text": "Results are published after the review."},
}


def changed(path: str = "", new: Any = None, *, drop: bool = False) -> dict[str, Any]:
    """The specimen with the value at `path` (`models.0.prices.input`) replaced or dropped."""
    value = copy.deepcopy(VALUE)
    if path:
        *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        at: Any = value
        for part in way:
            at = at[part]
        if drop:
            del at[last]
        else:
            at[last] = new
    return value


def all_allowed() -> dict[str, Any]:
    """The specimen with every feature, a bound for each that needs one, and every kind of recipient."""
    value = changed("features", list(FEATURES))
    value["limits"] = {name: 1 for name in BOUNDED}
    value["content"]["recipients"] += [
        {"name": "judge", "model": "judge-1", "endpoint": f"https://judge.example/a/{'7' * 32}"},
        {"name": "raters", "people": "three persons under the authority's contract"},
        {"name": "sandbox", "tool": "a shell without network"},
    ]
    return value


def terms(path: str = "", new: Any = None) -> Terms:
    return parse_terms_json(canonical_bytes(changed(path, new)))


def agreed(of: Terms | None = None) -> Offer:
    return countersign(offer_terms(of or terms(), PROVIDER), AUTHORITY)
