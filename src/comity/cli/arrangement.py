"""`comity arrangement`: draft, counter, accept, show and compare access terms."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from comity.arrangement import (
    AccessOffer,
    Card,
    Offer,
    Terms,
    TermsRefused,
    clauses,
    contract_of,
    counter,
    countersign,
    diff,
    draft_from_offer,
    explain,
    offer_terms,
    open_access_offer,
    parse_access_offer,
    parse_card,
    parse_terms_yaml,
    show,
    show_changes,
    verify_offer,
)
from comity.cli.amending import amend
from comity.cli.arrangement_approve import approve, before_signing
from comity.cli.arrangement_comment import comment, receive_comment, remarks_of
from comity.cli.arrangement_contract import contract
from comity.cli.arrangement_files import (
    CASE,
    FILE,
    JSON,
    OUT,
    UNSIGNED,
    WIDTH,
    load_terms,
    party_role,
    write_unsigned,
)
from comity.cli.arrangement_outside import outside_of, sign
from comity.cli.arrangement_template import crosswalk_, template
from comity.cli.cases import check_offer, keep_offer, read_file, record_offer, refuse, refusing, say, write_file
from comity.cli.closing import certify, close
from comity.cli.home import Home

__all__ = ["arrangement"]

PERSON = click.option("--as", "person", metavar="PERSON", help="Who signs, where this home asks for approvals.")
KEY = click.option("--person-key", "key", type=FILE, help="That person's key, where it does not lie in the home.")
REMARKS = click.option(
    "--engagement", "case", metavar="ENGAGEMENT", help="Show what was said of each clause in this engagement."
)


@click.group()
def arrangement() -> None:
    """Negotiate, sign, show and compare access terms."""


def _finish(home: Home, offer: Offer, out: Path, case: str | None, as_json: bool, text: str) -> None:
    check_offer(home, offer)
    kind = record_offer(home, case, offer, home.name) if case else ""
    keep_offer(home, offer)
    write_file(out, offer.envelope)
    terms = offer.terms
    members = {
        "arrangement": terms.id,
        "version": terms.version,
        "digest": terms.digest,
        "ledger": terms.ledger.origin,
        "signed_by": list(offer.signed_by),
        "entry": kind,
        "out": str(out),
    }
    say(as_json, members, f"{text}: {out}")


@arrangement.command("draft")
@click.option("--offer", "file", required=True, type=FILE, help="The access offer: signed, or the provider's YAML.")
@click.option("--card", "cards", multiple=True, type=FILE, help="A side's public keys; may be given again.")
@click.option("--id", "identity", default="", help="The id, where the operator's card names no ledger.")
@PERSON
@KEY
@UNSIGNED
@CASE
@OUT
@JSON
@click.pass_obj
def draft(
    home: Home,
    file: Path,
    cards: tuple[Path, ...],
    identity: str,
    person: str | None,
    key: Path | None,
    unsigned: bool,
    case: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Make version 1 of the terms from an access offer and cards, and sign it.

    No clause is typed again: every clause of the offer stands in the terms as it is.
    """
    with refusing():
        party_role(home)
        held = [parse_card(read_file(path)) for path in cards]
        offer, held = _offer_and_cards(read_file(file), file.name, held)
        if home.role not in {card.role for card in held}:
            held.append(parse_card(json.dumps(home.card(), ensure_ascii=False).encode()))
        terms = draft_from_offer(offer, held, id=identity)
        if unsigned:
            write_unsigned(terms, out, as_json)
            return
        before_signing(home, terms, person, key)
        signed = offer_terms(terms, home.signer("party"))
        _finish(home, signed, out, case, as_json, f"version 1 drafted and signed by {home.name}")


def _offer_and_cards(source: bytes, name: str, held: list[Card]) -> tuple[AccessOffer, list[Card]]:
    if not source.lstrip().startswith(b"{"):
        return parse_access_offer(source, name), held
    known = [card.party for card in held if card.role == "provider"]
    signed = open_access_offer(source, known[0] if known else None)
    return signed.offer, held if known else [*held, signed.card]


