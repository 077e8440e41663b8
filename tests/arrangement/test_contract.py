"""The contract: every clause is said, and what a clause holds changes the text."""

import copy
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from specimen import POLICY, STRANGER, VALUE, agreed, all_allowed, changed, recipient_key, terms

from comity.arrangement import CLAUSES, FEATURES, Remark, Terms, contract_of, parse_terms_json, show
from comity.arrangement.acts import CAUSES
from comity.arrangement.contract import MARKS
from comity.arrangement.contract_access import NAMED
from comity.arrangement.contract_keeping import REASONS
from comity.records import canonical_bytes


def parsed(value: dict[str, Any]) -> Terms:
    return parse_terms_json(canonical_bytes(value))


def flat(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def several() -> dict[str, Any]:
    """All features, two models that are held to their names in two ways, and two people."""
    value = all_allowed()
    other = {**copy.deepcopy(VALUE["models"][0]), "name": "other", "on_mismatch": "flag", "unstated": "refuse"}
    value["models"] = [*value["models"], other]
    value["people"] = [*value["people"], {"id": "expert-1", "role": "expert", "eligible": False}]
    return value


@pytest.mark.parametrize("value", [VALUE, all_allowed(), several()], ids=["specimen", "all allowed", "several"])
def test_every_clause_of_the_terms_is_said(value: dict[str, Any]) -> None:
    """No clause that binds is left out of the contract, and none is named that these terms do not have."""
    from comity.arrangement import clauses

    assert {clause.name for clause in clauses(parsed(value))} == set(contract_of(parsed(value)).said_by())


def test_every_clause_of_the_format_is_said_by_some_contract() -> None:
    """The catalogue has no clause that the contract cannot say."""
    assert set(CLAUSES) == set(contract_of(parsed(all_allowed())).said_by())


def test_a_clause_is_said_once() -> None:
    """Two provisions on one clause could be read against each other; models kept in two ways need two."""
    counts = Counter(name for _, provision in contract_of(terms()).numbered() for name in provision.names())
    split = Counter(name for _, provision in contract_of(parsed(several())).numbered() for name in provision.names())

    assert {1} == set(counts.values())
    assert {"models.serves", "models.on_mismatch", "models.unstated"} == {n for n, count in split.items() if count > 1}


@pytest.mark.parametrize("value", [VALUE, several()], ids=["specimen", "several"])
def test_a_provision_is_kept_as_its_clauses_are(value: dict[str, Any]) -> None:
    """Nothing attested stands in a provision that is marked enforced, and nothing that binds bears no mark."""
    from comity.arrangement import clauses

    marks = {}
    for clause in clauses(parsed(value)):
        marks.setdefault(clause.name, set()).add(clause.mark)
    for number, provision in contract_of(parsed(value)).numbered():
        assert bool(provision.names()) == (provision.mark is not None), number
        for name in provision.names():
            assert provision.mark in marks[name], (number, name)


def other_values() -> Iterator[tuple[str, Any]]:
    """A place in the terms, and another value for it, for every leaf that a counter-offer can hold."""
    for path, value in _leaves(VALUE):
        if path in ("terms", "id", "ledger.origin"):
            continue
        yield path, _other(path, value)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict() if value:
            for name, member in value.items():
                yield from _leaves(member, f"{path}.{name}" if path else name)
        case list() if value and isinstance(value[0], dict):
            for number, member in enumerate(value):
                yield from _leaves(member, f"{path}.{number}")
        case _:
            yield path, value


CHOICES = {
    "operator.by": "provider", "operator.upstream_key_held_by": "provider", "models.0.on_mismatch": "flag",
    "models.0.unstated": "refuse", "budget.output_unstated": "refuse", "content.blindness": "enclave",
    "content.retention": "until-closure", "record.provider_sees": "entries", "publication.by": "both",
    "people.0.role": "expert", "budget.currency": "USD", "basis_kind": "compulsory", "channel": "on-premises",
    "access.0.item": "gradients", "access.0.means": "document", "calendar": "plain", "costs.borne_by": "each-own",
    "content.training": "permitted", "exit.statement": "public",
}  # fmt: skip
WHOLE = {
    "features": ["streaming", "sampling", "stop", "seed"], "models.0.protocols": ["openai"],
    "window.hours.days": ["mon"], "stop.by": ["authority"], "suspension.by": ["provider"],
    "exit.by": ["authority"],
    "suspension.clock_stops": [], "purpose": ["Something else."], "models.0.serves": ["other"],
    "ledger.policy": POLICY.replace("https://witness.provider.example", "https://other.provider.example"),
    "guard": {**VALUE["guard"], "by": "none", "key": ""}, "parties.authority.key": STRANGER.vkey,
    "guard.permit_key": STRANGER.vkey, "guard.key": STRANGER.vkey, "parties.provider.key": STRANGER.vkey,
    "content.recipients.0.key": recipient_key(7), "window.from": "2026-11-24T00:00:00Z",
    "window.until": "2026-12-24T00:00:00.500Z", "window.hours.from": "01:30", "window.hours.until": "23:30",
    "content.recipients.1.key": recipient_key(8), "budget.cost": "0.60", "limits": {},
    "version": 2, "previous": "a" * 64, "guard.by": "provider",
}  # fmt: skip


def _other(path: str, value: Any) -> Any:
    if path in CHOICES:
        return CHOICES[path]
    if path in WHOLE:
        return WHOLE[path]
    match value:
        case bool():
            return not value
        case int():
            return value - 1
        case str() if re.fullmatch(r"[0-9]+\.[0-9]+", value):
            return "0.01"
        case str():
            return f"{value}x"
    raise AssertionError(f"{path}: no other value is known for {value!r}")


UNCHANGED = {"limits", "guard.by"}
"""Leaves that stay as they are here; the cases below change them together with what they need."""


@pytest.mark.parametrize(("path", "new"), [pair for pair in other_values() if pair[0] not in UNCHANGED])
def test_what_a_clause_holds_changes_the_text(path: str, new: Any) -> None:
    """Two versions that differ in one leaf never read the same, beside the digest."""
    value = changed(path, new)
    if path in ("version", "previous"):
        value |= {"version": 2, "previous": "a" * 64 if path == "previous" else "b" * 64}
    before, after = terms(), parsed(value)

    assert show(before).replace(before.digest, "") != show(after).replace(after.digest, "")


@pytest.mark.parametrize("name", FEATURES)
def test_each_feature_and_each_bound_changes_the_text(name: str) -> None:
    """Allowing one feature less, or one item more of it, is read in the contract."""
    value = all_allowed()
    whole = show(parsed(value))
    if name in value["limits"]:
        value["limits"] = {**value["limits"], name: 7}
        assert flat(show(parsed(value))) != flat(whole)
        value["limits"] = {bounded: most for bounded, most in value["limits"].items() if bounded != name}
    value["features"] = [feature for feature in value["features"] if feature != name]

    refusal = next(p.text for _, p in contract_of(parsed(value)).numbered() if p.clauses == ("features",))

    assert "A request that uses anything that is not allowed here is refused. This holds, among others, for " in refusal
    assert refusal.endswith(f" for {NAMED[name]}.")
    assert flat(show(parsed(value))) != flat(whole)


def test_every_cause_and_every_mark_has_its_words() -> None:
    """A new word of the format cannot reach a contract without its meaning."""
    assert set(CAUSES) == set(REASONS)
    assert {mark for kind in CLAUSES.values() for mark in kind.marks} == set(MARKS)


@pytest.mark.parametrize("width", [64, 72, 96, 111, 112, 120, 200])
@pytest.mark.parametrize("value", [VALUE, several()], ids=["specimen", "several"])
def test_the_contract_can_be_read_at_any_width(value: dict[str, Any], width: int) -> None:
    """Lines fit, and each clause stands beside its sentence by its name, however wide the terminal is."""
    text = show(parsed(value), (), width)

    assert max(len(line) for line in text.splitlines()) <= width
    assert text.replace("\n", "").isprintable()
    for name in contract_of(parsed(value)).said_by():
        assert re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", text), name


def test_the_contract_says_who_signed() -> None:
    """The state of the signatures stands on top and in the signature block."""
    text = show(agreed().terms, agreed().signed_by)

    assert "agreed: both sides have signed" in text
    assert 2 == text.count("  signed; key ")
    assert 2 == show(terms()).count("  not signed; key ")


def test_signatures_made_elsewhere_stand_beside_the_machine_signature() -> None:
    """Each under the side whose it is, and the machine's state stays what it was."""
    text = show(terms(), ("provider",), 96, (), (("authority", "25 November 2026; advanced"),))
    block = flat(text.rpartition("SIGNATURES")[2])

    assert "Office for AI not signed; key authority.example+07735610 outside, over the PDF: 25 November 2026" in block
    assert "Northwind Models signed; key" in block
    assert 1 == block.count("outside, over the PDF")


def test_a_remark_stands_under_the_provision_that_says_its_clause() -> None:
    """Whoever reads article 8.1 reads what was said about the number of calls."""
    said = {"by": "Northwind Models", "on": "24 November 2026", "text": "Too many at first."}
    remark = Remark(clause="budget.calls", version=1, **said)
    after = flat(show(terms(), (), 96, (remark,))).partition("8.1 ")[2].partition("8.2 ")[0]

    assert "» Northwind Models on budget.calls of version 1, 24 November 2026: Too many at first." in after


def test_a_clause_leads_to_its_article() -> None:
    """A refusal that quotes a clause can be read beside the provision with its number."""
    said = contract_of(terms()).said_by()

    assert ("8.1", "7.1", "(1)", "(B)") == tuple(
        said[name] for name in ("budget.calls", "window.until", "parties.authority.name", "basis")
    )
