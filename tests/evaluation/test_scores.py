"""The score table commits every row, blinded, and the counts and estimates follow from it."""

import hmac
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from comity.evaluation.reading import LoggedCall, LoggedSample, UnreadableLog, judge_short_answers, read_logged
from comity.evaluation.scores import blind, count_rows, estimate_rows, make_rows, row_salt, score_table
from comity.records import parse_canonical

ORIGIN = "operator.example/a/" + "2" * 32
SALT = b"s" * 32
ACCEPTED = {"one": ("1",), "two": ("2",)}


def logged(item: str, score: int | None, *indexes: int, reason: str = "", epoch: int = 1) -> LoggedSample:
    calls = tuple(LoggedCall(request_id=f"{ORIGIN}:{index}", status=200, irid="") for index in indexes)
    return LoggedSample(item=item, epoch=epoch, calls=calls, answered=bool(calls), score=score, reason=reason)


SAMPLES = (logged("one", 1, 7), logged("two", 0, 8, 9), logged("three", None, 10, reason="refused:403"))
INTENDED = [("one", 1), ("two", 1), ("three", 1), ("four", 1)]


def test_every_intended_row_stands_in_the_table() -> None:
    """A sample that the engine never came to is a row too, with its reason."""
    rows = make_rows(SAMPLES, intended=INTENDED, salt=SALT, origin=ORIGIN)
    assert len(rows) == 4
    by_name = {row.item: row for row in rows}
    assert by_name[blind("four", SALT)].reason == "not-attempted"
    assert by_name[blind("two", SALT)].calls == (8, 9)
    counts = count_rows(rows, SAMPLES)
    assert counts.as_json() == {
        "intended": 4, "attempted": 3, "answered": 3, "judged": 2, "unscored": 2, "repeated": 1, "correct": 1,
    }  # fmt: skip
    [wilson] = estimate_rows(rows, ("wilson",), 0.95, bank=204)
    assert (wilson.successes, wilson.n, wilson.missing) == (1, 2, 2)
    assert (wilson.worst_low, wilson.worst_high) == (0.25, 0.75)


def test_the_table_hides_items_and_keeps_no_order_of_them() -> None:
    """No item's id stands in the bytes; another salt gives other names; the order is that of the names."""
    rows = make_rows(SAMPLES, intended=INTENDED, salt=SALT, origin=ORIGIN)
    table = score_table(rows, run="a" * 32, plan="0" * 64)
    assert not any(item.encode() in table for item, _ in INTENDED if len(item) > 3)
    members = parse_canonical(table)
    assert [row["item"] for row in members["rows"]] == sorted(blind(item, SALT) for item, _ in INTENDED)
    assert blind("one", SALT) != blind("one", b"t" * 32)


def test_a_row_is_opened_by_its_own_salt_and_opens_no_other() -> None:
    """Who is told one item and its salt recomputes its name; the same salt gives no other row's name."""
    names = {row.item for row in make_rows(SAMPLES, intended=INTENDED, salt=SALT, origin=ORIGIN)}
    salt = row_salt("two", SALT)
    assert hmac.digest(salt, b"two", "sha256").hex() == blind("two", SALT)
    assert not names & {hmac.digest(salt, item.encode(), "sha256").hex() for item, _ in INTENDED if item != "two"}


def test_epochs_of_one_item_are_not_independent_units() -> None:
    """The estimate's n is items, whatever the number of epochs."""
    samples = [logged("one", 1, 1), logged("one", 0, 2, epoch=2), logged("two", 1, 3), logged("two", 1, 4, epoch=2)]
    intended = [(item, epoch) for item in ("one", "two") for epoch in (1, 2)]
    rows = make_rows(samples, intended=intended, salt=SALT, origin=ORIGIN)
    [wilson] = estimate_rows(rows, ("wilson",), 0.95, bank=204)
    assert (wilson.successes, wilson.n) == (2, 2)


