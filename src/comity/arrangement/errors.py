"""Errors of the arrangement room, drawn as a tree.

ArrangementError
├── TermsRefused        the terms (or an access offer) are not well formed; holds every problem at once
├── OfferRefused        an envelope does not hold what it claims
│   ├── MalformedOffer  not an envelope at all: size, form, note
│   ├── OtherVersion    the signatures are over other terms than the envelope carries
│   └── WrongParty      a signature is not by a key that the terms (or the reader) name
├── NotInForce          well formed, but nothing may run on it
│   ├── Unsigned        no signature
│   ├── HalfSigned      one signature of two
│   ├── NotYetBegun     the window begins later
│   └── Expired         the window is over
├── ActRefused          a grant, revocation, stop or resumption does not hold
├── CardRefused         a card of public keys is malformed, missing or one too many
├── CommentRefused      a comment is malformed, about another version, or not a party's
├── ApprovalRefused     an approval or a list of persons does not hold
│   └── ApprovalMissing a version needs the approval of a second person first
├── ContractRefused     the contract cannot be drawn, or an outside signature is none over it
└── ChangeRefused       a counter-offer names what is not there or never changes
"""

from dataclasses import dataclass

__all__ = [
    "ActRefused",
    "ApprovalMissing",
    "ApprovalRefused",
    "ArrangementError",
    "CardRefused",
    "ChangeRefused",
    "CommentRefused",
    "ContractRefused",
    "Expired",
    "HalfSigned",
    "MalformedOffer",
    "NotInForce",
    "NotYetBegun",
    "OfferRefused",
    "OtherVersion",
    "Problem",
    "TermsRefused",
    "Unsigned",
    "WrongParty",
]


class ArrangementError(Exception):
    """Root of what this package raises for bad input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault of one clause, placed where its author finds it."""

    file: str
    line: int
    """From 1; 0 where the source has no lines (canonical JSON)."""
    clause: str
    """Path of the clause, such as `models[0].prices.input`; empty for the whole text."""
    expected: str
    got: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.clause or 'the whole text'}: expected {self.expected}; got {self.got}"


class TermsRefused(ArrangementError):
    """The text is not terms; `problems` lists everything found, in the order of the text."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class OfferRefused(ArrangementError):
    """The envelope does not hold what it claims."""


class MalformedOffer(OfferRefused):
    """The bytes are no offer envelope."""


class OtherVersion(OfferRefused):
    """The signed text names other terms than the envelope carries."""


class WrongParty(OfferRefused):
    """A signature is not by one of the two party keys, or the terms name another key than expected."""


class NotInForce(ArrangementError):
    """Nothing may run on this offer now."""


class Unsigned(NotInForce):
    """No party signed."""


class HalfSigned(NotInForce):
    """One party signed, the other did not."""


class NotYetBegun(NotInForce):
    """The window begins later."""


class Expired(NotInForce):
    """The window is over."""


class ActRefused(ArrangementError):
    """A party's act is malformed, not signed by the key expected, or for another ledger."""


class CardRefused(ArrangementError):
    """A card of public keys is malformed, or the cards at hand do not make an arrangement."""


class CommentRefused(ArrangementError):
    """A comment is malformed, about another version, or not by a party."""


class ApprovalRefused(ArrangementError):
    """An approval, or the list of those who may approve, does not hold."""


class ApprovalMissing(ApprovalRefused):
    """A side's own policy asks for a second person's approval before it signs."""


class ContractRefused(ArrangementError):
    """The contract cannot be drawn as PDF, or a file is not this contract with a signature over it."""


class ChangeRefused(ArrangementError):
    """A change names a clause that these terms do not have, or one that never changes."""
