"""Signatures inside the entries: the terms by both parties, and each party's own acts.

Entry 0 is `arrangement.signed`: its note is over id, version, digest and the version before, in the words of
`comity.verify.terms`.  A later one is an amendment: the next version, naming the digest before it.

An act is a note with one signature; its lines after the first are

| act | lines |
| --- | --- |
| `comity grant/1` | ledger, digest of the terms, person, SHA-256 of the key, expires, nonce |
| `comity revoke/1` | ledger, SHA-256 of the key, cause, nonce |
| `comity stop/1`, `comity suspend/1`, `comity resume/1` | ledger, cause, nonce |
| `comity exit/1` | ledger, cause, from when on, nonce |
| `comity draw-commit/1` | ledger, run, SHA-256 of 32 secret bytes, nonce |
| `comity draw-reveal/1` | ledger, run, the 32 bytes, nonce |

Each is compared with the entry that holds it; a nonce counts once.  Stops and suspensions are acts of those whom the
clauses `stop.by` and `suspension.by` name, an exit of those whom `exit.by` names, with the notice of
`exit.notice_days` and a cause where `exit.statement` asks for one.

Without the terms the party keys are not known: then the notes are compared with their entries, and that
nobody's signature was checked is said.
"""

from typing import assert_never

from comity.ledger import LedgerError, Note, open_note, parse_note
from comity.records import (
    AccessExited,
    AccessResumed,
    AccessStopped,
    AccessSuspended,
    ArrangementSigned,
    DrawCommitted,
    DrawRevealed,
    GrantIssued,
    GrantRevoked,
    PlanDeviated,
    parse_instant,
)
from comity.records.instants import MalformedInstant
from comity.verify.errors import MalformedOfferFile
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History, entry
from comity.verify.terms import ROLES, SIGNED, TermsView, signers

Acts = (
    GrantIssued
    | GrantRevoked
    | AccessStopped
    | AccessSuspended
    | AccessResumed
    | AccessExited
    | DrawCommitted
    | DrawRevealed
    | PlanDeviated
)

UNSTATED = "unstated"
"""The cause of an exit without a word."""


def check_terms(history: History, terms: TermsView | None) -> Fact:
    """Entry 0 holds the terms' digest under both signatures; amendments follow one another."""
    faults = Faults("terms")
    signed = [(index, record) for index, record in history if isinstance(record, ArrangementSigned)]
    if not signed or signed[0][0] != 0:
        faults.add(entry(0), "the first entry of an arrangement's ledger is arrangement.signed, and this is not")
        return faults.fact("")
    before: ArrangementSigned | None = None
    for index, record in signed:
        _check_note(index, record, faults)
        if before is not None and (
            record.arrangement != before.arrangement
            or record.terms_version != before.terms_version + 1
            or record.previous != before.digest
        ):
            faults.add(entry(index), "the amendment does not follow from the version in force before it")
        before = record
    versions = counted(len(signed), "version")
    if terms is None:
        return faults.fact(
            f"{versions} signed for, digest {signed[-1][1].digest}; whose signatures these are was not checked, "
            f"because the terms with the party keys are not in hand (--arrangement)",
            holds=None,
        )
    mine = next(((index, record) for index, record in signed if record.digest == terms.digest), None)
    if mine is None:
        digests = ", ".join(record.digest for _, record in signed)
        faults.add("arrangement", f"its digest is {terms.digest}; the ledger is kept under {digests}")
        return faults.fact("")
    for name, note, where in (
        ("the entry", mine[1].note.encode(), entry(mine[0])),
        ("the arrangement file", terms.note, "arrangement"),
    ):
        try:
            by = signers(terms, note)
        except (LedgerError, MalformedOfferFile) as error:
            faults.add(where, f"the signatures in {name} do not hold: {error}")
            continue
        for role in ROLES:
            if role not in by:
                faults.add(where, f"the {role} did not sign what {name} holds")
    if (mine[1].arrangement, mine[1].terms_version, mine[1].previous) != (terms.id, terms.version, terms.previous):
        faults.add(entry(mine[0]), "id, version or previous digest differ from those of the terms")
    names = " and ".join(f"the {role} ({terms.keys[role].name})" for role in ROLES)
    return faults.fact(f"version {terms.version}, digest {terms.digest}, signed by {names}")


def _check_note(index: int, record: ArrangementSigned, faults: Faults) -> None:
    expected = f"{SIGNED}\n{record.arrangement}\n{record.terms_version}\n{record.digest}\n{record.previous or '-'}\n"
    try:
        note = parse_note(record.note.encode())
    except LedgerError as error:
        faults.add(entry(index), f"what it holds is no signed note: {error}")
        return
    if note.text != expected:
        faults.add(entry(index), "the signed text names other terms than the entry")
    if len(note.signatures) != len(ROLES):
        faults.add(entry(index), f"{counted(len(note.signatures), 'signature')}; both parties' are expected")


