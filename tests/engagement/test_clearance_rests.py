"""What a published line rests on: take away what is not cleared, and every published line stands as before."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pages import page_on, row
from stories import ARRANGEMENT, Story

from comity.records import (
    AccessOffered,
    AccessRequested,
    CaseItem,
    CommitmentDecided,
    CommitmentOffered,
    ContextNoted,
    Digest,
    EngagementClosed,
    EventStated,
    GrantRefused,
    HearingInvited,
    Hex32,
    InformationAnswered,
    InformationRequested,
    Instant,
    ItemAnswered,
    MeetingRecorded,
    OfferStated,
    PeriodExtended,
    PublicationCleared,
    Record,
    SessionAnswered,
    SessionHeld,
    SubmissionReceived,
    SuspensionEased,
    SuspensionImposed,
    SuspensionLifted,
    TermsOffered,
    TopicClosed,
    TopicOpened,
    instant_text,
    to_bytes,
)

ACCESS: dict[str, Any] = {
    "legal_basis": "Art. 92(1)(b)", "ground": "b", "purpose": "Assess.", "reasons": "Figures are missing.",
    "subject": "nova-5", "means": ("api",), "until": "2026-10-20", "fines_notice": "Art. 101(1)(d)",
    "board_consulted": "2026-08-28",
}  # fmt: skip
INFORMATION: dict[str, Any] = {
    "legal_basis": "Art. 91(1)", "purpose": "Assess.", "asked": ("compute",), "fines_notice": "Art. 101(1)(b)",
    "addressee": "provider",
}  # fmt: skip
ORDER: dict[str, Any] = {"by": "a third state", "cause": "third-party-suspension", "summary": "Order."}


def everything() -> list[Record]:
    """A case in which most that can happen happens, some of it twice."""
    story = Story(begin="2026-09-01")
    for number in ("one", "two"):
        offer = story.tell(OfferStated, by="provider", to="Office for AI", summary=f"Offer {number}.")
        answer = "declined" if number == "one" else "accepted"
        story.tell(ItemAnswered, answers=offer, by="Office for AI", answer=answer)
    for until in ("2026-09-30", "2026-10-08"):
        asked = story.tell(InformationRequested, **INFORMATION, until=until)
        if until < "2026-10":
            story.tell(InformationAnswered, request=asked, by="Aurora Systems", answers=(("1", "refused", ""),))
        else:
            story.tell(PeriodExtended, extends=asked, until="2026-10-12", because="Holidays.")
    commitment = story.tell(CommitmentOffered, by="provider", commitment="Filters stay on.")
    story.tell(CommitmentDecided, commitment=commitment, decision="declined", because="Too little.")
    topic = story.tell(TopicOpened, topic="safeguards")
    story.tell(TopicClosed, topic=topic, because="settled")
    for count in ("1", "several"):
        told = {"summary": f"Met {count}.", "open": (f"{count}?",), "next": f"a draft {count}"}
        story.tell(MeetingRecorded, form="call", count=count, **told)
    story.tell(ContextNoted, summary="Elsewhere.")
    order = story.tell(SuspensionImposed, **ORDER)
    story.tell(SuspensionEased, suspension=order, for_whom="some", summary="Eased.")
    story.tell(SuspensionLifted, suspension=order, summary="Lifted.")
    story.tell(SuspensionImposed, **ORDER)
    story.tell(EventStated, event="SR_CONDITION_MET_OR_KNOWN", subject="nova-5")
    story.tell(SubmissionReceived, by="Aurora Systems", duties=("AIA-52-1",), about="nova-5")
    story.tell(HearingInvited, about="a measure", grounds="g", remedies="r", until="2026-10-30")
    story.tell(AccessRequested, **ACCESS)

    def at() -> Instant:
        story.now = story.now.replace(hour=story.now.hour + 1)
        return Instant(instant_text(story.now))

    terms = {"arrangement": Hex32(ARRANGEMENT), "digest": Digest("d" * 64)}
    story.records += [
        GrantRefused(at=at(), person="evaluator-1", because="no arrangement in force"),
        AccessOffered(at=at(), by="Aurora Systems", summary="Tier 2.", offer=Digest("d" * 64)),
        TermsOffered(at=at(), by="Aurora Systems", terms_version=1, **terms),
        TermsOffered(at=at(), by="Office for AI", terms_version=2, **terms),
    ]
    story.force(until="2026-12-31")
    for form in ("interview", "document-room"):
        session = story.tell(
            SessionHeld, arrangement=Hex32(ARRANGEMENT), by="authority", form=form, participants=("evaluator-1",),
            shown=("answers",), begin=at(), end=at(),
        )  # fmt: skip
    digest = Digest(sha256(to_bytes(story.records[-1])).hexdigest())
    story.tell(SessionAnswered, session=session, by="provider", answer="countersigned", digest=digest)
    story.records.append(TermsOffered(at=at(), by="Aurora Systems", terms_version=3, **terms))
    story.tell(ContextNoted, summary="Elsewhere again.")
    story.records.append(EngagementClosed(at=at(), because="done"))
    return story.records


EVERYTHING = everything()


def published(records: Sequence[Record], cleared: Sequence[Record], day: str) -> set[tuple[str, str, str]]:
    """Row, side and text of what the public may read when these records are cleared at the end."""
    items = tuple(one.item for one in cleared if isinstance(one, CaseItem))
    entries = tuple(number for number, one in enumerate(records) if _plain(one) and one in cleared)
    clearance = PublicationCleared(
        at=Instant("2026-12-01T09:00:00.000Z"), item=Hex32("c" * 32), on="2026-12-01", source="", confidence="stated",
        refs=(), items=items, entries=entries, by="desk", because="public",
    )  # fmt: skip
    page = page_on(day, [*records, clearance], public=True)
    return {(name, line.side, line.text) for column in page.columns for name, line in column.lines()}


def _plain(record: Record) -> bool:
    return not isinstance(record, CaseItem)


def named(record: Record, records: Sequence[Record]) -> bool:
    """Whether another record names this one, so that it cannot be taken out."""
    if not isinstance(record, CaseItem):
        return False
    return any(record.item.encode() in to_bytes(one) for one in records if one is not record)


DAYS = ("2026-09-20", "2026-10-05", "2026-11-20")


def free(records: Sequence[Record]) -> list[Record]:
    """The records that can be taken out: nothing names them, and nothing later needs them."""
    return [one for one in records[1:] if not named(one, records) and one.kind != "arrangement.in_force"]


@pytest.mark.parametrize("secret", free(EVERYTHING), ids=lambda one: f"{one.kind}-{EVERYTHING.index(one)}")
def test_nothing_published_rests_on_one_uncleared_entry(secret: Record) -> None:
    """With all else cleared, each entry can be taken out, and no published line is gone or reads otherwise."""
    newest = EVERYTHING[: EVERYTHING.index(secret) + 1]
    for records in (EVERYTHING, newest):
        others = [one for one in records if one is not secret]
        for day in DAYS:
            assert published(records, others, day) <= published(others, others, day)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_published_does_not_depend_on_what_is_not_cleared(data: st.DataObject) -> None:
    """The same where more is not cleared, at any point of the case."""
    records = EVERYTHING[: data.draw(st.integers(2, len(EVERYTHING)))]
    secret = data.draw(st.sampled_from(free(records) or records[1:]))
    assume(secret in free(records))
    others = [one for one in records if one is not secret]
    hidden = data.draw(st.sets(st.integers(1, len(others)), min_size=1, max_size=4))
    cleared = [one for number, one in enumerate(others) if number not in hidden]
    day = data.draw(st.sampled_from(DAYS))

    assert published(records, cleared, day) <= published(others, cleared, day)


def test_something_is_published_of_that_case() -> None:
    """The test above would hold for a page that never shows anything; this one shows most of its rows."""
    rows = {name for name, _, _ in published(EVERYTHING, EVERYTHING, "2026-11-20")}

    assert rows >= {"stage", "first_step", "meetings", "offered", "open", "refused", "suspended", "next", "waits"}
    assert rows >= {"calls", "sessions", "pays", "beside"}
    texts = row(page_on("2026-11-20", EVERYTHING), "offered")
    assert "provider: Offer two. (accepted)" in texts
