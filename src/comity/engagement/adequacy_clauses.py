"""Adequacy of the terms: the clauses that promise something, each promised, delivered, used and denied.

| clauses | delivered | used | denied |
|---|---|---|---|
| `models.name`, one row a model | answers | calls | refusals that name the model |
| `features.…`, one row each | answers to calls that made use of it | such calls | refusals of it |
| `budget.…` | what was charged | with what calls under way have reserved | refusals under it |
| `rate.…` | | | refusals under it |
| `access_days`, where a number is promised | business days granted | days with calls or sessions | days lost |
| `people.id`, one row a person | grants | | refusals under it |
| `access.item`, one row a promise | as the item's own row | | |
| `successor.…`, `publication.review_days`, `exit.notice_days` | clocks that were met | | clocks that are overdue |

Promises of which no entry can speak (who bears costs, what is stored) stand in the rows of the items, as attested.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from comity.arrangement import CLAUSES, Clause, Terms, clauses, money
from comity.engagement.access_record import AccessRecord, Calls, Figure
from comity.engagement.adequacy_cells import NOT_AT_HAND, Cell, Sources, counted, figure_cell, refusals
from comity.engagement.adequacy_map import WAYS
from comity.engagement.adequacy_rules import delivered_by_rule, denied_by_rule, used_by_rule
from comity.engagement.terms_clocks import terms_clocks
from comity.law import named_calendar

__all__ = ["ClauseRow", "clause_rows"]

UNKNOWN = Cell(status="not known", words=NOT_AT_HAND)
BUDGET = ("budget.calls", "budget.input_tokens", "budget.output_tokens", "budget.cost")
RATE = ("rate.calls_per_minute", "rate.tokens_per_minute", "rate.concurrency")
CLOCKS = {
    "successor.notice_days": "successor.notice", "successor.access_days": "successor.access",
    "publication.review_days": "publication.review", "exit.notice_days": "exit.notice",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseRow:
    """One promise of the terms."""

    clause: str
    promised: Cell
    delivered: Cell
    used: Cell
    denied: Cell


def clause_rows(sources: Sources) -> Iterator[ClauseRow]:
    """The rows of the terms in force, in the order of the contract's sections."""
    terms = sources.agreed
    if terms is None:
        return
    said = {clause.name: clause for clause in clauses(terms)}
    for model in terms.models:
        sentence = Clause(
            name="models.name", section=CLAUSES["models.name"].section, mark="enforced", sentence=model.name
        )
        yield _of_calls(sentence, _calls(sources, "models", model.name), sources, Figure())
    for feature in terms.features:
        name = f"features.{feature}"
        yield _of_calls(said[name], _calls(sources, "features", feature), sources, _refused(name, sources))
    for name in BUDGET:
        yield _of_budget(said[name], terms, sources)
    for name in RATE:
        denied = _denied(name, sources)
        yield _row(said[name], sources, delivered=Cell(status="not recorded", words="it is a limit"), denied=denied)
    if terms.access_days:
        yield _of_days(said["access_days"], sources)
    for person in terms.people:
        yield _of_person(person.id, sources)
    yield from _of_clocks(terms, said, sources)


def _row(
    clause: Clause,
    sources: Sources,
    *,
    words: str = "",
    delivered: Cell | None = None,
    used: Cell | None = None,
    denied: Cell | None = None,
) -> ClauseRow:
    return ClauseRow(
        clause=clause.name,
        promised=Cell(
            status="agreed", words=words or clause.sentence, mark=clause.mark, cites=sources.by_force
        ),
        delivered=delivered or Cell(status="none"),
        used=used or Cell(status="not recorded", words="no entry could show it"),
        denied=denied or Cell(status="nothing"),
    )


def _calls(sources: Sources, kind: str, name: str) -> Calls | None:
    access = sources.access
    if access is None:
        return None
    return (access.models if kind == "models" else access.features).get(name, Calls())


def _refused(clause: str, sources: Sources) -> Figure:
    return sources.access.refused.get(clause, Figure()) if sources.access is not None else Figure()


def _of_calls(clause: Clause, calls: Calls | None, sources: Sources, refused: Figure) -> ClauseRow:
    if calls is None:
        return _row(clause, sources, delivered=UNKNOWN, used=UNKNOWN, denied=UNKNOWN)
    refused = refused if refused.count else calls.refused
    delivered = _figure("evidenced", "answer", calls.answered, sources)
    used = _figure("used", "call", calls.permitted, sources)
    denied = _figure("denied", "refusal", refused, sources)
    return _row(clause, sources, delivered=delivered, used=used or Cell(status="not used"), denied=denied)


