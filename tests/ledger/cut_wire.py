"""A wire that can be cut: a relay between a ledger and its database, which loses what it is told to lose."""

import socket
import threading
from contextlib import suppress
from typing import Literal

Loss = Literal["request", "answer"]


class CutWire:
    """Relays connections from its own port to the server's.

    `lose` arms it: of the next thing that is sent, either the request never arrives, or it arrives and its answer
    does not come back; both ends then find the connection closed.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._loss: Loss | None = None
        self.refuses = False
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, loss: Loss, *, for_good: bool = False) -> None:
        """Cut the connection that sends next; `for_good` lets no other one through afterwards."""
        self._loss = loss
        self.refuses = for_good

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refuses:
                client.close()
                continue
            server = socket.create_connection(self._server)
            losing = threading.Event()
            for source, target in ((client, server), (server, client)):
                pump = (source, target, source is client, losing)
                threading.Thread(target=self._pump, args=pump, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, asks: bool, losing: threading.Event) -> None:
        with suppress(OSError):
            while chunk := source.recv(1 << 16):
                if asks and self._loss is not None:
                    loss, self._loss = self._loss, None
                    if loss == "request":
                        break
                    losing.set()
                if not asks and losing.is_set():
                    break
                target.sendall(chunk)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
