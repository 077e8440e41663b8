"""Reading what a plan states beyond its core: each field in its form, and what the fields say together.

`read_stated` walks the table of `plan_fields` over the source's tree; `check_stated` holds the fields to one another
and to the plan's core.  Every fault goes to the `Reading`, with line and field.

| what is stated | asks for |
| --- | --- |
| `claim.threshold` | an exact method among the outputs: `clopper-pearson`, or what the sampling or stopping asks for |
| `claim.alpha`, `claim.consequence`, `claim.multiplicity`, `claim.sides` | `claim.threshold` |
| `claim.alpha` | at most one less the level of the outputs |
| `claim.multiplicity.family` | at least two decisions |
| `design.sampling` stratified | `strata` from 2 on and `frame`, `korn-graubard` or `clopper-pearson`, all of it asked |
| the same without `strata_by`, or `allocation` neyman | `history`, of which strata or weights were made |
| `allocation` neyman | `korn-graubard` alone and no threshold: no exact interval holds out of proportion |
| `design.sampling` active | `batch`, `uniform_mix`, `frame` and `history`, `betting-drawn` alone, and one epoch |
| `design.stopping` betting_cs | `claim.threshold`, `betting-bank` or, if active, `betting-drawn`, and one epoch |
| `access.split` | `main` equal to `access.calls`; `canary` equal to `identity.canaries` |
| `scoring.judge` | a task, because a suite is judged by an exact check; another model than the target |
| `scoring.correction` other than none | `scoring.human_audit` |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final, assert_never

from comity.arrangement.reading import Reading
from comity.arrangement.source import ABSENT, Node
from comity.estimate import SAMPLE_METHODS
from comity.evaluation.plan_fields import FIELDS, OBJECTS, Field, Value, members_of
from comity.evaluation.plan_parts import complement

__all__ = ["CORE", "NOTHING", "Core", "Stated", "check_stated", "read_stated"]

CORE: Final = ("claim", "claim.population", "target", "decoding", "design", "scoring", "access", "outputs")
"""Objects that every plan has; their own members are read where the core is."""
MAX_LINES: Final = 50
MAX_PROSE: Final = 4_000
MAX_COUNT: Final = 10**9
MIN_STRATA: Final = 2

_DIGEST: Final = "[0-9a-f]{64}"
_ID: Final = "[0-9a-f]{32}"
_SLUG: Final = "[a-z][a-z0-9]*(-[a-z0-9]+){0,9}"
_SHARE: Final = r"0\.(?=[0-9]*[1-9])[0-9]{1,6}"
_DATE: Final = re.compile(r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The fields that a plan states, and where."""

    values: Mapping[str, Value]
    nodes: Mapping[str, Node]
    """Of each stated field and each stated object."""

    def __contains__(self, path: str) -> bool:
        return path in self.nodes


