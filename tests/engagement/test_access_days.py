"""Business days granted: each day of the window, counted by hand, with what took it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich_world import DAYS, ONE, TERMS, Access, at, opened, rich_terms

from comity.arrangement import Terms
from comity.engagement.access_days import AccessDays, Shut, access_days
from comity.law import PLAIN, Calendar
from comity.records import (
    AccessClosed,
    AccessExited,
    AccessResumed,
    AccessStopped,
    AccessSuspended,
    Digest,
    GatewayEnded,
    GatewayStarted,
)

LATER = datetime(2027, 1, 1, tzinfo=UTC)


def count(
    access: Access, *, terms: Terms = TERMS, calendar: Calendar = DAYS, now: datetime = LATER, outside: Any = ()
) -> AccessDays:  # fmt: skip
    """The days of a ledger."""
    return access_days(terms, access.read(until=now, calendar=calendar), calendar, now, outside)


def suspend(access: Access, since: str, until: str, *, by: str = "provider", clock: str = "runs") -> None:
    """A suspension and its end."""
    access.add(AccessSuspended(at=at(since), by=by, cause="operational", clock=clock, note=""))
    access.add(AccessResumed(at=at(until), by=by, cause="operational", note=""))


def lost(days: AccessDays) -> list[str]:
    """The days that were lost."""
    return [f"{one.day:%m-%d}" for one in days.lost]


def test_a_window_without_incident_grants_every_business_day() -> None:
    """22 in October and 20 in November by the institutions' calendar, 21 by a calendar without holidays."""
    days = count(opened())
    assert (42, 0, 0) == (len(days.granted), len(days.lost), days.to_come)
    assert 43 == len(count(opened(), calendar=PLAIN).granted)


@pytest.mark.parametrize(
    ("since", "until", "gone"),
    [
        ("10-13T00:00", "10-13T11:59", []),
        ("10-12T22:00", "10-13T09:59", []),
        ("10-12T22:00", "10-13T10:00", ["10-13"]),
        ("10-13T08:00", "10-14T12:00", ["10-13", "10-14"]),
        ("10-16T12:00", "10-19T06:00", []),
        ("10-17T00:00", "10-18T23:00", []),
        ("10-30T00:00", "11-03T23:00", ["10-30", "11-03"]),
    ],
)
def test_half_a_day_takes_the_day(since: str, until: str, gone: list[str]) -> None:
    """Days end in Brussels, two hours ahead of UTC until 25 October; weekends and 2 November cannot be lost."""
    access = opened()
    suspend(access, since, until)
    assert gone == lost(count(access))


def test_two_suspensions_on_a_day_count_their_time_once() -> None:
    """Both sides suspend for the same seven hours: the day stands. For seven hours each, one after the other: lost."""
    together, apart = opened(), opened()
    for by in ("authority", "provider"):
        suspend(together, "10-13T08:00", "10-13T15:00", by=by)
    suspend(apart, "10-13T01:00", "10-13T08:00", by="authority")
    suspend(apart, "10-13T09:00", "10-13T16:00")

    assert [] == lost(count(together))
    assert ["10-13"] == lost(count(apart))
    assert 2 == len(count(apart).lost[0].causes) and 4 == len(count(apart).lost[0].cites)


def test_a_stop_lasts_until_its_own_side_resumes() -> None:
    """The other side's resumption lifts nothing; without any, every later day is lost."""
    access = opened()
    access.add(AccessStopped(at=at("10-13T00:00"), by="authority", cause="containment", note=""))
    access.add(AccessResumed(at=at("10-14T00:00"), by="provider", cause="operational", note=""))
    access.add(AccessResumed(at=at("10-15T00:00"), by="authority", cause="cause-ended", note=""))
    assert ["10-13", "10-14"] == lost(count(access))

    access.records.pop()
    days = count(access)
    assert (8, 34) == (len(days.granted), len(days.lost))


