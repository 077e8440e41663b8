"""Labels: a random few answers, drawn by what was committed, labelled by people who do not see the judge's word."""

import json
import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from gateway_double import SECRET, GatewayDouble, running_gateway
from hypothesis import given
from hypothesis import strategies as st
from test_run import answer, frozen_plan, run_process

from comity.cli import label as label_module
from comity.cli.home import Home, make_home
from comity.cli.label import label
from comity.evaluation.label_file import format_answers, parse_answers
from comity.evaluation.labels import (
    Draft,
    LabelError,
    agreement_of,
    draw_order,
    judged_scores,
    parse_sheet,
    read_sheets,
    standing_of,
)
from comity.evaluation.scores import Row, blind, score_table
from comity.evaluation.shown import Shown, printable

RUN, PLAN, SALT = "ab" * 16, "cd" * 32, b"s" * 32
PLAN_MEMBERS = {
    "arrangement": "2" * 32, "claim": {"estimand": "chance of a right answer"}, "design": {},
    "outputs": {"level": "0.95"},
}  # fmt: skip
NAMES = [f"item-{n:02}" for n in range(40)]
TRUE = {blind(name, SALT): int(n % 2 == 0) for n, name in enumerate(NAMES)}
JUDGED = {blind(name, SALT): int(n % 2 == 0 and n % 3 != 0) for n, name in enumerate(NAMES)}


def made_table() -> bytes:
    """Forty judged answers of which the judge misses a third of the right ones, a second epoch, and one missing."""
    rows = [Row(item=item, epoch=epoch, score=score, reason="", calls=(1,)) for item, score in JUDGED.items()
            for epoch in (1, 2)]  # fmt: skip
    rows.append(Row(item=blind("lost", SALT), epoch=1, score=None, reason="no-answer", calls=(1,)))
    return score_table(sorted(rows, key=lambda row: (row.item, row.epoch)), run=RUN, plan=PLAN)


