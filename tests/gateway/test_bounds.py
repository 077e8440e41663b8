"""Bounds: how much of a feature one request may hold, what the provider may keep, and what such a call reserves."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asking import (
    BODIES,
    PROTOCOLS,
    allowing,
    amended,
    assert_refused,
    config,
    parts,
    send,
    turn,
    under,
    user,
)
from deciding import asked_by, clause_of, decided

from comity.arrangement import Terms, parse_terms_json
from comity.arrangement.features import BOUNDED
from comity.gateway.decide import Reservation
from comity.records import canonical_bytes
from support import Keys, RecordingProvider, live_gateway, terms_value

TERMS = parse_terms_json(canonical_bytes(terms_value(Keys(), models__protocols=list(PROTOCOLS))))
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
LINK = {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}
STORED = {"type": "file", "file": {"file_id": "file-1"}}
BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
MCP = {"type": "mcp", "server_label": "t", "server_url": "https://t.example"}
BLOB = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}

COUNTED: list[tuple[str, str, int, dict[str, Any]]] = [
    ("n", "chat", 3, {"n": 3}),
    ("n", "completions", 3, {"n": 3}),
    ("n", "completions", 6, {"prompt": ["a", "b"], "best_of": 3}),
    ("n", "generateContent", 3, config(candidateCount=3)),
    ("logprobs", "chat", 5, {"logprobs": True, "top_logprobs": 5}),
    ("logprobs", "completions", 5, {"logprobs": 5}),
    ("logprobs", "responses", 5, {"top_logprobs": 5}),
    ("logprobs", "generateContent", 5, config(responseLogprobs=True, logprobs=5)),
    ("images", "chat", 2, user(PICTURE, PICTURE)),
    ("images", "messages", 2, user(BLOCK, BLOCK)),
    ("images", "responses", 1, turn({"type": "input_image", "image_url": "data:image/png;base64,AA=="})),
    ("images", "generateContent", 2, parts(BLOB, BLOB)),
    ("urls", "chat", 2, user(LINK, LINK)),
    ("audio", "chat", 2, user(SOUND, SOUND)),
    ("files", "chat", 2, user(STORED, STORED)),
    ("file_ids", "chat", 2, user(STORED, STORED)),
    ("server_tools", "messages", 3, {"tools": [SEARCH | {"max_uses": 3}]}),
    ("server_tools", "responses", 3, {"tools": [{"type": "web_search"}], "max_tool_calls": 3}),
    ("mcp", "responses", 3, {"tools": [MCP], "max_tool_calls": 3}),
    ("earlier_answers", "responses", 1, {"previous_response_id": "resp_1"}),
    ("stored_prompts", "responses", 1, {"prompt": {"id": "pmpt_1"}}),
    ("stored_prompts", "generateContent", 1, {"cachedContent": "cachedContents/c1"}),
]


@pytest.mark.parametrize(("feature", "call", "count", "body"), COUNTED, ids=[f"{f}-{c}-{n}" for f, c, n, _ in COUNTED])
def test_a_feature_is_held_to_its_bound(feature: str, call: str, count: int, body: dict[str, Any]) -> None:
    """As many items as the bound says pass, and one less refuses under `limits.<feature>` with both figures."""
    ample = allowing(TERMS)

    def bounded(most: int) -> Terms:
        return amended(ample, limits={**ample.limits, feature: most})

    asked = asked_by(call, **body)
    assert "" == clause_of(decided(bounded(count), asked))
    refusal = decided(bounded(count - 1), asked)
    assert (f"limits.{feature}", 403, "terms-refused") == (clause_of(refusal), refusal.status, refusal.slug)
    assert f"the terms allow at most {count - 1} {BOUNDED[feature]}; the request has {count}" == refusal.because


def test_every_bound_is_held_somewhere() -> None:
    """No feature that needs a bound is without a case above."""
    assert set(BOUNDED) == {feature for feature, _, _, _ in COUNTED}


UNBOUNDED: list[tuple[str, str, dict[str, Any]]] = [
    ("server_tools", "chat", {"web_search_options": {}}),
    ("server_tools", "messages", {"tools": [SEARCH]}),
    ("server_tools", "messages", {"tools": [{"type": "code_execution_20250522", "name": "c", "max_uses": 1}]}),
    ("server_tools", "responses", {"tools": [{"type": "web_search"}]}),
    ("server_tools", "generateContent", {"tools": [{"googleSearch": {}}]}),
    ("mcp", "messages", {"mcp_servers": [{"type": "url", "url": "https://t.example", "name": "t"}]}),
    ("mcp", "responses", {"tools": [MCP]}),
    ("audio", "chat", {"modalities": ["text", "audio"]}),
    ("audio", "generateContent", config(responseModalities=["AUDIO"])),
]


@pytest.mark.parametrize(("feature", "call", "body"), UNBOUNDED)
def test_what_states_no_bound_is_refused_whatever_the_bound(feature: str, call: str, body: dict[str, Any]) -> None:
    """A use of which the request says no most cannot be reserved for, so that no bound of the terms lets it pass."""
    refusal = decided(allowing(TERMS), asked_by(call, **body))

    assert f"limits.{feature}" == clause_of(refusal)
    assert "this one states no bound" in refusal.because


OUTSIDE: list[tuple[str, dict[str, Any], int]] = [
    ("chat", user(PICTURE), 1),
    ("chat", user(STORED), 1),
    ("responses", {"previous_response_id": "resp_1"}, 1),
    ("messages", {"tools": [SEARCH | {"max_uses": 3}]}, 4),
    ("responses", {"tools": [{"type": "web_search"}], "max_tool_calls": 2}, 3),
]


@pytest.mark.parametrize(("call", "body", "turns"), OUTSIDE)
def test_content_from_elsewhere_reserves_whole_windows(call: str, body: dict[str, Any], turns: int) -> None:
    """What the body does not hold may fill the window, and once more for each turn of the provider's own tools."""
    decision = decided(allowing(TERMS), asked_by(call, **body))

    assert isinstance(decision, Reservation)
    assert (4096 * turns, 8 * turns) == (decision.amount.input_tokens, decision.amount.output_tokens)


