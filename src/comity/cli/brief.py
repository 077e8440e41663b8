"""`comity brief`: where we stand with each provider, one page, every line sourced."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from comity.arrangement import Terms, verify_offer
from comity.cli.brief_text import lines
from comity.cli.cases import all_cases, read_file, refusing, stored_offer
from comity.cli.home import Home
from comity.cli.law import width
from comity.cli.places import adopted_folders, ledger_place
from comity.engagement.brief import brief_page
from comity.engagement.brief_json import page_members
from comity.engagement.portfolio import Book, portfolio
from comity.engagement.replay import asked_instant
from comity.engagement.served import Served, read_served
from comity.ledger import Ledger, TileDirectory, open_ledger, parse_head, parse_note

__all__ = ["brief"]


@click.command()
@click.option("--public", is_flag=True, help="Only what is cleared for publication, and how many lines are withheld.")
@click.option("--on", metavar="DATE", help="As it stood at the end of a past day, or at an instant, by time of entry.")
@click.option(
    "--access",
    "access",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="An access ledger to count calls in: its file or a mirrored folder; may be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the full name of every entry.")
@click.pass_obj
def brief(home: Home, public: bool, on: str | None, access: tuple[Path, ...], as_json: bool) -> None:
    """Where we stand with each provider: one page, every line sourced.

    Each line links to the entries of the engagement's ledger that it rests on, and to the source outside where it is
    reported or unconfirmed.  Calls are counted in the access ledgers of this home, and in those that --access names.
    """
    with refusing():
        now = home.clock()
        at = asked_instant(on, now) if on is not None else now
        books = [
            Book(origin=ledger.origin, entries=tuple(ledger.read(0, ledger.size()))) for ledger in all_cases(home, at)
        ]
        served = [*_own(home, at), *(_named(path, at) for path in access)]
        found = portfolio(books, at, served=served, terms_of=lambda name, version: _terms(home, name, version))
        page = brief_page(found, at, public=public)
    if as_json:
        click.echo(json.dumps(page_members(page), ensure_ascii=False))
        return
    for line in lines(page, home.name, width()):
        click.echo(line)


def _terms(home: Home, arrangement: str, version: int) -> Terms | None:
    offer = stored_offer(home, arrangement, version)
    return offer.terms if offer is not None else None


def _own(home: Home, at: datetime) -> Iterator[Served]:
    """The calls in the ledgers that this home operates."""
    for folder in adopted_folders(home.path):
        origin = verify_offer(read_file(folder / "terms.json")).terms.ledger.origin
        with _opened(open_ledger(ledger_place(folder), origin=origin)) as ledger:
            yield read_served(origin, ledger.read(0, ledger.size()), at)


def _named(path: Path, at: datetime) -> Served:
    """The calls in an access ledger that the caller names."""
    if path.is_dir():
        tiles = TileDirectory(path)
        origin = parse_head(parse_note(tiles.checkpoint()).text).origin
        return read_served(origin, tiles.entries(0, tiles.size()), at)
    with _opened(open_ledger(path)) as ledger:
        return read_served(ledger.origin, ledger.read(0, ledger.size()), at)


@contextmanager
def _opened(ledger: Ledger) -> Iterator[Ledger]:
    try:
        yield ledger
    finally:
        ledger.close()
