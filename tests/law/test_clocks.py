"""Clocks: each state follows from acts, each due time has its reason, and any past day can be asked for."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_law import FIRST, clock_of, days, durations, instants, made, moments, noted, opened

from comity.law import (
    PLAIN,
    Act,
    ActRefused,
    Calendar,
    Clock,
    Duration,
    DutyUnknown,
    Ended,
    Extended,
    Fixed,
    LawError,
    Met,
    Moment,
    Noted,
    Opened,
    Stopped,
    WentOn,
    clock_members,
    due_within,
    parse_deadline,
    parse_duration,
    read_clocks,
)
from comity.law.due import Time, limits_of

START = date(2026, 3, 2)
DUE = date(2026, 3, 16)


def stopped(on: Moment, cause: str = "an export control") -> Stopped:
    """The clock `c` stops."""
    return Stopped(clock="c", at=on, on=on, cause=cause)


def went_on(on: Moment) -> WentOn:
    """The clock `c` goes on."""
    return WentOn(clock="c", at=on, on=on)


def extended(by: str, at: Moment = START) -> Extended:
    """The clock `c` gets more time."""
    return Extended(clock="c", at=at, by=parse_duration(by), reason="asked for")


def met(on: Moment) -> Met:
    """The duty of the clock `c` is met."""
    return Met(clock="c", at=on, on=on)


def told() -> tuple[Act, ...]:
    """A clock of two weeks, opened and begun."""
    return opened("T-1"), noted("STARTED", START)


def test_a_clock_waits_for_its_event() -> None:
    """Before the event there is no due time, and the reason names the event that is missing."""
    clock = clock_of(opened("T-1"))

    assert (clock.state, clock.due) == ("not started", None)
    assert "STARTED, which is not noted" in clock.why[0]


def test_a_clock_that_runs_says_when_and_why() -> None:
    """Two weeks after the event, with the event, the rule and the source at hand."""
    clock = clock_of(*told(), at=date(2026, 3, 10))

    assert (clock.state, clock.due) == ("running", DUE)
    assert clock.why == (
        "2 weeks after STARTED (2026-03-02, that day not counted): ends with 2026-03-16 (UTC)",
        "without undue delay",
    )
    assert (clock.duty.src, clock.duty.confidence) == (("T1",), "primary")


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (date(2026, 3, 16), "running"),
        (datetime(2026, 3, 16, 23, 59, 59, tzinfo=UTC), "running"),
        (datetime(2026, 3, 17, tzinfo=UTC), "overdue"),
        (date(2026, 3, 17), "overdue"),
    ],
)
def test_the_last_day_belongs_to_the_period(at: Moment, state: str) -> None:
    """A period ends at the end of its last day and not before."""
    assert clock_of(*told(), at=at).state == state


@pytest.mark.parametrize(
    ("at", "state"),
    [(datetime(2026, 3, 5, 9, 30, tzinfo=UTC), "running"), (datetime(2026, 3, 5, 9, 30, 1, tzinfo=UTC), "overdue")],
)
def test_hours_are_over_at_their_instant(at: datetime, state: str) -> None:
    """72 hours are over a second after them, and not before."""
    begun = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    assert clock_of(opened("T-4"), noted("NOTICED", begun), at=at).state == state


@pytest.mark.parametrize(
    ("on", "state"),
    [
        (date(2026, 3, 16), "met"),
        (datetime(2026, 3, 16, 23, 59, tzinfo=UTC), "met"),
        (date(2026, 3, 17), "met late"),
    ],
)
def test_what_is_met_is_met_in_time_or_late(on: Moment, state: str) -> None:
    """The day on which a duty was met decides, and not the day of asking."""
    assert clock_of(*told(), met(on)).state == state


def test_what_is_met_at_the_instant_is_met_in_time() -> None:
    """72 hours include their last instant."""
    acts = (opened("T-4"), noted("NOTICED", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)))

    assert clock_of(*acts, met(datetime(2026, 3, 5, 9, 30, tzinfo=UTC))).state == "met"
    assert clock_of(*acts, met(datetime(2026, 3, 5, 9, 30, 1, tzinfo=UTC))).state == "met late"


def test_the_earlier_of_two_limits_counts() -> None:
    """Four weeks after one event and two weeks before another: whichever comes first."""
    acts = (opened("T-2"), noted("STARTED", START))

    assert clock_of(*acts).due == date(2026, 3, 30)
    assert clock_of(*acts, noted("PLACED", date(2026, 4, 1), at=START)).due == date(2026, 3, 18)
    assert clock_of(*acts, noted("PLACED", date(2026, 6, 1), at=START)).due == date(2026, 3, 30)


def test_a_clock_that_stands_still_has_no_due_time() -> None:
    """While it stands, the reason says since when, why, and what it would come to if it went on now."""
    clock = clock_of(*told(), stopped(date(2026, 3, 5)), at=date(2026, 3, 8))

    assert (clock.state, clock.due) == ("standing still", None)
    assert clock.why[:2] == (
        "stands still since 2026-03-05: an export control",
        "without this stop it would end on 2026-03-16; were it to go on now, on 2026-03-19",
    )
    assert clock.stood == timedelta(days=4)


def test_a_clock_that_went_on_is_due_as_much_later_as_it_stood() -> None:
    """Three days of standing still are three days more, and the reason says so."""
    clock = clock_of(*told(), stopped(date(2026, 3, 5)), went_on(date(2026, 3, 8)), at=date(2026, 3, 9))

    assert (clock.state, clock.due) == ("running", date(2026, 3, 19))
    assert clock.why[0].endswith("; 3 days later, because the clock stood still")
    assert clock.stood == timedelta(days=3)


def test_a_stop_after_the_end_saves_nobody() -> None:
    """What was overdue when the clock stopped stays overdue."""
    clock = clock_of(*told(), stopped(date(2026, 3, 20)), at=date(2026, 3, 25))

    assert (clock.state, clock.due) == ("overdue", DUE)


def test_a_stop_that_begins_later_does_not_stand_yet() -> None:
    """A suspension announced for tomorrow leaves today's clock running."""
    announced = Stopped(clock="c", at=START, on=date(2026, 3, 10), cause="announced")

    assert clock_of(*told(), announced, at=date(2026, 3, 9)).state == "running"
    assert clock_of(*told(), announced, at=date(2026, 3, 10)).state == "standing still"


