"""Amendments: the next version takes force in a running gateway, without a gap, and what is spent stays spent."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import assert_refused, says

from comity.arrangement import Offer, Terms, counter, countersign, offer_terms, parse_terms_json
from comity.gateway.gate import OtherTerms
from comity.gateway.opening import rebuild
from comity.ledger import generate_key
from comity.records import canonical_bytes
from comity.vault import generate_recipient
from support import (
    Keys,
    LiveGateway,
    Part,
    RecordingProvider,
    completion,
    delta,
    flowing,
    live_gateway,
    wait_until,
    whole,
)

DONE = b"data: [DONE]\n\n"


def agreed(keys: Keys, before: Terms, settings: Mapping[str, str]) -> Offer:
    """The next version with both signatures."""
    return countersign(offer_terms(counter(before, settings), keys.authority), keys.provider)


def amend(gateway: LiveGateway, settings: Mapping[str, str], before: Terms | None = None) -> httpx.Response:
    offer = agreed(gateway.keys, before or gateway.gate.terms, settings)
    return gateway.act("/amendments", offer.envelope)


def test_the_next_call_is_held_to_the_next_version(tmp_path: Path) -> None:
    """The entry states the version, its digest, the one before and both signatures, and its index is answered."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        first = gateway.terms
        assert 200 == gateway.chat(max_tokens=64).status_code
        got = amend(gateway, {"models.max_output": "32"})

        assert 201 == got.status_code, got.text
        record = assert_refused(gateway, gateway.chat(max_tokens=64), 403, "terms-refused", "models.max_output")
        assert "may write 32 tokens a call" in record.because
        assert 200 == gateway.chat(max_tokens=32).status_code
        _, second = gateway.of("arrangement.signed")
        assert (2, gateway.gate.terms.digest, first.digest) == (second.terms_version, second.digest, second.previous)
        assert 2 == second.note.count("\n— ")
        assert got.json()["index"] == next(
            n for n, each in enumerate(gateway.records()) if each.kind == "arrangement.signed" and n
        )


def test_an_open_stream_ends_under_the_terms_of_its_permit(tmp_path: Path) -> None:
    """What was permitted goes on to its last byte and is charged at its own prices; the next call pays the new ones."""
    go = threading.Event()

    def parts() -> Iterator[Part]:
        yield delta("fo")
        yield go
        yield delta("ur", usage={"prompt_tokens": 20, "completion_tokens": 2})
        yield DONE

    answers: Iterator[Any] = iter([flowing(parts()), whole(completion())])
    with (
        RecordingProvider(lambda _: next(answers)).running() as provider,
        live_gateway(tmp_path, provider.url) as gateway,
    ):
        caller = _Caller(gateway)
        wait_until(lambda: provider.asked)
        assert 201 == amend(gateway, {"models.prices.output": "4.00", "features.streaming": "refused"}).status_code
        assert_refused(gateway, gateway.chat(stream=True), 403, "terms-refused", "features.streaming")
        go.set()
        caller.join(20)

        assert caller.got is not None and caller.got.content.endswith(DONE)
        assert 200 == gateway.chat().status_code
        first, second = gateway.of("call.settled")
        assert ("answered", 20 * 100 + 2 * 400) == (first.outcome, first.charged.cost_nano)
        assert 20 * 100 + 2 * 4_000 == second.charged.cost_nano


class _Caller(threading.Thread):
    def __init__(self, gateway: LiveGateway) -> None:
        super().__init__()
        self.gateway = gateway
        self.got: httpx.Response | None = None
        self.start()

    def run(self) -> None:
        self.got = self.gateway.chat(stream=True)


def test_what_is_spent_stays_spent(tmp_path: Path) -> None:
    """A budget below what is spent refuses further calls in its own words; a larger one goes on from there."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        for _ in range(3):
            assert 200 == gateway.chat().status_code
        assert 201 == amend(gateway, {"budget.calls": "2", "budget.per_day.calls": "2"}).status_code
        record = assert_refused(gateway, gateway.chat(), 403, "terms-refused", "budget.calls")
        assert "2 calls agreed, 3 permitted" == record.because

        assert 201 == amend(gateway, {"budget.calls": "4", "budget.per_day.calls": "4"}).status_code
        assert 200 == gateway.chat().status_code
        assert "4 calls agreed, 4 permitted" == says(gateway.chat())["because"]


def test_a_grant_stays_for_whom_the_new_terms_name(tmp_path: Path) -> None:
    """A person who is not eligible any more, or not listed, is refused with the next call; others go on."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        settings = {"people[evaluator-1].eligible": "false", "people[evaluator-2]": "evaluator"}
        assert 201 == amend(gateway, settings).status_code
        assert_refused(gateway, gateway.chat(), 403, "terms-refused", "people.eligible")
        stale = gateway.grant("other-secret", person="evaluator-2")
        assert (403, "arrangement.digest") == (stale.status_code, says(stale)["clause"])
        granted = gateway.grant("other-secret", person="evaluator-2", arrangement=gateway.gate.terms.digest)
        assert 201 == granted.status_code
        assert 200 == gateway.chat(headers={"authorization": "Bearer other-secret"}).status_code

        assert 201 == amend(gateway, {"people[evaluator-1]": ""}).status_code
        assert_refused(gateway, gateway.chat(), 403, "terms-refused", "people.id")


