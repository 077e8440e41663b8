"""Reading the vault's JSON objects: exact members, one spelling of every byte string.

Duplicate keys, missing members, members that the format does not know, numbers that are not integers and
base64 in a second spelling are refused, each with the caller's own error.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from comity.ledger.encoding import decode_base64
from comity.vault.errors import VaultError
from comity.vault.sealing import PARTS, Part

MAX_TEXT: Final = 1_000
_HEX: Final = re.compile("[0-9a-f]*", re.ASCII)


def read_object(data: bytes, *, limit: int, error: type[VaultError]) -> Mapping[str, Any]:
    """One JSON object in UTF-8 without duplicate keys, or `error`."""
    if len(data) > limit:
        raise error(f"{len(data)} bytes, at most {limit} are read")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise error("a member stands twice in one object")
        return members

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=once)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise error("not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise error(f"expected an object, got {type(value).__name__}")
    return value


class Members:
    """The members of one object, taken out by the kind of value each must have."""

    def __init__(self, value: Any, what: str, names: set[str], error: type[VaultError]) -> None:
        self._error, self._what = error, what
        if not isinstance(value, Mapping) or value.keys() != names:
            came = ", ".join(sorted(map(str, value)))[:200] if isinstance(value, Mapping) else type(value).__name__
            raise error(f"{what}: expected the members {', '.join(sorted(names))}; got {came}")
        self._members = value
        if "format" in names and value["format"] != what:
            raise error(f"expected the format {what!r}, got {str(value['format'])[:60]!r}")

    def text(self, name: str) -> str:
        """A printable text on one line."""
        value = self._members[name]
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT or not value.isprintable():
            raise self._error(f"{self._what}: {name} is not a text of 1 to {MAX_TEXT} characters on one line")
        return value

    def index(self, name: str) -> int:
        """A position in a ledger."""
        value = self._members[name]
        if type(value) is not int or not 0 <= value < 2**63:
            raise self._error(f"{self._what}: {name} is not an integer from 0")
        return value

    def part(self, name: str) -> Part:
        """One of `PARTS`."""
        for part in PARTS:
            if self._members[name] == part:
                return part
        raise self._error(f"{self._what}: {name} is none of {', '.join(PARTS)}")

    def hex(self, name: str, size: int) -> str:
        """`size` bytes in lower-case hex, kept as text."""
        value = self._members[name]
        if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
            raise self._error(f"{self._what}: {name} is not {2 * size} lower-case hex digits")
        return value

    def base64(self, name: str, *, exactly: int | None = None, at_least: int = 0) -> bytes:
        """Bytes in the one spelling of base64."""
        value = self._members[name]
        try:
            if not isinstance(value, str):
                raise ValueError("not a text")
            data = decode_base64(value)
        except ValueError as error:
            raise self._error(f"{self._what}: {name}: {error}") from None
        if (exactly is not None and len(data) != exactly) or len(data) < at_least:
            expected = f"{exactly}" if exactly is not None else f"at least {at_least}"
            raise self._error(f"{self._what}: {name} has {len(data)} bytes, {expected} are expected")
        return data

    def objects(self, name: str, names: set[str], at_most: int) -> tuple["Members", ...]:
        """A list of 1 to `at_most` objects with these members."""
        value = self._members[name]
        if not isinstance(value, list) or not 1 <= len(value) <= at_most:
            raise self._error(f"{self._what}: {name} is not a list of 1 to {at_most} objects")
        return tuple(Members(each, f"{self._what}: {name}", names, self._error) for each in value)
