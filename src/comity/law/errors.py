"""Errors of the room of law, drawn as a tree.

LawError
├── PackRefused       a pack's folder does not hold what a pack holds; names every fault at once
├── PackUnknown       no pack, or no version of it, under that name
├── DutyUnknown       a pack has no duty under that id
├── DeadlineRefused   a deadline or a length of time outside the grammar
├── CalendarRefused   a calendar that cannot be read, or a count that leaves the years it knows
├── ActRefused        an act that no clock can have: out of order, on a clock that is not there
└── FactsRefused      facts that contradict each other, or a number that is none
"""

from dataclasses import dataclass

__all__ = [
    "ActRefused",
    "CalendarRefused",
    "DeadlineRefused",
    "DutyUnknown",
    "FactsRefused",
    "Fault",
    "LawError",
    "PackRefused",
    "PackUnknown",
]


class LawError(Exception):
    """Root of what this package raises for bad input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a file, placed where its author finds it."""

    file: str
    line: int
    """From 1; 0 where the fault belongs to the whole file."""
    member: str
    """Path of the member, such as `duties[3].who`; empty for the whole file."""
    expected: str
    got: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.member or 'the whole file'}: expected {self.expected}; got {self.got}"


class PackRefused(LawError):
    """The folder is no pack; `faults` lists everything found, in the order of the files."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class PackUnknown(LawError):
    """No pack, or no version of it, under that name."""


class DutyUnknown(LawError):
    """A pack has no duty under that id."""


class DeadlineRefused(LawError):
    """A text is no deadline, or no length of time."""


class CalendarRefused(LawError):
    """A calendar cannot be read, or a count leaves the years it knows."""


class ActRefused(LawError):
    """An act does not fit the clocks it came to."""


class FactsRefused(LawError):
    """Facts about a model contradict each other, or one of them is no number."""
