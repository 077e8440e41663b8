"""Seeds: well-formed inputs of each target, out of the specimens of the other rooms' tests, and words to build with."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from fuzz_requests import COUNTS, LIMITS
from fuzz_texts import AT, SESSION_OF
from tests.arrangement.specimen import AUTHORITY, LOG, LOG_PQ, ORIGIN, PERMIT, POLICY, PROVIDER, VALUE, agreed, terms

from comity.arrangement import grant_text, resume_text, revoke_text, sign_act, stop_text, suspend_text
from comity.arrangement.acts import draw_commit_text, draw_reveal_text, erase_text, exit_text
from comity.arrangement.approvals import Approver, approval_text, approve, persons_bytes
from comity.arrangement.certificate import draw_up, sign_certificate
from comity.arrangement.closing import propose_closing, sign_closing
from comity.arrangement.comments import sign_comment
from comity.gateway.guard_counters import count
from comity.gateway.headers import BETAS, DROPPED, FORWARDED
from comity.gateway.protocols import CALLS, Protocol
from comity.ledger import EMPTY_ROOT, Receipt, TreeHead, format_head, format_receipt, parse_note, sign_note
from comity.ledger.add_checkpoint import AddCheckpoint, format_request
from comity.records import (
    AccessClosed,
    ArrangementSigned,
    Digest,
    Hex32,
    Instant,
    ItemCorrected,
    SessionHeld,
    canonical_bytes,
    to_bytes,
)
from support import completion, delta

__all__ = ["LEAST", "seeds", "words"]

_ASKED: Final = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "2+2?"}]}
_GEMINI: Final = {"contents": [{"parts": [{"text": "2+2?"}]}], "generationConfig": {"maxOutputTokens": 8}}
LEAST: Final[Mapping[str, dict[str, Any]]] = {
    "chat": _ASKED,
    "completions": {"model": "test-model", "max_tokens": 8, "prompt": "2+2="},
    "responses": {"model": "test-model", "max_output_tokens": 8, "input": "2+2?", "store": False},
    "embeddings": {"model": "test-model", "input": "2+2"},
    "messages": _ASKED,
    "count_tokens": {name: _ASKED[name] for name in ("model", "messages")},
    "generateContent": _GEMINI,
    "streamGenerateContent": _GEMINI,
}
"""The least body that each call takes; bodies that use more lie in the corpus."""

GOLDEN: Final = Path(__file__).parents[1] / "records" / "golden.jsonl"
"""One entry of each kind and version."""
NONCE: Final = "0" * 32
DIGEST: Final = "a" * 64


def _bodies(call: Protocol) -> Iterator[bytes]:
    least = LEAST[call.call]
    yield json.dumps(least).encode()
    for name in call.fields:
        for value in (9, True, "x", {}, [{}]):
            yield json.dumps(least | {name: value}).encode()
    for table in (LIMITS, COUNTS):
        for path in table.get(call.call, table.get(call.name, ())):
            change: Any = 99
            for name in reversed(path.split(".")):
                change = {name: change}
            yield json.dumps(least | change).encode()


def _http() -> Iterator[bytes]:
    line, body = b"POST /a/x?q=1 HTTP/1.1\r\nHost: x\r\n", b'{"a":1}'
    yield b"00" + line + b"Content-Length: 7\r\n\r\n" + body
    yield b"01" + line + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n"
    yield b"02" + line + b"Expect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
    yield b"03GET /a/x HTTP/1.1\r\nhost: x\r\n\r\nGET /a/y HTTP/1.1\r\nhost: x\r\n\r\n"
    yield b"04GET /b HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\nHEAD / HTTP/1.1\r\n\r\n"
    yield b"05OPTIONS * HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"
    yield b"06" + line + b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    yield b"07CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n"


def _answers() -> Iterator[bytes]:
    body = completion()
    yield b"00HTTP/1.1 200 OK\r\ncontent-length: %d\r\nx-request-id: a\r\n\r\n" % len(body) + body
    yield b"01HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-late: 1\r\n\r\n"
    yield b"02HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end"
    yield b"03HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
    yield b"04HTTP/1.0 500 No\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nno"
    yield b"05HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"


def _streams() -> Iterator[bytes]:
    spent = {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22}
    openai = delta() + b": a comment\r\n\r\n" + delta("x", "other") + delta("", usage=spent) + b"data: [DONE]\n\n"
    answer = {"model": "test-model", "usage": {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}}
    responses = b'event: response.created\ndata: {"type": "response.created", "response": {"model": "test-model"}}\n\n'
    responses += b"event: response.completed\ndata: "
    responses += json.dumps({"type": "response.completed", "response": answer}).encode() + b"\n\n"
    anthropic = b"event: message_start\ndata: " + json.dumps({"type": "message_start", "message": answer}).encode()
    anthropic += b'\n\nevent: message_delta\ndata: {"usage":{"output_tokens":7}}\n\nevent: message_stop\ndata: {}\n\n'
    gemini = b'data: {"modelVersion":"test-model","candidates":[{"finishReason":"STOP"}],"usageMetadata":'
    gemini += b'{"promptTokenCount":4,"candidatesTokenCount":5,"totalTokenCount":9}}\r\n\r\n'
    for number, call in enumerate(CALLS):
        spoken = {"chat": openai, "completions": openai, "responses": responses, "messages": anthropic}
        said = spoken.get(call.call, gemini)
        for cut in (0, 1):
            yield bytes([number, cut]) + b"00" + said


def _acts() -> Iterator[bytes]:
    told: dict[str, str] = {"ledger": ORIGIN, "nonce": NONCE}
    texts = [
        grant_text(**told, arrangement=DIGEST, person="evaluator-1", access=DIGEST, expires=AT),
        revoke_text(**told, access=DIGEST, cause="operational"),
        stop_text(**told, cause="containment"),
        suspend_text(**told, cause="legal-order"),
        resume_text(**told, cause="operational"),
        exit_text(**told, cause="unstated", effective=AT),
        erase_text(**told),
        draw_commit_text(**told, run=NONCE, commitment=DIGEST),
        draw_reveal_text(**told, run=NONCE, secret=DIGEST),
    ]
    for text in texts:
        yield b"\0" + text.encode()
    yield b"\1" + sign_act(texts[2], AUTHORITY)


def _closings() -> Iterator[bytes]:
    first = propose_closing(terms(), NONCE, AUTHORITY)
    yield b"\0" + parse_note(first).text.encode()
    yield b"\1" + sign_closing(first, terms(), PROVIDER)


def _certificates() -> Iterator[bytes]:
    at, of = Instant("2026-12-01T12:00:00.000Z"), terms()
    signed = ArrangementSigned(
        at=at, arrangement=Hex32(of.id), terms_version=1, digest=Digest(of.digest), previous="", note=""
    )
    closed = AccessClosed(at=at, digest=Digest(of.digest), grants=0, note="")
    drawn = draw_up([(0, signed), (1, closed)], of, _checkpoint())
    yield drawn
    yield sign_certificate(drawn, of, AUTHORITY).envelope


def _comments() -> Iterator[bytes]:
    for clause in ("budget.calls", "models[gemma-3-270m].max_output"):
        note = sign_comment(terms(), clause=clause, item=NONCE, text="Too many at first.", signer=PROVIDER)
        yield b"\0" + parse_note(note).text.encode()
        yield b"\1" + note


def _approvals() -> Iterator[bytes]:
    yield b"\0" + approval_text(terms()).encode()
    yield b"\1" + approve(terms(), PERMIT)
    yield persons_bytes((Approver(person="head-1", key=PERMIT.vkey, revoked="left"),))


def _sessions() -> Iterator[bytes]:
    shared = {"at": "2026-12-01T12:00:00.000Z", "on": "2026-12-01", "source": "", "confidence": "stated", "refs": ()}
    held = SessionHeld(
        **shared, item=NONCE, arrangement=SESSION_OF, by="authority", form="interview", subject="", hosts=(),
        shown=("x",), participants=("evaluator-1",), begin="2026-12-01T09:00:00.000Z", end="2026-12-01T10:00:00.000Z",
        conditions=(), notes="",
    )  # fmt: skip
    better = ItemCorrected(**shared, item="1" * 32, corrects=NONCE, changes=(("shown", "y"),), because="b")
    yield to_bytes(held)
    yield to_bytes(held) + b"\n" + to_bytes(better)


def _cards() -> Iterator[bytes]:
    members = {"format": "comity card/1", "role": "provider", "name": "Northwind", "host": "provider.example"}
    yield json.dumps(members).encode()
    keys = {"party": PROVIDER.vkey, "witness_url": "https://w.example", "log": [LOG.vkey], "origin": ORIGIN}
    yield json.dumps(members | keys).encode()


def _offers() -> Iterator[bytes]:
    yield agreed().envelope
    yield yaml.safe_dump({"terms": "arrangement/1", "title": "x", "features": ["seed"]}).encode()


def _records() -> Iterator[bytes]:
    yield from GOLDEN.read_bytes().splitlines()
    yield canonical_bytes({"kind": "other", "v": 1})


def _checkpoint() -> bytes:
    return sign_note(format_head(TreeHead(origin=ORIGIN, size=0, root=EMPTY_ROOT)), [LOG, LOG_PQ], AT)


def _counters() -> Iterator[bytes]:
    for passed in ((), (3, 5)):
        told = count(origin=ORIGIN, terms=DIGEST, day="2026-12-01", at=AT, passed=passed, refused={"used": 1})
        yield b"\0" + told.text().encode()


_SEEDS: Final[Mapping[str, Callable[[], Iterator[bytes]]]] = {
    "edge": _http,
    "upstream": _answers,
    "stream": _streams,
    "act": _acts,
    "closing": _closings,
    "certificate": _certificates,
    "comment": _comments,
    "approval": _approvals,
    "session": _sessions,
    "card": _cards,
    "offers": _offers,
    "record": _records,
    "counters": _counters,
    "terms-yaml": lambda: iter([yaml.safe_dump(VALUE, sort_keys=False).encode()]),
    "terms-json": lambda: iter([canonical_bytes(VALUE)]),
    "note": lambda: iter([sign_act(stop_text(ledger=ORIGIN, cause="containment", nonce=NONCE), AUTHORITY)]),
    "checkpoint": lambda: iter([format_head(TreeHead(origin=ORIGIN, size=0, root=EMPTY_ROOT)).encode(), _checkpoint()]),
    "receipt": lambda: iter(
        [format_receipt(Receipt(index=5, proof=(bytes(32), bytes(32)), checkpoint=_checkpoint(), extra=b"x"))]
    ),
    "policy": lambda: iter([POLICY.encode(), b"quorum none\n"]),
    "witness-request": lambda: iter(
        [format_request(AddCheckpoint(old=3, proof=(bytes(32),), checkpoint=_checkpoint()))]
    ),
    "tiles": lambda: iter(
        [b"tile/0/x001/067.p/5", b"tile/entries/000", b"\1" + bytes(32), b"\2\0\1a\0\2bc", LOG.vkey.encode()]
    ),
    "permit": lambda: iter([b"v1;7;1796083230;" + b"A" * 86 + b"\n/v1/x\n\0\0\0\7\n{}", b"B\n/v1/y\nabcd\n{ }"]),
    "query": lambda: iter([b"\0a=b", b"\4beta=true", b"\6alt=json", b"\7alt=sse&alt=sse", b"\0key=x"]),
    "headers": lambda: iter(
        [
            b"authorization: Bearer x\nx-irid: a\ncomity-run: b\naccept: */*",
            b"x-api-key: x\nanthropic-version: 2023-06-01\nanthropic-beta: fast-mode-2026-02-01, x\nopenai-beta: y",
            b"content-type: text/plain\nopenai-organization: o\nsec-fetch-mode: cors\nrequest-id: r",
        ]
    ),
    "routes-table": lambda: iter(
        f"POST /{call.name}{call.route}".replace("{version}", "v1").replace("{model}", "m").encode() for call in CALLS
    ),
    "endpoint": lambda: iter([b"https://api.example/v1", b"http://[::1]:80/v1/", b"http://a@b", b"http://169.254.1.1"]),
}


def seeds(target: str) -> list[bytes]:
    """Well-formed inputs of one target; none where nobody wrote any."""
    for call in CALLS:
        if target == f"request-{call.name}-{call.call}":
            return list(_bodies(call))
    return list(_SEEDS[target]()) if target in _SEEDS else []


def words(target: str) -> list[bytes]:
    """Words that inputs of one target are built of, for the fuzzer to insert."""
    found: set[str] = {"null", "true", "false", "-1", "0", "1e9", "\\ud800", "\\u0000", "[]", "{}"}
    if target.startswith("request-"):
        found |= {f'"{word}"' for body in seeds(target) for word in _names(json.loads(body))}
        [call] = [call for call in CALLS if target == f"request-{call.name}-{call.call}"]
        found |= {f'"{name}":' for name in call.fields}
    elif target == "headers":
        found |= {f"\n{name}:" for name in {*FORWARDED, *BETAS, *DROPPED}}
        found |= {beta for table in BETAS.values() for beta in table}
    elif target in ("edge", "upstream"):
        found |= {"\r\n", "\r\n\r\n", "HTTP/1.1", "HTTP/1.0", "chunked", "Transfer-Encoding: ", "Content-Length: "}
        found |= {"Connection: close", "keep-alive", "Expect: 100-continue", "Host: ", "0\r\n\r\n", "GET /a/ "}
        found |= {"\t", "\x00"}
    elif target == "stream":
        found |= {"data: ", "data:", "event: ", "\r\n", "\r", '"model":"', '"modelVersion":"', '"usage":{'}
        found |= {'"usage":null'}
        found |= {"[DONE]", "message_stop", "response.completed", '"finishReason":"STOP"', "test-model", "\ufeff"}
        found |= {f'"{name}_tokens":' for name in ("prompt", "completion", "input", "output", "total")}
    elif target.startswith("terms"):
        found |= {f"{name}:" for name in _names(VALUE)} | {f'"{name}":' for name in _names(VALUE)}
        found |= {"&a", "*a", "<<: ", "!!binary ", "---\n", "|\n ", "? "}
    return [word.encode() for word in sorted(found)]


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, str) and len(value) < 40 and '"' not in value and "\n" not in value:
        yield value
