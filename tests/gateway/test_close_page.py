"""The how-to on amending and closing is true: its commands run against a real gateway, and print what it shows."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.verify.test_running_system import publish

from comity.arrangement import grant_text, sign_act, verify_offer
from comity.cli.amending import keep_terms
from comity.cli.main import main
from comity.records import canonical_bytes, parse_record
from comity.vault import load_item
from support import ARRANGEMENT, ORIGIN, Keys, LiveGateway, RecordingProvider, live_gateway, now

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "amend-and-close.md"


def steps() -> list[tuple[str, list[str]]]:
    """Each command of the page, with the lines that the page shows of its output."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("comity "):
                found.append((line, []))
            else:
                found[-1][1].append(" ".join(line.split()))
    return found


@dataclass
class World:
    """Three homes, a gateway that served two calls, and a folder of files that travel."""

    folder: Path
    gateway: LiveGateway
    keys: Keys

    def run(self, line: str) -> Result:
        words = shlex.split(line.replace("https://operator.example", self.gateway.url))
        return CliRunner().invoke(main, words[1:])

    def ok(self, line: str) -> Result:
        result = self.run(line)
        assert 0 == result.exit_code, f"{line}\n{result.output}\n{result.exception!r}"
        return result

    def hand_over(self) -> None:
        """Publish under the joint checkpoint, and copy what is published."""
        ledgers = self.folder / "operator" / "ledgers" / ARRANGEMENT
        publish(self.gateway, ledgers, self.folder / f"witness-{os.urandom(4).hex()}")
        shutil.copytree(ledgers / "public", self.folder / "mail" / "ledger", dirs_exist_ok=True)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    keys = Keys()
    for role in ("authority", "provider", "operator"):
        words = ["init", role, "--role", role, "--name", role.title(), "--host", f"{role}.example"]
        assert 0 == CliRunner().invoke(main, words).exit_code
        if role != "operator":
            (tmp_path / role / "keys" / "party").write_text(getattr(keys, role).private_text())
    (tmp_path / "mail").mkdir()
    ledgers = tmp_path / "operator" / "ledgers" / ARRANGEMENT
    ledgers.mkdir(parents=True)
    provider = RecordingProvider()
    with provider.running(), live_gateway(ledgers, provider.url, keys=keys, granted=False) as gateway:
        for name in (ledgers / "terms.json", tmp_path / "mail" / "terms.json"):
            shutil.copy(ledgers / "offer.json", name)
        (ledgers / "providers.json").write_text(json.dumps({"openai": provider.url, "anthropic": provider.url}))
        grant(gateway, tmp_path / "authority")
        for _ in range(2):
            assert 200 == gateway.chat().status_code
        yield World(folder=tmp_path, gateway=gateway, keys=keys)


def grant(gateway: LiveGateway, home: Path) -> None:
    """A grant of which the authority's home keeps the note, as `comity grant issue` does."""
    from hashlib import sha256

    nonce = os.urandom(16).hex()
    text = grant_text(
        ledger=ORIGIN, arrangement=gateway.terms.digest, person="evaluator-1",
        access=sha256(gateway.secret.encode()).hexdigest(), expires=gateway.terms.window.until, nonce=nonce,
    )  # fmt: skip
    note = sign_act(text, gateway.keys.authority)
    assert 201 == gateway.act("/grants", note).status_code
    kept = home / "engagements" / ("0" * 32) / "grants" / f"{nonce}.note"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(note)


def test_the_page_can_be_followed(world: World) -> None:
    """Every command ends well, every line that the page shows of its output is in it, and the certificate is true."""
    ran = steps()
    for line, shown in ran:
        if " certify " in line and "--add" not in line:
            world.hand_over()
        output = " ".join(world.ok(line).output.split())
        for part in shown:
            assert part in output, f"{line}\nexpected: {part}\ngot: {output}"

    assert 13 == len(ran)
    facts = json.loads(json.loads((world.folder / "mail" / "closing-certificate.json").read_text())["closing"])
    assert {"permitted": 2, "refused": 0, "settled": 2, "abandoned": 0} == facts["calls"]
    assert {"issued": 1, "revoked": 1, "live": 0} == facts["grants"]
    assert {"agreed": 1200, "taken": 2} == facts["spend"]["budget.calls"]
    assert [1, 2] == [each["version"] for each in facts["versions"]]
    assert ["model-withdrawn"] == [each["cause"] for each in facts["exits"]]
    assert [4] == [each["items"] for each in facts["erasures"]]
    assert "calls 2 permitted, 0 refused" in " ".join(
        (world.folder / "mail" / "closing-certificate.txt").read_text().lower().split()
    )


