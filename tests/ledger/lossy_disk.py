"""A disk that forgets: an SQLite file system for tests, which can lose power, fill up or fail.

Writes pass through to the real files, so SQLite sees what it expects; beside each file the disk keeps
an image of what was synced and the list of writes since.
`after_power_loss(folder, keeps=…)` lays out what a machine would find after the power went:
the synced image, and of the writes since then those that `keeps` chooses, sector by sector, in any order.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512


class LossyDisk(apsw.VFS):
    """Registered under `name`; open a database with `vfs=name` to put it on this disk."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.synced: dict[str, bytes] = {}
        self.since: dict[str, list[tuple[int, bytes | None]]] = {}
        self.writes_left: int | None = None
        self.sync_fails = False
        self.syncs = 0
        self.lock = threading.RLock()
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "LossyFile":
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        with self.lock:
            if path not in self.since:
                self.since[path] = []
                if Path(path).exists():
                    self.synced[path] = Path(path).read_bytes()
        return LossyFile(self, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        with self.lock:
            self.synced.pop(filename, None)
            self.since[filename] = []

    def after_power_loss(self, folder: Path, *, keeps: Callable[[], bool] = lambda: False) -> None:
        """Write into `folder` the files as a machine would find them."""
        folder.mkdir()
        with self.lock:
            for path in self.since:
                if path not in self.synced and not keeps():
                    continue
                content = bytearray(self.synced.get(path, b""))
                for offset, written in self.since[path]:
                    if written is None:
                        if keeps():
                            del content[offset:]
                        continue
                    for start in range(0, len(written), SECTOR):
                        if keeps():
                            piece = written[start : start + SECTOR]
                            end = offset + start + len(piece)
                            content.extend(bytes(max(0, end - len(content))))
                            content[offset + start : end] = piece
                (folder / Path(path).name).write_bytes(content)


class LossyFile(apsw.VFSFile):
    """One open file on the lossy disk."""

    def __init__(self, disk: LossyDisk, path: str, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.path = path
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        with self.disk.lock:
            if self.disk.writes_left is not None:
                if self.disk.writes_left == 0:
                    raise apsw.FullError("the disk is full")
                self.disk.writes_left -= 1
            super().xWrite(data, offset)
            self.disk.since[self.path].append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        with self.disk.lock:
            super().xTruncate(newsize)
            self.disk.since[self.path].append((newsize, None))

    def xSync(self, flags: int) -> None:
        with self.disk.lock:
            if self.disk.sync_fails:
                raise apsw.IOError("the disk failed")
            self.disk.syncs += 1
            self.disk.synced[self.path] = Path(self.path).read_bytes()
            self.disk.since[self.path] = []
