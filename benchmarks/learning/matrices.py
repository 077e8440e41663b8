"""The matrices that a run is measured on: those of shared/data where it is there, and every file that is named.

A matrix becomes targets: each model whose answers are hidden and asked for again, with the earlier models that a
planner may look at.  Which these are is `comity.evaluation.history`'s to say, under the strictest rules that the table
can keep; where a name says nothing about a base, a model is its own organisation and family.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from benchmarks.peers.machine import ROOT
from numpy.typing import NDArray

from comity.evaluation.history import BASES, LEAKY, Rules, Subject, leak_of, subject_of
from comity.evaluation.matrices import read_matrix

__all__ = ["Table", "Target", "named_table", "shared_tables", "targets"]

Array = NDArray[np.float64]

SHARED: Final = ROOT.parent / "shared" / "data" / "response-matrices"
MOST_ITEMS: Final = 5_000
"""Of a larger bank so many are drawn, with a fixed seed, and are the bank."""
LEAST_ITEMS: Final = 263
"""A smaller bank cannot hold the design that we compare with; it is measured and not counted."""
LEAST_HISTORY: Final = 4
MOST_TARGETS: Final = 10
SEED: Final = 20261130


@dataclass(frozen=True)
class Table:
    """One matrix: outcomes between 0 and 1, NaN where missing."""

    name: str
    outcomes: Array
    subjects: tuple[Subject, ...]
    topics: tuple[str, ...] | None
    rules: Rules
    note: str


@dataclass(frozen=True)
class Target:
    """One model that is asked, its bank, and what earlier models answered on it."""

    table: str
    model: str
    outcomes: Array
    history: Array
    leaky: Array
    """What all other models answered, whoever made them and whenever."""
    topics: tuple[str, ...] | None


def named_table(path: Path) -> Table:
    """A matrix from a file, as `comity.evaluation.matrices` reads it; raises its errors."""
    matrix = read_matrix(path)
    runs = matrix.history.runs
    outcomes = np.array([[np.nan if one is None else one for one in run.outcomes] for run in runs])
    low, high = float(np.nanmin(outcomes)), float(np.nanmax(outcomes))
    note = ""
    if low < 0.0 or high > 1.0:
        outcomes = (outcomes - low) / (high - low)
        note = f"outcomes from {low:g} to {high:g} were brought to 0 to 1"
    return _table(matrix.history.bank, outcomes, [run.subject for run in runs], matrix.topics, matrix.rules, note)


def _table(
    name: str, outcomes: Array, subjects: list[Subject], topics: tuple[str, ...] | None, rules: Rules, note: str
) -> Table:  # fmt: skip
    known = np.array([_own(subject) for subject in subjects], dtype=object)
    items = outcomes.shape[1]
    if items > MOST_ITEMS:
        chosen = np.sort(np.random.default_rng(SEED).choice(items, MOST_ITEMS, replace=False))
        outcomes = outcomes[:, chosen]
        topics = None if topics is None else tuple(topics[place] for place in chosen)
        note = "; ".join(filter(None, (note, f"{MOST_ITEMS:,} of its {items:,} items")))
    return Table(name, outcomes, tuple(known), topics, rules, note)


def _own(subject: Subject) -> Subject:
    """The subject, as its own organisation and family where its name says nothing about either."""
    if not subject.inferred or subject.family in {family for family, _ in BASES.values()}:
        return subject
    maker = subject.organisation if "/" in subject.model else subject.model
    return replace(subject, organisation=maker, family=subject.model)


def targets(table: Table) -> list[Target]:
    """At most `MOST_TARGETS` of its models with enough history, evenly over the rates that they have."""
    found: list[tuple[float, int, list[int]]] = []
    for place, subject in enumerate(table.subjects):
        own = table.outcomes[place]
        if np.isfinite(own).sum() < 2 or float(np.nanstd(own)) == 0.0:
            continue
        admitted = [
            other
            for other, past in enumerate(table.subjects)
            if other != place and not leak_of(past, subject, table.rules)
        ]
        if len(admitted) >= LEAST_HISTORY:
            found.append((float(np.nanmean(own)), place, admitted))
    found.sort()
    if len(found) > MOST_TARGETS:
        found = [found[round(k * (len(found) - 1) / (MOST_TARGETS - 1))] for k in range(MOST_TARGETS)]
    return [_target(table, place, admitted) for _, place, admitted in found]


def _target(table: Table, place: int, admitted: list[int]) -> Target:
    asked = ~np.isnan(table.outcomes[place])
    others = [other for other in range(len(table.subjects)) if other != place]
    return Target(
        table=table.name,
        model=table.subjects[place].model,
        outcomes=table.outcomes[place][asked],
        history=_filled(table.outcomes[np.ix_(admitted, asked)]),
        leaky=_filled(table.outcomes[np.ix_(others, asked)]),
        topics=None if table.topics is None else tuple(np.array(table.topics)[asked].tolist()),
    )


def _filled(outcomes: Array) -> Array:
    """Each gap filled with the mean of its item, and with the mean of all where no model has that item."""
    known = ~np.isnan(outcomes)
    counts = known.sum(0)
    sums = np.where(known, outcomes, 0.0).sum(0)
    whole = float(sums.sum() / max(counts.sum(), 1))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), whole)
    return np.where(known, outcomes, means)


def shared_tables() -> Iterator[Table]:
    """Those of shared/data; none where it is absent."""
    if not SHARED.is_dir():
        return
    for name, file in (
        ("alpacaeval-weighted", "alpacaeval_weighted_alpaca_eval_gpt4_turbo.csv.gz"),
        ("alpacaeval-gpt4", "alpacaeval_alpaca_eval_gpt4.csv.gz"),
    ):
        rows = _rows(SHARED / file)
        outcomes = np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in rows[1:]])
        outcomes = np.where(outcomes < 1.0, np.nan, outcomes - 1.0)
        yield _table(name, outcomes, [subject_of(row[0]) for row in rows[1:]], None, Rules(earlier=False), "")
    yield _xstest()
    yield _factors("mmlu-pro, 37 models", "faq_mmlu-pro.npz", models=38, items=479, seed=1)
    yield _factors("mmlu-pro, 11 models", "faq_mmlu-pro.npz", models=12, items=3_000, seed=2)
    yield _factors("bbh suite, 21 models", "faq_bbh_gpqa_ifeval_math_musr.npz", models=22, items=2_000, seed=3)
    yield _factors("bbh suite, 299 models", "faq_bbh_gpqa_ifeval_math_musr.npz", models=300, items=493, seed=4)


def _rows(path: Path) -> list[list[str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    return list(csv.reader(text.splitlines()))


def _xstest() -> Table:
    """Full compliance with the prompts of XSTest by five systems, as people labelled it, by the prompt's type."""
    rows = _rows(SHARED / "xstest_labels.csv")
    names = [name for name in rows[0] if name.endswith("gpteval|final_label")]
    places = [rows[0].index(name) for name in names]
    outcomes = np.array([[float(row[place] == "1_full_compliance") for row in rows[1:]] for place in places])
    subjects = [subject_of(name.split("|")[0]) for name in names]
    note = "the five systems are each other's history, whoever made them"
    return _table("xstest", outcomes, subjects, tuple(row[1] for row in rows[1:]), LEAKY, note)


def _factors(name: str, file: str, *, models: int, items: int, seed: int) -> Table:
    """A matrix drawn from a factor model of published answers: semi-synthetic, and said to be."""
    generator = np.random.default_rng(seed)
    with np.load(SHARED / file) as found:
        of: dict[str, Any] = {key: found[key].astype(float) for key in ("U", "V")}
    left = of["U"][generator.choice(len(of["U"]), models, replace=False)]
    right = of["V"][generator.choice(len(of["V"]), items, replace=False)]
    chances = 1.0 / (1.0 + np.exp(-left @ right.T))
    outcomes = (generator.random(chances.shape) < chances).astype(float)
    subjects = [subject_of(f"system {place}") for place in range(models)]
    return _table(name, outcomes, subjects, None, Rules(earlier=False), "semi-synthetic")
