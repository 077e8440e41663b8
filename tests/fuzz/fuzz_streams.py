"""Target: a provider's stream through the reader that decides which bytes may go on.

The first byte chooses the call, the second whether another model's answer is cut,
the next two where the stream is cut into pieces.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from fuzz_http import cuts

from comity.gateway.protocols import CALLS
from comity.gateway.stream import StreamReader
from comity.gateway.usage import Usage

__all__ = ["TARGETS"]

AGREED: Final = "test-model"


def _read(which: int, cut: bool, pieces: list[bytes]) -> tuple[Any, ...]:
    call = CALLS[which % len(CALLS)]
    reader = StreamReader(call.terminal, call.served, call.usage, lambda name: name == AGREED, cut=cut)
    sent, passed = b"".join(pieces), b""
    for piece in pieces:
        going = reader.feed(piece)
        assert not (reader.ended and going and not passed + going == sent[: len(passed + going)])
        passed += going
    assert sent.startswith(passed), "bytes pass that the provider did not send there"
    rest = reader.rest()
    if reader.mismatch:
        assert cut and reader.served != AGREED and rest == b""
    else:
        assert passed + rest == sent, "bytes of the provider are lost"
    assert not (cut and reader.served not in (None, AGREED) and not reader.mismatch)
    return reader.served, reader.usage, reader.ended, reader.mismatch


def stream(data: bytes) -> None:
    """Whatever comes in whatever pieces: what passes and what waits is what came, and is read as one thing."""
    if len(data) < 4:
        return
    which, cut, seed, sent = data[0], bool(data[1] & 1), data[2:4], data[4:]
    lines = [line for line in re.split(rb"(?<=\n)", sent) if line]  # what passes unparsed comes in whole lines
    seen = [_read(which, cut, pieces) for pieces in (*cuts(seed, sent), lines)]
    for reading in seen:
        assert reading == seen[0], "the cutting decides what was read"
    usage = seen[0][1]
    if isinstance(usage, Usage):
        for number in (usage.input_tokens, usage.output_tokens, usage.cached_read, usage.cache_write):
            assert number is None or 0 <= number <= 2**43


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {"stream": stream}
