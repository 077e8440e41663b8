"""A fuzzer of the gateway's routes: whole requests over raw sockets, against a live gateway and a live provider.

Known routes are bent (encodings, dots, doubled slashes, case, suffixes, absolute
forms), with methods, headers, bodies and framing that fit or do not, and the
provider answers well or badly.  `check` holds whatever comes of it: every answer
is HTTP and no fault of ours, the provider is reached by its known paths alone and
once for each permit, and neither key shows.  A seed gives the same requests again.

Not looked at: more than one connection at a time.
"""

import json
import logging
import random
import re
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fuzz_seeds import LEAST
from fuzz_targets import CORPUS, corpus_of, name_of

from comity.arrangement.features import BOUNDED, FEATURES
from comity.gateway.protocols import CALLS, MODELS, Protocol
from support import (
    ARRANGEMENT,
    SECRET,
    UPSTREAM_KEY,
    Asked,
    HangUp,
    LiveGateway,
    Part,
    RecordingProvider,
    completion,
    delta,
    events,
    live_gateway,
    wait_until,
    whole,
)

__all__ = ["BASE", "Live", "bends", "check", "fuzz_for", "live", "requests", "well_formed"]

BASE: Final = f"/a/{ARRANGEMENT}"
RUN: Final = "0" * 32
OWN: Final = {
    f"{BASE}/{call.name}{own}": own
    for call in CALLS
    for version in ("v1", "v1beta")
    for own in [call.route.replace("{version}", version).replace("{model}", "test-model")]
}
"""A call's path as a caller writes it → the provider's path of it."""
DOORS: Final = (
    "/checkpoint /entry/0 /entry/1 /receipt/0 /sealed/2/request /sealed/2/answer /status /tile/0/000 /tile/entries/000 "
    f"/draw/{RUN} /grants /revocations /stop /suspend /resume /draw-commits /draw-reveals /view /counters /entries "
    "/openai/v1/batches /openai/v1/files/f /anthropic/v1/messages/batches /gemini/v1/files /openai/v1/responses/r"
).split()
METHODS: Final = "GET HEAD PUT DELETE OPTIONS PATCH TRACE CONNECT get PRI POSTS".split()
STRANGE: Final = [
    b"x-forwarded-for: 1", b"openai-organization: o", b"anthropic-beta: x", b"accept: text/html", b"te: trailers",
    b"comity-permit: v1;1;1;a", b"x-irid: a b", b"content-type: text/xml", b"connection: x-irid", b"x-a:",
]  # fmt: skip
FRAMING: Final = [
    b"transfer-encoding: gzip", b"content-length: 1", b"content-length: -1", b"host: y", b" folded: 1", b"x\x00: 1",
    b"expect: 100-continue", b"expect: x", b"upgrade: websocket\r\nconnection: upgrade",
]  # fmt: skip
ENDS: Final = ["/", ".json", "/.", "/..", "?", "?beta=true", "?alt=sse", "?key=x", "?a&a", "%00", "%"]
SILENCE: Final = 0.25
"""Seconds after which a request that is not whole is given up."""
_TEXT: Final = re.compile(rb"Traceback|File \"|\.py[\", ]|line \d+, in ")
_HEAD: Final = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z' -]*\r\n((?:[a-z0-9-]+: [\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n")


def bends(chance: random.Random, path: str) -> list[str]:
    """A path bent once at one place, in every way that is known here."""
    at = chance.randrange(len(BASE), len(path)) if chance.random() < 0.8 else chance.randrange(len(BASE))
    before, after = path[:at], path[at:]
    return [
        before + "/../" + after,
        before + "/./" + after,
        before + "//" + after,
        before + "%2e%2e%2f" + after,
        before + f"%{ord((after or 'a')[0]):02x}" + after[1:],
        before + f"%25{ord((after or 'a')[0]):02X}" + after[1:],
        before + after[:1].swapcase() + after[1:],
        before + after[1:],
        before + "\\" + after,
        before + chance.choice(["\xe9", "\x7f", "\x00", "\t", ";x", "*", "~", "#"]) + after,
        before + "a" * chance.choice([300, 3_000, 9_000]) + after,
        path + chance.choice(ENDS),
        "http://evil.example" + path,
        "//evil.example" + path,
        path.replace(ARRANGEMENT, ARRANGEMENT[::-1]),
        path.replace("v1", "v2", 1),
    ]


