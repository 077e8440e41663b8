"""A case is one fold: what an item must hold, what it may follow from, and how the record is put right."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import ARRANGEMENT, Story

from comity.engagement import CaseClosed, EngagementError, NotACase, parse_when, read_entries, stand
from comity.engagement.rules import REQUIRED, VOCABULARY
from comity.records import (
    AccessRequested,
    AlertReceived,
    CaseItem,
    ComplaintReceived,
    DocumentAttached,
    DocumentErased,
    EngagementClosed,
    ExpertAppointed,
    FindingReplied,
    FindingStated,
    HearingHeld,
    HearingInvited,
    InformationAnswered,
    InformationRequested,
    Instant,
    ItemAnswered,
    ItemCorrected,
    ItemWithdrawn,
    MeasureRequested,
    MeetingRecorded,
    PeriodExtended,
    PublicationCleared,
    RecordError,
    SessionAnswered,
    SessionHeld,
    SuspensionImposed,
    SuspensionLifted,
    known_kinds,
    to_bytes,
)

ACCESS: dict[str, Any] = {
    "legal_basis": "Art. 92(1)(a)", "ground": "a", "purpose": "Assess compliance.", "reasons": "Figures are missing.",
    "subject": "nova-5", "means": ("api",), "until": "2026-10-15", "fines_notice": "Art. 101(1)(d)",
    "board_consulted": "2026-08-28", "insufficiency": "Art. 91 gave no figures.",
}  # fmt: skip
INFORMATION: dict[str, Any] = {
    "legal_basis": "Art. 91(1)", "purpose": "Assess compliance.", "asked": ("compute", "energy"), "until": "2026-09-30",
    "fines_notice": "Art. 101(1)(b)", "addressee": "provider",
}  # fmt: skip
MEETING: dict[str, Any] = {"form": "remote", "count": "1"}
SUSPENSION: dict[str, Any] = {"by": "a third state", "cause": "third-party-suspension", "summary": "Export control."}


@pytest.mark.parametrize(
    "missing", ["legal_basis", "purpose", "reasons", "subject", "means", "until", "fines_notice", "board_consulted"]
)
def test_a_request_for_access_that_lacks_what_the_law_asks_for_cannot_be_issued(missing: str) -> None:
    """Legal basis, purpose, reasons, period, fines and the Board's consultation stand in it, or it is not written."""
    story = Story()
    story.tell(AccessRequested, **ACCESS | {missing: () if missing == "means" else " "})
    with pytest.raises(NotACase, match=rf"expected {missing}; got nothing there \(Art\. 92\(1\), \(3\) and \(4\)"):
        story.case()


def test_ground_a_needs_to_say_why_information_does_not_suffice() -> None:
    """Art. 92(1)(a) rests on the insufficiency of Art. 91; ground b does not."""
    story = Story()
    story.tell(AccessRequested, **ACCESS | {"insufficiency": ""})
    with pytest.raises(NotACase, match=r"Art\. 92\(1\)\(a\)"):
        story.case()
    other = Story()
    other.tell(AccessRequested, **ACCESS | {"insufficiency": "", "ground": "b"})

    assert other.case().size == 2


def test_the_board_is_consulted_before_the_request() -> None:
    """A consultation after the request is none."""
    story = Story()
    story.tell(AccessRequested, **ACCESS | {"board_consulted": "2026-09-03"})
    with pytest.raises(NotACase, match="expected the Board to be consulted before the request of 2026-09-02"):
        story.case()


@pytest.mark.parametrize("missing", ["legal_basis", "purpose", "asked", "until", "fines_notice"])
def test_a_request_for_information_is_complete(missing: str) -> None:
    """Art. 91(4) lists what it states."""
    story = Story()
    story.tell(InformationRequested, **INFORMATION | {missing: () if missing == "asked" else ""})
    with pytest.raises(NotACase, match=rf"expected {missing}; got nothing there \(Art\. 91\(4\)"):
        story.case()


@pytest.mark.parametrize(
    ("kind", "members", "article"),
    [
        (AlertReceived, {"ground": "a", "contact": "c", "facts": "f"}, r"Art\. 90\(3\)"),
        (ComplaintReceived, {"by": "b", "contact": "c", "facts": "f", "reasons": "r"}, r"Art\. 89\(2\)"),
        (HearingInvited, {"about": "a", "grounds": "g", "until": "2026-09-20"}, r"Art\. 94"),
    ],
)
def test_an_act_names_the_article_that_asks_for_what_is_missing(
    kind: type[CaseItem], members: dict[str, Any], article: str
) -> None:
    """Whoever is refused reads which provision asks for it."""
    story = Story()
    story.tell(kind, **members)
    with pytest.raises(NotACase, match=article):
        story.case()


