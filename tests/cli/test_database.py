"""A ledger in PostgreSQL by the public commands: adopted once, served by several gateways, never with a password."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from comity.arrangement import grant_text, sign_act
from comity.cli.main import main
from support import ARRANGEMENT, ORIGIN, SECRET, UPSTREAM_KEY, Keys, RecordingProvider, now, signed_offer, terms_value

UPSTREAMS = ("--upstream", "openai=http://127.0.0.1:1/v1", "--upstream", "anthropic=http://127.0.0.1:1")


def run(*words: str | Path, key: str = UPSTREAM_KEY) -> Result:
    return CliRunner(env={"COMITY_UPSTREAM_KEY": key}).invoke(main, [str(word) for word in words])


def operator_home(root: Path, keys: Keys, **changes: object) -> Path:
    """An operator's home with the keys that the terms name, and the signed terms beside it."""
    home = root / "operator"
    made = run("init", home, "--role", "operator", "--name", "Operator", "--host", ORIGIN.split("/")[0])
    assert 0 == made.exit_code, made.output
    folder = home / "ledgers" / ARRANGEMENT / "keys"
    folder.mkdir(parents=True)
    (home / "keys").mkdir(exist_ok=True)
    for path, key in ((home / "keys" / "permit", keys.permit), (folder / "log", keys.log)):
        path.write_text(key.private_text())
    (folder / "log-mldsa").write_text(keys.log_mldsa.private_text())
    (root / "terms.json").write_bytes(signed_offer(keys, terms_value(keys, **changes)).envelope)
    return home


def adopt(home: Path, *more: str, upstreams: tuple[str, ...] = UPSTREAMS) -> Result:
    return run("--home", home, "ledger", "adopt", home.parent / "terms.json", *upstreams, *more)


@contextmanager
def serving(home: Path, *more: str) -> Iterator[str]:
    """`comity serve` until the end, which is in order; yields the arrangement's address."""
    code = "from comity.cli.main import main; main()"
    words = [sys.executable, "-c", code, "--home", str(home), "serve", "--listen", "127.0.0.1:0", *more]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read().decode()
            yield f"{json.loads(line)['gateway']}/a/{ARRANGEMENT}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert 0 == process.returncode


def chat(url: str) -> httpx.Response:
    body = {"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "2+2?"}]}
    headers = {"authorization": f"Bearer {SECRET}"}
    return httpx.post(f"{url}/openai/v1/chat/completions", json=body, headers=headers, timeout=30)


def grant(keys: Keys, digest: str) -> bytes:
    return sign_act(
        grant_text(
            ledger=ORIGIN,
            arrangement=digest,
            person="evaluator-1",
            access=sha256(SECRET.encode()).hexdigest(),
            expires=now() + timedelta(minutes=30),
            nonce=os.urandom(16).hex(),
        ),
        keys.authority,
    )


@pytest.mark.slow
def test_two_gateways_serve_one_ledger_in_a_database_by_the_public_commands(tmp_path: Path, database: str) -> None:
    """What `ledger adopt --database` began, two `serve` share: one takes the grant, both take calls, and one budget
    of two calls is used up between them; nothing of the ledger lies in a file.  The one that does not publish needs
    no log keys.
    """
    keys = Keys()
    home = operator_home(tmp_path, keys, budget__calls=2)
    with RecordingProvider().running() as provider:
        towards = ("--upstream", f"openai={provider.url}", "--upstream", f"anthropic={provider.url}")
        begun = adopt(home, "--database", database, "--json", upstreams=towards)
        assert 0 == begun.exit_code, begun.output
        folder = home / "ledgers" / ARRANGEMENT
        assert f"{database}\n" == (folder / "ledger.url").read_text()
        assert not (folder / "ledger.sqlite").exists()

        elsewhere = tmp_path / "elsewhere"
        shutil.copytree(home, elsewhere)
        for name in ("log", "log-mldsa"):
            (elsewhere / "ledgers" / ARRANGEMENT / "keys" / name).unlink()

        with serving(home) as publishing, serving(elsewhere, "--no-publish") as other:
            issued = httpx.post(f"{publishing}/grants", content=grant(keys, json.loads(begun.stdout)["digest"]))
            assert 201 == issued.status_code, issued.text
            assert [200, 200, 403, 403] == [chat(url).status_code for url in (other, publishing, other, publishing)]
            shown = httpx.get(f"{other}/status", headers={"authorization": f"Bearer {SECRET}"}).json()
            assert {"agreed": 2, "taken": 2} == shown["clauses"]["budget.calls"]
        assert 2 == len(provider.asked)

    again = adopt(home)
    assert 1 == again.exit_code and f"{ORIGIN} is adopted here already" in again.stderr


@pytest.mark.parametrize(
    ("secret", "address"),
    [
        ("hidden", "postgresql://me:hidden@127.0.0.1/test"),
        ("hidden", "postgresql://127.0.0.1/test?password=hidden"),
    ],
)
def test_an_address_with_a_password_is_refused_and_not_kept(secret: str, address: str, tmp_path: Path) -> None:
    """A password would lie in a file and show in process lists: it is refused, not shown, and nothing is begun."""
    pytest.importorskip("psycopg", reason="needs psycopg, which comity[postgres] brings")
    home = operator_home(tmp_path, Keys())

    refused = adopt(home, "--database", address)

    assert 1 == refused.exit_code and "it has a password in it" in refused.stderr
    assert secret not in refused.output
    assert not list(home.glob("ledgers/*/ledger.*"))


def test_a_database_that_is_no_address_is_misuse(tmp_path: Path) -> None:
    """A path given where an address belongs makes no file of that name."""
    home = operator_home(tmp_path, Keys())

    refused = adopt(home, "--database", str(tmp_path / "elsewhere"))

    assert 2 == refused.exit_code and "--database: expected an address such as postgresql://" in refused.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_a_kept_address_that_is_none_is_said_by_its_file(tmp_path: Path) -> None:
    """An operator who edits `ledger.url` reads which file is wrong and what belongs in it."""
    home = operator_home(tmp_path, Keys())
    folder = home / "ledgers" / ARRANGEMENT
    (folder / "terms.json").write_bytes((tmp_path / "terms.json").read_bytes())
    (folder / "ledger.url").write_text("db.example/comity\n")

    refused = run("--home", home, "serve", "--listen", "127.0.0.1:0")

    assert 1 == refused.exit_code
    assert f"ledger.url in {ARRANGEMENT}/: expected one line, an address such as postgresql://" in refused.stderr


def test_a_key_that_no_header_can_hold_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    """A provider's key with a typeset hyphen is told by `serve`, before it is ready."""
    home = operator_home(tmp_path, Keys())
    begun = run("--home", home, "ledger", "adopt", tmp_path / "terms.json", *UPSTREAMS, key="sk\u2011abc")
    assert 0 == begun.exit_code, begun.output

    refused = run("--home", home, "serve", "--listen", "127.0.0.1:0")

    assert 1 == refused.exit_code
    assert "the provider's key for anthropic: expected printable ASCII" in refused.stderr
    assert '"gateway"' not in refused.stdout
