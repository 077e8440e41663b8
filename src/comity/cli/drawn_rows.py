"""The evaluator's part of a draw: the drawn rows are named, their calls opened, and the bundle written anew."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from comity.cli.home import Home
from comity.evaluation import EvaluationError
from comity.evaluation.banks import load_bank
from comity.evaluation.folder import FRAME, SEED
from comity.evaluation.framing import open_frame
from comity.evaluation.plan import open_seed
from comity.evaluation.plan_text import parse_plan
from comity.evaluation.scores import blind, row_salt
from comity.records import canonical_bytes
from comity.report import ReportError
from comity.report.bundle import bundle_files, write_files
from comity.vault import VaultError, disclose, format_disclosure, parse_recipient_key, parse_sealed
from comity.verify import Archive, VerifyError, draw_rows, find_draw, read_entries, settle
from comity.verify.archive import DRAWN, LEDGER, MANIFEST, SCORES, disclosed_name, read_manifest, sealed_name
from comity.verify.scores import ScoreTable, read_scores

__all__ = ["open_drawn"]

PARTS: Final = ("request", "answer")
FORMAT: Final = "comity drawn/1"

Copy = Callable[[Path], tuple[bytes, ...]]
"""Copies the published ledger into a folder and returns its entries."""


def open_drawn(
    home: Home, *, run: str, bundle: Path, out: Path, copy: Copy, record: Callable[[int, str], None], folder: Path
) -> dict[str, Any]:
    """Write `out`; returns the drawn rows and the calls that were opened. Raises `ClickException`."""
    try:
        with Archive(bundle) as archive:
            files = {name: archive.read(name) for name in archive.names}
        table = read_scores(files[SCORES])
        if table.run != run:
            raise click.ClickException(f"{bundle.name} is of run {table.run}, not of {run}")
        entries = copy(folder / "before")
        drawn, opened = _drawn(home, run, read_manifest(files[MANIFEST]).ledger, table, entries)
        key = parse_recipient_key(home.key_path("recipient").read_text())
        calls = [table.rows[place].calls[-1] for place in drawn]
        for call in calls:
            items = tuple(parse_sealed(files[sealed_name(call, part)]) for part in PARTS)
            files[disclosed_name(call)] = format_disclosure(disclose(items, key))
        for call in calls:
            for part in PARTS:
                record(call, part)
        copy(folder / "after")
        files = {name: data for name, data in files.items() if name != MANIFEST and not name.startswith(LEDGER)}
        write_files(out, {**files, **bundle_files(folder / "after"), DRAWN: opened})
    except (VerifyError, VaultError, ReportError, EvaluationError, KeyError) as error:
        raise click.ClickException(str(error)) from None
    return {"run": run, "rows": list(drawn), "calls": calls}


def _drawn(
    home: Home, run: str, ledger: str, table: ScoreTable, entries: tuple[bytes, ...]
) -> tuple[tuple[int, ...], bytes]:
    """Places of the drawn rows, and the file that opens them."""
    history, _ = read_entries(entries)
    draw = find_draw(history, run)
    if draw is None or not draw.complete:
        because = "nobody has committed to one" if draw is None else draw.missing()
        raise click.ClickException(f"there is no complete draw over this run: {because}")
    root, seed = settle(draw, entries)
    drawn = draw_rows(seed, table.judged())
    kept = Path(home.path) / "runs" / run
    try:
        salt = bytes.fromhex((kept / "scores.salt").read_text())
        plan = parse_plan((kept / "plan.json").read_bytes(), "plan.json")
        if plan.design.commitment:
            plan = open_seed(plan, (kept / SEED).read_text().strip())
        if plan.parts.sampling.kind != "srs":
            plan = open_frame(plan, (kept / FRAME).read_bytes(), salt)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"the files of run {run} are not in this home: {error}") from None
    names = {blind(item, salt): item for item in load_bank(plan).chosen}
    rows = []
    for place in drawn:
        item = names.get(table.rows[place].item)
        if item is None:
            raise click.ClickException(f"row {place} is no item of this run's plan under the salt in this home")
        rows.append({"row": place, "item": item, "salt": row_salt(item, salt).hex()})
    members = {
        "format": FORMAT, "ledger": ledger, "run": run, "size": draw.size, "root": root,
        "seed": seed.hex(), "rows": rows,
    }  # fmt: skip
    return drawn, canonical_bytes(members)
