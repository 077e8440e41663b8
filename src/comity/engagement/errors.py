"""Errors of the engagement room.

EngagementError
├── NotAnAct       what was given makes no entry of its kind
│   └── NotNamed   a name fits no item of the case, or several
├── NotACase       the entries are no engagement's, or one of them cannot follow
├── CaseClosed     the engagement is closed, and this is not added to it any more
├── CaseMoved      somebody added to the case since it was looked at
├── ReplayRefused  a past time was asked for that is none, or has not come
└── SessionRefused a session or an answer to one, handed over as a file, cannot be taken in
"""

from collections.abc import Sequence

__all__ = [
    "CaseClosed", "CaseMoved", "EngagementError", "NotACase", "NotAnAct", "NotNamed", "ReplayRefused", "SessionRefused",
]  # fmt: skip


class EngagementError(Exception):
    """Root of what this package raises for bad input."""


class NotACase(EngagementError):
    """The records do not tell the story of one engagement."""


class NotAnAct(EngagementError):
    """A value that was given is none of its member."""


class NotNamed(NotAnAct):
    """A name fits no item of the case, or several."""

    def __init__(self, member: str, because: str) -> None:
        super().__init__(f"--{member.replace('_', '-')}: {because}")
        self.member, self.because = member, because


class ReplayRefused(EngagementError):
    """A case cannot be read as it stood then."""


class CaseClosed(EngagementError):
    """Something was to be added after the close."""


class SessionRefused(EngagementError):
    """A session's file, or an answer to one, does not hold what it has to."""


class CaseMoved(EngagementError):
    """More was entered than the writer had seen."""

    def __init__(self, seen: int, since: Sequence[str]) -> None:
        came = ", ".join(since) if since else "fewer entries are there"
        super().__init__(
            f"expected the case as it was with {seen} entries; since then: {came}. "
            f"Nothing was entered. Look at the case again, then enter it with --seen {seen + len(since)}."
        )
        self.seen, self.since = seen, tuple(since)
