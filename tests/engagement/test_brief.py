"""The brief: every row follows from the entries, and every line leads back to them."""

import re
from pathlib import Path
from typing import Any

import pytest
from pages import end_of, every_line, page_on, row, values
from rich_world import TERMS
from stories import ARRANGEMENT, Story

from comity.engagement import AccessRecord, read_entries
from comity.engagement.brief import ROWS
from comity.engagement.brief_burden import Wait, days_waited
from comity.engagement.brief_json import page_members
from comity.records import (
    AccessOffered,
    ArrangementInForce,
    CommitmentOffered,
    ContextNoted,
    Digest,
    DocumentationReceived,
    EngagementClosed,
    EventStated,
    GrantRefused,
    Hex32,
    InformationAnswered,
    InformationRequested,
    Instant,
    ItemAnswered,
    ItemCorrected,
    ItemWithdrawn,
    MeetingRecorded,
    OfferStated,
    PeriodExtended,
    PublicationCleared,
    Record,
    SessionHeld,
    SuspensionImposed,
    TermsOffered,
    TopicOpened,
    instant_text,
    to_bytes,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "brief.md"

INFORMATION: dict[str, Any] = {
    "legal_basis": "Art. 91(1)", "purpose": "Assess compliance.", "asked": ("compute", "energy"), "until": "2026-09-30",
    "fines_notice": "Art. 101(1)(b)", "addressee": "provider",
}  # fmt: skip
OFFER: dict[str, Any] = {"by": "provider", "to": "Office for AI", "summary": "A preview."}


def now(story: Story) -> Instant:
    """The time at which a story stands."""
    return Instant(instant_text(story.now))


def record(arrangement: str) -> AccessRecord:
    """What an access ledger of 812 entries says of its calls."""
    said = AccessRecord(origin=f"op.example/a/{arrangement}", size=812)
    said.calls.permitted.count, said.calls.answered.count, said.calls.refused.count = 400, 390, 1200
    return said


def test_the_stage_is_that_of_the_case_with_its_days() -> None:
    """An offer begins a negotiation, and its decline takes it back to a dialogue; both lines lead to their entries."""
    story = Story(begin="2026-09-01")
    offer = story.tell(OfferStated, **OFFER)
    story.tell(ItemAnswered, answers=offer, by="Office for AI", answer="declined")

    assert ["negotiation since 2026-09-02, 0 days"] == row(page_on("2026-09-02", story.records), "stage")
    later = page_on("2026-09-30", story.records)
    assert ["dialogue since 2026-09-03, 27 days"] == row(later, "stage")
    assert ["#2", "#1"] == [f"#{ref.index}" for ref in later.columns[0].rows["stage"][0].refs]
    assert ["authority: declined: access offered: A preview."] == row(later, "refused")


def test_an_arrangement_in_force_stands_beside_the_stage() -> None:
    """Access lasts until the end of the window, and then the page says that it was in force."""
    story = Story(begin="2026-09-01")
    story.force(until="2026-10-01")

    assert row(page_on("2026-09-30", story.records), "stage") == [
        "access since 2026-09-02, 28 days", f"arrangement {ARRANGEMENT[:8]}, version 1, in force until 2026-10-01",
    ]  # fmt: skip
    assert row(page_on("2026-10-11", story.records), "stage") == [
        "review since 2026-10-01, 10 days", f"arrangement {ARRANGEMENT[:8]}, version 1, was in force until 2026-10-01",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "said", "value"),
    [
        (["1"], "1", {"exact": 1, "inexact": ""}),
        (["1", "2", "1"], "4", {"exact": 4, "inexact": ""}),
        (["4–5"], "4–5", {"exact": 0, "inexact": "4–5"}),
        (["4–5", "several"], "4–5 and several, not added up", {"exact": 0, "inexact": "4–5; several"}),
        (["2", "3+", "1"], "3 and 3+, not added up", {"exact": 3, "inexact": "3+"}),
    ],
)
def test_inexact_counts_of_meetings_stay_as_they_are(counts: list[str], said: str, value: dict[str, Any]) -> None:
    """What is exact is added up; what is not is named beside it, as it was reported."""
    story = Story()
    for count in counts:
        story.tell(MeetingRecorded, form="remote", count=count)

    page = page_on("2026-12-01", story.records)

    assert [said] == row(page, "meetings")
    assert [value] == values(page, "meetings")


