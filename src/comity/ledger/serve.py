"""The HTTP server of a witness: two routes, on loopback unless told otherwise.

    POST /add-checkpoint                      see `witness`
    GET  /<hex sha256(origin)>/checkpoint     the checkpoint cosigned last, for monitors

Everything else is 404, another method 405. A body needs a `Content-Length` of at most 1,010,000 bytes
(411 and 413 otherwise); a connection that is silent for 10 seconds is closed;
64 connections are served at once
and further ones wait. There is no authentication but the log's signature, and nothing secret to read.

This module is an edge: it logs to standard error what it refused, never what it was sent.
"""

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from comity.ledger.add_checkpoint import MAX_REQUEST_BYTES
from comity.ledger.transport import Answer
from comity.ledger.witness import TEXT, Witness

SILENCE_SECONDS: Final = 10.0
MAX_CONNECTIONS: Final = 64

_log = logging.getLogger(__name__)


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness. `address` is where it listens, with the real port where 0 was asked for."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, witness: Witness, host: str = "127.0.0.1", port: int = 0) -> None:
        self.witness = witness
        self._room = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((host, port), _Handler)

    @property
    def address(self) -> str:
        """The base URL, ending in a slash."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        self._room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.warning("a connection ended in an error", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "comity-witness"
    sys_version = ""
    timeout = SILENCE_SECONDS

    def do_POST(self) -> None:
        if self.path != "/add-checkpoint":
            return self._refuse(404, "POST /add-checkpoint is the only thing to post here")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            return self._refuse(411, "a Content-Length is expected")
        if len(length) > 7 or int(length) > MAX_REQUEST_BYTES:
            return self._refuse(413, f"a request has at most {MAX_REQUEST_BYTES} bytes")
        answer = self.server.witness.add_checkpoint(self.rfile.read(int(length)))
        if answer.status != 200:
            why = answer.body[:300].decode(errors="replace").strip()
            _log.warning("add-checkpoint answered %d: %s", answer.status, why)
        self._answer(answer)

    def do_GET(self) -> None:
        name = self.path.removeprefix("/").removesuffix("/checkpoint")
        checkpoint = self.server.witness.latest(name) if self.path == f"/{name}/checkpoint" else None
        if checkpoint is None:
            return self._refuse(404, "no checkpoint here; GET /<hex sha256 of the origin>/checkpoint")
        self._answer(Answer(status=200, content_type=TEXT, body=checkpoint))

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True
        self._answer(Answer(status=status, content_type=TEXT, body=f"{why}\n".encode()))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)
