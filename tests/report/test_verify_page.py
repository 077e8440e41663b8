"""`verify.html` in a real browser: it says of every bundle, good or bent, what `comity verify` says."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.arrangement import specimen
from tests.report.checking import Checker, checker, ledger_files, needs_chromium, stored
from tests.verify import test_bundle as bent
from tests.verify import test_clauses, test_closing, test_draw, test_ending, test_history, test_labels, test_sample
from tests.verify.bundle_world import OTHER, RUN, WHO, World, make_world, open_draw, tell_run, whole_draw
from tests.verify.specimen import OFFER, Story

from comity.arrangement import countersign, offer_terms
from comity.evaluation.scores import Row
from comity.records import Digest, Hex32, RunBegun, canonical_bytes, parse_canonical
from comity.verify import read_offer, verify_bundle

pytestmark = [needs_chromium, pytest.mark.slow]

UNCHECKED = "; its signature with ML-DSA-44 is not checked by this page"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    """One browser for all of them."""
    with checker(tmp_path_factory.mktemp("page")) as made:
        yield made
        assert [] == made.complaints
        assert {made.address} == set(made.asked)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A published report with a whole draw, opened."""
    made = make_world(tmp_path_factory.mktemp("bundle"), draw=whole_draw)
    open_draw(made)
    return made


@pytest.fixture
def terms(tmp_path: Path) -> Path:
    """The terms as they reached the reader another way."""
    path = tmp_path / "arrangement.json"
    path.write_bytes(OFFER.envelope)
    return path


