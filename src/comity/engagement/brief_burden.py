"""The burden on each side: who waits for whom and how long, calls and sessions, and who pays.

A side *waits* for what it offered or asked: offers, requests for information or access, measures, hearings and
commitments, until the other side's answer ended them; signed offers and terms, until the other side put forward a
version or both signed.  Alerts, complaints, incidents and topics come from elsewhere, or wait for both, and are not
counted.  Days are whole days from entry to entry, or to the time for which the page is made; days on which a side
waited for two things are counted once.

Calls are counted by `comity.engagement.access_record`, where the access ledger is at hand.  Nothing in a case clears
them for publication, so the public page never states them. A report does that.

Who bears the costs is a clause of the signed terms, and so is what may be spent.  A case states neither, so the public
page does not either.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from comity.arrangement import money
from comity.engagement.brief_line import Desk, Line, Ref
from comity.engagement.brief_rows import days_text
from comity.engagement.case import Entry
from comity.engagement.clearance import Ground
from comity.engagement.sessions import read_sessions
from comity.records import (
    AccessOffered,
    AccessRequested,
    ArrangementInForce,
    CommitmentOffered,
    HearingInvited,
    InformationRequested,
    MeasureRequested,
    OfferStated,
    SessionAnswered,
    SessionHeld,
    TermsOffered,
    parse_instant,
)

__all__ = ["Wait", "calls", "pays", "sessions", "waits"]

ASKED: Final = (
    OfferStated, InformationRequested, AccessRequested, MeasureRequested, CommitmentOffered, HearingInvited,
)  # fmt: skip

SIDES: Final = ("authority", "provider")
STATUSES: Final = ("entered", "countersigned", "contested", "corrected")
PAYERS: Final = {"authority": "the authority", "provider": "the provider", "each-own": "each side its own"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One thing for which a side waits, or waited."""

    side: str
    begin: datetime
    end: datetime | None
    """When it was answered; `None` while it is not."""
    rests: tuple[Ground, ...]


def waits(desk: Desk) -> Iterator[Line]:
    """For each side what it waits for, and on how many days it waited for anything."""
    found = [*_for_matters(desk), *_for_terms(desk)]
    for side in SIDES:
        own = [one for one in found if one.side == side]
        if not own:
            yield desk.nothing("waited for nothing", side=side, open=0, longest=0, days=0)
            continue
        still = [desk.dossier.at - one.begin for one in own if one.end is None]
        longest, total = max(still, default=timedelta(0)).days, days_waited(own, desk.dossier.at)
        now = f"waits for {len(still)}, the longest for {days_text(longest)}" if still else "waits for nothing"
        text = now if total == longest and still else f"{now}; waited {days_text(total)} in all"
        rests = {ground.index: ground for one in own for ground in one.rests}.values()
        yield desk.line(
            text, *rests, side=side, dated=False, open=len(still), longest=longest, days=total
        )


def days_waited(found: Iterable[Wait], at: datetime) -> int:
    """Whole days on which a side waited for at least one thing."""
    total, until = timedelta(0), None
    for one in sorted(found, key=lambda one: one.begin):
        end = one.end or at
        begin = one.begin if until is None else max(one.begin, until)
        total += max(end - begin, timedelta(0))
        until = end if until is None else max(end, until)
    return total.days


def _for_matters(desk: Desk) -> Iterator[Wait]:
    for matter in desk.dossier.view.matters:
        if isinstance(matter.item.record, ASKED) and (side := desk.side(matter.by)) in SIDES:
            closed = matter.closed_by
            rests: tuple[Ground, ...] = (matter.item,) if closed is None else (matter.item, desk.ground(closed))
            end = closed.entered if closed is not None else None
            yield Wait(side=side, begin=matter.item.entry.entered, end=end, rests=rests)


