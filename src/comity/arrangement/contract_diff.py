"""Differences in plain words: what changes, for whom, and by how much.

    explain(before, after) -> (Explained, …)

    budget.calls          The Authority may make at most 172 calls in all, instead of 192: 20 fewer.
    window.until          Calls pass until 2 January 2027, 00:00 UTC, instead of 23 December 2026, 00:00 UTC:
                          10 days later.
    content.retention     The provider stores nothing of questions and answers.  Before: …

Numbers come with their difference, times with how much earlier or later, lists with what is added and what is
removed.  A whole item (a model, a person, a recipient) that comes or goes is one difference that names all its
clauses.  Every clause that differs is in exactly one `Explained`; `comity.arrangement.diff` gives the same
differences clause by clause, with their bare values.

`whom` is the side whose position the clause describes: the authority's for what it may do, the provider's for what
it does or leaves, both for the rest.  It says nothing about whose advantage the change is.
"""

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal

from comity.arrangement.change import Change, diff, places
from comity.arrangement.clauses import clauses
from comity.arrangement.contract_access import NAMED
from comity.arrangement.contract_words import Remark, clock, counted, joined, moment
from comity.arrangement.features import BOUNDED
from comity.arrangement.reading import decimal_micros
from comity.arrangement.terms import Terms

__all__ = ["Explained", "Whom", "explain", "show_changes"]

Whom = Literal["authority", "provider", "both"]

PASSED_OVER: Final = ("version", "previous")
"""What differs between any two versions."""

NUMBERS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "models.context_window": ("A request to {item} fills at most {}", "token", ""),
        "models.max_output": ("An answer of {item} has at most {}", "token", ""),
        "models.overhead.request": ("Each request to {item} reserves {} beside its body", "input token", ""),
        "models.overhead.message": ("Each message to {item} reserves {} beside its body", "input token", ""),
        "models.overhead.tool": ("Each tool for {item} reserves {} beside the body", "input token", ""),
        "budget.calls": ("The Authority may make at most {} in all", "call", ""),
        "budget.input_tokens": ("The Authority may use at most {} in all", "input token", ""),
        "budget.output_tokens": ("The Authority may use at most {} in all", "output token", ""),
        "budget.per_day.calls": ("The Authority may make at most {} on any one day", "call", ""),
        "budget.per_day.input_tokens": ("The Authority may use at most {} on any one day", "input token", ""),
        "budget.per_day.output_tokens": ("The Authority may use at most {} on any one day", "output token", ""),
        "budget.rerun_reserve": ("Of each bound in all, {} is kept for repeated runs", "percent", "percent"),
        "rate.calls_per_minute": ("The Authority may make at most {} in any one minute", "call", ""),
        "rate.tokens_per_minute": ("The Authority may use at most {} in any one minute", "token", ""),
        "rate.concurrency": ("At any one time the Authority may have at most {} under way", "call", ""),
        "access_days": ("Access is promised for {}", "business day", ""),
        "successor.notice_days": ("Notice of a newer version is given within {} of its release", "day", ""),
        "successor.access_days": ("Access to a newer version is given within {} of its release", "day", ""),
        "exit.notice_days": ("Access ends by an exit {} after it is recorded, or later", "day", ""),
        "publication.review_days": ("The other party has {} to review results before they are published", "day", ""),
    }
)
"""Clauses that hold a count: the sentence around it, and its noun."""

SUMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "budget.cost": "The Authority may spend at most {} in all",
        "budget.per_day.cost": "The Authority may spend at most {} on any one day",
        "models.prices.input": "A million input tokens of {item} cost {}",
        "models.prices.cached_read": "A million input tokens of {item} that are read from its cache cost {}",
        "models.prices.cache_write": "A million input tokens of {item} that are written to its cache cost {}",
        "models.prices.output": "A million output tokens of {item} cost {}",
    }
)
"""Clauses that hold money: the sentence around it."""

TIMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "window.from": "Calls pass from {}",
        "window.until": "Calls pass until {}",
        "window.hours.from": "On each day calls pass from {} UTC",
        "window.hours.until": "On each day calls pass until {} UTC",
    }
)

LISTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "purpose": "The purposes of the access",
        "models.serves": "The models that may answer for {item}",
        "models.protocols": "The protocols in which {item} may be called",
        "window.hours.days": "The days on which calls pass",
        "stop.by": "Who may stop access",
        "exit.by": "Who may leave the arrangement",
        "suspension.by": "Who may suspend access",
        "suspension.clock_stops": "The causes for which the Window stands still",
    }
)

