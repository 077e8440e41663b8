"""An estimate: a quantity with its interval, its method, its n and what is missing, which travel
together.

As text, in full, and never less:

    72.0% (62.5%–79.9%, 95% wilson, n=100, missing 4: 69.2%–73.1% at worst)

"At worst" are the rates if every missing unit were wrong, and if every one were right: no assumption
about why they are missing goes into these two numbers, and no sampling error either.

As JSON, with decimals as texts (an entry holds no floats), rounded outwards at the sixth place so that
no reader sees a narrower interval than was computed:

    {"high":"0.798769","level":"0.95","low":"0.625191","method":"wilson","missing":0,"n":100,"point":"0.720000",
     "successes":72,"text":"72.0% (62.5%–79.9%, …)","worst_high":"0.720000","worst_low":"0.720000"}
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

from comity.estimate.functions import EstimateError

Method = Literal["wilson", "clopper-pearson", "jeffreys", "betting-bank"]
"""What a plan may ask for of a simple random sample: the last at any time, the others at one fixed beforehand."""
Anytime = Literal["betting", "betting-bank"]
"""Of a confidence sequence, which holds whenever it is looked at."""

PLACES: Final = 6
ROUNDING: Final = 1e-6
"""Of the last place: what the rounding of a product explains is no reason to move a whole place outwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A rate estimated from a run, with the interval and the counts that produced it."""

    point: float
    low: float
    high: float
    level: float
    """Coverage that the method aims at (wilson, jeffreys, korn-graubard) or guarantees (the others), such as 0.95."""
    method: Method | Anytime | Literal["korn-graubard", "betting-drawn"]
    n: int
    """Independent units that were judged."""
    successes: int
    missing: int
    """Units that were intended and have no judgement, whatever the reason."""
    worst_low: float
    """The rate over all intended units if every missing one were a failure."""
    worst_high: float
    """The rate over all intended units if every missing one were a success."""
    bank: int | None = None
    """How many units there are in all, where the interval is about these; None where it is about what they are from."""
    strata: int | None = None
    """Into how many strata the bank is divided, of a stratified sample."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.point <= self.high <= 1.0:
            raise EstimateError(f"the point {self.point} is not within {self.low} to {self.high}")
        if not 0.0 <= self.worst_low <= self.point <= self.worst_high <= 1.0:
            raise EstimateError(f"the point {self.point} is not within {self.worst_low} to {self.worst_high}")

    def __str__(self) -> str:
        of = f" of {self.bank}" if self.bank is not None else ""
        of += f" in {self.strata} strata" if self.strata is not None else ""
        worst = f": {self.worst_low:.1%}–{self.worst_high:.1%} at worst" if self.missing else ""
        return (
            f"{self.point:.1%} ({self.low:.1%}–{self.high:.1%}, {self.level * 100:.6g}% {self.method}, "
            f"n={self.n}{of}, missing {self.missing}{worst})"
        )

    __repr__ = __str__

    def __format__(self, specification: str) -> str:
        """As text in full; a format specification cannot cut the interval off."""
        if specification:
            raise EstimateError(f"an estimate is printed in full, not as {specification!r}")
        return str(self)

    def as_json(self) -> dict[str, str | int]:
        """The members described above."""
        return {
            "point": f"{self.point:.{PLACES}f}",
            "low": _down(self.low),
            "high": _up(self.high),
            "level": f"{self.level:.12g}",
            "method": self.method,
            "n": self.n,
            "successes": self.successes,
            "missing": self.missing,
            "worst_low": _down(self.worst_low),
            "worst_high": _up(self.worst_high),
            "text": str(self),
            **({"bank": self.bank} if self.bank is not None else {}),
            **({"strata": self.strata} if self.strata is not None else {}),
        }


def outwards(low: float, high: float) -> tuple[str, str]:
    """The ends of an interval as texts of six places, no narrower than they are."""
    return _down(low), _up(high)


def _down(value: float) -> str:
    return _decimal(math.floor(value * 10**PLACES + ROUNDING))


def _up(value: float) -> str:
    return _decimal(math.ceil(value * 10**PLACES - ROUNDING))


def _decimal(millionths: int) -> str:
    return f"{millionths / 10**PLACES:.{PLACES}f}"
