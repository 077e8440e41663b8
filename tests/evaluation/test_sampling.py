"""Where to ask next: the sampler's probabilities are what it says, and the predictor learns what there is to learn."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from comity.estimate import drawn_mean
from comity.evaluation.predictor import Predictor
from comity.evaluation.sampling import Sampler, batches

Array = NDArray[np.float64]


def world(models: int, items: int, seed: int) -> tuple[Array, Array]:
    """Earlier models' outcomes and the next one's, where items differ in how hard they are."""
    generator = np.random.default_rng(seed)
    chances = generator.beta(0.6, 0.6, items)
    answered = (generator.random((models + 1, items)) < chances).astype(float)
    return answered[:-1], answered[-1]


def test_first_draws_are_as_likely_as_stated() -> None:
    """How often an item is drawn first agrees with the probability that the draw states."""
    history, _ = world(12, 8, 1)
    sampler = Sampler(Predictor(history), np.random.default_rng(2), repetitions=20_000)

    batch = sampler.next_batch(3)

    stated = dict(zip(batch.items[:, 0].tolist(), batch.probability[:, 0].tolist(), strict=True))
    seen = Counter(batch.items[:, 0].tolist())
    assert sum(stated.values()) == pytest.approx(1.0)
    for item, probability in stated.items():
        assert seen[item] / 20_000 == pytest.approx(probability, abs=4 * (probability / 20_000) ** 0.5)


def test_nothing_is_drawn_twice_and_all_is_drawn_in_the_end() -> None:
    """Draws are without replacement, also across batches."""
    history, own = world(6, 33, 3)
    sampler = Sampler(Predictor(history), np.random.default_rng(4))
    items: list[int] = []
    for size in batches(33, 5):
        batch = sampler.next_batch(size)
        sampler.learn(batch, own[batch.items])
        items += batch.items[0].tolist()

    assert sorted(items) == list(range(33))


def test_a_run_is_a_function_of_its_seed_and_its_answers() -> None:
    """The same seed and answers draw the same items."""
    history, own = world(6, 50, 5)

    def drawn() -> list[int]:
        sampler, items = Sampler(Predictor(history), np.random.default_rng(6)), []
        for size in batches(20):
            batch = sampler.next_batch(size)
            sampler.learn(batch, own[batch.items])
            items += batch.items[0].tolist()
        return items

    assert drawn() == drawn()


def test_uniform_draws_are_equally_likely() -> None:
    """Simple random sampling has one probability for all that are left, and no prediction changes it."""
    history, _ = world(6, 40, 7)
    sampler = Sampler(Predictor(history), np.random.default_rng(8), uniform=True)

    batch = sampler.next_batch(4)

    assert batch.probability[0].tolist() == pytest.approx([1 / 40, 1 / 39, 1 / 38, 1 / 37])


def test_bounds_hold_for_every_item_and_outcome() -> None:
    """The stated bounds are those of what might have been drawn, so no draw is outside them."""
    history, own = world(10, 60, 9)
    sampler = Sampler(Predictor(history), np.random.default_rng(10), repetitions=50)
    for size in batches(40):
        batch = sampler.next_batch(size)
        answers = own[batch.items]
        surprise = (answers - batch.predicted) / batch.probability
        assert (surprise >= batch.low - 1e-9).all()
        assert (surprise <= batch.high + 1e-9).all()
        sampler.learn(batch, answers)


def squared(history: Array, own: Array, seed: int) -> float:
    """Mean squared error of the unbiased mean after 40 of the items, over 200 repetitions."""
    sampler = Sampler(Predictor(history), np.random.default_rng(seed), repetitions=200)
    draws: list[list[object]] = [[] for _ in range(200)]
    for size in batches(40):
        batch = sampler.next_batch(size)
        answers = own[batch.items]
        sampler.learn(batch, answers)
        for found, row in zip(draws, batch.draws(answers), strict=True):
            found.extend(row)
    return float(np.mean([(drawn_mean(found, len(own)) - own.mean()) ** 2 for found in draws]))  # type: ignore[arg-type]


def test_history_helps_and_a_shuffled_one_does_not_hurt_much() -> None:
    """With history the error falls well below simple random sampling's; shuffled over items it is about the same."""
    history, own = world(30, 400, 11)
    plain = float(own.var(ddof=1)) * (1 / 40 - 1 / 400)
    shuffled = history[:, np.random.default_rng(12).permutation(400)]

    assert squared(history, own, 13) < 0.75 * plain
    assert 0.7 * plain < squared(shuffled, own, 14) < 1.5 * plain


def test_a_missing_outcome_teaches_nothing() -> None:
    """Predictions after a batch without outcomes are those before it."""
    history, _ = world(8, 30, 15)
    sampler = Sampler(Predictor(history), np.random.default_rng(16))
    before = sampler.fit.predictions()

    batch = sampler.next_batch(5)
    sampler.learn(batch, np.full((1, 5), np.nan))

    assert sampler.fit.predictions() == pytest.approx(before)
    assert [draw.outcome for draw in batch.draws(np.full((1, 5), np.nan))[0]] == [None] * 5


def test_without_history_items_are_alike() -> None:
    """Where nothing is known the rate so far is predicted for all, and all are equally likely."""
    sampler = Sampler(Predictor(np.zeros((0, 25))), np.random.default_rng(17))

    batch = sampler.next_batch(5)
    sampler.learn(batch, np.ones((1, 5)))

    assert batch.probability[0, 0] == pytest.approx(1 / 25)
    predicted = sampler.fit.predictions()[0]
    assert predicted.min() == predicted.max() == pytest.approx((5 + 0.5) / 6)


def test_more_topics_than_a_frame_holds_are_the_largest() -> None:
    """A frame has room for 64 directions, so of a bank of a hundred topics the small ones are not learned apart."""
    history, _ = world(20, 600, 20)
    topics = [place % 100 if place < 400 else place % 40 for place in range(600)]

    columns = Predictor(history, topics).columns

    assert columns.shape[1] <= 64
    own = np.array(topics)
    assert all((columns == (own == large).astype(float)[:, None]).all(0).any() for large in range(40))


def test_topics_are_learned() -> None:
    """Items of a topic on which the model does worse than all earlier ones come to be predicted as such."""
    history, own = world(12, 200, 18)
    topics = ["a" if place % 2 else "b" for place in range(200)]
    own = np.where(np.array(topics) == "a", 0.0, own)

    def predicted(predictor: Predictor) -> float:
        sampler = Sampler(predictor, np.random.default_rng(19))
        for size in batches(60):
            batch = sampler.next_batch(size)
            sampler.learn(batch, own[batch.items])
        return float(sampler.fit.predictions()[0][np.array(topics) == "a"].mean())

    assert predicted(Predictor(history, topics)) < 0.8 * predicted(Predictor(history))
