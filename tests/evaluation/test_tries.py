"""`comity tries`: the best of several tries, from a finished run that asked each item more than once."""

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comity.cli.home import Home, make_home
from comity.cli.tries import tries
from comity.estimate import best_over_bank
from comity.evaluation.history import Export, parse_days, subject_of
from comity.evaluation.plan import plan_members
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.evaluation.suites import load_suite

SUITE = load_suite("short-answers")
EPOCHS, ITEMS = 5, 40


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with one run of forty items, each asked five times."""
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    members = plan_members(
        plan_id="5" * 32, arrangement="6" * 32, title="Five tries", suite=SUITE, protocol="openai",
        model="gemma-3-270m", items=ITEMS, seed="7" * 32, epochs=EPOCHS,
    )  # fmt: skip
    plan = parse_plan(write_plan(members), "plan")
    write_run(made, plan.canonical, plan.digest)
    return made


def outcomes(lost: int = 0) -> dict[str, tuple[int | None, ...]]:
    chance = random.Random(3)
    found: dict[str, tuple[int | None, ...]] = {}
    for place, item in enumerate(SUITE.items[:ITEMS]):
        rate = chance.random() * 0.6
        row: list[int | None] = [int(chance.random() < rate) for _ in range(EPOCHS)]
        found[item.id] = tuple([None, *row[1:]] if place < lost else row)
    return found


def write_run(home: Home, plan: bytes, digest: str, *, unequal: bool = False, lost: int = 0) -> None:
    folder = home.path / "runs" / ("a" * 32)
    folder.mkdir(parents=True, exist_ok=True)
    export = Export(
        bank=SUITE.name, bank_sha256=SUITE.sha256, subject=subject_of("gemma-3-270m", days=parse_days("2026-11-30")),
        run="a" * 32, plan=digest, scorer="short/1", outcomes=outcomes(lost), unequal=unequal,
    )  # fmt: skip
    for name, content in (("scores.json", b"{}"), ("run.json", b"{}"), ("plan.json", plan)):
        (folder / name).write_bytes(content)
    (folder / "history.json").write_bytes(export.content())


def cli(home: Home, *words: str) -> Result:
    return CliRunner().invoke(tries, words, obj=home)


def test_the_best_of_more_tries_is_better_and_as_the_room_of_estimates_has_it(home: Home) -> None:
    """One line for each k, with interval, method, n and bank; the JSON holds the same numbers."""
    said = cli(home, "last", "--k", "1", "--k", "5", "--json")
    made = json.loads(said.output)["best_of"]
    items = list(outcomes().values())
    wanted = [best_over_bank(items, k, bank=len(SUITE.items), level=0.95) for k in (1, 5)]

    assert [f"{one.point:.6f}" for one in wanted] == [one["point"] for one in made]
    assert [f"{one.low:.6f}" for one in wanted] == [one["low"] for one in made]
    assert float(made[0]["point"]) < float(made[1]["point"])
    text = cli(home, "a" * 32, "--k", "5").output
    assert text.startswith("best of 5  ") and f"n={ITEMS} of {len(SUITE.items)}, missing 0" in text


def test_items_that_lost_a_try_are_missing_for_all_of_them(home: Home) -> None:
    """With four of five tries judged an item has a best of four and none of five."""
    plan = (home.path / "runs" / ("a" * 32) / "plan.json").read_bytes()
    write_run(home, plan, "e" * 64, lost=6)
    made = json.loads(cli(home, "last", "--k", "4", "--k", "5", "--json").output)["best_of"]

    assert [0, 6] == [one["missing"] for one in made]


@pytest.mark.parametrize(
    ("words", "said"),
    [(("last", "--k", "6"), "asked each item 5 times"), (("b" * 32, "--k", "1"), "no finished run"),
     (("last",), "--k"), (("last", "--k", "0"), "0")],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_in_one_sentence(home: Home, words: tuple[str, ...], said: str) -> None:
    """More tries than were made would be a forecast."""
    answer = cli(home, *words)

    assert answer.exit_code and said in answer.output and "Traceback" not in answer.output


def test_a_sample_with_unequal_chances_is_refused(home: Home) -> None:
    """Its items do not stand for the bank."""
    plan = (home.path / "runs" / ("a" * 32) / "plan.json").read_bytes()
    write_run(home, plan, "e" * 64, unequal=True)

    assert "unequal chances" in cli(home, "last", "--k", "1").output