def _body(chance: random.Random, call: Protocol) -> bytes:
    value = LEAST[call.call]
    match chance.randrange(16):
        case 0:
            value = value | {chance.choice(["n_predict", "extra_body", "model", "max_tokens", "é"]): 10**9}
        case 1:
            value = value | {chance.choice([*value]): chance.choice([None, [], {}, -1, 1.5, True, "\ud800", [[]]])}
        case 2:
            return chance.choice([b"", b"{}", b"[]", b"null", b"\xff\xfe{", b"[" * 9_000, b'{"model":"a","model":"b"}'])
        case 3 | 4 | 5 | 6:
            return chance.choice(corpus_of(f"request-{call.name}-{call.call}")).read_bytes()
    body = json.dumps(value).encode()
    if chance.random() < 0.15:
        at = chance.randrange(len(body))
        body = body[:at] + chance.randbytes(chance.choice([0, 1, 3])) + body[at + chance.choice([0, 1, 2]) :]
    return body


def well_formed(path: str, body: bytes) -> bytes:
    """A whole request with the key of a grant."""
    fields = f"host: x\r\nauthorization: Bearer {SECRET}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    return f"POST {path} HTTP/1.1\r\n{fields}".encode("latin-1") + body


def requests(seed: int) -> bytes:
    """One request, whole or not; the same for the same seed."""
    chance = random.Random(seed)
    call = chance.choice(CALLS)
    own = f"/{call.name}{call.route}".replace("{version}", "v1beta").replace("{model}", "test-model")
    own += "?alt=sse" if call.call == "streamGenerateContent" else ""
    called = chance.random() < 0.6
    method, path = ("POST", own) if called else ("GET", chance.choice([*DOORS, *MODELS]))
    if not called and chance.random() < 0.4:
        method = "POST"
    path = BASE + path
    while chance.random() < 0.45:
        path = chance.choice(bends(chance, path))
    if chance.random() < 0.15:
        method = chance.choice(METHODS)
    body = _body(chance, call) if method == "POST" or chance.random() < 0.2 else b""
    secret = chance.choice([SECRET, SECRET, SECRET, SECRET, "another-secret-0123456789"]).encode()
    key = chance.choice([b"authorization: Bearer ", b"authorization: bearer  ", b"x-api-key: ", b"x-goog-api-key: "])
    fields = [b"host: x", key + secret, b"content-type: application/json", b"connection: close"]
    if chance.random() < 0.1:
        del fields[1]
    if chance.random() < 0.3:
        fields.insert(chance.randrange(len(fields)), chance.choice(STRANGE))
    if chance.random() < 0.12:
        fields.insert(chance.randrange(1, len(fields)), chance.choice(FRAMING))
    if chance.random() < 0.15:
        half = len(body) // 2
        pieces = [b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part]
        fields, body = [*fields, b"transfer-encoding: chunked"], b"".join([*pieces, b"0\r\n\r\n"])
    else:
        fields.append(b"content-length: %d" % len(body))
    line = f"{method} {path} HTTP/{chance.choice(['1.1'] * 12 + ['1.0', '2.0'])}".encode("latin-1")
    more = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n" if chance.random() < 0.06 else b""
    return b"\r\n".join([line, *fields]) + b"\r\n\r\n" + body + more


