"""A model that streams: each answer is a row of events a fixed time apart, and each event says when it left.

    python -m benchmarks.load.streaming_model --streams 500 --events 100 --apart-ms 40

It holds every answer back until as many requests are open as were announced, so that every gateway is measured with all
streams open at once, however long it takes to open them.  Then each stream has its own place within the interval, so
that events leave evenly and not all at once.  Times are of the machine's monotonic clock, which the reader shares.

It prints its port when it is ready, and writes the same chunked HTTP/1.1 to everybody.
"""

import argparse
import asyncio
import json
import time
from typing import Final, cast

import uvloop
from benchmarks.load.wrk import MODEL

__all__ = ["Caller", "Model", "event"]

HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_ID: Final = '"id":"chatcmpl-0123456789abcdefghijklmn","object":"chat.completion.chunk","created":1790000000'
_CHUNK: Final = f'data: {{{_ID},"model":"{MODEL}","system_fingerprint":"fp_bench","choices":[%s]%s}}\n\n'
_WORD: Final = (_CHUNK % ('{"index":0,"delta":{"content":"t=%d;"},"logprobs":null,"finish_reason":null}', "")).encode()
_LAST: Final = (
    (_CHUNK % ('{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}', ""))
    + (_CHUNK % ("", ',"usage":{"prompt_tokens":96,"completion_tokens":100,"total_tokens":196}'))
    + "data: [DONE]\n\n"
).encode()


def event(nanoseconds: int) -> bytes:
    """One event, which says when it left."""
    return _WORD % nanoseconds


def chunk(data: bytes) -> bytes:
    """Some of a body, in the chunked coding of RFC 9112."""
    return b"%x\r\n%s\r\n" % (len(data), data)


class Model:
    """All open streams, and the clock that they share."""

    def __init__(self, *, streams: int, events: int, apart: float) -> None:
        self.announced, self.events, self.apart = streams, events, apart
        self.waiting: list[Caller] = []
        self.going = False

    def open(self, caller: "Caller") -> None:
        """One more request is here; the last one that was announced starts all of them."""
        if self.going:
            self._start(caller, 0.0)
            return
        self.waiting.append(caller)
        if len(self.waiting) >= self.announced:
            self.going = True
            for place, each in enumerate(self.waiting):
                self._start(each, self.apart * place / len(self.waiting))
            self.waiting.clear()

    def _start(self, caller: "Caller", after: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(after, self._tick, caller, self.events, loop.time() + after)

    def _tick(self, caller: "Caller", left: int, due: float) -> None:
        if caller.transport is None or caller.transport.is_closing():
            return
        if left == 0:
            caller.transport.write(chunk(_LAST) + b"0\r\n\r\n")
            caller.busy = False
            return
        caller.transport.write(chunk(event(time.monotonic_ns())))
        due += self.apart
        asyncio.get_running_loop().call_at(due, self._tick, caller, left - 1, due)


class Caller(asyncio.Protocol):
    """One connection: a request whose head and body fit in memory, then its stream, then the next."""

    def __init__(self, model: Model) -> None:
        self.model, self.transport, self.busy, self.received = model, cast(asyncio.Transport | None, None), False, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self in self.model.waiting:
            self.model.waiting.remove(self)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, ended, body = self.received.partition(b"\r\n\r\n")
        if not ended or self.busy or self.transport is None:
            return
        if not head.startswith(b"POST "):
            self.received = b""
            self.transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].partition(b":")[2]) if lengths else None
        chunked = length is None and body.endswith(b"0\r\n\r\n")
        if chunked or (length is not None and len(body) >= length):
            self.received, self.busy = b"", True
            self.transport.write(HEAD)
            self.model.open(self)


async def _serve(model: Model) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Caller(model), "127.0.0.1", 0, backlog=4096)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--apart-ms", type=float, required=True)
    asked = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Model(streams=asked.streams, events=asked.events, apart=asked.apart_ms / 1e3)))


if __name__ == "__main__":
    main()
