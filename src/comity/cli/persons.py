"""`comity key new person` and `comity key revoke person`: who of this side may approve what it signs.

A person's private key lies in `keys/persons/<pseudonym>`, or wherever the person wants it (`--out`), mode 600; the
public ones stand in the home's `persons.json`.  A revoked person stays on the list, so that an old approval is read
as what it was.
"""

import re
from pathlib import Path

import click

from comity.arrangement import ApprovalRefused
from comity.arrangement.approvals import Approver, parse_persons, persons_bytes
from comity.cli.cases import read_file, refuse, refusing, say, write_file
from comity.cli.home import Home, write_private
from comity.ledger import Signer, generate_key, parse_private_key

__all__ = ["listed", "new", "person_key", "revoke"]

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PSEUDONYM = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)


def listed(home: Home) -> tuple[Approver, ...]:
    """The persons of a home; none where it lists none."""
    path = home.path / "persons.json"
    return parse_persons(read_file(path)) if path.exists() else ()


def person_key(home: Home, name: str, file: Path | None = None) -> Signer:
    """The key of a listed person who counts; refuses any other."""
    held = {one.person: one for one in listed(home)}
    if name not in held:
        refuse(f"{name!r} is no listed person of this home; 'comity key new person {name}' makes one")
    path = file or home.path / "keys" / "persons" / name
    if not path.exists():
        refuse(f"no key of {name} under keys/persons/; name its file (--key to approve, --person-key to sign)")
    signer = parse_private_key(path.read_text().strip())
    if signer.vkey != held[name].key:
        refuse(f"the key in {path.name} is not the listed key of {name}")
    if held[name].revoked:
        refuse(f"{name} may sign and approve no longer: {held[name].revoked}")
    return signer


@click.group()
def new() -> None:
    """Make a further key of this instance."""


@new.command("person")
@click.argument("name", metavar="PSEUDONYM")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where the private key goes instead.")
@JSON
@click.pass_obj
def new_person(home: Home, name: str, out: Path | None, as_json: bool) -> None:
    """Make the key of a person who may approve versions for this side, and list its public half."""
    if not PSEUDONYM.fullmatch(name):
        raise click.UsageError("a pseudonym is a-z, 0-9 and -, at most 64 characters")
    with refusing():
        persons = listed(home)
        if name in {one.person for one in persons}:
            refuse(f"{name} is listed already; a revoked person gets a new pseudonym")
        key = generate_key("ed25519", f"{home.host}/person/{name}", home.random)
        write_private(out or home.path / "keys" / "persons" / name, key.private_text())
        _keep(home, (*persons, Approver(person=name, key=key.vkey)))
    say(as_json, {"person": name, "key": key.vkey}, f"{name} is listed with the key {key.name}; keep the private half")


@click.group()
def revoke() -> None:
    """Let a key of this instance count no longer."""


@revoke.command("person")
@click.argument("name", metavar="PSEUDONYM")
@click.option("--because", required=True, help="Why, in a few words that name nobody.")
@JSON
@click.pass_obj
def revoke_person(home: Home, name: str, because: str, as_json: bool) -> None:
    """Let a person's approvals count no longer, those already given included."""
    with refusing():
        if not because.strip() or not because.isprintable():
            raise ApprovalRefused("expected a reason in one line")
        persons = listed(home)
        if name not in {one.person for one in persons}:
            refuse(f"{name!r} is no listed person of this home")
        _keep(home, tuple(_revoked(one, because) if one.person == name else one for one in persons))
    say(as_json, {"person": name, "revoked": because}, f"{name} may sign and approve no longer")


def _revoked(one: Approver, because: str) -> Approver:
    return Approver(person=one.person, key=one.key, revoked=one.revoked or because)


def _keep(home: Home, persons: tuple[Approver, ...]) -> None:
    content = persons_bytes(persons)
    parse_persons(content)
    write_file(home.path / "persons.json", content)
