"""LiteLLM's proxy: one worker, no database, logging off, in an environment of its own.

Its whole tree is pinned by hash in `litellm.txt` and installed as wheels alone under `.bench/`, where it stays for the
next run.  There were releases of it that stole what they found; so it is given an empty environment, a home folder of
its own and no secret, and its telemetry is off.  It refuses to start without a master key, so each run makes one up.

`litellm.txt` is made anew with `uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header
--no-emit-index-url --no-emit-find-links --no-annotate --only-binary :all:`, which reads `litellm[proxy]==…`.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.load.wrk import MODEL, Target
from benchmarks.peers.machine import BENCH, CannotMeasure, Cores, free_port, installed, started, wait_for

__all__ = ["VERSION", "install", "running"]

VERSION: Final = "1.106.2"
PINS: Final = Path(__file__).with_name("litellm.txt")
HOME: Final = BENCH / "litellm"
QUIET: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or it fetches a table of prices when it starts
    "LITELLM_LOG": "ERROR",
    "LITELLM_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
}


def install() -> None:
    """Make its environment, unless it was made from these very pins."""

    def make() -> None:
        print(f"bench: installing LiteLLM {VERSION} by hash into .bench/litellm", file=sys.stderr)
        shutil.rmtree(HOME, ignore_errors=True)
        pip = [f"{HOME}/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install"]
        how = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--requirement", str(PINS)]
        for command in ([sys.executable, "-m", "venv", str(HOME)], [*pip, *how]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CannotMeasure(f"LiteLLM could not be installed: {(done.stderr or done.stdout)[-600:]}")

    installed(HOME, PINS.read_bytes() + sys.version.encode(), make)


@contextlib.contextmanager
def running(folder: Path, base: str, at: Cores) -> Iterator[Target]:
    """The proxy on the core of the gateway, in front of one upstream."""
    install()
    folder.mkdir(parents=True, exist_ok=True)
    port, log, configuration = free_port(), folder / "litellm.log", folder / "config.yaml"
    parameters = {"model": f"openai/{MODEL}", "api_base": base, "api_key": "none"}
    settings = {
        "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
        "litellm_settings": {"telemetry": False, "turn_off_message_logging": True, "request_timeout": 120},
        "general_settings": {"disable_spend_logs": True},
    }
    configuration.write_text(json.dumps(settings, indent=1) + "\n")  # JSON is YAML
    command = [f"{HOME}/bin/litellm", "--config", str(configuration), "--host", "127.0.0.1", "--port", str(port)]
    key = f"sk-{secrets.token_hex(16)}"
    env = {"PATH": f"{HOME / 'bin'}:{os.defpath}", "HOME": str(folder), "LITELLM_MASTER_KEY": key, **QUIET}
    command += ["--num_workers", "1", "--telemetry", "False"]
    headers = {"Authorization": f"Bearer {key}"}
    with started(command, core=at.gateway, log=log, env=env, cwd=folder) as process:
        wait_for(f"http://127.0.0.1:{port}/health/liveliness", process, log)
        yield Target(url=f"http://127.0.0.1:{port}/v1/chat/completions", headers=headers, pid=process.pid)
