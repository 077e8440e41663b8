"""The provider's switch: one address, behind which the provider can change the model without a word.

    python -m comity.cli.demo.switch serve --home DIR --target URL     listens, and forwards bytes to the target
    python -m comity.cli.demo.switch turn --home DIR --target URL      turns a running switch of the same home

Where the switch leads stands in `DIR/endpoint`, a URL on one line.  The running switch looks at that file twenty
times a second; when it has changed, connections to the old target are closed and new ones go to the new one,
and `DIR/endpoint.turned` says so.  `turn` returns once that is done.

It forwards TCP and reads nothing: what it forwards is the gateway's and the model's.  This is what any provider
can do behind its own name; the demo does it to show what the gateway sees of it.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

LOOK_SECONDS: Final = 0.05
TURN_SECONDS: Final = 10.0
CHUNK: Final = 64 * 1024


class Switch:
    """A forwarder whose target can change."""

    def __init__(self, home: Path, target: str) -> None:
        self._file, self._turned = home / "endpoint", home / "endpoint.turned"
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()
        _put(self._file, target)

    async def serve(self) -> None:
        """Listen, say where in one JSON line, and forward until SIGTERM."""
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        async with server:
            print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
            while not ended.is_set():
                self._look()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), LOOK_SECONDS)
            server.close()
            self._close_all()

    def _look(self) -> None:
        """Turn to the target that the file names."""
        wanted = self._file.read_text().strip()
        if wanted != self._target:
            self._target = wanted
            self._close_all()
            _put(self._turned, wanted)

    def _close_all(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(self._target)
        self._open.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            self._open.discard(writer)
            writer.transport.abort()
            return
        self._open.add(far_writer)
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                self._open.discard(each)
                each.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until that way ends."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(CHUNK):
            writer.write(piece)
            await writer.drain()
    writer.close()


def _put(path: Path, text: str) -> None:
    half = path.with_name(path.name + ".half")
    half.write_text(text + "\n")
    os.replace(half, path)


def _turn(home: Path, target: str) -> int:
    turned = home / "endpoint.turned"
    turned.unlink(missing_ok=True)
    _put(home / "endpoint", target)
    until = time.monotonic() + TURN_SECONDS
    while not turned.exists():
        if time.monotonic() > until:
            print(f"no switch of this home has turned within {TURN_SECONDS:g} s; is one running?", file=sys.stderr)
            return 1
        time.sleep(LOOK_SECONDS / 2)
    print(json.dumps({"target": target}))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m comity.cli.demo.switch", description="The provider's switch.")
    parser.add_argument("act", choices=["serve", "turn"])
    parser.add_argument("--home", type=Path, required=True, help="the provider's folder")
    parser.add_argument("--target", required=True, help="where to forward to")
    asked = parser.parse_args()
    if asked.act == "turn":
        return _turn(asked.home, asked.target)
    asyncio.run(Switch(asked.home, asked.target).serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
