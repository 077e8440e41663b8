"""Clocks of a case: each expectation is counted by hand on a calendar, from the entries of a small story."""

from datetime import UTC, date, datetime

import pytest
from stories import Story

from comity.engagement import case_clocks, case_packs, due_soon, stand
from comity.law import named_calendar
from comity.records import (
    AccessRequested,
    AlertReceived,
    EventStated,
    FindingStated,
    HearingHeld,
    HearingInvited,
    IncidentOpened,
    IncidentReported,
    IncidentResolved,
    InformationAnswered,
    InformationRequested,
    ItemAnswered,
    ItemWithdrawn,
    OfferStated,
    PeriodExtended,
    SubmissionReceived,
    SuspensionImposed,
    SuspensionLifted,
)

INFORMATION = {
    "legal_basis": "Art. 91(1)", "purpose": "p", "asked": ("compute", "energy"), "until": "2026-09-30",
    "fines_notice": "Art. 101", "addressee": "provider",
}  # fmt: skip
ACCESS = {
    "legal_basis": "Art. 92(1)(b)", "ground": "b", "purpose": "p", "reasons": "r", "subject": "nova-5",
    "means": ("api",), "until": "2026-10-15", "fines_notice": "Art. 101", "board_consulted": "2026-08-28",
}  # fmt: skip


def test_an_event_starts_the_clocks_of_the_duties_that_wait_for_it() -> None:
    """Two weeks from 3 September end with the 17th; a notification in time meets the duty, a later one late."""
    story = Story()
    story.tell(EventStated, event="SR_CONDITION_MET_OR_KNOWN", subject="nova-5", on="2026-09-03", at="2026-09-04")
    before = story.clocks("2026-09-10")["AIA-52-1"]

    assert ("running", date(2026, 9, 17)) == (before.clock.state, before.clock.due)
    assert (1,) == tuple(entry.index for entry in before.entries)
    assert "overdue" == story.clocks("2026-09-18")["AIA-52-1"].clock.state

    notified = {"by": "provider", "duties": ("AIA-52-1",), "about": "nova-5"}
    story.tell(SubmissionReceived, on="2026-09-17", at="2026-09-18", **notified)
    after = story.clocks("2026-09-18")["AIA-52-1"]
    assert ("met", (1, 2)) == (after.clock.state, tuple(entry.index for entry in after.entries))


def test_a_submission_about_another_model_meets_nothing() -> None:
    """What arrived for one model shows nothing for another."""
    story = Story()
    story.tell(EventStated, event="SR_CONDITION_MET_OR_KNOWN", subject="nova-5", on="2026-09-03", at="2026-09-04")
    story.tell(SubmissionReceived, by="provider", duties=("AIA-52-1",), about="nova-6")

    assert "running" == story.clocks("2026-09-10")["AIA-52-1"].clock.state


def test_an_inexact_event_opens_a_clock_and_starts_none() -> None:
    """"September 2026" is no day to count from."""
    story = Story()
    story.tell(EventStated, event="SR_CONDITION_MET_OR_KNOWN", subject="nova-5", on="2026-08", at="2026-09-04")
    clock = story.clocks("2026-12-01")["AIA-52-1"].clock

    assert ("not started", None) == (clock.state, clock.due)


def test_a_request_sets_the_period_and_an_extension_moves_it() -> None:
    """The day of the request counts until another one is set; a refusal meets nothing until it is taken back."""
    story = Story()
    request = story.tell(InformationRequested, **INFORMATION)
    assert date(2026, 9, 30) == story.clocks("2026-09-05")["AIA-91-5"].clock.due

    story.tell(PeriodExtended, extends=request, until="2026-10-14", because="a holiday")
    assert date(2026, 10, 14) == story.clocks("2026-09-05")["AIA-91-5"].clock.due

    story.tell(InformationAnswered, request=request, by="provider", answers=(("1", "supplied"), ("2", "refused")))
    assert "overdue" == story.clocks("2026-10-15")["AIA-91-5"].clock.state

    story.tell(InformationAnswered, request=request, by="provider", answers=(("2", "supplied"),), at="2026-10-10")
    assert "met" == story.clocks("2026-10-15")["AIA-91-5"].clock.state


