"""Counters: what a guard saw on a day, signed, and compared with the ledger of that day."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from guarding import LiveGuard, guarded_offer, live_guard
from hypothesis import given
from hypothesis import strategies as st

from comity.gateway import begin_ledger
from comity.gateway.guard_counters import (
    Counters,
    CountersRefused,
    count,
    open_counters,
    parse_indexes,
    perform_counters,
    sign_counters,
    write_indexes,
)
from comity.gateway.guard_reconcile import Reconciliation, reconcile
from comity.gateway.guard_state import BLOCK, OtherGuard, open_state, passed, spend
from comity.gateway.permit_note import REASONS
from comity.gateway.refusal import Refusal
from comity.ledger import generate_key, sign_note
from comity.records import (
    Amount,
    CallAbandoned,
    CallPermitted,
    CallSettled,
    Digest,
    GuardCounted,
    Hex32,
    Index,
    Instant,
    Record,
    parse_record,
)
from support import ORIGIN, Keys, RecordingProvider, now, wait_until

KEY = generate_key("ed25519", "provider.example/guard", os.urandom)
DAY = "2026-11-23"
AT = datetime(2026, 11, 24, 0, 2, tzinfo=UTC)


def counted(*indexes: int, **refused: int) -> Counters:
    return count(origin=ORIGIN, terms="5a" * 32, day=DAY, at=AT, passed=indexes, refused=refused)


@given(
    st.sets(st.integers(0, 10**15 - 1), max_size=9).map(sorted),
    st.dictionaries(st.sampled_from([*REASONS]), st.integers(0, 99)),
)
def test_signed_counters_read_back_as_they_were(indexes: list[int], refused: dict[str, int]) -> None:
    """What is signed is what is read, and the file of indexes is the one whose SHA-256 stands in it."""
    counters = counted(*indexes, **refused)
    again = open_counters(sign_counters(counters, KEY), KEY.verifier)

    assert counters.text() == again.text()
    assert tuple(indexes) == parse_indexes(write_indexes(indexes), again)
    assert sha256("".join(f"{index}\n" for index in indexes).encode()).hexdigest() == again.indexes


def test_counters_show_whether_anything_was_changed() -> None:
    """One changed figure, another key or a forged file of indexes is refused."""
    note = sign_counters(counted(4, 7), KEY)
    other = generate_key("ed25519", KEY.name, os.urandom)

    with pytest.raises(CountersRefused, match="signed by the guard's key"):
        open_counters(note.replace(b"passed 2", b"passed 1"), KEY.verifier)
    with pytest.raises(CountersRefused, match="signed by the guard's key"):
        open_counters(note, other.verifier)
    with pytest.raises(CountersRefused, match="SHA-256 differs"):
        parse_indexes(b"4\n8\n", counted(4, 7))


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: _signed(t)))
def test_the_reader_of_counters_is_total(note: bytes) -> None:
    """For any bytes, signed or not, the reader answers counters or its one error."""
    with pytest.raises(CountersRefused):
        open_counters(note, KEY.verifier)


def _signed(text: str) -> bytes:
    text = "".join(c for c in text if c.isprintable()) + "\n"
    return sign_note(text, [KEY])


@given(st.lists(st.tuples(st.integers(0, 3 * BLOCK), st.sampled_from(["2026-11-23", "2026-11-24"])), max_size=40))
def test_an_index_is_used_once_whatever_the_day(uses: list[tuple[int, str]]) -> None:
    """The memory is a set: the first use of an index counts, on its day, and every later one is refused."""
    with tempfile.TemporaryDirectory() as folder, open_state(Path(folder), origin=ORIGIN) as state:
        said = state.transact(lambda tx: [spend(tx, index=index, day=day) for index, day in uses])
        first: dict[int, str] = {}
        for index, day in uses:
            first.setdefault(index, day)
        indexes = [index for index, _ in uses]
        assert said == [index not in indexes[:n] for n, index in enumerate(indexes)]
        reader = state.reader()
        for day in ("2026-11-23", "2026-11-24"):
            assert sorted(index for index, on in first.items() if on == day) == passed(reader.query, day)
        reader.close()


def test_a_ledger_of_a_million_entries_takes_a_megabyte_of_memory_at_most(tmp_path: Path) -> None:
    """A million used permits are a million bits and their rows, not a million rows."""
    with open_state(tmp_path, origin=ORIGIN) as state:
        state.transact(lambda tx: [spend(tx, index=n * BLOCK, day=DAY) for n in range(1_000_000 // BLOCK)])
    assert (tmp_path / "guard.sqlite").stat().st_size < 1_000_000


def test_the_state_of_another_arrangement_is_refused(tmp_path: Path) -> None:
    """Two guards never share what they remember: the folder says whose it is."""
    open_state(tmp_path, origin=ORIGIN).close()

    with pytest.raises(OtherGuard, match="its own folder"):
        open_state(tmp_path, origin=ORIGIN.replace("0", "f"))


# What a guard counts.


def test_a_request_counts_on_the_day_of_its_entry_and_a_refusal_on_the_guards(tmp_path: Path) -> None:
    """At midnight the two sides agree on the day: a permit of 23:59:59 that passes a second later is yesterday's."""
    at = datetime(2026, 11, 24, 0, 0, 1, tzinfo=UTC)
    with RecordingProvider().running() as provider, live_guard(tmp_path, provider.url, clock=lambda: at) as guard:
        late = guard.permit(4, at=at - timedelta(seconds=2))
        assert [200, 200, 403] == [guard.ask(h).status_code for h in (late, guard.permit(6), late)]
        _until_flushed(guard)
        yesterday, today = guard.counters(DAY), guard.counters()

    assert (1, 4, 4, {}) == (yesterday.passed, yesterday.lowest, yesterday.highest, yesterday.refused)
    assert (1, 6, 6, {"used": 1}) == (today.passed, today.lowest, today.highest, today.refused)


