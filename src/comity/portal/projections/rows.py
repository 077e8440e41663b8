"""Rows: what the tables hold of one case, as a function of its dossier. No rule of the case is decided here.

The rooms of `comity.engagement` say where a case stands; these functions copy what they say into columns.  What
depends on the day of reading ("3 days left") is left to the page, or made anew by the projector when the day turns.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from comity.arrangement import Offer, Terms, contract_of, explain
from comity.arrangement.contract_words import Provision
from comity.engagement import Book, Case, CaseClock, Dossier, Finding, FormView, brief_page
from comity.engagement.adequacy import Adequacy
from comity.engagement.adequacy_cells import Cell
from comity.engagement.assessment import Assessment
from comity.engagement.brief import Column
from comity.engagement.documentation import State
from comity.engagement.sample import MARK
from comity.law import said
from comity.portal.projections import models as table
from comity.portal.projections.duty_rows import assessment_rows
from comity.portal.projections.entry_text import by_of, ids_in, said_of
from comity.records import ArrangementInForce, CaseItem, ExpertAppointed, instant_text

__all__ = ["Told", "arrangements_named", "case_rows", "contract_value", "turns_at"]

RUNNING: Final = ("running", "overdue")
LIVE: Final = (*RUNNING, "standing still")
OVER: Final = ("met", "met late", "ended")
NAMED: Final = 4
"""Entries that a page names of those that a line of the brief rests on."""
NEVER: Final = "9999-12-31"
"""Sorts after every day."""
STATES: Final[tuple[State, ...]] = ("received", "withheld", "missing", "optional")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything that is known of one case at one time."""

    book: Book = field(repr=False)
    dossier: Dossier
    adequacy: tuple[Adequacy, ...]
    findings: tuple[Finding, ...]
    offers: Mapping[str, Sequence[Offer]]
    """Arrangement's id → the versions of its terms that are at hand."""
    forms: tuple[FormView, ...]
    assessments: tuple[Assessment, ...] = ()
    """Of each model of the case; none where no law is stated."""

    @property
    def case(self) -> Case:
        """The case itself."""
        return self.dossier.case


def turns_at(told: Told) -> str:
    """When the rows have to be made anew though no entry came: the next clock to run out, or midnight in UTC."""
    now = told.dossier.at
    midnight = datetime.combine(now.date() + timedelta(days=1), time(tzinfo=UTC))
    ends = [one.clock.due_at for one in told.dossier.clocks if one.clock.due_at is not None and one.clock.due_at > now]
    return instant_text(min([midnight, *ends]))


def case_rows(told: Told) -> Iterator[table.Projection]:
    """Every row of the case."""
    one = told.case.engagement
    column = brief_page([told.dossier], told.dossier.at).columns[0]
    yield _position(told, one)
    yield _case(told, column, one)
    yield from _brief(column, one)
    yield from _entries(told.case, one)
    yield from _matters(told, one)
    yield from _clocks(told.dossier.clocks, told.case, one)
    for page in told.adequacy:
        yield from _adequacy(page, one)
    for arrangement, offers in told.offers.items():
        yield from _terms(arrangement, offers, one)
    for finding in told.findings:
        yield from _finding(finding, one)
    yield from _files(told.case, one)
    yield from (_form(place, form, one) for place, form in enumerate(told.forms))
    yield from _named(told, one)
    yield from assessment_rows(told.assessments, one)


def _position(told: Told, one: str) -> table.Position:
    newest = told.case.entries[-1]
    return table.Position(
        key=told.dossier.origin, engagement=one, origin=told.dossier.origin, size=told.case.size,
        digest=newest.digest, computed=instant_text(told.dossier.at), turns=turns_at(told),
    )  # fmt: skip


