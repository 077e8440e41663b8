"""Engagement: where do we stand with this provider, and what comes next?

The case between one authority and one provider, as entries of a ledger of its own.
docs/explanation/stages.md says how stages follow from entries.
"""

from comity.engagement.casebook import add, origin_of, read_case, view
from comity.engagement.errors import CaseClosed, EngagementError, NotACase
from comity.engagement.stages import EngagementView, Stage, grant_refusal, project

__all__ = [
    "CaseClosed",
    "EngagementError",
    "EngagementView",
    "NotACase",
    "Stage",
    "add",
    "grant_refusal",
    "origin_of",
    "project",
    "read_case",
    "view",
]