def test_nothing_judged_gives_no_estimate() -> None:
    """A rate of nothing is not printed as zero."""
    rows = make_rows((), intended=INTENDED, salt=SALT, origin=ORIGIN)
    assert estimate_rows(rows, ("wilson",), 0.95, bank=204) == ()


def sample(**changes: Any) -> SimpleNamespace:
    request = SimpleNamespace(id=f"{ORIGIN}:7", header="request-id", status=changes.pop("status", 200))
    event = SimpleNamespace(
        event="model",
        cache=changes.pop("cache", None),
        error=changes.pop("call_error", None),
        call=SimpleNamespace(request={"extra_headers": {"x-irid": "i"}}),
        request_ids=changes.pop("request_ids", [request]),
    )
    members = {
        "id": "one",
        "epoch": 1,
        "events": [event],
        "error": None,
        "limit": None,
        "output": SimpleNamespace(completion="1", stop_reason="stop"),
        "scores": {"short_answer": SimpleNamespace(value="C")},
    }
    return SimpleNamespace(**{**members, **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"limit": SimpleNamespace(type="token")}, "limit:token"),
        ({"limit": SimpleNamespace(type="custom"), "scores": {}}, "limit:custom"),
        ({"error": SimpleNamespace(message="x")}, "error"),
        ({"status": 403, "call_error": "403", "error": SimpleNamespace(message="x")}, "refused:403"),
        ({"status": 400, "scores": {"short_answer": SimpleNamespace(value="I")}}, "refused:400"),
        ({"request_ids": None, "call_error": "broken"}, "no-answer"),
        ({"events": []}, "not-attempted"),
        ({"output": SimpleNamespace(choices=[])}, "no-answer"),
        ({"output": SimpleNamespace(completion="", stop_reason="content_filter")}, "content-filter"),
    ],
)
def test_only_an_answered_sample_is_judged(changes: dict[str, Any], reason: str) -> None:
    """Limits, errors, refusals and filters make a sample missing, even where the engine scored it as wrong."""
    [read] = read_logged([sample(**changes)], ACCEPTED, judge_short_answers(ACCEPTED))
    assert read.reason == reason
    assert read.score == (None if reason else 1)


def test_an_answer_cut_at_its_limit_of_tokens_is_an_answer() -> None:
    """Its first line is judged as it stands."""
    cut = SimpleNamespace(completion="100000", stop_reason="max_tokens")
    one = sample(output=cut, scores={"s": SimpleNamespace(value="I")})
    [read] = read_logged([one], ACCEPTED, judge_short_answers(ACCEPTED))
    assert (read.score, read.reason) == (0, "")


def test_a_log_whose_scores_were_changed_is_not_read() -> None:
    """The scorer is run again on each answer; a log that says otherwise is refused."""
    with pytest.raises(UnreadableLog, match="the log was changed"):
        read_logged([sample(scores={"s": SimpleNamespace(value="I")})], ACCEPTED, judge_short_answers(ACCEPTED))
    with pytest.raises(UnreadableLog, match="the log was changed"):
        read_logged([sample(scores={})], ACCEPTED, judge_short_answers(ACCEPTED))


def test_an_answer_from_a_cache_is_not_read() -> None:
    """Nothing was asked, so nothing was measured."""
    with pytest.raises(UnreadableLog, match="cache"):
        read_logged([sample(cache="read")], ACCEPTED, judge_short_answers(ACCEPTED))


def test_a_sample_that_the_plan_does_not_ask_is_not_read() -> None:
    """The log of another run is not taken for this one's."""
    with pytest.raises(UnreadableLog, match="does not ask"):
        read_logged([sample(id="other")], ACCEPTED, judge_short_answers(ACCEPTED))


def test_a_row_without_a_readable_entry_number_keeps_its_score() -> None:
    """The difference is named by the reconciliation; the table holds what numbers there are."""
    [row] = make_rows(
        [replace(logged("one", 1), calls=(LoggedCall(request_id="", status=200, irid=""),))],
        intended=[("one", 1)],
        salt=SALT,
        origin=ORIGIN,
    )
    assert (row.score, row.calls) == (1, ())
