"""The account of a ledger from its entries alone: what is taken of each clause, and that nothing was ever beyond it.

Written apart from the gateway's tables, so that both can be compared; it knows the terms and the entries, no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from comity.arrangement import Terms
from comity.records import Amount, CallPermitted, Record, parse_instant

SECONDS = 60


@dataclass
class Sum:
    """Calls, and what is settled and reserved for them together."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int = 0

    def add(self, amount: Amount, sign: int = 1, *, calls: int = 0) -> None:
        self.calls += calls
        self.input_tokens += sign * amount.input_tokens
        self.output_tokens += sign * amount.output_tokens
        self.cost_nano += sign * amount.cost_nano

    def row(self) -> tuple[int, int, int, int]:
        return self.calls, self.input_tokens, self.output_tokens, self.cost_nano

    def within(self, bound: Any, share: int = 100) -> bool:
        """Whether no figure is beyond this share, in percent, of a bound."""
        names = ("calls", "input_tokens", "output_tokens", "cost_nano")
        agreed = [getattr(bound, name) for name in names]
        return all(
            taken <= most - most * (100 - share) // 100 for taken, most in zip(self.row(), agreed, strict=True)
        )


@dataclass
class Audit:
    """Follow a ledger's entries one by one; raises `AssertionError` at the first that should not be there."""

    terms: Terms
    all: Sum = field(default_factory=Sum)
    first: Sum = field(default_factory=Sum)
    """Of calls that repeat no run."""
    rerun: Sum = field(default_factory=Sum)
    days: dict[int, Sum] = field(default_factory=dict)
    permits: dict[int, CallPermitted] = field(default_factory=dict)
    charged: dict[int, Amount] = field(default_factory=dict)
    """Permit → what it was charged, once it ended."""
    reserved: dict[int, Amount] = field(default_factory=dict)
    """Permit → what is reserved, while it is open."""
    overrun: dict[str, int] = field(default_factory=dict)
    overruns: int = 0
    next: int = 0
    _plans: dict[str, int] = field(default_factory=dict)
    _repeats: dict[str, bool] = field(default_factory=dict)
    _barred: set[tuple[str, str]] = field(default_factory=set)
    _excess: int | None = None

    def follow(self, records: Iterable[Record]) -> "Audit":
        """Go on with the entries that come next."""
        for record in records:
            self._follow(self.next, record)
            self.next += 1
        return self

    def _follow(self, index: int, record: Any) -> None:
        if self._excess is not None:
            assert ("call.overran", self._excess) == (record.kind, record.permit), "an excess without its entry"
        match record.kind:
            case "run.begun":
                self._repeats[record.run] = record.plan in self._plans
                self._plans.setdefault(record.plan, index)
            case "access.stopped" | "access.suspended":
                self._barred.add((record.kind, record.by))
            case "access.resumed":
                self._barred -= {("access.stopped", record.by), ("access.suspended", record.by)}
            case "call.permitted":
                self._permit(index, record)
            case "call.settled" | "call.abandoned":
                self._end(record)
            case "call.overran":
                assert record.permit == self._excess, "an overrun without an excess"
                assert (self.permits[record.permit].reserved, self.charged[record.permit]) == (
                    record.reserved,
                    record.charged,
                )
                assert len(record.clauses) == len(record.charged.exceeds(record.reserved))
                self._excess = None
                self.overruns += 1
                for clause in record.clauses:
                    self.overrun.setdefault(clause, record.permit)

    def _sums(self, permit: CallPermitted) -> list[Sum]:
        day = int(parse_instant(permit.at).timestamp()) // 86_400
        kind = self.rerun if self._repeats.get(permit.run) else self.first
        return [self.all, kind, self.days.setdefault(day, Sum())]

    def _permit(self, index: int, record: CallPermitted) -> None:
        budget, rate = self.terms.budget, self.terms.rate
        assert not self.overrun, "a permit after an overrun"
        assert not self._barred, f"a permit under {self._barred}"
        self.permits[index], self.reserved[index] = record, record.reserved
        sums = self._sums(record)
        for taken in sums:
            taken.add(record.reserved, calls=1)
        assert self.all.within(budget), "beyond the budget"
        assert sums[2].within(budget.per_day), "beyond the day's budget"
        if not self._repeats.get(record.run):
            assert self.first.within(budget, 100 - budget.rerun_reserve), "a first run took what is kept"
        assert len(self.reserved) <= rate.concurrency, "too many at once"
        calls, tokens = self._minute(index)
        assert calls <= rate.calls_per_minute, "too many in a minute"
        assert tokens <= rate.tokens_per_minute, "too many tokens in a minute"

    def _minute(self, index: int) -> tuple[int, int]:
        """Calls and tokens, settled or reserved, of the minute that ends with a permit."""
        end = int(parse_instant(self.permits[index].at).timestamp())
        calls = tokens = 0
        for each in reversed(self.permits):
            if int(parse_instant(self.permits[each].at).timestamp()) <= end - SECONDS:
                break
            amount = self.reserved.get(each) or self.charged[each]
            calls, tokens = calls + 1, tokens + amount.input_tokens + amount.output_tokens
        return calls, tokens

    def _end(self, record: Any) -> None:
        before = self.reserved.pop(record.permit)  # each permit ends exactly once
        self.charged[record.permit] = record.charged
        for taken in self._sums(self.permits[record.permit]):
            taken.add(before, -1)
            taken.add(record.charged)
        if record.kind == "call.abandoned":
            assert before == record.charged
        if record.charged.exceeds(before):
            self._excess = record.permit
