"""The line of progress of a run: how far it is, what it spends, and how long it takes.

    37/120 samples, 41 calls, 2 refused, 21 s, about 48 s left; budget.calls 61%, budget.cost 44%

The two clauses are those nearest to their end, as the gateway told within the last seconds.  They are of the whole
arrangement: what others spend is in them.  On a terminal the line is redrawn; elsewhere it is written at every tenth of
the way.
"""

import os
import shutil
import sys
import threading
import time
from typing import Any, Final, Self

import click

from comity.evaluation import EvaluationError
from comity.evaluation.edge import Door

__all__ = ["Burn", "ProgressLine"]

STEPS: Final = 10
"""Lines of progress where there is no terminal to redraw."""
SECONDS: Final = 1.0
"""Between two looks at the gateway's status."""
LEAST: Final = 0.005
"""A share that is worth telling: what rounds to one per cent."""
NEAREST: Final = 2
"""Clauses that the line has room for."""


class Burn:
    """What is spent of each clause, asked of the gateway beside the run, in a thread of its own."""

    def __init__(self, door: Door) -> None:
        self._door, self._ended = door, threading.Event()
        self._thread = threading.Thread(target=self._look, name="burn", daemon=True)
        self._shares: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def nearest(self) -> str:
        """The clauses nearest to their end, with their share; empty while nothing is known."""
        shares = sorted(self._shares.items(), key=lambda share: -share[1])[:NEAREST]
        return ", ".join(f"{clause} {share:.0%}" for clause, share in shares if share >= LEAST)

    def _look(self) -> None:
        while True:
            try:
                self._shares = _shares(self._door.status())
            except (EvaluationError, KeyError, TypeError, ValueError):
                pass  # the run says what is wrong with the gateway; the line shows the last that was known
            if self._ended.wait(SECONDS):
                self._door.close()
                return


def _shares(status: dict[str, Any]) -> dict[str, float]:
    rows = status.get("clauses", {}).items()
    return {clause: row["taken"] / row["agreed"] for clause, row in rows if row["agreed"]}


class ProgressLine:
    """One line on standard error: redrawn on a terminal, else written every tenth of the way."""

    def __init__(self, total: int, burn: Burn) -> None:
        self._total, self._burn, self._step = total, burn, -1
        self._began = time.monotonic()
        self._first: int | None = None
        self._first_at = self._began
        self._redraw = sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            click.echo("", err=True)  # leave the line as it is and go on below it
            self._open = False

    def show(self, done: int, calls: int, refused: int) -> None:
        """Show how far the run is."""
        if self._first is None:
            self._first = done  # what earlier legs did took no time of this one
            self._first_at = time.monotonic()
        step = done * STEPS // self._total
        if not self._redraw and step == self._step:
            return
        self._step = step
        text = self._text(done, calls, refused)
        if self._redraw:
            text = text[: max(20, shutil.get_terminal_size().columns - 1)]
        click.echo(f"\r{text}\x1b[K" if self._redraw else text, nl=not self._redraw, err=True)
        self._open = self._redraw

    def _text(self, done: int, calls: int, refused: int) -> str:
        seconds = time.monotonic() - self._began
        text = f"{done}/{self._total} samples, {calls} calls, {refused} refused, {_time(seconds)}"
        here = done - (self._first or 0)
        if here >= 2 and done < self._total:
            since = time.monotonic() - self._first_at  # the engine takes seconds to load
            text += f", about {_time(since * (self._total - done) / here)} left"
        nearest = self._burn.nearest()
        return f"{text}; {nearest}" if nearest else text


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
