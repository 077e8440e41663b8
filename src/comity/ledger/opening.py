"""Opening a checkpoint under a policy: two doors, and what each establishes.

`open_checkpoint` is the door of the signed-note rule: unknown keys are ignored, a known key whose
signature fails rejects the whole, and at least one of the policy's log keys must have signed under a
name equal to the origin. Who else signed, and whether that makes the quorum, are facts of the verdict
and no condition: an entry under such a checkpoint is *recorded*, and *held* once the quorum is met.

`open_checkpoint_strictly` is the door for directories handed over whole: every log key and every
witness key that the policy names has signed exactly once, and nothing else is there. An extra line,
a missing one, a second one, an extension line or a second spelling of base64 is refused by line number.

A witness whose cosignature states no time (type 06 allows it) does not count towards the quorum, for
it does not say that this was the largest tree it had seen; the strict door refuses it.

Not promised: that a time is true. It is what the cosigner wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from comity.ledger.checkpoint import TreeHead, parse_head
from comity.ledger.errors import BadSignature, CheckpointRefused, NotSigned
from comity.ledger.keys import NoteVerifier
from comity.ledger.note import open_note, parse_note
from comity.ledger.policy import Policy, QuorumOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSignature:
    """A signature by one of the log's keys; the time is None for a plain Ed25519 key."""

    key: NoteVerifier
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """A signature by a witness, under the policy's name for it."""

    witness: str
    key: NoteVerifier
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointVerdict:
    """What was established about one checkpoint, each fact on its own."""

    head: TreeHead
    log_signatures: tuple[LogSignature, ...]
    """The log's keys whose signature verified, in the policy's order. Never empty."""
    cosigned_by: tuple[Cosignature, ...]
    """Witnesses of the policy whose cosignature verified, in its order. Not a claim of quorum."""
    quorum: QuorumOutcome
    """Met, or a smallest set of witnesses still missing."""
    unknown_signatures: int
    """Lines by keys that the policy does not name. Nothing is known of them."""


def open_checkpoint(data: bytes, policy: Policy) -> CheckpointVerdict:
    """Read a checkpoint and establish who of the policy signed it.

    Raises `MalformedNote`, `MalformedCheckpoint`, `BadSignature` or `NotSigned`.
    """
    keys = [log.key for log in policy.logs] + [witness.key for witness in policy.witnesses]
    opened = open_note(data, keys)
    head = parse_head(opened.text)
    times = {(v.verifier.name, v.verifier.key_id): v.at for v in opened.verified}
    verdict = _verdict(head, times, policy, unknown=len(opened.unknown))
    if not verdict.log_signatures:
        origins = ", ".join(sorted({log.key.name for log in policy.logs})) or "none"
        raise NotSigned(
            f"no log of the policy signed this checkpoint of {head.origin!r}; its logs are {origins}"
        )
    return verdict


def open_checkpoint_strictly(data: bytes, policy: Policy) -> CheckpointVerdict:
    """Read a checkpoint that bears exactly the signatures that the policy names, each once.

    Raises `MalformedNote`, `MalformedCheckpoint` or `CheckpointRefused`, naming the line.
    """
    note = parse_note(data)
    head = parse_head(note.text, strict=True)
    if not policy.logs:
        raise CheckpointRefused("the policy names no log, so nobody's signature can be expected")
    for log in policy.logs:
        if log.key.name != head.origin:
            raise CheckpointRefused(f"origin {head.origin!r}; the policy's log is {log.key.name!r}", line=1)
    expected = {
        (k.name, k.key_id): k for k in (*(x.key for x in policy.logs), *(x.key for x in policy.witnesses))
    }
    times: dict[tuple[str, bytes], datetime | None] = {}
    first = note.text.count("\n") + 2
    for number, signature in enumerate(note.signatures, first):
        identity = (signature.name, signature.key_id)
        key = expected.get(identity)
        if key is None:
            raise CheckpointRefused(
                f"a signature by {_named(identity)}, which the policy does not name; "
                f"expected are {_named(*expected)}",
                line=number,
            )
        if identity in times:
            raise CheckpointRefused(f"a second signature by {_named(identity)}; one is expected", line=number)
        try:
            times[identity] = key.check(note.text, signature.blob)
        except BadSignature as e:
            raise CheckpointRefused(
                f"the signature by {_named(identity)} is not valid: {e}", line=number
            ) from None
        if times[identity] is None and key.kind != "ed25519":
            raise CheckpointRefused(f"the cosignature by {_named(identity)} states no time", line=number)
    if missing := [identity for identity in expected if identity not in times]:
        raise CheckpointRefused(f"no signature by {_named(*missing)}", line=first + len(note.signatures))
    return _verdict(head, times, policy, unknown=0)


def _verdict(
    head: TreeHead, times: Mapping[tuple[str, bytes], datetime | None], policy: Policy, *, unknown: int
) -> CheckpointVerdict:
    cosigned_by = tuple(
        Cosignature(witness=w.name, key=w.key, at=times[w.key.name, w.key.key_id])
        for w in policy.witnesses
        if (w.key.name, w.key.key_id) in times
    )
    return CheckpointVerdict(
        head=head,
        log_signatures=tuple(
            LogSignature(key=log.key, at=times[log.key.name, log.key.key_id])
            for log in policy.logs
            if (log.key.name, log.key.key_id) in times and log.key.name == head.origin
        ),
        cosigned_by=cosigned_by,
        quorum=policy.outcome(c.witness for c in cosigned_by if c.at is not None),
        unknown_signatures=unknown,
    )


def _named(*identities: tuple[str, bytes]) -> str:
    return ", ".join(f"{name}+{key_id.hex()}" for name, key_id in identities)
