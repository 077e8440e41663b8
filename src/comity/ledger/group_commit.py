"""Group commit: one thread per open ledger, which serves whatever is queued with one durable transaction.

A store gives `_commit`, which runs a batch and resolves its futures, and `_release`, which gives its files or
connections back.
A batch costs one sync however many callers it serves, and a lone caller never waits for company.

Not promised: anything about durability. That is the store's half.
"""

import queue
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final

from comity.ledger.store import Ledger, LedgerClosed, NotDurable, T, Transaction

MAX_BATCH: Final = 512
"""Bounds how long the first caller of a batch can wait for the others."""


class Promise(Future[T]):
    """A future that cannot be cancelled: what was submitted runs,
    and its outcome is told to whoever still asks.
    """

    def cancel(self) -> bool:
        return False


Work = tuple[Callable[[Transaction], Any], Promise[Any]]


class GroupCommit(Ledger):
    """The queue, the thread that serves it, and the order in which both end."""

    def __init__(self, name: str) -> None:
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self.batches = self.batched = 0
        self._thread = threading.Thread(target=self._serve, name=f"ledger {name}", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[[Transaction], T]) -> Future[T]:
        if threading.current_thread() is self._thread:
            raise AssertionError("a transaction may not wait for another one on the same ledger")
        promise: Promise[T] = Promise()
        with self._gate:
            if self._closed:
                raise LedgerClosed
            self._queue.put((fn, promise))
        return promise

    def close(self) -> None:
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._release()

    @abstractmethod
    def _commit(self, batch: Sequence[Work]) -> None:
        """Run a batch in one durable transaction and resolve each of its futures. Never raises."""

    @abstractmethod
    def _release(self) -> None:
        """Give files and connections back, after the last batch."""

    def _serve(self) -> None:
        """The thread: take what is queued, make it durable, tell the callers; until closed."""
        closing = False
        while not closing:
            batch: list[Work] = []
            work = self._queue.get()
            while True:
                if work is None:
                    closing = True
                    break
                batch.append(work)
                if len(batch) == MAX_BATCH or self._queue.empty():
                    break
                work = self._queue.get()
            if batch:
                self.batches, self.batched = self.batches + 1, self.batched + len(batch)
                self._commit(batch)


def fail(batch: Sequence[Work], error: NotDurable) -> None:
    """Tell every caller of a batch that it is not known to be recorded, each with an error of its own."""
    for _, promise in batch:
        promise.set_exception(NotDurable(str(error), state=error.state))
