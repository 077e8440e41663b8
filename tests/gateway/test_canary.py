"""Content at rest: a prompt and an answer lie nowhere in the clear, and open for whom the terms name."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from process import prepared, started
from tests.support.canary import assert_absent, find

from comity.gateway import open_arrangement
from comity.records import parse_record
from comity.vault import load_item, open_item
from support import SECRET, Asked, HangUp, Keys, Part, RecordingProvider, completion, delta, events, wait_until, whole

ASKED, ANSWERED = "canary-asked-7Qx2VbN9tLwE4rYk", "canary-answered-Zp8sKd3Fh6JmUa1c"


def answering(asked: Asked) -> Iterator[Part]:
    """A provider that fails in every way on demand, with the canary in each answer."""
    request = json.loads(asked.body)
    match request.get("seed"):
        case 1:
            yield from whole(completion(text=ANSWERED))[:1]
        case 2:
            yield whole(completion(text=ANSWERED))[0][:-3]  # type: ignore[index,misc]
            raise HangUp
        case 3:
            yield from events(delta(ANSWERED), end=False)
            raise HangUp
        case 4:
            yield from whole(json.dumps({"error": {"message": ANSWERED}}).encode(), "400 Bad Request")
        case 5:
            yield from whole(completion(model="other", text=ANSWERED))
        case 6:
            yield from events(delta(ANSWERED), b"data: [DONE]\n\n")
        case _:
            yield from events(delta(ANSWERED), *[0.01] * 1_000)


@pytest.mark.slow
def test_no_byte_at_rest_and_no_line_of_a_log_holds_content(tmp_path: Path) -> None:
    """After calls that succeed, fail, break off, are withheld and are killed, the canaries are in no file
    of the gateway's folder and in nothing it printed; evaluator and recovery key open every item."""
    keys, folder, errors = Keys(), tmp_path / "gateway", tmp_path / "log" / "stderr"
    errors.parent.mkdir()
    prepared(folder, keys)
    with RecordingProvider(answering).running() as provider:
        with started(folder, provider.url, stderr=errors) as process:
            url, pid = process.ready()
            headers = {"authorization": f"Bearer {SECRET}", "x-irid": "irid-1"}

            def ask(**changes: object) -> None:
                messages = [{"role": "user", "content": ASKED}]
                body = {"model": "test-model", "max_tokens": 8, "messages": messages} | changes
                try:
                    httpx.post(f"{url}/openai/v1/chat/completions", json=body, headers=headers, timeout=20)
                except httpx.HTTPError:
                    pass

            for seed in range(1, 7):
                ask(seed=seed, stream=seed in (3, 6))
            ask(seed=1, max_tokens=65)
            ask(seed=1, messages=[{"role": "user", "content": ASKED, "n": 1}])
            ask(seed=1, messages=ASKED)
            ask(seed=1, tools=[{"type": "function", "function": {"name": ASKED[:5]}}])
            parts = urlsplit(url)
            with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
                messages = [{"role": "user", "content": ASKED}]
                endless = {"model": "test-model", "max_tokens": 8, "stream": True, "seed": 9, "messages": messages}
                body = json.dumps(endless)
                head = f"POST {parts.path}/openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
                head += f"authorization: Bearer {SECRET}\r\ncontent-length: {len(body)}\r\n\r\n"
                connection.sendall((head + body).encode())
                assert b"200 OK" in connection.recv(100)
            ask_open = socket.create_connection((parts.hostname or "", parts.port or 0))
            ask_open.sendall((head + body).encode())
            assert b"200 OK" in ask_open.recv(100)
            os.kill(pid, signal.SIGKILL)
            ask_open.close()
            process.process.wait(20)
            (tmp_path / "log" / "stdout").write_bytes(process.out.read() + b"ended\n")
            wait_until(lambda: len(provider.asked) == 8)

    for canary in (ASKED, ANSWERED, "upstream-key-of-the-test"):
        assert_absent(canary, folder, tmp_path / "log")
    assert_absent(SECRET, folder, tmp_path / "log")
    (tmp_path / "log" / "control").write_text(f"x{ASKED}y")
    assert find(ASKED, tmp_path / "log"), "the search finds what is there"

    with open_arrangement(folder / "ledger.sqlite") as ledger:
        reader = ledger.reader()
        opened = {"request": 0, "answer": 0}
        for index, entry in enumerate(ledger.read(0, ledger.size())):
            if parse_record(entry).kind == "call.permitted":
                for part, canary in (("request", ASKED), ("answer", ANSWERED)):
                    if (sealed := load_item(reader.query, index, part)) is not None:
                        opened[part] += 1
                        for key in (keys.evaluator, keys.recovery):
                            assert canary.encode() in open_item(sealed, key).content
        assert {"request": 8, "answer": 7} == opened
        reader.close()
