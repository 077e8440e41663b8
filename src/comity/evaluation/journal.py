"""The journal of a run: which row each call belongs to, written down before the call is sent.

The engine's log holds a call once its answer came.  What was sent when a process ended is in the ledger, under the
run's id and the engine's own id of the request (`x-irid`), and in no log.  So the run keeps one file, `calls.jsonl`, to
which a line is added before each HTTP request:

    {"epoch":1,"irid":"…","item":"capital-of-france","leg":1}

Calls to a judge model have such a file of their own, `judge-calls.jsonl`.

A leg is one process's share of the run: the first, and one for each time that it was resumed.

The line is in the system's hands before the request leaves, so it survives the end of the process by any signal.  It
is not forced to the disk: after a loss of power a line may be missing, and a call of which it told is then reported as
a difference between log and ledger.  A line that was cut is passed over.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

FILE: Final = "calls.jsonl"
JUDGE_FILE: Final = "judge-calls.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request, as noted before it was sent."""

    irid: str
    item: str
    epoch: int
    leg: int


class Journal:
    """A file of one run, open for one leg: of the calls to the model, or of those to its judge."""

    def __init__(self, folder: Path, leg: int, *, file: str = FILE) -> None:
        self.leg = leg
        path = folder / file
        cut = path.exists() and not path.read_bytes().endswith(b"\n")
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if cut:
            os.write(self._file, b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def note(self, *, irid: str, item: str, epoch: int) -> None:
        """Add one request, in one write; raises `OSError` where it cannot, and then nothing may be sent."""
        members = {"epoch": epoch, "irid": irid, "item": item, "leg": self.leg}
        line = json.dumps(members, separators=(",", ":")).encode() + b"\n"
        if os.write(self._file, line) != len(line):
            raise OSError("the journal of the run could not be written whole")


def read_journal(folder: Path, *, file: str = FILE) -> Mapping[str, Sent]:
    """What was noted, by the engine's id of the request; empty where nothing was."""
    try:
        lines = (folder / file).read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    found = {}
    for line in lines[:-1]:
        try:
            members = json.loads(line)
            sent = Sent(
                irid=str(members["irid"]),
                item=str(members["item"]),
                epoch=int(members["epoch"]),
                leg=int(members["leg"]),
            )
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
        found[sent.irid] = sent
    return found
