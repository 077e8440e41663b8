"""Writes docs/reference/law-packs.md out of the packs that ship: `make docs`.

    python tools/law_reference.py [--check]

Each pack in its newest version, an older version by what differs: duties by chapter with their deadline in
words, force and confidence; incident classes, numbers, forms and access; events, dates and sources.

The packs are the truth and the page their projection, so nobody edits the page by hand.  With `--check`
nothing is written, and the exit status is 1 if the page is not current.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, assert_never

from comity.law.deadline import AtEvent, Clause, Every, FromEvent, Interim, InWords, OnDate, SameAs, Window, Within
from comity.law.pack import Duty, Pack
from comity.law.packs import known_packs, load_pack

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "reference" / "law-packs.md"

OPENING: Final = """\
# Law packs

*Reference.*
Every law pack that ships: what it holds, duty by duty.
`make docs` writes this page out of the packs; a test refuses one that is not current.
What a pack is, how it was read and what is unconfirmed: [Law packs](../explanation/law-packs.md), an explanation.

Titles and descriptions are in Comity's own words and are not the law's.
Force: *binding* law, *code* for who signed the chapter, *guidance*, *draft* not known to be adopted, *voluntary*.
Confidence: *primary* was read in a copy of the text, *secondary* elsewhere, *unconfirmed* in neither.
Where a deadline has several parts, all of them hold.
"""

AT: Final = {
    "by": "by `{}`",
    "before": "before `{}`",
    "until": "until `{}`",
    "delete_at": "erase at `{}`",
    "not_before": "not before `{}`",
}
FROM: Final = {
    "due": "{} {} `{}` at the latest",
    "max": "at most {} {} `{}`",
    "min": "at least {} {} `{}`",
    "retain": "keep for {} {} `{}`",
    "guideline": "as an example {} {} `{}`",
    "not_before": "not before {} {} `{}`",
}
ON: Final = {"date": "from {} on", "legacy_date": "from {} on for what was there before", "not_before": "not before {}"}
CHAPTERS: Final = ((r"\bM(\d+)\.", "Commitment"), (r"\bApp\. (\d+)", "Appendix"), (r"\bArts?\. (\d+)", "Article"))
"""How a reference names the chapter that it lies in, by the first pattern that fits."""


def clause_in_words(clause: Clause) -> str:
    """One clause of a deadline, as a person would say it."""
    match clause:
        case FromEvent():
            direction = "before" if clause.back else "after"
            return FROM[clause.word].format(clause.length.in_words(), direction, clause.event)
        case AtEvent():
            return AT[clause.word].format(clause.event)
        case OnDate():
            return ON[clause.word].format(clause.day.isoformat())
        case Every():
            return f"every {clause.length.in_words()}"
        case Window():
            return f"a window of {clause.length.in_words()} or more"
        case Within():
            return f"as part of: {clause.phase.replace('_', ' ')}"
        case Interim():
            return "something provisional at once"
        case SameAs():
            return f"as in {clause.text}"
        case InWords():
            return "no limit" if clause.word == "none" else clause.word.replace("_", " ")
        case _:
            assert_never(clause)


def cell(text: str) -> str:
    """A text inside a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A table, line by line, with an empty line after it."""
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"| {' | '.join('---' for _ in names)} |"
    yield from (f"| {' | '.join(cell(one) for one in row)} |" for row in rows)
    yield ""


def chapter(duty: Duty) -> tuple[str, int]:
    """The chapter of its instrument that a duty lies in; ("", 0) where its reference names none."""
    for pattern, name in CHAPTERS:
        if found := re.search(pattern, duty.ref):
            return name, int(found[1])
    return "", 0


def duty_row(duty: Duty) -> tuple[str, ...]:
    """One duty as a row."""
    said = f"**{duty.title}.** {duty.says}".strip()
    said += f" *{duty.note}*" if duty.note else ""
    ref = f"[{duty.ref}]({duty.link})" if duty.link else duty.ref
    when = "; ".join(clause_in_words(clause) for clause in duty.deadline.clauses)
    return f"`{duty.id}`", ref, said, ", ".join(duty.who), when, duty.force, duty.confidence


DUTY_HEAD: Final = ("id", "source", "duty", "who", "when", "force", "confidence")


def duties_of(pack: Pack) -> Iterator[str]:
    """The duties, under their instruments and, where a chapter has several, under their chapters."""
    for key, instrument in pack.instruments.items():
        own = [duty for duty in pack.duties.values() if duty.instrument == key]
        if not own:
            continue
        yield f"### {instrument.title}\n"
        if facts := [text for text in (instrument.id, instrument.url) if text]:
            yield f"{', '.join(facts)} ({instrument.confidence}).\n"
        chapters: dict[tuple[str, int], list[Duty]] = {}
        for duty in own:
            chapters.setdefault(chapter(duty), []).append(duty)
        if ("", 0) in chapters or len(chapters) == 1:
            yield from table(DUTY_HEAD, map(duty_row, own))
            continue
        kinds = ("Article", "Commitment", "Appendix")
        for name, number in sorted(chapters, key=lambda one: (kinds.index(one[0]), one[1])):
            yield f"#### {name} {number}\n"
            yield from table(DUTY_HEAD, map(duty_row, chapters[name, number]))


def rules_of(pack: Pack) -> Iterator[str]:
    """Incident classes and the numbers of the classification."""
    if pack.incidents:
        yield "### Incident classes\n"
        head = ("class", "means", "kinds", "starts", "at", "why this clock", "source", "confidence")
        yield from table(head, (
            (
                f"`{one.id}`", f"**{one.title}.** {one.means}" + (f" *{one.note}*" if one.note else ""),
                ", ".join(one.kinds), ", ".join(f"`{duty}`" for duty in one.starts), f"`{one.event}`",
                one.reason, one.ref, one.confidence,
            )
            for one in pack.incidents
        ))  # fmt: skip
    if (rules := pack.classification) is None:
        return
    yield "### Numbers\n"
    yield from table(("rule", "more than", "means", "source", "confidence"), (
        (f"`{one.id}`", f"{float(one.flop):.0e} FLOP".replace("e+", "e"), one.means, one.ref, one.confidence)
        for one in rules.indicators
    ))  # fmt: skip
    if rules.modifier is not None:
        share = f"Modifying a model, {rules.modifier.share} of its compute"
        yield f"{share}: {rules.modifier.means} ({rules.modifier.ref}, {rules.modifier.confidence})\n"
    if rules.tolerance is not None:
        yield f"An estimate may be off by {rules.tolerance.percent} % ({rules.tolerance.ref}).\n"
    for old in rules.legacy:
        yield f"On the market before {old.placed_before}: {old.means} ({old.ref}, {old.confidence})\n"
    if rules.counting:
        counted = ("compute", "counts", "means", "confidence")
        yield from table(counted, ((f"`{one.id}`", one.counts, one.means, one.confidence) for one in rules.counting))
    if (free := rules.open_source) is not None:
        yield f"Open source: {free.means} ({free.ref}, {free.confidence})\n"
        kinds = (("needs", free.conditions), ("defeated by", free.defeated_by), ("not defeated by", free.spared_by))
        yield from table(("condition", "", "means"), (
            (f"`{one.id}`", kind, one.means) for kind, ones in kinds for one in ones
        ))  # fmt: skip


def documents_of(pack: Pack) -> Iterator[str]:
    """Forms field by field, and access item by item."""
    for form in pack.forms:
        yield f"### Form `{form.id}`: {form.title}\n"
        note = f" {form.note}" if form.note else ""
        yield f"{form.ref} ({form.confidence}).{note}\n"
        yield from table(("field", "section", "holds", "recipients", "required", "confidence"), (
            (
                f"`{one.id}`", section.title, one.title + (f" *{one.note}*" if one.note else ""),
                ", ".join(one.recipients), "yes" if one.required else "no", one.confidence,
            )
            for section in form.sections for one in section.fields
        ))  # fmt: skip
    for title, items in (("Levels of access", pack.levels), ("What adequate access consists of", pack.access)):
        if items:
            yield f"### {title}\n"
            yield from table(("name", "means", "source", "confidence"), (
                (f"`{one.id}`", f"**{one.title}.** {one.means}", one.ref, one.confidence) for one in items
            ))  # fmt: skip


def words_of(pack: Pack) -> Iterator[str]:
    """Dates, events, roles, scopes, sources, and where the crosswalk leads."""
    if pack.dates:
        yield "### Dates\n"
        rows = sorted(pack.dates, key=lambda one: one.date)
        yield from table(("date", "what", "source", "confidence"), (
            (one.date.isoformat(), one.what, one.ref, one.confidence) for one in rows
        ))  # fmt: skip
    if pack.crosswalk:
        yield "### Crosswalk\n"
        yield from table(("duty", "is", "to", "note"), (
            (f"`{one.duty}`", one.relation, f"`{one.other}` of {one.pack}", one.note) for one in pack.crosswalk
        ))  # fmt: skip
    glossaries: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("Events", pack.events), ("Roles", pack.roles), ("Scopes", pack.scopes), ("Phases", pack.phases),
        ("Evidence", pack.evidence), ("What was read", pack.sources),
    )  # fmt: skip
    for title, glossary in glossaries:
        if glossary:
            yield f"### {title}\n"
            yield from table(("name", "means"), ((f"`{key}`", means) for key, means in glossary.items()))


def difference(older: Pack, newer: Pack) -> Iterator[str]:
    """An older version, by what differs."""
    yield f"## `{older.name}` {older.version}: {older.title}\n"
    yield f"{older.about}\n"
    gone = [f"`{name}`" for name in newer.duties if name not in older.duties]
    yield f"Duties that this version does not have yet: {', '.join(gone) or 'none'}.\n"
    yield "Duties that read otherwise, or that only this version has:\n"
    own = [duty for name, duty in older.duties.items() if newer.duties.get(name) != duty]
    yield from table(DUTY_HEAD, (duty_row(duty) for duty in own))


def page() -> str:
    """The whole page."""
    parts = [OPENING]
    for name, versions in known_packs().items():
        newest = load_pack(name)
        parts.append(f"## `{name}` {newest.version}: {newest.title}\n")
        counted = f"{len(newest.duties)} duties, {len(newest.incidents)} incident classes, {len(newest.forms)} forms"
        parts.append(f"{newest.about}\n\nJurisdiction {newest.jurisdiction}; {counted}.\n")
        for section in (duties_of, rules_of, documents_of, words_of):
            parts.extend(section(newest))
        for version in reversed(versions[:-1]):
            parts.extend(difference(load_pack(name, version), newest))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


if __name__ == "__main__":
    text = page()
    current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if "--check" in sys.argv[1:]:
        sys.exit(None if current else f"not current: {PAGE.name}; run 'make docs'")
    if not current:
        PAGE.write_text(text, encoding="utf-8")
