"""The closing certificate: what an arrangement came to, as one text that both sides sign.

It is drawn up from the ledger's entries once the access is closed (`access.closed`), and
states what anybody can count again from them:

    {"arrangement", "ledger",
     "parties": {"authority", "provider"},
     "versions": [{"version","digest","entry","from","until","days"}, …],   until: the next one, or the closing
     "window": {"from","until"},                                            of the last version
     "closed": {"entry","at"},
     "exits": [{"entry","by","cause","from"}, …],
     "calls": {"permitted","refused","settled","abandoned"},
     "spend": {"budget.calls": {"agreed","taken"}, …, "budget.cost": {"agreed","taken","unit"}},
     "grants": {"issued","revoked","live"},
     "erasures": [{"entry","at","items","epochs","root"}, …],
     "checkpoint": "<the joint checkpoint that covers all of it, with its cosignatures>"}

in canonical form.  `days` counts the days in UTC on which a version was in force, whole or
in part.  The file that travels is

    {"closing":"<the canonical text>","format":"comity closing-certificate/1","note":"<signed note>"}

and the note's text binds it: `comity closing/1`, the ledger's origin, and the SHA-256 of
the text, a line each.  The second party adds its signature, as to an offer.

Not promised: that the counts are right because two sides signed them. With the ledger at
hand `comity verify` counts them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from comity.arrangement.clauses import money
from comity.arrangement.errors import ActRefused
from comity.arrangement.terms import Role, Terms
from comity.ledger import LedgerError, Note, Signer, format_note, open_note, parse_note, parse_vkey
from comity.records import (
    AccessClosed,
    AccessExited,
    Amount,
    ArrangementSigned,
    CallAbandoned,
    CallPermitted,
    CallRefused,
    CallSettled,
    CallsRefused,
    ContentErased,
    GrantIssued,
    GrantRevoked,
    NotCanonical,
    Record,
    canonical_bytes,
    instant_text,
    parse_canonical,
    parse_instant,
)

__all__ = ["Certificate", "certificate_text", "draw_up", "open_certificate", "sign_certificate"]

FORMAT: Final = "comity closing-certificate/1"
SIGNED: Final = "comity closing/1"
MAX_CERTIFICATE: Final = 262_144
"""Bytes: a hundred versions, and a checkpoint with a dozen cosignatures."""
NOTHING: Final = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate whose signatures hold. Built by `open_certificate` and what signs."""

    facts: Mapping[str, Any]
    digest: str
    signed_by: tuple[Role, ...]
    envelope: bytes


@dataclass(slots=True)
class _Counting:
    """What is remembered while the entries are read in order."""

    versions: list[tuple[int, ArrangementSigned]] = field(default_factory=list)
    closed: tuple[int, AccessClosed] | None = None
    exits: list[dict[str, Any]] = field(default_factory=list)
    erasures: list[dict[str, Any]] = field(default_factory=list)
    permits: dict[int, Amount] = field(default_factory=dict)
    taken: Amount = NOTHING
    refused: int = 0
    settled: int = 0
    abandoned: int = 0
    issued: int = 0
    revoked: int = 0


def draw_up(records: Sequence[tuple[int, Record]], terms: Terms, checkpoint: bytes) -> bytes:
    """The unsigned certificate of a closed arrangement; raises `ActRefused` where it is not closed.

    `records` are the entries with their indexes, `terms` the version in force at the end, `checkpoint` the newest
    joint one, which covers them all.
    """
    counting = _Counting()
    for index, record in records:
        _count(counting, index, record)
    if counting.closed is None:
        raise ActRefused(
            "the access is not closed as far as this checkpoint reaches: both sides sign it with 'comity arrangement "
            "close', and both witnesses cosign what follows"
        )
    facts = _facts(counting, counting.closed, terms, checkpoint)
    return _envelope(canonical_bytes(facts).decode(), "")