def badly(asked: Asked) -> Iterator[Part]:
    """A provider that answers as the request's own bytes decide: well, or in one of many wrong ways."""
    chance = random.Random(asked.body)
    spent = {"prompt_tokens": 5, "completion_tokens": chance.choice([1, -1, 2**60, None])}
    match chance.randrange(12):
        case 0:
            yield from whole(completion(model=chance.choice(["other", "\ud800", "x" * 9_000])))
        case 1:
            status = chance.choice(["429 Slow", "500 No", "302 There", "404 No"])
            yield from whole(b'{"error":{"message":"no"}}', status)
        case 2:
            yield whole(completion())[0][:-3]  # type: ignore[index]
            raise HangUp
        case 3:
            yield chance.choice([b"no HTTP\r\n", b"HTTP/1.1 999 X\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: a\rb: c\r\n\r\n"])
            raise HangUp
        case 4:
            yield from events(delta("a"), delta("b", chance.choice(["other", "test-model"])), b"data: [DONE]\n\n")
        case 5:
            yield from events(delta("a", usage=spent), end=False)
            raise HangUp
        case 6:
            yield from whole(chance.randbytes(200), "200 OK", "x-request-id: \x7f\xe9", "set-cookie: a=b")
        case _:
            yield from whole(completion())


@dataclass
class Live:
    """A gateway and its provider under the fuzzer, and what the gateway logs."""

    gateway: LiveGateway
    provider: RecordingProvider
    logged: list[str] = field(default_factory=list)
    permits: int = 0
    """Permits up to the last look at the ledger."""

    def say(self, sent: bytes) -> bytes:
        """Send bytes; everything that comes back until the connection ends or is silent."""
        host, port = self.gateway.url.removeprefix("http://").split(":")
        seen, length = b"", sent.partition(b"\r\n\r\n")[2]
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(sent)
            connection.settimeout(SILENCE if not length and b"content-length: 0" not in sent else 5.0)
            try:
                while piece := connection.recv(65_536):
                    seen += piece
                    connection.settimeout(5.0 if b"connection: close" in seen else SILENCE)
            except (ConnectionResetError, TimeoutError):
                pass
        return seen


@contextmanager
def live(folder: Path) -> Iterator[Live]:
    """A gateway whose terms allow almost everything, so that most of what is well formed passes."""
    budget = {"calls": 10**6, "input_tokens": 10**12, "output_tokens": 10**12, "cost": "1000000.00"}
    changes: dict[str, Any] = {
        "features": list(FEATURES),
        "limits": dict.fromkeys(BOUNDED, 100),
        "models__protocols": ["openai", "anthropic", "gemini"],
        **{f"budget__{name}": value for name, value in budget.items()},
        "rate__calls_per_minute": 1_000_000,
        "rate__tokens_per_minute": 10**12,
    }

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            fuzzed.logged.append(record.getMessage())

    logger, heard = logging.getLogger("comity.gateway"), Heard()
    logger.addHandler(heard)
    try:
        with RecordingProvider(badly).running() as provider, live_gateway(folder, provider.url, **changes) as gateway:
            fuzzed = Live(gateway, provider)
            yield fuzzed
    finally:
        logger.removeHandler(heard)


def check(fuzzed: Live, sent: bytes) -> str:
    """Send one request and hold what must hold; what came of it, in a few words."""
    before = len(fuzzed.provider.asked)
    seen = fuzzed.say(sent)
    reached = fuzzed.provider.asked[before:]
    assert not _TEXT.search(seen), "an answer holds the text of a fault"
    for secret in (UPSTREAM_KEY, SECRET):
        assert secret.encode() not in seen, "an answer holds a key"
    assert not fuzzed.logged, fuzzed.logged
    assert len(reached) <= 1, "the provider was reached twice"
    for asked in reached:
        line = sent.split(b" ")[1].decode("latin-1").partition("?")[0]
        assert asked.method == "POST" and OWN.get(line) == asked.path.partition("?")[0], (line, asked.path)
        assert SECRET.encode() not in asked.whole and UPSTREAM_KEY.encode() in asked.whole
    entries = fuzzed.gateway.of("call.permitted") if reached else []
    if reached:
        assert len(entries) == fuzzed.permits + 1, "a request without its permit, or a permit without its request"
        fuzzed.permits = len(entries)
    if not seen:
        return "nothing"
    status, fields, body = _answer(seen, mute=sent.startswith(b"HEAD "), broken=bool(reached))
    said = json.loads(body) if fields.get(b"content-type") == b"application/json" and body and not reached else {}
    code = said.get("error", {}).get("code", "") if isinstance(said, dict) else ""
    if status >= 500:
        own = bool(reached) or (status == 505 and b"connection: close" in seen)  # the provider's, or another version
        assert own, f"{status} without a reason: {seen[:300]!r}"
    clause = said.get("comity", {}).get("clause", "") if isinstance(said, dict) else ""
    return f"{status} {code} {clause}" + (" reached" if reached else "")


