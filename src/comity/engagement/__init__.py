"""Engagement: where do we stand with this provider, and what comes next?

The case between one authority and one provider, as entries of a ledger of its own.
docs/explanation/stages.md says how stages follow from entries.
"""

from comity.engagement.access_record import AccessRecord, read_access
from comity.engagement.assertions import Assertion, read_assertions
from comity.engagement.assessment import Assessment, Cell, assess, subjects_of
from comity.engagement.brief import Column, Page, brief_page
from comity.engagement.brief_json import page_members
from comity.engagement.brief_line import Line, Ref, Source
from comity.engagement.case import Case, Document, Entry, Item, ends_on, read_entries, read_records
from comity.engagement.casebook import add, add_all, open_book, origin_of, read_case, view
from comity.engagement.citations import AtHand, Cited, shelve
from comity.engagement.clocks import CaseClock, case_clocks, case_packs, due_soon
from comity.engagement.documentation import FormView, form_views
from comity.engagement.errors import CaseClosed, CaseMoved, EngagementError, NotACase, ReplayRefused, SessionRefused
from comity.engagement.experts import Expert, read_experts
from comity.engagement.findings import Finding, read_findings
from comity.engagement.matters import Matter, matters
from comity.engagement.portfolio import Book, Dossier, portfolio
from comity.engagement.replay import asked_instant
from comity.engagement.sessions import Session, read_sessions
from comity.engagement.stages import EngagementView, Stage, grant_refusal, project, stand
from comity.engagement.when import When, parse_when

__all__ = [
    "AccessRecord",
    "Assertion",
    "Assessment",
    "AtHand",
    "Book",
    "Case",
    "CaseClock",
    "CaseClosed",
    "CaseMoved",
    "Cell",
    "Cited",
    "Column",
    "Document",
    "Dossier",
    "EngagementError",
    "EngagementView",
    "Entry",
    "Expert",
    "Finding",
    "FormView",
    "Item",
    "Line",
    "Matter",
    "NotACase",
    "Page",
    "Ref",
    "ReplayRefused",
    "Session",
    "SessionRefused",
    "Source",
    "Stage",
    "When",
    "add",
    "add_all",
    "asked_instant",
    "assess",
    "brief_page",
    "case_clocks",
    "case_packs",
    "due_soon",
    "ends_on",
    "form_views",
    "grant_refusal",
    "matters",
    "open_book",
    "origin_of",
    "page_members",
    "parse_when",
    "portfolio",
    "project",
    "read_access",
    "read_assertions",
    "read_case",
    "read_entries",
    "read_experts",
    "read_findings",
    "read_records",
    "read_sessions",
    "shelve",
    "stand",
    "subjects_of",
    "view",
]
