"""Views: how an arrangement stands, for a party, who holds no grant.

A party asks with a signed note, `POST /view`, and gets JSON; nothing is recorded,
because reading changes nothing.  The text of the note has three lines, each ending
in a newline:

    comity view/1
    operator.example/a/0123…            the ledger's origin
    2026-12-07T10:02:00.000Z            until when the note may be used

It bears one signature, by the party's key of the terms; whose it is decides which
view is answered.  A note lasts `MAX_LIFE` at the longest, and may be used again
until then: whoever took it off the wire could have read the answer as well.

Every view has `"view"`, the signer's role.  The authority's has all members of
`status`, and `newest`, the newest reason under each clause that refused one of
the last entries.  The provider's follows the clause `record.provider_sees`:

| value | members |
| --- | --- |
| `checkpoints` | `CHECKPOINTS`: the size under the newest checkpoint, version, stop, suspension, exit and window |
| `counters` | those and `COUNTERS`: what is taken of each clause, refusals by clause, anomalies, overruns |
| `entries` | those of `counters`; the entries themselves are mirrored, not viewed |

A provider's view never holds a reason in words: some quote what a caller asked
for.  Plans and runs are the authority's work and are in its view alone.

Not promised: that a provider learns less than it sees as the one who answers the
calls; a view adds nothing to that beyond what the clause grants.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from comity.arrangement import Role, Terms
from comity.gateway.gate import Gate
from comity.gateway.refusal import Refusal
from comity.gateway.status import status_of
from comity.ledger import LedgerError, Note, Signer, format_note, open_note, parse_vkey
from comity.records import MalformedInstant, instant_text, parse_instant

__all__ = ["CHECKPOINTS", "COUNTERS", "MAX_LIFE", "read_note", "sign_view", "view_of"]

HEADER: Final = "comity view/1"
MAX_NOTE: Final = 2_048
"""Bytes; three short lines and one signature take under 600."""
MAX_LIFE: Final = timedelta(minutes=5)

CHECKPOINTS: Final = (
    "ledger", "published", "version", "digest", "stopped", "suspended", "stood_ms", "leaves", "closed", "window",
    "recipients",
)  # fmt: skip
"""What the parties themselves did and signed, and what a checkpoint says: that much the clause always grants."""
COUNTERS: Final = (
    *CHECKPOINTS, "clauses", "entries", "open_calls", "minute", "refusals", "overrun", "provider", "unauthenticated",
)  # fmt: skip
LOOKED_AT: Final = 1_000
"""How many of the newest entries are searched for the newest reasons."""


def sign_view(origin: str, signer: Signer, *, expires: datetime) -> bytes:
    """The note with which a party asks for its view."""
    text = f"{HEADER}\n{origin}\n{instant_text(expires)}\n"
    return format_note(Note(text=text, signatures=(signer.sign_note(text),)))


def read_note(note: bytes, *, terms: Terms, now: datetime) -> Role | Refusal:
    """Which party asks, or why it gets nothing; the text is never quoted back."""
    keys = terms.parties.keys()
    if len(note) > MAX_NOTE:
        return _malformed(f"expected a note of at most {MAX_NOTE} bytes; got {len(note)}")
    try:
        opened = open_note(note, [parse_vkey(key) for key in keys.values()])
    except LedgerError as error:
        return _malformed(f"expected a note signed by a party's key of the terms: {error}")
    if len(opened.verified) != 1 or opened.unknown:
        signed = len(opened.verified) + len(opened.unknown)
        return _malformed(f"expected one signature; got {signed}. A view is one party's")
    match opened.text.split("\n"):
        case [header, ledger, until, ""] if header == HEADER:
            pass
        case _:
            return _malformed(f"expected the lines '{HEADER}', the ledger's origin and the time of its end")
    if ledger != terms.ledger.origin:
        return _no("ledger.origin", f"the note is for another ledger; this one is {terms.ledger.origin}")
    try:
        expires = parse_instant(until)
    except MalformedInstant as error:
        return _malformed(str(error))
    if not now < expires <= now + MAX_LIFE:
        minutes = int(MAX_LIFE.total_seconds()) // 60
        because = f"a note may be used for at most {minutes} minutes; it is {instant_text(now)} here. Sign a new one"
        return _no("view.expires", because)
    return "authority" if opened.verified[0].verifier.vkey == keys["authority"] else "provider"


def view_of(gate: Gate, published: Path, role: Role) -> dict[str, Any]:
    """What one party may see now."""
    status = status_of(gate, published)
    if role == "authority":
        return {"view": role, **status, "newest": _newest(gate)}
    sees = gate.terms.record_provider_sees
    members = CHECKPOINTS if sees == "checkpoints" else COUNTERS
    return {"view": role, "sees": sees} | {name: status[name] for name in members}


def _newest(gate: Gate) -> dict[str, dict[str, str]]:
    """By clause, when the newest refusal was recorded and what it said, as far as the newest entries hold it."""
    size = gate.ledger.size()
    found: dict[str, dict[str, str]] = {}
    for entry in gate.ledger.read(max(0, size - LOOKED_AT), size):
        if b'"kind":"call.refused"' in entry:
            members = json.loads(entry)
            found[members["clause"]] = {"at": members["at"], "because": members["because"]}
    return found


def _malformed(because: str) -> Refusal:
    return Refusal(slug="request-malformed", clause="view", because=because)


def _no(clause: str, because: str) -> Refusal:
    return Refusal(slug="terms-refused", clause=clause, because=because)