def test_offers_terms_and_commitments_stand_on_the_side_that_made_them() -> None:
    """A stated offer, a signed one and the newest terms are on the table until an arrangement takes them up."""
    story = Story(begin="2026-09-01")
    story.tell(OfferStated, **OFFER, subjects=("nova-5",))
    story.tell(CommitmentOffered, by="provider", commitment="Filters stay on.")
    story.records += [
        AccessOffered(at=now(story), by="Aurora Systems", summary="Tier 2.", offer=Digest("d" * 64)),
        TermsOffered(
            at=now(story), by="Aurora Systems", arrangement=Hex32(ARRANGEMENT), terms_version=1, digest=Digest("d" * 64)
        ),
        TermsOffered(
            at=now(story), by="Office for AI", arrangement=Hex32(ARRANGEMENT), terms_version=2, digest=Digest("e" * 64)
        ),
    ]

    assert row(page_on("2026-09-08", story.records), "offered") == [
        "provider: nova-5: A preview. (no answer entered for 6 days)",
        "provider: commitment: Filters stay on. (no answer entered for 5 days)",
        "provider: signed offer: Tier 2.",
        "authority: version 2 of the terms",
    ]
    story.force()
    assert row(page_on("2026-09-08", story.records), "offered") == [
        "provider: nova-5: A preview. (agreed)",
        "provider: commitment: Filters stay on. (no answer entered for 5 days)",
    ]


def test_what_waits_for_a_side_and_what_meetings_left_open_is_open() -> None:
    """Each matter stands with its day and its days, and the newest meeting's questions after them."""
    story = Story(begin="2026-09-01")
    asked = story.tell(InformationRequested, **INFORMATION)
    story.tell(PeriodExtended, extends=asked, until="2026-10-07", because="Holidays.")
    story.tell(TopicOpened, topic="safeguards")
    story.tell(MeetingRecorded, form="call", count="1", open=("Who hosts it?",), next="a draft on 1 October")

    page = page_on("2026-09-12", story.records)

    assert row(page, "open") == [
        "provider: information requested, 2 items, by 2026-10-07; waits for provider, 10 days",
        "topic: safeguards; waits for both, 8 days",
        "Who hosts it?",
    ]
    assert "as agreed: a draft on 1 October" == row(page, "next")[-1]


def test_what_either_side_refused_is_said() -> None:
    """Refused answers, withheld fields and refused grants each stand on the side that refused."""
    story = Story(begin="2026-09-01")
    asked = story.tell(InformationRequested, **INFORMATION)
    answers = (("1", "supplied", ""), ("2", "refused", "trade secret"))
    story.tell(InformationAnswered, request=asked, by="Aurora Systems", answers=answers)
    story.tell(
        DocumentationReceived, form="model-documentation-form", form_version="1", subject="nova-5", by="Aurora Systems",
        view="aio", withheld=(("MDF.1.1", "secret"), ("MDF.1.2", "secret")),
    )  # fmt: skip
    story.records.append(GrantRefused(at=now(story), person="evaluator-1", because="no arrangement in force"))

    assert row(page_on("2026-09-12", story.records), "refused") == [
        "provider: 1 of 2 answers refused to an information request",
        "provider: 2 fields of model-documentation-form withheld",
        "authority: grant for evaluator-1: no arrangement in force",
    ]


