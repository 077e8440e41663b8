"""`comity arrangement approve`, and the gate before every signature of a home that asks for a second person.

An approval lies in `arrangements/<id>/approvals/<version>-<pseudonym>.note`.
"""

from pathlib import Path

import click

from comity.arrangement import Terms
from comity.arrangement.approvals import approve as sign_approval
from comity.arrangement.approvals import check_approvals
from comity.arrangement.contract_words import counted
from comity.cli.arrangement_files import CASE, FILE, JSON, load_terms, party_role
from comity.cli.cases import open_case, read_file, refuse, refusing, say, write_file
from comity.cli.home import Home
from comity.cli.persons import listed, person_key
from comity.engagement import add
from comity.records import Digest, Hex32, Instant, VersionApproved, instant_text

__all__ = ["approve", "before_signing"]


def before_signing(home: Home, terms: Terms, person: str | None, key: Path | None = None) -> tuple[str, ...]:
    """Refuse to sign a version that the home's own policy wants approved first; returns who approved it."""
    if not home.approvals:
        return ()
    if person is None:
        further = counted(home.approvals, "further person")
        refuse(f"this home signs with the approval of {further}; say who signs with --as PERSON")
    person_key(home, person, key)
    folder = home.path / "arrangements" / terms.id / "approvals"
    notes = [read_file(path) for path in sorted(folder.glob(f"{terms.version}-*.note"))]
    return check_approvals(terms, notes, listed(home), signer=person, needed=home.approvals)


@click.command()
@click.argument("file", type=FILE)
@click.option("--as", "person", required=True, metavar="PERSON", help="Who approves, by pseudonym.")
@click.option("--key", type=FILE, help="The person's private key, where it does not lie in the home.")
@CASE
@JSON
@click.pass_obj
def approve(home: Home, file: Path, person: str, key: Path | None, case: str | None, as_json: bool) -> None:
    """Approve a version as the second person, before this side signs it.

    The approval is over the digest: a version with other words needs another one.
    """
    with refusing():
        role = party_role(home)
        terms, _ = load_terms(file)
        note = sign_approval(terms, person_key(home, person, key))
        write_file(home.path / "arrangements" / terms.id / "approvals" / f"{terms.version}-{person}.note", note)
        entry = _enter(home, case, terms, role, person, note) if case else None
    members = {"arrangement": terms.id, "version": terms.version, "digest": terms.digest, "person": person}
    text = f"version {terms.version} with digest {terms.digest} approved by {person}"
    say(as_json, {**members, "entry": entry}, text)


def _enter(home: Home, case: str, terms: Terms, role: str, person: str, note: bytes) -> int:
    at = instant_text(home.clock())
    record = VersionApproved(
        at=Instant(at),
        item=Hex32(home.random(16).hex()),
        on=at,
        source="",
        confidence="stated",
        refs=(),
        arrangement=Hex32(terms.id),
        terms_version=terms.version,
        digest=Digest(terms.digest),
        of=role,
        person=person,
        note=note.decode(),
    )
    with open_case(home, case) as (_, ledger):
        return add(ledger, record, home.clock())
