"""A witness: says of a log "this is the largest consistent tree I have seen" (c2sp.org/tlog-witness).

It keeps, for each log it was told about, the last checkpoint that it cosigned, and cosigns a newer one
only with a proof that nothing before it changed. Answers to add-checkpoint, checked in this order:

| answer | when |
| --- | --- |
| 400 | the request is malformed, or `old` is larger than the checkpoint's size |
| 404 | the origin is not one that this witness was told about |
| 403 | a key of the log has not signed, or its signature fails (unknown keys are ignored) |
| 409 | `old` is not the size cosigned last (0 if none); the body is that size, as `text/x.tlog.size` |
| 422 | size 0 with another root than the empty tree's; a proof with `old` 0; a proof that fails;
equal sizes, other roots |
| 200 | one cosignature line |

Stricter than the specification: every key that the log was added with must have signed,
so that a log added with an Ed25519 and an ML-DSA-44 key is not at the mercy of the weaker one.

The check and the write are one transaction, durable before the answer is given.
A validly signed checkpoint that fails its consistency check is evidence against the log:
the request and the checkpoint held before it are kept as files, once per checkpoint, before 422 is answered.

State: `state.sqlite` (table `logs`: origin, keys, size, root, checkpoint) and `evidence/`,
in a folder of its own.
Whoever restores an old copy of the state makes the witness cosign from an older size; a log cannot.

Not promised: that entries are true, or even that the witness can see them. A mirror does that.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import apsw

from comity.ledger.add_checkpoint import AddCheckpoint, MalformedRequest, parse_request
from comity.ledger.checkpoint import TreeHead, parse_head
from comity.ledger.errors import BadSignature, LedgerError, MalformedCheckpoint, MalformedNote, ProofFailed
from comity.ledger.keys import parse_vkey
from comity.ledger.merkle import EMPTY_ROOT, check_consistency
from comity.ledger.note import Note, NoteSignature, Signer, format_note, format_signature, open_note, parse_note
from comity.ledger.policy import Policy
from comity.ledger.publish_files import DiskFolder
from comity.ledger.sqlite_writer import durably, wait_for_lock
from comity.ledger.transport import Answer

TEXT: Final = "text/plain; charset=utf-8"
SIZE_TYPE: Final = "text/x.tlog.size"
MAX_EVIDENCE: Final = 1_000
"""Checkpoints kept as evidence; one is enough to prove a fork, and a log with its key could fill a disk."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS logs (
    origin TEXT PRIMARY KEY, keys TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint BLOB
) STRICT
"""


class LogRefused(LedgerError):
    """A log cannot be added as described."""


class _No(Exception):
    """A refusal on its way to becoming an answer."""

    def __init__(self, status: int, why: str) -> None:
        self.answer = Answer(status=status, content_type=TEXT, body=f"{why}\n".encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the witness holds about one log."""

    keys: tuple[str, ...]
    head: TreeHead
    checkpoint: bytes | None


