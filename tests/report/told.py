"""Runs to report about: terms with real keys, a plan, rows and entries, told so that a test knows every count."""

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.arrangement import specimen
from tests.verify.specimen import GRANT, OFFER, Story, publish

from comity.arrangement import Terms
from comity.evaluation.plan import canonical_plan, plan_members
from comity.evaluation.suites import load_suite
from comity.ledger import CheckpointVerdict, open_checkpoint_strictly
from comity.records import (
    ArrangementSigned,
    CallPermitted,
    CallRefused,
    CallsRefused,
    Digest,
    Hex32,
    Index,
    JudgeCalled,
    PlanDeviated,
    PlanFrozen,
    ReportPublished,
    RunAborted,
    RunBegun,
    RunFinished,
    ScoresCommitted,
    SeedRevealed,
    canonical_bytes,
)
from comity.report.numbers import Numbers, numbers
from comity.report.page import render_page

RUN = Hex32("33" * 16)
WHO: dict[str, Any] = {"grant": GRANT, "person": "evaluator-1"}


def plan_of(items: int, **changes: Any) -> bytes:
    """A plan over the suite that ships, with some members changed."""
    members = plan_members(
        plan_id="ab" * 16, arrangement=specimen.ID, title="How often short questions are answered right",
        suite=load_suite("short-answers"), protocol="openai", model="gemma-3-270m", items=items, seed="cd" * 16,
        epochs=changes.pop("epochs", 1),
    )  # fmt: skip
    return canonical_plan(members | changes)


@dataclass
class Told:
    """A run, and what a report about it is made of."""

    story: Story
    plan: bytes
    table: bytes
    terms: Terms = OFFER.terms

    @property
    def entries(self) -> list[bytes]:
        return self.story.entries()

    def numbers(self, **changes: Any) -> Numbers:
        given = {"terms": self.terms, "plan": self.plan, "scores": self.table, "entries": self.entries, "run": RUN}
        return numbers(**given | changes)

    def checkpoint(self, folder: Path) -> CheckpointVerdict:
        public = publish(folder, self.entries)
        return open_checkpoint_strictly((public / "checkpoint").read_bytes(), self.terms.ledger.policy)

    def page(self, folder: Path) -> tuple[Numbers, bytes]:
        found = self.numbers()
        return found, render_page(found, terms=self.terms, checkpoint=self.checkpoint(folder))