def test_a_measure_follows_a_hearing_or_says_why_it_could_not_wait() -> None:
    """Art. 94: either, and not both; mitigation also needs the evaluation that raised the concern."""
    measure = {
        "point": "c", "legal_basis": "Art. 93(1)(c)", "measure": "withdraw", "reasons": "r", "until": "2026-12-01",
    }  # fmt: skip

    def told(**more: Any) -> Story:
        story = Story()
        hearing = story.tell(HearingInvited, about="m", grounds="g", remedies="r", until="2026-09-20")
        if more.pop("heard", False):
            story.tell(HearingHeld, hearing=hearing, held="orally")
        story.tell(MeasureRequested, **measure | {k: hearing if v == "it" else v for k, v in more.items()})
        return story

    assert told(heard=True, hearing="it").case().size == 4
    assert told(urgency="people are at risk").case().size == 3
    for wrong in ({}, {"hearing": "it", "urgency": "u"}):
        with pytest.raises(NotACase, match=r"Art\. 94"):
            told(**wrong).case()
    with pytest.raises(NotACase, match="or its period to be over; it runs until 2026-09-20"):
        told(hearing="it").case()
    with pytest.raises(NotACase, match="expected evaluation on point b"):
        told(urgency="u", point="b").case()


def test_access_without_an_arrangement_in_force_is_impossible() -> None:
    """Neither a grant nor a session can be entered before terms are in force, or after."""
    with pytest.raises(NotACase, match="expected an arrangement in force"):
        story = Story()
        story.grant()
        story.case()
    held = {
        "arrangement": ARRANGEMENT, "by": "authority", "form": "source-code", "participants": ("expert-1",),
        "shown": ("training loop",), "begin": "2026-09-10T09:00:00.000Z", "end": "2026-09-10T11:00:00.000Z",
    }  # fmt: skip
    with pytest.raises(NotACase, match="expected an arrangement in force at 2026-09-10"):
        story = Story()
        story.tell(SessionHeld, at="2026-09-11", **held)
        story.case()
    story = Story()
    story.force("2026-10-01")
    story.tell(SessionHeld, at="2026-09-11", **held)

    assert story.case().size == 3


def test_a_session_is_answered_by_the_other_side_and_as_it_reads_now() -> None:
    """The answer is to one entry's bytes; after a correction it takes another answer."""
    story = Story()
    story.force("2026-12-01")
    session = story.tell(
        SessionHeld, at="2026-09-11", arrangement=ARRANGEMENT, by="authority", form="interview", participants=("x",),
        shown=("y",), begin="2026-09-10T09:00:00.000Z", end="2026-09-10T11:00:00.000Z",
    )  # fmt: skip
    digest = story.case().items[session].latest.digest
    answer = {"session": session, "by": "provider", "answer": "countersigned", "digest": digest}
    story.tell(SessionAnswered, **answer)

    assert story.case().size == 4
    for wrong, message in (
        ({"by": "authority"}, "expected the other side's answer"),
        ({"digest": "0" * 64}, "expected the digest of the session's entry as it reads now"),
        ({"answer": "contested"}, "expected the reason why the session is contested"),
    ):
        other = Story()
        other.records = story.records[:3]
        other.tell(SessionAnswered, **answer | wrong)
        with pytest.raises(NotACase, match=message):
            other.case()
    story.tell(ItemCorrected, corrects=session, changes=(("shown", "y", "z"),), because="more was shown")
    story.tell(SessionAnswered, **answer)
    with pytest.raises(NotACase, match="as it reads now"):
        story.case()


def test_a_correction_changes_how_an_item_reads_and_keeps_what_stood_there() -> None:
    """The newest reading counts, the entry stays, and what cannot change is refused."""
    story = Story()
    meeting = story.tell(MeetingRecorded, on="2026-08", topics=("safety",), summary="first words", **MEETING)
    better = (("summary", "better words"), ("count", "4–5"))
    story.tell(ItemCorrected, corrects=meeting, changes=better, because="minutes")
    item = story.case().items[meeting]

    assert isinstance(item.record, MeetingRecorded)
    assert ("better words", "4–5") == (item.record.summary, item.record.count)
    assert "first words" == story.case().entries[1].record.members()["summary"]
    for change, message in (
        (("at", "2026-01-01T00:00:00.000Z"), "can change"),
        (("nothing", "x"), "can change"),
        (("summary", "a", "b"), "expected one value"),
        (("form", "by pigeon"), "expected form to be"),
        (("on", "2026-13"), "expected a day that the calendar has"),
    ):
        wrong = Story()
        wrong.records = story.records[:2]
        wrong.tell(ItemCorrected, corrects=meeting, changes=(change,), because="b")
        with pytest.raises(NotACase, match=message):
            wrong.case()


