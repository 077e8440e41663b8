"""Errors of the engagement room.

EngagementError
├── NotACase       the entries are no engagement's, or not in an order that can be
└── CaseClosed     the engagement is closed, and nothing is added to it
"""

__all__ = ["CaseClosed", "EngagementError", "NotACase"]


class EngagementError(Exception):
    """Root of what this package raises for bad input."""


class NotACase(EngagementError):
    """The records do not tell the story of one engagement."""


class CaseClosed(EngagementError):
    """Something was to be added after the close."""
