"""Gateways over one ledger in PostgreSQL: the budget holds at every entry, whoever is killed meanwhile."""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from comity.arrangement import grant_text, sign_act
from comity.gateway import begin_ledger, rebuild
from comity.gateway.acts import perform
from comity.gateway.opening import SCHEMA
from comity.ledger import Ledger, open_ledger
from comity.records import Amount, parse_record
from comity.vault import load_item, open_item
from support import (
    ARRANGEMENT,
    SECRET,
    Asked,
    Keys,
    Part,
    RecordingProvider,
    completion,
    now,
    signed_offer,
    terms_value,
    wait_until,
    whole,
)

RUNNER = Path(__file__).with_name("postgres_runner.py")
CLIENTS = 64
LEASE_MS = 1_500
CALLS, OUTPUT_TOKENS = 300, 900
KILL_AT = (60, 140, 220)
OPEN_CALLS = "SELECT permit FROM gate_call WHERE open = 1"


class Gateways:
    """Two gateways at a time; one that is killed is replaced."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.running: list[tuple[str, int]] = [self._begin(), self._begin()]

    def kill(self, which: int) -> None:
        """End one as a power cut does, and start another in its place."""
        os.kill(self.running[which][1], signal.SIGKILL)
        self.running[which] = self._begin()

    def end(self) -> None:
        """End both in order."""
        for _, pid in self.running:
            os.kill(pid, signal.SIGTERM)

    def _begin(self) -> tuple[str, int]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(b"start\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline() or b'"the gateway ended before it was ready"')
        return f"{said['url']}/a/{ARRANGEMENT}", int(said["pid"])


@contextmanager
def gateways(folder: Path, provider_url: str, address: str) -> Iterator[Gateways]:
    """A nursery of gateways; what it started ends with it."""
    with subprocess.Popen(
        [sys.executable, str(RUNNER), str(folder), provider_url, address, str(LEASE_MS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:  # fmt: skip
        both = Gateways(process)
        try:
            yield both
        finally:
            both.end()


def answering(asked: Asked) -> Iterator[Part]:
    """A provider that takes its time and then uses a quarter of the output it may."""
    yield 0.01
    yield from whole(completion(text=json.loads(asked.body)["messages"][0]["content"], spent=(20, 2)))


def call(url: str, nonce: str) -> tuple[int, dict[str, Any]]:
    """One call, and what came back."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        body = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": nonce}]}
        headers = {"authorization": f"Bearer {SECRET}"}
        connection.request("POST", f"{parts.path}/openai/v1/chat/completions", json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def begun(folder: Path, keys: Keys, address: str) -> None:
    """Signed terms, their ledger in the database, and one grant."""
    budget = {"calls": CALLS, "input_tokens": 10**9, "output_tokens": OUTPUT_TOKENS, "cost": "1000.00"}
    rate = {"calls_per_minute": 10**6, "tokens_per_minute": 10**9, "concurrency": 10**4}
    value = terms_value(keys, rate=rate, **{f"budget__{name}": amount for name, amount in budget.items()})
    offer = signed_offer(keys, value)
    folder.mkdir()
    (folder / "offer.json").write_bytes(offer.envelope)
    text = grant_text(
        ledger=offer.terms.ledger.origin,
        arrangement=offer.terms.digest,
        person="evaluator-1",
        access=sha256(SECRET.encode()).hexdigest(),
        expires=now() + timedelta(minutes=30),
        nonce=os.urandom(16).hex(),
    )
    note = sign_act(text, keys.authority)
    with begin_ledger(address, offer, now=now()) as ledger:
        done = ledger.transact(lambda tx: perform(tx, door="/grants", note=note, terms=offer.terms, now=now()))
    assert isinstance(done, int), done


def check_budget(records: list[Any]) -> tuple[int, int]:
    """Settled and reserved never exceed a clause, at any entry; how many calls and output tokens were taken."""
    nothing = Amount(input_tokens=0, output_tokens=0, cost_nano=0)
    reserved: dict[int, Amount] = {}
    calls, settled = 0, nothing
    for index, record in enumerate(records):
        match record.kind:
            case "call.permitted":
                calls += 1
                reserved[index] = record.reserved
            case "call.settled" | "call.abandoned":
                del reserved[record.permit]
                settled = settled + record.charged
            case "call.overran":
                raise AssertionError("the provider kept to what was reserved")
        taken = sum(reserved.values(), settled)
        assert calls <= CALLS, f"entry {index}"
        assert taken.output_tokens <= OUTPUT_TOKENS, f"entry {index}"
    assert not reserved, "every call has ended"
    return calls, settled.output_tokens


@pytest.mark.slow
def test_sixty_four_clients_at_two_gateways_share_one_budget_over_kills(tmp_path: Path, database: str) -> None:
    """Sixty-four clients take the last calls and tokens from two gateways on one PostgreSQL ledger, three of which are
    killed meanwhile: at every entry what is settled and reserved stays within each clause, no request reached the
    provider without its permit or twice, nothing of the budget is lost, and the tables are those of the entries.
    """
    keys, folder, die = Keys(), tmp_path / "gateway", random.Random(11)
    begun(folder, keys, database)
    numbers, told, statuses = count(), threading.Lock(), Counter[int]()
    spent = threading.Event()

    with (
        RecordingProvider(answering).running() as provider,
        gateways(folder, provider.url, database) as both,
        open_ledger(database, origin=f"operator.example/a/{ARRANGEMENT}", schema=SCHEMA) as ledger,
    ):
        reader = ledger.reader()

        def client() -> None:
            while not spent.is_set():
                with told:
                    nonce, url = f"nonce-{next(numbers)}", die.choice(both.running)[0]
                try:
                    status, said = call(url, nonce)
                except (OSError, http.client.HTTPException):
                    continue  # killed under it
                with told:
                    statuses[status] += 1
                if status == 403 and said["comity"]["clause"] == "budget.calls":
                    return
                if status == 403:
                    spent.wait(0.05)  # tokens that others hold may come back
                    if not reader.query(OPEN_CALLS):
                        return

        threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            for kill_at in KILL_AT:
                wait_until(lambda kill_at=kill_at: len(provider.asked) >= kill_at, 60)  # type: ignore[misc]
                both.kill(die.randrange(2))
            for thread in threads:
                thread.join(60)
        finally:
            spent.set()
        wait_until(lambda: not reader.query(OPEN_CALLS), 30)
        while (refused := call(both.running[0][0], f"nonce-{next(numbers)}"))[0] == 200:
            pass
        assert (403, True) == (refused[0], refused[1]["comity"]["clause"].startswith("budget."))

        check_story(ledger, keys, [asked.body for asked in provider.asked])
        reader.close()
    assert set(statuses) <= {200, 403, 503}


def check_story(ledger: Ledger, keys: Keys, reached: list[bytes]) -> None:
    """The whole record, against what the provider saw and against the tables."""
    entries = ledger.read(0, ledger.size())
    records = [parse_record(entry) for entry in entries]
    calls, output_tokens = check_budget(records)
    assert calls == CALLS or output_tokens + 8 > OUTPUT_TOKENS, "the budget was given out to the last call"
    assert any(record.kind == "call.abandoned" for record in records), "the kills hit nobody"

    reader = ledger.reader()
    permitted = set()
    for index, record in enumerate(records):
        if record.kind == "call.permitted":
            sealed = load_item(reader.query, index, "request")
            assert sealed is not None
            permitted.add(open_item(sealed, keys.evaluator).content)
    reader.close()
    assert 1 == max(Counter(reached).values()), "sent twice"
    assert set(reached) <= permitted, "sent without a permit"

    sums = "SELECT span, at, calls, input_tokens, output_tokens, cost_nano, open_calls FROM gate_sum " \
        "WHERE span <> 'second' ORDER BY span, at"  # fmt: skip
    before = ledger.transact(lambda tx: tx.execute(sums))
    ledger.transact(lambda tx: rebuild(tx, entries))
    assert before == ledger.transact(lambda tx: tx.execute(sums))