def _until_flushed(guard: LiveGuard) -> None:
    wait_until(lambda: guard.counters().refused)


# The entry.


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[tuple[Any, Any, Keys]]:
    keys = Keys()
    offer = guarded_offer(keys)
    with begin_ledger(tmp_path / "ledger.sqlite", offer, now=now()) as book:
        yield book, offer.terms, keys


def test_counters_become_an_entry_once(ledger: tuple[Any, Any, Keys]) -> None:
    """The guard's signed word stands in the ledger verbatim; sent again, it is refused and nothing is added."""
    book, terms, keys = ledger
    note = sign_counters(counted(4, 7, missing=2, used=1), keys.guard)

    index = book.transact(lambda tx: perform_counters(tx, note=note, terms=terms, now=now()))
    again = book.transact(lambda tx: perform_counters(tx, note=note, terms=terms, now=now()))

    record = parse_record(book.read(index, index + 1)[0])
    assert isinstance(record, GuardCounted)
    assert (DAY, 2, 3, note.decode()) == (record.day, record.passed, record.refused, record.note)
    assert isinstance(again, Refusal) and "recorded before" in again.because
    assert index + 1 == book.size()


def test_counters_of_another_key_or_ledger_are_no_entry(ledger: tuple[Any, Any, Keys]) -> None:
    """Only the key that the terms name counts, and only for this ledger."""
    book, terms, keys = ledger
    foreign = count(origin=ORIGIN.replace("0", "f"), terms="5a" * 32, day=DAY, at=AT, passed=[], refused={})
    size = book.size()
    for note, clause in (
        (sign_counters(counted(4), keys.provider), "counters"),
        (sign_counters(foreign, keys.guard), "ledger.origin"),
        (b"nothing", "counters"),
    ):
        said = book.transact(lambda tx, note=note: perform_counters(tx, note=note, terms=terms, now=now()))
        assert isinstance(said, Refusal) and clause == said.clause

    assert size == book.size()


# The comparison.

NOTHING = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


def permitted(day: str = DAY) -> Record:
    digest, some = Digest("5a" * 32), Hex32("a5" * 16)
    return CallPermitted(
        at=Instant(f"{day}T12:00:00.000Z"), grant=some, person="p", incarnation=some, protocol="openai", route="/r",
        model="m", features=(), request=digest, request_bytes=1, irid="", run="", reserved=NOTHING,
    )  # fmt: skip


def settled(permit: int, outcome: str = "answered", status: int = 200) -> Record:
    return CallSettled(
        at=Instant(f"{DAY}T12:00:01.000Z"), permit=Index(permit), outcome=outcome, status=status, served="",
        served_check="none", answer="", answer_bytes=0, usage="stated", charged=NOTHING, upstream_id="", millis=1,
    )  # fmt: skip


HISTORY: list[Record | None] = [
    None,  # 0: the signed terms
    permitted(), settled(1),  # 1: surely passed
    permitted(), settled(3, "not-sent", 0),  # 3: surely not
    permitted(), settled(5, "provider-failed", 502),  # 5: the endpoint's failure, or the guard's word
    permitted(), CallAbandoned(at=Instant(f"{DAY}T13:00:00.000Z"), permit=Index(7), incarnation=Hex32("a5" * 16),
                               charged=NOTHING),  # 7: nobody knows
    permitted("2026-11-24"), settled(9),  # 9: another day
    permitted(), settled(11, "half-answer"),  # 11: surely passed
]  # fmt: skip


def compared(*passed_indexes: int, listed: bool = True) -> Reconciliation:
    counters = counted(*passed_indexes)
    return reconcile(counters, enumerate(HISTORY), passed_indexes if listed else None)


@pytest.mark.parametrize(
    ("indexes", "listed", "outcome"),
    [
        ((1, 11), True, "equal"),
        ((1, 5, 11), True, "equal"),
        ((1, 5, 7, 11), True, "equal"),
        ((1, 11), False, "equal"),
        ((1, 5, 7, 11), False, "equal"),
        ((1, 5, 11), False, "different"),  # it fits; only the list can say so
        ((1, 3, 11), True, "more"),  # a call that the gateway says it never sent
        ((1, 2, 11), True, "more"),  # no permit at all
        ((1, 9, 11), True, "more"),  # another day's
        ((1, 2, 3, 5, 7, 11), False, "more"),
        ((1,), True, "fewer"),
        ((), False, "fewer"),
        ((1, 2), True, "different"),
        ((2, 3), False, "different"),
    ],
)
def test_the_comparison_says_who_saw_more(indexes: tuple[int, ...], listed: bool, outcome: str) -> None:
    """Equal, more at the guard, fewer, or not shown to be the same: by the list, or by numbers and digest alone."""
    assert outcome == compared(*indexes, listed=listed).outcome


def test_the_list_names_the_calls_that_differ() -> None:
    """With the guard's file of indexes the comparison names each call beyond the ledger and beside the guard."""
    found = compared(1, 2, 9)

    assert ((2, 9), (11,)) == (found.beyond, found.missing)
    assert (3, 2, 2, False) == (found.passed, found.sure, found.open, found.digest_matches)
