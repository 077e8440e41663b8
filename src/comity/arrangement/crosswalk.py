"""Crosswalk: what terms amount to in other people's words, axis by axis, and why.

Access has three axes that stay apart: how deep it goes into the *model*, how much *information* comes with it, and
how much *time* it lasts (Charnock et al. 2026).  A single ladder misreports "raw reasoning, four days".

`crosswalk(terms)` reads the axes from the clauses: features and promises (`access`) for the first two,
`access_days` for the third.  It names the tier whose depth is the same, the kinds of Casper et al. (2024), and the
ceiling of assurance (AVERI's AAL) that such terms leave open.  Each reading says which clauses it follows from,
whether they are enforced or promised, and where the word for it comes from and how sure that is.

The words, levels and cells are data (`templates/crosswalk.yaml`), each with its source and confidence.

Not promised: that terms are kept; that a level is reached in fact (adequacy is another question); that a source
would place these terms so. Thresholds that no source gives are ours and say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import yaml

from comity.arrangement.contract_words import counted, joined
from comity.arrangement.terms import Terms

__all__ = ["CONFIDENCE", "Cell", "Level", "Reading", "Source", "Standing", "crosswalk", "crosswalk_data"]

CONFIDENCE: Final = ("primary", "secondary", "memory", "ours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a word comes from."""

    id: str
    title: str
    url: str
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One statement of the crosswalk."""

    text: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A level of one axis, in our words and in those of others."""

    axis: str
    id: str
    rank: int
    charnock: str
    casper: str
    means: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What terms amount to on one axis."""

    level: Level
    because: tuple[str, ...]
    """The clauses that it follows from, each in a few words."""
    marks: tuple[str, ...]
    """How those clauses are kept, each mark once, strongest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What terms amount to on all axes."""

    model: Reading
    information: Reading
    time: Reading
    tier: str
    """The template tier of the same depth."""
    also: tuple[str, ...]
    """Further tiers of which the terms hold the essence, such as T5 beside T2."""
    casper: tuple[str, ...]
    ceiling: Cell
    because: str
    never: str
    risk: Cell
    kept_by: Cell


@cache
def crosswalk_data() -> Mapping[str, Any]:
    """The data file, as it lies in the package."""
    source = (files("comity.arrangement") / "templates" / "crosswalk.yaml").read_text(encoding="utf-8")
    return MappingProxyType(yaml.safe_load(source))


def levels(axis: str) -> tuple[Level, ...]:
    """The levels of one axis, lowest first."""
    return tuple(
        Level(axis=axis, rank=rank, **row) for rank, row in enumerate(crosswalk_data()["axes"][axis]["levels"])
    )


def sources() -> Mapping[str, Source]:
    """Each source by its name."""
    return {name: Source(id=name, **row) for name, row in crosswalk_data()["sources"].items()}


def cell(row: Mapping[str, str]) -> Cell:
    """One cell of the table of tiers."""
    return Cell(text=row["is"], source=row["source"], confidence=row["confidence"])


def crosswalk(terms: Terms) -> Standing:
    """What these terms amount to."""
    data = crosswalk_data()
    model, information, time = _model(terms), _information(terms), _time(terms)
    tier = next(name for name, row in data["tiers"].items() if row["model"] == model.level.id)
    also = ("T5",) if information.level.id == "comprehensive" else ()
    reached = {"model": model, "information": information, "time": time}
    ceiling = next(row for row in data["ceilings"] if _reaches(reached, row["needs"]))
    outside = ("outside the box",) if information.level.rank else ()
    row = data["tiers"][tier]
    return Standing(
        model=model,
        information=information,
        time=time,
        tier=tier,
        also=also,
        casper=(model.level.casper, *outside),
        ceiling=cell(ceiling),
        because=ceiling["because"],
        never=data["never"],
        risk=cell(row["risk"]),
        kept_by=cell(row["kept_by"]),
    )


def _reaches(reached: Mapping[str, Reading], needs: Mapping[str, str]) -> bool:
    return all(reached[axis].level.rank >= _level(axis, wanted).rank for axis, wanted in needs.items())


def _level(axis: str, wanted: str) -> Level:
    return next(level for level in levels(axis) if level.id == wanted)


def _reading(axis: str, wanted: str, because: Sequence[str], marks: Sequence[str]) -> Reading:
    order = ("enforced", "evidenced", "attested")
    return Reading(
        level=_level(axis, wanted),
        because=tuple(because),
        marks=tuple(mark for mark in order if mark in marks),
    )


def _model(terms: Terms) -> Reading:
    reads = crosswalk_data()["reads"]
    promised = {one.item: one.means for one in terms.access}
    for wanted, items in (("white", reads["white_items"]), ("tuned", reads["tuned_items"])):
        found = [f"access[{item}] ({promised[item]})" for item in items if promised.get(item) in ("session", "call")]
        if found:
            return _reading("model", wanted, found, ("evidenced",))
    features = [f"features.{name}" for name in reads["grey_features"] if name in terms.features]
    items = [f"access[{item}] ({promised[item]})" for item in reads["grey_items"] if item in promised]
    if features or items:
        marks = (*(("enforced",) if features else ()), *(("evidenced",) if items else ()))
        return _reading("model", "grey", (*features, *items), marks)
    fixed = [model.name for model in terms.models if model.on_mismatch == "refuse" and model.unstated == "refuse"]
    if len(fixed) == len(terms.models):
        said = f"models.serves: {counted(len(fixed), 'model')} held to the names agreed, others withheld"
        return _reading("model", "black", (said,), ("enforced",))
    return _reading("model", "public", ("models.on_mismatch or models.unstated: another version may answer",), ())


def _information(terms: Terms) -> Reading:
    wanted = crosswalk_data()["reads"]["information_items"]
    promised = [one.item for one in terms.access if one.item in wanted and one.means in ("document", "session")]
    found = [f"access[{item}]" for item in promised]
    if not found:
        return _reading("information", "none", (f"access: none of {joined(wanted)}",), ())
    level = "comprehensive" if len(found) == len(wanted) else "substantial" if len(found) > 1 else "minimal"
    return _reading("information", level, found, ("evidenced",))


def _time(terms: Terms) -> Reading:
    days, example = terms.access_days, crosswalk_data()["reads"]["example_days"]
    if not days:
        return _reading("time", "unstated", ("access_days: 0",), ())
    said = f"access_days: {counted(days, 'business day')} by the calendar {terms.calendar}"
    return _reading("time", "example" if days >= example else "below-example", (said,), ("evidenced",))
