"""When a round of decisions goes: a lone call at once, a crowd together, and nobody for long."""

import asyncio
from typing import Any, cast

import pytest

from comity.gateway import bridge
from comity.gateway.bridge import COMPANY_SECONDS, ELSEWHERE, Rounds


class Ledger:
    """Stands for the ledger's thread: notes when a round comes, and takes what waits."""

    def __init__(self) -> None:
        self.came: list[float] = []
        self.took: list[int] = []
        self.rounds: Any = None

    def submit(self, run: Any, told: Any) -> None:
        (taken,) = run.args
        self.rounds._take(taken)
        self.came.append(asyncio.get_running_loop().time())
        self.took.append(len(taken.asking) + len(taken.settling))


def made(under_way: int) -> tuple[Ledger, Rounds]:
    ledger, nobody = Ledger(), cast(Any, None)
    rounds = Rounds(
        cast(Any, ledger), in_force=nobody, signer=nobody, incarnation=nobody, clock=nobody,
        under_way=[object()] * under_way,
    )  # fmt: skip
    ledger.rounds = rounds
    return ledger, rounds


def ask(rounds: Rounds, calls: int) -> None:
    for _ in range(calls):
        rounds.admit(cast(Any, None), cast(Any, None), cast(Any, None), "", 1)


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("under_way", [1, 2, 7])
def test_a_lone_call_waits_for_no_company(under_way: int) -> None:
    """Where few calls are under way a round goes with the loop's next turn."""

    async def story() -> list[int]:
        ledger, rounds = made(under_way)
        ask(rounds, 1)
        await turns()
        return ledger.took

    assert [1] == asyncio.run(story())


@pytest.mark.parametrize(("under_way", "enough"), [(8, 4), (32, 16), (256, 256 - ELSEWHERE)])
def test_a_crowd_goes_once_enough_of_it_waits(under_way: int, enough: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fewer waits on; the next sends the round on its way at once, with all that wait, and begins no second."""
    monkeypatch.setattr(bridge, "COMPANY_SECONDS", 60.0)  # a busy machine cannot make its time pass

    async def story() -> None:
        ledger, rounds = made(under_way)
        ask(rounds, enough - 1)
        await turns()
        assert [] == ledger.took
        rounds.settle(cast(Any, None), cast(Any, None))
        await turns()
        assert [enough] == ledger.took
        await turns(20)
        assert [enough] == ledger.took

    asyncio.run(story())


def test_nobody_waits_for_company_that_does_not_come() -> None:
    """After its time a round goes with whoever is there, and the next call begins another."""

    async def story() -> None:
        ledger, rounds = made(32)
        begun = asyncio.get_running_loop().time()
        ask(rounds, 3)
        await asyncio.sleep(20 * COMPANY_SECONDS)
        assert [3] == ledger.took and ledger.came[0] - begun >= COMPANY_SECONDS * 0.9
        ask(rounds, 2)
        await asyncio.sleep(20 * COMPANY_SECONDS)
        assert [3, 2] == ledger.took

    asyncio.run(story())
