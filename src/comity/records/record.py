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

import json
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

from comity.records.canonical import MAX_INTEGER, NotCanonical, RecordError, canonical_bytes, parse_canonical
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
        if (
            self.input_tokens <= other.input_tokens
            and self.output_tokens <= other.output_tokens
            and self.cost_nano <= other.cost_nano
        ):
            return ()  # the usual case, without a look at names: every call of a gateway asks
        return tuple(f.name for f in fields(self) if getattr(self, f.name) > getattr(other, f.name))


_string: Final[Callable[[str], str]] = json.encoder.encode_basestring
"""A JSON string with nothing escaped but what JSON wants escaped, as `json.dumps` writes it."""

_KINDS: dict[tuple[str, int], type["Record"]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True, init=False)
class Record:
    """Base of every kind of entry; a subclass states `kind` and `version` and is frozen.

    One that states neither is a family of kinds with members in common, and no kind itself.
    """

    kind: ClassVar[str]
    version: ClassVar[int]

    at: Instant

    def __init_subclass__(cls, *, kind: str = "", version: int = 0) -> None:
        cls.kind, cls.version = kind, version
        if kind and _KINDS.setdefault((kind, version), cls) is not cls:
            raise AssertionError(f"two classes claim {kind} version {version}")
        dataclass(frozen=True, kw_only=True, init=False)(cls)

    def __init__(self, **members: Any) -> None:
        """Set every member; a dataclass's own way, one guarded assignment each, costs a call of a gateway 15 µs."""
        if members.keys() != _names(type(self)):
            raise TypeError(f"{self.kind}: expected the members {', '.join(sorted(_names(type(self))))}")
        self.__dict__.update(members)

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
    """The entry's bytes. Raises `MalformedRecord` if the record could not be read back.

    Written member by member, because every call of a gateway writes two; `canonical_bytes` writes the same.
    """
    writers, rest = _WRITERS.get(type(record)) or _writers(type(record))
    values = record.__dict__
    try:
        return f"{''.join([start + write(values[name]) for name, start, write in writers])}{rest}".encode()
    except NotCanonical as error:
        raise MalformedRecord(f"{record.kind}: {error}") from None
    except UnicodeEncodeError:
        raise MalformedRecord(f"{record.kind}: a text holds a lone surrogate, which UTF-8 cannot write") from None


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


_NAMES: dict[type, frozenset[str]] = {}


def _names(cls: type[Record]) -> frozenset[str]:
    if cls not in _NAMES:
        _NAMES[cls] = frozenset(f.name for f in fields(cls))
    return _NAMES[cls]


_HINTS: dict[type, dict[str, Any]] = {}


def _hints(cls: type[Record]) -> dict[str, Any]:
    if cls not in _HINTS:
        names = {f.name for f in fields(cls)}
        _HINTS[cls] = {name: hint for name, hint in get_type_hints(cls).items() if name in names}
    return _HINTS[cls]


Write = Callable[[Any], str]
Writers = tuple[list[tuple[str, str, Write]], str]
_WRITERS: dict[type, Writers] = {}


def _writers(cls: type[Record]) -> Writers:
    """Each member in the order of its bytes: its name, the bytes before its value, how it is written; and the rest.

    Kind and version are the same for all records of a class, so they stand in the bytes before the next value.
    """
    hints = _hints(cls)
    same = {"kind": _string(cls.kind), "v": _integer(cls.version)}
    writers, before = [], "{"
    for name in sorted([*hints, *same]):
        before += f'"{name}":'
        if name in same:
            before += f"{same[name]},"
        else:
            writers.append((name, before, _writer(hints[name])))
            before = ","
    _WRITERS[cls] = writers, before.removesuffix(",") + "}"
    return _WRITERS[cls]


def _writer(hint: Any) -> Write:
    if hint in (int, Index):
        return _integer
    if hint in (str, Digest, Hex32, Instant):
        return _string
    if hint is Amount:
        return _amount
    if get_origin(hint) is tuple and get_args(hint)[0] is str:
        return lambda texts: f"[{','.join(map(_string, texts))}]"
    return lambda value: canonical_bytes({"": _plain(value)})[4:-1].decode()


def _integer(value: int) -> str:
    if type(value) is not int or not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise NotCanonical(f"{str(value)[:40]!r} is no integer within ±(2^53 − 1)")
    return str(value)


def _amount(value: Amount) -> str:
    cost, read, written = _integer(value.cost_nano), _integer(value.input_tokens), _integer(value.output_tokens)
    return f'{{"cost_nano":{cost},"input_tokens":{read},"output_tokens":{written}}}'


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
