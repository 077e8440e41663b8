"""Standing: what a gateway tells of an arrangement, as a forecast reads it.

`read_standing` takes what the door `/status` answers.  A member that is absent is not known: an older gateway tells of
no day and no suspension, and a forecast then says nothing of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

__all__ = ["UNASKED", "Standing", "read_standing"]

FIGURES: Final = {
    "budget.calls": "calls",
    "budget.input_tokens": "input_tokens",
    "budget.output_tokens": "output_tokens",
    "budget.cost": "cost_nano",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How much is taken of an arrangement, and what stands against any call under it."""

    taken: Mapping[str, int] | None
    """By clause, settled and reserved together, of this day under `budget.per_day`; `None` where nobody was asked."""
    by_repeats: Mapping[str, int]
    """What of it repeated runs took, by clause of the whole budget."""
    against: tuple[str, ...]
    """A stop, a suspension, an exceeded clause: each a sentence that begins with the clause."""
    stood: timedelta
    """For how long the window's clock stood still."""

    def left(self, clause: str, agreed: int) -> int | None:
        """What is left of a clause; all of it where nobody was asked, `None` where the answer did not tell."""
        if self.taken is None:
            return agreed
        return max(0, agreed - self.taken[clause]) if clause in self.taken else None


UNASKED: Final = Standing(taken=None, by_repeats={}, against=(), stood=timedelta())


def read_standing(status: Mapping[str, Any]) -> Standing:
    """The standing in a gateway's answer."""
    rerun: Mapping[str, Any] = status.get("rerun") or {}
    against = []
    if stop := status.get("stopped"):
        against.append(f"stop.by: the {stop['by']} stopped this access: {stop['cause']}")
    if suspension := status.get("suspended"):
        said = f"the {suspension['by']} suspended this access until it resumes it: {suspension['cause']}"
        against.append(f"suspension.by: {said}")
    for clause in status.get("overrun") or ():
        against.append(f"{clause}: usage exceeded a reservation, so nothing more passes under this clause")
    return Standing(
        taken={clause: int(row["taken"]) for clause, row in status["clauses"].items()},
        by_repeats={clause: int(rerun[name]) for clause, name in FIGURES.items() if name in rerun},
        against=tuple(against),
        stood=timedelta(milliseconds=int(status.get("stood_ms") or 0)),
    )
