"""The numbers of a report follow from the record, and from nothing else."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.arrangement import specimen
from tests.report.told import RUN, WHO, Told, plan_of, tell
from tests.verify.specimen import OFFER, Story

from comity.records import Digest, RunAborted, ScoresCommitted, canonical_bytes
from comity.report import NotReportable
from comity.report.access import AccessReading
from comity.verify.access import state_access
from comity.verify.history import read_entries
from comity.verify.report import recompute
from comity.verify.reported_run import find_run
from comity.verify.scores import read_plan, read_scores
from comity.verify.terms import read_offer

DAYS = ["2026-12-01", "2026-12-02", "2026-12-03"]


def test_every_count_is_of_the_entries_that_the_reference_names() -> None:
    """Calls, refusals, runs, spend and answers are those that were told, and nothing else is in the file."""
    told = tell(
        right=4, wrong=2, missing=("refused:503", "not-attempted"), repeated=1, before=2, stray=3,
        refused=("features.logprobs", "budget.calls"), counted=40, others=("finished", "aborted", "open"),
        served=("gemma-3-270m", "", "another-model"),
    )  # fmt: skip

    report = told.numbers().members

    assert {"intended": 8, "attempted": 7, "answered": 6, "judged": 6, "unscored": 2, "repeated": 1,
            "correct": 4} == report["counts"]  # fmt: skip
    assert {"not-attempted": 1, "refused:503": 1} == report["missing"]
    assert {"plans_frozen": 1, "begun": 4, "finished": 2, "aborted": 1, "reported": 1} == report["runs"]
    assert {"run": 8, "refused": 2, "before_freeze": 2, "outside_plan": 5} == report["calls"]
    assert {"agreed": 4, "mismatch": 1, "unstated": 1, "none": 1} == report["served"]
    assert [{"clause": "budget.calls", "count": 41}, {"clause": "features.logprobs", "count": 1}] == report["refusals"]
    spent = {one["clause"]: one["taken"] for one in report["spend"]}
    settled, abandoned = 2 + 7 + 3, 1
    assert {"budget.calls": 13, "budget.input_tokens": 20 * settled + 120 * abandoned,
            "budget.output_tokens": 2 * settled + 64 * abandoned,
            "budget.cost": 2_800 * settled + 40_000 * abandoned} == spent  # fmt: skip
    assert len(told.entries) == report["as_of"]
    [one, exact] = report["estimates"]
    assert ("0.666667", 6, 4, 2, "0.500000", "0.750000") == tuple(
        one[name] for name in ("point", "n", "successes", "missing", "worst_low", "worst_high")
    )
    assert exact["low"] < one["low"] and one["high"] < exact["high"]
    assert "text" not in one


def test_an_open_call_takes_its_reservation() -> None:
    """What is not settled yet counts at what is reserved for it, as the gateway counts."""
    told = tell(right=1, wrong=0)
    told.story.permitted()

    taken = [one["taken"] for one in told.numbers().members["spend"]]

    assert [2, 20 + 120, 2 + 64, 2_800 + 40_000] == taken


def test_the_same_record_gives_the_same_bytes() -> None:
    """The file is canonical and depends on nothing but its inputs."""
    first, second = tell().numbers(), tell().numbers()

    assert first.data == second.data
    assert canonical_bytes(json.loads(first.data)) == first.data


def test_epochs_are_rows_and_one_estimate() -> None:
    """Each repetition of a question is a row; the estimate is over the first: the others are not independent."""
    report = tell(right=3, wrong=1, epochs=3).numbers().members

    assert (12, 9) == (report["counts"]["intended"], report["counts"]["correct"])
    assert [(4, 3)] * 2 == [(one["n"], one["successes"]) for one in report["estimates"]]


def test_nothing_judged_is_no_estimate() -> None:
    """A run without a score has counts and no rate."""
    report = tell(right=0, wrong=0, missing=("no-answer",) * 3).numbers().members

    assert [] == report["estimates"]
    assert {"no-answer": 3} == report["missing"]


@settings(max_examples=30)
@given(st.data())
def test_the_verifiers_own_count_is_the_same(data: st.DataObject) -> None:
    """A second counting, written apart from the first, comes to the same members for any run."""
    draw = data.draw
    few = st.integers(0, 4)
    told = tell(
        right=draw(few), wrong=draw(few) + 1, repeated=draw(few), before=draw(few), stray=draw(few), counted=draw(few),
        missing=tuple(draw(st.lists(st.sampled_from(["refused:429", "no-answer", "not-attempted"]), max_size=3))),
        refused=tuple(draw(st.lists(st.sampled_from(["budget.calls", "features.tools", "models.name"]), max_size=3))),
        others=tuple(draw(st.lists(st.sampled_from(["finished", "aborted", "open"]), max_size=3))),
        served=tuple(draw(st.lists(st.sampled_from(["", "another"]), max_size=2))),
        epochs=draw(st.integers(1, 2)),
        suspended=tuple(draw(st.lists(st.sampled_from([0, 0.5, 30]), max_size=3))),
        guard=tuple(draw(st.lists(st.tuples(st.sampled_from(DAYS), st.integers(-2, 2)), max_size=3))),
    )  # fmt: skip
    history, _ = read_entries(told.entries)

    found = recompute(
        terms=read_offer(specimen.agreed().envelope), plan=read_plan(told.plan), table=read_scores(told.table),
        run=find_run(history, RUN), history=history, as_of=len(told.entries),
    )  # fmt: skip

    assert told.numbers().members == found


def test_the_access_statement_says_who_could_bypass_and_when_access_stood_still() -> None:
    """Variant and guard by the terms, each day of calls or counters, each suspension, and the time in all."""
    told = tell(right=1, wrong=0, suspended=(2, 1), guard=(("2026-12-01", 0), ("2026-12-02", 3)), stray=1)
    access = told.numbers().members["access"]

    assert ("standard", "provider", 3 * 3600 + 2) == (
        access["variant"], access["guard_by"], access["stood_still_seconds"],
    )  # fmt: skip
    assert [("provider", "operational", "stops")] * 2 == [
        (one["by"], one["cause"], one["clock"]) for one in access["suspensions"]
    ]
    assert ("2026-12-01T09:00:03.000Z", "2026-12-01T11:00:04.000Z") == (
        access["suspensions"][0]["from"], access["suspensions"][0]["until"],
    )  # fmt: skip
    first, second = access["guard"]
    assert {"day": "2026-12-01", "outcome": "equal", "sure": 2, "open": 0, "passed": 2, "refused": 2} == first
    assert ("more", 0, 5) == (second["outcome"], second["sure"], second["passed"])
    unguarded = {"by": "none", "permit_key": specimen.PERMIT.vkey, "key": ""}
    assert [] == tell(terms=specimen.terms("guard", unguarded)).numbers().members["access"]["guard"]


ACTS = st.sampled_from(["stops", "runs", "resumed"])


@given(st.lists(st.tuples(st.sampled_from(["authority", "provider"]), ACTS, st.integers(-4, 4000)), max_size=8))
def test_both_counts_of_the_time_that_stood_still_agree(acts: list[tuple[str, str, int]]) -> None:
    """Suspensions of both parties, overlapping, of either clock, with times that step back a little."""
    story, reading = Story().opened(), AccessReading()
    for by, act, seconds in acts:
        story.later += timedelta(seconds=seconds)
        if act == "resumed":
            story.resumed(by=by)
        else:
            story.suspended(by=by, clock=act)
    for index, record in enumerate(story.records):
        reading.read(index, record)
    found = state_access(tuple(enumerate(story.records)), read_offer(OFFER.envelope), "gemma-3-270m")

    assert [one.members() for one in reading.suspensions] == found["suspensions"]
    assert reading.stood_still_seconds(story.records[-1].at) == found["stood_still_seconds"]


def other_table(told: Told) -> dict[str, Any]:
    return {"scores": told.table.replace(b'"score":1', b'"score":0', 1)}


def other_plan(told: Told) -> dict[str, Any]:
    return {"plan": plan_of(9)}


def other_terms(told: Told) -> dict[str, Any]:
    return {"terms": specimen.terms("title", "Another arrangement")}


def unfinished(told: Told) -> dict[str, Any]:
    return {"entries": told.entries[:-1]}


def aborted(told: Told) -> dict[str, Any]:
    told.story.records[-1] = RunAborted(
        at=told.story.at(), run=RUN, plan=Digest(hashlib.sha256(told.plan).hexdigest()), because="broke off", **WHO
    )
    return {"entries": told.entries}


def two_tables(told: Told) -> dict[str, Any]:
    told.story.records.insert(-1, told.story.records[-2])
    return {"entries": told.entries}


def miscounted(told: Told) -> dict[str, Any]:
    committed = told.story.records[-2]
    assert isinstance(committed, ScoresCommitted)
    told.story.records[-2] = ScoresCommitted(**committed.members() | {"correct": 5})
    return {"entries": told.entries}


def unknown_run(told: Told) -> dict[str, Any]:
    return {"run": "0" * 32}


def broken_entry(told: Told) -> dict[str, Any]:
    return {"entries": [*told.entries, b"{}"]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (other_table, "score table in the ledger has digest"),
        (other_plan, "plan in the ledger has digest"),
        (other_terms, "kept under terms with digest"),
        (unfinished, "has not finished"),
        (aborted, "was aborted: broke off"),
        (two_tables, "committed 2 score tables"),
        (miscounted, "its own table has"),
        (unknown_run, "expected its run.begun"),
        (broken_entry, "cannot be read"),
    ],
)
def test_what_does_not_belong_together_is_not_reported(change: Any, says: str) -> None:
    """Another plan, table or terms, an unfinished run or a miscount: no number is published, and the reason is said."""
    told = tell()

    with pytest.raises(NotReportable, match=says):
        told.numbers(**change(told))
