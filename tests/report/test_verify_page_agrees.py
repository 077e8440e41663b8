"""`verify.html` and `comity verify` over whatever may come: numbers drawn at random, and files changed at random.

Both are readings of the same formats by different code in different languages, so where they part, one of them errs.
"""

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import pytest
from tests.arrangement import specimen
from tests.report.checking import Checker, checker, ledger_files, needs_chromium, stored
from tests.report.test_verify_page import alike, same
from tests.verify import test_stopping
from tests.verify.bundle_world import RUN, World, make_world, open_draw, whole_draw
from tests.verify.specimen import Story

from comity.estimate import Design, Rule, Sampled, estimate_rate, frame_of, powered_rate
from comity.records import canonical_bytes
from comity.report.verify_page import SCRIPTS, script_part
from comity.verify import verify_bundle
from comity.verify.scores import read_plan

pytestmark = [needs_chromium, pytest.mark.slow]

TURNS: Final = 30
ODD: Final[list[Any]] = [
    0, 1, -1, 7, 2**53 - 1, 2**53, True, False, None, "", "x", "authority", "provider", "00" * 32, "ab" * 16,
    "2026-12-01T09:00:05.000Z", "2026-12-01T24:00:00.000Z", "2030-01-01T00:00:00.000Z", [], {}, [1], ["x"], {"a": 1},
    1.5, "é\u202e", "0.95", "1e-1", "constructor", "__proto__", "openai", "answered", "nothing", "reservation",
    "mismatch", "unstated", "none", "stops", "runs", 400, -5,
]  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checker]:
    """One browser for all of them."""
    with checker(tmp_path_factory.mktemp("page")) as made:
        yield made
        assert [] == made.complaints


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A published report with a whole draw, opened."""
    made = make_world(tmp_path_factory.mktemp("bundle"), draw=whole_draw)
    open_draw(made)
    return made


def computed(browser: Checker, what: str, cases: list[Any]) -> list[dict[str, Any]]:
    """What the page's own functions give for each case."""
    parts = "\n".join(script_part(name) for name in SCRIPTS[: SCRIPTS.index("bundle.js")])
    body = f"'use strict'; const RECORDS = {{}}; const inert = (text) => text; {parts}; return cases.map({what});"
    found: list[dict[str, Any]] = browser.page.evaluate(f"(cases) => {{ {body} }}", cases)
    return found


