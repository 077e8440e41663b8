"""Targets: what a caller sends, from the bytes of a body, a query, a header or a path.

Each target takes any bytes and returns; what it raises is a finding.  The bounds
of a request are looked up a second time, by members' names alone, so that a limit
which an adapter overlooks, or reads under one of its names only, is a finding too.
"""

import json
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final

from comity.arrangement.features import BOUNDED, FEATURES, NEVER
from comity.gateway.asked import Asked, MalformedRequest, Reading, read_query
from comity.gateway.endpoint import parse_endpoint
from comity.gateway.headers import BETAS, DROPPED, DROPPED_PREFIXES, FORWARDED, read_headers, returned_headers
from comity.gateway.protocols import CALLS, Protocol, find_call, find_never, find_protocol
from comity.records import canonical_bytes

__all__ = ["COUNTS", "LIMITS", "TARGETS"]

LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "chat": ("max_tokens", "max_completion_tokens"),
    "completions": ("max_tokens",),
    "responses": ("max_output_tokens",),
    "messages": ("max_tokens", "thinking.budget_tokens"),
    "count_tokens": ("thinking.budget_tokens",),
    "gemini": ("generationConfig.maxOutputTokens", "generationConfig.thinkingConfig.thinkingBudget"),
}
"""Call or protocol → every member by which a body bounds its output; Gemini's stand for both of their spellings."""
COUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "chat": ("n",),
    "completions": ("n", "best_of"),
    "gemini": ("generationConfig.candidateCount",),
}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _found(members: Any, path: str, *, both: bool) -> list[int]:
    """The integers under a path, in each spelling that the protocol's servers take and in no other."""
    name, _, rest = path.partition(".")
    found: list[int] = []
    for spelling in {name, _snake(name)} if both else {name}:
        value = members.get(spelling) if isinstance(members, dict) else None
        if rest:
            found += _found(value, rest, both=both)
        elif type(value) is int:
            found.append(value)
    return found


def _check_asked(call: Protocol, asked: Asked, body: bytes) -> None:
    members = json.loads(body)
    gemini = call.name == "gemini"
    known = {*call.fields, *map(_snake, call.fields)} if gemini else set(call.fields)
    for name in members.keys() - known:
        assert any(what in (name[:80], name) for what in asked.unknown), f"{name!r} is known to no table and not noted"
    limits, counts = (table.get(call.call, table.get(call.name, ())) for table in (LIMITS, COUNTS))
    stated = [number for path in limits for number in _found(members, path, both=gemini)]
    highest = max((number for number in stated if number > 0), default=None)
    assert asked.output_limit == highest, f"the body states {stated}; {asked.output_limit} was read"
    for path in counts:
        for number in _found(members, path, both=gemini):
            assert asked.candidates >= number
    assert asked.candidates >= 1 and asked.turns >= 1 and asked.body_bytes == len(body)
    assert set(asked.features) <= set(FEATURES) and set(asked.never) <= set(NEVER)
    assert set(asked.counts) | set(asked.unbounded) <= set(BOUNDED) & set(asked.features)
    assert (asked.output_limit is None) or asked.output_limit >= 1
    if "stream" in call.fields:
        assert asked.stream == (members.get("stream") is True)
    if not gemini:
        assert asked.model == members["model"]
    canonical_bytes({"unknown": list(asked.unknown), "model": asked.model})  # an entry can say it


def _request(call: Protocol) -> Callable[[bytes], None]:
    path = call.route.replace("{version}", "v1beta").replace("{model}", "test-model")
    query = "alt=sse" if call.call == "streamGenerateContent" else ""

    def target(data: bytes) -> None:
        try:
            asked = call.read(path, query, data)
        except MalformedRequest:
            return
        assert asked == call.read(path, query, data), "one body, two readings"
        assert asked.target == path + (f"?{query}" if query else "")
        _check_asked(call, asked, data)

    return target


def query(data: bytes) -> None:
    """A query, after one byte that chooses the call: known in full, or noted by name, and sent on as it came."""
    if not data:
        return
    call, text = CALLS[data[0] % len(CALLS)], data[1:].decode("latin-1")
    reading = Reading()
    try:
        sent = read_query(reading, text, call.query)
    except MalformedRequest as error:
        assert any(part.partition("=")[0] == "key" for part in text.split("&"))
        assert "x-goog-api-key" in str(error)
        return
    assert sent == (f"?{text}" if text else "")
    parts = [part.partition("=") for part in text.split("&")] if text else []
    names = [name for name, _, _ in parts]
    for name, _, value in parts:
        strange = value not in call.query.get(name, ()) or names.count(name) > 1
        assert not strange or f"query {name}"[:80] in reading.unknown


def headers(data: bytes) -> None:
    """Lines of `name: value`: what is forwarded stands in a table, and what no table knows is noted."""
    fields = []
    for line in data.split(b"\n"):
        name, _, value = line.partition(b":")
        fields.append((name.lower(), value.strip()))
    read = read_headers(fields)
    names = {name.decode("latin-1") for name, _ in fields}
    assert {name for name, _ in read.forwarded} <= names & (set(FORWARDED) | set(BETAS))
    for name in names - set(FORWARDED) - set(BETAS) - DROPPED:
        assert name.startswith(DROPPED_PREFIXES) or f"header {name}"[:80] in read.unknown
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        for beta in [each.strip() for each in value.split(",")] if name in BETAS else ():
            assert beta in BETAS[name] or f"header {name}: {beta}"[:80] in read.unknown
    for text in (read.irid, read.run):
        assert text.isascii() and (text.isprintable() or not text)
    assert set(read.features) <= set(FEATURES)
    passed, upstream_id = returned_headers([(n.decode("latin-1"), v.decode("latin-1")) for n, v in fields])
    assert "set-cookie" not in dict(passed) and "location" not in dict(passed)
    assert upstream_id.isascii() and len(upstream_id) <= 128 and (upstream_id.isprintable() or not upstream_id)


def routes(data: bytes) -> None:
    """Method and path, a space between: what is found is a route of the tables to the letter."""
    method, _, rest = data.decode("latin-1").partition(" ")
    found, never = find_call(method, rest), find_never(method, rest)
    assert never is None or never in NEVER
    protocol = find_protocol(rest)
    assert protocol is None or rest.startswith(f"/{protocol.name}/")
    if found is None:
        return
    call, own = found
    assert never is None and method == "POST" and rest == f"/{call.name}{own}"
    assert own.isascii() and not set(own) & set(" %?#\\\r\n\t\0") and "//" not in own and "/." not in own
    before, brace, after = call.route.replace("{version}", "v1beta" if "/v1beta/" in own else "v1").partition("{model}")
    assert own == before if not brace else own.startswith(before) and own.endswith(after)


def endpoint(data: bytes) -> None:
    """An upstream's address: parts that end no line and name no user, or `ValueError`."""
    try:
        found = parse_endpoint(data.decode("latin-1"))
    except ValueError:
        return
    assert not set(" \r\n\t\\?#") & set(found.authority + found.prefix + found.host)
    assert "@" not in found.authority + found.host
    assert found.host and 0 < found.port < 65_536
    try:
        address = ip_address(found.host)
    except ValueError:
        return  # a name, whose address is looked at once the connection stands
    assert not address.is_link_local


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    **{f"request-{call.name}-{call.call}": _request(call) for call in CALLS},
    "query": query,
    "headers": headers,
    "routes-table": routes,
    "endpoint": endpoint,
}
