"""Streams: bytes pass as they come, and the terminal bytes wait for the outcome.

Server-sent events reach the caller as the provider wrote them.  Two holds keep
the promises.  Until an event names the model, only whole lines pass, each after
it was looked at, so that an answer of another model is cut before its first
byte.  From the line that ends the protocol's stream (one that begins with
`data: [DONE]`, or `event: message_stop`) on, everything is held until the outcome
is durable: a caller who saw a complete answer has a settled entry.

A line ends at LF, CR or CR LF, as clients read them.  A partial line is held only
while it may still become the terminal one.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from comity.gateway.usage import Usage

__all__ = ["MAX_LINE", "StreamReader"]

MAX_LINE: Final = 4 * 1024 * 1024
"""Bytes of one line that are looked at; a longer one passes unread and its figures count as not stated."""


class StreamReader:
    """Reads one stream as its bytes pass; `feed` says which of them may go on now."""

    def __init__(
        self,
        terminal: tuple[bytes, ...],
        served: Callable[[Mapping[str, Any]], str | None],
        usage: Callable[[Mapping[str, Any]], Usage | None],
        agreed: Callable[[str], bool],
        *,
        cut: bool,
    ) -> None:
        self._terminal, self._served, self._usage, self._agreed, self._cut = terminal, served, usage, agreed, cut
        self._line = bytearray()
        self._sent_of_line = 0
        self._overlong = False
        self.served: str | None = None
        """The first model named that is not agreed, else the last one named."""
        self.usage: Usage | None = None
        self.ended = False
        """The protocol's terminal line was seen."""
        self.mismatch = False
        """An event named a model that is not agreed and `cut` is set; nothing from it on may pass."""
        self.held = bytearray()
        """Bytes from the terminal line on, waiting for the outcome."""

    def feed(self, chunk: bytes) -> bytes:
        """Take the provider's next bytes; return those that may go on now."""
        out = bytearray()
        for piece in chunk.splitlines(keepends=True):
            if self.mismatch:
                break
            if self.ended:
                self.held += piece
                continue
            self._keep(piece)
            if piece.endswith((b"\n", b"\r")):
                self._whole_line(out)
            elif self.served is not None and (self._overlong or not self._may_end()):
                out += self._unsent()
        return bytes(out)

    def rest(self) -> bytes:
        """What is still held when the stream is over and its outcome durable."""
        held = self._unsent() + bytes(self.held)
        self.held.clear()
        return held

    def _keep(self, piece: bytes) -> None:
        self._line += piece
        if len(self._line) > MAX_LINE and not self._may_end():
            self._overlong = True

    def _unsent(self) -> bytes:
        piece = bytes(self._line[self._sent_of_line :])
        self._sent_of_line = len(self._line)
        if self._overlong:
            self._line.clear()
            self._sent_of_line = 0
        return piece

    def _may_end(self) -> bool:
        line = bytes(self._line[: 1 + max(map(len, self._terminal))])
        return any(end.startswith(line) or line.startswith(end) for end in self._terminal)

    def _whole_line(self, out: bytearray) -> None:
        line = bytes(self._line).strip()
        if not self._overlong and line.startswith(self._terminal):
            self.ended = True
            self.held += self._unsent()
        else:
            self._look(line)
            if not self.mismatch:
                out += self._unsent()
        self._line.clear()
        self._sent_of_line = 0
        self._overlong = False

    def _look(self, line: bytes) -> None:
        if not line.startswith(b"data:") or self._overlong:
            return
        if self.served is not None and b"usage" not in line and b'"model"' not in line:
            return
        try:
            event = json.loads(line[5:])
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        name = self._served(event)
        if name is not None and (self.served is None or self._agreed(self.served)):
            self.served = name
            self.mismatch = self._cut and not self._agreed(name)
        stated = self._usage(event)
        if stated is not None:
            self.usage = stated if self.usage is None else self.usage.then(stated)
