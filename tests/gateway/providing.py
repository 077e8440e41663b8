"""A provider that records: an HTTP server that keeps every byte it was sent and answers as a test says."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Part = bytes | float | threading.Event
"""What a provider does next: send bytes, pause for seconds, or wait until a test says go on."""
Answering = Callable[["Asked"], Iterable[Part]]


@dataclass
class Asked:
    """One request that the provider received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    whole: bytes


def whole(body: bytes, status: str = "200 OK", *more: str) -> list[Part]:
    """A whole answer in one piece."""
    head = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *more]
    return ["\r\n".join([*head, "", ""]).encode() + body]


def events(*parts: Part, end: bool = True) -> Iterator[Part]:
    """A stream in chunks; a number pauses that many seconds, `end` sends the last chunk."""
    return flowing(parts, end=end)


def flowing(parts: Iterable[Part], *, end: bool = True) -> Iterator[Part]:
    """As `events`, from any iterable, which may have no end."""
    yield b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    for part in parts:
        yield b"%x\r\n%s\r\n" % (len(part), part) if isinstance(part, bytes) else part
    if end:
        yield b"0\r\n\r\n"


class HangUp(Exception):
    """Raised by an answering function or its parts: close the connection here."""


def completion(model: str = "test-model", text: str = "four", spent: tuple[int, int] = (20, 2)) -> bytes:
    """The body of a chat completion."""
    message = {"role": "assistant", "content": text}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": spent[0], "completion_tokens": spent[1], "total_tokens": sum(spent)},
        }
    ).encode()


def cached(read: int, written: int = 0, spent: tuple[int, int] = (20, 2)) -> bytes:
    """The body of a chat completion whose prompt was read from a cache and written to one, in parts."""
    body = json.loads(completion(spent=spent))
    body["usage"]["prompt_tokens_details"] = {"cached_tokens": read, "cache_write_tokens": written}
    return json.dumps(body).encode()


def delta(text: str = "four", model: str = "test-model", **more: Any) -> bytes:
    """One event of a streamed chat completion."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "c", "model": model, "choices": [choice], **more}).encode() + b"\n\n"


class RecordingProvider:
    """An HTTP/1.1 server that keeps what it is sent and answers by a function."""

    def __init__(self, answering: Answering | None = None) -> None:
        self.answering: Answering = answering or (lambda asked: whole(completion()))
        self.asked: list[Asked] = []
        self.broken: list[int] = []
        """Requests whose connection the gateway closed before the answer was whole."""
        self.url = ""
        self.connections = 0
        self.hung_up = threading.Event()
        """Set once the gateway closed a connection whose answer was not whole."""

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ")
                headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                asked = Asked(method, path, headers, body, head + body)
                self.asked.append(asked)
                number = len(self.asked)
                for part in self.answering(asked):
                    try:
                        await self._do(part, reader, writer)
                    except ConnectionError:
                        self.broken.append(number)
                        self.hung_up.set()
                        return
        except (asyncio.IncompleteReadError, ConnectionError, HangUp):
            pass
        finally:
            writer.close()

    async def _do(self, part: Part, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(part, bytes):
            writer.write(part)
            await writer.drain()
        elif isinstance(part, float):
            await asyncio.sleep(part)
        else:
            while not part.is_set() and not reader.at_eof():
                await asyncio.sleep(0.002)
        if reader.at_eof():
            raise ConnectionResetError

    @contextmanager
    def running(self) -> Iterator["RecordingProvider"]:
        loop = asyncio.new_event_loop()
        started = threading.Event()
        ending = asyncio.Event()

        async def main() -> None:
            server = await asyncio.start_server(self.serve_one, "127.0.0.1", 0, limit=16 * 1024 * 1024)
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            started.set()
            await ending.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
        thread.start()
        started.wait(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(ending.set)
            thread.join(10)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
