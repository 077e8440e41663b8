"""What the commands on arrangements share: their options, and how they read terms."""

from pathlib import Path
from typing import cast

import click

from comity.arrangement import Offer, Role, Terms, parse_terms_json, parse_terms_yaml, verify_offer
from comity.cli.cases import read_file, refuse, say, write_file
from comity.cli.home import Home

__all__ = [
    "CASE",
    "FILE",
    "JSON",
    "OUT",
    "UNSIGNED",
    "WIDTH",
    "load_offer",
    "load_terms",
    "party_role",
    "write_unsigned",
]

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
OUT = click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where the signed file goes."
)
CASE = click.option("--engagement", "case", metavar="ENGAGEMENT", help="Enter it in this engagement's ledger.")
UNSIGNED = click.option("--unsigned", is_flag=True, help="Write the terms without a signature, to be approved first.")
WIDTH = click.option("--width", default=96, type=click.IntRange(64, 200), help="Columns.")


def party_role(home: Home) -> Role:
    """The role of a home whose side signs; refuses any other."""
    if home.role not in ("authority", "provider"):
        refuse(f"authority and provider sign terms; this is the home of an {home.role}")
    return cast(Role, home.role)


def load_offer(file: Path) -> Offer | None:
    """The offer in a file, or `None` where it holds terms that nobody signed."""
    source = read_file(file)
    return verify_offer(source) if source.lstrip().startswith(b'{"format"') else None


def load_terms(file: Path) -> tuple[Terms, tuple[Role, ...]]:
    """The terms in a file, signed or not, and who signed them; unsigned ones are YAML or canonical JSON."""
    offer = load_offer(file)
    if offer is not None:
        return offer.terms, offer.signed_by
    source = read_file(file)
    if source.startswith(b"{"):
        return parse_terms_json(source, file.name), ()
    return parse_terms_yaml(source, file.name), ()


def write_unsigned(terms: Terms, out: Path, as_json: bool) -> None:
    """Write terms that nobody signed, for a second person to approve, and say so."""
    write_file(out, terms.raw)
    members = {"arrangement": terms.id, "version": terms.version, "digest": terms.digest, "signed_by": []}
    text = f"version {terms.version} with digest {terms.digest}, unsigned: {out}"
    say(as_json, {**members, "out": str(out)}, text)
