"""Words of a contract: how its sentences are made, and how a value is written in them.

A `Provision` is one or more sentences that are kept in one way: it has one mark, and names the clauses it says.
What only explains has no mark and no clause.  A provision may go on in lettered `Item`s, each with its own clauses.

Dates are written out (`23 November 2026, 00:00 UTC`), numbers with separators, money with its currency, and a
count agrees with its noun.

    >>> counted(1, "call"), counted(2_000, "call"), counted(3, "day's work", "days' work")
    ('1 call', '2,000 calls', "3 days' work")
    >>> joined(("a", "b", "c")), joined(("a", "b"), "or")
    ('a, b and c', 'a or b')
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from comity.arrangement.clauses import Mark

__all__ = [
    "DAY_NAMES",
    "Item",
    "Provision",
    "Remark",
    "Table",
    "clock",
    "counted",
    "days",
    "joined",
    "moment",
    "paragraphs",
    "party",
    "sentence",
]

DAY_NAMES: Final = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday",
    "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One lettered line of a provision."""

    text: str
    clauses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """What is agreed in one numbered paragraph, and how it is kept."""

    text: str
    mark: Mark | None = None
    """None where the paragraph explains and binds nobody."""
    clauses: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Every clause that this provision says, its items' included."""
        return (*self.clauses, *(name for item in self.items for name in item.clauses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Part of a schedule: what a provision refers to, in rows."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    """Columns that hold numbers, counted from 0: they stand to the right."""
    codes: frozenset[int] = frozenset()
    """Columns whose cells are to be copied: keys, digests, names that a machine compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What somebody said about a clause of a version, to be shown beside it."""

    clause: str
    by: str
    version: int
    on: str
    """The day, in words."""
    text: str

    @property
    def about(self) -> str:
        """The clause, without the name of the item."""
        return re.sub(r"\[[^\]]*\]", "", self.clause)

    def line(self) -> str:
        """The remark as one line."""
        return f"{self.by} on {self.clause} of version {self.version}, {self.on}: {self.text}"


def joined(words: Iterable[str], last: str = "and") -> str:
    """A list as a sentence holds it."""
    said = tuple(words)
    if len(said) < 2:
        return "".join(said)
    return f"{', '.join(said[:-1])} {last} {said[-1]}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def moment(at: datetime) -> str:
    """A time to the second, or to the minute where the seconds are none."""
    seconds = f"{at:%H:%M}" if not at.second and not at.microsecond else f"{at:%H:%M:%S}"
    fraction = f".{at.microsecond // 1000:03}" if at.microsecond else ""
    return f"{at.day} {at:%B %Y}, {seconds}{fraction} UTC"


def clock(minutes: int) -> str:
    """A time of day."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def days(named: Sequence[str]) -> str:
    """Days of the week, as a span where they follow one another."""
    order = list(DAY_NAMES)
    places = sorted(order.index(day) for day in named)
    if len(places) == len(order):
        return "every day of the week"
    if len(places) > 2 and places == list(range(places[0], places[-1] + 1)):
        return f"{DAY_NAMES[order[places[0]]]} to {DAY_NAMES[order[places[-1]]]}"
    return joined(DAY_NAMES[order[place]] for place in places)


def party(role: str) -> str:
    """How the contract calls whoever has a role in it."""
    return {
        "authority": "the Authority",
        "provider": "the Provider",
        "operator": "the Operator",
        "third-party": "a third party",
        "both": "both parties together",
        "nobody": "nobody",
    }[role]


def paragraphs(text: str) -> str:
    """An author's text as one paragraph."""
    return " ".join(text.split())


def sentence(text: str) -> str:
    """An author's text as a sentence: it ends with a stop."""
    said = paragraphs(text)
    return said if said.endswith((".", "!", "?", "…", "”", '"')) else f"{said}."