def test_the_providers_exit_takes_days_and_the_authoritys_ends_the_window() -> None:
    """Whoever leaves by choice loses nothing; days after the other side's exit are lost, and nothing lifts it."""
    theirs, own, both = opened(), opened(), opened()
    for access, by in ((theirs, "provider"), (own, "authority")):
        access.add(
            AccessExited(
                at=at("10-08T09:00"), by=by, cause="purpose-met", effective="2026-10-13T00:00:00.000Z", notice_days=5,
                note="",
            )
        )  # fmt: skip
    theirs.add(AccessResumed(at=at("10-14T09:00"), by="provider", cause="cause-ended", note=""))
    both.add(AccessClosed(at=at("10-13T00:00"), digest=Digest("d" * 64), grants=0, note=""))

    assert (8, 34) == (len(count(theirs).granted), len(count(theirs).lost))
    assert ("exit by the provider: purpose-met",) == count(theirs).lost[0].causes
    assert (8, 0, 8) == (len(count(own).granted), len(count(own).lost), count(own).in_all)
    assert (8, 0) == (len(count(both).granted), len(count(both).lost))
    own.add(AccessClosed(at=at("10-20T00:00"), digest=Digest("d" * 64), grants=0, note=""))
    assert 8 == count(own).in_all


def test_a_clock_that_stands_still_lengthens_the_window() -> None:
    """Two business days are lost to the suspension and come at the end, so that 42 are granted after all."""
    access = opened()
    suspend(access, "10-13T00:00", "10-15T00:00", clock="stops")
    days = count(access)
    assert (["10-13", "10-14"], 42) == (lost(days), len(days.granted))
    assert date(2026, 12, 2) == days.granted[-1]


def test_a_suspension_over_the_end_of_the_window_moves_it_by_its_whole_length() -> None:
    """Suspended from 27 November to 4 December: seven days come at the end. One that begins later moves nothing."""
    access = opened()
    suspend(access, "11-27T00:00", "12-04T00:00", clock="stops")
    suspend(access, "12-20T00:00", "12-22T00:00", clock="stops")
    days = count(access)
    assert ["11-27", "11-30", "12-01", "12-02", "12-03"] == lost(days)
    assert (date(2026, 12, 7), 42) == (days.granted[-1], len(days.granted))

    running = opened()
    running.add(AccessSuspended(at=at("11-27T00:00"), by="provider", cause="operational", clock="stops", note=""))
    still = count(running, now=datetime(2026, 12, 10, 12, tzinfo=UTC))
    assert "12-09" in lost(still) and date(2026, 11, 26) == still.granted[-1]


@pytest.mark.parametrize(
    ("begins", "until", "granted"),
    [
        ("2026-10-01T00:00:00Z", "2026-10-09T22:00:00Z", 7),
        ("2026-10-01T00:00:00Z", "2026-10-09T10:00:00Z", 7),
        ("2026-10-01T00:00:00Z", "2026-10-09T09:59:00Z", 6),
        ("2026-10-01T10:00:00Z", "2026-10-09T22:00:00Z", 7),
        ("2026-10-01T10:01:00Z", "2026-10-09T22:00:00Z", 6),
    ],
)
def test_a_day_of_which_half_lies_in_the_window_is_one_of_it(begins: str, until: str, granted: int) -> None:
    """In Brussels a day of October runs from 22:00 to 22:00 UTC; noon there is at ten."""
    hours = TERMS.value()["window"]["hours"]
    terms = rich_terms(window={"from": begins, "until": until, "hours": hours}, access_days=5)
    assert granted == len(count(opened(), terms=terms).granted)


def test_a_gateway_that_does_not_run_takes_days_and_one_of_two_takes_none() -> None:
    """From the window's begin until the first start, and between the last end and the next start."""
    late, two = Access(), opened()
    late.records = [record for record in opened().records if record.kind != "gateway.started"]
    late.add(GatewayStarted(at=at("10-06T06:00"), incarnation=ONE, software="comity"))
    assert ["10-01", "10-02", "10-05"] == lost(count(late))
    two.add(GatewayStarted(at=at("10-13T00:00"), incarnation="3" * 32, software="comity"))
    two.add(GatewayEnded(at=at("10-14T00:00"), incarnation=ONE))
    assert [] == lost(count(two))
    two.add(GatewayEnded(at=at("10-15T00:00"), incarnation="3" * 32))
    two.add(GatewayStarted(at=at("10-16T00:00"), incarnation=ONE, software="comity"))
    assert ["10-15"] == lost(count(two))
    two.add(GatewayEnded(at=at("11-26T23:30"), incarnation=ONE))
    ended = count(two)
    assert ["10-15", "11-27", "11-30"] == lost(ended)
    assert (f"{TERMS.ledger.origin}#{len(two.records) - 1}",) == ended.lost[-1].cites