def _count(counting: _Counting, index: int, record: Record) -> None:
    match record:
        case ArrangementSigned():
            counting.versions.append((index, record))
        case AccessClosed():
            counting.closed = counting.closed or (index, record)
        case AccessExited():
            said = {"entry": index, "by": record.by, "cause": record.cause, "from": record.effective}
            counting.exits.append(said)
        case ContentErased():
            said = {"entry": index, "at": record.at, "items": record.items, "epochs": record.epochs}
            counting.erasures.append(said | {"root": record.root})
        case CallPermitted():
            counting.permits[index] = record.reserved
            counting.taken += record.reserved
        case CallSettled() | CallAbandoned():
            reserved = counting.permits[record.permit]
            counting.taken = _without(counting.taken + record.charged, reserved)
            counting.settled += isinstance(record, CallSettled)
            counting.abandoned += isinstance(record, CallAbandoned)
        case CallRefused():
            counting.refused += 1
        case CallsRefused():
            counting.refused += record.count
        case GrantIssued():
            counting.issued += 1
        case GrantRevoked():
            counting.revoked += 1
        case _:
            pass


def _facts(
    counting: _Counting, closed: tuple[int, AccessClosed], terms: Terms, checkpoint: bytes
) -> dict[str, Any]:
    budget, taken = terms.budget, counting.taken
    spend = {
        "budget.calls": {"agreed": budget.calls, "taken": len(counting.permits)},
        "budget.input_tokens": {"agreed": budget.input_tokens, "taken": taken.input_tokens},
        "budget.output_tokens": {"agreed": budget.output_tokens, "taken": taken.output_tokens},
        "budget.cost": {"agreed": budget.cost_nano, "taken": taken.cost_nano, "unit": f"nano {budget.currency}"},
    }
    ends = [signed.at for _, signed in counting.versions[1:]] + [closed[1].at]
    return {
        "arrangement": terms.id,
        "ledger": terms.ledger.origin,
        "parties": {"authority": terms.parties.authority.name, "provider": terms.parties.provider.name},
        "versions": [
            _version(index, signed, until) for (index, signed), until in zip(counting.versions, ends, strict=True)
        ],
        "window": {"from": instant_text(terms.window.begins), "until": instant_text(terms.window.until)},
        "closed": {"entry": closed[0], "at": closed[1].at},
        "exits": counting.exits,
        "calls": {
            "permitted": len(counting.permits),
            "refused": counting.refused,
            "settled": counting.settled,
            "abandoned": counting.abandoned,
        },
        "spend": spend,
        "grants": {"issued": counting.issued, "revoked": counting.revoked, "live": closed[1].grants},
        "erasures": counting.erasures,
        "checkpoint": checkpoint.decode(),
    }


def _version(index: int, signed: ArrangementSigned, until: str) -> dict[str, Any]:
    days = (parse_instant(until).date() - parse_instant(signed.at).date()).days + 1
    return {
        "version": signed.terms_version,
        "digest": signed.digest,
        "entry": index,
        "from": signed.at,
        "until": until,
        "days": days,
    }


def _without(amount: Amount, other: Amount) -> Amount:
    return Amount(
        input_tokens=amount.input_tokens - other.input_tokens,
        output_tokens=amount.output_tokens - other.output_tokens,
        cost_nano=amount.cost_nano - other.cost_nano,
    )


def _envelope(closing: str, note: str) -> bytes:
    return canonical_bytes({"format": FORMAT, "closing": closing, "note": note})


def sign_certificate(envelope: bytes, terms: Terms, signer: Signer) -> Certificate:
    """The certificate with this party's signature beside what is there; raises `ActRefused`."""
    held = open_certificate(envelope, terms)
    closing, note = _open(envelope)
    text = f"{SIGNED}\n{held.facts['ledger']}\n{held.digest}\n"
    signatures = parse_note(note.encode()).signatures if note else ()
    if (signer.name, signer.key_id) not in {(line.name, line.key_id) for line in signatures}:
        signatures = (*signatures, signer.sign_note(text))
    return open_certificate(_envelope(closing, format_note(Note(text=text, signatures=signatures)).decode()), terms)