TEXTS: Final = (
    "title", "basis", "access.promise", "successor.text", "incident_contacts.authority", "incident_contacts.provider",
    "safe_harbour.text", "publication.text",
)  # fmt: skip
"""Clauses that hold an author's own words."""

ITEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "models": "The model",
        "people": "The person",
        "content.recipients": "The recipient of sealed content",
        "access": "The promise of",
    }
)

AUTHORITY: Final = ("models", "features", "limits", "people", "window", "budget", "rate", "purpose", "access_days")
PROVIDER: Final = (
    "guard", "content.retention", "content.training", "record", "safe_harbour", "access", "successor",
)  # fmt: skip

_ITEM: Final = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One difference, in a sentence."""

    clauses: tuple[str, ...]
    """The clauses that it is about, with the names of their items."""
    whom: Whom
    text: str


def explain(before: Terms, after: Terms) -> tuple[Explained, ...]:
    """What changes from one version to another, in the order of the clauses' names."""
    changes = [change for change in diff(before, after) if change.clause not in PASSED_OVER]
    sides = _Side(before), _Side(after)
    whole: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        whole[_item_of(change.clause) or change.clause].append(change)
    told: list[Explained] = []
    for name, group in whole.items():
        came, went = (all(getattr(change, side) == "" for change in group) for side in ("before", "after"))
        if name.endswith("]") and (came or went) and _is_whole(name, group, sides[0] if went else sides[1]):
            told.append(_whole(name, group, sides[0] if went else sides[1], came))
        else:
            told += [_one(change, *sides) for change in group]
    return tuple(told)


class _Side:
    """One version, read for sentences: each clause's raw value, and the sentence that says it."""

    def __init__(self, terms: Terms) -> None:
        self.currency = terms.budget.currency
        self.values = dict(places(terms.value()))
        counts: dict[str, int] = defaultdict(int)
        self._said: dict[tuple[str, int], str] = {}
        for clause in clauses(terms):
            self._said[clause.name, counts[clause.name]] = clause.sentence
            counts[clause.name] += 1
        order: dict[str, list[str]] = defaultdict(list)
        for path in self.values:
            item = _item_of(path)
            if item and item not in order[item.partition("[")[0]]:
                order[item.partition("[")[0]].append(item)
        self._place = {item: number for items in order.values() for number, item in enumerate(items)}

    def sentence(self, path: str) -> str:
        """What this version says of a clause; empty where it says nothing."""
        return self._said.get((bare(path), self._place.get(_item_of(path), 0)), "")


def bare(path: str) -> str:
    """A clause's name without the names of items."""
    return _ITEM.sub("", path)


def _item_of(path: str) -> str:
    found = _ITEM.search(path)
    return path[: found.end()] if found else ""


def _is_whole(name: str, group: Sequence[Change], side: _Side) -> bool:
    return len(group) == sum(_item_of(path) == name for path in side.values)


def _whole(name: str, group: Sequence[Change], side: _Side, came: bool) -> Explained:
    kind, _, called = name.removesuffix("]").partition("[")
    told = f"{ITEMS.get(kind, f'The item of {kind}')} {called} is {'added' if came else 'removed'}."
    if came:
        paths = [path for path in side.values if _item_of(path) == name]
        told = " ".join([told, *(side.sentence(path) for path in paths)])
    return Explained(clauses=tuple(change.clause for change in group), whom=_whom(kind), text=told)


def _whom(name: str) -> Whom:
    for whom, heads in (("authority", AUTHORITY), ("provider", PROVIDER)):
        if any(name == head or name.startswith(f"{head}.") for head in heads):
            return "authority" if whom == "authority" else "provider"
    return "both"


def _one(change: Change, before: _Side, after: _Side) -> Explained:
    name = bare(change.clause)
    return Explained(clauses=(change.clause,), whom=_whom(name), text=_text(change.clause, name, before, after))


