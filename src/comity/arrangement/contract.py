"""Contract: terms as a text that two lawyers can read, discuss and sign.

    contract_of(terms) -> Contract      parties, recitals, articles, schedules

A `Contract` is a value: what follows from the terms alone, in the order in which it is printed.  It knows neither
who signed nor a clock, so the same terms make the same contract, and it is rendered as text (`show`), as PDF
(`contract_pdf`) and as JSON.

Each provision is kept in one way and names the clauses that it says (`Provision.mark`, `Provision.clauses`); each
clause of the terms is said, and what a clause holds changes the text.  `said_by` leads from a clause to its number,
so that a refusal which quotes `budget.calls` can be read beside article 8.1.

Schedules hold what is counted or copied: models with prices, people under pseudonyms, keys.

Not promised: that this rendering is what was signed.  Signatures are over the canonical bytes of the terms, whose
digest stands on the first page; a signature over the rendered PDF is an outside one (`outside_signature`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from comity.arrangement import contract_access as access
from comity.arrangement import contract_keeping as keeping
from comity.arrangement.clauses import A, E, Mark, V
from comity.arrangement.contract_schedules import keys_table, models_tables, people_table
from comity.arrangement.contract_words import Item, Provision, Table, sentence
from comity.arrangement.terms import Role, Terms

__all__ = ["MARKS", "Article", "Contract", "Schedule", "Signatory", "contract_of"]

MARKS: Final[Mapping[Mark, tuple[str, str]]] = {
    E: ("●", "a machine refuses what breaks it"),
    V: ("◐", "a record shows whether it was kept"),
    A: ("○", "a signed promise, and nothing more"),
}
"""How a clause is kept: the sign of each mark, and what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A numbered heading and its provisions."""

    number: int
    heading: str
    provisions: tuple[Provision, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What the articles refer to."""

    number: int
    heading: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """A side that signs, and the key that signs for it."""

    role: Role
    name: str
    called: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Terms as a text. Built by `contract_of` alone."""

    title: str
    arrangement: str
    version: int
    digest: str
    parties: tuple[Signatory, ...]
    opening: tuple[Provision, ...]
    """The parties, one provision each, and how they sign."""
    recitals: tuple[Provision, ...]
    articles: tuple[Article, ...]
    schedules: tuple[Schedule, ...]

    def numbered(self) -> Iterator[tuple[str, Provision]]:
        """Every provision with the number that it is quoted by."""
        yield from ((f"({number})", provision) for number, provision in enumerate(self.opening, 1))
        yield from ((f"({letter(number)})", provision) for number, provision in enumerate(self.recitals))
        for article in self.articles:
            for count, provision in enumerate(article.provisions, 1):
                yield f"{article.number}.{count}", provision

    def said_by(self) -> Mapping[str, str]:
        """Each clause's name, and the number of the first provision that says it."""
        said: dict[str, str] = {}
        for number, provision in self.numbered():
            for name in provision.names():
                said.setdefault(name, number)
        return said

    def value(self) -> dict[str, Any]:
        """The contract in JSON's types."""
        return {
            "arrangement": self.arrangement,
            "version": self.version,
            "digest": self.digest,
            "title": self.title,
            "provisions": [
                {
                    "number": number,
                    "mark": provision.mark,
                    "clauses": list(provision.clauses),
                    "text": provision.text,
                    "items": [{"text": item.text, "clauses": list(item.clauses)} for item in provision.items],
                }
                for number, provision in self.numbered()
            ],
            "schedules": [
                {
                    "number": schedule.number,
                    "heading": schedule.heading,
                    "tables": [
                        {"caption": table.caption, "head": list(table.head), "rows": [list(row) for row in table.rows]}
                        for table in schedule.tables
                    ],
                }
                for schedule in self.schedules
            ],
        }


