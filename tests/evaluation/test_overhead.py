"""The benchmark of a run's overhead counts what it says it counts; nothing here is a matter of speed."""

import asyncio
import json

import pytest
from benchmarks.load.slow_model import answer_of, length_of, serve
from benchmarks.overhead import Round, _check, overhead_of
from benchmarks.peers.machine import CannotMeasure


def test_the_overhead_is_the_share_by_which_the_middle_run_is_longer() -> None:
    """The middle of each side counts; one slow round of either moves nothing."""
    rounds = [Round(bare=10, run=11, inside=8), Round(bare=10, run=90, inside=8), Round(bare=10, run=10.5, inside=8)]
    found = overhead_of(rounds)
    assert (found["overhead"], found["reached"]) == (0.1, True)
    assert found["overhead_rounds"] == [0.05, 0.1, 8.0]
    assert found["seconds"] == {"bare": 10, "run": 11}
    assert not overhead_of([Round(bare=10, run=11.1, inside=8)])["reached"]


@pytest.mark.parametrize(
    ("bare", "run"),
    [
        ({"samples": 4}, {}),
        ({"status": "error"}, {}),
        ({}, {"counts": {"judged": 4}}),
        ({}, {"status": "unreconciled"}),
        ({}, {"differences": ["entry 7 stands more than once in the log"]}),
    ],
)
def test_a_round_that_did_not_ask_everything_is_no_measurement(bare: dict[str, object], run: dict[str, object]) -> None:
    """A shorter time because less was asked is refused."""
    good_bare = {"samples": 5, "status": "success"}
    good_run = {"counts": {"judged": 5}, "status": "success", "differences": []}
    _check(good_bare, good_run, 5)
    with pytest.raises(CannotMeasure):
        _check(good_bare | bare, good_run | run, 5)


def test_the_model_answers_no_sooner_than_it_says() -> None:
    """Two calls over one connection take their time one after the other, and each has usage."""

    async def talk() -> tuple[float, list[bytes]]:
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        server = asyncio.create_task(serve(0.05, ready))
        reader, writer = await asyncio.open_connection("127.0.0.1", await ready)
        began, bodies = asyncio.get_running_loop().time(), []
        for _ in range(2):
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
            bodies.append(await reader.readexactly(length_of(await reader.readuntil(b"\r\n\r\n"))))
        took = asyncio.get_running_loop().time() - began
        writer.close()
        server.cancel()
        return took, bodies

    took, bodies = asyncio.run(talk())
    assert took >= 0.1
    assert [json.loads(body)["usage"]["total_tokens"] for body in bodies] == [45, 45]
    assert answer_of(1) != answer_of(2)
