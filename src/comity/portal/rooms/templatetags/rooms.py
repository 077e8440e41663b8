"""Filters for what pages show often: instants, spans, names of kinds, links to entries."""

import re
from datetime import UTC, date, datetime
from typing import Any, Final

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from comity.law import said
from comity.portal.projections.entry_text import title_of
from comity.records import parse_instant

__all__ = ["register"]

register = template.Library()
SHORT: Final = 8


@register.filter
def instant(text: str) -> str:
    """An instant of an entry to the minute, in UTC."""
    return f"{text[:10]} {text[11:16]} UTC" if len(text) > 16 else text


@register.filter
def prose(text: str) -> str:
    """A text with its instants as people read them."""
    return re.sub(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d\.\d{3}Z", r"\1 \2 UTC", text).replace(" 00:00 UTC", "")


@register.filter
def moment(value: Any) -> str:
    """A day or an instant of a clock."""
    return said(value)


@register.filter
def day(text: str) -> str:
    """The day of an instant."""
    return text[:10]


@register.filter
def short(text: str) -> str:
    """The beginning of an id or a digest, which people compare."""
    return str(text)[:SHORT]


@register.filter
def kind_title(kind: str) -> str:
    """What a timeline calls a kind of entry."""
    return _(title_of(kind))


@register.filter
def left(due: str, now: datetime) -> str:
    """How long is left until an instant, or how late it is."""
    if not due:
        return ""
    end = parse_instant(due)
    days = (end.astimezone(UTC).date() - now.astimezone(UTC).date()).days
    if days == 0:
        hours = int(abs((end - now).total_seconds()) // 3600)
        words = _("%(hours)s h left") if end > now else _("%(hours)s h late")
        return words % {"hours": hours}
    if days > 0:
        return ngettext("%(days)s day left", "%(days)s days left", days) % {"days": days}
    return ngettext("%(days)s day late", "%(days)s days late", -days) % {"days": -days}


@register.filter
def waited(entered: str, now: datetime) -> str:
    """How long something has waited since it was entered."""
    days = max(0, (now.astimezone(UTC) - parse_instant(entered)).days)
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": days}


@register.filter
def since(text: str, now: datetime) -> str:
    """How many days ago a day was."""
    days = (now.astimezone(UTC).date() - date.fromisoformat(text[:10])).days
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": days}


@register.simple_tag
def entry_link(case: Any, origin: str, index: int) -> dict[str, str]:
    """Where a reference leads: the entry's page for entries of the case's own ledger."""
    own = case is not None and origin == case.origin
    kind, name = origin.split("/")[-2:]
    return {
        "text": f"{kind}/{name[:SHORT]}#{index}", "whole": f"{origin}#{index}",
        "to": reverse("entry", args=[case.engagement, index]) if own else "",
    }  # fmt: skip


@register.filter
def cite_text(cite: str) -> str:
    """A citation as a page has room for it."""
    origin, _sep, index = cite.partition("#")
    parts = origin.split("/")
    return f"{parts[-2]}/{parts[-1][:SHORT]}#{index}" if len(parts) > 1 else cite


@register.filter
def own_index(cite: str, case: Any) -> str:
    """The index of a citation of the case's own ledger; empty for another ledger's."""
    origin, _sep, index = cite.partition("#")
    return index if case is not None and origin == case.origin else ""


@register.filter
def at(sequence: Any, place: int) -> Any:
    """One of a list, by its place."""
    return sequence[place]


@register.filter
def number(value: Any) -> str:
    """A number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else str(value)


@register.filter
def percent(value: float) -> str:
    """A share in percent, with one place."""
    return f"{value:.1%}"


@register.filter
def unlocalized(value: Any) -> str:
    """A length of a picture, with a point in every language."""
    return str(value)


@register.filter
def address(url: str) -> bool:
    """Whether a source is an address that a browser may follow."""
    return str(url).startswith(("https://", "http://"))
