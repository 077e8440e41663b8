"""Changes: what differs between two versions, and the next version made from this one.

A clause's path names items by what they are called: `models[gemma-3-270m].max_output`,
`people[evaluator-1].eligible`, `content.recipients[authority-recovery].key`.  A list of
plain words is one value (`models[…].serves`), but `features.<name>` stands for each
feature alone, `allowed` or `refused`.

    diff(a, b)                     every clause whose value differs
    counter(terms, {path: text})   the next version: count one up, `previous` set

In `counter` a text is read as the kind of the clause it replaces: integers and
booleans as such, lists as words separated by commas, all else as text.  Where a
list has one item its name may be left out: `models.max_output`.  What fixes the
identity of an arrangement does not change.

A person or a promise is added whole, `people[expert-1]=expert` (eligible from the start) or
`access[gradients]=session: Once a week, in its own room.`, so is a recipient,
`content.recipients[lab]=<key>` or `content.recipients[judge]=model:judge-1@<endpoint>` (also `people:` and `tool:`,
with words in place of name and endpoint); an empty text takes such an item, or a model, off the terms.

A feature that needs a bound is allowed together with it (`features.n=allowed` and
`limits.n=4`), and loses it where it is refused; a bound alone may change too.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from comity.arrangement.errors import ChangeRefused
from comity.arrangement.features import BOUNDED, FEATURES, NEVER
from comity.arrangement.parse import parse_terms_json
from comity.arrangement.terms import Terms
from comity.records import canonical_bytes

__all__ = ["Change", "counter", "diff", "leaves", "places", "set_clause"]

FIXED: Final = (
    "terms", "id", "version", "previous", "ledger.origin", "parties.authority.key", "parties.provider.key",
)  # fmt: skip
"""Clauses that no counter-offer sets: the identity, and what follows from counting."""

_STEP: Final = re.compile(r"([a-z_]+)(?:\[([^\]]{1,200})\])?(?:\.|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One clause that differs."""

    clause: str
    before: str
    """Empty where the clause is new."""
    after: str
    """Empty where the clause is gone."""


