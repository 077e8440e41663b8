"""Schedules of a contract: models with their prices, people, keys.

Prices are per million tokens in the budget's currency.  A note key is printed whole; a recipient's key, which is
more than a thousand bytes, by its SHA-256; the ledger's policy by its lines, and by the SHA-256 of its text.
"""

from hashlib import sha256
from typing import Final

from comity.arrangement.clauses import money
from comity.arrangement.contract_words import Table, joined
from comity.arrangement.terms import Terms

__all__ = ["keys_table", "models_tables", "people_table"]

PROTOCOLS: Final = {"openai": "OpenAI", "anthropic": "Anthropic", "gemini": "Gemini"}


def models_tables(terms: Terms) -> tuple[Table, ...]:
    """What may be called, at which price, and what a request reserves beside its body."""
    currency = terms.budget.currency
    return (
        Table(
            caption="Part A: what may be called, with bounds in tokens",
            head=("Model", "Variant", "Served by", "Protocols", "Context window", "Longest answer"),
            rows=tuple(
                (
                    model.name,
                    model.variant,
                    joined(model.serves),
                    joined(PROTOCOLS[name] for name in model.protocols),
                    f"{model.context_window:,}",
                    f"{model.max_output:,}",
                )
                for model in terms.models
            ),
            numbers=frozenset({4, 5}),
            codes=frozenset({0}),
        ),
        Table(
            caption=f"Part B: prices of a million tokens, in {currency}",
            head=("Model", "Input", "Input read from cache", "Input written to cache", "Output"),
            rows=tuple(
                (
                    model.name,
                    money(model.prices.input_micros * 1_000),
                    money(model.prices.cached_read_micros * 1_000),
                    money(model.prices.cache_write_micros * 1_000),
                    money(model.prices.output_micros * 1_000),
                )
                for model in terms.models
            ),
            numbers=frozenset({1, 2, 3, 4}),
            codes=frozenset({0}),
        ),
        Table(
            caption="Part C: input tokens reserved beside the body of a request",
            head=("Model", "Each request", "Each message", "Each tool"),
            rows=tuple(
                (
                    model.name,
                    f"{model.overhead.request:,}",
                    f"{model.overhead.message:,}",
                    f"{model.overhead.tool:,}",
                )
                for model in terms.models
            ),
            numbers=frozenset({1, 2, 3}),
            codes=frozenset({0}),
        ),
    )


def people_table(terms: Terms) -> Table:
    """Who may be granted access, under pseudonyms."""
    return Table(
        caption="Persons by pseudonym; who they are is kept by the Authority, outside of this text",
        head=("Pseudonym", "Function", "Eligible"),
        rows=tuple((person.id, person.role, "yes" if person.eligible else "no") for person in terms.people),
        codes=frozenset({0}),
    )


def keys_table(terms: Terms) -> tuple[Table, ...]:
    """The keys that sign, permit, count and open, and the policy of the Record."""
    signing = [
        ("Authority", terms.parties.authority.key),
        ("Provider", terms.parties.provider.key),
        ("Gateway, for permits", terms.guard.permit_key),
    ]
    if terms.guard.key:
        signing.append(("Guard, for counters", terms.guard.key))
    policy = terms.ledger.policy_text
    return (
        Table(
            caption="Part A: keys that sign",
            head=("Who", "Key"),
            rows=tuple(signing),
            codes=frozenset({1}),
        ),
        Table(
            caption="Part B: keys that open what is sealed",
            head=("Whose", "SHA-256 of the key in base64"),
            rows=tuple(
                (recipient.name, sha256(recipient.key.encode()).hexdigest()) for recipient in terms.content.recipients
            ),
            codes=frozenset({0, 1}),
        ),
        Table(
            caption="Part C: policy of the Record",
            head=("Line", "What it states"),
            rows=(*_policy_lines(policy), ("whole text", f"SHA-256 {sha256(policy.encode()).hexdigest()}")),
            codes=frozenset({1}),
        ),
    )


def _policy_lines(policy: str) -> list[tuple[str, str]]:
    """The lines of a tlog-policy, each key by its name and hash."""
    lines = []
    for line in policy.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word and not word.startswith("#"):
            lines.append((word, " ".join(_short(part) for part in rest.split())))
    return lines


def _short(part: str) -> str:
    return "+".join(part.split("+")[:2]) if part.count("+") >= 2 and not part.startswith("http") else part
