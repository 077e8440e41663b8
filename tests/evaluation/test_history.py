"""History: what a planner may know of earlier runs, and what would leak."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comity.evaluation.history import (
    LEAKY,
    Export,
    History,
    HistoryError,
    PastRun,
    Rules,
    Subject,
    admit,
    gather,
    item_rates,
    leak_of,
    parse_days,
    parse_export,
    subject_of,
)
from comity.evaluation.matrices import parse_matrix, read_matrix

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "response-matrices"
TARGET = Subject(model="nova-2", organisation="Nova Labs", family="nova", days=parse_days("2026-06"))
EXPORT = Export(
    bank="short-answers",
    bank_sha256="ab" * 32,
    subject=Subject(model="m-1", organisation="Org", family="m", days=parse_days("2026-11-30")),
    run="cd" * 16,
    plan="ef" * 32,
    scorer="short-answer/1",
    outcomes={"facts-001": (1, 0, None), "facts-002": (None,)},
    clusters={"facts-001": "facts"},
)


def subject(**changes: object) -> Subject:
    """A past subject that leaks nothing, changed."""
    clean = Subject(model="other-1", organisation="Other", family="other", days=parse_days("2026-05-31"))
    return replace(clean, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("past", "why"),
    [
        (subject(), ""),
        (subject(days=parse_days("2026-06-01")), "is not before"),
        (subject(days=parse_days("2026")), "is not before"),
        (subject(days=None), "no date"),
        (subject(organisation="NOVA labs"), "same organisation"),
        (subject(family="Nova"), "the base nova"),
        (subject(model="Nova-2"), "the model itself"),
    ],
)
def test_only_earlier_runs_of_others_are_history(past: Subject, why: str) -> None:
    """An earlier date, another organisation and another base, each of which refuses alone and says why."""
    assert why in leak_of(past, TARGET)
    assert bool(why) == bool(leak_of(past, TARGET))
    history = History(bank="b", items=("a",), runs=(PastRun(subject=past, outcomes=(1.0,)),))
    admitted = admit(history, TARGET)
    assert (len(admitted.history.runs), len(admitted.refused)) == ((0, 1) if why else (1, 0))


def test_a_rule_that_is_off_is_named_and_the_model_itself_never_passes() -> None:
    """The leaky number can be printed beside the strict one, and is never the model's own answers."""
    assert leak_of(subject(organisation="Nova Labs", family="nova", days=None), TARGET, LEAKY) == ""
    assert leak_of(subject(model="nova-2"), TARGET, LEAKY)
    assert Rules(earlier=False).off() == ("earlier",)
    assert LEAKY.off() == ("earlier", "organisation", "family")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31)),
        ("2026-11-30T10:00:00Z", date(2026, 11, 30), date(2026, 11, 30)),
    ],
)
def test_a_date_covers_the_days_that_it_leaves_open(text: str, first: date, last: date) -> None:
    """A month is not before a day inside it."""
    assert (parse_days(text).first, parse_days(text).last) == (first, last)


@given(st.text(max_size=12))
def test_every_text_is_a_date_or_refused(text: str) -> None:
    """Nothing but the module's own error comes out."""
    try:
        days = parse_days(text)
    except HistoryError:
        return
    assert days.first <= days.last


@pytest.mark.parametrize(
    ("model", "organisation", "family"),
    [
        ("vicuna-13b-v1.5", "lmsys", "llama"),
        ("meta-llama/Llama-2-7b-chat-hf", "meta-llama", "llama"),
        ("OpenHermes-2.5-Mistral-7B", "mistral", "mistral"),
        ("gpt-4-0125-preview", "openai", "gpt"),
        ("text_davinci_003", "openai", "gpt"),
        ("o1-mini", "openai", "gpt"),
        ("Qwen2.5-72B", "alibaba", "qwen"),
        ("claude-3-opus", "anthropic", "claude"),
        ("Somethingnew-1", "somethingnew", "somethingnew"),
    ],
)
def test_a_name_is_read_where_nothing_is_stated(model: str, organisation: str, family: str) -> None:
    """A derived model counts as its base, and the reading is marked as one."""
    read = subject_of(model)
    assert (read.organisation, read.family, read.inferred) == (organisation, family, True)
    assert not subject_of(model, organisation="X", family="y").inferred


