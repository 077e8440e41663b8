"""Acts: what one party decides alone, as a signed note with exactly one signature.

| act | lines of the text |
|---|---|
| grant | `comity grant/1`, ledger origin, terms' digest, person, SHA-256 of the access key, expires, nonce |
| revocation | `comity revoke/1`, ledger origin, SHA-256 of the access key, cause, nonce |
| stop | `comity stop/1`, ledger origin, cause, nonce |
| suspension | `comity suspend/1`, ledger origin, cause, nonce |
| resumption | `comity resume/1`, ledger origin, cause, nonce |
| exit | `comity exit/1`, ledger origin, cause, from when on, nonce |
| erasure | `comity erase/1`, ledger origin, nonce |
| commitment to a draw | `comity draw-commit/1`, ledger origin, run, SHA-256 of 32 secret bytes, nonce |
| revelation of a draw | `comity draw-reveal/1`, ledger origin, run, the 32 bytes in hex, nonce |
| deviation from a plan | `comity plan-deviation/1`, ledger origin, plan's digest, the other plan's or `-`, why, nonce |

One field a line, each line ending in a newline.  Digests are 64 lower-case hex
digits, the nonce is 128 random bits as 32, `expires` is an instant as records
write it.  The origin ties an act to one ledger and the nonce makes it one act:
whoever executes acts refuses a nonce seen before (the notes stand in the entries).

`cause` is a code of `CAUSES`, so that both sides count the same thing; an exit may
bear `UNSTATED` instead, where the clause `exit.statement` lets a side leave without a
word.  From when on an exit ends access is the beginning of a day in UTC.

A stop ends access and cuts what is under way; a suspension lets no new call pass,
and for the causes of the clause `suspension.clock_stops` the window's clock stands
still meanwhile.  A resumption lifts whatever its own signer stopped and suspended.

The two acts of a draw are each party's half of one die: `comity.verify.draw`
says which rows of a run it picks.

    open_act(note, verifier, …) -> Grant | Revocation | Stop | Suspension | Resumption | …

An exit ends access for good, from its day on; nobody resumes it.

Not promised: that the signer may do it.  Who may stop stands in the clause
`stop.by`, who may suspend in `suspension.by`, who may leave in `exit.by`; who may
grant is the authority.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from types import MappingProxyType
from typing import Final

from comity.arrangement.errors import ActRefused
from comity.ledger import LedgerError, Note, Signer, Verifier, format_note, open_note
from comity.records import MalformedInstant, instant_text, parse_instant

__all__ = [
    "CAUSES",
    "UNSTATED",
    "Act",
    "Deviation",
    "DrawCommit",
    "DrawReveal",
    "Erasure",
    "Exit",
    "Grant",
    "Resumption",
    "Revocation",
    "Stop",
    "Suspension",
    "deviation_text",
    "draw_commit_text",
    "draw_reveal_text",
    "erase_text",
    "exit_text",
    "grant_text",
    "open_act",
    "resume_text",
    "revoke_text",
    "sign_act",
    "stop_text",
    "suspend_text",
]

CAUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "containment": "the model or what it did must be contained",
        "security-incident": "keys, systems or content may be in wrong hands",
        "legal-order": "a court or an authority ordered it",
        "terms-breach": "a clause was broken",
        "operational": "maintenance or failure",
        "person-eligibility": "a person may no longer have access",
        "third-party-suspension": "a third party's act, such as an export control, closes access",
        "cause-ended": "what had closed access does so no longer",
        "purpose-met": "what access was given for is done",
        "model-withdrawn": "the model is no longer offered",
        "no-agreement": "the sides do not agree on how to go on",
    }
)
"""Why access stops, ends or resumes."""

UNSTATED: Final = "unstated"
"""The cause of an exit without a word."""

MAX_NOTE: Final = 4_096
"""Bytes of an act: seven short lines and one Ed25519 signature take under 1,000."""

_ORIGIN: Final = r"[a-z0-9.:-]{1,260}/a/[0-9a-f]{32}"
_PERSON: Final = r"[a-z0-9][a-z0-9-]{0,63}"
_DIGEST: Final = r"[0-9a-f]{64}"
_NONCE: Final = r"[0-9a-f]{32}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One person may call, with one key, until a time."""

    ledger: str
    arrangement: str
    """Digest of the terms under which the grant is given."""
    person: str
    access: str
    """SHA-256 of the bearer secret, hex."""
    expires: datetime
    nonce: str
    by: str
    """vkey of the party who signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """The grants of one access key end."""

    ledger: str
    access: str
    cause: str
    nonce: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """All access under one ledger's arrangement stops at once."""

    ledger: str
    cause: str
    nonce: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """No new call passes under one ledger's arrangement until this party resumes access."""

    ledger: str
    cause: str
    nonce: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """Access that this party stopped or suspended may go on."""

    ledger: str
    cause: str
    nonce: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A party leaves: from the beginning of a day on there is no access under one ledger's arrangement."""

    ledger: str
    cause: str
    effective: datetime
    nonce: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Every sealed item of one ledger is destroyed, with the keys that open it."""

    ledger: str
    nonce: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawCommit:
    """A party's half of a draw over one run's rows, fixed and not yet told."""

    ledger: str
    run: str
    commitment: str
    """SHA-256 of the 32 secret bytes, hex."""
    nonce: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawReveal:
    """The 32 bytes that a party had committed to."""

    ledger: str
    run: str
    secret: str
    nonce: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A party deviates from a frozen plan, and says why."""

    ledger: str
    plan: str
    amended: str
    """Digest of the plan that takes its place; empty where none does."""
    because: str
    nonce: str
    by: str


