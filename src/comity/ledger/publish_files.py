"""The published folder: files that appear whole, or not at all, and then stay.

A file is written under a temporary name in `.draft/`, synced, and renamed into place;
`flush` syncs the folders that renames touched, so that the names survive a power cut too.
After any error the writer starts over from what is on the disk: it never trusts a file it could not sync.

Names are relative and use `/`, as in c2sp.org/tlog-tiles: `checkpoint`, `tile/0/000.p/3`.
"""

import os
import shutil
from pathlib import Path
from typing import Final, Protocol

DRAFTS: Final = ".draft"
"""What a crash leaves half written lies here, out of every reader's way, and may be deleted."""


class Folder(Protocol):
    """Where a publisher puts files. Tests give one whose writes fail."""

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None if there is none."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Put a whole file in place, replacing what was there; its name is durable after `flush`."""
        ...

    def flush(self) -> None:
        """Make the names written since the last flush durable."""
        ...

    def remove(self, name: str) -> None:
        """Remove a folder and what is in it; a folder that is not there is no error."""
        ...


class DiskFolder:
    """A folder on a local disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unsynced: set[Path] = set()
        self._make(root / DRAFTS)

    def read(self, name: str) -> bytes | None:
        try:
            return (self._root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, content: bytes) -> None:
        path = self._root / name
        self._make(path.parent)
        draft = self._root / DRAFTS / f"{os.getpid()}-{name.replace('/', '-')}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(draft, path)
        self._unsynced.add(path.parent)

    def flush(self) -> None:
        for folder in sorted(self._unsynced):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        self._unsynced.clear()

    def remove(self, name: str) -> None:
        shutil.rmtree(self._root / name, ignore_errors=True)

    def _make(self, folder: Path) -> None:
        """Make a folder and its parents; each new name is synced with the rest."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            self._unsynced.add(path.parent)
