"""Claims: published numbers in a page, each tied to its place in `report.json`.

    <data class="claim" data-claim="estimates.0.point" data-form="percent" value="0.400000">40.0%</data>

`data-claim` is a path into the report: members and positions joined by dots.  `value` is exactly the text there (an
integer in decimal).  What a reader sees follows from `value` by the form, so that neither can be edited alone:

| form | what is read | example |
| --- | --- | --- |
| `text` | the value | `wilson` |
| `count` | an integer with commas between thousands | 110,400 |
| `percent` | a decimal times 100 with one place, halves to even | 40.0% |
| `level` | a decimal times 100 without zeros at the end | 95% |
| `money` | billionths as units, at least two places | 0.0007204 |
| `span` | seconds in whole minutes, hours and days, rounded down | 2 d 3 h 0 min |

    >>> Claims({"counts": {"judged": 1200}})("counts.judged")
    Markup('<data class="claim" data-claim="counts.judged" data-form="count" value="1200">1,200</data>')
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from markupsafe import Markup, escape

from comity.arrangement import money

__all__ = ["FORMS", "Claims", "shown"]

FORMS: Final = ("text", "count", "percent", "level", "money", "span")
DECIMALS: Final = frozenset({"point", "low", "high", "worst_low", "worst_high"})


def shown(value: str, form: str) -> str:
    """What is read where `value` is claimed.

    >>> shown("0.218806", "percent"), shown("720400", "money")
    ('21.9%', '0.0007204')
    """
    match form:
        case "text":
            return value
        case "count":
            return f"{int(value):,}"
        case "percent":
            return f"{(Decimal(value) * 100).quantize(Decimal('0.1'), ROUND_HALF_EVEN)}%"
        case "level":
            return f"{(Decimal(value) * 100).normalize():f}%"
        case "money":
            return money(int(value))
        case "span":
            return _span(int(value) // 60)
        case _:
            raise AssertionError(f"no form {form!r}; expected one of {', '.join(FORMS)}")


class Claims:
    """Writes claims about one report."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def value(self, path: str) -> Any:
        """What stands at a path of the report."""
        found: Any = self._members
        for step in path.split("."):
            found = found[int(step)] if isinstance(found, list) else found[step]
        return found

    def __call__(self, path: str, form: str = "") -> Markup:
        """The element that claims what stands at `path`."""
        value = self.value(path)
        if isinstance(value, dict | list | bool) or value is None:
            raise AssertionError(f"{path} is no number and no text")
        form = form or _form(path, value)
        text = shown(str(value), form)
        return Markup('<data class="claim" data-claim="{}" data-form="{}" value="{}">{}</data>').format(
            path, form, str(value), escape(text)
        )


def _span(minutes: int) -> str:
    hours, days = minutes // 60 % 24, minutes // 1440
    return f"{days} d {hours} h {minutes % 60} min" if days else f"{hours} h {minutes % 60} min"


def _form(path: str, value: int | str) -> str:
    name = path.rpartition(".")[2]
    if name in DECIMALS or name == "level":
        return "level" if name == "level" else "percent"
    return "count" if isinstance(value, int) else "text"