def alike(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict without what a browser cannot know: a second algorithm's signatures, and a scorer."""
    verdict = {**verdict, "facts": [dict(fact) for fact in verdict["facts"]], "subject": ""}
    verdict["rungs"] = [dict(rung) for rung in verdict["rungs"]]
    for fact in verdict["facts"]:
        if fact["name"] == "log signatures":
            fact["detail"] = fact["detail"].replace(UNCHECKED, ", ML-DSA-44")
        if fact["name"] == "keys" and fact["holds"] is None:
            fact["detail"] = fact["detail"].partition(". Compare them")[0]
    for fact in verdict["facts"] + verdict["rungs"]:
        fact["detail"] = fact["detail"].replace("the scorer is not in this page", "the scorer is not installed")
    return verdict


@pytest.fixture(autouse=True)
def opened(browser: Checker) -> None:
    """Each test begins with the page as it is when it has just been opened."""
    browser.open()


def same(browser: Checker, bundle: Path, *terms: Path) -> dict[str, Any]:
    """What both say of a bundle, where they say the same, to the letter."""
    told = browser.verdict(bundle, *terms)
    given = read_offer(terms[0].read_bytes()) if terms else None
    page, command = alike(told), alike(verify_bundle(bundle, terms=given).members())
    for of in ("facts", "rungs"):
        assert [] == [(a, b) for a, b in zip(page[of], command[of], strict=True) if a != b]
    assert page == command
    return told


def test_an_honest_bundle_reaches_the_same_rungs(browser: Checker, world: World, terms: Path) -> None:
    """With keys from elsewhere no fact fails; only the scorer is missing, and the page says so."""
    told = same(browser, world.pack(), terms)

    assert (told["stands"], told["rung"], told["reached"]) == (True, 4, [1, 2, 4])
    assert ["rescored"] == [fact["name"] for fact in told["facts"] if fact["holds"] is None]
    assert "Reached: rungs 1, 2 and 4 of 4." in browser.page.text_content("#status")


def test_keys_that_come_with_the_bundle_are_said_to(browser: Checker, world: World) -> None:
    """Without the terms from elsewhere the first thing said is that whoever made the bundle chose the keys."""
    told = same(browser, world.pack())

    assert next(fact for fact in told["facts"] if fact["name"] == "keys")["holds"] is None
    assert "whoever made it chose them" in browser.page.text_content("#result > .caution")


def test_every_file_that_a_forger_edits_is_named_as_the_command_names_it(browser: Checker, world: World) -> None:
    """Numbers, rows, page, draw, checkpoint, sealed and opened content, plan, terms: file and member are the same."""
    for name, changes in edits(world).items():
        told = same(browser, world.packed(changes))
        assert not told["stands"], name


def edits(world: World) -> dict[str, dict[str, bytes | None]]:
    """The forgeries of tests/verify/test_bundle.py, as files that are changed."""
    report, page = world.files["report.json"], world.files["report.html"]
    drawn = parse_canonical(world.files["drawn.json"])
    sealed = sorted(name for name in world.files if name.startswith("sealed/"))
    opened = sorted(name for name in world.files if name.startswith("disclosed/"))
    found: dict[str, dict[str, bytes | None]] = {}
    for changes in (
        {"estimates.0.point": "0.914286"}, {"counts.correct": 7}, {"runs.begun": 1, "runs.aborted": 0},
        {"calls.outside_plan": 0}, {"spend.3.taken": 1}, {"access.guard.0.passed": 11}, {"access.variant": "none"},
        {"access.stood_still_seconds": 60},
    ):  # fmt: skip
        told, shown = bent.edited(report, page, changes)
        found[f"both say {changes}"] = {"report.json": told, "report.html": shown}
    found["the page says"] = {"report.html": bent.edited_page(page, {"estimates.0.point": "0.914286"})}
    found["the page reads"] = {"report.html": page.replace(b">71.4%<", b">91.4%<")}
    found["a claim of nothing"] = {"report.html": page.replace(b'"counts.judged"', b'"counts.imagined"')}
    found["no claim"] = {"report.html": page.replace(b'data-claim="counts.unscored"', b'title="counts.unscored"')}
    found["as many as nothing"] = {"report.json": bent.edited_report(report, {"counts": {}, "as_of": 12})}
    found["another kind of value"] = {"report.json": bent.edited_report(report, {"model": 5, "runs.begun": "2"})}
    found["another format"] = {"report.json": bent.edited_report(report, {"format": "comity report/2"})}
    for bend in (bent.flip, bent.drop, bent.reuse):
        rows = bent.rows_of(world)
        bend(rows)
        found[bend.__name__] = {"scores.json": bent.with_rows(world, rows)}
    found["no table"] = {"scores.json": b"[]"}
    found["a row not opened"] = {opened[0]: None}
    for member, value in (("rows", drawn["rows"][::-1]), ("seed", "00" * 32), ("root", "00" * 32), ("size", 1)):
        found[f"drawn {member}"] = {"drawn.json": canonical_bytes(drawn | {member: value})}
    swapped = [{**drawn["rows"][0], "item": drawn["rows"][1]["item"]}, *drawn["rows"][1:]]
    found["drawn item"] = {"drawn.json": canonical_bytes(drawn | {"rows": swapped})}
    found["swapped"] = {sealed[0]: world.files[sealed[2]], sealed[2]: world.files[sealed[0]]}
    found["missing"] = {sealed[0]: None}
    found["of another call"] = {"sealed/0-request.json": world.files[sealed[0]]}
    found["cut"] = {sealed[0]: world.files[sealed[0]].replace(b'"ciphertext": "', b'"ciphertext": "AAAA')}
    found["opened for another"] = {opened[0]: world.files[opened[1]]}
    checkpoint = world.files["ledger/checkpoint"]
    found["another commitment"] = {"ledger/checkpoint": checkpoint.replace(b"example", b"invalid")}
    found["another plan"] = {"plan.json": canonical_bytes(parse_canonical(world.plan) | {"title": "Another"})}
    other = countersign(offer_terms(specimen.terms("title", "Other terms"), specimen.PROVIDER), specimen.AUTHORITY)
    found["other terms"] = {"terms.json": other.envelope}
    found["no terms"] = {"terms.json": b"{}"}
    for run in (OTHER, "00" * 16):
        found[f"of run {run}"] = {"report.json": canonical_bytes(parse_canonical(report) | {"run": run})}
    return found


def test_other_terms_from_elsewhere_fail(browser: Checker, world: World, tmp_path: Path) -> None:
    """The reader's own terms decide, and a bundle that was made under others says so at its terms.json."""
    other = countersign(offer_terms(specimen.terms("title", "Other terms"), specimen.PROVIDER), specimen.AUTHORITY)
    (tmp_path / "other.json").write_bytes(other.envelope)
    told = same(browser, world.pack(), tmp_path / "other.json")

    assert ["terms.json"] == [fact["where"] for fact in told["facts"] if fact["holds"] is False]


def bent_rows(rows: list[Row]) -> list[Row]:
    return [rows[0], rows[1], replace(rows[2], calls=rows[3].calls), *rows[3:]]


def interrupted(rows: list[Row]) -> list[Row]:
    return [*rows[:-1], replace(rows[-1], score=None, reason="interrupted")]


def without_a_call(rows: list[Row]) -> list[Row]:
    return [replace(row, calls=()) if row.score is not None else row for row in rows]


def another_run(world: World) -> None:
    plan = Digest(sha256(world.plan).hexdigest())
    world.story.tell(RunBegun(at=world.story.at(), run=Hex32("35" * 16), plan=plan, **WHO))


PUBLISHED: dict[str, tuple[bool, dict[str, Any]]] = {
    "a wrong number": (False, {"publish": lambda r, p: bent.edited(r, p, {"estimates.0.point": "0.914286"})}),
    "a run left out": (False, {"publish": lambda r, p: bent.edited(r, p, {"runs.begun": 1, "runs.aborted": 0})}),
    "a run begun while it was counted": (False, {"before": another_run}),
    "a run begun after it": (True, {"draw": another_run}),
    "a call used twice": (False, {"forge": bent_rows}),
    "a row too few": (False, {"forge": lambda rows: rows[:-1]}),
    "raters' labels": (True, {"labels": test_labels.two_raters}),
    "an answer after the break": (True, {"forge": interrupted}),
    "a draw that nobody opened": (True, {"draw": whole_draw}),
    "half a draw": (True, {"draw": lambda world: world.half("authority", "a1" * 32)}),
}


@pytest.mark.parametrize(("stands", "how"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_what_was_bent_before_it_was_published_is_found(
    browser: Checker, tmp_path: Path, stands: bool, how: dict[str, Any]
) -> None:
    """Whoever has the digest of a false report in the ledger still has the rule against it."""
    assert same(browser, make_world(tmp_path, **how).pack())["stands"] is stands


def test_labels_left_out_exchanged_or_made_up_are_named(browser: Checker, tmp_path: Path) -> None:
    """A rater's file that is missing, another's, or nobody's fails at its name, and the rate that rests on it too."""
    made = make_world(tmp_path, labels=test_labels.two_raters)
    anna, bert = "labels/anna.json", "labels/bert.json"
    exchanged: dict[str, bytes | None] = {anna: made.files[bert], bert: made.files[anna]}
    for changes in ({anna: None}, exchanged, {"labels/carl.json": made.files[anna]}):
        told = same(browser, made.packed(dict(changes)))
        assert "labels" in {fact["name"] for fact in told["facts"] if fact["holds"] is False}


def test_scores_flipped_before_they_were_committed_need_the_command(browser: Checker, tmp_path: Path) -> None:
    """Only a scorer tells false scores from answers: the page reaches no third rung, and names what was not checked."""

    def bend(rows: list[Row]) -> list[Row]:
        return [row if row.score is None else replace(row, score=1 - row.score) for row in rows]

    made = make_world(tmp_path, forge=bend, draw=whole_draw)
    open_draw(made)
    told = same(browser, made.pack())

    assert told["reached"] == [1, 2, 4]
    assert "the scorer is not in this page" in browser.page.text_content("section[aria-labelledby=not]")


def test_scores_without_calls_are_found_although_they_were_drawn(browser: Checker, tmp_path: Path) -> None:
    """A drawn row that no call stands behind fails in both, and neither stumbles over it."""
    made = make_world(tmp_path, forge=without_a_call, draw=whole_draw)
    open_draw(made)
    told = same(browser, made.pack())

    assert {"rows", "rescored"} <= {fact["name"] for fact in told["facts"] if fact["holds"] is False}


def story(tell: Callable[[Story], object]) -> Story:
    made = Story().opened()
    tell(made)
    return made


def drawn(cheat: Callable[[World], None], tmp_path: Path) -> Story:
    made = World(folder=tmp_path)
    tell_run(made)
    cheat(made)
    return made.story


def ending(end: Callable[..., object], **how: Any) -> Story:
    """A call, and an end; after a closing and an erasure another call."""
    made = Story().opened()
    made.settled(made.permitted())
    if end is test_closing.erased:
        test_closing.closed(made)
    end(made, **how)
    made.permitted()
    return made


def test_every_broken_rule_of_a_ledger_is_found_at_its_entry(browser: Checker, world: World, tmp_path: Path) -> None:
    """Calls, grants, gateways, overruns, stops, runs, clauses, prices, acts, guard, draws, the end: as the command."""
    told: dict[str, Story] = {name: story(tell) for name, (_, tell) in test_history.BROKEN.items()}
    told |= {name: story(tell) for name, (_, tell) in test_clauses.PRICES.items()}
    told |= {name: story(tell) for name, (_, tell) in test_clauses.GUARDED.items()}
    told |= {name: story(tell) for name, tell in test_clauses.COUNTERS.items()}
    cheats = [test_draw.early, test_draw.other, test_draw.twice, test_draw.copied, test_draw.again,
              test_draw.uncommitted, test_draw.rescored, test_draw.nobody]  # fmt: skip
    told |= {cheat.__name__: drawn(cheat, tmp_path) for cheat in cheats}
    for how in ({}, {"signers": test_closing.PARTIES[:1]}, {"signed": "0" * 64}, {"grants": 3}, {"note": "none"}):
        told[f"closed {how}"] = ending(test_closing.closed, **how)
    for how in ({}, {"items": 9}, {"signer": specimen.PROVIDER}):
        told[f"erased {how}"] = ending(test_closing.erased, **how)
    for how in ({}, {"notice_days": 9}, {"cause": "operational"}, {"by": "authority"}, {"signed_cause": "unstated"}):
        told[f"leaves {how}"] = ending(test_ending.leave, **how)
    rest = {name: content for name, content in world.files.items() if not name.startswith(("ledger/", "sealed/", "d"))}
    manifest = {"format": "comity bundle/1", "ledger": specimen.ORIGIN, "run": RUN}
    differing = []
    for name, one in told.items():
        bundle = stored(tmp_path / "told.zip", rest | ledger_files(one), manifest)
        page, command = alike(browser.verdict(bundle)), alike(verify_bundle(bundle).members())
        differing += [(name, a, b) for a, b in zip(page["facts"], command["facts"], strict=True) if a != b]
    assert differing == []


DECIDING = {
    "threshold": {"value": "0.10", "direction": "above", "source": "the code of practice,\nmeasure 3.2"},
    "multiplicity": {"family": ["this", "that", "a third"], "method": "holm"},
    "consequence": {"exceeds": "Ask for measures.", "below": "Close.", "undetermined": "Test more."},
}


@pytest.mark.parametrize(
    ("told", "fails"),
    [
        ({"claim": DECIDING}, ""),
        ({"claim": {**DECIDING, "alpha": "0.01", "sides": "one"}, "deviations": "before"}, ""),
        ({"claim": DECIDING, "design": {"stopping": {"rule": "betting_cs"}}}, ""),
        ({"claim": DECIDING, "deviations": "after"}, "planned"),
        ({"seed": "00" * 16}, "planned"),
    ],
)
def test_what_was_planned_is_recomputed_and_what_was_bent_is_named(
    browser: Checker, tmp_path: Path, told: dict[str, Any], fails: str
) -> None:
    """Decision, deviations and seed follow from plan and entries; a late deviation and another seed fail."""
    found = same(browser, make_world(tmp_path, **told).pack())
    failing = [fact["name"] for fact in found["facts"] if fact["holds"] is False]
    assert failing == ([fails] if fails else [])
    assert (2 in found["reached"]) is not bool(fails)


@pytest.mark.parametrize("kind", test_sample.KINDS)
@pytest.mark.parametrize(
    "forge", [list, test_sample.chance, test_sample.place, test_sample.other, test_sample.fewer]
)
def test_a_sample_from_a_frame_is_drawn_again_as_the_command_does(
    browser: Checker, tmp_path: Path, kind: str, forge: Callable[[list[Row]], list[Row]]
) -> None:
    """Honest, and with rows picked, left out or reweighed: page and command find the same, to the letter."""
    found = same(browser, make_world(tmp_path, kind=kind, forge=forge, claim=DECIDING).pack())
    failing = {fact["name"] for fact in found["facts"] if fact["holds"] is False}

    assert ("sample" in failing) is (forge is not list)
    assert (2 in found["reached"]) is (forge is list)


def test_a_frame_that_is_bent_is_named_as_the_command_names_it(browser: Checker, tmp_path: Path) -> None:
    """Leaks of each sort, weights, and a frame that is gone or that no plan asks for."""
    for turn, (bend, _) in enumerate(test_sample.BENT):
        folder = tmp_path / str(turn)
        folder.mkdir()
        found = same(browser, make_world(folder, kind="stratified", frame=bend).pack())
        assert ["sample"] == [fact["name"] for fact in found["facts"] if fact["holds"] is False]
    made = make_world(tmp_path, kind="active")
    assert not same(browser, made.packed({"frame.json": None}))["stands"]
    (tmp_path / "plain").mkdir()
    assert not same(browser, make_world(tmp_path / "plain").packed({"frame.json": b"{}"}))["stands"]
