"""Approvals: a second person of a side looks at a version before that side signs it.

A home may ask for approvals (`comity.json`: `"approvals": 1`).  It then signs a version only when that many listed
persons, other than the one who signs, approved the very digest.  Each person has a note key used for nothing else;
the home's `persons.json` lists the public ones:

    {"format":"comity persons/1","persons":[{"key":"<vkey>","person":"counsel-1","revoked":""}]}

where `revoked` says why a person counts no longer, and is empty while the person does.  An approval is a signed note
with one signature by that person's key and the four lines

    comity approve/1
    <id of the arrangement>
    <version>
    <digest of the terms, hex>

It is the side's own affair: the other side sees the party's signature, and the entry `version.approved` where the
side enters it.  The persons are pseudonyms here as everywhere.

    check_approvals(terms, notes, persons, signer="counsel-1", needed=1)     raises `ApprovalMissing`

An approval by a revoked person does not count, whenever it was given: who may no longer approve is asked anew.

Not promised: that the second person read what was approved; that nobody holds two keys; that somebody who can write
the home's files keeps to its policy.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from comity.arrangement.errors import ApprovalMissing, ApprovalRefused
from comity.arrangement.terms import Terms
from comity.ledger import LedgerError, Note, Signer, Verifier, format_note, open_note, parse_vkey

__all__ = ["Approver", "approval_text", "approve", "approved_by", "check_approvals", "parse_persons", "persons_bytes"]

HEAD: Final = "comity approve/1"
PERSONS: Final = "comity persons/1"
MAX_PERSONS: Final = 200
"""Persons of one side who may approve: a directorate, not a ministry."""
MAX_FILE: Final = 131_072
MAX_NOTE: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """Somebody of this side who may approve and sign, by pseudonym."""

    person: str
    key: str
    """A vkey used for approvals alone."""
    revoked: str = ""
    """Why the person counts no longer; empty while the person does."""


def parse_persons(source: bytes) -> tuple[Approver, ...]:
    """Read a home's list of persons; raises `ApprovalRefused`."""
    if len(source) > MAX_FILE:
        raise ApprovalRefused(f"expected a list of persons of at most {MAX_FILE} bytes; got {len(source)}")
    try:
        members = json.loads(source)
        rows = members["persons"]
        if members["format"] != PERSONS or len(rows) > MAX_PERSONS or members.keys() != {"format", "persons"}:
            raise ValueError
        persons = tuple(Approver(**row) for row in rows)
        if not all(isinstance(text, str) for one in persons for text in (one.person, one.key, one.revoked)):
            raise ValueError
        keys = [_verifier(one.key) for one in persons]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ApprovalRefused(f"expected a list of persons in the format {PERSONS}") from None
    for what, held in (("person", [one.person for one in persons]), ("key", [one.vkey for one in keys])):
        if len(set(held)) != len(held):
            raise ApprovalRefused(f"persons.json: expected each {what} once")
    return persons


def persons_bytes(persons: Sequence[Approver]) -> bytes:
    """The list as it is kept."""
    rows = [{"key": one.key, "person": one.person, "revoked": one.revoked} for one in persons]
    return (json.dumps({"format": PERSONS, "persons": rows}, indent=1, sort_keys=True) + "\n").encode()


def _verifier(vkey: str) -> Verifier:
    try:
        return parse_vkey(vkey)
    except LedgerError as error:
        raise ApprovalRefused(f"persons.json: {error}") from None


def approval_text(terms: Terms) -> str:
    """The text that a person signs."""
    return f"{HEAD}\n{terms.id}\n{terms.version}\n{terms.digest}\n"


def approve(terms: Terms, signer: Signer) -> bytes:
    """The note of an approval."""
    text = approval_text(terms)
    return format_note(Note(text=text, signatures=(signer.sign_note(text),)))


def approved_by(note: bytes, terms: Terms, persons: Sequence[Approver]) -> Approver:
    """Whose approval of exactly these terms a note is; raises `ApprovalRefused`."""
    if len(note) > MAX_NOTE:
        raise ApprovalRefused(f"expected an approval of at most {MAX_NOTE} bytes; got {len(note)}")
    try:
        opened = open_note(note, [_verifier(one.key) for one in persons])
    except LedgerError as error:
        raise ApprovalRefused(f"expected an approval signed by a listed person: {error}") from None
    if len(opened.verified) != 1 or opened.unknown:
        raise ApprovalRefused("expected one signature; an approval is one person's alone")
    vkey = opened.verified[0].verifier.vkey
    (person,) = [one for one in persons if one.key == vkey]
    if opened.text != approval_text(terms):
        lines = opened.text.split("\n")
        named = f"digest {lines[3][:64]}" if len(lines) == 5 and lines[0] == HEAD else "something else"
        raise ApprovalRefused(f"{person.person} approved {named}, and not version {terms.version}, {terms.digest}")
    if person.revoked:
        raise ApprovalRefused(f"{person.person} may approve no longer: {person.revoked}")
    return person


def check_approvals(
    terms: Terms, notes: Iterable[bytes], persons: Sequence[Approver], *, signer: str, needed: int
) -> tuple[str, ...]:
    """Who approved these terms beside the signer; raises `ApprovalMissing` where they are too few."""
    found: list[str] = []
    passed_over: list[str] = []
    for note in notes:
        try:
            person = approved_by(note, terms, persons)
        except ApprovalRefused as error:
            passed_over.append(str(error))
            continue
        if person.person == signer:
            passed_over.append(f"{signer} signs, and so cannot approve as the second person")
        elif person.person not in found:
            found.append(person.person)
    if len(found) < needed:
        reasons = f" ({'; '.join(passed_over)})" if passed_over else ""
        raise ApprovalMissing(
            f"version {terms.version} with digest {terms.digest} needs the approval of {needed} other than {signer}; "
            f"got {len(found)}{reasons}. A second person gives it with 'comity arrangement approve FILE --as PERSON'."
        )
    return tuple(found)
