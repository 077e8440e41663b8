"""`comity report`: make the page, the numbers and the bundle of a finished run, and record that they were published.

Run in the evaluator's home, which holds the run's plan and score table; everything else is taken from a copy of the
ledger, made first and checked before anything is counted.  What is written, in this order:

    DIR/ledger/        the copy, once more with the entry that publishes
    DIR/report.json    the numbers, over the entries of the first copy
    DIR/report.html    the page
    DIR/bundle.zip     all of it, with what proves it
    DIR/verify.html    the page that checks the bundle in a browser; report.html states its digest

The digests of report.json and report.html enter the ledger between the two copies, so the bundle's checkpoint covers
them.  DIR is `report/` in the run's folder unless --out names another; files of an earlier report there are replaced.
"""

import json
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import click

from comity.arrangement import ArrangementError, Offer, verify_offer
from comity.cli.calling import ask, ask_json
from comity.cli.home import Home
from comity.cli.mirror import copy_published
from comity.cli.runs import run_folder
from comity.evaluation.folder import FRAME
from comity.ledger import CheckpointVerdict, LedgerError, open_checkpoint_strictly
from comity.ledger.reader import TileDirectory
from comity.report import ReportError
from comity.report.bundle import write_bundle
from comity.report.numbers import Numbers, numbers
from comity.report.page import render_page
from comity.report.verify_page import PAGE_NAME, page_digest, verify_page
from comity.verify import verify_directory
from comity.verify.terms import read_offer

__all__ = ["report"]

WAIT: Final = 30.0


@click.command()
@click.argument("run")
@click.option("--gateway", required=True, help="The gateway's URL: the one base URL that the evaluator needs.")
@click.option("--terms", "terms_file", required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="The signed terms (offer file) under which the run was made.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where it goes; report/ in the run's "
              "folder unless another is named.")
@click.option("--wait", default=WAIT, show_default=True, type=click.FloatRange(1, 3600),
              help="Seconds to wait until both sides have cosigned what the report covers.")
@click.option("--json", "as_json", is_flag=True, help="Print paths, digests and the entry as one JSON object.")
@click.pass_obj
def report(
    home: Home, run: str, gateway: str, terms_file: Path, out: Path | None, wait: float, as_json: bool
) -> None:  # fmt: skip
    """Report RUN: write its page, its numbers and its bundle, and record their digests.

    RUN is the id that `comity run` printed, or `last`.
    """
    try:
        offer = verify_offer(terms_file.read_bytes().removesuffix(b"\n"))
    except ArrangementError as error:
        raise click.ClickException(f"{terms_file.name}: {error}") from None
    folder = run_folder(home, run)
    door, secret = f"{gateway.rstrip('/')}/a/{offer.terms.id}", home.secret()
    target = out if out is not None else folder / "report"
    target.mkdir(parents=True, exist_ok=True)
    plan, scores = _read(folder / "plan.json"), _read(folder / "scores.json")
    frame = _read(folder / FRAME) if (folder / FRAME).exists() else None
    try:
        entries, checkpoint = _checked_copy(door, target / "ledger", offer, secret, wait)
        labels = {path.stem: _read(path) for path in (folder / "labels").glob("*.json") if "." not in path.stem}
        found = numbers(
            terms=offer.terms, plan=plan, scores=scores, entries=entries, run=folder.name, labels=labels, frame=frame
        )
        page = render_page(found, terms=offer.terms, checkpoint=checkpoint)
        _write(target / "report.json", found.data)
        _write(target / "report.html", page)
        index = _publish(door, secret, found, page)
        _checked_copy(door, target / "ledger", offer, secret, wait)
        bundle = write_bundle(
            target / "bundle.zip",
            terms=offer.envelope,
            plan=plan,
            scores=scores,
            report=found.data,
            page=page,
            ledger=target / "ledger",
            sealed=_sealed(door, secret, found),
            frame=frame,
            labels={one["rater"]: labels[one["rater"]] for one in found.members.get("labels", ())},
        )
        _write(target / PAGE_NAME, verify_page())
    except (LedgerError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    _tell(found, page, target, bundle, index, as_json)


def _checked_copy(
    door: str, folder: Path, offer: Offer, secret: str, wait: float
) -> tuple[tuple[bytes, ...], CheckpointVerdict]:
    """A fresh copy of the ledger, taken only if every fact about it that can be established holds."""
    if (folder / "checkpoint").exists():
        shutil.rmtree(folder)
    policy = offer.terms.ledger.policy
    size, _ = copy_published(door, folder, secret=secret, wait=wait)
    verdict = verify_directory(folder, policy, terms=read_offer(offer.envelope))
    if not verdict.stands:
        raise click.ClickException(
            f"nothing is reported: the copied ledger does not verify. {verdict.failures[0]}. "
            f"Look at it with: comity verify {folder} --arrangement TERMS"
        )
    entries = tuple(TileDirectory(folder).entries(0, size))
    return entries, open_checkpoint_strictly((folder / "checkpoint").read_bytes(), policy)


def _publish(door: str, secret: str, found: Numbers, page: bytes) -> int:
    members = {
        "kind": "report.published",
        "run": found.members["run"],
        "plan": found.members["plan"],
        "report": found.digest,
        "page": sha256(page).hexdigest(),
    }
    return int(ask_json(f"{door}/entries", data=json.dumps(members).encode(), secret=secret)["index"])


def _sealed(door: str, secret: str, found: Numbers) -> Mapping[str, bytes]:
    """Every sealed item of the run, by its name in the bundle; a call without an answer has none."""
    names = [f"{call}-request.json" for call in found.account.permitted]
    names += [f"{call}-answer.json" for call in sorted(found.account.answered)]
    return {
        name: ask(f"{door}/sealed/{name.removesuffix('.json').replace('-', '/')}", secret=secret) for name in names
    }


def _tell(found: Numbers, page: bytes, target: Path, bundle: Path, index: int, as_json: bool) -> None:
    members = {
        "run": found.members["run"],
        "report": str(target / "report.json"),
        "page": str(target / "report.html"),
        "bundle": str(bundle),
        "checker": str(target / PAGE_NAME),
        "ledger": str(target / "ledger"),
        "entry": index,
        "as_of": found.members["as_of"],
        "digests": {"report": found.digest, "page": sha256(page).hexdigest(), "checker": page_digest()},
        "covers": {"reported": 1, "begun": found.members["runs"]["begun"]},
    }
    if as_json:
        click.echo(json.dumps(members))
        return
    click.echo(f"report   {members['page']}\nnumbers  {members['report']}\nbundle   {members['bundle']}")
    click.echo(f"published as entry {index}; it covers 1 of {found.members['runs']['begun']} runs")
    click.echo(f"check it with: comity verify {bundle} --arrangement TERMS")
    click.echo(f"or in a browser: open {target / PAGE_NAME} and drop the bundle onto it")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{path.name} of the run cannot be read: {error.strerror}") from None


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
