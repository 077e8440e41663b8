"""A corrected rate: what a human rater would have found, from what a judge found and a few of the rater's labels.

As text, in full, and never less:

    58.1% (50.9%–65.3%, 95% powered-plus4, judged n=250, labelled 60, missing 0)

As JSON, with decimals as texts, rounded outwards at the sixth place as an estimate's are.
"""

from dataclasses import dataclass
from typing import Literal

from comity.estimate.estimate import PLACES, outwards
from comity.estimate.functions import EstimateError

__all__ = ["Corrected", "Correction"]

Correction = Literal["rogan-gladen", "powered-t", "powered-plus4"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A rate as a rater would judge it, with its interval and the counts that produced it."""

    point: float
    low: float
    high: float
    error: float
    """The standard error."""
    level: float
    method: Correction
    n: int
    """Units that the judge judged."""
    labelled: int
    """Units that a rater labelled: among the n, or, for `rogan-gladen`, wherever the judge's error was learned."""
    weight: float | None = None
    """How much of the judge went in (the powered ones): 0 the labels alone, 1 the judge with its error taken off."""
    missing: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.point <= self.high <= 1.0:
            raise EstimateError(f"the point {self.point} is not within {self.low} to {self.high}")

    def __str__(self) -> str:
        return (
            f"{self.point:.1%} ({self.low:.1%}–{self.high:.1%}, {self.level * 100:.6g}% {self.method}, "
            f"judged n={self.n}, labelled {self.labelled}, missing {self.missing})"
        )

    __repr__ = __str__

    def __format__(self, specification: str) -> str:
        """As text in full; a format specification cannot cut the interval off."""
        if specification:
            raise EstimateError(f"a corrected rate is printed in full, not as {specification!r}")
        return str(self)

    def as_json(self) -> dict[str, str | int]:
        """The members by name; `weight` only where the method has one."""
        low, high = outwards(self.low, self.high)
        members: dict[str, str | int] = {
            "point": f"{self.point:.{PLACES}f}",
            "low": low,
            "high": high,
            "level": f"{self.level:.12g}",
            "method": self.method,
            "n": self.n,
            "labelled": self.labelled,
            "missing": self.missing,
            "error": f"{self.error:.{PLACES}f}",
            "text": str(self),
        }
        if self.weight is not None:
            members["weight"] = f"{self.weight:.{PLACES}f}"
        return members