def _text(path: str, name: str, before: _Side, after: _Side) -> str:
    old, new = before.values.get(path), after.values.get(path)
    item = _item_of(path).removesuffix("]").partition("[")[2]
    head, _, rest = name.partition(".")
    if head == "features":
        return f"A request may {'no longer' if new is None else 'now'} use {NAMED[rest]}."
    if head == "limits":
        return _limit(BOUNDED[rest], old, new)
    if name in SUMS and isinstance(old, str) and isinstance(new, str):
        return _money(SUMS[name], item, old, new, before.currency, after.currency)
    if name in TIMES and isinstance(old, str) and isinstance(new, str):
        return _time(TIMES[name], old, new)
    if isinstance(old, list) and isinstance(new, list):
        return _list(LISTS.get(name, name).format(item=item), _texts(old), _texts(new))
    if type(old) is int and type(new) is int:
        if name in NUMBERS:
            around, noun, plural = NUMBERS[name]
            said = around.format(counted(new, noun, plural), item=item)
            return f"{said}, instead of {old:,}: {_by(new - old)}."
        return f"{after.sentence(path)} Before, it was {old:,}: {_by(new - old)}."
    if name in TEXTS:
        return f"It reads: “{new}”. Before, it read: “{old}”."
    said, was = after.sentence(path), before.sentence(path)
    return f"{said or f'{path} is gone.'} {f'Before: {was}' if was else 'Before, nothing was said of it.'}"


def _texts(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values]


def _by(difference: int) -> str:
    return f"{abs(difference):,} {'more' if difference > 0 else 'fewer'}"


def _limit(noun: str, old: Any, new: Any) -> str:
    if new is None:
        return f"There is no bound on {noun} any more, because the feature is refused."
    if old is None:
        return f"A request may hold at most {new:,} {noun}."
    return f"A request may hold at most {new:,} {noun}, instead of {old:,}: {_by(new - old)}."


def _money(around: str, item: str, old: str, new: str, currency: str, other: str) -> str:
    said = around.format(f"{new} {other}", item=item)
    micros = (decimal_micros(old), decimal_micros(new))
    if currency != other or micros[0] is None or micros[1] is None:
        return f"{said}, instead of {old} {currency}."
    step = micros[1] - micros[0]
    if not step:
        return f"{said}: the same sum as before, written otherwise."
    whole, fraction = divmod(abs(step), 1_000_000)
    sum_ = f"{whole:,}.{f'{fraction:06}'.rstrip('0').ljust(2, '0')}"
    return f"{said}, instead of {old} {currency}: {sum_} {currency} {'more' if step > 0 else 'less'}."


def _time(around: str, old: str, new: str) -> str:
    if "T" in old and "T" in new:
        was, now = (datetime.fromisoformat(text.removesuffix("Z") + "+00:00") for text in (old, new))
        written = moment(was), moment(now)
        step = now - was
    else:
        minutes = [int(text[:2]) * 60 + int(text[3:]) for text in (old, new)]
        written = clock(minutes[0]), clock(minutes[1])
        step = timedelta(minutes=minutes[1] - minutes[0])
    if not step:
        return f"{around.format(written[1])}: the same time as before, written otherwise."
    way = "later" if step > timedelta(0) else "earlier"
    return f"{around.format(written[1])}, instead of {written[0]}: {span(abs(step))} {way}."


def span(step: timedelta) -> str:
    """How long, in the largest units that say it whole."""
    seconds = step.seconds
    parts = [
        (step.days, "day"), (seconds // 3_600, "hour"), (seconds // 60 % 60, "minute"), (seconds % 60, "second"),
        (step.microseconds // 1_000, "millisecond"),
    ]  # fmt: skip
    return joined(counted(number, noun) for number, noun in parts if number)


def _list(label: str, old: Sequence[str], new: Sequence[str]) -> str:
    added = [word for word in new if word not in old]
    removed = [word for word in old if word not in new]
    told = []
    if added:
        told.append(f"added {joined(f'“{word}”' for word in added)}")
    if removed:
        told.append(f"removed {joined(f'“{word}”' for word in removed)}")
    return f"{label}: {'; '.join(told) or 'the same, in another order'}."


def show_changes(told: Sequence[Explained], width: int = 96, remarks: Sequence[Remark] = ()) -> str:
    """The differences as text, each under its clause and the side whose position it describes, with its remarks."""
    if not told:
        return "no clause differs\n"
    lines: list[str] = []
    for one in told:
        lines += _wrapped(f"{', '.join(one.clauses)} · {_side(one.whom)}", width, "")
        lines += _wrapped(one.text, width, "    ")
        about = {bare(clause) for clause in one.clauses}
        for remark in remarks:
            if remark.about in about:
                lines += _wrapped(f"» {remark.line()}", width, "    ")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _side(whom: Whom) -> str:
    return "both parties" if whom == "both" else f"the {whom}"


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