def test_the_next_date_is_the_nearest_that_something_is_due() -> None:
    """A clock of the law and a request's period are one thing, and an overdue day says for how long."""
    story = Story(begin="2026-09-01")
    story.tell(InformationRequested, **INFORMATION)

    before = row(page_on("2026-09-20", story.records), "next")
    after = row(page_on("2026-10-03", story.records), "next")

    assert re.fullmatch(r"2026-09-30, in 10 days: .+ \(provider; Art\. 91.*\)", before[0])
    assert after[0].startswith("2026-09-30, overdue for 3 days: ")
    assert before[1].startswith("2026-12-02, in 73 days: ")

    story.tell(InformationRequested, **{**INFORMATION, "until": "2026-10-15"})
    whole = row(page_on("2026-09-20", story.records), "next")
    assert ["2026-09-30", "2026-12-02", "2026-10-15"] == [text[:10] for text in whole]


def test_days_on_which_a_side_waited_for_two_things_are_counted_once() -> None:
    """Two requests that overlap are one burden of waiting; a gap between two is none."""
    def wait(begin: str, end: str | None) -> Wait:
        return Wait(side="authority", begin=end_of(begin), end=end_of(end) if end else None, rests=())

    assert 0 == days_waited([], end_of("2026-09-30"))
    assert 9 == days_waited([wait("2026-09-01", "2026-09-10")], end_of("2026-09-30"))
    assert 14 == days_waited([wait("2026-09-01", "2026-09-10"), wait("2026-09-05", "2026-09-15")], end_of("2026-09-30"))
    assert 19 == days_waited([wait("2026-09-01", "2026-09-10"), wait("2026-09-20", None)], end_of("2026-09-30"))
    assert 29 == days_waited([wait("2026-09-01", None), wait("2026-09-05", "2026-09-15")], end_of("2026-09-30"))


def test_each_side_reads_what_it_waits_for_and_for_how_long() -> None:
    """The authority waits for an answer and for a move on its terms, the provider for an answer to its offer."""
    story = Story(begin="2026-09-01")
    asked = story.tell(InformationRequested, **INFORMATION)
    story.tell(OfferStated, **OFFER)
    assert row(page_on("2026-09-13", story.records), "waits") == [
        "authority: waits for 1, the longest for 11 days", "provider: waits for 1, the longest for 10 days",
    ]  # fmt: skip

    answers = (("1", "supplied", ""), ("2", "supplied", ""))
    story.tell(InformationAnswered, request=asked, by="Aurora Systems", answers=answers, at="2026-09-12")
    story.records.append(
        TermsOffered(
            at=now(story), by="Office for AI", arrangement=Hex32(ARRANGEMENT), terms_version=1, digest=Digest("d" * 64)
        )
    )
    page = page_on("2026-09-20", story.records)
    assert row(page, "waits") == [
        "authority: waits for 1, the longest for 8 days; waited 18 days in all",
        "provider: waits for 1, the longest for 17 days",
    ]
    assert {"open": 1, "longest": 8, "days": 18} == values(page, "waits")[0]


def test_terms_wait_until_the_other_side_moves_or_both_signed() -> None:
    """A counter-offer turns the waiting round, and an arrangement in force ends it."""
    story = Story(begin="2026-09-01")

    def terms(by: str, version: int, day: str) -> Record:
        return TermsOffered(
            at=Instant(f"{day}T09:00:00.000Z"), by=by, arrangement=Hex32(ARRANGEMENT), terms_version=version,
            digest=Digest("d" * 64),
        )  # fmt: skip

    story.records += [
        AccessOffered(at=Instant("2026-09-02T09:00:00.000Z"), by="Aurora Systems", summary="", offer=Digest("d" * 64)),
        terms("Aurora Systems", 1, "2026-09-04"),
        terms("Office for AI", 2, "2026-09-09"),
    ]
    story.force(at="2026-09-15T09:00:00")

    assert row(page_on("2026-09-20", story.records), "waits") == [
        "authority: waits for nothing; waited 6 days in all", "provider: waits for nothing; waited 7 days in all",
    ]  # fmt: skip