TABLE = made_table()
SHOWN = {
    blind(name, SALT): Shown(item=name, question=f"{name}?\nTwo lines", answer="=1+1\x1b[31m", expected=("yes",))
    for name in NAMES
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An evaluator's home with one finished run, whose logs are not on the disk."""
    made = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    folder = made.path / "runs" / RUN
    folder.mkdir(parents=True)
    (folder / "scores.json").write_bytes(TABLE)
    (folder / "scores.salt").write_text(SALT.hex())
    (folder / "plan.json").write_text(json.dumps(PLAN_MEMBERS))
    monkeypatch.setattr(label_module, "shown_answers", lambda *_: SHOWN)
    return made


def run_label(home: Home, *arguments: str, keys: str = "") -> Result:
    return CliRunner().invoke(label, [RUN, *arguments], obj=home, input=keys)


def keys_for(items: int, start: int = 0) -> str:
    """What a rater who knows the truth presses."""
    return "".join("ny"[TRUE[item]] for item in draw_order(TABLE)[start:items])


def test_the_draw_follows_from_the_committed_table_alone() -> None:
    """Only judged answers of the first epoch, in an order that a changed table would change."""
    order = draw_order(TABLE)
    assert set(order) == set(judged_scores(TABLE)) == set(TRUE)
    rows = sha256(TABLE).hexdigest()
    assert order == tuple(sorted(TRUE, key=lambda i: sha256(f"comity label/1\n{rows}\n{i}".encode()).digest()))
    assert order != draw_order(TABLE.replace(RUN.encode(), b"ba" * 16))


def test_a_session_that_breaks_off_is_gone_on_with(home: Home) -> None:
    """What was labelled is kept after each key; the number of answers grows, and goes on in the same order."""
    first = run_label(home, "--rater", "anna", "--items", "10", keys=keys_for(4) + "xq")
    assert first.exit_code == 0
    assert "4 of 10 are kept" in first.stderr
    assert "no rater has finished yet" in first.stdout
    assert "\x1b[31m" not in first.output
    second = run_label(home, "--rater", "anna", keys=keys_for(10, 4))
    assert second.exit_code == 0 and "rater anna: 10 drawn, 0 unsure" in second.stdout
    assert "5 of 10" in second.stderr and "4 of 10" not in second.stderr
    assert run_label(home, "--rater", "anna", "--items", "5").exit_code == 1
    third = run_label(home, "--rater", "anna", "--items", "20", "--json", keys=keys_for(20, 10))
    [rater] = json.loads(third.stdout)["raters"]
    assert (rater["drawn"], rater["both"] + rater["missed"]) == (20, sum(TRUE[i] for i in draw_order(TABLE)[:20]))
    assert rater["invented"] == 0
    assert rater["corrected"]["method"] == "powered-plus4"
    assert rater["judge"]["missing"] == 1


def test_the_plans_audit_says_how_many_are_labelled(home: Home) -> None:
    """Without a number of one's own it is the planned one, and a number given goes before it."""
    members = {**PLAN_MEMBERS, "scoring": {"human_audit": {"n": 7, "recipient": "raters"}}}
    (home.path / "runs" / RUN / "plan.json").write_text(json.dumps(members))
    assert "0 of 7 are kept" in run_label(home, "--rater", "anna", keys="q").stderr
    assert "0 of 9 are kept" in run_label(home, "--rater", "bert", "--items", "9", keys="q").stderr
    assert "0 of 7 are kept" in run_label(home, "--rater", "anna", keys="q").stderr


def test_a_sample_of_unequal_chances_is_not_labelled(home: Home) -> None:
    """A plain share of its answers is no rate of the bank, with or without labels."""
    for sampling in ({"kind": "active"}, {"kind": "stratified", "allocation": "neyman"}):
        members = {**PLAN_MEMBERS, "design": {"sampling": sampling}}
        (home.path / "runs" / RUN / "plan.json").write_text(json.dumps(members))
        refused = run_label(home)
        assert refused.exit_code == 1 and "unequal chances" in refused.output


def test_the_judges_word_is_not_shown(home: Home) -> None:
    """What the rater reads is the same whatever the judge said."""
    said = run_label(home, "--rater", "anna", "--items", "40", keys=keys_for(40)).stderr
    assert "accepted  yes" in said and "Two lines" in said
    assert not {"score", "judge", "correct"} & set(said.lower().replace(".", " ").split())


def test_the_file_goes_to_a_rater_and_back(home: Home, tmp_path: Path) -> None:
    """Exported for its reader alone, filled in, imported; what is left open stays open."""
    path = tmp_path / "anna.yaml"
    asked = ("--rater", "anna", "--items", "8", "--export", str(path))
    assert run_label(home, *asked).exit_code == 2 and not path.exists()
    assert run_label(home, *asked, "--own-hand").exit_code == 0
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert run_label(home, "--rater", "anna", "--export", str(path), "--own-hand").exit_code == 1
    words = iter(["right" if key == "y" else " Wrong" for key in keys_for(8)])
    text = path.read_text()
    assert "=1+1" in text and "\x1b" not in text
    filled = "\n".join(f"{line} {next(words)}" if line.strip() == "label:" else line for line in text.splitlines())
    path.write_text(filled.replace("Wrong", "", 1))
    half = run_label(home, "--rater", "anna", "--import", str(path))
    assert "no rater has finished yet" in half.stdout
    path.write_text(filled)
    done = run_label(home, "--rater", "anna", "--import", str(path), "--json")
    assert done.exit_code == 0, done.output
    by_hand = run_label(home, "--rater", "bert", "--items", "8", "--json", keys=keys_for(8))
    first, second = json.loads(by_hand.stdout)["raters"]
    assert {**first, "rater": ""} == {**second, "rater": ""}
    assert json.loads(by_hand.stdout)["agreement"] == "1.000000"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("rater: anna", "rater: bert"), "another rater"),
        (("number: 2", "number: 3"), "no answer that was drawn"),
        (("label:\n", "label: maybe\n"), "expected right, wrong or unsure"),
        (("answers:", "answers: ["), "no YAML"),
        (("comity: labels/1", "comity: labels/2"), "expected a file"),
    ],
)
def test_a_file_of_something_else_is_refused(change: tuple[str, str], why: str) -> None:
    """Number and key tie a label to its answer, and nothing is guessed."""
    drawn = draw_order(TABLE)[:3]
    text = format_answers(drawn, SHOWN, {}, rater="anna", run=RUN)
    assert parse_answers(text, drawn, rater="anna", run=RUN) == {}
    with pytest.raises(LabelError, match=why):
        parse_answers(text.replace(*change, 1), drawn, rater="anna", run=RUN)


@given(st.text(), st.lists(st.sampled_from([0, 1, None]), max_size=3))
def test_the_file_keeps_every_text_and_label(text: str, labels: list[int | None]) -> None:
    """Whatever a model wrote, the file is read again as it was written."""
    drawn = draw_order(TABLE)[:3]
    shown = {item: Shown(item="x", question=text, answer=text, expected=()) for item in drawn}
    given_ = dict(zip(drawn, labels, strict=False))
    made = format_answers(drawn, shown, given_, rater="anna", run=RUN)
    assert parse_answers(made, drawn, rater="anna", run=RUN) == given_
    assert [one["answer"] for one in yaml.safe_load(made)["answers"]] == [text] * 3


