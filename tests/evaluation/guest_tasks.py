"""Inspect tasks as somebody else would write them: decent ones, and ones that no plan may run."""

from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, get_model
from inspect_ai.scorer import Score, Target, accuracy, f1, match, mean, model_graded_qa, scorer
from inspect_ai.solver import Generate, TaskState, generate, solver, user_message

CAPITALS = {"Austria": "Vienna", "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima", "Chad": "Oz"}


def samples(most: int = 6) -> MemoryDataset:
    pairs = list(CAPITALS.items())[:most]
    return MemoryDataset([Sample(id=n, input=f"Capital of {c}?", target=t) for n, (c, t) in enumerate(pairs, 1)])


@task
def capitals(most: int = 6) -> Task:
    return Task(dataset=samples(most), solver=generate(), scorer=match(location="exact"))


@task
def overlap() -> Task:
    return Task(dataset=samples(), solver=generate(), scorer=f1())


@task
def graded() -> Task:
    return Task(dataset=samples(), solver=generate(), scorer=model_graded_qa())


@task
def with_roles() -> Task:
    return Task(dataset=samples(), scorer=match(), model_roles={"grader": "mockllm/model"})


@scorer(metrics=[accuracy()])
def quietly_asking() -> Any:
    async def score(state: TaskState, target: Target) -> Score:
        said = await get_model().generate("Is this right? " + state.output.completion)
        return Score(value="C" if "yes" in said.completion else "I")

    return score


@scorer(metrics={"useful": [accuracy()], "safe": [accuracy()]})
def two_sided() -> Any:
    async def score(state: TaskState, target: Target) -> Score:
        useful = state.output.completion == target.text
        return Score(value={"useful": "C" if useful else "I", "safe": "C" if str(state.sample_id) != "2" else "I"})

    return score


@task
def useful_and_safe() -> Task:
    return Task(dataset=samples(4), solver=generate(), scorer=two_sided())


@scorer(metrics={"*": [accuracy()]})
def many_sided() -> Any:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value={f"side-{len(target.text) % 2}": "C"})

    return score


@task
def sides() -> Task:
    return Task(dataset=samples(4), solver=generate(), scorer=many_sided())


@task
def judged_by_itself() -> Task:
    return Task(dataset=samples(), solver=generate(), scorer=quietly_asking())


@solver
def ask_another() -> Any:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        await get_model("openai/another-model", api_key="k").generate([ChatMessageUser(content="What would you say?")])
        return await generate(state)

    return solve


@task
def helped() -> Task:
    return Task(dataset=samples(), solver=ask_another(), scorer=match())


@task
def insisting(turns: int = 2) -> Task:
    again = [step for _ in range(turns - 1) for step in (user_message("Capital of Austria?"), generate(max_tokens=900))]
    return Task(dataset=samples(), solver=[generate(), *again], scorer=match(location="exact"))


@scorer(metrics=[mean()])
def strange() -> Any:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value={"1": "C", "2": "I", "3": "N"}.get(str(state.sample_id), "whatever"))

    return score


@task
def strangely_scored() -> Task:
    return Task(dataset=samples(), solver=generate(), scorer=strange())


@task
def growing() -> Task:
    return Task(dataset=None, scorer=match(), epochs=1) if CAPITALS == {} else Task(dataset=samples(0), scorer=match())


@task
def graded_by_its_own() -> Task:
    return Task(dataset=samples(), solver=generate(), scorer=model_graded_qa(model="openai/gpt-9"))


@solver
def ask_the_grader() -> Any:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        await get_model(role="grader").generate([ChatMessageUser(content="What would you say?")])
        return await generate(state)

    return solve


@task
def helped_by_its_judge() -> Task:
    return Task(dataset=samples(), solver=ask_the_grader(), scorer=model_graded_qa())


@task(technical_requirement="Robustness and Predictability")
def tagged() -> Task:
    return Task(dataset=samples(), solver=generate(), scorer=match(location="exact"))
