"""Freezing: a plan's digest enters the ledger before the first call, and a file beside the plan says where.

Two steps:

    freeze(plan, door)          plan.frozen → `Frozen`, which `format_frozen` writes and `parse_frozen` reads
    check_frozen(plan, …)       reads the entry back, so that the file alone proves nothing
"""

import json
from dataclasses import dataclass
from typing import Final, Protocol

from comity.evaluation import plan as p
from comity.evaluation.errors import EvaluationError
from comity.records import PlanFrozen, Record

FROZEN_FORMAT: Final = "comity frozen plan/1"


class NotFrozen(EvaluationError):
    """The plan has no entry in the ledger under its present digest."""


class Ledger(Protocol):
    """What a run needs of a gateway: `edge.Door`, or a test's own."""

    def append(self, kind: str, **members: str | int) -> tuple[str, int]:
        """Put a record into the ledger."""
        ...

    def entry(self, index: int) -> Record:
        """Read one entry."""
        ...

    def size(self) -> int:
        """How many entries there are."""
        ...

    def model_url(self, protocol: str) -> str:
        """Where the engine sends its calls."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Where a plan's digest stands."""

    plan: str
    ledger: str
    index: int


def freeze(plan: p.Plan, door: Ledger) -> Frozen:
    """Put the plan's digest into the ledger; freezing the same plan again finds the first entry."""
    ledger, index = door.append("plan.frozen", plan=plan.digest)
    return Frozen(plan=plan.digest, ledger=ledger, index=index)


def format_frozen(frozen: Frozen) -> str:
    """The text of the file beside the plan."""
    members = {"format": FROZEN_FORMAT, "plan": frozen.plan, "ledger": frozen.ledger, "index": frozen.index}
    return json.dumps(members, indent=1) + "\n"


def parse_frozen(text: str, plan: p.Plan) -> Frozen:
    """Read the file beside the plan; raises `NotFrozen` unless it is about this very plan."""
    try:
        members = json.loads(text)
        if members["format"] != FROZEN_FORMAT or type(members["index"]) is not int or members["index"] < 0:
            raise ValueError("another format")
        frozen = Frozen(plan=str(members["plan"]), ledger=str(members["ledger"]), index=members["index"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotFrozen(
            f"the file beside the plan is no {FROZEN_FORMAT}; freeze the plan: comity plan freeze FILE"
        ) from None
    if frozen.plan != plan.digest:
        raise NotFrozen(
            f"the plan was frozen as {frozen.plan[:16]}… and now is {plan.digest[:16]}…: it was changed since. "
            f"Restore it, or freeze the changed one as a new plan: comity plan freeze FILE"
        )
    return frozen


def check_frozen(plan: p.Plan, frozen: Frozen, door: Ledger) -> None:
    """Read the entry back from the ledger; raises `NotFrozen` unless it freezes this plan."""
    entry = door.entry(frozen.index)
    if not isinstance(entry, PlanFrozen) or entry.plan != plan.digest:
        raise NotFrozen(
            f"entry {frozen.index} of {frozen.ledger} is {entry.kind}, expected plan.frozen with {plan.digest[:16]}…. "
            f"Freeze the plan: comity plan freeze FILE"
        )
