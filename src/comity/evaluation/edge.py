"""The gateway as the evaluator meets it: one base URL, one key, and four doors beside the model routes.

    POST /a/<id>/entries      a record of a plan or run          → the ledger's origin and the entry's index
    GET  /a/<id>/entry/<n>    one entry's bytes
    GET  /a/<id>/status       how many entries there are, and what is spent of each clause
    model_url(protocol)       what the engine's provider is given as its base URL

This module is an edge: it talks HTTP over one connection, kept open.  A read is asked again once if the connection
went stale; a record is sent once, because it may have been recorded although no answer came.
"""

import http.client
import json
from typing import Any, Final, Self
from urllib.parse import urlsplit

from comity.evaluation.errors import EvaluationError
from comity.records import Record, parse_record

TIMEOUT: Final = 30.0
MAX_ANSWER: Final = 1 << 20


class DoorRefused(EvaluationError):
    """The gateway answered with another status than expected; its own sentence is in the message."""


class DoorUnreachable(EvaluationError):
    """No answer came from the gateway."""


class Door:
    """One arrangement at one gateway, with one person's key."""

    def __init__(self, gateway: str, arrangement: str, secret: str, *, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(gateway)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DoorUnreachable(f"the gateway's URL is {gateway[:80]!r}, expected http:// or https:// and a host")
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._timeout = parts.hostname, parts.port, timeout
        self._base = f"{parts.path.rstrip('/')}/a/{arrangement}"
        self._url = f"{parts.scheme}://{parts.netloc}{self._base}"
        self._secret = secret
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def model_url(self, protocol: str) -> str:
        """The base URL for a provider of that protocol: OpenAI's SDK leaves `/v1` to its caller."""
        return f"{self._url}/openai/v1" if protocol == "openai" else f"{self._url}/{protocol}"

    def append(self, kind: str, **members: str | int) -> tuple[str, int]:
        """Put a record into the ledger; returns the ledger's origin and the entry's index once it is durable."""
        body = json.dumps({"kind": kind, **members}).encode()
        answer = self._json("POST", "/entries", 201, body)
        return str(answer["ledger"]), int(answer["index"])

    def entry(self, index: int) -> Record:
        """One entry, parsed; raises the records' errors for what this release cannot read."""
        return parse_record(self._ask("GET", f"/entry/{index}", 200))

    def size(self) -> int:
        """How many entries the ledger has now."""
        return int(self.status()["entries"])

    def status(self) -> dict[str, Any]:
        """What is spent of each clause, and what else the gateway tells of the arrangement."""
        return self._json("GET", "/status", 200)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _json(self, method: str, path: str, expected: int, body: bytes | None = None) -> dict[str, Any]:
        answer = self._ask(method, path, expected, body)
        try:
            members = json.loads(answer)
        except ValueError:
            members = None
        if not isinstance(members, dict):
            raise DoorRefused(f"{method} {path}: expected a JSON object from the gateway, got {answer[:80]!r}")
        return members

    def _ask(self, method: str, path: str, expected: int, body: bytes | None = None) -> bytes:
        if method == "POST":
            self.close()  # a kept connection may have been closed by the other side, and an entry is not sent twice
        for attempt in (1, 2):
            fresh = self._connection is None
            try:
                return self._exchange(method, path, expected, body)
            except (OSError, http.client.HTTPException) as problem:
                self.close()
                if method == "POST" or fresh or attempt == 2:
                    raise DoorUnreachable(
                        f"{method} {self._url}{path}: no answer ({type(problem).__name__}: {problem}). "
                        f"Is the gateway running?"
                    ) from problem
        raise AssertionError("the loop above returns or raises")

    def _exchange(self, method: str, path: str, expected: int, body: bytes | None) -> bytes:
        if self._connection is None:
            self._connection = self._connect(self._host, self._port, timeout=self._timeout)
        headers = {"authorization": f"Bearer {self._secret}"}
        if body is not None:
            headers["content-type"] = "application/json"
        self._connection.request(method, self._base + path, body, headers)
        response = self._connection.getresponse()
        answer = response.read(MAX_ANSWER)
        if response.status != expected:
            self.close()
            raise DoorRefused(f"{method} {path}: {response.status}, {_said(answer)}")
        return answer


def _said(answer: bytes) -> str:
    try:
        error = json.loads(answer)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:400]
    except (ValueError, KeyError, TypeError):
        return answer[:200].decode("utf-8", "replace")
