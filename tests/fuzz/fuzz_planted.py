"""A reader that is broken on purpose: whoever fuzzes it must find out within seconds."""

from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["TARGETS"]


def planted(data: bytes) -> None:
    """A record of a mark, a length and as many bytes; it believes a length of more bytes than came."""
    if len(data) < 4 or data[0] != ord("v") or data[1] != ord("1"):
        return
    length = data[2]
    if length > 200:
        value = data[3 : 3 + length]
        assert len(value) == length


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {"planted": planted}
