"""The engine: Inspect in this process, with its own providers pointed at the gateway.

The settings, and why each is as it is:

| setting | why |
| --- | --- |
| `max_retries=0` in the provider's SDK | the SDK would repeat a call on its own and spend budget unseen |
| `max_retries` finite in the engine | the engine's default is to try for ever |
| `cache=False`, `cache_prompt=False` | an answer from a cache measures nothing |
| `log_model_api=True` | the log keeps every call with its ids, not the first few |
| `log_realtime=True`, `log_buffer` | what was answered outlives the process (`recovery`) |
| `fail_on_error=False` | one refused sample must not end the run |
| `ctl_server=False`, `acp_server=False` | nobody retunes a run from outside |
| `max_connections`, adaptive off | the concurrency is the plan's |
| `responses_api=False`, `streaming=False` | chat completions, whole answers |
| header `comity-run` | each call names its run in the ledger |
| `INSPECT_REQUIRED_HOOKS` | without the hook that watches it (`watch`), the run does not start |
| `OPENAI_BASE_URL`, `ANTHROPIC_BASE_URL` | a guest that makes a model of its own reaches the gateway alone |

Inspect's `openai/` provider drops `temperature` for models whose name it does not know, and its `anthropic/` provider
sends none at all; so a plan's temperature goes into the body by `extra_body`, and Anthropic plans cannot state one.

A leg asks only the rows that no earlier leg has ended.  The first asks all of them in one evaluation; a later one makes
an evaluation for each epoch that has rows left, since what is left need not be the same in each.

Inspect takes seconds to import, so it is imported when a run begins.  Its traces and what it prints go into the run's
own folder.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, assert_never

from comity.evaluation import plan as p
from comity.evaluation.banks import Bank, GuestBank, SuiteBank
from comity.evaluation.errors import EvaluationError
from comity.evaluation.journal import Journal
from comity.evaluation.recovery import FIRST_EPOCH, LEG
from comity.evaluation.scoring import SCORER, score_short_answer
from comity.evaluation.watch import RUN_HEADER, ForeignModel, Progress, Watch, require

SAVES: Final = 100
"""How often the `.eval` file is written anew in a run; each time it is written whole."""

Row = tuple[str, int]
"""An item and an epoch."""


class EngineError(EvaluationError):
    """The engine is not installed, not the pinned release, or did not produce a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What one process asks of a run."""

    run: str
    number: int
    rows: Sequence[Row]
    done: int
    """Rows that earlier legs ended."""
    url: str
    secret: str
    folder: Path


@contextlib.contextmanager
def engine_in(folder: Path) -> Iterator[None]:
    """The engine, loaded and checked, with all that it keeps and prints in the run's folder."""
    home = folder / "engine"
    home.mkdir(exist_ok=True)
    os.environ.update(
        {"XDG_DATA_HOME": str(home), "XDG_CACHE_HOME": str(home), "INSPECT_CACHE_DIR": str(home / "cache")}
    )
    with (folder / "engine.txt").open("a") as said, contextlib.redirect_stdout(said):
        load_engine()
        yield


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


def run_engine(plan: p.Plan, bank: Bank, leg: Leg, progress: Progress) -> str:
    """Ask every row of the leg through the gateway; returns the worst status of its logs."""
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        os.environ[name] = leg.url
    statuses = []
    with Journal(leg.folder, leg.number) as journal:
        watch = Watch(
            run=leg.run,
            journal=journal,
            progress=progress,
            max_tokens=plan.decoding.max_tokens,
            calls_a_sample=plan.calls_a_sample * (1 + plan.access.repeats),
            done=leg.done,
        )
        os.environ["INSPECT_REQUIRED_HOOKS"] = require(watch)
        for first_epoch, epochs, items in _blocks(plan, leg.rows):
            watch.first_epoch = first_epoch
            statuses.append(_evaluate(plan, bank, leg, watch, items, first_epoch, epochs))
            if watch.stopped:
                raise ForeignModel(watch.stopped)
            if statuses[-1] == "cancelled":
                raise KeyboardInterrupt
    return next((status for status in statuses if status != "success"), "success")


def _blocks(plan: p.Plan, rows: Sequence[Row]) -> list[tuple[int, int, tuple[str, ...]]]:
    """First epoch, number of epochs, items: all in one block where every epoch asks the same."""
    by_epoch: dict[int, list[str]] = {}
    for item, epoch in rows:
        by_epoch.setdefault(epoch, []).append(item)
    asked = [tuple(by_epoch[epoch]) for epoch in sorted(by_epoch)]
    if len(asked) == plan.design.epochs and len(set(asked)) == 1:
        return [(1, plan.design.epochs, asked[0])]
    return [(epoch, 1, tuple(by_epoch[epoch])) for epoch in sorted(by_epoch)]


def _evaluate(
    plan: p.Plan, bank: Bank, leg: Leg, watch: Watch, items: Sequence[str], first_epoch: int, epochs: int
) -> str:
    from inspect_ai import Epochs
    from inspect_ai import eval as evaluate
    from inspect_ai.model import GenerateConfig, get_model

    model = get_model(
        f"{plan.target.protocol}/{plan.target.model}",
        base_url=leg.url,
        api_key=leg.secret,
        config=GenerateConfig(**_generation(plan, leg.run)),
        memoize=False,
        **_provider(plan.target.protocol),
    )
    watch.attach(model)
    logs = evaluate(
        _task(plan, bank, items),
        model=model,
        epochs=Epochs(epochs, "mean"),
        display="none",
        log_dir=str(leg.folder),
        log_format="eval",
        log_model_api=True,
        log_realtime=True,
        log_buffer=max(1, len(items) * epochs // SAVES),
        fail_on_error=False,
        retry_on_error=0,
        max_samples=plan.access.connections,
        ctl_server=False,
        acp_server=False,
        score_display=False,
        metadata={"comity_run": leg.run, "comity_plan": plan.digest, LEG: leg.number, FIRST_EPOCH: first_epoch},
    )
    if not logs:
        raise KeyboardInterrupt  # the engine takes an interruption for itself, and returns nothing
    if len(logs) != 1:
        raise EngineError(f"the engine left {len(logs)} logs, expected one")
    return str(logs[0].status)


def _task(plan: p.Plan, bank: Bank, items: Sequence[str]) -> Any:
    from inspect_ai import Task, task_with
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.solver import generate, system_message

    match bank:
        case SuiteBank(suite=suite):
            asked = [suite.item(item) for item in items]
            return Task(
                name="comity",
                dataset=MemoryDataset(
                    [Sample(id=item.id, input=item.question, target=list(item.answers)) for item in asked],
                    name=f"{suite.name}-{suite.version}",
                ),
                solver=[system_message(_literal(plan.instruction)), generate(cache=False)],
                scorer=_scorer({item.id: item.answers for item in asked}),
            )
        case GuestBank(guest=guest):
            samples = [guest.samples[item] for item in items]
            return task_with(guest.task, dataset=MemoryDataset(samples, name=guest.task.dataset.name))
        case _:
            assert_never(bank)


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
