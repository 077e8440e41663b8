"""Faults: whatever breaks, on either side or in the ledger, nobody holds a whole answer without its record."""

import json
import socket
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from lossy_disk import LossyDisk

from comity.gateway import passage as passage_module
from comity.gateway.opening import SCHEMA
from comity.ledger import Ledger
from comity.ledger.sqlite import SqliteLedger
from support import (
    Asked,
    HangUp,
    LiveGateway,
    Part,
    RecordingProvider,
    completion,
    delta,
    events,
    live_gateway,
    wait_until,
    whole,
)

DONE = b"data: [DONE]\n\n"
_names = count()


@pytest.fixture
def disk() -> Iterator[LossyDisk]:
    disk = LossyDisk(f"gateway-{next(_names)}")
    yield disk
    disk.unregister()


def hang_up() -> Iterator[Part]:
    raise HangUp
    yield b""


def streamed(gateway: LiveGateway, **changes: Any) -> tuple[int, bytes, bool]:
    """Status, the bytes that came, and whether the body ended in order."""
    body = {"model": "test-model", "max_tokens": 8, "stream": True, "messages": [{"role": "user", "content": "2+2?"}]}
    headers = {"authorization": f"Bearer {gateway.secret}"}
    seen = b""
    with httpx.stream(
        "POST", f"{gateway.openai}/chat/completions", json=body | changes, headers=headers, timeout=20
    ) as got:
        try:
            for piece in got.iter_raw():
                seen += piece
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return got.status_code, seen, False
        return got.status_code, seen, True


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_ends_the_call_at_its_reservation(tmp_path: Path, stream: bool) -> None:
    """When the caller is gone the provider's connection is closed, and the call settles as `client-gone`,
    charged as reserved, since nobody knows what the provider had written by then."""
    never = threading.Event()
    usage = {"usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    parts = events(delta("fo", **usage), never) if stream else [whole(completion())[0][:-5], never]  # type: ignore[index]
    with RecordingProvider(lambda _: parts).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        connection = gateway.open_call(stream=stream)
        if stream:
            assert b"200 OK" in connection.recv(100)
        wait_until(lambda: provider.asked)
        connection.close()

        [settled] = wait_until(lambda: gateway.of("call.settled"))
        [permit] = gateway.of("call.permitted")
        assert provider.hung_up.wait(5)
        assert ("client-gone", "reservation") == (settled.outcome, settled.usage)
        assert permit.reserved == settled.charged
        assert 200 == httpx.get(gateway.door("/status"), headers={"x-api-key": gateway.secret}).status_code


def test_half_an_anthropic_stream_is_charged_at_its_reservation(tmp_path: Path) -> None:
    """The running figures at the beginning of a stream are not what the whole call took."""
    begin = b'event: message_start\ndata: {"type":"message_start","message":{"model":"test-model","usage":'
    begin += b'{"input_tokens":9,"output_tokens":1}}}\n\n'
    with RecordingProvider(lambda _: _broken(begin)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            messages = [{"role": "user", "content": "?"}]
            body = {"model": "test-model", "max_tokens": 8, "stream": True, "messages": messages}
            with pytest.raises(httpx.HTTPError):
                httpx.post(f"{gateway.anthropic}/v1/messages", json=body, headers={"x-api-key": gateway.secret})
            [permit], [settled] = gateway.of("call.permitted"), gateway.of("call.settled")
            assert ("half-answer", "reservation", permit.reserved) == (settled.outcome, settled.usage, settled.charged)


def _broken(*parts: Part) -> Iterator[Part]:
    yield from events(*parts, end=False)
    raise HangUp


ERRORS = [
    ("400 Bad Request", "provider-refused"),
    ("401 Unauthorized", "provider-refused"),
    ("404 Not Found", "provider-refused"),
    ("429 Too Many Requests", "provider-refused"),
    ("500 Internal Server Error", "provider-failed"),
    ("503 Service Unavailable", "provider-failed"),
    ("529 Site is overloaded", "provider-failed"),
]


@pytest.mark.parametrize(("status", "outcome"), ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_own_errors_pass_as_they_are(tmp_path: Path, status: str, outcome: str, stream: bool) -> None:
    """An error that the provider answers keeps its status, its body and the headers of the list."""
    body = b'{"error": {"message": "the provider says no", "type": "its_own"}}'
    answer = whole(body, status, "retry-after: 7", "x-should-retry: true", "x-secret: inside", "x-request-id: up-9")
    with RecordingProvider(lambda _: answer).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        got = gateway.chat(stream=stream)

        [permit], [settled] = gateway.of("call.permitted"), gateway.of("call.settled")
        assert (int(status[:3]), body) == (got.status_code, got.content)
        assert ("7", "true", "up-9") == tuple(
            got.headers[name] for name in ("retry-after", "x-should-retry", "x-upstream-request-id")
        )
        assert "x-secret" not in got.headers
        assert (outcome, int(status[:3]), "none") == (settled.outcome, settled.status, settled.served_check)
        assert permit.reserved == settled.charged
        assert 1 == len(provider.asked)


def test_a_silent_provider_is_a_timeout(tmp_path: Path) -> None:
    """No answer in time: 504, the request was sent once, and the call is charged as reserved."""
    never = threading.Event()
    with RecordingProvider(lambda _: [never]).running() as provider:
        with live_gateway(tmp_path, provider.url, answer_seconds=0.2) as gateway:
            got = gateway.chat()

            [permit], [settled] = gateway.of("call.permitted"), gateway.of("call.settled")
            assert (504, "provider-timeout") == (got.status_code, got.json()["error"]["code"])
            assert ("provider-failed", 0, permit.reserved) == (settled.outcome, settled.status, settled.charged)
            assert 1 == len(provider.asked)
            assert provider.hung_up.wait(5)


def test_a_stream_that_falls_silent_is_broken_off(tmp_path: Path) -> None:
    """Silence in the middle of a stream ends it as half, and the caller sees that."""
    never = threading.Event()
    with RecordingProvider(lambda _: events(delta("fo"), never)).running() as provider:
        with live_gateway(tmp_path, provider.url, answer_seconds=0.2) as gateway:
            assert (200, delta("fo"), False) == streamed(gateway)
            assert ["half-answer"] == [each.outcome for each in gateway.of("call.settled")]


def test_a_provider_that_takes_no_connection_costs_nothing(tmp_path: Path) -> None:
    """Where no byte could leave, the answer is 502, the call is recorded, and only the call itself counts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with live_gateway(tmp_path, f"http://127.0.0.1:{port}/v1") as gateway:
            got = gateway.chat()

            [settled] = gateway.of("call.settled")
            assert (502, "provider-failed") == (got.status_code, got.json()["error"]["code"])
            assert ("provider-failed", "nothing", 0) == (settled.outcome, settled.usage, settled.charged.cost_nano)
            clauses = httpx.get(gateway.door("/status"), headers={"x-api-key": gateway.secret}).json()["clauses"]
            assert (1, 0) == (clauses["budget.calls"]["taken"], clauses["budget.input_tokens"]["taken"])


BROKEN_ANSWERS: dict[str, list[bytes]] = {
    "nothing": [],
    "half a head": [b"HTTP/1.1 200 OK\r\ncontent-le"],
    "half a body": [whole(completion())[0][:-5]],  # type: ignore[index,list-item]
    "half a chunk": [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{"],
    "no HTTP": [b"2+2=4\r\n\r\n"],
    "no status of HTTP": [b"HTTP/1.1 799 Strange\r\ncontent-length: 0\r\n\r\n"],
    "endless headers": [b"HTTP/1.1 200 OK\r\n" + b"x-fill: " + b"y" * 70_000 + b"\r\n\r\n"],
    "two lengths": [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"],
}


@pytest.mark.parametrize("what", BROKEN_ANSWERS)
def test_a_broken_answer_is_no_answer(tmp_path: Path, what: str) -> None:
    """What is not a whole HTTP answer is a 502 in the gateway's own words; nothing of it passes, and it is charged."""

    def answer(_: Asked) -> Iterator[Part]:
        yield from BROKEN_ANSWERS[what]
        raise HangUp

    with RecordingProvider(answer).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        got = gateway.chat()

        [permit], [settled] = gateway.of("call.permitted"), gateway.of("call.settled")
        assert (502, "provider-failed") == (got.status_code, got.json()["error"]["code"])
        assert f"{gateway.ledger.origin}:{settled.permit}" == got.headers["request-id"]
        assert settled.outcome in ("provider-failed", "half-answer")
        assert permit.reserved == settled.charged
        assert 1 == len(provider.asked)


@pytest.mark.parametrize("framing", ["broken", "ended"])
def test_half_a_stream_never_ends_in_order(tmp_path: Path, framing: str) -> None:
    """A stream that stops before its last line reaches the caller as a broken body,
    although the provider may have ended its framing in order."""

    def answer(_: Asked) -> Iterator[Part]:
        yield from events(delta("fo"), delta("ur"), end=framing == "ended")
        raise HangUp

    with RecordingProvider(answer).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert (200, delta("fo") + delta("ur"), False) == streamed(gateway)
        [permit], [settled] = gateway.of("call.permitted"), gateway.of("call.settled")
        assert ("half-answer", permit.reserved) == (settled.outcome, settled.charged)


def test_an_answer_without_a_length_ends_with_its_connection(tmp_path: Path) -> None:
    """HTTP lets an answer end by closing; such an answer is whole, and larger ones do not stall."""
    answer = completion(text="four " * 300_000)

    def answering(_: Asked) -> Iterator[Part]:
        yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n" + answer
        raise HangUp

    with RecordingProvider(answering).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        got = gateway.chat()
        assert (200, answer) == (got.status_code, got.content)
        assert ["answered"] == [each.outcome for each in gateway.of("call.settled")]


def test_interim_answers_are_passed_over_and_redirects_are_not_followed(tmp_path: Path) -> None:
    """A 103 is not the answer; a 307 is, and leads nowhere: one permit is one send to one place."""
    answers = [
        [b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n", *whole(completion())],
        whole(b"{}", "307 Temporary Redirect", "location: http://elsewhere.example/"),
    ]
    with RecordingProvider(lambda _: answers.pop(0)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            assert (200, completion()) == ((first := gateway.chat()).status_code, first.content)
            second = gateway.chat()
            assert 307 == second.status_code and "location" not in second.headers
        assert 2 == len(provider.asked)


def test_a_connection_that_the_provider_closed_is_replaced(tmp_path: Path) -> None:
    """A kept connection that was closed in the meantime is noticed before the next send; no call fails for it."""

    def answering(_: Asked) -> Iterator[Part]:
        yield from whole(completion())
        raise HangUp

    with RecordingProvider(answering).running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        for number in range(3):
            assert 200 == gateway.chat().status_code
            wait_until(lambda: all(each.closed for each in gateway.gate.providers["openai"].upstream._idle))
            assert number + 1 == len(provider.asked) == provider.connections


def test_a_connection_that_breaks_under_a_request_is_no_second_send(tmp_path: Path) -> None:
    """When a kept connection breaks after the first byte, the provider failed: the gateway does not send again."""
    answers: list[Any] = [whole(completion()), hang_up(), whole(completion())]
    with RecordingProvider(lambda _: answers.pop(0)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            assert [200, 502, 200] == [gateway.chat().status_code for _ in range(3)]
            assert 3 == len(provider.asked) == len(gateway.of("call.permitted"))
            assert 2 == provider.connections


@pytest.mark.parametrize("pause", [None, 0.05])
def test_an_answer_that_nobody_asked_for_reaches_nobody(tmp_path: Path, pause: float | None) -> None:
    """A provider that says more than the one answer cannot put it under the next request."""
    foreign = whole(completion(text="not yours"))
    answers: list[Any] = [[*whole(completion()), *([pause] if pause else []), *foreign], whole(completion())]
    if not pause:
        answers[0] = [b"".join(answers[0])]
    with RecordingProvider(lambda _: answers.pop(0)).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            first = gateway.chat()
            if pause:
                wait_until(lambda: all(each.closed for each in gateway.gate.providers["openai"].upstream._idle))
            second = gateway.chat()
            assert [completion()] * 2 == [first.content, second.content]
            assert 2 == provider.connections


def test_an_answer_beyond_all_bounds_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer larger than what is kept for sealing is a provider's failure; the connection is closed."""
    monkeypatch.setattr(passage_module, "MAX_ANSWER", 1_000)
    with RecordingProvider(lambda _: whole(completion(text="x" * 5_000))).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            assert 502 == gateway.chat().status_code
            assert ["half-answer"] == [each.outcome for each in gateway.of("call.settled")]


def on(disk: LossyDisk) -> Any:
    def opened(path: Path) -> Ledger:
        return SqliteLedger(path, schema=SCHEMA, vfs=disk.name)

    return opened


def test_no_record_no_call(tmp_path: Path, disk: LossyDisk) -> None:
    """With a full disk the call is 503 and the provider receives nothing; with room again the next one passes."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, open_with=on(disk)) as gateway:
            assert 200 == gateway.chat().status_code
            size = gateway.ledger.size()
            disk.writes_left = 0
            got = gateway.chat()
            door = httpx.post(
                gateway.door("/entries"),
                json={"kind": "plan.frozen", "plan": "a" * 64},
                headers={"x-api-key": gateway.secret},
            )
            stop = gateway.stop()
            refused = gateway.chat(model="other")
            disk.writes_left = None

            assert [503] * 4 == [each.status_code for each in (got, door, stop, refused)]
            assert "not-recorded" == got.json()["error"]["code"]
            assert "entry" not in got.json()["comity"] and "request-id" not in got.headers
            assert 1 == len(provider.asked)
            assert size == gateway.ledger.size()
            assert 200 == gateway.chat().status_code


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_whose_outcome_is_not_durable_is_never_whole(tmp_path: Path, disk: LossyDisk, stream: bool) -> None:
    """When the settlement cannot be recorded the caller gets no whole answer, is told that the call was made,
    and is not asked to repeat it; the permit ends abandoned, at its reservation."""

    def answering(_: Asked) -> Iterator[Part]:
        disk.writes_left = 0
        yield from events(delta("four"), DONE) if stream else whole(completion(text="secret"))

    with RecordingProvider(answering).running() as provider:
        with live_gateway(tmp_path, provider.url, open_with=on(disk)) as gateway:
            if stream:
                assert (200, delta("four"), False) == streamed(gateway)
            else:
                got = gateway.chat()
                assert (503, "not-recorded") == (got.status_code, got.json()["error"]["code"])
                assert "was made" in got.json()["comity"]["because"] and b"secret" not in got.content
                assert "false" == got.headers["x-should-retry"]
            disk.writes_left = None
            [permit] = gateway.of("call.permitted")
            assert [] == gateway.of("call.settled")
        with live_gateway(tmp_path, provider.url) as gateway:
            [abandoned] = gateway.of("call.abandoned")
            assert permit.reserved == abandoned.charged
        assert 1 == len(provider.asked)


def test_a_failed_disk_stops_everything_and_the_next_process_takes_over(tmp_path: Path, disk: LossyDisk) -> None:
    """After a sync that failed the gateway answers 503 to everything that records, and ends without a fault;
    a new process on the same file goes on."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, open_with=on(disk)) as gateway:
            disk.sync_fails = True
            assert [503, 503] == [gateway.chat().status_code for _ in range(2)]
            disk.sync_fails = False
            assert 503 == gateway.chat().status_code
        assert [] == provider.asked
        with live_gateway(tmp_path, provider.url) as gateway:
            assert 200 == gateway.chat().status_code


def test_a_ledger_that_is_gone_is_a_503_on_every_route(tmp_path: Path) -> None:
    """When the ledger's file can no longer be read, every request gets an answer, and none is a call."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        headers = {"authorization": f"Bearer {gateway.secret}"}
        gateway.ledger.close()
        gateway.gate._reader.close()
        got = [
            gateway.chat(),
            httpx.get(gateway.door("/status"), headers=headers),
            httpx.get(gateway.door("/entry/0"), headers=headers),
            httpx.post(gateway.door("/none"), headers=headers),
            gateway.stop(),
        ]
        assert [503] * len(got) == [each.status_code for each in got]
        assert [] == provider.asked


def test_a_caller_who_leaves_before_the_end_of_the_request_asked_nothing(tmp_path: Path) -> None:
    """A body that was cut off is nobody's request: no entry, no send."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        size = gateway.ledger.size()
        host, port = gateway.url.removeprefix("http://").split(":")
        body = json.dumps({"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "?"}]})
        head = f"POST /a/{gateway.terms.id}/openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
        head += f"authorization: Bearer {gateway.secret}\r\ncontent-length: {len(body) + 1}\r\n\r\n"
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall((head + body).encode())
        assert 200 == gateway.chat().status_code
        assert size + 2 == gateway.ledger.size()
        assert 1 == len(provider.asked)
