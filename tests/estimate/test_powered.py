"""Prediction-powered rates: what a judge says of all, and a rater of a random few, is the rater's rate of all."""

import csv
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.estimate import EstimateError, mean_of, powered_mean, powered_rate, student_quantile

XSTEST = Path(__file__).resolve().parents[3] / "shared" / "data" / "response-matrices" / "xstest_labels.csv"
PAIRS = [(1, 1)] * 20 + [(1, 0)] * 10 + [(0, 0)] * 30
REST = [1] * 70 + [0] * 120
GRADED = [((k * 7 % 11) / 10, min(1.0, (k * 5 % 9) / 10 + 0.1 * (k * 7 % 11) / 10)) for k in range(40)]
FURTHER = [(3 * k % 17) / 16 for k in range(160)]
WORDS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=30)


@pytest.mark.parametrize(
    ("labelled", "rest", "weight", "point", "low", "high"),
    [
        (PAIRS, REST, None, 0.5192129629629629, 0.4192298364044133, 0.6191960895215125),
        (PAIRS, REST, 1.0, 0.5350877192982456, 0.4184824934072966, 0.6516929451891946),
        (PAIRS, REST, 0.4, 0.5140350877192982, 0.41157219018568714, 0.6164979852529092),
        (GRADED, FURTHER, None, 0.5183772245253994, 0.42244867439994943, 0.6143057746508493),
        (GRADED, FURTHER, 1.0, 0.56059375, 0.44291322301439273, 0.6782742769856073),
        (GRADED, FURTHER, 0.4, 0.5272375, 0.43079979682600356, 0.6236752031739965),
    ],
)
def test_the_point_and_its_error_are_those_of_the_authors(
    labelled: list[tuple[float, float]], rest: list[float], weight: float | None, point: float, low: float, high: float
) -> None:
    """The numbers are of ppi-python 0.2.3, whose variances divide by n and whose interval is normal: ours is wider."""
    found = powered_mean(labelled, rest, 0.95, weight=weight)
    assert found.point == pytest.approx(point, abs=1e-12)
    theirs = (high - low) / 2 / 1.959963984540054
    assert theirs < found.error < theirs * math.sqrt(len(labelled) / (len(labelled) - 1)) * 1.0001
    assert found.low < low < high < found.high


@given(WORDS, st.lists(st.integers(0, 1), min_size=2, max_size=60))
def test_without_the_judge_it_is_the_mean_of_the_labels(labelled: list[tuple[int, int]], rest: list[int]) -> None:
    """With weight 0 nothing of the judge goes in, and the interval is that of a mean."""
    found = powered_mean(labelled, rest, 0.95, weight=0.0)
    plain = mean_of([float(y) for y, _ in labelled], 0.95)
    assert (found.point, found.error) == pytest.approx((plain.point, plain.error))


@given(WORDS, st.lists(st.integers(0, 1), min_size=2, max_size=60))
def test_the_tuned_weight_is_never_worse_than_either_end(labelled: list[tuple[int, int]], rest: list[int]) -> None:
    """The weight is within 0 and 1, and the rate within its interval, whatever the words are."""
    for found in (powered_mean(labelled, rest, 0.95), powered_rate(labelled, rest, 0.95)):
        assert found.weight is not None and 0.0 <= found.weight <= 1.0
        assert 0.0 <= found.low <= found.point <= found.high <= 1.0
    assert powered_rate(labelled, rest, 0.95).point == pytest.approx(powered_mean(labelled, rest, 0.95).point)


def test_a_perfect_judge_makes_few_labels_as_good_as_many() -> None:
    """The error approaches that of labelling everything; a judge that guesses is left out by the weight."""
    truth = [int(k % 3 == 0) for k in range(1000)]
    perfect = powered_mean([(y, y) for y in truth[:100]], truth[100:], 0.95)
    everything = math.sqrt(1 / 3 * 2 / 3 / 1000)
    assert perfect.error == pytest.approx(everything, rel=0.02)
    guess = [k % 2 for k in range(1000)]
    useless = powered_mean(list(zip(truth[:100], guess[:100], strict=True)), guess[100:], 0.95)
    assert useless.weight is not None and useless.weight < 0.1


