"""Flights: calls under way, and the watch that cuts them.

A stop, a caller who is gone and a watch that cannot see the ledger all end a
call the same way: the flight is cut where it waits for the provider or for the
caller, never while its outcome is being recorded.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from comity.gateway.state import Stop

__all__ = ["CONFIRM_SECONDS", "Cut", "Flight", "StopWatch"]

Cut = Literal["stopped", "client-gone"]

CONFIRM_SECONDS: Final = 1.0
"""A gateway that has not read "not stopped" for this long refuses and cuts (promise 9)."""
POLL_SECONDS: Final = 0.2


class Flight:
    """One call under way in one task."""

    def __init__(self) -> None:
        task = asyncio.current_task()
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

    @contextmanager
    def cuttable(self) -> Iterator[None]:
        """Around each wait for the provider or the caller; raises `CancelledError` where the flight is cut."""
        if self.reason is not None:
            raise asyncio.CancelledError
        self._cuttable = True
        try:
            yield
        finally:
            self._cuttable = False

    def landed(self) -> bool:
        """Called where `CancelledError` was caught: whether this flight's own cut raised it."""
        if self.reason is None:
            return False
        if self._task.cancelling():
            self._task.uncancel()
        return True


class StopWatch:
    """Reads the stop in force from the ledger, often, and says when it could not."""

    def __init__(self, find: Callable[[], Stop | None], cut_all: Callable[[Cut], None]) -> None:
        self._find, self._cut_all = find, cut_all
        self._confirmed = -CONFIRM_SECONDS

    async def run(self) -> None:
        """Look for ever; cut every flight when access is stopped or the ledger cannot be read in time."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                async with asyncio.timeout(CONFIRM_SECONDS - POLL_SECONDS):
                    stop = await asyncio.to_thread(self._find)
            except Exception:  # whatever keeps the ledger from being read has the same consequence
                self._cut_all("stopped")
            else:
                self._confirmed = begun
                if stop is not None:
                    self._cut_all("stopped")
            await asyncio.sleep(POLL_SECONDS)

    def confirmed(self) -> bool:
        """Whether "may go on" was read from the ledger within the last second."""
        return asyncio.get_running_loop().time() - self._confirmed <= CONFIRM_SECONDS
