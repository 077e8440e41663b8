"""Two stores, one meaning: whatever a batch does, PostgreSQL's outcome is SQLite's.

The PostgreSQL store sends statements before it knows whether earlier ones succeeded and undoes a batch as a whole;
the SQLite store does one thing after the other.  Batches of random functions must not show the difference.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comity.ledger import Ledger, Transaction, create_ledger

pytest.importorskip("psycopg", reason="needs psycopg, which comity[postgres] brings")

from postgres_server import drop, new_origin

TABLE = "CREATE TABLE taken (n INTEGER PRIMARY KEY CHECK (n < 12), hits INTEGER NOT NULL) STRICT"
TAGS = ("red", "blue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same ledger twice."""

    sqlite: Ledger
    postgres: Ledger


@pytest.fixture(scope="module")
def pair(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    origin = new_origin()
    file: Path = tmp_path_factory.mktemp("model") / "ledger.sqlite"
    with (
        create_ledger(file, origin=origin, schema=(TABLE,)) as one,
        create_ledger(postgres, origin=origin, schema=(TABLE,)) as other,
    ):
        yield Pair(sqlite=one, postgres=other)
    drop(postgres, origin)


class Refused(Exception):
    """A function that changes its mind."""


def act(tx: Transaction, step: tuple[str, int]) -> object:
    """One step of a function; what it saw."""
    what, n = step
    match what:
        case "append":
            return tx.append(b"%d" % n, tags=TAGS[: n % 3])
        case "take":  # fails where n is taken already, or is 12 or more
            return tx.execute("INSERT INTO taken VALUES (?, 1)", (n,))
        case "hit":
            add = "INSERT INTO taken VALUES (?, 1) ON CONFLICT (n) DO UPDATE SET hits = taken.hits + excluded.hits"
            return tx.execute(add, (n,))
        case "free":
            return tx.execute("DELETE FROM taken WHERE n = ? RETURNING hits", (n,))
        case "look":
            return tx.execute("SELECT n, hits FROM taken ORDER BY n")
        case "entries":
            return tx.execute("SELECT count(*), max(position) FROM ledger_entries")
        case "position":
            return tx.position(TAGS[: n % 3]).seen
        case "size":
            return tx.size
        case _:
            raise Refused


STEPS = st.tuples(
    st.sampled_from("append append take take hit hit free look entries position size no".split()), st.integers(0, 13)
)


def outcomes(ledger: Ledger, functions: list[list[tuple[str, int]]]) -> list[object]:
    """Run functions as one batch; what each saw, or that it failed."""

    def function(steps: list[tuple[str, int]]) -> Callable[[Transaction], list[object]]:
        return lambda tx: [act(tx, step) for step in steps]

    hold = threading.Event()
    first = ledger.submit(lambda tx: hold.wait(10))
    futures = [ledger.submit(function(steps)) for steps in functions]
    hold.set()
    assert first.result(10)
    return ["failed" if future.exception(10) else future.result() for future in futures]


def state(ledger: Ledger) -> object:
    """Everything that is in it."""
    reader = ledger.reader()
    rows = reader.query("SELECT n, hits FROM taken ORDER BY n")
    reader.close()
    return ledger.size(), ledger.read(0, ledger.size())[-20:], [ledger.tagged(tag).position for tag in TAGS], rows


@pytest.mark.slow
@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(STEPS, min_size=1, max_size=6), min_size=1, max_size=8))
def test_every_batch_comes_out_as_in_the_other_store(pair: Pair, functions: list[list[tuple[str, int]]]) -> None:
    """Random functions that append, write, read, break constraints and give up, in one batch: each sees the same, the
    same ones fail, and the same is left.
    """
    assert outcomes(pair.sqlite, functions) == outcomes(pair.postgres, functions)
    assert state(pair.sqlite) == state(pair.postgres)
