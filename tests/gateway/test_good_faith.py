"""Safe harbour: the provider can know these calls, and what it does to them out of its custom becomes an entry."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import BY_CALL, PROTOCOLS, allowing, send, under

from comity.gateway.anomaly import ENOUGH, SLOW_MILLIS
from support import (
    MONDAY,
    Asked,
    LiveGateway,
    Part,
    RecordingProvider,
    SetClock,
    completion,
    dated_gateway,
    live_gateway,
    whole,
)


@pytest.mark.parametrize("call", sorted(BY_CALL))
def test_each_request_bears_the_agreed_tag_whatever_the_caller_says(tmp_path: Path, call: str) -> None:
    """Every request over every call carries the tag of the terms, once, and none carries one of the caller's own."""
    with RecordingProvider().running() as provider:
        changes = {"models__protocols": list(PROTOCOLS), "models__on_mismatch": "flag"}
        with live_gateway(tmp_path, provider.url, **changes) as gateway:
            with under(gateway, allowing(gateway.terms)):
                send(gateway, call)
                own = send(gateway, call, headers={"x-engagement-tag": "somebody-else"})
            assert 400 == own.status_code and "x-engagement-tag" in own.text
            [asked] = provider.asked
            assert "test-engagement" == asked.headers["x-engagement-tag"]
            assert 1 == asked.whole.lower().count(b"x-engagement-tag")


STATUSES = [
    ("401 Unauthorized", "denied"),
    ("403 Forbidden", "denied"),
    ("404 Not Found", "denied"),
    ("451 Unavailable For Legal Reasons", "denied"),
    ("429 Too Many Requests", "rate-limited"),
    ("503 Service Unavailable", "overloaded"),
    ("529 Site is overloaded", "overloaded"),
]


def provider_part(gateway: LiveGateway) -> Any:
    return httpx.get(gateway.door("/status"), headers={"x-api-key": gateway.secret}).json()["provider"]


@pytest.mark.parametrize(("status", "what"), STATUSES)
def test_a_denial_of_the_provider_is_an_entry(tmp_path: Path, status: str, what: str) -> None:
    """What the provider denies or throttles is on record with its status, before the call's settlement, and counted."""
    answer = whole(b'{"error": {"message": "no"}}', status)
    with RecordingProvider(lambda _: answer).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert int(status[:3]) == gateway.chat().status_code

        [anomaly], [settled] = gateway.of("upstream.anomaly"), gateway.of("call.settled")
        assert (what, int(status[:3]), settled.permit) == (anomaly.what, anomaly.status, anomaly.permit)
        assert {"test-model": {what: 1}} == provider_part(gateway)
        kinds = [record.kind for record in gateway.records()]
        assert kinds.index("upstream.anomaly") + 1 == kinds.index("call.settled")


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error"])
def test_other_errors_of_the_provider_are_none(tmp_path: Path, status: str) -> None:
    """A request that the provider cannot read, or a fault of its own, is no denial; the settlement has its status."""
    answer = whole(b'{"error": {"message": "no"}}', status)
    with RecordingProvider(lambda _: answer).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert int(status[:3]) == gateway.chat().status_code
        assert [] == gateway.of("upstream.anomaly")
        assert {} == provider_part(gateway)


def test_an_answer_far_slower_than_custom_is_an_entry(tmp_path: Path) -> None:
    """Once enough calls are known, one that begins much later than they usually do is recorded with both times;
    before that, and where it is late by little, nothing is."""
    clock, wait = SetClock(MONDAY), timedelta(milliseconds=100)

    def answering(asked: Asked) -> list[Part]:
        clock.at += wait
        return whole(completion())

    with RecordingProvider(answering).running() as provider, dated_gateway(tmp_path, provider.url, clock) as gateway:
        slow = timedelta(milliseconds=SLOW_MILLIS + 2_000)
        for number in range(ENOUGH):
            wait = slow if number == 0 else timedelta(milliseconds=100)
            assert 200 == gateway.chat().status_code
        assert [] == gateway.of("upstream.anomaly"), "there was no custom yet"

        wait = timedelta(milliseconds=SLOW_MILLIS - 100)
        assert 200 == gateway.chat().status_code
        assert [] == gateway.of("upstream.anomaly"), "late, and not by much"
        gateway.keep()
        wait = slow
        assert 200 == gateway.chat().status_code

        [anomaly] = gateway.of("upstream.anomaly")
        assert ("slow", 200, 100) == (anomaly.what, anomaly.status, anomaly.usual_millis)
        assert slow // timedelta(milliseconds=1) <= anomaly.millis
        assert {"test-model": {"slow": 1}} == provider_part(gateway)
        [*_, settled] = gateway.of("call.settled")
        assert "answered" == settled.outcome, "a slow answer is an answer"
