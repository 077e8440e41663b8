"""`comity engagement adequacy`: what was promised of access, what came, what was used and what was denied."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from comity.cli.access_ledgers import ACCESS, access_ledgers, agreed_terms
from comity.cli.adequacy_text import detail, lines
from comity.cli.cases import open_case, refuse, refusing, say
from comity.cli.home import Home
from comity.cli.law import width
from comity.cli.law_at_hand import law_at_hand
from comity.engagement import Case, open_book
from comity.engagement.access_days import AccessDays
from comity.engagement.access_record import AccessRecord, Calls, Figure, read_access
from comity.engagement.adequacy import Adequacy, arrangements_of, read_adequacy
from comity.engagement.adequacy_cells import Cell
from comity.engagement.adequacy_map import WAYS
from comity.engagement.replay import asked_instant
from comity.law import Pack, named_calendar
from comity.records import instant_text

__all__ = ["adequacy", "asked_at"]

ITEMS_OF = "eu-ai-act"
"""The pack whose items are shown where a case's own law states none."""


@click.command()
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--arrangement", default="", help="One arrangement, by the beginning of its id; else each of the case.")
@click.option("--item", default="", help="One item or clause in full, such as raw-outputs: each cell with its entries.")
@click.option("--on", metavar="DATE", help="As it stood at the end of a past day, or at an instant, by time of entry.")
@ACCESS
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every cell with the full name of every entry.")
@click.pass_obj
def adequacy(
    home: Home, case: str, arrangement: str, item: str, on: str | None, access: tuple[Path, ...], as_json: bool
) -> None:
    """What was promised of access, what was delivered, used and denied, item by item, and the business days.

    The items are those of the Code of Practice (App. 3.4, Measure 3.5) and, apart, of the draft regulation.
    Every cell follows from entries of the case and of the access ledger, and cites them.
    """
    at = asked_at(home, on)
    with refusing(), open_case(home, case) as (folder, ledger):
        pages = _pages(home, open_book(ledger, at), ledger.origin, arrangement, access, at)
    members = {"engagement": folder.name, "at": instant_text(at), "pages": [_page(one) for one in pages]}
    columns = width()
    if item:
        text = [line for one in pages for line in detail(one, item, columns)]
        if not text:
            refuse(f"expected an item or a clause of the page; got {item!r}. --json lists them")
    else:
        text = [line for one in pages for line in ("", *lines(one, columns))][1:]
    say(as_json, members, "\n".join(text))


def asked_at(home: Home, on: str | None) -> datetime:
    """The time that is asked for: now, or that of a replay."""
    with refusing():
        return home.clock() if on is None else asked_instant(on, home.clock())


def _pages(
    home: Home, case: Case, origin: str, called: str, access: tuple[Path, ...], at: datetime
) -> list[Adequacy]:
    wanted = [name for name in arrangements_of(case) if name.startswith(called)]
    if called and len(wanted) != 1:
        problem = "several arrangements are" if wanted else "no arrangement of this case that came into force is"
        refuse(f"{problem} called {called!r}")
    terms = agreed_terms(home, case)
    pack = _pack(case)
    with access_ledgers(home, access) as ledgers:
        records: dict[str, AccessRecord] = {}
        for one in ledgers:
            if one.arrangement in wanted and one.arrangement in terms:
                days = named_calendar(terms[one.arrangement].calendar)
                records[one.arrangement] = read_access(one.origin, one.entries, until=at, calendar=days)
    return [
        read_adequacy(case, origin, name, pack, at, terms=terms.get(name), access=records.get(name))
        for name in wanted or [""]
    ]


def _pack(case: Case) -> Pack:
    opening = case.opening
    pack = law_at_hand(opening.law, opening.law_version or None) if opening.law else law_at_hand(ITEMS_OF)
    return pack if any(one.id in WAYS for one in pack.access) else law_at_hand(ITEMS_OF)


def _page(page: Adequacy) -> dict[str, Any]:
    terms, access = page.terms, page.access
    return {
        "arrangement": page.arrangement,
        "terms": None if terms is None else {"version": terms.version, "digest": terms.digest, "title": terms.title},
        "access": None if access is None else _access(access, page.at),
        "items": [
            {
                "item": one.item.id, "title": one.item.title, "ref": one.item.ref, "draft": one.draft,
                "confidence": one.item.confidence, "promised": _cell(one.promised), "delivered": _cell(one.delivered),
                "used": _cell(one.used), "denied": _cell(one.denied),
            }
            for one in page.items
        ],
        "clauses": [
            {
                "clause": one.clause, "promised": _cell(one.promised), "delivered": _cell(one.delivered),
                "used": _cell(one.used), "denied": _cell(one.denied),
            }
            for one in page.clauses
        ],
        "days": None if page.days is None else _days(page.days),
    }  # fmt: skip


def _access(access: AccessRecord, at: datetime) -> dict[str, Any]:
    """The figures of the access ledger, each with the entries behind it."""

    def figure(one: Figure) -> dict[str, Any]:
        return {"count": one.count, "entries": list(access.cite(one.cites)), "sampled": not one.in_full}

    def calls(one: Calls) -> dict[str, Any]:
        names = ("permitted", "answered", "refused", "abandoned")
        return {name: figure(getattr(one, name)) for name in names} | {"tokens": one.tokens}

    return {
        "ledger": access.origin,
        "entries": access.size,
        "calls": calls(access.calls),
        "models": {name: calls(one) for name, one in sorted(access.models.items())},
        "features": {name: calls(one) for name, one in sorted(access.features.items())},
        "refused": {clause: figure(one) for clause, one in sorted(access.refused.items())},
        "mismatched": figure(access.mismatched),
        "anomalies": {what: figure(one) for what, one in sorted(access.anomalies.items())},
        "closures": [
            {
                "kind": one.kind, "by": one.by, "cause": one.cause, "from": one.since, "until": one.until,
                "entries": list(access.cite(one.entries)),
            }
            for one in access.closures.found
        ],
        "grants": [
            {"person": one.person, "expires": instant_text(one.expires), "entries": list(access.cite((one.index,)))}
            for one in access.live_grants(at)
        ],
        "charged_nano": access.charged.cost_nano,
        "taken_nano": access.taken.cost_nano,
        "first_call": None if access.first_call is None else instant_text(access.first_call[1]),
    }  # fmt: skip


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "status": cell.status, "words": cell.words, "mark": cell.mark, "entries": list(cell.cites),
        "sampled": cell.sampled,
    }  # fmt: skip


def _days(days: AccessDays) -> dict[str, Any]:
    return {
        "calendar": days.calendar,
        "promised": days.promised,
        "granted": [day.isoformat() for day in days.granted],
        "lost": [
            {"day": one.day.isoformat(), "causes": list(one.causes), "entries": list(one.cites)} for one in days.lost
        ],
        "to_come": days.to_come,
    }