def test_the_interval_of_a_rate_is_that_of_its_formula() -> None:
    """By hand: one more pair of each kind, and one more doubtful word in the judge's variance."""
    found = powered_rate(PAIRS, REST, 0.95)
    pairs = [*PAIRS, (1, 1), (1, 0), (0, 1), (0, 0)]
    count, more = len(pairs), len(REST)
    y, f = [a for a, _ in pairs], [b for _, b in pairs]
    cov = sum(a * b for a, b in pairs) / count - sum(y) / count * sum(f) / count
    share = (sum(f) + sum(REST)) / (count + more)
    weight = cov / (share * (1 - share) * (count + more) / (count + more - 1)) / (1 + count / more)
    centre = sum(y) / count + weight * (sum(REST) / more - sum(f) / count)
    left = [a - weight * b for a, b in pairs]
    rest = sum(REST) / more * (1 - sum(REST) / more) * more / (more - 1)
    error = math.sqrt(weight**2 * (rest + 1 / more) / more + mean_of(left, 0.95).error ** 2)
    reach = student_quantile(0.975, len(PAIRS) - 1) * error
    assert (found.low, found.high) == pytest.approx((centre - reach, centre + reach))
    assert str(found) == "51.9% (40.9%–61.6%, 95% powered-plus4, judged n=250, labelled 60, missing 0)" == f"{found}"


def coverage(rate: float, seen: float, cleared: float, labels: int, runs: int) -> tuple[float, float]:
    """How often the intervals of `powered_rate` and `powered_mean` hold the rate, in simulated runs of 240 answers."""
    die = random.Random(f"{rate} {seen} {cleared} {labels}")
    kept = [0, 0]
    for _ in range(runs):
        truth = [int(die.random() < rate) for _ in range(240)]
        said = [int(die.random() < (seen if y else 1.0 - cleared)) for y in truth]
        labelled = list(zip(truth[:labels], said[:labels], strict=True))
        for place, method in enumerate((powered_rate, powered_mean)):
            found = method(labelled, said[labels:], 0.95)
            kept[place] += found.low <= rate <= found.high
    return kept[0] / runs, kept[1] / runs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "seen", "cleared", "labels"),
    [(0.02, 0.6, 0.99, 40), (0.1, 0.9, 0.9, 20), (0.3, 0.75, 0.98, 60), (0.5, 0.98, 0.98, 40)],
)
def test_the_interval_of_a_rate_keeps_its_level(rate: float, seen: float, cleared: float, labels: int) -> None:
    """For rare outcomes and few labels too, within three Monte-Carlo standard errors; the asymptotic one does not."""
    runs = 300
    kept, asymptotic = coverage(rate, seen, cleared, labels, runs)
    assert kept >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)
    if rate == 0.02:
        assert asymptotic < 0.7


def test_a_published_judge_is_corrected_from_a_fifth_of_the_labels() -> None:
    """XSTest's 250 safe prompts: GPT-4 calls 36 % of Llama 2's answers refusals, people 60 %; 60 labels show it."""
    if not XSTEST.exists():
        pytest.skip("needs the published labels beside the repository")
    with XSTEST.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if not row["type"].startswith("contrast")]
    words = [
        tuple(int(not row[f"llama2orig|gpteval|{name}"].startswith("1")) for name in ("final_label", "gpt4_label"))
        for row in rows
    ]
    random.Random(6).shuffle(words)
    found = powered_rate([(y, f) for y, f in words[:60]], [f for _, f in words[60:]], 0.95)
    judged, human = sum(f for _, f in words) / 250, sum(y for y, _ in words) / 250
    assert (judged, human) == (0.36, 0.596)
    assert judged < found.low < human < found.high


@pytest.mark.parametrize(
    ("labelled", "rest", "why"),
    [([(1, 1)], REST, "two of each"), (PAIRS, [1], "two of each"), ([(2, 1)] * 3, REST, "from 0 to 1")],
)
def test_what_is_no_sample_is_refused(labelled: list[tuple[int, int]], rest: list[int], why: str) -> None:
    """Nothing is computed from one label, from no rest, or from what is no score."""
    for method in (powered_mean, powered_rate):
        with pytest.raises(EstimateError, match=why):
            method(labelled, rest, 0.95)
    with pytest.raises(EstimateError, match="1 or 0"):
        powered_rate([(0.5, 1), (1, 1)], REST, 0.95)  # type: ignore[list-item]
