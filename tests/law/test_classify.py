"""Classification: thresholds, shares, exemptions and dates out of the pack, exactly and with what is unknown."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_law import made

from comity.law import Answer, Facts, FactsRefused, amount, architecture, classify, hardware, stated, two_figures


def answer(question: str, facts: Facts) -> Answer:
    """The answer to one question."""
    return next(one for one in classify(made(), facts) if one.question == question)


def verdict(question: str, facts: Facts) -> str:
    """Its verdict alone."""
    return answer(question, facts).verdict


@pytest.mark.parametrize(
    ("compute", "expected"),
    [("1e25", "no"), ("1.0000001e25", "yes"), ("9.99e24", "no"), ("2e26", "yes"), ("1.04e25", "yes")],
)
def test_a_threshold_is_passed_by_strictly_more(compute: str, expected: str) -> None:
    """Exactly the threshold is not more than it, and rounding to two figures decides nothing."""
    assert verdict("systemic", Facts(cumulative=stated(compute))) == expected


def test_what_is_not_known_is_said() -> None:
    """Without facts every answer is unknown and names what is missing."""
    answers = {one.question: one for one in classify(made(), Facts())}

    assert {one.verdict for one in answers.values()} == {"unknown"}
    assert answers["systemic"].unknown == ("the cumulative training compute",)
    assert answers["legacy"].unknown == ("when it was placed on the market",)
    assert all(one.unknown for one in answers.values())


def test_each_answer_has_its_reason_source_and_mark() -> None:
    """Whoever reads a verdict reads why and where from."""
    reason = answer("systemic", Facts(cumulative=stated("2.1e25"))).reasons[0]

    assert reason.text == "2.1e25 FLOP (stated: 2.1e25) is more than 1.0e25 FLOP"
    assert (reason.ref, reason.src, reason.confidence) == ("Art. 51", ("T1",), "primary")


def test_an_error_of_estimation_that_could_turn_the_answer_is_said() -> None:
    """Within the tolerance either way, and not beyond it."""

    def near(compute: str) -> bool:
        return any("30 percent" in one.text for one in answer("systemic", Facts(cumulative=stated(compute))).reasons)

    assert near("1.2e25") and near("8e24")
    assert not near("2e25") and not near("5e24")


def test_updates_show_that_a_cumulative_threshold_is_passed_and_not_that_it_is_not() -> None:
    """A part that is over makes the whole over; a part that is under says nothing about the whole."""
    assert verdict("systemic", Facts(updates=stated("2e25"))) == "yes"
    assert verdict("systemic", Facts(updates=stated("5e24"))) == "unknown"


def test_all_compute_stands_in_for_updates_and_says_so() -> None:
    """All of it not being over is certain; all of it being over is an assumption about the part."""
    text = frozenset({"text"})

    assert verdict("general", Facts(cumulative=stated("9e22"), modalities=text)) == "no"
    over = answer("general", Facts(cumulative=stated("2e23"), modalities=text))
    assert (over.verdict, over.unknown) == (
        "yes", ("how much of the compute contributes to updates; all of it was assumed to",),
    )  # fmt: skip


def test_an_indication_needs_one_of_its_modalities() -> None:
    """Much compute for something else indicates nothing, and an unknown output leaves it open."""
    compute = stated("1e24")

    assert verdict("general", Facts(updates=compute, modalities=frozenset({"audio"}))) == "no"
    assert verdict("general", Facts(updates=compute, modalities=frozenset({"audio", "image"}))) == "yes"
    assert verdict("general", Facts(updates=compute)) == "unknown"


def test_an_indication_yields_to_facts_and_a_presumption_does_not() -> None:
    """A narrow model above the number is none, a general one below it may be one; a presumption stands."""
    text, much, little = frozenset({"text"}), stated("1e26"), stated("1e22")

    assert verdict("general", Facts(cumulative=much, modalities=text, general=False)) == "no"
    assert verdict("general", Facts(cumulative=little, modalities=text, general=True)) == "yes"
    assert verdict("systemic", Facts(cumulative=much, modalities=text, general=False)) == "yes"


def test_exactly_a_third_is_not_more_than_a_third() -> None:
    """A modifier is a provider from more than the share on, compared exactly where floating point would not be."""
    assert verdict("modifier", Facts(modification=stated("3e24"), original=stated("9e24"))) == "no"
    assert verdict("modifier", Facts(modification=stated("3.000001e24"), original=stated("9e24"))) == "yes"


def test_the_threshold_stands_in_for_an_original_of_unknown_compute() -> None:
    """A third of the threshold that fits the original, and unknown where that matters and is unknown."""
    modification = stated("1e24")

    assert verdict("modifier", Facts(modification=modification, original_systemic=True)) == "no"
    assert verdict("modifier", Facts(modification=modification, original_systemic=False)) == "yes"
    assert verdict("modifier", Facts(modification=modification)) == "unknown"
    assert verdict("modifier", Facts(modification=stated("1e22"))) == "no"
    assert verdict("modifier", Facts(modification=stated("4e24"))) == "yes"


OPEN = {"licence": True, "weights": True, "paid": False}


def test_an_open_model_is_relieved_if_all_conditions_hold() -> None:
    """And says of which duties."""
    found = answer("open-source", Facts(cumulative=stated("1e24"), conditions=OPEN))

    assert (found.verdict, found.relieves, found.unknown) == ("yes", ("T-1", "T-2"), ())


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (Facts(cumulative=stated("1e24"), conditions={**OPEN, "weights": False}), "does not hold: weights are public"),
        (Facts(cumulative=stated("1e24"), conditions={**OPEN, "paid": True}), "defeats it: somebody has to pay"),
        (Facts(cumulative=stated("1e26"), conditions=OPEN), "ends it: systemic"),
        (Facts(cumulative=stated("1e24"), conditions=OPEN, designated=True), "ends it: a decision classes the model"),
    ],
)
def test_what_takes_the_relief_away_is_named(facts: Facts, reason: str) -> None:
    """A condition that fails, something that defeats it, systemic risk or a decision."""
    found = answer("open-source", facts)

    assert (found.verdict, found.reasons[0].text, found.relieves) == ("no", reason, ())


def test_a_paid_extra_that_nobody_has_to_take_defeats_nothing() -> None:
    """What spares is asked and changes no answer."""
    facts = Facts(cumulative=stated("1e24"), conditions={**OPEN, "extras": True})

    assert verdict("open-source", facts) == "yes"


def test_an_open_question_leaves_the_relief_open() -> None:
    """A condition that nobody looked at is neither held nor failed."""
    found = answer("open-source", Facts(cumulative=stated("1e24"), conditions={"licence": True, "paid": False}))

    assert (found.verdict, found.unknown) == ("unknown", ("weights: weights are public",))


@pytest.mark.parametrize(
    ("placed", "expected", "by"),
    [(date(2025, 8, 1), "yes", date(2027, 8, 2)), (date(2025, 8, 2), "no", None)],
)
def test_what_was_placed_earlier_has_until_the_later_date(placed: date, expected: str, by: date | None) -> None:
    """The day itself is not before it."""
    found = answer("legacy", Facts(placed=placed))

    assert (found.verdict, found.comply_by) == (expected, by)


def test_a_decision_classes_whatever_the_compute() -> None:
    """And its absence is a fact as well."""
    assert verdict("designation", Facts(designated=True)) == "yes"
    assert verdict("designation", Facts(designated=False)) == "no"


def test_facts_that_contradict_each_other_are_refused() -> None:
    """A part is not more than the whole, and a condition is one of the pack's."""
    with pytest.raises(FactsRefused, match="expected compute for updates to be a part"):
        classify(made(), Facts(cumulative=stated("1e24"), updates=stated("1e25")))
    with pytest.raises(FactsRefused, match="expected conditions out of licence, weights, paid, extras; got 'licance'"):
        classify(made(), Facts(conditions={"licance": True}))