def check_acts(history: History, terms: TermsView | None, origin: str) -> Fact:
    """Every grant, revocation, stop, suspension and resumption is signed by the party whose act it is, once."""
    faults = Faults("acts")
    seen: dict[str, int] = {}
    digests: set[str] = set()
    keys: dict[str, str] = {}
    acts, held = 0, False
    for index, record in history:
        if isinstance(record, ArrangementSigned):
            digests.add(record.digest)
            held = terms is not None and record.digest == terms.digest
        if not isinstance(record, Acts):
            continue
        acts += 1
        if isinstance(record, GrantIssued):
            keys[record.grant] = record.key
        try:
            note = parse_note(record.note.encode())
        except LedgerError as error:
            faults.add(entry(index), f"what it holds is no signed note: {error}")
            continue
        lines = note.text.removesuffix("\n").split("\n")
        expected = _lines(record, origin, keys)
        given = [line for place, line in enumerate(lines) if not (place == 2 and isinstance(record, GrantIssued))]
        if given[:-1] != expected or len(note.signatures) != 1:
            faults.add(entry(index), f"the signed act says {_shown(lines)}, the entry says {_shown(expected)}")
            continue
        if isinstance(record, GrantIssued) and lines[2] not in digests:
            faults.add(entry(index), "the grant names other terms than those of this ledger")
        nonce = lines[-1]
        if isinstance(record, GrantIssued) and nonce != record.grant:
            faults.add(entry(index), "the grant's id is not the nonce that was signed")
        if nonce in seen:
            faults.add(entry(index), f"the same signed act stands at entry {seen[nonce]} already")
        seen[nonce] = index
        if terms is not None:
            _check_signer(index, record, note, terms, faults)
            if held:
                _check_entitled(index, record, terms, faults)
    if terms is None:
        return faults.fact(f"{counted(acts, 'act')}; whose signatures these are was not checked", holds=None)
    kinds = "grants, revocations, stops, suspensions, resumptions, exits, halves of draws, deviations from plans"
    return faults.fact(f"{counted(acts, 'act')} ({kinds}), each signed by its party")


def _lines(record: Acts, origin: str, keys: dict[str, str]) -> list[str]:
    """The lines of the act that this entry must hold, without a grant's terms and without the nonce."""
    match record:
        case GrantIssued(person=person, key=key, expires=expires):
            return ["comity grant/1", origin, person, key, expires]
        case GrantRevoked(grant=grant, cause=cause):
            return ["comity revoke/1", origin, keys.get(grant, ""), cause]
        case AccessStopped(cause=cause):
            return ["comity stop/1", origin, cause]
        case AccessSuspended(cause=cause):
            return ["comity suspend/1", origin, cause]
        case AccessResumed(cause=cause):
            return ["comity resume/1", origin, cause]
        case AccessExited(cause=cause, effective=effective):
            return ["comity exit/1", origin, cause, effective]
        case DrawCommitted(run=run, commitment=commitment):
            return ["comity draw-commit/1", origin, run, commitment]
        case DrawRevealed(run=run, nonce=secret):
            return ["comity draw-reveal/1", origin, run, secret]
        case PlanDeviated(plan=plan, amended=amended, because=because):
            return ["comity plan-deviation/1", origin, plan, amended or "-", because]
        case _:
            assert_never(record)


def _check_signer(index: int, record: Acts, note: Note, terms: TermsView, faults: Faults) -> None:
    try:
        opened = open_note(record.note.encode(), terms.keys.values())
    except LedgerError as error:
        faults.add(entry(index), f"no party of the terms signed it: {error}")
        return
    role = next(role for role in ROLES if terms.keys[role].vkey == opened.verified[0].verifier.vkey)
    if not isinstance(record, GrantIssued | GrantRevoked):
        if record.by in ROLES and record.by != role:
            faults.add(entry(index), f"the entry names the {record.by}, the {role} signed")
    elif role != "authority":
        faults.add(entry(index), f"grants are the authority's to give and end; the {role} signed")


def _check_entitled(index: int, record: Acts, terms: TermsView, faults: Faults) -> None:
    """Whether the clauses let this party stop or suspend."""
    match record:
        case AccessStopped(by=by) if by not in terms.stop_by:
            faults.add(entry(index), f"the {by} stops the access, and the clause stop.by does not name it")
        case AccessSuspended(by=by) if by not in terms.suspension_by:
            faults.add(entry(index), f"the {by} suspends the access, and the clause suspension.by does not name it")
        case AccessExited():
            _check_exit(index, record, terms, faults)
        case _:
            pass


def _check_exit(index: int, record: AccessExited, terms: TermsView, faults: Faults) -> None:
    if record.by not in terms.exit_by:
        faults.add(entry(index), f"the {record.by} leaves, and the clause exit.by does not name it")
    try:
        effective = parse_instant(record.effective)
    except MalformedInstant:
        faults.add(entry(index), f"from when on it ends access cannot be read: {record.effective!r:.40}")
        return
    notice = (effective.date() - parse_instant(record.at).date()).days
    if notice != record.notice_days or notice < terms.exit_notice_days:
        said = f"{terms.exit_notice_days} days of notice agreed; from {record.at} to {record.effective} are {notice}"
        faults.add(entry(index), f"{said}, and the entry says {record.notice_days}")
    if record.cause == UNSTATED and terms.exit_statement != "none":
        faults.add(entry(index), f"no cause is stated, and exit.statement is {terms.exit_statement}")


def _shown(lines: list[str]) -> str:
    return " / ".join(lines)[:160]
