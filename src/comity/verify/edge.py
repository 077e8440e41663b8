"""The edge of verification: copies of a ledger on a disk or behind a server.

Nothing is written and nothing is cached.  Over HTTP one request is one file, redirects are not followed, and
the access key, where one is needed, goes to the named server alone.
"""

from collections.abc import Sequence
from pathlib import Path

from comity.ledger.transport import fetching


class FolderCopy:
    """A copied ledger in a folder: `checkpoint` and `tile/`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.name = str(root)

    def read(self, path: str) -> bytes | None:
        """The bytes of one file, or None."""
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def paths(self) -> Sequence[str] | None:
        """Every file below the folder; a folder is none, a link is."""
        found = (path for path in self._root.rglob("*") if path.is_symlink() or not path.is_dir())
        return sorted(path.relative_to(self._root).as_posix() for path in found)


class ServerCopy:
    """A published ledger behind `<prefix>/checkpoint` and `<prefix>/tile/…`."""

    def __init__(self, prefix: str, *, key: str = "") -> None:
        self.name = prefix
        self._fetch = fetching(prefix, headers={"authorization": f"Bearer {key}"} if key else None)

    def read(self, path: str) -> bytes | None:
        """The bytes of one file, or None where the server answers 404. Raises `LedgerError` where none comes."""
        return self._fetch(path)

    def paths(self) -> Sequence[str] | None:
        """A server does not list its files."""
        return None
