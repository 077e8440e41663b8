"""The commands of a party's own hand: stop, suspend, resume and exit, signed here and sent to a gateway's door."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comity.arrangement import Exit, Resumption, Stop, Suspension, open_act
from comity.cli.home import open_home
from comity.cli.main import main

ID = "0123456789abcdef0123456789abcdef"
ORIGIN = f"operator.example/a/{ID}"
ACTS = [
    ("stop", Stop, "stopped"),
    ("suspend", Suspension, "suspended"),
    ("resume", Resumption, "resumed"),
    ("exit", Exit, "left"),
]


class Gateway:
    """A gateway's doors: it keeps what comes and answers as an execution or a refusal would."""

    def __init__(self) -> None:
        self.came: list[tuple[str, bytes]] = []
        self.status, self.answer = 200, b'{"index": 7, "ledger": "%s"}' % ORIGIN.encode()
        gateway = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.came.append((self.path, body))
                self.send_response(gateway.status)
                self.send_header("Content-Length", str(len(gateway.answer)))
                self.end_headers()
                self.wfile.write(gateway.answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    held = Gateway()
    thread = threading.Thread(target=held.server.serve_forever)
    thread.start()
    yield held
    held.server.shutdown()
    held.server.server_close()
    thread.join()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    words = ["init", str(tmp_path / "authority"), "--role", "authority", "--name", "Office", "--host", "a.example"]
    assert 0 == CliRunner().invoke(main, words).exit_code
    return tmp_path / "authority"


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), *words])


@pytest.mark.parametrize(("command", "kind", "done"), ACTS)
def test_an_act_goes_to_its_door_signed_by_the_party(
    home: Path, gateway: Gateway, command: str, kind: type, done: str
) -> None:
    """The note at the door is this party's, of this kind, for this ledger and with the cause given."""
    said = run(home, command, ORIGIN, "--cause", "legal-order", "--gateway", gateway.url)

    assert (0, f"{done}: entry 7 of {ORIGIN}\n") == (said.exit_code, said.stdout)
    ((path, note),) = gateway.came
    act = open_act(note, open_home(home).signer("party").verifier)
    assert f"/a/{ID}/{command}" == path
    assert isinstance(act, kind)
    assert isinstance(act, (Stop, Suspension, Resumption, Exit))
    assert (ORIGIN, "legal-order") == (act.ledger, act.cause)


@pytest.mark.parametrize(("command", "kind", "done"), ACTS)
def test_an_act_may_be_handed_on_as_a_file(home: Path, tmp_path: Path, command: str, kind: type, done: str) -> None:
    """Without a way to the gateway the signed note is a file that anyone may carry there."""
    note = tmp_path / "act.note"

    said = run(home, command, ORIGIN, "--cause", "operational", "--out", str(note), "--json")

    assert (0, {"note": str(note)}) == (said.exit_code, json.loads(said.stdout))
    assert isinstance(open_act(note.read_bytes(), open_home(home).signer("party").verifier), kind)


@pytest.mark.parametrize("command", [command for command, _, _ in ACTS])
def test_each_act_is_another(home: Path, gateway: Gateway, command: str) -> None:
    """Two acts of the same words differ in their nonce, so that each can be performed once."""
    for _ in range(2):
        run(home, command, ORIGIN, "--cause", "operational", "--gateway", gateway.url)

    assert 2 == len({note for _, note in gateway.came})


@pytest.mark.parametrize("command", [command for command, _, _ in ACTS])
def test_a_refused_act_ends_with_1_and_the_clause(home: Path, gateway: Gateway, command: str) -> None:
    """What the gateway refuses is told with the clause that the refusal names."""
    gateway.status = 403
    gateway.answer = json.dumps(
        {"error": {"message": "suspension.by: the terms give the suspension to provider", "type": "x"}}
    ).encode()

    said = run(home, command, ORIGIN, "--cause", "operational", "--gateway", gateway.url)

    assert 1 == said.exit_code
    assert "suspension.by" in said.stderr


@pytest.mark.parametrize("command", [command for command, _, _ in ACTS])
@pytest.mark.parametrize("words", [("--cause", "boredom", "--out", "x"), ("--out", "x"), ("--cause", "operational")])
def test_misuse_exits_with_2(home: Path, command: str, words: tuple[str, ...]) -> None:
    """An unknown cause, no cause, and nowhere to send the act to are misuse, and nothing is signed."""
    assert 2 == run(home, command, ORIGIN, *words).exit_code


def test_a_home_without_a_party_key_signs_nothing(tmp_path: Path, gateway: Gateway) -> None:
    """An evaluator is no party: the command says which key is missing, and sends nothing."""
    other = tmp_path / "evaluator"
    run(other, "init", str(other), "--role", "evaluator", "--name", "Jane", "--host", "e.example")

    said = run(other, "suspend", ORIGIN, "--cause", "operational", "--gateway", gateway.url)

    assert 1 == said.exit_code
    assert "no party key in this evaluator's home" in said.stderr
    assert [] == gateway.came


@pytest.mark.parametrize(("words", "day"), [((), None), (("--on", "2026-12-24"), "2026-12-24T00:00:00+00:00")])
def test_an_exit_names_its_first_day(home: Path, tmp_path: Path, words: tuple[str, ...], day: str | None) -> None:
    """It is the day given, at its beginning in UTC, or today; a day in another form is misuse."""
    note = tmp_path / "exit.note"
    assert 0 == run(home, "exit", ORIGIN, "--cause", "unstated", *words, "--out", str(note)).exit_code
    act = open_act(note.read_bytes(), open_home(home).signer("party").verifier)

    assert isinstance(act, Exit)
    today = open_home(home).clock().replace(hour=0, minute=0, second=0, microsecond=0)
    assert (day or today.isoformat()) == act.effective.isoformat()
    assert 2 == run(home, "exit", ORIGIN, "--cause", "operational", "--on", "soon", "--out", str(note)).exit_code
