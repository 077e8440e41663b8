"""`comity arrangement close`, `comity arrangement certify`, `comity erase` and `comity ledger compact`: the end.

1. Each side signs the closing (`arrangement close`): the first makes the note, the second adds its signature and
   hands it to the gateway.  The authority revokes what it granted on the way.
2. The authority may order that sealed content is erased (`erase`); the operator then compacts the ledger's file
   (`ledger compact`), so that what was deleted does not lie in pages that are free.
3. Once the last entry is under a joint checkpoint, whoever has a copy of the published ledger draws up the
   certificate and signs it (`arrangement certify --ledger`); the other side checks and adds its signature (`--add`).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw
import click

from comity.arrangement import (
    ActRefused,
    Certificate,
    Closing,
    Grant,
    Offer,
    certificate_text,
    draw_up,
    erase_text,
    open_act,
    open_certificate,
    open_closing,
    propose_closing,
    revoke_text,
    sign_act,
    sign_certificate,
    sign_closing,
    verify_offer,
)
from comity.cli.arrangement_files import FILE, JSON, OUT, party_role
from comity.cli.calling import ask_json
from comity.cli.cases import read_file, refuse, refusing, say, write_file
from comity.cli.certificate_verdict import judge_certificate
from comity.cli.home import Home
from comity.cli.places import adopted_folders, ledger_place
from comity.verify import Fact, FolderCopy, Verdict, read_entries, read_offer, verify_directory
from comity.verify.checkpoints import check_checkpoint
from comity.verify.files import check_files

__all__ = ["Closed", "certify", "certify_access", "close", "close_access", "compact", "erase"]

GATEWAY = click.option("--gateway", help="The gateway's address, such as https://operator.example.")
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
POLL_SECONDS: Final = 0.2


@click.command("close")
@click.argument("file", metavar="ARRANGEMENT", type=FILE)
@click.option("--add", "note", type=FILE, help="The note that the other side signed; add this side's signature to it.")
@GATEWAY
@OUT
@JSON
@click.pass_obj
def close(home: Home, file: Path, note: Path | None, gateway: str | None, out: Path, as_json: bool) -> None:
    """Close the access under the terms in force in ARRANGEMENT for good; both sides sign, either may begin.

    With --gateway the authority first revokes every grant that this home gave under the ledger, and a note that
    bears both signatures is handed in: from its entry on no gateway permits anything.
    """
    done = close_access(
        home, read_file(file), None if note is None else read_file(note), gateway, lambda text: write_file(out, text)
    )
    closing = done.closing
    members = {
        "ledger": closing.ledger, "digest": closing.digest, "signed_by": list(closing.signed_by),
        "revoked": done.revoked, "index": done.index, "out": str(out),
    }  # fmt: skip
    signed = f"signed by {' and '.join(closing.signed_by)}: {out}"
    state = f"closed: entry {done.index}" if done.index is not None else signed
    say(as_json, members, f"{state}; {done.revoked} grants revoked" if done.revoked else state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A closing with this side's signature, and what came of it."""

    closing: Closing
    revoked: int
    """Grants of this home that were revoked on the way."""
    index: int | None
    """The gateway's entry; `None` where it was not handed in."""


def close_access(
    home: Home, terms_file: bytes, note: bytes | None, gateway: str | None, keep: Callable[[bytes], object]
) -> Closed:
    """Sign the closing, the first or the second of two; `keep` gets the signed note before anything is handed in."""
    with refusing():
        party_role(home)
        terms, signer = _agreed(terms_file).terms, home.signer("party")
        before = note if note is not None else propose_closing(terms, home.random(16).hex(), signer)
        closing = open_closing(sign_closing(before, terms, signer), terms)
        keep(closing.note)
        revoked = 0
        if gateway is not None and home.role == "authority":
            revoked = sum(_revoke(home, gateway, terms.id, text) for text in _revocations(home, terms.ledger.origin))
    index = None
    if gateway is not None and len(closing.signed_by) == 2:
        index = int(ask_json(f"{gateway.rstrip('/')}/a/{terms.id}/close", data=closing.note)["index"])
    return Closed(closing=closing, revoked=revoked, index=index)


def _agreed(terms_file: bytes) -> Offer:
    offer = verify_offer(terms_file)
    if len(offer.signed_by) != 2:
        refuse("expected the terms in force, signed by both sides")
    return offer


def _revocations(home: Home, ledger: str) -> Iterator[str]:
    """The text of a revocation for each grant that this home signed under a ledger."""
    signer = home.signer("party")
    for path in sorted((home.path / "engagements").glob("*/grants/*.note")):
        act = open_act(read_file(path), signer.verifier)
        if isinstance(act, Grant) and act.ledger == ledger:
            yield revoke_text(ledger=ledger, access=act.access, cause="purpose-met", nonce=home.random(16).hex())


def _revoke(home: Home, gateway: str, arrangement: str, text: str) -> bool:
    """Hand in one revocation; False where the grant was over already."""
    url = f"{gateway.rstrip('/')}/a/{arrangement}/revocations"
    try:
        ask_json(url, data=sign_act(text, home.signer("party")))
    except click.ClickException as error:
        if "no grant in force has this key" not in error.message:
            raise
        return False
    return True


