"""`comity engagement versions`: each version of a provider's models, and how deep it was tested."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from comity.cli.access_ledgers import ACCESS, AccessLedger, access_ledgers, agreed_terms
from comity.cli.adequacy_text import named
from comity.cli.cases import all_cases, refuse, refusing, say
from comity.cli.engagement_adequacy import asked_at
from comity.cli.home import Home
from comity.cli.law_show import row
from comity.engagement import Case, open_book
from comity.engagement.access_record import AccessRecord, read_access
from comity.engagement.adequacy_cells import counted
from comity.engagement.versions import Cited, Dealings, Tested, Version, read_versions
from comity.records import instant_text

__all__ = ["versions"]

NARROW = 80


@click.command()
@click.argument("provider")
@click.option("--on", metavar="DATE", help="As it stood at the end of a past day, or at an instant, by time of entry.")
@ACCESS
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every figure with the full name of every entry.")
@click.pass_obj
def versions(home: Home, provider: str, on: str | None, access: tuple[Path, ...], as_json: bool) -> None:
    """Each version of a PROVIDER's models: released, notified, access from, tested how deep, untested since.

    Events VERSION_RELEASED, VERSION_NOTIFIED and VERSION_ACCESS ('comity engagement event') feed it, with the terms in
    force and the access ledgers. A notice or an access that the terms promise and that did not come is overdue.
    """
    at = asked_at(home, on)
    with refusing(), access_ledgers(home, access) as ledgers:
        dealings = [one for one in _all(home, ledgers, at) if _is(one.case, provider)]
        if not dealings:
            refuse(f"expected the name of a provider with an engagement here; got {provider!r}")
        found = read_versions(dealings, at)
    name = dealings[0].case.opening.provider
    members = {"provider": name, "at": instant_text(at), "versions": [_members(one) for one in found]}
    width = max(60, shutil.get_terminal_size((NARROW, 24)).columns)
    say(as_json, members, "\n".join(_lines(name, found, at, width)))


def _all(home: Home, ledgers: list[AccessLedger], at: datetime) -> Iterator[Dealings]:
    for ledger in all_cases(home, at):
        case = open_book(ledger, at)
        terms = agreed_terms(home, case)
        records: dict[str, AccessRecord] = {
            one.arrangement: read_access(one.origin, one.entries, until=at)
            for one in ledgers
            if one.arrangement in terms
        }
        yield Dealings(case=case, origin=ledger.origin, terms=terms, access=records)


def _is(case: Case, called: str) -> bool:
    name, asked = case.opening.provider.casefold(), called.casefold()
    return name == asked or (len(asked) >= 3 and name.startswith(asked)) or case.engagement.startswith(called)


def _members(one: Version) -> dict[str, Any]:
    return {
        "version": one.name,
        "released": _cited(one.released),
        "notified": _cited(one.notified),
        "access": _cited(one.access),
        "tested": None if one.tested is None else _tested(one.tested),
        "untested_days": one.untested_days,
        "overdue": [
            {"clause": late.clause, "title": late.title, "due": late.due, "entries": list(late.cites)}
            for late in one.overdue
        ],
    }


def _cited(one: Cited | None) -> dict[str, Any] | None:
    return None if one is None else {"on": one.on, "entries": list(one.cites)}


def _tested(one: Tested) -> dict[str, Any]:
    return {
        "runs": one.runs, "items": one.items, "calls": one.calls,
        "last": None if one.last is None else instant_text(one.last), "entries": list(one.cites),
        "sampled": one.sampled, "partial": one.partial,
    }  # fmt: skip


def _lines(name: str, found: tuple[Version, ...], at: datetime, width: int) -> Iterator[str]:
    yield click.style(f"{name}: versions, {at:%Y-%m-%d}", bold=True)
    if not found:
        yield "  no version is named by an event, by terms in force or by a call"
    for one in found:
        yield ""
        yield click.style(f"  {one.name}", bold=True)
        for label, cited in (("released", one.released), ("notified", one.notified), ("access", one.access)):
            since = "from " if label == "access" else ""
            said = f"{since}{cited.on} ({named(cited.cites)})" if cited is not None else "no entry says so"
            yield from row(label, said, width)
        yield from row("tested", _depth(one.tested), width)
        if one.untested_days is not None:
            yield from row("untested", f"{counted(one.untested_days, 'day')} since {_since(one)}", width)
        for late in one.overdue:
            cites = named(late.cites)
            yield from row("OVERDUE", f"{late.title}: due {late.due} ({late.clause}; {cites})", width)


def _since(one: Version) -> str:
    """From what the untested days are counted."""
    if one.tested is not None and one.tested.last is not None:
        return "the last call"
    return "access to it" if one.access is not None else "its release"


def _depth(tested: Tested | None) -> str:
    if tested is None:
        return "not known: no access ledger at hand; --access FILE names one"
    if not tested.calls:
        return "not by the access ledgers at hand; another is not" if tested.partial else "never"
    more = ", the first of them" if tested.sampled else ""
    depth = ", ".join((counted(tested.runs, "run"), counted(tested.items, "item"), counted(tested.calls, "answer")))
    last = f", the last on {tested.last:%Y-%m-%d}" if tested.last is not None else ""
    least = "at least " if tested.partial else ""
    return f"{least}{depth}{last} ({named(tested.cites)}{more})"
