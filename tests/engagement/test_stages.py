"""Stages: they follow from entries and time, and from nothing else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.engagement import (
    CaseClosed,
    EngagementError,
    NotACase,
    add,
    grant_refusal,
    origin_of,
    project,
    read_case,
    view,
)
from comity.ledger import PositionMoved, create_ledger, open_ledger
from comity.records import (
    AccessOffered,
    ArrangementInForce,
    Digest,
    EngagementClosed,
    EngagementOpened,
    GatewayEnded,
    GrantGiven,
    GrantRefused,
    GrantRevoked,
    Hex32,
    Instant,
    MeetingHeld,
    Record,
    TermsOffered,
    instant_text,
)

START = datetime(2026, 5, 11, 8, tzinfo=UTC)
ID = Hex32("0123456789abcdef0123456789abcdef")
DIGEST = Digest("ab" * 32)


def day(number: int) -> Instant:
    return Instant(instant_text(START + timedelta(days=number)))


def at(number: float) -> datetime:
    return START + timedelta(days=number)


OPENED = EngagementOpened(
    at=day(0),
    engagement=ID,
    authority="Office for AI",
    provider="Northwind Models",
    initiated_by="provider",
    summary="Access to the newest model",
)
MEETING = MeetingHeld(at=day(1), on="May 2026", topics=("safety",), summary="", open=("which model?",), next="June")
ACCESS = AccessOffered(at=day(2), by="Northwind Models", summary="", offer=DIGEST)
TERMS = TermsOffered(at=day(3), by="Office for AI", arrangement=ID, terms_version=1, digest=DIGEST)
IN_FORCE = ArrangementInForce(at=day(4), arrangement=ID, terms_version=1, digest=DIGEST, until=day(30))
GIVEN = GrantGiven(at=day(5), arrangement=ID, grant=ID, person="evaluator-1", expires=day(30))
REVOKED = GrantRevoked(at=day(6), grant=ID, cause="operational", note="")
REFUSED = GrantRefused(at=day(1), person="evaluator-1", because="no arrangement in force")
CLOSED = EngagementClosed(at=day(40), because="done")


@pytest.mark.parametrize(
    ("records", "now", "stage", "since"),
    [
        ([OPENED], 0, "dialogue", day(0)),
        ([OPENED, MEETING, MEETING], 2, "dialogue", day(0)),
        ([OPENED, REFUSED], 2, "dialogue", day(0)),
        ([OPENED, MEETING, ACCESS], 2, "negotiation", day(2)),
        ([OPENED, TERMS], 3, "negotiation", day(3)),
        ([OPENED, ACCESS, TERMS], 3, "negotiation", day(2)),
        ([OPENED, ACCESS, TERMS, IN_FORCE], 4, "access", day(4)),
        ([OPENED, ACCESS, TERMS, IN_FORCE, GIVEN, MEETING], 29, "access", day(4)),
        ([OPENED, ACCESS, IN_FORCE], 30, "review", day(30)),
        ([OPENED, ACCESS, IN_FORCE, CLOSED], 50, "closed", day(40)),
        ([OPENED, CLOSED], 50, "closed", day(40)),
    ],
)
def test_the_stage_follows_from_entries_and_time(records: list[Record], now: float, stage: str, since: str) -> None:
    """Dialogue, negotiation, access, review, closed: each begins with its entry, review with time alone."""
    seen = project(records, at(now))

    assert (stage, since) == (seen.stage, seen.since)


def test_the_border_of_a_window_is_exact() -> None:
    """Access lasts until just before its end."""
    assert "access" == project([OPENED, IN_FORCE], at(30) - timedelta(milliseconds=1)).stage
    assert "review" == project([OPENED, IN_FORCE], at(30)).stage


def test_an_amendment_under_negotiation_does_not_end_access() -> None:
    """Terms offered while others are in force change nothing until both sides signed them."""
    later = TermsOffered(at=day(10), by="Office for AI", arrangement=ID, terms_version=2, digest=DIGEST)
    longer = ArrangementInForce(at=day(11), arrangement=ID, terms_version=2, digest=DIGEST, until=day(60))

    assert "access" == project([OPENED, IN_FORCE, later], at(12)).stage
    assert "access" == project([OPENED, IN_FORCE, later, longer], at(45)).stage


def test_an_offer_after_the_window_begins_a_new_negotiation() -> None:
    """A case that was in review negotiates again."""
    late = TermsOffered(at=day(35), by="Office for AI", arrangement=ID, terms_version=2, digest=DIGEST)

    seen = project([OPENED, IN_FORCE, late], at(36))

    assert ("negotiation", day(35)) == (seen.stage, seen.since)


def test_the_newest_meeting_says_what_is_open_and_what_is_next() -> None:
    """Each meeting takes stock anew; the list shows the newest state."""
    second = MeetingHeld(at=day(2), on="June 2026", topics=("access",), summary="", open=(), next="an offer in July")

    seen = project([OPENED, MEETING, second], at(3))

    assert (2, (), "an offer in July") == (len(seen.meetings), seen.open, seen.next)
    assert ("which model?",) == project([OPENED, MEETING], at(3)).open


def test_every_stage_says_what_comes_next() -> None:
    """A case handler is never left without the next step, until the case is closed."""
    story: list[Record] = [OPENED, ACCESS, TERMS, IN_FORCE]
    for length in range(1, 5):
        assert project(story[:length], at(5)).next
    assert "" == project([OPENED, CLOSED], at(50)).next


def test_a_grant_lives_until_it_is_revoked() -> None:
    """What is given and not taken back is what the case shows."""
    assert (GIVEN,) == project([OPENED, IN_FORCE, GIVEN], at(6)).grants
    assert () == project([OPENED, IN_FORCE, GIVEN, REVOKED], at(6)).grants
    assert 2 == project([OPENED, REFUSED, REFUSED], at(6)).refused


def test_a_grant_needs_an_arrangement_in_force() -> None:
    """Without one the refusal names the stage and since when; with one there is none."""
    assert f"no arrangement in force; stage dialogue since {day(0)}" == grant_refusal(project([OPENED], at(1)), at(1))
    assert f"no arrangement in force; stage review since {day(30)}" == grant_refusal(
        project([OPENED, IN_FORCE], at(31)), at(31)
    )
    assert grant_refusal(project([OPENED, IN_FORCE], at(5)), at(5)) is None
    assert "access ended" in str(grant_refusal(project([OPENED, IN_FORCE], at(5)), at(31)))


@pytest.mark.parametrize(
    "records",
    [
        [],
        [MEETING],
        [OPENED, OPENED],
        [OPENED, GatewayEnded(at=day(1), incarnation=ID)],
    ],
)
def test_what_tells_no_case_is_refused(records: list[Record]) -> None:
    """A case begins with its opening, once, and holds casework alone."""
    with pytest.raises(NotACase):
        project(records, at(1))


@pytest.mark.parametrize("record", [MEETING, ACCESS, TERMS, IN_FORCE, GIVEN, REFUSED, CLOSED])
def test_nothing_follows_the_close(record: Record) -> None:
    """A closed case takes no entry."""
    with pytest.raises(CaseClosed):
        project([OPENED, CLOSED, record], at(50))


@given(
    st.lists(st.sampled_from([OPENED, MEETING, ACCESS, TERMS, IN_FORCE, GIVEN, REVOKED, REFUSED, CLOSED]), max_size=8)
)
def test_projection_is_total(records: list[Record]) -> None:
    """Entries in any order tell a case or raise an error of this room."""
    try:
        assert project([OPENED, *records], at(10)).stage
    except EngagementError:
        pass


def test_a_casebook_outlives_its_process(tmp_path: Path) -> None:
    """What was added is there when the ledger is opened again, under the case's own origin."""
    ledger = create_ledger(tmp_path / "ledger.sqlite", origin=origin_of("authority.example", ID))
    assert 0 == add(ledger, OPENED, at(0))
    assert 1 == add(ledger, MEETING, at(1))
    ledger.close()

    again = open_ledger(tmp_path / "ledger.sqlite")
    try:
        assert f"authority.example/e/{ID}" == again.origin
        assert (OPENED, MEETING) == read_case(again)
        assert "dialogue" == view(again, at(2)).stage
    finally:
        again.close()


def test_an_entry_that_cannot_follow_is_not_written(tmp_path: Path) -> None:
    """The case is read with the new entry before the entry is written."""
    ledger = create_ledger(tmp_path / "ledger.sqlite", origin=origin_of("authority.example", ID))
    try:
        for record in (OPENED, CLOSED):
            add(ledger, record, at(50))
        with pytest.raises(CaseClosed):
            add(ledger, MEETING, at(50))
        assert 2 == ledger.size()
    finally:
        ledger.close()


def test_a_case_that_moved_on_is_read_again_first(tmp_path: Path) -> None:
    """Who decides on an outdated reading is told so, and nothing is added."""
    ledger = create_ledger(tmp_path / "ledger.sqlite", origin=origin_of("authority.example", ID))
    try:
        add(ledger, OPENED, at(0))
        outdated = ledger.tagged("case").position
        add(ledger, MEETING, at(1))
        with pytest.raises(PositionMoved):
            ledger.append([b"x"], expect=outdated, tags=("case",))
    finally:
        ledger.close()