def test_a_full_answer_meets_the_request() -> None:
    """Item by item, in more than one letter."""
    story = Story()
    request = story.tell(InformationRequested, **INFORMATION)
    story.tell(InformationAnswered, request=request, by="provider", answers=(("1", "supplied"), ("2", "partly")))
    assert "running" == story.clocks("2026-09-10")["AIA-91-5"].clock.state
    story.tell(InformationAnswered, request=request, by="provider", answers=(("2", "supplied"),))

    assert "met" == story.clocks("2026-09-10")["AIA-91-5"].clock.state


def test_a_withdrawn_request_has_no_clock() -> None:
    """Withdrawn by an answer it is no longer owed; entered in error it never was."""
    story = Story()
    request = story.tell(InformationRequested, **INFORMATION)
    story.tell(ItemAnswered, answers=request, by="authority", answer="withdrawn")
    assert "ended" == story.clocks("2026-09-10")["AIA-91-5"].clock.state

    story.tell(ItemWithdrawn, withdraws=request, because="wrong case")
    assert "AIA-91-5" not in story.clocks("2026-09-10")


def test_a_third_partys_suspension_stops_the_clock_of_an_access_request() -> None:
    """Due on 15 October; ten days of standing still from 10 September make it the 25th."""
    story = Story()
    story.tell(AccessRequested, **ACCESS)
    suspended = story.tell(
        SuspensionImposed, by="a third state", cause="third-party-suspension", summary="export control",
        on="2026-09-10", at="2026-09-11",
    )  # fmt: skip
    standing = story.clocks("2026-09-15")["AIA-92-5"].clock
    assert ("standing still", None) == (standing.state, standing.due)

    story.tell(SuspensionLifted, suspension=suspended, on="2026-09-20", at="2026-09-21")
    clock = story.clocks("2026-09-22")["AIA-92-5"].clock
    assert ("running", date(2026, 10, 25)) == (clock.state, clock.due)


def test_suspensions_that_overlap_are_one_stop() -> None:
    """From the first begin to the last end, and no day twice: 10 to 25 September are fifteen days."""
    story = Story()
    story.tell(AccessRequested, **ACCESS)
    words = {"by": "x", "cause": "third-party-suspension", "summary": "s"}
    first = story.tell(SuspensionImposed, on="2026-09-10", at="2026-09-10", **words)
    second = story.tell(SuspensionImposed, on="2026-09-15", at="2026-09-15", **words)
    story.tell(SuspensionLifted, suspension=first, on="2026-09-20", at="2026-09-20")
    assert "standing still" == story.clocks("2026-09-21")["AIA-92-5"].clock.state
    story.tell(SuspensionLifted, suspension=second, on="2026-09-25", at="2026-09-25")

    assert date(2026, 10, 30) == story.clocks("2026-09-26")["AIA-92-5"].clock.due


def test_a_suspension_stops_what_it_names_and_no_notification() -> None:
    """A notification needs no access; a named scope reaches that and nothing else."""
    words = {"by": "x", "cause": "third-party-suspension", "summary": "s", "on": "2026-09-05", "at": "2026-09-05"}
    for scope, still in (((), {"AIA-92-5"}), (("AIA-52-1",), {"AIA-52-1"})):
        story = Story()
        story.tell(EventStated, event="SR_CONDITION_MET_OR_KNOWN", subject="nova-5", on="2026-09-01")
        story.tell(AccessRequested, **ACCESS)
        story.tell(SuspensionImposed, scope=scope, **words)
        clocks = story.clocks("2026-09-06")

        assert still == {d for d in ("AIA-92-5", "AIA-52-1") if clocks[d].clock.state == "standing still"}


def test_access_is_given_with_the_first_grant() -> None:
    """A grant under terms in force meets the request; declining it meets nothing."""
    story = Story()
    request = story.tell(AccessRequested, **ACCESS)
    story.tell(ItemAnswered, answers=request, by="provider", answer="declined")
    assert "running" == story.clocks("2026-09-20")["AIA-92-5"].clock.state
    story.force()
    story.grant()

    assert "met" == story.clocks("2026-09-20")["AIA-92-5"].clock.state


