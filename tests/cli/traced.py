"""Which process opened files of which side's folder, out of a system-call trace."""

import re
import shutil
from pathlib import Path

ROLES = ("authority", "provider", "operator", "evaluator")
CALLS = "execve,execveat,open,openat,openat2,creat,clone,clone3,fork,vfork"
COURIER = "courier"
"""The side of a process that was given no side's folder."""


def tracing(trace: Path) -> tuple[list[str], Path | None]:
    """What to put before a command so that it is traced, and where to; nothing where there is no strace."""
    strace = shutil.which("strace")
    if strace is None:
        return [], None
    return [strace, "-f", "--seccomp-bpf", "-qq", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(trace)], trace


def folders_opened(trace: Path, made: Path) -> set[tuple[str, str]]:
    """Pairs of a process's side (by its `--home`) and a side whose files below `made` it opened."""
    side: dict[str, str] = {}
    opened: set[tuple[str, str]] = set()
    root = re.escape(str(made))
    for line in trace.read_text(errors="replace").splitlines():
        pid, _, call = line.partition(" ")
        call = call.strip()
        if born := re.match(r"(?:clone3?|v?fork)\(.*\)\s+= (\d+)", call) or re.match(
            r"<\.\.\. (?:clone3?|v?fork) resumed>.*= (\d+)", call
        ):
            side.setdefault(born[1], side.get(pid, COURIER))
        elif call.startswith("execve(") and (home := re.search(rf'"--home", "{root}/(\w+)"', call)):
            side[pid] = home[1]
        elif touched := re.match(rf'(?:open\w*|creat)\((?:AT_FDCWD, )?"{root}/({"|".join(ROLES)})/', call):
            opened.add((side.get(pid, COURIER), touched[1]))
    return opened
