"""Versions and models side by side: item by item, aware of clusters and of how many comparisons there are."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from comity.cli.compare import compare_, history
from comity.cli.home import Home, make_home
from comity.cli.plan import open_plan
from comity.cli.plan import plan as plan_command
from comity.estimate import holm, mean_of, mean_test, paired_difference, sign_test
from comity.evaluation import EvaluationError
from comity.evaluation.comparison import compare
from comity.evaluation.history import Export, parse_days, parse_export, subject_of

ITEMS = [f"item-{n:03}" for n in range(100)]


def exported(run: str, right: set[int], *, model: str = "gemma-3-270m", lost: frozenset[int] = frozenset()) -> Export:
    """A run that got the numbered items right."""
    return Export(
        bank="bank", bank_sha256="ab" * 32, subject=subject_of(model, days=parse_days("2026-11-30")), run=run * 32,
        plan="cd" * 32, scorer="short-answer/1",
        outcomes={item: (None if n in lost else int(n in right),) for n, item in enumerate(ITEMS)},
    )  # fmt: skip


FIRST = exported("a", set(range(50)))
BETTER = exported("b", set(range(10, 80)))
SAME = exported("c", set(range(50)))


def test_runs_over_the_same_items_are_compared_item_by_item() -> None:
    """The difference is that of the pairs, its p-value that of the exact sign test, adjusted over all comparisons."""
    found = compare([FIRST, BETTER, SAME], 0.95)
    better, same = found.differences
    assert better.mean.point == pytest.approx(0.2)
    assert (better.alone, better.verdict) == ((30, 10), "higher")
    assert better.p_value == pytest.approx(sign_test(30, 10))
    assert (better.adjusted, same.adjusted) == holm([better.p_value, 1.0])
    assert (same.verdict, same.alone) == ("not told apart", (0, 0))
    assert compare([BETTER, FIRST], 0.95).differences[0].verdict == "lower"


def test_pairing_tells_apart_what_two_rates_do_not() -> None:
    """Eight items won and none lost is no chance, although both intervals overlap widely."""
    won = compare([exported("a", set(range(50))), exported("b", set(range(58)))], 0.95)
    first, second = (one.rate for one in won.standings)
    assert first is not None and second is not None and first.high > second.low
    assert won.differences[0].verdict == "higher"


def test_clusters_make_a_difference_less_sure() -> None:
    """Where the won items are copies of a few, the same difference is no longer told apart."""
    clusters = {item: f"group-{n // 10}" for n, item in enumerate(ITEMS)}
    apart = compare([FIRST, exported("b", set(range(60)))], 0.95).differences[0]
    clustered = compare([FIRST, replace(exported("b", set(range(60))), clusters=clusters)], 0.95).differences[0]
    assert (apart.verdict, clustered.verdict) == ("higher", "not told apart")
    assert clustered.mean.clusters == 10 and clustered.mean.error > apart.mean.error
    assert clustered.p_value == pytest.approx(mean_test(clustered.mean))


def test_what_is_missing_in_either_is_in_neither() -> None:
    """An item without a judgement in one run counts for neither, and is counted as missing."""
    [found] = compare([FIRST, exported("b", set(range(60)), lost=frozenset(range(55, 70)))], 0.95).differences
    assert (found.mean.n, found.mean.missing, found.alone) == (85, 15, (5, 0))


def test_unequal_chances_give_no_share_and_no_difference() -> None:
    """The share of an active sample's answers is not the bank's rate, so neither it nor a difference is printed."""
    active = replace(exported("d", set(range(60))), unequal=True)
    found, turned = compare([FIRST, active, SAME], 0.95), compare([active, FIRST], 0.95)

    assert [True, False, True] == [one.rate is not None for one in found.standings]
    assert 1 == len(found.differences)
    assert "unequal chances" in found.apart[0][1] and "the first's" in turned.apart[0][1]
    assert parse_export(active.content()).unequal and not parse_export(FIRST.content()).unequal
    for bent in (b'"unequal":false', b'"unequal":1', b'"unequal":"yes"'):
        with pytest.raises(EvaluationError):
            parse_export(active.content().replace(b'"unequal":true', bent))


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (replace(BETTER, bank_sha256="00" * 32), "other items"),
        (replace(BETTER, scorer="match of x 1"), "judged by match"),
        (replace(BETTER, outcomes={"elsewhere": (1,)}), "0 items have a judgement in both"),
    ],
)
def test_runs_that_do_not_coincide_stand_beside(other: Export, why: str) -> None:
    """They have their rates, no difference, and the reason."""
    found = compare([FIRST, other], 0.95)
    assert not found.differences and len(found.standings) == 2
    assert why in found.apart[0][1]
    for runs in ([FIRST], [FIRST, FIRST]):
        with pytest.raises(EvaluationError):
            compare(runs, 0.95)


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_agrees_with_scipy(first: int, second: int) -> None:
    """A second implementation of the exact binomial test gives the same p-value."""
    stats = pytest.importorskip("scipy.stats")
    if first + second:
        assert sign_test(first, second) == pytest.approx(float(stats.binomtest(first, first + second).pvalue), abs=1e-9)


@given(st.lists(st.integers(-1, 1), min_size=2, max_size=40))
def test_the_test_of_a_mean_agrees_with_scipy(differences: list[int]) -> None:
    """A second implementation of Student's test gives the same p-value."""
    stats = pytest.importorskip("scipy.stats")
    if len(set(differences)) > 1:
        theirs = float(stats.ttest_1samp(differences, 0.0).pvalue)
        assert mean_test(mean_of([float(d) for d in differences], 0.95)) == pytest.approx(theirs, abs=1e-9)
    assert mean_test(paired_difference([1.0, 0.0], [1.0, 0.0], 0.95)) == 1.0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    for one in (FIRST, BETTER):
        folder = made.path / "runs" / one.run
        folder.mkdir(parents=True)
        (folder / "scores.json").write_text("{}")
        (folder / "history.json").write_bytes(one.content())
    return made


