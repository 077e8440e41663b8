"""A bundle: everybody's cheat is named by file and member, and the rungs say how far the proof reaches."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.arrangement import specimen
from tests.verify.bundle_world import OTHER, RUN, WHO, World, make_world, open_draw, whole_draw
from tests.verify.specimen import OFFER, POLICY

from comity.arrangement import countersign, offer_terms
from comity.cli.main import main
from comity.evaluation.rescoring import SCORERS
from comity.evaluation.scores import Row
from comity.records import Digest, Hex32, RunBegun, canonical_bytes, parse_canonical
from comity.report.forms import shown
from comity.verify import BundleVerdict, read_offer, verify_bundle
from comity.verify.errors import MalformedPlanFile, MalformedScores, MalformedSealedFile
from comity.verify.page import check_page
from comity.verify.report import read_report
from comity.verify.scores import read_plan, read_scores
from comity.verify.sealed import read_sealed


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A published report with a whole draw, opened."""
    made = make_world(tmp_path_factory.mktemp("bundle"), draw=whole_draw)
    open_draw(made)
    return made



def change(world: World, files: dict[str, bytes | None]) -> BundleVerdict:
    return verify_bundle(world.packed(files), rescore=SCORERS)


def edited_report(data: bytes, changes: dict[str, Any]) -> bytes:
    members = parse_canonical(data)
    for path, value in changes.items():
        *steps, last = path.split(".")
        inner: Any = members
        for step in steps:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        inner[last] = value
    return canonical_bytes(members)


def edited_page(page: bytes, changes: dict[str, Any]) -> bytes:
    text = page.decode()
    for path, value in changes.items():
        claim = rf'(data-claim="{re.escape(path)}" data-form="(\w+)" value=")[^"]*(">)[^<]*'
        text, times = re.subn(claim, lambda m, v=str(value): f"{m[1]}{v}{m[3]}{shown(v, m[2])}", text)
        assert times
    return text.encode()


def edited(report: bytes, page: bytes, changes: dict[str, Any]) -> tuple[bytes, bytes]:
    return edited_report(report, changes), edited_page(page, changes)


def test_an_honest_bundle_reaches_every_rung(world: World) -> None:
    """With a draw, opened, and keys from elsewhere, no fact fails and nothing is left open."""
    found = verify_bundle(world.pack(), terms=read_offer(OFFER.envelope), rescore=SCORERS)

    assert found.verdict.stands, found.verdict.failures
    assert not found.verdict.open
    assert (found.rung, found.reached) == (4, (1, 2, 3, 4))
    covers = found.verdict.fact("covers").detail
    assert "this report covers 1 of 2 runs: 1 plan frozen, 2 begun, 1 finished, 1 aborted, 1 reported" in covers
    assert "1 call before this plan was frozen, 1 outside any plan, 1 of this run refused" in covers


def test_keys_that_come_with_the_bundle_are_said_to(world: World) -> None:
    """Whoever packs a bundle packs its terms; that they chose the keys is the first thing said of them."""
    keys = verify_bundle(world.pack(), rescore=SCORERS).verdict.fact("keys")

    assert keys.holds is None
    assert "came with the bundle itself" in keys.detail
    given = verify_bundle(world.pack(), policy=POLICY, terms=read_offer(OFFER.envelope)).verdict.fact("keys")
    assert given.holds


def test_without_the_scorer_the_third_rung_is_not_established(world: World) -> None:
    """A verifier that cannot score says so, and does not take the scores on trust."""
    found = verify_bundle(world.pack())

    assert found.verdict.stands
    assert found.reached == (1, 2, 4)
    assert "the scorer is not installed (short-answer/1)" in found.rungs[2].detail


def test_without_a_draw_and_without_anything_opened_two_rungs_are_reached(tmp_path: Path) -> None:
    """Sealed items that nobody opened are only as good as their labels, and the verdict does not count them as more."""
    found = verify_bundle(make_world(tmp_path).pack(), rescore=SCORERS)

    assert found.verdict.stands
    assert (found.rung, found.reached) == (2, (1, 2))
    assert "there was no draw" in found.rungs[2].detail
    assert "no item is opened" in found.rungs[3].detail


