"""The contract of a ledger store: every implementation passes these tests (see `test_sqlite` and `test_postgres`).

A test module subclasses `StoreContract` and gives it two fixtures:
`ledger`, a new empty one with a table `spend (who TEXT, amount INTEGER)`, and `reopened`,
a function that closes it
and opens it again from what is on stable storage.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

import pytest

from comity.ledger.store import (
    NOTHING_SEEN,
    EntryTooLarge,
    HeadMoved,
    Ledger,
    LedgerClosed,
    Position,
    PositionMoved,
    Transaction,
)
from comity.ledger.tiles import MAX_ENTRY_BYTES

SPEND_TABLE = "CREATE TABLE IF NOT EXISTS spend (who TEXT NOT NULL, amount INTEGER NOT NULL)"
Reopen = Callable[[], Ledger]


def spend(tx: Transaction, amount: int, *, limit: int) -> int | None:
    """A budget in miniature: append and count, or refuse."""
    spent = tx.execute("SELECT coalesce(sum(amount), 0) FROM spend")[0][0]
    if spent + amount > limit:
        return None
    tx.execute("INSERT INTO spend (who, amount) VALUES (?, ?)", ("somebody", amount))
    return tx.append(b"spent %d" % amount)


class StoreContract:
    """What `Ledger` promises, whatever keeps the bytes."""

    def test_a_new_ledger_is_empty_and_knows_its_origin(self, ledger: Ledger) -> None:
        """A new ledger has no entries, no signed head, and the origin it was created with."""
        assert 0 == ledger.size()
        assert () == ledger.read(0, 10)
        assert None is ledger.signed_head()
        assert ledger.origin.startswith("operator.example/a/1")

    def test_entries_are_numbered_from_zero_without_gaps(self, ledger: Ledger) -> None:
        """Indexes are dense and in order through both doors."""
        assert (0, 1) == ledger.append([b"a", b"b"])
        assert 2 == ledger.transact(lambda tx: tx.append(b"c"))
        assert (3,) == ledger.append([b"d"])
        assert (b"a", b"b", b"c", b"d") == ledger.read(0, 4)
        assert (b"b", b"c") == ledger.read(1, 3)
        assert (b"d",) == ledger.read(3, 99)

    @pytest.mark.parametrize("number", [1, 7, 8, 9, 24, 50])
    def test_many_rows_are_written_each_and_in_their_order(self, ledger: Ledger, number: int) -> None:
        """However many come together, each entry and each row is written once, in the order given."""

        def many(tx: Transaction) -> int:
            tx.execute_many("INSERT INTO spend (who, amount) VALUES (?, ?)", [(f"w{n}", n) for n in range(number)])
            tx.execute_many("INSERT INTO spend VALUES (?, 1)", [(f"v{n}",) for n in range(number)])
            tx.execute_many("UPDATE spend SET amount = amount + ? WHERE who = ?", [(5, f"w{n}") for n in range(number)])
            return tx.extend([b"entry %d" % n for n in range(number)])

        ledger.append([b"before"])
        assert 1 == ledger.transact(many)
        assert (b"before", *(b"entry %d" % n for n in range(number))) == ledger.read(0, 99)
        rows = ledger.transact(lambda tx: tx.execute("SELECT who, amount FROM spend"))
        assert {**{f"w{n}": n + 5 for n in range(number)}, **{f"v{n}": 1 for n in range(number)}} == dict(rows)
        assert 2 * number == len(rows)

    @pytest.mark.parametrize("number", [3, 30])
    def test_a_row_among_many_that_is_refused_takes_all_of_its_transaction_back(
        self, ledger: Ledger, number: int
    ) -> None:
        """A transaction that fails in the middle leaves nothing behind, alone or beside others."""
        ledger.transact(lambda tx: tx.execute("CREATE TABLE once (n INTEGER PRIMARY KEY)"))

        def twice(tx: Transaction) -> None:
            tx.append(b"gone")
            tx.execute_many("INSERT INTO once VALUES (?)", [(n,) for n in (*range(number), number // 2)])

        with pytest.raises(Exception, match=r"(?i)unique"):
            ledger.transact(twice)
        futures = [ledger.submit(fn) for fn in (lambda tx: tx.append(b"kept"), twice, lambda tx: tx.append(b"too"))]
        wait(futures)
        assert [False, True, False] == [future.exception() is not None for future in futures]
        assert [b"kept", b"too"] == sorted(ledger.read(0, 9))
        assert 0 == ledger.transact(lambda tx: tx.execute("SELECT count(*) FROM once"))[0][0]

    def test_entries_outlive_the_process_that_wrote_them(self, ledger: Ledger, reopened: Reopen) -> None:
        """After reopening, entries, tags and the callers' tables are as they were."""
        ledger.append([b"a", b"\x00\xff"], tags=["case"])
        ledger.transact(lambda tx: spend(tx, 3, limit=10))

        again = reopened()

        assert (b"a", b"\x00\xff", b"spent 3") == again.read(0, 10)
        assert Position(seen=1) == again.tagged("case").position
        assert [("somebody", 3)] == again.reader().query("SELECT who, amount FROM spend")

    def test_the_largest_entry_fits_and_one_byte_more_is_refused(self, ledger: Ledger) -> None:
        """An entry has at most 65,535 bytes; a larger one is refused and leaves no trace."""
        ledger.append([b"x" * MAX_ENTRY_BYTES])
        with pytest.raises(EntryTooLarge, match="65536 bytes"):
            ledger.append([b"first", b"x" * (MAX_ENTRY_BYTES + 1)])
        assert 1 == ledger.size()

    def test_a_transaction_takes_effect_whole_or_not_at_all(self, ledger: Ledger) -> None:
        """A function that raises leaves neither entry nor row, and its own exception reaches its caller."""

        def half(tx: Transaction) -> None:
            spend(tx, 1, limit=10)
            raise ZeroDivisionError("half way")

        with pytest.raises(ZeroDivisionError, match="half way"):
            ledger.transact(half)

        assert 0 == ledger.size()
        assert [] == ledger.reader().query("SELECT * FROM spend")

    def test_callers_sql_means_the_same_in_every_store(self, ledger: Ledger) -> None:
        """The common subset of SQL, of which `store` speaks, gives the same rows: values come back as they went in,
        sums of integers are integers, text sorts by its bytes, and conflicts add up.
        """
        add = "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = tally.n + excluded.n"

        def fn(tx: Transaction) -> list[list[tuple[object, ...]]]:
            tx.execute("CREATE TABLE kinds (n INTEGER, t TEXT, b BLOB, r REAL) STRICT")
            for values in ((2**61, "b", b"\x00\xff", 0.5), (2**61, "B", b"", None), (None, "ä", None, -0.25)):
                tx.execute("INSERT INTO kinds VALUES (?, ?, ?, ?)", values)
            tx.execute("CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID")
            tx.execute("CREATE INDEX tally_n ON tally (n) WHERE n > 0")
            for _ in range(3):
                tx.execute(add, ("?", 2))
            tx.execute("INSERT INTO tally VALUES ('?', 9) ON CONFLICT (name) DO NOTHING")
            return [
                tx.execute("SELECT n, t, b, r FROM kinds WHERE t = ?", ("b",)),
                tx.execute("SELECT sum(n), count(*), max(length(b)), min(r), sum(r) FROM kinds"),
                tx.execute("SELECT t FROM kinds ORDER BY t"),
                tx.execute("SELECT t FROM kinds WHERE n IS NULL AND coalesce(b, ?) = ?", (b"x", b"x")),
                tx.execute("UPDATE tally SET n = n + ? WHERE name = ? RETURNING n", (1, "?")),
                tx.execute("DELETE FROM tally WHERE n = ? RETURNING name", (7,)),
                tx.execute("SELECT 1 FROM tally"),
            ]

        assert [
            [(2**61, "b", b"\x00\xff", 0.5)],
            [(2**62, 3, 2, -0.25, 0.25)],
            [("B",), ("b",), ("ä",)],
            [("ä",)],
            [(7,)],
            [("?",)],
            [],
        ] == (found := ledger.transact(fn))
        assert int is type(found[1][0][0])

    def test_one_failure_does_not_sink_the_rest_of_its_batch(self, ledger: Ledger) -> None:
        """In one batch each function stands alone: the odd ones fail,
        the even ones are numbered without gaps.
        """
        hold = threading.Event()
        ledger.submit(lambda tx: hold.wait(5))  # the rest queues up behind it and becomes one batch

        def odd_fails(number: int) -> Callable[[Transaction], int]:
            def fn(tx: Transaction) -> int:
                index = tx.append(b"%d" % number)
                tx.execute("INSERT INTO spend (who, amount) VALUES ('x', ?)", (number,))
                if number % 2:
                    raise ValueError(f"odd {number}")
                return index

            return fn

        futures = [ledger.submit(odd_fails(number)) for number in range(20)]
        hold.set()
        wait(futures, timeout=5)

        assert list(range(10)) == [future.result() for future in futures[::2]]
        assert [f"odd {n}" for n in range(1, 20, 2)] == [str(future.exception()) for future in futures[1::2]]
        assert tuple(b"%d" % n for n in range(0, 20, 2)) == ledger.read(0, 99)
        assert [(sum(range(0, 20, 2)),)] == ledger.reader().query("SELECT sum(amount) FROM spend")

    def test_commits_and_the_transactions_they_serve_are_counted(self, ledger: Ledger) -> None:
        """How many callers share a durable commit can be read off, whatever became of their transactions."""
        before, served = ledger.batches, ledger.batched
        begun, hold = threading.Event(), threading.Event()

        def holding(tx: Transaction) -> None:
            begun.set()
            assert hold.wait(5)

        first = ledger.submit(holding)
        assert begun.wait(5)
        others = [ledger.submit(lambda tx: 1 // 0), ledger.submit(lambda tx: tx.append([b"x"]))]
        hold.set()
        for future in (first, *others):
            future.exception(5)

        assert (2, 3) == (ledger.batches - before, ledger.batched - served)

    def test_a_function_sees_what_earlier_functions_of_its_batch_did(self, ledger: Ledger) -> None:
        """However many ask at once, no more passes than the limit: decisions read inside the transaction."""
        futures = [ledger.submit(lambda tx: spend(tx, 1, limit=10)) for _ in range(64)]
        answers = [future.result(timeout=5) for future in futures]
        assert list(range(10)) == [answer for answer in answers if answer is not None]

    def test_the_size_inside_a_transaction_counts_its_own_entries(self, ledger: Ledger) -> None:
        """`tx.size` is the next index at every moment."""

        def fn(tx: Transaction) -> list[int]:
            sizes = [tx.size]
            tx.append(b"a")
            sizes.append(tx.size)
            return sizes

        assert [0, 1] == ledger.transact(fn)

    def test_compare_and_append_refuses_when_a_tag_moved(self, ledger: Ledger) -> None:
        """A newer entry with one of the tags refuses the append; entries with other tags do not."""
        ledger.append([b"meeting"], expect=NOTHING_SEEN, tags=["provider:one"])
        seen = ledger.tagged("provider:one").position
        ledger.append([b"elsewhere"], tags=["provider:two"])

        assert (2,) == ledger.append([b"offer"], expect=seen, tags=["provider:one"])
        with pytest.raises(PositionMoved) as moved:
            ledger.append([b"late offer", b"more"], expect=seen, tags=["provider:one", "offers"])

        assert (0, 2) == (moved.value.expected, moved.value.found)
        assert 3 == ledger.size()

    def test_compare_and_append_without_tags_watches_the_whole_ledger(self, ledger: Ledger) -> None:
        """With no tag, any newer entry refuses the append."""
        assert (0,) == ledger.append([b"a"], expect=NOTHING_SEEN)
        with pytest.raises(PositionMoved):
            ledger.append([b"b"], expect=NOTHING_SEEN)

    def test_of_two_who_read_the_same_one_appends(self, ledger: Ledger) -> None:
        """Sixteen threads that act on the same reading: exactly one of them is recorded."""
        seen = ledger.tagged("case").position
        outcomes: list[bool] = []

        def act() -> None:
            try:
                ledger.append([b"mine"], expect=seen, tags=["case"])
                outcomes.append(True)
            except PositionMoved:
                outcomes.append(False)

        threads = [threading.Thread(target=act) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [False] * 15 + [True] == sorted(outcomes)

    def test_tagged_entries_are_read_by_any_of_their_tags(self, ledger: Ledger) -> None:
        """`tagged` gives each entry once, oldest first, with the position to hand back."""
        ledger.append([b"a"], tags=["x", "y"])
        ledger.append([b"b"], tags=["z"])
        ledger.append([b"c"], tags=["y"])
        assert ((0, b"a"), (2, b"c")) == ledger.tagged("x", "y").entries
        assert Position(seen=2) == ledger.tagged("x", "y").position
        assert NOTHING_SEEN == ledger.tagged("unknown").position

    def test_readers_see_what_is_durable_from_any_thread_and_write_nothing(self, ledger: Ledger) -> None:
        """A reader answers in another thread and cannot write."""
        reader = ledger.reader()
        ledger.append([b"a"])
        answers: list[object] = []
        thread = threading.Thread(target=lambda: answers.append(reader.query("SELECT count(*) FROM ledger_entries")))
        thread.start()
        thread.join()
        assert [[(1,)]] == answers
        with pytest.raises(Exception, match=r"readonly|read-only"):
            reader.query("INSERT INTO spend (who, amount) VALUES ('x', 1)")
        reader.close()

    def test_cancelling_a_future_is_harmless(self, ledger: Ledger) -> None:
        """What was submitted runs although its caller stopped waiting, and later work is not disturbed."""
        hold = threading.Event()
        first = ledger.submit(lambda tx: hold.wait(5))
        second: Future[int] = ledger.submit(lambda tx: tx.append(b"cancelled while queued"))
        assert not second.cancel()
        hold.set()
        assert first.result(timeout=5)
        assert 0 == second.result(timeout=5)
        assert 1 == ledger.transact(lambda tx: tx.append(b"after"))

    def test_a_transaction_cannot_be_used_after_it_ended(self, ledger: Ledger) -> None:
        """Keeping `tx` and using it later is a bug that says so, not a write outside any transaction."""
        kept: list[Transaction] = []
        ledger.transact(kept.append)
        with pytest.raises(AssertionError, match="after its function returned"):
            kept[0].append(b"late")

    def test_waiting_for_another_transaction_inside_one_is_a_bug(self, ledger: Ledger) -> None:
        """Submitting from inside `fn` would wait for itself for ever; it raises instead."""
        with pytest.raises(AssertionError, match="may not wait"):
            ledger.transact(lambda tx: ledger.append([b"nested"]))

    def test_the_past_is_out_of_reach_of_callers(self, ledger: Ledger) -> None:
        """Callers' statements cannot change entries, tags or heads,
        nor end the transaction or change settings.
        """
        ledger.append([b"a"], tags=["t"])
        for statement in (
            "UPDATE ledger_entries SET entry = x''",
            "DELETE FROM ledger_entries",
            "INSERT INTO ledger_entries (position, entry) VALUES (7, x'')",
            "DELETE FROM ledger_tags",
            "INSERT INTO Ledger_Head (only, note) VALUES (0, x'')",
            "DROP TABLE ledger_entries",
            "DROP TRIGGER ledger_no_delete",
            "COMMIT",
            "PRAGMA synchronous=OFF",
            "ATTACH ':memory:' AS other",
        ):
            with pytest.raises(AssertionError, match="belongs to the ledger"):
                ledger.transact(lambda tx, statement=statement: tx.execute(statement))  # type: ignore[misc]
        assert (b"a",) == ledger.read(0, 9)
        assert (1,) == ledger.append([b"b"])

    def test_the_signed_head_is_swapped_only_by_who_knows_the_old_one(self, ledger: Ledger) -> None:
        """Two publishers cannot both sign: the second finds another head than it built upon."""
        ledger.swap_head(None, b"head 1")
        with pytest.raises(HeadMoved):
            ledger.swap_head(None, b"head 1b")
        ledger.swap_head(b"head 1", b"head 2")
        with pytest.raises(HeadMoved):
            ledger.swap_head(b"head 1", b"head 2b")
        assert b"head 2" == ledger.signed_head()

    def test_closing_finishes_what_was_submitted_and_refuses_the_rest(self, ledger: Ledger) -> None:
        """Everything submitted before `close` is durable; everything after raises."""
        futures = [ledger.submit(lambda tx: tx.append(b"x")) for _ in range(50)]
        ledger.close()
        ledger.close()
        assert list(range(50)) == [future.result(timeout=0) for future in futures]
        with pytest.raises(LedgerClosed):
            ledger.append([b"y"])