KEEPING = [("chat", {"store": True}), ("responses", {"store": True}), ("responses", {"store": None})]


@pytest.mark.parametrize(("call", "body"), KEEPING)
@pytest.mark.parametrize("retention", ["none", "until-closure", "provider-policy"])
def test_what_lets_the_provider_keep_is_refused_under_no_retention(
    call: str, body: dict[str, Any], retention: str
) -> None:
    """Bodies are never edited: under `none` a Responses request without `store: false` is refused as it is."""
    terms = allowing(TERMS)
    kept = amended(terms, content=replace(terms.content, retention=retention))

    assert ("content.retention" if retention == "none" else "") == clause_of(decided(kept, asked_by(call, **body)))


def test_over_http_bounds_and_retention_refuse_and_send_nothing(tmp_path: Path) -> None:
    """The same on a live gateway: recorded, with its sentence, and at the bound the call passes byte for byte."""
    with RecordingProvider().running() as provider:
        changes = {"features": ["logprobs", "stored_state"], "limits": {"logprobs": 2}}
        with live_gateway(tmp_path, provider.url, **changes) as gateway:
            got = send(gateway, "chat", logprobs=True, top_logprobs=3)
            assert_refused(gateway, got, 403, "terms-refused", "limits.logprobs")
            with under(gateway, allowing(gateway.terms)):
                got = send(gateway, "chat", web_search_options={})
                assert_refused(gateway, got, 403, "terms-refused", "limits.server_tools")
            body = {name: value for name, value in BODIES["responses"].items() if name != "store"}
            got = send(gateway, "responses", content=json.dumps(body).encode())
            record = assert_refused(gateway, got, 403, "terms-refused", "content.retention")
            assert "store: false" in record.because
            assert [] == provider.asked
            assert 200 == send(gateway, "chat", logprobs=True, top_logprobs=2).status_code
            assert 1 == len(provider.asked)
