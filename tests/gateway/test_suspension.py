"""Suspension: no new call passes until who suspended resumes, and for some causes the window's clock stands still."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from asking import assert_refused, says
from books import Books

from comity.arrangement import sign_act, suspend_text
from comity.gateway.calls import Permit, Refused
from comity.gateway.refusal import Refusal
from support import (
    MONDAY,
    ORIGIN,
    LiveGateway,
    Part,
    RecordingProvider,
    SetClock,
    completion,
    dated_gateway,
    delta,
    flowing,
    live_gateway,
    wait_until,
    whole,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("party", ["authority", "provider"])
def test_a_suspension_by_either_lets_no_new_call_pass_until_it_resumes(tmp_path: Path, party: str) -> None:
    """While it stands each call is refused with who suspended and why; only who suspended lifts it; and what
    belongs to no call goes on: evidence, status, receipts."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        signer = getattr(gateway.keys, party)
        other = gateway.keys.provider if party == "authority" else gateway.keys.authority
        assert 201 == gateway.suspend(signer, cause="security-incident").status_code

        record = assert_refused(gateway, gateway.chat(), 403, "terms-refused", "suspension.by")
        assert f"the {party} suspended this access until it resumes it: security-incident" == record.because
        got = gateway.resume(other)
        assert (403, "stop.by") == (got.status_code, says(got)["clause"])
        assert "neither stopped nor suspended" in says(got)["because"]
        key = {"authorization": f"Bearer {gateway.secret}"}
        frozen = {"kind": "plan.frozen", "plan": "a" * 64}
        assert 201 == httpx.post(gateway.door("/entries"), json=frozen, headers=key).status_code
        status = httpx.get(gateway.door("/status"), headers=key).json()
        assert {"by": party, "cause": "security-incident"} == status["suspended"]
        assert 403 == gateway.chat().status_code

        assert 201 == gateway.resume(signer).status_code
        assert 200 == gateway.chat().status_code
        [entry] = gateway.of("access.suspended")
        assert (party, "security-incident", "runs") == (entry.by, entry.cause, entry.clock)
        assert 1 == len(provider.asked)