def test_an_extension_adds_time_and_keeps_its_reason() -> None:
    """Ten days more end ten days later, and whoever reads the date reads why."""
    clock = clock_of(*told(), extended("P10D"))

    assert clock.due == date(2026, 3, 26)
    assert "extended by 10 days: asked for" in clock.why[0]
    assert clock.extended == ((parse_duration("P10D"), "asked for"),)


def test_a_request_sets_the_period_of_a_duty_on_request() -> None:
    """Where the law leaves the period to the request, the request's day is the due day."""
    before = clock_of(opened("T-8"))
    after = clock_of(opened("T-8"), Fixed(clock="c", at=START, until=date(2026, 4, 1), reason="request 7"))

    assert (before.state, before.due, before.why) == (
        "running", None, ("no fixed time: the request sets the period",),
    )  # fmt: skip
    assert (after.due, after.why[0]) == (date(2026, 4, 1), "set to 2026-04-01: request 7")


def test_a_recurring_duty_begins_anew_when_it_is_met() -> None:
    """Every four weeks: from the event at first, then from the last time."""
    acts = (opened("T-5"), noted("REPORTED", START))

    assert clock_of(*acts, at=START).due == date(2026, 3, 30)
    clock = clock_of(*acts, met(date(2026, 3, 20)), at=date(2026, 3, 25))
    assert (clock.state, clock.due) == ("running", date(2026, 4, 17))
    assert clock.why[0].startswith("4 weeks after it was last met (2026-03-20")


def test_time_added_to_one_round_is_not_added_to_the_next() -> None:
    """An extension belongs to the report that it was given for."""
    acts = (opened("T-5"), noted("REPORTED", START), extended("P10D"), met(date(2026, 4, 8)))

    assert clock_of(*acts, at=date(2026, 4, 1)).due == date(2026, 4, 9)
    assert clock_of(*acts).due == date(2026, 5, 6)


def test_a_recurring_duty_says_what_it_waits_for() -> None:
    """Without its event it has not begun."""
    clock = clock_of(opened("T-5"))

    assert (clock.state, clock.why) == ("not started", ("every 4 weeks, from REPORTED, which is not noted",))


def test_what_is_to_be_kept_ends_when_it_may_go() -> None:
    """A retention has no due time; it says until when, and is over then."""
    acts = (opened("T-6"), noted("PLACED", date(2026, 3, 2)))

    clock = clock_of(*acts, at=date(2036, 3, 2))
    assert (clock.state, clock.due, clock.keep_until) == ("running", None, date(2036, 3, 2))
    assert clock_of(*acts, at=date(2036, 3, 3)).state == "ended"


