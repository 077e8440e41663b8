"""Labels of people: what a report says of them follows from the record, and none is left out or exchanged."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from tests.verify.bundle_world import RUN, WHO, World, make_world

from comity.evaluation.labels import Sheet, draw_order, judged_scores, standing_of
from comity.records import Digest, LabelsCommitted
from comity.report.errors import NotReportable
from comity.verify import verify_bundle

Commit = Callable[[World], dict[str, bytes]]


def sheet_of(world: World, rater: str, drawn: int = 5, *, unsure: int = 0) -> Sheet:
    """A rater who calls every answer right that the scorer does, and one more."""
    table = world.files["scores.json"]
    scores, order = judged_scores(table), draw_order(table)[:drawn]
    wrong = next(item for item in order if not scores[item])
    labels = [(item, 1 if item == wrong else scores[item]) for item in order]
    return Sheet(
        run=RUN, plan=sha256(world.plan).hexdigest(), rows=sha256(table).hexdigest(), rater=rater, judged=len(scores),
        labels=tuple((item, None if place < unsure else label) for place, (item, label) in enumerate(labels)),
    )  # fmt: skip


def commit(world: World, sheet: Sheet, **changes: int) -> bytes:
    """Put a sheet into the story's ledger."""
    told = {**sheet.entry(), **changes}
    digests = {name: Digest(str(told.pop(name))) for name in ("plan", "rows", "labels")}
    world.story.tell(LabelsCommitted(at=world.story.at(), **WHO, **digests, **told))  # type: ignore[arg-type]
    return sheet.content()


def one_rater(world: World) -> dict[str, bytes]:
    commit(world, sheet_of(world, "anna", 3))
    return {"anna": commit(world, sheet_of(world, "anna"))}


def two_raters(world: World) -> dict[str, bytes]:
    return {name: commit(world, sheet_of(world, name, unsure=n)) for n, name in enumerate(("anna", "bert"))}


@pytest.mark.parametrize(("labels", "raters"), [(one_rater, ["anna"]), (two_raters, ["anna", "bert"])])
def test_a_report_states_what_people_found_and_the_bundle_proves_it(
    tmp_path: Path, labels: Commit, raters: list[str]
) -> None:
    """The judged rate stays as it is; beside it stand the corrected one, and how the scorer and each rater differ."""
    world = make_world(tmp_path, labels=labels)
    said = world.report["labels"]
    assert [one["rater"] for one in said] == raters
    sheet = sheet_of(world, "anna")
    standing = standing_of(sheet, world.files["scores.json"], 0.95, missing=1)
    assert standing.alone is not None and standing.corrected is not None
    assert (said[0]["drawn"], said[0]["missed"], said[0]["invented"]) == (5, 1, 0)
    assert said[0]["alone"]["low"] == standing.alone.as_json()["low"]
    assert said[0]["corrected"]["high"] == standing.corrected.as_json()["high"]
    found = verify_bundle(world.pack())
    assert not found.verdict.failures
    [fact] = [fact for fact in found.verdict.facts if fact.name == "labels"]
    assert fact.holds and f"{len(raters)} rater" in fact.detail
    assert b"What people found" in world.files["report.html"]


def test_without_labels_nothing_is_said_of_them(tmp_path: Path) -> None:
    """A report of a run that nobody labelled has no such member, and its verdict no such fact."""
    world = make_world(tmp_path)
    assert "labels" not in world.report
    found = verify_bundle(world.pack())
    assert not [fact for fact in found.verdict.facts if fact.name == "labels"]


def test_labels_cannot_be_left_out_or_exchanged(tmp_path: Path) -> None:
    """A missing file, another file, a file too many and an edited number each fail where they are."""
    world = make_world(tmp_path, labels=one_rater)
    [name] = [name for name in world.files if name.startswith("labels/")]
    other = sheet_of(world, "anna", unsure=1).content()
    for changed, why in (
        ({name: None}, "missing from the bundle"),
        ({name: other}, "the digest is"),
        ({"labels/bert.json": world.files[name]}, "no labels of this rater"),
    ):
        found = verify_bundle(world.packed(changed))
        assert any(fact.name == "labels" and why in fact.detail for fact in found.verdict.failures), why
        assert found.rung == 0
    report = json.loads(world.files["report.json"])
    report["labels"][0]["missed"] = 0
    edited = json.dumps(report, sort_keys=True, separators=(",", ":")).encode()
    failures = verify_bundle(world.packed({"report.json": edited})).verdict.failures
    assert any("labels.0.missed says 0, the record gives 1" in fact.detail for fact in failures)


def test_a_report_is_refused_while_committed_labels_are_not_at_hand(tmp_path: Path) -> None:
    """Who does not like what people found cannot report without it."""

    def lost(world: World) -> dict[str, bytes]:
        one_rater(world)
        return {}

    def older(world: World) -> dict[str, bytes]:
        one_rater(world)
        return {"anna": sheet_of(world, "anna", 3).content()}

    with pytest.raises(NotReportable, match="whose file is not given"):
        make_world(tmp_path / "lost", labels=lost)
    with pytest.raises(NotReportable, match="the digest is"):
        make_world(tmp_path / "older", labels=older)


def test_only_the_beginning_of_the_draw_counts(tmp_path: Path) -> None:
    """A rater's file of chosen answers is refused, although its digest is committed."""

    def chosen(world: World) -> dict[str, bytes]:
        sheet = sheet_of(world, "anna")
        order = draw_order(world.files["scores.json"])
        picked = (*sheet.labels[1:], (order[5], 1))
        moved = Sheet(run=sheet.run, plan=sheet.plan, rows=sheet.rows, rater="anna", judged=7, labels=picked)
        return {"anna": commit(world, moved)}

    def miscounted(world: World) -> dict[str, bytes]:
        return {"anna": commit(world, sheet_of(world, "anna"), labelled=4)}

    with pytest.raises(NotReportable, match="not the first of the draw"):
        make_world(tmp_path / "chosen", labels=chosen)
    with pytest.raises(NotReportable, match="counts otherwise"):
        make_world(tmp_path / "miscounted", labels=miscounted)
