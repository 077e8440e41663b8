"""The command behind `make fuzz`: fuzz targets for a while, keep what was worth it, and tell of findings.

    make fuzz ARGS='--seconds 60 --target request-openai-chat'

Inputs that lead through new lines of Comity are added to `tests/fuzz/corpus`, for
the next commit.  An input that breaks a target lies in `.fuzz/crashes`, and the
exit status is 1.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT), str(ROOT / "tests" / "gateway"), str(HERE)]

from fuzz_choose import choose  # noqa: E402
from fuzz_targets import CORPUS, TARGETS, corpus_of, name_of  # noqa: E402

WORK = ROOT / ".fuzz"
ROUTES = "routes"


def main() -> int:
    """Run as asked; 1 where something broke."""
    asking = argparse.ArgumentParser(prog="make fuzz", description="Fuzz Comity's readers and its gateway's routes.")
    asking.add_argument("--seconds", type=int, default=60, help="how long each target is fuzzed (60)")
    asking.add_argument("--target", action="append", choices=[*TARGETS, ROUTES], help="repeatable; all of them")
    asking.add_argument("--renew", action="store_true", help="choose the corpus anew, smallest inputs first")
    asked = asking.parse_args()
    names = asked.target or [*TARGETS, ROUTES]
    status = 0
    if guided := [name for name in names if name != ROUTES]:
        status |= guide(guided, asked.seconds)
        for name in guided:
            keep(name, renew=asked.renew)
    if ROUTES in names:
        from fuzz_routes import fuzz_for

        status |= fuzz_for(asked.seconds)
    return status


def guide(names: list[str], seconds: int, *, runs: int = -1, work: Path = WORK) -> int:
    """Fuzz targets one after the other; 1 where one broke."""
    findings = work / "crashes"
    findings.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, HERE / "fuzz_atheris.py", str(seconds), str(runs), findings, work / "work", *names]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, check=False).returncode


def keep(name: str, *, renew: bool = False) -> None:
    """Add to a target's corpus what the last runs found, or choose all of it anew."""
    old = [path.read_bytes() for path in corpus_of(name)]
    folder = WORK / "work" / name
    found = [path.read_bytes() for path in folder.iterdir()] if folder.is_dir() else []
    chosen = choose(name, [], old + found) if renew else choose(name, old, found)
    if renew:
        for path in corpus_of(name):
            path.unlink()
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    for data in chosen:
        (CORPUS / name / name_of(data)).write_bytes(data)
    print(f"fuzz: {name}: {len(chosen)} inputs {'chosen' if renew else 'added'}, {len(corpus_of(name))} kept")


if __name__ == "__main__":
    sys.exit(main())
