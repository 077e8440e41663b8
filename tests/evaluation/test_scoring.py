"""Short answers are judged by one documented comparison and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.evaluation.scoring import MAX_ANSWER, normalise, score_short_answer


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (" Paris", "Paris"),
        ("paris.", "Paris"),
        ("PARIS\n\nQuestion: What is", "Paris"),
        ("\n\n Paris ", "Paris"),
        ("“Paris”", "Paris"),
        ("The Danube", "Danube"),
        ("l'école", "école"),
        ("die Brücke", "Brücke"),
        ("Strasse", "Straße"),
        ("1,440", "1440"),
        ("1,440,000", "1440000"),
        ("H₂O", "H2O"),
        ("9.80.", "9.80"),
        ("\N{MINUS SIGN}40", "-40"),
        ("-40 °F", "-40 F"),
        ("€20", "20"),
        ("20 %", "20"),
        ("A", "A"),
        ("twenty-four", "twenty four"),
        ("Regulation (EU) 2016/679", "Regulation EU 2016/679"),
    ],
)
def test_another_way_of_writing_the_same_answer_is_right(answer: str, accepted: str) -> None:
    """Case, punctuation, leading articles, thousands commas and what follows the first line do not matter."""
    assert score_short_answer(answer, (accepted,))


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("", "Paris"),
        ("...", "Paris"),
        ("It is Paris", "Paris"),
        ("Paris or Rome", "Paris"),
        ("Question\nParis", "Paris"),
        ("40", "-40"),
        ("14", "1.4"),
        ("9,80", "9.80"),
        ("1440", "144"),
        ("2016679", "2016/679"),
        ("ecole", "école"),
        ("the", "Paris"),
    ],
)
def test_an_answer_that_says_something_else_is_wrong(answer: str, accepted: str) -> None:
    """Nothing is searched for inside the answer: signs, decimals and accents are part of it."""
    assert not score_short_answer(answer, (accepted,))


def test_an_empty_answer_is_never_right() -> None:
    """Even where an accepted answer would come to nothing, silence is no answer."""
    assert not score_short_answer(" ", ("", "…"))


@given(st.text(max_size=200))
def test_a_normalised_answer_stays_as_it_is(answer: str) -> None:
    """Comparing twice is comparing once: an answer is right for itself or comes to nothing."""
    once = normalise(answer)
    assert normalise(once) == once
    assert score_short_answer(answer, (answer,)) is bool(once)


def test_an_endless_answer_is_read_to_its_limit() -> None:
    """A model that never stops costs the check no more than its first thousand characters."""
    assert len(normalise("x" * 10 * MAX_ANSWER)) == MAX_ANSWER
