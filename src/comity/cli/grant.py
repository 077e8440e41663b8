"""`comity grant`: let a person call under an arrangement in force, and end that again.

A grant names a person by pseudonym and an access key by its SHA-256: the secret never
leaves the caller.  Asking for a grant that the case does not allow is an entry too.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from comity.arrangement import (
    CAUSES,
    ArrangementError,
    Offer,
    Terms,
    grant_text,
    in_force,
    open_act,
    parse_card,
    revoke_text,
    sign_act,
)
from comity.arrangement import Grant as GrantAct
from comity.cli.calling import ask_json
from comity.cli.cases import open_case, read_file, refuse, refusing, say, stored_offer, write_file
from comity.cli.home import Home
from comity.engagement import EngagementView, add, grant_refusal, read_case, view
from comity.ledger import Ledger
from comity.records import (
    GrantGiven,
    GrantRefused,
    GrantRevoked,
    Hex32,
    Instant,
    MalformedInstant,
    instant_text,
    parse_instant,
)

__all__ = ["grant"]

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
TO = click.option("--to", "url", help="Also send it to the operator's gateway at this URL.")
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
OUT = click.Path(path_type=Path, dir_okay=False)


@click.group()
def grant() -> None:
    """Let a person call under an arrangement in force."""


@grant.command("issue")
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--person", required=True, help="The person's pseudonym in the terms.")
@click.option("--access", default="", help="SHA-256 of the person's access key, in hex.")
@click.option("--card", type=FILE, help="The person's card, which holds that digest.")
@click.option("--expires", help="When it ends (2026-12-01T00:00:00.000Z); else with the window.")
@click.option("--out", type=OUT, help="Where the signed grant goes.")
@TO
@JSON
@click.pass_obj
def issue(
    home: Home,
    case: str,
    person: str,
    access: str,
    card: Path | None,
    expires: str | None,
    out: Path | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Grant one person access, or have the refusal on record."""
    at = home.clock()
    with refusing(), open_case(home, case) as (folder, ledger):
        if home.role != "authority":
            refuse(f"the authority grants access; this is the home of an {home.role}")
        seen = view(ledger, at)
        offer, because = _ground(home, seen, person, at)
        if because is not None or offer is None:
            _refused(ledger, person, because or "no arrangement in force", at, as_json)
        terms = offer.terms
        until = _until(expires, terms)
        access = access or (parse_card(read_file(card)).access if card else "")
        if not access:
            raise click.UsageError("name the access key by --access SHA256 or by --card FILE")
        nonce = home.random(16).hex()
        text = grant_text(
            ledger=terms.ledger.origin,
            arrangement=terms.digest,
            person=person,
            access=access,
            expires=until,
            nonce=nonce,
        )
        note = sign_act(text, home.signer("party"))
        record = GrantGiven(
            at=Instant(instant_text(at)),
            arrangement=Hex32(terms.id),
            grant=Hex32(nonce),
            person=person,
            expires=instant_text(until),
        )
        write_file(folder / "grants" / f"{nonce}.note", note)
        index = add(ledger, record, at)
        if out is not None:
            write_file(out, note)
        sent = _send(url, terms.id, "grants", note) if url else None
    members = {"grant": nonce, "person": person, "expires": record.expires, "entry": index, "sent": sent}
    say(as_json, members, f"{person} may call until {record.expires} (grant {nonce[:8]}, entry {index})")


def _ground(home: Home, seen: EngagementView, person: str, at: datetime) -> tuple[Offer | None, str | None]:
    """The agreed terms that a grant stands on, or why there is no ground for one."""
    because = grant_refusal(seen, at)
    if because is not None or seen.in_force is None:
        return None, because
    offer = stored_offer(home, seen.in_force.arrangement, seen.in_force.terms_version)
    if offer is None:
        refuse(f"the signed terms are not held here; receive version {seen.in_force.terms_version} again")
    try:
        in_force(offer, at, digest=seen.in_force.digest)
    except ArrangementError as error:
        return None, str(error)
    named = offer.terms.person(person)
    if named is None:
        return None, f"people.id: {person} is not among the people of the terms"
    if not named.eligible:
        return None, f"people.eligible: {person} is not eligible"
    return offer, None


