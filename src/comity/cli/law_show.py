"""What `comity law` shows to people: aligned, wrapped to the terminal, each fact with its source and mark."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

import click

from comity.law import Answer, Clock, Duty, Moment, Pack, Start, said

__all__ = ["answers", "clock", "duties", "incident", "packs", "searched"]

LABEL: Final = 11
INDENT: Final = "  "
LOUD: Final = ("overdue", "met late")


def mark(confidence: str) -> str:
    """The mark of a fact: nothing for what was read in the text itself."""
    return {"primary": "", "set": ""}.get(confidence, f" [{confidence}]")


def row(label: str, text: str, width: int, *, label_width: int = LABEL) -> Iterator[str]:
    """A labelled text, wrapped under itself."""
    first = f"{INDENT}{label:<{label_width}}"
    yield from textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=" " * len(first), break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]  # fmt: skip


def heading(name: str, rest: str, width: int) -> Iterator[str]:
    """A name in bold and what it is, wrapped; the width counts what is seen and not the codes for bold."""
    for number, line in enumerate(textwrap.wrap(f"{name}  {rest}", width, subsequent_indent=INDENT)):
        yield line if number else click.style(line[: len(name)], bold=True) + line[len(name) :]


def packs(members: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    """The packs at hand."""
    for number, pack in enumerate(members):
        if number:
            yield ""
        yield from heading(f"{pack['pack']} {pack['version']}", pack["jurisdiction"], width)
        yield from row("", pack["title"], width, label_width=0)
        yield from row("", pack["about"], width, label_width=0)
        older = [version for version in pack["versions"] if version != pack["version"]]
        if older:
            yield from row("also", ", ".join(f"{pack['pack']}@{version}" for version in older), width)
        marks = ", ".join(f"{count} {name}" for name, count in pack["marks"].items() if count)
        yield from row("duties", f"{pack['duties']}: {marks}", width)
        more = [(pack["incident_classes"], "incident classes"), (pack["forms"], "forms")]
        stated = [f"{count} {name}" for count, name in more if count]
        stated += ["rules of classification"] if pack["classifies"] else []
        if stated:
            yield from row("beside", ", ".join(stated), width)


def searched(duty: Duty) -> str:
    """What `--text` looks into."""
    return "\n".join((duty.id, duty.ref, duty.title, duty.says, duty.trigger, duty.note, *duty.evidence))


def duties(pack: Pack, found: Sequence[Duty], width: int) -> Iterator[str]:
    """A list of duties: what, then where, who, by when."""
    size = max((len(duty.id) for duty in found), default=0) + 2
    for duty in found:
        yield from row(duty.id, f"{duty.title}{mark(duty.confidence)}", width, label_width=size)
        yield from row("", f"{duty.ref}; {', '.join(duty.who)}; {duty.force}; {duty.deadline}", width, label_width=size)
    if found:
        yield ""
    yield f"{INDENT}{len(found)} of {len(pack.duties)} duties of {pack.name} {pack.version}"


def clock(pack: Pack, found: Clock, width: int, now: Moment) -> Iterator[str]:
    """One clock with every step of its count."""
    duty = found.duty
    yield from heading(duty.id, f"{duty.title}{mark(duty.confidence)}", width)
    yield from row("due", due_text(found, now), width)
    yield from row("state", _state(found), width)
    for number, reason in enumerate(found.why):
        yield from row("" if number else "because", reason, width)
    for label, bound in (("earliest", found.earliest), ("keep until", found.keep_until)):
        if bound is not None:
            yield from row(label, said(bound), width)
    for begin, end, cause in found.stops:
        yield from row("stood", f"from {said(begin)} {f'until {said(end)}' if end else 'on'}: {cause}", width)
    if duty.says:
        yield from row("asks", duty.says, width)
    yield from row("owed by", ", ".join(f"{name} ({pack.roles[name]})" for name in duty.who), width)
    yield from row("shown by", ", ".join(duty.evidence) or "nothing is named", width)
    yield from _sources(pack, duty, width)
    if duty.note:
        yield from row("note", duty.note, width)
    calendar = found.calendar
    moves = "a last day that is no business day moves" if calendar.move_last_day else "no last day moves"
    told = f"{calendar.name}{mark(calendar.confidence)}: {calendar.about or 'no words'}; days end in {calendar.zone}"
    yield from row("calendar", f"{told}; {moves}", width)


def _sources(pack: Pack, duty: Duty, width: int) -> Iterator[str]:
    instrument = pack.instruments[duty.instrument]
    named = f"{instrument.title}{f' ({instrument.id})' if instrument.id else ''}{mark(instrument.confidence)}"
    yield from row("law", f"{pack.name} {pack.version}, {duty.ref}; {duty.force}; {named}", width)
    if duty.link or instrument.url:
        yield f"{INDENT}{'':<{LABEL}}{duty.link or instrument.url}"
    for number, source in enumerate(duty.src):
        yield from row("" if number else "read in", f"{source}: {pack.sources[source]}", width)
    yield from row("sure", {"primary": "read in a copy of the text", "secondary": "[secondary] read in another source",
                            "unconfirmed": "[unconfirmed] do not rely on it"}[duty.confidence], width)  # fmt: skip


def due_text(found: Clock, now: Moment) -> str:
    """By when, and how long is left."""
    if found.due is None:
        return "no fixed time" if found.state != "standing still" else "not known while it stands still"
    zone = "" if isinstance(found.due, datetime) else f", to the end of the day ({found.calendar.zone})"
    return f"{said(found.due)}{zone}{_left(found, now)}"


def _left(found: Clock, now: Moment) -> str:
    """How long is left or how late it is, in days where days are counted; nothing where it is not asked."""
    if found.due is None or found.due_at is None or found.state not in ("running", "overdue"):
        return ""
    span = found.due_at - found.calendar.first_instant(now)
    if isinstance(found.due, datetime) and isinstance(now, datetime) and abs(span) < timedelta(days=3):
        hours, minutes = divmod(abs(int(span.total_seconds())) // 60, 60)
        return f"; {hours} h {minutes} min {'late' if span < timedelta() else 'left'}"
    days = (found.calendar.day_of(found.due) - found.calendar.day_of(now)).days
    if not days:
        return "; today is the last day" if found.state == "running" else "; since today"
    return f"; {abs(days)} day{'' if abs(days) == 1 else 's'} {'left' if days > 0 else 'late'}"


def _state(found: Clock) -> str:
    return click.style(found.state.upper(), bold=True) if found.state in LOUD else found.state


def incident(
    chosen: Sequence[Pack], starts: Sequence[Start], clocks: Sequence[Clock], width: int, now: Moment
) -> Iterator[str]:
    """The clocks of one incident, regime by regime: why they start, then each, the most urgent first."""
    if not starts:
        yield "No regime at hand starts a clock for that."
        return
    titles = {(pack.name, pack.version): pack.title for pack in chosen}
    pairs = list(zip(starts, clocks, strict=True))
    for number, (key, group) in enumerate(groupby(pairs, key=lambda pair: (pair[0].pack, pair[0].version))):
        if number:
            yield ""
        found = list(group)
        yield from heading(" ".join(key), titles[key], width)
        for one in dict.fromkeys(one for start, _ in found for one in start.classes):
            yield from row("", f"{one.title} ({one.ref}){mark(one.confidence)}: {one.reason}", width, label_width=0)
        for start, ticking in sorted(
            found, key=lambda pair: (pair[1].due_at is None, str(pair[1].due_at), pair[1].state, pair[1].id)
        ):
            yield from _of_incident(start, ticking, width, now)
    absent = [f"{pack.name} {pack.version}" for pack in chosen if pack.name not in {start.pack for start in starts}]
    if absent:
        yield ""
        yield from row("", f"No clock of {', '.join(absent)} starts.", width, label_width=0)


def _of_incident(start: Start, one: Clock, width: int, now: Moment) -> Iterator[str]:
    size = 22
    when = said(one.due) if one.due is not None else "no fixed time" if one.state == "running" else "no date yet"
    yield from row(when, f"{start.duty.id}: {start.duty.title}{mark(start.duty.confidence)}", width, label_width=size)
    source = f"{start.duty.ref}; {start.duty.force}; sources {', '.join(start.duty.src)}"
    yield from row("", f"{_state(one)}{_left(one, now)}; {source}", width, label_width=size)
    yield from row("", one.why[0] if one.why else "", width, label_width=size)


def answers(pack: Pack, estimate: str | None, found: Sequence[Answer], width: int) -> Iterator[str]:
    """A classification, question by question."""
    yield from heading(f"{pack.name} {pack.version}", f"compute {estimate or 'unknown'}", width)
    for answer in found:
        yield ""
        size = 9
        yield from row(answer.verdict.upper(), answer.asks, width, label_width=size)
        for reason in answer.reasons:
            source = f" ({reason.ref}; sources {', '.join(reason.src)}){mark(reason.confidence)}"
            last = reason is answer.reasons[-1]
            yield from row("", reason.text + (source if last else ""), width, label_width=size)
        for missing in answer.unknown:
            yield from row("", f"not known: {missing}", width, label_width=size)
        if answer.relieves:
            yield from row("", f"falls away: {', '.join(answer.relieves)}", width, label_width=size)
