"""What the guard's tests share: terms with a guard, permits, and a guard on loopback before a recording provider."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import uvloop

from comity.arrangement import Offer
from comity.cli.home import make_home, write_private
from comity.gateway.guard import Guard, count_day
from comity.gateway.guard_counters import Counters
from comity.gateway.guard_relay import Relay
from comity.gateway.guard_serve import serve_guard
from comity.gateway.guard_state import open_state, passed
from comity.gateway.permit_note import HEADER, PermitSlip, expiry_of, sign_permits
from comity.gateway.serve import bind
from comity.ledger import Ledger, Signer
from support import UPSTREAM_KEY, Keys, now, signed_offer, terms_value

TARGET = "/v1/chat/completions"
BODY = b'{"model":"test-model","messages":[{"role":"user","content":"2+2?"}]}'


def guarded_offer(keys: Keys) -> Offer:
    """Terms that both parties signed, under which the provider keeps a guard."""
    guard = {"by": "provider", "permit_key": keys.permit.vkey, "key": keys.guard.vkey}
    return signed_offer(keys, terms_value(keys, guard=guard))


def sign_permit(
    signer: Signer, *, origin: str, digest: str, index: int, method: str, target: str, body: bytes, expires: int
) -> str:
    """The header of a lone request."""
    sent = sha256(body).hexdigest()
    slip = PermitSlip(entry=index, method=method, target=target, sent=sent, expires=expires)
    [note] = sign_permits(signer, origin=origin, digest=digest, slips=[slip])
    return note


def permit(keys: Keys, offer: Offer, index: int, *, at: datetime | None = None, **changes: Any) -> str:
    """The header of one request, as the gateway of `offer` signs it."""
    fields: dict[str, Any] = {
        "signer": keys.permit,
        "origin": offer.terms.ledger.origin,
        "digest": offer.terms.digest,
        "method": "POST",
        "target": TARGET,
        "body": BODY,
        "expires": expiry_of(at or now()),
    } | changes
    return sign_permit(fields.pop("signer"), index=index, **fields)


@dataclass
class LiveGuard:
    """A guard on loopback, by its address."""

    url: str
    keys: Keys
    offer: Offer
    state: Ledger | None = None
    clock: Callable[[], datetime] = now
    process: subprocess.Popen[str] | None = None
    guard: Guard | None = None
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def end(self, number: signal.Signals) -> int:
        """Send a signal to the guard's own process; its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def permit(self, index: int, **changes: Any) -> str:
        return permit(self.keys, self.offer, index, **({"at": self.clock()} | changes))

    def ask(
        self, header: str | None, *, target: str = TARGET, body: bytes = BODY, method: str = "POST"
    ) -> httpx.Response:
        """One request with the upstream key, and a permit where `header` holds one."""
        headers = {"authorization": f"Bearer {UPSTREAM_KEY}", "content-type": "application/json"}
        if header is not None:
            headers[HEADER] = header
        return self.client.request(method, self.url + target, content=body, headers=headers)

    def counters(self, day: str | None = None) -> Counters:
        assert self.state is not None
        at = self.clock()
        terms = self.offer.terms
        day = day or at.date().isoformat()
        return count_day(self.state, origin=terms.ledger.origin, terms=terms.digest, day=day, at=at)

    def passed(self) -> list[int]:
        assert self.state is not None
        reader = self.state.reader()
        found = passed(reader.query, self.clock().date().isoformat())
        reader.close()
        return found


def reason(answer: httpx.Response) -> str:
    """Why a guard refused, after a look that the answer is a guard's refusal."""
    said = answer.json()
    assert "permit-refused" == said["error"]["code"]
    assert "false" == answer.headers["x-should-retry"]
    assert "guard.by" == said["comity"]["clause"]
    return str(said["comity"]["reason"])


@contextmanager
def live_guard(
    folder: Path,
    endpoint: str,
    *,
    keys: Keys | None = None,
    offer: Offer | None = None,
    clock: Callable[[], datetime] = now,
    answer_seconds: float = 30,
) -> Iterator[LiveGuard]:
    """A guard in a thread of this process, over the state in `folder`."""
    keys = keys or Keys()
    offer = offer or guarded_offer(keys)
    terms = offer.terms
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started, ending = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    made: list[Guard] = []
    with open_state(folder, origin=terms.ledger.origin) as state:

        async def main() -> None:
            loops.append(asyncio.get_running_loop())
            guard = Guard(
                state=state,
                origin=terms.ledger.origin,
                digest=terms.digest,
                permit_key=keys.permit.verifier,
                relay=Relay(endpoint.removesuffix("/v1"), answer_seconds=answer_seconds),
                clock=clock,
            )
            made.append(guard)
            await serve_guard(guard, listener, ready=started.set, until=ending)

        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main())

        thread = threading.Thread(target=run)
        thread.start()
        assert started.wait(10)
        live = LiveGuard(url=url, keys=keys, offer=offer, state=state, clock=clock, guard=made[0])
        try:
            yield live
        finally:
            live.client.close()
            loops[0].call_soon_threadsafe(ending.set)
            thread.join(20)


def make_provider(folder: Path, keys: Keys, offer: Offer) -> Path:
    """A provider's home with the guard's key of `keys`, and the signed terms beside it."""
    home = folder / "provider"
    make_home(home, role="provider", name="Provider", host="provider.example")
    key = home / "keys" / "guard"
    key.unlink(missing_ok=True)
    write_private(key, keys.guard.private_text())
    (folder / "terms.json").write_bytes(offer.envelope)
    return home


@contextmanager
def guard_process(folder: Path, endpoint: str, keys: Keys, offer: Offer, *options: str | Path) -> Iterator[LiveGuard]:
    """`comity guard serve` as a process of its own, to be killed; its home lies in `folder`."""
    command = [sys.executable, "-m", "comity", "--home", str(folder / "provider"), "guard", "serve"]
    command += [str(folder / "terms.json"), "--upstream", endpoint.removesuffix("/v1"), "--listen", "127.0.0.1:0"]
    command += map(str, options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            live = LiveGuard(url=ready["guard"], keys=keys, offer=offer, process=process)
            yield live
            live.client.close()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(20)