@arrangement.command("counter")
@click.argument("file", type=FILE)
@click.option(
    "--set", "settings", multiple=True, metavar="CLAUSE=VALUE", help="A clause to change; may be given again."
)
@PERSON
@KEY
@UNSIGNED
@CASE
@OUT
@JSON
@click.pass_obj
def counter_(
    home: Home,
    file: Path,
    settings: tuple[str, ...],
    person: str | None,
    key: Path | None,
    unsigned: bool,
    case: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Answer an offer with the next version, some clauses changed, and sign that."""
    pairs = [setting.partition("=") for setting in settings]
    if not pairs or any(not middle for _, middle, _ in pairs):
        raise click.UsageError("name each change as --set CLAUSE=VALUE, such as --set budget.calls=400")
    with refusing():
        party_role(home)
        before = verify_offer(read_file(file))
        terms = counter(before.terms, {clause: value for clause, _, value in pairs})
        if unsigned:
            write_unsigned(terms, out, as_json)
            return
        before_signing(home, terms, person, key)
        signed = offer_terms(terms, home.signer("party"))
        check_offer(home, before)
        keep_offer(home, before)
        text = f"version {terms.version} put forward by {home.name}, {len(pairs)} clauses changed"
        _finish(home, signed, out, case, as_json, text)


@arrangement.command("accept")
@click.argument("file", type=FILE)
@PERSON
@KEY
@CASE
@OUT
@JSON
@click.pass_obj
def accept(
    home: Home, file: Path, person: str | None, key: Path | None, case: str | None, out: Path, as_json: bool
) -> None:
    """Add this side's signature to the other side's offer: then it is agreed."""
    with refusing():
        role = party_role(home)
        offer = verify_offer(read_file(file), {role: home.signer("party").vkey})
        if offer.signed_by == (role,):
            refuse("this offer bears our own signature alone; it is the other side's to accept")
        before_signing(home, offer.terms, person, key)
        signed = countersign(offer, home.signer("party"))
        text = f"version {signed.terms.version} agreed, signed by both sides"
        _finish(home, signed, out, case, as_json, text)


@arrangement.command("show")
@click.argument("file", type=FILE)
@WIDTH
@REMARKS
@JSON
@click.pass_obj
def show_(home: Home, file: Path, width: int, case: str | None, as_json: bool) -> None:
    """Show terms as a contract in plain words, each clause with how it is kept."""
    with refusing():
        terms, signed_by = load_terms(file)
        remarks = remarks_of(home, case, (terms,)) if case else ()
        outside = outside_of(home, case, terms) if case else ()
    if as_json:
        said = [
            {"clause": c.name, "mark": c.mark, "section": c.section, "sentence": c.sentence} for c in clauses(terms)
        ]
        members: dict[str, Any] = {"digest": terms.digest, "signed_by": list(signed_by), "clauses": said}
        members |= {"contract": contract_of(terms).value(), "remarks": [asdict(remark) for remark in remarks]}
        members["outside"] = [{"role": role, "established": established} for role, established in outside]
        click.echo(json.dumps({**members, "terms": terms.value()}, ensure_ascii=False))
    else:
        click.echo(show(terms, signed_by, width, remarks, outside), nl=False)


@arrangement.command("diff")
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@WIDTH
@REMARKS
@JSON
@click.pass_obj
def diff_(home: Home, before: Path, after: Path, width: int, case: str | None, as_json: bool) -> None:
    """Say in plain words what changes between two versions, clause by clause, and by how much."""
    with refusing():
        (old, _), (new, _) = load_terms(before), load_terms(after)
        remarks = remarks_of(home, case, (old, new)) if case else ()
    changes, told = diff(old, new), explain(old, new)
    if as_json:
        rows = [{"clause": c.clause, "before": c.before, "after": c.after} for c in changes]
        plain = [{"clauses": list(one.clauses), "whom": one.whom, "says": one.text} for one in told]
        members = {"before": old.digest, "after": new.digest, "changes": rows, "explained": plain}
        members["remarks"] = [asdict(remark) for remark in remarks]
        click.echo(json.dumps(members, ensure_ascii=False))
        return
    click.echo(f"version {old.version} ({old.digest[:16]}…) → version {new.version} ({new.digest[:16]}…)\n")
    click.echo(show_changes(told, width, remarks), nl=False)


@arrangement.command("check")
@click.argument("file", type=FILE)
@click.option("--part", is_flag=True, help="The file is an access offer: a part of the terms.")
@JSON
def check(file: Path, part: bool, as_json: bool) -> None:
    """Check terms (or an access offer) written in YAML: every problem with file, line and clause."""
    try:
        with_digest: Terms | AccessOffer
        if part:
            with_digest = parse_access_offer(read_file(file), file.name)
        else:
            with_digest = parse_terms_yaml(read_file(file), file.name)
    except TermsRefused as error:
        if as_json:
            fields = ("file", "line", "clause", "expected", "got")
            rows = [{name: getattr(problem, name) for name in fields} for problem in error.problems]
            click.echo(json.dumps({"problems": rows}, ensure_ascii=False))
        else:
            click.echo(str(error), err=True)
        click.get_current_context().exit(1)
    say(as_json, {"problems": [], "digest": with_digest.digest}, f"well formed; digest {with_digest.digest}")


for command in (amend, approve, certify, close, comment, contract, crosswalk_, receive_comment, sign, template):
    arrangement.add_command(command)
