"""The engine: Inspect in this process, with its own providers pointed at the gateway.

The settings, and why each is as it is:

| setting | why |
| --- | --- |
| `max_retries=0` in the provider's SDK | the SDK would repeat a call on its own and spend budget unseen |
| `max_retries` finite in the engine | the engine's default is to try for ever |
| `cache=False`, `cache_prompt=False` | an answer from a cache measures nothing |
| `log_model_api=True` | the log keeps every call with its ids, not the first few |
| `fail_on_error=False` | one refused sample must not end the run |
| `ctl_server=False`, `acp_server=False` | nobody retunes a run from outside |
| `max_connections`, adaptive off | the concurrency is the plan's |
| `responses_api=False`, `streaming=False` | chat completions, whole answers |
| header `comity-run` | each call names its run in the ledger |
| `INSPECT_REQUIRED_HOOKS` | without the hook that watches it, the run does not start |

Inspect's `openai/` provider drops `temperature` for models whose name it does not know, and its `anthropic/` provider
sends none at all; so a plan's temperature goes into the body by `extra_body`, and Anthropic plans cannot state one.

Inspect takes seconds to import, so it is imported when a run begins.  Its traces and what it prints go into the run's
own folder.
"""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from comity.evaluation import plan as p
from comity.evaluation.errors import EvaluationError
from comity.evaluation.scoring import SCORER, score_short_answer
from comity.evaluation.suites import Item

HOOK: Final = "run"
RUN_HEADER: Final = "comity-run"

Progress = Callable[[int, int, int], None]
"""Called with samples done, calls made and calls refused so far."""


class EngineError(EvaluationError):
    """The engine is not installed, not the pinned release, or did not produce a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLog:
    """What the engine left behind."""

    path: Path
    status: str
    """success · cancelled · error"""
    samples: Sequence[Any]


def load_engine() -> None:
    """Import Inspect and check that it is the pinned release; raises `EngineError`."""
    try:
        import inspect_ai
    except ImportError as missing:
        raise EngineError(
            f"Inspect is not installed ({missing}). Install it: pip install 'comity[evaluation]'"
        ) from missing
    if inspect_ai.__version__ != p.ENGINE_VERSION:
        raise EngineError(f"Inspect is {inspect_ai.__version__}, this release reads the logs of {p.ENGINE_VERSION}")


def run_engine(
    plan: p.Plan, items: Sequence[Item], *, run: str, url: str, secret: str, folder: Path, progress: Progress
) -> EngineLog:
    """Ask every item through the gateway and return the log; raises `EngineError` where there is none."""
    os.environ.update(_environment(folder))
    with (folder / "engine.txt").open("w") as said, contextlib.redirect_stdout(said):
        load_engine()
        return _evaluate(plan, items, run, url, secret, folder, progress)


def _evaluate(
    plan: p.Plan, items: Sequence[Item], run: str, url: str, secret: str, folder: Path, progress: Progress
) -> EngineLog:
    from inspect_ai import Epochs, Task
    from inspect_ai import eval as evaluate
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.log import read_eval_log
    from inspect_ai.model import GenerateConfig, get_model
    from inspect_ai.solver import generate, system_message

    os.environ["INSPECT_REQUIRED_HOOKS"] = _watch(progress)
    answers = {item.id: item.answers for item in items}
    model = get_model(
        f"{plan.target.protocol}/{plan.target.model}",
        base_url=url,
        api_key=secret,
        config=GenerateConfig(**_generation(plan, run)),
        memoize=False,
        **_provider(plan.target.protocol),
    )
    task = Task(
        name="comity",
        dataset=MemoryDataset(
            [Sample(id=item.id, input=item.question, target=list(item.answers)) for item in items],
            name=f"{plan.claim.population.suite}-{plan.claim.population.version}",
        ),
        solver=[system_message(_literal(plan.instruction)), generate(cache=False)],
        scorer=_scorer(answers),
        epochs=Epochs(plan.design.epochs, "mean"),
    )
    logs = evaluate(
        task,
        model=model,
        display="none",
        log_dir=str(folder),
        log_format="eval",
        log_model_api=True,
        fail_on_error=False,
        retry_on_error=0,
        max_samples=plan.access.connections,
        ctl_server=False,
        acp_server=False,
        score_display=False,
        metadata={"comity_run": run, "comity_plan": plan.digest},
    )
    if len(logs) != 1:
        raise EngineError(f"the engine left {len(logs)} logs, expected one")
    path = folder / Path(logs[0].location).name
    log = read_eval_log(str(path))
    return EngineLog(path=path, status=str(log.status), samples=log.samples or ())


def _environment(folder: Path) -> Mapping[str, str]:
    """The engine keeps traces and its last result in the user's own folders unless told otherwise."""
    home = folder / "engine"
    return {"XDG_DATA_HOME": str(home), "XDG_CACHE_HOME": str(home), "INSPECT_CACHE_DIR": str(home / "cache")}


def _generation(plan: p.Plan, run: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "max_tokens": plan.decoding.max_tokens,
        "max_retries": plan.access.repeats,
        "max_connections": plan.access.connections,
        "adaptive_connections": False,
        "cache_prompt": False,
        "extra_headers": {RUN_HEADER: run},
    }
    if plan.decoding.seed is not None:
        config["seed"] = plan.decoding.seed
    if plan.decoding.temperature is not None:
        config["extra_body"] = {"temperature": float(plan.decoding.temperature)}
    return config


def _provider(protocol: p.Protocol) -> dict[str, Any]:
    settings: dict[str, Any] = {"max_retries": 0, "streaming": False}
    return {**settings, "responses_api": False} if protocol == "openai" else settings


def _literal(text: str) -> str:
    """`system_message` is a template; the instruction is not."""
    return text.replace("{", "{{").replace("}", "}}")


def _scorer(answers: Mapping[str, tuple[str, ...]]) -> Any:
    from inspect_ai.scorer import CORRECT, INCORRECT, Score, Target, accuracy, scorer
    from inspect_ai.solver import TaskState

    @scorer(metrics=[accuracy()], name=SCORER.replace("-", "_"))
    def short_answer() -> Any:
        async def score(state: TaskState, target: Target) -> Score:
            right = score_short_answer(state.output.completion, answers[str(state.sample_id)])
            return Score(value=CORRECT if right else INCORRECT, answer=state.output.completion)

        return score

    return short_answer()


def _watch(progress: Progress) -> str:
    """Register the hook that counts samples and calls; returns the name under which the engine requires it."""
    from inspect_ai._util.registry import registry_info
    from inspect_ai.hooks import Hooks, SampleEnd, SampleEvent, hooks

    done = refused = 0
    calls: set[str] = set()
    watching: list[Hooks] = []

    @hooks(name=HOOK, description="Counts the samples and calls of a run for its progress line.")
    class Watch(Hooks):
        def __init__(self) -> None:
            watching.append(self)  # the decorator makes the one instance, and registers it by a name of its own

        async def on_sample_event(self, data: SampleEvent) -> None:
            nonlocal refused
            event = data.event  # one call comes twice: when it begins and when it ends
            if event.event == "model" and event.uuid and not event.pending and event.uuid not in calls:
                calls.add(event.uuid)
                refused += event.error is not None
                progress(done, len(calls), refused)

        async def on_sample_end(self, data: SampleEnd) -> None:
            nonlocal done
            done += 1
            progress(done, len(calls), refused)

    return registry_info(watching[0]).name
