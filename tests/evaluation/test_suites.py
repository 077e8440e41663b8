"""The suite that ships is pinned, whole and spread over difficulty."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.evaluation.scoring import normalise, score_short_answer
from comity.evaluation.suites import SHIPPED, TOPICS, SuiteError, load_suite, parse_items

ITEM = {"id": "facts-001", "topic": "facts", "difficulty": 1, "question": "Is it?", "answers": ["yes"]}


def line(**changes: object) -> bytes:
    return (json.dumps({**ITEM, **changes}) + "\n").encode()


def test_the_short_answers_are_enough_to_measure_with() -> None:
    """At least 150 items, every topic and every difficulty with a share that counts."""
    items = load_suite("short-answers").items
    assert len(items) >= 150
    assert {item.topic for item in items} == TOPICS - {"disclosure", "confidence", "paraphrase"}
    assert min(Counter(item.difficulty for item in items).values()) >= 30


def test_no_question_is_asked_twice_and_none_stands_in_the_local_models_prompt() -> None:
    """Two equal questions would count one ability twice; a question of the prompt would be answered there."""
    from comity.cli.local_model import chat_template

    questions = [item.question for item in load_suite("short-answers").items]
    assert len(set(questions)) == len(questions)
    assert not [question for question in questions if question in chat_template()]


def test_every_accepted_answer_is_right_and_says_something() -> None:
    """Each accepted answer passes its own check, and no two of one item are the same after
    normalisation twice over."""
    for item in load_suite("short-answers").items:
        for answer in item.answers:
            assert normalise(answer)
            assert score_short_answer(f" {answer}.\n", item.answers), item.id


def test_a_question_does_not_give_its_answer_away() -> None:
    """No accepted answer of four letters or more stands in its own question, but where two things are
    compared."""
    for item in load_suite("short-answers").items:
        if item.id != "steps-003":
            asked = f" {normalise(item.question)} "
            assert not [a for a in item.answers if len(a) > 3 and f" {normalise(a)} " in asked], item.id


def test_an_unknown_suite_is_named() -> None:
    """The message says which suites there are."""
    with pytest.raises(SuiteError, match="short-answers"):
        load_suite("long-answers")


def test_a_changed_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite whose bytes are not the pinned ones is not used."""
    from dataclasses import replace

    changed = replace(SHIPPED["short-answers"], sha256="0" * 64)
    monkeypatch.setattr("comity.evaluation.suites.SHIPPED", {"short-answers": changed})
    with pytest.raises(SuiteError, match="was changed"):
        load_suite("short-answers")


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\n",
        b"{}\n",
        b"[]\n",
        b"not json\n",
        line()[:-1],
        line() + line(),
        line(topic="sports"),
        line(difficulty=0),
        line(difficulty=True),
        line(difficulty="1"),
        line(answers=[]),
        line(answers="yes"),
        line(answers=[""]),
        line(question=1),
        line(extra=1),
        line(question="x" * 5000),
        b"[" * 4000 + b"\n",
    ],
)
def test_a_malformed_suite_is_refused(text: bytes) -> None:
    """Every fault is the package's one error, with the line."""
    with pytest.raises(SuiteError):
        parse_items(text)


@given(st.binary(max_size=300))
def test_the_suite_parser_is_total(text: bytes) -> None:
    """Any bytes give items or `SuiteError`."""
    try:
        parse_items(text)
    except SuiteError:
        pass
