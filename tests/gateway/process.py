"""Gateways as processes: started from a folder, spoken to over loopback, killed by their own id."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from comity.arrangement import Offer, grant_text, sign_act
from comity.gateway import begin_ledger
from comity.gateway.acts import perform
from comity.gateway.opening import SCHEMA
from comity.ledger import open_ledger
from support import ARRANGEMENT, SECRET, Keys, now, signed_offer, terms_value

RUNNER = Path(__file__).with_name("runner.py")


@dataclass
class Started:
    """One process that serves a gateway, or a nursery that starts such processes."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]

    def ready(self) -> tuple[str, int]:
        """Wait for the next process to be ready; its base URL and its process id."""
        line = self.out.readline()
        assert line, "the gateway's process ended before it was ready"
        said = json.loads(line)
        return f"{said['url']}/a/{ARRANGEMENT}", int(said["pid"])

    def begin(self) -> tuple[str, int]:
        """Have the nursery start one more process."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"start\n")
        self.process.stdin.flush()
        return self.ready()


@contextmanager
def started(
    folder: Path, provider_url: str, *options: str, prefix: Sequence[str] = (), stderr: Path | None = None
) -> Iterator[Started]:
    """Start the runner; on leaving, end what was started here, by its id."""
    errors = open(stderr or os.devnull, "ab")  # lives as long as the process
    process = subprocess.Popen(
        [*prefix, sys.executable, str(RUNNER), str(folder), provider_url, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder)},
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield Started(process, process.stdout)
    finally:
        process.stdin.close()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        errors.close()


def prepared(folder: Path, keys: Keys, **changes: Any) -> Offer:
    """A folder with signed terms, their ledger and one grant for the key of the tests."""
    folder.mkdir(exist_ok=True)
    offer = signed_offer(keys, terms_value(keys, **changes))
    (folder / "offer.json").write_bytes(offer.envelope)
    begin_ledger(folder / "ledger.sqlite", offer, now=now()).close()
    text = grant_text(
        ledger=offer.terms.ledger.origin,
        arrangement=offer.terms.digest,
        person="evaluator-1",
        access=sha256(SECRET.encode()).hexdigest(),
        expires=now() + timedelta(minutes=30),
        nonce=os.urandom(16).hex(),
    )
    note = sign_act(text, keys.authority)
    with open_ledger(folder / "ledger.sqlite", schema=SCHEMA) as ledger:
        done = ledger.transact(lambda tx: perform(tx, door="/grants", note=note, terms=offer.terms, now=now()))
    assert isinstance(done, int), done
    return offer
