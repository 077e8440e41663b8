"""Flights: calls under way, and the watch that cuts them.

A stop, a caller who is gone and a watch that cannot see the ledger all end a
call the same way: the flight is cut where it waits for the provider or for the
caller, never while its outcome is being recorded.
"""

import asyncio
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from comity.gateway.state import Stop

__all__ = ["CONFIRM_SECONDS", "Cut", "Flight", "StopWatch"]

Cut = Literal["stopped", "client-gone"]

CONFIRM_SECONDS: Final = 1.0
"""A gateway that has not read "not stopped" for this long refuses and cuts (promise 9)."""
POLL_SECONDS: Final = 0.2


class Flight:
    """One call under way in one task."""

    __slots__ = ("_cuttable", "_task", "reason")

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """In the task that runs in this loop; without it the system is asked for the process, to find the loop."""
        task = asyncio.current_task(loop)
        if task is None:
            raise AssertionError("a flight outside a task")
        self._task, self._cuttable = task, False
        self.reason: Cut | None = None

    def cut(self, reason: Cut) -> None:
        """End the call at its next safe point; the first reason stands."""
        if self.reason is None:
            self.reason = reason
            if self._cuttable:
                self._task.cancel()

    def __enter__(self) -> None:
        """Around each wait for the provider or the caller; raises `CancelledError` where the flight is cut."""
        if self.reason is not None:
            raise asyncio.CancelledError
        self._cuttable = True

    def __exit__(self, *_: object) -> None:
        self._cuttable = False

    def landed(self) -> bool:
        """Called where `CancelledError` was caught: whether this flight's own cut raised it."""
        if self.reason is None:
            return False
        if self._task.cancelling():
            self._task.uncancel()
        return True


class StopWatch:
    """Reads the stop in force from the ledger, often, and knows when it last could.

    A thread of its own reads, so that a loop with much to do is not taken for a
    ledger that cannot be read; the loop cuts.
    """

    def __init__(
        self, find: Callable[[], Stop | None], cut_all: Callable[[Cut], None], monotonic: Callable[[], float]
    ) -> None:
        self._find, self._cut_all, self._monotonic = find, cut_all, monotonic
        self._confirmed = -math.inf
        self._ended = threading.Event()

    async def run(self) -> None:
        """Look until cancelled; cut every flight when access is stopped or the ledger cannot be read in time."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._look, args=(loop,), name="stop watch", daemon=True).start()
        try:
            while True:
                await asyncio.sleep(POLL_SECONDS)
                if not self.confirmed():
                    self._cut_all("stopped")
        finally:
            self._ended.set()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread."""
        while True:
            begun = self._monotonic()
            try:
                stopped = self._find() is not None
            except Exception:  # whatever keeps the ledger from being read has the same consequence
                begun, stopped = -math.inf, True
            self._confirmed = begun
            if stopped:
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._cut_all, "stopped")
            if self._ended.wait(POLL_SECONDS):
                return

    def confirmed(self) -> bool:
        """Whether the stop was read from the ledger within the last second."""
        return self._monotonic() - self._confirmed <= CONFIRM_SECONDS

    def age(self, now: float) -> float:
        """Seconds since then, at `now` by the monotonic clock, in any thread; infinite where it could not be read."""
        return now - self._confirmed
