"""Forms for the acts of a case: made from the kinds of entry themselves, as the commands are.

A member becomes a field by its type and vocabulary; what names an item becomes a choice among the items that it may
name.  Labels and hints are the members' own documentation.  What a form lets through is composed by
`comity.engagement.acts` and judged by the engagement room: the form knows no rule of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _

from comity.engagement import Case, Item
from comity.engagement.acts import REFERENCES, Act, own_members
from comity.engagement.links import NAMES
from comity.engagement.rules import REQUIRED, VOCABULARY
from comity.law import Pack
from comity.portal.accounts.marks import marks_in
from comity.portal.projections.entry_text import said_of, title_of
from comity.records import Digest, FindingStated, Hex32
from comity.records.described import described

__all__ = ["SHARED_FIELDS", "ActForm", "answers", "given"]

LONG: Final = frozenset((
    "summary", "conclusion", "claim", "facts", "reasons", "purpose", "because", "grounds", "remedies", "text",
    "commitment", "measure", "outcome", "topics", "open", "next", "qualifications",
))  # fmt: skip
SHARED_FIELDS: Final = ("on", "source", "confidence", "refs")
DERIVED: Final = ("digest", "finding_version")
"""Members that follow from others."""
FEW: Final = 5
DEFAULTS: Final = {"form": "unstated", "assurance": "none", "addressee": "provider"}
CONFIDENCE: Final = (("stated", "stated"), ("reported", "reported"), ("unconfirmed", "unconfirmed"))


def _words(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


class ActForm(forms.Form):
    """One act; built for the case that it is about. What is `fixed` for who enters it is nobody's to choose."""

    def __init__(
        self, act: Act, case: Case, pack: Pack | None, fixed: Mapping[str, str], today: str, *args: Any, **named: Any
    ) -> None:
        super().__init__(*args, **named)
        self.act, self.case, self.pack, self.fixed = act, case, pack, fixed
        meanings = {name: meaning for name, _annotation, meaning in described(act.kind)}
        required, self.provision = REQUIRED.get(act.kind.kind, ((), ""))
        for name, hint in own_members(act.kind):
            if name in DERIVED or hint is Digest:
                continue
            field = self._field(name, hint)
            field.label = _words(name)
            words = VOCABULARY.get(act.kind.kind, {}).get(name)
            meaning = "" if words else meanings.get(name, "")
            field.help_text = f"{meaning} {field.help_text}".strip()
            field.required = name in required or (words is not None and isinstance(field, forms.ChoiceField)
                                                  and not isinstance(field, forms.MultipleChoiceField))
            self.fields[name] = field
        self._shared(today)
        for name, value in fixed.items():
            if name in self.fields:
                self.fields[name] = forms.CharField(widget=forms.HiddenInput, initial=value, required=False)

    def _shared(self, today: str) -> None:
        self.fields["on"] = forms.CharField(
            max_length=64, initial=today, label=_("When it was so"),
            help_text=_("As exactly as is known: 2026-05-11, 2026-05, or in words such as “late May 2026”."),
        )  # fmt: skip
        self.fields["source"] = forms.CharField(
            max_length=2000, required=False, label=_("Source"),
            help_text=_("Where it is known from outside; leave empty if you know it first-hand."),
        )  # fmt: skip
        self.fields["confidence"] = forms.ChoiceField(
            choices=CONFIDENCE, initial="stated", label=_("How sure"), widget=forms.RadioSelect
        )
        self.fields["refs"] = forms.CharField(
            required=False, label=_("File numbers"), help_text=_("Its names outside, one in each line."),
            widget=forms.Textarea(attrs={"rows": 2}),
        )  # fmt: skip

    def clean_refs(self) -> str:
        """File numbers as they were written; the mark of an account is set by the portal alone."""
        text = str(self.cleaned_data.get("refs", ""))
        if marks_in([line.strip() for line in text.splitlines()]):
            raise forms.ValidationError(_("A file number does not begin with “account:”; the portal adds that itself."))
        return text

    def _field(self, name: str, hint: Any) -> forms.Field:
        kind = self.act.kind.kind
        many = getattr(hint, "__origin__", None) is tuple
        words = VOCABULARY.get(kind, {}).get(name)
        if words:
            pairs = [(word, word) for word in words]
            if many:
                return forms.MultipleChoiceField(choices=pairs, widget=forms.CheckboxSelectMultiple)
            if len(pairs) <= FEW:
                return forms.ChoiceField(choices=pairs, widget=forms.RadioSelect, initial=DEFAULTS.get(name))
            return forms.ChoiceField(choices=[("", ""), *pairs])
        if (field := self._naming(name, hint, many)) is not None:
            return field
        if name in ("duty", "duties") and self.pack is not None:
            duties = [(duty.id, f"{duty.id}: {duty.title}") for duty in self.pack.duties.values()]
            if many:
                return forms.MultipleChoiceField(choices=duties, widget=forms.SelectMultiple(attrs={"size": 8}))
            return forms.ChoiceField(choices=[("", ""), *duties])
        if hint is int:
            return forms.IntegerField(min_value=0)
        if many:
            text = _("One in each line.") if hint == tuple[str, ...] else _("One in each line, as NAME=VALUE.")
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text=text, strip=True)
        if name in LONG:
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=16_000)
        initial = self._initial(name)
        return forms.CharField(max_length=2000, initial=initial)

    def _initial(self, name: str) -> str:
        subjects = self.case.opening.subjects
        if name == "subject" and len(subjects) == 1:
            return subjects[0]
        return {"by": "authority", "count": "1"}.get(name, "")

    def _naming(self, name: str, hint: Any, many: bool) -> forms.Field | None:
        """A choice among the items that the member may name."""
        allowed = dict(NAMES.get(self.act.kind.kind, ())).get(name)
        if name == "finding":
            return forms.ChoiceField(choices=[("", _("a new one")), *self._findings()])
        if hint is Hex32 or (name in REFERENCES and allowed is not None):
            return forms.ChoiceField(choices=[("", ""), *self._items(allowed or ())])
        if hint == tuple[Hex32, ...]:
            found = list(self._items(allowed or ()))
            return forms.MultipleChoiceField(choices=found, widget=forms.SelectMultiple(attrs={"size": 8}))
        if many and name == "entries":
            plain = [(str(one.index), f"#{one.index} {title_of(one.record.kind)}") for one in self.case.plain]
            return forms.MultipleChoiceField(choices=plain, widget=forms.CheckboxSelectMultiple)
        return None

    def _items(self, kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        for item in reversed(list(self.case.items.values())):
            if item.withdrawn is None and (not kinds or item.kind in kinds):
                yield item.id, _called(item)

    def _findings(self) -> Iterator[tuple[str, str]]:
        newest: dict[str, tuple[Item, FindingStated]] = {}
        for item, record in self.case.records(FindingStated):
            if "by" not in self.fixed or self.act.kind is not FindingStated or record.by == self.fixed["by"]:
                newest[record.finding] = (item, record)
        for item, record in newest.values():
            yield record.finding, f"#{item.index} {record.duty}, {record.stage}, version {record.finding_version}"


def _called(item: Item) -> str:
    return f"#{item.index} {title_of(item.kind)}: {said_of(item.record)}"[:140]


def given(form: ActForm) -> dict[str, Any]:
    """What the form says, as `comity.engagement.acts.compose` takes it."""
    hints = dict(own_members(form.act.kind))
    found: dict[str, Any] = {}
    for name, value in form.cleaned_data.items():
        many = name == "refs" or getattr(hints.get(name), "__origin__", None) is tuple
        if many and isinstance(value, str):
            value = tuple(line.strip() for line in value.splitlines() if line.strip())
        found[name] = tuple(value) if isinstance(value, list) else value
    return found | {name: value for name, value in form.fixed.items() if name in hints}


def answers(form: ActForm, members: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each answer in words, for the page on which they are checked."""
    for bound in form.visible_fields():
        value = members.get(bound.name)
        values = value if isinstance(value, list) else [value]
        values = [one for one in values if bound.name != "refs" or not marks_in([str(one)])]
        options = dict(getattr(bound.field, "choices", ()) or ())
        shown = [_answer(one, options) for one in values if one not in ("", None)]
        yield {"label": bound.label, "values": shown, "name": bound.auto_id}


def _answer(value: Any, options: Mapping[Any, Any]) -> str:
    if isinstance(value, list):
        return " = ".join(map(str, value))
    return str(options.get(value, value))
