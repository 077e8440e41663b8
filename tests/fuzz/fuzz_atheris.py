"""One coverage-guided run for each target named, each in a child process; `fuzz` starts this.

    python fuzz_atheris.py SECONDS RUNS FINDINGS WORK TARGET…

Comity is instrumented once, then a child is forked for each target, because libFuzzer
ends its process.  Inputs that reach something new are left in `WORK/<target>`, one
that breaks a target in `FINDINGS`.  Exit status 1 when a target broke.
"""

import os
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT), str(ROOT / "tests" / "gateway"), str(HERE)]
TIMEOUT = 25
"""Seconds for one input; more is a finding."""


def main(seconds: str, runs: str, findings: str, work: str, *names: str) -> int:
    """Fuzz each target; the number of seconds is for each of them."""
    with atheris.instrument_imports(include=["comity", "fuzz_planted"]):
        import fuzz_planted
        import fuzz_seeds
        import fuzz_targets

    broken = []
    for name in names:
        target = {**fuzz_targets.TARGETS, **fuzz_planted.TARGETS}[name]
        folder = Path(work) / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed in fuzz_seeds.seeds(name):
            (folder / fuzz_targets.name_of(seed)).write_bytes(seed)
        words = Path(work) / f"{name}.words"
        words.write_text("".join(_entry(word) for word in fuzz_seeds.words(name)))
        options = [
            f"-max_total_time={seconds}",
            f"-runs={runs}",
            f"-max_len={fuzz_targets.MOST_BYTES}",
            f"-artifact_prefix={findings}/{name}-",
            f"-dict={words}",
            f"-timeout={TIMEOUT}",
            "-rss_limit_mb=4096",
            "-use_value_profile=1",
            "-print_final_stats=0",
            "-verbosity=0",
        ]
        kept = [str(fuzz_targets.CORPUS / name)] if fuzz_targets.corpus_of(name) else []
        child = os.fork()
        if child == 0:
            atheris.Setup([sys.argv[0], *options, str(folder), *kept], target)
            atheris.Fuzz()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status != 0:
            broken.append(name)
    if broken:
        print(f"broken: {' '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


def _entry(word: bytes) -> str:
    """One line of libFuzzer's dictionary."""
    return '"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\x{c:02x}" for c in word) + '"\n'


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
