"""`comity label`: a human rater labels a random few of a run's answers, and the judge's error is taken off its rate.

Run in the evaluator's home, which holds the run's logs.  The answers are drawn by the digest of the committed score
table (`comity.evaluation.labels`); the rater sees question, answer and accepted answers, and not the judge's word.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from comity.cli.home import Home
from comity.cli.runs import run_folder
from comity.evaluation import EvaluationError
from comity.evaluation.edge import Door
from comity.evaluation.judging import CLAUSE, RecipientRefused
from comity.evaluation.label_file import WORDS, format_answers, parse_answers
from comity.evaluation.labels import (
    FOLDER,
    Draft,
    Standing,
    agreement_of,
    as_members,
    draw_order,
    judged_scores,
    read_sheets,
    standing_of,
)
from comity.evaluation.shown import Shown, printable, shown_answers

__all__ = ["label"]

KEYS: Final = {"y": "right", "n": "wrong", "u": "unsure"}
FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What labelling needs of a finished run."""

    folder: Path
    table: bytes
    plan: Mapping[str, Any]

    @property
    def level(self) -> float:
        return float(self.plan["outputs"]["level"])

    @property
    def audit(self) -> Mapping[str, Any]:
        """What the plan says of people who label: `n` and `recipient`; empty where it says nothing."""
        audit: Mapping[str, Any] = self.plan.get("scoring", {}).get("human_audit", {})
        return audit

    @property
    def missing(self) -> int:
        rows = json.loads(self.table)["rows"]
        return sum(row["epoch"] == 1 and row["score"] is None for row in rows)