def _answer(seen: bytes, *, mute: bool, broken: bool) -> tuple[int, dict[bytes, bytes], bytes]:
    """The one answer in what came back; a body may be short only where the provider's was."""
    while True:
        found = _HEAD.match(seen)
        assert found is not None, f"no HTTP: {seen[:300]!r}"
        rest = seen[found.end() :]
        if found[1] != b"100":
            break
        seen = rest
    fields = dict(line.split(b": ", 1) for line in found[2].split(b"\r\n") if line)
    if mute and rest == b"":
        return int(found[1]), fields, b""
    assert not mute or fields.get(b"connection") == b"close", "a body after the head that was asked for"
    if b"content-length" in fields:
        length = int(fields[b"content-length"])
        assert len(rest) == length or (broken and len(rest) < length), f"{len(rest)} bytes of {length}"
        return int(found[1]), fields, rest
    if fields.get(b"transfer-encoding") == b"chunked":
        body = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
            if size == b"0":
                assert rest == b"", "bytes after the last chunk"
                break
        else:
            assert broken, "a body in chunks without its end"
        return int(found[1]), fields, body
    assert broken, f"a body without bounds: {seen[:300]!r}"
    return int(found[1]), fields, rest


def settled(fuzzed: Live) -> None:
    """After the last request: every permit has its outcome, and no key lies in the ledger."""
    permits = len(fuzzed.gateway.of("call.permitted"))
    assert permits == len(fuzzed.provider.asked)
    wait_until(lambda: len(fuzzed.gateway.of("call.settled")) == permits)
    for entry in fuzzed.gateway.ledger.read(0, fuzzed.gateway.ledger.size()):
        assert SECRET.encode() not in entry and UPSTREAM_KEY.encode() not in entry
    assert fuzzed.gateway.chat().status_code in (200, 403, 404, 429, 500, 502)


def fuzz_for(seconds: float) -> int:
    """Fuzz the routes for a while, and keep requests with an outcome that none had before; 1 where one broke."""
    until, seed, findings = time.monotonic() + seconds, time.time_ns(), Path(__file__).parents[2] / ".fuzz" / "crashes"
    with tempfile.TemporaryDirectory() as folder, live(Path(folder)) as fuzzed:
        outcomes = {check(fuzzed, path.read_bytes()) for path in corpus_of("routes")}
        added, first = 0, seed
        while time.monotonic() < until:
            sent = requests(seed)
            try:
                outcome = check(fuzzed, sent)
            except AssertionError as broken:
                findings.mkdir(parents=True, exist_ok=True)
                (findings / f"routes-{name_of(sent)}").write_bytes(sent)
                print(f"fuzz: routes: {broken}\n{sent!r}", file=sys.stderr)
                return 1
            if outcome not in outcomes:
                outcomes.add(outcome)
                added += 1
                (CORPUS / "routes").mkdir(parents=True, exist_ok=True)
                (CORPUS / "routes" / name_of(sent)).write_bytes(sent)
            seed += 1
        settled(fuzzed)
    print(f"fuzz: routes: {seed - first} requests, {added} inputs added, {len(corpus_of('routes'))} kept")
    return 0
