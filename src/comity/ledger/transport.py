"""HTTP as a ledger needs it: one request, one bounded answer, no redirects, no proxies from the environment.

A witness is asked with `POST`, a tile is fetched with `GET`; nothing else speaks HTTP in this package.
An answer longer than its limit, a server that does not speak HTTP and a lost connection are all
`Unreachable`.
"""

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from comity.ledger.errors import LedgerError

TIMEOUT_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 256 * (2 + 65_535)
"""The largest entry bundle: 256 entries of 65,535 bytes, each with its length."""


class Unreachable(LedgerError):
    """No usable answer came. Trying again later may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said."""

    status: int
    content_type: str
    body: bytes


Ask = Callable[[str, bytes], Answer]
"""(URL, body) -> the answer to a POST; raises `Unreachable`."""


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Answer:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise Unreachable(f"{url!r} is not an http or https address")
    opener = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = parts.path or "/"
    try:
        connection = opener(parts.hostname, parts.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            content = response.read(MAX_ANSWER_BYTES + 1)
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as fault:
        raise Unreachable(f"{method} {url} got no answer: {type(fault).__name__} {fault}") from fault
    if len(content) > MAX_ANSWER_BYTES:
        raise Unreachable(f"{method} {url} answered more than {MAX_ANSWER_BYTES} bytes")
    return Answer(status=response.status, content_type=response.headers.get("content-type", ""), body=content)


def post(url: str, body: bytes) -> Answer:
    """POST `body`; the default way to ask a witness."""
    return request("POST", url, body, headers={"content-type": "text/plain; charset=utf-8"})


def fetching(base: str, *, headers: Mapping[str, str] | None = None) -> Callable[[str], bytes | None]:
    """A function that fetches names below `base`: the content, or None where the server says 404."""
    prefix = base.rstrip("/")

    def fetch(name: str) -> bytes | None:
        answer = request("GET", f"{prefix}/{name}", headers=headers)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Unreachable(f"GET {prefix}/{name} answered {answer.status}, expected 200")
        return answer.body

    return fetch
