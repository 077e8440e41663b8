"""Keys: what each role's home holds, what its card shows, and which of them an operator serves with."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from comity.arrangement import parse_card
from comity.cli.demo.offer import Offered, offer_text
from comity.cli.home import open_home
from comity.cli.main import main
from comity.ledger import parse_vkey

OFFERED = Offered(
    model="a-model",
    serves=("a-model",),
    protocols=("openai",),
    context_window=1000,
    max_output=100,
    overhead=10,
    price_input="1",
    price_output="1",
    calls=10,
    input_tokens=1000,
    output_tokens=100,
    cost="1",
)


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), *words])


def made(root: Path, role: str) -> Path:
    home = root / role
    done = run(home, "init", str(home), "--role", role, "--name", f"The {role}", "--host", f"{role}.example")
    assert 0 == done.exit_code, done.output
    return home


def shown(home: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(run(home, "key", "show", "--json").stdout)
    return card


def test_a_providers_home_holds_a_guard_key_and_its_card_shows_it(tmp_path: Path) -> None:
    """The guard's counters are checked by a key that the terms take from the provider's card."""
    home = made(tmp_path, "provider")

    card = shown(home)

    assert open_home(home).signer("guard").vkey == card["guard"] == parse_card(json.dumps(card).encode()).guard
    assert "provider.example/guard" == parse_vkey(card["guard"]).name
    assert 0o600 == stat.S_IMODE((home / "keys" / "guard").stat().st_mode)


@pytest.mark.parametrize("role", ["operator", "authority"])
def test_whoever_reserves_a_ledger_has_a_permit_key_on_its_card(tmp_path: Path, role: str) -> None:
    """The first reservation makes the key, the next one keeps it: one key signs the permits of all ledgers."""
    home = made(tmp_path, role)
    assert "permit" not in shown(home)

    first, second = (json.loads(run(home, "ledger", "reserve", "--json").stdout) for _ in range(2))

    assert first["permit"] == second["permit"] == open_home(home).signer("permit").vkey
    assert first["permit"] == parse_card(json.dumps(first).encode()).permit == shown(home)["permit"]
    assert f"{role}.example/permit" == parse_vkey(first["permit"]).name
    assert first["origin"] != second["origin"]
    assert 0o600 == stat.S_IMODE((home / "keys" / "permit").stat().st_mode)


@pytest.mark.parametrize("role", ["authority", "evaluator", "operator"])
def test_no_other_role_has_a_guard_key(tmp_path: Path, role: str) -> None:
    """A key lies only where it has a purpose."""
    assert "guard" not in shown(made(tmp_path, role))


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path]:
    """An operator's home with a reserved ledger, and the terms for it that both parties signed."""
    homes = {role: made(tmp_path, role) for role in ("authority", "provider", "operator", "evaluator")}
    cards = {role: tmp_path / f"{role}.card.json" for role in homes}
    run(homes["operator"], "ledger", "reserve", "--out", str(cards["operator"]))
    for role in ("authority", "provider", "evaluator"):
        run(homes[role], "key", "show", "--witness-url", "http://127.0.0.1:1", "--out", str(cards[role]))
    (tmp_path / "offer.yaml").write_text(offer_text(OFFERED, provider="The provider", now=datetime.now(UTC)))
    held = [word for card in cards.values() for word in ("--card", str(card))]
    draft, terms = str(tmp_path / "draft.json"), str(tmp_path / "terms.json")
    for role, *words in (
        ("provider", "draft", "--offer", str(tmp_path / "offer.yaml"), *held, "--out", draft),
        ("authority", "accept", draft, "--out", terms),
    ):
        done = run(homes[role], "arrangement", *words)
        assert 0 == done.exit_code, done.output
    return homes["operator"], tmp_path / "terms.json"


def adopted(operator: Path, terms: Path) -> Result:
    words = ("ledger", "adopt", str(terms), "--upstream", "openai=http://127.0.0.1:1")
    return CliRunner(env={"COMITY_UPSTREAM_KEY": "k"}).invoke(main, ["--home", str(operator), *words])


def other_permit_key(operator: Path) -> None:
    (operator / "keys" / "permit").unlink()
    assert 0 == run(operator, "ledger", "reserve").exit_code  # makes the key that is missing


def short_permit_key(operator: Path) -> str:
    return "+".join(open_home(operator).signer("permit").vkey.split("+")[:2])


def test_terms_that_name_another_permit_key_are_not_adopted(signed: tuple[Path, Path]) -> None:
    """Permits that no guard would accept are told before the ledger begins, with the clause and both keys."""
    operator, terms = signed
    named = short_permit_key(operator)
    other_permit_key(operator)

    refused = adopted(operator, terms)

    assert 1 == refused.exit_code
    assert f"name the permit key {named} (clause guard.permit_key)" in refused.stderr
    assert f"holds {short_permit_key(operator)}" in refused.stderr
    assert not list(operator.glob("ledgers/*/ledger.sqlite"))


def test_a_gateway_does_not_start_with_another_permit_key(signed: tuple[Path, Path]) -> None:
    """A key that was changed after the ledger began is told at the start, not by the first refused call."""
    operator, terms = signed
    begun = adopted(operator, terms)
    assert 0 == begun.exit_code, begun.output
    other_permit_key(operator)

    command = [sys.executable, "-m", "comity", "--home", str(operator), "serve", "--listen", "127.0.0.1:0"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)

    assert 1 == refused.returncode
    assert "(clause guard.permit_key)" in refused.stderr
    assert '"gateway"' not in refused.stdout


def test_a_home_without_a_permit_key_says_how_to_get_one(signed: tuple[Path, Path]) -> None:
    """A lost key is named by its file."""
    operator, terms = signed
    (operator / "keys" / "permit").unlink()

    refused = adopted(operator, terms)

    assert 1 == refused.exit_code
    assert "no permit key in this operator's home" in refused.stderr


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_no_command_takes_a_secret_among_its_words() -> None:
    """Words of a command stand in the list of processes: what names a secret takes a file or a variable's name."""
    suspicious = re.compile(r"secret|password|passphrase|token\b|bearer|(?:\b|_)key\b")
    asked = [(words, one) for words, command in commands(main) for one in command.params if one.name is not None]
    named = [(words, one) for words, one in asked if suspicious.search(one.name or "")]
    assert len(named) < len(asked) and len(asked) > 300, "every command was looked at"
    assert [] == [f"{words} {one.name}" for words, one in named if not isinstance(one.type, click.Path)]
