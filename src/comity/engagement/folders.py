"""Folders of a case: one writer at a time, where a folder and a ledger have to agree.

A ledger orders its own entries.  What lies beside it (sealed files, a ledger that is to be made) is changed by one
process and one thread at a time, under the system's own lock (`flock`) on the folder, which goes with its holder.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["alone_in"]


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else works in a folder, and keep everybody else waiting; the folder is made where needed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