def test_items_opened_without_a_draw_reach_the_fourth_rung(tmp_path: Path) -> None:
    """What the evaluator chose to show proves answers from calls, and not scores from answers."""
    world = make_world(tmp_path)
    call = world.rows[1].calls[-1]
    found = change(world, {f"disclosed/{call}.json": world.opened(call)})

    assert found.reached == (1, 2, 4)
    assert "2 of 16 items opened" in found.verdict.fact("disclosed").detail


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"estimates.0.point": "0.914286"}, "estimates.0.point says 0.914286, the record gives 0.714286"),
        ({"counts.correct": 7}, "counts.correct says 7, the record gives 5"),
        ({"runs.begun": 1, "runs.aborted": 0}, "runs.aborted says 0, the record gives 1; also"),
        ({"calls.outside_plan": 0}, "calls.outside_plan says 0, the record gives 1"),
        ({"spend.3.taken": 1}, "spend.3.taken says 1, the record gives"),
        ({"access.guard.0.passed": 11}, "access.guard.0.passed says 11, the record gives 10"),
        ({"access.stood_still_seconds": 60}, "access.stood_still_seconds says 60, the record gives 0"),
        ({"access.variant": "fewest-mitigations"}, "access.variant says fewest-mitigations, the record gives standard"),
    ],
)  # fmt: skip
def test_a_number_edited_in_report_and_page_is_named(world: World, changes: dict[str, Any], says: str) -> None:
    """Whoever edits both files and the list of digests is caught by the record, member by member, in both."""
    report, page = edited(world.files["report.json"], world.files["report.html"], changes)
    found = change(world, {"report.json": report, "report.html": page})

    assert not found.verdict.stands
    assert found.rung == 0
    assert found.verdict.fact("report").where == "report.json"
    assert says in found.verdict.fact("report").detail
    assert found.verdict.fact("page").where == "report.html"
    first = next(iter(sorted(changes)))
    assert f"{first} says {changes[first]}" in found.verdict.fact("page").detail
    assert "published" in {fact.name for fact in found.verdict.failures}


def test_a_number_edited_in_the_page_alone_is_named(world: World) -> None:
    """Value and text edited, the text alone, a claim dropped, or one of no member: the page fails at its member."""
    page = world.files["report.html"]
    point = world.report["estimates"][0]["point"]
    both = edited_page(page, {"estimates.0.point": "0.914286"})
    text = page.replace(b">71.4%<", b">91.4%<")
    dropped = re.sub(rb'<data class="claim" data-claim="counts.unscored"[^>]*>([^<]*)</data>', rb"\1", page)
    odd = page.replace(b'data-claim="counts.judged"', b'data-claim="counts.imagined"')
    assert text != page != dropped
    for changed, says in (
        (both, f"estimates.0.point says 0.914286, the record gives {point}"),
        (text, f"estimates.0.point reads '91.4%', the record gives {point}"),
        (dropped, "counts.unscored is not stated, the record gives 1"),
        (odd, "it claims 'counts.imagined', which is no member of the report"),
    ):
        found = change(world, {"report.html": changed})
        assert found.verdict.fact("page").where == "report.html"
        assert says in found.verdict.fact("page").detail
        assert found.verdict.fact("report").holds, "report.json was left alone"
        assert found.verdict.fact("published").where == "report.html"


def test_a_number_edited_before_publication_is_named_by_the_record(tmp_path: Path) -> None:
    """An evaluator who publishes a wrong number has its digest in the ledger, and the record still says another."""
    made = make_world(tmp_path, publish=lambda r, p: edited(r, p, {"estimates.0.point": "0.914286"}))
    found = verify_bundle(made.pack(), rescore=SCORERS)

    assert found.verdict.fact("published").holds
    assert "estimates.0.point says 0.914286, the record gives 0.714286" in found.verdict.fact("report").detail
    assert found.rung == 0


def test_a_run_left_out_fails(tmp_path: Path) -> None:
    """A report that was published as if there were one run is told that there are two."""
    changes = {"runs.begun": 1, "runs.aborted": 0}
    found = verify_bundle(make_world(tmp_path, publish=lambda r, p: edited(r, p, changes)).pack(), rescore=SCORERS)

    assert found.verdict.fact("covers").holds is False
    assert "this report covers 1 of 2 runs" in found.verdict.fact("covers").detail
    assert found.rung == 0


def test_a_report_that_stops_counting_before_a_run_fails(tmp_path: Path) -> None:
    """A run begun between what is counted and the publication is left out, however early the counting stops."""

    def another(world: World) -> None:
        plan = Digest(sha256(world.plan).hexdigest())
        world.story.tell(RunBegun(at=world.story.at(), run=Hex32("35" * 16), plan=plan, **WHO))

    found = verify_bundle(make_world(tmp_path, before=another).pack(), rescore=SCORERS)
    fact = found.verdict.fact("as_of")

    assert fact.holds is False
    assert "leaves out the run begun at entry" in fact.detail
    assert found.rung == 0