def test_after_the_closing_nothing_passes_and_nothing_opens(world: World) -> None:
    """Calls are refused, a grant and an amendment too, at a fresh gateway as well; sealed items are gone."""
    world.ok("comity --home provider arrangement close mail/terms.json --out mail/close.note")
    gateway, note = world.gateway, (world.folder / "mail" / "close.note").read_bytes()
    half = gateway.act("/close", note)
    assert (403, "closed") == (half.status_code, half.json()["comity"]["clause"])
    early = world.run(f"comity --home authority erase {ORIGIN} --gateway https://operator.example")
    assert 1 == early.exit_code and "content is erased once access is closed" in early.output
    closing = "comity --home authority arrangement close mail/terms.json --add mail/close.note --out mail/both.note"
    world.ok(closing)
    both = (world.folder / "mail" / "both.note").read_bytes()
    refused = gateway.act("/close", both)
    assert "1 grants are in force" in refused.json()["comity"]["because"]
    world.ok(f"{closing} --gateway https://operator.example")

    assert 401 == gateway.chat().status_code
    assert "closed" == gateway.grant("another").json()["comity"]["clause"]
    assert "closed" == gateway.act("/close", both).json()["comity"]["clause"]
    world.ok("comity --home authority arrangement amend mail/terms.json --set title=Late --out mail/late.json")
    world.ok("comity --home provider arrangement accept mail/late.json --out mail/late.json")
    late = world.run("comity --home operator ledger amend mail/late.json")
    assert 1 == late.exit_code and "closed for good" in late.output
    assert load_item(gateway.gate.query, gateway_call(gateway), "request") is not None
    assert 1 == world.run(f"comity --home provider erase {ORIGIN} --gateway https://operator.example").exit_code
    world.ok(f"comity --home authority erase {ORIGIN} --gateway https://operator.example")
    assert load_item(gateway.gate.query, gateway_call(gateway), "request") is None
    assert [(0,)] == gateway.gate.query("SELECT count(*) FROM vault_encapsulation")


def gateway_call(gateway: LiveGateway) -> int:
    return next(n for n, each in enumerate(gateway.records()) if each.kind == "call.permitted")


def certified(world: World) -> Path:
    """The certificate of the page, with both signatures."""
    for line, _ in steps():
        if " certify " in line and "--add" not in line:
            world.hand_over()
        if not line.startswith("comity verify"):
            world.ok(line)
    return world.folder / "mail" / "closing-certificate.json"


def test_a_certificate_that_says_otherwise_is_told_by_its_fact(world: World) -> None:
    """A count that was changed and signed again by both does not follow from the ledger, and one signature is one
    side's word."""
    path = certified(world)
    envelope = json.loads(path.read_text())
    facts = json.loads(envelope["closing"])
    facts["calls"]["refused"] = 9
    forged = {**envelope, "closing": canonical_bytes(facts).decode(), "note": ""}
    (world.folder / "mail" / "forged.json").write_bytes(canonical_bytes(forged))
    signing = "arrangement certify mail/terms-2.json --add mail/forged.json --out mail/forged.json"
    for role in ("provider", "authority"):
        stops = world.run(f"comity --home {role} {signing} --ledger mail/ledger")
        assert 1 == stops.exit_code and "nothing is signed: calls" in stops.output
        world.ok(f"comity --home {role} {signing}")
        check = "comity verify mail/forged.json --arrangement mail/terms-2.json"
        alone = {fact["name"]: fact["holds"] for fact in json.loads(world.ok(f"{check} --json").output)["facts"]}
        assert (True if role == "authority" else None, None) == (alone["signatures"], alone["calls"])
        found = world.run(f"{check} --ledger mail/ledger --json")
        facts = {fact["name"]: fact["holds"] for fact in json.loads(found.output)["facts"]}
        assert (1, False, True) == (found.exit_code, facts["calls"], facts["spend"])


def test_a_certificate_of_another_history_is_told(world: World) -> None:
    """Signatures over a text with another note, and terms that were not in force at the end, do not hold."""
    path = certified(world)
    envelope = json.loads(path.read_text())
    envelope["closing"] = envelope["closing"].replace('"live":0', '"live":1')
    (world.folder / "mail" / "other.json").write_bytes(canonical_bytes(envelope))

    other = world.run("comity verify mail/other.json --arrangement mail/terms-2.json")
    assert 1 == other.exit_code and "the signatures are over another text" in " ".join(other.output.split())
    first = world.run(f"comity verify {path} --arrangement mail/terms.json")
    assert 1 == first.exit_code and "✗ certificate" in first.output
    assert 2 == world.run(f"comity verify {path}").exit_code
    kinds = [parse_record(entry).kind for entry in world.gateway.ledger.read(0, world.gateway.ledger.size())]
    assert kinds.index("access.closed") < kinds.index("content.erased")
    assert verify_offer((world.folder / "mail" / "terms-2.json").read_bytes()).terms.window.until > now()


def test_the_operators_file_follows_the_ledger(world: World) -> None:
    """What a party handed to the gateway is in the operator's file when the ledger is next opened to be served, and an
    amendment may be taken on the ledger itself, without the gateway."""
    folder = world.folder / "operator" / "ledgers" / ARRANGEMENT
    for version in (2, 3):
        before = "terms" if version == 2 else f"terms-{version - 1}"
        out = f"mail/terms-{version}.json"
        world.ok(f"comity --home authority arrangement amend mail/{before}.json --set title=T{version} --out {out}")
        world.ok(f"comity --home provider arrangement accept {out} --out {out}")
    assert 201 == world.gateway.act("/amendments", (world.folder / "mail" / "terms-2.json").read_bytes()).status_code
    keep_terms(folder, world.gateway.ledger)
    assert "T2" == verify_offer((folder / "terms.json").read_bytes()).terms.title

    world.ok("comity --home operator ledger amend mail/terms-3.json")
    assert 200 == world.gateway.chat().status_code
    assert "T3" == world.gateway.gate.terms.title
    assert "T3" == verify_offer((folder / "terms.json").read_bytes()).terms.title
    again = world.run("comity --home operator ledger amend mail/terms-3.json")
    assert 1 == again.exit_code and "version 3 is in force" in again.output
    half = world.run("comity --home authority arrangement amend mail/terms.json --set budget.calls --out mail/x.json")
    assert 2 == half.exit_code
