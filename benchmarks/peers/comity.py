"""Comity as an operator runs it: the public commands make four homes, signed terms and a ledger, and `comity serve`.

Nothing is left out to be faster: each call has a durable permit before it is sent and a durable settlement before it is
answered, its request and answer are sealed to two recipients, and every entry goes into a ledger on the disk that the
checkout is on.  The terms are those of the demo's offer with room for every call of a run.

The gateway runs as `make compiled` makes it, where this machine has a C compiler; `interpreted` is the same one as it
lies in the checkout.

The publisher runs in the same process, with an hour between checkpoints: witnesses are processes of other people on
other machines, and a run of a minute asks them once.  `publish_every` shortens the hour.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from benchmarks.load.wrk import MODEL, Target
from benchmarks.peers.machine import BENCH, ROOT, CannotMeasure, Cores, started, wait_for

from comity.arrangement import grant_text, sign_act, stop_text, verify_offer
from comity.cli.demo.offer import Offered, offer_text
from comity.ledger import Signer, parse_private_key

__all__ = ["SETTINGS", "Arranged", "Served", "arrange", "compiled"]

ROLES: Final = ("authority", "provider", "operator", "evaluator")
PUBLISH_EVERY: Final = 3600.0
SETTINGS: Final = "SQLite in WAL mode with synchronous=FULL (an fsync before a permit and before an answer counts)"

_PAPERS: Final = ("offer.yaml", "terms-1.json", "terms-2.json", "terms.json")

OFFERED: Final = Offered(
    model=MODEL,
    serves=(MODEL,),
    protocols=("openai", "anthropic"),
    context_window=32_768,
    max_output=4_096,
    overhead=64,
    price_input="0.10",
    price_output="0.40",
    calls=10**8,
    input_tokens=10**12,
    output_tokens=10**12,
    cost="9000000",
    concurrency=10**5,
)
WIDER: Final = ("rate.calls_per_minute=1000000", "rate.tokens_per_minute=1000000000")
"""Clauses of the demo's offer that would refuse a benchmark's calls, as the authority's counter changes them."""


@cache
def compiled() -> Path | None:
    """Where the compiled package is; None where it cannot be made here, which is said."""
    out = BENCH / "compiled"
    print("bench: compiling the path of a call into .bench/compiled", file=sys.stderr)
    command = [sys.executable, str(ROOT / "tools" / "compile.py"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"bench: it cannot be compiled here, so it is interpreted: {done.stderr[-600:]}", file=sys.stderr)
        return None
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A gateway that serves one copy of the arrangement."""

    target: Target
    url: str
    """The arrangement's base URL."""
    ledger: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Arranged:
    """Signed terms and an empty ledger, to be copied for each gateway."""

    folder: Path
    id: str
    origin: str
    secret: str

    def _party(self, role: str) -> Signer:
        return parse_private_key((self.folder / role / "keys" / "party").read_text().strip())

    def stop_note(self) -> bytes:
        """The provider's signed stop."""
        text = stop_text(ledger=self.origin, cause="containment", nonce=secrets.token_hex(16))
        return sign_act(text, self._party("provider"))

    def _grant_note(self, digest: str) -> bytes:
        text = grant_text(
            ledger=self.origin,
            arrangement=digest,
            person="evaluator-1",
            access=sha256(self.secret.encode()).hexdigest(),
            expires=datetime.now(UTC) + timedelta(days=2),
            nonce=secrets.token_hex(16),
        )
        return sign_act(text, self._party("authority"))

    def copy(self, name: str) -> Path:
        """An operator's home of its own, with this arrangement's ledger as it was adopted."""
        home = self.folder / f"operator-{name}"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.folder / "operator", home)
        return home

    @contextlib.contextmanager
    def served(
        self, home: Path, upstream: str, cores: Cores, *, publish_every: float = PUBLISH_EVERY, granted: bool = False,
        package: Path | None = None,
    ) -> Iterator[Served]:  # fmt: skip
        """`comity serve` on one operator's home; a grant is asked for unless the ledger holds it already.

        `package` is a folder whose `comity` is served in place of the checkout's.
        """
        folder = home / "ledgers" / self.id
        providers = dict.fromkeys(OFFERED.protocols, upstream)
        (folder / "providers.json").write_text(json.dumps(providers) + "\n")
        log = home / "serve.log"
        command: list[str | Path] = [sys.executable, "-m", "comity", "--home", home]
        command += ["serve", "--listen", "127.0.0.1:0", "--publish-every", str(publish_every)]
        env = None if package is None else {**os.environ, "PYTHONPATH": str(package)}
        with started(command, core=cores.gateway, log=log, piped=True, env=env) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise CannotMeasure(f"'comity serve' did not start: {log.read_text()[-1500:]}")
            url = f"{json.loads(line)['gateway']}/a/{self.id}"
            wait_for(f"{url}/checkpoint", process, log)
            if not granted:
                offer = verify_offer((folder / "terms.json").read_bytes())
                post(f"{url}/grants", self._grant_note(offer.terms.digest))
            target = Target(
                url=f"{url}/openai/v1/chat/completions",
                headers={"Authorization": f"Bearer {self.secret}"},
                pid=process.pid,
            )
            yield Served(target=target, url=url, ledger=folder / "ledger.sqlite")


def post(url: str, body: bytes) -> Any:
    """Hand something to one of the gateway's doors; its answer, from JSON."""
    with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=30) as answer:
        return json.loads(answer.read())


def _comity(folder: Path, role: str, *arguments: str | Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "comity", "--home", folder / role, *map(str, arguments), "--json"],
        capture_output=True, text=True, check=False, env={**os.environ, "COMITY_UPSTREAM_KEY": "bench-upstream-key"},
    )  # fmt: skip
    if done.returncode:
        raise CannotMeasure(f"'comity {' '.join(map(str, arguments[:2]))}' in {role}/ failed: {done.stderr[-1500:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def arrange(folder: Path, upstream: str) -> Arranged:
    """Four homes, an offer, a counter, two signatures and an adopted ledger, by the public commands."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cards: list[str | Path] = []
    for role in ROLES:
        _comity(folder, "", "init", folder / role, "--role", role, "--name", role, "--host", f"{role}.example")
        card = folder / f"{role}.card.json"
        if role == "operator":
            _comity(folder, role, "ledger", "reserve", "--out", card)
        else:
            witness = ("--witness-url", "http://127.0.0.1:9/") if role != "evaluator" else ()
            _comity(folder, role, "key", "show", *witness, "--out", card)
        cards += ["--card", card]
    offer, first, second, terms = (folder / name for name in _PAPERS)
    offer.write_text(offer_text(OFFERED, provider="provider", now=datetime.now(UTC)), encoding="utf-8")
    changes = [part for change in WIDER for part in ("--set", change)]
    _comity(folder, "provider", "arrangement", "draft", "--offer", offer, *cards, "--out", first)
    _comity(folder, "authority", "arrangement", "counter", first, *changes, "--out", second)
    _comity(folder, "provider", "arrangement", "accept", second, "--out", terms)
    upstreams = [part for protocol in OFFERED.protocols for part in ("--upstream", f"{protocol}={upstream}")]
    adopted = _comity(folder, "operator", "ledger", "adopt", terms, *upstreams)
    secret = (folder / "evaluator" / "keys" / "access").read_text().strip()
    return Arranged(folder=folder, id=adopted["arrangement"], origin=adopted["ledger"], secret=secret)