def test_runs_begun_after_the_publication_are_said_and_no_fault(tmp_path: Path) -> None:
    """What did not exist yet could not be counted."""

    def later(world: World) -> None:
        plan = Digest(sha256(world.plan).hexdigest())
        world.story.tell(RunBegun(at=world.story.at(), run=Hex32("35" * 16), plan=plan, **WHO))

    found = verify_bundle(make_world(tmp_path, draw=later).pack(), rescore=SCORERS)

    assert found.verdict.stands
    assert "1 begun since" in found.verdict.fact("as_of").detail


def rows_of(world: World) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parse_canonical(world.files["scores.json"])["rows"]
    return rows


def with_rows(world: World, rows: list[dict[str, Any]]) -> bytes:
    return canonical_bytes(parse_canonical(world.files["scores.json"]) | {"rows": rows})


def flip(rows: list[dict[str, Any]]) -> None:
    place = next(place for place, row in enumerate(rows) if row["score"] == 0)
    rows[place]["score"] = 1


def drop(rows: list[dict[str, Any]]) -> None:
    rows.pop(0)


def reuse(rows: list[dict[str, Any]]) -> None:
    judged = [row for row in rows if row["score"] is not None]
    judged[0]["calls"] = judged[1]["calls"]


@pytest.mark.parametrize(
    ("bend", "fact", "says"),
    [
        (flip, "counts", "counts.correct is committed as 5, the rows give 6"),
        (drop, "rows", "7 rows; the plan asks 8 items 1 times"),
        (reuse, "rows", "is used in row"),
    ],
)
def test_a_changed_score_table_is_not_the_committed_one(
    world: World, bend: Callable[[list[dict[str, Any]]], None], fact: str, says: str
) -> None:
    """A score flipped, a row dropped, a call used twice: the digest differs, and what is wrong is named as well."""
    rows = rows_of(world)
    bend(rows)
    found = change(world, {"scores.json": with_rows(world, rows)})

    assert found.verdict.fact("scores").where == "scores.json"
    assert "commits to" in found.verdict.fact("scores").detail
    assert says in found.verdict.fact(fact).detail
    assert found.rung == 0


def test_a_table_committed_with_a_call_used_twice_fails(tmp_path: Path) -> None:
    """An evaluator who commits such a table has its digest, and not the rule, on its side."""

    def bend(rows: list[Row]) -> list[Row]:
        return [rows[0], rows[1], replace(rows[2], calls=rows[3].calls), *rows[3:]]

    found = verify_bundle(make_world(tmp_path, forge=bend).pack(), rescore=SCORERS)
    assert found.verdict.fact("scores").holds
    assert "is used in row" in found.verdict.fact("rows").detail
    assert found.verdict.fact("rows").where.startswith("scores.json row ")


def test_a_table_committed_without_a_row_fails(tmp_path: Path) -> None:
    """A plan of eight items has eight rows, whatever the table says."""
    found = verify_bundle(make_world(tmp_path, forge=lambda rows: rows[:-1]).pack(), rescore=SCORERS)

    assert "7 rows; the plan asks 8 items" in found.verdict.fact("rows").detail


def test_scores_flipped_before_they_were_committed_are_caught_by_the_draw(tmp_path: Path) -> None:
    """The number follows from committed scores, the plan was frozen; that the scores are false only a draw shows."""

    def bend(rows: list[Row]) -> list[Row]:
        return [row if row.score is None else replace(row, score=1 - row.score) for row in rows]

    made = make_world(tmp_path, forge=bend, draw=whole_draw)
    assert verify_bundle(made.pack(), rescore=SCORERS).reached == (1, 2)
    open_draw(made)
    found = verify_bundle(made.pack(), rescore=SCORERS)

    assert found.reached == (1, 2, 4)
    fact = found.verdict.fact("rescored")
    assert fact.where.startswith("scores.json row ")
    assert re.search(r"the score is [01]; the scorer gives [01]", fact.detail)


