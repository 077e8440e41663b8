"""Sessions: access that is not a call, entered by one side and answered by the other.

Who saw what, from when to when, under which conditions, is entered by one side (`session.held`).  The other side
countersigns the entry or contests it (`session.answered`).  Nobody sets a status; it follows:

| status | there is |
|---|---|
| `entered` | no answer of the other side that counts |
| `countersigned` | an answer that countersigns the session as it reads now |
| `contested` | an answer that contests the session as it reads now |
| `corrected` | answers to how it read before, and none to how it reads now |

The newest answer counts.  An answer whose signature does not verify counts for nothing.

An answer is signed with the party key of the terms, as a signed note over these lines, each ending in a newline:

    comity session-answer/1
    <the arrangement's id>
    <the session's id>
    <SHA-256 of the entry by which the session reads as it does now>
    countersigned | contested
    <SHA-256 of the reason's UTF-8; that of nothing where none is given>

The note is the member `signature`.  Where it is empty, the answer came on paper, and whoever entered it vouches for it.

A session travels between two houses as canonical JSON, so that both ledgers hold the same entries:

    {"entries":["<session.held>","<item.corrected>",…],"format":"comity session/1","note":"<signed note>"}

The note's text is `comity session/1`, the arrangement's id, the session's id and the SHA-256 of each entry, a line
each.  An answer travels as the bytes of its entry.

Not promised: that the people named were there. Only that both sides say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from comity.engagement.case import Case, Entry, Item
from comity.engagement.errors import SessionRefused
from comity.ledger import LedgerError, Note, Signer, format_note, open_note, parse_vkey
from comity.records import (
    CaseItem,
    ItemCorrected,
    NotCanonical,
    Record,
    RecordError,
    SessionAnswered,
    SessionHeld,
    canonical_bytes,
    parse_canonical,
    parse_record,
    to_bytes,
)

__all__ = [
    "Keys",
    "Session",
    "SessionStatus",
    "answer_text",
    "check_answer",
    "hand_session",
    "open_answer",
    "open_session",
    "read_sessions",
    "sign_answer",
]

FORMAT: Final = "comity session/1"
ANSWER: Final = "comity session-answer/1"
MAX_SESSION: Final = 1_048_576
"""Bytes of a session's file: an entry has at most 65,535, and a dozen corrections are many."""

Keys = Mapping[str, Mapping[str, str]]
"""Arrangement's id → side → the vkey by which it signs; what is missing is not checked."""

