"""Headers: the published allow-lists, one for each direction.

Towards the provider go the headers of `FORWARDED` alone, with the provider's own
key in place of the caller's and `accept-encoding: identity`.  What stands in
`DROPPED` describes the caller's client or its connection and ends here.  Any
other header is refused, because a provider may give it a meaning (an
organisation, a project).

A header of `BETAS` holds a list of names, each of which switches something on.
The table says which feature of the terms a name uses; a name that only lets the
body say more uses none, because the body's own fields say what they use.  A name
that is not in the table is refused by that name.

Towards the caller come the headers of `RETURNED` alone.  The provider's own
request id comes under `x-upstream-request-id`, beside ours in `request-id`, and
once more under `x-request-id` where the provider calls it that, because there
its SDKs look for it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Final, NamedTuple

from comity.gateway.calls import Caller

__all__ = [
    "BETAS",
    "DROPPED",
    "DROPPED_PREFIXES",
    "FORWARDED",
    "RETURNED",
    "CallerHeaders",
    "Fields",
    "Lines",
    "read_headers",
    "returned_headers",
]

FORWARDED: Final = {
    "accept": None,
    "content-type": ("application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"),
    "anthropic-version": ("2023-06-01", "2026-10-21"),
}
"""Header → the values that may pass; None where any may."""

BETAS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "anthropic-beta": {
        "prompt-caching-2024-07-31": "prompt_caching",
        "extended-cache-ttl-2025-04-11": "prompt_caching",
        "interleaved-thinking-2025-05-14": "reasoning",
        "dev-full-thinking-2025-05-14": "reasoning_raw",
        "token-efficient-tools-2025-02-19": "tools",
        "fine-grained-tool-streaming-2025-05-14": "tools",
        "structured-outputs-2025-11-13": "structured_output",
        "fast-mode-2026-02-01": "service_tier",
        "token-counting-2024-11-01": None,
        "output-128k-2025-02-19": None,
        "output-300k-2026-03-24": None,
        "model-context-window-exceeded-2025-08-26": None,
        "pdfs-2024-09-25": None,
        "files-api-2025-04-14": None,
        "code-execution-2025-05-22": None,
        "code-execution-2025-08-25": None,
        "web-fetch-2025-09-10": None,
        "mcp-client-2025-04-04": None,
    },
    "openai-beta": {},
}
"""Header → name in its list → the feature that it uses, or None where the body's fields say it."""

DROPPED: Final = frozenset(
    "accept-encoding accept-language authorization cache-control comity-run connection content-length expect "
    "host idempotency-key keep-alive origin pragma priority te traceparent tracestate transfer-encoding "
    "user-agent via x-api-key x-forwarded-for x-forwarded-host x-forwarded-proto x-goog-api-client x-goog-api-key "
    "x-irid x-real-ip x-request-id x-server-timeout anthropic-dangerous-direct-browser-access".split()
)
DROPPED_PREFIXES: Final = ("x-stainless-", "sec-")

RETURNED: Final = frozenset(
    "content-type content-encoding retry-after x-should-retry openai-processing-ms openai-version".split()
)
UPSTREAM_IDS: Final = ("x-request-id", "request-id")
OUR_ID: Final = "request-id"

MAX_ID: Final = 128


class CallerHeaders(NamedTuple):
    """What one request's headers say."""

    secret: str
    """The bearer secret, from `authorization`, `x-api-key` or `x-goog-api-key`; empty where none came."""
    forwarded: tuple[tuple[str, str], ...]
    features: tuple[str, ...]
    """Features that the headers use, in the terms' names."""
    unknown: tuple[str, ...]
    irid: str
    run: str


class Lines(NamedTuple):
    """Header lines, written once for many requests; whoever sends them looks that there are as many as were meant."""

    text: str
    number: int

    @classmethod
    def of(cls, headers: Iterable[tuple[str, str]]) -> "Lines":
        """Headers as they are sent, in this order."""
        lines = [f"\r\n{name}: {value}" for name, value in headers]
        return cls("".join(lines), len(lines))

    def then(self, name: str, value: str) -> "Lines":
        """These and one more."""
        return Lines(f"{self.text}\r\n{name}: {value}", self.number + 1)


