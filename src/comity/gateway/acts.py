"""Party acts by signed note: grants, revocations, stops, suspensions, resumptions, exits, draws, deviations from plans.

A door takes the note of one act (`comity.arrangement.acts`), signed by a party
key of the terms.  The authority grants and revokes; who may stop stands in the
clause `stop.by`, who may suspend in `suspension.by`; a resumption lifts what the
same party stopped or suspended.  Who may leave stands in `exit.by`; an exit gives the
notice of `exit.notice_days`, counted in whole days from the day it is recorded, and
states its cause unless `exit.statement` is `none`.  Both halves of a draw
are committed after the run's scores, once a party, and told after both are
committed: so neither side can choose its half by the other's.  A deviation from a frozen plan is recorded
before any scores under it are, or under the plan that takes its place.  An act is performed
once: the digest of its text is kept, and a second coming of it is refused.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, assert_never

from comity.arrangement import (
    UNSTATED,
    Act,
    ActRefused,
    Deviation,
    DrawCommit,
    DrawReveal,
    Erasure,
    Exit,
    Grant,
    Resumption,
    Revocation,
    Role,
    Stop,
    Suspension,
    Terms,
    open_act,
)
from comity.gateway import life, state
from comity.gateway.closing import erase
from comity.gateway.refusal import Refusal
from comity.ledger import Transaction, parse_vkey
from comity.records import (
    AccessExited,
    AccessResumed,
    AccessStopped,
    AccessSuspended,
    Digest,
    DrawCommitted,
    DrawRevealed,
    GrantIssued,
    GrantRevoked,
    Hex32,
    Instant,
    PlanDeviated,
    instant_text,
    to_bytes,
)

__all__ = ["DOORS", "act_digest", "perform"]

DOORS: Final[Mapping[str, type[Act]]] = {
    "/grants": Grant,
    "/revocations": Revocation,
    "/stop": Stop,
    "/suspend": Suspension,
    "/resume": Resumption,
    "/exit": Exit,
    "/erase": Erasure,
    "/draw-commits": DrawCommit,
    "/draw-reveals": DrawReveal,
    "/deviations": Deviation,
}


def act_digest(note: bytes) -> str:
    """By which an act is known again: SHA-256 of its text, whatever signatures stand below it."""
    return sha256(note.split(b"\n\n", 1)[0]).hexdigest()


def perform(tx: Transaction, *, door: str, note: bytes, terms: Terms, now: datetime) -> int | Refusal:
    """Check one act, record it and let it take effect; returns its entry's index, or why not."""
    keys = terms.parties.keys()
    try:
        act = open_act(note, *(parse_vkey(key) for key in keys.values()))
    except ActRefused as error:
        return _no("request-malformed", "act", str(error))
    by: Role = "authority" if act.by == keys["authority"] else "provider"
    if not isinstance(act, DOORS[door]):
        return _no("request-malformed", "act", f"expected a {DOORS[door].__name__.lower()} at this door")
    if act.ledger != terms.ledger.origin:
        return _no(
            "terms-refused",
            "ledger.origin",
            f"the act is for {act.ledger}; this ledger is {terms.ledger.origin}",
        )
    digest = act_digest(note)
    if tx.execute("SELECT 1 FROM gate_act WHERE digest = ?", (digest,)):
        return _no("terms-refused", "act.nonce", "this act was performed before; an act takes effect once")
    match act:
        case Grant():
            done = _grant(tx, act, by, terms, note, now)
        case Revocation():
            done = _revoke(tx, act, by, note, now)
        case Stop():
            done = _stop(tx, act, by, terms, note, now)
        case Suspension():
            done = _suspend(tx, act, by, terms, note, now)
        case Resumption():
            done = _resume(tx, act, by, note, now)
        case Exit():
            done = _exit(tx, act, by, terms, note, now)
        case Erasure():
            done = erase(tx, act, by, note, now)
        case DrawCommit():
            done = _commit_draw(tx, act, by, note, now)
        case DrawReveal():
            done = _reveal_draw(tx, act, by, note, now)
        case Deviation():
            done = _deviate(tx, act, by, note, now)
        case _:
            assert_never(act)
    if isinstance(done, int):
        tx.execute("INSERT INTO gate_act VALUES (?, ?)", (digest, done))
    return done


