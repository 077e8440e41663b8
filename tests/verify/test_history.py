"""What the entries must keep, replayed by somebody who trusts nobody: one broken rule, one failing fact."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.arrangement import specimen
from tests.verify.specimen import BEGIN, OFFER, RESERVED, Story

from comity.records import Amount, GatewayStarted, Hex32, Index, Instant, instant_text
from comity.verify import Verdict, check_history, read_entries, read_offer
from comity.verify.history import check_times

TERMS = read_offer(OFFER.envelope)
MORE = Amount(input_tokens=120, output_tokens=80, cost_nano=44_000)


def judge(story: Story) -> Verdict:
    history, facts = read_entries(story.entries())
    facts = [*facts, check_times(history), *check_history(history, TERMS, specimen.ORIGIN)]
    return Verdict(subject="story", facts=tuple(facts))


def told(tell: Callable[[Story], object]) -> Verdict:
    story = Story().opened()
    tell(story)
    return judge(story)


def test_the_whole_story_stands() -> None:
    """Plan, run, call, stop, resumption, crash: every fact holds, none is left open."""
    verdict = judge(Story().whole())

    assert verdict.stands, verdict.failures
    assert not verdict.open
    assert "2 permitted: 1 settled, 1 abandoned, 0 open" in verdict.fact("calls").detail


def clock_far_behind(s: Story) -> None:
    at = Instant(instant_text(BEGIN - timedelta(minutes=5)))
    s.tell(GatewayStarted(at=at, incarnation=Hex32("98" * 16), software="test"))


def settle_twice(s: Story) -> None:
    call = s.permitted()
    s.settled(call)
    s.settled(call)


def settle_and_abandon(s: Story) -> None:
    call = s.permitted()
    s.abandoned(call)
    s.settled(call)


def end_with_open_call(s: Story) -> None:
    s.permitted()
    s.ended()


def permit_after_end(s: Story) -> None:
    s.ended()
    s.permitted()


def permit_after_abandonment(s: Story) -> None:
    s.abandoned(s.permitted())
    s.permitted()


def permit_after_stop(s: Story) -> None:
    s.stopped()
    s.permitted()


def permit_in_a_suspension(s: Story) -> None:
    s.suspended()
    s.permitted()


def one_party_resumes_anothers_suspension(s: Story) -> None:
    s.suspended()
    s.suspended(by="authority", signer=specimen.AUTHORITY)
    s.resumed()
    s.permitted()


def meter_after_settlement(s: Story) -> None:
    call = s.permitted()
    s.settled(call)
    s.metered(call)


def meter_twice(s: Story) -> None:
    call = s.permitted()
    s.metered(call)
    s.metered(call)


def meter_other_tokens(s: Story) -> None:
    call = s.permitted()
    s.metered(call, input_tokens=21)
    s.settled(call)


def meter_more_than_was_sent(s: Story) -> None:
    call = s.permitted()
    s.metered(call, cached_read=21)
    s.settled(call)


def one_party_resumes_for_both(s: Story) -> None:
    s.stopped()
    s.stopped(by="authority", signer=specimen.AUTHORITY)
    s.resumed()
    s.permitted()


def permit_after_revocation(s: Story) -> None:
    s.revoked()
    s.permitted()


def silent_overrun(s: Story) -> None:
    s.settled(s.permitted(), charged=MORE)
    s.started(Hex32("99" * 16))


def overrun_at_the_end(s: Story) -> None:
    s.settled(s.permitted(), charged=MORE)


def overrun_twice(s: Story) -> None:
    call = s.permitted()
    s.settled(call, charged=MORE)
    s.overran(call, ("budget.output_tokens", "budget.cost"), MORE)
    s.overran(call, ("budget.output_tokens", "budget.cost"), MORE)


def overrun_with_a_clause_missing(s: Story) -> None:
    call = s.permitted()
    s.settled(call, charged=MORE)
    s.overran(call, ("budget.cost",), MORE)


def permit_after_overrun(s: Story) -> None:
    call = s.permitted()
    s.settled(call, charged=MORE)
    s.overran(call, ("budget.output_tokens", "budget.cost"), MORE)
    s.permitted()


def run_without_plan(s: Story) -> None:
    s.begun()


def call_before_run(s: Story) -> None:
    s.planned()
    s.permitted(run="33" * 16)


def call_after_run(s: Story) -> None:
    s.planned()
    s.begun()
    s.finished()
    s.permitted(run="33" * 16)


def scores_that_grow(s: Story) -> None:
    s.planned()
    s.begun()
    s.scored(correct=2)


def run_twice_begun(s: Story) -> None:
    s.planned()
    s.begun()
    s.begun()


BROKEN: dict[str, tuple[str, Callable[[Story], object]]] = {
    "a settlement of nothing": ("calls", lambda s: s.settled(Index(1))),
    "a settlement before its permit": ("calls", lambda s: s.settled(Index(4))),
    "a call settled twice": ("calls", settle_twice),
    "a call abandoned and settled": ("calls", settle_and_abandon),
    "an abandoned call charged less": ("calls", lambda s: s.abandoned(s.permitted(), charged=Amount(
        input_tokens=0, output_tokens=0, cost_nano=0))),
    "a permit under no grant": ("grants", lambda s: s.permitted(grant=Hex32("ee" * 16))),
    "a permit to another person": ("grants", lambda s: s.permitted(person="evaluator-2")),
    "a permit after its grant expired": ("grants", lambda s: s.permitted(
        at=Instant(instant_text(BEGIN + timedelta(hours=2))))),
    "a permit after its grant was revoked": ("grants", permit_after_revocation),
    "a grant issued twice": ("grants", lambda s: s.granted()),
    "a permit by an unknown gateway": ("gateways", lambda s: s.permitted(incarnation=Hex32("ee" * 16))),
    "a permit by a gateway that ended": ("gateways", permit_after_end),
    "a permit by a gateway whose calls were abandoned": ("gateways", permit_after_abandonment),
    "an orderly end with an open call": ("gateways", end_with_open_call),
    "a call abandoned by another gateway": ("gateways", lambda s: s.abandoned(
        s.permitted(), incarnation=Hex32("ee" * 16))),
    "a permit after a stop": ("stops", permit_after_stop),
    "a permit while the other party's stop stands": ("stops", one_party_resumes_for_both),
    "a resumption of nothing": ("stops", lambda s: s.resumed()),
    "a permit in a suspension": ("suspensions", permit_in_a_suspension),
    "a permit while the other party's suspension stands": ("suspensions", one_party_resumes_anothers_suspension),
    "a clock that neither stops nor runs": ("suspensions", lambda s: s.suspended(clock="waits")),
    "tokens of no call": ("calls", lambda s: s.metered(Index(1))),
    "tokens counted after the settlement": ("calls", meter_after_settlement),
    "tokens counted twice": ("calls", meter_twice),
    "a charge for other tokens than were counted": ("calls", meter_other_tokens),
    "more cached tokens than were sent": ("calls", meter_more_than_was_sent),
    "an excess without an overrun": ("overruns", silent_overrun),
    "an excess as the last entry": ("overruns", overrun_at_the_end),
    "two overruns for one excess": ("overruns", overrun_twice),
    "an overrun that names too few clauses": ("overruns", overrun_with_a_clause_missing),
    "an overrun without an excess": ("overruns", lambda s: s.overran(s.permitted(), ("budget.cost",), MORE)),
    "a permit after an overrun": ("overruns", permit_after_overrun),
    "a run without a frozen plan": ("runs", run_without_plan),
    "a run begun twice": ("runs", run_twice_begun),
    "a call before its run": ("runs", call_before_run),
    "a call after its run": ("runs", call_after_run),
    "scores of a run that never began": ("runs", lambda s: s.scored()),
    "more right answers than judged ones": ("runs", scores_that_grow),
    "a model that the terms do not list": ("permits", lambda s: s.permitted(model="another")),
    "a feature that the terms do not allow": ("permits", lambda s: s.permitted(features=("tools",))),
    "a person who is not eligible": ("permits", lambda s: s.permitted(person="nobody")),
    "a protocol that is not agreed": ("permits", lambda s: s.permitted(protocol="gemini")),
    "a call outside the window": ("permits", lambda s: s.permitted(at=Instant("2027-01-01T00:00:00.000Z"))),
    "an answer by another model marked as agreed": ("models", lambda s: s.settled(s.permitted(), served="other")),
    "an answer by another model handed on": ("models", lambda s: s.settled(
        s.permitted(), served="other", served_check="mismatch")),
    "a permit beyond the budget": ("budget", lambda s: s.permitted(reserved=replace(RESERVED, input_tokens=400_001))),
    "too many calls at once": ("concurrency", lambda s: [s.permitted() for _ in range(17)]),
    "a grant by the provider": ("acts", lambda s: s.granted(signer=specimen.PROVIDER)),
    "a stop that nobody of the terms signed": ("acts", lambda s: s.stopped(signer=specimen.STRANGER)),
    "a suspension that nobody of the terms signed": ("acts", lambda s: s.suspended(signer=specimen.STRANGER)),
    "a suspension in another party's name": ("acts", lambda s: s.suspended(by="authority")),
    "a stop in another party's name": ("acts", lambda s: s.stopped(by="authority")),
    "a grant for another person than was signed": ("acts", lambda s: s.granted(person="evaluator-2")),
    "a grant for longer than was signed": ("acts", lambda s: s.granted(expires="2027-01-01T00:00:00.000Z")),
    "an act that is no note": ("acts", lambda s: s.granted(note="comity grant/1")),
    "the terms signed anew without a new version": ("terms", lambda s: s.signed()),
    "a time far behind": ("times", clock_far_behind),
}  # fmt: skip


@pytest.mark.parametrize(("fact", "tell"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_fails_its_fact_at_its_entry(fact: str, tell: Callable[[Story], object]) -> None:
    """Each rule has a fact that fails when it is broken, and the fact names the entry."""
    verdict = told(tell)

    assert not verdict.stands
    assert fact in {failure.name for failure in verdict.failures}, verdict.failures
    assert verdict.fact(fact).where.startswith("entry ")


def test_an_overrun_that_is_stated_is_no_failure() -> None:
    """Charged beyond the reservation, said so once, and nothing permitted after: the ledger keeps its rules."""

    def tell(s: Story) -> None:
        call = s.permitted()
        s.settled(call, charged=MORE)
        s.overran(call, ("budget.output_tokens", "budget.cost"), MORE)

    verdict = told(tell)
    assert verdict.stands, verdict.failures


def test_the_same_signed_act_counts_once() -> None:
    """A stop that is put in again from an old note is found by its nonce."""
    story = Story().opened()
    story.stopped()
    old = story.records[-1]
    story.resumed()
    story.tell(replace(old, at=story.at()))

    assert "stands at entry 3 already" in judge(story).fact("acts").detail


def test_the_terms_in_hand_must_be_those_that_both_signed() -> None:
    """Another version, one signature, or a stranger's signature in entry 0 fails the terms."""
    other = read_offer(specimen.agreed(specimen.terms("budget.calls", 399)).envelope)
    history, _ = read_entries(Story().opened().entries())
    facts = Verdict(subject="", facts=tuple(check_history(history, other, specimen.ORIGIN)))
    assert "arrangement" == facts.fact("terms").where
    assert facts.fact("budget").holds is None

    lines = OFFER.note.decode().split("\n")
    for note in ("\n".join([*lines[:6], lines[6], ""]), "\n".join([*lines[:7], lines[7][:-4] + "AAA=", ""])):
        story = Story()
        story.signed(note=note)
        assert judge(story).fact("terms").holds is False


