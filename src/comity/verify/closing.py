"""The end of an arrangement: the closing, what was erased, and the certificate that both sides sign.

In a ledger:

- *closing*: `access.closed` holds a note `comity close/1` (ledger, digest of the terms in force, nonce) with both
  parties' signatures; no call is open and no grant in force when it is written, and none is given after it.
- *erasures*: `content.erased` holds a note `comity erase/1` (ledger, nonce) by the authority, comes after the
  closing, and its root is over the commitments of every call so far: the answer's, then the request's.

A certificate is canonical JSON, `{"closing","format":"comity closing-certificate/1","note"}`; the note's text is
`comity closing/1`, the ledger's origin and the SHA-256 of the member `closing`.  Without a ledger its signatures
and its joint checkpoint are established, and no more: what it counts is then the parties' word.  With the ledger's
copy it is counted again, entry by entry.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from comity.ledger import LedgerError, Policy, TreeHead, open_note, parse_note
from comity.records import (
    AccessClosed,
    AccessExited,
    AccessResumed,
    AccessSuspended,
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
    parse_canonical,
    parse_instant,
)
from comity.records.instants import MalformedInstant
from comity.verify.checkpoints import check_checkpoint
from comity.verify.errors import VerifyError
from comity.verify.facts import Fact, Faults, Verdict, unestablished
from comity.verify.history import History, entry
from comity.verify.spending import Spend
from comity.verify.standstill import Standstill
from comity.verify.terms import ROLES, TermsView

__all__ = ["MalformedCertificate", "check_ending", "read_certificate", "verify_certificate"]

FORMAT: Final = "comity closing-certificate/1"
MAX_CERTIFICATE: Final = 262_144
COUNTED: Final = ("versions", "closed", "exits", "calls", "spend", "grants", "erasures")
"""Members of a certificate that follow from the entries."""


class MalformedCertificate(VerifyError):
    """The file is no closing certificate."""


def check_ending(history: History, terms: TermsView | None, origin: str) -> list[Fact]:
    """What the entries say of closing and erasing; nothing where there are none of them."""
    closing, erasures = Faults("closing"), Faults("erasures")
    closed, erased = -1, 0
    signed, grants, standstill = "", dict[str, str](), Standstill()
    open_calls, commitments = set[int](), dict[int, list[str]]()
    for index, record in history:
        match record:
            case ArrangementSigned():
                signed = record.digest
            case AccessSuspended():
                standstill.suspend(index, record)
            case AccessResumed():
                standstill.resume(record)
            case GrantIssued():
                grants[record.grant] = record.expires
                if closed >= 0:
                    closing.add(entry(index), f"a grant after access was closed at entry {closed}")
            case GrantRevoked():
                grants.pop(record.grant, None)
            case CallPermitted():
                open_calls.add(index)
                commitments[index] = [record.request]
            case CallSettled():
                open_calls.discard(record.permit)
                if record.answer:
                    commitments.setdefault(record.permit, []).insert(0, record.answer)
            case CallAbandoned():
                open_calls.discard(record.permit)
            case AccessClosed():
                clock = standstill.clock(record.at)
                live = sum(_in_force(expires, clock) for expires in grants.values())
                if live or record.grants:
                    closing.add(entry(index), f"{live} grants are in force here, and the entry says {record.grants}")
                if open_calls:
                    closing.add(entry(index), f"{len(open_calls)} calls are open here")
                if closed >= 0 or record.digest != signed:
                    closing.add(entry(index), "it closes other terms than those in force, or what is closed already")
                _check_note(index, record.note, ["comity close/1", origin, record.digest], terms, ROLES, closing)
                closed = index
            case ContentErased():
                erased += 1
                if closed < 0:
                    erasures.add(entry(index), "content was erased before access was closed")
                held = [] if erased > 1 else [each for call in sorted(commitments) for each in commitments[call]]
                if (record.items, record.root) != (len(held), _root(held)):
                    said = f"the calls before it commit to {len(held)} items; it states {record.items}, or another root"
                    erasures.add(entry(index), said)
                _check_note(index, record.note, ["comity erase/1", origin], terms, ("authority",), erasures)
            case _:
                pass
    facts = []
    if closed >= 0:
        known = "signed by both parties" if terms is not None else "whose signatures these are was not checked"
        said = f"closed at entry {closed}, {known}: no call open, no grant in force, none given after it"
        facts.append(closing.fact(said, holds=True if terms is not None else None))
    if erased:
        facts.append(erasures.fact("what was erased is every sealed item that the calls before it commit to"))
    return facts


def _in_force(expires: str, clock: datetime) -> bool:
    """Whether a grant lasts longer; one that states no time is held to have ended, as a permit under it is."""
    try:
        return parse_instant(expires) > clock
    except MalformedInstant:
        return False


def _root(commitments: list[str]) -> str:
    return hashlib.sha256("".join(f"{each}\n" for each in commitments).encode()).hexdigest()


def _check_note(
    index: int, note: str, expected: list[str], terms: TermsView | None, roles: tuple[str, ...], faults: Faults
) -> None:
    """The note says what its entry says, under the signatures of exactly these parties."""
    try:
        text = parse_note(note.encode()).text
        opened = open_note(note.encode(), terms.keys.values()) if terms is not None else None
    except LedgerError as error:
        faults.add(entry(index), f"its note does not hold: {error}")
        return
    if text.removesuffix("\n").split("\n")[:-1] != expected:
        faults.add(entry(index), f"the signed act says {text[:120]!r}")
    if terms is None or opened is None:
        return
    by = {found.verifier.vkey for found in opened.verified}
    if opened.unknown or by != {terms.keys[role].vkey for role in roles}:
        faults.add(entry(index), f"expected signatures of {' and '.join(roles)}, and of nobody else")


def read_certificate(data: bytes) -> tuple[dict[str, Any], str, bytes]:
    """The facts of a certificate, their digest and the note over it; raises `MalformedCertificate`."""
    try:
        envelope = parse_canonical(data.removesuffix(b"\n"), limit=MAX_CERTIFICATE)
        closing, note = envelope.get("closing"), envelope.get("note")
        if envelope.get("format") != FORMAT or not isinstance(closing, str) or not isinstance(note, str):
            raise MalformedCertificate(f"expected the members format ({FORMAT}), closing and note")
        facts = dict(parse_canonical(closing.encode(), limit=MAX_CERTIFICATE))
    except NotCanonical as error:
        raise MalformedCertificate(f"the file is no closing certificate: {error}") from None
    return facts, hashlib.sha256(closing.encode()).hexdigest(), note.encode()


def verify_certificate(
    data: bytes,
    terms: TermsView,
    policy: Policy,
    *,
    history: History | None = None,
    root_at: Mapping[int, str] | None = None,
    before: tuple[Fact, ...] = (),
) -> Verdict:
    """What a certificate establishes; raises `MalformedCertificate`.

    `history` are the entries of a ledger that was checked (`before`), and `root_at` the root of its tree at the
    size of the certificate's checkpoint.
    """
    facts, digest, note = read_certificate(data)
    found = [*before, _about(facts, terms), _signatures(facts, digest, note, terms)]
    checkpoint = facts.get("checkpoint")
    text = checkpoint.encode() if isinstance(checkpoint, str) else b""
    signed, head = check_checkpoint(text, policy, "the certificate's checkpoint")
    found += signed
    if history is None or head is None:
        because = "the ledger is not in hand (--ledger)" if history is None else "the checkpoint does not hold"
        found += unestablished(("same history", *COUNTED), because)
    else:
        found.append(_same(head, root_at or {}))
        counted = count(tuple(each for each in history if each[0] < head.size), terms)
        found += [_compare(name, facts.get(name), counted[name]) for name in COUNTED]
    return Verdict(subject=f"closing certificate {digest[:16]}", facts=tuple(found))


def _about(facts: Mapping[str, Any], terms: TermsView) -> Fact:
    versions = facts.get("versions")
    last = versions[-1] if isinstance(versions, list) and versions else None
    digest = last.get("digest") if isinstance(last, dict) else None
    if (facts.get("arrangement"), facts.get("ledger"), digest) != (terms.id, terms.origin, terms.digest):
        said = f"it is of {facts.get('ledger')!r:.130} and terms {digest!r:.70}; those in hand are {terms.digest}"
        return Fact(name="certificate", holds=False, detail=said, where="certificate")
    said = f"of {terms.origin}, version {terms.version} in force at the end"
    return Fact(name="certificate", holds=True, detail=said)


def _signatures(facts: Mapping[str, Any], digest: str, note: bytes, terms: TermsView) -> Fact:
    expected = f"comity closing/1\n{facts.get('ledger')}\n{digest}\n"
    try:
        opened = open_note(note, terms.keys.values())
    except LedgerError as error:
        return Fact(name="signatures", holds=False, detail=f"no party signed it: {error}", where="certificate")
    signed = {each.verifier.vkey for each in opened.verified}
    missing = [role for role in ROLES if terms.keys[role].vkey not in signed]
    if opened.text != expected or opened.unknown:
        said = "the signatures are over another text, or by somebody whom the terms do not name"
        return Fact(name="signatures", holds=False, detail=said, where="certificate")
    if missing:
        said = f"the {missing[0]} has not signed: this is what one side says"
        return Fact(name="signatures", holds=None, detail=said)
    names = " and ".join(f"the {role} ({terms.keys[role].name})" for role in ROLES)
    return Fact(name="signatures", holds=True, detail=f"signed by {names}, digest {digest}")


def _same(head: TreeHead, root_at: Mapping[int, str]) -> Fact:
    if root_at.get(head.size) == head.root.hex():
        return Fact(name="same history", holds=True, detail=f"its {head.size} entries are those of the ledger in hand")
    said = f"the ledger in hand has another root at {head.size} entries, or fewer entries"
    return Fact(name="same history", holds=False, detail=said, where="certificate")


def _compare(name: str, stated: object, counted: object) -> Fact:
    if stated == counted:
        return Fact(name=name, holds=True, detail="follows from the entries")
    said = f"the certificate states {str(stated)[:160]}; from the entries follows {str(counted)[:160]}"
    return Fact(name=name, holds=False, detail=said, where="certificate")


def count(history: History, terms: TermsView) -> dict[str, Any]:
    """The members of a certificate that follow from the entries, counted from nothing."""
    spend, permits = Spend(), dict[int, CallPermitted]()
    numbers = dict.fromkeys(("permitted", "refused", "settled", "abandoned", "issued", "revoked"), 0)
    signed: list[tuple[int, ArrangementSigned]] = []
    exits, erasures = list[dict[str, Any]](), list[dict[str, Any]]()
    closed: dict[str, Any] = {}
    live = -1
    for index, record in history:
        match record:
            case ArrangementSigned():
                signed.append((index, record))
            case CallPermitted():
                permits[index] = record
                spend.reserve(record.reserved)
                numbers["permitted"] += 1
            case CallSettled() | CallAbandoned() if record.permit in permits:
                spend.settle(permits[record.permit].reserved, record.charged)
                numbers["settled" if isinstance(record, CallSettled) else "abandoned"] += 1
            case CallRefused():
                numbers["refused"] += 1
            case CallsRefused():
                numbers["refused"] += record.count
            case GrantIssued():
                numbers["issued"] += 1
            case GrantRevoked():
                numbers["revoked"] += 1
            case AccessExited():
                exits.append({"entry": index, "by": record.by, "cause": record.cause, "from": record.effective})
            case ContentErased():
                figures = {"items": record.items, "epochs": record.epochs, "root": record.root}
                erasures.append({"entry": index, "at": record.at, **figures})
            case AccessClosed() if not closed:
                closed, live = {"entry": index, "at": record.at}, record.grants
            case _:
                pass
    return {
        "versions": _versions(signed, closed),
        "closed": closed,
        "exits": exits,
        "calls": {name: numbers[name] for name in ("permitted", "refused", "settled", "abandoned")},
        "spend": _spend(spend, terms),
        "grants": {"issued": numbers["issued"], "revoked": numbers["revoked"], "live": live},
        "erasures": erasures,
    }


def _versions(signed: list[tuple[int, ArrangementSigned]], closed: Mapping[str, Any]) -> list[dict[str, Any]]:
    ends = [record.at for _, record in signed[1:]] + [str(closed.get("at", ""))]
    found = []
    for (index, record), until in zip(signed, ends, strict=True):
        days = (parse_instant(until).date() - parse_instant(record.at).date()).days + 1 if until else 0
        named = {"version": record.terms_version, "digest": record.digest, "entry": index}
        found.append({**named, "from": record.at, "until": until, "days": days})
    return found


def _spend(spend: Spend, terms: TermsView) -> dict[str, Any]:
    agreed, taken = terms.budget, spend.taken
    return {
        "budget.calls": {"agreed": agreed.calls, "taken": spend.calls},
        "budget.input_tokens": {"agreed": agreed.input_tokens, "taken": taken.input_tokens},
        "budget.output_tokens": {"agreed": agreed.output_tokens, "taken": taken.output_tokens},
        "budget.cost": {"agreed": agreed.cost_nano, "taken": taken.cost_nano, "unit": f"nano {terms.currency}"},
    }
