"""kill -9 under load: what reached the provider has its permit, who saw a whole answer has its settlement."""

import http.client
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from process import prepared, started

from comity.gateway import open_arrangement, rebuild
from comity.records import parse_record
from comity.vault import load_item, open_item
from support import SECRET, Asked, Keys, Part, RecordingProvider, completion, delta, events, wait_until, whole

KILLS = 50
LEASE_MS = 1_500


def answering(asked: Asked) -> Iterator[Part]:
    """A provider that takes its time, whole or in pieces."""
    request = json.loads(asked.body)
    nonce = request["messages"][0]["content"]
    yield 0.004
    if request.get("stream"):
        yield from events(delta(nonce), 0.003, delta("!"), b"data: [DONE]\n\n")
    else:
        yield from whole(completion(text=nonce))


class Load:
    """Threads that call without pause, whatever happens to the gateway, and keep what came back whole."""

    def __init__(self, threads: int) -> None:
        self.url = ""
        self.whole: list[tuple[str, bytes, bytes]] = []
        """request-id, what was asked, what came: of every answer that ended in order."""
        self.statuses: Counter[int] = Counter()
        self.ended = threading.Event()
        self._numbers = count()
        self._threads = [threading.Thread(target=self._call_on) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self._threads:
            thread.join(20)

    def _call_on(self) -> None:
        while not self.ended.is_set():
            url = self.url
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
            try:
                while not self.ended.is_set() and url == self.url:
                    self._call(connection, parts.path)
            except (OSError, http.client.HTTPException):
                self.ended.wait(0.002)
            finally:
                connection.close()

    def _call(self, connection: http.client.HTTPConnection, path: str) -> None:
        number = next(self._numbers)
        messages = [{"role": "user", "content": f"nonce-{number}"}]
        body = {"model": "test-model", "max_tokens": 8, "messages": messages, "stream": number % 2 == 0}
        asked = json.dumps(body).encode()
        connection.request("POST", f"{path}/openai/v1/chat/completions", asked, {"authorization": f"Bearer {SECRET}"})
        answer = connection.getresponse()
        came = answer.read()
        self.statuses[answer.status] += 1
        if answer.status == 200:
            self.whole.append((answer.headers["request-id"], asked, came))


@pytest.mark.slow
def test_fifty_kills_under_load_leave_no_call_without_its_record(tmp_path: Path) -> None:
    """The process is killed at any moment, fifty times: every request that the provider saw has one permit, every
    whole answer its settlement, and what stayed open is abandoned at its reservation once the lease is over."""
    keys, folder, die = Keys(), tmp_path / "gateway", random.Random(7)
    budget = {"calls": 10**6, "input_tokens": 10**9, "output_tokens": 10**9, "cost": "1000.00"}
    offer = prepared(
        folder,
        keys,
        budget={**budget, "currency": "EUR", "output_unstated": "reserve", "rerun_reserve": 0},
        rate={"calls_per_minute": 10**6, "tokens_per_minute": 10**9, "concurrency": 10**4},
    )
    with RecordingProvider(answering).running() as provider:
        with started(folder, provider.url, "--nursery", "--lease", str(LEASE_MS)) as nursery, Load(4) as load:
            for _ in range(KILLS):
                load.url, pid = nursery.begin()
                enough = len(provider.asked) + die.randrange(1, 25)
                wait_until(lambda enough=enough: len(provider.asked) >= enough, 20)  # type: ignore[misc]
                os.kill(pid, signal.SIGKILL)
            load.ended.set()
            _, pid = nursery.begin()
            with open_arrangement(folder / "ledger.sqlite") as ledger:
                query = ledger.reader().query
                wait_until(lambda: query("SELECT open_calls FROM gate_sum WHERE span = 'all'", ()) == [(0,)], 20)
            os.kill(pid, signal.SIGTERM)

    with open_arrangement(folder / "ledger.sqlite") as ledger:
        size = ledger.size()
        entries = ledger.read(0, size)
        assert size == len(entries)
        records: list[Any] = [parse_record(entry) for entry in entries]
        reader = ledger.reader()
        permits = {index: record for index, record in enumerate(records) if record.kind == "call.permitted"}
        ends = [record for record in records if record.kind in ("call.settled", "call.abandoned")]
        sums = "SELECT * FROM gate_sum WHERE span <> 'second' ORDER BY span, at"
        before = ledger.transact(lambda tx: tx.execute(sums))
        ledger.transact(lambda tx: rebuild(tx, entries))
        assert before == ledger.transact(lambda tx: tx.execute(sums))

        def opened(index: int, part: str) -> bytes:
            sealed = load_item(reader.query, index, part)
            assert sealed is not None, f"the {part} of call {index} is missing"
            return open_item(sealed, keys.evaluator).content

        permitted = {opened(index, "request"): index for index in permits}
        assert len(permits) == len(permitted)
        assert 1 == max(Counter(asked.body for asked in provider.asked).values()), "sent twice"
        assert not [asked.body for asked in provider.asked if asked.body not in permitted], "sent without a permit"
        assert sorted(permits) == sorted(end.permit for end in ends), "each permit ends exactly once"
        settled = {end.permit: end for end in ends if end.kind == "call.settled"}
        for request_id, asked, came in load.whole:
            origin, _, index = request_id.rpartition(":")
            assert (offer.terms.ledger.origin, permitted[asked]) == (origin, int(index))
            assert "answered" == settled[int(index)].outcome
            assert came == opened(int(index), "answer")
            assert json.loads(asked)["messages"][0]["content"].encode() in came
        abandoned = [end for end in ends if end.kind == "call.abandoned"]
        for end in abandoned:
            assert (permits[end.permit].reserved, permits[end.permit].incarnation) == (end.charged, end.incarnation)
        assert KILLS + 1 == len({record.incarnation for record in records if record.kind == "gateway.started"})
        assert set(load.statuses) <= {200, 503}
        assert len(load.whole) >= KILLS and abandoned, "the load was too thin to show anything"
        reader.close()
