"""What a request asks for, read from its bytes before anything is decided.

An adapter (one module a protocol) turns a body into an `Asked`: which model,
which features of the terms' vocabulary, how much output at most.  A table
declares every request field that the protocol's adapter knows; what the table
does not know is listed in `unknown` and refused, never guessed, because an
upstream may give a meaning to it (llama.cpp's `n_predict` lifts `max_tokens`).

The body is read strictly, since two readers of one body must agree on it: UTF-8
only, no equal keys in one object, no `NaN`, no half surrogate pairs, bounded nesting.  The bytes that go
upstream are the client's own.

Not promised: that the upstream reads the body as JSON's standard says.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "MAX_BODY",
    "Asked",
    "Field",
    "MalformedRequest",
    "Reading",
    "core",
    "inside",
    "outside",
    "read_body",
    "read_call",
    "read_fields",
    "stream",
    "uses",
]

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes in one request: larger than any context window in text, small enough for 64 at once."""

MAX_DEPTH: Final = 64
MAX_CANDIDATES: Final = 128
MAX_MODEL_NAME: Final = 200
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class MalformedRequest(Exception):
    """The body is not a request of this protocol; the text says what was expected and what came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request in the vocabulary of the terms."""

    protocol: str
    route: str
    model: str
    stream: bool
    features: tuple[str, ...]
    """Features that the request uses, in the terms' names, sorted."""
    unknown: tuple[str, ...]
    """Fields, headers, values and parameters that no table knows."""
    body_bytes: int
    messages: int
    tools: int
    candidates: int
    output_limit: int | None
    """The largest of all limits that the body states, for one candidate; None where it states none."""
    self_contained: bool
    """Everything that the model reads is in the body, so that its bytes bound its tokens."""


class Reading:
    """What an adapter collects while it walks one body; a builder that lives for one request."""

    def __init__(self) -> None:
        self.features: set[str] = set()
        self.unknown: list[str] = []
        self.limits: list[int] = []
        self.candidates = 1
        self.tools = 0
        self.self_contained = True

    def use(self, feature: str) -> None:
        """Note that the request uses a feature."""
        self.features.add(feature)

    def outside(self, feature: str) -> None:
        """Note a feature that brings in what the body does not hold."""
        self.features.add(feature)
        self.self_contained = False

    def strange(self, what: str) -> None:
        """Note what no table knows."""
        self.unknown.append(what[:80])

    def limit(self, name: str, value: Any) -> None:
        """Note one of the body's output limits."""
        if type(value) is not int or not 1 <= value <= 2**31:
            raise MalformedRequest(f"{name}: expected an integer from 1, got {str(value)[:40]!r}")
        self.limits.append(value)


Field = Callable[[Reading, Any], None]
"""How one request field is read: it notes features and limits, or raises `MalformedRequest`."""


def core(reading: Reading, value: Any) -> None:
    """A field that every request may carry and that uses no feature."""


def uses(feature: str) -> Field:
    """A field that uses one feature, whatever its value."""
    return lambda reading, value: reading.use(feature)


def outside(feature: str) -> Field:
    """A field that uses one feature and brings in what the body does not hold."""
    return lambda reading, value: reading.outside(feature)


def inside(name: str, table: Mapping[str, Field], feature: str | None = None) -> Field:
    """A field that may be an object, whose members are read by a table of their own."""

    def read(reading: Reading, value: Any) -> None:
        if feature is not None:
            reading.use(feature)
        if isinstance(value, dict):
            read_fields(reading, value, table, f"{name}.")

    return read


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object in a request body; raises `MalformedRequest` where two readers could differ."""
    if len(body) > MAX_BODY:
        raise MalformedRequest(f"the body has more than the {MAX_BODY} bytes that are taken")
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise MalformedRequest("the body is not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise MalformedRequest(f"expected a JSON object, got {type(value).__name__}")
    _bounded(value, 0)
    if b"\\u" in body and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise MalformedRequest("a text in the body holds half a surrogate pair, which is no Unicode text")
    return value


def read_fields(reading: Reading, body: Mapping[str, Any], table: Mapping[str, Field], where: str = "") -> None:
    """Read each member of `body` by `table`; a member that is null counts as absent."""
    for name, value in body.items():
        read = table.get(name)
        if read is None:
            reading.strange(where + name)
        elif value is not None:
            read(reading, value)


def stream(reading: Reading, value: Any) -> None:
    """The field `stream`, which both protocols spell alike."""
    if not isinstance(value, bool):
        raise MalformedRequest(f"stream: expected true or false, got {str(value)[:40]!r}")
    if value:
        reading.use("streaming")


def read_call(body: bytes, table: Mapping[str, Field], *, protocol: str, route: str) -> Asked:
    """Read a request that names a model and carries messages, by its protocol's table."""
    members = read_body(body)
    reading = Reading()
    if not isinstance(model := members.get("model"), str) or not 1 <= len(model) <= MAX_MODEL_NAME:
        raise MalformedRequest(f"model: expected a name of 1 to {MAX_MODEL_NAME} characters")
    if "messages" not in members:
        raise MalformedRequest("messages: expected a list with at least one message, found none")
    read_fields(reading, members, table)
    return Asked(
        protocol=protocol,
        route=route,
        model=model,
        stream="streaming" in reading.features,
        features=tuple(sorted(reading.features)),
        unknown=tuple(reading.unknown),
        body_bytes=len(body),
        messages=len(members["messages"]),
        tools=reading.tools,
        candidates=reading.candidates,
        output_limit=max(reading.limits, default=None),
        self_contained=reading.self_contained,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedRequest("a key stands twice in one object of the body, so two readers could differ on it")
    return members


def _constant(name: str) -> Any:
    raise MalformedRequest(f"{name} is not JSON")


def _bounded(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MalformedRequest(f"the body nests deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for item in value.values():
            _bounded(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _bounded(item, depth + 1)
