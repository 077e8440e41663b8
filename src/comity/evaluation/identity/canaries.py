"""Canaries: a few of the enrolment's prompts, asked between the calls of a run.

Who answers an evaluation with one model and everything else with another has to tell the two apart.  Canaries stand
among the run's calls at places that are drawn when it begins, and differ from them in nothing but what they ask: no
header, no key and no route marks them.  They name no run, so the run's own calls still reconcile.

    positions(count, rows, random)      after how many ended rows each canary is due
    Canaries(…).beside(progress)        a run's progress, which sets off the canaries that are due

They are asked in a thread of their own, one after another, so the run does not wait for them.  What goes wrong with one
ends the canaries and not the run: what was answered until then is kept.

Not promised: that they cannot be recognised.  The provider sees every prompt, saw these at enrolment, and sees another
temperature than a plan's may be.  A provider that remembers them passes.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Self

from comity.estimate import Kind
from comity.evaluation.identity.edge import Question
from comity.evaluation.identity.enrolling import Random
from comity.evaluation.identity.enrolment import Answer, IdentityError
from comity.evaluation.watch import Progress

__all__ = ["MOST_SHARE", "Asked", "Canaries", "canary_count", "positions"]

MOST_SHARE: Final = 0.05
"""Of a plan's calls: what canaries may take beside it."""

Asked = tuple[Kind, int, Answer]


def canary_count(calls: int, share: float) -> int:
    """How many canaries stand beside so many calls."""
    if not 0 < share <= MOST_SHARE:
        raise IdentityError(f"a share of {share}, expected above 0 and at most {MOST_SHARE}")
    count = int(calls * share + 1e-9)
    if not count:
        raise IdentityError(f"{share:.3g} of {calls} calls is less than one canary; test before and after the run")
    return count


def positions(count: int, rows: int, random: Random) -> list[int]:
    """After how many ended rows each canary is due, from 0 to rows − 1, in rising order."""
    return sorted(int.from_bytes(random(8), "big") % rows for _ in range(count))


class Canaries:
    """Asks what is due beside a run. Mutable while the run lasts; `answers` is read when it is over."""

    def __init__(
        self,
        questions: Sequence[tuple[Kind, int, Question]],
        due_after: Sequence[int],
        ask: Callable[[Question], Answer],
        keep: Callable[[Sequence[Asked]], None],
    ) -> None:
        self.answers: list[Asked] = []
        self.because = ""
        """Why the canaries ended early; empty where they did not."""
        self._left = list(zip(due_after, questions, strict=True))
        self._ask, self._keep = ask, keep
        self._ended, self._over, self._first = 0, False, True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="canaries", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, problem: object, *_: object) -> None:
        with self._changed:
            if problem is not None:
                self._left.clear()
            self._over = True
            self._changed.notify()
        self._thread.join()

    def beside(self, progress: Progress) -> Progress:
        """The run's progress, passed on, which also says what is due."""

        def told(done: int, calls: int, refused: int) -> None:
            with self._changed:
                if self._first:  # what an earlier leg of the run has passed is not made up for in one go
                    self._left = [one for one in self._left if one[0] >= done - 1]
                    self._first = False
                self._ended = max(self._ended, done)
                self._changed.notify()
            progress(done, calls, refused)

        return told

    def _next(self) -> tuple[Kind, int, Question] | None:
        """The next canary that is due, waiting for it; None once there is none and the run is over."""
        with self._changed:
            while True:
                if self._left and not self._first and self._left[0][0] <= self._ended:
                    return self._left.pop(0)[1]
                if self._over or self.because:
                    return None
                self._changed.wait()

    def _work(self) -> None:
        while (due := self._next()) is not None:
            kind, prompt, question = due
            try:
                self.answers.append((kind, prompt, self._ask(question)))
                self._keep(self.answers)
            except (IdentityError, OSError) as problem:
                self.because = str(problem)
                return
