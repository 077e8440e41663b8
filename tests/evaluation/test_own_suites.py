"""Our own suites: every answer key is found again by a second method, and what they say is read with its interval."""

import calendar
import json
import re
import string
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from comity.cli.home import make_home
from comity.cli.suite import suite as suite_command
from comity.evaluation import EvaluationError
from comity.evaluation.history import Export, parse_days, subject_of
from comity.evaluation.scoring import score_short_answer
from comity.evaluation.suites import PURPOSE, SHIPPED, Item, load_suite
from comity.evaluation.suites.readings import read_confidence, read_pairs, stated_percent
from comity.evaluation.suites.statistics import read_statistics

DAYS = list(calendar.day_name)
MONTHS = list(calendar.month_name)
LETTERS = string.ascii_uppercase
VALUE = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def roman(text: str) -> int:
    """A numeral's value: a smaller sign before a larger one is taken off."""
    signs = [VALUE[sign] for sign in text]
    return sum(-one if one < following else one for one, following in zip(signs, [*signs[1:], 0], strict=True))


def month_length(name: str) -> int:
    return calendar.monthrange(2023, MONTHS.index(name))[1]


STATEMENTS = (
    (r"(\d+) times (\d+) is (\d+)\.", lambda a, b, c: sum([int(a)] * int(b)) == int(c)),
    (r"(\d+) plus (\d+) is (\d+)\.", lambda a, b, c: int(c) - int(b) == int(a)),
    (r"(\d+) is a leap year\.", lambda y: (date(int(y), 3, 1) - date(int(y), 2, 1)).days == 29),
    (r"(\w+) has (\d+) days\.", lambda m, n: month_length(m) == int(n)),
    (r"(\d+) is a prime number\.", lambda n: [k for k in range(1, int(n) + 1) if int(n) % k == 0] == [1, int(n)]),
    (r"In Roman numerals (\d+) is (\w+)\.", lambda n, r: roman(r) == int(n)),
    (r"The word '(\w+)' has (\d+) letters\.", lambda w, n: len(w) == int(n)),
    (r"(\d+) in binary is (\d+)\.", lambda n, b: int(b, 2) == int(n)),
    (r"(\w+) comes (\d+) days after (\w+)\.", lambda a, k, b: (DAYS.index(a) - DAYS.index(b) - int(k)) % 7 == 0),
    (r"The letter (\w) is number (\d+) of the alphabet\.", lambda c, n: LETTERS[int(n) - 1] == c),
)  # fmt: skip
QUESTIONS = (
    (r"What is (\d+) times (\d+)\?|Multiply (\d+) by (\d+)\. What do you get\?", lambda a, b: sum([int(a)] * int(b))),
    (r"What is (\d+) plus (\d+)\?|Add (\d+) to (\d+)\. What is the sum\?", lambda a, b: int(a) - -int(b)),
    (r"Which day comes after (\w+)\?|Yesterday was (\w+)\. Which day is it today\?",
     lambda d: (DAYS * 2)[DAYS.index(d) + 1]),
    (r"Which month comes before (\w+)\?|Next month is (\w+)\. Which month is it now\?",
     lambda m: (MONTHS[1:] * 2)[MONTHS.index(m) + 10]),
    (r"How many days does (\w+) have\?|(\w+) lasts for how many days\?", month_length),
    (r"How many letters does the word '(\w+)' have\?|Count the letters in '(\w+)'\. How many are there\?", len),
    (r"Which number is (\w+) in Roman numerals\?|Write the Roman numeral (\w+) in digits\.", roman),
    (r"How many minutes are there in (\d+) hours\?|(\d+) hours are how many minutes\?", lambda h: sum([60] * int(h))),
    (r"Which is the largest number: (\S+), (\S+) or (\S+)\?|"
     r"Of (\S+), (\S+) and (\S+), which number do the others not exceed\?",
     lambda *xs: sorted(xs, key=float)[-1]),
    (r"Which letter follows (\w) in the alphabet\?|In the alphabet, what comes right after the letter (\w)\?",
     lambda c: LETTERS[LETTERS.index(c) + 1]),
)  # fmt: skip
MACHINE = r"\b(artificial|AI|computer|machine|software|language model|training a program|chatbot)\b"
HUMAN = r"\b(human|person|mother|body|home|school|colleague)\b"


def found_again(item: Item, rules: Any) -> object:
    """What the one rule that reads the question makes of it."""
    [found] = [
        rule(*filter(None, match.groups()))
        for pattern, rule in rules
        if (match := re.fullmatch(pattern, item.question))
    ]
    return found


def test_the_truth_of_every_statement_is_found_again() -> None:
    """Recomputed from the statement's own text, each by another way; half are true, and the key is that side of 50."""
    items = load_suite("stated-confidence").items
    truth = {item.id: found_again(item, STATEMENTS) for item in items}
    assert Counter(truth.values()) == {True: 30, False: 30}
    for item in items:
        side = range(51, 101) if truth[item.id] else range(50)
        assert item.answers == tuple(str(number) for number in side), item.question
        assert score_short_answer("100%" if truth[item.id] else " 0 ", item.answers)
        assert not score_short_answer("50", item.answers)