@given(st.text(max_size=80))
def test_every_text_is_a_file_of_labels_or_refused(text: str) -> None:
    """Nothing but the module's own error comes out."""
    with pytest.raises(LabelError):
        parse_answers(text, draw_order(TABLE), rater="anna", run=RUN)


@given(st.text())
def test_nothing_that_a_model_wrote_moves_the_terminal(text: str) -> None:
    """Control characters are shown as dots."""
    assert all(char.isprintable() or char == "\n" for char in printable(text))


def test_a_label_file_is_the_beginning_of_the_draw_or_refused(tmp_path: Path) -> None:
    """Left-out answers, another table and other labels are refused; so is a sheet with open answers."""
    draft = Draft.open(tmp_path, "anna", draw_order(TABLE), 6)
    with pytest.raises(LabelError, match="no label yet"):
        draft.sheet(TABLE)
    for item in draft.drawn:
        draft.put(item, TRUE[item])
    sheet = draft.sheet(TABLE)
    assert parse_sheet(sheet.content(), TABLE) == sheet
    (tmp_path / "labels" / "anna.json").write_bytes(sheet.content())
    assert read_sheets(tmp_path, TABLE) == (sheet,)
    members = json.loads(sheet.content())
    cut = {**members, "labels": members["labels"][1:]}
    odd = {**members, "labels": [{**members["labels"][0], "label": 2}, *members["labels"][1:]]}
    more = {**members, "note": "x"}
    for wrong in (cut, odd, more, {**members, "judged": 39}, {**members, "labels": []}, {**members, "rater": "../x"}):
        with pytest.raises(LabelError):
            parse_sheet(json.dumps(wrong, sort_keys=True, separators=(",", ":")).encode(), TABLE)
    with pytest.raises(LabelError):
        parse_sheet(sheet.content(), TABLE.replace(b'"no-answer"', b'"error"'))
    for rater, items in (("../x", 6), ("Anna B", 6), ("anna", 41), ("carl", None)):
        with pytest.raises(LabelError):
            Draft.open(tmp_path, rater, draw_order(TABLE), items)


def test_the_corrected_rate_is_nearer_to_the_truth_than_the_judges(tmp_path: Path) -> None:
    """Here the judge misses a third of the right answers: its interval is below the truth, the corrected one on it."""
    draft = Draft.open(tmp_path, "anna", draw_order(TABLE), 30)
    for item in draft.drawn:
        draft.put(item, TRUE[item])
    found = standing_of(draft.sheet(TABLE), TABLE, 0.95, missing=1)
    assert found.corrected is not None and found.alone is not None
    assert found.judge.point < found.corrected.low < 0.5 < found.corrected.high
    assert abs(found.corrected.point - 0.5) < abs(found.judge.point - 0.5) / 4
    assert found.error.missed > 0 == found.error.invented
    assert agreement_of([draft.sheet(TABLE)]) is None


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with running_gateway(answer) as double:
        yield double


@pytest.mark.slow
def test_labels_of_a_real_run_are_committed_by_their_digest(tmp_path: Path, gateway: GatewayDouble) -> None:
    """From the engine's own logs to an entry that holds counts and digests, and no content."""
    pytest.importorskip("inspect_ai")
    home = make_home(tmp_path / "evaluator", role="evaluator", name="Evaluator", host="evaluator.example")
    (home.path / "keys" / "access").write_text(SECRET + "\n")
    done = run_process(home, frozen_plan(home, gateway), gateway.url)
    run = done.outcome["run"]
    said = CliRunner().invoke(
        label, ["last", "--rater", "rater-1", "--items", "5"], obj=home, input="y" * 4 + "u"
    )
    assert "rater rater-1: 5 drawn, 1 unsure" in said.stdout, said.output
    commit = [run, "--rater", "rater-1", "--commit", "--gateway", gateway.url]
    refused = CliRunner().invoke(label, commit, obj=home)
    assert refused.exit_code == 1 and "content.recipients: the terms do not list people" in refused.output
    assert "labels.committed" not in gateway.kinds()
    gateway.recipients = [{"name": "raters", "kind": "people", "what": "two raters", "endpoint": ""}]
    kept = CliRunner().invoke(label, commit, obj=home)
    assert kept.exit_code == 0, kept.output
    entry = json.loads(gateway.entries[-1])
    sheet = (home.path / "runs" / run / "labels" / "rater-1.json").read_bytes()
    assert (entry["kind"], entry["run"], entry["rater"]) == ("labels.committed", run, "rater-1")
    assert (entry["drawn"], entry["judged"], entry["labelled"]) == (5, 20, 4)
    assert entry["labels"] == sha256(sheet).hexdigest()
    assert entry["rows"] == done.outcome["rows"]
    for value in ("rater: ", "question"):
        assert value.encode() not in sheet
