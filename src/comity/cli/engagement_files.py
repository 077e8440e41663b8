"""`comity engagement attach`, `document`, `disclose`, `erase`, `contact`, `note`: what is sealed, or stays at home.

A home seals its cases' documents to a key of its own, `keys/documents`, made when the first one is attached, and to
every card in `recipients/`: an institution's recovery key belongs there.  `--recipient` adds one for a single document.
"""

import mimetypes
from pathlib import Path

import click

from comity.arrangement import parse_card
from comity.cli.cases import case_folder, open_case, read_file, refuse, refusing, say, write_file
from comity.cli.home import Home, write_private
from comity.cli.own_notes import own_notes, write_note
from comity.engagement import open_book, view
from comity.engagement.acts import item_called
from comity.engagement.documents import (
    MAX_DOCUMENT,
    Cabinet,
    Enclosed,
    check_shown,
    format_shown,
    parse_shown,
)
from comity.engagement.rules import VOCABULARY
from comity.ledger import parse_vkey
from comity.records import ContactNamed, Hex32, Instant, instant_text
from comity.vault import Recipient, RecipientKey, generate_recipient, parse_recipient, parse_recipient_key

__all__ = ["attach_files", "key_of", "read_document", "recipients_of"]

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
OUT = click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where it goes.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
SEEN = click.option("--seen", type=click.IntRange(0), help="How many entries you saw; refused if more came since.")
RECIPIENT = click.option(
    "--recipient", "cards", multiple=True, type=FILE, help="A card whose key opens it too; may be given again."
)
CASE = click.argument("case", metavar="ENGAGEMENT")


def attach_files(group: click.Group) -> None:
    """Put these commands into a group."""
    for command in (attach, document, disclose, check_document, erase, contact, note, notes):
        group.add_command(command)


def key_of(home: Home) -> RecipientKey:
    """The key by which this home opens its cases' documents; made where it is missing."""
    path = home.path / "keys" / "documents"
    if not path.exists():
        write_private(path, generate_recipient(home.random).private_text())
    return parse_recipient_key(path.read_text())


def recipients_of(home: Home, cards: tuple[Path, ...]) -> list[Recipient]:
    """Whose keys open a new document: this home's, those of `recipients/`, and those named."""
    found = [parse_recipient(home.name, key_of(home).public_text())]
    kept = sorted((home.path / "recipients").glob("*.json"))
    for path in (*kept, *cards):
        card = parse_card(read_file(path))
        if not card.recipient:
            refuse(f"{path.name}: expected a card with a recipient key; {card.name}'s has none")
        found.append(parse_recipient(card.name, card.recipient))
    if len({recipient.key_id for recipient in found}) != len(found):
        refuse("two of the cards have the same recipient key; name each once")
    return found


def read_document(path: Path) -> bytes:
    """A file that is to be sealed; `-` is standard input."""
    with click.open_file(str(path), "rb") as file:
        content: bytes = file.read(MAX_DOCUMENT + 1)
    if len(content) > MAX_DOCUMENT:
        refuse(f"{path.name}: expected at most {MAX_DOCUMENT} bytes; nothing was entered")
    return content


def media_type(path: Path) -> str:
    """The type of a file by its name's ending."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def lone(recipients: list[Recipient]) -> str:
    """What to say where nobody else could open a document."""
    if len(recipients) > 1:
        return ""
    return "\nsealed to this home's key alone: put an institution's card into recipients/, or it is lost with this key"


@click.command()
@CASE
@click.argument("item", metavar="ITEM")
@click.argument("file", type=FILE)
@click.option(
    "--part", type=click.Choice(list(VOCABULARY["document.attached"]["part"])), default="attachment", help="What it is."
)
@click.option("--title", required=True, help="What it is called in public; the file's own name is sealed.")
@RECIPIENT
@SEEN
@JSON
@click.pass_obj
def attach(
    home: Home, case: str, item: str, file: Path, part: str, title: str, cards: tuple[Path, ...], seen: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Seal FILE to its recipients and let it belong to ITEM, named by id or entry."""
    at = home.clock()
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        recipients = recipients_of(home, cards)
        one = Enclosed(
            content=read_document(file), name=file.name, part=part, title=title, media_type=media_type(file)
        )
        enclosed = [(item_called(told, item, "item"), one)]
        (index,) = Cabinet(folder, ledger, home.random).enter([], enclosed, recipients, at, seen=seen)
        entered = open_book(ledger).entries[index].record.members()
    members = {"entry": index, "document": entered["document"], "item": entered["item"], "to": entered["to"]}
    text = f"{part} sealed to {', '.join(one.name for one in recipients)} (entry {index}){lone(recipients)}"
    say(as_json, members, text)


@click.command("document")
@CASE
@click.argument("called", metavar="DOCUMENT")
@OUT
@JSON
@click.pass_obj
def document(home: Home, case: str, called: str, out: Path, as_json: bool) -> None:
    """Open DOCUMENT, named by id or entry, with this home's key, and write its bytes."""
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        name = item_called(told, called, "document")
        content, file_name = Cabinet(folder, ledger, home.random).open(told, name, key_of(home))
    write_file(out, content)
    members = {"document": name, "bytes": len(content), "file_name": file_name, "out": str(out)}
    say(as_json, members, f"{len(content)} bytes, a file that was called {file_name!r}: {out}")