def test_a_drawn_row_must_be_opened(world: World) -> None:
    """Leaving out a drawn row's call, or opening other rows than those drawn, fails."""
    drawn = parse_canonical(world.files["drawn.json"])
    call = world.rows[drawn["rows"][0]["row"]].calls[-1]
    found = change(world, {f"disclosed/{call}.json": None})
    assert found.verdict.fact("rescored").where == f"disclosed/{call}.json"

    rows = drawn["rows"][::-1]
    found = change(world, {"drawn.json": canonical_bytes(drawn | {"rows": rows})})
    assert "drawn are" in found.verdict.fact("draw").detail
    swapped = [{**rows[0], "item": rows[1]["item"]}, *rows[1:]][::-1]
    found = change(world, {"drawn.json": canonical_bytes(drawn | {"rows": swapped})})
    assert "is not the item" in found.verdict.fact("draw").detail
    for member, value in (("seed", "00" * 32), ("root", "00" * 32), ("size", 1)):
        found = change(world, {"drawn.json": canonical_bytes(drawn | {member: value})})
        assert f"{member} is {value}" in found.verdict.fact("draw").detail


def test_an_answer_to_another_question_is_not_scored(world: World) -> None:
    """A right answer that the model gave to another item does not score a drawn row."""
    drawn = parse_canonical(world.files["drawn.json"])
    plan = json.loads(world.plan)
    items = [row["item"] for row in drawn["rows"]]
    call = world.rows[drawn["rows"][0]["row"]].calls[-1]
    from comity.vault import open_item

    request, answer = (open_item(world.content[call, part], world.key).content for part in ("request", "answer"))
    rescore = SCORERS["short-answer/1"]
    assert rescore(plan, items[0], request, answer) in (0, 1)
    assert "does not ask" in str(rescore(plan, items[1], request, answer))
    assert "the request asks" in str(rescore(plan | {"target": {"model": "x", "protocol": "openai"}}, items[0], request,
                                             answer))  # fmt: skip
    for broken in (b"", b"[]", b"data: {}", b'{"choices":[]}', b'{"choices":[{"message":{"content":7}}]}'):
        assert isinstance(rescore(plan, items[0], request, broken), str)


def test_a_checkpoint_from_elsewhere_fails(world: World, tmp_path: Path) -> None:
    """Another history under the same keys, or no signature of these keys, is named before anything else is believed."""
    other = make_world(tmp_path)
    found = change(world, {"ledger/checkpoint": other.files["ledger/checkpoint"]})
    assert found.verdict.failures[0].name in ("entries", "root")
    assert found.rung == 0
    text = world.files["ledger/checkpoint"].replace(b"operator.example", b"operator.invalid")
    found = change(world, {"ledger/checkpoint": text})
    assert found.verdict.failures[0].name == "checkpoint"
    assert found.verdict.failures[0].where.startswith("checkpoint")
    assert found.rung == 0


def test_sealed_items_swapped_missing_or_of_another_call_are_named(world: World) -> None:
    """Each call of the run has its own sealed items, and no other's."""
    names = sorted(name for name in world.files if name.startswith("sealed/"))
    first, second = names[0], names[2]
    found = change(world, {first: world.files[second], second: world.files[first]})
    assert found.verdict.fact("sealed").where in (first, second)
    assert found.reached == (1, 2, 3)

    found = change(world, {first: None})
    assert found.verdict.fact("sealed").where == first
    assert "missing" in found.verdict.fact("sealed").detail

    found = change(world, {"sealed/0-request.json": world.files[first]})
    assert found.verdict.fact("sealed").where == "sealed/0-request.json"

    members = json.loads(world.files[first])
    members["ciphertext"] = members["ciphertext"][4:]
    found = change(world, {first: json.dumps(members).encode()})
    assert "its bytes is" in found.verdict.fact("sealed").detail


def test_a_sealed_item_under_anothers_label_is_caught_where_it_is_opened(world: World) -> None:
    """A false ciphertext of the right length under the right label differs from the one that the disclosure opens."""
    call = json.loads(world.files["drawn.json"])["rows"][0]["row"]
    name = f"sealed/{world.rows[call].calls[-1]}-answer.json"
    members = json.loads(world.files[name])
    flipped = "B" if members["ciphertext"][0] == "A" else "A"
    members["ciphertext"] = flipped + members["ciphertext"][1:]
    found = change(world, {name: json.dumps(members).encode()})

    assert found.verdict.fact("sealed").holds
    assert found.verdict.fact("disclosed").where == name


def test_disclosed_content_must_be_what_the_entry_commits_to(world: World) -> None:
    """Another call's content under this call's name, or a changed key, is named."""
    names = sorted(name for name in world.files if name.startswith("disclosed/"))
    found = change(world, {names[0]: world.files[names[1]]})
    assert found.verdict.fact("disclosed").where == names[0]

    members = json.loads(world.files[names[0]])
    members["items"][0]["content_key"] = members["items"][1]["content_key"]
    found = change(world, {names[0]: json.dumps(members).encode()})
    assert "does not open under the key" in found.verdict.fact("disclosed").detail