def _case(told: Told, column: Column, one: str) -> table.CaseRow:
    view, opening, dossier = told.dossier.view, told.case.opening, told.dossier
    running = [x.clock for x in dossier.clocks if x.clock.state in RUNNING and x.clock.due_at is not None]
    live = [x for x in dossier.clocks if x.clock.state in LIVE and x.clock.due_at is not None]
    waits = Counter(side for matter in view.matters if matter.open for side in _sides(matter.waits_for))
    first = min(running, key=lambda clock: instant_text(clock.due_at or dossier.at), default=None)
    return table.CaseRow(
        key=one, engagement=one, origin=dossier.origin, authority=opening.authority, provider=opening.provider,
        track=opening.track, law=f"{opening.law} {opening.law_version}".strip(), initiated_by=opening.initiated_by,
        summary=opening.summary, subjects=list(opening.subjects), stage=view.stage, since=view.since,
        moved_by=view.moved_by.index, next=view.next, questions=list(view.open), size=told.case.size,
        arrangements=arrangements_named(told.case), lines={row: len(lines) for row, lines in column.rows.items()},
        kinds=dict(sorted(Counter(entry.record.kind for entry in told.case.entries).items())),
        open_matters=sum(matter.open for matter in view.matters), live_clocks=len(live),
        waits_authority=waits["authority"], waits_provider=waits["provider"],
        next_due=instant_text(first.due_at) if first is not None and first.due_at is not None else "",
        next_said=said(first.due) if first is not None and first.due is not None else "",
        overdue=sum(clock.state == "overdue" for clock in running),
        sample=MARK in opening.refs, public=dossier.cleared.shows(told.case.opened),
        entered=instant_text(told.case.entries[-1].entered),
    )  # fmt: skip


def arrangements_named(case: Case) -> list[str]:
    """The ids of the arrangements that a case's entries name, in the order in which they do."""
    named = (str(getattr(entry.record, "arrangement", "")) for entry in case.plain)
    return [name for name in dict.fromkeys(named) if name]


def _sides(waits_for: str) -> tuple[str, ...]:
    return ("authority", "provider") if waits_for == "both" else (waits_for,)


def _brief(column: Column, one: str) -> Iterator[table.BriefLine]:
    for row, lines in column.rows.items():
        for place, line in enumerate(lines):
            yield table.BriefLine(
                key=f"{one}/{row}/{place}", engagement=one, row=row, position=place, text=line.text, side=line.side,
                on=line.on, entered=line.entered, confidence=line.confidence,
                refs=[[ref.origin, ref.index] for ref in line.refs], all_refs=len(line.refs),
                first_refs=[[ref.origin, ref.index] for ref in line.refs[:NAMED]],
                sources=[[source.source, source.confidence] for source in line.sources],
                cleared=line.cleared, nothing=line.nothing,
            )  # fmt: skip


def _entries(case: Case, one: str) -> Iterator[table.Projection]:
    items = {item.index: item for item in case.items.values()}
    for entry in case.entries:
        item, record = items.get(entry.index), entry.record
        stated = record if isinstance(record, CaseItem) else None
        yield table.EntryRow(
            key=f"{one}/{entry.index}", engagement=one, index=entry.index, kind=record.kind, said=said_of(record),
            by=by_of(record), at=str(record.at), on=stated.on if stated else "",
            source=stated.source if stated else "", confidence=stated.confidence if stated else "",
            item=item.id if item else "", withdrawn=item.withdrawn.index if item and item.withdrawn else None,
            cleared=item.cleared.index if item and item.cleared else None, digest=entry.digest,
            members=record.members(),
        )  # fmt: skip
        for name in dict.fromkeys(ids_in(record.members())):
            if name in case.items:
                key = f"{one}/{name}/{entry.index}"
                yield table.MentionRow(key=key, engagement=one, item=name, index=entry.index)


def _matters(told: Told, one: str) -> Iterator[table.MatterRow]:
    for matter in told.dossier.view.matters:
        turn = _sides(matter.waits_for) if matter.open else ()
        yield table.MatterRow(
            for_authority=int("authority" in turn), for_provider=int("provider" in turn),
            key=f"{one}/{matter.item.id}", engagement=one, item=matter.item.id, index=matter.item.index,
            order=f"{matter.until or NEVER} {instant_text(matter.item.entry.entered)} {matter.item.id}",
            what=matter.what, by=matter.by, waits_for=matter.waits_for, until=matter.until, outcome=matter.outcome,
            entered=instant_text(matter.item.entry.entered),
            closed_by=matter.closed_by.index if matter.closed_by else None,
        )  # fmt: skip


