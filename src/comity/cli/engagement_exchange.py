"""`comity engagement hand` and `take`: items of a case that one side hands the other, as a signed file."""

from datetime import datetime
from pathlib import Path

import click

from comity.arrangement import parse_card
from comity.arrangement.contract_words import counted
from comity.cli.access_ledgers import case_keys
from comity.cli.arrangement_files import party_role
from comity.cli.cases import open_case, read_file, refuse, refusing, say, write_file
from comity.cli.home import Home
from comity.engagement import Case, add_all, open_book, view
from comity.engagement.acts import item_called
from comity.engagement.exchange import exchange_record, hand_over, new_records, open_exchange
from comity.ledger import Verifier, parse_vkey
from comity.records import MessageExchanged

__all__ = ["hand_items", "take_items"]

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("hand")
@click.argument("case", metavar="ENGAGEMENT")
@click.argument("called", nargs=-1, required=True, metavar="ITEM…")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where the file goes.")
@JSON
@click.pass_obj
def hand_items(home: Home, case: str, called: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Write a signed file that hands items, named by id or entry, to the other side.

    Corrections and withdrawals of an item go with it; sealed files and own notes do not. An entry says what went over.
    """
    side, at = party_role(home), home.clock()
    with refusing(), open_case(home, case) as (_, ledger):
        told = open_book(ledger)
        items = [item_called(told, one, "item") for one in called]
        source = hand_over(told, ledger.origin, items, home.signer("party"))
        sent = _message(home, told, source, side, ledger.origin, at)
        indexes = add_all(ledger, sent, at) if sent else []
    write_file(out, source)
    said = f" (entry {indexes[0]})" if indexes else ""
    members = {"items": items, "entries": indexes, "out": str(out)}
    say(as_json, members, f"{counted(len(items), 'item')} signed{said}; hand {out} to the other side")


@click.command("take")
@click.argument("case", metavar="ENGAGEMENT")
@click.argument("file", type=FILE)
@click.option("--card", type=FILE, help="The other side's card; else the key in the terms that this home holds.")
@JSON
@click.pass_obj
def take_items(home: Home, case: str, file: Path, card: Path | None, as_json: bool) -> None:
    """Take in items that the other side handed over, in the very bytes that it entered and signed for."""
    at = home.clock()
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        source = read_file(file)
        handed = open_exchange(source, _keys(home, told, card))
        records = new_records(told, handed)
        sender = "provider" if home.role == "authority" else "authority"
        came = _message(home, told, source, sender, handed.origin, at)
        indexes = add_all(ledger, [*records, *came], at) if records or came else []
        stands = view(ledger, at)
    known = len(handed.records) - len(records)
    members = {
        "engagement": folder.name, "from": handed.origin, "signed_by": handed.signed_by, "entries": indexes,
        "known": known,
    }  # fmt: skip
    kinds = ", ".join(record.kind for record in records) or "nothing new"
    where = f" (entries {', '.join(map(str, indexes))})" if indexes else ""
    more = f"; {known} held already" if known else ""
    text = f"{kinds}{where}, signed by {handed.signed_by}{more}; {stands.provider}: stage {stands.stage}"
    say(as_json, members, text)


def _message(home: Home, told: Case, source: bytes, by: str, origin: str, at: datetime) -> list[MessageExchanged]:
    """The entry that says that these items went over; none where one says so already, or the case is closed."""
    to = "provider" if by == "authority" else "authority"
    found = exchange_record(told, source, by=by, to=to, origin=origin, at=at, item=home.random(16).hex())
    return [found] if found is not None else []


def _keys(home: Home, told: Case, card: Path | None) -> list[Verifier]:
    """The other side's party keys: that of its card, or those of the terms."""
    own = home.signer("party").vkey
    if card is not None:
        keys = {parse_card(read_file(card)).party}
    else:
        keys = {key for sides in case_keys(home, told).values() for key in sides.values()}
    others = sorted(key for key in keys if key and key != own)
    if not others:
        refuse("no key of the other side is known here: name its card with --card, or receive signed terms first")
    return [parse_vkey(key) for key in others]
