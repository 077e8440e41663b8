"""A sample that was drawn from a frame is drawn again: a bent draw, chance, frame or history is found and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.verify.bundle_world import World, make_world

from comity.evaluation.scores import Row
from comity.records import canonical_bytes
from comity.verify import verify_bundle

KINDS = ("stratified", "active")
THRESHOLD = {"threshold": {"value": "0.05", "direction": "above", "source": "the code of practice"}}


BENT: Final[list[tuple[Callable[[dict[str, Any]], dict[str, Any]], str]]] = [
    (lambda frame: {**frame, "history": [{**frame["history"][0], "model": "gemma-3-270m"}, *frame["history"][1:]]},
     "the model itself"),
    (lambda frame: {**frame, "history": [{**frame["history"][0], "date": "2026-06-01"}, *frame["history"][1:]]},
     "not before 2026-06-01"),
    (lambda frame: {**frame, "history": [{**frame["history"][0], "family": "Gemma"}, *frame["history"][1:]]},
     "of the base Gemma, which the plan leaves out"),
    (lambda frame: {**frame, "history": frame["history"][1:]}, "the digest of its history"),
    (lambda frame: {**frame, "weights": [1, 3]}, "its strata have weights"),
]  # fmt: skip


def facts(world: World, **changes: bytes | None) -> dict[str, Any]:
    return {fact.name: fact for fact in verify_bundle(world.pack(**changes)).verdict.facts}


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_sample_is_drawn_again_and_its_number_follows(tmp_path: Path, kind: str) -> None:
    """Rungs one and two are reached; the fact says how the sample was drawn, and the decision rests on it."""
    world = make_world(tmp_path, kind=kind, claim=THRESHOLD)
    verdict = verify_bundle(world.pack())
    found = {fact.name: fact for fact in verdict.verdict.facts}

    assert [] == [str(fact) for fact in verdict.verdict.facts if fact.holds is False]
    assert (1, 2) == verdict.reached[:2]
    assert "8 items of 204" in found["sample"].detail and "3 earlier runs" in found["sample"].detail
    method = {"stratified": "clopper-pearson", "active": "betting-drawn"}[kind]
    decision = world.report["planned"]["decision"]
    assert (method, 8, 1) == (decision["method"], decision["n"], decision["missing"])
    assert {one["bank"] for one in world.report["estimates"]} == {204}


def chance(rows: list[Row]) -> list[Row]:
    """Another chance for one row."""
    assert rows[3].placed is not None
    return [*rows[:3], replace(rows[3], placed=replace(rows[3].placed, probability=0.5)), *rows[4:]]


def place(rows: list[Row]) -> list[Row]:
    """Two rows exchange their places."""
    first, second = rows[1], rows[2]
    return [rows[0], replace(first, placed=second.placed), replace(second, placed=first.placed), *rows[3:]]


def other(rows: list[Row]) -> list[Row]:
    """Another item, which answered better, in the place of one that was drawn."""
    return [*rows[:-1], replace(rows[-1], item="f" * 64)]


def fewer(rows: list[Row]) -> list[Row]:
    """An item that answered badly is left out."""
    return rows[:-1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("forge", "says"),
    [
        (chance, "chance '0.500000000000'"),
        (place, "the seed gives place"),
        (other, "no row of"),
        (fewer, "no row of"),
    ],
)
def test_rows_that_the_seed_does_not_draw_are_named(
    tmp_path: Path, kind: str, forge: Callable[[list[Row]], list[Row]], says: str
) -> None:
    """Whoever picks, leaves out or reweighs items after the answers is found, although all digests agree."""
    found = facts(make_world(tmp_path, kind=kind, forge=forge))["sample"]

    assert found.holds is False
    assert says in found.detail


def test_a_score_that_was_turned_changes_what_an_active_run_would_have_asked(tmp_path: Path) -> None:
    """A turned answer of the first batch leads the replay to other draws than those in the table."""

    def turn(rows: list[Row]) -> list[Row]:
        return [replace(one, score=1 - one.score) if one.score == 0 else one for one in rows]

    found = facts(make_world(tmp_path, kind="active", forge=turn))["sample"]

    assert found.holds is False


@pytest.mark.parametrize(("bend", "says"), BENT)
def test_a_frame_that_leaks_or_is_not_the_plans_is_named(
    tmp_path: Path, bend: Callable[[dict[str, Any]], dict[str, Any]], says: str
) -> None:
    """A plan may freeze any frame: what its history holds, and how it weighs, is held to what the plan states."""
    found = facts(make_world(tmp_path, kind="stratified", frame=bend))["sample"]

    assert (found.holds, found.where) == (False, "frame.json")
    assert says in found.detail


def test_another_frame_or_none_is_no_proof(tmp_path: Path) -> None:
    """The frame is the plan's by digest; without it nothing is recomputed, and the report fails."""
    world = make_world(tmp_path, kind="stratified")
    frame = json.loads(world.files["frame.json"])
    bent = canonical_bytes({**frame, "strata": ["1", "3"]})

    for changed in (facts(world, **{"frame.json": bent}), facts(world, **{"frame.json": None})):
        assert changed["sample"].holds is False
        assert changed["report"].holds is False


def test_a_frame_beside_a_plan_that_has_none_is_named(tmp_path: Path) -> None:
    """A simple random sample is drawn from the bank itself."""
    world = make_world(tmp_path)
    found = verify_bundle(world.packed({"frame.json": b"{}"})).verdict.facts

    assert [False] == [fact.holds for fact in found if fact.name == "sample"]
