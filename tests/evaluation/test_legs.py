"""What is kept of a run between its legs, and how the legs make one run again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_reconciliation import ORIGIN, RUN, call, permit, refusal

from comity.evaluation.folder import BEGUN, CannotResume, hold, last_folder, make_folder, open_folder
from comity.evaluation.journal import FILE, Journal, Sent, read_journal
from comity.evaluation.reading import LoggedSample, UnreadableLog, merge_legs
from comity.evaluation.reconciliation import find_lost, reconcile

PLAN = "b" * 64


def sample(item: str, *indexes: int, finished: bool = True, score: int | None = 1, reason: str = "") -> LoggedSample:
    calls = tuple(call(index) for index in indexes)
    return LoggedSample(
        item=item, epoch=1, calls=calls, answered=finished, score=score, reason=reason, finished=finished
    )


def under_way(item: str, *indexes: int) -> LoggedSample:
    return sample(item, *indexes, finished=False, score=None, reason="interrupted" if indexes else "not-attempted")


def test_the_calls_of_a_broken_leg_belong_to_the_row_that_was_asked_again() -> None:
    """They stand before those of the leg that ended the row, and what they answered is not judged."""
    [merged] = merge_legs([under_way("one", 5), under_way("one"), sample("one", 9)])
    assert [one.request_id for one in merged.calls] == [f"{ORIGIN}:5", f"{ORIGIN}:9"]
    assert (merged.score, merged.reason, merged.finished) == (1, "", True)
    [left] = merge_legs([under_way("one"), under_way("one", 7)])
    assert (left.reason, left.finished) == ("interrupted", False)
    [none] = merge_legs([under_way("one")])
    assert none.reason == "not-attempted"
    [asked] = merge_legs([under_way("one", 5), sample("one", score=None, reason="not-attempted")])
    assert asked.reason == "no-answer"


def test_a_row_that_ended_twice_is_no_run_of_ours() -> None:
    """Nothing that ended is asked again, so logs that say otherwise were put together by somebody."""
    with pytest.raises(UnreadableLog, match="ended both times"):
        merge_legs([sample("one", 5), sample("one", 6)])


def sent(irid: str, item: str = "one", leg: int = 1) -> dict[str, Sent]:
    return {irid: Sent(irid=irid, item=item, epoch=1, leg=leg)}


@pytest.mark.parametrize(
    ("journal", "ended", "lost"),
    [
        (sent("i"), set(), {5}),
        (sent("i"), {("one", 1, 2)}, {5}),  # it ended in a later leg
        (sent("i"), {("one", 1, 1)}, set()),  # it ended in this leg, whose log has all of its calls
        (sent("another"), set(), set()),  # nobody noted that it was sent
        ({}, set(), set()),
    ],
)
def test_a_call_is_lost_only_if_the_journal_ties_it_to_a_row_under_way(
    journal: dict[str, Sent], ended: Any, lost: set[int]
) -> None:
    """Anything else that is in the ledger and in no log stays a difference."""
    entries = {5: permit(), 6: permit(run="c" * 32), 7: permit(irid="logged")}
    found = find_lost([call(7)], entries, origin=ORIGIN, run=RUN, sent=journal, ended=ended)
    assert set(found) == lost
    compared = reconcile([call(7, irid="logged")], entries, origin=ORIGIN, run=RUN, lost=found.keys())
    assert compared.lost == tuple(lost)
    assert bool(compared.differences) is (not lost)
    assert compared.permitted == (5, 7)


def test_a_refusal_can_be_lost_too() -> None:
    """The answer that did not arrive may have been a no."""
    assert set(find_lost([], {4: refusal()}, origin=ORIGIN, run=RUN, sent=sent("i"), ended=set())) == {4}


def test_the_journal_reads_back_what_was_noted_in_every_leg(tmp_path: Path) -> None:
    """A line that was cut is passed over, and the next leg begins on a line of its own."""
    with Journal(tmp_path, 1) as journal:
        journal.note(irid="a", item="one", epoch=1)
        journal.note(irid="b", item="zwei ü\n", epoch=2)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"epoch":1,"irid":"c"')
    with Journal(tmp_path, 2) as journal:
        journal.note(irid="d", item="one", epoch=1)
    found = read_journal(tmp_path)
    assert set(found) == {"a", "b", "d"}
    assert (found["b"].item, found["b"].epoch, found["d"].leg) == ("zwei ü\n", 2, 2)
    assert read_journal(tmp_path / "nowhere") == {}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_journal(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """What cannot be read is passed over, whatever a crash left."""
    folder = tmp_path_factory.mktemp("journal")
    (folder / FILE).write_bytes(data)
    assert isinstance(read_journal(folder), dict)


def test_a_runs_folder_reads_back_and_is_held_by_one_process(tmp_path: Path) -> None:
    """The newest open run of the plan is found; another plan's, a finished one and one that goes on are not."""
    made: dict[str, Any] = {"canonical": b"{}", "salt": b"s" * 32, "seed": "3" * 32}
    first = make_folder(tmp_path, run="1" * 32, plan=PLAN, **made)
    other = make_folder(tmp_path, run="2" * 32, plan="c" * 64, **made)
    first.note_begun(12)
    assert open_folder(tmp_path, first.run, PLAN) == replace(first, begun=12)
    assert first.fresh and not open_folder(tmp_path, first.run, PLAN).fresh
    assert last_folder(tmp_path, PLAN).run == first.run
    with hold(first), pytest.raises(CannotResume, match="another process"), hold(first):
        pass
    with pytest.raises(CannotResume, match="not of this one"):
        open_folder(tmp_path, other.run, PLAN)
    with pytest.raises(CannotResume, match="there is no run"):
        open_folder(tmp_path, "../" + first.run, PLAN)
    (first.path / "run.json").write_text("{}")
    with pytest.raises(CannotResume, match="nothing to resume"):
        last_folder(tmp_path, PLAN)
    (first.path / BEGUN).write_text(json.dumps({"format": "another"}))
    with pytest.raises(CannotResume, match="there is no run"):
        open_folder(tmp_path, first.run, PLAN)
