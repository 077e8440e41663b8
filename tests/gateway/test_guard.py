"""The guard: only a recorded call reaches the model, and only once."""

import json
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from guarding import BODY, TARGET, LiveGuard, guard_process, guarded_offer, live_guard, make_provider, permit, reason

from comity.gateway.asked import MAX_BODY
from comity.gateway.permit_note import HEADER
from comity.ledger import generate_key
from support import (
    Asked,
    HangUp,
    Keys,
    Part,
    RecordingProvider,
    completion,
    delta,
    events,
    now,
    signed_offer,
    terms_value,
    wait_until,
    whole,
)


@pytest.fixture
def provider() -> Iterator[RecordingProvider]:
    with RecordingProvider().running() as running:
        yield running


@pytest.fixture
def guard(tmp_path: Path, provider: RecordingProvider) -> Iterator[LiveGuard]:
    with live_guard(tmp_path, provider.url) as live:
        yield live


def test_a_permitted_request_goes_on_unchanged_but_for_its_permit(
    guard: LiveGuard, provider: RecordingProvider
) -> None:
    """The provider reads the same method, target, headers and body, and no permit; the answer comes back the same."""
    answer = guard.ask(guard.permit(4))

    [asked] = provider.asked
    assert (200, completion()) == (answer.status_code, answer.content)
    assert ("POST", TARGET, BODY) == (asked.method, asked.path, asked.body)
    assert "application/json" == asked.headers["content-type"]
    assert asked.headers["authorization"].startswith("Bearer ")
    assert urlsplit(provider.url).netloc == asked.headers["host"]
    assert not {HEADER, "connection", "transfer-encoding"} & asked.headers.keys()


def test_a_stolen_upstream_key_alone_opens_nothing(guard: LiveGuard, provider: RecordingProvider) -> None:
    """Whoever calls with the key and no permit is refused, on any path, and the model's endpoint sees no byte of it."""
    answers = [guard.ask(None), guard.ask(None, target="/v1/models", method="GET", body=b"")]

    assert [403, 403] == [answer.status_code for answer in answers]
    assert ["missing", "missing"] == [reason(answer) for answer in answers]
    assert 0 == provider.connections


def test_a_permit_passes_once(guard: LiveGuard, provider: RecordingProvider) -> None:
    """A second use is refused, and so is another permit for the same entry."""
    header = guard.permit(4)

    assert [200, 403, 403] == [
        guard.ask(h).status_code for h in (header, header, guard.permit(4, target=TARGET + "?a=1"))
    ]
    assert "used" == reason(guard.ask(header))
    assert 1 == len(provider.asked)


