"""Prices by class: a call costs what its tokens of each class cost, or what was reserved where that is unknown."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import PROTOCOLS, allowing, send, under
from hypothesis import given
from hypothesis import strategies as st

from comity.arrangement import parse_terms_json
from comity.records import canonical_bytes
from support import Keys, LiveGateway, RecordingProvider, cached, completion, live_gateway, terms_value, whole

MODEL = parse_terms_json(canonical_bytes(terms_value(Keys()))).models[0]
IN, READ, WRITTEN, OUT = 100, 50, 120, 400
"""Nano-units a token, as the tests' terms have them."""


def usage_of(call: str, *, read: int, written: int) -> bytes:
    """An answer to a call that took 20 tokens in, of which some by way of a cache, and 2 out."""
    if call == "messages":
        fields = {
            "input_tokens": 20 - read - written, "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written, "output_tokens": 2,
        }  # fmt: skip
        return json.dumps({"type": "message", "model": "test-model", "content": [], "usage": fields}).encode()
    if call == "responses":
        details = {"cached_tokens": read, "cache_write_tokens": written}
        fields = {"input_tokens": 20, "input_tokens_details": details, "output_tokens": 2, "total_tokens": 22}  # type: ignore[dict-item]
        return json.dumps({"object": "response", "model": "test-model", "output": [], "usage": fields}).encode()
    if call == "generateContent":
        fields = {"promptTokenCount": 20, "cachedContentTokenCount": read, "candidatesTokenCount": 2}
        return json.dumps({"modelVersion": "test-model", "candidates": [], "usageMetadata": fields}).encode()
    return cached(read, written)


CACHED = [("chat", 12, 4), ("messages", 12, 4), ("responses", 12, 4), ("generateContent", 12, 0), ("chat", 20, 0)]


@pytest.mark.parametrize(("call", "read", "written"), CACHED)
def test_tokens_of_a_cache_are_metered_and_cost_their_own_price(
    tmp_path: Path, call: str, read: int, written: int
) -> None:
    """The classes stand in `call.metered`, right before the settlement whose cost they make, to the nano-unit."""
    with RecordingProvider(lambda _: whole(usage_of(call, read=read, written=written))).running() as provider:
        with live_gateway(tmp_path, provider.url, models__protocols=list(PROTOCOLS)) as gateway:
            with under(gateway, allowing(gateway.terms)):
                assert 200 == send(gateway, call).status_code

            records = gateway.records()
            at = next(index for index, record in enumerate(records) if record.kind == "call.settled")
            settled: Any = records[at]
            metered: Any = records[at - 1]
            assert ("call.metered", settled.permit) == (metered.kind, metered.permit)
            assert (20, read, written, 2) == (
                metered.input_tokens, metered.cached_read, metered.cache_write, metered.output_tokens,
            )  # fmt: skip
            assert ("stated", 20, 2) == (settled.usage, settled.charged.input_tokens, settled.charged.output_tokens)
            cost = IN * (20 - read - written) + READ * read + WRITTEN * written + OUT * 2
            assert cost == settled.charged.cost_nano
            assert cost == taken(gateway)


def taken(gateway: LiveGateway) -> int:
    status = httpx.get(gateway.door("/status"), headers={"x-api-key": gateway.secret}).json()
    return int(status["clauses"]["budget.cost"]["taken"])


def test_without_a_cache_nothing_is_metered(tmp_path: Path) -> None:
    """Plain tokens stand in the settlement alone."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert 200 == gateway.chat().status_code
        assert [] == gateway.of("call.metered")
        [settled] = gateway.of("call.settled")
        assert IN * 20 + OUT * 2 == settled.charged.cost_nano == taken(gateway)


UNPRICED: dict[str, dict[str, Any]] = {
    "sound": {"prompt_tokens_details": {"audio_tokens": 3}},
    "pictures": {"prompt_tokens_details": {"image_tokens": 3}},
    "searches": {"server_tool_use": {"web_search_requests": 1}},
    "something new": {"thought_tokens": 1},
    "something new inside": {"completion_tokens_details": {"dream_tokens": 1}},
}


@pytest.mark.parametrize("what", UNPRICED)
def test_a_class_without_a_price_is_charged_at_the_reservation(tmp_path: Path, what: str) -> None:
    """Tokens of which the terms name no price cost what was reserved for the call: the dearest that it could cost."""
    body = json.loads(completion())
    body["usage"] |= UNPRICED[what]
    with RecordingProvider(lambda _: whole(json.dumps(body).encode())).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            assert 200 == gateway.chat().status_code
            [permit], [settled] = gateway.of("call.permitted"), gateway.of("call.settled")
            assert ("reservation", permit.reserved) == (settled.usage, settled.charged)
            assert taken(gateway) == permit.reserved.cost_nano


@given(
    tokens=st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)),
    split=st.tuples(st.integers(0, 100), st.integers(0, 100)).filter(lambda pair: sum(pair) <= 100),
)
def test_no_split_into_classes_costs_more_than_was_reserved(tokens: tuple[int, int], split: tuple[int, int]) -> None:
    """However the provider's cache divides the input, the reservation bounds the cost: no overrun by price alone."""
    spent_in, spent_out = tokens
    read, written = (spent_in * part // 100 for part in split)

    cost = MODEL.cost_nano(spent_in, spent_out, cached_read=read, cache_write=written)

    assert 0 <= cost <= MODEL.most_nano(spent_in, spent_out)