def test_every_digit_of_an_interval_is_the_same(browser: Checker) -> None:
    """Both methods, over few and many units, all levels that people use, and counts at the edges."""
    chance, cases = random.Random(11), []
    for method in ("wilson", "clopper-pearson", "jeffreys"):
        for n in (1, 2, 3, 7, 8, 40, 117, 128, 1000, 4096, 99_991):
            for successes in {0, 1, n, n // 2, chance.randint(0, n), chance.randint(0, n)}:
                level = chance.choice(["0.5", "0.8", "0.9", "0.95", "0.99", "0.999"])
                cases.append([method, successes, n, level, chance.choice([0, 1, n])])
    made = "([method, k, n, level, missing]) => estimateRate(method, k, n, Number(level), missing)"
    told = computed(browser, made, cases)

    for (method, successes, n, level, missing), found in zip(cases, told, strict=True):
        ours = estimate_rate(method, successes, n, float(level), missing=missing).as_json()
        ours.pop("text")
        assert found == ours


def test_every_digit_of_a_betting_interval_is_the_same(browser: Checker) -> None:
    """Of banks small and large, with and without what is missing."""
    chance, cases = random.Random(13), []
    for bank in (5, 60, 200, 5_000, 200_000):
        for _ in range(12):
            n = chance.randint(1, min(bank, 400))
            missing = chance.randint(0, min(3, bank - n))
            cases.append([chance.randint(0, n), n, chance.choice([0.8, 0.95, 0.99]), missing, bank])
    made = "([k, n, level, missing, bank]) => estimateRate('betting-bank', k, n, level, missing, bank)"
    for (successes, n, level, missing, bank), found in zip(cases, computed(browser, made, cases), strict=True):
        ours = estimate_rate("betting-bank", successes, n, level, missing=missing, bank=bank).as_json()
        ours.pop("text")
        assert found == ours


def test_a_stopping_rule_is_read_and_replayed_alike(browser: Checker) -> None:
    """What a plan stops by, and where it does over scores of every sort, with some of them missing."""
    chance, cases, rules = random.Random(14), [], []
    for _ in range(120):
        bank = chance.randint(1, 300)
        cap = chance.randint(1, bank)
        rule = Rule(
            bank=bank, cap=cap, batch=chance.randint(1, 40), least=chance.randint(0, cap),
            level=chance.choice([0.9, 0.95]), threshold=chance.choice([0.2, 0.5, 0.9]),
        )  # fmt: skip
        rate = chance.random()
        length = chance.randint(0, cap)
        scores = [None if chance.random() < 0.05 else int(chance.random() < rate) for _ in range(length)]
        rules.append(rule)
        cases.append([asdict(rule), scores])
    told = computed(browser, "([rule, scores]) => replayStopping(rule, scores)", cases)
    ours = [rule.replay(scores)._asdict() for rule, (_, scores) in zip(rules, cases, strict=True)]
    assert told == ours

    text = canonical_bytes(test_stopping.PLAN).decode()
    [read] = computed(browser, "(text) => readPlan(utf8(text)).stopping", [text])
    rule = read_plan(text.encode()).stopping
    assert rule is not None and read == asdict(rule)


def test_every_digit_of_a_raters_rate_is_the_same(browser: Checker) -> None:
    """Few labels and many, judges good and bad: point and interval of the corrected rate."""
    chance, cases = random.Random(12), []
    for _ in range(80):
        good, rate = chance.random(), chance.random()
        pairs = [[int(chance.random() < rate), 0] for _ in range(chance.randint(2, 60))]
        for pair in pairs:
            pair[1] = pair[0] if chance.random() < good else 1 - pair[0]
        rest = [int(chance.random() < rate) for _ in range(chance.randint(2, 200))]
        cases.append([pairs, rest, chance.choice([0.8, 0.95]), chance.randint(0, 3)])
    told = computed(browser, "([pairs, rest, level, missing]) => poweredRate(pairs, rest, level, missing)", cases)

    for (pairs, rest, level, missing), found in zip(cases, told, strict=True):
        ours = powered_rate([(a, b) for a, b in pairs], rest, level, missing=missing).as_json()
        assert found == {name: ours[name] for name in found}


def test_a_ledger_of_many_tiles_is_read_and_its_changed_file_named(
    browser: Checker, tmp_path: Path
) -> None:
    """Beyond 256 entries there are full tiles and a second level: the file, the hash or the entry is named alike."""
    made = make_world(tmp_path)
    for _ in range(260):
        made.story.settled(made.story.permitted())
    rest = {name: content for name, content in made.files.items() if not name.startswith("ledger/")}
    files = rest | ledger_files(made.story)
    manifest = {"format": "comity bundle/1", "ledger": specimen.ORIGIN, "run": RUN}
    first, partial, leaves, top = (
        "ledger/tile/entries/000", next(name for name in files if "entries/002.p" in name), "ledger/tile/0/001",
        "ledger/tile/1/000.p/2",
    )  # fmt: skip
    other = files[leaves][:64] + bytes(32) + files[leaves][96:]
    for changes in (
        {}, {first: files[first].replace(b"gemma-3", b"gemma-4", 1)}, {leaves: other}, {top: bytes(64)},
        {first: files[first][:-1]}, {partial: files[partial].replace(b'"millis":40', b'"millis":41', 1)},
        {"ledger/tile/entries/000.p/5": b"x"}, {"ledger/tile/0/009": bytes(8192)},
        {first: files[first].replace(b"gemma-3", b"gemma-4", 1), leaves: other},
    ):  # fmt: skip
        same(browser, stored(tmp_path / "tiles.zip", files | changes, manifest))
    del files[leaves]
    assert not same(browser, stored(tmp_path / "tiles.zip", files, manifest))["stands"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place below a value."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inside:
        yield from places(each, (*path, name))


def changed(value: Any, chance: random.Random) -> Any:
    """A copy with one thing in it exchanged, taken out or put in."""
    made = copy.deepcopy(value)
    *way, last = chance.choice(list(places(made)))
    inner = made
    for step in way:
        inner = inner[step]
    match chance.randrange(8):
        case 0:
            del inner[last]
        case 1 if isinstance(inner, dict):
            inner[chance.choice(["zz", "kind", "__proto__", "constructor"])] = chance.choice(ODD)
        case 2 | 3 if type(inner[last]) is int:
            inner[last] += chance.choice([-1, 1, 10])
        case _:
            inner[last] = chance.choice(ODD)
    return made


def spelled(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def bent(world: World, chance: random.Random) -> dict[str, bytes]:
    """The bundle's files with entries changed, moved, doubled or left out and signed anew, or one file changed."""
    files = dict(world.files)
    if chance.random() < 0.4:
        name = chance.choice([name for name in files if name.endswith(".json") and name != "terms.json"])
        return files | {name: spelled(changed(json.loads(files[name]), chance))}
    entries = [json.loads(entry) for entry in world.story.entries()]
    at = chance.randrange(len(entries) - 1)
    match chance.randrange(6):
        case 0:
            entries[at], entries[at + 1] = entries[at + 1], entries[at]
        case 1:
            entries.insert(at, entries.pop(chance.randrange(len(entries))))
        case _:
            entries[at] = changed(entries[at], chance)
    told = Story()
    told.entries = lambda: [spelled(entry) for entry in entries]  # type: ignore[method-assign]
    return {name: content for name, content in files.items() if not name.startswith("ledger/")} | ledger_files(told)


def test_what_is_changed_at_random_fails_in_both_at_the_same_places(
    browser: Checker, world: World, tmp_path: Path
) -> None:
    """Every fact and rung is the same, and what is to blame is named alike; only readers word a fault their way."""
    chance, manifest = random.Random(5), {"format": "comity bundle/1", "ledger": specimen.ORIGIN, "run": RUN}
    parted = []
    for turn in range(TURNS):
        bundle = stored(tmp_path / f"{turn}.zip", bent(world, chance), manifest)
        page, command = alike(browser.verdict(bundle)), alike(verify_bundle(bundle).members())
        for of in ("facts", "rungs"):
            outlines = [[(one["name"], one["holds"], one["where"]) for one in told[of]] for told in (page, command)]
            if outlines[0] != outlines[1]:
                parted.append((turn, [pair for pair in zip(*outlines, strict=False) if pair[0] != pair[1]]))
    assert parted == []


def test_a_sample_from_a_frame_is_drawn_and_estimated_alike(browser: Checker) -> None:
    """Stratified and active samples, with what is missing, decided and not: draws, estimates and decisions agree."""
    chance, cases, ours = random.Random(15), [], []
    for turn in range(24):
        active, bank = turn % 2 == 0, chance.choice([12, 40, 90])
        frame = framed(chance, bank, active=active)
        items = chance.randint(8, bank)
        design = {"kind": "active" if active else "stratified", "items": items, "batch": 5, "mix": 0.4, "least": 0}
        design |= {"threshold": 0.4 if turn % 4 == 0 else None, "level": 0.95}
        rate = chance.random()
        scores = {
            item: None if chance.random() < 0.05 else int(chance.random() < rate) for item in frame["items"]
        }
        cases.append([canonical_bytes(frame).decode(), design, f"{turn:032x}", list(scores.items())])
        made = Sampled(Design(**design), frame_of(frame), f"{turn:032x}", scores)  # type: ignore[arg-type]
        methods = ("betting-drawn",) if active else ("korn-graubard", "clopper-pearson")
        found = [{k: v for k, v in one.as_json().items() if k != "text"} for one in made.estimates(methods, 0.95)]
        placed = [[one.item, one.place, one.stated] for one in made.placed]
        ours.append([placed, found, asdict(made.decide(0.3, 0.95))])
    code = """(async ([text, design, seed, scores]) => {
        const frame = readFrame(utf8(text)), known = new Map(scores);
        const drawn = design.kind === 'active' ? await drawAgain(design, frame, seed, known)
            : { placed: await stratifiedSample(frame, seed, design.items) };
        const sample = { design, frame, scores: known, ...drawn };
        const methods = design.kind === 'active' ? ['betting-drawn'] : ['korn-graubard', 'clopper-pearson'];
        const placed = sample.placed.map((one) => [one.item, one.place, one.probability.toFixed(12)]);
        return [placed, sampleEstimates(sample, methods, 0.95), decideSample(sample, 0.3, 0.95)];
    })"""
    parts = "\n".join(script_part(name) for name in SCRIPTS[: SCRIPTS.index("bundle.js")])
    body = f"'use strict'; const RECORDS = {{}}; const inert = (text) => text; {parts}"
    told = browser.page.evaluate(f"async (cases) => {{ {body}; return Promise.all(cases.map({code})); }}", cases)

    for theirs, mine in zip(told, ours, strict=True):
        assert theirs == mine


def framed(chance: random.Random, bank: int, *, active: bool) -> dict[str, Any]:
    """The members of a frame of so many items, with a predictor or with strata."""

    def whole(least: int, most: int) -> list[int]:
        return [chance.randint(least, most) for _ in range(bank)]

    return {
        "format": "comity frame/1",
        "history": [],
        "items": sorted(f"{chance.getrandbits(256):064x}" for _ in range(bank)),
        "predictor": {
            "base": whole(0, 10**9), "centre": 400_000_000, "levels": 2, "variances": [10**8, 2 * 10**7, 10**7],
            "columns": [[10**9] * bank, whole(-(10**9), 10**9), whole(-(10**9), 10**9)],
        }
        if active
        else {},
        "strata": [] if active else ["a", "b", "c"],
        "stratum": [] if active else [0, 1, 2, *(chance.choice([0, 0, 1, 2]) for _ in range(bank - 3))],
        "weights": [] if active else [chance.randint(1, 4) for _ in range(3)],
    }  # fmt: skip
