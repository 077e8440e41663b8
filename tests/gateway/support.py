"""What the gateway's tests share: terms, keys, a provider that records, and a live gateway.

Everything is real: the gateway listens on loopback and writes a ledger on disk,
and the provider is an HTTP server that keeps every byte it was sent.
"""

import asyncio
import base64
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import uvloop
from providing import (
    Answering,
    Asked,
    HangUp,
    Part,
    RecordingProvider,
    cached,
    completion,
    delta,
    events,
    flowing,
    whole,
)

from comity.arrangement import (
    Offer,
    Terms,
    countersign,
    grant_text,
    offer_terms,
    parse_terms_json,
    resume_text,
    revoke_text,
    sign_act,
    stop_text,
    suspend_text,
)
from comity.arrangement.terms import DAYS
from comity.gateway import Doors, Gate, Provider, Upstream, begin_ledger, open_arrangement
from comity.gateway.serve import bind, serve
from comity.ledger import Ledger, Signer, generate_key
from comity.records import Record, canonical_bytes, parse_record
from comity.vault import RecipientKey, generate_recipient

__all__ = [
    "ARRANGEMENT",
    "MONDAY",
    "ORIGIN",
    "PERMIT",
    "SECRET",
    "UPSTREAM_KEY",
    "Answering",
    "Asked",
    "HangUp",
    "Keys",
    "LiveGateway",
    "Part",
    "RecordingProvider",
    "SetClock",
    "b64",
    "cached",
    "completion",
    "dated_gateway",
    "delta",
    "events",
    "flowing",
    "live_gateway",
    "now",
    "signed_offer",
    "terms_value",
    "wait_until",
    "whole",
]

ARRANGEMENT = "0123456789abcdef0123456789abcdef"
ORIGIN = f"operator.example/a/{ARRANGEMENT}"
SECRET = "comity-test-secret-0123456789"
UPSTREAM_KEY = "upstream-key-of-the-test"
PERMIT = generate_key("ed25519", "operator.example/permit", lambda count: bytes([8]) * count)
"""The operator's permit key, the same in every process that a test starts."""


def now() -> datetime:
    return datetime.now(UTC)


class SetClock:
    """A clock that stands until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def on(self, **span: float) -> datetime:
        """Move it on by a span, in the words of `timedelta`."""
        self.at += timedelta(**span)
        return self.at


def wait_until(fact: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait for a fact that another thread or process brings about; fail when it does not come."""
    end = time.monotonic() + seconds
    while not (found := fact()):
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {seconds} s")
        time.sleep(0.002)
    return found


@dataclass
class Keys:
    """The keys of one test's two parties, operator and recipients."""

    authority: Signer = field(default_factory=lambda: generate_key("ed25519", "authority.example", os.urandom))
    provider: Signer = field(default_factory=lambda: generate_key("ed25519", "provider.example", os.urandom))
    log: Signer = field(default_factory=lambda: generate_key("ed25519", ORIGIN, os.urandom))
    log_mldsa: Signer = field(default_factory=lambda: generate_key("mldsa44-cosigner", ORIGIN, os.urandom))
    witness: Signer = field(
        default_factory=lambda: generate_key("ed25519-cosigner", "authority.example/witness", os.urandom)
    )
    permit: Signer = field(default_factory=lambda: PERMIT)
    guard: Signer = field(default_factory=lambda: generate_key("ed25519", "provider.example/guard", os.urandom))
    evaluator: RecipientKey = field(default_factory=lambda: generate_recipient(os.urandom))
    recovery: RecipientKey = field(default_factory=lambda: generate_recipient(os.urandom))


