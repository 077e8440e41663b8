"""`comity brief`: where we stand with each provider, one page, every line sourced."""

import json
from pathlib import Path

import click

from comity.cli.access_ledgers import ACCESS, access_ledgers, agreed_terms
from comity.cli.brief_text import lines
from comity.cli.cases import all_cases, refusing
from comity.cli.home import Home
from comity.cli.law import calendar_named, calendar_option, width
from comity.cli.law_at_hand import law_at_hand
from comity.engagement import Book, asked_instant, brief_page, page_members, portfolio, read_access

__all__ = ["brief"]


@click.command()
@click.option("--public", is_flag=True, help="Only what is cleared for publication, and how many lines are withheld.")
@click.option("--on", metavar="DATE", help="As it stood at the end of a past day, or at an instant, by time of entry.")
@ACCESS
@calendar_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the full name of every entry.")
@click.pass_obj
def brief(home: Home, public: bool, on: str | None, access: tuple[Path, ...], calendar: str, as_json: bool) -> None:
    """Where we stand with each provider: one page, every line sourced.

    Each line links to the entries of the engagement's ledger that it rests on, and to the source outside where it is
    reported or unconfirmed.  Calls are counted in the access ledgers of this home, and in those that --access names.
    """
    days = calendar_named(calendar)
    with refusing():
        now = home.clock()
        at = asked_instant(on, now) if on is not None else now
        books = [
            Book(origin=ledger.origin, entries=tuple(ledger.read(0, ledger.size()))) for ledger in all_cases(home, at)
        ]
        with access_ledgers(home, access) as ledgers:
            records = [read_access(one.origin, one.entries, until=at, calendar=days) for one in ledgers]
        found = portfolio(
            books, at, access=records, terms_of=lambda case: agreed_terms(home, case), calendar=days,
            law=law_at_hand,
        )
        page = brief_page(found, at, public=public)
    if as_json:
        click.echo(json.dumps(page_members(page), ensure_ascii=False))
        return
    for line in lines(page, home.name, width()):
        click.echo(line)
