"""Assessment: duty → claim → evidence → entry or document, with a status that nobody can write.

For one model of a case, each duty of the provider under the case's version of the law is a *cell*.  Its *facts* are
what was entered about the duty and stands: claims (`assertion.made` that names it), submissions and documentation
that arrived for it, and findings in their newest version.  The status is the first row that fits:

| status | rule |
|---|---|
| `contested` | findings that settle it say both, or one of them is disputed, or another finding of the authority cites evidence that says otherwise |
| `met` | a finding settles it, for compliance (`comity.engagement.findings` says when one settles) |
| `not met` | a finding settles it, for infringement |
| `contested` | something that cites evidence speaks against it: a finding of infringement, or a claim that was contradicted |
| `evidenced` | something that cites evidence speaks for it: a claim that is evidenced or verified, a submission or documentation with a document that stands, a finding of compliance |
| `asserted` | there are facts, and they are words |
| `not assessed` | there is no fact |

A claim or a submission is read as speaking for the duty that it names.  A finding that leaves open what it finds
speaks neither for nor against, and is no fact for the status.  What is about the provider counts for each model.

Whether the duty bears on the provider at all is a question of its own (`comity.engagement.scopes`), and stands beside
the status; a duty that does not bear is not counted.

**The assurance ceiling** says how sure the whole can be at best, in the words of the AI Assurance Levels (AAL).  A
fact *leans on the provider* when it rests on the provider's word or on what the provider supplied; it does not when
the finding, or the check of a claim, cites evidence from elsewhere (calls, sessions, others' documents).

| of the facts lean on the provider | no better than |
|---|---|
| half or more | AAL-1: leans on information that the company supplied |
| fewer | AAL-2; AAL-3 and AAL-4 rule out deception by the company, which no record of a case can |
| there are none | nothing can be said |

Where half begins is a rule of this house; the levels do not draw that line.

Not promised: that the law asks for no more, or that a level is reached. A ceiling is not a floor.
"""  # noqa: E501 - a table's row is one line

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from comity.engagement.assertions import Assertion, read_assertions
from comity.engagement.case import Case, Entry, Item
from comity.engagement.citations import NOTHING, AtHand, Cited, cited_by
from comity.engagement.clocks import CaseClock
from comity.engagement.documentation import form_views
from comity.engagement.findings import Finding, Version, read_findings
from comity.engagement.scopes import PROVIDERS, Bearing, bearing
from comity.engagement.sides import AUTHORITY, PROVIDER, side_of
from comity.law import Duty, Pack
from comity.records import AssertionMade, DocumentationReceived, FindingStated, SubmissionReceived

__all__ = ["Assessment", "Ceiling", "Cell", "Fact", "Status", "assess", "ceiling_of", "status_of", "subjects_of"]

ONE_RECIPIENT: Final = {"TR-1.2B": ("aio", "nca"), "TR-1.2C": ("dp",)}
"""Duties of a form that are about one recipient's fields; the form's other duties are about all of it."""

