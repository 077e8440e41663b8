"""Rows of the brief: stage, first step, meetings, what is offered, open, refused, suspended, and what comes next.

Each function writes the lines of one row about one engagement, out of the case and of what follows from it.
Inexact counts stay as they are and are never added up: "4–5" and "several" may well be the same meetings.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from comity.engagement.brief_line import Desk, Line
from comity.engagement.case import Entry
from comity.engagement.clearance import Ground
from comity.engagement.clocks import CaseClock
from comity.engagement.matters import Matter
from comity.law import said
from comity.records import (
    AccessOffered,
    AccessRequested,
    ArrangementInForce,
    CommitmentOffered,
    ContextNoted,
    DocumentationReceived,
    GrantRefused,
    InformationAnswered,
    MeetingRecorded,
    OfferStated,
    SuspensionEased,
    SuspensionImposed,
    SuspensionLifted,
    TermsOffered,
    parse_instant,
)

__all__ = [
    "beside",
    "count_text",
    "first_step",
    "meetings",
    "next_date",
    "offered",
    "refused",
    "stage",
    "still_open",
    "suspended",
]

TAKEN_UP: Final = ("accepted", "partly", "agreed")
"""Outcomes of an offer that keep it on the page."""


def days_text(days: int) -> str:
    """A number of days in words."""
    return f"{days} day{'' if days == 1 else 's'}"


def stage(desk: Desk) -> Iterator[Line]:
    """Where the engagement stands and since when, and the arrangement in force."""
    view = desk.dossier.view
    since = view.since[:10]
    days = (desk.today - date.fromisoformat(since)).days
    yield desk.line(
        f"{view.stage} since {since}, {days_text(days)}",
        *_movers(desk),
        stage=view.stage,
        since=view.since,
        days=days,
    )
    if (force := view.in_force) is not None:
        entry = next(one for one in desk.case.plain if one.record == force)
        state = "in force until" if desk.dossier.at < parse_instant(force.until) else "was in force until"
        yield desk.line(
            f"arrangement {force.arrangement[:8]}, version {force.terms_version}, {state} {force.until[:10]}",
            entry,
            arrangement=force.arrangement,
            terms_version=force.terms_version,
            until=force.until,
        )


def _movers(desk: Desk) -> list[Ground]:
    """What moved the stage last, and the offers, requests, answers and terms before it without which it would not have.

    "Negotiation since 3 May" says that no negotiation that began earlier was still going on.
    """
    last = desk.dossier.view.moved_by
    grounds: dict[int, Ground] = {last.index: desk.ground(last)}
    for matter in desk.dossier.view.matters:
        if isinstance(matter.item.record, OfferStated | AccessRequested) and matter.item.index < last.index:
            closed = [desk.ground(matter.closed_by)] if matter.closed_by is not None else []
            grounds |= {one.index: one for one in (matter.item, *closed) if one.index <= last.index}
    moving = (AccessOffered, TermsOffered, ArrangementInForce)
    grounds |= {one.index: one for one in desk.case.plain if one.index < last.index and isinstance(one.record, moving)}
    return list(grounds.values())


def first_step(desk: Desk) -> Iterator[Line]:
    """Who came forward."""
    side = desk.case.opening.initiated_by
    text = "not stated" if side == "unstated" else f"the {side}"
    yield desk.line(text, desk.case.opened, dated=False, by=side)


def meetings(desk: Desk) -> Iterator[Line]:
    """How many meetings, as exactly as is known, and what the newest was about."""
    held = list(desk.case.records(MeetingRecorded))
    if not held:
        yield desk.nothing("none entered", exact=0, inexact="")
        return
    counts = [record.count for _, record in held]
    exact, inexact = _counted(counts)
    items = (item for item, _ in held)
    yield desk.line(count_text(counts), *items, dated=False, exact=exact, inexact="; ".join(inexact))
    item, newest = held[-1]
    about = newest.summary or ", ".join(newest.topics)
    if about:
        yield desk.line(f"{newest.on}: {about}", item)


def _counted(counts: Sequence[str]) -> tuple[int, list[str]]:
    exact = sum(int(count) for count in counts if count.isdecimal())
    return exact, [count for count in counts if not count.isdecimal()]


def count_text(counts: Sequence[str]) -> str:
    """How many meetings in words: what is exact is added up, what is not stays as it is.

    >>> count_text(["1", "2"]), count_text(["1", "4–5", "several"])
    ('3', '1 and 4–5 and several, not added up')
    """
    exact, inexact = _counted(counts)
    parts = ([str(exact)] if exact or not inexact else []) + inexact
    return " and ".join(parts) + (", not added up" if len(parts) > 1 else "")


def offered(desk: Desk) -> Iterator[Line]:
    """Offers of access on each side, stated or signed, terms on the table, commitments offered."""
    found = False
    for matter in desk.dossier.view.matters:
        record = matter.item.record
        if not isinstance(record, OfferStated | CommitmentOffered) or not (matter.open or matter.outcome in TAKEN_UP):
            continue
        found = True
        days = matter.days_waited(desk.dossier.at)
        state = f"no answer entered for {days_text(days)}" if matter.open else matter.outcome
        what = f"commitment: {record.commitment}" if isinstance(record, CommitmentOffered) else _offer(record)
        yield desk.line(f"{what} ({state})", *_grounds(desk, matter), side=desk.side(matter.by), days=days)
    for entry in _on_the_table(desk):
        found = True
        match entry.record:
            case AccessOffered() as signed:
                yield desk.line(f"signed offer: {signed.summary}", entry, side=desk.side(signed.by))
            case TermsOffered() as terms:
                text = f"version {terms.terms_version} of the terms"
                yield desk.line(text, entry, side=desk.side(terms.by), terms_version=terms.terms_version)
            case _:
                raise AssertionError("an offer or terms")
    if not found:
        yield desk.nothing("nothing")


def _offer(record: OfferStated) -> str:
    subjects = ", ".join(record.subjects)
    return f"{subjects}: {record.summary}" if subjects else record.summary


def _on_the_table(desk: Desk) -> Iterator[Entry]:
    """Signed offers and the newest terms that no arrangement has taken up."""
    force = [entry.index for entry in desk.case.plain if entry.record.kind == "arrangement.in_force"]
    since = [entry for entry in desk.case.plain if entry.index > max(force, default=-1)]
    terms = [entry for entry in since if isinstance(entry.record, TermsOffered)]
    yield from (entry for entry in since if isinstance(entry.record, AccessOffered))
    yield from terms[-1:]


def still_open(desk: Desk) -> Iterator[Line]:
    """What waits for a side, and the questions that the newest meeting left open."""
    found = False
    for matter in desk.dossier.view.matters:
        if matter.open and not isinstance(matter.item.record, OfferStated | CommitmentOffered | SuspensionImposed):
            found = True
            days = matter.days_waited(desk.dossier.at)
            until = f", by {matter.until}" if matter.until else ""
            text = f"{matter.what}{until}; waits for {matter.waits_for}, {days_text(days)}"
            side = matter.waits_for if matter.waits_for != "both" else ""
            yield desk.line(text, *_grounds(desk, matter), side=side, days=days, until=matter.until)
    held = list(desk.case.records(MeetingRecorded))
    for question in held[-1][1].open if held else ():
        found = True
        yield desk.line(question, held[-1][0])
    if not found:
        yield desk.nothing("nothing")


def refused(desk: Desk) -> Iterator[Line]:
    """What either side has said no to."""
    found = False
    for matter in desk.dossier.view.matters:
        if matter.outcome == "declined":
            found = True
            side = {"authority": "provider", "provider": "authority"}.get(desk.side(matter.by), "")
            yield desk.line(f"declined: {matter.what}", *_grounds(desk, matter), side=side)
    for item, record in desk.case.records(InformationAnswered):
        if no := sum(row[1] == "refused" for row in record.answers):
            found = True
            request = desk.case.items[record.request]
            text = f"{no} of {len(record.answers)} answers refused to an information request"
            yield desk.line(text, item, request, side="provider", answers=no)
    for item, form in desk.case.records(DocumentationReceived):
        if no := len(form.withheld):
            found = True
            yield desk.line(f"{no} fields of {form.form} withheld", item, side="provider", fields=no)
    for entry in desk.case.plain:
        if isinstance(entry.record, GrantRefused):
            found = True
            text = f"grant for {entry.record.person}: {entry.record.because}"
            yield desk.line(text, entry, side="authority")
    if not found:
        yield desk.nothing("nothing")


def suspended(desk: Desk) -> Iterator[Line]:
    """By whom access is suspended and since when, for whom it was eased, and what was lifted."""
    found = False
    for item, record in desk.case.records(SuspensionImposed):
        found = True
        about = f" ({', '.join(record.subjects)})" if record.subjects else ""
        lifted = list(desk.case.about(item.id, SuspensionLifted))
        if lifted:
            other, lift = lifted[0]
            text = f"lifted {lift.on}; was suspended by {record.by} from {record.on}{about}"
            yield desk.line(text, other, item, by=record.by, since=record.on, lifted=lift.on)
        else:
            yield desk.line(f"by {record.by} since {record.on}{about}", item, by=record.by, since=record.on)
        for other, eased in desk.case.about(item.id, SuspensionEased):
            yield desk.line(f"eased {eased.on} for {eased.for_whom}", other, item)
    if not found:
        yield desk.nothing("no")


def next_date(desk: Desk) -> Iterator[Line]:
    """The nearest day by which something is due, the next day of the law, what was agreed, and what is due later.

    Whatever is due has its line, because "the next is in June" would say that nothing is due in May.
    """
    due = sorted(_due(desk), key=lambda one: one[0])
    lines = [
        desk.line(f"{_when(day, desk.today)}: {text}", *rests, closed=closed, dated=False, date=day.isoformat())
        for day, text, rests, closed in due
    ]
    yield from lines[:1] or [desk.nothing("no clock or period runs")]
    law = desk.dossier.law
    coming = sorted((one for one in law.dates if one.date > desk.today), key=lambda one: one.date) if law else []
    if coming:
        text = f"{_when(coming[0].date, desk.today)}: {coming[0].what} ({coming[0].ref})"
        day = coming[0].date.isoformat()
        yield desk.line(text, desk.case.opened, dated=False, date=day, law=coming[0].ref)
    held = list(desk.case.records(MeetingRecorded))
    if held and held[-1][1].next:
        yield desk.line(f"as agreed: {held[-1][1].next}", held[-1][0])
    yield from lines[1:]


def _due(desk: Desk) -> Iterator[tuple[date, str, tuple[Ground, ...], bool]]:
    """Clocks that run, and periods of matters that no clock counts; last, whether a clause of the terms says it.

    The terms are no entry of the case, so no clearance of it publishes what they say.
    """
    own = desk.dossier.law.name if desk.dossier.law is not None else ""
    counted = set()
    for one in desk.dossier.clocks:
        counted.add(one.clock.about)
        if one.clock.state in ("running", "overdue") and (due := one.clock.due) is not None:
            grounds = tuple(desk.ground(entry) for entry in one.entries)
            yield _day(due), _clock(one), grounds, one.clock.pack != own
    for matter in desk.dossier.view.matters:
        if matter.open and matter.until and matter.item.id not in counted:
            what = f"{matter.what} ({matter.waits_for})"
            yield date.fromisoformat(matter.until), what, _grounds(desk, matter), False


def _clock(one: CaseClock) -> str:
    exact = f", at {said(one.clock.due)}" if isinstance(one.clock.due, datetime) else ""
    return f"{one.clock.duty.title} ({one.by}; {one.clock.duty.ref}{exact})"


def _day(due: date | datetime) -> date:
    return due.date() if isinstance(due, datetime) else due


def _when(day: date, today: date) -> str:
    left = (day - today).days
    if left < 0:
        return f"{day}, overdue for {days_text(-left)}"
    return f"{day}, today" if left == 0 else f"{day}, in {days_text(left)}"


def beside(desk: Desk) -> Iterator[Line]:
    """What bears on the case from outside, the newest first."""
    notes = list(desk.case.records(ContextNoted))
    for item, record in reversed(notes):
        by = f", {record.by}" if record.by else ""
        yield desk.line(f"{record.on}{by}: {record.summary}", item)
    if not notes:
        yield desk.nothing("nothing")


def _grounds(desk: Desk, matter: Matter) -> tuple[Ground, ...]:
    """What a line on a matter rests on: its item, and what ended it or set its day."""
    closed = [desk.ground(matter.closed_by)] if matter.closed_by is not None else []
    longer = [desk.case.items[name] for name in matter.item.about if desk.case.items[name].kind == "period.extended"]
    standing = [item for item in longer if item.withdrawn is None]
    return (matter.item, *closed, *standing)


