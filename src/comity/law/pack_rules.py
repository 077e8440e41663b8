"""The rules of a pack's classification.yaml, read member by member."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, get_args

from comity.law.pack import (
    Classification,
    Condition,
    Confidence,
    Counting,
    Indicator,
    Legacy,
    Modality,
    Modifier,
    OpenSource,
    Rule,
    Tolerance,
)
from comity.law.reading import MAX_TITLE, Reading
from comity.law.source import Node

__all__ = ["read_classification"]

SOURCED = ("ref", "src", "confidence")


def read_classification(
    top: Mapping[str, Node], sources: Sequence[str], duties: Sequence[str], reading: Reading
) -> Classification:
    """The rules; faults are noted."""
    indicators = tuple(_indicator(*one, sources, reading) for one in reading.items(top["indicators"], "indicators"))
    reading.unique(list(reading.items(top["indicators"], "indicators")), [one.id for one in indicators])
    ids = tuple(one.id for one in indicators)
    return Classification(
        indicators=indicators,
        modifier=_modifier(top["modifier"], ids, sources, reading) if top["modifier"].value is not None else None,
        open_source=(
            _open_source(top["open_source"], ids, sources, duties, reading)
            if top["open_source"].value is not None
            else None
        ),
        legacy=tuple(_legacy(*one, sources, reading) for one in reading.items(top["legacy"], "legacy")),
        tolerance=_tolerance(top["tolerance"], sources, reading) if top["tolerance"].value is not None else None,
        designation=_designation(top["designation"], sources, reading),
        counting=tuple(_counting(*one, sources, reading) for one in reading.items(top["counting"], "counting")),
    )


def _rule(own: Mapping[str, Node], member: str, sources: Sequence[str], reading: Reading) -> dict[str, Any]:
    """The members that every rule has."""
    certainty = reading.choice(own["confidence"], f"{member}.confidence", tuple(reversed(get_args(Confidence))))
    return {
        "means": reading.text(own["means"], f"{member}.means"),
        "ref": reading.text(own["ref"], f"{member}.ref", MAX_TITLE),
        "src": reading.choices(own["src"], f"{member}.src", sources, least=1),
        "confidence": cast(Confidence, certainty),
        "note": reading.text(own["note"], f"{member}.note"),
    }


def _indicator(node: Node, member: str, sources: Sequence[str], reading: Reading) -> Indicator:
    own = reading.members(
        node, member, ("id", "flop", "effect", "counts", "means", *SOURCED), ("modalities", "note")
    )
    effect = reading.choice(own["effect"], f"{member}.effect", ("indication", "presumption", "threshold"))
    counts = reading.choice(own["counts"], f"{member}.counts", ("updates", "cumulative"))
    modalities = reading.choices(own["modalities"], f"{member}.modalities", get_args(Modality))
    return Indicator(
        id=reading.key(own["id"], f"{member}.id"),
        flop=reading.scientific(own["flop"], f"{member}.flop"),
        effect=cast(Literal["indication", "presumption", "threshold"], effect),
        counts=cast(Literal["updates", "cumulative"], counts),
        modalities=cast(tuple[Modality, ...], modalities),
        **_rule(own, member, sources, reading),
    )


def _modifier(node: Node, ids: Sequence[str], sources: Sequence[str], reading: Reading) -> Modifier:
    names = ("share", "unknown_original", "unknown_original_systemic", "means", *SOURCED)
    own = reading.members(node, "modifier", names, ("note",))
    return Modifier(
        share=reading.share(own["share"], "modifier.share"),
        unknown_original=_named(own["unknown_original"], "modifier.unknown_original", ids, reading),
        unknown_original_systemic=_named(
            own["unknown_original_systemic"], "modifier.unknown_original_systemic", ids, reading
        ),
        **_rule(own, "modifier", sources, reading),
    )


def _open_source(
    node: Node, ids: Sequence[str], sources: Sequence[str], duties: Sequence[str], reading: Reading
) -> OpenSource:
    names = ("conditions", "unless", "relieves", "means", *SOURCED)
    own = reading.members(node, "open_source", names, ("defeated_by", "spared_by", "note"))
    conditions = _conditions(own["conditions"], "open_source.conditions", reading, least=1)
    defeated_by = _conditions(own["defeated_by"], "open_source.defeated_by", reading)
    spared_by = _conditions(own["spared_by"], "open_source.spared_by", reading)
    stated = [one.id for one in (*conditions, *defeated_by, *spared_by)]
    reading.unique([(node, "open_source")] * len(stated), stated)
    return OpenSource(
        conditions=conditions,
        defeated_by=defeated_by,
        spared_by=spared_by,
        unless=reading.choices(own["unless"], "open_source.unless", ids),
        relieves=reading.choices(own["relieves"], "open_source.relieves", duties),
        **_rule(own, "open_source", sources, reading),
    )


def _conditions(top: Node, member: str, reading: Reading, *, least: int = 0) -> tuple[Condition, ...]:
    found = []
    for node, path in reading.items(top, member, least=least):
        own = reading.members(node, path, ("id", "means"), ("note",))
        found.append(
            Condition(
                id=reading.key(own["id"], f"{path}.id"),
                means=reading.text(own["means"], f"{path}.means"),
                note=reading.text(own["note"], f"{path}.note"),
            )
        )
    return tuple(found)


def _legacy(node: Node, member: str, sources: Sequence[str], reading: Reading) -> Legacy:
    own = reading.members(node, member, ("placed_before", "comply_by", "means", *SOURCED), ("note",))
    return Legacy(
        placed_before=reading.day(own["placed_before"], f"{member}.placed_before"),
        comply_by=reading.day(own["comply_by"], f"{member}.comply_by"),
        **_rule(own, member, sources, reading),
    )


def _tolerance(node: Node, sources: Sequence[str], reading: Reading) -> Tolerance:
    own = reading.members(node, "tolerance", ("percent", *SOURCED), ("means", "note"))
    return Tolerance(
        percent=reading.number(own["percent"], "tolerance.percent", 1, 100),
        **_rule(own, "tolerance", sources, reading),
    )


def _designation(node: Node, sources: Sequence[str], reading: Reading) -> Rule | None:
    if node.value is None:
        return None
    own = reading.members(node, "designation", ("means", *SOURCED), ("note",))
    return Rule(**_rule(own, "designation", sources, reading))


def _counting(node: Node, member: str, sources: Sequence[str], reading: Reading) -> Counting:
    own = reading.members(node, member, ("id", "counts", "means", *SOURCED), ("note",))
    counts = reading.choice(own["counts"], f"{member}.counts", ("included", "excluded", "rule"))
    return Counting(
        id=reading.key(own["id"], f"{member}.id"),
        counts=cast(Literal["included", "excluded", "rule"], counts),
        **_rule(own, member, sources, reading),
    )


def _named(node: Node, member: str, ids: Sequence[str], reading: Reading) -> str:
    return reading.choice(node, member, ids) if ids else ""