def _figure(status: str, noun: str, figure: Figure, sources: Sources) -> Cell | None:
    if not figure.count:
        return None
    words = counted(figure.count, noun)
    cell = figure_cell(status, words, sources, figure, short="" if status == "evidenced" else words)
    return replace(cell, mark="evidenced") if status == "evidenced" else cell


def _denied(clause: str, sources: Sources) -> Cell:
    if sources.access is None:
        return UNKNOWN
    figures = [figure for _, figure in refusals((clause,), sources)]
    number = sum(figure.count for figure in figures)
    words = counted(number, "refusal")
    return figure_cell("denied", words, sources, *figures, short=words) if number else Cell(status="nothing")


def _of_budget(clause: Clause, terms: Terms, sources: Sources) -> ClauseRow:
    access, part = sources.access, clause.name.removeprefix("budget.")
    if access is None:
        return _row(clause, sources, delivered=UNKNOWN, used=UNKNOWN, denied=UNKNOWN)
    calls = access.calls
    charged, taken = _amounts(access, part)
    agreed = terms.budget.cost_nano if part == "cost" else int(getattr(terms.budget, part))
    said = [money(figure) if part == "cost" else f"{figure:,}" for figure in (charged, taken, agreed)]
    delivered = used = None
    if calls.answered.count:
        words = f"{said[0]} {'answered' if part == 'calls' else 'charged'}"
        cell = figure_cell("evidenced", words, sources, calls.answered, calls.abandoned)
        delivered = replace(cell, mark="evidenced")
    if calls.permitted.count:
        used = figure_cell("used", f"{said[1]} of {said[2]}", sources, calls.permitted, short=said[1])
    return _row(
        clause, sources, delivered=delivered, used=used or Cell(status="not used"),
        denied=_denied(clause.name, sources),
    )  # fmt: skip


def _amounts(access: AccessRecord, part: str) -> tuple[int, int]:
    """What was charged under a part of the budget, and what is taken with the calls under way."""
    if part == "calls":
        return access.calls.answered.count, access.calls.permitted.count
    member = "cost_nano" if part == "cost" else part
    return int(getattr(access.charged, member)), int(getattr(access.taken, member))


def _of_days(clause: Clause, sources: Sources) -> ClauseRow:
    way = WAYS["time"]
    found = next(iter(delivered_by_rule(way, sources)), None)
    delivered = UNKNOWN if sources.days is None else None
    if found is not None:
        delivered = Cell(status="evidenced", words=found.words, mark="evidenced", cites=found.cites)
    return _row(
        clause, sources, delivered=delivered, used=used_by_rule(way, sources),
        denied=next(iter(denied_by_rule(way, sources)), None),
    )  # fmt: skip


def _of_person(person: str, sources: Sources) -> ClauseRow:
    clause = Clause(name="people.id", section=CLAUSES["people.id"].section, mark="enforced", sentence=person)
    access = sources.access
    if access is None:
        return _row(clause, sources, delivered=UNKNOWN, used=UNKNOWN, denied=UNKNOWN)
    grants = [grant for grant in access.live_grants(sources.at) if grant.person == person]
    delivered = None
    if grants:
        words = f"{counted(len(grants), 'live grant')} until {max(grant.expires for grant in grants):%Y-%m-%d}"
        cites = access.cite(grant.index for grant in grants)
        delivered = Cell(status="evidenced", words=words, mark="evidenced", cites=cites)
    return _row(clause, sources, delivered=delivered, denied=_denied("people", sources))


def _of_clocks(terms: Terms, said: dict[str, Clause], sources: Sources) -> Iterator[ClauseRow]:
    clocks = terms_clocks(sources.case, terms, sources.at, named_calendar(terms.calendar))
    for name, duty in CLOCKS.items():
        own = [one for one in clocks if one.clock.duty.id == duty]
        met = [one for one in own if one.clock.state in ("met", "met late")]
        missed = [one for one in own if one.clock.state in ("overdue", "met late")]
        if not _days_of(terms, name):
            continue
        delivered = denied = None
        if met:
            words = ", ".join(f"{one.clock.about} {one.clock.state}" for one in met)
            cites = sources.cite(*(entry for one in met for entry in one.entries))
            delivered = Cell(status="evidenced", words=words, mark="evidenced", cites=cites)
        if missed:
            words = ", ".join(f"{one.clock.about} {one.clock.state}, due {one.clock.due}" for one in missed)
            denied = Cell(
                status="denied", words=words, short=f"{len(missed)} late",
                cites=sources.cite(*(entry for one in missed for entry in one.entries)),
            )  # fmt: skip
        yield _row(said[name], sources, delivered=delivered, denied=denied)


def _days_of(terms: Terms, clause: str) -> int:
    part, _, member = clause.partition(".")
    return int(getattr(getattr(terms, part), member))