def test_acts_of_suspension_that_do_not_hold_change_nothing(tmp_path: Path) -> None:
    """Who may not is told who may; a party suspends once at a time; a note takes effect once, and at its own door."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, suspension__by=["authority"]) as gateway:
            keys = gateway.keys
            got = gateway.suspend(keys.provider)
            assert (403, "suspension.by") == (got.status_code, says(got)["clause"])
            assert "the terms give the suspension to authority, not to the provider" == says(got)["because"]
            text = suspend_text(ledger=ORIGIN, cause="operational", nonce=os.urandom(16).hex())
            note = sign_act(text, keys.authority)
            assert 400 == gateway.act("/stop", note).status_code
            assert 201 == gateway.act("/suspend", note).status_code
            again = gateway.suspend(keys.authority)
            assert (403, "suspension.by") == (again.status_code, says(again)["clause"])
            assert "suspended this access already" in says(again)["because"]
            assert 201 == gateway.resume(keys.authority).status_code
            replayed = gateway.act("/suspend", note)
            assert (403, "act.nonce") == (replayed.status_code, says(replayed)["clause"])
            assert 200 == gateway.chat().status_code
            assert 1 == len(gateway.of("access.suspended"))


@pytest.mark.parametrize("stream", [False, True])
def test_calls_under_way_end_by_themselves(tmp_path: Path, stream: bool) -> None:
    """A suspension cuts nothing: an answer that was begun comes whole, a stream to its end."""
    go = threading.Event()

    def parts() -> Iterator[Part]:
        yield delta("fo")
        yield go
        yield delta("ur", usage={"prompt_tokens": 20, "completion_tokens": 2})
        yield DONE

    answer = (lambda _: flowing(parts())) if stream else (lambda _: [go, *whole(completion())])
    with RecordingProvider(answer).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        caller = _Caller(gateway, stream=stream)
        wait_until(lambda: provider.asked)
        assert 201 == gateway.suspend().status_code
        assert 403 == gateway.chat().status_code
        go.set()
        caller.join(20)

        assert caller.got is not None and 200 == caller.got.status_code
        assert caller.got.content.endswith(DONE) if stream else completion() == caller.got.content
        assert [("answered", "stated")] == [(each.outcome, each.usage) for each in gateway.of("call.settled")]
        assert 1 == len(provider.asked)


class _Caller(threading.Thread):
    def __init__(self, gateway: LiveGateway, *, stream: bool) -> None:
        super().__init__()
        self.gateway, self.stream = gateway, stream
        self.got: httpx.Response | None = None
        self.start()

    def run(self) -> None:
        self.got = self.gateway.chat(stream=self.stream)


def test_window_and_grant_end_later_by_exactly_the_time_that_stood(tmp_path: Path) -> None:
    """A suspension whose cause stops the clock moves the end of the window, and of a grant, by its length to the
    millisecond; one whose cause does not moves neither."""
    clock = SetClock(MONDAY)
    with RecordingProvider().running() as provider, dated_gateway(tmp_path, provider.url, clock) as gateway:
        until = gateway.terms.window.until
        short = gateway.grant("short-secret", expires=until - DAY)
        assert 201 == short.status_code
        assert 201 == gateway.suspend(cause="containment").status_code
        clock.on(days=1)
        gateway.keep()
        assert 201 == gateway.resume().status_code
        assert 201 == gateway.suspend(cause="operational").status_code
        clock.on(days=2, milliseconds=7)
        gateway.keep()
        assert 201 == gateway.resume().status_code
        stood = timedelta(days=2, milliseconds=7)
        key = {"x-api-key": gateway.secret}
        assert 172_800_007 == httpx.get(gateway.door("/status"), headers=key).json()["stood_ms"]

        for secret, end, slug, clause in (
            ("short-secret", until - DAY + stood, "key-expired", "grant.expires"),
            (gateway.secret, until + stood, "key-expired", "grant.expires"),
        ):
            gateway.secret = secret
            clock.at = end - timedelta(milliseconds=1)
            gateway.keep()
            assert 200 == gateway.chat().status_code
            clock.on(milliseconds=1)
            gateway.keep()
            assert_refused(gateway, gateway.chat(), 401, slug, clause)
        assert 2 == len(provider.asked)


def test_overlapping_suspensions_are_counted_once(tmp_path: Path) -> None:
    """The clock stands from the first suspension that stops it to the end of the last, whoever ends first."""
    books = Books(tmp_path)
    with books.ledger:
        for party, act in (("authority", "suspend"), ("provider", "suspend"), ("authority", ""), ("provider", "")):
            done = books.suspend(party, "legal-order") if act else books.resume(party)
            assert isinstance(done, int)
            books.later(HOUR)
        assert [(1, 3 * 3_600_000, 0)] == books.tables()["gate_clock"]
        books.suspend("authority", "containment")  # the clock runs
        books.later(HOUR)
        books.suspend("provider", "operational")  # it stops
        books.later(HOUR)
        books.resume("authority")
        books.later(HOUR)
        assert isinstance(books.ask(), Refused), "the provider's suspension stands"
        books.resume("provider")
        assert [(1, 5 * 3_600_000, 0)] == books.tables()["gate_clock"]
        assert isinstance(books.ask(), Permit)
        assert books.tables() == books.rebuilt()


def test_a_suspension_and_a_stop_of_one_party_end_together(tmp_path: Path) -> None:
    """A resumption lifts what its signer stopped and suspended, and nothing of the other's; a stop is named first."""
    books = Books(tmp_path)
    with books.ledger:
        books.suspend("provider", "operational")
        books.stop("provider")
        books.suspend("authority", "operational")
        refused = books.ask()
        assert isinstance(refused, Refused) and "stop.by" == refused.refusal.clause
        assert isinstance(books.resume("provider"), int)
        refused = books.ask()
        assert isinstance(refused, Refused) and "suspension.by" == refused.refusal.clause
        assert "the authority" in refused.refusal.because
        assert isinstance(books.resume("provider"), Refusal), "there is nothing left to resume"
        assert isinstance(books.resume("authority"), int)
        assert isinstance(books.ask(), Permit)


def test_hours_and_days_go_by_the_wall(tmp_path: Path) -> None:
    """A clock that stood still moves the window's end alone: a day's budget begins anew at each midnight of UTC."""
    books = Books(tmp_path, budget__per_day={"calls": 1, "input_tokens": 10**6, "output_tokens": 10**5, "cost": "1.00"})
    with books.ledger:
        assert isinstance(books.ask(), Permit)
        books.suspend("provider", "operational")
        books.later(DAY)
        books.resume("provider")
        assert isinstance(books.ask(), Permit), "it is another day, though the window's clock shows the same"
