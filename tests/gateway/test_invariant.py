"""The invariant: whatever comes between what, no clause is exceeded, or one overrun entry says by which call."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from audit import Audit
from books import Books, Spent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STEPS = 60
RATE = {"calls_per_minute": 12, "tokens_per_minute": 10**6, "concurrency": 8}
BUDGET: dict[str, Any] = {
    "calls": 30, "input_tokens": 5_000, "output_tokens": 260, "cost": "0.000600", "currency": "EUR",
    "output_unstated": "reserve", "rerun_reserve": 30,
    "per_day": {"calls": 15, "input_tokens": 2_600, "output_tokens": 140, "cost": "0.000330"},
}  # fmt: skip
CLAUSES = ("calls", "input_tokens", "output_tokens", "cost")


class Interleaving:
    """Three gateways' incarnations over one ledger, two parties and time, in an order drawn from a seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.draw = Random(seed)
        ample = BUDGET | {"calls": 10**6, "input_tokens": 10**9, "output_tokens": 10**9, "cost": "1000.00"}
        # one clause alone is near its end in half of the stories, so that each comes to bind
        one, narrow = self.draw.choice(CLAUSES), self.draw.random() < 0.5
        kept = {name: BUDGET[name] if name == one or not narrow else ample[name] for name in CLAUSES}
        day = {name: BUDGET["per_day"][name] if name == one or not narrow else ample[name] for name in CLAUSES}
        reserve = self.draw.choice([0, 30])
        tokens = self.draw.choice([900, 10**6, 10**6])
        budget = BUDGET | kept | {"per_day": day, "rerun_reserve": reserve}
        self.books = Books(folder, gates=3, budget=budget, rate=RATE | {"tokens_per_minute": tokens})
        self.audit = Audit(self.books.terms)
        self.refused: Counter[str] = Counter()

    def run(self) -> None:
        steps: list[tuple[Callable[[], None], int]] = [
            (self.calls_come_together, 40), (self.time_passes, 18), (self.a_party_bars_the_way, 5),
            (self.a_gateway_dies, 4), (self.a_run_begins, 6), (self.a_usage_exceeds, 1),
        ]  # fmt: skip
        acts, weights = zip(*steps, strict=True)
        for act in self.draw.choices(acts, weights, k=STEPS):
            act()
            self.check()

    def calls_come_together(self) -> None:
        """Some calls are settled and some decided in one transaction, as a gateway does under load."""
        draw, books = self.draw, self.books
        gone = draw.sample(books.open, min(len(books.open), draw.randrange(6)))
        settle = [(permit, self.spent(permit.amount)) for permit in gone]
        asks = [
            (draw.randrange(1, 100), draw.randrange(1, 20), draw.choice(["", "", *books.runs]))
            for _ in range(draw.randrange(6))
        ]
        for decision in books.round(draw.randrange(3), settle=settle, ask=asks):
            if not hasattr(decision, "amount"):
                self.refused[decision.refusal.clause] += 1

    def spent(self, reserved: Any) -> Spent:
        """What a call may have taken: within its reservation, or nothing that is known."""
        draw = self.draw
        usage = draw.randrange(reserved.input_tokens + 1), draw.randrange(reserved.output_tokens + 1)
        read = draw.randrange(usage[0] + 1)
        match draw.randrange(8):
            case 0:
                return Spent(usage=None)
            case 1:
                return Spent(usage=usage, complete=False)
            case 2:
                return Spent(usage=usage, unpriced=True)
            case 3:
                return Spent(sent=False)
            case 4:
                return Spent(usage=usage, cached=(read, draw.randrange(usage[0] - read + 1)))
            case 5:
                return Spent(usage=usage, anomaly=draw.choice(["denied", "rate-limited", "overloaded", "slow"]))
        return Spent(usage=usage)

    def time_passes(self) -> None:
        self.books.later(timedelta(seconds=self.draw.choice([0.4, 7, 20, 59.9, 61, 3_600, 40_000])))

    def a_party_bars_the_way(self) -> None:
        """A party stops or suspends; nothing passes; it resumes, sometimes after the other did the same."""
        draw, books = self.draw, self.books
        parties = draw.sample(["authority", "provider"], draw.randrange(1, 3))
        for party in parties:
            cause = draw.choice(["", "operational", "containment"])  # the second stops the window's clock
            done = books.suspend(party, cause) if cause else books.stop(party)
            assert isinstance(done, int)
            books.later(timedelta(minutes=draw.randrange(90)))
            assert not hasattr(books.ask(), "amount")
        for party in draw.sample(parties, len(parties)):
            assert isinstance(books.resume(party), int)

    def a_gateway_dies(self) -> None:
        self.books.die(self.draw.randrange(3))

    def a_run_begins(self) -> None:
        self.books.begin_run(self.draw.choice(["c" * 64, "d" * 64]))

    def a_usage_exceeds(self) -> None:
        """Two calls take more than was reserved while others come in the same moment; seldom, as it ends everything."""
        open_calls = self.books.open[:2]
        excess = [Spent(usage=(0, permit.amount.output_tokens + 1)) for permit in open_calls]
        decided = self.books.round(0, settle=list(zip(open_calls, excess, strict=True)), ask=[(1, 1, ""), (1, 1, "")])
        assert not open_calls or not any(hasattr(each, "amount") for each in decided), "permitted beside an excess"

    def check(self) -> None:
        """The entries hold the clauses, and the tables are what the entries say."""
        books, audit = self.books, self.audit
        audit.follow(books.records(audit.next))
        tables = books.tables()
        rows: Any = {(span, at): tuple(row) for span, at, *row in tables["gate_sum"]}
        assert (*audit.all.row(), len(audit.reserved)) == rows[("all", 0)]
        assert audit.rerun.row() == rows.get(("rerun", 0), (0,) * 5)[:4]
        days = {at: row[:4] for (span, at), row in rows.items() if span == "day"}
        assert days == {day: taken.row() for day, taken in audit.days.items()}
        assert sorted(audit.reserved) == sorted(permit.index for permit in books.open)
        assert sorted(audit.overrun.items()) == tables["gate_overrun"]


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**31))
def test_in_any_interleaving_each_clause_holds_or_an_overrun_says_why_not(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """After each step settled and reserved together stay within each clause (of all, of a day, of the share of first
    runs, of a minute, at once), or exactly one overrun entry an excess says why not and nothing passes after it; no
    call passes under a stop or a suspension; the tables say what the entries say, and follow from them alone."""
    story = Interleaving(tmp_path_factory.mktemp("story"), seed)
    with story.books.ledger:
        story.run()
        before = story.books.tables()
        assert before == story.books.rebuilt()


@pytest.mark.slow
def test_the_interleavings_come_to_every_clause(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Stories that never met a bound would show nothing: over a few seeds each clause refuses, and usage exceeds."""
    refused: Counter[str] = Counter()
    overruns = days = reruns = 0
    for seed in range(20):
        story = Interleaving(tmp_path_factory.mktemp("story"), seed)
        with story.books.ledger:
            story.run()
        refused += story.refused
        overruns, days = overruns + story.audit.overruns, max(days, len(story.audit.days))
        reruns += story.audit.rerun.calls

    wanted = {f"{budget}.{name}" for budget in ("budget", "budget.per_day") for name in CLAUSES}
    wanted |= {f"rate.{name}" for name in RATE} | {"budget.rerun_reserve"}
    assert wanted <= set(refused), wanted - set(refused)
    assert overruns > 3 and days > 2 and reruns > 10, (overruns, days, reruns)
