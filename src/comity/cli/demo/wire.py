"""The thief on the way to the model: whoever reads there has the upstream key, and permits that were used.

    python -m comity.cli.demo.wire listen --target URL --seen FILE     forwards, and keeps the newest request
    python -m comity.cli.demo.wire call --target URL --seen FILE       calls with what was kept

`listen` stands between the gateway and the provider's guard, as somebody on the operator's machine could; on the
way between two machines TLS keeps such a listener out.  FILE holds one request, byte for byte, and is overwritten
by the next once its answer begins.

`call` sends that request to the target twice, first without its permit and then as it is, and prints what was
answered in one JSON line, which proves nothing: the demo counts in the guard's signed counters.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

CHUNK: Final = 64 * 1024
SECONDS: Final = 30
PERMIT: Final = b"comity-permit:"


class Wire:
    """A forwarder that keeps the newest request that was answered."""

    def __init__(self, target: str, seen: Path) -> None:
        parts = urlsplit(target)
        self._host, self._port, self._seen = parts.hostname, parts.port, seen

    async def serve(self) -> None:
        """Listen, say where in one JSON line, and forward until SIGTERM."""
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
        await ended.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        asked = bytearray()

        async def there() -> None:
            with contextlib.suppress(OSError):
                while piece := await reader.read(CHUNK):
                    asked.extend(piece)
                    far_writer.write(piece)
                    await far_writer.drain()
            far_writer.close()

        async def back() -> None:
            with contextlib.suppress(OSError):
                while piece := await far_reader.read(CHUNK):
                    if asked:  # the request is whole as soon as its answer begins
                        self._keep(bytes(asked))
                        asked.clear()
                    writer.write(piece)
                    await writer.drain()
            writer.close()

        await asyncio.gather(there(), back())

    def _keep(self, request: bytes) -> None:
        half = self._seen.with_name(self._seen.name + ".half")
        half.touch(mode=0o600)
        half.write_bytes(request)
        os.replace(half, self._seen)


def without_permit(request: bytes) -> bytes:
    """The request with its key and without its permit."""
    head, blank, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(PERMIT)]
    return b"\r\n".join(lines) + blank + body


def send(target: str, request: bytes) -> dict[str, Any]:
    """Send bytes as they are; the status, and what a refusal says."""
    parts = urlsplit(target)
    with socket.create_connection((parts.hostname or "", parts.port or 80), SECONDS) as line:
        line.sendall(request)
        answer = http.client.HTTPResponse(line, method="POST")
        answer.begin()
        body = answer.read()
    try:
        said = json.loads(body)
        refused = {"code": said["error"]["code"]} | {name: said["comity"][name] for name in ("reason", "because")}
    except (ValueError, KeyError, TypeError):
        refused = {}
    return {"status": answer.status, **refused}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m comity.cli.demo.wire", description="The thief on the way.")
    parser.add_argument("act", choices=["listen", "call"])
    parser.add_argument("--target", required=True, help="the guard's address")
    parser.add_argument("--seen", type=Path, required=True, help="the thief's file of the newest request")
    asked = parser.parse_args()
    if asked.act == "listen":
        asyncio.run(Wire(asked.target, asked.seen).serve())
        return 0
    request = asked.seen.read_bytes()
    without = send(asked.target, without_permit(request))
    print(json.dumps({"without": without, "again": send(asked.target, request)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
