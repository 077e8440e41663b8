"""Draws from a frame: reproducible, with the chances that they state, and with estimates that hold."""

import math
from dataclasses import replace
from hashlib import sha256
from statistics import fmean, stdev

import numpy as np
import pytest

from comity.estimate import EstimateError
from comity.estimate.drawing import Drawing, Rules, estimate_drawn
from comity.estimate.foreseen import Fit, Foresight
from comity.estimate.frame import Frame, frame_of, leak_in, selection_key, stratified_sample
from comity.evaluation.predictor import Predictor
from comity.evaluation.sampling import Sampler

ITEMS = tuple(sorted(sha256(b"%d" % n).hexdigest() for n in range(40)))
SEED = "0" * 32


def outcomes(seed: int, models: int = 8) -> np.ndarray:
    """Earlier models and, as the last row, the one that is asked."""
    random = np.random.default_rng(seed)
    ability, difficulty = random.normal(size=models + 1), random.normal(size=len(ITEMS))
    return (random.random((models + 1, len(ITEMS))) < 1 / (1 + np.exp(2 * difficulty - ability[:, None]))).astype(float)


WORLD = outcomes(5)
TRUTH = {item: int(one) for item, one in zip(ITEMS, WORLD[-1], strict=True)}
RATE = fmean(TRUTH.values())


def foresight(history: np.ndarray) -> tuple[Predictor, Foresight]:
    predictor = Predictor(history)
    return predictor, Foresight(
        centre=predictor.centre,
        base=tuple(predictor.base.tolist()),
        columns=tuple(tuple(column) for column in predictor.columns.T.tolist()) if predictor.informed else (),
        variances=tuple(predictor.variances.tolist()) if predictor.informed else (),
        levels=predictor.levels if predictor.informed else 0,
    )


FRAME = Frame(items=ITEMS, strata=(), stratum=(), weights=(), foresight=foresight(WORLD[:-1])[1], history=())
RULES = Rules(batch=5, mix=0.4, cap=15)


@pytest.mark.parametrize("models", [8, 0])
def test_the_predictor_of_a_run_is_that_of_the_benchmark(models: int) -> None:
    """What is measured and what is carried out foresee the same, to the last places, with and without history."""
    made, given = foresight(WORLD[:models])
    measured, carried = made.start(1), Fit(given)
    for items, known in (([3, 7, 30, 12, 14], 5), ([5, 8, 31, 1, 15], 3)):
        found = np.where(np.arange(5) < known, WORLD[-1][items], np.nan)
        measured.observe(np.array([items]), found[None])
        carried.observe([(i, None if math.isnan(one) else one) for i, one in zip(items, found.tolist(), strict=True)])

    assert measured.predictions()[0].tolist() == pytest.approx(carried.predictions(), abs=1e-12)