NOTHING: Final = Stated(values=MappingProxyType({}), nodes=MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What of a plan's core the further fields are held to."""

    suite: bool
    model: str
    items: int
    epochs: int
    calls: int
    methods: tuple[str, ...]
    level: str
    at: Node
    """Where the methods stand."""


def read_stated(reading: Reading, root: Node) -> Stated:
    """Every further field of the tree in its form."""
    nodes: dict[str, Node] = {}
    for path in OBJECTS:
        node = _at(root, path)
        if node.value is None or path in CORE:
            continue
        nodes[path] = node
        needed = [name for name in members_of(path) if _needs(f"{path}.{name}")]
        reading.members(node, path, needed, optional=members_of(path))
        if isinstance(node.value, dict) and not node.value:
            reading.refuse(node, path, f"one of {', '.join(members_of(path))}, or no {path} at all", "an empty object")
    values: dict[str, Value] = {}
    for field in FIELDS:
        node = _at(root, field.path)
        if node.value is not None:
            nodes[field.path] = node
            values[field.path] = _value(reading, node, field)
    return Stated(values=values, nodes=nodes)


def check_stated(reading: Reading, stated: Stated, core: Core) -> None:
    """Hold the fields to one another and to the core."""
    _check_claim(reading, stated, core)
    _check_design(reading, stated, core)
    main = stated.values.get("access.split.main")
    if main is not None and main != core.calls:
        reading.refuse(stated.nodes["access.split.main"], "access.split.main", f"{core.calls}, which is access.calls")
    canaries = stated.values.get("identity.canaries", 0)
    if "access.split" in stated and stated.values.get("access.split.canary", 0) != canaries:
        at = stated.nodes.get("access.split.canary", stated.nodes["access.split"])
        reading.refuse(at, "access.split.canary", f"{canaries}, which is identity.canaries")
    if "scoring.judge" in stated and core.suite:
        reading.refuse(
            stated.nodes["scoring.judge"], "scoring.judge", "no judge: a suite is judged by an exact check", "one"
        )
    if stated.values.get("scoring.correction", "none") != "none":
        _ask(reading, stated, "scoring.correction", "scoring.human_audit")
    if stated.values.get("scoring.judge.model") == core.model:
        path = "scoring.judge.model"
        reading.refuse(stated.nodes[path], path, f"another model than {core.model}: the target does not judge itself")
    _within(reading, stated, "scoring.human_audit.n", 1, core.items * core.epochs, "the answers that there are")


def _check_claim(reading: Reading, stated: Stated, core: Core) -> None:
    for path in ("claim.consequence", "claim.multiplicity", "claim.sides", "claim.alpha"):
        _ask(reading, stated, path, "claim.threshold")
    fixed = stated.values.get("design.stopping.rule", "fixed") == "fixed"
    exact = fixed and stated.values.get("design.sampling.kind", "srs") != "active"
    if "claim.threshold" in stated and exact and "clopper-pearson" not in core.methods:
        reading.refuse(
            stated.nodes["claim.threshold"],
            "claim.threshold",
            "clopper-pearson among outputs.methods: decisions rest on exact intervals",
            "a threshold without it",
        )
    family = stated.values.get("claim.multiplicity.family")
    if isinstance(family, tuple) and len(family) == 1:
        reading.refuse(
            stated.nodes["claim.multiplicity.family"], "claim.multiplicity.family", "at least two decisions", "one"
        )
    alpha, whole = stated.values.get("claim.alpha"), complement(core.level) if core.level else ""
    if alpha and whole and float(str(alpha)) > float(whole):
        reading.refuse(
            stated.nodes["claim.alpha"],
            "claim.alpha",
            f"at most {whole}: no decision is less sure than the intervals beside it, of level {core.level}",
        )


def _check_design(reading: Reading, stated: Stated, core: Core) -> None:
    kind = stated.values.get("design.sampling.kind", "srs")
    if kind == "active":
        for path in ("batch", "uniform_mix", "frame"):
            _ask(reading, stated, "design.sampling", f"design.sampling.{path}")
        _ask(reading, stated, "design.sampling", "history")
        _one_epoch(reading, stated, core, "design.sampling.kind")
    if kind == "stratified":
        for path in ("strata", "frame"):
            _ask(reading, stated, "design.sampling", f"design.sampling.{path}")
        neyman = stated.values.get("design.sampling.allocation") == "neyman"
        if "design.sampling.strata_by" not in stated or neyman:
            _ask(reading, stated, "design.sampling", "history")
        if neyman and ("claim.threshold" in stated or "clopper-pearson" in core.methods):
            path = "design.sampling.allocation"
            exact = "proportional for a threshold or clopper-pearson: no exact interval holds out of proportion"
            reading.refuse(stated.nodes[path], path, exact, "neyman")
    _check_methods(reading, stated, core, str(kind))
    for name, kinds in (
        ("strata", ("stratified",)), ("strata_by", ("stratified", "active")), ("allocation", ("stratified",)),
        ("uniform_mix", ("active",)), ("frame", ("stratified", "active")),
    ):  # fmt: skip
        path = f"design.sampling.{name}"
        if path in stated and kind not in kinds:
            reading.refuse(stated.nodes[path], path, f"the kind {kinds[0]}, to which it belongs", f"it with {kind}")
    _within(reading, stated, "design.sampling.strata", MIN_STRATA, core.items, "which is design.items")
    for path in ("design.sampling.batch", "design.stopping.batch", "design.stopping.least"):
        _within(reading, stated, path, 1, core.items, "which is design.items")
    if stated.values.get("design.stopping.rule", "fixed") == "fixed":
        for path in ("design.stopping.batch", "design.stopping.least"):
            if path in stated:
                reading.refuse(stated.nodes[path], path, "the rule betting_cs, to which it belongs", "it with fixed")
        return
    _ask(reading, stated, "design.stopping.rule", "claim.threshold")
    if kind == "stratified":
        said = "fixed: a stratified sample is asked whole"
        reading.refuse(stated.nodes["design.stopping.rule"], "design.stopping.rule", said, "betting_cs")
    elif kind == "srs" and core.methods != ("betting-bank",):
        reading.refuse(
            stated.nodes["design.stopping.rule"],
            "design.stopping.rule",
            "betting-bank alone among outputs.methods: the others hold at a time that was fixed beforehand",
            ", ".join(core.methods),
        )
    _one_epoch(reading, stated, core, "design.stopping.rule")


def _check_methods(reading: Reading, stated: Stated, core: Core, kind: str) -> None:
    """Each interval holds for the sample that was drawn, and for no other."""
    fitting = SAMPLE_METHODS[kind]
    others = [method for method in core.methods if method not in fitting]
    if others:
        at = stated.nodes.get("design.sampling.kind", core.at)
        reading.refuse(at, "outputs.methods", f"{' or '.join(fitting)}: the sample is {kind}", ", ".join(others))


def _one_epoch(reading: Reading, stated: Stated, core: Core, path: str) -> None:
    if core.epochs != 1:
        reading.refuse(stated.nodes[path], path, "design.epochs 1", f"{core.epochs} epochs")


def _ask(reading: Reading, stated: Stated, path: str, wanted: str) -> None:
    """Note that `path` is stated and what it rests on is not."""
    if path in stated and wanted not in stated:
        reading.refuse(stated.nodes[path], wanted, f"it to be stated, because {path} rests on it", "nothing")


def _within(reading: Reading, stated: Stated, path: str, least: int, most: int, because: str) -> None:
    number = stated.values.get(path)
    if isinstance(number, int) and not least <= number <= most:
        reading.refuse(stated.nodes[path], path, f"an integer from {least} to {most}, {because}")


def _needs(path: str) -> bool:
    return any(field.path == path and field.needed for field in FIELDS)


def _at(root: Node, path: str) -> Node:
    node = root
    for name in path.split("."):
        if not isinstance(node.value, dict):
            return ABSENT
        node = node.value.get(name, ABSENT)
    return node


def _value(reading: Reading, node: Node, field: Field) -> Value:
    path, form = field.path, field.form
    if isinstance(form, tuple):
        return reading.choice(node, path, form)
    match form:
        case "line":
            return reading.text(node, path)
        case "prose":
            return reading.text(node, path, most=MAX_PROSE, lines=True)
        case "lines":
            nodes = reading.items(node, path, most=MAX_LINES)
            lines = tuple(reading.text(item, f"{path}[{n}]") for n, item in enumerate(nodes))
            reading.unique(nodes, lines, path)
            return lines
        case "slug":
            return reading.matching(node, path, _SLUG, "lower-case words joined by hyphens, such as loss-of-control")
        case "digest":
            return reading.matching(node, path, _DIGEST, "64 lower-case hex digits")
        case "id":
            return reading.matching(node, path, _ID, "32 lower-case hex digits")
        case "share":
            return reading.matching(node, path, _SHARE, 'a decimal in quotes above 0 and below 1, such as "0.10"')
        case "count":
            return reading.number(node, path, least=0, most=MAX_COUNT)
        case "date":
            return _day(reading, node, path)
        case "flag":
            return reading.flag(node, path)
        case _:
            assert_never(form)


def _day(reading: Reading, node: Node, path: str) -> str:
    if isinstance(node.value, str) and _DATE.fullmatch(node.value):
        try:
            date.fromisoformat(node.value)
            return node.value
        except ValueError:
            pass
    reading.refuse(node, path, "a day such as 2026-11-01, from 2000 to 2199")
    return "2000-01-01"