def cli(home: Home, *arguments: str) -> Result:
    command = {"compare": compare_, "history": history}[arguments[0]]
    return CliRunner().invoke(command, arguments[1:], obj=home)


def test_the_command_prints_rates_differences_and_how_sure(home: Home, tmp_path: Path) -> None:
    """By ids and by files; in words and as JSON."""
    told = cli(home, "compare", FIRST.run, BETTER.run)
    assert told.exit_code == 0
    assert "higher: +20.0 points (+8.0 to +32.0, 95% t, n=100, missing 0)" in told.stdout
    assert "right alone: 30, the first alone: 10" in told.stdout
    path = tmp_path / "same.json"
    path.write_bytes(SAME.content())
    found = json.loads(cli(home, "compare", FIRST.run, BETTER.run, str(path), "--json").stdout)
    assert [one["verdict"] for one in found["differences"]] == ["higher", "not told apart"]
    assert cli(home, "compare", FIRST.run, "0" * 32).exit_code == 1


def test_a_run_goes_out_as_history_and_is_admitted_where_it_may(home: Home, tmp_path: Path) -> None:
    """What is stated replaces what was read off the name; a sibling's plan does not get to see it."""
    out = tmp_path / "out.json"
    made = cli(home, "history", "export", FIRST.run, "--out", str(out), "--json")
    assert json.loads(made.stdout)["family"] == "gemma"
    assert cli(home, "history", "export", FIRST.run, "--out", str(out)).exit_code == 1
    assert parse_export(out.read_bytes()) == FIRST
    other = tmp_path / "other.json"
    stated = ("--organisation", "DeepMind", "--family", "gemma-3")
    cli(home, "history", "export", BETTER.run, *stated, "--out", str(other))
    files = (str(out), str(other))
    asked = ("--model", "gemma-3-1b", "--date", "2026-12-01")
    found = json.loads(cli(home, "history", "admitted", *files, *asked, "--json").stdout)
    assert (found["admitted"], len(found["refused"]), found["not_kept"]) == (["gemma-3-270m"], 1, [])
    assert "the same organisation" in cli(home, "history", "admitted", *files, *asked).stdout
    table = tmp_path / "table.csv"
    table.write_text("model,a,b\nllama-2,1,0\ngemma-2,0,1\n")
    told = cli(home, "history", "admitted", str(table), *asked).stdout
    assert "1 of 2 runs may" in told and "the rule 'earlier' cannot be kept" in told


def test_a_second_plan_draws_the_same_items_for_another_model(home: Home) -> None:
    """Two models are compared item by item only if both were asked the same; each plan commits to the seed itself."""
    first, second = home.path / "first.yaml", home.path / "second.yaml"
    common = ("new", "--arrangement", "2" * 32, "--protocol", "openai", "--items", "30", "--model")
    for more in (("a", "--out", str(first)), ("b", "--same-items-as", str(first), "--out", str(second))):
        assert CliRunner().invoke(plan_command, [*common, *more], obj=home).exit_code == 0
    designs = [open_plan(path).design for path in (first, second)]
    assert designs[0].seed == designs[1].seed and designs[0].commitment != designs[1].commitment
