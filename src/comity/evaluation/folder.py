"""The folder of one run: what is written down before the run is an entry, so that a broken one can be resumed.

    begun.json     {"begun":12|null,"format":"comity run/1","plan":"<digest>","run":"<run id>"}
    scores.salt    the salt of the score table, 64 hex digits
    seed           the seed of the sample, 32 hex digits
    plan.json      the plan's canonical bytes
    frame.json     what the sample is drawn from, where that is not the bank itself
    lock           held by the process that carries the run out, for as long as it lives
    run.json       the outcome; there once the run is finished

`begun.json` is written before `run.begun` is asked for, and once more with the entry's index.  A process that ends
between the two leaves the index out; who resumes then looks for the entry in the ledger, and makes it only if there is
none.  So a run has one `run.begun`, whenever it breaks off.

The lock is the system's own (`flock`) and goes with its process; two processes never carry out one run.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from comity.evaluation.errors import EvaluationError

FORMAT: Final = "comity run/1"
BEGUN: Final = "begun.json"
SALT: Final = "scores.salt"
SEED: Final = "seed"
PLAN: Final = "plan.json"
FRAME: Final = "frame.json"
OUTCOME: Final = "run.json"
LOCK: Final = "lock"


class CannotResume(EvaluationError):
    """There is no such run to go on with, or it goes on already, or it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """One run on the evaluator's disk."""

    path: Path
    run: str
    plan: str
    begun: int | None
    """Index of `run.begun`; `None` where it is not known to have been made."""
    salt: bytes
    fresh: bool = field(default=False, compare=False)
    """Made by this process, so that no entry can be of this run yet."""

    def note_begun(self, index: int) -> None:
        """Write down where the run began."""
        _write(self.path / BEGUN, _format(self.run, self.plan, index))


def make_folder(
    runs: Path, *, run: str, plan: str, canonical: bytes, salt: bytes, seed: str, frame: bytes | None = None
) -> RunFolder:
    """Make the folder of a new run; raises `EvaluationError` where the disk refuses."""
    path = runs / run
    try:
        path.mkdir(parents=True)
        (path / PLAN).write_bytes(canonical)
        if frame is not None:
            (path / FRAME).write_bytes(frame)
        for name, secret in ((SALT, salt.hex()), (SEED, seed)):
            opened = os.open(path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "w") as file:
                file.write(secret + "\n")
        _write(path / BEGUN, _format(run, plan, None))
    except OSError as problem:
        raise EvaluationError(f"the run's folder cannot be made: {type(problem).__name__}: {problem}") from problem
    return RunFolder(path=path, run=run, plan=plan, begun=None, salt=salt, fresh=True)


def open_folder(runs: Path, run: str, plan: str) -> RunFolder:
    """The folder of a run of this plan that was begun; raises `CannotResume`."""
    path = runs / run
    try:
        members = json.loads((path / BEGUN).read_text())
        if members["format"] != FORMAT or members["run"] != run or not isinstance(members["begun"], int | None):
            raise ValueError("another format")
        salt = bytes.fromhex((path / SALT).read_text())
        found = RunFolder(path=path, run=run, plan=str(members["plan"]), begun=members["begun"], salt=salt)
    except (OSError, ValueError, KeyError, TypeError):
        raise CannotResume(f"there is no run {run[:40]!r} in this home; expected runs/<run id>/{BEGUN}") from None
    if found.plan != plan:
        raise CannotResume(f"run {run} is one of plan {found.plan[:16]}…, not of this one, {plan[:16]}…")
    return found


def last_folder(runs: Path, plan: str) -> RunFolder:
    """The newest run of this plan that has no outcome yet; raises `CannotResume`."""
    begun = sorted(runs.glob(f"*/{BEGUN}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in begun:
        if (path.parent / OUTCOME).exists():
            continue
        try:
            return open_folder(runs, path.parent.name, plan)
        except CannotResume:
            continue
    raise CannotResume("no run of this plan was begun and not finished, so there is nothing to resume")


@contextmanager
def hold(folder: RunFolder) -> Iterator[None]:
    """Hold the run's lock; raises `CannotResume` while another process carries the run out."""
    lock = os.open(folder.path / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotResume(f"run {folder.run} goes on in another process; wait for it, or end it first") from None
        yield
    finally:
        os.close(lock)


def _format(run: str, plan: str, begun: int | None) -> str:
    return json.dumps({"format": FORMAT, "run": run, "plan": plan, "begun": begun}) + "\n"


def _write(path: Path, text: str) -> None:
    """Replace a file as one act, durable before it returns."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
