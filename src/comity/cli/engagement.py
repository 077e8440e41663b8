"""`comity engagement`: where we stand with each provider, and how we got there."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from comity.arrangement import open_access_offer, parse_access_offer, parse_card, sign_access_offer, verify_offer
from comity.cli.cases import (
    all_cases,
    check_offer,
    keep_offer,
    open_case,
    read_file,
    record_offer,
    refuse,
    refusing,
    say,
    write_file,
)
from comity.cli.engagement_acts import attach
from comity.cli.engagement_adequacy import adequacy
from comity.cli.engagement_clocks import clocks, due
from comity.cli.engagement_documentation import documentation_gaps
from comity.cli.engagement_evidence import assertions, findings
from comity.cli.engagement_exchange import hand_items, take_items
from comity.cli.engagement_experts import experts
from comity.cli.engagement_files import attach_files
from comity.cli.engagement_intake import intake
from comity.cli.engagement_sessions import answer_session, hand, session, sessions
from comity.cli.engagement_tables import tables
from comity.cli.engagement_versions import versions
from comity.cli.home import Home
from comity.cli.opening import LAW, open_engagement
from comity.engagement import EngagementView, Matter, add, asked_instant, open_book, stand, view
from comity.engagement.brief_rows import count_text
from comity.records import (
    AccessOffered,
    Digest,
    EngagementClosed,
    Instant,
    Record,
    instant_text,
)

__all__ = ["engagement"]

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
OUT = click.Path(path_type=Path, dir_okay=False)


@click.group()
def engagement() -> None:
    """Where we stand with each provider: meetings, offers, stages."""


attach(engagement)
attach_files(engagement)
engagement.add_command(intake)
engagement.add_command(hand_items)
engagement.add_command(take_items)
engagement.add_command(clocks)
engagement.add_command(due)
engagement.add_command(tables)
for command in (session, answer_session, hand, sessions, adequacy, versions):
    engagement.add_command(command)
for command in (assertions, documentation_gaps, experts, findings):
    engagement.add_command(command)


@engagement.command("open")
@click.option("--provider", help="The provider's name; in a provider's home, its own.")
@click.option("--authority", help="The authority's name; in an authority's home, its own.")
@click.option(
    "--initiated-by", required=True, type=click.Choice(["authority", "provider", "unstated"]), help="Who came forward."
)
@click.option("--summary", required=True, help="What it is about, in one sentence.")
@click.option("--subject", "subjects", multiple=True, help="A model or system that it is about; may be given again.")
@click.option("--track", type=click.Choice(["model", "system"]), default="model", help="Arts 88-94, or Arts 75-75d.")
@click.option("--law", default=LAW, help="The law pack, by name or name@version; the case keeps that version.")
@click.option("--on", default="", help="Since when the talks go on, as exactly as is known; today where left out.")
@click.option("--source", default="", help="Where that is known from; empty where it is known first-hand.")
@JSON
@click.pass_obj
def open_(
    home: Home,
    provider: str | None,
    authority: str | None,
    initiated_by: str,
    summary: str,
    subjects: tuple[str, ...],
    track: str,
    law: str,
    on: str,
    source: str,
    as_json: bool,
) -> None:
    """Open the case between one authority and one provider, at the stage of dialogue."""
    provider = provider or (home.name if home.role == "provider" else None)
    authority = authority or (home.name if home.role == "authority" else None)
    if provider is None or authority is None:
        raise click.UsageError("name the other side with --provider or --authority")
    with refusing():
        identity, pack = open_engagement(
            home, provider=provider, authority=authority, initiated_by=initiated_by, summary=summary,
            subjects=subjects, track=track, law=law, on=on, source=source,
        )  # fmt: skip
    law = f"{pack.name} {pack.version}"
    text = f"{identity}\nengagement with {provider} opened, {_came_forward(initiated_by)}; stage dialogue; {law}"
    say(as_json, {"engagement": identity, "provider": provider, "stage": "dialogue", "law": law}, text)


@engagement.command("close")
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--because", required=True, help="Why the case ends.")
@JSON
@click.pass_obj
def close(home: Home, case: str, because: str, as_json: bool) -> None:
    """Close the case; nothing can be added after."""
    record = EngagementClosed(at=Instant(instant_text(home.clock())), because=because)
    _add(home, case, record, as_json, "engagement closed")


def _add(home: Home, case: str, record: Record, as_json: bool, text: str) -> None:
    with refusing(), open_case(home, case) as (folder, ledger):
        index = add(ledger, record, home.clock())
        seen = view(ledger, home.clock())
    members = {"engagement": folder.name, "entry": index, "kind": record.kind, "stage": seen.stage}
    say(as_json, members, f"{text} (entry {index}); {seen.provider}: stage {seen.stage} since {seen.since[:10]}")


@engagement.command("offer")
@click.argument("file", type=FILE)
@click.option("--card", type=FILE, help="The card to offer under (with the witness's address); else one is made.")
@click.option("--out", required=True, type=OUT, help="Where the signed offer goes.")
@JSON
@click.pass_obj
def offer(home: Home, file: Path, card: Path | None, out: Path, as_json: bool) -> None:
    """Sign an access offer written in YAML, as the provider."""
    with refusing():
        if home.role != "provider":
            refuse(f"a provider offers access; this is the home of an {home.role}")
        own = read_file(card) if card else json.dumps(home.card(), ensure_ascii=False).encode()
        if parse_card(own).party != home.signer("party").vkey:
            refuse(f"the card in {card} has another party key than this home")
        signed = sign_access_offer(parse_access_offer(read_file(file), file.name), own, home.signer("party"))
        write_file(out, signed.envelope)
    members = {"offer": signed.offer.digest, "by": signed.card.name, "out": str(out)}
    say(as_json, members, f"access offer “{signed.offer.summary}” signed by {signed.card.name}: {out}")


@engagement.command("receive")
@click.argument("case", metavar="ENGAGEMENT")
@click.argument("file", type=FILE)
@JSON
@click.pass_obj
def receive(home: Home, case: str, file: Path, as_json: bool) -> None:
    """Take in what the other side sent: an access offer, terms, or terms signed by both."""
    with refusing():
        envelope = read_file(file)
        if b'"format":"comity access-offer/1"' in envelope:
            _receive_access(home, case, envelope, as_json)
            return
        terms = verify_offer(envelope)
        names = {"authority": terms.terms.parties.authority.name, "provider": terms.terms.parties.provider.name}
        check_offer(home, terms)
        kind = record_offer(home, case, terms, names[terms.signed_by[0]])
        keep_offer(home, terms)
    text = f"version {terms.terms.version} of the terms, signed by the {' and the '.join(terms.signed_by)}: {kind}"
    say(as_json, {"kind": kind, "arrangement": terms.terms.id, "version": terms.terms.version}, text)


def _receive_access(home: Home, case: str, envelope: bytes, as_json: bool) -> None:
    signed = open_access_offer(envelope)
    at = home.clock()
    with open_case(home, case) as (folder, ledger):
        provider = view(ledger, at).provider
        if signed.card.name != provider:
            refuse(f"the offer is by {signed.card.name}; the engagement is with {provider}")
        write_file(folder / "offers" / f"{signed.offer.digest}.json", envelope)
        record = AccessOffered(
            at=Instant(instant_text(at)),
            by=signed.card.name,
            summary=signed.offer.summary,
            offer=Digest(signed.offer.digest),
        )
        index = add(ledger, record, at)
    members = {"engagement": folder.name, "entry": index, "kind": record.kind, "offer": signed.offer.digest}
    say(as_json, members, f"access offer by {signed.card.name} received (entry {index}); stage negotiation")


@engagement.command("list")
@JSON
@click.pass_obj
def list_(home: Home, as_json: bool) -> None:
    """Where we stand with each provider."""
    with refusing():
        views = [view(ledger, home.clock()) for ledger in all_cases(home)]
    views.sort(key=lambda seen: (seen.provider.casefold(), seen.engagement))
    if as_json:
        click.echo(json.dumps([_row(seen) for seen in views], ensure_ascii=False))
    elif not views:
        click.echo("no engagement yet; 'comity engagement open' begins one")
    else:
        click.echo(_table(views))


def _row(seen: EngagementView) -> dict[str, Any]:
    return {
        "engagement": seen.engagement,
        "provider": seen.provider,
        "stage": seen.stage,
        "since": seen.since,
        "initiated_by": seen.initiated_by,
        "meetings": len(seen.meetings),
        "meetings_known": count_text([meeting.count for meeting in seen.meetings]),
        "open": list(seen.open),
        "matters_open": sum(matter.open for matter in seen.matters),
        "next": seen.next,
    }


def _table(views: list[EngagementView]) -> str:
    head = ("PROVIDER", "STAGE", "SINCE", "INITIATED BY", "MEETINGS", "OPEN", "ID")
    rows = [head] + [
        (
            seen.provider,
            seen.stage,
            seen.since[:10],
            seen.initiated_by,
            count_text([meeting.count for meeting in seen.meetings]).partition(", ")[0],
            str(len(seen.open) + sum(matter.open for matter in seen.matters)),
            seen.engagement[:8],
        )
        for seen in views
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for number, seen in enumerate(views):
        if seen.next:
            lines[number + 1] += f"\n  next: {seen.next}"
    return "\n".join(lines)


@engagement.command("show")
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--on", metavar="DATE", help="As it stood at the end of a past day, or at an instant, by time of entry.")
@JSON
@click.pass_obj
def show(home: Home, case: str, on: str | None, as_json: bool) -> None:
    """One engagement: where it stands, what is open, and every entry of its ledger."""
    now = home.clock()
    with refusing(), open_case(home, case) as (_, ledger):
        at = asked_instant(on, now) if on is not None else now
        told, origin = open_book(ledger, at), ledger.origin
        seen = stand(told, at)
    if as_json:
        entries = [
            {"index": one.index, "kind": one.record.kind, **one.record.members()} for one in told.entries
        ]
        members = {**_row(seen), "ledger": origin, "matters": [_matter(one, at) for one in seen.matters]}
        click.echo(json.dumps({**members, "entries": entries}, ensure_ascii=False))
        return
    click.echo(f"{seen.provider}: {seen.summary}")
    law = f"{told.opening.law} {told.opening.law_version}" if told.opening.law else "no law stated"
    click.echo(f"stage {seen.stage} since {seen.since[:10]}; {_came_forward(seen.initiated_by)}; {law}")
    for question in seen.open:
        click.echo(f"  open: {question}")
    for matter in seen.matters:
        if matter.open:
            until = f", by {matter.until}" if matter.until else ""
            days = matter.days_waited(at)
            click.echo(f"  open: {matter.what} (waits for {matter.waits_for}, {days} days{until})")
    if seen.next:
        click.echo(f"  next: {seen.next}")
    click.echo(f"ledger {origin}")
    items = {item.index: item for item in told.items.values()}
    for one in told.entries:
        item = items.get(one.index)
        name = item.id[:8] if item is not None else ""
        gone = " (withdrawn)" if item is not None and item.withdrawn is not None else ""
        click.echo(
            f"  {one.index:>3}  {one.record.at[:16].replace('T', ' ')}  {name:<8}  {one.record.kind:<21} "
            f"{_said(one.record)}{gone}"
        )


def _came_forward(side: str) -> str:
    return "who came forward is not stated" if side == "unstated" else f"initiated by the {side}"


def _matter(matter: Matter, at: datetime) -> dict[str, Any]:
    return {
        "item": matter.item.id,
        "entry": matter.item.index,
        "what": matter.what,
        "by": matter.by,
        "open": matter.open,
        "waits_for": matter.waits_for,
        "until": matter.until,
        "outcome": matter.outcome,
        "days": matter.days_waited(at),
    }


def _said(record: Record) -> str:
    members = {name: member for name, member in record.members().items() if name != "at" and member}
    named = (
        "because", "on", "by", "event", "party", "topic", "claim", "conclusion", "answer", "summary", "person",
        "terms_version", "topics", "until", "cause", "title",
    )  # fmt: skip
    parts = [members[name] for name in named if name in members]
    texts = [", ".join(part) if isinstance(part, list) else str(part) for part in parts]
    return " · ".join(f"version {text}" if text.isdigit() else text for text in texts)[:120]
