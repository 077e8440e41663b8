"""Guests: Inspect tasks of somebody else's, run under a plan that pins them.

A task is named in one of three ways: `package/name` (registered by an installed package), `module:function`
(importable), `file.py@name` (a file, named from the present folder).  The plan pins four things, and a task that
differs in one is refused: its arguments, the release of its distribution (or the SHA-256 of its file), the number of
its samples, and its data set's digest,

    SHA-256 over one line of JSON a sample, in the data set's order:
    {"choices":[…]|null,"id":"…","input":…,"target":…}      sorted keys, no spaces, ASCII

where `input` is the text, or the messages without their random ids.  A sample without an id is known by its place
from 1 on, as Inspect does.

The task's own solver asks and its own scorer judges.  What a score's value counts as is the plan's to say
(`judge_value`): by name, or for numbers by a threshold.  A value that the plan does not list is missing, not wrong.
A scorer that gives several values by name is several scorers to a plan: `scorer/name` judges by one of them.

A scorer that grades with a model is bound to the plan's judge (`scoring.judge`), which the terms list among those who
receive answers (`recipients`); without a judge such a task is refused.  It must ask for its grader by a role, as
Inspect's own do, because a role is what a judge can be bound to.

Refused, because it would reach a model that no arrangement names, or change while it runs: a grader that the scorer
names itself, models or roles of the task's own, a data set that grows, early stopping.  A grader is known here by its
name or by its parameters; one that hides is caught when it calls (`watch`).

Not promised: that a guest's code is harmless.  It runs in the evaluator's process, as with Inspect itself.
"""

import importlib
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from comity.evaluation.errors import EvaluationError
from comity.evaluation.plan import TaskPopulation, TaskScoring

GRADED_BY_MODEL: Final = ("model_graded", "llm_judge", "model_judge")
"""Parts of the names of scorers that ask a model."""
ROLE: Final = "model_role"
GRADER: Final = "grader"
"""The role in which Inspect's own scorers ask for a model, and the parameter that names another."""
GRADER_PARAMETERS: Final = ("model", "grader", "judge")
"""Parts of the names of parameters that hold a grading model."""
NUMERIC: Final = ("f1",)
"""Inspect's own scorers whose values are numbers."""
ANY: Final = "*"
"""Stands for values whose names a scorer does not say beforehand."""
NO_PACKAGE: Final = "none"
USUAL_VALUES: Final[Mapping[str, str]] = {"C": "right", "I": "wrong", "P": "wrong", "N": "missing"}
"""Inspect's correct, incorrect, partial and no answer, as a new plan takes them."""


class GuestRefused(EvaluationError):
    """The task cannot be run as a guest, or is not the one that the plan pins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """An installed task, loaded, with what a plan pins of it."""

    task: Any
    """Inspect's `Task`."""
    samples: Mapping[str, Any]
    """Inspect's samples by id, in the data set's order."""
    scorers: tuple[str, ...]
    """Their names; one that gives several values by name is here as `scorer/name` for each."""
    roles: tuple[str, ...]
    """The roles in which its scorers ask a model; empty where none does, as far as can be seen."""
    population: TaskPopulation