def test_entry_0_is_the_signed_terms() -> None:
    """A ledger that begins with anything else is not an arrangement's."""
    story = Story()
    story.started()

    assert "entry 0" == judge(story).fact("terms").where


def test_unknown_kinds_are_said_and_broken_ones_fail() -> None:
    """A newer kind is passed over by name; a known kind in a wrong form, or bytes in another spelling, fail."""
    entries = Story().opened().entries()
    newer = b'{"at":"2026-12-01T09:00:00.000Z","kind":"call.rated","v":1}'
    _, facts = read_entries([*entries, newer])
    assert [True, None] == [fact.holds for fact in facts]
    assert "entry 3: kind 'call.rated' version 1" in facts[1].detail

    for bad in (b"", b"{}", b"\xff", entries[1].replace(b'"at"', b' "at"'), entries[1].replace(b"11", b"1g")):
        _, facts = read_entries([*entries, bad])
        assert facts[0].holds is False
        assert "entry 3" == facts[0].where


def test_without_the_terms_nothing_is_said_about_signatures_and_clauses() -> None:
    """What needs the terms is not established without them, and the rest is."""
    history, _ = read_entries(Story().whole().entries())
    verdict = Verdict(subject="", facts=tuple(check_history(history, None, specimen.ORIGIN)))

    assert verdict.stands
    clauses = {"budget", "days", "reruns", "concurrency", "permits", "clock", "prices", "models", "counters", "guard"}
    assert {"terms", "acts"} | clauses == {fact.name for fact in verdict.open}
