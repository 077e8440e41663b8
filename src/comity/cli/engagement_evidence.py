"""`comity engagement assertions` and `findings`: what is claimed and found, and what that rests on.

Citations of another ledger are followed in the access ledgers of this home and in those that `--access` names.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from comity.cli.access_ledgers import ACCESS, access_ledgers, agreed_terms, case_keys
from comity.cli.cases import open_case, refusing, say
from comity.cli.engagement_clocks import passed
from comity.cli.home import Home
from comity.cli.law import at_option, calendar_named, calendar_option, json_option, width
from comity.cli.law_at_hand import law_at_hand
from comity.cli.law_show import due_text, mark, row
from comity.engagement import Case, CaseClock, case_clocks, case_packs, open_book
from comity.engagement.assertions import Assertion, Looked, read_assertions
from comity.engagement.citations import AtHand, Cited, shelve
from comity.engagement.findings import (
    Finding,
    Reply,
    Version,
    publication_clocks,
    read_findings,
    stated_on,
)
from comity.law import clock_members

__all__ = ["assertions", "at_hand", "cited_members", "cited_text", "entries_text", "findings"]


INNER: Final = 13
"""Columns before what belongs to a version or a claim."""


def at_hand(home: Home, case: Case, access: Iterable[Path]) -> AtHand:
    """What this home can follow a case's citations with."""
    with access_ledgers(home, access) as ledgers:
        shelf = shelve(case, [(one.origin, one.entries) for one in ledgers])
    return AtHand(ledgers=shelf, keys=case_keys(home, case))


def cited_members(one: Cited) -> dict[str, Any]:
    """A citation for scripts."""
    return {
        "cites": one.name, "state": one.state, "what": one.what, "entries": [entry.index for entry in one.entries],
        "digest": one.digest, "from_provider": one.from_provider,
    }  # fmt: skip


def cited_text(one: Cited) -> str:
    """A citation for people: what it is, whether it shows anything, and where it lies."""
    where = entries_text([entry.index for entry in one.entries])
    if not where:
        where = f"{one.name.rpartition('/')[2][:8]}#{one.name.rpartition('#')[2]}" if "#" in one.name else one.name[:8]
    digest = f", {one.digest[:12]}…" if one.digest else ""
    state = "" if one.state in ("gone", "not at hand", "not there") else f": {one.state}"
    return f"{one.what} ({where}{digest}){state}"


def entries_text(indexes: Sequence[int]) -> str:
    """Entries by their numbers; empty where there are none."""
    found = ", ".join(str(index) for index in sorted(set(indexes)))
    return f"{'entry' if len(set(indexes)) == 1 else 'entries'} {found}" if found else ""


@click.command()
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--status", help="Only claims of this status, such as asserted.")
@ACCESS
@json_option
@click.pass_obj
def assertions(home: Home, case: str, status: str | None, access: tuple[Path, ...], as_json: bool) -> None:
    """What each side claims, and how far it is more than a word: asserted, evidenced, verified, contradicted.

    The status follows from what was put forward and from who looked; nobody sets it.
    """
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        found = read_assertions(told, at_hand(home, told, access))
    shown = [one for one in found if status in (None, one.status)]
    members = {"engagement": folder.name, "assertions": [_assertion_members(one) for one in shown]}
    lines = [line for one in shown for line in _assertion_lines(one, width())]
    say(as_json, members, "\n".join(lines or ["no claim was entered" if not found else f"no claim is {status}"]))


def _assertion_members(one: Assertion) -> dict[str, Any]:
    return {
        "assertion": one.item.id, "entry": one.item.index, "by": one.record.by, "claim": one.record.claim,
        "subject": one.record.subject, "duties": list(one.record.duties), "status": one.status,
        "because": one.because, "supports": [_looked_members(x) for x in one.supports],
        "checks": [_looked_members(x) for x in one.checks],
    }  # fmt: skip


def _looked_members(one: Looked) -> dict[str, Any]:
    return {
        "entry": one.item.index, "by": one.by, "says": one.says, "counts": not one.ignored, "because": one.ignored,
        "cites": [cited_members(cited) for cited in one.cited],
    }  # fmt: skip


def _assertion_lines(one: Assertion, columns: int) -> Iterator[str]:
    about = f"; about {one.record.subject}" if one.record.subject else ""
    duties = f"; {', '.join(one.record.duties)}" if one.record.duties else ""
    said = f"{one.record.by}: {one.record.claim} ({entries_text([one.item.index])}{about}{duties})"
    yield from row(one.item.id[:8], said, columns)
    yield from row("", f"{one.status.upper()}: {one.because}", columns)
    for looked in (*one.supports, *one.checks):
        cites = "; ".join(cited_text(cited) for cited in looked.cited) or "cites nothing"
        ignored = f" [does not count: {looked.ignored}]" if looked.ignored else ""
        yield from row("", f"{looked.says} by {looked.by} (entry {looked.item.index}): {cites}{ignored}", columns)


