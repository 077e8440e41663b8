"""`comity reconcile`: the guard's signed counters of a day against the ledger's calls of that day.

A surplus on the guard's side is a call around this ledger, one on the ledger's side a call around the guard.

Exit status: 0 the same calls, 1 not the same or not shown to be, 2 misuse.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from comity.cli.guard import guarded_terms
from comity.cli.places import read_place
from comity.gateway import open_arrangement
from comity.gateway.guard_counters import CountersRefused, open_counters, parse_indexes
from comity.gateway.guard_reconcile import Outcome, Reconciliation
from comity.gateway.guard_reconcile import reconcile as compare
from comity.ledger import LedgerError, TileDirectory, parse_vkey
from comity.records import Record, RecordError, UnknownKind, parse_record

__all__ = ["reconcile"]

MEANS: Final[dict[Outcome, str]] = {
    "equal": "the guard and the ledger saw the same calls",
    "more": "the guard saw calls that this ledger does not have: a call around it, or a second gateway",
    "fewer": "the ledger has answered calls that did not pass this guard: a second guard, or a way around it",
    "different": "the numbers fit, and the calls are not shown to be the same; the guard's file of indexes tells",
}
SHOWN: Final = 20
"""Indexes that are printed of a list; --json has them all."""

File = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("counters_file", metavar="COUNTERS", type=File)
@click.option("--arrangement", "terms_file", required=True, type=File, help="The signed terms; they name the keys.")
@click.option(
    "--ledger",
    "ledger",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="The operator's ledger.sqlite or ledger.url, or a folder that 'comity mirror' made.",
)
@click.option("--indexes", type=File, help="The guard's file of indexes; COUNTERS.indexes where it lies there.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def reconcile(counters_file: Path, terms_file: Path, ledger: Path, indexes: Path | None, as_json: bool) -> None:
    """Compare a guard's signed COUNTERS of a day with the calls in the ledger.

    With the file of indexes the calls that differ are named; without it numbers and a digest are compared.
    """
    terms = guarded_terms(terms_file)
    beside = counters_file.with_name(f"{counters_file.name}.indexes")
    listed = indexes or (beside if beside.exists() else None)
    try:
        counters = open_counters(counters_file.read_bytes(), parse_vkey(terms.guard.key))
        if counters.origin != terms.ledger.origin:
            raise CountersRefused(f"the counters are for {counters.origin}, the terms for {terms.ledger.origin}")
        seen = parse_indexes(listed.read_bytes(), counters) if listed else None
        found = compare(counters, enumerate(map(_record, _entries(ledger, terms.ledger.origin))), seen)
    except (CountersRefused, LedgerError, RecordError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(asdict(found) | {"means": MEANS[found.outcome]}))
    else:
        _show(found)
    sys.exit(0 if found.outcome == "equal" else 1)


def _show(found: Reconciliation) -> None:
    click.echo(f"{found.day}: {MEANS[found.outcome]}")
    click.echo(f"  passed the guard   {found.passed:>9,}")
    click.echo(f"  in the ledger      {found.sure:>9,} answered, {found.open:,} sent without an answer of the model")
    click.echo(f"  digest of indexes  {'matches' if found.digest_matches else 'does not match'}")
    for title, indexes in (("beyond the ledger", found.beyond), ("beside the guard", found.missing)):
        if indexes:
            more = f" and {len(indexes) - SHOWN} more" if len(indexes) > SHOWN else ""
            click.echo(f"  {title:18} {', '.join(map(str, indexes[:SHOWN]))}{more}")


def _entries(ledger: Path, origin: str) -> tuple[bytes, ...]:
    """Every entry of a ledger, or of a folder with a copy."""
    if ledger.is_dir():
        directory = TileDirectory(ledger)
        return directory.entries(0, directory.size())
    with open_arrangement(read_place(ledger), origin=origin) as book:
        return book.read(0, book.size())


def _record(entry: bytes) -> Record | None:
    try:
        return parse_record(entry)
    except UnknownKind:
        return None