class Fields(list[tuple[bytes, bytes]]):
    """A request's header fields, names in lower case, and what they say.

    A client that keeps its connection sends the same fields again and again, so whoever compares
    them keeps this object and its readings.  It is not changed once it was read.
    """

    @cached_property
    def read(self) -> "CallerHeaders":
        """What the fields say."""
        return read_headers(self)

    @cached_property
    def caller(self) -> Caller:
        """Who asks."""
        read = self.read
        return Caller(sha256(read.secret.encode("latin-1")).hexdigest(), read.irid, read.run)

    def towards(self, place: tuple[object, ...], more: Callable[[], Iterable[tuple[str, str]]]) -> Lines:
        """The lines that go to one place with every request of these fields: what is forwarded, and `more`."""
        if self._place != place:
            self._place, self._lines = place, Lines.of([*self.read.forwarded, *more()])
        return self._lines

    _place: tuple[object, ...] = ()
    _lines = Lines("", 0)


_NO_WORD: Final = frozenset(
    name.encode() for name in DROPPED - {"authorization", "x-api-key", "x-goog-api-key", "x-irid", "comity-run"}
)
"""Of `DROPPED`, those that say nothing to this gateway either: nearly all headers of a request are among them."""


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> CallerHeaders:
    """Sort one request's headers by the tables; names come in lower case, values in latin-1."""
    secret, irid, run = "", "", ""
    forwarded: list[tuple[str, str]] = []
    features: set[str] = set()
    unknown: list[str] = []
    for raw_name, raw_value in headers:
        if raw_name in _NO_WORD:
            continue
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name == "authorization" and value[:7].lower() == "bearer ":
            secret = secret or value[7:].strip()
        elif name in ("x-api-key", "x-goog-api-key"):
            secret = secret or value.strip()
        elif name == "x-irid":
            irid = _identifier(value)
        elif name == "comity-run":
            run = _identifier(value)
        if name in FORWARDED:
            allowed = FORWARDED[name]
            if allowed is not None and value.lower() not in allowed:
                unknown.append(f"header {name}: {value}"[:80])
            forwarded.append((name, value))
        elif name in BETAS:
            used, strange = _betas(BETAS[name], value)
            features |= used
            unknown += [f"header {name}: {beta}"[:80] for beta in strange]
            forwarded.append((name, value))
        elif name not in DROPPED and not name.startswith(DROPPED_PREFIXES):
            unknown.append(f"header {name}"[:80])
    return CallerHeaders(
        secret=secret,
        forwarded=tuple(forwarded),
        features=tuple(sorted(features)),
        unknown=tuple(unknown),
        irid=irid,
        run=run,
    )


def _betas(known: Mapping[str, str | None], value: str) -> tuple[set[str], list[str]]:
    """The features that a list of names uses, and the names that the table does not know."""
    names = [name.strip() for name in value.split(",")]
    return (
        {feature for name in names if (feature := known.get(name)) is not None},
        [name for name in names if name not in known],
    )


_RETURNED: Final = {name.encode(): name for name in RETURNED}
_UPSTREAM_IDS: Final = {name.encode(): name for name in UPSTREAM_IDS}


def returned_headers(headers: Sequence[tuple[bytes, bytes]]) -> tuple[list[tuple[str, str]], str]:
    """The provider's headers that a caller may see, and the provider's own request id; names come in lower case."""
    passed: list[tuple[str, str]] = []
    named: dict[str, str] = {}
    for name, value in headers:
        if name in _RETURNED:
            passed.append((_RETURNED[name], value.decode("latin-1")))
        elif name in _UPSTREAM_IDS:
            named.setdefault(_UPSTREAM_IDS[name], value.decode("latin-1"))
    if not named:
        return passed, ""
    called = next(name for name in UPSTREAM_IDS if name in named)
    upstream_id = _identifier(named[called])
    if upstream_id and called != OUR_ID:
        passed.append((called, upstream_id))
    return passed, upstream_id


def _identifier(value: str) -> str:
    return value if len(value) <= MAX_ID and value.isascii() and value.isprintable() else ""
