"""Engagement: where do we stand with this provider, and what comes next?

The case between one authority and one provider, as entries of a ledger of its own.
docs/explanation/stages.md says how stages follow from entries.
"""

from comity.engagement.case import Case, Document, Entry, Item, ends_on, read_entries, read_records
from comity.engagement.casebook import add, add_all, open_book, origin_of, read_case, view
from comity.engagement.clocks import CaseClock, case_clocks, case_packs, due_soon
from comity.engagement.errors import CaseClosed, CaseMoved, EngagementError, NotACase, SessionRefused
from comity.engagement.matters import Matter, matters
from comity.engagement.sessions import Session, read_sessions
from comity.engagement.stages import EngagementView, Stage, grant_refusal, project, stand
from comity.engagement.when import When, parse_when

__all__ = [
    "Case",
    "CaseClock",
    "CaseClosed",
    "CaseMoved",
    "Document",
    "EngagementError",
    "EngagementView",
    "Entry",
    "Item",
    "Matter",
    "NotACase",
    "Session",
    "SessionRefused",
    "Stage",
    "When",
    "add",
    "add_all",
    "case_clocks",
    "case_packs",
    "due_soon",
    "ends_on",
    "grant_refusal",
    "matters",
    "open_book",
    "origin_of",
    "parse_when",
    "project",
    "read_case",
    "read_entries",
    "read_records",
    "read_sessions",
    "stand",
    "view",
]