CHANGES: dict[str, Callable[[LiveGuard], Any]] = {
    "body": lambda g: g.ask(g.permit(4), body=BODY.replace(b"2+2", b"2+3")),
    "target": lambda g: g.ask(g.permit(4), target="/v1/completions"),
    "query": lambda g: g.ask(g.permit(4), target=TARGET + "?user=other"),
    "method": lambda g: g.ask(g.permit(4), method="PUT"),
    "foreign key": lambda g: g.ask(g.permit(4, signer=generate_key("ed25519", g.keys.permit.name, os.urandom))),
    "log key": lambda g: g.ask(g.permit(4, signer=g.keys.log)),
    "other ledger": lambda g: g.ask(g.permit(4, origin=f"operator.example/a/{'f' * 32}")),
    "other terms": lambda g: g.ask(g.permit(4, digest="5a" * 32)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_permit_opens_the_way_to_its_request_alone(
    change: str, guard: LiveGuard, provider: RecordingProvider
) -> None:
    """Another body, target, method, key, ledger or arrangement is refused; the permit itself is not spent by it."""
    answer = CHANGES[change](guard)

    assert (403, "signature") == (answer.status_code, reason(answer))
    assert 0 == provider.connections
    assert 200 == guard.ask(guard.permit(4)).status_code


def test_terms_of_another_version_permit_nothing(tmp_path: Path, provider: RecordingProvider) -> None:
    """A permit under terms that this guard does not hold is refused, though ledger and key are the same."""
    keys = Keys()
    other = signed_offer(keys, terms_value(keys, title="Another version"))
    with live_guard(tmp_path, provider.url, keys=keys) as guard:
        assert "signature" == reason(guard.ask(permit(keys, other, 4)))
    assert 0 == provider.connections


@pytest.mark.parametrize(("seconds", "said"), [(-95, "expired"), (35, "early")])
def test_a_permit_out_of_its_time_is_refused(
    seconds: int, said: str, guard: LiveGuard, provider: RecordingProvider
) -> None:
    """An expired permit, and one that is dated ahead of any skew, reach nothing."""
    assert said == reason(guard.ask(guard.permit(4, at=now() + timedelta(seconds=seconds))))
    assert 0 == provider.connections


def test_two_permits_in_one_request_are_none(guard: LiveGuard, provider: RecordingProvider) -> None:
    """A request that carries its permit twice could be read in two ways, so it is refused."""
    headers = [(HEADER, guard.permit(4)), (HEADER, guard.permit(5))]
    answer = guard.client.post(guard.url + TARGET, content=BODY, headers=headers)

    assert (403, "malformed") == (answer.status_code, reason(answer))
    assert 0 == provider.connections


def test_of_sixty_four_equal_requests_at_once_exactly_one_passes(guard: LiveGuard, provider: RecordingProvider) -> None:
    """However many send the same permit at the same time, the model is asked once."""
    header = guard.permit(4)
    with ThreadPoolExecutor(64) as crowd:
        answers = list(crowd.map(lambda _: guard.ask(header), range(64)))

    assert {200: 1, 403: 63} == Counter(answer.status_code for answer in answers)
    assert {"used"} == {reason(answer) for answer in answers if answer.status_code == 403}
    assert 1 == len(provider.asked)


def test_two_guards_over_one_state_let_a_permit_pass_once(tmp_path: Path, provider: RecordingProvider) -> None:
    """Processes that share the state on one machine share what was used: sixteen tries at two guards, one passes."""
    keys = Keys()
    offer = guarded_offer(keys)
    with (
        live_guard(tmp_path, provider.url, keys=keys, offer=offer) as one,
        live_guard(tmp_path, provider.url, keys=keys, offer=offer) as other,
        ThreadPoolExecutor(16) as crowd,
    ):
        header = one.permit(4)
        answers = list(crowd.map(lambda n: (one, other)[n % 2].ask(header), range(16)))

    assert {200: 1, 403: 15} == Counter(answer.status_code for answer in answers)


def test_a_guard_that_starts_again_remembers(tmp_path: Path, provider: RecordingProvider) -> None:
    """After a restart a used permit is still used, and the day's numbers go on from where they were."""
    keys = Keys()
    offer = guarded_offer(keys)
    with live_guard(tmp_path, provider.url, keys=keys, offer=offer) as guard:
        header = guard.permit(4)
        assert 200 == guard.ask(header).status_code
        assert "missing" == reason(guard.ask(None))
    with live_guard(tmp_path, provider.url, keys=keys, offer=offer) as guard:
        assert "used" == reason(guard.ask(header))
        assert 200 == guard.ask(guard.permit(5000)).status_code
    with live_guard(tmp_path, provider.url, keys=keys, offer=offer) as guard:
        counters = guard.counters()

    assert (2, 4, 5000) == (counters.passed, counters.lowest, counters.highest)
    assert {"missing": 1, "used": 1} == counters.refused
    assert 2 == len(provider.asked)


@pytest.mark.slow
def test_a_guard_that_is_killed_right_after_a_call_went_on_lets_it_pass_no_second_time(
    tmp_path: Path,
) -> None:
    """The permit is spent on disk before the first byte goes on: `kill -9` while the model answers changes nothing."""
    keys = Keys()
    offer = guarded_offer(keys)
    make_provider(tmp_path, keys, offer)
    held = threading.Event()

    def holding(asked: Asked) -> Iterator[Part]:
        yield held
        yield from whole(completion())

    with RecordingProvider(holding).running() as provider:
        for index in (4, 6, 9):
            with guard_process(tmp_path, provider.url, keys, offer) as guard:
                header = guard.permit(index)
                asked = len(provider.asked)
                with ThreadPoolExecutor(1) as caller:
                    calling = caller.submit(guard.ask, header)
                    wait_until(lambda asked=asked: len(provider.asked) > asked)  # type: ignore[misc]
                    guard.end(signal.SIGKILL)
                    assert calling.exception() is not None
            held.set()
            with guard_process(tmp_path, provider.url, keys, offer) as guard:
                assert "used" == reason(guard.ask(header))
            held.clear()

    assert 3 == len(provider.asked)


def test_a_stream_passes_as_it_comes(tmp_path: Path) -> None:
    """Each event is with the caller before the provider sends the next, and the bytes are the same."""
    going = threading.Event()
    parts = [delta("a"), delta("b"), b"data: [DONE]\n\n"]
    with (
        RecordingProvider(lambda asked: events(parts[0], going, *parts[1:])).running() as provider,
        live_guard(tmp_path, provider.url) as guard,
        guard.client.stream("POST", guard.url + TARGET, content=BODY, headers={HEADER: guard.permit(4)}) as answer,
    ):
        pieces = answer.iter_raw()
        assert parts[0] == next(pieces)
        going.set()
        assert b"".join(parts[1:]) == b"".join(pieces)
        assert "text/event-stream" == answer.headers["content-type"]


def test_a_caller_that_leaves_a_stream_ends_it_at_the_provider(tmp_path: Path) -> None:
    """The connection to the model closes when the caller's does: a stop at the gateway reaches through the guard."""
    never = threading.Event()
    with (
        RecordingProvider(lambda asked: events(delta("a"), never)).running() as provider,
        live_guard(tmp_path, provider.url) as guard,
    ):
        with guard.client.stream("POST", guard.url + TARGET, content=BODY, headers={HEADER: guard.permit(4)}) as answer:
            next(answer.iter_raw())
        assert provider.hung_up.wait(5)


def test_a_stream_that_breaks_off_is_seen_to_break_off(tmp_path: Path) -> None:
    """Half an answer never looks whole: the caller's connection breaks where the provider's did."""

    def breaking(asked: Asked) -> Iterator[Part]:
        yield from events(delta("a"), end=False)
        raise HangUp

    with RecordingProvider(breaking).running() as provider, live_guard(tmp_path, provider.url) as guard:
        with pytest.raises(Exception, match="incomplete|closed|peer"):
            guard.ask(guard.permit(4))


def test_an_endpoint_that_is_down_is_a_502_and_the_permit_is_spent(tmp_path: Path) -> None:
    """The caller reads that the provider failed; trying again takes a new permit, so each try is an entry."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with live_guard(tmp_path, url) as guard:
            header = guard.permit(4)
            answer = guard.ask(header)

            assert (502, "provider-failed") == (answer.status_code, answer.json()["error"]["code"])
            assert "used" == reason(guard.ask(header))


def test_an_endpoint_that_keeps_silent_is_a_504(tmp_path: Path) -> None:
    """A provider that takes the request and says nothing ends in a timeout that names it."""
    never = threading.Event()
    with (
        RecordingProvider(lambda asked: iter([never])).running() as provider,
        live_guard(tmp_path, provider.url, answer_seconds=0.2) as guard,
    ):
        answer = guard.ask(guard.permit(4))

        assert (504, "provider-timeout") == (answer.status_code, answer.json()["error"]["code"])


def test_the_providers_own_error_passes_as_it_is(tmp_path: Path) -> None:
    """Status, headers and body of an error are the provider's."""
    body = b'{"error":{"message":"slow down"}}'
    answering = lambda asked: whole(body, "429 Too Many Requests", "retry-after: 7")  # noqa: E731
    with RecordingProvider(answering).running() as provider, live_guard(tmp_path, provider.url) as guard:
        answer = guard.ask(guard.permit(4))

        assert (429, "7", body) == (answer.status_code, answer.headers["retry-after"], answer.content)


def test_a_body_larger_than_any_gateway_sends_is_refused(guard: LiveGuard, provider: RecordingProvider) -> None:
    """More than 8 MiB is refused before anything is checked or sent, and the caller reads why."""
    answer = guard.ask(guard.permit(4), body=b"x" * (MAX_BODY + 1))

    assert (413, "oversized") == (answer.status_code, reason(answer))
    assert 0 == provider.connections


def test_a_large_body_passes_whole(guard: LiveGuard, provider: RecordingProvider) -> None:
    """The largest body that a gateway sends reaches the provider byte for byte."""
    body = os.urandom(MAX_BODY)

    assert 200 == guard.ask(guard.permit(4, body=body), body=body).status_code
    assert body == provider.asked[0].body


CHUNKED = b"transfer-encoding: chunked\r\n"
AMBIGUOUS = {
    "length and chunks": (b"content-length: %d\r\n" % len(BODY) + CHUNKED, b"0\r\n\r\n"),
    "two lengths": (b"content-length: 3\r\ncontent-length: %d\r\n" % len(BODY), BODY),
    "odd coding": (b"transfer-encoding: xchunked\r\n", b"0\r\n\r\n"),
    "two codings": (b"transfer-encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "folded header": (b"x: a\r\n b\r\ncontent-length: %d\r\n" % len(BODY), BODY),
    "bare line feed": (b"x: a\ncontent-length: %d\r\n" % len(BODY), BODY),
    "space before colon": (b"content-length : %d\r\n" % len(BODY), BODY),
    "signed length": (b"content-length: +%d\r\n" % len(BODY), BODY),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_request_that_could_be_read_in_two_ways_goes_nowhere(
    name: str, guard: LiveGuard, provider: RecordingProvider
) -> None:
    """Ambiguous framing under a valid permit is a 400 and a closed connection; the provider sees nothing."""
    framing, body = AMBIGUOUS[name]
    answer = raw(guard, framing, body)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert 0 == provider.connections


def test_a_request_hidden_behind_another_is_not_carried(guard: LiveGuard, provider: RecordingProvider) -> None:
    """What follows a request before its answer is out belongs to nobody: the provider sees one request at most."""
    head = f"POST {TARGET} HTTP/1.1\r\nhost: a\r\n{HEADER}: {guard.permit(5)}\r\ncontent-length: {len(BODY)}\r\n\r\n"
    raw(guard, b"content-length: %d\r\n" % len(BODY), BODY + head.encode() + BODY)

    assert len(provider.asked) <= 1


def test_a_body_in_chunks_is_checked_whole(guard: LiveGuard, provider: RecordingProvider) -> None:
    """A permit is over the body's bytes, however the caller frames them, and they go on with a length."""
    framed = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (10, BODY[:10], len(BODY) - 10, BODY[10:])
    answer = raw(guard, CHUNKED + b"connection: close\r\n", framed)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert (BODY, str(len(BODY))) == (provider.asked[0].body, provider.asked[0].headers["content-length"])


def test_a_body_that_does_not_come_is_not_waited_for(
    guard: LiveGuard, provider: RecordingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender who stops in the middle of its body is answered 408 and let go; nothing goes on."""
    monkeypatch.setattr("comity.gateway.edge.BODY_SECONDS", 0.05)
    host, _, port = guard.url.removeprefix("http://").rpartition(":")
    head = f"POST {TARGET} HTTP/1.1\r\nhost: a\r\n{HEADER}: {guard.permit(4)}\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY[:5])

        assert connection.recv(65_536).startswith(b"HTTP/1.1 408 ")
    assert 0 == provider.connections


def raw(guard: LiveGuard, framing: bytes, body: bytes) -> bytes:
    """Send bytes under a valid permit and read until the guard closes or answered."""
    host, _, port = guard.url.removeprefix("http://").rpartition(":")
    head = f"POST {TARGET} HTTP/1.1\r\nhost: a\r\n{HEADER}: {guard.permit(4)}\r\n".encode()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head + framing + b"\r\n" + body)
        if b"close" not in framing:
            connection.shutdown(socket.SHUT_WR)
        came = b""
        try:
            while piece := connection.recv(65_536):
                came += piece
        except ConnectionResetError:
            pass
    return came


def test_a_guard_that_cannot_remember_lets_nothing_pass(guard: LiveGuard, provider: RecordingProvider) -> None:
    """When the state takes nothing more the answer is a 503, and the model is not asked."""
    assert guard.state is not None
    guard.state.close()
    answer = guard.ask(guard.permit(4))

    assert (503, "not-recorded") == (answer.status_code, answer.json()["error"]["code"])
    assert 0 == provider.connections


def test_nothing_of_a_request_stays_at_rest(tmp_path: Path, provider: RecordingProvider) -> None:
    """No body, no key, no target is in the guard's folder, whatever passed or was refused."""
    canary = "canary-3f1b9d"
    body = json.dumps({"content": canary}).encode()
    with live_guard(tmp_path, provider.url) as guard:
        assert (
            200
            == guard.ask(
                guard.permit(4, body=body, target=f"/v1/{canary}"), body=body, target=f"/v1/{canary}"
            ).status_code
        )
        guard.ask(canary, body=body)
    found = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert found and canary.encode() not in found
    assert b"upstream-key-of-the-test" not in found
