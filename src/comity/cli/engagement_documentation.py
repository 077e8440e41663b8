"""`comity engagement documentation-gaps`: which fields of each form came, for whom, and which are missing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click

from comity.cli.cases import open_case, refuse, refusing, say
from comity.cli.home import Home
from comity.cli.law import json_option, width
from comity.cli.law_at_hand import law_at_hand
from comity.cli.law_show import heading, mark, row
from comity.engagement import case_packs, open_book
from comity.engagement.assessment import subjects_of
from comity.engagement.documentation import VIEWS, FormView, State, form_views, unknown_forms
from comity.law import Field

__all__ = ["documentation_gaps"]

SIZE: Final = 12
STATES: Final[Mapping[State, str]] = {
    "received": "received", "withheld": "withheld", "missing": "missing", "optional": "missing and not required",
}  # fmt: skip


@click.command("documentation-gaps")
@click.argument("case", metavar="ENGAGEMENT")
@click.option("--subject", help="Only this model; else each that the case names.")
@click.option("--view", type=click.Choice(tuple(VIEWS)), help="Only what this recipient gets: " + ", ".join(
    f"{name} ({meaning})" for name, meaning in VIEWS.items()
) + ".")  # fmt: skip
@click.option("--form", "only", help="Only this form of the law pack, such as mdf.")
@click.option("--all", "everything", is_flag=True, help="Also fields that were received, one by one.")
@json_option
@click.pass_obj
def documentation_gaps(
    home: Home, case: str, subject: str | None, view: str | None, only: str | None, everything: bool, as_json: bool
) -> None:
    """Field by field, what a provider documented of a model: received, withheld with its reason, or missing.

    Fields that were sent to a recipient to whom the form does not give them are named. The newest version counts.
    """
    with refusing(), open_case(home, case) as (folder, ledger):
        told = open_book(ledger)
        packs = case_packs(told, law=law_at_hand)
        if not packs:
            refuse("the case was opened under no stated law, so there is no form to check by")
        pack = packs[0]
        if only is not None and only not in {form.id for form in pack.forms}:
            refuse(f"--form: expected one of {', '.join(form.id for form in pack.forms)}; got {only[:60]!r}")
        found = [
            one
            for name in ([subject] if subject is not None else subjects_of(told))
            for one in form_views(told, pack, name, view or "")
            if only in (None, one.form.id)
        ]
    unknown = unknown_forms(told, pack)
    members = {
        "engagement": folder.name, "law": pack.name, "law_version": pack.version,
        "forms": [_members(one) for one in found],
        "unknown_forms": [{"form": name, "entry": item.index} for item, name in unknown],
    }  # fmt: skip
    columns = width()
    lines = [line for number, one in enumerate(found) for line in _lines(one, bool(number), everything, columns)]
    for item, name in unknown:
        lines += row("!", f"the law pack knows no form {name!r} (entry {item.index})", columns, label_width=SIZE)
    say(as_json, members, "\n".join(lines))


def _members(one: FormView) -> dict[str, Any]:
    return {
        "form": one.form.id, "title": one.form.title, "ref": one.form.ref, "confidence": one.form.confidence,
        "subject": one.subject, "view": one.view, "entry": one.newest.index if one.newest else None,
        "version": str(getattr(one.newest.record, "form_version", "")) if one.newest else "",
        "superseded": [item.index for item in one.superseded],
        "fields": [
            {"field": x.field.id, "title": x.field.title, "state": x.state, "because": x.because,
             "confidence": x.field.confidence}
            for x in one.fields
        ],
        "misdirected": [field.id for field in one.misdirected], "unknown": list(one.unknown),
        "unconfirmed": [field.id for field in one.unconfirmed],
    }  # fmt: skip


def _lines(one: FormView, space: bool, everything: bool, columns: int) -> Iterator[str]:
    if space:
        yield ""
    about = f" of {one.subject}" if one.subject else ""
    to = f" for {VIEWS[one.view]}" if one.view else ""
    yield from heading(one.form.id, f"{one.form.title}{about}{to} ({one.form.ref}){mark(one.form.confidence)}", columns)
    if one.newest is None:
        yield from row("came", "nothing", columns, label_width=SIZE)
    else:
        version = str(getattr(one.newest.record, "form_version", ""))
        older = [str(item.index) for item in one.superseded]
        more = f"; supersedes entry {', '.join(older)}" if older else ""
        yield from row("came", f"version {version} (entry {one.newest.index}){more}", columns, label_width=SIZE)
    counts = " · ".join(
        f"{one.counted(state)} {words}" for state, words in STATES.items() if one.counted(state)
    )
    yield from row("fields", counts or "this recipient gets none of them", columns, label_width=SIZE)
    if everything:
        received = [x.field for x in one.fields if x.state == "received"]
        yield from _fields("received", received, columns)
    for state in one.fields:
        if state.state == "withheld":
            text = f"{state.field.id} {state.field.title}: {state.because}"
            yield from row("withheld", text, columns, label_width=SIZE)
    if one.newest is not None or everything:
        yield from _fields("missing", one.missing, columns)
    yield from _fields("misdirected", one.misdirected, columns)
    if one.unknown:
        yield from row("unknown", f"no field of the form: {', '.join(one.unknown)}", columns, label_width=SIZE)
    if unsure := len(one.unconfirmed):
        text = f"that this recipient gets them is unconfirmed for {unsure} of these {len(one.fields)} fields"
        text = text if one.view else f"unconfirmed: {', '.join(field.id for field in one.unconfirmed)}"
        yield from row("unsure", text, columns, label_width=SIZE)


def _fields(label: str, fields: Sequence[Field], columns: int) -> Iterator[str]:
    for number, field in enumerate(fields):
        yield from row("" if number else label, f"{field.id} {field.title}", columns, label_width=SIZE)
