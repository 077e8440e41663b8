"""Stop means stop: from the entry on nothing is sent, soon nothing flows, and only who stopped lets it go on."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from comity.arrangement import grant_text, resume_text, sign_act
from comity.gateway.flight import CONFIRM_SECONDS
from comity.ledger import Signer, generate_key
from support import ORIGIN, Keys, LiveGateway, Part, RecordingProvider, delta, flowing, live_gateway, now, wait_until


def endless() -> Iterator[Part]:
    while True:
        yield delta("x")
        yield 0.01


class Reader(threading.Thread):
    """A caller of one stream, who notes when the last byte came and how the body ended."""

    def __init__(self, gateway: LiveGateway) -> None:
        super().__init__()
        self.gateway = gateway
        self.flowing = threading.Event()
        self.last = 0.0
        self.ended = ""
        self.start()

    def run(self) -> None:
        body = {"model": "test-model", "max_tokens": 8, "stream": True, "messages": [{"role": "user", "content": "?"}]}
        headers = {"authorization": f"Bearer {self.gateway.secret}"}
        url = f"{self.gateway.openai}/chat/completions"
        with httpx.stream("POST", url, json=body, headers=headers, timeout=20) as got:
            try:
                for _ in got.iter_raw():
                    self.last = time.monotonic()
                    self.flowing.set()
                self.ended = "in order"
            except httpx.HTTPError:
                self.ended = "broken"


@pytest.mark.parametrize("party", ["authority", "provider"])
def test_a_stop_cuts_open_streams_and_sends_nothing_more(tmp_path: Path, party: str) -> None:
    """From the durable stop on no call is sent and within a second no byte flows; each cut call is settled."""
    with RecordingProvider(lambda _: flowing(endless())).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            readers = [Reader(gateway) for _ in range(4)]
            assert all(reader.flowing.wait(10) for reader in readers)
            sent = len(provider.asked)
            signer = getattr(gateway.keys, party)

            assert 201 == gateway.stop(signer).status_code
            stopped = time.monotonic()
            refused = [gateway.chat() for _ in range(5)]
            for reader in readers:
                reader.join(10)

            assert {"broken"} == {reader.ended for reader in readers}
            assert max(reader.last for reader in readers) - stopped < CONFIRM_SECONDS
            assert {(403, "stop.by")} == {(got.status_code, got.json()["comity"]["clause"]) for got in refused}
            assert sent == len(provider.asked) == 4
            settled, permits = gateway.of("call.settled"), gateway.of("call.permitted")
            assert [("stopped", "reservation")] * 4 == [(each.outcome, each.usage) for each in settled]
            assert {permits[0].reserved} == {each.charged for each in settled}
            kinds = [record.kind for record in gateway.records()]
            assert "call.permitted" not in kinds[kinds.index("access.stopped") :]
            assert {"call.refused"} == set(kinds[kinds.index("access.stopped") + 1 :]) - {"call.settled"}


def test_a_second_gateway_on_the_same_ledger_stops_too(tmp_path: Path) -> None:
    """A gateway that did not take the stop reads it from the ledger, and cuts within a second."""
    with RecordingProvider(lambda _: flowing(endless())).running() as provider:
        with live_gateway(tmp_path, provider.url) as one, live_gateway(tmp_path, provider.url, keys=one.keys) as two:
            reader = Reader(two)
            assert reader.flowing.wait(10)

            assert 201 == one.stop().status_code
            stopped = time.monotonic()
            got = two.chat()
            reader.join(10)

            assert ("broken", 403) == (reader.ended, got.status_code)
            assert reader.last - stopped < CONFIRM_SECONDS
            assert 1 == len(provider.asked)


def test_a_gateway_that_cannot_read_the_ledger_stops_itself(tmp_path: Path) -> None:
    """Who has not read "not stopped" within a second cuts what flows and sends nothing more."""
    with RecordingProvider(lambda _: flowing(endless())).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            reader = Reader(gateway)
            assert reader.flowing.wait(10)
            gateway.gate._watch_reader.close()
            blind = time.monotonic()
            reader.join(10)

            assert "broken" == reader.ended
            assert reader.last - blind < CONFIRM_SECONDS
            gateway.gate._reader.close()
            got = gateway.chat()
            assert (503, "not-recorded") == (got.status_code, got.json()["error"]["code"])
            assert 1 == len(provider.asked) == len(gateway.of("call.permitted"))


def test_nothing_leaves_over_a_connection_that_came_after_the_stop(tmp_path: Path) -> None:
    """A call that was permitted before the stop and whose connection stands only after it is not sent."""
    with socket.socket() as slow:
        slow.bind(("127.0.0.1", 0))
        slow.listen(16)
        with live_gateway(tmp_path, f"http://127.0.0.1:{slow.getsockname()[1]}/v1") as gateway:
            upstream = gateway.gate.providers["openai"].upstream
            connect, arrived, go = upstream._connect, threading.Event(), threading.Event()

            async def late() -> Any:
                import asyncio

                arrived.set()
                while not go.is_set():
                    await asyncio.sleep(0.002)
                return await connect()

            upstream._connect = late  # type: ignore[method-assign]
            gateway.gate.cut_all = lambda reason: None  # type: ignore[method-assign,assignment]
            connection = gateway.open_call()
            assert arrived.wait(10)
            assert 201 == gateway.stop().status_code
            go.set()
            answer = connection.recv(4_000)

            assert b"403" in answer[:15]
            [settled] = gateway.of("call.settled")
            assert ("not-sent", "nothing") == (settled.outcome, settled.usage)
            taken, _ = slow.accept()
            taken.setblocking(False)
            with pytest.raises(BlockingIOError):
                taken.recv(1)
            taken.close()
            connection.close()


def test_a_slow_caller_gets_nothing_after_the_cut(tmp_path: Path) -> None:
    """What waits in the gateway for a caller who does not read is dropped by a stop, not delivered later."""

    def torrent() -> Iterator[Part]:
        while True:
            yield delta("x" * 50_000)

    with RecordingProvider(lambda _: flowing(torrent())).running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            connection = gateway.open_call(stream=True)
            assert b"200 OK" in connection.recv(100)
            assert 201 == gateway.stop().status_code
            wait_until(lambda: gateway.of("call.settled"))
            # a connection that is closed in order would first deliver what waits, and end without an error
            with connection, pytest.raises(ConnectionResetError):
                while connection.recv(1 << 20):
                    pass


def test_only_who_stopped_lets_access_go_on(tmp_path: Path) -> None:
    """Each party resumes its own stop; while one stop stands, nothing passes."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        authority, party = gateway.keys.authority, gateway.keys.provider
        assert 403 == gateway.resume(party).status_code, "nothing is stopped"
        assert 201 == gateway.stop(party).status_code
        assert 403 == gateway.resume(authority).status_code
        assert 201 == gateway.stop(authority).status_code
        assert 403 == gateway.stop(authority).status_code, "stopped already"
        assert 201 == gateway.resume(party).status_code
        got = gateway.chat()
        assert (403, "the authority stopped") == (got.status_code, got.json()["comity"]["because"][:21])
        assert 201 == gateway.resume(authority).status_code
        assert 200 == gateway.chat().status_code
        assert ["provider", "authority"] == [each.by for each in gateway.of("access.stopped")]
        assert ["provider", "authority"] == [each.by for each in gateway.of("access.resumed")]