def load_guest(population: TaskPopulation, scoring: TaskScoring, *, judged: bool = False) -> Guest:
    """The task that a plan pins; raises `GuestRefused` where what is installed is another, or cannot be judged.

    `judged` says that the plan names a judge model, to which the roles of the task's scorers are bound.
    """
    guest = find_guest(population.task, population.args)
    found = guest.population
    for name, pinned, now in (
        ("package", population.package, found.package),
        ("version", population.version, found.version),
        ("size", population.size, found.size),
        ("sha256", population.sha256, found.sha256),
    ):
        if pinned != now:
            raise GuestRefused(
                f"claim.population.{name}: the plan pins {pinned}, the installed {population.task} has {now}. "
                f"Install what the plan pins, or make a new plan: comity plan new --task {population.task}"
            )
    if scoring.scorer not in guest.scorers and f"{scoring.scorer.partition('/')[0]}/{ANY}" not in guest.scorers:
        raise GuestRefused(
            f"scoring.scorer: {population.task} has the scorers {', '.join(guest.scorers)}, not {scoring.scorer}"
        )
    if guest.roles and not judged:
        raise GuestRefused(
            f"scoring.judge: a scorer of {population.task} grades with a model, and the plan names no judge. State "
            f"scoring.judge, a recipient that the clause content.recipients of the terms lists, or make the plan with "
            f"comity plan new --judge"
        )
    if judged and not guest.roles:
        raise GuestRefused(
            f"scoring.judge: no scorer of {population.task} asks a model, as far as can be seen; leave the judge out"
        )
    if scoring.scorer in NUMERIC and scoring.threshold is None:
        raise GuestRefused(
            f"scoring: the values of {scoring.scorer} are numbers; state scoring.threshold, from which on one is right"
        )
    return guest


def find_guest(name: str, args: Mapping[str, str | int | bool]) -> Guest:
    """The installed task of that name; raises `GuestRefused`, whatever the task's own code raises."""
    try:
        task, source = _make(name, dict(args))
        samples = _samples(name, task)
    except GuestRefused:
        raise
    except Exception as problem:
        raise GuestRefused(f"{name}: cannot be loaded ({type(problem).__name__}: {problem})") from problem
    scorers, roles = _scorers(name, task)
    _refuse_other_models(name, task)
    package, version = _release(source)
    population = TaskPopulation(
        task=name,
        args=args,
        package=package,
        version=version,
        sha256=dataset_digest(samples),
        size=len(samples),
    )
    return Guest(task=task, samples=samples, scorers=scorers, roles=roles, population=population)


