"""Training compute: estimates by the two formulas of the Commission's guidelines, in exact arithmetic.

| method | formula | from |
|---|---|---|
| hardware | units × seconds × peak FLOP per second × utilisation | what was used |
| architecture | 6 × parameters × tokens | what was trained; holds for dense transformers |

A notification states the amount to two significant figures; `two_figures` rounds half up.  A comparison
with a threshold uses the exact amount, never the rounded one.

    >>> two_figures(hardware(units="16384", seconds="4665600", peak="989e12", utilisation="0.40").flop)
    '3.0e25'

Not promised: that the formula fits. The guidelines allow an error of 30 percent and ask for the assumptions.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from comity.law.errors import FactsRefused

__all__ = ["Estimate", "amount", "architecture", "hardware", "stated", "two_figures"]

MOST_DIGITS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An amount of compute and how it was found."""

    flop: Fraction
    method: Literal["stated", "hardware", "architecture"]
    formula: str
    """The formula with its numbers."""

    def __str__(self) -> str:
        return f"{two_figures(self.flop)} FLOP ({self.method}: {self.formula})"


def amount(text: str) -> Fraction:
    """A number such as 1e25, 2.5e+24, 400000 or 0.4, exactly; raises `FactsRefused`."""
    mantissa, _, exponent = text.strip().lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    digits = exponent.removeprefix("+").removeprefix("-")
    fits = (
        text.isascii()
        and (whole + decimals).isdigit()
        and whole != ""
        and len(mantissa) <= MOST_DIGITS
        and (not exponent or (digits.isdigit() and len(digits) <= 2))
        and not ("e" in text.lower() and not exponent)
        and not mantissa.endswith(".")
    )
    if not fits:
        raise FactsRefused(f"expected a number such as 1e25, 2.5e24 or 0.4; got {text[:40]!r}")
    return Fraction(f"{mantissa}e{exponent or '0'}")


def hardware(*, units: str, seconds: str, peak: str, utilisation: str) -> Estimate:
    """By what was used: units, seconds of training, peak FLOP per second of one, share of it achieved."""
    number, time, rate, share = amount(units), amount(seconds), amount(peak), amount(utilisation)
    if not 0 < share <= 1:
        raise FactsRefused(f"expected a utilisation above 0 and at most 1; got {utilisation}")
    if number <= 0 or time <= 0 or rate <= 0:
        raise FactsRefused(f"expected units, seconds and a peak above 0; got {units}, {seconds} and {peak}")
    return Estimate(
        flop=number * time * rate * share,
        method="hardware",
        formula=f"{units} units × {seconds} s × {peak} FLOP/s × {utilisation}",
    )


def architecture(*, parameters: str, tokens: str) -> Estimate:
    """By what was trained: parameters and tokens of a dense transformer."""
    size, seen = amount(parameters), amount(tokens)
    if size <= 0 or seen <= 0:
        raise FactsRefused(f"expected parameters and tokens above 0; got {parameters} and {tokens}")
    return Estimate(flop=6 * size * seen, method="architecture", formula=f"6 × {parameters} × {tokens}")


def stated(text: str) -> Estimate:
    """An amount that somebody stated."""
    return Estimate(flop=amount(text), method="stated", formula=text)


def two_figures(flop: Fraction) -> str:
    """To two significant figures, half up, such as `3.0e25`; `0` for nothing."""
    if flop <= 0:
        return "0"
    exponent = len(str(flop.numerator)) - len(str(flop.denominator))
    if flop < Fraction(10) ** exponent:
        exponent -= 1
    scaled = flop / Fraction(10) ** (exponent - 1)
    tens = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    if tens == 100:
        tens, exponent = 10, exponent + 1
    return f"{tens // 10}.{tens % 10}e{exponent}"