def test_what_is_owed_all_the_time_ends_with_its_event() -> None:
    """A continuous duty runs from the start, without a date, until what ends it happens."""
    assert clock_of(opened("T-7")).state == "running"
    assert clock_of(opened("T-7"), noted("CLOSED", START), at=date(2026, 3, 1)).state == "running"
    assert clock_of(opened("T-7"), noted("CLOSED", START), at=date(2026, 3, 3)).state == "ended"


def test_what_was_there_before_gets_the_later_day() -> None:
    """A legacy date holds for what is marked as legacy and for nothing else."""
    assert clock_of(opened("T-9")).due == date(2026, 6, 1)
    assert clock_of(opened("T-9", legacy=True)).due == date(2027, 6, 1)


def test_no_limit_falls_before_the_day_from_which_a_duty_binds() -> None:
    """What was there when the duty began to bind is owed from that day, and what comes later at its event."""
    assert clock_of(opened("T-13")).due is None
    assert clock_of(opened("T-13"), noted("PLACED", START)).due == date(2026, 6, 1)
    assert clock_of(opened("T-13"), noted("PLACED", date(2026, 7, 1))).due == date(2026, 7, 1)


def test_an_event_before_the_duty_bound_begins_no_period() -> None:
    """A report is not owed on what happened before the law asked for one."""
    clock = clock_of(opened("T-12"), noted("NOTICED", date(2026, 5, 31)))

    assert (clock.state, clock.due) == ("ended", None)
    assert clock.why[0] == "not owed: NOTICED was on 2026-05-31, and the duty binds from 2026-06-01"
    assert clock_of(opened("T-12"), noted("NOTICED", date(2026, 6, 1))).due == date(2026, 6, 16)


def test_a_least_period_is_a_bound_and_no_limit() -> None:
    """Ten business days at least: nobody is late by it, and acting earlier is said to be too early."""
    acts = (opened("T-10"), noted("STARTED", START), noted("CLOSED", date(2026, 3, 31)))
    clock = clock_of(*acts)

    assert clock.earliest == date(2026, 3, 16)
    assert clock.due == date(2026, 3, 30)  # before: the day before it
    early = clock_of(opened("T-10"), noted("STARTED", START), met(date(2026, 3, 10)))
    assert "that is earlier than allowed: 10 business days after STARTED" in early.why[1]


def test_a_guideline_is_no_limit() -> None:
    """What a guideline gives as an example is shown, and nobody is overdue by it."""
    clock = clock_of(opened("T-11"), noted("STARTED", START))

    assert (clock.state, clock.due, clock.guideline) == ("running", None, date(2026, 3, 30))
    assert "no fixed time: within the phase 'planning'" in clock.why


def test_a_clock_that_ended_is_no_longer_owed() -> None:
    """Whatever the date, and with the reason; nothing comes after."""
    ended = Ended(clock="c", at=date(2026, 3, 9), reason="the request was withdrawn")

    assert clock_of(*told(), ended).state == "ended"
    assert clock_of(*told(), ended).why[0] == "no longer owed: the request was withdrawn"
    with pytest.raises(ActRefused, match="it ended"):
        clock_of(*told(), ended, met(date(2026, 3, 10)))


def test_an_event_noted_again_is_a_correction() -> None:
    """The newer date holds, and the older stays in the replay of an earlier day."""
    acts = (*told(), noted("STARTED", date(2026, 3, 4), at=date(2026, 3, 9)))

    assert clock_of(*acts).due == date(2026, 3, 18)
    assert clock_of(*acts, at=date(2026, 3, 8)).due == DUE


def test_any_past_day_can_be_asked_for() -> None:
    """What was entered later is not known earlier."""
    acts = (*told(), stopped(date(2026, 3, 5)), went_on(date(2026, 3, 8)), met(date(2026, 3, 18)))
    states = [clock_of(*acts, at=date(2026, 3, day)).state for day in (2, 5, 8, 18)]

    assert states == ["running", "standing still", "running", "met"]
    assert read_clocks(acts, [made()], date(2025, 12, 31)) == ()


@pytest.mark.parametrize(
    ("acts", "message"),
    [
        ([noted("STARTED", START)], "expected an act on a clock that was opened; 'c' was not"),
        ([opened("T-1"), opened("T-1")], "expected a clock to be opened once"),
        ([opened("T-1"), noted("NOTICED", START)], "expected one of its events, STARTED; got NOTICED"),
        ([*told(), went_on(START)], "does not stand still"),
        ([*told(), stopped(START), stopped(START)], "was stopped again"),
        ([*told(), stopped(DUE), WentOn(clock="c", at=DUE, on=START)], "before it was stopped"),
        ([*told(), met(START), met(START)], "is no recurring duty"),
        ([*told(), Met(clock="c", at=START, on=DUE)], "after the act was entered"),
        ([opened("T-1", at=DUE), noted("STARTED", START)], "in the order in which they were entered"),
        (
            [Opened(clock="c", at=START, pack="no-law", version=FIRST, duty="T-1")],
            "expected a pack at hand; 'c' counts by no-law 2026-01-01",
        ),
    ],
)  # fmt: skip
def test_an_act_that_cannot_be_is_refused(acts: list[Act], message: str) -> None:
    """No clock is made of acts that contradict each other."""
    with pytest.raises(ActRefused, match=message):
        clock_of(*acts)


