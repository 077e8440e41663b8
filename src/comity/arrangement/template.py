"""Templates: access offers by tier, to begin a negotiation from.

    T0  public-equivalent    T1  black-box and more    T2  grey-box
    T3  fine-tuning          T4  white-box             T5  outside the box

A tier says how deep access goes; a *timeframe* says how long it lasts, and either may be chosen with any of the
other.  Both are data (`templates/*.yaml`): a tier's file is laid over `common.yaml`, or over the tier that it
`extends`: members one by one, models by their place, promises (`access`) added to those below, any other list whole.

    draft = offer("T2", timeframe="code-example", begins=date(2027, 1, 4), models=("gpt-x", "gpt-x-helpful"))
    parse_access_offer(offer_yaml(draft), "offer.yaml")

The window ends with the last of the timeframe's business days, counted by the offer's own calendar from the first
day on.  What a template cannot make a machine enforce it promises (`access`, attested or evidenced), and the YAML
says above each clause how it is kept.

Not promised: that a template suits a case. It is what to change, written down.
"""

import copy
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from comity.arrangement.change import set_clause
from comity.arrangement.clauses import CLAUSES
from comity.arrangement.crosswalk import Cell, cell, crosswalk_data
from comity.arrangement.errors import ChangeRefused
from comity.law import named_calendar

__all__ = ["TIERS", "TIMEFRAMES", "Template", "Timeframe", "offer", "offer_yaml", "template", "timeframe"]

TIERS: Final = ("T0", "T1", "T2", "T3", "T4", "T5")
TIMEFRAMES: Final = ("short", "code-example", "standing")
MAX_DAYS: Final = 1_000
"""Business days of a timeframe: what the clause `access_days` can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One tier: its offer without a window, and what it is in other people's words."""

    tier: str
    name: str
    value: Mapping[str, Any]
    casper: Cell
    charnock: Cell
    aal: Cell
    risk: Cell
    kept_by: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeframe:
    """How long access lasts."""

    id: str
    days: int
    """Business days."""
    title: str
    about: str
    source: str
    confidence: str
    successor: Mapping[str, Any] | None


def _read(name: str) -> Any:
    return yaml.safe_load((files("comity.arrangement") / "templates" / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def template(tier: str) -> Template:
    """The template of a tier; raises `ChangeRefused` for one that is none."""
    if tier not in TIERS:
        raise ChangeRefused(f"expected a tier of {', '.join(TIERS)}; got {tier[:40]!r}")
    row = crosswalk_data()["tiers"][tier]
    cells = {name: cell(row[name]) for name in ("casper", "charnock", "aal", "risk", "kept_by")}
    return Template(tier=tier, name=row["name"], value=_laid(tier), **cells)


def _laid(tier: str) -> dict[str, Any]:
    over = _read(tier)
    below = over.pop("extends", None)
    return _over(_laid(below) if below else _read("common"), over)


def _over(base: dict[str, Any], over: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    value = copy.deepcopy(base)
    for name, new in over.items():
        old = value.get(name)
        if name == "access" and not path:
            value[name] = [*(old or ()), *new]
        elif name == "models" and not path and isinstance(old, list):
            laid = [_over(below, above, name) for below, above in zip(old, new, strict=False)]
            value[name] = [*laid, *old[len(new) :], *new[len(old) :]]
        elif isinstance(old, dict) and isinstance(new, dict) and name != "limits":
            value[name] = _over(old, new, name)
        else:
            value[name] = copy.deepcopy(new)
    return value


def timeframe(name: str) -> Timeframe:
    """A timeframe by its name; raises `ChangeRefused` for one that is none."""
    rows = _read("timeframes")
    if name not in rows:
        raise ChangeRefused(f"expected a timeframe of {', '.join(TIMEFRAMES)}; got {name[:40]!r}")
    row = rows[name]
    return Timeframe(
        id=name,
        days=row["days"],
        title=row["title"],
        about=" ".join(row["about"].split()),
        source=row["source"],
        confidence=row["confidence"],
        successor=row.get("successor"),
    )


def offer(
    tier: str,
    *,
    timeframe_name: str = "code-example",
    days: int | None = None,
    begins: date,
    models: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """An access offer as an author would write it; `parse_access_offer` holds it to the rules of terms.

    `models` are names for the template's models, in its order; `days` replaces the timeframe's business days;
    `settings` are clauses to change, as in a counter-offer.  Raises `ChangeRefused`.
    """
    value = dict(copy.deepcopy(template(tier).value))
    lasting = timeframe(timeframe_name)
    held = value["models"]
    if len(models) > len(held):
        raise ChangeRefused(f"{tier} has {len(held)} models; {len(models)} names were given")
    for model, name in zip(held, models, strict=False):
        model["name"], model["serves"] = name, [name]
    if lasting.successor is not None:
        value["successor"] = dict(lasting.successor)
    calls = dict(settings or {})
    if "calendar" in calls:
        value["calendar"] = calls.pop("calendar")
    length = lasting.days if days is None else days
    if not 1 <= length <= MAX_DAYS:
        raise ChangeRefused(f"expected 1 to {MAX_DAYS} business days; got {length}")
    until = last_day(value["calendar"], begins, length) + timedelta(days=1)
    value["access_days"] = length
    value["window"] = {
        "from": f"{begins.isoformat()}T00:00:00Z",
        "until": f"{until.isoformat()}T00:00:00Z",
        "hours": value["window"]["hours"],
    }
    for clause, text in sorted(calls.items()):
        set_clause(value, clause, text)
    return value


def last_day(calendar: str, begins: date, length: int) -> date:
    """The last of so many business days, the first day being the first that may count."""
    known, day, left = named_calendar(calendar), begins, length
    while True:
        left -= known.is_business_day(day)
        if not left:
            return day
        day += timedelta(days=1)


def offer_yaml(value: Mapping[str, Any], tier: str) -> str:
    """An offer as YAML, with a line above each clause that says how it is kept."""
    shown = template(tier)
    lines = _remarked(f"{tier}, {shown.name}: made from a template, to be changed before it is signed.")
    lines += _remarked(f"main risk: {shown.risk.text}; kept by: {shown.kept_by.text}")
    lines += _remarked("enforced: a machine refuses what breaks it; evidenced: a record shows whether it was kept;")
    lines += _remarked("attested: a signed promise, and nothing more")
    for name, member in value.items():
        lines += ["", *_remarked(_kept(name))]
        lines += yaml.safe_dump({name: member}, sort_keys=False, allow_unicode=True, width=84).splitlines()
    return "\n".join(lines) + "\n"


def _remarked(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 94, break_on_hyphens=False)]


def _kept(name: str) -> str:
    """How the clauses under one top-level member are kept."""
    marks: dict[str, list[str]] = {}
    for clause, kind in CLAUSES.items():
        if clause == name or (clause.startswith(f"{name}.") and name not in ("features", "limits")):
            marks.setdefault(" or ".join(kind.marks), []).append(clause.removeprefix(f"{name}.").removeprefix("."))
    if len(marks) < 2:
        return next(iter(marks), "enforced")
    return "; ".join(f"{mark}: {', '.join(held)}" for mark, held in marks.items())
