"""Views: each party reads how the arrangement stands with its own key, and the provider no more than was granted."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.gateway.refusal import Refusal
from comity.gateway.views import CHECKPOINTS, COUNTERS, LOOKED_AT, read_note, sign_view
from comity.ledger import Signer, generate_key
from support import (
    ORIGIN,
    SECRET,
    UPSTREAM_KEY,
    Keys,
    LiveGateway,
    RecordingProvider,
    completion,
    live_gateway,
    now,
    signed_offer,
    terms_value,
    whole,
)

PROMPT = "canary-of-the-prompt"
SOON = timedelta(minutes=2)


def asked(gateway: LiveGateway, signer: Signer, *, origin: str = ORIGIN, life: timedelta = SOON) -> httpx.Response:
    return gateway.act("/view", sign_view(origin, signer, expires=now() + life))


def view(gateway: LiveGateway, signer: Signer) -> dict[str, Any]:
    answer = asked(gateway, signer)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_each_party_sees_its_view_without_a_grant(tmp_path: Path) -> None:
    """The authority sees spend, refusals with their newest reason and health; asking leaves nothing in the ledger."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url, budget__calls=1) as gateway:
        assert [gateway.chat().status_code for _ in range(3)] == [200, 403, 403]
        size = gateway.ledger.size()
        seen = view(gateway, gateway.keys.authority)
        assert gateway.ledger.size() == size

        status = httpx.get(gateway.door("/status"), headers={"authorization": f"Bearer {SECRET}"}).json()
    assert seen["view"] == "authority"
    assert seen["clauses"]["budget.calls"] == {"agreed": 1, "taken": 1}
    assert seen["refusals"] == {"budget.calls": 2}
    assert seen["newest"]["budget.calls"]["because"] == "1 calls agreed, 1 permitted"
    assert 0 < seen["window"]["left_ms"] <= 3_600_000
    assert seen.keys() == status.keys() | {"view", "newest"}


@pytest.mark.parametrize("sees", ["checkpoints", "counters", "entries"])
def test_the_provider_sees_what_the_terms_grant_and_no_content(sees: str, tmp_path: Path) -> None:
    """Under `checkpoints` no figure of use; under every value no prompt, answer, person, run, plan, key or reason."""
    answering = lambda _: whole(completion(text="canary-of-the-answer"))  # noqa: E731
    with RecordingProvider(answering).running() as provider:
        with live_gateway(tmp_path, provider.url, record__provider_sees=sees) as gateway:
            gateway.chat(messages=[{"role": "user", "content": PROMPT}])
            gateway.chat(model=PROMPT)
            gateway.chat(**{PROMPT: 1})
            gateway.chat(headers={"x-irid": "canary-of-the-irid", "comity-run": "ab" * 16})
            httpx.post(gateway.door(f"/openai/v1/{PROMPT}"), headers={"authorization": f"Bearer {SECRET}"})
            answer = asked(gateway, gateway.keys.provider)
            seen = answer.json()
            [grant] = gateway.of("grant.issued")
            commitments = [record.request for record in gateway.of("call.permitted")]

    expected = CHECKPOINTS if sees == "checkpoints" else COUNTERS
    assert seen.keys() == {"view", "sees", *expected}
    assert (seen["view"], seen["sees"]) == ("provider", sees)
    if sees != "checkpoints":
        assert seen["clauses"]["budget.calls"]["taken"] == 1
        assert seen["refusals"] == {"models.name": 1, "features": 1, "request.run": 1, "routes": 1}
    hidden = ["canary", SECRET, UPSTREAM_KEY, "evaluator-1", "ab" * 16, grant.grant, grant.key, *commitments, "because"]
    for secret in hidden:
        assert secret not in answer.text, secret


def test_a_view_shows_stop_and_suspension_to_both(tmp_path: Path) -> None:
    """Whoever stopped or suspended, both parties see who and why, whatever else the provider may see."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert gateway.suspend(gateway.keys.authority, cause="operational").status_code == 201
        assert gateway.stop(gateway.keys.provider).status_code == 201
        seen = [view(gateway, signer) for signer in (gateway.keys.authority, gateway.keys.provider)]

    for each in seen:
        assert each["stopped"] == {"by": "provider", "cause": "containment"}
        assert each["suspended"] == {"by": "authority", "cause": "operational"}
        assert each["stood_ms"] > 0


def test_only_a_partys_fresh_note_for_this_ledger_opens_a_view(tmp_path: Path) -> None:
    """Another key, another ledger, a note that is over or lasts too long, an act of another kind: each is refused."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        stranger = generate_key("ed25519", "stranger.example", os.urandom)
        keys = gateway.keys
        said = {
            "stranger": asked(gateway, stranger),
            "grantee": httpx.post(gateway.door("/view"), headers={"authorization": f"Bearer {SECRET}"}),
            "act": gateway.act("/view", gateway.stop_note(keys.authority)),
            "ledger": asked(gateway, keys.authority, origin=ORIGIN.replace("/a/0", "/a/1")),
            "over": asked(gateway, keys.authority, life=timedelta(seconds=-1)),
            "long": asked(gateway, keys.authority, life=timedelta(hours=1)),
        }
        assert gateway.act("/stop", sign_view(ORIGIN, keys.authority, expires=now() + SOON)).status_code == 400
        assert httpx.get(gateway.door("/view"), timeout=10).status_code == 404

    assert {name: answer.status_code for name, answer in said.items()} == {
        "stranger": 400, "grantee": 400, "act": 400, "ledger": 403, "over": 403, "long": 403,
    }  # fmt: skip
    assert said["over"].json()["comity"]["clause"] == "view.expires"


KEYS = Keys()
TERMS = signed_offer(KEYS, terms_value(KEYS)).terms


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_are_a_note_or_a_refusal(note: bytes) -> None:
    """Whatever comes, reading it ends in a refusal with its clause, and raises nothing."""
    assert isinstance(read_note(note, terms=TERMS, now=now()), Refusal)


@given(st.data())
def test_a_note_with_any_byte_changed_opens_nothing(data: st.DataObject) -> None:
    """A view is answered to the signed text alone."""
    note = sign_view(TERMS.ledger.origin, KEYS.provider, expires=now() + SOON)
    assert read_note(note, terms=TERMS, now=now()) == "provider"
    at = data.draw(st.integers(0, len(note) - 1))
    changed = note[:at] + bytes([note[at] ^ data.draw(st.integers(1, 255))]) + note[at + 1 :]

    assert isinstance(read_note(changed, terms=TERMS, now=now()), Refusal)


def test_the_newest_reason_is_found_among_the_newest_entries_alone(tmp_path: Path) -> None:
    """The search for reasons is bounded, so that a view costs the same however long the ledger is."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        gateway.chat(model="first")
        gateway.chat(model="second")
        seen = view(gateway, gateway.keys.authority)
        assert "'second'" in seen["newest"]["models.name"]["because"]
        filler = json.dumps({"kind": "probe"}).encode()
        gateway.ledger.append([filler] * LOOKED_AT)
        assert view(gateway, gateway.keys.authority)["newest"] == {}
