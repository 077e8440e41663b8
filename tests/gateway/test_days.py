"""Days and repeated runs: what one day may take, and what is kept for those who must measure again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import assert_refused
from books import Books, Spent

from comity.gateway.calls import Permit, Refused
from support import MONDAY, LiveGateway, RecordingProvider, SetClock, dated_gateway

AMPLE: dict[str, Any] = {"calls": 1000, "input_tokens": 10**6, "output_tokens": 10**5, "cost": "1.00"}
PLAN, FIRST, SECOND = "a" * 64, "1" * 32, "2" * 32

DAYS = {
    "calls": (1, "1 calls a day agreed, 1 permitted"),
    "input_tokens": (200, "200 tokens a day agreed, 20 spent or reserved; this call may take"),
    "output_tokens": (9, "9 tokens a day agreed, 2 spent or reserved; this call may take 8"),
    "cost": ("0.000026", "0.000026 EUR a day agreed, 0.0000028 spent or reserved; this call may cost"),
}


@pytest.mark.parametrize("figure", DAYS)
def test_a_days_budget_ends_with_its_day(tmp_path: Path, figure: str) -> None:
    """What one day may take is refused under its own clause until midnight in UTC, and given anew after it."""
    agreed, said = DAYS[figure]
    clock = SetClock(MONDAY.replace(hour=23, minute=50))
    day = AMPLE | {figure: agreed}
    with RecordingProvider().running() as provider:
        with dated_gateway(tmp_path, provider.url, clock, budget__per_day=day) as gateway:
            assert 200 == gateway.chat().status_code
            clock.on(minutes=9, seconds=59.999)
            gateway.keep()
            record = assert_refused(gateway, _larger(gateway), 403, "terms-refused", f"budget.per_day.{figure}")
            assert record.because.startswith(said), record.because
            clock.on(milliseconds=1)
            gateway.keep()
            assert 200 == gateway.chat().status_code
            key = {"x-api-key": gateway.secret}
            clauses = httpx.get(gateway.door("/status"), headers=key).json()["clauses"]
            assert (1, 2) == (clauses["budget.per_day.calls"]["taken"], clauses["budget.calls"]["taken"])


def _larger(gateway: LiveGateway) -> httpx.Response:
    return gateway.chat(messages=[{"role": "user", "content": "2+2?" + " " * 20}])


def test_a_call_belongs_to_the_day_of_its_permit(tmp_path: Path) -> None:
    """What was reserved before midnight and settled after it is charged to the day before."""
    books = Books(tmp_path, budget__per_day=AMPLE | {"output_tokens": 8})
    with books.ledger:
        permit = books.ask(limit=8)
        assert isinstance(permit, Permit)
        assert isinstance(books.ask(limit=1), Refused)
        books.later(timedelta(minutes=2))
        assert isinstance(books.ask(limit=8), Permit), "the new day has its own"
        books.settle(permit, Spent(usage=(20, 3)))
        days = {at: row for (span, at, *row) in books.tables()["gate_sum"] if span == "day"}
        assert [(1, 3), (1, 8)] == [(row[0], row[2]) for _, row in sorted(days.items())]


def begin(gateway: LiveGateway, *members: dict[str, Any]) -> None:
    key = {"authorization": f"Bearer {gateway.secret}"}
    for each in members:
        assert 201 == httpx.post(gateway.door("/entries"), json=each, headers=key).status_code


FROZEN = {"kind": "plan.frozen", "plan": PLAN}
BEGUN = {"kind": "run.begun", "plan": PLAN}


def test_first_runs_leave_what_is_kept_for_repeated_ones(tmp_path: Path) -> None:
    """With half the budget kept a first run and calls without a run get the other half; a second run under the same
    plan gets the rest, and nobody more than the whole."""
    clock = SetClock(MONDAY)
    with RecordingProvider().running() as provider:
        with dated_gateway(tmp_path, provider.url, clock, budget__calls=5, budget__rerun_reserve=50) as gateway:
            begin(gateway, FROZEN, BEGUN | {"run": FIRST})
            first, second = {"comity-run": FIRST}, {"comity-run": SECOND}
            assert [200, 200, 200] == [gateway.chat(headers=h).status_code for h in (first, {}, first)]
            for headers in (first, {}):
                got = gateway.chat(headers=headers)
                record = assert_refused(gateway, got, 403, "terms-refused", "budget.rerun_reserve")
            kept = "50 percent are kept for repeated runs, so others may take 3 calls"
            assert f"{kept}; 3 are taken, this call may take 1" == record.because
            begin(gateway, BEGUN | {"run": SECOND})
            assert [200, 200] == [gateway.chat(headers=second).status_code for _ in range(2)]
            assert_refused(gateway, gateway.chat(headers=second), 403, "terms-refused", "budget.calls")

            status = httpx.get(gateway.door("/status"), headers={"x-api-key": gateway.secret}).json()
            assert (50, 2) == (status["rerun_reserve"], status["rerun"]["calls"])
        assert 5 == len(provider.asked)


RESERVES = [
    ("calls", {"calls": 2}, "others may take 1 calls"),
    ("input_tokens", {"input_tokens": 400}, "others may take 200 input tokens"),
    ("output_tokens", {"output_tokens": 16}, "others may take 8 output tokens"),
    ("cost", {"cost": "0.00005"}, "others may take 25000 nano-units of money"),
]


@pytest.mark.parametrize(("figure", "budget", "said"), RESERVES, ids=[figure for figure, _, _ in RESERVES])
def test_the_reserve_is_kept_of_each_figure(tmp_path: Path, figure: str, budget: dict[str, Any], said: str) -> None:
    """Calls, tokens and money: of each the share is kept, and a repeated run may take it."""
    whole = AMPLE | {"currency": "EUR", "output_unstated": "reserve", "rerun_reserve": 50} | budget
    books = Books(tmp_path, budget=whole)
    with books.ledger:
        assert isinstance(books.ask(run=books.begin_run(PLAN)), Permit)
        refused = books.ask(run=books.runs[0])
        assert isinstance(refused, Refused) and "budget.rerun_reserve" == refused.refusal.clause
        assert said in refused.refusal.because
        assert isinstance(books.ask(run=books.begin_run("b" * 64)), Refused), "a first run of another plan"
        assert isinstance(books.ask(run=books.begin_run(PLAN)), Permit)
        assert books.tables() == books.rebuilt()


def test_without_a_reserve_first_runs_may_take_all(tmp_path: Path) -> None:
    """A reserve of 0 keeps nothing."""
    books = Books(tmp_path, budget__calls=2)
    with books.ledger:
        assert [Permit, Permit, Refused] == [type(books.ask()) for _ in range(3)]
