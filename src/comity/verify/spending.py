"""Spending: what is settled and reserved, in all, on each day, and by calls of no repeated run.

A call counts with its reservation from its permit on, and with its charge from its settlement on.  Its day is the day
of its permit, in UTC, whenever it is settled.

A call belongs to a *repeated run* if an earlier run was begun under the plan of its run; a call outside any run, or of
a plan's first run, does not.  Of each figure of the budget such first calls take no more than what is left when
`budget.rerun_reserve` percent of it, rounded down, are kept.

By as much as settlements exceeded their reservations a clause may be exceeded too: each such excess has an overrun of
its own, after which nothing more is permitted (`comity.verify.calls`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from comity.records import Amount, CallPermitted, RunBegun
from comity.verify.facts import Faults
from comity.verify.history import entry
from comity.verify.terms import Bounds, TermsView

NOTHING: Final = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


@dataclass(slots=True)
class Spend:
    """One sum that is held to one set of bounds."""

    calls: int = 0
    taken: Amount = NOTHING
    excess: Amount = NOTHING
    """By how much settlements exceeded their reservations."""

    def reserve(self, amount: Amount) -> None:
        """A call is permitted."""
        self.calls += 1
        self.taken += amount

    def settle(self, reserved: Amount, charged: Amount) -> None:
        """A call is settled or abandoned."""
        self.taken = _minus(self.taken + charged, reserved)
        self.excess += Amount(
            input_tokens=max(0, charged.input_tokens - reserved.input_tokens),
            output_tokens=max(0, charged.output_tokens - reserved.output_tokens),
            cost_nano=max(0, charged.cost_nano - reserved.cost_nano),
        )

    def beyond(self, bounds: Bounds) -> Iterator[tuple[str, int, int]]:
        """Each figure that is exceeded beyond what overruns state: its name, what is taken, what is allowed."""
        for name, taken, excess, agreed in (
            ("calls", self.calls, 0, bounds.calls),
            ("input_tokens", self.taken.input_tokens, self.excess.input_tokens, bounds.input_tokens),
            ("output_tokens", self.taken.output_tokens, self.excess.output_tokens, bounds.output_tokens),
            ("cost", self.taken.cost_nano, self.excess.cost_nano, bounds.cost_nano),
        ):
            if taken > agreed + excess:
                yield name, taken, agreed


@dataclass(slots=True)
class Spending:
    """The sums of an arrangement while its entries are read in order."""

    whole: Spend = field(default_factory=Spend)
    days: dict[str, Spend] = field(default_factory=dict)
    first: Spend = field(default_factory=Spend)
    """Calls of no repeated run."""
    _plans: set[str] = field(default_factory=set)
    _runs: dict[str, bool] = field(default_factory=dict)
    """Run → whether it repeats a plan."""

    def begin(self, record: RunBegun) -> None:
        """A run begins."""
        self._runs.setdefault(record.run, record.plan in self._plans)
        self._plans.add(record.plan)

    def permit(self, permit: CallPermitted) -> None:
        """A call is permitted."""
        for spend in self._sums(permit):
            spend.reserve(permit.reserved)

    def settle(self, permit: CallPermitted, charged: Amount) -> None:
        """A call is settled or abandoned, which counts on the day of its permit."""
        for spend in self._sums(permit):
            spend.settle(permit.reserved, charged)

    def hold(self, index: int, permit: CallPermitted, terms: TermsView, faults: Mapping[str, Faults]) -> None:
        """Compare the sums that one call changed with their bounds; a fault names the entry."""
        for name, taken, agreed in self.whole.beyond(terms.budget):
            faults["budget"].add(entry(index), f"{taken} settled or reserved; budget.{name} allows {agreed}")
        day = day_of(permit.at)
        for name, taken, agreed in self.days[day].beyond(terms.per_day):
            said = f"{taken} settled or reserved on {day}; budget.per_day.{name} allows {agreed}"
            faults["days"].add(entry(index), said)
        for name, taken, agreed in self.first.beyond(terms.budget.less(terms.rerun_reserve)):
            said = f"{taken} settled or reserved by calls of no repeated run; budget.rerun_reserve leaves them {agreed}"
            faults["reruns"].add(entry(index), f"{said} of budget.{name}")

    def _sums(self, permit: CallPermitted) -> Iterator[Spend]:
        yield self.whole
        yield self.days.setdefault(day_of(permit.at), Spend())
        if not self._runs.get(permit.run, False):
            yield self.first


def day_of(at: str) -> str:
    """The day of an instant, in UTC.

    >>> day_of("2026-12-01T23:59:59.999Z")
    '2026-12-01'
    """
    return at[:10]


def _minus(amount: Amount, other: Amount) -> Amount:
    return Amount(
        input_tokens=amount.input_tokens - other.input_tokens,
        output_tokens=amount.output_tokens - other.output_tokens,
        cost_nano=amount.cost_nano - other.cost_nano,
    )