@click.command()
@CASE
@click.argument("called", metavar="DOCUMENT")
@click.option("--to", "shown_to", required=True, help="Who is shown it.")
@click.option("--because", required=True, help="Why.")
@OUT
@SEEN
@JSON
@click.pass_obj
def disclose(
    home: Home, case: str, called: str, shown_to: str, because: str, out: Path, seen: int | None, as_json: bool
) -> None:
    """Write a file by which somebody else reads DOCUMENT and checks it against its signed entry."""
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        name = item_called(told, called, "document")
        shown, index = Cabinet(folder, ledger, home.random).show(
            told, name, key=key_of(home), signer=home.signer("party"), shown_to=shown_to, because=because,
            at=home.clock(), seen=seen,
        )  # fmt: skip
    write_file(out, format_shown(shown))
    members = {"document": name, "entry": index, "out": str(out)}
    say(as_json, members, f"shown to {shown_to} (entry {index}); it cannot be taken back: {out}")


@click.command("check-document")
@click.argument("file", type=FILE)
@click.option("--card", type=FILE, required=True, help="The card of the side that showed it.")
@OUT
@JSON
def check_document(file: Path, card: Path, out: Path, as_json: bool) -> None:
    """Check a document that was shown: its bytes against its entry, and the entry against that side's key."""
    with refusing():
        held = parse_card(read_file(card))
        record, content, name, signer = check_shown(parse_shown(read_file(file)), [parse_vkey(held.party)])
    write_file(out, content)
    members = {
        "entry": record.members(), "signed_by": signer, "bytes": len(content), "file_name": name, "out": str(out),
    }  # fmt: skip
    text = (
        f"what the entry commits to: {record.title} ({record.part}, {len(content)} bytes)\n"
        f"the entry is vouched for by {held.name} ({signer})\n{out}"
    )
    say(as_json, members, text)


@click.command()
@CASE
@click.argument("called", metavar="DOCUMENT")
@click.option("--because", required=True, help="The ground, such as a purpose that ended (Art. 78(2)).")
@SEEN
@JSON
@click.pass_obj
def erase(home: Home, case: str, called: str, because: str, seen: int | None, as_json: bool) -> None:
    """Destroy DOCUMENT's bytes and keys here. Its entry, and every proof, stays."""
    with refusing(), open_case(home, case) as (folder, ledger):
        name = item_called(open_book(ledger), called, "document")
        index = Cabinet(folder, ledger, home.random).erase(name, because=because, at=home.clock(), seen=seen)
    say(as_json, {"document": name, "entry": index}, f"erased here (entry {index}); whoever opened it before has it")


@click.command()
@CASE
@click.option("--as", "person", required=True, help="The pseudonym.")
@click.option("--party", required=True, help="The party that the person speaks for.")
@click.option("--function", required=True, help="What the person is there, such as `head of policy`.")
@click.option(
    "--identity", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
    help="A file with name and address, to be sealed; - reads standard input.",
)  # fmt: skip
@RECIPIENT
@SEEN
@JSON
@click.pass_obj
def contact(
    home: Home, case: str, person: str, party: str, function: str, identity: Path | None, cards: tuple[Path, ...],
    seen: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Name a person who speaks for a party: the pseudonym in the entry, the identity in the vault."""
    at = home.clock()
    item = home.random(16).hex()
    record = ContactNamed(
        at=Instant(instant_text(at)), item=Hex32(item), on=at.date().isoformat(), source="", confidence="stated",
        refs=(), person=person, party=party, function=function,
    )  # fmt: skip
    enclosed: list[tuple[str, Enclosed]] = []
    if identity is not None:
        kind = "text/plain" if str(identity) == "-" else media_type(identity)
        one = Enclosed(
            content=read_document(identity), name="identity", part="identity", title="identity", media_type=kind
        )
        enclosed.append((item, one))
    with refusing(), open_case(home, case) as (folder, ledger):
        recipients = recipients_of(home, cards) if enclosed else []
        indexes = Cabinet(folder, ledger, home.random).enter([record], enclosed, recipients, at, seen=seen)
        stands = view(ledger, at)
    text = f"{person} speaks for {party} (entry {indexes[0]}); {stands.provider}: stage {stands.stage}"
    say(as_json, {"item": item, "entries": indexes}, text + (lone(recipients) if enclosed else ""))


@click.command()
@CASE
@click.option("--text", required=True, help="The note; @FILE reads a file.")
@click.option("--about", default="", help="The item of the case that it is about, by id or entry.")
@JSON
@click.pass_obj
def note(home: Home, case: str, text: str, about: str, as_json: bool) -> None:
    """Write a note of this side's own: it stays in a ledger of its own, which is never shared."""
    words = read_file(Path(text[1:])).decode("utf-8", "replace").strip() if text.startswith("@") else text
    with refusing():
        with open_case(home, case) as (_, ledger):
            item = item_called(open_book(ledger), about, "about") if about else ""
        index = write_note(home, case, item=home.random(16).hex(), about=item, text=words)
    say(as_json, {"note": index}, f"noted, for this side alone (note {index})")


@click.command()
@CASE
@JSON
@click.pass_obj
def notes(home: Home, case: str, as_json: bool) -> None:
    """This side's own notes on a case, oldest first."""
    with refusing():
        case_folder(home, case)
        told = own_notes(home, case)
    rows = [{name: getattr(one, name) for name in ("at", "about", "seen", "text")} for one in told]
    lines = [f"{one.at[:16].replace('T', ' ')}  after {one.seen} entries  {one.text}" for one in told]
    say(as_json, {"notes": rows}, "\n".join(lines) if lines else "no note of this side's own")