def terms_value(keys: Keys, **changes: Any) -> dict[str, Any]:
    """Terms as JSON members; `changes` replace whole clauses, or one member as `budget__calls=3`."""
    at = now()
    policy = (
        f"log {keys.log.vkey}\nlog {keys.log_mldsa.vkey}\nwitness authority {keys.witness.vkey} http://authority.example/\n"
        "group both all authority\nquorum both\n"
    )
    model = {
        "name": "test-model",
        "variant": "standard",
        "serves": ["test-model"],
        "on_mismatch": "refuse",
        "unstated": "flag",
        "protocols": ["openai", "anthropic"],
        "context_window": 4096,
        "max_output": 64,
        "overhead": {"request": 64, "message": 16, "tool": 64},
        "prices": {"input": "0.10", "cached_read": "0.05", "cache_write": "0.12", "output": "0.40"},
    }
    value: dict[str, Any] = {
        "terms": "arrangement/1",
        "id": ARRANGEMENT,
        "version": 1,
        "previous": "",
        "title": "Access for tests",
        "ledger": {"origin": ORIGIN, "policy": policy},
        "operator": {"by": "third-party", "name": "Ops", "placement": "a room", "upstream_key_held_by": "operator"},
        "parties": {
            name: {"name": name.title(), "key": getattr(keys, name).vkey} for name in ("authority", "provider")
        },
        "basis_kind": "voluntary", "basis": "voluntary offer", "purpose": ["testing"], "channel": "api",
        "models": [model],
        "features": ["streaming", "stream_usage", "sampling", "seed", "stop", "system_prompt"],
        "limits": {}, "access": [], "calendar": "plain", "access_days": 0,
        "people": [{"id": "evaluator-1", "role": "evaluator", "eligible": True}],
        "window": {
            "from": f"{at - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "until": f"{at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "hours": {"days": list(DAYS), "from": "00:00", "until": "24:00"},
        },
        "budget": {"calls": 1000, "input_tokens": 1_000_000, "output_tokens": 100_000, "cost": "1.00"}
        | {"currency": "EUR", "output_unstated": "reserve", "rerun_reserve": 0},
        "rate": {"calls_per_minute": 10_000, "tokens_per_minute": 1_000_000_000, "concurrency": 64},
        "costs": {"borne_by": "provider"},
        "content": {
            "recipients": [
                {"name": name, "key": getattr(keys, name).public_text()} for name in ("evaluator", "recovery")
            ],
            "blindness": "sealed-record", "retention": "none", "training": "none",
        },
        "record": {"provider_sees": "checkpoints"},
        "successor": {"notice_days": 0, "access_days": 0, "text": "none is promised"},
        "stop": {"by": ["authority", "provider"]},
        "suspension": {"by": ["authority", "provider"], "clock_stops": ["legal-order", "operational"]},
        "exit": {"by": ["authority", "provider"], "notice_days": 0, "statement": "recorded"},
        "incident_contacts": {"authority": "the duty desk", "provider": "the duty desk"},
        "safe_harbour": {"tag": "test-engagement", "text": "good faith"},
        "guard": {"by": "none", "permit_key": keys.permit.vkey, "key": ""},
        "publication": {"by": "authority", "review_days": 30, "text": "after review"},
    }  # fmt: skip
    for name, change in changes.items():
        clause, _, member = name.partition("__")
        if clause == "models" and member:
            model[member] = change
        elif member:
            value[clause] = value[clause] | {member: change}
        else:
            value[clause] = change
    budget = value["budget"]  # a day's budget is the whole one, unless a test says otherwise
    budget.setdefault("per_day", {name: budget[name] for name in ("calls", "input_tokens", "output_tokens", "cost")})
    return value


def signed_offer(keys: Keys, value: dict[str, Any]) -> Offer:
    terms = parse_terms_json(canonical_bytes(value))
    return countersign(offer_terms(terms, keys.authority), keys.provider)




@dataclass
class LiveGateway:
    """A gateway on loopback, with its ledger."""

    url: str
    ledger: Ledger
    terms: Terms
    keys: Keys
    gate: Gate
    loop: asyncio.AbstractEventLoop
    secret: str = SECRET

    @property
    def openai(self) -> str:
        return f"{self.url}/a/{ARRANGEMENT}/openai/v1"

    @property
    def anthropic(self) -> str:
        return f"{self.url}/a/{ARRANGEMENT}/anthropic"

    def door(self, rest: str) -> str:
        return f"{self.url}/a/{ARRANGEMENT}{rest}"

    def chat(self, client: httpx.Client | None = None, **changes: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.secret}", **changes.pop("headers", {})}
        content = changes.pop("content", None)
        body = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "2+2?"}], **changes}
        post = client.post if client is not None else httpx.post
        data = content if content is not None else json.dumps(body).encode()
        return post(
            f"{self.openai}/chat/completions",
            content=data,
            headers={"content-type": "application/json", **headers},
            timeout=30,
        )

    def open_call(self, *, secret: str = SECRET, **changes: Any) -> socket.socket:
        """Send a chat completion over a connection of one's own, and leave the answer unread."""
        body = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "2+2?"}], **changes}
        content = json.dumps(body).encode()
        host, port = self.url.removeprefix("http://").split(":")
        head = f"POST /a/{ARRANGEMENT}/openai/v1/chat/completions HTTP/1.1\r\nhost: {host}\r\n"
        head += f"authorization: Bearer {secret}\r\ncontent-length: {len(content)}\r\n\r\n"
        connection = socket.create_connection((host, int(port)), timeout=20)
        connection.sendall(head.encode() + content)
        return connection

    def records(self) -> list[Record]:
        return [parse_record(entry) for entry in self.ledger.read(0, self.ledger.size())]

    def of(self, kind: str) -> list[Any]:
        return [record for record in self.records() if record.kind == kind]

    def keep(self) -> None:
        """What the gateway does every two seconds, now: renew the lease, take over, count refusals."""
        self.ledger.transact(self.gate._keep_once)

    def act(self, door: str, note: bytes) -> httpx.Response:
        return httpx.post(self.door(door), content=note, timeout=10)

    def grant(self, secret: str = SECRET, **changes: Any) -> httpx.Response:
        fields: dict[str, Any] = {
            "ledger": ORIGIN,
            "arrangement": self.terms.digest,
            "person": "evaluator-1",
            "access": sha256(secret.encode()).hexdigest(),
            "expires": now() + timedelta(minutes=30),
            "nonce": os.urandom(16).hex(),
        } | changes
        return self.act("/grants", sign_act(grant_text(**fields), self.keys.authority))

    def suspend(self, signer: Signer | None = None, *, cause: str = "operational") -> httpx.Response:
        text = suspend_text(ledger=ORIGIN, cause=cause, nonce=os.urandom(16).hex())
        return self.act("/suspend", sign_act(text, signer or self.keys.provider))

    def stop_note(self, signer: Signer, *, cause: str = "containment", ledger: str = ORIGIN) -> bytes:
        return sign_act(stop_text(ledger=ledger, cause=cause, nonce=os.urandom(16).hex()), signer)

    def stop(self, signer: Signer | None = None) -> httpx.Response:
        return self.act("/stop", self.stop_note(signer or self.keys.provider))

    def resume(self, signer: Signer | None = None) -> httpx.Response:
        text = resume_text(ledger=ORIGIN, cause="operational", nonce=os.urandom(16).hex())
        return self.act("/resume", sign_act(text, signer or self.keys.provider))

    def revoke(self, secret: str = SECRET) -> httpx.Response:
        access = sha256(secret.encode()).hexdigest()
        text = revoke_text(ledger=ORIGIN, access=access, cause="operational", nonce=os.urandom(16).hex())
        return self.act("/revocations", sign_act(text, self.keys.authority))


