"""Refusals: the gateway's "no" as a value, and the one table from a reason to a status.

A refusal names its clause and says what was agreed and what came; the same
sentence stands in the ledger's entry, in the caller's answer and in each side's
status page.

| slug | status | when |
| --- | --- | --- |
| `key-unknown`, `key-expired`, `key-revoked` | 401 | the bearer secret is not in force |
| `route-unknown` | 404 | no route of the arrangement's protocols |
| `request-malformed`, `feature-unknown` | 400 | the body cannot be read, or asks for what no table knows |
| `terms-refused` | 403 | a clause of the terms does not allow it; `x-should-retry: false` |
| `rate-exceeded` | 429 | the rate or the concurrency of the terms; with `Retry-After` |
| `provider-failed`, `provider-timeout` | 502, 504 | no answer came from the provider |
| `not-recorded` | 503 | the ledger or the gateway itself failed: no record, no call |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["STATUS", "Refusal"]

STATUS: Final[Mapping[str, int]] = {
    "key-unknown": 401,
    "key-expired": 401,
    "key-revoked": 401,
    "route-unknown": 404,
    "request-malformed": 400,
    "feature-unknown": 400,
    "terms-refused": 403,
    "rate-exceeded": 429,
    "provider-failed": 502,
    "provider-timeout": 504,
    "not-recorded": 503,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One "no", with the clause that says so."""

    slug: str
    clause: str
    because: str
    """One sentence: what is agreed, and what came."""
    retry_after: int | None = None
    """Seconds, for rate and concurrency alone."""
    again: bool = True
    """Asking again could help, as far as the status leaves that open."""

    @property
    def status(self) -> int:
        """The HTTP status of this reason."""
        return STATUS[self.slug]

    def headers(self) -> list[tuple[str, str]]:
        """Headers that keep a client's SDK from asking in vain."""
        if self.retry_after is not None:
            return [("retry-after", str(self.retry_after))]
        vain = self.status in (400, 401, 403, 404) or not self.again
        return [("x-should-retry", "false")] if vain else []
