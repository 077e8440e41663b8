"""The clauses that entries are held to, one broken at a time: days, hours, repeated runs, clock, prices, guard."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.arrangement import specimen
from tests.verify.specimen import BEGIN, CHARGED, OFFER, RESERVED, RUN, Story

from comity.arrangement import Terms, parse_terms_json
from comity.gateway.guard_counters import Counters
from comity.gateway.guard_reconcile import reconcile
from comity.records import (
    Amount,
    ArrangementSigned,
    Digest,
    GuardCounted,
    Hex32,
    Index,
    Instant,
    canonical_bytes,
    instant_text,
)
from comity.verify import MalformedOfferFile, TermsView, Verdict, check_history, read_entries, read_offer
from comity.verify.guard import guard_days

PRICED = read_offer(OFFER.envelope).models["gemma-3-270m"].prices
AGAIN = Hex32("34" * 16)
THIRD = Hex32("35" * 16)


def judge(story: Story, agreed: Terms | None = None) -> Verdict:
    """The facts about a story; under other terms than the specimen's, if they are given."""
    offer = specimen.agreed(agreed)
    if agreed is not None:
        signed = story.records[0]
        assert isinstance(signed, ArrangementSigned)
        story.records[0] = replace(signed, digest=Digest(offer.terms.digest), note=offer.note.decode())
    history, _ = read_entries(story.entries())
    return Verdict(subject="", facts=tuple(check_history(history, read_offer(offer.envelope), specimen.ORIGIN)))


def told(tell: Callable[[Story], object], path: str = "", new: Any = None) -> Verdict:
    story = Story().opened()
    tell(story)
    return judge(story, specimen.terms(path, new) if path else None)


def at(**after: float) -> Instant:
    return Instant(instant_text(BEGIN + timedelta(**after)))


def spend(story: Story, calls: int, **changes: Any) -> None:
    for _ in range(calls):
        story.settled(story.permitted(**changes))


DAY = "budget.per_day"
FEW = {"calls": 2, "input_tokens": 200_000, "output_tokens": 30_000, "cost": "0.50"}


def test_a_day_is_held_to_its_budget() -> None:
    """The third call of a day with two is named with its clause; on the next day calls pass again."""
    broken = told(lambda s: spend(s, 3), DAY, FEW).fact("days")
    assert (False, "entry 7") == (broken.holds, broken.where)
    assert "on 2026-12-01; budget.per_day.calls allows 2" in broken.detail

    def two_days(s: Story) -> None:
        spend(s, 2)
        spend(s, 2, at=at(days=1))

    assert told(two_days, DAY, FEW).fact("days").holds


@pytest.mark.parametrize(
    ("figure", "most"), [("input_tokens", 239), ("output_tokens", 127), ("cost", "0.000079")]
)
def test_each_figure_of_a_day_counts_what_is_reserved(figure: str, most: int | str) -> None:
    """Two calls that are open at once are beyond a day that has room for less than both reservations."""
    fact = told(lambda s: [s.permitted(), s.permitted()], f"{DAY}.{figure}", most).fact("days")
    assert fact.holds is False and f"budget.per_day.{figure}" in fact.detail


def test_a_call_counts_on_the_day_of_its_permit() -> None:
    """Settled after midnight, its charge takes the place of its reservation on the day before."""
    late = Instant("2026-12-02T00:00:01.000Z")

    def tell(s: Story) -> None:
        s.granted(grant=Hex32("23" * 16), expires="2026-12-03T00:00:00.000Z")
        call = s.permitted(at=Instant("2026-12-01T23:59:59.000Z"), grant=Hex32("23" * 16))
        s.settled(call, at=late)
        s.settled(s.permitted(at=late, grant=Hex32("23" * 16)), at=late)

    day = {"calls": 1, "input_tokens": 120, "output_tokens": 64, "cost": "0.00004"}
    fact = told(tell, DAY, day).fact("days")
    assert fact.holds, fact
    assert "calls on 2 days" in fact.detail


def runs(story: Story, *, first: int, again: int, outside: int = 0) -> None:
    """A plan, a run of it with so many calls, another run of the same plan, and calls outside any run."""
    story.planned()
    story.begun()
    spend(story, first, run=RUN)
    story.finished()
    story.begun(run=AGAIN)
    spend(story, again, run=AGAIN)
    spend(story, outside)


TEN = {"calls": 10, "input_tokens": 200_000, "output_tokens": 30_000, "cost": "0.50"}