class Witness:
    """One witness and its state. Any number of threads, and processes with the same folder,
    may ask at once.
    """

    def __init__(self, folder: Path, *, signer: Signer, clock: Callable[[], datetime]) -> None:
        if signer.kind == "ed25519":
            raise LedgerError("a witness signs with a cosigner key (type 04 or 06), not with a plain note key")
        folder.mkdir(parents=True, exist_ok=True)
        self._evidence = DiskFolder(folder / "evidence")
        self._evidence_path = folder / "evidence"
        self._signer = signer
        self._clock = clock
        self._lock = threading.Lock()
        self._state = apsw.Connection(str(folder / "state.sqlite"))
        self._state.set_busy_handler(wait_for_lock)
        durably(self._state, "FULL")
        self._state.execute("PRAGMA journal_mode=WAL").fetchall()
        self._state.execute(_SCHEMA)

    @property
    def vkey(self) -> str:
        """The key under which it cosigns."""
        return self._signer.vkey

    def add_log(self, policy: Policy) -> tuple[str, ...]:
        """Begin to witness the logs that a policy names; their origins.
        Adding the same again changes nothing.
        """
        keys: dict[str, list[str]] = {}
        for line in policy.logs:
            keys.setdefault(line.key.name, []).append(line.key.vkey)
        if not keys:
            raise LogRefused("the policy names no log; a line 'log <vkey>' is expected")
        if self.vkey not in {witness.key.vkey for witness in policy.witnesses}:
            raise LogRefused(
                f"the policy does not name this witness, {self.vkey}; is it the policy of another arrangement?"
            )
        with self._lock, self._state:
            for origin, vkeys in keys.items():
                known = self._known(origin)
                if known is None:
                    self._state.execute(
                        "INSERT INTO logs (origin, keys, size, root) VALUES (?, ?, 0, ?)",
                        (origin, "\n".join(vkeys), EMPTY_ROOT),
                    )
                elif set(known.keys) != set(vkeys):
                    raise LogRefused(
                        f"{origin} is already witnessed under other keys; a log does not change its keys, "
                        f"so find out who wrote this policy before anything else"
                    )
        return tuple(keys)

    def origins(self) -> tuple[str, ...]:
        """The logs it was told about."""
        with self._lock:
            return tuple(str(row[0]) for row in self._state.execute("SELECT origin FROM logs ORDER BY origin"))

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to one add-checkpoint request; what it cosigns is durable before this returns."""
        try:
            request = parse_request(body)
            note = parse_note(request.checkpoint)
            head = parse_head(note.text)
        except (MalformedRequest, MalformedNote, MalformedCheckpoint) as fault:
            return _No(400, str(fault)).answer
        try:
            if request.old > head.size:
                raise _No(400, f"old is {request.old}, larger than the checkpoint's size {head.size}")
            return self._consider(request, note, head, body)
        except _No as no:
            return no.answer

    def latest(self, origin_hash: str) -> bytes | None:
        """The checkpoint cosigned last for the log whose origin has this SHA-256 in hex;
        None if there is none.
        """
        with self._lock:
            rows = self._state.execute("SELECT origin, checkpoint FROM logs").fetchall()
        for origin, checkpoint in rows:
            if sha256(str(origin).encode()).hexdigest() == origin_hash:
                return checkpoint if isinstance(checkpoint, bytes) else None
        return None

    def evidence(self) -> tuple[Path, ...]:
        """The folders that each keep one refused checkpoint (`request`) and the one it contradicts (`held`)."""
        return tuple(sorted(path.parent for path in self._evidence_path.glob("*/request")))

    def close(self) -> None:
        """Give the state back."""
        with self._lock, suppress(apsw.Error):
            self._state.close()

    def _consider(self, request: AddCheckpoint, note: Note, head: TreeHead, body: bytes) -> Answer:
        with self._lock:
            known = self._known(head.origin)
        if known is None:
            raise _No(404, f"this witness does not know the log {head.origin}")
        _check_signed(request.checkpoint, known.keys)
        with self._lock:
            self._state.execute("BEGIN IMMEDIATE")
            try:
                known = self._known(head.origin) or known
                if request.old != known.head.size:
                    size = f"{known.head.size}\n".encode()
                    return Answer(status=409, content_type=SIZE_TYPE, body=size)
                try:
                    _check_grown(request, known.head, head)
                except ProofFailed as fault:
                    self._keep(head, note, known, body)
                    raise _No(422, str(fault)) from None
                signature = self._signer.sign_note(note.text, self._clock())
                self._state.execute(
                    "UPDATE logs SET size = ?, root = ?, checkpoint = ? WHERE origin = ?",
                    (head.size, head.root, _cosigned(note, signature, known.keys), head.origin),
                )
                self._state.execute("COMMIT")
            finally:
                if self._state.in_transaction:
                    self._state.execute("ROLLBACK")
        return Answer(status=200, content_type=TEXT, body=format_signature(signature).encode())

    def _known(self, origin: str) -> _Known | None:
        row = self._state.execute(
            "SELECT keys, size, root, checkpoint FROM logs WHERE origin = ?", (origin,)
        ).fetchone()
        if row is None:
            return None
        keys, size, root, checkpoint = row
        return _Known(
            keys=tuple(str(keys).split("\n")),
            head=TreeHead(origin=origin, size=int(size), root=bytes(root)),
            checkpoint=bytes(checkpoint) if checkpoint is not None else None,
        )

    def _keep(self, head: TreeHead, note: Note, known: _Known, body: bytes) -> None:
        """Keep a request that proves, or may prove, that the log showed two histories."""
        log, text = (sha256(each.encode()).hexdigest()[:16] for each in (head.origin, note.text))
        about = f"{log}-{head.size}-{text}"
        if self._evidence.read(f"{about}/request") is not None:
            return
        if sum(1 for _ in self._evidence_path.iterdir()) >= MAX_EVIDENCE:
            return
        self._evidence.write(f"{about}/held", known.checkpoint or b"")
        self._evidence.write(f"{about}/request", body)
        self._evidence.flush()


def _check_signed(checkpoint: bytes, keys: tuple[str, ...]) -> None:
    """Every key of the log has signed; a signature by a known key that fails refuses the whole."""
    try:
        opened = open_note(checkpoint, [parse_vkey(key) for key in keys])
    except (BadSignature, LedgerError) as fault:
        raise _No(403, str(fault)) from None
    signed = {verified.verifier.vkey for verified in opened.verified}
    if missing := [key for key in keys if key not in signed]:
        raise _No(403, f"not signed by {', '.join(key[:60] for key in missing)}, with which this log was added")


def _check_grown(request: AddCheckpoint, old: TreeHead, new: TreeHead) -> None:
    """The new tree begins with the old one. Raises `ProofFailed`."""
    if old.size == 0:
        if request.proof:
            raise ProofFailed("a proof came with old size 0, from which there is nothing to prove")
        if new.size == 0 and new.root != EMPTY_ROOT:
            raise ProofFailed(f"size 0 has root {EMPTY_ROOT.hex()}, not {new.root.hex()}")
        return
    check_consistency(request.proof, old=old.size, size=new.size, old_root=old.root, root=new.root)


def _cosigned(note: Note, signature: NoteSignature, keys: tuple[str, ...]) -> bytes:
    """The checkpoint with the log's own signatures and this cosignature: what monitors fetch."""
    own = {(key.name, key.key_id) for key in map(parse_vkey, keys)}
    kept = tuple(each for each in note.signatures if (each.name, each.key_id) in own)
    return format_note(Note(text=note.text, signatures=(*kept, signature)))