def places(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each clause of a JSON value of terms, with what stands there."""
    match value:
        case dict():
            for name, member in value.items():
                yield from places(member, f"{path}.{name}" if path else name)
        case [] if path == "access":
            return
        case list() if path == "features":
            yield from ((f"features.{name}", "allowed") for name in value)
        case list() if value and isinstance(value[0], dict):
            for item in value:
                yield from places(item, f"{path}[{_called(item)}]")
        case _:
            yield path, value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each clause of a JSON value of terms, with its value as text."""
    for clause, found in places(value, path):
        match found:
            case list():
                yield clause, ", ".join(str(item) for item in found)
            case bool():
                yield clause, "true" if found else "false"
            case _:
                yield clause, str(found)


def diff(a: Terms, b: Terms) -> tuple[Change, ...]:
    """What changes from `a` to `b`, in the order of the clauses' names."""
    before, after = dict(leaves(a.value())), dict(leaves(b.value()))
    return tuple(
        Change(clause=clause, before=_said(clause, before), after=_said(clause, after))
        for clause in sorted(before.keys() | after.keys())
        if before.get(clause) != after.get(clause)
    )


def _said(clause: str, side: Mapping[str, str]) -> str:
    return side.get(clause, "refused" if clause.startswith("features.") else "")


def counter(terms: Terms, settings: Mapping[str, str]) -> Terms:
    """The next version with these clauses set; raises `ChangeRefused`, or `TermsRefused` for a bad value."""
    value = dict(terms.value())
    for clause, text in sorted(settings.items()):  # features before limits, in whichever order they are given
        if clause in FIXED:
            raise ChangeRefused(f"{clause} is not set by a counter-offer; it stays as it is, or follows from counting")
        set_clause(value, clause, text)
    value["version"], value["previous"] = terms.version + 1, terms.digest
    return parse_terms_json(canonical_bytes(value), "the counter-offer")


def _called(item: Mapping[str, Any]) -> str:
    return str(item.get("name", item.get("id", item.get("item", ""))))


def set_clause(value: dict[str, Any], clause: str, text: str) -> None:
    """Set one clause of a JSON value of terms, or of a part of them; raises `ChangeRefused`."""
    if clause.startswith("features."):
        _set_feature(value, clause, text)
        return
    if clause.startswith("limits."):
        _set_limit(value, clause, text)
        return
    at: Any = value
    way = [(match[1], match[2]) for match in _STEP.finditer(clause)]
    if not way or "".join(match[0] for match in _STEP.finditer(clause)) != clause:
        raise ChangeRefused(f"expected a clause such as budget.calls or models[NAME].max_output; got {clause[:80]!r}")
    for depth, (name, item) in enumerate(way):
        if not isinstance(at, dict) or name not in at:
            raise ChangeRefused(f"{clause}: these terms have no clause {name!r} there")
        last = depth == len(way) - 1
        if last and item is not None and isinstance(at[name], list):
            at[name] = _items(at[name], clause.partition("[")[0], item, text, clause)
            return
        if last and item is None:
            at[name] = _like(at[name], text, clause)
            return
        at = at[name]
        if isinstance(at, list):
            at = _item(at, item, clause)
    raise ChangeRefused(f"{clause} names a whole item; name one clause of it")


def _items(items: list[Any], kind: str, called: str, text: str, clause: str) -> list[Any]:
    """A list with an item added, or taken off where the text is empty."""
    known = any(_called(item) == called for item in items if isinstance(item, dict))
    if known and not text:
        return [item for item in items if _called(item) != called]
    if known or kind not in _ADDED:
        raise ChangeRefused(f"{clause} names a whole item; name one clause of it, or set it to nothing to remove it")
    if not text:
        raise ChangeRefused(f"{clause}: there is no such item to remove")
    return [*items, _ADDED[kind](called, text)]


def _promise(called: str, text: str) -> dict[str, Any]:
    means, _, promise = text.partition(":")
    return {"item": called, "means": means.strip(), "promise": promise.strip()}


def _recipient(called: str, text: str) -> dict[str, Any]:
    """A key as it is, or `model:NAME@ENDPOINT`, `people:WHO`, `tool:WHICH`."""
    kind, colon, what = text.partition(":")
    if not colon or kind not in ("model", "people", "tool"):
        return {"name": called, "key": text}
    if kind == "model":
        model, _, endpoint = what.rpartition("@")
        return {"name": called, "model": model, "endpoint": endpoint}
    return {"name": called, kind: what.strip()}


_ADDED: Final[Mapping[str, Callable[[str, str], dict[str, Any]]]] = {
    "people": lambda called, text: {"id": called, "role": text, "eligible": True},
    "access": _promise,
    "content.recipients": _recipient,
}
"""Lists whose items can be added by one text, and how."""


def _item(items: list[Any], called: str | None, clause: str) -> Any:
    names = [_called(item) for item in items if isinstance(item, dict)]
    if called is None and len(names) == 1:
        return items[0]
    if called not in names:
        raise ChangeRefused(f"{clause}: expected one of [{'], ['.join(names)}] after the list's name")
    return items[names.index(called)]


def _set_feature(value: dict[str, Any], clause: str, text: str) -> None:
    name = clause.removeprefix("features.")
    if name in NEVER:
        raise ChangeRefused(f"{clause}: no terms can allow it: {NEVER[name]}")
    if name not in FEATURES or text not in ("allowed", "refused"):
        raise ChangeRefused(f"expected features.<name>=allowed or =refused, with one of {', '.join(FEATURES)}")
    others = [feature for feature in value["features"] if feature != name]
    value["features"] = [*others, name] if text == "allowed" else others
    if text == "refused":
        value["limits"] = {bounded: most for bounded, most in value["limits"].items() if bounded != name}


def _set_limit(value: dict[str, Any], clause: str, text: str) -> None:
    name = clause.removeprefix("limits.")
    if name not in BOUNDED:
        raise ChangeRefused(f"expected limits.<name>=<number>, with one of {', '.join(BOUNDED)}")
    value["limits"] = {**value["limits"], name: _like(0, text, clause)}


def _like(old: Any, text: str, clause: str) -> Any:
    match old:
        case bool():
            if text not in ("true", "false"):
                raise ChangeRefused(f"{clause}: expected true or false; got {text[:40]!r}")
            return text == "true"
        case int():
            if not re.fullmatch("0|[1-9][0-9]{0,14}", text, re.ASCII):
                raise ChangeRefused(f"{clause}: expected a plain decimal integer; got {text[:40]!r}")
            return int(text)
        case str():
            return text
        case list() if all(isinstance(item, str) for item in old):
            return [word.strip() for word in text.split(",") if word.strip()]
    raise ChangeRefused(f"{clause} holds further clauses; name one of them")
