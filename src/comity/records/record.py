"""Records: what one entry of a ledger says, typed once and named for ever.

An entry's bytes are canonical JSON with the members `kind`, `v` (the kind's
version), `at` (an instant) and the record's own.  `kind` and `v` are the
permanent name: renaming a class changes nothing on disk.  A member is never
absent and no other is allowed, so a record has one spelling.

    class MeetingHeld(Record, kind="meeting.held", version=1): ...

Field types carry the check: `Digest` is 64 lower-case hex digits, `Hex32` is 32,
`Index` is a position in a ledger, `Amount` is tokens and money.  An entry of an
unknown kind or version raises `UnknownKind`, which a reader may show and pass
over; any other fault raises `MalformedRecord`.

Not promised: that a record is true. Only what it says, in one spelling.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import (
    Any,
    ClassVar,
    Final,
    NewType,
    Self,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from comity.records.canonical import NotCanonical, RecordError, canonical_bytes, parse_canonical
from comity.records.instants import MalformedInstant, parse_instant

__all__ = [
    "Amount",
    "Digest",
    "Hex32",
    "Index",
    "Instant",
    "MalformedRecord",
    "Record",
    "UnknownKind",
    "known_kinds",
    "parse_record",
    "to_bytes",
]

Digest = NewType("Digest", str)
"""SHA-256 or HMAC-SHA-256 in 64 lower-case hex digits."""
Hex32 = NewType("Hex32", str)
"""128 random bits in 32 lower-case hex digits."""
Instant = NewType("Instant", str)
"""A time as `instant_text` writes it."""
Index = NewType("Index", int)
"""Position of an entry in its ledger, from 0."""

MAX_TEXT: Final = 16_384
"""Characters in one text member: room for a note with both signatures, far below an entry's limit."""


class MalformedRecord(RecordError):
    """The bytes claim a known kind and version and do not keep its form."""


class UnknownKind(RecordError):
    """The entry is canonical, but of a kind or version that this release does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a call takes from a budget: tokens, and money in billionths of the terms' currency."""

    input_tokens: int
    output_tokens: int
    cost_nano: int

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_nano=self.cost_nano + other.cost_nano,
        )

    def exceeds(self, other: "Amount") -> tuple[str, ...]:
        """Names of the members in which this amount is larger than `other`."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) > getattr(other, f.name))


_KINDS: dict[tuple[str, int], type["Record"]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True)
class Record:
    """Base of every kind of entry; a subclass states `kind` and `version` and is frozen."""

    kind: ClassVar[str]
    version: ClassVar[int]

    at: Instant

    def __init_subclass__(cls, *, kind: str, version: int) -> None:
        cls.kind, cls.version = kind, version
        if _KINDS.setdefault((kind, version), cls) is not cls:
            raise AssertionError(f"two classes claim {kind} version {version}")
        dataclass(frozen=True, kw_only=True)(cls)

    def members(self) -> dict[str, Any]:
        """The record's own members in JSON's types, `at` included."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_members(cls, members: Mapping[str, Any]) -> Self:
        """Build the record from JSON members; raises `MalformedRecord` naming the member at fault."""
        hints = _hints(cls)
        for name in members.keys() - hints.keys():
            raise MalformedRecord(f"{cls.kind}: the member {name[:40]!r} is not part of version {cls.version}")
        for name in hints.keys() - members.keys():
            raise MalformedRecord(f"{cls.kind}: the member {name!r} is missing")
        return cls(**{name: _read(hint, members[name], f"{cls.kind}: {name}") for name, hint in hints.items()})


def to_bytes(record: Record) -> bytes:
    """The entry's bytes. Raises `MalformedRecord` if the record could not be read back."""
    try:
        data = canonical_bytes({"kind": record.kind, "v": record.version, **record.members()})
    except NotCanonical as error:
        raise MalformedRecord(f"{record.kind}: {error}") from None
    return data


def parse_record(data: bytes) -> Record:
    """Read one entry; raises `MalformedRecord` or `UnknownKind`, nothing else."""
    try:
        members = parse_canonical(data)
    except NotCanonical as error:
        raise MalformedRecord(str(error)) from None
    kind, version = members.pop("kind", None), members.pop("v", None)
    if not isinstance(kind, str) or type(version) is not int:
        raise MalformedRecord("expected the members 'kind' (a string) and 'v' (an integer)")
    cls = _KINDS.get((kind, version))
    if cls is None:
        raise UnknownKind(f"kind {kind[:60]!r} version {version} is not known to this release")
    return cls.from_members(members)


def known_kinds() -> Mapping[tuple[str, int], type[Record]]:
    """Every kind and version of this release."""
    return dict(sorted(_KINDS.items()))


_HINTS: dict[type, dict[str, Any]] = {}


def _hints(cls: type[Record]) -> dict[str, Any]:
    if cls not in _HINTS:
        names = {f.name for f in fields(cls)}
        _HINTS[cls] = {name: hint for name, hint in get_type_hints(cls).items() if name in names}
    return _HINTS[cls]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise MalformedRecord(f"{where}: expected a text of at most {MAX_TEXT} characters")
    return value


def _pattern(pattern: str, meaning: str) -> Callable[[Any, str], str]:
    form = re.compile(pattern, re.ASCII)

    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise MalformedRecord(f"{where}: expected {meaning}, got {str(value)[:40]!r}")
        return value

    return read


def _count(value: Any, where: str) -> int:
    if type(value) is not int or value < 0:
        raise MalformedRecord(f"{where}: expected an integer from 0, got {str(value)[:40]!r}")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise MalformedRecord(f"{where}: expected true or false, got {str(value)[:40]!r}")
    return value


def _instant(value: Any, where: str) -> str:
    try:
        parse_instant(_text(value, where))
    except MalformedInstant as error:
        raise MalformedRecord(f"{where}: {error}") from None
    return str(value)


_READERS: Final[Mapping[Any, Callable[[Any, str], Any]]] = {
    str: _text,
    int: _count,
    bool: _flag,
    Digest: _pattern("[0-9a-f]{64}", "64 lower-case hex digits"),
    Hex32: _pattern("[0-9a-f]{32}", "32 lower-case hex digits"),
    Index: _count,
    Instant: _instant,
}


def _read(hint: Any, value: Any, where: str) -> Any:
    if hint in _READERS:
        return _READERS[hint](value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise MalformedRecord(f"{where}: expected a list, got {type(value).__name__}")
        return tuple(_read(get_args(hint)[0], item, f"{where}[{n}]") for n, item in enumerate(value))
    if hint is Amount:
        if not isinstance(value, dict) or value.keys() != {f.name for f in fields(Amount)}:
            raise MalformedRecord(f"{where}: expected input_tokens, output_tokens and cost_nano")
        return Amount(**{name: _count(number, f"{where}.{name}") for name, number in value.items()})
    if type(None) in get_args(hint):
        return None if value is None else _read(get_args(hint)[0], value, where)
    raise AssertionError(f"no reader for the type of {where}: {hint}")