def letter(number: int) -> str:
    """The letter of a recital, counted from 0: A to Z, then AA."""
    return letter(number // 26 - 1) + letter(number % 26) if number >= 26 else chr(ord("A") + number)


def contract_of(terms: Terms) -> Contract:
    """The contract that these terms make."""
    parties = terms.parties
    return Contract(
        title=terms.title,
        arrangement=terms.id,
        version=terms.version,
        digest=terms.digest,
        parties=(
            Signatory(role="authority", name=parties.authority.name, called="Authority", key=parties.authority.key),
            Signatory(role="provider", name=parties.provider.name, called="Provider", key=parties.provider.key),
        ),
        opening=tuple(_opening(terms)),
        recitals=tuple(_recitals(terms)),
        articles=tuple(
            Article(number=number, heading=heading, provisions=tuple(said(terms)))
            for number, (heading, said) in enumerate(ARTICLES, 1)
        ),
        schedules=tuple(
            Schedule(number=number, heading=heading, tables=tables)
            for number, (heading, tables) in enumerate(
                (
                    ("The models and their prices", models_tables(terms)),
                    ("The people", (people_table(terms),)),
                    ("Keys and policy", keys_table(terms)),
                ),
                1,
            )
        ),
    )


def _opening(terms: Terms) -> Iterator[Provision]:
    parties = terms.parties
    yield Provision(
        text=f"{parties.authority.name} (the “Authority”), and", mark=A, clauses=("parties.authority.name",)
    )
    yield Provision(text=f"{parties.provider.name} (the “Provider”).", mark=A, clauses=("parties.provider.name",))


def _recitals(terms: Terms) -> Iterator[Provision]:
    yield Provision(
        text=f"The parties call this arrangement “{terms.title}”.", mark=A, clauses=("title",)
    )
    kind = {"voluntary": "voluntary", "code": "a code of practice", "compulsory": "compulsory by law"}[terms.basis_kind]
    yield Provision(
        text=f"It rests on this basis, which is {kind}: {sentence(terms.basis)}",
        mark=A,
        clauses=("basis_kind", "basis"),
    )
    yield Provision(
        text="Access is given for these purposes:" if len(terms.purpose) > 1 else "Access is given for this purpose:",
        mark=A,
        clauses=("purpose",),
        items=tuple(Item(text=sentence(purpose)) for purpose in terms.purpose),
    )


def _this_text(terms: Terms) -> Iterator[Provision]:
    yield Provision(
        text=f"This is version {terms.version} of the arrangement {terms.id}, written in the format arrangement/1. "
        "Every later version keeps that id.",
        mark=E,
        clauses=("terms", "id", "version"),
    )
    yield Provision(
        text=f"It replaces the version whose digest is {terms.previous}."
        if terms.previous
        else "It is the first version and replaces none.",
        mark=V,
        clauses=("previous",),
    )
    yield Provision(
        text="Each party signs these terms in their canonical form, with its key in Schedule 3 and with no other.",
        mark=E,
        clauses=("parties.authority.key", "parties.provider.key"),
    )
    yield Provision(
        text="The digest of that form stands at the head of this text and tells whether two copies are the same. "
        "This text says the same terms in words."
    )
    yield Provision(
        text="Each provision bears a mark that says how it is kept:",
        items=tuple(Item(text=f"{sign} {mark}: {meaning}") for mark, (sign, meaning) in MARKS.items()),
    )


def _meanings(_: Terms) -> Iterator[Provision]:
    numbers = {heading: number for number, (heading, _) in enumerate(ARTICLES, 1)}
    yield Provision(
        text="In this arrangement,",
        items=tuple(
            Item(text=f"“{word}” means {meaning}{f', as article {numbers[place]} states' if place else ''}{stop}")
            for (word, meaning, place), stop in zip(MEANINGS, ";" * (len(MEANINGS) - 1) + ".", strict=True)
        ),
    )


MEANINGS: Final = (
    ("call", "one request to a model, with its answer", ""),
    ("token", "the unit in which a model's provider counts input and output", ""),
    ("Gateway", "the machine through which calls pass, and which holds both parties to these terms", ""),
    ("Operator", "whoever runs the Gateway", "The Gateway and its Operator"),
    ("permit", "the Gateway's signed leave for one call", ""),
    ("Window", "the time in which calls may pass", "Time"),
    ("Record", "the ledger in which every call is entered", "The Record"),
    ("witness", "whoever cosigns the state of the Record, so that it cannot be told two ways", ""),
    ("sealed", "encrypted so that only the holder of a named key can read it", ""),
)
"""Words that the articles use in one sense, in the order in which they build on one another, and where more is said."""

ARTICLES: Final = (
    ("This text", _this_text),
    ("Meanings", _meanings),
    ("The models", access.models),
    ("What a request may use", access.features),
    ("Access beside calls", access.beside),
    ("The people", access.people),
    ("Time", access.time),
    ("Budget", access.budget),
    ("Pace", access.rate),
    ("The Gateway and its Operator", keeping.gateway),
    ("The Record", keeping.record),
    ("What was asked and answered", keeping.content),
    ("Newer versions", keeping.successor),
    ("Stopping, suspending and leaving", keeping.stopping),
    ("Incidents", keeping.incidents),
    ("Good faith", keeping.harbour),
    ("Publication", keeping.publication),
)
"""Headings, and who says what stands under them."""