def test_a_draw_is_a_function_of_frame_seed_and_answers() -> None:
    """Whoever replays a part of the answers is told the rest of its batch, and the same items as before."""
    whole = Drawing(FRAME, SEED, RULES, TRUTH)
    order = [one.item for one in whole.placed]

    assert 15 == len(order) == len(set(order))
    for known in range(15):
        part = Drawing(FRAME, SEED, RULES, {item: TRUTH[item] for item in order[:known]})
        assert order[: 5 * (known // 5) + 5] == [one.item for one in part.placed]
        assert 5 * (known // 5) == len(part.draws)
    assert order != [one.item for one in Drawing(FRAME, "1" * 32, RULES, TRUTH).placed]


@pytest.mark.parametrize("threshold", [0.3, None])
def test_a_run_draws_as_the_benchmark_measures(threshold: float | None) -> None:
    """The first item's chance follows √(f (1 − f)) where a threshold ends the run and f (1 − f) where none does."""
    rules = Rules(batch=5, mix=0.3, cap=15, threshold=threshold)
    first = Drawing(FRAME, SEED, rules, {}).placed[0]
    assert FRAME.foresight is not None
    sure = np.clip(np.array(Fit(FRAME.foresight).predictions()), 0.05, 0.95)
    taught = (sure * (1.0 - sure)) ** (1.0 if threshold is None else 0.5)
    chances = 0.3 / len(ITEMS) + 0.7 * taught / taught.sum()

    assert first.probability == pytest.approx(chances[ITEMS.index(first.item)], abs=1e-12)
    sampler = Sampler(Predictor.of(FRAME.foresight), np.random.default_rng(5), mix=0.3, deciding=threshold is not None)
    batch = sampler.next_batch(5)
    assert batch.probability[0, 0] == pytest.approx(chances[batch.items[0, 0]], abs=1e-12)


def test_another_answer_changes_the_batches_after_it_and_none_before() -> None:
    """Adaptive means that: what is asked next depends on what was answered."""
    whole = [one.item for one in Drawing(FRAME, SEED, RULES, TRUTH).placed]
    bent = {item: 1 - score if item in whole[:5] else score for item, score in TRUTH.items()}
    other = [one.probability for one in Drawing(FRAME, SEED, RULES, bent).placed]

    assert [one.probability for one in Drawing(FRAME, SEED, RULES, TRUTH).placed][:5] == other[:5]
    assert [one.probability for one in Drawing(FRAME, SEED, RULES, TRUTH).placed][5:] != other[5:]


def test_each_draw_has_the_chance_that_it_states() -> None:
    """Over many seeds the guess of the third batch has no bias, although that batch learned from the first two."""
    off = []
    for seed in range(600):
        drawing = Drawing(FRAME, f"{seed:032x}", RULES, TRUTH)
        known = sum(draw.outcome or 0.0 for draw in drawing.draws[:12])
        draw, left = drawing.draws[12], len(ITEMS) - 12
        guess = (draw.rest + ((draw.outcome or 0.0) - draw.predicted) / draw.probability) / left
        off.append(guess - (sum(TRUTH.values()) - known) / left)

    assert abs(fmean(off)) < 4 * stdev(off) / math.sqrt(len(off))


def test_a_run_that_stops_at_the_rate_itself_decides_wrongly_no_more_often_than_it_says() -> None:
    """The threshold is the bank's own rate, so every decision is wrong: at most one in twenty."""
    rules = Rules(batch=5, mix=0.4, cap=35, threshold=RATE, level=0.95)
    wrong = sum(Drawing(FRAME, f"{seed:032x}", rules, TRUTH).decision != "open" for seed in range(400))

    assert wrong <= 400 * 0.05 + 2 * math.sqrt(400 * 0.05 * 0.95)


def test_an_estimate_holds_what_is_missing_against_itself() -> None:
    """A missing answer widens the interval and never counts as wrong; the whole bank is certain."""
    order = [one.item for one in Drawing(FRAME, SEED, RULES, TRUTH).placed]
    full = estimate_drawn(Drawing(FRAME, SEED, RULES, TRUTH), 0.95)
    short = estimate_drawn(Drawing(FRAME, SEED, RULES, {**TRUTH, order[14]: None}), 0.95)
    census = estimate_drawn(Drawing(FRAME, SEED, replace(RULES, cap=40), TRUTH), 0.95)

    assert (15, 0, 14, 1) == (full.n, full.missing, short.n, short.missing)
    assert short.low <= full.low and full.high <= short.high
    assert short.worst_low < short.point < short.worst_high
    assert (RATE, RATE) == pytest.approx((census.low, census.high))


def stratified(n: int = 16) -> Frame:
    return Frame(
        items=ITEMS[:n], strata=("a", "b"), stratum=tuple(int(place % 4 == 0) for place in range(n)), weights=(1, 1),
        foresight=None, history=(),
    )  # fmt: skip


def test_a_stratified_sample_takes_the_first_of_each_stratum_by_the_seed() -> None:
    """Each stratum's items in the order of their keys, as many as it is given, with the chance n_h / N_h."""
    frame = stratified()
    found = stratified_sample(frame, SEED, 8)

    for h, (size, count) in enumerate(((12, 6), (4, 2))):
        of_stratum = [item for item, at in zip(frame.items, frame.stratum, strict=True) if at == h]
        own = sorted(of_stratum, key=lambda item: selection_key(SEED, item))
        assert own[:count] == [one.item for one in found if one.stratum == h]
        assert {count / size} == {one.probability for one in found if one.stratum == h}
    assert list(range(8)) == [one.place for one in found]


MEMBERS = {
    "format": "comity frame/1",
    "history": [{"date": "2026-05-01", "family": "llama", "model": "A", "organisation": "meta", "sha256": "0" * 64}],
    "items": list(ITEMS[:3]),
    "predictor": {"base": [1, 2, 10**9], "centre": 5, "columns": [[1, -1, 0]], "levels": 1, "variances": [7]},
    "strata": ["x", "y"],
    "stratum": [0, 1, 0],
    "weights": [1, 2],
}


def test_a_frame_is_read_whole_or_refused() -> None:
    """Every member in its form: names in order, a stratum an item, a value an item."""
    read = frame_of(MEMBERS)

    assert (2, 1) == read.sizes
    assert read.foresight is not None and (1e-9, 2e-9, 1.0) == read.foresight.base
    for bent in (
        {**MEMBERS, "more": 1},
        {**MEMBERS, "items": list(reversed(ITEMS[:3]))},
        {**MEMBERS, "stratum": [0, 0, 0]},
        {**MEMBERS, "stratum": [0, 1, 2]},
        {**MEMBERS, "stratum": [0, True, 0]},
        {**MEMBERS, "weights": [0, 1]},
        {**MEMBERS, "weights": [1]},
        {**MEMBERS, "history": [{}]},
        {**MEMBERS, "predictor": {**MEMBERS["predictor"], "base": [1, 2]}},  # type: ignore[dict-item]
        {**MEMBERS, "predictor": {**MEMBERS["predictor"], "levels": 2}},  # type: ignore[dict-item]
        {**MEMBERS, "items": None},
    ):
        with pytest.raises(EstimateError, match="no frame of a sample"):
            frame_of(bent)


@pytest.mark.parametrize(
    ("model", "cutoff", "organisations", "families", "said"),
    [
        ("a", "2026-06-01", (), (), "the model itself"),
        ("B", "2026-05-01", (), (), "not before 2026-05-01"),
        ("B", "2026-06-01", ("Meta",), (), "of meta, which the plan leaves out"),
        ("B", "2026-06-01", (), ("Llama",), "of the base llama, which the plan leaves out"),
        ("B", "2026-06-01", ("x",), ("y",), ""),
    ],
)
def test_history_that_leaks_is_named(
    model: str, cutoff: str, organisations: tuple[str, ...], families: tuple[str, ...], said: str
) -> None:
    """The model itself, what is not earlier, and what the plan leaves out are no history."""
    found = leak_in(frame_of(MEMBERS), model=model, cutoff=cutoff, organisations=organisations, families=families)

    assert said in found and bool(said) == bool(found)
