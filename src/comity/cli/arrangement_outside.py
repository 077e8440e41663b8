"""`comity arrangement sign`: keep a signature that was made elsewhere over the contract's PDF."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from comity.arrangement import Terms
from comity.arrangement.contract_words import moment
from comity.arrangement.outside_signature import LEVEL, MAX_PDF, OutsideSignature, OutsideVerdict, judge
from comity.cli.arrangement_files import FILE, JSON, load_terms
from comity.cli.cases import open_case, read_file, refuse, refusing, write_file
from comity.cli.home import Home
from comity.engagement import add_all, open_book
from comity.records import ContractSigned, Digest, Hex32, Instant, Record, instant_text, parse_instant

__all__ = ["outside_of", "sign"]

ROLES = ("authority", "provider")


@click.command()
@click.argument("file", type=FILE)
@click.option("--with", "signed", required=True, type=FILE, help="The contract's PDF with signatures.")
@click.option("--trust", "roots", multiple=True, required=True, type=FILE, help="A root certificate; may be repeated.")
@click.option(
    "--signer",
    "signers",
    multiple=True,
    type=click.Choice(ROLES),
    help="Whose signature it is, one for each in the order of the file; a single one is this home's own.",
)
@click.option("--at", "checked", help="Check as of this time, such as 2026-11-26T09:00:00Z; else as of now.")
@click.option("--engagement", "case", metavar="ENGAGEMENT", help="Enter it in this engagement's ledger.")
@JSON
@click.pass_obj
def sign(
    home: Home,
    file: Path,
    signed: Path,
    roots: tuple[Path, ...],
    signers: tuple[str, ...],
    checked: str | None,
    case: str | None,
    as_json: bool,
) -> None:
    """Check and keep a signature that was made elsewhere over the contract's PDF.

    The PDF has to begin with the bytes that `comity arrangement contract` writes for
    these terms. What is established is said fact by fact, offline: nothing is fetched.
    The signature stands beside those of `offer` and `accept`, and replaces none.
    """
    with refusing():
        at = _moment(checked) if checked else home.clock()
        terms, _ = load_terms(file)
        pdf = _read(signed)
        verdict = judge(pdf, terms, [read_file(root) for root in roots], at)
    problems = list(verdict.problems())
    named = list(signers) or ([home.role] if len(verdict.signatures) == 1 and home.role in ROLES else [])
    if verdict.signatures and len(named) != len(verdict.signatures):
        count = len(verdict.signatures)
        problems.append(f"the file bears {count} signatures; name with --signer whose each of them is")
    kept, entries = "", []
    if not problems:
        with refusing():
            kept = _keep(home, terms, verdict, pdf)
            entries = _enter(home, case, terms, verdict, named, at) if case else []
    if as_json:
        click.echo(json.dumps(_members(verdict, named, problems, kept, entries), ensure_ascii=False))
    else:
        click.echo("\n".join(verdict.lines()))
        for problem in problems:
            click.echo(f"refused: {problem}", err=True)
        if not problems:
            click.echo(f"kept as {kept}; it stands beside the machine signatures and replaces none")
    if problems:
        click.get_current_context().exit(1)


def _moment(text: str) -> datetime:
    """A time, with or without its milliseconds."""
    return parse_instant(text if "." in text else text.replace("Z", ".000Z"))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_PDF + 1)
    if len(content) > MAX_PDF:
        refuse(f"{path.name}: expected at most {MAX_PDF} bytes")
    return content


def _keep(home: Home, terms: Terms, verdict: OutsideVerdict, pdf: bytes) -> str:
    folder = home.path / "arrangements" / terms.id
    name = f"contract-{terms.version}-{verdict.signed[:16]}.pdf"
    write_file(folder / name, pdf)
    return f"arrangements/{terms.id}/{name}"


def _enter(
    home: Home, case: str, terms: Terms, verdict: OutsideVerdict, roles: Sequence[str], at: datetime
) -> list[int]:
    records = [
        _record(home, terms, verdict, signature, role)
        for signature, role in zip(verdict.signatures, roles, strict=True)
    ]
    with open_case(home, case) as (_, ledger):
        held = {record.file for _, record in open_book(ledger).records(ContractSigned)}
        if verdict.signed in held:
            refuse("this signed file is entered in the case already")
        return list(add_all(ledger, records, home.clock()))


def outside_of(home: Home, case: str, terms: Terms) -> tuple[tuple[str, str], ...]:
    """The signatures made elsewhere that a case entered over these terms: the side, and what was established."""
    with open_case(home, case) as (_, ledger):
        signed = [record for _, record in open_book(ledger).records(ContractSigned) if record.digest == terms.digest]
    return tuple((record.role, _established(record)) for record in signed)


def _established(record: ContractSigned) -> str:
    by = "by a trusted stamp" if record.stamped == "yes" else "by the signer's own clock"
    when = f"{moment(parse_instant(record.signed))}, {by}" if record.signed else "at a time that nobody states"
    return f"{when}; {record.level}; {record.revocation}; file {record.file[:16]}…"


def _record(home: Home, terms: Terms, verdict: OutsideVerdict, signature: OutsideSignature, role: str) -> Record:
    when = signature.stamped or signature.claimed
    return ContractSigned(
        at=Instant(instant_text(home.clock())),
        item=Hex32(home.random(16).hex()),
        on=instant_text(when or home.clock()),
        source="the signed PDF",
        confidence="reported",
        refs=(),
        arrangement=Hex32(terms.id),
        terms_version=terms.version,
        digest=Digest(terms.digest),
        rendered=Digest(verdict.rendered),
        file=Digest(verdict.signed),
        role=role,
        root=Digest(signature.root_digest),
        signed=instant_text(when) if when else "",
        stamped="yes" if signature.stamped else "no",
        revocation=signature.revocation,
        level=LEVEL,
        checked=instant_text(signature.checked_at),
    )


def _members(
    verdict: OutsideVerdict, roles: Sequence[str], problems: Sequence[str], kept: str, entries: Sequence[int]
) -> dict[str, object]:
    return {
        "arrangement": verdict.arrangement,
        "version": verdict.version,
        "digest": verdict.digest,
        "rendered": verdict.rendered,
        "file": verdict.signed,
        "same_pages": verdict.same_pages,
        "additions": verdict.additions,
        "strict": verdict.strict,
        "signatures": [
            {
                "field": signature.field,
                "role": roles[number] if number < len(roles) else "",
                "root": signature.root_digest,
                "trusted": signature.trusted,
                **{name.replace(" ", "_"): fact for name, fact in signature.facts() if name != "trusted"},
            }
            for number, signature in enumerate(verdict.signatures)
        ],
        "problems": list(problems),
        "kept": kept,
        "entries": list(entries),
    }