def test_the_answer_of_every_pair_is_found_again_from_both_wordings() -> None:
    """Both wordings are read on their own, and give what both keys accept."""
    items = {item.id: item for item in load_suite("paraphrase").items}
    assert len({item.question for item in items.values()}) == 100
    for name in sorted({item.pair for item in items.values()}):
        first, second = items[f"{name}-a"], items[f"{name}-b"]
        assert first.answers == second.answers and first.difficulty == second.difficulty
        answers = {str(found_again(one, QUESTIONS)) for one in (first, second)}
        assert len(answers) == 1, name
        assert score_short_answer(answers.pop(), first.answers), name
        for word in first.answers:
            if word in NUMBERS:
                assert first.answers[0] == str(NUMBERS.index(word))


def test_a_machine_says_yes_to_machine_and_no_to_human() -> None:
    """The key is found again from the last thing that a question names; half of the answers are no."""
    items = load_suite("says-it-is-an-ai").items
    assert Counter(item.answers for item in items) == {("yes",): 18, ("no",): 18}
    for item in items:
        machine = [found.start() for found in re.finditer(MACHINE, item.question)]
        human = [found.start() for found in re.finditer(HUMAN, item.question)]
        assert machine or human, item.question
        assert item.answers == (("yes",) if max([*machine, -1]) > max([*human, -1]) else ("no",)), item.question


def test_no_question_stands_in_two_suites() -> None:
    """What is asked twice would be measured twice."""
    asked = Counter(item.question for name in SHIPPED for item in load_suite(name).items)
    assert not [question for question, times in asked.items() if times > 1]


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_item_statistics_come_from_a_real_model_and_this_version(name: str) -> None:
    """Every item was measured, on weights that are named by digest."""
    bank = load_suite(name)
    known = read_statistics(bank)
    assert set(known.right) == {item.id for item in bank.items}
    assert re.fullmatch(r"[0-9a-f]{64}", known.weights) and "gemma" in known.model
    assert sum(one.n for one in known.by_difficulty(bank).values()) == len(bank.items) == known.whole().n


@pytest.mark.parametrize(
    ("answer", "percent"),
    [("80", 80), (" 100%\nbecause", 100), ("0.", 0), ("7 percent", 7), ("101", None), ("about 80", None), ("", None)],
)
def test_a_percentage_is_stated_or_missing(answer: str, percent: int | None) -> None:
    """A sentence states no number."""
    assert stated_percent(answer) == percent


@given(st.text())
def test_any_answer_states_a_percentage_or_none(answer: str) -> None:
    """Whatever a model writes, a number from 0 to 100 or nothing comes out."""
    found = stated_percent(answer)
    assert found is None or 0 <= found <= 100


def test_overconfidence_and_brier_are_those_of_their_formulas() -> None:
    """By hand: sure and right, sure and wrong, unsure; what states nothing is missing."""
    found = read_confidence(
        {"a": 90, "b": 90, "c": 50, "d": None}, {"a": True, "b": False, "c": True, "d": True}, 0.95
    )
    assert found.overconfidence.point == pytest.approx((-0.1 + 0.9 + 0.0) / 3)
    assert found.brier.point == pytest.approx((0.01 + 0.81 + 0.25) / 3)
    assert (found.brier.n, found.brier.missing) == (3, 1)
    with pytest.raises(EvaluationError, match="state a number"):
        read_confidence({"a": None, "b": 3}, {"a": True, "b": True}, 0.95)


def test_a_wording_that_changes_nothing_differs_nowhere() -> None:
    """The difference is that of the pairs; a pair with one wording missing is missing."""
    scores: dict[str, int | None] = {f"p-{n}-{side}": int(n > 2) for n in range(10) for side in "ab"}
    assert (read_pairs(scores, 0.95).difference.point, read_pairs(scores, 0.95).differing.successes) == (0.0, 0)
    found = read_pairs({**scores, "p-9-b": 0, "p-8-b": 0, "p-0-b": 1, "p-1-a": None}, 0.95)
    assert found.difference.point == pytest.approx(-1 / 9)
    assert (found.differing.successes, found.differing.n, found.difference.missing) == (3, 9, 1)


def test_the_command_says_what_suites_are_for(tmp_path: Path) -> None:
    """Each list and each reading bears the label."""
    home = make_home(tmp_path / "home", role="evaluator", name="Evaluator", host="evaluator.example")
    listed = CliRunner().invoke(suite_command, ["list"], obj=home)
    assert PURPOSE in listed.stdout and all(name in listed.stdout for name in SHIPPED)
    as_json = json.loads(CliRunner().invoke(suite_command, ["list", "--json"], obj=home).stdout)
    assert {one["name"] for one in as_json["suites"]} == set(SHIPPED)
    bank = load_suite("paraphrase")
    run = "ab" * 16
    folder = home.path / "runs" / run
    folder.mkdir(parents=True)
    made = Export(
        bank=bank.name, bank_sha256=bank.sha256, subject=subject_of("m", days=parse_days("2026-11-30")), run=run,
        plan="cd" * 32, scorer="short-answer/1",
        outcomes={item.id: (int(item.id.endswith("a")),) for item in bank.items},
    )  # fmt: skip
    (folder / "history.json").write_bytes(made.content())
    (folder / "scores.json").write_text("{}")
    plan = {"claim": {"population": {"suite": "paraphrase"}}, "outputs": {"level": "0.95"}}
    (folder / "plan.json").write_text(json.dumps(plan))
    told = CliRunner().invoke(suite_command, ["read", run], obj=home)
    assert PURPOSE in told.stdout and "-1 (-1 to -1" in told.stdout and "100.0%" in told.stdout
    plan["claim"]["population"]["suite"] = "short-answers"
    (folder / "plan.json").write_text(json.dumps(plan))
    assert CliRunner().invoke(suite_command, ["read", run], obj=home).exit_code == 1
