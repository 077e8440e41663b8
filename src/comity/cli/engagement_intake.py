"""`comity engagement intake`: calendar files and mail become items of a case, once."""

from pathlib import Path
from typing import Any

import click

from comity.cli.cases import open_case, refuse, refusing, say
from comity.cli.engagement_files import JSON, RECIPIENT, lone, read_document, recipients_of
from comity.cli.home import Home
from comity.engagement import open_book
from comity.engagement.documents import Cabinet
from comity.engagement.intake import Said, Taken, take_in

__all__ = ["intake"]


@click.command()
@click.argument("case", metavar="ENGAGEMENT")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path, dir_okay=False, exists=True)
)
@click.option("--topic", "topics", multiple=True, help="Of a meeting: what was spoken about; again for more.")
@click.option("--participant", "participants", multiple=True, help="Of a meeting: a pseudonym or role; again for more.")
@click.option("--subject", default="", help="Of a message: what it is about, in public words.")
@click.option("--summary", default="", help="What it came to, in public words.")
@click.option("--by", default="", help="Of a message: who wrote.")
@click.option("--to", multiple=True, help="Of a message: to whom; again for more.")
@click.option(
    "--domain", "domains", multiple=True, metavar="DOMAIN=PARTY", help="Whose addresses these are; again for more."
)
@click.option("--source", default="", help="Where it is known from, beside the file itself.")
@click.option("--confidence", default="stated", type=click.Choice(["stated", "reported", "unconfirmed"]))
@click.option("--ref", "refs", multiple=True, help="Its name outside, such as a file number; again for more.")
@click.option("--dry-run", is_flag=True, help="Say what would be entered, and enter nothing.")
@RECIPIENT
@JSON
@click.pass_obj
def intake(
    home: Home, /, case: str, files: tuple[Path, ...], domains: tuple[str, ...], dry_run: bool,
    cards: tuple[Path, ...], as_json: bool, **words: Any,
) -> None:  # fmt: skip
    """Take in calendar files (.ics) and mail (.eml): meetings and messages, the files sealed.

    What is in the case already is named and not entered again. Nothing of a file's words or names stands in the
    clear; what does is said with the options.
    """
    pairs = [one.partition("=") for one in domains]
    if any(not middle or not party for _, middle, party in pairs):
        raise click.UsageError("--domain: expected DOMAIN=PARTY, such as aurora.example=provider")
    parties = {domain.lower(): party for domain, _, party in pairs}
    said = Said(**words)
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    with refusing(), open_case(home, case) as (folder, ledger):
        recipients = recipients_of(home, cards) if not dry_run else []
        cabinet = Cabinet(folder, ledger, home.random)
        for path in files:
            at, told = home.clock(), open_book(ledger)
            found = take_in(told, path.name, read_document(path), said, at=at, random=home.random, domains=parties)
            for taken in found:
                rows.append(_row(path, taken))
                if taken.known is not None or dry_run:
                    where = f" (entry {taken.known.index})" if taken.known is not None else ""
                    lines.append(f"{path.name}: {'would enter ' if not where else ''}{taken.what}{where}")
                    continue
                if not taken.records:
                    refuse(f"{path.name}: nothing to enter")
                indexes = cabinet.enter(
                    taken.records, taken.enclosed, recipients, at, source=said.source, confidence=said.confidence
                )
                rows[-1]["entries"] = indexes
                lines.append(f"{path.name}: {taken.what} (entries {', '.join(map(str, indexes))})")
    entered = any("entries" in row for row in rows)
    say(as_json, {"taken": rows}, "\n".join(lines) + (lone(recipients) if entered else ""))


def _row(path: Path, taken: Taken) -> dict[str, Any]:
    return {
        "file": path.name,
        "what": taken.what,
        "kinds": [record.kind for record in taken.records],
        "known": taken.known.index if taken.known is not None else None,
    }