@click.command()
@click.argument("case", metavar="ENGAGEMENT")
@calendar_option
@at_option
@ACCESS
@json_option
@click.pass_obj
def findings(home: Home, case: str, calendar: str, at: str | None, access: tuple[Path, ...], as_json: bool) -> None:
    """Each finding in all its versions: what it rests on, what was replied to which version, what it settles.

    Below stand the clocks on publication: that of the law pack, and the review that the terms in force give.
    """
    days = calendar_named(calendar)
    now = passed(at, days, home)
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger, now)
        clocks = case_clocks(told, now, case_packs(told, law=law_at_hand), days)
        found = read_findings(told, at_hand(home, told, access), clocks)
        reviews = sorted({terms.publication.review_days for terms in agreed_terms(home, told).values()})
    published = publication_clocks(clocks)
    members = {
        "engagement": folder.name,
        "findings": [_finding_members(one, reviews) for one in found],
        "publication": [{**clock_members(one.clock), "entries": [e.index for e in one.entries]} for one in published],
    }
    columns = width()
    lines = [line for one in found for line in _finding_lines(one, reviews, columns)]
    lines += [line for one in published for line in _published(one, now, columns)]
    say(as_json, members, "\n".join(lines or ["no finding was stated"]))


def _review(version: Version, reviews: Sequence[int]) -> list[str]:
    """The last day of the other side's review, under each arrangement in force."""
    return [(stated_on(version.item) + timedelta(days=length)).isoformat() for length in reviews]


def _finding_members(one: Finding, reviews: Sequence[int]) -> dict[str, Any]:
    versions = [
        {
            "version": version.number, "entry": version.item.index, "digest": version.item.latest.digest,
            "stage": version.record.stage, "by": version.record.by, "finds": version.record.finds,
            "assurance": version.record.assurance, "conclusion": version.record.conclusion, "newest": version.newest,
            "settles": version.settles, "because": version.open_because, "early": version.early,
            "reply_until": version.reply_time.until.isoformat() if version.reply_time else "",
            "reply_source": version.reply_time.source if version.reply_time else "",
            "reply_confidence": version.reply_time.confidence if version.reply_time else "",
            "review_until": _review(version, reviews) if version.newest else [],
            "cites": [cited_members(cited) for cited in version.cited],
            "replies": [_reply_members(reply) for reply in version.replies],
        }
        for version in one.versions
    ]  # fmt: skip
    duty, subject = one.newest.record.duty, one.newest.record.subject
    return {"finding": one.id, "duty": duty, "subject": subject, "versions": versions}


def _reply_members(one: Reply) -> dict[str, Any]:
    return {
        "entry": one.item.index, "by": one.record.by, "position": one.record.position, "summary": one.record.summary,
        "digest": one.record.digest, "counts": not one.remark, "because": one.remark,
    }  # fmt: skip


def _finding_lines(one: Finding, reviews: Sequence[int], columns: int) -> Iterator[str]:
    record = one.newest.record
    about = f", {record.subject}" if record.subject else ""
    yield from row(one.id[:8], f"{record.duty}{about}: {_settled(one.newest)}", columns)
    for version in one.versions:
        yield from _version_lines(version, columns)
    for day in _review(one.newest, reviews):
        yield from row("", f"the other side may review it until {day} (publication.review_days)", columns)


def _settled(version: Version) -> str:
    if version.settles and version.disputed:
        return f"{version.record.finds}, disputed by the provider"
    return version.record.finds if version.settles else f"settles nothing: {version.open_because}"


def _version_lines(version: Version, columns: int) -> Iterator[str]:
    record = version.record
    number = f"v{version.number} {record.stage}"
    said = f"{number}, {record.finds}, {record.assurance} assurance, by {record.by} on {record.on} "
    yield from row("", f"{said}(entry {version.item.index}): {record.conclusion}", columns)
    if version.early:
        yield from row("", f"! {version.early}", columns, label_width=INNER)
    if version.reply_time is not None:
        time = version.reply_time
        text = f"reply until {time.until} ({time.source}){mark(time.confidence)}"
        yield from row("", text, columns, label_width=INNER)
    for cited in version.cited:
        yield from row("", f"cites {cited_text(cited)}", columns, label_width=INNER)
    for reply in version.replies:
        remark = f" [{reply.remark}]" if reply.remark else ""
        said = f"{reply.record.by} {reply.record.position} (entry {reply.item.index}): {reply.record.summary}"
        yield from row("", said + remark, columns, label_width=INNER)


def _published(one: CaseClock, now: Any, columns: int) -> Iterator[str]:
    duty = one.clock.duty
    about = one.clock.about
    yield from row("publication", f"{about}: {duty.id}, {duty.title}{mark(duty.confidence)}", columns, label_width=13)
    where = entries_text([entry.index for entry in one.entries])
    yield from row("", f"{one.clock.state}: {due_text(one.clock, now)}; {duty.ref} ({where})", columns, label_width=13)
