"""Rates: beyond what a minute or a moment may hold a call waits, as long as it is told and no longer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from asking import assert_refused, says
from books import Books, Spent

from comity.gateway.calls import Permit, Refused
from support import MONDAY, RecordingProvider, SetClock, completion, dated_gateway, wait_until, whole


def test_the_call_after_the_last_of_a_minute_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    """Beyond the agreed number 429 says when to come again; a second earlier is too early, then it passes."""
    clock = SetClock(MONDAY)
    with RecordingProvider().running() as provider:
        with dated_gateway(tmp_path, provider.url, clock, rate__calls_per_minute=2) as gateway:
            assert 200 == gateway.chat().status_code
            clock.on(seconds=7)
            gateway.keep()
            assert 200 == gateway.chat().status_code
            clock.on(seconds=30.4)
            gateway.keep()

            got = gateway.chat()

            record = assert_refused(gateway, got, 429, "rate-exceeded", "rate.calls_per_minute")
            assert "2 calls a minute agreed, 2 in the last" == record.because
            assert "x-should-retry" not in got.headers
            wait = int(got.headers["retry-after"])
            clock.on(seconds=wait - 1)
            gateway.keep()
            assert 429 == gateway.chat().status_code
            clock.on(seconds=1)
            gateway.keep()
            assert [200, 429] == [gateway.chat().status_code for _ in range(2)]


def passes(decision: Permit | Refused) -> bool:
    return isinstance(decision, Permit)


@pytest.mark.parametrize("earlier", [(300,), (100, 100, 100), (20, 20, 260), (260, 20, 20)])
def test_the_wait_for_tokens_is_until_this_very_call_has_room(tmp_path: Path, earlier: tuple[int, ...]) -> None:
    """Where the oldest call gives too little back the wait is until enough of them have: then the call passes, and
    a second earlier it does not."""
    books = Books(tmp_path, rate__tokens_per_minute=900)
    with books.ledger:
        for size in earlier:
            assert passes(books.ask(size=size, limit=1))
            books.later(timedelta(seconds=5))

        refused = books.ask(size=350, limit=1)

        assert isinstance(refused, Refused)
        assert (429, "rate.tokens_per_minute") == (refused.refusal.status, refused.refusal.clause)
        assert refused.refusal.retry_after is not None
        books.later(timedelta(seconds=refused.refusal.retry_after - 1))
        assert not passes(books.ask(size=350, limit=1))
        books.later(timedelta(seconds=1))
        assert passes(books.ask(size=350, limit=1))


def test_what_a_call_did_not_take_makes_room_in_the_same_minute(tmp_path: Path) -> None:
    """Tokens count at the reservation while a call is open, and as charged from its settlement on."""
    books = Books(tmp_path, rate__tokens_per_minute=600)
    with books.ledger:
        first = books.ask(size=300, limit=1)
        assert isinstance(first, Permit) and not passes(books.ask(size=300, limit=1))
        books.settle(first, Spent(usage=(5, 1)))
        assert passes(books.ask(size=300, limit=1))


def test_a_call_larger_than_a_whole_minute_is_refused_for_good(tmp_path: Path) -> None:
    """No wait helps where one call alone is beyond the rate: 403, whatever else is under way."""
    clock = SetClock(MONDAY)
    changes = {"rate": {"calls_per_minute": 1, "tokens_per_minute": 200, "concurrency": 4}}
    with RecordingProvider().running() as provider, dated_gateway(tmp_path, provider.url, clock, **changes) as gateway:
        assert 200 == gateway.chat().status_code
        got = gateway.chat(messages=[{"role": "user", "content": "a" * 100}])

        record = assert_refused(gateway, got, 403, "terms-refused", "rate.tokens_per_minute")
        assert "200 tokens a minute agreed" in record.because
        assert "retry-after" not in got.headers
        assert 1 == len(provider.asked)


def test_no_more_calls_than_agreed_are_under_way_at_once(tmp_path: Path) -> None:
    """While the agreed number is open the next gets 429; one that ends makes room."""
    clock, go = SetClock(MONDAY), Event()
    with RecordingProvider(lambda _: [go, *whole(completion())]).running() as provider:
        with dated_gateway(tmp_path, provider.url, clock, rate__concurrency=2) as gateway, ThreadPoolExecutor(2) as two:
            waiting = [two.submit(gateway.chat) for _ in range(2)]
            wait_until(lambda: 2 == len(provider.asked))

            got = gateway.chat()

            assert (429, "rate.concurrency", "1") == (got.status_code, says(got)["clause"], got.headers["retry-after"])
            assert "2 calls at once agreed, 2 open" == says(got)["because"]
            go.set()
            assert [200, 200] == [each.result().status_code for each in waiting]
            assert 200 == gateway.chat().status_code
