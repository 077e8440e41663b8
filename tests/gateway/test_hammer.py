"""The hammer: sixty-four clients at three gateway processes over one ledger in a file, for the last of a budget."""

import http.client
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from audit import Audit
from books import tables
from process import Started, prepared, started

from comity.gateway import open_arrangement, rebuild
from comity.records import parse_record
from comity.vault import load_item, open_item
from support import SECRET, Asked, Keys, Part, RecordingProvider, completion, wait_until, whole

CLIENTS, GATEWAYS = 64, 3
LEASE_MS = 1_500
KILL_AT = (30, 60, 90)
AMPLE: dict[str, Any] = {"calls": 10**6, "input_tokens": 10**9, "output_tokens": 10**9, "cost": "1000.00"}
LAST: dict[str, tuple[dict[str, Any], str]] = {
    "calls": ({"calls": 200}, "budget.calls"),
    "tokens": ({"output_tokens": 1300}, "budget.output_tokens"),
    "money": ({"cost": "0.003"}, "budget.cost"),
}
"""What is scarce; a call reserves 8 tokens of output and takes from 0 to 8, and all 8 where its gateway is killed."""


def answering(asked: Asked) -> Iterator[Part]:
    """A provider that takes its time, uses some of what is reserved, and seldom says nothing of it."""
    nonce = json.loads(asked.body)["messages"][0]["content"]
    number = int(nonce.partition("-")[2])
    yield 0.005
    if number % 11 == 0:
        yield from whole(b'{"model": "test-model", "choices": []}')
    else:
        yield from whole(completion(text=nonce, spent=(20 + number % 50, number % 9)))


class Gateways:
    """Three processes that serve one ledger; one that is killed is replaced."""

    def __init__(self, nurseries: list[Started]) -> None:
        self._nurseries = nurseries
        self.running = [nursery.begin() for nursery in nurseries]

    def kill(self, which: int) -> None:
        os.kill(self.running[which][1], signal.SIGKILL)
        self.running[which] = self._nurseries[which].begin()


class Clients:
    """Clients that call without pause until the clause refuses them for good."""

    def __init__(self, gateways: Gateways, clause: str) -> None:
        self.clause, self.statuses, self._gateways = clause, Counter[int](), gateways
        self.spent, self._lock = threading.Event(), threading.Lock()
        self._numbers, self._draw = count(1), random.Random(5)
        self.whole: list[tuple[str, bytes]] = []
        """request-id and what was asked, of every whole answer."""
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.spent.set()
        for thread in self._threads:
            thread.join(30)

    def gone(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def all_refused(self, seconds: float) -> None:
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "a client was never told that the budget is spent"

    def _run(self) -> None:
        refused = 0
        while not self.spent.is_set() and refused < 3:
            try:
                status, clause = self.call()
            except (OSError, http.client.HTTPException):
                continue  # its gateway was killed under it
            # what others hold reserved may come back, so the first refusal is not the last word
            refused = refused + 1 if (status, clause) == (403, self.clause) else 0
            if status != 200:
                self.spent.wait(0.05 if status == 503 else LEASE_MS / 1000)

    def call(self) -> tuple[int, str]:
        with self._lock:
            url = urlsplit(self._draw.choice(self._gateways.running)[0])
            nonce = f"nonce-{next(self._numbers)}"
        body = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": nonce}]}
        asked = json.dumps(body).encode()
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
        try:
            headers = {"authorization": f"Bearer {SECRET}"}
            connection.request("POST", f"{url.path}/openai/v1/chat/completions", asked, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        finally:
            connection.close()
        with self._lock:
            self.statuses[answer.status] += 1
            if answer.status == 200:
                self.whole.append((answer.headers["request-id"], asked))
        return answer.status, said.get("comity", {}).get("clause", "")


@pytest.mark.slow
@pytest.mark.parametrize("what", LAST)
def test_the_last_of_a_budget_is_given_out_once_over_kills(tmp_path: Path, what: str) -> None:
    """Whoever is killed: at every entry what is settled and reserved is within each clause, as the entries alone say;
    every request at the provider has its permit and came once; each permit ends once; whole answers are settled;
    the budget is given out until no further call fits; and the tables are those of the entries."""
    scarce, clause = LAST[what]
    keys, folder, die = Keys(), tmp_path / "gateway", random.Random(3)
    rate = {"calls_per_minute": 10**6, "tokens_per_minute": 10**9, "concurrency": 10**4}
    budget = {f"budget__{name}": figure for name, figure in (AMPLE | scarce).items()}
    offer = prepared(folder, keys, rate=rate, **budget)
    with RecordingProvider(answering).running() as provider, ExitStack() as running:
        options = ("--nursery", "--lease", str(LEASE_MS))
        nurseries = [running.enter_context(started(folder, provider.url, *options)) for _ in range(GATEWAYS)]
        gateways = Gateways(nurseries)
        with Clients(gateways, clause) as clients:
            for kill_at in KILL_AT:
                wait_until(lambda kill_at=kill_at: clients.gone() or len(provider.asked) >= kill_at, 30)  # type: ignore[misc]
                assert len(provider.asked) >= kill_at, clients.statuses
                gateways.kill(die.randrange(GATEWAYS))
            clients.all_refused(30)
        with open_arrangement(folder / "ledger.sqlite") as ledger:
            query = ledger.reader().query
            wait_until(lambda: query("SELECT open_calls FROM gate_sum WHERE span = 'all'", ()) == [(0,)], 20)
            while (last := clients.call())[0] == 200:
                pass
        assert (403, clause) == last
        for _, pid in gateways.running:
            os.kill(pid, signal.SIGTERM)

    with open_arrangement(folder / "ledger.sqlite") as ledger:
        entries = ledger.read(0, ledger.size())
        records = [parse_record(entry) for entry in entries]
        audit = Audit(offer.terms).follow(records)
        assert not audit.reserved and not audit.overruns
        assert any(record.kind == "call.abandoned" for record in records), "the kills hit nobody"
        assert _full(audit, offer.terms.budget, what), "some of the budget was given to nobody"

        reader = ledger.reader()
        permitted: dict[bytes, int] = {}
        for index in audit.permits:
            sealed = load_item(reader.query, index, "request")
            assert sealed is not None
            permitted[open_item(sealed, keys.evaluator).content] = index
        reader.close()
        reached = Counter(asked.body for asked in provider.asked)
        assert 1 == max(reached.values()), "sent twice"
        assert set(reached) <= set(permitted), "sent without a permit"
        settled = {record.permit for record in records if record.kind == "call.settled"}  # type: ignore[attr-defined]
        for request_id, asked in clients.whole:
            index = permitted[asked]
            assert str(index) == request_id.rpartition(":")[2] and index in settled
        before = ledger.transact(tables)
        ledger.transact(lambda tx: rebuild(tx, entries))
        assert before == ledger.transact(tables)
    assert set(clients.statuses) <= {200, 403, 503}


def _full(audit: Audit, budget: Any, what: str) -> bool:
    """Whether one more call of these clients would be beyond the scarce clause."""
    if what == "calls":
        return bool(audit.all.calls == budget.calls)
    if what == "tokens":
        return bool(audit.all.output_tokens + 8 > budget.output_tokens)
    needed = max(permit.reserved.cost_nano for permit in audit.permits.values())
    return bool(audit.all.cost_nano + needed > budget.cost_nano)