MONDAY = datetime(2026, 12, 7, 10, tzinfo=UTC)
"""A Monday at ten, in the middle of the window of `dated_gateway`."""


@contextmanager
def dated_gateway(
    folder: Path, provider_url: str, clock: SetClock, *, hours: dict[str, Any] | None = None, **changes: Any
) -> Iterator[LiveGateway]:
    """A gateway in December 2026 by a clock that a test moves, with one grant until the end of its window."""
    window = {"window__from": "2026-12-01T00:00:00Z", "window__until": "2026-12-31T00:00:00Z"}
    if hours is not None:
        window["window__hours"] = hours  # type: ignore[assignment]
    with live_gateway(folder, provider_url, clock=clock, granted=False, **(window | changes)) as gateway:
        if not gateway.of("grant.issued"):
            answer = gateway.grant(expires=gateway.terms.window.until)
            assert answer.status_code == 201, answer.text
        yield gateway


@contextmanager
def live_gateway(
    folder: Path,
    provider_url: str,
    *,
    keys: Keys | None = None,
    granted: bool = True,
    answer_seconds: float = 30,
    clock: Callable[[], datetime] = now,
    open_with: Callable[[Path], Ledger] = open_arrangement,
    **changes: Any,
) -> Iterator[LiveGateway]:
    """A gateway on a fresh ledger, or on the one that the folder holds; `changes` are those of `terms_value`."""
    keys = keys or Keys()
    path = folder / "ledger.sqlite"
    offer_file = folder / "offer.json"
    if path.exists():
        from comity.arrangement import verify_offer

        offer = verify_offer(offer_file.read_bytes())
    else:
        offer = signed_offer(keys, terms_value(keys, **changes))
        offer_file.write_bytes(offer.envelope)
        begin_ledger(path, offer, now=clock()).close()
    ledger = open_with(path)
    fresh = ledger.size() == 1
    started, ending = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    made: list[Gate] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        provider = Provider(upstream=Upstream(provider_url, answer_seconds=answer_seconds), key=UPSTREAM_KEY)
        gate = Gate(
            ledger=ledger,
            terms=offer.terms,
            providers={"openai": provider, "anthropic": provider, "gemini": provider},
            permit_signer=keys.permit,
            clock=clock,
            monotonic=time.monotonic,
            random=os.urandom,
            software="test",
        )
        made.append(gate)
        await serve({ARRANGEMENT: Doors(gate, folder / "public")}, listener, ready=started.set, until=ending)

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as `comity serve` has it
            runner.run(main())

    thread = threading.Thread(target=run)
    thread.start()
    if not started.wait(20):
        raise AssertionError("the gateway did not start")
    live = LiveGateway(url=url, ledger=ledger, terms=offer.terms, keys=keys, gate=made[0], loop=loops[0])
    try:
        if granted and fresh:
            answer = live.grant()
            assert answer.status_code == 201, answer.text
        yield live
    finally:
        loops[0].call_soon_threadsafe(ending.set)
        thread.join(20)
        ledger.close()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