def test_a_correction_takes_a_clearance_away() -> None:
    """What was cleared is what stood there then."""
    story = Story()
    meeting = story.tell(MeetingRecorded, on="2026-08", topics=("safety",), **MEETING)
    story.tell(PublicationCleared, items=(meeting,), by="head of unit", because="nothing confidential")
    assert story.case().items[meeting].cleared is not None

    story.tell(ItemCorrected, corrects=meeting, changes=(("summary", "more"),), because="b")

    assert story.case().items[meeting].cleared is None


def test_what_was_withdrawn_counts_no_more_and_nothing_can_name_it() -> None:
    """A meeting entered twice is one meeting; an answer to a withdrawn request is refused."""
    story = Story()
    story.tell(MeetingRecorded, on="2026-08", **MEETING)
    twice = story.tell(MeetingRecorded, on="2026-08", **MEETING)
    story.tell(ItemWithdrawn, withdraws=twice, because="entered twice")

    assert 1 == len(stand(story.case(), story.now).meetings)
    story.tell(ItemCorrected, corrects=twice, changes=(("summary", "x"),), because="b")
    with pytest.raises(NotACase, match="was withdrawn"):
        story.case()


def test_links_lead_to_items_of_the_right_kind() -> None:
    """An answer names a request, and a request that is here."""
    story = Story()
    meeting = story.tell(MeetingRecorded, on="2026-08", **MEETING)
    for named, message in ((meeting, "is meeting.recorded"), ("f" * 32, "nothing here is called")):
        wrong = Story()
        wrong.records = list(story.records)
        wrong.tell(InformationAnswered, request=named, by="provider", answers=(("1", "supplied"),))
        with pytest.raises(NotACase, match=message):
            wrong.case()


def test_an_answer_counts_the_items_that_were_asked() -> None:
    """Two items were asked, so there is no third answer; and each answer says what it is."""
    for answers, message in (((("3", "supplied"),), "expected numbers from 1 to 2"), ((("1", "perhaps"),), "not-held")):
        story = Story()
        request = story.tell(InformationRequested, **INFORMATION)
        story.tell(InformationAnswered, request=request, by="provider", answers=answers)
        with pytest.raises(NotACase, match=message):
            story.case()


def test_a_reply_is_bound_to_one_version_of_a_finding() -> None:
    """The digest of another version is refused, and versions are counted one by one."""
    story = Story()
    finding = {"finding": "f" * 32, "by": "authority", "duty": "AIA-53-1A", "conclusion": "c", "stage": "preliminary"}
    finding |= {"finds": "infringement"}
    first = story.tell(FindingStated, finding_version=1, assurance="limited", **finding)
    digest = story.case().items[first].latest.digest
    story.tell(FindingStated, finding_version=2, assurance="limited", **finding | {"conclusion": "d"})
    reply = {"finding": "f" * 32, "by": "provider", "position": "disputes", "summary": "s"}
    story.tell(FindingReplied, finding_version=1, digest=digest, **reply)

    assert first in [item.id for item in story.case().items.values() if item.about]
    story.tell(FindingReplied, finding_version=2, digest=digest, **reply)
    with pytest.raises(NotACase, match="expected the digest of version 2"):
        story.case()
    skipped = Story()
    skipped.tell(FindingStated, finding_version=2, assurance="none", **finding)
    with pytest.raises(NotACase, match="expected version 1 of the finding; got 2"):
        skipped.case()


def test_experts_are_proposed_before_they_are_appointed() -> None:
    """An appointment without qualifications entered first is refused."""
    story = Story()
    story.tell(ExpertAppointed, expert="expert-1", act="decision 7")
    with pytest.raises(NotACase, match=r"expected an expert who was proposed with qualifications \(Art\. 68\(2\)"):
        story.case()


def test_a_suspension_is_lifted_once_and_a_period_only_grows() -> None:
    """Second liftings and shorter periods are refused."""
    story = Story()
    suspended = story.tell(SuspensionImposed, **SUSPENSION)
    story.tell(SuspensionLifted, suspension=suspended)
    story.tell(SuspensionLifted, suspension=suspended)
    with pytest.raises(NotACase, match="expected one that was not"):
        story.case()
    story = Story()
    request = story.tell(InformationRequested, **INFORMATION)
    story.tell(PeriodExtended, extends=request, until="2026-09-30", because="b")
    with pytest.raises(NotACase, match="expected a day after 2026-09-30"):
        story.case()


