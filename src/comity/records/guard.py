"""Records of what a provider's guard saw: the other side's count beside the gateway's calls."""

from comity.records.record import Digest, Record


class GuardCounted(Record, kind="guard.counted", version=1):
    """The provider's guard counted the requests of a day, and signed what it counted."""

    day: str
    """The day in UTC, YYYY-MM-DD."""
    passed: int
    """Requests that carried a valid, unused permit and went on to the model."""
    refused: int
    """Requests that did not."""
    indexes: Digest
    """SHA-256 of the permits' indexes, ascending, a line each."""
    note: str
    """The signed note `comity guard-counters/1`, verbatim."""