def open_certificate(envelope: bytes, terms: Terms) -> Certificate:
    """A certificate about these terms, and who signed it so far; raises `ActRefused` and nothing else."""
    closing, note = _open(envelope)
    try:
        facts = parse_canonical(closing.encode(), limit=MAX_CERTIFICATE)
    except NotCanonical as error:
        raise ActRefused(f"the certificate's text is not in canonical form: {error}") from None
    versions = facts.get("versions")
    last = versions[-1] if isinstance(versions, list) and versions else {}
    about = last.get("digest") if isinstance(last, dict) else None
    if (facts.get("ledger"), about) != (terms.ledger.origin, terms.digest):
        raise ActRefused(f"the certificate is of {facts.get('ledger')!r:.130}, terms {about!r:.70}; not of these terms")
    digest = sha256(closing.encode()).hexdigest()
    keys = terms.parties.keys()
    signed_by: tuple[Role, ...] = ()
    if note:
        try:
            opened = open_note(note.encode(), [parse_vkey(key) for key in keys.values()])
        except LedgerError as error:
            raise ActRefused(f"no party key of the terms made this signature: {error}") from None
        if opened.unknown or opened.text != f"{SIGNED}\n{terms.ledger.origin}\n{digest}\n":
            raise ActRefused("the signatures are over another certificate, or by somebody whom the terms do not name")
        signers = {signature.verifier.vkey for signature in opened.verified}
        signed_by = tuple(role for role, key in keys.items() if key in signers)
    return Certificate(facts=facts, digest=digest, signed_by=signed_by, envelope=envelope)


def _open(envelope: bytes) -> tuple[str, str]:
    try:
        members = parse_canonical(envelope.removesuffix(b"\n"), limit=MAX_CERTIFICATE)
    except NotCanonical as error:
        raise ActRefused(f"expected canonical JSON in the format {FORMAT}: {error}") from None
    closing, note = members.get("closing"), members.get("note")
    if members.get("format") != FORMAT or not isinstance(closing, str) or not isinstance(note, str):
        raise ActRefused(f"expected the members format ({FORMAT}), closing and note; got {', '.join(members)[:120]}")
    return closing, note


def certificate_text(certificate: Certificate, terms: Terms) -> str:
    """The certificate for people: what stands in it, and who signed."""
    facts = certificate.facts
    calls, grants, currency = facts["calls"], facts["grants"], terms.budget.currency
    lines = [
        "CLOSING CERTIFICATE",
        f"of “{terms.title}”, arrangement {facts['arrangement']}",
        f"between {facts['parties']['authority']} and {facts['parties']['provider']}",
        f"ledger {facts['ledger']}",
        "",
        "Versions in force",
    ]
    lines += [
        f"  {one['version']:>3}  {one['from']} to {one['until']}, {one['days']} days  {one['digest']}"
        for one in facts["versions"]
    ]
    lines += [
        "",
        f"Window           {facts['window']['from']} to {facts['window']['until']}",
        f"Closed           {facts['closed']['at']}, entry {facts['closed']['entry']}",
        *(f"Exit             of the {one['by']} from {one['from']}: {one['cause']}" for one in facts["exits"]),
        f"Calls            {calls['permitted']} permitted, {calls['refused']} refused; of those permitted "
        f"{calls['settled']} settled, {calls['abandoned']} abandoned",
    ]
    for clause, figures in facts["spend"].items():
        taken, agreed = figures["taken"], figures["agreed"]
        said = f"{taken:,} of {agreed:,}"
        if "unit" in figures:
            said = f"{money(taken)} of {money(agreed)} {currency}"
        lines.append(f"{clause:<20} {said}")
    lines.append(f"Grants           {grants['issued']} issued, {grants['revoked']} revoked, {grants['live']} live")
    lines += [
        f"Erased           {one['items']} sealed items and {one['epochs']} keys, entry {one['entry']}, {one['at']}"
        for one in facts["erasures"]
    ] or ["Erased           nothing: sealed content is kept"]
    size = facts["checkpoint"].split("\n")[1]
    lines += ["", f"Joint checkpoint at {size} entries; digest of this certificate {certificate.digest}", ""]
    for role in ("authority", "provider"):
        state = "signed" if role in certificate.signed_by else "not signed yet"
        lines.append(f"For the {role:<10} {facts['parties'][role]}: {state}")
    return "\n".join(lines) + "\n"
