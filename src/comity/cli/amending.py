"""`comity arrangement amend` and `comity ledger amend`: the next version of an arrangement that is running.

Either side offers it out of the version in force (`arrangement amend`), the other accepts it as any offer
(`arrangement accept`), and anyone hands the file with both signatures to the gateway, or the operator to the
ledger itself (`ledger amend`).  Every gateway of the ledger holds the next call to it.
"""

import json
from pathlib import Path

import click

from comity.arrangement import counter, offer_terms, verify_offer
from comity.cli.arrangement_approve import before_signing
from comity.cli.arrangement_files import CASE, FILE, JSON, OUT, UNSIGNED, party_role, write_unsigned
from comity.cli.calling import ask_json
from comity.cli.cases import check_offer, keep_offer, read_file, record_offer, refuse, refusing, say, write_file
from comity.cli.home import Home
from comity.cli.places import adopted_folders, ledger_place
from comity.gateway import open_arrangement
from comity.gateway.amend import amend as record
from comity.gateway.life import InForce, find_life
from comity.gateway.refusal import Refusal
from comity.ledger import Ledger, Transaction

__all__ = ["amend", "amend_ledger", "keep_terms"]


@click.command("amend")
@click.argument("file", type=FILE)
@click.option(
    "--set", "settings", multiple=True, required=True, metavar="CLAUSE=VALUE",
    help="A clause to change; people[NAME]=ROLE and access[ITEM]=MEANS: TEXT add an item, an empty value removes it.",
)
@click.option("--as", "person", metavar="PERSON", help="Who signs, where this home asks for approvals.")
@UNSIGNED
@CASE
@OUT
@JSON
@click.pass_obj
def amend(
    home: Home,
    file: Path,
    settings: tuple[str, ...],
    person: str | None,
    unsigned: bool,
    case: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Offer the next version of the agreed terms in FILE, some clauses changed; access goes on meanwhile.

    The version in force stays in force until the other side accepts and 'comity ledger amend' takes the file.
    """
    pairs = [setting.partition("=") for setting in settings]
    if any(not middle for _, middle, _ in pairs):
        raise click.UsageError("name each change as --set CLAUSE=VALUE, such as --set budget.calls=400")
    with refusing():
        party_role(home)
        before = verify_offer(read_file(file))
        if len(before.signed_by) != 2:
            refuse("an amendment follows from terms that both sides signed; answer an offer with 'arrangement counter'")
        terms = counter(before.terms, {clause: value for clause, _, value in pairs})
        if unsigned:
            write_unsigned(terms, out, as_json)
            return
        before_signing(home, terms, person)
        signed = offer_terms(terms, home.signer("party"))
        check_offer(home, before)
        keep_offer(home, before)
        check_offer(home, signed)
        kind = record_offer(home, case, signed, home.name) if case else ""
        keep_offer(home, signed)
        write_file(out, signed.envelope)
    members = {
        "arrangement": terms.id, "version": terms.version, "digest": terms.digest, "previous": terms.previous,
        "signed_by": list(signed.signed_by), "entry": kind, "out": str(out),
    }  # fmt: skip
    say(as_json, members, f"version {terms.version} offered as an amendment of version {before.terms.version}: {out}")


@click.command("amend")
@click.argument("file", type=FILE)
@click.option("--gateway", help="The running gateway's address; without it the ledger in this home takes the file.")
@JSON
@click.pass_obj
def amend_ledger(home: Home, file: Path, gateway: str | None, as_json: bool) -> None:
    """Let the amendment in FILE, signed by both parties, take force, without a restart.

    With --gateway anyone may hand it in; without, the operator's own ledger takes it, and every gateway that
    serves that ledger holds its next call to it.
    """
    with refusing():
        envelope = read_file(file)
        offer = verify_offer(envelope)
    terms = offer.terms
    if gateway is not None:
        index = int(ask_json(f"{gateway.rstrip('/')}/a/{terms.id}/amendments", data=envelope)["index"])
    else:
        index = _take(home, terms.id, envelope)
    folder = home.path / "ledgers" / terms.id
    if folder in adopted_folders(home.path):
        write_file(folder / f"terms-{terms.version}.json", envelope)
        write_file(folder / "terms.json", envelope)
    members = {"ledger": terms.ledger.origin, "version": terms.version, "digest": terms.digest, "index": index}
    said = f"version {terms.version} is in force from entry {index} of {terms.ledger.origin} on"
    click.echo(json.dumps(members) if as_json else said)


def keep_terms(folder: Path, ledger: Ledger) -> None:
    """Bring the file of an adopted arrangement to the version that its ledger says is in force."""
    reader = ledger.reader()
    try:
        rows = reader.query("SELECT version, offer FROM gate_terms ORDER BY version DESC LIMIT 1", ())
    finally:
        reader.close()
    if rows and rows[0][0] > verify_offer(read_file(folder / "terms.json")).terms.version:
        envelope = str(rows[0][1]).encode()
        write_file(folder / f"terms-{rows[0][0]}.json", envelope)
        write_file(folder / "terms.json", envelope)


def _take(home: Home, arrangement: str, envelope: bytes) -> int:
    folder = home.path / "ledgers" / arrangement
    if folder not in adopted_folders(home.path):
        refuse(f"no ledger of arrangement {arrangement} is adopted here; name the gateway with --gateway URL")
    held = verify_offer(read_file(folder / "terms.json")).terms
    spoken = json.loads((folder / "providers.json").read_text())

    def take(tx: Transaction) -> int | Refusal:
        in_force = InForce(held).at(find_life(tx.execute).version, tx.execute)
        return record(tx, envelope=envelope, terms=in_force, spoken=spoken, now=home.clock())

    with refusing(), open_arrangement(ledger_place(folder), origin=held.ledger.origin) as ledger:
        done = ledger.transact(take)
    if isinstance(done, Refusal):
        refuse(f"{done.clause}: {done.because}")
    return done