Status = Literal["not assessed", "asserted", "evidenced", "contested", "met", "not met"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that the case says about a duty."""

    what: Literal["claim", "submission", "documentation", "finding"]
    item: Item
    says: str
    """What it says, in its own words."""
    reads: str
    """How far it goes: the status of a claim, or why a finding settles nothing."""
    speaks: Literal["for", "against", "neither"]
    shows: bool
    """Whether it is more than a word."""
    leans: bool
    """Whether it rests on the provider's word or on what the provider supplied."""
    cited: tuple[Cited, ...]
    version: Version | None = None
    """Of a finding."""
    authority: bool = False
    """Whether it is a finding by the authority."""

    @property
    def disputes(self) -> tuple[Entry, ...]:
        """The provider's disputes of a finding that no later version answers."""
        return tuple(one.item.entry for one in self.version.disputed) if self.version is not None else ()

    @property
    def settles(self) -> bool:
        """Whether it is a finding that settles the duty."""
        return self.version is not None and self.version.settles


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """No better than this, and why."""

    level: Literal["", "AAL-1", "AAL-2"]
    """Empty where nothing can be said."""
    leaning: int
    facts: int

    def __str__(self) -> str:
        if not self.level:
            return "no level can be stated: nothing was entered"
        rest = "rests" if self.leaning == 1 else "rest"
        count = "the only fact" if self.leaning == self.facts == 1 else f"{self.leaning} of {self.facts} facts"
        said = f"{count} {rest} on what the provider says or supplied"
        if self.level == "AAL-1":
            return f"no better than AAL-1, because {said}"
        return f"no better than AAL-2: {said}, and no record of a case rules out deception"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One duty, for one model."""

    duty: Duty
    bearing: Bearing
    status: Status
    because: str
    facts: tuple[Fact, ...]
    ceiling: Ceiling

    @property
    def arrived(self) -> dict[str, tuple[Entry, ...]]:
        """What the duty is shown by, in the law pack's words, and the submissions that are said to hold it."""
        found: dict[str, tuple[Entry, ...]] = {name: () for name in self.duty.evidence}
        for fact in self.facts:
            if isinstance(fact.item.record, SubmissionReceived):
                for name in set(fact.item.record.shows) & set(found):
                    found[name] = (*found[name], fact.item.entry)
        return found

    @property
    def counted(self) -> bool:
        """Whether the duty bears, or something was entered about it although nobody said that it does."""
        return self.bearing.applies == "yes" or (self.bearing.applies == "not assessed" and bool(self.facts))

    @property
    def cited(self) -> tuple[Cited, ...]:
        """Everything that its facts cite, each once."""
        return tuple({one.name: one for fact in self.facts for one in fact.cited}.values())

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of its facts, of disputes and of what is cited, oldest first."""
        own = [entry for fact in self.facts for entry in (fact.item.latest, fact.item.entry, *fact.disputes)]
        own += [entry for one in self.cited for entry in one.entries]
        return tuple(sorted(dict.fromkeys(own), key=lambda entry: entry.index))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Every duty of the provider, for one model of a case."""

    subject: str
    """The model or system; empty where the case names none."""
    pack: Pack
    cells: tuple[Cell, ...]
    """In the order of the law pack; duties that do not bear among them."""
    ceiling: Ceiling
    """Over all facts, each counted once."""

    def cell(self, duty: str) -> Cell:
        """The cell of a duty of the provider; raises `KeyError` for another."""
        return {cell.duty.id: cell for cell in self.cells}[duty]


def assess(
    case: Case, pack: Pack, subject: str, clocks: Sequence[CaseClock] = (), hand: AtHand = NOTHING
) -> Assessment:
    """The assessment of a case for one of its models, under one law.

    `clocks` are those of the case (`case_clocks`): the time to reply to a preliminary finding is one of them.
    """
    assertions, findings = read_assertions(case, hand), read_findings(case, hand, clocks)
    facts = tuple(_facts(case, pack, subject, assertions, findings, hand))
    cells = tuple(
        _cell(case, pack, duty, subject, [fact for fact, duties in facts if duty.id in duties], hand)
        for duty in pack.duties.values()
        if set(duty.who) & set(PROVIDERS)
    )
    own = {cell.duty.id for cell in cells if cell.bearing.applies != "no"}
    counted = [fact for fact, duties in facts if set(duties) & own]
    return Assessment(subject=subject, pack=pack, cells=cells, ceiling=ceiling_of(counted))


def subjects_of(case: Case) -> tuple[str, ...]:
    """The models to assess: those of the opening, and others that evidence names; `("",)` where there are none."""
    named = list(case.opening.subjects)
    named += [record.subject for _, record in case.records(AssertionMade)]
    named += [record.subject for _, record in case.records(DocumentationReceived)]
    named += [record.subject for _, record in case.records(FindingStated)]
    named += [record.about for _, record in case.records(SubmissionReceived) if record.about not in case.items]
    return tuple(dict.fromkeys(name for name in named if name)) or ("",)


def _cell(case: Case, pack: Pack, duty: Duty, subject: str, facts: Sequence[Fact], hand: AtHand) -> Cell:
    status, because = status_of(facts)
    return Cell(
        duty=duty,
        bearing=bearing(case, pack, duty, subject, hand),
        status=status,
        because=because,
        facts=tuple(facts),
        ceiling=ceiling_of(facts),
    )


def status_of(facts: Sequence[Fact]) -> tuple[Status, str]:
    """The status that follows from the facts about one duty, in any order, and why."""
    settled = [fact for fact in facts if fact.settles]
    if settled:
        return _settled(settled, facts)
    against = [fact for fact in facts if fact.speaks == "against" and fact.shows]
    if against:
        who = "a check of a claim" if against[0].what == "claim" else "a finding"
        return "contested", f"{who} cites evidence against it ({_at(against)}), and no finding settles it"
    shown = [fact for fact in facts if fact.speaks == "for" and fact.shows]
    if shown:
        return "evidenced", f"evidence is cited ({_at(shown)}), and no finding settles it"
    words = [fact for fact in facts if fact.speaks != "neither"]
    if words:
        return "asserted", f"nothing but words ({_at(words)})"
    return "not assessed", "a finding leaves it open" if facts else "nothing was entered about it"


def _settled(settled: Sequence[Fact], facts: Sequence[Fact]) -> tuple[Status, str]:
    ways = {fact.speaks for fact in settled}
    if len(ways) == 2:
        return "contested", f"findings that settle it say both ({_at(settled)})"
    numbers = sorted(entry.index for fact in settled for entry in fact.disputes)
    if numbers:
        where = ", ".join(str(number) for number in numbers)
        return "contested", f"the provider disputes the finding, and no later version answers that (entry {where})"
    other = [
        fact
        for fact in facts
        if fact.authority and fact.shows and not fact.settles and fact.speaks not in ("neither", *ways)
    ]
    if other:
        return "contested", f"another finding of the authority says otherwise ({_at(other)})"
    if ways == {"for"}:
        return "met", f"found by the authority ({_at(settled)})"
    return "not met", f"found by the authority ({_at(settled)})"


def _at(facts: Sequence[Fact]) -> str:
    numbers = sorted(fact.item.index for fact in facts)
    return f"{'entry' if len(numbers) == 1 else 'entries'} {', '.join(str(number) for number in numbers)}"


def ceiling_of(facts: Iterable[Fact]) -> Ceiling:
    """How sure what rests on these facts can be at best."""
    leaning = [fact.leans for fact in facts if fact.speaks != "neither"]
    count = sum(leaning)
    if not leaning:
        return Ceiling(level="", leaning=0, facts=0)
    return Ceiling(level="AAL-1" if 2 * count >= len(leaning) else "AAL-2", leaning=count, facts=len(leaning))


Told = tuple[Fact, tuple[str, ...]]


def _facts(
    case: Case, pack: Pack, subject: str, assertions: Sequence[Assertion], findings: Sequence[Finding], hand: AtHand
) -> Iterator[Told]:
    """Each fact about a model, with the duties that it bears on."""
    for assertion in assertions:
        if assertion.record.subject in ("", subject):
            yield _claim(assertion), assertion.record.duties
    for item, record in case.records(SubmissionReceived):
        if record.about in ("", subject) or record.about in case.items:
            yield _arrived(case, item, "submission", record.summary or ", ".join(record.shows), "", hand), record.duties
    newest = {one.newest.id: one for one in form_views(case, pack, subject) if one.newest is not None}
    for name, view in newest.items():
        gaps = f"{view.counted('received')} of {len(view.fields)} fields received, {len(view.missing)} missing"
        says = f"{view.form.title}, {view.view or 'one view'}"
        duties = tuple(duty for duty in view.form.duties if view.view in ONE_RECIPIENT.get(duty, (view.view,)))
        yield _arrived(case, case.items[name], "documentation", says, gaps, hand), duties
    for finding in findings:
        if finding.newest.record.subject in ("", subject):
            yield _finding(case, finding.newest), (finding.newest.record.duty,)


def _claim(one: Assertion) -> Fact:
    against = one.status == "contradicted"
    checked = [cited for check in one.checks if check.shows for cited in check.cited]
    looked = one.status in ("verified", "contradicted")
    return Fact(
        what="claim",
        item=one.item,
        says=f"{one.record.by}: {one.record.claim}",
        reads=f"{one.status}: {one.because}",
        speaks="against" if against else "for",
        shows=one.status in ("evidenced", "verified", "contradicted"),
        leans=not (looked and _elsewhere(checked)),
        cited=one.cited,
    )


def _arrived(
    case: Case, item: Item, what: Literal["submission", "documentation"], says: str, reads: str, hand: AtHand
) -> Fact:
    cited = cited_by(case, item, hand)
    shows = any(one.shows for one in cited)
    told = "a document stands" if shows else "no document that stands"
    by = str(getattr(item.record, "by", ""))
    return Fact(
        what=what,
        item=item,
        says=f"{by}: {says}",
        reads=f"{told}; {reads}" if reads else told,
        speaks="for",
        shows=shows,
        leans=side_of(case, by) == PROVIDER or not _elsewhere(cited),
        cited=cited,
    )


def _finding(case: Case, version: Version) -> Fact:
    record = version.record
    ways: dict[str, Literal["for", "against"]] = {"compliance": "for", "infringement": "against"}
    stage = f"{record.stage} version {version.number}, {record.assurance} assurance, by {record.by}"
    goes = "settles it" if version.settles else f"settles nothing: {version.open_because}"
    if version.disputed:
        where = ", ".join(str(one.item.index) for one in version.disputed)
        goes = f"{'would settle it' if version.settles else goes}, and the provider disputes it (entry {where})"
    return Fact(
        what="finding",
        item=version.item,
        says=f"{record.finds}: {record.conclusion}",
        reads=f"{stage}; {goes}",
        speaks=ways.get(record.finds, "neither"),
        shows=version.shows,
        leans=not _elsewhere(version.cited),
        cited=version.cited,
        version=version,
        authority=side_of(case, record.by) == AUTHORITY,
    )


def _elsewhere(cited: Iterable[Cited]) -> bool:
    """Whether evidence is among it that the provider did not supply."""
    return any(one.shows and not one.from_provider for one in cited)
