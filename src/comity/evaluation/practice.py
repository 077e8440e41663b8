"""A small agentic task of our own, for practice and monitoring and not as evidence of capability: find it in the files.

    comity plan new --task comity.evaluation.practice:small_office --calls-a-sample 8 …

Each sample is a folder of a few small files in an Inspect sandbox, and a question whose answer stands in them.  The
model has two tools, `list_files` and `read_file`, and answers in one line; it is scored by equality.  One model call is
one step, and a sample ends when the model calls no tool or its steps are used up.

The tools open nothing but the sample's own files: a name that is not in the folder's list is refused.  So the task is
safe in Inspect's `local` sandbox, which is a folder and keeps nothing in; a task whose tools run commands is not, and
belongs in Docker.

This module imports the engine; nothing imports it but the engine's loader, when a plan names the task.
"""

from typing import Any, Final

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import execute_tools
from inspect_ai.scorer import exact
from inspect_ai.solver import Generate, TaskState, solver, system_message, use_tools
from inspect_ai.tool import tool
from inspect_ai.util import sandbox

__all__ = ["offices", "small_office"]

PROMPT: Final = (
    "You work in a folder of small text files. Use list_files to see their names and read_file to read one. When you "
    "know the answer, write it alone in one line, and call no tool."
)
GOODS: Final = ("chairs", "lamps", "tables", "shelves")
MONTHS: Final = ("may", "june", "july")


def offices() -> tuple[tuple[str, dict[str, str], str, str], ...]:
    """Each sample as id, files, question and answer; made by counting, the same each time."""
    found = []
    for n in range(4):
        amounts = [[(7 * n + 5 * month + 3 * good) % 9 + 1 for good in range(4)] for month in range(3)]
        files = {
            f"{name}.txt": "".join(
                f"order {100 * (n + 1) + 10 * month + good}: {amounts[month][good]} {goods}\n"
                for good, goods in enumerate(GOODS)
            )
            for month, name in enumerate(MONTHS)
        }
        files["readme.txt"] = f"The list of the month that counts is {MONTHS[(n + 1) % 3]}.txt.\n"
        order, good = 100 * (n + 1) + 10 * (n % 3) + n, GOODS[n]
        found += [
            (f"where-{n}", files, f"In which file is order {order}?", f"{MONTHS[n % 3]}.txt"),
            (f"total-{n}", files, f"How many {good} are ordered in all files together?",
             str(sum(month[n] for month in amounts))),
            (f"chain-{n}", files, f"How many {good} are ordered in the list that readme.txt says counts?",
             str(amounts[(n + 1) % 3][n])),
        ]  # fmt: skip
    return tuple(found)


@task
def small_office(steps: int = 8, sandbox: str = "local") -> Task:
    """Twelve samples; `steps` bounds the model calls of each, `sandbox` is Inspect's name of where the files lie."""
    samples = [
        Sample(id=name, input=question, target=answer, files=dict(files), metadata={"office": name[-1]})
        for name, files, question, answer in offices()
    ]
    return Task(
        dataset=MemoryDataset(samples, name="small-office"),
        solver=[system_message(PROMPT), use_tools(list_files(), read_file()), work(steps)],
        scorer=exact(),
        sandbox=sandbox,
    )


@solver
def work(steps: int) -> Any:
    """Call the model, carry out the tools it calls, and again, for so many steps at most."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        for _ in range(steps):
            state = await generate(state, tool_calls="none", cache=False)
            if not state.output.message.tool_calls:
                break
            messages, _ = await execute_tools(state.messages, state.tools)
            state.messages.extend(messages)
        return state

    return solve


@tool
def list_files() -> Any:
    async def execute() -> str:
        """List the files in the folder.

        Returns:
            Their names, a line each.
        """
        return "\n".join(await _names())

    return execute


@tool
def read_file() -> Any:
    async def execute(name: str) -> str:
        """Read one file.

        Args:
            name: A name from the list.

        Returns:
            What the file holds.
        """
        if name not in await _names():
            return f"there is no file {name[:40]!r}; list_files says which there are"
        return str(await sandbox().read_file(name))

    return execute


async def _names() -> list[str]:
    found = await sandbox().exec(["ls", "-1"])
    return sorted(found.stdout.split())
