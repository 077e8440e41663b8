"""Canonical JSON: the one spelling of a value, so that its digest means something.

The bytes are RFC 8785 (JCS) over a smaller language than JSON's: objects with
ASCII keys, arrays, strings, `true`, `false`, `null` and integers within
±(2^53 − 1).  No floats: decimals are strings, times are RFC 3339 strings.  In
this language the keys' UTF-16 order is their ASCII order, and Python's sorted
`json.dumps` writes the same bytes as RFC 8785 (a property test holds the two
together).

    >>> canonical_bytes({"b": 1, "a": "é"})
    b'{"a":"\\xc3\\xa9","b":1}'

`parse_canonical` accepts exactly the bytes that `canonical_bytes` would write.
Python's `json.loads` keeps the last of two equal keys without a word, so equal
keys are refused before the comparison.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MAX_ENTRY", "MAX_INTEGER", "NotCanonical", "RecordError", "canonical_bytes", "parse_canonical"]

MAX_ENTRY: Final = 65_535
"""Bytes in one entry: an entry bundle gives each entry a 16-bit length (c2sp.org/tlog-tiles)."""

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8785, section 3.2.2.3)."""

MAX_DEPTH: Final = 32
"""Nesting that a reader needs at most; deeper input is an attack on the parser's stack."""


class RecordError(Exception):
    """Root of what this package raises for bad input."""


class NotCanonical(RecordError):
    """The value or the bytes are outside the canonical language."""


def canonical_bytes(value: Mapping[str, Any]) -> bytes:
    """The RFC 8785 bytes of `value`; raises `NotCanonical` for what the language does not hold."""
    _check(value, "$", 0)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotCanonical("a string holds a lone surrogate; expected text that UTF-8 can write") from None


def parse_canonical(data: bytes, *, limit: int = MAX_ENTRY) -> dict[str, Any]:
    """Read canonical bytes back; raises `NotCanonical` for any other spelling, size or shape."""
    if len(data) > limit:
        raise NotCanonical(f"{len(data)} bytes, at most {limit} are allowed")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_float=_no_float)
    except NotCanonical:
        raise
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise NotCanonical("not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise NotCanonical(f"expected an object, got {type(value).__name__}")
    if canonical_bytes(value) != data:
        raise NotCanonical("JSON, but not in canonical form (RFC 8785): order, spacing or escapes differ")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NotCanonical(f"the key {twice[:40]!r} stands twice in one object")
    return members


def _no_float(text: str) -> Any:
    raise NotCanonical(f"the number {text[:24]} is not an integer; decimals are written as strings")


def _check(value: Any, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH} levels")
    match value:
        case None | bool() | str():
            pass
        case int():
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise NotCanonical(f"{where}: the integer is beyond ±(2^53 − 1); write it as a string")
        case list() | tuple():
            for position, item in enumerate(value):
                _check(item, f"{where}[{position}]", depth + 1)
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise NotCanonical(f"{where}: the key {str(key)[:40]!r} is not an ASCII string")
                _check(item, f"{where}.{key}", depth + 1)
        case _:
            raise NotCanonical(f"{where}: {type(value).__name__} has no canonical form")