@pytest.mark.parametrize(
    ("kinds", "duty", "due"),
    [
        (("critical-infrastructure",), "SS-9.3-2D", date(2026, 9, 12)),
        (("model-exfiltration",), "SS-9.3-5D", date(2026, 9, 15)),
        (("death",), "SS-9.3-10D", date(2026, 9, 20)),
        (("health",), "SS-9.3-15D", date(2026, 9, 25)),
    ],
)
def test_each_class_of_incident_has_its_clock(kinds: tuple[str, ...], duty: str, due: date) -> None:
    """Two, five, ten and fifteen plain days from when the provider was aware, 10 September."""
    story = Story()
    story.tell(
        IncidentOpened, subject="nova-5", by="provider", kinds=kinds, aware="2026-09-10", involvement="suspected",
        summary="s", at="2026-09-11",
    )  # fmt: skip

    assert due == story.clocks("2026-09-11")[duty].clock.due


def test_an_incident_is_followed_to_its_final_report() -> None:
    """Initial in time, the next one four weeks on, the final one sixty days after it was resolved."""
    story = Story()
    incident = story.tell(
        IncidentOpened, subject="nova-5", by="provider", kinds=("death",), aware="2026-09-10", summary="s",
        involvement="established", at="2026-09-11",
    )  # fmt: skip
    story.tell(IncidentReported, incident=incident, report="initial", on="2026-09-18", at="2026-09-18")
    clocks = story.clocks("2026-09-19")
    assert "met" == clocks["SS-9.3-10D"].clock.state
    assert date(2026, 10, 16) == clocks["SS-9.3-INT"].clock.due

    story.tell(IncidentReported, incident=incident, report="intermediate", on="2026-10-14", at="2026-10-14")
    assert date(2026, 11, 11) == story.clocks("2026-10-15")["SS-9.3-INT"].clock.due

    story.tell(IncidentResolved, incident=incident, on="2026-10-20", at="2026-10-20")
    assert date(2026, 12, 19) == story.clocks("2026-10-21")["SS-9.3-FIN"].clock.due
    assert [m.outcome for m in stand(story.case(), story.now).matters] == [""]

    story.tell(IncidentReported, incident=incident, report="final", on="2026-12-01", at="2026-12-01")
    clocks = story.clocks("2026-12-02")
    assert ("met", "ended") == (clocks["SS-9.3-FIN"].clock.state, clocks["SS-9.3-INT"].clock.state)
    assert [m.outcome for m in stand(story.case(), story.now).matters] == ["final report"]


def test_one_incident_starts_the_clocks_of_three_regimes() -> None:
    """Weights are taken: five days, fifteen days and seventy-two hours, each with its own reason."""
    story = Story()
    incident = story.tell(
        IncidentOpened, subject="nova-5", by="provider", kinds=("model-exfiltration",), involvement="established",
        aware="2027-01-10T08:00:00.000Z", summary="s", at="2027-01-10T10:00:00",
    )  # fmt: skip
    at = datetime(2027, 1, 11, tzinfo=UTC)
    case = story.case()
    clocks = {c.clock.duty.id: c.clock for c in case_clocks(case, at, case_packs(case, ["us-ca-sb53", "us-ny-raise"]))}

    assert datetime(2027, 1, 13, 8, tzinfo=UTC) == clocks["NYR-INCIDENT-72H"].due_at
    assert date(2027, 1, 15) == clocks["SS-9.3-5D"].due
    assert date(2027, 1, 25) == clocks["CA53-INCIDENT"].due
    by = {one.clock.duty.id: one.by for one in case_clocks(case, at, case_packs(case, ["us-ca-sb53", "us-ny-raise"]))}
    assert {"provider"} == {by[name] for name in ("NYR-INCIDENT-72H", "SS-9.3-5D", "CA53-INCIDENT")}
    assert 3 == len({clocks[name].why[0] for name in ("NYR-INCIDENT-72H", "SS-9.3-5D", "CA53-INCIDENT")})

    story.tell(IncidentReported, incident=incident, report="initial", law="us-ny-raise", at="2027-01-11T10:00:00")
    later = datetime(2027, 1, 12, tzinfo=UTC)
    case = story.case()
    packs = case_packs(case, ["us-ca-sb53", "us-ny-raise"])
    clocks = {c.clock.duty.id: c.clock for c in case_clocks(case, later, packs)}
    assert {"NYR-INCIDENT-72H": "met", "SS-9.3-5D": "running"} == {
        name: clocks[name].state for name in ("NYR-INCIDENT-72H", "SS-9.3-5D")
    }


