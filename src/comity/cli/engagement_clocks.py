"""`comity engagement clocks` and `due`: by when, in each case, out of its entries and its version of the law."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from comity.cli.access_ledgers import agreed_terms
from comity.cli.cases import all_cases, open_case, refusing, say
from comity.cli.home import Home
from comity.cli.law import asked_time, at_option, calendar_named, calendar_option, json_option, width, write_calendar
from comity.cli.law_at_hand import law_at_hand
from comity.cli.law_show import due_text, mark, row
from comity.engagement import Case, CaseClock, case_clocks, case_packs, due_soon, open_book
from comity.engagement.terms_clocks import terms_clocks
from comity.law import Calendar, Pack, clock_members, named_calendar

__all__ = ["clocks", "due"]

ICAL = click.option("--ical", type=click.Path(dir_okay=False, path_type=Path), help="Write a calendar file as well.")
ALSO = click.option("--law", "others", multiple=True, help="Another regime for incidents' clocks; may be given again.")


def passed(at: str | None, calendar: Calendar, home: Home) -> datetime:
    """The instant that is asked for: now, or that which is named; a day means its end."""
    if at is None:
        return home.clock()
    asked, _ = asked_time(at)
    return asked if isinstance(asked, datetime) else calendar.last_instant(asked)


@click.command()
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--all", "everything", is_flag=True, help="Also clocks that are met, ended or wait for an event.")
@calendar_option
@at_option
@ALSO
@ICAL
@json_option
@click.pass_obj
def clocks(
    home: Home,
    case: str,
    everything: bool,
    calendar: str,
    at: str | None,
    others: tuple[str, ...],
    ical: Path | None,
    as_json: bool,
) -> None:
    """The clocks of one case: by when, why, and from which entries it follows.

    With `--at` the case is read as it stood then.
    """
    days = calendar_named(calendar)
    now = passed(at, days, home)
    with refusing(), open_case(home, case) as (_, ledger):
        told, origin = open_book(ledger, now), ledger.origin
        found = _every(home, told, now, case_packs(told, others, law_at_hand), days)
    write_calendar(ical, [one.clock for one in found], now)
    shown = [one for one in found if everything or one.clock.state in ("running", "standing still", "overdue")]
    shown.sort(key=lambda one: (one.clock.due_at is None, str(one.clock.due_at), one.clock.id))
    members = {"engagement": told.engagement, "ledger": origin, "clocks": [_members(one, origin) for one in shown]}
    hidden = len(found) - len(shown)
    more = f"\n{hidden} more are met, ended or wait for an event; --all shows them" if hidden else ""
    say(as_json, members, "\n".join(_lines(told, shown, now)) + more)


@click.command()
@click.option("--days", "within", default=14, show_default=True, type=click.IntRange(0, 3660), help="How far ahead.")
@calendar_option
@at_option
@ICAL
@json_option
@click.pass_obj
def due(home: Home, within: int, calendar: str, at: str | None, ical: Path | None, as_json: bool) -> None:
    """What is overdue or due within the next days, over all cases of this home, the most urgent first."""
    days = calendar_named(calendar)
    now = passed(at, days, home)
    soon: list[tuple[Case, str, CaseClock]] = []
    with refusing():
        for ledger in all_cases(home, now):
            told = open_book(ledger, now)
            found = _every(home, told, now, case_packs(told, law=law_at_hand), days)
            soon += [(told, ledger.origin, one) for one in due_soon(found, now, within)]
    soon.sort(key=lambda one: (str(one[2].clock.due_at), one[2].clock.id))
    write_calendar(ical, [one.clock for _, _, one in soon], now)
    members = {"days": within, "due": [{"provider": c.opening.provider, **_members(x, o)} for c, o, x in soon]}
    lines = [line for told, _, one in soon for line in _lines(told, [one], now, told.opening.provider)]
    say(as_json, members, "\n".join(lines) if lines else f"nothing is overdue or due within {within} days")


def _every(home: Home, case: Case, at: datetime, packs: tuple[Pack, ...], days: Calendar) -> tuple[CaseClock, ...]:
    """The clocks of the law, and those of the terms in force that this home holds, by the terms' own calendar."""
    agreed = agreed_terms(home, case).values()
    by_terms = (terms_clocks(case, terms, at, named_calendar(terms.calendar)) for terms in agreed)
    return (*case_clocks(case, at, packs, days), *(one for found in by_terms for one in found))


def _members(one: CaseClock, origin: str) -> dict[str, Any]:
    cites = [f"{origin}#{entry.index}" for entry in one.entries]
    return {**clock_members(one.clock), "by": one.by, "entries": cites}


def _lines(case: Case, found: Sequence[CaseClock], now: datetime, provider: str = "") -> Iterator[str]:
    """A clock in three rows: by when, what and whose, why and from where."""
    columns, size = width(), max((len(one.clock.duty.id) for one in found), default=0) + 2
    for one in found:
        duty = one.clock.duty
        whose = f"{provider}, {one.by}" if provider else one.by
        about = case.items[one.clock.about].kind if one.clock.about in case.items else one.clock.about
        yield from row(duty.id, f"{duty.title}{mark(duty.confidence)} ({whose}; {about})", columns, label_width=size)
        state = one.clock.state.upper() if one.clock.state == "overdue" else one.clock.state
        yield from row("", f"{state}: {due_text(one.clock, now)}; {duty.ref}; {duty.force}", columns, label_width=size)
        if one.clock.why:
            yield from row("", one.clock.why[0], columns, label_width=size)
        yield from row("", f"entries {', '.join(str(entry.index) for entry in one.entries)}", columns, label_width=size)
    if not found and not provider:
        yield "no clock runs"

