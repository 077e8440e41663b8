"""Rules of adequacy: items that a clause of the terms promises, one rule for each kind of clause.

| rule | promised where | delivered | denied |
|---|---|---|---|
| `models` | the terms list a model of the variant | (calls) | (refusals) |
| `time` | `access_days` states a number; else the window does | business days granted | days lost |
| `compute` | the budget does | answers and their tokens | (refusals) |
| `channel` | `channel` does | answers, and sessions on premises | |
| `costs` | `costs.borne_by` is the provider | attested | |
| `retention`, `training` | `content.retention`, `content.training` are `none` | attested | |
| `harbour` | `safe_harbour.text` does | attested | permitted calls that the provider turned away |
| `logging` | nowhere: an access request orders it | | |
| `timely` | nowhere: an access request sets a period | the first grant after it | a period without a grant |

What stands in brackets is read for every item alike, by `comity.engagement.adequacy`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from comity.arrangement import Terms, money
from comity.engagement.access_days import EXAMPLE, AccessDays
from comity.engagement.access_record import MOST_CITED, AccessRecord
from comity.engagement.adequacy_cells import NOT_AT_HAND, Cell, Found, Sources, counted, figure_cell, models_of
from comity.engagement.adequacy_map import Way
from comity.engagement.case import Entry, ends_on
from comity.records import AccessRequested, GrantGiven, parse_instant

__all__ = ["delivered_by_rule", "denied_by_rule", "promised_by_rule", "used_by_rule"]

ATTESTED = ("costs", "retention", "training", "harbour")
"""Rules whose delivery no entry can show."""


def promised_by_rule(way: Way, sources: Sources) -> Cell | None:
    """The promise that a clause makes of an item; `None` where none does."""
    terms = sources.agreed
    if terms is None:
        return None
    match way.rule:
        case "models":
            listed = models_of(way, terms)
            words = ", ".join(f"{name} ({_variant(terms, name)})" for name in listed)
            return _agreed(words, "attested", sources) if listed else None
        case "time":
            return _agreed(_time_words(terms, sources.days), "evidenced" if terms.access_days else "enforced", sources)
        case "compute":
            budget = terms.budget
            words = f"{budget.calls:,} calls, {money(budget.cost_nano)} {budget.currency}"
            return _agreed(words, "enforced", sources)
        case "channel":
            fits = not way.means or terms.channel in way.means
            return _agreed(terms.channel, "attested", sources) if fits else None
        case "costs" | "retention" | "training" | "harbour":
            words = _attested_words(way, terms)
            return _agreed(words, "attested", sources) if words else None
        case _:
            return None


def _agreed(words: str, mark: str, sources: Sources) -> Cell:
    marked = next(one for one in ("enforced", "evidenced", "attested") if one == mark)
    return Cell(status="agreed", words=words, mark=marked, cites=sources.by_force)


def _variant(terms: Terms, name: str) -> str:
    model = terms.model(name)
    return model.variant if model is not None else ""


def _time_words(terms: Terms, days: AccessDays | None) -> str:
    if terms.access_days:
        return f"{counted(terms.access_days, 'business day')}; the Code's example is {EXAMPLE}"
    window = f"{terms.window.begins:%Y-%m-%d} to {terms.window.until:%Y-%m-%d}"
    held = f" ({counted(days.in_all, 'business day')}; the Code's example is {EXAMPLE})" if days is not None else ""
    return f"no number; a window from {window}{held}"


def _attested_words(way: Way, terms: Terms) -> str:
    match way.rule:
        case "costs":
            return "the provider bears the costs" if terms.costs.borne_by == "provider" else ""
        case "retention":
            return "the provider stores nothing" if terms.content.retention == "none" else ""
        case "training":
            return "the provider does not train on it" if terms.content.training == "none" else ""
        case _:
            return f"{terms.safe_harbour.text.strip()} (tag {terms.safe_harbour.tag})"


def delivered_by_rule(way: Way, sources: Sources) -> Iterator[Found]:
    """What a rule adds to what speaks for a delivery."""
    terms, access = sources.agreed, sources.access
    match way.rule:
        case "time" if sources.days is not None and sources.days.granted and access is not None:
            days = sources.days
            of = f" of {days.promised} promised" if days.promised else ""
            words = f"{counted(len(days.granted), 'business day')} granted{of}, {len(days.lost)} lost"
            cites = access.cite((*access.signed.values(), *access.started[:1]))
            yield Found(status="evidenced", words=words, cites=cites)
        case "compute" if access is not None and access.calls.answered.count:
            figure = access.calls.answered
            words = f"{counted(figure.count, 'answer')}, {access.calls.tokens:,} tokens"
            yield Found(
                status="evidenced", words=words, cites=access.cite(figure.cites), sampled=not figure.in_full
            )
        case "channel" if terms is not None and (not way.means or terms.channel in way.means):
            yield from _through(terms, sources, alone=bool(way.means))
        case "costs" | "retention" | "training" | "harbour" if terms is not None and _attested_words(way, terms):
            yield Found(status="attested", words="the provider's promise", cites=sources.by_force)
        case "timely":
            for wanted in _periods(sources):
                if wanted.grant is not None:
                    yield Found(status="evidenced", words=wanted.words, cites=sources.cite(wanted.grant))
        case _:
            pass


def _through(terms: Terms, sources: Sources, *, alone: bool) -> Iterator[Found]:
    access = sources.access
    if access is not None and access.calls.answered.count and terms.channel in ("api", "provider-hardware"):
        figure = access.calls.answered
        words = f"{counted(figure.count, 'answer')} through the gateway"
        yield Found(status="evidenced", words=words, cites=access.cite(figure.cites), sampled=not figure.in_full)
    if alone:
        return
    for one in sources.sessions:
        if one.record.form in ("on-premises", "weights", "activations") and one.status == "countersigned":
            signed = one.signed == "signed"
            yield Found(
                status="evidenced" if signed else "attested",
                words=f"{one.record.form} session of {one.record.begin[:10]}",
                cites=sources.cite(*one.entries),
            )


def used_by_rule(way: Way, sources: Sources) -> Cell | None:
    """How much of an item was used, where a rule knows."""
    access = sources.access
    match way.rule:
        case "time":
            return _days_used(sources)
        case "compute" | "channel" if sources.blind:
            return Cell(status="not known", words=NOT_AT_HAND)
        case "compute" if access is not None and sources.agreed is not None and access.calls.permitted.count:
            budget, taken = sources.agreed.budget, access.taken
            words = (
                f"{access.calls.permitted.count:,} of {budget.calls:,} calls; "
                f"{money(taken.cost_nano)} of {money(budget.cost_nano)} {budget.currency}"
            )
            short = counted(access.calls.permitted.count, "call")
            return figure_cell("used", words, sources, access.calls.permitted, short=short)
        case "channel" if access is not None and access.calls.permitted.count:
            words = counted(access.calls.permitted.count, "call")
            return figure_cell("used", words, sources, access.calls.permitted, short=words)
        case "costs" | "retention" | "training" | "harbour" | "logging" | "timely":
            return Cell(status="not recorded", words="no entry could show it")
        case _:
            return None


def _days_used(sources: Sources) -> Cell:
    if sources.blind:
        return Cell(status="not known", words=NOT_AT_HAND)
    access = sources.access or AccessRecord(origin="")
    sent = [found.sent for _, found in sorted(access.days.items())]
    held = [one for one in sources.sessions if one.status != "contested"]
    days = access.days.keys() | {date.fromisoformat(one.record.begin[:10]) for one in held}
    if not days:
        return Cell(status="not used")
    kept = [index for figure in sent for index in figure.cites][:MOST_CITED]
    number = sum(figure.count for figure in sent)
    return Cell(
        status="used",
        words=f"{counted(len(days), 'day')}: {counted(number, 'call')}, {counted(len(held), 'session')}",
        short=counted(len(days), "day"),
        cites=(*access.cite(kept), *sources.cite(*(one.item.entry for one in held))),
        sampled=len(kept) < sum(figure.entries for figure in sent),
    )


def denied_by_rule(way: Way, sources: Sources) -> Iterator[Cell]:
    """What a rule adds to what was denied."""
    match way.rule:
        case "time" if sources.days is not None and sources.days.lost:
            lost = sources.days.lost
            causes = dict.fromkeys(cause for day in lost for cause in day.causes)
            cites = dict.fromkeys(cite for day in lost for cite in day.cites)
            words = f"{counted(len(lost), 'day')} lost: {'; '.join(causes)}"
            yield Cell(status="denied", words=words, short=f"{counted(len(lost), 'day')} lost", cites=tuple(cites))
        case "harbour" if sources.access is not None and "denied" in sources.access.anomalies:
            figure = sources.access.anomalies["denied"]
            words = f"{counted(figure.count, 'permitted call')} turned away by the provider"
            yield figure_cell("denied", words, sources, figure, short=counted(figure.count, "call"))
        case "timely":
            for wanted in _periods(sources):
                if wanted.grant is None and wanted.over:
                    yield Cell(status="denied", words=wanted.words, cites=sources.cite(wanted.request))
        case _:
            pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Period:
    """A request for access, and the first grant after it."""

    request: Entry
    grant: Entry | None
    over: bool
    words: str


def _periods(sources: Sources) -> Iterator[_Period]:
    case = sources.case
    grants = [entry for entry in case.plain if isinstance(entry.record, GrantGiven)]
    for item, _ in case.records(AccessRequested):
        until = ends_on(case, item.id)
        grant = next((entry for entry in grants if entry.index > item.index), None)
        begun = item.entry.entered
        if grant is None:
            words = f"no grant by {until}"
        else:
            days = (parse_instant(grant.record.at) - begun).days
            late = ", late" if str(grant.record.at)[:10] > until else ""
            words = f"first grant {counted(days, 'day')} after the request{late}; due by {until}"
        yield _Period(request=item.entry, grant=grant, over=sources.at.date().isoformat() > until, words=words)
