"""Headers: the published allow-lists, one for each direction.

Towards the provider go the headers of `FORWARDED` alone, with the provider's own
key in place of the caller's and `accept-encoding: identity`.  What stands in
`DROPPED` describes the caller's client or its connection and ends here.  Any
other header is refused, because a provider may give it a meaning (a beta, an
organisation, a project).

Towards the caller come the headers of `RETURNED` alone.  The provider's own
request id comes under `x-upstream-request-id`, beside ours in `request-id`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["DROPPED", "FORWARDED", "RETURNED", "CallerHeaders", "read_headers", "returned_headers"]

FORWARDED: Final = {
    "accept": None,
    "content-type": ("application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"),
    "anthropic-version": ("2023-06-01", "2026-10-21"),
}
"""Header → the values that may pass; None where any may."""

DROPPED: Final = frozenset(
    "accept-encoding accept-language authorization cache-control comity-run connection content-length expect "
    "host idempotency-key keep-alive origin pragma priority te traceparent tracestate transfer-encoding "
    "user-agent via x-api-key x-forwarded-for x-forwarded-host x-forwarded-proto x-irid x-real-ip x-request-id "
    "anthropic-dangerous-direct-browser-access".split()
)
DROPPED_PREFIXES: Final = ("x-stainless-", "sec-")

RETURNED: Final = frozenset(
    "content-type content-encoding retry-after x-should-retry openai-processing-ms openai-version".split()
)
UPSTREAM_IDS: Final = ("x-request-id", "request-id")

MAX_ID: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerHeaders:
    """What one request's headers say."""

    secret: str
    """The bearer secret, from `authorization` or `x-api-key`; empty where none came."""
    forwarded: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    irid: str
    run: str


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> CallerHeaders:
    """Sort one request's headers by the table; names come in lower case, values in latin-1."""
    secret, irid, run = "", "", ""
    forwarded: list[tuple[str, str]] = []
    unknown: list[str] = []
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name == "authorization" and value[:7].lower() == "bearer ":
            secret = secret or value[7:].strip()
        elif name == "x-api-key":
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
        elif name not in DROPPED and not name.startswith(DROPPED_PREFIXES):
            unknown.append(f"header {name}: {value}"[:80] if name == "anthropic-beta" else f"header {name}"[:80])
    return CallerHeaders(secret=secret, forwarded=tuple(forwarded), unknown=tuple(unknown), irid=irid, run=run)


def returned_headers(headers: Sequence[tuple[str, str]]) -> tuple[list[tuple[str, str]], str]:
    """The provider's headers that a caller may see, and the provider's own request id."""
    passed = [(name, value) for name, value in headers if name in RETURNED]
    upstream_id = next((value for wanted in UPSTREAM_IDS for name, value in headers if name == wanted), "")
    return passed, _identifier(upstream_id)


def _identifier(value: str) -> str:
    return value if len(value) <= MAX_ID and value.isascii() and value.isprintable() else ""
