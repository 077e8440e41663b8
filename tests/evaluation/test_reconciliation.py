"""Log and ledger are compared as multisets, and every difference is a sentence."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.evaluation.reading import LoggedCall
from comity.evaluation.reconciliation import call_index, reconcile
from comity.records import Amount, CallPermitted, CallRefused, PlanFrozen, Record

ORIGIN = "operator.example/a/" + "2" * 32
RUN = "a" * 32
COMMON: dict[str, Any] = {
    "at": "2026-11-23T21:00:00.123Z",
    "grant": "5" * 32,
    "person": "evaluator-1",
    "protocol": "openai",
    "route": "/v1/chat/completions",
    "model": "m",
}


def permit(run: str = RUN, irid: str = "i") -> Record:
    return CallPermitted(
        incarnation="6" * 32,  # type: ignore[arg-type]
        features=(),
        request="0" * 64,  # type: ignore[arg-type]
        request_bytes=1,
        irid=irid,
        run=run,
        reserved=Amount(input_tokens=1, output_tokens=1, cost_nano=1),
        **COMMON,
    )


def refusal(status: int = 403, run: str = RUN) -> Record:
    return CallRefused(status=status, clause="budget.calls", because="spent", irid="i", run=run, **COMMON)


def call(index: int | str, status: int = 200, irid: str = "i") -> LoggedCall:
    return LoggedCall(request_id=f"{ORIGIN}:{index}", status=status, irid=irid)


def differences(calls: list[LoggedCall], entries: dict[int, Record]) -> tuple[str, ...]:
    return reconcile(calls, entries, origin=ORIGIN, run=RUN).differences


def test_equal_multisets_have_no_difference() -> None:
    """Permits and refusals each stand once in the log; other entries and other runs do not matter."""
    frozen = PlanFrozen(at=COMMON["at"], grant=COMMON["grant"], person="p", plan="0" * 64)  # type: ignore[arg-type]
    entries = {5: permit(), 6: frozen, 7: permit(run="b" * 32), 8: refusal(), 9: permit()}
    found = reconcile([call(9), call(8, 403), call(5)], entries, origin=ORIGIN, run=RUN)
    assert found.differences == ()
    assert (found.permitted, found.refused, found.counted) == ((5, 9), (8,), 0)


@pytest.mark.parametrize(
    ("calls", "entries", "sentence"),
    [
        ([], {5: permit()}, r"entry 5 \(call.permitted\) names this run and is not in the log"),
        ([], {5: refusal()}, r"entry 5 \(call.refused\) names this run and is not in the log"),
        ([call(5)], {}, "names entry 5, which the ledger does not hold as a call of this run"),
        ([call(5)], {5: permit(run="b" * 32)}, "does not hold as a call of this run"),
        ([call(5), call(5)], {5: permit()}, "entry 5 stands more than once"),
        ([call("05")], {}, "expected operator.example"),
        ([call("x")], {}, "expected operator.example"),
        ([call("counted", 200)], {}, "expected operator.example"),
        ([LoggedCall(request_id="", status=200, irid="i")], {}, "names no entry"),
        ([LoggedCall(request_id="other/a/1:5", status=200, irid="i")], {}, "names 'other/a/1:5'"),
        ([call(5, 200)], {5: refusal()}, "entry 5 is a refusal with status 403, the log says 200"),
        ([call(5, irid="j")], {5: permit()}, "entry 5 holds x-irid 'i', the log says 'j'"),
    ],
)
def test_each_kind_of_difference_is_named(calls: list[LoggedCall], entries: dict[int, Record], sentence: str) -> None:
    """The sentence says which entry, and what each side says of it."""
    assert any(re.search(sentence, found) for found in differences(calls, entries))


def test_refusals_that_were_only_counted_have_no_entry_to_name() -> None:
    """They are counted apart from those with an entry."""
    found = reconcile([call("counted", 403), call("counted", 403)], {}, origin=ORIGIN, run=RUN)
    assert (found.counted, found.differences) == (2, ())


@given(st.lists(st.integers(0, 30), max_size=30), st.sets(st.integers(0, 30), max_size=30))
def test_no_difference_means_equal_multisets(logged: list[int], held: set[int]) -> None:
    """Whatever the numbers, silence is agreement: each entry exactly once, and nothing else."""
    found = differences([call(index) for index in logged], {index: permit() for index in held})
    assert (found == ()) is (sorted(logged) == sorted(held))


@given(st.text(max_size=40))
def test_any_text_names_an_entry_or_none(text: str) -> None:
    """An index has one spelling."""
    index = call_index(LoggedCall(request_id=f"{ORIGIN}:{text}", status=200, irid=""), ORIGIN)
    assert index is None or str(index) == text
