"""Steps: what an agent did call by call, and what it achieves with how many tokens.

One model call is one step.  `steps_of` reads a run's own logs and ties each step to its entry in the ledger, with the
tools that the model called and the tokens it took:

    item, epoch → Step(number, call, tools, input_tokens, output_tokens), …

A result without its budget says little: an agent that is stopped earlier solves less.  `by_budget` gives the rate for
each budget of tokens: a sample counts as right if it was right and took no more than that.  So one run, made with the
largest budget, answers for all smaller ones, as long as the agent does not know what it has left.

Tokens are those that the answers state; where one states none, the sample's sum is not known and it is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comity.estimate import Estimate, clopper_pearson
from comity.evaluation.errors import EvaluationError
from comity.evaluation.reading import read_calls
from comity.evaluation.reconciliation import call_index
from comity.evaluation.recovery import read_legs

__all__ = ["Step", "Trace", "by_budget", "read_traces"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One model call of a sample."""

    number: int
    calls: tuple[int, ...]
    """Ledger indexes: one, and one more for each repeat after a failure."""
    tools: tuple[str, ...]
    """The tools that the answer calls, by name."""
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one sample did in one epoch."""

    item: str
    epoch: int
    steps: tuple[Step, ...]

    @property
    def tokens(self) -> int | None:
        """All tokens of all steps; none where an answer states none."""
        sums = [(step.input_tokens, step.output_tokens) for step in self.steps]
        known = [first + second for first, second in sums if first is not None and second is not None]
        return sum(known) if len(known) == len(sums) else None


def read_traces(folder: Path, origin: str) -> tuple[Trace, ...]:
    """The traces of a run's logs, in the order of its legs; raises the errors of `recovery`."""
    return tuple(
        Trace(item=str(sample.id), epoch=int(sample.epoch) + leg.first_epoch - 1, steps=_steps(sample, origin))
        for leg in read_legs(folder)
        for sample in leg.samples
    )


def by_budget(
    traces: Iterable[Trace], scores: Mapping[str, int | None], budgets: Sequence[int], level: float
) -> tuple[tuple[int, Estimate], ...]:
    """The rate of right samples within each budget of tokens, over the first epoch; raises `EvaluationError`."""
    if not budgets or min(budgets) < 1:
        raise EvaluationError("expected budgets of at least one token")
    tokens = {trace.item: trace.tokens for trace in traces if trace.epoch == 1}
    known = {item: score for item, score in scores.items() if score is not None and tokens.get(item) is not None}
    if not known:
        raise EvaluationError("no sample has both a score and a known number of tokens")
    found = []
    for budget in sorted(set(budgets)):
        right = sum(score == 1 and (tokens[item] or 0) <= budget for item, score in known.items())
        found.append((budget, clopper_pearson(right, len(known), level, missing=len(scores) - len(known))))
    return tuple(found)


def _steps(sample: Any, origin: str) -> tuple[Step, ...]:
    found: list[Step] = []
    for event in sample.events:
        if event.event != "model" or getattr(event, "role", None) is not None:
            continue  # a call with a role is a judge's
        usage = event.output.usage if event.output is not None else None
        message = event.output.choices[0].message if event.output is not None and event.output.choices else None
        indexes = (call_index(call, origin) for call in read_calls(event))
        found.append(
            Step(
                number=len(found) + 1,
                calls=tuple(index for index in indexes if index is not None),
                tools=tuple(call.function for call in (message.tool_calls or ())) if message is not None else (),
                input_tokens=None if usage is None else int(usage.input_tokens),
                output_tokens=None if usage is None else int(usage.output_tokens),
            )
        )
    return tuple(found)