def test_terms_can_give_the_stop_to_one_party(tmp_path: Path) -> None:
    """Who is not in `stop.by` cannot stop, and is told who can."""
    with (
        RecordingProvider().running() as provider,
        live_gateway(tmp_path, provider.url, stop__by=["authority"]) as gateway,
    ):
        got = gateway.stop(gateway.keys.provider)
        assert (403, "stop.by") == (got.status_code, got.json()["comity"]["clause"])
        assert "authority" in got.json()["comity"]["because"]
        assert 200 == gateway.chat().status_code
        assert 201 == gateway.stop(gateway.keys.authority).status_code


def grant_note(gateway: LiveGateway, signer: Signer, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "ledger": ORIGIN,
        "arrangement": gateway.terms.digest,
        "person": "evaluator-1",
        "access": sha256(b"another").hexdigest(),
        "expires": now() + timedelta(minutes=5),
        "nonce": os.urandom(16).hex(),
    } | changes
    return sign_act(grant_text(**fields), signer)


def test_acts_that_do_not_hold_change_nothing(tmp_path: Path) -> None:
    """Each act is one party's, for this ledger, under these terms, at its own door, and once."""
    other = f"other.example/a/{'9' * 32}"
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        keys = gateway.keys
        stranger = generate_key("ed25519", "provider.example", os.urandom)
        stop = gateway.stop_note(keys.provider)
        resume = sign_act(resume_text(ledger=ORIGIN, cause="operational", nonce="1" * 32), keys.provider)
        late = grant_note(gateway, keys.authority, expires=gateway.terms.window.until + timedelta(milliseconds=1))
        cases: list[tuple[str, bytes, int, str]] = [
            ("/stop", gateway.stop_note(stranger), 400, "act"),
            ("/stop", gateway.stop_note(keys.provider, ledger=other), 403, "ledger.origin"),
            ("/stop", stop.replace(b"containment", b"operational"), 400, "act"),
            ("/stop", b"", 400, "act"),
            ("/stop", b"\xff" * 10_000, 400, "act"),
            ("/stop", resume, 400, "act"),
            ("/grants", stop, 400, "act"),
            ("/grants", grant_note(gateway, keys.provider), 403, "parties.authority"),
            ("/grants", grant_note(gateway, stranger), 400, "act"),
            ("/grants", grant_note(gateway, keys.authority, ledger=other), 403, "ledger.origin"),
            ("/grants", grant_note(gateway, keys.authority, arrangement="0" * 64), 403, "arrangement.digest"),
            ("/grants", grant_note(gateway, keys.authority, person="somebody-else"), 403, "people.id"),
            ("/grants", late, 403, "window.until"),
        ]
        size = gateway.ledger.size()
        for door, note, status, clause in cases:
            got = gateway.act(door, note)
            assert (status, clause) == (got.status_code, got.json()["comity"]["clause"]), note
            assert "false" == got.headers["x-should-retry"]
        assert size == gateway.ledger.size()
        assert 200 == gateway.chat().status_code

        assert 201 == gateway.act("/stop", stop).status_code
        assert 201 == gateway.act("/resume", resume).status_code
        for door, note in (("/stop", stop), ("/resume", resume)):
            got = gateway.act(door, note)
            assert (403, "act.nonce") == (got.status_code, got.json()["comity"]["clause"])
        two = stop + sign_act(stop.split(b"\n\n")[0].decode() + "\n", keys.authority).split(b"\n\n", 1)[1]
        assert gateway.act("/stop", two).status_code in (400, 403), "a second signature makes no new act"
        granted = grant_note(gateway, keys.authority)
        assert [201, 403] == [gateway.act("/grants", note).status_code for note in (granted, granted)]
        again = grant_note(gateway, keys.authority)
        assert "grant.key" == gateway.act("/grants", again).json()["comity"]["clause"], "a key is granted once"
        assert 200 == gateway.chat().status_code


def test_a_grant_of_another_arrangements_authority_opens_nothing(tmp_path: Path) -> None:
    """Keys are the terms', not the operator's: what another authority signs is a stranger's."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url, granted=False) as gateway:
        assert 400 == gateway.act("/grants", grant_note(gateway, Keys().authority)).status_code
        assert 401 == gateway.chat().status_code
