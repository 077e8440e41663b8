"""The machine that a run takes place on: its cores, its tools, its processes and what they occupy.

The gateway under test has one core to itself; the load and the upstream share the other.
Processes are started on their core by `taskset`, so that whatever they start in turn stays there too.
Every process started here is ended by its own id.
"""

import contextlib
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

__all__ = [
    "BENCH",
    "ROOT",
    "CannotMeasure",
    "Cores",
    "cores",
    "cpu_seconds",
    "describe",
    "free_port",
    "installed",
    "need",
    "resident_mb",
    "started",
    "wait_for",
]

ROOT: Final = Path(__file__).resolve().parents[2]
BENCH: Final = ROOT / ".bench"
"""Everything that a run writes or installs; ignored by git, and on the disk that the checkout is on."""

PACKAGES: Final = {"wrk": "wrk", "nginx": "nginx-light", "taskset": "util-linux", "node": "nodejs", "npm": "npm"}
READY_SECONDS: Final = 120
END_SECONDS: Final = 20
SYNCS: Final = 64


class CannotMeasure(Exception):
    """Something that a measurement needs is not there; the text says what to do."""


class Cores:
    """Which core the gateway under test has, and which core load and upstream share."""

    def __init__(self, gateway: int, load: int) -> None:
        self.gateway, self.load = gateway, load


def cores() -> Cores:
    """The first two cores that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise CannotMeasure(
            f"expected two cores, one for the gateway and one for the load, and may use {len(usable)} here; "
            f"run on a machine with two"
        )
    return Cores(usable[0], usable[1])


def need(tool: str) -> str:
    """The path of a tool; as root on Debian it is installed where it is missing."""
    if found := shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin"):
        return found
    package = PACKAGES[tool]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"bench: installing {package}, which holds {tool}", file=sys.stderr)
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package]
        subprocess.run(command, check=False, stdout=sys.stderr, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        if found := shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin"):
            return found
    raise CannotMeasure(f"{tool} is not installed; on Debian: apt-get install {package}")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def installed(home: Path, pins: bytes, make: Callable[[], None]) -> None:
    """See that what the pins name is in a folder; a stamp in it tells whether it was made from these pins."""
    stamp, made_from = home / ".made-from", sha256(pins).hexdigest()
    if not stamp.exists() or stamp.read_text() != made_from:
        make()
        stamp.write_text(made_from)


@contextlib.contextmanager
def started(
    command: Sequence[str | Path],
    *,
    core: int,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    piped: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on one core, its messages in a file; on leaving it is ended, by SIGTERM and then by SIGKILL."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as messages:
        process = subprocess.Popen(
            [need("taskset"), "--cpu-list", str(core), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else messages,
            stderr=messages,
            env=env,
            cwd=cwd,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = READY_SECONDS) -> None:
    """Wait until an address answers anything at all over HTTP."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # our own loopback address
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace")[-1500:]
    raise CannotMeasure(f"{url} did not answer within {seconds:g} s; its process said: {said}")


def _family(pid: int) -> list[int]:
    """A process and all that it started, by id."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += _family(int(child))
    return found


def resident_mb(pid: int) -> float:
    """Megabytes in memory of a process and all that it started: what the kernel calls resident."""
    pages = 0
    for each in _family(pid):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and all that it started have used so far; exact to about 10 ms."""
    ticks = 0
    for each in _family(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()


def _sync_ms(folder: Path) -> float:
    """The median time that this disk takes to make 4 kB durable."""
    took = []
    path = folder / "sync"
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(os.urandom(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    path.unlink()
    return round(statistics.median(took) * 1e3, 3)


def describe(folder: Path) -> dict[str, Any]:
    """What a reader of the numbers needs to know of the machine; `folder` is where the ledgers lie."""
    source, kind, options = (_said("findmnt", "-n", "-o", name, "-T", str(folder)) for name in _MOUNT)
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().split("\n", 1)[0]
    return {
        "cores": os.cpu_count(),
        "processor": model[0].partition(":")[2].strip() if model else platform.machine(),
        "memory": memory.partition(":")[2].strip(),
        "kernel": platform.release(),
        "filesystem": f"{kind} on {source} ({options})",
        "sync_4k_ms": _sync_ms(folder),
        "python": platform.python_version(),
        "nginx": _said(need("nginx"), "-v").rpartition("/")[2],
        "wrk": _said(need("wrk"), "-v").split(" [", 1)[0].replace("wrk ", ""),
    }


_MOUNT: Final = ("SOURCE", "FSTYPE", "OPTIONS")