def test_a_dead_gateway_is_down_from_when_its_calls_were_given_up() -> None:
    """It says no word of its end; whoever takes its permits over does."""
    access = opened()
    access.call("10-13T00:30", outcome="abandoned")
    access.records[-1] = replace_incarnation(access.records[-1])
    assert "10-14" in lost(count(access)) and "10-12" not in lost(count(access))


def replace_incarnation(record: Any) -> Any:
    """The same entry about the gateway that ran."""
    return type(record).from_members(record.members() | {"incarnation": ONE})


@pytest.mark.parametrize(("answered", "failed", "gone"), [(1, 1, True), (2, 1, False), (0, 1, True), (1, 0, False)])
def test_a_day_on_which_half_of_the_calls_fail_at_the_provider_is_lost(answered: int, failed: int, gone: bool) -> None:
    """What the caller got wrong, such as a malformed body, is no failure of the provider."""
    access = opened()
    for _ in range(answered):
        access.call("10-13T09:00")
    for _ in range(failed):
        access.call("10-13T09:10", outcome="provider-failed", status=503)
    access.call("10-14T09:00", outcome="provider-refused", status=400)
    assert (["10-13"] if gone else []) == lost(count(access))


def test_hours_of_the_terms_are_the_measure() -> None:
    """Where calls pass from 08:00 to 12:00 UTC alone, two hours shut are half of the day."""
    hours = {"days": ["mon", "tue", "wed", "thu"], "from": "08:00", "until": "12:00"}
    window = {"from": "2026-10-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "hours": hours}
    terms = rich_terms(window=window, access_days=10)
    access = opened()
    suspend(access, "10-13T08:00", "10-13T10:00")
    suspend(access, "10-14T12:00", "10-14T23:00")
    days = count(access, terms=terms)
    assert ["10-13"] == lost(days)
    assert not any(day.weekday() == 4 for day in days.granted)


def test_what_is_outside_the_ledger_takes_days_too() -> None:
    """A third party's act is in the case, and lasts until it is lifted."""
    act = Shut(since=datetime(2026, 10, 13, tzinfo=UTC), until=None, cause="export control", cites=("x#1",))
    assert (8, 34) == (len(count(opened(), outside=(act,)).granted), len(count(opened(), outside=(act,)).lost))
    lifted = replace(act, until=datetime(2026, 10, 14, tzinfo=UTC))
    assert [("x#1",)] == [one.cites for one in count(opened(), outside=(lifted,)).lost]


def test_the_day_that_is_not_over_is_still_to_come() -> None:
    """At nine in the evening in Brussels, 13 October is to come; at one in the night it was granted."""
    evening, night = datetime(2026, 10, 13, 19, tzinfo=UTC), datetime(2026, 10, 13, 23, tzinfo=UTC)
    assert (8, 34) == (len(count(opened(), now=evening).granted), count(opened(), now=evening).to_come)
    assert (9, 33) == (len(count(opened(), now=night).granted), count(opened(), now=night).to_come)
    assert 42 == count(opened(), now=night).most
    midnight = datetime(2026, 10, 13, 22, tzinfo=UTC)
    assert 9 == len(count(opened(), now=midnight).granted)


@given(
    st.lists(
        st.tuples(st.sampled_from(["authority", "provider"]), st.integers(0, 45 * 24), st.integers(1, 200)), max_size=6
    ),
    st.integers(0, 80 * 24),
)
def test_days_add_up_whatever_was_shut(shut: list[tuple[str, int, int]], hours: int) -> None:
    """Granted, lost and to come are the business days of the window; a lost day is never granted."""
    begin = datetime(2026, 10, 1, tzinfo=UTC)
    outside = [
        Shut(since=begin + timedelta(hours=since), until=begin + timedelta(hours=since + length), cause=by, cites=())
        for by, since, length in shut
    ]
    days = count(opened(), now=begin + timedelta(hours=hours), outside=outside)
    assert 42 == days.in_all
    assert not {one.day for one in days.lost} & set(days.granted)
    assert list(days.granted) == sorted(set(days.granted))