Act = Grant | Revocation | Stop | Suspension | Resumption | Exit | Erasure | DrawCommit | DrawReveal | Deviation


def grant_text(*, ledger: str, arrangement: str, person: str, access: str, expires: datetime, nonce: str) -> str:
    """The text of a grant; raises `ActRefused` for a field outside its form."""
    return _text("grant", (ledger, arrangement, person, access, instant_text(expires), nonce))


def revoke_text(*, ledger: str, access: str, cause: str, nonce: str) -> str:
    """The text of a revocation."""
    return _text("revoke", (ledger, access, cause, nonce))


def stop_text(*, ledger: str, cause: str, nonce: str) -> str:
    """The text of a stop."""
    return _text("stop", (ledger, cause, nonce))


def suspend_text(*, ledger: str, cause: str, nonce: str) -> str:
    """The text of a suspension."""
    return _text("suspend", (ledger, cause, nonce))


def resume_text(*, ledger: str, cause: str, nonce: str) -> str:
    """The text of a resumption."""
    return _text("resume", (ledger, cause, nonce))


def exit_text(*, ledger: str, cause: str, effective: datetime, nonce: str) -> str:
    """The text of an exit."""
    return _text("exit", (ledger, cause, instant_text(effective), nonce))


def erase_text(*, ledger: str, nonce: str) -> str:
    """The text of an order to erase."""
    return _text("erase", (ledger, nonce))


def draw_commit_text(*, ledger: str, run: str, commitment: str, nonce: str) -> str:
    """The text of a party's commitment to its half of a draw."""
    return _text("draw-commit", (ledger, run, commitment, nonce))


def draw_reveal_text(*, ledger: str, run: str, secret: str, nonce: str) -> str:
    """The text that tells what was committed to."""
    return _text("draw-reveal", (ledger, run, secret, nonce))


def deviation_text(*, ledger: str, plan: str, amended: str, because: str, nonce: str) -> str:
    """The text of a deviation from a frozen plan; a line `-` stands where no other plan takes its place."""
    return _text("plan-deviation", (ledger, plan, amended or "-", because, nonce))


def sign_act(text: str, signer: Signer) -> bytes:
    """The note of an act, with the one signature it bears."""
    return format_note(Note(text=text, signatures=(signer.sign_note(text),)))