def _for_terms(desk: Desk) -> Iterator[Wait]:
    """Signed offers and terms: from a side's first move to the other side's next, or until both signed."""
    waiting: Entry | None = None
    for move in desk.case.plain:
        if not isinstance(move.record, AccessOffered | TermsOffered | ArrangementInForce):
            continue
        if waiting is not None and _by(desk, move) != _by(desk, waiting):
            yield Wait(side=_by(desk, waiting), begin=waiting.entered, end=move.entered, rests=(waiting, move))
            waiting = None
        if waiting is None and not isinstance(move.record, ArrangementInForce):
            waiting = move
    if waiting is not None:
        yield Wait(side=_by(desk, waiting), begin=waiting.entered, end=None, rests=(waiting,))


def _by(desk: Desk, entry: Entry) -> str:
    return desk.side(str(getattr(entry.record, "by", "")))


def calls(desk: Desk) -> Iterator[Line]:
    """Calls served and refused under the case's arrangements."""
    force = [entry for entry in desk.case.plain if isinstance(entry.record, ArrangementInForce)]
    if not force:
        yield desk.nothing("no arrangement, so no calls", served=0, refused=0)
        return
    if not desk.dossier.access:
        yield desk.line("not counted: no access ledger at hand", force[-1])
    for one in desk.dossier.access:
        rests = [entry for entry in force if getattr(entry.record, "arrangement", "") == one.arrangement]
        calls, terms = one.calls, desk.dossier.terms.get(one.arrangement)
        counts = (calls.answered.count, calls.permitted.count, calls.refused.count)
        text = "{:,} served of {:,} permitted; {:,} refused".format(*counts)
        spent = f"; {money(one.charged.cost_nano)} {terms.budget.currency} charged" if terms is not None else ""
        yield desk.line(
            text + spent,
            *rests,
            also=[Ref(origin=one.origin, index=one.size - 1)] if one.size else [],
            closed=True,
            dated=False,
            served=counts[0],
            permitted=counts[1],
            refused=counts[2],
            charged=money(one.charged.cost_nano),
        )


def sessions(desk: Desk) -> Iterator[Line]:
    """Access that is not a call, and how much of it stands between the sides."""
    keys = {
        name: {str(side): key for side, key in terms.parties.keys().items()}
        for name, terms in desk.dossier.terms.items()
    }
    held = read_sessions(desk.case, keys)
    if not held:
        yield desk.nothing("none entered", sessions=0)
        return
    hours = sum((_length(one.record) for one in held), timedelta(0)) / timedelta(hours=1)
    stands = Counter(one.status for one in held)
    parts = [f"{stands[status]} {status}" for status in STATUSES if stands[status]]
    answers = [entry for one in held for entry in one.entries if isinstance(entry.record, SessionAnswered)]
    text = f"{len(held)}, {hours:.1f} hours: {', '.join(parts)}"
    rests = (*(one.item for one in held), *map(desk.ground, answers))
    yield desk.line(
        text,
        *rests,
        dated=False,
        sessions=len(held),
        entered=stands["entered"],
        countersigned=stands["countersigned"],
        contested=stands["contested"],
        corrected=stands["corrected"],
    )


def _length(session: SessionHeld) -> timedelta:
    return parse_instant(session.end) - parse_instant(session.begin)


def pays(desk: Desk) -> Iterator[Line]:
    """Who bears the costs under the terms in force, and how much may be spent."""
    force = desk.dossier.view.in_force
    if force is None:
        yield desk.nothing("no arrangement, so no cost agreed")
        return
    entry = next(one for one in desk.case.plain if one.record == force)
    terms = desk.dossier.terms.get(force.arrangement)
    if terms is None or terms.digest != force.digest:
        yield desk.line("not known: the signed terms are not at hand", entry)
        return
    payer, budget = terms.costs.borne_by, terms.budget
    text = f"{PAYERS[payer]}; at most {money(budget.cost_nano)} {budget.currency} in all"
    cost = money(budget.cost_nano)
    yield desk.line(text, entry, closed=True, borne_by=payer, currency=budget.currency, cost=cost)
