"""Recovery: the logs of a run's legs, those of legs that broke off included.

What the engine (release 0.3.285) keeps, and when:

| what | when it is durable |
| --- | --- |
| events of a sample | at once, in a SQLite file under `engine/` (`log_realtime`) |
| a sample that ended | at once, in the same file; and in the `.eval` file every `log_buffer` samples |
| the finished log | when the evaluation ended; the SQLite file goes |

"At once" is the end of a transaction without a forced write: it survives the end of the process by any signal, and not
the loss of power, after which samples since the last write of the `.eval` file may be asked again.

`recover_logs` turns the log of a broken leg and its SQLite file into `<name>-recovered.eval`, once, by the engine's own
means.  The engine passes over a SQLite file whose process seems to be alive, and in a container the next process often
has the number of the last one; so the file is renamed first, to a number that no process has.  That is safe because the
run's folder is locked (`folder.hold`).

`read_legs` reads one log for each leg and epoch block, in order.  `logs_digest` is the SHA-256 of the one log, or of
the lines `<sha256>  <name>` of all of them, as `sha256sum` writes them, in the order of their names.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from comity.evaluation.errors import EvaluationError

RECOVERED: Final = "-recovered.eval"
MANIFEST: Final = "logs.sha256"
LEG: Final = "comity_leg"
FIRST_EPOCH: Final = "comity_first_epoch"
NO_PROCESS: Final = "4194305"
"""One more than the largest process number that Linux gives."""

_BUFFER: Final = re.compile(r"(?P<log>.+\.eval)\.[0-9]+\.(?P<rest>db(-wal|-shm)?)")


class NoLog(EvaluationError):
    """The engine left no log, or one that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLog:
    """One log of a run."""

    path: Path
    leg: int
    first_epoch: int
    status: str
    """success · cancelled · error · started (a leg that broke off before anything was to be recovered)"""
    samples: Sequence[Any]


def recover_logs(folder: Path) -> None:
    """Recover what the logs of broken legs and their buffers hold; raises `NoLog` where a log cannot be read."""
    from inspect_ai.log import read_eval_log, recover_eval_log
    from inspect_ai.log._recover import RecoveryNotAvailable

    for path in _originals(folder):
        made = _recovered(path)
        try:
            if made.exists() or read_eval_log(str(path), header_only=True).status != "started":
                continue
            _free_buffers(folder, path.name)
            unfinished = folder / "engine" / path.name
            try:
                recover_eval_log(str(path), output=str(unfinished), cleanup=False)
            except RecoveryNotAvailable:
                continue  # the leg broke off before its first sample began
            os.replace(unfinished, made)
        except (OSError, ValueError, KeyError) as problem:
            raise NoLog(f"the log {path.name} cannot be recovered: {problem}") from problem


def read_legs(folder: Path) -> tuple[LegLog, ...]:
    """The logs of every leg, recovered ones in place of broken ones; raises `NoLog`."""
    from inspect_ai.log import read_eval_log

    found = []
    for path in _originals(folder):
        chosen = _recovered(path) if _recovered(path).exists() else path
        try:
            log = read_eval_log(str(chosen))
        except (OSError, ValueError, KeyError) as problem:
            raise NoLog(f"the log {chosen.name} cannot be read: {problem}") from problem
        known = log.eval.metadata or {}
        found.append(
            LegLog(
                path=chosen,
                leg=int(known.get(LEG, 1)),
                first_epoch=int(known.get(FIRST_EPOCH, 1)),
                status="started" if chosen != path else str(log.status),
                samples=log.samples or (),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.leg, one.first_epoch)))


def logs_digest(legs: Sequence[LegLog], folder: Path) -> str:
    """What `run.finished` states; writes the list beside the logs where there are several."""
    digests = sorted((leg.path.name, sha256(leg.path.read_bytes()).hexdigest()) for leg in legs)
    if len(digests) == 1:
        return digests[0][1]
    manifest = "".join(f"{digest}  {name}\n" for name, digest in digests).encode()
    (folder / MANIFEST).write_bytes(manifest)
    return sha256(manifest).hexdigest()


def _originals(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.eval") if not path.name.endswith(RECOVERED))


def _recovered(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".eval") + RECOVERED)


def _free_buffers(folder: Path, log: str) -> None:
    for path in (folder / "engine").rglob(f"{log}.*"):
        match = _BUFFER.fullmatch(path.name)
        if match and match["log"] == log:
            path.rename(path.with_name(f"{log}.{NO_PROCESS}.{match['rest']}"))
