"""The texts of plans that were run from this house, and how far a plan is."""

from functools import lru_cache
from typing import Final

from comity.evaluation import EvaluationError
from comity.evaluation.plan import Plan
from comity.evaluation.plan_text import parse_plan
from comity.portal.house import the_house

__all__ = ["bar", "plan_at_hand"]

WIDE: Final = 240
"""Units across a bar; the picture scales."""


def bar(part: int, whole: int) -> int:
    """A share as a length of a bar."""
    return round(WIDE * min(1.0, part / whole)) if whole else 0


@lru_cache(maxsize=256)
def _read(text: bytes) -> Plan:
    return parse_plan(text, "plan")


def plan_at_hand(digest: str) -> Plan | None:
    """A plan that was run from this house; `None` where its text is not here, or is not what the digest says."""
    text = the_house().plan_of(digest)
    if text is None:
        return None
    try:
        plan = _read(text)
    except EvaluationError:
        return None
    return plan if plan.digest == digest else None