def _grant(tx: Transaction, act: Grant, by: Role, terms: Terms, note: bytes, now: datetime) -> int | Refusal:
    if by != "authority":
        return _no("terms-refused", "parties.authority", "grants are the authority's; the provider signed this one")
    if life.find_life(tx.execute).closed:
        return _no("terms-refused", "closed", "this arrangement is closed: both sides ended its access for good")
    if act.arrangement != terms.digest:
        because = f"the grant is under terms {act.arrangement[:12]}…; in force are {terms.digest[:12]}…"
        return _no("terms-refused", "arrangement.digest", because)
    person = terms.person(act.person)
    if person is None or not person.eligible:
        return _no("terms-refused", "people.id", f"{act.person} is not among the eligible people of the terms")
    if act.expires > terms.window.until:
        because = f"the grant outlives the window, which ends at {instant_text(terms.window.until)}"
        return _no("terms-refused", "window.until", because)
    if tx.execute("SELECT 1 FROM gate_grant WHERE key = ?", (act.access,)):
        return _no("terms-refused", "grant.key", "this key was granted before; make a new one")
    expires = instant_text(act.expires)
    index = tx.append(
        to_bytes(
            GrantIssued(
                at=Instant(instant_text(now)),
                grant=Hex32(act.nonce),
                person=act.person,
                key=Digest(act.access),
                expires=expires,
                note=note.decode(),
            )
        )
    )
    tx.execute("INSERT INTO gate_grant VALUES (?, ?, ?, ?, '')", (act.nonce, act.person, act.access, expires))
    return index


def _revoke(tx: Transaction, act: Revocation, by: Role, note: bytes, now: datetime) -> int | Refusal:
    if by != "authority":
        return _no("terms-refused", "parties.authority", "revocations are the authority's; the provider may stop")
    rows = tx.execute("SELECT \"grant\" FROM gate_grant WHERE key = ? AND revoked = ''", (act.access,))
    if not rows:
        return _no("terms-refused", "grant.key", "no grant in force has this key")
    record = GrantRevoked(at=Instant(instant_text(now)), grant=Hex32(rows[0][0]), cause=act.cause, note=note.decode())
    tx.execute("UPDATE gate_grant SET revoked = ? WHERE key = ?", (act.cause, act.access))
    return tx.append(to_bytes(record))


def _stop(tx: Transaction, act: Stop, by: Role, terms: Terms, note: bytes, now: datetime) -> int | Refusal:
    if by not in terms.stop_by:
        return _no(
            "terms-refused",
            "stop.by",
            f"the terms give the stop to {', '.join(terms.stop_by)}, not to the {by}",
        )
    if tx.execute('SELECT 1 FROM gate_stop WHERE "by" = ?', (by,)):
        return _no("terms-refused", "stop.by", f"the {by} has stopped this access already")
    index = tx.append(
        to_bytes(AccessStopped(at=Instant(instant_text(now)), by=by, cause=act.cause, note=note.decode()))
    )
    tx.execute("INSERT INTO gate_stop VALUES (?, ?, ?)", (by, act.cause, index))
    return index


def _suspend(tx: Transaction, act: Suspension, by: Role, terms: Terms, note: bytes, now: datetime) -> int | Refusal:
    agreed = terms.suspension
    if by not in agreed.by:
        because = f"the terms give the suspension to {', '.join(agreed.by)}, not to the {by}"
        return _no("terms-refused", "suspension.by", because)
    if tx.execute('SELECT 1 FROM gate_suspension WHERE "by" = ?', (by,)):
        return _no("terms-refused", "suspension.by", f"the {by} has suspended this access already")
    clock = "stops" if act.cause in agreed.clock_stops else "runs"
    at = Instant(instant_text(now))
    index = tx.append(to_bytes(AccessSuspended(at=at, by=by, cause=act.cause, clock=clock, note=note.decode())))
    state.suspend(tx, by=by, cause=act.cause, clock=clock, at_index=index, at_ms=state.millis(now))
    return index


def _resume(tx: Transaction, act: Resumption, by: Role, note: bytes, now: datetime) -> int | Refusal:
    held = tx.execute(
        'SELECT 1 FROM gate_stop WHERE "by" = ? UNION ALL SELECT 1 FROM gate_suspension WHERE "by" = ?', (by, by)
    )
    if not held:
        return _no(
            "terms-refused",
            "stop.by",
            f"the {by} has neither stopped nor suspended this access; each party resumes what itself stopped",
        )
    state.resume(tx, by=by, at_ms=state.millis(now))
    return tx.append(to_bytes(AccessResumed(at=Instant(instant_text(now)), by=by, cause=act.cause, note=note.decode())))