@click.command("certify")
@click.argument("file", metavar="ARRANGEMENT", type=FILE)
@click.option("--ledger", "folder", type=FOLDER, help="A copy of the published ledger, to draw up from or to check.")
@click.option("--add", "drawn", type=FILE, help="A certificate that was drawn up; add this side's signature to it.")
@click.option(
    "--wait", default=0.0, type=click.FloatRange(0, 3600),
    help="Seconds to wait until the ledger's checkpoint covers the closing.",
)
@OUT
@JSON
@click.pass_obj
def certify(
    home: Home, file: Path, folder: Path | None, drawn: Path | None, wait: float, out: Path, as_json: bool
) -> None:
    """Draw up the closing certificate of ARRANGEMENT from its ledger, or sign one that was drawn up.

    Nothing is signed of which a fact fails.  Beside the file, one with the ending .txt says the same for people.
    An operator draws up without signing.
    """
    if folder is None and drawn is None:
        raise click.UsageError("expected --ledger FOLDER to draw up from, or --add FILE to sign, or both")
    given = None if drawn is None else read_file(drawn)
    certificate, text = certify_access(home, read_file(file), given, folder, wait)
    write_file(out, certificate.envelope)
    write_file(out.with_suffix(".txt"), text.encode())
    members: dict[str, Any] = {"digest": certificate.digest, "signed_by": list(certificate.signed_by), "out": str(out)}
    say(as_json, members | {"certificate": dict(certificate.facts)}, text)


def certify_access(
    home: Home, terms_file: bytes, drawn: bytes | None, folder: Path | None, wait: float = 0.0
) -> tuple[Certificate, str]:
    """The certificate with this side's signature, and what it says; drawn up from a copy of the ledger, or given."""
    with refusing():
        terms = _agreed(terms_file).terms
        envelope = drawn if drawn is not None else _draw_up(terms_file, folder, home.monotonic() + wait, home)
        certificate = open_certificate(envelope, terms)
        if home.role in ("authority", "provider"):
            certificate = sign_certificate(envelope, terms, home.signer("party"))
        _stands(certificate, terms_file, folder)
        return certificate, certificate_text(certificate, terms)


def _draw_up(terms_file: bytes, folder: Path | None, until: float, home: Home) -> bytes:
    """Draw up, once the published ledger holds the closing; it may be waited for."""
    if folder is None:
        raise AssertionError("a certificate is drawn up from a ledger")
    while True:
        try:
            return _draw_up_now(terms_file, folder)
        except ActRefused:
            if home.monotonic() >= until:
                raise
            time.sleep(POLL_SECONDS)


def _draw_up_now(terms_file: bytes, folder: Path) -> bytes:
    view, copy = read_offer(terms_file), FolderCopy(folder)
    _refuse_failures(verify_directory(copy, view.policy, terms=view))
    checkpoint = copy.read("checkpoint") or b""
    _, head = check_checkpoint(checkpoint, view.policy)
    if head is None or (entries := check_files(copy, head).entries) is None:
        raise AssertionError("a ledger of which no fact fails has a checkpoint and entries")
    history, _ = read_entries(entries)
    return draw_up(history, _agreed(terms_file).terms, checkpoint)


def _stands(certificate: Certificate, terms_file: bytes, folder: Path | None) -> None:
    view = read_offer(terms_file)
    keys = Fact(name="keys", holds=True, detail="those in the arrangement")
    copy = FolderCopy(folder) if folder is not None else None
    if certificate.signed_by:
        _refuse_failures(judge_certificate(certificate.envelope, copy, view.policy, keys, view))


def _refuse_failures(verdict: Verdict) -> None:
    if verdict.failures:
        first = verdict.failures[0]
        refuse(f"nothing is signed: {first.name}: {first.where}: {first.detail}")


@click.command("erase")
@click.argument("ledger")
@GATEWAY
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the signed order to a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the entry as JSON.")
@click.pass_obj
def erase(home: Home, ledger: str, gateway: str | None, out: Path | None, as_json: bool) -> None:
    """Order that all sealed content under LEDGER (its origin) and the keys to it are destroyed, once it is closed.

    The entry states how many items, and commits to which; its receipt under the joint checkpoint is the proof that
    it was done where the ledger is kept.  What recipients fetched before and backups are not reached.
    """
    if gateway is None and out is None:
        raise click.UsageError("expected --gateway URL to act now, or --out FILE to hand the signed order on")
    note = sign_act(erase_text(ledger=ledger, nonce=home.random(16).hex()), home.signer("party"))
    if out is not None:
        out.write_bytes(note)
    if gateway is None:
        say(as_json, {"note": str(out)}, f"signed; hand {out} to the operator")
        return
    arrangement = ledger.rpartition("/")[2]
    members = ask_json(f"{gateway.rstrip('/')}/a/{arrangement}/erase", data=note)
    say(as_json, members, f"erased: entry {members['index']} of {members['ledger']}")


@click.command("compact")
@click.argument("arrangement")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def compact(home: Home, arrangement: str, as_json: bool) -> None:
    """Write the ledger's file of ARRANGEMENT (its id) anew, without what was deleted from it.

    A ledger in a database is compacted by its administrator (VACUUM FULL).
    """
    folder = home.path / "ledgers" / arrangement
    if folder not in adopted_folders(home.path):
        refuse(f"no ledger of arrangement {arrangement[:40]} is adopted here")
    place = ledger_place(folder)
    if not isinstance(place, Path):
        refuse("this ledger is in a database: its administrator compacts it with VACUUM FULL")
    before = place.stat().st_size
    connection = apsw.Connection(str(place))
    try:
        connection.set_busy_timeout(30_000)
        connection.execute("VACUUM").fetchall()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except apsw.Error as fault:
        refuse(f"the ledger's file could not be written anew: {fault}; end what serves it and try again")
    finally:
        connection.close()
    after = place.stat().st_size
    say(as_json, {"before": before, "after": after}, f"{place.name}: {before} bytes before, {after} after")

