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
| `reasoning_summary` always stated | unset, the provider sends a probe of its own, which belongs to no sample |
| `model_roles` | the judge's alone, at the endpoint that the terms list; without one there is none |
| attributes of the task | duty, risk area and use domain of the plan, so that every log header carries them |
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, assert_never

from comity.evaluation import plan as p
from comity.evaluation.banks import Bank, GuestBank, SuiteBank, judge_of
from comity.evaluation.engine_features import missing_features
from comity.evaluation.errors import EvaluationError
from comity.evaluation.journal import JUDGE_FILE, Journal
from comity.evaluation.plan_parts import Tags
from comity.evaluation.reading import read_logged
from comity.evaluation.recovery import FIRST_EPOCH, LEG
from comity.evaluation.scoring import SCORER, score_short_answer
from comity.evaluation.stopping import Asking, source_of
from comity.evaluation.watch import RUN_HEADER, ForeignModel, Progress, Watch, require

SAVES: Final = 100
"""How often the `.eval` file is written anew in a run; each time it is written whole."""

SAMPLING: Final = "comity_sampling"
"""Under which a sample's metadata say with which chance it was drawn, and what was foreseen of it."""

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
    judge_url: str = ""
    """Where the judge is called; empty where the plan has none."""
    asking: Asking | None = None
    """Of a plan that asks batch by batch: what is asked next, beginning with `rows`."""
    described: Callable[[str], dict[str, Any]] | None = None
    """What the metadata of an item's sample state, of a sample that is drawn from a frame."""


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
    if lacking := missing_features():
        raise EngineError(
            f"Inspect {inspect_ai.__version__} as installed lacks {', '.join(lacking)}; a run rests on each of these. "
            f"Install it anew: pip install --force-reinstall 'inspect_ai=={p.ENGINE_VERSION}'"
        )



def run_engine(plan: p.Plan, bank: Bank, leg: Leg, progress: Progress) -> str:
    """Ask every row of the leg through the gateway; returns the worst status of its logs."""
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        os.environ[name] = leg.url
    statuses = []
    with (
        Journal(leg.folder, leg.number) as journal,
        Journal(leg.folder, leg.number, file=JUDGE_FILE) as judge_journal,
    ):
        watch = Watch(
            plan=plan, run=leg.run, journal=journal, judge_journal=judge_journal, progress=progress, done=leg.done
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
        with_tags(_task(plan, bank, items, leg), plan.parts.tags),
        model=model,
        model_roles=_judge_roles(plan, bank, leg, watch),
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


def _task(plan: p.Plan, bank: Bank, items: Sequence[str], leg: Leg) -> Any:
    from inspect_ai import Task, task_with
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.solver import generate, system_message

    asking = leg.asking

    def described(sample: Any) -> Any:
        said = {} if leg.described is None else leg.described(str(sample.id))
        return sample.model_copy(update={"metadata": {**(sample.metadata or {}), SAMPLING: said}}) if said else sample

    match bank:
        case SuiteBank(suite=suite):

            def asked(item: str) -> Any:
                known = suite.item(item)
                return described(Sample(id=item, input=known.question, target=list(known.answers)))

            return Task(
                name="comity",
                dataset=MemoryDataset([asked(item) for item in items], name=f"{suite.name}-{suite.version}")
                if asking is None
                else source_of(asking, asked, _score_by(bank)),
                solver=[system_message(_literal(plan.instruction)), generate(cache=False)],
                scorer=_scorer({item: suite.item(item).answers for item in bank.chosen}),
            )
        case GuestBank(guest=guest):

            def given(item: str) -> Any:
                return described(guest.samples[item])

            if asking is not None:
                return task_with(guest.task, dataset=source_of(asking, given, _score_by(bank)))
            return task_with(
                guest.task, dataset=MemoryDataset([given(item) for item in items], name=guest.task.dataset.name)
            )
        case _:
            assert_never(bank)


def _score_by(bank: Bank) -> Callable[[Any], int | None]:
    """What a sample that has ended counts as, read as the run's own table reads it."""
    roles = bank.guest.roles if isinstance(bank, GuestBank) else ()
    judge = judge_of(bank)

    def score(sample: Any) -> int | None:
        return read_logged([sample], frozenset(bank.chosen), judge, roles=roles)[0].score

    return score


def _generation(plan: p.Plan, run: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "max_tokens": plan.decoding.max_tokens,
        "max_retries": plan.access.repeats,
        "max_connections": plan.access.connections,
        "adaptive_connections": False,
        "cache_prompt": False,
        "reasoning_summary": plan.parts.reasoning_summary,
        "extra_headers": {RUN_HEADER: run},
    }
    if plan.decoding.seed is not None:
        config["seed"] = plan.decoding.seed
    if plan.decoding.temperature is not None:
        config["extra_body"] = {"temperature": float(plan.decoding.temperature)}
    return config


def _judge_roles(plan: p.Plan, bank: Bank, leg: Leg, watch: Watch) -> dict[str, Any] | None:
    """The judge, bound to every role in which the task's scorers ask a model."""
    judge = plan.parts.judge
    if judge is None or not isinstance(bank, GuestBank):
        return None
    from inspect_ai.model import GenerateConfig, get_model

    made = {
        role: get_model(
            f"{judge.protocol}/{judge.model}",
            role=role,
            base_url=leg.judge_url,
            api_key=leg.secret,
            config=GenerateConfig(
                max_retries=plan.access.repeats,
                max_connections=plan.access.connections,
                adaptive_connections=False,
                cache_prompt=False,
                reasoning_summary="none",
                extra_headers={RUN_HEADER: leg.run},
            ),
            memoize=False,
            **_provider(judge.protocol),
        )
        for role in bank.guest.roles
    }
    for model in made.values():
        watch.attach_judge(model)
    return made


def with_tags(task: Any, tags: Tags) -> Any:
    """The task with the plan's tags among its attributes, which the engine writes into the header of its log."""
    from inspect_ai._util.registry import RegistryInfo, is_registry_object, registry_info, set_registry_info

    if not tags.attributes():
        return task
    known = registry_info(task) if is_registry_object(task) else RegistryInfo(type="task", name=task.name)
    attributes = {**known.metadata.get("attribs", {}), **tags.attributes()}
    metadata = {"params": [], **known.metadata, "attribs": attributes}
    set_registry_info(task, RegistryInfo(type="task", name=known.name, metadata=metadata))
    return task


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
