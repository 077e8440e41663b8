"""A published ledger of one arrangement, written by the real store, publisher and witnesses, entry by entry."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.arrangement import specimen

from comity.arrangement import grant_text, resume_text, revoke_text, sign_act, stop_text, suspend_text
from comity.ledger import Policy, Signer, create_ledger, parse_policy
from comity.ledger.publisher import Published, Publisher
from comity.ledger.transport import Answer
from comity.ledger.witness import Witness
from comity.records import (
    AccessResumed,
    AccessStopped,
    AccessSuspended,
    Amount,
    ArrangementSigned,
    CallAbandoned,
    CallMetered,
    CallOverran,
    CallPermitted,
    CallSettled,
    Digest,
    GatewayEnded,
    GatewayStarted,
    GrantIssued,
    GrantRevoked,
    GuardCounted,
    Hex32,
    Index,
    Instant,
    PlanFrozen,
    Record,
    RunBegun,
    RunFinished,
    ScoresCommitted,
    instant_text,
    to_bytes,
)

BEGIN = datetime(2026, 12, 1, 9, tzinfo=UTC)
GATEWAY = Hex32("11" * 16)
GRANT = Hex32("22" * 16)
RUN = Hex32("33" * 16)
PLAN = Digest("44" * 32)
ACCESS = Digest(sha256(b"secret").hexdigest())
OFFER = specimen.agreed()
POLICY: Policy = parse_policy(specimen.POLICY)
RESERVED = Amount(input_tokens=120, output_tokens=64, cost_nano=40_000)
"""Input at the dearest price of the specimen, 0.12 a million; output at 0.40."""
CHARGED = Amount(input_tokens=20, output_tokens=2, cost_nano=2_800)
"""Input at 0.10."""


class Story:
    """Entries told one after another, a second apart; a test changes one of them."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.later = timedelta()
        """By how much the entries that follow are later than a second apart."""
        self._nonces = iter(range(1, 10_000))

    def at(self, after: float = 0) -> Instant:
        return Instant(instant_text(BEGIN + self.later + timedelta(seconds=len(self.records) + after)))

    def tell(self, record: Record) -> Index:
        self.records.append(record)
        return Index(len(self.records) - 1)

    def nonce(self) -> str:
        return f"{next(self._nonces):032x}"

    def signed(self, **changes: Any) -> Index:
        terms = OFFER.terms
        return self.tell(
            ArrangementSigned(
                **{
                    "at": self.at(),
                    "arrangement": Hex32(terms.id),
                    "terms_version": terms.version,
                    "digest": Digest(terms.digest),
                    "previous": terms.previous,
                    "note": OFFER.note.decode(),
                }
                | changes
            )
        )

    def started(self, incarnation: Hex32 = GATEWAY) -> Index:
        return self.tell(GatewayStarted(at=self.at(), incarnation=incarnation, software="test"))

    def ended(self) -> Index:
        return self.tell(GatewayEnded(at=self.at(), incarnation=GATEWAY))

    def granted(self, signer: Signer = specimen.AUTHORITY, **changes: Any) -> Index:
        expires = BEGIN + timedelta(hours=2)
        text = grant_text(
            ledger=specimen.ORIGIN, arrangement=OFFER.terms.digest, person="evaluator-1", access=ACCESS,
            expires=expires, nonce=GRANT,
        )  # fmt: skip
        members = {
            "at": self.at(),
            "grant": GRANT,
            "person": "evaluator-1",
            "key": ACCESS,
            "expires": instant_text(expires),
            "note": sign_act(text, signer).decode(),
        }
        return self.tell(GrantIssued(**members | changes))

    def revoked(self) -> Index:
        text = revoke_text(ledger=specimen.ORIGIN, access=ACCESS, cause="operational", nonce=self.nonce())
        note = sign_act(text, specimen.AUTHORITY).decode()
        return self.tell(GrantRevoked(at=self.at(), grant=GRANT, cause="operational", note=note))

    def stopped(self, by: str = "provider", signer: Signer = specimen.PROVIDER) -> Index:
        note = sign_act(stop_text(ledger=specimen.ORIGIN, cause="containment", nonce=self.nonce()), signer)
        return self.tell(AccessStopped(at=self.at(), by=by, cause="containment", note=note.decode()))

    def suspended(
        self, by: str = "provider", signer: Signer = specimen.PROVIDER, *, cause: str = "operational", **changes: Any
    ) -> Index:
        note = sign_act(suspend_text(ledger=specimen.ORIGIN, cause=cause, nonce=self.nonce()), signer)
        members: dict[str, Any] = {"at": self.at(), "by": by, "cause": cause, "clock": "stops", "note": note.decode()}
        return self.tell(AccessSuspended(**members | changes))

    def resumed(self, by: str = "provider", signer: Signer = specimen.PROVIDER, *, at: Instant | None = None) -> Index:
        note = sign_act(resume_text(ledger=specimen.ORIGIN, cause="operational", nonce=self.nonce()), signer)
        return self.tell(AccessResumed(at=at or self.at(), by=by, cause="operational", note=note.decode()))

    def permitted(self, **changes: Any) -> Index:
        members: dict[str, Any] = {
            "at": self.at(), "grant": GRANT, "person": "evaluator-1", "incarnation": GATEWAY, "protocol": "openai",
            "route": "chat/completions", "model": "gemma-3-270m", "features": ("sampling",),
            "request": Digest("55" * 32), "request_bytes": 90, "irid": "", "run": "", "reserved": RESERVED,
        }  # fmt: skip
        return self.tell(CallPermitted(**members | changes))

    def settled(self, permit: Index, **changes: Any) -> Index:
        members: dict[str, Any] = {
            "at": self.at(), "permit": permit, "outcome": "answered", "status": 200, "served": "gemma-3-270m",
            "served_check": "agreed", "answer": "66" * 32, "answer_bytes": 300, "usage": "stated",
            "charged": CHARGED, "upstream_id": "chatcmpl-1", "millis": 40,
        }  # fmt: skip
        return self.tell(CallSettled(**members | changes))

    def metered(self, permit: Index, **changes: Any) -> Index:
        members: dict[str, Any] = {
            "at": self.at(), "permit": permit, "input_tokens": 20, "cached_read": 10, "cache_write": 4,
            "output_tokens": 2,
        }  # fmt: skip
        return self.tell(CallMetered(**members | changes))

    def counted(
        self, passed: Sequence[int], day: str = "2026-12-01", *, signer: Signer = specimen.GUARD,
        origin: str = specimen.ORIGIN, **changes: Any,
    ) -> Index:  # fmt: skip
        """The guard's counters of a day, with two requests refused."""
        indexes = sha256("".join(f"{index}\n" for index in passed).encode()).hexdigest()
        ends = f"{passed[0]} {passed[-1]}" if passed else "- -"
        lines = (
            "comity guard-counters/1", origin, OFFER.terms.digest, day, self.at(), f"passed {len(passed)}",
            "refused missing=2 replayed=0", f"indexes {ends}", indexes,
        )  # fmt: skip
        note = sign_act("".join(f"{line}\n" for line in lines), signer).decode()
        members: dict[str, Any] = {
            "at": self.at(), "day": day, "passed": len(passed), "refused": 2, "indexes": Digest(indexes), "note": note,
        }  # fmt: skip
        return self.tell(GuardCounted(**members | changes))

    def overran(self, permit: Index, clauses: tuple[str, ...], charged: Amount) -> Index:
        return self.tell(CallOverran(at=self.at(), permit=permit, clauses=clauses, reserved=RESERVED, charged=charged))

    def abandoned(self, permit: Index, **changes: Any) -> Index:
        members: dict[str, Any] = {"at": self.at(), "permit": permit, "incarnation": GATEWAY, "charged": RESERVED}
        return self.tell(CallAbandoned(**members | changes))

    def opened(self) -> "Story":
        self.signed()
        self.started()
        self.granted()
        return self

    def planned(self) -> Index:
        return self.tell(PlanFrozen(at=self.at(), grant=GRANT, person="evaluator-1", plan=PLAN))

    def begun(self, run: Hex32 = RUN, plan: Digest = PLAN) -> Index:
        return self.tell(RunBegun(at=self.at(), grant=GRANT, person="evaluator-1", run=run, plan=plan))

    def finished(self) -> Index:
        log = Digest("77" * 32)
        return self.tell(
            RunFinished(at=self.at(), grant=GRANT, person="evaluator-1", run=RUN, plan=PLAN, log=log, status="success")
        )

    def scored(self, **changes: Any) -> Index:
        members: dict[str, Any] = {
            "at": self.at(), "grant": GRANT, "person": "evaluator-1", "run": RUN, "plan": PLAN,
            "rows": Digest("88" * 32), "intended": 1, "attempted": 1, "answered": 1, "judged": 1, "unscored": 0,
            "repeated": 0, "correct": 1,
        }  # fmt: skip
        return self.tell(ScoresCommitted(**members | changes))

    def whole(self) -> "Story":
        """A run of one call, a stop and a suspension that are resumed, an abandoned call, the guard's counters."""
        self.opened()
        self.planned()
        self.begun()
        call = self.permitted(run=RUN)
        self.settled(call)
        self.finished()
        self.scored()
        self.stopped()
        self.resumed()
        self.suspended()
        self.resumed()
        lost = self.permitted()
        self.abandoned(lost)
        self.counted([call])
        return self

    def entries(self) -> list[bytes]:
        return [to_bytes(record) for record in self.records]


def publish(folder: Path, *sizes: Sequence[bytes]) -> Path:
    """Write entries to a ledger, publishing after each group; the folder that a third party copies."""
    keys = {"authority": specimen.AUTHORITY_WITNESS, "provider": specimen.PROVIDER_WITNESS}
    witnesses = {name: Witness(folder / name, signer=key, clock=lambda: BEGIN) for name, key in keys.items()}
    for witness in witnesses.values():
        witness.add_log(POLICY)

    def ask(url: str, body: bytes) -> Answer:
        return witnesses["authority" if "authority" in url else "provider"].add_checkpoint(body)

    public = folder / "public"
    signers = [specimen.LOG, specimen.LOG_PQ]
    clock: Callable[[], datetime] = lambda: BEGIN  # noqa: E731
    with create_ledger(folder / "ledger.sqlite", origin=specimen.ORIGIN) as ledger:
        publisher = Publisher(ledger, public, signers=signers, policy=POLICY, clock=clock, ask=ask)
        for entries in sizes:
            ledger.append(entries)
            outcome = publisher.publish_once()
            assert isinstance(outcome, Published), outcome
    for witness in witnesses.values():
        witness.close()
    return public