def _clocks(clocks: Sequence[CaseClock], case: Case, one: str) -> Iterator[table.ClockRow]:
    for place, found in enumerate(clocks):
        clock, duty = found.clock, found.clock.duty
        due = instant_text(clock.due_at) if clock.due_at is not None else ""
        about = case.items[clock.about].kind if clock.about in case.items else clock.about
        yield table.ClockRow(
            key=f"{one}/{place:04}", engagement=one, duty=duty.id, title=duty.title, ref=duty.ref, force=duty.force,
            confidence=duty.confidence, by=found.by, about=about, state=clock.state,
            due=due, group=_group(clock.state, due), order=f"{due or NEVER} {one} {place:04}",
            said=said(clock.due) if clock.due is not None else "",
            why=list(clock.why), entries=[entry.index for entry in found.entries],
        )  # fmt: skip


def _group(state: str, due: str) -> str:
    if state in LIVE:
        return "running" if due else "waiting"
    return "over" if state in OVER else "unstarted"


def _adequacy(page: Adequacy, one: str) -> Iterator[table.Projection]:
    if not page.arrangement:
        return
    terms, days = page.terms, page.days
    force = [
        entry.record for entry in page.case.plain
        if isinstance(entry.record, ArrangementInForce) and entry.record.arrangement == page.arrangement
    ][-1]  # fmt: skip
    granted = None if days is None else {
        "promised": days.promised, "granted": len(days.granted), "lost": len(days.lost), "to_come": days.to_come,
        "calendar": days.calendar,
    }  # fmt: skip
    yield table.ArrangementRow(
        key=f"{one}/{page.arrangement}", engagement=one, arrangement=page.arrangement, version=force.terms_version,
        digest=force.digest, until=force.until, title=terms.title if terms else "", days=granted,
        models_named=[model.name for model in terms.models] if terms else [],
        origin=terms.ledger.origin if terms else "", agreed=_agreed(terms) if terms else None,
    )  # fmt: skip
    rows: list[tuple[str, str, str, str, list[Cell]]] = [
        ("draft" if row.draft else "items", row.item.id, row.item.title, row.item.ref,
         [row.promised, row.delivered, row.used, row.denied])
        for row in page.items
    ]  # fmt: skip
    rows += [
        ("clauses", row.clause, "", "", [row.promised, row.delivered, row.used, row.denied]) for row in page.clauses
    ]
    for place, (part, item, title, ref, cells) in enumerate(rows):
        yield table.AdequacyRow(
            key=f"{one}/{page.arrangement}/{place:04}", engagement=one, arrangement=page.arrangement, position=place,
            part=part, item=item, title=title, ref=ref, cells=[_cell(cell) for cell in cells],
        )  # fmt: skip


def _terms(arrangement: str, offers: Sequence[Offer], one: str) -> Iterator[table.TermsRow]:
    before: Terms | None = None
    for offer in offers:
        terms = offer.terms
        told = explain(before, terms) if before is not None else ()
        yield table.TermsRow(
            key=f"{one}/{arrangement}/{terms.version}", engagement=one, arrangement=arrangement,
            version=terms.version, digest=terms.digest, title=terms.title,
            signed_by=[str(role) for role in offer.signed_by], contract=contract_value(terms),
            changes=[{"whom": each.whom, "text": each.text, "clauses": list(each.clauses)} for each in told],
        )  # fmt: skip
        before = terms


def contract_value(terms: Terms) -> dict[str, Any]:
    """Terms as the contract that a page shows."""
    contract = contract_of(terms)
    value = contract.value()
    marks = {number: provision for number, provision in contract.numbered()}
    articles = [
        {"number": article.number, "heading": article.heading,
         "provisions": [_provision(f"{article.number}.{n}", marks) for n in range(1, len(article.provisions) + 1)]}
        for article in contract.articles
    ]  # fmt: skip
    lead = [_provision(number, marks) for number in marks if number.startswith("(")]
    return {"lead": lead, "articles": articles, "schedules": value["schedules"]}


