"""Experts: who was proposed with which qualifications, what they declared, and whether that frees them.

Experts who evaluate on the authority's behalf are independent of every provider (Arts 68(2) and 92(2) of the AI Act).
A declaration (`conflict.declared`) names a relation and with whom; `none` says that there is none.  It is read against
the provider of the case and against the providers of the home's other cases.

| verdict | there is |
|---|---|
| `conflict` | a relation with one of these providers that lasts, or that ended within the look-back; or the expert's pseudonym is a contact of a provider's side, here or in another case |
| `nothing declared` | no such relation, and no declaration about the provider of this case |
| `free` | no such relation, and a declaration that there is none with the provider of this case, or that the only one ended before the look-back |

`with_whom` names a provider, or `any provider`.  A conflict outweighs a declaration that there is none, wherever it
was declared, because one of the two is wrong.

The look-back ends with the day of the first appointment, or with the day that is asked for where there is none.  It
is twelve months unless another length is given; the law pack names it as a draft's, from one secondary source
(`DIR-EXP`), and the register shows that mark.

An appointment without a declaration, or against a conflict, is shown as such and not refused: the act was done
outside, and an entry that is refused would hide it.

Not promised: that what was declared is all there is, or that one person has one pseudonym.
"""  # noqa: E501 - a table's row is one line

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from comity.engagement.case import Case, Entry, Item
from comity.engagement.findings import stated_on
from comity.engagement.sides import PROVIDER, side_of
from comity.records import ConflictDeclared, ContactNamed, ExpertAppointed, ExpertProposed

__all__ = ["LOOK_BACK_DUTY", "MONTHS", "Declared", "Expert", "Verdict", "months_before", "read_experts"]

Verdict = Literal["free", "conflict", "nothing declared"]
MONTHS: Final = 12
LOOK_BACK_DUTY: Final = "DIR-EXP"
"""The duty of the law pack that names the look-back, with its force and how sure it is."""
ANYBODY: Final = "any provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One declaration, or what stands for one, read against the providers."""

    origin: str
    """The ledger of another case; empty for this one."""
    entry: Entry
    relation: str
    with_whom: str
    begin: str
    end: str
    reading: str
    """What it means here."""
    conflict: bool
    frees: bool
    """Whether it says something about the provider of this case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """One expert as the case, and the home's other cases, know them."""

    name: str
    """The pseudonym."""
    qualifications: tuple[tuple[str, Entry], ...]
    declared: tuple[Declared, ...]
    appointed: tuple[Item, ...]
    verdict: Verdict
    since: date
    """The first day of the look-back."""
    until: date
    remark: str
    """What is to be said of the appointment; empty where nothing is."""


def read_experts(
    case: Case, others: Sequence[tuple[str, Case]], today: date, months: int = MONTHS
) -> tuple[Expert, ...]:
    """Every expert who was proposed, declared something or was appointed in a case, in that order of names.

    `others` are the home's other cases, each with the origin of its ledger.
    """
    named = [record.expert for _, record in case.records(ExpertProposed)]
    named += [record.expert for _, record in case.records(ConflictDeclared)]
    named += [record.expert for _, record in case.records(ExpertAppointed)]
    names = dict.fromkeys(named)
    return tuple(_expert(case, others, name, today, months) for name in names)


def _expert(case: Case, others: Sequence[tuple[str, Case]], name: str, today: date, months: int) -> Expert:
    appointed = tuple(item for item, record in case.records(ExpertAppointed) if record.expert == name)
    until = min((stated_on(item) for item in appointed), default=today)
    since = months_before(until, months)
    own = _names(case)
    providers = {provider for _, one in others for provider in _names(one)} | own
    declared = tuple(
        one
        for origin, told in (("", case), *others)
        for one in _declared(origin, told, name, own, providers, since)
    )
    verdict: Verdict = "nothing declared"
    if any(one.conflict for one in declared):
        verdict = "conflict"
    elif any(one.frees and not one.origin for one in declared):
        verdict = "free"
    return Expert(
        name=name,
        qualifications=tuple(
            (text, item.entry)
            for item, record in case.records(ExpertProposed)
            if record.expert == name
            for text in record.qualifications
        ),
        declared=declared,
        appointed=appointed,
        verdict=verdict,
        since=since,
        until=until,
        remark=_remark(verdict, declared, appointed),
    )


def _remark(verdict: Verdict, declared: Sequence[Declared], appointed: Sequence[Item]) -> str:
    if not appointed:
        return ""
    if verdict == "conflict":
        return "appointed with a conflict in the look-back"
    if verdict == "nothing declared":
        return "appointed without a declaration about the provider"
    first = appointed[0].index
    if not any(one.frees and not one.origin and one.entry.index < first for one in declared):
        return "appointed before the declaration was entered"
    return ""


def _names(case: Case) -> set[str]:
    return {case.opening.provider.casefold()}


def _declared(
    origin: str, case: Case, name: str, own: set[str], providers: set[str], since: date
) -> Iterator[Declared]:
    for item, record in case.records(ConflictDeclared):
        if record.expert == name:
            whom = _whom(case, record.with_whom)
            yield _read(origin, item, record, whom, own, providers, since)
    for item, contact in case.records(ContactNamed):
        if contact.person == name and side_of(case, contact.person) == PROVIDER:
            yield Declared(
                origin=origin, entry=item.entry, relation="contact", with_whom=case.opening.provider, begin="", end="",
                reading="named as a contact of the provider's side", conflict=True, frees=False,
            )  # fmt: skip


def _whom(case: Case, named: str) -> str:
    """The provider of that case by its own name, whichever way it is called there."""
    side = side_of(case, named)
    return case.opening.provider.casefold() if side == PROVIDER else side


def _read(
    origin: str, item: Item, record: ConflictDeclared, whom: str, own: set[str], providers: set[str], since: date
) -> Declared:
    about_own = whom in own or whom == ANYBODY
    known = whom in providers or whom == ANYBODY
    ended = bool(record.end) and date.fromisoformat(record.end) < since
    if record.relation == "none":
        conflict, reading = False, "no relation" if about_own else "no relation, with somebody else"
    elif not known:
        conflict, reading = False, "with nobody who is a provider in a case of this home"
    elif ended:
        conflict, reading = False, f"ended before the look-back, which begins on {since}"
    else:
        conflict, reading = True, "ended within the look-back" if record.end else "lasts"
    return Declared(
        origin=origin, entry=item.latest, relation=record.relation, with_whom=record.with_whom, begin=record.begin,
        end=record.end, reading=reading, conflict=conflict, frees=about_own and not conflict,
    )  # fmt: skip


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last day."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return _last_of(years, month + 1, day.day)


def _last_of(year: int, month: int, day: int) -> date:
    candidates: Iterable[int] = range(day, 27, -1) if day > 28 else (day,)
    for one in candidates:
        try:
            return date(year, month, one)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