def open_act(note: bytes, *verifiers: Verifier) -> Act:
    """The act in a note that exactly one of `verifiers` signed; raises `ActRefused` and nothing else."""
    if len(note) > MAX_NOTE:
        raise ActRefused(f"expected an act of at most {MAX_NOTE} bytes; got {len(note)}")
    try:
        opened = open_note(note, verifiers)
    except LedgerError as error:
        names = ", ".join(verifier.name for verifier in verifiers)
        raise ActRefused(f"expected a note signed by {names}: {error}") from None
    if len(opened.verified) != 1 or opened.unknown:
        signed = len(opened.verified) + len(opened.unknown)
        raise ActRefused(f"expected one signature; got {signed}. An act is one party's alone.")
    by = opened.verified[0].verifier.vkey
    header, *fields = opened.text.removesuffix("\n").split("\n")
    kind = header.removeprefix("comity ").removesuffix("/1")
    if header != f"comity {kind}/1" or kind not in _FORMS:
        raise ActRefused(f"expected {', '.join(f'comity {name}/1' for name in _FORMS)}; got {header[:60]!r}")
    _check(kind, fields)
    match kind, fields:
        case "grant", [ledger, arrangement, person, access, expires, nonce]:
            until = parse_instant(expires)
            return Grant(
                ledger=ledger,
                arrangement=arrangement,
                person=person,
                access=access,
                expires=until,
                nonce=nonce,
                by=by,
            )
        case "revoke", [ledger, access, cause, nonce]:
            return Revocation(ledger=ledger, access=access, cause=cause, nonce=nonce, by=by)
        case "stop", [ledger, cause, nonce]:
            return Stop(ledger=ledger, cause=cause, nonce=nonce, by=by)
        case "suspend", [ledger, cause, nonce]:
            return Suspension(ledger=ledger, cause=cause, nonce=nonce, by=by)
        case "resume", [ledger, cause, nonce]:
            return Resumption(ledger=ledger, cause=cause, nonce=nonce, by=by)
        case "exit", [ledger, cause, effective, nonce]:
            return Exit(ledger=ledger, cause=cause, effective=parse_instant(effective), nonce=nonce, by=by)
        case "erase", [ledger, nonce]:
            return Erasure(ledger=ledger, nonce=nonce, by=by)
        case "draw-commit", [ledger, run, commitment, nonce]:
            return DrawCommit(ledger=ledger, run=run, commitment=commitment, nonce=nonce, by=by)
        case "draw-reveal", [ledger, run, secret, nonce]:
            return DrawReveal(ledger=ledger, run=run, secret=secret, nonce=nonce, by=by)
        case "plan-deviation", [ledger, plan, amended, because, nonce]:
            other = "" if amended == "-" else amended
            return Deviation(ledger=ledger, plan=plan, amended=other, because=because, nonce=nonce, by=by)
    raise AssertionError(f"the form of {kind} was checked and does not match")


_FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "grant": ("ledger origin", "arrangement digest", "person", "access key digest", "expires", "nonce"),
    "revoke": ("ledger origin", "access key digest", "cause", "nonce"),
    "stop": ("ledger origin", "cause", "nonce"),
    "suspend": ("ledger origin", "cause", "nonce"),
    "resume": ("ledger origin", "cause", "nonce"),
    "exit": ("ledger origin", "exit cause", "effective", "nonce"),
    "erase": ("ledger origin", "nonce"),
    "draw-commit": ("ledger origin", "run", "commitment", "nonce"),
    "draw-reveal": ("ledger origin", "run", "secret", "nonce"),
    "plan-deviation": ("ledger origin", "plan digest", "amended digest", "reason", "nonce"),
}

_PATTERNS: Final[Mapping[str, str]] = {
    "ledger origin": _ORIGIN,
    "arrangement digest": _DIGEST,
    "access key digest": _DIGEST,
    "person": _PERSON,
    "nonce": _NONCE,
    "run": _NONCE,
    "commitment": _DIGEST,
    "secret": _DIGEST,
    "plan digest": _DIGEST,
    "amended digest": f"{_DIGEST}|-",
    "reason": "[!-~]([ -~]{0,398}[!-~])?",
    "cause": "|".join(CAUSES),
    "exit cause": "|".join((*CAUSES, UNSTATED)),
}


def _text(kind: str, fields: tuple[str, ...]) -> str:
    _check(kind, list(fields))
    return "".join(f"{line}\n" for line in (f"comity {kind}/1", *fields))


def _check(kind: str, fields: list[str]) -> None:
    names = _FORMS[kind]
    if len(fields) != len(names):
        came = f"{len(fields)} lines after the first"
        raise ActRefused(f"{kind}: expected the lines {', '.join(names)}; got {came}")
    for name, value in zip(names, fields, strict=True):
        if name in ("expires", "effective"):
            try:
                at = parse_instant(value)
            except MalformedInstant as error:
                raise ActRefused(f"{kind}: {name}: {error}") from None
            if name == "effective" and at.time() != time(0):
                raise ActRefused(f"{kind}: effective: expected the beginning of a day in UTC; got {value}")
        elif not re.fullmatch(_PATTERNS[name], value, re.ASCII):
            expected = f"one of {', '.join(CAUSES)}" if name.endswith("cause") else _PATTERNS[name]
            raise ActRefused(f"{kind}: {name}: expected {expected}; got {value[:70]!r}")