def ten_calls(percent: int) -> Terms:
    value = specimen.changed("budget.per_day", TEN)
    value["budget"] |= {"calls": 10, "rerun_reserve": percent}
    return parse_terms_json(canonical_bytes(value))


@pytest.mark.parametrize(
    ("percent", "first", "again", "outside", "holds"),
    [
        (30, 7, 3, 0, True),
        (30, 8, 0, 0, False),
        (30, 6, 0, 1, True),
        (30, 7, 0, 1, False),
        (30, 0, 10, 0, True),
        (0, 10, 0, 0, True),
        (25, 8, 2, 0, True),  # a quarter of ten is two: what is kept is rounded down
        (25, 9, 0, 0, False),
    ],
)
def test_what_is_kept_for_repeated_runs_no_other_call_takes(
    percent: int, first: int, again: int, outside: int, holds: bool
) -> None:
    """A plan's first run and calls outside runs take what the reserve leaves; a repeated run takes all of it."""
    story = Story().opened()
    runs(story, first=first, again=again, outside=outside)

    fact = judge(story, ten_calls(percent)).fact("reruns")
    assert fact.holds is holds, fact
    if not holds:
        assert "budget.rerun_reserve" in fact.detail and fact.where.startswith("entry ")


def test_a_run_of_another_plan_is_no_repeated_run() -> None:
    """The first run of a second plan takes nothing of the reserve."""
    story = Story().opened()
    runs(story, first=5, again=0)
    story.begun(run=THIRD, plan=Digest("45" * 32))
    spend(story, 3, run=THIRD)

    assert judge(story, ten_calls(30)).fact("reruns").holds is False


@pytest.mark.parametrize(
    ("hours", "passes"),
    [
        ({"days": ["tue"], "from": "09:00", "until": "10:00"}, True),
        ({"days": ["tue"], "from": "09:00", "until": "24:00"}, True),
        ({"days": ["tue"], "from": "08:00", "until": "09:00"}, False),
        ({"days": ["tue"], "from": "09:01", "until": "24:00"}, False),
        ({"days": ["mon", "wed"], "from": "00:00", "until": "24:00"}, False),
    ],
)
def test_calls_fall_into_the_hours_of_the_window(hours: dict[str, Any], passes: bool) -> None:
    """The first of December 2026, a Tuesday, at nine: from is part of the hours, until is not."""
    fact = told(lambda s: s.permitted(), "window.hours", hours).fact("permits")
    assert fact.holds is passes
    assert passes or "outside the hours" in fact.detail


def suspended_for(story: Story, *, cause: str, clock: str, hours: float = 3) -> None:
    story.suspended(cause=cause, clock=clock)
    story.resumed(at=at(hours=hours))


def test_the_clock_of_grants_stands_still_in_a_suspension() -> None:
    """A grant of two hours, suspended for three, holds for two hours of the clock; not if the clock ran."""

    def tell(clock: str, cause: str) -> Callable[[Story], object]:
        def story(s: Story) -> None:
            suspended_for(s, cause=cause, clock=clock)
            s.permitted(at=at(hours=4))

        return story

    still = told(tell("stops", "operational"))
    assert still.fact("grants").holds and still.fact("clock").holds
    assert "stood still for 2:59:57" in still.fact("suspensions").detail
    assert told(tell("runs", "terms-breach")).fact("grants").holds is False


def test_the_window_ends_later_by_what_the_clock_stood_still() -> None:
    """Suspensions of both parties that overlap count once; past the end of the window and these, nothing passes."""

    def tell(when: float) -> Callable[[Story], object]:
        def story(s: Story) -> None:
            s.suspended()
            s.suspended(by="authority", signer=specimen.AUTHORITY, at=at(hours=1))
            s.resumed(at=at(hours=2))
            s.resumed(by="authority", signer=specimen.AUTHORITY, at=at(hours=3))
            s.permitted(at=at(hours=when))

        return story

    until = "2026-12-01T09:30:00Z"
    assert told(tell(3.49), "window.until", until).fact("permits").holds
    beyond = told(tell(3.51), "window.until", until).fact("permits")
    assert beyond.holds is False and "by a clock that stood still for 2:59:57" in beyond.detail


@pytest.mark.parametrize(("cause", "clock"), [("operational", "runs"), ("terms-breach", "stops")])
def test_a_suspension_stops_the_clock_for_the_causes_agreed_and_no_other(cause: str, clock: str) -> None:
    """An entry that says otherwise than `suspension.clock_stops` is named."""
    fact = told(lambda s: s.suspended(cause=cause, clock=clock)).fact("clock")
    assert (False, "entry 3") == (fact.holds, fact.where)
    assert "suspension.clock_stops" in fact.detail