def test_a_hearing_has_ten_working_days_at_least() -> None:
    """Invited on Thursday 1 October 2026: ten working days end on the 15th; held on the 5th it was too early."""
    story = Story(begin="2026-09-30")
    hearing = story.tell(HearingInvited, about="m", grounds="g", remedies="r", until="2026-10-15", on="2026-10-01")
    institutions = named_calendar("eu-institutions")
    assert date(2026, 10, 15) == story.clocks("2026-10-02", institutions)["AIA-94"].clock.earliest

    story.tell(HearingHeld, hearing=hearing, held="orally", on="2026-10-05", at="2026-10-05")
    clock = story.clocks("2026-10-06", institutions)["AIA-94"].clock
    assert any("earlier than allowed" in reason for reason in clock.why)


def test_a_complete_alert_is_dealt_with_in_two_weeks() -> None:
    """The clock runs from completeness, not from arrival."""
    story = Story()
    words = {"ground": "a", "contact": "c", "facts": "f", "reasons": "r"}
    alert = story.tell(AlertReceived, complete="2026-09-05", at="2026-09-06", **words)
    assert date(2026, 9, 19) == story.clocks("2026-09-07")["IR454-19"].clock.due

    story.tell(ItemAnswered, answers=alert, by="authority", answer="acted-upon", at="2026-09-20", on="2026-09-20")
    assert "met late" == story.clocks("2026-09-21")["IR454-19"].clock.state


def test_a_final_finding_before_the_time_to_reply_is_shown_as_early() -> None:
    """Preliminary on 1 September, fourteen days to answer, final on the 10th."""
    story = Story(begin="2026-08-31")
    finding = {"finding": "f" * 32, "by": "authority", "duty": "AIA-53-1A", "conclusion": "c", "assurance": "limited"}
    finding |= {"finds": "infringement"}
    story.tell(FindingStated, finding_version=1, stage="preliminary", on="2026-09-01", **finding)
    assert date(2026, 9, 15) == story.clocks("2026-09-02")["DIR-PF"].clock.earliest
    story.tell(FindingStated, finding_version=2, stage="final", on="2026-09-10", at="2026-09-10", **finding)

    assert any("earlier than allowed" in reason for reason in story.clocks("2026-09-11")["DIR-PF"].clock.why)


def test_what_is_due_within_two_weeks_is_listed_the_most_urgent_first() -> None:
    """Overdue comes first, the last day of the fortnight is in, the day after is not."""
    story = Story()
    for until in ("2026-09-03", "2026-09-24", "2026-09-25"):
        story.tell(InformationRequested, at="2026-09-02", **INFORMATION | {"until": until})
    at = datetime(2026, 9, 10, 12, tzinfo=UTC)
    case = story.case()
    soon = due_soon(case_clocks(case, at, case_packs(case)), at)

    assert [date(2026, 9, 3), date(2026, 9, 24)] == [one.clock.due for one in soon if one.clock.duty.id == "AIA-91-5"]


def test_declining_the_only_offer_makes_talks_a_dialogue_again() -> None:
    """Negotiation is about something that is offered."""
    story = Story()
    offer = story.tell(OfferStated, by="provider", to="authority", summary="access to the newest model")
    assert "negotiation" == stand(story.case(), story.now).stage
    story.tell(ItemAnswered, answers=offer, by="provider", answer="withdrawn")

    assert "dialogue" == stand(story.case(), story.now).stage


def test_a_matter_says_whose_turn_it_is_and_for_how_long() -> None:
    """An offer waits for the other side; days are counted until it is answered."""
    story = Story()
    offer = story.tell(OfferStated, by="provider", to="authority", summary="access", at="2026-09-02")
    (matter,) = stand(story.case(), story.now).matters
    assert ("authority", 8) == (matter.waits_for, matter.days_waited(datetime(2026, 9, 10, 1, tzinfo=UTC)))
    story.tell(ItemAnswered, answers=offer, by="authority", answer="accepted", at="2026-09-05")
    (matter,) = stand(story.case(), story.now).matters

    assert ("accepted", "", 3) == (matter.outcome, matter.waits_for, matter.days_waited(story.now))