def test_calls_are_counted_where_the_access_ledger_is_at_hand() -> None:
    """Served and refused calls stand with the access ledger's entry; without it the page says that it did not count."""
    story = Story(begin="2026-09-01")
    assert ["no arrangement, so no calls"] == row(page_on("2026-09-03", story.records), "calls")
    story.force()
    assert ["not counted: no access ledger at hand"] == row(page_on("2026-09-03", story.records), "calls")

    page = page_on("2026-09-03", story.records, access=[record("b" * 32), record(ARRANGEMENT)])

    assert ["390 served of 400 permitted; 1,200 refused"] == row(page, "calls")
    assert f"op.example/a/{ARRANGEMENT}#811" in [str(ref) for ref in page.columns[0].rows["calls"][0].refs]


def test_no_clearance_of_a_case_reaches_another_ledger_or_the_terms() -> None:
    """Calls and costs stand in the access ledger and in the terms; where the entry is cleared, they are not public."""
    story = Story(begin="2026-09-01")
    story.force()
    opening = story.records[0].members()["item"]
    story.tell(PublicationCleared, items=(opening,), entries=(1,), by="desk", because="public")

    public = page_on("2026-09-20", story.records, access=[record(ARRANGEMENT)], public=True)

    assert 2 == len(row(public, "stage"))
    assert [] == row(public, "calls")


def test_what_a_clause_asks_is_due_and_not_public() -> None:
    """A notice that the terms ask for stands on the page, and no clearance of the case publishes it."""
    story = Story(begin="2026-10-01")
    terms = {"arrangement": Hex32(TERMS.id), "terms_version": TERMS.version, "digest": Digest(TERMS.digest)}
    story.records.append(ArrangementInForce(at=now(story), **terms, until="2026-12-01T00:00:00.000Z"))
    story.tell(EventStated, event="VERSION_RELEASED", subject="nova-6", at="2026-10-15")
    opening, event = (story.records[number].members()["item"] for number in (0, 2))
    story.tell(PublicationCleared, items=(opening, event), entries=(1,), by="desk", because="public")

    page = page_on("2026-10-31", story.records, terms_of=lambda case: {TERMS.id: TERMS})
    public = page_on("2026-10-31", story.records, terms_of=lambda case: {TERMS.id: TERMS}, public=True)

    assert row(page, "next")[0].startswith("2026-10-29, overdue for 2 days: ")
    assert {1, 2} >= {ref.index for ref in page.columns[0].rows["next"][0].refs}
    assert ["2026-12-02"] == [text[:10] for text in row(public, "next")]
    assert row(page, "pays") and [] == row(public, "pays")


def test_what_was_withdrawn_is_not_on_the_page() -> None:
    """An item that counts no longer leaves no line, and a corrected one leads to both of its entries."""
    story = Story()
    gone = story.tell(ContextNoted, summary="Not so.")
    kept = story.tell(ContextNoted, summary="So.")
    story.tell(ItemWithdrawn, withdraws=gone, because="entered in error")
    story.tell(ItemCorrected, corrects=kept, changes=(("summary", "Rather so."),), because="better known")

    page = page_on("2026-12-01", story.records)

    assert ["2026-09-03: Rather so."] == row(page, "beside")
    assert [2, 4] == [ref.index for ref in page.columns[0].rows["beside"][0].refs]


def rich() -> list[Record]:
    """A case with something in every row."""
    story = Story(begin="2026-09-01")
    asked = story.tell(InformationRequested, **INFORMATION)
    answers = (("1", "partly", ""), ("2", "refused", ""))
    story.tell(InformationAnswered, request=asked, by="Aurora Systems", answers=answers)
    story.tell(MeetingRecorded, form="call", count="several", open=("Who hosts it?",), next="a draft", summary="Begun.")
    story.tell(OfferStated, **OFFER, source="news.example", confidence="unconfirmed")
    story.tell(SuspensionImposed, by="a third state", cause="legal-order", subjects=("nova-5",), summary="Order.")
    story.tell(ContextNoted, summary="Elsewhere.", source="press.example", confidence="reported")
    story.force()
    story.tell(
        SessionHeld, arrangement=Hex32(ARRANGEMENT), by="authority", form="interview", participants=("evaluator-1",),
        shown=("answers",), begin="2026-09-09T10:00:00.000Z", end="2026-09-09T12:30:00.000Z", at="2026-09-10",
    )  # fmt: skip
    return story.records


