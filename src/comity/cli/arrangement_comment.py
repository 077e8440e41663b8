"""`comity arrangement comment`: say something about a clause, to the other side or to oneself.

A comment to the other side is a signed note (`--out`), entered in the case (`--engagement`), and entered in the
other side's case by `receive-comment`.  A remark of one's own (`--own`) goes into this side's own notes on the case
and nowhere else.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from comity.arrangement import Remark, Terms
from comity.arrangement.comments import Comment, check_clause, open_comment, sign_comment
from comity.cli.arrangement_files import CASE, FILE, JSON, load_terms, party_role
from comity.cli.cases import open_case, read_file, refuse, refusing, say, write_file
from comity.cli.home import Home
from comity.cli.own_notes import own_notes, write_note
from comity.engagement import add, open_book
from comity.records import Digest, Hex32, Instant, TermsCommented, instant_text, parse_instant

__all__ = ["comment", "receive_comment", "remarks_of"]


@click.command()
@click.argument("file", type=FILE)
@click.option("--clause", required=True, help="The clause it is about, such as budget.calls.")
@click.option("--text", required=True, help="What is said, in one line.")
@click.option("--own", is_flag=True, help="Keep it in this side's own notes; it is never shared.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where the signed comment goes.")
@CASE
@JSON
@click.pass_obj
def comment(
    home: Home, file: Path, clause: str, text: str, own: bool, out: Path | None, case: str | None, as_json: bool
) -> None:
    """Comment on a clause of a version: signed for the other side, or for this side's own notes."""
    if own and (out is not None or case is None):
        raise click.UsageError("a remark of one's own goes into the notes of a case: --own --engagement, without --out")
    if out is None and case is None:
        raise click.UsageError("name where the comment goes: --out FILE, --engagement ENGAGEMENT, or both")
    with refusing():
        party_role(home)
        terms, _ = load_terms(file)
        check_clause(clause)
        item = home.random(16).hex()
        entry: int | None = None
        if own and case is not None:
            about = f"{terms.id} version {terms.version} {clause}"
            entry = write_note(home, case, item=item, about=about, text=text)
        else:
            note = sign_comment(terms, clause=clause, item=item, text=text, signer=home.signer("party"))
            said = open_comment(note, terms)
            entry = _enter(home, case, terms, said) if case else None
            if out is not None:
                write_file(out, note)
    where = "in this side's own notes" if own else f"by {home.name}"
    members = {"arrangement": terms.id, "version": terms.version, "clause": clause, "comment": item, "own": own}
    say(as_json, {**members, "entry": entry}, f"comment on {clause} of version {terms.version} {where}")


@click.command("receive-comment")
@click.argument("file", type=FILE)
@click.argument("note", type=FILE)
@click.option("--engagement", "case", required=True, metavar="ENGAGEMENT", help="Enter it in this engagement's ledger.")
@JSON
@click.pass_obj
def receive_comment(home: Home, file: Path, note: Path, case: str, as_json: bool) -> None:
    """Take in a comment that the other side signed on the version in FILE."""
    with refusing():
        terms, _ = load_terms(file)
        said = open_comment(read_file(note), terms)
        entry = _enter(home, case, terms, said)
    members = {"clause": said.clause, "by": said.by, "comment": said.item, "entry": entry}
    say(as_json, members, f"comment on {said.clause} by the {said.by} (entry {entry}): {said.text}")


def _enter(home: Home, case: str, terms: Terms, said: Comment) -> int:
    at = instant_text(home.clock())
    names = {"authority": terms.parties.authority.name, "provider": terms.parties.provider.name}
    record = TermsCommented(
        at=Instant(at),
        item=Hex32(said.item),
        on=at,
        source="",
        confidence="stated",
        refs=(),
        arrangement=Hex32(terms.id),
        terms_version=terms.version,
        digest=Digest(terms.digest),
        clause=said.clause,
        by=names[said.by],
        text=said.text,
    )
    with open_case(home, case) as (_, ledger):
        if said.item in {item.record.item for item in open_book(ledger).items.values()}:
            refuse(f"the comment {said.item} is entered already")
        return add(ledger, record, home.clock())


def remarks_of(home: Home, case: str, versions: Sequence[Terms]) -> tuple[Remark, ...]:
    """What was said in a case about clauses of these versions, this side's own remarks among it, oldest first."""
    digests = {terms.digest: terms.version for terms in versions}
    found: list[tuple[datetime, Remark]] = []
    with open_case(home, case) as (_, ledger):
        for item, record in open_book(ledger).records(TermsCommented):
            if record.digest in digests:
                at = item.entry.entered
                found.append((at, _remark(record.clause, record.by, digests[record.digest], at, record.text)))
    for note in own_notes(home, case):
        arrangement, _, rest = note.about.partition(" version ")
        version, _, clause = rest.partition(" ")
        if clause and any((one.id, str(one.version)) == (arrangement, version) for one in versions):
            at = parse_instant(note.at)
            found.append((at, _remark(clause, "own note", int(version), at, note.text)))
    return tuple(remark for _, remark in sorted(found, key=lambda pair: pair[0]))


def _remark(clause: str, by: str, version: int, at: datetime, text: str) -> Remark:
    return Remark(clause=clause, by=by, version=version, on=f"{at.day} {at:%B %Y}", text=text)