@pytest.mark.parametrize("clause", ["stop.by", "suspension.by"])
def test_only_those_whom_the_clause_names_stop_or_suspend(clause: str) -> None:
    """A signed act of the other party is no act that the terms know."""
    fact = told(lambda s: [s.stopped(), s.suspended()], clause, ["authority"]).fact("acts")
    assert fact.holds is False and clause in fact.detail


def overrun(charged: Amount) -> Callable[[Story], object]:
    return lambda s: s.settled(s.permitted(), charged=charged)


PRICES: dict[str, tuple[bool, Callable[[Story], object]]] = {
    "a reservation at the price of input": (False, lambda s: s.permitted(reserved=replace(RESERVED, cost_nano=37_600))),
    "a reservation a nano too dear": (False, lambda s: s.permitted(reserved=replace(RESERVED, cost_nano=40_001))),
    "a charge at the dearest price": (False, overrun(replace(CHARGED, cost_nano=3_200))),
    "a charge a nano too cheap": (False, overrun(replace(CHARGED, cost_nano=2_799))),
    "cached tokens without their count": (False, overrun(replace(CHARGED, cost_nano=2_380))),
    "cached tokens with their count": (True, lambda s: meter(s, cost_nano=2_380)),
    "a count that is not charged for": (False, lambda s: meter(s, cost_nano=2_800)),
    "nothing sent and nothing charged": (True, lambda s: s.settled(s.permitted(), usage="nothing", charged=Amount(
        input_tokens=0, output_tokens=0, cost_nano=0))),
    "nothing sent and something charged": (False, lambda s: s.settled(s.permitted(), usage="nothing")),
    "the reservation where no usage came": (True, lambda s: s.settled(s.permitted(), usage="reservation",
        charged=RESERVED)),
    "less than the reservation where no usage came": (False, lambda s: s.settled(s.permitted(), usage="reservation")),
}  # fmt: skip


def meter(story: Story, **changes: int) -> None:
    call = story.permitted()
    story.metered(call)
    story.settled(call, charged=replace(CHARGED, **changes))


@pytest.mark.parametrize(("holds", "tell"), PRICES.values(), ids=PRICES.keys())
def test_what_is_reserved_and_charged_is_computed_again(holds: bool, tell: Callable[[Story], object]) -> None:
    """Ten tokens read from the cache at 0.05, four written at 0.12, six at 0.10, two of output at 0.40."""
    fact = told(tell).fact("prices")
    assert fact.holds is holds, fact


@given(st.integers(0, 10**8), st.integers(0, 10**8), st.integers(0, 10**8), st.integers(0, 10**8))
def test_two_readers_of_the_prices_come_to_the_same_cost(read: int, written: int, plain: int, output: int) -> None:
    """The verifier's own arithmetic and the one that is charged by agree on every count."""
    [model], prices = OFFER.terms.models, PRICED
    sent = read + written + plain
    assert prices.most_nano(sent, output) == model.most_nano(sent, output)
    cached = {"cached_read": read, "cache_write": written}
    assert prices.cost_nano(sent, output, **cached) == model.cost_nano(sent, output, **cached)


GUARDED: dict[str, tuple[str, Callable[[Story], object]]] = {
    "equal": ("equal", lambda s: answered(s, lambda calls: calls)),
    "one more": ("more", lambda s: answered(s, lambda calls: [*calls, 99])),
    "one fewer": ("fewer", lambda s: answered(s, lambda calls: calls[1:])),
    "another": ("different", lambda s: answered(s, lambda calls: [*calls[1:], 99])),
    "nobody counted": ("uncounted", lambda s: answered(s, lambda calls: None)),
    "with calls that may have passed": ("equal", lambda s: lost(s, lambda sure, may: [*sure, *may])),
    "without calls that may have passed": ("equal", lambda s: lost(s, lambda sure, may: sure)),
    "a call that was not sent": ("more", lambda s: lost(s, lambda sure, may: [*sure, *may, 98])),
}  # fmt: skip


def answered(story: Story, count: Callable[[list[int]], list[int] | None]) -> None:
    calls = []
    for _ in range(3):
        calls.append(int(story.permitted()))
        story.settled(Index(calls[-1]))
    passed = count(calls)
    if passed is not None:
        story.counted(passed)


