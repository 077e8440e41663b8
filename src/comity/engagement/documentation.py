"""Documentation: which fields of a form a provider has sent to whom, and which are missing.

A form of the law pack (Model Documentation Form, Annexes XI and XII, training summary, …) has fields, and each field
its recipients: AI Office (`aio`), national authorities (`nca`), downstream providers (`dp`).  What arrived
(`documentation.received`) is for one of these *views*.  Of each field of a view:

| state | the newest version for that view |
|---|---|
| `received` | holds it |
| `withheld` | withholds it, and says why |
| `missing` | neither |
| `optional` | neither, and the form does not require it |

The newest version is the one that was entered last; those before it are superseded and kept.  A field that was sent
to a view to which the form does not give it is *misdirected*: it is named, and counts for nothing there.  A form whose
fields name no recipients has no views, and one check for whatever arrived.

What the pack does not know for certain about a field goes with it: in the Model Documentation Form most recipients
are unconfirmed, and the check says how many.

Not promised: that a field that is there says enough. Only that it is said to be there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from comity.engagement.case import Case, Item
from comity.law import Field, Form, Pack
from comity.records import DocumentationReceived

__all__ = ["FORMS", "VIEWS", "FieldState", "FormView", "State", "form_views", "unknown_forms"]

VIEWS: Final = {"aio": "AI Office", "nca": "national authorities", "dp": "downstream providers"}
FORMS: Final = ("mdf", "annex-xi", "annex-xii", "training-summary")
"""Forms that are checked also where nothing of them arrived."""

State = Literal["received", "withheld", "missing", "optional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldState:
    """One field in one view."""

    field: Field
    state: State
    because: str
    """The reason why it is withheld."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """One form, for one recipient, about one model."""

    form: Form
    subject: str
    view: str
    """aio · nca · dp; empty for a form without views."""
    newest: Item | None
    """What arrived last; `None` where nothing did."""
    superseded: tuple[Item, ...]
    fields: tuple[FieldState, ...]
    """The fields that this view receives, in the form's order."""
    misdirected: tuple[Field, ...]
    unknown: tuple[str, ...]
    """Ids that arrived and are no field of the form."""

    @property
    def missing(self) -> tuple[Field, ...]:
        """The gaps."""
        return tuple(one.field for one in self.fields if one.state == "missing")

    @property
    def unconfirmed(self) -> tuple[Field, ...]:
        """Fields of which the pack is not certain that this view receives them, or that they are asked for."""
        return tuple(one.field for one in self.fields if one.field.confidence == "unconfirmed")

    def counted(self, state: State) -> int:
        """How many fields are in a state."""
        return sum(one.state == state for one in self.fields)


def form_views(case: Case, pack: Pack, subject: str, view: str = "") -> tuple[FormView, ...]:
    """The forms to check for one model, each for every view or for one of them, in the pack's order."""
    arrived = {record.form for _, record in _arrived(case, subject)}
    forms = [form for form in pack.forms if form.id in FORMS or form.id in arrived]
    return tuple(
        one for form in forms for one in _views(case, form, subject) if not view or one.view in ("", view)
    )


def unknown_forms(case: Case, pack: Pack) -> tuple[tuple[Item, str], ...]:
    """What arrived under the name of a form that the pack does not know."""
    known = {form.id for form in pack.forms}
    return tuple((item, one.form) for item, one in case.records(DocumentationReceived) if one.form not in known)


def _arrived(case: Case, subject: str) -> Iterator[tuple[Item, DocumentationReceived]]:
    return ((item, record) for item, record in case.records(DocumentationReceived) if record.subject == subject)


def _views(case: Case, form: Form, subject: str) -> Iterator[FormView]:
    arrived = [(item, record) for item, record in _arrived(case, subject) if record.form == form.id]
    split = {recipient for field in form.fields for recipient in field.recipients}
    if not split:
        yield _view(form, subject, "", form.fields, arrived)
        return
    for name in VIEWS:
        fields = [field for field in form.fields if not field.recipients or name in field.recipients]
        sent = [(item, record) for item, record in arrived if record.view == name]
        if name in split or sent:
            yield _view(form, subject, name, fields, sent)


Arrived = Sequence[tuple[Item, DocumentationReceived]]


def _view(form: Form, subject: str, name: str, fields: Sequence[Field], sent: Arrived) -> FormView:
    newest = sent[-1] if sent else None
    received = set(newest[1].received) if newest else set()
    withheld = {row[0]: row[1] for row in newest[1].withheld} if newest else {}
    own = {field.id for field in fields}
    known = {field.id: field for field in form.fields}
    return FormView(
        form=form,
        subject=subject,
        view=name,
        newest=newest[0] if newest else None,
        superseded=tuple(item for item, _ in sent[:-1]),
        fields=tuple(_state(field, received, withheld) for field in fields),
        misdirected=tuple(field for field in form.fields if field.id in received and field.id not in own),
        unknown=tuple(sorted((received | set(withheld)) - set(known))),
    )


def _state(field: Field, received: set[str], withheld: dict[str, str]) -> FieldState:
    if field.id in received:
        return FieldState(field=field, state="received", because="")
    if field.id in withheld:
        return FieldState(field=field, state="withheld", because=withheld[field.id])
    return FieldState(field=field, state="missing" if field.required else "optional", because="")