def test_an_erased_document_stands_no_more_and_is_not_shown_again() -> None:
    """Its entry stays, what cites it sees that it does not stand."""
    story = Story()
    meeting = story.tell(MeetingRecorded, on="2026-08", **MEETING)
    name = "d" * 32
    story.tell(
        DocumentAttached, document=name, to=meeting, part="minutes", title="Minutes", media_type="text/plain", length=1,
        sealed_to=("authority",), commitment="c" * 64,
    )  # fmt: skip
    assert story.case().stands(name)
    story.tell(DocumentErased, document=name, because="purpose ended")
    assert not story.case().stands(name)

    story.tell(DocumentErased, document=name, because="again")
    with pytest.raises(NotACase, match="was erased"):
        story.case()


def test_after_the_close_only_putting_right_is_possible() -> None:
    """Corrections, clearances and erasures go on; meetings and answers do not."""
    story = Story()
    meeting = story.tell(MeetingRecorded, on="2026-08", **MEETING)
    story.records.append(EngagementClosed(at=Instant("2026-09-05T09:00:00.000Z"), because="done"))
    story.tell(PublicationCleared, at="2026-09-06", items=(meeting,), by="x", because="y")

    assert "closed" == stand(story.case(), story.now).stage
    story.tell(MeetingRecorded, on="2026-09-07", **MEETING)
    with pytest.raises(CaseClosed):
        story.case()


def test_nothing_happens_in_the_future() -> None:
    """An item says what was; only a planned event may lie ahead."""
    story = Story()
    story.tell(MeetingRecorded, on="2026-12-24", **MEETING)
    with pytest.raises(NotACase, match="which is still to come"):
        story.case()


def test_the_two_tracks_have_acts_of_their_own() -> None:
    """A request under Art. 92 is about a model; a case about systems does not know it."""
    story = Story(track="system")
    story.tell(AccessRequested, **ACCESS)
    with pytest.raises(NotACase, match="expected an act of the system track"):
        story.case()
    other = Story(track="system")
    other.tell(InformationRequested, **INFORMATION | {"legal_basis": "Art. 75a"})

    assert 2 == other.case().size


def test_what_is_reported_has_a_source() -> None:
    """A fact from the press names it."""
    story = Story()
    story.tell(MeetingRecorded, on="May 2026", confidence="reported", **MEETING)
    with pytest.raises(NotACase, match="expected the source of what is reported"):
        story.case()


def test_rules_name_kinds_and_members_that_exist() -> None:
    """A rule for a kind or a member that was renamed would hold nothing to anything."""
    kinds = {cls.kind: cls for cls in known_kinds().values()}
    named = [(kind, set(members)) for kind, members in VOCABULARY.items()]
    named += [(kind, set(members)) for kind, (members, _) in REQUIRED.items()]
    for kind, members in named:
        assert members <= set(kinds[kind].__dataclass_fields__), kind


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2028-02", "2028-02-01", "2028-02-29"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-05-11", "2026-05-11", "2026-05-11"),
        ("2026-05-07/2026-05-11", "2026-05-07", "2026-05-11"),
        ("2026-05/2026-06", "2026-05-01", "2026-06-30"),
        ("late May", "None", "None"),
    ],
)
def test_an_inexact_time_has_bounds(text: str, first: str, last: str) -> None:
    """A month begins with its first day and ends with its last; words have no bounds."""
    when = parse_when(text)

    assert (first, last) == (str(when.first), str(when.last))


@pytest.mark.parametrize("text", ["2026-13", "2026-02-30", "2026-5-1", "05/2026", "2026-06-01/2026-05-01", "", "a\nb"])
def test_what_looks_like_a_date_and_is_none_is_refused(text: str) -> None:
    """Such a time would sort nowhere."""
    with pytest.raises(NotACase):
        parse_when(text)


@given(st.text(max_size=140))
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    """The reader of times is total."""
    try:
        when = parse_when(text)
    except NotACase:
        return
    assert when.exact == (when.first is not None and when.first == when.last)


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_any_bytes_are_a_case_or_are_refused(entries: list[bytes]) -> None:
    """The fold raises its own errors and no others."""
    with pytest.raises((EngagementError, RecordError)):
        read_entries(entries)


def test_a_case_can_be_read_as_it_stood() -> None:
    """A past day is asked for by the time of entry; what came later is not known yet."""
    story = Story()
    story.tell(MeetingRecorded, on="2026-08", **MEETING)
    story.tell(MeetingRecorded, on="2026-08", at="2026-09-10", **MEETING)

    entries = [to_bytes(record) for record in story.records]

    assert 2 == read_entries(entries, until=datetime(2026, 9, 9, tzinfo=UTC)).size
    assert 3 == read_entries(entries, until=datetime(2026, 9, 10, tzinfo=UTC)).size


def test_answers_lead_back_to_what_they_answer() -> None:
    """Each item knows what was entered about it."""
    story = Story()
    request = story.tell(InformationRequested, **INFORMATION)
    answer = story.tell(ItemAnswered, answers=request, by="provider", answer="noted")

    assert (answer,) == story.case().items[request].about
