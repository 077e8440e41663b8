"""What a request asks for, read from its bytes before anything is decided.

An adapter (one module a call) turns path, query and body into an `Asked`: which
model, which features of the terms' vocabulary and how many of their items, how
much output at most.  A table declares every request field that the adapter
knows; what the table does not know is listed in `unknown` and refused, never
guessed, because an upstream may give a meaning to it (llama.cpp's `n_predict`
lifts `max_tokens`).

The body is read strictly, since two readers of one body must agree on it: UTF-8
only, no equal keys in one object, no `NaN`, no half surrogate pairs, bounded
nesting.  The bytes that go upstream are the client's own.

Not promised: that the upstream reads the body as JSON's standard says.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from comity.arrangement.features import BOUNDED, OUTSIDE
from comity.gateway.usage import TIERS

__all__ = [
    "MAX_BODY",
    "MAX_CANDIDATES",
    "Asked",
    "Field",
    "MalformedRequest",
    "Query",
    "Reading",
    "Value",
    "candidates",
    "core",
    "decode_json",
    "flagged",
    "inside",
    "items",
    "limit",
    "object_of",
    "read_body",
    "read_fields",
    "read_model",
    "read_query",
    "stream",
    "tier",
    "user_content",
    "uses",
    "whole_number",
]

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes in one request: larger than any context window in text, small enough for 64 at once."""

MAX_DEPTH: Final = 64
MAX_CANDIDATES: Final = 128
"""Answers to one request: what the providers themselves allow at most."""
MAX_MODEL_NAME: Final = 200
MAX_NUMBER: Final = 2**31
_SURROGATE: Final = re.compile(f"[{chr(0xD800)}-{chr(0xDFFF)}]")


class MalformedRequest(Exception):
    """The request is not one of this protocol; the text says what was expected and what came."""


class Asked(NamedTuple):
    """One request in the vocabulary of the terms."""

    protocol: str
    route: str
    """The route's pattern, as entries hold it."""
    target: str
    """The path and the known query parameters, as they are sent upstream."""
    model: str
    stream: bool
    features: tuple[str, ...]
    """Features that the request uses, in the terms' names, sorted."""
    unknown: tuple[str, ...]
    """Fields, headers, values and parameters that no table knows."""
    counts: Mapping[str, int]
    """Feature of `BOUNDED` that the request uses → how many of its items."""
    unbounded: tuple[str, ...]
    """Features of `BOUNDED` that the request uses without stating how much of them at most."""
    never: tuple[str, ...]
    """Features of `NEVER` that the request uses."""
    body_bytes: int
    messages: int
    tools: int
    candidates: int
    output_limit: int | None
    """The largest of all limits that the body states, for one candidate; None where it states none."""
    self_contained: bool
    """Everything that the model reads is in the body, so that its bytes bound its tokens."""
    turns: int
    """One, and one for each use of a tool that the provider runs: each may read the whole window again."""
    writes: bool
    """The call may write output tokens."""
    bills: bool
    """The provider charges for the call."""
    keeps: bool
    """The provider may keep the exchange to be referred to later."""


class Reading:
    """What an adapter collects while it walks one request; a builder that lives for one request."""

    def __init__(self) -> None:
        self.features: set[str] = set()
        self.counts: dict[str, int] = {}
        self.unbounded: set[str] = set()
        self.never: set[str] = set()
        self.unknown: list[str] = []
        self.limits: list[int] = []
        self.messages = 0
        self.candidates = 1
        self.tools = 0
        self.keeps = False

    def use(self, feature: str, items: int = 1) -> None:
        """Note that the request uses a feature, and so many more items of it where a bound counts them."""
        self.features.add(feature)
        if feature in BOUNDED:
            self.counts[feature] = self.counts.get(feature, 0) + items

    def use_most(self, feature: str, items: int) -> None:
        """Note a feature whose items are not added up: the largest number stated counts."""
        self.features.add(feature)
        self.counts[feature] = max(self.counts.get(feature, 0), items)

    def use_unbounded(self, feature: str) -> None:
        """Note a feature of `BOUNDED` for which the request states no bound."""
        self.features.add(feature)
        self.unbounded.add(feature)

    def strange(self, what: str) -> None:
        """Note what no table knows."""
        self.unknown.append(what[:80])

    def limit(self, name: str, value: Any) -> None:
        """Note one of the body's output limits."""
        self.limits.append(whole_number(name, value, least=1))

    def asked(
        self,
        *,
        protocol: str,
        route: str,
        target: str,
        model: str,
        body: bytes,
        writes: bool = True,
        bills: bool = True,
    ) -> Asked:
        """What was collected, as a value."""
        if self.candidates > 1:
            self.use_most("n", self.candidates)
        features, counts = self.features, self.counts
        return Asked(
            protocol=protocol,
            route=route,
            target=target,
            model=model,
            stream="streaming" in features,
            features=tuple(sorted(features)),
            unknown=tuple(self.unknown),
            counts=counts,
            unbounded=tuple(sorted(self.unbounded)) if self.unbounded else (),
            never=tuple(sorted(self.never)) if self.never else (),
            body_bytes=len(body),
            messages=self.messages,
            tools=self.tools,
            candidates=self.candidates,
            output_limit=max(self.limits) if self.limits else None,
            self_contained=features.isdisjoint(OUTSIDE),
            turns=1 + counts.get("server_tools", 0) + counts.get("mcp", 0) if counts else 1,
            writes=writes,
            bills=bills,
            keeps=self.keeps,
        )


Field = Callable[[Reading, Any], None]
"""How one request field is read: it notes features and limits, or raises `MalformedRequest`."""

