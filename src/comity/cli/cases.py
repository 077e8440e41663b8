"""What the commands for engagements, arrangements and grants share.

Files in a home, beside those of `comity.cli.home`:

    engagements/<engagement id>/ledger.sqlite          the case's own ledger
    engagements/<engagement id>/offers/<digest>.json   signed access offers received
    engagements/<engagement id>/grants/<grant>.note    grants issued
    arrangements/<id>/terms-<version>.json             offer envelopes, the fullest seen of each version
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from comity.arrangement import ArrangementError, Offer, open_access_offer, verify_offer
from comity.cli.home import Home
from comity.engagement import EngagementError, add, origin_of, view
from comity.law import LawError
from comity.ledger import Ledger, LedgerError, create_ledger, open_ledger
from comity.records import (
    ArrangementInForce,
    Digest,
    Hex32,
    Instant,
    RecordError,
    TermsOffered,
    instant_text,
    parse_instant,
    parse_record,
)
from comity.vault import VaultError

__all__ = [
    "all_cases",
    "begin_case",
    "case_folder",
    "check_offer",
    "keep_offer",
    "open_case",
    "read_file",
    "record_offer",
    "refuse",
    "refusing",
    "say",
    "stored_offer",
    "write_file",
]

MAX_FILE = 1_048_576
"""Bytes of any file that these commands read; every format has its own smaller limit."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turn a refusal of any room into exit status 1 with its text on standard error."""
    try:
        yield
    except (ArrangementError, EngagementError, LawError, RecordError, LedgerError, VaultError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None


def refuse(text: str) -> NoReturn:
    """End the command with exit status 1."""
    raise click.ClickException(text)


def say(as_json: bool, members: dict[str, Any], text: str) -> None:
    """Print one JSON object, or the text for people."""
    click.echo(json.dumps(members, ensure_ascii=False) if as_json else text)


def read_file(path: Path) -> bytes:
    """A whole file of bounded size."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        refuse(f"{path.name}: expected at most {MAX_FILE} bytes")
    return content


def write_file(path: Path, content: bytes) -> None:
    """Replace a file in one step, durable before its name: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def case_folder(home: Home, called: str) -> Path:
    """The folder of an engagement, called by its id, by the other side's name, or by the beginning of either."""
    folders = sorted(path.parent for path in (home.path / "engagements").glob("*/ledger.sqlite"))
    found = [folder for folder in folders if len(called) >= 4 and folder.name.startswith(called)]
    if not found:
        names = {folder: _names(folder, home) for folder in folders}
        found = [folder for folder in folders if called.casefold() in names[folder]]
        found = found or [
            folder
            for folder in folders
            if len(called) >= 3 and any(name.startswith(called.casefold()) for name in names[folder])
        ]
    if len(found) != 1:
        problem = "several engagements are" if found else "no engagement is"
        refuse(f"{problem} called {called!r}; 'comity engagement list' shows each with its id")
    return found[0]


def _names(folder: Path, home: Home) -> tuple[str, ...]:
    ledger = open_ledger(folder / "ledger.sqlite")
    try:
        seen = view(ledger, home.clock())
    finally:
        ledger.close()
    return tuple(name.casefold() for name in (seen.provider, seen.authority) if name != home.name)


@contextmanager
def open_case(home: Home, called: str) -> Iterator[tuple[Path, Ledger]]:
    """An engagement's folder and its ledger, closed at the end."""
    folder = case_folder(home, called)
    ledger = open_ledger(folder / "ledger.sqlite")
    try:
        yield folder, ledger
    finally:
        ledger.close()


def all_cases(home: Home, until: datetime | None = None) -> Iterator[Ledger]:
    """The ledgers of this home's engagements, each open while it is looked at; by a time: those begun until then."""
    for path in sorted((home.path / "engagements").glob("*/ledger.sqlite")):
        ledger = open_ledger(path)
        try:
            if until is None or parse_instant(parse_record(next(iter(ledger.read(0, 1)))).at) <= until:
                yield ledger
        finally:
            ledger.close()


def begin_case(home: Home, engagement: str) -> Ledger:
    """The new ledger of an engagement."""
    folder = home.path / "engagements" / engagement
    folder.mkdir(parents=True, mode=0o700)
    return create_ledger(folder / "ledger.sqlite", origin=origin_of(home.host, engagement))


def stored_offer(home: Home, arrangement: str, version: int) -> Offer | None:
    """The fullest envelope this home holds of one version."""
    path = _offer_path(home, arrangement, version)
    return verify_offer(read_file(path)) if path.exists() else None


def _offer_path(home: Home, arrangement: str, version: int) -> Path:
    return home.path / "arrangements" / arrangement / f"terms-{version}.json"


def check_offer(home: Home, offer: Offer) -> None:
    """Refuse an offer that contradicts what this home holds of the same arrangement."""
    terms = offer.terms
    held = stored_offer(home, terms.id, terms.version)
    if held is not None and held.terms.digest != terms.digest:
        refuse(f"version {terms.version} with other words is held already: digest {held.terms.digest}")
    before = stored_offer(home, terms.id, terms.version - 1) if terms.version > 1 else None
    if before is not None and before.terms.digest != terms.previous:
        refuse(f"version {terms.version} does not follow from the version {before.terms.version} held here")
    if before is not None and before.terms.parties.keys() != terms.parties.keys():
        refuse(f"version {terms.version} names other party keys than the version {before.terms.version} held here")


def keep_offer(home: Home, offer: Offer) -> None:
    """Keep an offer that passed `check_offer`, unless a fuller one of its version is held."""
    held = stored_offer(home, offer.terms.id, offer.terms.version)
    if held is None or set(held.signed_by) < set(offer.signed_by):
        write_file(_offer_path(home, offer.terms.id, offer.terms.version), offer.envelope)


def _same_provider(folder: Path, offer: Offer) -> None:
    """Refuse terms under another provider's key than the one that signed the access offers received."""
    for path in sorted((folder / "offers").glob("*.json")):
        if open_access_offer(read_file(path)).card.party != offer.terms.parties.provider.key:
            refuse("the terms name another key for the provider than the one that signed its access offer")


def record_offer(home: Home, called: str, offer: Offer, by: str) -> str:
    """Enter an offer, or the arrangement it brings into force, in the engagement; returns the entry's kind."""
    at = home.clock()
    terms = offer.terms
    with open_case(home, called) as (folder, ledger):
        seen = view(ledger, at)
        _same_provider(folder, offer)
        sides = (terms.parties.authority.name, terms.parties.provider.name)
        if sides != (seen.authority, seen.provider):
            refuse(
                f"the terms are between {' and '.join(sides)}; "
                f"the engagement is between {seen.authority} and {seen.provider}"
            )
        if len(offer.signed_by) == 2:
            record: TermsOffered | ArrangementInForce = ArrangementInForce(
                at=Instant(instant_text(at)),
                arrangement=Hex32(terms.id),
                terms_version=terms.version,
                digest=Digest(terms.digest),
                until=instant_text(terms.window.until),
            )
        else:
            record = TermsOffered(
                at=Instant(instant_text(at)),
                by=by,
                arrangement=Hex32(terms.id),
                terms_version=terms.version,
                digest=Digest(terms.digest),
            )
        add(ledger, record, at)
    return record.kind
