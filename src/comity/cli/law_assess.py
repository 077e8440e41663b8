"""`comity law assess`: duty by duty, what a case shows, and how sure that can be at best."""

from pathlib import Path
from typing import Any, get_args

import click

from comity.cli.access_ledgers import ACCESS
from comity.cli.cases import open_case, refuse, refusing, say
from comity.cli.engagement_clocks import passed
from comity.cli.engagement_evidence import at_hand, cited_members
from comity.cli.home import Home
from comity.cli.law import at_option, calendar_named, calendar_option, json_option, width
from comity.cli.law_assess_text import counts, depth, head, page
from comity.cli.law_at_hand import law_at_hand
from comity.cli.law_show import row
from comity.engagement import Case, case_clocks, case_packs, open_book
from comity.engagement.assessment import Assessment, Ceiling, Cell, Fact, Status, assess, subjects_of
from comity.engagement.scopes import unknown_scopes

__all__ = ["assess_command", "cell_members"]

@click.command("assess")
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--subject", help="Only this model or system; else each that the case names.")
@click.option("--duty", help="One duty in depth.")
@click.option("--status", "wanted", type=click.Choice(get_args(Status)), help="Only duties of this status.")
@click.option("--all", "everything", is_flag=True, help="Also duties that nothing was entered about, one by one.")
@calendar_option
@at_option
@ACCESS
@json_option
@click.pass_obj
def assess_command(
    home: Home,
    case: str,
    subject: str | None,
    duty: str | None,
    wanted: Status | None,
    everything: bool,
    calendar: str,
    at: str | None,
    access: tuple[Path, ...],
    as_json: bool,
) -> None:
    """What a case shows of each duty of its provider: status, claim, evidence with its entries, and the ceiling.

    No status can be written; each follows from entries. With `--at` the case is read as it stood then.
    """
    days = calendar_named(calendar)
    now = passed(at, days, home)
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger, now)
        packs = case_packs(told, law=law_at_hand)
        if not packs:
            refuse("the case was opened under no stated law, so there is nothing to assess it by")
        (pack,) = packs
        hand, clocks = at_hand(home, told, access), case_clocks(told, now, packs, days)
        found = [assess(told, pack, name, clocks, hand) for name in _subjects(told, subject)]
        if duty is not None and duty not in {cell.duty.id for cell in found[0].cells}:
            pack.duty(duty)
            refuse(f"{duty} is no duty of a provider, and this is an assessment of the provider")
    unknown = unknown_scopes(told, pack)
    members = {
        "engagement": folder.name, "ledger": ledger.origin, "provider": told.opening.provider, "law": pack.name,
        "law_version": pack.version, "at": now.isoformat(), "subjects": [_members(one, duty, wanted) for one in found],
        "unknown_scopes": [{"scope": name, "entry": item.index} for item, name in unknown],
    }  # fmt: skip
    lines = list(head(told, pack, now, width()))
    for one in found:
        lines += depth(pack, one, duty, width()) if duty else page(one, wanted, everything, width())
    lines += [
        line
        for item, name in unknown
        for line in row("!", f"the law pack knows no scope {name!r} (entry {item.index})", width(), label_width=3)
    ]
    say(as_json, members, "\n".join(lines))


def _subjects(case: Case, asked: str | None) -> tuple[str, ...]:
    known = subjects_of(case)
    if asked is None:
        return known
    if asked not in known:
        refuse(f"--subject: expected one of {', '.join(known)}; got {asked[:60]!r}")
    return (asked,)


def _members(one: Assessment, duty: str | None, wanted: Status | None) -> dict[str, Any]:
    cells = [c for c in one.cells if duty in (None, c.duty.id) and wanted in (None, c.status)]
    return {
        "subject": one.subject, "ceiling": _ceiling(one.ceiling), "counts": dict(counts(one)),
        "duties": [cell_members(cell) for cell in cells],
    }  # fmt: skip


def _ceiling(one: Ceiling) -> dict[str, Any]:
    return {"level": one.level, "leaning": one.leaning, "facts": one.facts, "because": str(one)}


def cell_members(cell: Cell) -> dict[str, Any]:
    """One duty for scripts."""
    duty = cell.duty
    return {
        "duty": duty.id, "ref": duty.ref, "title": duty.title, "instrument": duty.instrument, "force": duty.force,
        "confidence": duty.confidence, "applies": cell.bearing.applies, "applies_because": cell.bearing.because,
        "applies_entries": [entry.index for entry in cell.bearing.entries], "status": cell.status,
        "because": cell.because, "facts": [_fact_members(fact) for fact in cell.facts],
        "shown_by": {name: [entry.index for entry in entries] for name, entries in cell.arrived.items()},
        "ceiling": _ceiling(cell.ceiling), "entries": [entry.index for entry in cell.entries],
    }  # fmt: skip


def _fact_members(fact: Fact) -> dict[str, Any]:
    return {
        "what": fact.what, "item": fact.item.id, "entry": fact.item.index, "says": fact.says, "reads": fact.reads,
        "speaks": fact.speaks, "shows": fact.shows, "settles": fact.settles, "leans": fact.leans,
        "cites": [cited_members(one) for one in fact.cited],
    }  # fmt: skip
