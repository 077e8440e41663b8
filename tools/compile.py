"""Compiles the path of a call, for a gateway with much to do.

    python tools/compile.py [OUT]          `make compiled` writes build/compiled

OUT gets a copy of the package, and beside each module of `CALL_PATH` what mypyc made of it.  Whoever runs with OUT on
PYTHONPATH runs compiled: the same modules, the same types, about a seventh less processor time for a call.  It is a
copy of its own, because a compiled module hides its source, and whoever changes the source next would not notice.

It takes a C compiler, the headers of this Python, and a minute or two; where the copy is of these very sources and
this very Python, nothing.
"""

import os
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

__all__ = ["CALL_PATH", "STAMP", "compile_to", "state_of"]

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = ROOT / "src" / "comity"
USUAL: Final = ROOT / "build" / "compiled"
STAMP: Final = ".made-from"

CALL_PATH: Final[dict[str, tuple[str, ...]]] = {
    "gateway": (
        "admission", "answer", "anomaly", "anthropic", "anthropic_count", "app", "asked", "bridge", "calls", "decide",
        "edge", "exchange", "flight", "gate", "gemini", "life", "openai", "openai_completions", "openai_embeddings",
        "openai_responses", "passage", "permit_note", "pool", "protocols", "refusal", "reply", "round", "state",
        "stream", "upstream", "usage",
    ),
    "ledger": ("merkle", "sqlite_writer"),
    "records": ("instants",),
    "vault": ("sealing", "tables"),
}  # fmt: skip
"""Room → its modules that each call passes.  Two are not among them: mypyc does not compile `gateway.headers`, whose
fields are a list with more to say, and in `records.call_bytes` it would write true as 1 instead of refusing it."""


def state_of() -> str:
    """What a compiled copy depends on: every source, and the Python that compiles and runs it."""
    state = sha256(f"{sys.version}\n{sys.implementation.cache_tag}\n".encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        state.update(f"{path.relative_to(PACKAGE)}\n".encode() + sha256(path.read_bytes()).digest())
    return state.hexdigest()


def compile_to(out: Path) -> None:
    """Make OUT what this module's text says, unless it is that already; ends the process where it cannot be made."""
    state = state_of()
    if (out / STAMP).exists() and (out / STAMP).read_text() == state:
        return
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(PACKAGE, out / "comity", ignore=shutil.ignore_patterns("__pycache__"))
    from mypyc.build import mypycify
    from setuptools import setup  # type: ignore[import-untyped]

    os.chdir(out)
    modules = [f"comity/{room}/{name}.py" for room, names in CALL_PATH.items() for name in names]
    made = mypycify(["--config-file=", "--follow-imports=silent", *modules], opt_level="3", group_name="comity")
    setup(name="comity", ext_modules=made, packages=[], script_args=["--quiet", "build_ext", "--inplace"])
    shutil.rmtree("build")
    Path(STAMP).write_text(state)


if __name__ == "__main__":
    compile_to(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else USUAL)