def test_a_clock_of_a_duty_that_is_not_there_is_refused() -> None:
    """The pack says which duties it has."""
    with pytest.raises(DutyUnknown, match="expected a duty of test-law 2026-01-01; got 'T-99'"):
        clock_of(opened("T-99"))


def test_what_is_due_soon_comes_first() -> None:
    """Overdue before due tomorrow, both before what has time, and what has no time not at all."""
    acts: list[Act] = []
    for name, start in (("late", date(2026, 2, 1)), ("soon", date(2026, 3, 1)), ("later", date(2026, 4, 1))):
        acts.append(Opened(clock=name, at=START, pack="test-law", version=FIRST, duty="T-1"))
        acts.append(Noted(clock=name, at=START, event="STARTED", on=start))
    acts.append(Opened(clock="words", at=START, pack="test-law", version=FIRST, duty="T-8"))
    clocks = read_clocks(acts, [made()], START)

    assert [clock.id for clock in due_within(clocks, START)] == ["late", "soon"]
    assert [clock.id for clock in due_within(clocks, START, days=60)] == ["late", "soon", "later"]


def test_the_last_day_to_look_ahead_is_looked_at() -> None:
    """Fourteen days ahead are fourteen, and not thirteen."""
    clocks = (clock_of(*told(), at=START),)

    assert due_within(clocks, START, days=14) == clocks
    assert due_within(clocks, START, days=13) == ()


def test_a_calendar_may_move_the_last_day_of_a_period() -> None:
    """A Saturday becomes the Monday with the reason; a day that a request set stays as it was set."""
    moving = Calendar(name="office", move_last_day=True)
    saturday = clock_of(opened("T-1"), noted("STARTED", date(2026, 3, 7)), calendar=moving)
    asked = Fixed(clock="c", at=START, until=date(2026, 3, 21), reason="request 7")

    assert saturday.due == date(2026, 3, 23)
    assert saturday.why[0].endswith("; moved from 2026-03-21, which is no business day of the calendar office")
    assert clock_of(opened("T-8"), asked, calendar=moving).due == date(2026, 3, 21)


@pytest.mark.parametrize(
    ("clause", "kind", "end"),
    [
        ("min:E+P10D", "earliest", date(2026, 3, 12)),
        ("min:E-P10D", "limit", date(2026, 2, 20)),
        ("max:E+P10D", "limit", date(2026, 3, 12)),
        ("max:E-P10D", "earliest", date(2026, 2, 20)),
        ("not_before:E+P10D", "earliest", date(2026, 3, 12)),
        ("not_before:E", "earliest", START),
        ("not_before:2026-08-02", "earliest", date(2026, 8, 2)),
        ("by:E", "limit", START),
        ("before:E", "limit", date(2026, 3, 1)),
        ("delete_at:E", "limit", START),
        ("until:E", "until", START),
        ("retain:E+P10D", "keep", date(2026, 3, 12)),
        ("guideline:E+P10D", "guideline", date(2026, 3, 12)),
        ("min_window:20BD", "words", None),
        ("interim:immediately", "words", None),
        ("same_as:Art. 73", "words", None),
    ],
)
def test_each_clause_becomes_what_it_says(clause: str, kind: str, end: Moment | None) -> None:
    """At least so long before an event is a limit, at most so long before it a bound; and so for each clause."""
    (limit,) = limits_of(parse_deadline(clause), Time(noted={"E": START}), PLAIN)

    assert (limit.kind, limit.end, limit.clause) == (kind, end, clause)


def test_a_limit_before_an_event_can_be_extended_and_does_not_stand_still() -> None:
    """It follows its event; time that somebody grants is added all the same."""
    time = Time(
        noted={"E": date(2026, 8, 15)},
        standing=((date(2026, 7, 1), date(2026, 7, 20)),),
        extended=((parse_duration("P3D"), "granted"),),
    )
    (limit,) = limits_of(parse_deadline("due:E-P2W"), time, PLAIN)

    assert limit.end == date(2026, 8, 4)