@click.command()
@click.argument("run")
@click.option("--rater", metavar="PSEUDONYM", help="Who labels; without it the labels at hand are summed up.")
@click.option("--items", type=click.IntRange(min=1), help="How many to draw; may grow. Default: the plan's audit.")
@click.option("--export", "out", type=FILE, help="Write the drawn answers to a file to fill in, instead of asking.")
@click.option("--import", "filled", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="Read the labels out of a filled-in file.")
@click.option("--commit", is_flag=True, help="Put the digest of the finished labels into the ledger.")
@click.option("--own-hand", is_flag=True, help="The evaluator labels: no answer goes to anybody else.")
@click.option("--gateway", help="The gateway's URL, to export and to commit: the terms say who may see answers.")
@click.option("--json", "as_json", is_flag=True, help="Print what the labels say as one JSON object.")
@click.pass_obj
def label(
    home: Home, run: str, rater: str | None, items: int | None, out: Path | None, filled: Path | None, commit: bool,
    own_hand: bool, gateway: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Label a random few answers of RUN, and print the judged and the corrected rate.

    RUN is the id that `comity run` printed, or `last`. Each answer is shown once, without the judge's word; what is
    labelled is kept after each key, so a session may be ended and gone on with. With --export and --import the same
    goes by a file. Answers go only to people whom the terms list (content.recipients), or to the evaluator's own hand.
    """
    if sum((out is not None, filled is not None, commit)) > 1:
        raise click.UsageError("--export, --import and --commit are three steps; give one")
    if rater is None and (items or out or filled or commit):
        raise click.UsageError("say who labels: --rater PSEUDONYM")
    if gateway is None and (commit or (out is not None and not own_hand)):
        raise click.UsageError("give --gateway URL: it takes the commitment, and says whom the terms let see answers")
    try:
        found = _open(home, run)
        if rater is not None:
            if gateway is not None and not own_hand:
                _check_people(home, found, gateway)
            order = draw_order(found.table)
            draft = Draft.open(found.folder, rater, order, items, planned=min(found.audit.get("n", 0), len(order)))
            if out is not None:
                _export(found, draft, out)
            elif filled is not None:
                for item, word in parse_answers(
                    filled.read_text(encoding="utf-8"), draft.drawn, rater=rater, run=found.folder.name
                ).items():
                    draft.put(item, word)
            elif not commit:
                _ask(found, draft)
            if not draft.open_items():
                _finish(found, draft)
            if commit:
                _commit(home, found, draft, str(gateway))
        _tell(found, rater, as_json)
    except EvaluationError as error:
        raise click.ClickException(str(error)) from None
    except UnicodeDecodeError:
        raise click.ClickException("the filled-in file is no UTF-8 text") from None


def _open(home: Home, run: str) -> _Run:
    folder = run_folder(home, run)
    try:
        table, plan = (folder / "scores.json").read_bytes(), json.loads((folder / "plan.json").read_bytes())
    except OSError as error:
        raise click.ClickException(f"the run's folder cannot be read: {error.strerror}") from None
    sampling = plan["design"].get("sampling", {})
    if sampling.get("kind") == "active" or sampling.get("allocation") == "neyman":
        raise click.ClickException("this run's items were drawn with unequal chances; labels would need weights")
    if not judged_scores(table):
        raise click.ClickException("no answer of this run was judged, so there is nothing to label")
    return _Run(folder=folder, table=table, plan=plan)


def _check_people(home: Home, found: _Run, gateway: str) -> None:
    """Refuse where the terms list no people who may be given answers."""
    with Door(gateway, str(found.plan["arrangement"]), home.secret()) as door:
        listed = door.status().get("recipients") or ()
    named = found.audit.get("recipient")
    if not any(one.get("kind") == "people" and named in (None, one.get("name")) for one in listed):
        who = f"the people {named}, whom the plan names" if named else "people who may be given answers"
        raise RecipientRefused(
            f"{CLAUSE}: the terms do not list {who}. Amend them "
            f"(--set '{CLAUSE}[raters]=people:WHO'), or label with --own-hand, as the evaluator"
        )


def _answers(found: _Run, draft: Draft) -> Mapping[str, Shown]:
    """The drawn answers in the clear; every one is there, or nothing is labelled."""
    shown = shown_answers(found.folder, bytes.fromhex((found.folder / "scores.salt").read_text()))
    if gone := [item for item in draft.drawn if item not in shown]:
        raise click.ClickException(f"{len(gone)} of the drawn answers are not in the run's logs; the logs were changed")
    return shown


def _export(found: _Run, draft: Draft, out: Path) -> None:
    if out.exists():
        raise click.ClickException(f"{out.name} exists already; a file of labels is not overwritten")
    text = format_answers(
        draft.drawn, _answers(found, draft), draft.labels, rater=draft.rater, run=found.folder.name
    )
    out.touch(mode=0o600)
    out.write_text(text, encoding="utf-8")


def _ask(found: _Run, draft: Draft) -> None:
    left = draft.open_items()
    if not left:
        return
    shown = _answers(found, draft)
    estimand = str(found.plan["claim"]["estimand"])
    click.echo(f"The plan asks for: {estimand}.\nLabel each by that: y right, n wrong, u unsure, q stop.", err=True)
    for item in left:
        _show(shown[item], len(draft.labels) + 1, len(draft.drawn))
        while (key := click.getchar().lower()) not in KEYS:
            if key in ("q", "", "\x03", "\x04"):
                click.echo(f"\nstopped; {len(draft.labels)} of {len(draft.drawn)} are kept", err=True)
                return
        click.echo(KEYS[key], err=True)
        draft.put(item, WORDS[KEYS[key]])


def _show(one: Shown, number: int, drawn: int) -> None:
    click.echo(f"\n── {number} of {drawn} {'─' * 50}", err=True)
    parts = [("question", one.question), ("answer", one.answer)]
    parts += [("accepted", ", ".join(one.expected))] if one.expected else []
    for name, text in parts:
        first, *more = printable(text).strip().split("\n")
        click.echo(f"{click.style(f'{name:9}', bold=True)} {first}", err=True)
        for line in more:
            click.echo(f"{'':9} {line}", err=True)
    click.echo(f"{click.style('right?', bold=True):9}    ", nl=False, err=True)


def _finish(found: _Run, draft: Draft) -> None:
    """Write the label file once all is labelled; an earlier one of this rater is replaced."""
    sheet = draft.sheet(found.table)
    (found.folder / FOLDER / f"{draft.rater}.json").write_bytes(sheet.content())


def _commit(home: Home, found: _Run, draft: Draft, gateway: str) -> None:
    sheet = draft.sheet(found.table)
    with Door(gateway, str(found.plan["arrangement"]), home.secret()) as door:
        ledger, index = door.append("labels.committed", **sheet.entry())
    click.echo(f"labels of {draft.rater} are entry {index} of {ledger}", err=True)


def _tell(found: _Run, rater: str | None, as_json: bool) -> None:
    sheets = read_sheets(found.folder, found.table)
    standings = [standing_of(sheet, found.table, found.level, missing=found.missing) for sheet in sheets]
    alpha = agreement_of(sheets) if len(sheets) > 1 else None
    if as_json:
        members = {"run": found.folder.name, "raters": [as_members(one) for one in standings]}
        click.echo(json.dumps({**members, "agreement": None if alpha is None else f"{alpha:.6f}"}))
        return
    if not standings:
        click.echo(f"run {found.folder.name}: no rater has finished" + (" yet" if rater else "; begin with --rater"))
    for standing in standings:
        for line in _lines(standing, found.level):
            click.echo(line)
    if alpha is not None:
        click.echo(f"raters agree  α = {alpha:.3f} (Krippendorff; 1 always, 0 as chance would)")


def _lines(one: Standing, level: float) -> list[str]:
    error, lines = one.error, [f"rater {one.rater}: {one.drawn} drawn, {one.unsure} unsure"]
    lines.append(f"  judged        {one.judge}")
    if one.alone is None:
        return [*lines, "  corrected     the rater could tell nothing"]
    lines.append(f"  corrected     {one.corrected or 'nearly all is labelled: the labels are the rate'}")
    lines.append(f"  labels alone  {one.alone}")
    lines.append(
        f"  judge's error of {error.labelled} labelled, {error.missed} right and called wrong, "
        f"{error.invented} wrong and called right"
    )
    for name, total, rate in (
        ("sensitivity", error.both + error.missed, error.sensitivity),
        ("specificity", error.neither + error.invented, error.specificity),
    ):
        if total:
            lines.append(f"  {name:13} {rate(level)}")
    return lines
