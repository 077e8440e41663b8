"""A gateway for tests: real HTTP on loopback, the doors and answers of the real one, and faults on demand.

It keeps its entries in a list and permits calls up to a budget; beyond it, and for whatever `refuse` names, it refuses
as the real gateway does.  It never checks signatures, features or windows: that is the gateway's own affair.
"""

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from comity.records import (
    Amount,
    CallPermitted,
    CallRefused,
    GatewayEnded,
    Record,
    instant_text,
    known_kinds,
    to_bytes,
)

ARRANGEMENT = "2" * 32
ORIGIN = f"operator.example/a/{ARRANGEMENT}"
SECRET = "comity-secret-of-the-test"
GRANT: dict[str, Any] = {"grant": "5" * 32, "person": "evaluator-1"}
EQUAL_REFUSALS = 60
NOTHING = Amount(input_tokens=0, output_tokens=0, cost_nano=0)


class GatewayDouble:
    """The state of the double, and what it was asked."""

    def __init__(self, url: str, answer: Callable[[str], str], arrangement: str) -> None:
        self.url = url
        self.arrangement, self.origin = arrangement, f"operator.example/a/{arrangement}"
        self.recipients: list[dict[str, str]] = []
        self.answer = answer
        self.budget = 1_000_000
        self.entries: list[bytes] = []
        self.asked: list[dict[str, Any]] = []
        self.fail_next: list[int] = []
        """Upstream statuses for the next calls, taken from the front; 200 where there is none left."""
        self.unnamed = 0
        """So many of the next answers come without a request-id."""
        self.misnamed = 0
        """So many of the next answers name an entry that is not theirs."""
        self.stop_reason = "stop"
        self.act: Callable[[dict[str, Any]], str] | None = None
        """Answers from the whole request, for models that use tools."""
        self.refused: Counter[str] = Counter()
        self.lock = threading.Lock()

    def append(self, record: Record) -> int:
        with self.lock:
            self.entries.append(to_bytes(record))
            return len(self.entries) - 1

    def append_noise(self) -> int:
        """An entry that is neither a plan nor a call."""
        return self.append(GatewayEnded(at=self.now(), incarnation="6" * 32))  # type: ignore[arg-type]

    def kinds(self) -> list[str]:
        return [json.loads(entry)["kind"] for entry in self.entries]

    def now(self) -> Any:
        return instant_text(datetime.now(UTC))

    async def door(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            return JSONResponse({"error": {"message": "grant.key: no grant is known for this key"}}, 401)
        members = json.loads(await request.body())
        kind = known_kinds()[members.pop("kind"), 1]
        index = self.append(kind.from_members({**members, **GRANT, "at": self.now()}))
        return JSONResponse({"ledger": self.origin, "index": index}, 201)

    async def entry(self, request: Request) -> Response:
        index = request.path_params["index"]
        if index >= len(self.entries):
            return JSONResponse({"error": {"message": "no such entry"}}, 404)
        return Response(self.entries[index], media_type="application/json")

    async def status(self, request: Request) -> Response:
        return JSONResponse({"ledger": self.origin, "entries": len(self.entries), "recipients": self.recipients})

    async def call(self, request: Request) -> Response:
        protocol = request.path_params["protocol"]
        body = json.loads(await request.body())
        headers = dict(request.headers)
        self.asked.append({"protocol": protocol, "body": body, "headers": headers, "path": request.url.path})
        secret = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if secret != SECRET:
            return JSONResponse({"error": {"message": "key-unknown"}}, 401, {"x-should-retry": "false"})
        who: dict[str, Any] = {"at": self.now(), **GRANT, "protocol": protocol, "model": body["model"]}
        names: dict[str, Any] = {"irid": headers.get("x-irid", ""), "run": headers.get("comity-run", "")}
        route = request.url.path.partition(protocol)[2]
        with self.lock:
            spent = self.kinds().count("call.permitted")
        if spent >= self.budget:
            self.refused["budget.calls"] += 1
            number = "counted"
            because = f"{self.budget} calls are agreed and {spent} are taken"
            if self.refused["budget.calls"] <= EQUAL_REFUSALS:
                said: dict[str, Any] = {"status": 403, "clause": "budget.calls", "because": because}
                number = str(self.append(CallRefused(route=route, **who, **names, **said)))
            error = {"type": "permission_error", "message": f"budget.calls: {because}"}
            found = {"request-id": f"{self.origin}:{number}", "x-should-retry": "false"}
            return JSONResponse({"type": "error", "error": error}, 403, found)
        index = self.append(
            CallPermitted(
                incarnation="6" * 32,  # type: ignore[arg-type]
                route=route,
                features=(),
                request="0" * 64,  # type: ignore[arg-type]
                request_bytes=1,
                reserved=NOTHING,
                **who,
                **names,
            )
        )
        found = {"request-id": f"{self.origin}:{index}", "x-upstream-request-id": f"upstream-{index}"}
        if self.unnamed:
            self.unnamed -= 1
            del found["request-id"]
        elif self.misnamed:
            self.misnamed -= 1
            found["request-id"] = f"{self.origin}:{index + 100_000}"
        if self.fail_next and (status := self.fail_next.pop(0)) != 200:
            return JSONResponse({"error": {"message": "the provider failed"}}, status, found)
        text = self.act(body) if self.act is not None else self.answer(_question(body))
        return JSONResponse(_openai(body, text, self) if protocol == "openai" else _anthropic(body, text), 200, found)


def _question(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _openai(body: dict[str, Any], text: str, double: GatewayDouble) -> dict[str, Any]:
    """An answer of this text, or, where it is `TOOL name {…}`, a call of that tool."""
    if text.startswith("TOOL "):
        _, name, arguments = text.split(" ", 2)
        call = {"id": "call-1", "type": "function", "function": {"name": name, "arguments": arguments}}
        message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
        return {**_openai(body, "", double), "choices": [choice]}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [
            {"index": 0, "finish_reason": double.stop_reason, "message": {"role": "assistant", "content": text}}
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    }


def _anthropic(body: dict[str, Any], text: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 2},
    }


@contextmanager
def running_gateway(answer: Callable[[str], str], arrangement: str = ARRANGEMENT) -> Iterator[GatewayDouble]:
    """Serve a double on a free port of loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)  # who connects before the server runs is kept waiting, not refused
    double = GatewayDouble(f"http://127.0.0.1:{listener.getsockname()[1]}", answer, arrangement)
    base = f"/a/{arrangement}"
    app = Starlette(
        routes=[
            Route(f"{base}/entries", double.door, methods=["POST"]),
            Route(f"{base}/entry/{{index:int}}", double.entry),
            Route(f"{base}/status", double.status),
            Route(f"{base}/{{protocol:str}}/v1/{{rest:path}}", double.call, methods=["POST"]),
        ]
    )
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
