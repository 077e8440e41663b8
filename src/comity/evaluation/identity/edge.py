"""Asking: single calls through the gateway, as anybody with a key makes them.

Each call names no run and bears no mark; it is permitted, counted and settled as every other one.  A passing failure
is tried again, twice at most, and each try counts.  A refusal ends the asking, with the gateway's own sentence.
"""

import http.client
import json
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from comity.evaluation.identity.enrolment import Answer, IdentityError

__all__ = ["AskRefused", "Asker", "Question"]

ROUTES: Final = {"openai": "/chat/completions", "anthropic": "/v1/messages"}
PASSING: Final = frozenset({429, 502, 503, 504, 529})
TRIES: Final = 3
PAUSE: Final = 1.0
TIMEOUT: Final = 600.0
MAX_ANSWER: Final = 1 << 22


class AskRefused(IdentityError):
    """The gateway, or the provider behind it, did not answer a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A prompt and how its answer is to be drawn."""

    prompt: str
    temperature: str
    max_tokens: int


class Asker:
    """One person's calls to one model; counts every call that was sent."""

    def __init__(self, url: str, secret: str, *, protocol: str, model: str, at_once: int = 4) -> None:
        if protocol not in ROUTES:
            raise IdentityError(f"protocol {protocol!r}, expected {' or '.join(ROUTES)}")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise IdentityError(f"the gateway's URL is {url[:80]!r}, expected http:// or https:// and a host")
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/") + ROUTES[protocol]
        self._secret, self._protocol, self._model, self._at_once = secret, protocol, model, at_once
        self._lock, self._idle = threading.Lock(), list[http.client.HTTPConnection]()
        self.calls = 0
        """Calls sent so far, whatever became of them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._idle:
            self._idle.pop().close()

    def ask(self, question: Question) -> Answer:
        """One answer; raises `AskRefused`."""
        for attempt in range(1, TRIES + 1):
            status, request_id, body = self._send(question)
            if status == 200:
                entry = request_id.rpartition(":")[2]
                if not entry.isdigit():
                    raise AskRefused(f"an answer names no entry: its request-id is {request_id[:80]!r}")
                return Answer(entry=int(entry), text=_text(body))
            if status not in PASSING or attempt == TRIES:
                raise AskRefused(f"a call was answered with {status}: {_said(body)}")
            time.sleep(PAUSE * attempt)
        raise AssertionError("the loop above returns or raises")

    def ask_all(self, questions: Sequence[Question]) -> list[Answer]:
        """All answers, in the questions' order, a few asked at once."""
        if not questions:
            return []
        with ThreadPoolExecutor(min(self._at_once, len(questions))) as pool:
            answers = [pool.submit(self.ask, question) for question in questions]
            try:
                return [answer.result() for answer in answers]
            except BaseException:
                _cancel(answers)
                raise

    def _send(self, question: Question) -> tuple[int, str, dict[str, Any]]:
        body = {
            "model": self._model,
            "max_tokens": question.max_tokens,
            "temperature": float(question.temperature),
            "messages": [{"role": "user", "content": question.prompt}],
        }
        headers = {"authorization": f"Bearer {self._secret}", "content-type": "application/json"}
        if self._protocol == "anthropic":
            headers["anthropic-version"] = "2023-06-01"
        with self._lock:
            self.calls += 1
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect(self._host, self._port, timeout=TIMEOUT)
        try:
            connection.request("POST", self._path, json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            data = answer.read(MAX_ANSWER)
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise AskRefused(f"no answer from the gateway ({type(problem).__name__}: {problem})") from problem
        with self._lock:
            self._idle.append(connection)
        try:
            members = json.loads(data)
        except ValueError:
            members = {}
        return answer.status, answer.headers.get("request-id", ""), members if isinstance(members, dict) else {}


def _cancel(answers: Iterable[Any]) -> None:
    for answer in answers:
        answer.cancel()


def _text(body: dict[str, Any]) -> str:
    """The answer's text in either protocol; what no UTF-8 can hold is replaced."""
    try:
        if "choices" in body:
            text = body["choices"][0]["message"].get("content") or ""
        else:
            text = "".join(block.get("text", "") for block in body["content"])
    except (KeyError, IndexError, TypeError, AttributeError):
        raise AskRefused("an answer has neither a choice nor a text block, so it cannot be compared") from None
    return str(text).encode("utf-8", "replace").decode()


def _said(body: dict[str, Any]) -> str:
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    return str(message or "no reason given")[:300]