def _exit(tx: Transaction, act: Exit, by: Role, terms: Terms, note: bytes, now: datetime) -> int | Refusal:
    agreed = terms.exit
    if by not in agreed.by:
        return _no("terms-refused", "exit.by", f"the terms let {', '.join(agreed.by)} leave, not the {by}")
    if tx.execute('SELECT 1 FROM gate_exit WHERE "by" = ?', (by,)):
        return _no("terms-refused", "exit.by", f"the {by} has left this arrangement already")
    if act.cause == UNSTATED and agreed.statement != "none":
        because = f"an exit states its cause: exit.statement is {agreed.statement}"
        return _no("terms-refused", "exit.statement", because)
    notice = (act.effective.date() - now.date()).days
    if notice < agreed.notice_days:
        first = (now + timedelta(days=agreed.notice_days)).date().isoformat()
        because = f"{agreed.notice_days} days of notice agreed, this gives {notice}; access may end from {first} on"
        return _no("terms-refused", "exit.notice_days", because)
    effective = instant_text(act.effective)
    at = Instant(instant_text(now))
    index = tx.append(
        to_bytes(
            AccessExited(
                at=at, by=by, cause=act.cause, effective=effective, notice_days=notice, note=note.decode()
            )
        )
    )
    life.leave(tx, by=by, cause=act.cause, from_ms=state.millis(act.effective))
    return index


def _commit_draw(tx: Transaction, act: DrawCommit, by: Role, note: bytes, now: datetime) -> int | Refusal:
    if not tx.execute("SELECT 1 FROM gate_scores WHERE run = ?", (act.run,)):
        return _no("terms-refused", "draw.run", "no scores of this run are committed; a draw comes after them")
    for other, commitment in tx.execute('SELECT "by", commitment FROM gate_draw WHERE run = ?', (act.run,)):
        if other == by:
            return _no("terms-refused", "draw.commitment", f"the {by} has committed to its half of this draw already")
        if commitment == act.commitment:
            return _no("terms-refused", "draw.commitment", f"this is the {other}'s commitment; make one of your own")
    record = DrawCommitted(
        at=Instant(instant_text(now)), run=Hex32(act.run), by=by, commitment=Digest(act.commitment), note=note.decode()
    )
    index = tx.append(to_bytes(record))
    tx.execute("INSERT INTO gate_draw VALUES (?, ?, ?, ?, NULL)", (act.run, by, act.commitment, index))
    return index


def _reveal_draw(tx: Transaction, act: DrawReveal, by: Role, note: bytes, now: datetime) -> int | Refusal:
    rows = tx.execute('SELECT "by", commitment, revealed FROM gate_draw WHERE run = ?', (act.run,))
    halves = {role: (commitment, revealed) for role, commitment, revealed in rows}
    if by not in halves:
        return _no("terms-refused", "draw.secret", f"the {by} has committed to nothing for this run")
    if len(halves) < 2:
        return _no("terms-refused", "draw.secret", "the other party has not committed; whoever tells first would lose")
    commitment, revealed = halves[by]
    if revealed is not None:
        return _no("terms-refused", "draw.secret", f"the {by} has told its half of this draw already")
    if sha256(bytes.fromhex(act.secret)).hexdigest() != commitment:
        return _no("terms-refused", "draw.secret", f"its SHA-256 is not what the {by} committed to")
    record = DrawRevealed(
        at=Instant(instant_text(now)), run=Hex32(act.run), by=by, nonce=Digest(act.secret), note=note.decode()
    )
    index = tx.append(to_bytes(record))
    tx.execute('UPDATE gate_draw SET revealed = ? WHERE run = ? AND "by" = ?', (index, act.run, by))
    return index


def _deviate(tx: Transaction, act: Deviation, by: Role, note: bytes, now: datetime) -> int | Refusal:
    """Recorded before unblinding, or not at all: what is changed once scores stand was chosen by them."""
    if not tx.execute("SELECT 1 FROM gate_plan WHERE plan = ?", (act.plan,)):
        return _no("terms-refused", "plan.digest", "this plan is not frozen here, so nothing deviates from it")
    if act.amended == act.plan:
        return _no("terms-refused", "plan.digest", "a plan does not take its own place; name another, or none")
    scored = tx.execute(
        "SELECT gate_run.run FROM gate_scores JOIN gate_run ON gate_run.run = gate_scores.run "
        "WHERE gate_run.plan IN (?, ?) LIMIT 1",
        (act.plan, act.amended),
    )
    if scored:
        because = f"the scores of run {scored[0][0]} are committed already; a deviation is stated before they are"
        return _no("terms-refused", "plan.deviations", because)
    record = PlanDeviated(
        at=Instant(instant_text(now)),
        by=by,
        plan=Digest(act.plan),
        amended=act.amended,
        because=act.because,
        note=note.decode(),
    )
    return tx.append(to_bytes(record))


def _no(slug: str, clause: str, because: str) -> Refusal:
    return Refusal(slug=slug, clause=clause, because=because)
