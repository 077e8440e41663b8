"""Parsing what terms promise beside calls, how they end, and by which days they count.

Each function reads one clause through a `Reading` and notes every fault, as
`comity.arrangement.parse` does for the rest.  Checks across clauses: no item of access is
promised twice; a window holds as many business days as are promised; access to a newer
version is not promised before notice of it; and whoever has to give access (`basis_kind:
compulsory`) cannot agree that one side leaves without a word (`exit.statement: none`).
"""

from datetime import date, timedelta
from typing import Any, Final, cast

from comity.arrangement import promises as p
from comity.arrangement.reading import EPOCH, MAX_LONG_TEXT, Reading
from comity.arrangement.source import Node
from comity.arrangement.terms import MAX_WINDOW, Role, Window
from comity.law import Calendar, LawError, named_calendar

__all__ = ["read_access", "read_access_days", "read_calendar", "read_contacts", "read_exit", "read_successor"]

_CALENDAR: Final = r"plain|eu-institutions|[A-Z]{2}(?:-[A-Z0-9]{1,3})?"
_MAX_PROMISE: Final = 2_000
"""Characters of one promise: a page, as of a purpose."""


def read_calendar(r: Reading, node: Node) -> str:
    """The name of a holiday calendar that comes with Comity."""
    name = r.matching(node, "calendar", _CALENDAR, "plain, eu-institutions or a country's code such as BE")
    if name:
        try:
            named_calendar(name)
        except LawError as error:
            r.refuse(node, "calendar", "a calendar that is known", str(error)[:200])
            return ""
    return name


def read_access(r: Reading, node: Node) -> tuple[p.Promise, ...]:
    """What is promised beside calls; an empty list where nothing is."""
    items = r.items(node, "access", least=0, most=len(p.ACCESS_ITEMS))
    found = tuple(_promise(r, item, f"access[{n}]") for n, item in enumerate(items))
    stated = [item.value.get("item") if isinstance(item.value, dict) else None for item in items]
    known = [at is not None and isinstance(at.value, str) and at.value in p.ACCESS_ITEMS for at in stated]
    r.unique(items, [one.item if sure else "" for one, sure in zip(found, known, strict=True)], "access.item")
    return found


def _promise(r: Reading, node: Node, clause: str) -> p.Promise:
    members = r.members(node, clause, ("item", "means", "promise"))
    return p.Promise(
        item=r.choice(members["item"], f"{clause}.item", tuple(p.ACCESS_ITEMS)),
        means=cast(Any, r.choice(members["means"], f"{clause}.means", tuple(p.MEANS))),
        promise=r.text(members["promise"], f"{clause}.promise", most=_MAX_PROMISE, lines=True),
    )


def read_access_days(r: Reading, node: Node, window: Window, calendar: str) -> int:
    """Business days of access; the window has at least as many by the calendar of the terms."""
    days = r.number(node, "access_days", least=0, most=p.MAX_ACCESS_DAYS)
    unread = EPOCH in (window.begins, window.until) or not window.hours.days
    if not days or not calendar or unread or not timedelta(0) < window.until - window.begins <= MAX_WINDOW:
        return days
    first, last = window.begins.date(), (window.until - timedelta(microseconds=1)).date()
    try:
        held = _business_days(named_calendar(calendar), window, first, last)
    except LawError as error:
        r.refuse(node, "access_days", "a window in years that the calendar knows", str(error)[:200])
        return days
    if held < days:
        r.refuse(node, "access_days", f"at most {held}, the business days of the window by the calendar {calendar}")
    return days


def _business_days(calendar: Calendar, window: Window, first: date, last: date) -> int:
    """Business days, from the window's first to its last, on which its hours let calls pass."""
    days = (first + timedelta(days=step) for step in range((last - first).days + 1))
    return sum(calendar.is_business_day(day) and window.hours.on_day(day) for day in days)


def read_contacts(r: Reading, node: Node) -> p.IncidentContacts:
    """Whom each side tells of an incident."""
    members = r.members(node, "incident_contacts", ("authority", "provider"))
    return p.IncidentContacts(
        authority=r.text(members["authority"], "incident_contacts.authority"),
        provider=r.text(members["provider"], "incident_contacts.provider"),
    )


def read_successor(r: Reading, node: Node) -> p.Successor:
    """What is promised of newer versions."""
    members = r.members(node, "successor", ("notice_days", "access_days", "text"))
    notice = r.number(members["notice_days"], "successor.notice_days", least=0, most=p.MAX_NOTICE_DAYS)
    access = r.number(members["access_days"], "successor.access_days", least=0, most=p.MAX_NOTICE_DAYS)
    if 0 < access < notice:
        meaning = f"0 or at least successor.notice_days ({notice}): both count from the release"
        r.refuse(members["access_days"], "successor.access_days", meaning)
    text = r.text(members["text"], "successor.text", most=MAX_LONG_TEXT, lines=True)
    return p.Successor(notice_days=notice, access_days=access, text=text)


def read_exit(r: Reading, node: Node, compulsory: bool) -> p.ExitClause:
    """Who may leave; `compulsory` where access is owed by law."""
    members = r.members(node, "exit", ("by", "notice_days", "statement"))
    by = r.words(members["by"], "exit.by", ("authority", "provider"))
    notice = r.number(members["notice_days"], "exit.notice_days", least=0, most=p.MAX_NOTICE_DAYS)
    statement = r.choice(members["statement"], "exit.statement", ("recorded", "public", "none"))
    if compulsory and statement == "none":
        meaning = "public or recorded, because basis_kind is compulsory: such access does not end in silence"
        r.refuse(members["statement"], "exit.statement", meaning)
    return p.ExitClause(by=cast(tuple[Role, ...], by), notice_days=notice, statement=cast(Any, statement))