def _refused(ledger: Ledger, person: str, because: str, at: datetime, as_json: bool) -> NoReturn:
    index = add(ledger, GrantRefused(at=Instant(instant_text(at)), person=person, because=because), at)
    if as_json:
        click.echo(json.dumps({"refused": because, "person": person, "entry": index}))
        click.get_current_context().exit(1)
    refuse(f"{because} (entry {index})")


def _until(expires: str | None, terms: Terms) -> datetime:
    if expires is None:
        return terms.window.until
    try:
        until = parse_instant(expires)
    except MalformedInstant as error:
        raise click.UsageError(f"--expires: {error}") from None
    if not terms.window.begins < until <= terms.window.until:
        refuse(f"window.until: a grant ends within the window, at {instant_text(terms.window.until)} at the latest")
    return until


@grant.command("revoke")
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--grant", "called", required=True, help="The grant, or the beginning of it.")
@click.option("--cause", required=True, type=click.Choice(list(CAUSES)), help="Why.")
@click.option("--out", type=OUT, help="Where the signed revocation goes.")
@TO
@JSON
@click.pass_obj
def revoke(home: Home, case: str, called: str, cause: str, out: Path | None, url: str | None, as_json: bool) -> None:
    """End a grant before its time."""
    at = home.clock()
    with refusing(), open_case(home, case) as (folder, ledger):
        found = [given for given in view(ledger, at).grants if given.grant.startswith(called)]
        if len(found) != 1 or len(called) < 4:
            refuse(f"no single grant is called {called!r}; 'comity grant list' shows each with its name")
        signer = home.signer("party")
        act = open_act(read_file(folder / "grants" / f"{found[0].grant}.note"), signer.verifier)
        if not isinstance(act, GrantAct):
            refuse("the note kept for this grant is no grant")
        text = revoke_text(ledger=act.ledger, access=act.access, cause=cause, nonce=home.random(16).hex())
        note = sign_act(text, signer)
        record = GrantRevoked(at=Instant(instant_text(at)), grant=found[0].grant, cause=cause, note=note.decode())
        index = add(ledger, record, at)
        if out is not None:
            write_file(out, note)
        sent = _send(url, found[0].arrangement, "revocations", note) if url else None
    members = {"grant": found[0].grant, "person": found[0].person, "cause": cause, "entry": index, "sent": sent}
    say(as_json, members, f"grant {found[0].grant[:8]} of {found[0].person} revoked: {CAUSES[cause]} (entry {index})")


@grant.command("list")
@click.argument("case", metavar="ENGAGEMENT")
@JSON
@click.pass_obj
def list_(home: Home, case: str, as_json: bool) -> None:
    """Each grant of an engagement: who, until when, and whether it was revoked or refused."""
    at = home.clock()
    with refusing(), open_case(home, case) as (_, ledger):
        records = read_case(ledger)
        live = {given.grant for given in view(ledger, at).grants}
    rows: list[dict[str, Any]] = []
    for record in records:
        if isinstance(record, GrantGiven):
            over = at >= parse_instant(record.expires)
            state = "revoked" if record.grant not in live else "expired" if over else "live"
            rows.append({"grant": record.grant, "person": record.person, "state": state, "until": record.expires})
        elif isinstance(record, GrantRefused):
            rows.append({"grant": "", "person": record.person, "state": "refused", "because": record.because})
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        rest = row.get("because") or f"until {row['until']}"
        click.echo(f"{row['grant'][:8] or '-':<8}  {row['person']:<20}  {row['state']:<8}  {rest}")
    if not rows:
        click.echo("no grant was given or refused")


def _send(url: str, arrangement: str, door: str, note: bytes) -> int:
    """Hand a signed note to the operator's gateway; returns its entry's index, or raises a `ClickException`."""
    try:
        return int(ask_json(f"{url.rstrip('/')}/a/{arrangement}/{door}", data=note)["index"])
    except click.ClickException as error:
        raise click.ClickException(f"{error.message}. The signed note is kept; send it again.") from None
