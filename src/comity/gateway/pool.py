"""Random bytes by the block: the same generator, asked once for many draws.

Each call of a gateway draws four keys and salts.  Asking the system for each
gives up Python's lock every time, and another thread holds it on return.

Bounds: at most `BLOCK` bytes wait in memory, as secret as the keys made of them.
A process that forks must make its pool after the fork; a gate makes its own.
"""

from collections.abc import Callable
from typing import Final

__all__ = ["BLOCK", "pooled"]

BLOCK: Final = 4_096


def pooled(random: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """A source that draws `BLOCK` bytes at a time from `random` and hands none of them out twice."""
    block, used = b"", 0

    def draw(count: int) -> bytes:
        nonlocal block, used
        if used + count > len(block):
            if count > BLOCK:
                return random(count)
            block, used = random(BLOCK), 0
        used += count
        return block[used - count : used]

    return draw
