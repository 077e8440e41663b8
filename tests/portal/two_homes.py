"""Two instances side by side: an authority's home and a provider's, each with its portal as a process of its own.

The authority operates the gateway.  Between the two portals stand ends of TLS with a certificate authority of the
test's own, and nothing else is shared: neither folder nor database nor process.
"""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from certificates import Authority, Pair
from click.testing import CliRunner

from comity.cli.demo.processes import free_port
from comity.cli.main import main

__all__ = ["AUTHORITY", "PROVIDER", "Homes", "Process", "comity", "two_homes"]

AUTHORITY: Final = "Office for AI"
PROVIDER: Final = "Aurora Systems"
ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
LONGEST: Final = 60


def comity(home: Path, *words: str, **environment: str) -> Any:
    """Run a command in this process; the JSON of its last line."""
    done = CliRunner().invoke(main, ["--home", str(home), *words, "--json"], env=environment)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.strip().splitlines()[-1])


class Process:
    """A command that runs beside the test."""

    def __init__(self, home: Path, *words: str, **environment: str) -> None:
        command = [sys.executable, "-m", "comity", "--home", str(home), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT | environment)

    def line(self) -> Any:
        """The next line that it prints, as JSON."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def wait(self) -> tuple[int, str]:
        """Its exit status, and what it printed since."""
        said, _ = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, said

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=LONGEST)


@dataclass
class Homes:
    """What a test needs of the two instances."""

    folder: Path
    gateway: str
    portals: dict[str, str]
    """Side → where its people's browsers reach its portal."""
    doors: dict[str, str]
    """Side → where the other side's portal reaches it, by HTTPS."""
    links: dict[str, str]
    """Side → the path of its first person's invitation."""

    def home(self, role: str) -> Path:
        return self.folder / role


@contextmanager
def tls_before(port: int, pair: Pair) -> Iterator[int]:
    """The end of TLS in front of a portal of this machine, for what another portal hands over."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {"content-type": self.headers["content-type"]}
            answer = httpx.post(f"http://127.0.0.1:{port}{self.path}", content=body, headers=headers, timeout=30)
            self.send_response(answer.status_code)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(10)


@contextmanager
def two_homes(folder: Path) -> Iterator[Homes]:
    """Both homes with their cards, portals and one invited person each; the gateway's address, where nobody is yet."""
    for role, name in (("authority", AUTHORITY), ("provider", PROVIDER), ("evaluator", "Team One")):
        words = ["--role", role, "--name", name, "--host", f"{role}.example", "--json"]
        done = CliRunner().invoke(main, ["--home", str(folder / role), "init", str(folder / role), *words])
        assert done.exit_code == 0, done.output
    comity(folder / "authority", "ledger", "reserve", "--out", str(folder / "authority.json"))
    for role in ("provider", "evaluator"):
        witness = ("--witness-url", "https://witness.provider.example") if role == "provider" else ()
        comity(folder / role, "key", "show", *witness, "--out", str(folder / f"{role}.json"))
    gateway = f"http://127.0.0.1:{free_port()}"
    trusted = Authority(folder, "authority-of-the-test")
    pair = trusted.pair("portals")
    people = {"authority": ("handler", "Ada Keller"), "provider": ("access", "Brin Osei")}
    with ExitStack() as stack:
        invited, serving = {}, {}
        for role, (kind, name) in people.items():
            said = ("portal", "invite", role, "--role", kind, "--name", name, "--json")
            invited[role] = Process(folder / role, *said)
            stack.callback(invited[role].end)
        links = {role: urlsplit(one.line()["link"]).path for role, one in invited.items()}
        for role in people:
            words = ("portal", "serve", "--listen", "127.0.0.1:0", "--gateway", gateway)
            serving[role] = Process(folder / role, *words, SSL_CERT_FILE=str(trusted.file))
            stack.callback(serving[role].end)
        ports = {role: urlsplit(one.line()["portal"]).port or 0 for role, one in serving.items()}
        doors = {role: f"https://localhost:{stack.enter_context(tls_before(ports[role], pair))}" for role in people}
        comity(folder / "authority", "portal", "peer", PROVIDER, doors["provider"])
        comity(folder / "provider", "portal", "peer", AUTHORITY, doors["authority"])
        portals = {role: f"http://localhost:{port}" for role, port in ports.items()}
        yield Homes(folder, gateway, portals, doors, links)