def test_content_is_sealed_to_the_recipients_of_the_terms_in_force(tmp_path: Path) -> None:
    """After an amendment that names another recipient, what is asked next is sealed to that one too."""
    lab = generate_recipient(lambda count: b"\x07" * count).public_text()
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert 200 == gateway.chat().status_code
        assert 201 == amend(gateway, {"content.recipients[lab]": lab}).status_code
        assert 200 == gateway.chat().status_code

        key = {"authorization": f"Bearer {gateway.secret}"}
        sealed = [
            httpx.get(gateway.door(f"/sealed/{n}/request"), headers=key).text
            for n, each in enumerate(gateway.records())
            if each.kind == "call.permitted"
        ]
        assert [False, True] == ['"lab"' in each for each in sealed]


def test_every_gateway_of_a_ledger_holds_its_next_call_to_the_amendment(tmp_path: Path) -> None:
    """Handed to one gateway, it is in force at the other before that one decides again."""
    with (
        RecordingProvider().running() as provider,
        live_gateway(tmp_path, provider.url) as one,
        live_gateway(tmp_path, provider.url, keys=one.keys) as other,
    ):
        assert 200 == other.chat().status_code
        assert 201 == amend(one, {"features.sampling": "refused"}).status_code
        assert_refused(other, other.chat(temperature=0.5), 403, "terms-refused", "features.sampling")
        assert 200 == other.chat().status_code
        assert one.gate.terms == other.gate.terms
        stale = amend(other, {"title": "Late"}, before=one.terms)
        assert (403, "version") == (stale.status_code, says(stale)["clause"])


def test_calls_pass_without_a_gap_while_versions_change(tmp_path: Path) -> None:
    """Under steady calls by several callers, no call fails on account of three amendments."""
    codes: list[int] = []
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:

        def calls() -> None:
            with httpx.Client() as client:
                codes.extend(gateway.chat(client).status_code for _ in range(40))

        callers = [threading.Thread(target=calls) for _ in range(4)]
        for caller in callers:
            caller.start()
        for title in ("Two", "Three", "Four"):
            got = amend(gateway, {"title": title})
            assert 201 == got.status_code, got.text
        for caller in callers:
            caller.join(60)

        assert [200] * 160 == codes
        assert 4 == gateway.gate.terms.version
        assert 160 == len(gateway.of("call.settled"))


OTHER_ID = "f" * 32
OTHER_ORIGIN = f"operator.example/a/{OTHER_ID}"
OTHER_HOST = f"elsewhere.example/a/{'0123456789abcdef' * 2}"


def under(origin: str, keys: Keys) -> dict[str, Any]:
    """The ledger's clause for another origin, with log keys of that name."""
    log = generate_key("ed25519", origin, os.urandom)
    witness = f"witness authority {keys.witness.vkey} http://authority.example/"
    return {"origin": origin, "policy": f"log {log.vkey}\n{witness}\ngroup both all authority\nquorum both\n"}


def over_tls(value: dict[str, Any]) -> dict[str, Any]:
    """The ledger's clause with another address of the witness."""
    return {**value["ledger"], "policy": value["ledger"]["policy"].replace("http:", "https:")}


REFUSED: list[tuple[Callable[[Keys, dict[str, Any]], dict[str, Any]], str]] = [
    (lambda keys, value: {"id": OTHER_ID, "ledger": under(OTHER_ORIGIN, keys)}, "id"),
    (lambda keys, value: {"ledger": under(OTHER_HOST, keys)}, "ledger.origin"),
    (lambda keys, value: {"previous": "0" * 64}, "previous"),
    (lambda keys, value: {"version": 3}, "version"),
    (lambda keys, value: {"guard": {**value["guard"], "permit_key": keys.guard.vkey}}, "guard.permit_key"),
    (lambda keys, value: {"ledger": over_tls(value)}, "ledger.policy"),
    (
        lambda keys, value: {
            "parties": {**value["parties"], "provider": {"name": "Provider", "key": keys.guard.vkey}},
        },
        "parties.provider.key",
    ),
]