def tell(
    *,
    right: int = 3,
    wrong: int = 2,
    missing: tuple[str, ...] = (),
    repeated: int = 0,
    epochs: int = 1,
    before: int = 0,
    stray: int = 0,
    refused: tuple[str, ...] = (),
    deviations: int = 0,
    judged_by: str = "",
    counted: int = 0,
    others: tuple[str, ...] = (),
    served: tuple[str, ...] = (),
    published: int = 0,
    status: str = "success",
    plan: bytes = b"",
    suspended: tuple[float, ...] = (),
    guard: tuple[tuple[str, int], ...] = (),
    terms: Terms | None = None,
) -> Told:
    """One run with so many rows right, wrong and missing; beside it what the other arguments say.

    `suspended` are suspensions before the run, each with the hours until it is resumed (none for 0); `guard` are days
    with how many more calls than the ledger's the guard counted.
    """
    rows: list[dict[str, Any]] = []
    items = right + wrong + len(missing)
    plan = plan or plan_of(items, epochs=epochs)
    digest = Digest(hashlib.sha256(plan).hexdigest())
    story = Story().opened()
    at = story.at
    if terms is not None:
        offer, signed = specimen.agreed(terms), story.records[0]
        assert isinstance(signed, ArrangementSigned)
        story.records[0] = replace(signed, digest=Digest(terms.digest), note=offer.note.decode())
    for hours in suspended:
        story.suspended()
        if hours:
            story.later += timedelta(hours=hours)
            story.resumed()
    for _ in range(before):
        story.settled(story.permitted())
    story.tell(PlanFrozen(at=at(), plan=digest, **WHO))
    for number, end in enumerate(others):
        other = Hex32(f"{number + 64:032x}")
        story.tell(RunBegun(at=at(), run=other, plan=digest, **WHO))
        if end == "finished":
            log = Digest("77" * 32)
            story.tell(RunFinished(at=at(), run=other, plan=digest, log=log, status="success", **WHO))
        elif end == "aborted":
            story.tell(RunAborted(at=at(), run=other, plan=digest, because="the line broke", **WHO))
    story.tell(RunBegun(at=at(), run=RUN, plan=digest, **WHO))
    names = list(served)
    calls = 0
    for epoch in range(1, epochs + 1):
        for number in range(items):
            score, reason = (1, "") if number < right else (0, "")
            if number >= right + wrong:
                score, reason = None, missing[number - right - wrong]
            mine = [] if reason == "not-attempted" else [story.permitted(run=RUN)]
            if mine and repeated > calls:
                story.abandoned(mine[0])
                mine.append(story.permitted(run=RUN))
                calls += 1
            if mine:
                _settle(story, mine[-1], reason, names.pop(0) if names else "gemma-3-270m")
            item = hashlib.sha256(f"item {number}".encode()).hexdigest()
            rows.append({"item": item, "epoch": epoch, "score": score, "reason": reason, "calls": mine})
    rows.sort(key=lambda row: (row["item"], row["epoch"]))
    for clause in refused:
        story.tell(
            CallRefused(at=at(), protocol="openai", route="/v1/chat/completions", model="gemma-3-270m", status=403,
                        clause=clause, because="no", irid="", run=RUN, **WHO)
        )  # fmt: skip
    if counted:
        story.tell(CallsRefused(at=at(), status=403, clause="budget.calls", count=counted, **WHO))
    for _ in range(stray):
        story.settled(story.permitted())
    table = canonical_bytes({"format": "comity scores/1", "run": RUN, "plan": digest, "rows": rows})
    judged = [row["score"] for row in rows if row["score"] is not None]
    for number in range(deviations):
        said = f"reason {number}, in one line"
        story.tell(PlanDeviated(at=at(), by="authority", plan=digest, amended="", because=said, note="a signed note"))
    if judged_by:
        story.tell(
            JudgeCalled(
                at=at(), run=RUN, plan=digest, recipient="judge", model=judged_by, ledger=f"judge.example/a/{'7' * 32}",
                begun=Index(4), permitted=5, refused=1, **WHO,
            )
        )  # fmt: skip
    story.tell(SeedRevealed(at=at(), run=RUN, plan=digest, seed=Hex32("cd" * 16), **WHO))
    story.tell(
        ScoresCommitted(
            at=at(), run=RUN, plan=digest, rows=Digest(hashlib.sha256(table).hexdigest()), intended=len(rows),
            attempted=sum(bool(row["calls"]) for row in rows), answered=len(judged), judged=len(judged),
            unscored=len(rows) - len(judged), repeated=calls, correct=sum(judged), **WHO,
        )
    )  # fmt: skip
    story.tell(RunFinished(at=at(), run=RUN, plan=digest, log=Digest("99" * 32), status=status, **WHO))
    for _ in range(published):
        digests = {"report": Digest("aa" * 32), "page": Digest("bb" * 32)}
        story.tell(ReportPublished(at=at(), run=RUN, plan=digest, **digests, **WHO))
    calls_made = [n for n, record in enumerate(story.records) if isinstance(record, CallPermitted)]
    for day, more in guard:
        story.counted([*calls_made, *range(10_000, 10_000 + more)][: len(calls_made) + more], day)
    return Told(story=story, plan=plan, table=table, terms=terms or OFFER.terms)


def _settle(story: Story, permit: Any, reason: str, served: str) -> None:
    if reason.startswith("refused") or reason == "no-answer":
        story.settled(permit, outcome="provider-failed", status=503, served="", served_check="none", answer="")
        return
    check = "agreed" if served == "gemma-3-270m" else "mismatch" if served else "unstated"
    story.settled(permit, served=served, served_check=check, outcome="withheld" if check == "mismatch" else "answered")
