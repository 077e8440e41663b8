"""Answers in the clear, out of a run's own logs: what a rater is shown, and nobody else.

    shown_answers(folder, salt) -> {blinded item: Shown}

Only the first epoch is shown, and of a resumed run the sample that ended.  The judge's word is not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comity.evaluation.recovery import read_legs
from comity.evaluation.scores import blind

__all__ = ["Shown", "printable", "shown_answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One question with its answer."""

    item: str
    """The item's own id."""
    question: str
    answer: str
    expected: tuple[str, ...]
    """Answers that the task accepts, where it has any."""


def shown_answers(folder: Path, salt: bytes) -> Mapping[str, Shown]:
    """What was asked and answered in the first epoch, by blinded item; raises the errors of `recovery`."""
    found: dict[str, Shown] = {}
    for leg in read_legs(folder):
        for sample in leg.samples:
            if int(sample.epoch) + leg.first_epoch - 1 != 1 or sample.error is not None or not sample.output.choices:
                continue
            item = str(sample.id)
            target = [sample.target] if isinstance(sample.target, str) else list(sample.target)
            found[blind(item, salt)] = Shown(
                item=item,
                question=_question(sample.input),
                answer=str(sample.output.completion),
                expected=tuple(text for text in target if text),
            )
    return found


def printable(text: str) -> str:
    """A text that came from a model, safe on a terminal: no character of it moves a cursor or sets a colour."""
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in text.expandtabs(4))


def _question(asked: Any) -> str:
    if isinstance(asked, str):
        return asked
    return "\n\n".join(f"[{message.role}] {message.text}" for message in asked)