@pytest.mark.parametrize(("change", "clause"), REFUSED, ids=[clause for _, clause in REFUSED])
def test_what_is_not_the_next_version_of_this_arrangement_is_refused(
    tmp_path: Path, change: Callable[[Keys, dict[str, Any]], dict[str, Any]], clause: str
) -> None:
    """Another id or ledger, another version before, a version left out, other keys, another policy: each by its own
    clause, and calls go on under the terms in force."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        keys, first = gateway.keys, gateway.terms
        value = {**first.value(), "version": 2, "previous": first.digest}
        terms = parse_terms_json(canonical_bytes(value | change(keys, value)))
        signer = keys.guard if clause.startswith("parties") else keys.provider
        offer = countersign(offer_terms(terms, keys.authority), signer)
        got = gateway.act("/amendments", offer.envelope)

        assert (403, clause) == (got.status_code, says(got)["clause"]), got.text
        assert 1 == len(gateway.of("arrangement.signed"))
        assert 200 == gateway.chat().status_code


def test_an_amendment_needs_both_signatures_and_comes_once(tmp_path: Path) -> None:
    """One signature is an offer and no amendment; bytes that are no offer are none; a second coming says why not."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        terms = counter(gateway.terms, {"title": "Another"})
        half = offer_terms(terms, gateway.keys.authority)
        for envelope, code, clause in ((half.envelope, 403, "arrangement"), (b"{}", 400, "arrangement")):
            got = gateway.act("/amendments", envelope)
            assert (code, clause) == (got.status_code, says(got)["clause"])
        both = countersign(half, gateway.keys.provider)
        assert 201 == gateway.act("/amendments", both.envelope).status_code
        again = gateway.act("/amendments", both.envelope)
        assert (403, "version") == (again.status_code, says(again)["clause"])
        assert "version 2 is in force, so the next is 3; got 2" == says(again)["because"]


def test_a_protocol_without_a_provider_is_refused(tmp_path: Path) -> None:
    """Nobody agrees by amendment to a protocol that the gateway cannot speak."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        del gateway.gate.providers["gemini"]  # type: ignore[attr-defined]
        got = amend(gateway, {"models.protocols": "openai, gemini"})

        assert (403, "models.protocols") == (got.status_code, says(got)["clause"])


def test_a_gateway_without_a_provider_for_what_was_amended_says_so(tmp_path: Path) -> None:
    """Where another gateway took a protocol into the terms, a call here is settled uncharged and answered with why."""
    body = {"contents": [{"parts": [{"text": "2+2?"}]}], "generationConfig": {"maxOutputTokens": 8}}
    with (
        RecordingProvider().running() as provider,
        live_gateway(tmp_path, provider.url) as one,
        live_gateway(tmp_path, provider.url, keys=one.keys) as other,
    ):
        del other.gate.providers["gemini"]  # type: ignore[attr-defined]
        assert 201 == amend(one, {"models.protocols": "openai, anthropic, gemini"}).status_code
        url = other.door("/gemini/v1beta/models/test-model:generateContent")
        got = httpx.post(url, json=body, headers={"x-goog-api-key": other.secret}, timeout=10)

        assert 502 == got.status_code
        assert "this gateway has no provider for gemini" in got.text
        [settled] = other.of("call.settled")
        assert ("provider-failed", "nothing") == (settled.outcome, settled.usage)
        assert [] == provider.asked


def test_a_gateway_that_starts_with_an_older_version_takes_the_one_in_force(tmp_path: Path) -> None:
    """The ledger says which version is in force, not the file that lies beside the gateway; and tables that are made
    anew from the entries say the same."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            keys = gateway.keys
            assert 201 == amend(gateway, {"features.sampling": "refused"}).status_code
        with live_gateway(tmp_path, provider.url, keys=keys) as again:
            assert 2 == again.gate.terms.version
            entries = tuple(again.ledger.read(0, again.ledger.size()))
            again.ledger.transact(lambda tx: rebuild(tx, entries))
            assert_refused(again, again.chat(temperature=0.5), 403, "terms-refused", "features.sampling")


def test_terms_that_the_ledger_was_never_kept_under_do_not_start(tmp_path: Path) -> None:
    """A gateway with another arrangement's file does not serve this ledger."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        gateway.gate._in_force.terms = counter(gateway.terms, {"title": "Other"})
        with pytest.raises(OtherTerms, match="is kept under"):
            gateway.gate._check_terms()
