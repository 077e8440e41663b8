"""Open streams: many at once, each event timed from the model's write to this reader, and a stop in the middle.

    python -m benchmarks.load.streams < request.json

The request names `url`, `headers`, `body`, `streams` and `seconds` (when to give up), and may name `stop`: a URL and a
signed note, posted when events have flowed on every stream for `after` seconds.  It prints one line of JSON:

| member | is |
| --- | --- |
| `streams`, `whole`, `cut` | streams asked for; those that ended with their last line; those that broke off |
| `events` | events that arrived |
| `p50_ms`, `p99_ms` | from the model's write of an event to its arrival here |
| `opened_s` | from the first request to the first event of the last stream |
| `status` | the statuses that were answered, each with its number |
| `stop` | `p50_ms`, `max_ms`: from the stop's first byte to the last byte of a stream; `closed_max_ms`: to its close |

A stream that had said its last byte before the stop left counts as 0.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

import uvloop

__all__ = ["percentile", "read_streams"]

LEFT_AT: Final = re.compile(rb"t=(\d+);")
LAST: Final = b"data: [DONE]"
TAIL: Final = 64
"""Bytes kept from one read to the next, in which a time or the last line may have been broken."""
OPEN_A_SECOND: Final = 500


def percentile(found: Sequence[float], part: float) -> float:
    """The smallest value that is not below `part` of them all; 0 of none."""
    ordered = sorted(found)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


class Reader(asyncio.Protocol):
    """One stream, from its request to its end."""

    def __init__(self, request: bytes, ended: asyncio.Future[None]) -> None:
        self.request, self.ended = request, ended
        self.waits: list[int] = []
        self.first_ns = self.last_ns = self.closed_ns = 0
        self.status, self.whole, self.rest = "", False, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.last_ns = time.monotonic_ns()
        if not self.status:
            self.status = data[9:12].decode("latin-1")
        data = self.rest + data
        end = 0
        for match in LEFT_AT.finditer(data):
            self.waits.append(self.last_ns - int(match[1]))
            end = match.end()
        if end and not self.first_ns:
            self.first_ns = self.last_ns
        self.rest = data[max(end, len(data) - TAIL) :]
        if LAST in data or self.status not in ("200", ""):
            self.whole = LAST in data
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed_ns = time.monotonic_ns()
        if not self.ended.done():
            self.ended.set_result(None)


def _request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    parts = urlsplit(url)
    lines = [f"{method} {parts.path} HTTP/1.1", f"host: {parts.netloc}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def read_streams(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Open every stream, read all of them to their ends, and say what was measured."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(asked["url"])
    headers = {"content-type": "application/json", **asked["headers"]}
    request = _request("POST", asked["url"], headers, asked["body"].encode())
    began = time.monotonic_ns()
    readers: list[Reader] = []
    for number in range(asked["streams"]):
        reader = Reader(request, loop.create_future())
        readers.append(reader)
        await loop.create_connection(lambda reader=reader: reader, parts.hostname, parts.port)  # type: ignore[misc]
        await asyncio.sleep(max(0.0, number / OPEN_A_SECOND - (time.monotonic_ns() - began) / 1e9))
    give_up = loop.time() + asked["seconds"]
    stopped_ns, answered = 0, ""
    if stop := asked.get("stop"):
        while not all(reader.first_ns or reader.closed_ns for reader in readers) and loop.time() < give_up:
            await asyncio.sleep(0.01)
        await asyncio.sleep(stop["after"])
        door = urlsplit(stop["url"])
        reader_of_answer, writer = await asyncio.open_connection(door.hostname, door.port)
        note = _request("POST", stop["url"], {"connection": "close"}, stop["note"].encode())
        stopped_ns = time.monotonic_ns()
        writer.write(note)
        answered = (await reader_of_answer.read(4096)).decode("latin-1").split(" ", 2)[1]
        writer.close()
    await asyncio.wait([reader.ended for reader in readers], timeout=max(0.1, give_up - loop.time()))
    cut_short = sum(not reader.ended.done() for reader in readers)
    for reader in readers:
        reader.transport.abort()
    waits = [wait / 1e6 for reader in readers for wait in reader.waits]
    found: dict[str, Any] = {
        "streams": len(readers),
        "whole": sum(reader.whole for reader in readers),
        "cut": sum(not reader.whole for reader in readers),
        "gave_up_on": cut_short,
        "events": len(waits),
        "p50_ms": round(percentile(waits, 0.5), 3),
        "p99_ms": round(percentile(waits, 0.99), 3),
        "opened_s": round((max(reader.first_ns for reader in readers) - began) / 1e9, 2),
        "status": dict(Counter(reader.status for reader in readers)),
    }
    if stopped_ns:
        after = [max(0, reader.last_ns - stopped_ns) / 1e6 for reader in readers]
        closed = [max(0, reader.closed_ns - stopped_ns) / 1e6 for reader in readers]
        found["stop"] = {
            "status": answered,
            "p50_ms": round(percentile(after, 0.5), 3),
            "max_ms": round(max(after), 3),
            "closed_max_ms": round(max(closed), 3),
        }
    return found


def main() -> None:
    """Read the request from standard input, and print what was measured."""
    asked = json.load(sys.stdin)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(read_streams(asked))), flush=True)


if __name__ == "__main__":
    main()