def test_an_export_comes_back_as_it_was() -> None:
    """Canonical JSON, read with nothing lost; unknown members and other scores are refused."""
    content = EXPORT.content()
    assert parse_export(content) == EXPORT
    members = json.loads(content)
    wrong: list[dict[str, object]] = [{"outcomes": {"a": [2]}}, {"clusters": {"a": 1}}, {"inferred": 1}]
    wrong += [{"outcomes": {"a": [True]}}, {"date": "2026"}]
    for change in ({"more": 1}, {"family": ""}, *wrong):
        with pytest.raises(HistoryError):
            parse_export(json.dumps({**members, **change}).encode())


@given(st.binary(max_size=40))
def test_every_content_is_an_export_or_refused(content: bytes) -> None:
    """Nothing but the module's own error comes out."""
    with pytest.raises(HistoryError):
        parse_export(content)


def test_runs_of_one_bank_are_gathered_and_others_refused() -> None:
    """Epochs are averaged, what is missing stays missing, and outcomes of two banks are never mixed."""
    second = replace(EXPORT, run="99" * 16, outcomes={"facts-001": (0,), "facts-003": (1,)})
    history = gather([EXPORT, second])
    assert history.items == ("facts-001", "facts-002", "facts-003")
    assert [run.outcomes for run in history.runs] == [(0.5, None, None), (0.0, None, 1.0)]
    assert item_rates(history) == (0.25, None, 1.0)
    for other in (EXPORT, replace(second, bank_sha256="00" * 32), replace(second, scorer="match/1")):
        with pytest.raises(HistoryError):
            gather([EXPORT, other])


def test_a_matrix_is_read_with_what_it_says_of_its_models() -> None:
    """Dates, organisations and families stand in columns, topics in a row, and words are noted and not read."""
    matrix = parse_matrix(
        "Model,Release Date,Organization,judge,q1,q1,q2\n"
        "#topic,,,,maths,maths,law\n"
        "alpha-1,2024-05,Alpha,x,1,0.5,\n"
        "gpt-4,2023-03-14,,y,True,false,nan\n",
        "made",
    )
    assert matrix.history.items == ("q1", "q1#2", "q2")
    assert (matrix.topics, matrix.notes) == (("maths", "maths", "law"), ("judge",))
    assert [run.outcomes for run in matrix.history.runs] == [(1.0, 0.5, None), (1.0, 0.0, None)]
    assert [run.subject.organisation for run in matrix.history.runs] == ["Alpha", "openai"]
    assert matrix.rules == Rules()
    assert parse_matrix("m,a\nx,1\n", "n").rules.off() == ("earlier",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected a line"),
        ("m,a\nx,1,2\n", "line 2 has 3 cells"),
        ("m,a\nx,1\ny,no\n", "expected a number, got 'no'"),
        ("m,date,a\nx,soon,1\n", "no date"),
        ("m,a\nx,words\n", "at least one model"),
    ],
)
def test_a_table_that_is_none_is_refused_where_it_is_wrong(text: str, why: str) -> None:
    """The sentence says what was expected, what came and where."""
    with pytest.raises(HistoryError, match=why):
        parse_matrix(text, "made")


@given(st.text(alphabet="m,a1\n\"date-2", max_size=60))
def test_every_text_is_a_matrix_or_refused(text: str) -> None:
    """Nothing but the module's own error comes out, and rows are as long as the line of names."""
    try:
        matrix = parse_matrix(text, "made")
    except HistoryError:
        return
    assert all(len(run.outcomes) == len(matrix.history.items) for run in matrix.history.runs)


def test_the_published_matrices_are_read() -> None:
    """A real table of 58 models by 805 items, undated: the rule of dates cannot be kept, and that is said."""
    path = DATA / "alpacaeval_weighted_alpaca_eval_gpt4_turbo.csv.gz"
    if not path.exists():
        pytest.skip("needs the published response matrices beside the repository")
    matrix = read_matrix(path)
    assert (len(matrix.history.runs), len(matrix.history.items)) == (58, 805)
    assert matrix.rules.off() == ("earlier",)
    target = matrix.history.runs[0].subject
    admitted = admit(matrix.history, target, matrix.rules)
    assert len(admitted.history.runs) + len(admitted.refused) == 58
    assert admitted.refused
    assert not [run for run in admitted.history.runs if run.subject.family == target.family]