def test_a_pack_may_count_by_its_own_calendar() -> None:
    """Two regimes over one incident do not share their holidays."""
    holiday = Calendar(name="h", holidays=frozenset({date(2026, 3, 4)}))
    acts = (opened("T-3"), noted("NOTICED", START))
    (plain,) = read_clocks(acts, [made()], START)
    (own,) = read_clocks(acts, [made()], START, PLAIN, {"test-law": holiday})

    assert (plain.due, own.due) == (date(2026, 3, 9), date(2026, 3, 10))


def test_a_clock_is_json_with_reason_and_source() -> None:
    """What a script reads has the date, the reason, the source and the mark beside each other."""
    members = clock_members(clock_of(opened("T-3"), noted("NOTICED", START), at=START))

    assert members["due"] == "2026-03-09"
    assert members["due_at"] == "2026-03-10T00:00:00Z"
    assert members["reasons"][0].startswith("5 business days after NOTICED")
    assert (members["src"], members["confidence"]) == (["T2"], "unconfirmed")
    assert members["calendar"]["name"] == "plain"
    stood = clock_of(*told(), stopped(date(2026, 3, 5)), went_on(date(2026, 3, 8)))
    assert clock_members(stood)["stood_seconds"] == 3 * 86_400


acts_after = st.lists(
    st.one_of(
        st.builds(Stopped, clock=st.just("c"), at=days, on=moments, cause=st.just("x")),
        st.builds(WentOn, clock=st.just("c"), at=days, on=moments),
        st.builds(Extended, clock=st.just("c"), at=days, by=durations, reason=st.just("x")),
        st.builds(Fixed, clock=st.just("c"), at=days, until=moments, reason=st.just("x")),
        st.builds(Met, clock=st.just("c"), at=days, on=moments),
        st.builds(Ended, clock=st.just("c"), at=days, reason=st.just("x")),
        st.builds(Noted, clock=st.just("c"), at=days, event=st.sampled_from(["STARTED", "PLACED"]), on=moments),
    ),
    max_size=8,
).map(lambda acts: sorted(acts, key=lambda act: PLAIN.first_instant(act.at)))


@given(st.sampled_from(sorted(made().duties)), acts_after, moments)
def test_any_acts_make_a_clock_or_are_refused(duty: str, acts: list[Act], at: Moment) -> None:
    """A fold over whatever comes ends in a value or in the room's error."""
    try:
        clocks = read_clocks([opened(duty, date(2020, 1, 1)), *acts], [made()], at)
    except LawError:
        return
    assert [clock.id for clock in clocks] == ["c"]
    assert clock_members(clocks[0])["clock"] == "c"


@given(acts_after, days)
def test_a_replay_knows_only_what_was_entered_by_then(acts: list[Act], at: date) -> None:
    """The clocks of a past day are those that the acts up to that day make, whatever came later."""
    every: list[Act] = [opened("T-2", date(2020, 1, 1)), *acts]
    known = [act for act in every if PLAIN.first_instant(act.at) < PLAIN.end_of(at)]

    def read(some: list[Act]) -> tuple[Clock, ...] | str:
        try:
            return read_clocks(some, [made()], at)
        except LawError as error:
            return str(error)

    assert read(every) == read(known)


@given(instants, durations, durations)
def test_an_extension_never_makes_a_clock_due_earlier(start: datetime, first: Duration, second: Duration) -> None:
    """Each extension leaves the due time later than before."""
    acts: list[Act] = [opened("T-1", date(2019, 1, 1)), noted("STARTED", start)]
    ends = []
    for more in (first, second):
        ends.append(clock_of(*acts, at=start).due_at)
        acts.append(Extended(clock="c", at=start, by=more, reason="x"))
    ends.append(clock_of(*acts, at=start).due_at)

    assert None not in ends
    assert ends[0] < ends[1] < ends[2]  # type: ignore[operator]  # the line above is the check


@given(days, st.integers(1, 13), st.integers(0, 30))
def test_stop_and_go_on_shift_a_clock_by_exactly_the_standing_time(start: date, wait: int, stood: int) -> None:
    """A clock that stood so many days is due so many days later."""
    acts = (opened("T-1", date(2019, 1, 1)), noted("STARTED", start))
    stop = start + timedelta(days=wait)
    resumed = stop + timedelta(days=stood)
    before, after = clock_of(*acts, at=start), clock_of(*acts, stopped(stop), went_on(resumed), at=resumed)

    assert before.due is not None and after.due is not None
    assert after.due - before.due == timedelta(days=stood)
    assert after.stood == timedelta(days=stood)
