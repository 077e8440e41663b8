"""The benchmark of learning counts every query and reads any matrix; nothing here is timed."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.evaluation import main
from benchmarks.learning.cells import CAP, decisions, queries_for, spread_within
from benchmarks.learning.counts import display_cells
from benchmarks.learning.hindsight import gain_in_hindsight
from benchmarks.learning.matrices import named_table, targets


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine dated models of nine makers and 300 items."""
    generator = np.random.default_rng(1)
    chances = generator.beta(0.7, 0.7, 300)
    path = tmp_path_factory.mktemp("bench") / "made-up.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "date", "organisation", "family", *range(300)])
        for place in range(9):
            outcomes = (generator.random(300) < chances).astype(int)
            writer.writerow([f"m{place}", f"2025-0{place + 1}-01", f"o{place}", f"f{place}", *outcomes])
    return path


def test_a_target_sees_earlier_models_alone(matrix: Path) -> None:
    """The first models of a dated table have too little history, and a later one sees those before it."""
    found = {target.model: target for target in targets(named_table(matrix))}

    assert sorted(found) == ["m4", "m5", "m6", "m7", "m8"]
    assert len(found["m6"].history) == 6
    assert len(found["m6"].leaky) == 8


def test_an_undecided_run_counts_with_all_its_queries(matrix: Path) -> None:
    """At the rate itself hardly any run decides, and each costs the cap or the whole bank."""
    target = targets(named_table(matrix))[0]

    made = decisions(target, target.history, float(target.outcomes.mean()), 20, [1], cap=60, uniform=False)

    assert (made.queries[made.decided == 0] == 60).all()
    assert (made.decided == 0).mean() > 0.5
    assert CAP == 526


@pytest.mark.slow
def test_the_result_has_what_it_is_judged_by(matrix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object as the last line, with every figure and each matrix."""
    status = main(
        ["--no-shared", "--matrix", str(matrix), "--repetitions", "40", "--json", "--parts", "learning,counts"]
    )

    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert status == 0
    for name in (
        "decision_gain_10", "decision_gain_20", "rmse_gain", "rmse_gain_hindsight", "coverage_min",
        "false_decision_max",
    ):  # fmt: skip
        assert 0.0 <= result[name] < 100.0
    assert result["coverage_ok"] in (True, False)
    assert result["by_matrix"]["made-up"]["counted"] is True
    assert result["by_matrix"]["made-up"]["decision_10_active"]["queries"] > 10


def test_a_file_that_is_no_matrix_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Misuse ends with 2 and says what was expected."""
    path = tmp_path / "words.csv"
    path.write_text("model,a\nm,word\n")

    with pytest.raises(SystemExit, match="2"):
        main(["--matrix", str(path), "--no-shared"])

    assert "expected" in capsys.readouterr().err


def test_queries_for_an_error_are_those_of_the_formula() -> None:
    """Simple random sampling's own error at n is reached with n; strata that explain everything need next to none."""
    outcomes = np.array([0.0, 1.0] * 50)
    spread = float(np.var(outcomes, ddof=1))

    assert queries_for(spread * (1 / 25 - 1 / 100), spread, 100) == pytest.approx(25)
    assert spread_within(outcomes, outcomes.tolist()) == 0.0
    assert spread_within(outcomes, [0] * 100) == pytest.approx(spread)


def test_the_gain_in_hindsight_is_what_history_could_give(matrix: Path) -> None:
    """A model that answers as an earlier one has no residual; one whose items are shuffled gains next to nothing."""
    target = targets(named_table(matrix))[-1]
    spread = float(np.var(target.outcomes, ddof=1))
    known = replace(target, outcomes=target.history.mean(0))
    shuffled = replace(target, outcomes=np.random.default_rng(2).permutation(target.outcomes))

    found = [gain_in_hindsight(one, 40, spread) for one in (known, target, shuffled)]

    assert found[0] == pytest.approx(300 / 40)
    assert found[0] > found[1] > 1.2
    assert found[2] == pytest.approx(1.0, abs=0.1)


def test_the_interval_for_display_is_measured_and_not_relied_on() -> None:
    """Wilson's coverage falls below its level for rare outcomes, which is why no decision rests on it."""
    assert min(cell["coverage"] for cell in display_cells(2_000)) < 0.95
