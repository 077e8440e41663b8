"""A written story on eleven dates: what the case knew each evening, compared with what was worked out by hand.

    1 September   the case is opened, the provider came forward
    3 September   the provider says that it is willing to give access
    8, 15         two meetings
   10 September   information is requested, by the 24th; answered in full on the 21st
   28 September   the offer is accepted, terms are put forward
    1 October     terms in force until 1 December; a grant on the 2nd
    6 October     access to source code is requested (Art. 92), by the 26th
   12 October     a third state's export control suspends access; lifted on the 20th: eight days
   30 October     the request for source code is fulfilled
    2 November    an incident, known to the provider since the 1st; reported on the 5th, resolved on the 10th
   12 November   a preliminary finding; a reply on the 18th; the final finding on the 27th; the last report on the 20th
    1 December    the window is over
    3 December    the case is closed

Nothing here is computed by what is tested: days were counted on a calendar.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest
from stories import ARRANGEMENT, Story

from comity.engagement import case_clocks, case_packs, read_entries, stand
from comity.records import (
    AccessRequested,
    Digest,
    EngagementClosed,
    FindingReplied,
    FindingStated,
    Hex32,
    IncidentOpened,
    IncidentReported,
    IncidentResolved,
    InformationAnswered,
    InformationRequested,
    Instant,
    ItemAnswered,
    MeetingRecorded,
    OfferStated,
    SuspensionImposed,
    SuspensionLifted,
    TermsOffered,
    to_bytes,
)


def written() -> Story:
    """The story, entered day by day at nine in the morning."""
    story = Story(begin="2026-09-01")

    def tell(day: str, kind: Any, **members: Any) -> str:
        return story.tell(kind, at=f"{day}T09:00:00", on=day, **members)

    offer = tell("2026-09-03", OfferStated, by="provider", to="authority", subjects=("nova-5",), summary="access")
    tell("2026-09-08", MeetingRecorded, form="remote", count="1", topics=("access",), open=("which models?",))
    asked = tell(
        "2026-09-10", InformationRequested, legal_basis="Art. 91(1)", purpose="p", asked=("compute", "energy"),
        until="2026-09-24", fines_notice="Art. 101", addressee="provider",
    )  # fmt: skip
    tell("2026-09-15", MeetingRecorded, form="in-person", count="1", topics=("terms",), next="terms by the 28th")
    answers = (("1", "supplied"), ("2", "supplied"))
    tell("2026-09-21", InformationAnswered, request=asked, by="provider", answers=answers)
    tell("2026-09-28", ItemAnswered, answers=offer, by="authority", answer="accepted")
    story.records.append(
        TermsOffered(
            at=Instant("2026-09-28T10:00:00.000Z"), by="Office for AI", arrangement=Hex32(ARRANGEMENT), terms_version=1,
            digest=Digest("d" * 64),
        )
    )  # fmt: skip
    story.force("2026-12-01", at="2026-10-01T09:00:00")
    story.grant(at="2026-10-02T09:00:00")
    code = tell(
        "2026-10-06", AccessRequested, legal_basis="Art. 92(1)(b)", ground="b", purpose="p", reasons="r",
        subject="nova-5", means=("source_code",), until="2026-10-26", fines_notice="Art. 101",
        board_consulted="2026-10-01",
    )  # fmt: skip
    stopped = tell(
        "2026-10-12", SuspensionImposed, by="a third state", cause="third-party-suspension", summary="export control"
    )
    tell("2026-10-20", SuspensionLifted, suspension=stopped)
    tell("2026-10-30", ItemAnswered, answers=code, by="provider", answer="fulfilled")
    incident = tell(
        "2026-11-02", IncidentOpened, subject="nova-5", by="provider", kinds=("cybersecurity",), aware="2026-11-01",
        involvement="established", summary="s",
    )  # fmt: skip
    tell("2026-11-05", IncidentReported, incident=incident, report="initial")
    tell("2026-11-10", IncidentResolved, incident=incident)
    finding = {"finding": "f" * 32, "by": "authority", "duty": "AIA-55-1D", "conclusion": "c", "assurance": "limited"}
    finding |= {"finds": "infringement"}
    first = tell("2026-11-12", FindingStated, finding_version=1, stage="preliminary", **finding)
    digest = story.case().items[first].latest.digest
    tell(
        "2026-11-18", FindingReplied, finding="f" * 32, finding_version=1, digest=digest, by="provider", summary="s",
        position="disputes",
    )
    tell("2026-11-20", IncidentReported, incident=incident, report="final")
    tell("2026-11-27", FindingStated, finding_version=2, stage="final", **finding)
    story.records.append(EngagementClosed(at=Instant("2026-12-03T09:00:00.000Z"), because="done"))
    return story


@dataclass(frozen=True, kw_only=True)
class Evening:
    """What was known at the end of a day."""

    day: str
    stage: str
    since: str
    open: tuple[str, ...] = ()
    """Kinds of the matters that were open."""
    suspended: bool = False
    meetings: int = 0
    next: str | None = None
    clocks: dict[str, tuple[str, date | None]] = field(default_factory=dict)
    """Duty → state and due day."""


D = date
EVENINGS = (
    Evening(day="2026-09-02", stage="dialogue", since="2026-09-01", next="agree on whether access is offered"),
    Evening(
        day="2026-09-09", stage="negotiation", since="2026-09-03", open=("offer.stated",), meetings=1,
        next="answer the offer of the provider",
    ),
    Evening(
        day="2026-09-16", stage="negotiation", since="2026-09-03", open=("offer.stated", "information.requested"),
        meetings=2, next="terms by the 28th", clocks={"AIA-91-5": ("running", D(2026, 9, 24))},
    ),
    Evening(
        day="2026-09-25", stage="negotiation", since="2026-09-03", open=("offer.stated",), meetings=2,
        clocks={"AIA-91-5": ("met", D(2026, 9, 24))},
    ),
    Evening(day="2026-10-03", stage="access", since="2026-10-01", meetings=2),
    Evening(
        day="2026-10-15", stage="access", since="2026-10-01", open=("access.requested", "suspension.imposed"),
        suspended=True, meetings=2, clocks={"AIA-92-5": ("standing still", None)},
    ),
    Evening(
        day="2026-10-21", stage="access", since="2026-10-01", open=("access.requested",), meetings=2,
        clocks={"AIA-92-5": ("running", D(2026, 11, 3))},
    ),
    Evening(
        day="2026-11-04", stage="access", since="2026-10-01", open=("incident.opened",), meetings=2,
        clocks={"AIA-92-5": ("met", D(2026, 11, 3)), "SS-9.3-5D": ("running", D(2026, 11, 6))},
    ),
    Evening(
        day="2026-11-13", stage="access", since="2026-10-01", open=("incident.opened",), meetings=2,
        clocks={
            "SS-9.3-5D": ("met", D(2026, 11, 6)), "SS-9.3-INT": ("running", D(2026, 12, 3)),
            "SS-9.3-FIN": ("running", D(2027, 1, 9)),
        },
    ),
    Evening(
        day="2026-12-02", stage="review", since="2026-12-01", meetings=2, next="publish what was found, or close",
        clocks={"SS-9.3-FIN": ("met", D(2027, 1, 9)), "SS-9.3-INT": ("ended", D(2026, 12, 3))},
    ),
    Evening(day="2026-12-04", stage="closed", since="2026-12-03", meetings=2, next=""),
)  # fmt: skip


@pytest.mark.parametrize("evening", EVENINGS, ids=lambda evening: evening.day)
def test_each_evening_is_as_it_was(evening: Evening) -> None:
    """Asked today for a past day, the case answers what it knew then, and nothing that came later."""
    at = datetime.fromisoformat(f"{evening.day}T23:59:59.999+00:00")
    case = read_entries([to_bytes(record) for record in written().records], until=at)
    seen = stand(case, at)
    clocks = {one.clock.duty.id: one.clock for one in case_clocks(case, at, case_packs(case))}

    assert (evening.stage, evening.since) == (seen.stage, seen.since[:10])
    assert evening.open == tuple(matter.item.kind for matter in seen.matters if matter.open)
    assert evening.suspended == bool(seen.suspended)
    assert evening.meetings == len(seen.meetings)
    assert evening.next is None or evening.next == seen.next
    assert evening.clocks == {duty: (clocks[duty].state, clocks[duty].due) for duty in evening.clocks}


def test_the_reply_had_its_time() -> None:
    """Fourteen days from 12 November end with the 26th; the final finding of the 27th is not early."""
    clock = written().clocks("2026-11-28")["DIR-PF"].clock

    assert date(2026, 11, 26) == clock.earliest
    assert not any("earlier than allowed" in reason for reason in clock.why)
