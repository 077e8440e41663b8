"""Which inputs are worth keeping: those that lead through lines of Comity, one after the other, as none before did.

A pair of lines that run one after the other is an arc.  Small inputs are looked at
first, so that of two with the same arcs the smaller is kept.
"""

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from fuzz_targets import MOST_BYTES, TARGETS

__all__ = ["arcs", "choose"]

Arc = tuple[str, int, int]


def arcs(target: Callable[[bytes], None], data: bytes) -> set[Arc]:
    """The arcs through Comity's modules that one input leads through."""
    found: set[Arc] = set()
    last: dict[FrameType, int] = {}

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        found.add((name, last.get(frame, 0), frame.f_lineno))
        if event == "return":
            last.pop(frame, None)
        else:
            last[frame] = frame.f_lineno
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        return line(frame, event, argument) if "/comity/" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        target(data)
    finally:
        sys.settrace(before)
    return found


def choose(name: str, kept: Iterable[bytes], candidates: Iterable[bytes]) -> list[bytes]:
    """Of the candidates, those that add to what is kept; inputs that break the target are left out."""
    target, seen, chosen = TARGETS[name], set[Arc](), []
    for data in kept:
        seen |= arcs(target, data)
    for data in sorted({each for each in candidates if len(each) <= MOST_BYTES}, key=lambda each: (len(each), each)):
        try:
            found = arcs(target, data)
        except Exception:
            continue  # a finding, which lies among the findings
        if found - seen:
            seen |= found
            chosen.append(data)
    return chosen