def test_both_formulas_of_the_guidelines_are_computed_exactly() -> None:
    """Units, seconds, peak and utilisation; or six times parameters times tokens."""
    used = hardware(units="16384", seconds="4665600", peak="989e12", utilisation="0.40")
    trained = architecture(parameters="405e9", tokens="15.6e12")

    assert used.flop == Fraction(16384 * 4665600 * 989 * 10**12 * 4, 10)
    assert (two_figures(used.flop), used.method) == ("3.0e25", "hardware")
    assert trained.flop == 6 * 405 * 10**9 * 156 * 10**11
    assert str(trained) == "3.8e25 FLOP (architecture: 6 × 405e9 × 15.6e12)"


@pytest.mark.parametrize(
    ("text", "rounded"),
    [("1e25", "1.0e25"), ("1.04e25", "1.0e25"), ("1.05e25", "1.1e25"), ("9.95e24", "1.0e25"), ("9.94e24", "9.9e24"),
     ("7", "7.0e0"), ("0.25", "2.5e-1"), ("0", "0"), ("123", "1.2e2"), ("99.5", "1.0e2")],
)  # fmt: skip
def test_an_amount_is_stated_to_two_figures(text: str, rounded: str) -> None:
    """Half up, also over a power of ten."""
    assert two_figures(amount(text)) == rounded


@pytest.mark.parametrize("text", ["", "e25", "1e", "1e+", "-1e25", "1e999", "nan", "1_0e25", "1.", "\u0661e25"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """Nothing is guessed about an amount on which a duty hangs."""
    with pytest.raises(FactsRefused, match="expected a number"):
        amount(text)


@pytest.mark.parametrize("share", ["0", "1.01", "40"])
def test_a_utilisation_is_a_share(share: str) -> None:
    """Forty is a percentage that somebody forgot to divide."""
    with pytest.raises(FactsRefused, match="expected a utilisation above 0 and at most 1"):
        hardware(units="1", seconds="1", peak="1", utilisation=share)


@given(st.text(max_size=40))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    """A number, or the room's error."""
    try:
        assert amount(text) >= 0
    except FactsRefused:
        pass


@given(st.integers(1, 10**30), st.integers(1, 10**6))
def test_two_figures_are_as_near_as_two_figures_can_be(above: int, below: int) -> None:
    """The rounded amount is within half a unit of the second figure."""
    exact = Fraction(above, below)
    mantissa, _, exponent = two_figures(exact).partition("e")
    unit = Fraction(10) ** (int(exponent) - 1)

    assert abs(Fraction(mantissa) * unit * 10 - exact) <= unit / 2
    assert 1 <= Fraction(mantissa) < 10


@given(st.integers(1, 99), st.integers(20, 27))
def test_more_compute_never_leads_out_of_a_class(mantissa: int, exponent: int) -> None:
    """Whoever trains more is presumed systemic if whoever trained less was."""
    less, more = stated(f"{mantissa}e{exponent}"), stated(f"{mantissa + 1}e{exponent}")
    order = ("no", "yes")

    assert order.index(verdict("systemic", Facts(cumulative=less))) <= order.index(
        verdict("systemic", Facts(cumulative=more))
    )
