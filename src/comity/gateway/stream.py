"""Streams: bytes pass as they come, and the terminal bytes wait for the outcome.

Server-sent events reach the caller as the provider wrote them.  Two holds keep
the promises.  Until an event names the model, only whole lines pass, each after
it was looked at, so that an answer of another model is cut before its first
byte.  From the line that ends the protocol's stream on, everything is held until
the outcome is durable: a caller who saw a complete answer has a settled entry.
An `Ending` says which line that is; what follows it is still read for its
figures, because some protocols state them there.

A line ends at LF, CR or CR LF, as clients read them.  A partial line is held only
while it may still become the terminal one.

Most pieces of a stream cannot change what is known: they hold no name of a model
but the one that was read, no figures and nothing that ends the stream.  Those pass
after a search for a few bytes, unparsed.

Not promised: that a key which a provider spells with escapes is seen.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from comity.gateway.usage import Usage

__all__ = ["MAX_LINE", "NO_STREAM", "Ending", "StreamReader"]

MAX_LINE: Final = 4 * 1024 * 1024
"""Bytes of one line that are looked at; a longer one passes unread and its figures count as not stated."""

_NAME: Final = b'"model'
_FIGURES: Final = b'"usage'
"""How the keys begin that name a model (`model`, `modelVersion`) or hold figures (`usage`, `usageMetadata`)."""
_NAMED: Final = re.compile(rb'"model(?:Version)?" ?: ?"[^"\\]*"')
_read_json: Final = json.JSONDecoder().decode
_NO_FIGURES: Final = (b'"usage":null', b'"usage": null')


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one protocol's streams end."""

    lines: tuple[bytes, ...] = ()
    """How the lines begin with which the end comes."""
    event: Callable[[Mapping[str, Any]], bool] | None = None
    """Whether the event of a `data:` line is the end; None where the lines above say it all."""
    marks: tuple[bytes, ...] = ()
    """Every event that is the end holds one of these."""


NO_STREAM: Final = Ending()
"""The ending of a call that has no streams: one that comes all the same never ends in order."""


class StreamReader:
    """Reads one stream as its bytes pass; `feed` says which of them may go on now."""

    def __init__(
        self,
        ending: Ending,
        served: Callable[[Mapping[str, Any]], str | None],
        usage: Callable[[Mapping[str, Any]], Usage | None],
        agreed: Callable[[str], bool],
        *,
        cut: bool,
    ) -> None:
        self._ending, self._served, self._usage, self._agreed, self._cut = ending, served, usage, agreed, cut
        self._ends = (*ending.lines, *ending.marks)
        self._longest = 1 + max(map(len, ending.lines), default=0)
        self._line = bytearray()
        self._sent_of_line = 0
        self._overlong = False
        self._named = b""
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
        whole = not (self._line or self._overlong or self.ended or self.mismatch)
        if whole and self._changes_nothing(chunk):
            return chunk
        out = bytearray()
        for piece in chunk.splitlines(keepends=True):
            if self.mismatch:
                break
            whole = piece.endswith((b"\n", b"\r"))
            if whole and not self._line and not self._overlong:
                self._whole_line(piece, piece, out)
                continue
            self._line += piece
            if len(self._line) > MAX_LINE and not self._may_begin_the_end():
                self._overlong = True
            if whole:
                line = b"" if self._overlong else bytes(self._line)
                self._whole_line(line, self._unsent(), out)
                self._line.clear()
                self._sent_of_line = 0
                self._overlong = False
            elif self.ended:
                self.held += self._unsent()
            elif self.served is not None and (self._overlong or not self._may_end()):
                out += self._unsent()
        return bytes(out)

    def rest(self) -> bytes:
        """What is still held when the stream is over and its outcome durable."""
        if self.mismatch:
            return b""
        held = bytes(self.held) + self._unsent()
        self.held.clear()
        return held

    def _changes_nothing(self, chunk: bytes) -> bool:
        """Whether whole lines came that need no look: `_look` would learn nothing from any of them."""
        return (
            self._named != b""
            and chunk.endswith(b"\n")
            and chunk.count(_NAME) == chunk.count(self._named)
            and chunk.count(_FIGURES) == sum(map(chunk.count, _NO_FIGURES))
            and not any(end in chunk for end in self._ends)
        )

    def _unsent(self) -> bytes:
        piece = bytes(self._line[self._sent_of_line :])
        self._sent_of_line = len(self._line)
        if self._overlong:
            self._line.clear()
            self._sent_of_line = 0
        return piece

    def _may_begin_the_end(self) -> bool:
        line = bytes(self._line[: self._longest])
        return any(end.startswith(line) or line.startswith(end) for end in self._ending.lines)

    def _may_end(self) -> bool:
        if self._ending.event is not None and b"data:".startswith(self._line[:5]):
            return True
        return self._may_begin_the_end()

    def _whole_line(self, line: bytes, unsent: bytes, out: bytearray) -> None:
        """Look at a line, then pass or hold what of it is still here; an overlong one comes as no bytes."""
        line = line.strip()
        if line.startswith(self._ending.lines):
            self.ended = True
        elif line.startswith(b"data:"):
            self._look(line)
        if self.mismatch:
            return
        if self.ended:
            self.held += unsent
        else:
            out += unsent

    def _look(self, line: bytes) -> None:
        if self.served is not None and _FIGURES not in line and _NAME not in line and not self._marked(line):
            return
        try:
            event = _read_json(line[5:].decode())
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        name = self._served(event)
        if name is not None and name != self.served and (self.served is None or self._agreed(self.served)):
            self.served = name
            self.mismatch = self._cut and not self._agreed(name)
            literal = _NAMED.search(line)
            self._named = literal[0] if literal is not None and line.count(_NAME) == 1 else b""
        stated = self._usage(event)
        if stated is not None:
            self.usage = stated if self.usage is None else self.usage.then(stated)
        if self._ending.event is not None and not self.ended:
            self.ended = self._ending.event(event)

    def _marked(self, line: bytes) -> bool:
        return self._ending.event is not None and any(mark in line for mark in self._ending.marks)
