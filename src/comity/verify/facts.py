"""Facts: what was established, each on its own, and where it fails.

A verdict is a list of facts, not a boolean.  A fact *holds*, *fails*, or *is not established*: the third is
for what nothing in hand can decide (a budget without its terms, a file that no signature covers) and is
neither good nor bad.  A verdict stands when no fact fails; what it says is then what its facts say, no more.

    >>> print(Fact(name="root", holds=True, detail="37 entries lead to the signed root"))
    ✓ root: 37 entries lead to the signed root
    >>> print(Fact(name="entries", holds=False, detail="entry 12 was changed", where="tile/entries/000.p/37"))
    ✗ entries: tile/entries/000.p/37: entry 12 was changed
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

MARKS: Final = {True: "✓", False: "✗", None: "·"}
MAX_SHOWN: Final = 3
"""Places that one fact names; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that holds, fails (with the place), or is not established."""

    name: str
    holds: bool | None
    detail: str
    where: str = ""
    """File or entry that is to blame; empty unless the fact fails there."""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{MARKS[self.holds]} {self.name}: {place}{self.detail}"

    def members(self) -> dict[str, Any]:
        """The fact in JSON's types."""
        return {"name": self.name, "holds": self.holds, "detail": self.detail, "where": self.where}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was looked at, and every fact about it in the order in which it was looked at."""

    subject: str
    facts: tuple[Fact, ...]

    @property
    def stands(self) -> bool:
        """No fact fails. Says nothing about what was not established."""
        return all(fact.holds is not False for fact in self.facts)

    @property
    def failures(self) -> tuple[Fact, ...]:
        """The facts that fail, the first place first."""
        return tuple(fact for fact in self.facts if fact.holds is False)

    @property
    def open(self) -> tuple[Fact, ...]:
        """What could not be established."""
        return tuple(fact for fact in self.facts if fact.holds is None)

    def fact(self, name: str) -> Fact:
        """The first fact of a name; the failing one where several bear it."""
        named = [fact for fact in self.facts if fact.name == name]
        return next((fact for fact in named if fact.holds is False), named[0])

    def members(self) -> dict[str, Any]:
        """The verdict in JSON's types."""
        return {
            "format": "comity verdict/1",
            "subject": self.subject,
            "stands": self.stands,
            "facts": [fact.members() for fact in self.facts],
        }


class Faults:
    """Collects what is wrong under one fact's name, while entries are read in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._faults: list[tuple[str, str]] = []

    def add(self, where: str, detail: str) -> None:
        """One thing that is wrong, and the place."""
        self._faults.append((where, detail))

    def fact(self, otherwise: str, *, holds: bool | None = True) -> Fact:
        """The failing fact with its first places, or the one that says `otherwise`."""
        if not self._faults:
            return Fact(name=self.name, holds=holds, detail=otherwise)
        return failed(self.name, self._faults)


def failed(name: str, faults: Sequence[tuple[str, str]]) -> Fact:
    """A failing fact out of places and what is wrong there; the first place is named as the place."""
    where, detail = faults[0]
    others = [f"{place}: {text}" if place else text for place, text in faults[1:MAX_SHOWN]]
    rest = len(faults) - MAX_SHOWN
    more = "".join(f"; also {text}" for text in others) + (f"; and {rest} more" if rest > 0 else "")
    return Fact(name=name, holds=False, detail=detail + more, where=where)


def unestablished(names: Iterable[str], because: str) -> tuple[Fact, ...]:
    """Facts that nothing in hand can decide."""
    return tuple(Fact(name=name, holds=None, detail=because) for name in names)


def counted(number: int, one: str, many: str = "") -> str:
    """`1 entry`, `2 entries`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
