"""Publishing: tiles and checkpoints, derived from the store on a steady cadence.

One round (`publish_once`):

1. read the entries that are new in the store, and write their bundles and tiles, synced, names included;
2. sign the head (Ed25519 and ML-DSA-44) and swap it into the store,
comparing with the head this round built upon:
   from here on the log has committed itself to that size and root, and never to another root at that size;
3. ask the witnesses to cosign (c2sp.org/tlog-witness), each with a proof from the size it saw last;
4. when the policy's quorum is met, put `checkpoint` in place. Only cosigned checkpoints are published
   (under `quorum none`: every signed one).

A crash or an error between any two steps leaves one history:
the store's head is the truth about what was signed,
and the next round starts over from the store and from the files,
comparing the tiles' root with the signed root.
Three findings stop the publisher for good, because signing more could fork the ledger:
tiles or entries that do not
lead to the signed root (`HistoryChanged`), a head in the store that is not the one built upon (`HeadMoved`),
a published checkpoint that is newer than the signed head (a store restored from a backup: `HistoryChanged`).

Not promised: that a published checkpoint is recent. A witness that does not answer holds publication back;
`AwaitingQuorum` names it, and the next round asks again for the newest head.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from comity.ledger.add_checkpoint import AddCheckpoint, format_request
from comity.ledger.checkpoint import TreeHead, format_head, parse_head
from comity.ledger.encoding import parse_decimal
from comity.ledger.errors import LedgerError, ProofFailed
from comity.ledger.merkle import check_consistency, prove_consistency
from comity.ledger.note import (
    Note,
    NoteSignature,
    Signer,
    format_note,
    open_note,
    parse_note,
    parse_signature,
    sign_note,
)
from comity.ledger.policy import Policy, QuorumMet, QuorumMissing, WitnessLine
from comity.ledger.proof import Receipt
from comity.ledger.publish_files import DiskFolder, Folder
from comity.ledger.reader import TileDirectory, receipt
from comity.ledger.store import HeadMoved, Ledger
from comity.ledger.tile_writer import HistoryChanged, TileWriter
from comity.ledger.transport import Ask, Unreachable, post

CHECKPOINT: Final = "checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
MAX_TRIES: Final = 3
"""How often one witness is asked in one round: once, and again after each size it names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A cosigned checkpoint of this size is in place."""

    size: int
    checkpoint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingQuorum:
    """The head is signed, but the policy's quorum has not cosigned it; the older checkpoint stands."""

    size: int
    missing: tuple[str, ...]
    """A smallest set of witnesses that would make the quorum."""
    reasons: tuple[str, ...]
    """What each witness that did not cosign said instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """Nothing is new since the published checkpoint."""

    size: int


Outcome = Published | AwaitingQuorum | Unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """The head that the store holds, and the note it is in."""

    head: TreeHead
    note: bytes


class Publisher:
    """The one publisher of a ledger. Two at once stop each other (`HeadMoved`) instead of forking it."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Path | Folder,
        *,
        signers: Sequence[Signer],
        policy: Policy,
        clock: Callable[[], datetime],
        ask: Ask = post,
    ) -> None:
        for signer in signers:
            if signer.name != ledger.origin:
                raise LedgerError(
                    f"a log key is named {signer.name!r}, but this ledger's origin is {ledger.origin!r}; "
                    f"give the publisher the keys made for this ledger"
                )
            if signer.vkey not in {log.key.vkey for log in policy.logs}:
                raise LedgerError(
                    f"the policy does not name the log key {signer.vkey[:60]}…; a checkpoint signed with it "
                    f"would be refused by everybody who follows the policy"
                )
        if not signers:
            raise LedgerError("a publisher needs at least one log key")
        self._ledger = ledger
        self._folder: Folder = DiskFolder(folder) if isinstance(folder, Path) else folder
        self._directory = TileDirectory(self._folder.read)
        self._signers = tuple(signers)
        self._policy = policy
        self._clock = clock
        self._ask = ask
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._fatal: LedgerError | None = None
        self._writer: TileWriter | None = None
        self._signed: _Signed | None = None
        self._published: TreeHead | None = None
        self._seen_by: dict[str, int] = {}

    def publish_once(self) -> Outcome:
        """One round. Raises `HistoryChanged` or `HeadMoved` for good; any other error may pass by itself."""
        with self._lock:
            if self._fatal is not None:
                raise self._fatal
            try:
                return self._round()
            except (HistoryChanged, HeadMoved) as fatal:
                self._fatal = fatal
                raise
            except BaseException:
                self._writer = None  # start over from what is durable
                raise

    def run(self, interval: float, *, report: Callable[[Outcome | Exception], None] = lambda outcome: None) -> None:
        """Publish every `interval` seconds until `stop`, in the calling thread. Fatal errors end it,
        raised.
        """
        while not self._stop.is_set():
            try:
                report(self.publish_once())
            except (HistoryChanged, HeadMoved):
                raise
            except (LedgerError, OSError) as fault:
                report(fault)
            self._stop.wait(interval)

    def stop(self) -> None:
        """End `run` after the round it is in."""
        self._stop.set()

    def receipt(self, index: int, *, extra: bytes | None = None) -> Receipt | None:
        """The receipt of entry `index`; None until a published checkpoint covers it."""
        return receipt(self._directory, index, extra=extra)

    def _round(self) -> Outcome:
        writer = self._writer or self._resume()
        size = self._ledger.size()
        if self._signed is None and size == 0:
            return Unchanged(size=0)
        if self._signed is None or size > self._signed.head.size:
            self._signed = self._sign(writer, size)
        signed = self._signed
        if self._published == signed.head:
            return Unchanged(size=signed.head.size)
        cosignatures, reasons = self._cosign(signed)
        match self._policy.outcome(cosignatures):
            case QuorumMissing(missing=missing):
                return AwaitingQuorum(size=signed.head.size, missing=missing, reasons=reasons)
            case QuorumMet():
                note = parse_note(signed.note)
                checkpoint = format_note(Note(text=note.text, signatures=(*note.signatures, *cosignatures.values())))
                self._folder.write(CHECKPOINT, checkpoint)
                self._folder.flush()
                self._published = signed.head
                writer.drop_superseded()
                return Published(size=signed.head.size, checkpoint=checkpoint)

    def _resume(self) -> TileWriter:
        """Start over from the store and the files."""
        note = self._ledger.signed_head()
        self._signed = None
        self._published = None
        if note is not None:
            self._signed = _Signed(head=self._own(note), note=note)
        present = self._folder.read(CHECKPOINT)
        if present is not None:
            self._published = self._own(present)
        head = self._signed.head if self._signed else None
        if head is None:
            if self._published is not None:
                raise HistoryChanged(
                    f"a checkpoint of size {self._published.size} is published, but the store signed none; "
                    f"restore the store from its newest backup"
                )
            writer = TileWriter(self._folder)
        else:
            writer = TileWriter.resume(self._folder, head, self._ledger.read)
            self._check_published(head)
        self._writer = writer
        return writer

    def _own(self, note: bytes) -> TreeHead:
        """A head that our own keys signed."""
        head = parse_head(open_note(note, [signer.verifier for signer in self._signers]).text, strict=True)
        if head.origin != self._ledger.origin:
            raise HistoryChanged(f"a head of {head.origin!r} lies in {self._ledger.origin!r}")
        return head

    def _check_published(self, signed: TreeHead) -> None:
        """The published checkpoint must be the signed head or an ancestor of it."""
        old = self._published
        if old is None or old == signed:
            return
        try:
            if old.size >= signed.size:
                raise ProofFailed("it is not smaller")
            proof = prove_consistency(old.size, signed.size, self._directory.hashes(signed.size))
            check_consistency(proof, old=old.size, size=signed.size, old_root=old.root, root=signed.root)
        except ProofFailed as fault:
            raise HistoryChanged(
                f"the published checkpoint has size {old.size} and root {old.root.hex()}, which is not "
                f"a beginning of the head that the store signed at size {signed.size} ({fault}); was the "
                f"store restored from a backup? Restore the newest one, and never sign from an older one"
            ) from None

    def _sign(self, writer: TileWriter, size: int) -> _Signed:
        writer.extend(size, self._ledger.read)
        writer.write_edge()
        self._folder.flush()
        head = TreeHead(origin=self._ledger.origin, size=size, root=writer.root())
        note = sign_note(format_head(head), self._signers, self._clock())
        self._ledger.swap_head(self._signed.note if self._signed else None, note)
        return _Signed(head=head, note=note)

    def _cosign(self, signed: _Signed) -> tuple[dict[str, NoteSignature], tuple[str, ...]]:
        """Ask every witness that has an address, all at once: cosignatures by name,
        and the others' reasons.
        """
        asked = [witness for witness in self._policy.witnesses if witness.url is not None]
        if not asked:
            return {}, ()
        with ThreadPoolExecutor(max_workers=len(asked)) as pool:
            answers = list(pool.map(lambda witness: self._ask_one(witness, signed), asked))
        cosignatures: dict[str, NoteSignature] = {}
        reasons: list[str] = []
        for witness, answer in zip(asked, answers, strict=True):
            if isinstance(answer, str):
                reasons.append(f"{witness.name}: {answer}")
            else:
                cosignatures[witness.name] = answer
        return cosignatures, tuple(reasons)

    def _ask_one(self, witness: WitnessLine, signed: _Signed) -> NoteSignature | str:
        size = signed.head.size
        old = self._seen_by.get(witness.name, self._published.size if self._published else 0)
        for _ in range(MAX_TRIES):
            proof = prove_consistency(old, size, self._directory.hashes(size))
            body = format_request(AddCheckpoint(old=old, proof=proof, checkpoint=signed.note))
            try:
                answer = self._ask(f"{(witness.url or '').rstrip('/')}/add-checkpoint", body)
            except Unreachable as away:
                return str(away)
            if answer.status == 200:
                return self._accept(witness, signed, answer.body)
            if answer.status != 409 or answer.content_type.split(";")[0] != SIZE_TYPE:
                return f"answered {answer.status}: {answer.body[:200].decode('utf-8', 'replace').strip()}"
            try:
                old = parse_decimal(answer.body.decode("ascii").removesuffix("\n"), size)
            except ValueError as fault:
                return f"says it cosigned another size ({fault}); was the store restored from a backup?"
            self._seen_by[witness.name] = old
        return f"named another size {MAX_TRIES} times in a row"

    def _accept(self, witness: WitnessLine, signed: _Signed, body: bytes) -> NoteSignature | str:
        """The witness's own cosignature among the lines it answered, checked like anybody's."""
        try:
            text = parse_note(signed.note).text
            lines = body.decode("utf-8").removesuffix("\n").split("\n")
            for signature in map(parse_signature, lines):
                if (signature.name, signature.key_id) == (witness.key.name, witness.key.key_id):
                    witness.key.check(text, signature.blob)
                    self._seen_by[witness.name] = signed.head.size
                    return signature
        except (LedgerError, ValueError) as fault:
            return f"answered a cosignature that is not one: {fault}"
        return f"answered no cosignature by {witness.key.name}+{witness.key.key_id.hex()}"