def _provision(number: str, marks: Mapping[str, Provision]) -> dict[str, Any]:
    one = marks[number]
    return {
        "number": number, "text": one.text, "mark": one.mark or "", "clauses": list(one.clauses),
        "items": [item.text for item in one.items],
    }  # fmt: skip


def _agreed(terms: Terms) -> dict[str, Any]:
    budget = terms.budget
    return {
        "calls": budget.calls, "input_tokens": budget.input_tokens, "output_tokens": budget.output_tokens,
        "cost_nano": budget.cost_nano, "currency": budget.currency,
        "since": instant_text(terms.window.begins), "until": instant_text(terms.window.until),
        "models": [{"name": model.name, "serves": list(model.serves)} for model in terms.models],
        "features": list(terms.features), "stop_by": [str(role) for role in terms.stop_by],
        "people": [person.id for person in terms.people],
        "protocols": sorted({protocol for model in terms.models for protocol in model.protocols}),
    }  # fmt: skip


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "status": cell.status, "words": cell.words, "short": cell.short, "mark": cell.mark, "cites": list(cell.cites),
        "sampled": cell.sampled,
    }  # fmt: skip


def _finding(finding: Finding, one: str) -> Iterator[table.FindingRow]:
    for version in finding.versions:
        record = version.record
        yield table.FindingRow(
            key=f"{one}/{finding.id}/{version.number:04}", engagement=one, finding=finding.id, version=version.number,
            newest=version.newest, index=version.item.index, duty=record.duty, stage=record.stage, finds=record.finds,
            assurance=record.assurance, by=record.by, text=record.conclusion, settles=version.settles,
            open_because=version.open_because,
            reply_until=version.reply_time.until.isoformat() if version.reply_time else "",
            cites=[
                {"name": cited.name, "state": cited.state, "what": cited.what,
                 "entries": [entry.index for entry in cited.entries]}
                for cited in version.cited
            ],
            replies=[
                {"index": reply.item.index, "by": reply.record.by, "position": reply.record.position,
                 "summary": reply.record.summary, "remark": reply.remark}
                for reply in version.replies
            ],
        )  # fmt: skip


def _files(case: Case, one: str) -> Iterator[table.FileRow]:
    for name, document in case.documents.items():
        record = document.record
        yield table.FileRow(
            key=f"{one}/{name}", engagement=one, document=name, item=record.to, part=record.part, title=record.title,
            media_type=record.media_type, length=record.length, index=document.entry.index,
            disclosed=len(document.disclosed), erased=document.erased.index if document.erased else None,
        )  # fmt: skip


def _form(place: int, found: FormView, one: str) -> table.FormRow:
    return table.FormRow(
        key=f"{one}/{place:04}", engagement=one, form=found.form.id, title=found.form.title, ref=found.form.ref,
        subject=found.subject, view=found.view, newest=found.newest.index if found.newest else None,
        counts={name: found.counted(name) for name in STATES},
        fields=[
            {"id": each.field.id, "title": each.field.title, "state": each.state, "because": each.because,
             "unconfirmed": each.field.confidence == "unconfirmed"}
            for each in found.fields
        ],
        misdirected=[each.title for each in found.misdirected], unconfirmed=len(found.unconfirmed),
    )  # fmt: skip


def _named(told: Told, one: str) -> Iterable[table.NamedRow]:
    rows: list[tuple[str, str, str, int]] = [
        (grant.person, "grant", grant.arrangement, _index(told.case, grant)) for grant in told.dossier.view.grants
    ]
    rows += [(record.expert, "expert", "", item.index) for item, record in told.case.records(ExpertAppointed)]
    return (
        table.NamedRow(
            key=f"{one}/{because}/{index}", engagement=one, person=person, because=because, arrangement=arrangement,
            index=index,
        )
        for person, because, arrangement, index in rows
    )  # fmt: skip


def _index(case: Case, record: object) -> int:
    return next(entry.index for entry in case.plain if entry.record == record)
