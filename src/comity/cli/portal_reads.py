"""What a portal reads of its home beside ledgers and terms: plans that were run here, and items sealed here."""

import json
from contextlib import closing

import apsw

from comity.cli.home import Home
from comity.cli.places import adopted_folders, ledger_place
from comity.evaluation.folder import BEGUN, PLAN
from comity.ledger import open_ledger
from comity.vault import format_sealed, load_item

__all__ = ["plan_of", "sealed_of"]


def plan_of(home: Home, digest: str) -> bytes | None:
    """The canonical text of a plan that was run from this home."""
    for begun in (home.path / "runs").glob(f"*/{BEGUN}"):
        try:
            if json.loads(begun.read_text())["plan"] == digest:
                return (begun.parent / PLAN).read_bytes()
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def sealed_of(home: Home, origin: str, call: int, part: str) -> bytes | None:
    """One part of a call as it lies sealed in an access ledger that this home operates."""
    folder = home.path / "ledgers" / origin.rpartition("/")[2]
    if folder in adopted_folders(home.path):
        with closing(open_ledger(ledger_place(folder), origin=origin)) as ledger, closing(ledger.reader()) as reader:
            try:
                item = load_item(reader.query, call, part)
            except apsw.SQLError:  # no gateway has opened this ledger yet, so nothing is sealed in it
                return None
        return None if item is None else format_sealed(item)
    return None