def dataset_digest(samples: Mapping[str, Any]) -> str:
    """The digest of a data set; see the module's text for the bytes."""
    lines = sha256()
    for item, sample in samples.items():
        asked = sample.input if isinstance(sample.input, str) else [_message(message) for message in sample.input]
        members = {"id": item, "input": asked, "target": sample.target, "choices": sample.choices}
        lines.update(json.dumps(members, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return lines.hexdigest()


def judge_score(scores: Mapping[str, Any], scoring: TaskScoring) -> tuple[int | None, str]:
    """What a sample's scores count as: 1, 0, or `None` with the reason; `scores` are Inspect's, by scorer."""
    name, _, part = scoring.scorer.partition("/")
    if (score := scores.get(name)) is None:
        return None, "unscored"
    if not part:
        return judge_value(score.value, scoring)
    return judge_value(score.value.get(part) if isinstance(score.value, Mapping) else None, scoring)


def judge_value(value: Any, scoring: TaskScoring) -> tuple[int | None, str]:
    """What one value of the scorer counts as: 1, 0, or `None` with the reason."""
    if scoring.threshold is not None:
        if not isinstance(value, int | float) or not math.isfinite(value):
            return None, "unmapped"
        return int(value >= float(scoring.threshold)), ""
    named = {True: "true", False: "false"}[value] if isinstance(value, bool) else value
    mark = (scoring.values or {}).get(named) if isinstance(named, str) else None
    match mark:
        case "right":
            return 1, ""
        case "wrong":
            return 0, ""
        case "missing":
            return None, "unscored"
        case None:
            return None, "unmapped"


def _make(name: str, args: dict[str, Any]) -> tuple[Any, Callable[..., Any] | Path]:
    """The task, and the function or file that it comes from."""
    from inspect_ai import Task
    from inspect_ai._eval.loader import load_tasks
    from inspect_ai._util.registry import registry_lookup

    source: Any
    if ".py@" in name:
        source = Path(name.rpartition("@")[0])
        if not source.is_file():
            raise GuestRefused(f"{name}: there is no file {source} below the present folder")
        [task] = load_tasks([name], args)
    elif ":" in name:
        module, _, function = name.partition(":")
        source = getattr(importlib.import_module(module), function)
        task = source(**args)
    else:
        found = registry_lookup("task", name)
        if not callable(found):
            raise GuestRefused(f"{name}: no installed package registers a task of this name")
        source = found
        [task] = load_tasks([name], args)
    if not isinstance(task, Task):
        raise GuestRefused(f"{name}: expected an Inspect task, got {type(task).__name__}")
    return task, source


def _samples(name: str, task: Any) -> dict[str, Any]:
    from inspect_ai.dataset import Dataset

    if not isinstance(task.dataset, Dataset):
        raise GuestRefused(f"{name}: its data set grows while it runs; a plan pins one that does not")
    found: dict[str, Any] = {}
    for place, sample in enumerate(task.dataset, 1):
        if sample.id is None:
            sample.id = place
        if str(sample.id) in found:
            raise GuestRefused(f"{name}: two samples have the id {sample.id!r}")
        found[str(sample.id)] = sample
    if not found:
        raise GuestRefused(f"{name}: its data set is empty")
    return found


def _message(message: Any) -> Any:
    return message.model_dump(mode="json", exclude_none=True, exclude={"id"})


def _scorers(name: str, task: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the task's scorers, and the roles in which they ask a model, as far as can be seen."""
    from inspect_ai._util.registry import is_registry_object, registry_info, registry_params

    found, roles = [], []
    for scorer in task.scorer or ():
        if not is_registry_object(scorer):
            raise GuestRefused(f"{name}: one of its scorers has no name; expected one made with @scorer")
        known = registry_info(scorer).name.rpartition("/")[2]
        given = registry_params(scorer)
        role = given.get(ROLE, GRADER if any(part in known for part in GRADED_BY_MODEL) else None)
        own = [
            parameter
            for parameter, value in given.items()
            if value and parameter != ROLE and any(part in parameter.lower() for part in GRADER_PARAMETERS)
        ]
        if own:
            raise GuestRefused(
                f"{name}: its scorer {known} names the model that grades ({', '.join(own)}). Answers would go to a "
                f"model that no arrangement names; one that asks for the role {GRADER} is bound to the plan's judge"
            )
        if role is not None:
            roles.append(str(getattr(role, "name", role)))
        parts = _parts(registry_info(scorer).metadata.get("metrics"))
        found += [f"{known}/{part}" for part in parts] or [known]
    if not found:
        raise GuestRefused(f"{name}: it has no scorer, so nothing would be judged")
    return tuple(found), tuple(dict.fromkeys(roles))


def _parts(metrics: Any) -> list[str]:
    """The names of a scorer's values, where it gives several: Inspect has metrics by name for those."""
    if isinstance(metrics, Mapping):
        return [str(part) for part in metrics]
    return [str(part) for each in metrics or () if isinstance(each, Mapping) for part in each]


def _refuse_other_models(name: str, task: Any) -> None:
    if task.model is not None or task.model_roles:
        raise GuestRefused(f"{name}: it brings models of its own; a plan asks the one that its arrangement names")
    if task.early_stopping is not None:
        raise GuestRefused(f"{name}: it stops early by a rule of its own; a plan says beforehand what is asked")


def _release(source: Callable[..., Any] | Path) -> tuple[str, str]:
    """Package and version of what a task comes from; `none` and the file's digest where it is in no package."""
    if isinstance(source, Path):
        return NO_PACKAGE, f"sha256:{sha256(source.read_bytes()).hexdigest()}"
    module = sys.modules[source.__module__]
    packages = metadata.packages_distributions().get(source.__module__.partition(".")[0], [])
    if packages:
        return packages[0], metadata.version(packages[0])
    file = getattr(module, "__file__", None)
    if file is None:
        raise GuestRefused(f"{source.__module__} is in no package and in no file, so a plan cannot pin it")
    return _release(Path(file))
