"""Portkey's gateway on Node: headless, in production mode, in a folder of its own.

Its whole tree is pinned by hash in `portkey-lock/package-lock.json`; `npm ci` installs it without install scripts under
`.bench/`, where it stays for the next run.  It is given an empty environment and no secret.
With the releases of `@hono/node-server` from 1.14 on it answered every stream with a 500 here, so an override in
`package.json` holds that back.

The lock is made anew in `portkey-lock/` with `npm install --package-lock-only --ignore-scripts
--omit-lockfile-registry-resolved=true`; no address may stand in it.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.load.wrk import Target
from benchmarks.peers.machine import BENCH, CannotMeasure, Cores, free_port, installed, need, started, wait_for

__all__ = ["VERSION", "install", "running"]

VERSION: Final = "1.15.2"
PINS: Final = Path(__file__).with_name("portkey-lock")
HOME: Final = BENCH / "portkey"
SERVER: Final = HOME / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"


def install() -> None:
    """Make its folder, unless it was made from this very lock."""
    lock = (PINS / "package-lock.json").read_bytes()

    def make() -> None:
        print(f"bench: installing Portkey's gateway {VERSION} by hash into .bench/portkey", file=sys.stderr)
        shutil.rmtree(HOME, ignore_errors=True)
        HOME.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PINS / name, HOME / name)
        command = [need("npm"), "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotMeasure(f"Portkey's gateway could not be installed: {(done.stderr or done.stdout)[-600:]}")

    installed(HOME, lock, make)


@contextlib.contextmanager
def running(folder: Path, base: str, at: Cores) -> Iterator[Target]:
    """The gateway on the core of the gateway; each request names the upstream, as its users do."""
    install()
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "portkey.log"
    env = {"PATH": f"{Path(need('node')).parent}:{os.defpath}", "HOME": str(folder), "NODE_ENV": "production"}
    command = [need("node"), str(SERVER), f"--port={port}", "--headless"]
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": base, "Authorization": "Bearer none"}
    with started(command, core=at.gateway, log=log, env=env, cwd=folder) as process:
        wait_for(f"http://127.0.0.1:{port}/", process, log)
        yield Target(url=f"http://127.0.0.1:{port}/v1/chat/completions", headers=headers, pid=process.pid)