def lost(story: Story, count: Callable[[list[int], list[int]], list[int]]) -> None:
    """An answered call, an abandoned one, one that the provider failed, and one that was never sent."""
    calls = [int(story.permitted()) for _ in range(4)]
    story.settled(Index(calls[0]))
    story.settled(Index(calls[1]), outcome="provider-failed", status=502, served="", served_check="none", answer="")
    story.settled(Index(calls[2]), outcome="not-sent", status=0, served="", served_check="none", answer="")
    story.abandoned(Index(calls[3]))
    story.counted(sorted(count([calls[0]], [calls[1], calls[3]])))


@pytest.mark.parametrize(("outcome", "tell"), GUARDED.values(), ids=GUARDED.keys())
def test_the_guards_counters_are_compared_with_the_ledger(outcome: str, tell: Callable[[Story], object]) -> None:
    """Agreement holds; whatever else is not established, and fails nothing: counters are one party's word."""
    story = Story().opened()
    tell(story)
    history, _ = read_entries(story.entries())
    [day] = guard_days(history)

    assert (outcome, "2026-12-01") == (day.outcome, day.day)
    verdict = judge(story)
    assert verdict.fact("guard").holds is (True if outcome == "equal" else None)
    assert verdict.fact("counters").holds
    assert verdict.stands, verdict.failures
    for record in [record for record in story.records if isinstance(record, GuardCounted)]:
        counters = Counters(
            origin=specimen.ORIGIN, terms="", day=record.day, at=BEGIN, passed=record.passed, refused={}, lowest=None,
            highest=None, indexes=record.indexes,
        )  # fmt: skip
        assert reconcile(counters, history).outcome == outcome, "two readers of the same counters agree"


COUNTERS: dict[str, Callable[[Story], object]] = {
    "signed by somebody else": lambda s: s.counted([], signer=specimen.PROVIDER),
    "of another ledger": lambda s: s.counted([], origin="elsewhere.example/a/" + "0" * 32),
    "another day than was signed": lambda s: rewritten(s, day="2026-12-02"),
    "more than was signed": lambda s: rewritten(s, passed=1),
    "fewer refusals than were signed": lambda s: rewritten(s, refused=1),
    "other calls than were signed": lambda s: rewritten(s, indexes=Digest("00" * 32)),
    "no note": lambda s: s.counted([], note="comity guard-counters/1"),
    "recorded twice": lambda s: s.tell(s.records[s.counted([])]),
}


def rewritten(story: Story, **changes: Any) -> None:
    """Counters whose entry was changed after they had been signed."""
    last = story.records[story.counted([])]
    assert isinstance(last, GuardCounted)
    story.records[-1] = replace(last, **changes)


@pytest.mark.parametrize("tell", COUNTERS.values(), ids=COUNTERS.keys())
def test_counters_that_the_guard_did_not_sign_so_are_named(tell: Callable[[Story], object]) -> None:
    """The entry says what the guard's key signed, once, or `counters` fails there."""
    fact = told(tell).fact("counters")
    assert fact.holds is False and fact.where.startswith("entry ")


def test_without_a_guard_a_bypass_is_not_excluded() -> None:
    """Terms without a guard leave the fact open, and counters under them are refused."""
    none = {"by": "none", "permit_key": specimen.PERMIT.vkey, "key": ""}
    verdict = told(lambda s: s.settled(s.permitted()), "guard", none)
    assert verdict.fact("guard").holds is None and "not excluded" in verdict.fact("guard").detail
    assert told(lambda s: s.counted([]), "guard", none).fact("counters").holds is False


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("window.hours.days", ["someday"]),
        ("window.hours.from", "9:00"),
        ("window.hours.until", "24:01"),
        ("budget.rerun_reserve", True),
        ("budget.rerun_reserve", 101),
        ("budget.per_day.cost", "a lot"),
        ("models.0.prices.cached_read", "0.0000001"),
        ("models.0.prices.cache_write", 1),
        ("suspension.by", ["nobody"]),
        ("guard.by", "somebody"),
        ("guard.key", "no key"),
    ],
)
def test_terms_that_cannot_be_read_are_refused(path: str, value: Any) -> None:
    """A clause that entries are held to is read in one way or not at all."""
    assert isinstance(view(specimen.changed()), TermsView)
    with pytest.raises(MalformedOfferFile):
        view(specimen.changed(path, value))


def view(value: dict[str, Any]) -> TermsView:
    terms = canonical_bytes(value).decode()
    return read_offer(canonical_bytes({"format": "comity offer/1", "note": "x", "terms": terms}))