Value = Mapping[str, Any]

Query = Mapping[str, frozenset[str]]
"""Query parameter → the values that are known."""


def core(reading: Reading, value: Any) -> None:
    """A field that every request may carry and that uses no feature."""


user_content: Final = core
"""A field whose members are the caller's own text, schema or data, so that no table names them."""


def uses(feature: str) -> Field:
    """A field that uses one feature, whatever its value."""
    if feature in BOUNDED:
        return lambda reading, value: reading.use(feature)
    return lambda reading, value: reading.features.add(feature)


def tier(name: str) -> Field:
    """A field that chooses a class of service; one that no price of the terms names is not known."""

    def read(reading: Reading, value: Any) -> None:
        if isinstance(value, str) and value in TIERS:
            reading.features.add("service_tier")
        else:
            reading.strange(f"{name}={value}")

    return read


def flagged(feature: str) -> Field:
    """A field that uses one feature, unless it is false."""

    def read(reading: Reading, value: Any) -> None:
        if value is not False:
            reading.use(feature)

    return read


def limit(name: str) -> Field:
    """A field that bounds the output of one candidate."""
    return lambda reading, value: reading.limits.append(whole_number(name, value, least=1))


def candidates(name: str) -> Field:
    """A field that says how many answers are written."""

    def read(reading: Reading, value: Any) -> None:
        reading.candidates = max(reading.candidates, whole_number(name, value, least=1, most=MAX_CANDIDATES))

    return read


def inside(name: str, table: Mapping[str, Field], feature: str | None = None) -> Field:
    """A field that may be an object, whose members are read by a table of their own."""

    def read(reading: Reading, value: Any) -> None:
        if feature is not None:
            reading.use(feature)
        if isinstance(value, dict):
            read_fields(reading, value, table, f"{name}.")

    return read


def whole_number(name: str, value: Any, *, least: int, most: int = MAX_NUMBER) -> int:
    """The integer `value`; raises `MalformedRequest` where it is none or out of bounds."""
    if type(value) is not int or not least <= value <= most:
        raise MalformedRequest(f"{name}: expected an integer from {least} to {most}, got {str(value)[:40]!r}")
    return value


def items(name: str, value: Any) -> list[Value]:
    """The list of objects under `name`; raises `MalformedRequest` where it is none."""
    for item in value if isinstance(value, list) else (None,):
        if not isinstance(item, dict):
            raise MalformedRequest(f"{name}: expected a list of objects")
    return value  # type: ignore[no-any-return]


def object_of(name: str, value: Any) -> Value:
    """The object under `name`; raises `MalformedRequest` where it is none."""
    if not isinstance(value, dict):
        raise MalformedRequest(f"{name}: expected an object, got {type(value).__name__}")
    return value


def read_model(value: Any) -> str:
    """The name of the model that a request asks for."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_MODEL_NAME:
        raise MalformedRequest(f"model: expected a name of 1 to {MAX_MODEL_NAME} characters")
    return value


def read_query(reading: Reading, query: str, table: Query) -> str:
    """The query as it goes upstream, `?` included; what the table does not know is noted by name alone.

    Nothing is decoded: a name or value that is written in another way is not known.
    """
    seen: set[str] = set()
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name == "key":
            raise MalformedRequest("query key: a secret does not belong in an address; send it as x-goog-api-key")
        if value not in table.get(name, ()) or name in seen:
            reading.strange(f"query {name}")
        seen.add(name)
    return f"?{query}" if query else ""


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object in a request body; raises `MalformedRequest` where two readers could differ."""
    if len(body) > MAX_BODY:
        raise MalformedRequest(f"the body has more than the {MAX_BODY} bytes that are taken")
    try:
        value = decode_json(_DECODER, body)
    except (ValueError, RecursionError):
        raise MalformedRequest("the body is not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise MalformedRequest(f"expected a JSON object, got {type(value).__name__}")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:  # with fewer brackets it cannot nest deeper
        _bounded(value, 0)
    # one byte is found much faster than two, and most bodies hold no escape
    if b"\\" in body and b"\\u" in body and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise MalformedRequest("a text in the body holds half a surrogate pair, which is no Unicode text")
    return value


def read_fields(reading: Reading, body: Mapping[str, Any], table: Mapping[str, Field], where: str = "") -> None:
    """Read each member of `body` by `table`; a member that is null counts as absent."""
    known = table.get
    for name, value in body.items():
        read = known(name)
        if read is core:
            continue
        if read is None:
            reading.strange(where + name)
        elif value is not None:
            read(reading, value)


def stream(reading: Reading, value: Any) -> None:
    """The field `stream`, which two protocols spell alike."""
    if not isinstance(value, bool):
        raise MalformedRequest(f"stream: expected true or false, got {str(value)[:40]!r}")
    if value:
        reading.use("streaming")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedRequest("a key stands twice in one object of the body, so two readers could differ on it")
    return members


def _constant(name: str) -> Any:
    raise MalformedRequest(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
"""Made once, because `json.loads` makes one for each call that is not plain."""


def decode_json(decoder: json.JSONDecoder, data: bytes | bytearray) -> Any:
    """The value that these bytes of JSON in UTF-8 hold; raises `ValueError`."""
    text = data.decode().strip(" \t\n\r")
    value, end = decoder.raw_decode(text)
    if end != len(text):
        raise ValueError("more than one value of JSON")
    return value


def _bounded(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise MalformedRequest(f"the body nests deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for item in value.values():
            _bounded(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _bounded(item, depth + 1)
