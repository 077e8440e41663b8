"""Coverage: which use domains and risk areas were tested, how deep, and which were not.

`coverage.yaml` maps each area to tasks that test it: those of `inspect_evals`, and our own suites.  A run belongs to
the areas that its plan states (`legal.use_domain`, `legal.risk_area`), and else to those that the map gives its task; a
task that the map does not know and a plan that states nothing belong to no area, and are listed as such.

    cover(runs) -> Coverage      runs: what is at hand of each finished run, newest last

How deep an area was tested is the number of judged answers and the width of each interval, and no grade: many answers
to one task say little about an area that ten tasks test.

Not promised: that the tasks of an area exhaust it. The map says what there is, not what there should be.
"""

import importlib.resources
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from comity.evaluation.errors import EvaluationError

__all__ = ["Area", "AreaCoverage", "Coverage", "MappedTask", "TestedRun", "cover", "read_map", "read_runs"]

FORMAT: Final = "comity coverage/1"
FILE: Final = "coverage.yaml"
NEEDS: Final = frozenset({"network", "docker", "second-model"})

AreaKind = Literal["domain", "risk", "other"]
KINDS: Final[Mapping[AreaKind, str]] = {"domain": "use domains", "risk": "risk areas", "other": "other areas"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A use domain, one of the four risk areas of the Code of Practice, or another."""

    id: str
    kind: AreaKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedTask:
    """A task that tests areas, and what it needs to run."""

    task: str
    areas: tuple[str, ...]
    samples: int
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestedRun:
    """What is at hand of one finished run."""

    run: str
    task: str
    model: str
    stated: tuple[str, ...]
    """The areas that its plan states."""
    n: int
    missing: int
    low: str
    high: str
    """The ends of its first interval; empty where nothing was judged."""
    text: str
    """That estimate, in full."""

    @property
    def width(self) -> float | None:
        """How wide that interval is."""
        return float(self.high) - float(self.low) if self.low else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaCoverage:
    """One area: the runs in it, and the tasks that nobody ran."""

    area: Area
    runs: tuple[TestedRun, ...]
    untested: tuple[MappedTask, ...]
    mapped: int

    @property
    def n(self) -> int:
        """Judged answers over all runs."""
        return sum(run.n for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """All areas, and the runs that belong to none."""

    areas: tuple[AreaCoverage, ...]
    elsewhere: tuple[TestedRun, ...]

    def as_json(self) -> dict[str, Any]:
        """What `comity coverage --json` prints."""
        return {
            "areas": [
                {
                    "area": one.area.id,
                    "kind": one.area.kind,
                    "judged": one.n,
                    "tasks": one.mapped,
                    "tested": [_members(run) for run in one.runs],
                    "not_tested": [
                        {"task": task.task, "samples": task.samples, "needs": list(task.needs)} for task in one.untested
                    ],
                }
                for one in self.areas
            ],
            "in_no_area": [_members(run) for run in self.elsewhere],
        }


def read_map() -> tuple[tuple[Area, ...], tuple[MappedTask, ...]]:
    """The areas and the tasks of the map that ships."""
    members = yaml.safe_load(importlib.resources.files("comity.evaluation").joinpath(FILE).read_text(encoding="utf-8"))
    areas = tuple(Area(**area) for area in members["areas"])
    tasks = tuple(
        MappedTask(task=one["task"], areas=tuple(one["areas"]), samples=one["samples"], needs=tuple(one["needs"]))
        for one in members["tasks"]
    )
    known = {area.id for area in areas}
    for task in tasks:
        if not set(task.areas) <= known or not set(task.needs) <= NEEDS or members["format"] != FORMAT:
            raise AssertionError(f"the map of areas is broken at {task.task}")
    return areas, tasks


def read_runs(folder: Path) -> tuple[TestedRun, ...]:
    """The finished runs in a home's folder of runs, earliest first; raises `EvaluationError` naming a broken one."""
    found = []
    for path in sorted(folder.glob("*/run.json"), key=lambda path: (path.stat().st_mtime_ns, path.parent.name)):
        try:
            plan = json.loads((path.parent / "plan.json").read_bytes())
            found.append(_read(json.loads(path.read_bytes()), plan))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise EvaluationError(f"run {path.parent.name} cannot be read: {type(error).__name__}: {error}") from None
    return tuple(found)


def cover(runs: Iterable[TestedRun]) -> Coverage:
    """Put runs into their areas."""
    areas, tasks = read_map()
    by_task = {task.task: task for task in tasks}
    placed: dict[str, list[TestedRun]] = {area.id: [] for area in areas}
    elsewhere = []
    for run in runs:
        mapped = by_task.get(run.task)
        known = [area for area in run.stated or (mapped.areas if mapped else ()) if area in placed]
        for area in known:
            placed[area].append(run)
        if not known:
            elsewhere.append(run)
    return Coverage(
        areas=tuple(
            AreaCoverage(
                area=area,
                runs=tuple(placed[area.id]),
                untested=tuple(
                    task for task in tasks
                    if area.id in task.areas and not any(run.task == task.task and run.n for run in placed[area.id])
                ),
                mapped=sum(area.id in task.areas for task in tasks),
            )
            for area in areas
        ),
        elsewhere=tuple(elsewhere),
    )  # fmt: skip


def _read(outcome: Mapping[str, Any], plan: Mapping[str, Any]) -> TestedRun:
    population, legal = plan["claim"]["population"], plan.get("legal", {})
    first = outcome["estimates"][0] if outcome["estimates"] else {}
    return TestedRun(
        run=outcome["run"],
        task=population.get("task") or population["suite"],
        model=plan["target"]["model"],
        stated=tuple(legal[name] for name in ("use_domain", "risk_area") if legal.get(name)),
        n=int(first.get("n", 0)),
        missing=int(outcome["counts"]["unscored"]),
        low=first.get("low", ""),
        high=first.get("high", ""),
        text=first.get("text", "nothing was judged"),
    )


def _members(run: TestedRun) -> dict[str, Any]:
    return {
        "run": run.run, "task": run.task, "model": run.model, "n": run.n, "missing": run.missing, "low": run.low,
        "high": run.high, "width": None if run.width is None else f"{run.width:.6f}",
    }  # fmt: skip