def test_another_plan_and_other_terms_are_named(world: World) -> None:
    """The plan is the one whose digest was frozen, and the terms those of entry 0."""
    plan = canonical_bytes(parse_canonical(world.plan) | {"title": "Another"})
    found = change(world, {"plan.json": plan})
    assert found.verdict.fact("plan").where == "plan.json"
    assert found.rung == 0

    other = countersign(offer_terms(specimen.terms("title", "Other terms"), specimen.PROVIDER), specimen.AUTHORITY)
    found = change(world, {"terms.json": other.envelope})
    assert found.verdict.fact("terms").where == "arrangement"
    assert found.rung == 0
    found = verify_bundle(world.pack(), terms=read_offer(other.envelope))
    assert found.verdict.fact("terms").where == "terms.json"


def test_a_report_about_another_run_fails(world: World) -> None:
    """The manifest names the run; one that was aborted, or that nobody knows, carries no report."""
    for run, says in ((OTHER, "the run was aborted"), ("00" * 16, "the ledger holds no run")):
        report = canonical_bytes(parse_canonical(world.files["report.json"]) | {"run": run})
        found = change(world, {"report.json": report})
        assert says in found.verdict.fact("scores").detail
        assert found.rung == 0
    assert RUN != OTHER


def test_the_command_names_rungs_and_never_just_says_verified(world: World, tmp_path: Path) -> None:
    """`comity verify BUNDLE` prints each fact on its line, then the rungs; JSON has them as numbers."""
    bundle = world.pack()
    terms = tmp_path / "terms.json"
    terms.write_bytes(OFFER.envelope)
    plain = CliRunner().invoke(main, ["verify", str(bundle), "--arrangement", str(terms)])
    assert plain.exit_code == 0, plain.output
    assert "Reached: rungs 1, 2, 3 and 4 of 4." in plain.output
    assert "verified" not in plain.output.lower()
    told = json.loads(CliRunner().invoke(main, ["verify", str(bundle), "--json"]).output)
    assert (told["rung"], told["reached"]) == (4, [1, 2, 3, 4])

    report, page = edited(world.files["report.json"], world.files["report.html"], {"estimates.0.point": "0.999999"})
    forged = world.packed({"report.json": report, "report.html": page}, "forged.zip")
    bad = CliRunner().invoke(main, ["verify", str(forged), "--arrangement", str(terms)])
    assert bad.exit_code == 1
    assert "estimates.0.point says 0.999999, the record gives 0.714286" in bad.output
    assert "No rung is reached" in bad.output


def test_an_answer_that_came_after_the_break_may_count_as_none(tmp_path: Path) -> None:
    """A row that was interrupted has its answer in the ledger, and the evaluator never saw it: both may be right."""

    def bend(rows: list[Row]) -> list[Row]:
        return [*rows[:-1], replace(rows[-1], score=None, reason="interrupted")]

    found = verify_bundle(make_world(tmp_path, forge=bend).pack(), rescore=SCORERS)
    assert found.reached == (1, 2), found.verdict.failures
    assert "6 answered" in found.verdict.fact("counts").detail


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200) | json_like.map(lambda value: json.dumps(value).encode()))
def test_the_readers_inside_a_bundle_are_total(data: bytes) -> None:
    """Whatever the bytes of a member are, it is read or refused by its one error, and a page by a failing fact."""
    for read, error in (
        (read_scores, MalformedScores),
        (read_plan, MalformedPlanFile),
        (read_sealed, MalformedSealedFile),
    ):
        try:
            read(data)  # type: ignore[operator]
        except error:
            pass
    assert isinstance(read_report(data), str | dict)
    assert check_page(data, {"counts": {"judged": 1}}).holds is False


@given(st.data())
def test_a_plan_or_table_with_one_member_changed_is_read_or_refused(world: World, data: st.DataObject) -> None:
    """Every member of a real plan and table may be anything, and only the one error comes of it."""
    for name, read, error in (
        ("plan.json", read_plan, MalformedPlanFile),
        ("scores.json", read_scores, MalformedScores),
    ):
        members: Any = json.loads(world.files[name])
        inner = members
        while True:
            key = data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
            if not isinstance(inner[key], dict | list) or not inner[key] or data.draw(st.booleans()):
                inner[key] = data.draw(json_like)
                break
            inner = inner[key]
        spelled = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        try:
            read(spelled.encode("utf-8", "surrogatepass"))  # type: ignore[operator]
        except error:
            pass
