"""`comity engagement experts`: who evaluates on the authority's behalf, and who is free to."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from comity.cli.cases import all_cases, open_case, refusing, say
from comity.cli.engagement_clocks import passed
from comity.cli.home import Home
from comity.cli.law import at_option, calendar_named, json_option, width
from comity.cli.law_at_hand import law_at_hand
from comity.cli.law_show import mark, row
from comity.engagement import Case, case_packs, open_book
from comity.engagement.experts import LOOK_BACK_DUTY, MONTHS, Declared, Expert, read_experts

__all__ = ["experts"]

WORDS = {"free": "free of declared conflicts in the look-back", "conflict": "CONFLICT"}


@click.command()
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--months", default=MONTHS, show_default=True, type=click.IntRange(0, 240), help="How far back.")
@at_option
@json_option
@click.pass_obj
def experts(home: Home, case: str, months: int, at: str | None, as_json: bool) -> None:
    """Each expert's qualifications and declarations, read against every provider that this home deals with.

    The verdict is free of declared conflicts in the look-back, conflict, or nothing declared.
    """
    now = passed(at, calendar_named("plain"), home)
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger, now)
        found = read_experts(told, _others(home, ledger.origin, now), now.date(), months)
        law = _law(told, months)
    members = {"engagement": folder.name, "months": months, "look_back": law, "experts": [_members(x) for x in found]}
    lines = [line for one in found for line in _lines(one, width())]
    if found:
        lines += ["", *row("", law, width(), label_width=0)]
    say(as_json, members, "\n".join(lines or ["no expert was proposed"]))


def _others(home: Home, origin: str, now: datetime) -> list[tuple[str, Case]]:
    return [(ledger.origin, open_book(ledger, now)) for ledger in all_cases(home, now) if ledger.origin != origin]


def _law(case: Case, months: int) -> str:
    """Where the look-back comes from, with its mark."""
    packs = case_packs(case, law=law_at_hand)
    duty = next((pack.duties[LOOK_BACK_DUTY] for pack in packs if LOOK_BACK_DUTY in pack.duties), None)
    if duty is None:
        return f"look-back of {months} months; the case's law names none"
    length = "that length" if months == MONTHS else "another length"
    return f"look-back of {months} months; {duty.id} names {length}: {duty.ref}, {duty.force}{mark(duty.confidence)}"


def _members(one: Expert) -> dict[str, Any]:
    return {
        "expert": one.name, "verdict": one.verdict, "since": one.since.isoformat(), "until": one.until.isoformat(),
        "remark": one.remark,
        "qualifications": [{"text": text, "entry": entry.index} for text, entry in one.qualifications],
        "declared": [_declared(x) for x in one.declared],
        "appointed": [item.index for item in one.appointed],
    }  # fmt: skip


def _declared(one: Declared) -> dict[str, Any]:
    return {
        "ledger": one.origin, "entry": one.entry.index, "relation": one.relation, "with_whom": one.with_whom,
        "begin": one.begin, "end": one.end, "reading": one.reading, "conflict": one.conflict,
    }  # fmt: skip


def _lines(one: Expert, columns: int) -> Iterator[str]:
    size = max(11, len(one.name) + 2)
    verdict = WORDS.get(one.verdict, one.verdict)
    yield from row(one.name, f"{verdict} ({one.since} to {one.until})", columns, label_width=size)
    if one.remark:
        where = ", ".join(str(item.index) for item in one.appointed)
        yield from row("", f"! {one.remark} (entry {where})", columns, label_width=size)
    elif one.appointed:
        yield from row("", f"appointed (entry {one.appointed[0].index})", columns, label_width=size)
    for text, entry in one.qualifications:
        yield from row("", f"qualified by: {text} (entry {entry.index})", columns, label_width=size)
    for declared in one.declared:
        yield from row("", _said(declared), columns, label_width=size)


def _said(one: Declared) -> str:
    where = f"{one.origin.rpartition('/')[2][:8]}#{one.entry.index}" if one.origin else f"entry {one.entry.index}"
    span = ""
    if one.begin or one.end:
        span = f", {one.begin or '?'} to {one.end or 'now'}"
    who = "no relation" if one.relation == "none" else one.relation
    return f"declared: {who} with {one.with_whom}{span} ({where}): {one.reading}"