SessionStatus = Literal["entered", "countersigned", "contested", "corrected"]
Signed = Literal["signed", "on paper", "not checked", "wrong", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session, and how it stands between the sides."""

    item: Item
    record: SessionHeld
    """As it reads now."""
    status: SessionStatus
    signed: Signed
    """How the answer that counts is signed; empty where none counts, `wrong` where the newest does not verify."""
    answer: SessionAnswered | None
    entries: tuple[Entry, ...]
    """What the status follows from: the session, its corrections and the answers to it, oldest first."""


def read_sessions(case: Case, keys: Keys) -> tuple[Session, ...]:
    """Every standing session of a case, in the order in which they were entered."""
    return tuple(_session(case, item, record, keys) for item, record in case.records(SessionHeld))


def _session(case: Case, item: Item, record: SessionHeld, keys: Keys) -> Session:
    answers = [
        (other, answer, check_answer(answer, record, keys))
        for other, answer in case.about(item.id, SessionAnswered)
    ]
    current = [(answer, signed) for _, answer, signed in answers if answer.digest == item.latest.digest]
    counting = [(answer, signed) for answer, signed in current if signed != "wrong"]
    status: SessionStatus = "entered"
    if counting:
        status = "countersigned" if counting[-1][0].answer == "countersigned" else "contested"
    elif not current and any(signed != "wrong" for _, _, signed in answers):
        status = "corrected"
    entries = (item.entry, *item.corrected, *(other.entry for other, _, _ in answers))
    return Session(
        item=item,
        record=record,
        status=status,
        signed=counting[-1][1] if counting else "wrong" if current else "",
        answer=counting[-1][0] if counting else None,
        entries=tuple(sorted(entries, key=lambda entry: entry.index)),
    )


def answer_text(*, arrangement: str, session: str, digest: str, answer: str, because: str) -> str:
    """The lines that a side signs when it answers a session."""
    lines = (ANSWER, arrangement, session, digest, answer, sha256(because.encode()).hexdigest())
    return "".join(f"{line}\n" for line in lines)


def sign_answer(item: Item, answer: str, because: str, signer: Signer) -> str:
    """The signed note over an answer to a session as it reads now."""
    record = item.record
    if not isinstance(record, SessionHeld):
        raise SessionRefused(f"expected a session to answer; {item.id} is {item.kind}")
    digest = item.latest.digest
    text = answer_text(
        arrangement=record.arrangement, session=item.id, digest=digest, answer=answer, because=because
    )
    return format_note(Note(text=text, signatures=(signer.sign_note(text),))).decode()


def check_answer(answer: SessionAnswered, session: SessionHeld, keys: Keys) -> Signed:
    """How an answer is signed: `wrong` where its note is not the side's, or is about another answer."""
    if not answer.signature:
        return "on paper"
    key = keys.get(session.arrangement, {}).get(answer.by)
    if key is None:
        return "not checked"
    text = answer_text(
        arrangement=session.arrangement,
        session=answer.session,
        digest=answer.digest,
        answer=answer.answer,
        because=answer.because,
    )
    try:
        opened = open_note(answer.signature.encode(), [parse_vkey(key)])
    except LedgerError:
        return "wrong"
    return "signed" if opened.text == text else "wrong"


def hand_session(case: Case, session: str, signer: Signer) -> bytes:
    """A session with its corrections, as a file for the other side."""
    item = case.items[session]
    if not isinstance(item.record, SessionHeld):
        raise SessionRefused(f"expected a session to hand over; {session} is {item.kind}")
    entries = [to_bytes(entry.record) for entry in (item.entry, *item.corrected)]
    text = _handed_text(item.record, entries)
    note = format_note(Note(text=text, signatures=(signer.sign_note(text),)))
    return canonical_bytes(
        {"entries": [entry.decode() for entry in entries], "format": FORMAT, "note": note.decode()}
    )


def open_session(envelope: bytes, keys: Keys) -> tuple[CaseItem, ...]:
    """The session that the other side handed over, and its corrections; raises `SessionRefused`.

    The signature is that of the side which the session says entered it.
    """
    members = _members(envelope)
    entries = [text.encode() for text in members["entries"]]
    session, *corrections = [_record(entry) for entry in entries]
    if not isinstance(session, SessionHeld):
        raise SessionRefused(f"expected a session first; got {session.kind}")
    for record in corrections:
        if not isinstance(record, ItemCorrected) or record.corrects != session.item:
            raise SessionRefused(f"expected corrections of the session {session.item}; got {record.kind}")
    key = keys.get(session.arrangement, {}).get(session.by)
    if key is None:
        raise SessionRefused(f"expected the party key of the {session.by} at hand; the terms are not held here")
    try:
        opened = open_note(members["note"].encode(), [parse_vkey(key)])
    except LedgerError as error:
        raise SessionRefused(f"the {session.by} did not sign this session: {error}") from None
    if opened.text != _handed_text(session, entries):
        raise SessionRefused("the signature is over other entries than the file carries")
    return (session, *(record for record in corrections if isinstance(record, ItemCorrected)))


def open_answer(entry: bytes, case: Case, keys: Keys) -> SessionAnswered:
    """The answer that the other side handed over; raises `SessionRefused` where its signature does not verify."""
    answer = _record(entry)
    if not isinstance(answer, SessionAnswered):
        raise SessionRefused(f"expected a session.answered; got {answer.kind}")
    item = case.items.get(answer.session)
    if item is None or not isinstance(item.record, SessionHeld):
        raise SessionRefused(f"expected an answer to a session of this case; {answer.session} is none")
    signed = check_answer(answer, item.record, keys)
    if signed != "signed":
        why = {
            "on paper": "it bears none; an answer on paper is entered with --on-paper",
            "not checked": f"the party key of the {answer.by} is not at hand, because the terms are not held here",
        }.get(signed, "its note is another key's, or over another answer")
        raise SessionRefused(f"expected the signature of the {answer.by} over the answer: {why}")
    return answer


def _handed_text(session: SessionHeld, entries: Sequence[bytes]) -> str:
    lines = (FORMAT, session.arrangement, session.item, *(sha256(entry).hexdigest() for entry in entries))
    return "".join(f"{line}\n" for line in lines)


def _members(envelope: bytes) -> dict[str, Any]:
    try:
        members = parse_canonical(envelope, limit=MAX_SESSION)
    except NotCanonical as error:
        raise SessionRefused(f"expected canonical JSON in the format {FORMAT}: {error}") from None
    entries, note = members.get("entries"), members.get("note")
    texts = isinstance(entries, list) and entries and all(isinstance(text, str) for text in entries)
    if members.keys() != {"entries", "format", "note"} or members["format"] != FORMAT or not texts:
        raise SessionRefused(f"expected the members entries, format ({FORMAT}) and note")
    if not isinstance(note, str):
        raise SessionRefused("expected the member note to be a signed note")
    return members


def _record(entry: bytes) -> Record:
    try:
        return parse_record(entry)
    except RecordError as error:
        raise SessionRefused(f"expected an entry of a case: {error}") from None