def test_every_line_leads_to_entries_that_are_there() -> None:
    """No line stands on the page without an entry of its ledger, and none leads past its end."""
    records = rich()
    page = page_on("2026-09-20", records)
    assert ["1, 2.5 hours: 1 entered"] == row(page, "sessions")
    assert ["not known: the signed terms are not at hand"] == row(page, "pays")

    for line in every_line(page.columns):
        assert line.refs, line.text
        assert all(ref.origin == page.columns[0].origin for ref in line.refs)
        assert all(ref.index < len(records) for ref in line.refs)
    assert all(page.columns[0].rows[name] for name in ROWS)
    assert set(ROWS) == set(page.columns[0].rows)


def test_a_line_is_as_sure_as_the_least_sure_that_it_rests_on() -> None:
    """A count over a reported and an unconfirmed offer is unconfirmed, and names both sources."""
    story = Story()
    story.tell(OfferStated, **OFFER, source="press.example", confidence="reported")
    story.tell(OfferStated, **OFFER, source="rumour.example", confidence="unconfirmed")

    line = page_on("2026-12-01", story.records).columns[0].rows["waits"][1]

    assert "unconfirmed" == line.confidence
    assert [("press.example", "reported"), ("rumour.example", "unconfirmed")] == [
        (one.source, one.confidence) for one in line.sources
    ]


def test_a_closed_engagement_stays_on_the_page() -> None:
    """The close is a stage like the others."""
    story = Story(begin="2026-09-01")
    story.records.append(EngagementClosed(at=Instant("2026-09-09T09:00:00.000Z"), because="done"))

    assert ["closed since 2026-09-09, 11 days"] == row(page_on("2026-09-20", story.records), "stage")


def test_the_page_of_a_day_is_the_same_whenever_it_is_asked_for() -> None:
    """What is entered later changes nothing of a page that was made before, except what may be published today."""
    records = rich()
    for day in ("2026-09-01", "2026-09-04", "2026-09-07"):
        until = [record for record in records if record.at <= instant_text(end_of(day))]
        assert page_on(day, until) == page_on(day, records)
        assert len(until) == len(read_entries([to_bytes(record) for record in records], until=end_of(day)).entries)


def tables() -> dict[str, dict[str, set[str]]]:
    """The tables of the reference page: its head → the names in each row's first cell, with those in its second."""
    found: dict[str, dict[str, set[str]]] = {}
    for head, body in re.findall(r"^(\| .*\|)\n\| --- \| --- \|\n((?:\|.*\n)+)", PAGE.read_text("utf-8"), re.MULTILINE):
        name = head if head not in found else f"{head} {len(found)}"
        found[name] = {}
        for line in body.splitlines():
            first, second = line.split("|")[1:3]
            for member in re.findall(r"`(\w+)`", first):
                found[name][member] = set(re.findall(r"`(\w+)`", second))
    return found


def test_the_reference_lists_every_member_of_the_json() -> None:
    """A register that takes the page in finds each member explained, and none explained that is not there."""
    story = Story()
    story.records.append(
        TermsOffered(
            at=now(story), by="Office for AI", arrangement=Hex32(ARRANGEMENT), terms_version=1, digest=Digest("d" * 64)
        )
    )
    whole = page_members(page_on("2026-09-20", rich(), story.records, access=[record(ARRANGEMENT)]))
    column = whole["engagements"][0]
    rows, page, engagement, line, stated = tables().values()

    assert list(ROWS) == list(column["rows"]) == list(rows)
    assert set(whole) == set(page)
    assert set(column) == set(engagement)
    for one in whole["engagements"]:
        for name, lines in one["rows"].items():
            for found in lines:
                assert set(found) == set(line)
                assert set(found["values"]) <= stated.get(name, set()), name
    assert {"source", "confidence"} == set(column["rows"]["beside"][0]["sources"][0])
