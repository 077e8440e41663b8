"""Verification and disclosure on the running system: a real gateway, publisher and witness, then strangers."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from tests.gateway.support import (
    ORIGIN,
    SECRET,
    Keys,
    LiveGateway,
    RecordingProvider,
    completion,
    live_gateway,
    now,
    whole,
)
from tests.support.canary import assert_absent

from comity.cli.main import main
from comity.ledger import parse_policy
from comity.ledger.publisher import Published, Publisher
from comity.ledger.transport import Answer
from comity.ledger.witness import Witness
from comity.vault import CannotOpen, check_disclosure, parse_disclosure
from comity.verify import FolderCopy, read_disclosure, read_entries, read_offer, verify_directory, verify_disclosure

CANARY = "canary-91f0c4d77ab2e6385d-question"
ANSWER_CANARY = "canary-2b8e11f6a0c94d7753-answer"


@dataclass
class World:
    """A gateway that has served one call with canaries in it, and everything around it."""

    gateway: LiveGateway
    folder: Path
    public: Path
    home: Path
    call: str
    """The header `request-id` of that call."""

    @property
    def index(self) -> int:
        return int(self.call.rpartition(":")[2])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("operator")
    keys = Keys()
    provider = RecordingProvider(lambda asked: whole(completion(text=ANSWER_CANARY)))
    with provider.running(), live_gateway(folder, provider.url, keys=keys) as gateway:
        answer = gateway.chat(messages=[{"role": "user", "content": CANARY}])
        assert answer.status_code == 200
        assert gateway.chat(model="unknown").status_code == 403
        publish(gateway, folder, tmp_path_factory.mktemp("witness"))
        home = tmp_path_factory.mktemp("evaluator")
        made = run("--home", home, "init", home / "i", "--role", "evaluator", "--name", "E", "--host", "e.example")
        assert made.exit_code == 0, made.output
        for name, text in (("recipient", keys.evaluator.private_text()), ("access", SECRET)):
            (home / "i" / "keys" / name).write_text(text + "\n")
        yield World(
            gateway=gateway,
            folder=folder,
            public=folder / "public",
            home=home / "i",
            call=answer.headers["request-id"],
        )


def publish(gateway: LiveGateway, folder: Path, state: Path) -> None:
    policy = parse_policy(gateway.terms.ledger.policy_text)
    witness = Witness(state, signer=gateway.keys.witness, clock=now)
    witness.add_log(policy)

    def ask(url: str, body: bytes) -> Answer:
        return witness.add_checkpoint(body)

    publisher = Publisher(
        gateway.ledger, folder / "public", signers=[gateway.keys.log, gateway.keys.log_mldsa],
        policy=policy, clock=now, ask=ask,
    )  # fmt: skip
    outcome = publisher.publish_once()
    witness.close()
    assert isinstance(outcome, Published), outcome


def run(*arguments: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env)


def test_what_the_gateway_wrote_keeps_every_rule(world: World) -> None:
    """A ledger as the running system writes it has no failing fact; without a guard, that alone is left open."""
    terms = read_offer((world.folder / "offer.json").read_bytes())
    verdict = verify_directory(world.public, terms.policy, terms=terms)

    assert verdict.stands, verdict.failures
    assert ["guard"] == [fact.name for fact in verdict.open]
    assert "1 permitted: 1 settled, 0 abandoned, 0 open" in verdict.fact("calls").detail


def test_neither_question_nor_answer_lies_anywhere_at_rest(world: World) -> None:
    """Every byte of the operator's folder, while it runs, is searched for both in every spelling."""
    assert_absent(CANARY, world.folder)
    assert_absent(ANSWER_CANARY, world.folder)


def test_a_part_is_shown_by_its_own_key_and_a_stranger_checks_it(world: World, tmp_path: Path) -> None:
    """The evaluator discloses the answer; a third party with the copy sees it, and sees the request withheld."""
    out = tmp_path / "shown.json"
    done = run("--home", world.home, "disclose", world.call, "--part", "answer", "--gateway", world.gateway.url,
               "--out", out, "--to", "provider")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "withheld: request" in done.output
    assert world.gateway.of("content.disclosed")[0].to == "provider"

    arguments = ("verify", out, "--ledger", world.public, "--arrangement", world.folder / "offer.json")
    plain = run(*arguments)
    assert plain.exit_code == 0, plain.output
    assert ANSWER_CANARY not in plain.output
    assert "withheld" in plain.output
    assert ANSWER_CANARY in run(*arguments, "--show").output
    assert CANARY not in out.read_text()
    assert SECRET not in out.read_text()

    members = json.loads(run(*arguments, "--json").output)
    facts = {fact["name"]: fact["holds"] for fact in members["facts"]}
    assert (True, None) == (facts["answer"], facts["request"])


def test_without_a_part_named_both_parts_of_a_call_are_shown(world: World, tmp_path: Path) -> None:
    """A call has a request and an answer, and nothing of it is withheld then."""
    out = tmp_path / "both.json"
    done = run("--home", world.home, "disclose", world.call, "--gateway", world.gateway.url, "--out", out, "--to", "x")

    assert done.exit_code == 0, done.output
    assert "withheld: nothing" in done.output


def test_two_readers_of_a_disclosure_agree(world: World, tmp_path: Path) -> None:
    """The vault's reader and the verifier's own one see the same content, and refuse the same changes."""
    out = tmp_path / "both.json"
    done = run("--home", world.home, "disclose", world.call, "--gateway", world.gateway.url, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    data = out.read_bytes()
    records = world.gateway.records()
    entry = records[world.index]
    history, _ = read_entries(world.gateway.ledger.read(0, world.gateway.ledger.size()))
    found = verify_disclosure(read_disclosure(data), history, ORIGIN)
    assert found.verdict.stands
    assert check_disclosure(parse_disclosure(data), entry) == found.parts[0].content  # type: ignore[union-attr]
    assert CANARY.encode() in found.parts[0].content  # type: ignore[union-attr]

    swapped = json.loads(data)
    first, second = swapped["items"]
    first["content_key"], second["content_key"] = second["content_key"], first["content_key"]
    changed = json.dumps(swapped).encode()
    assert not verify_disclosure(read_disclosure(changed), history, ORIGIN).verdict.stands
    with pytest.raises(CannotOpen):
        check_disclosure(parse_disclosure(changed), entry)


def test_a_disclosure_of_a_call_that_is_none_or_of_another_ledger_fails(world: World, tmp_path: Path) -> None:
    """An index without a permit and another ledger's name are failing facts."""
    out = tmp_path / "shown.json"
    run("--home", world.home, "disclose", world.call, "--gateway", world.gateway.url, "--out", out)
    history, _ = read_entries(world.gateway.ledger.read(0, world.gateway.ledger.size()))
    for member, value, fact in (("index", 0, "call"), ("index", 10**6, "call"), ("ledger", "other", "ledger")):
        changed = json.dumps(json.loads(out.read_bytes()) | {member: value}).encode()
        verdict = verify_disclosure(read_disclosure(changed), history, ORIGIN).verdict
        assert verdict.fact(fact).holds is False


def test_the_authoritys_recovery_key_discloses_from_a_file(world: World, tmp_path: Path) -> None:
    """Without the evaluator and without the gateway, the recovery key and the sealed items are enough."""
    home = tmp_path / "authority"
    assert run("init", home, "--role", "authority", "--name", "A", "--host", "a.example").exit_code == 0
    (home / "keys" / "recipient").write_text(world.gateway.keys.recovery.private_text() + "\n")
    files: list[object] = []
    for part in ("request", "answer"):
        headers = {"authorization": f"Bearer {SECRET}"}
        sealed = httpx.get(world.gateway.door(f"/sealed/{world.index}/{part}"), headers=headers).content
        (tmp_path / part).write_bytes(sealed)
        files += ["--sealed", tmp_path / part]
    out = tmp_path / "out.json"

    assert run("--home", home, "disclose", world.index, *files, "--out", out).exit_code == 0
    assert 2 == len(json.loads(out.read_bytes())["items"])
    other = run("--home", home, "disclose", world.index + 1, *files, "--out", tmp_path / "no.json")
    assert other.exit_code == 1
    assert not (tmp_path / "no.json").exists()


def test_a_stranger_to_the_item_cannot_disclose_it(world: World, tmp_path: Path) -> None:
    """A home whose key is no recipient is told so, and no file is written."""
    home = tmp_path / "stranger"
    assert run("init", home, "--role", "evaluator", "--name", "S", "--host", "s.example").exit_code == 0
    (home / "keys" / "access").write_text(SECRET)
    out = tmp_path / "out.json"
    done = run("--home", home, "disclose", world.call, "--gateway", world.gateway.url, "--out", out)

    assert done.exit_code == 1
    assert "no recipient" in done.output
    assert not out.exists()


def test_the_same_ledger_is_checked_over_http(world: World) -> None:
    """Behind the gateway's doors the ledger says the same as in the folder; the key comes from the environment."""
    url = world.gateway.door("")
    arguments = ("verify", url, "--arrangement", world.folder / "offer.json")
    done = run(*arguments, env={"COMITY_KEY": SECRET})
    assert done.exit_code == 0, done.output
    assert "a server does not list its files" in " ".join(done.output.split())

    refused = run(*arguments, env={"COMITY_KEY": ""})
    assert refused.exit_code == 1


def test_a_receipt_is_checked_with_its_entry(world: World, tmp_path: Path) -> None:
    """A receipt and the entry's bytes stand together; with another entry they fail."""
    headers = {"authorization": f"Bearer {SECRET}"}
    (tmp_path / "r.tlog-proof").write_bytes(
        httpx.get(world.gateway.door(f"/receipt/{world.index}"), headers=headers).content
    )
    entries = world.gateway.ledger.read(0, world.gateway.ledger.size())
    (tmp_path / "entry").write_bytes(entries[world.index])
    (tmp_path / "other").write_bytes(entries[0])
    base = ("verify", tmp_path / "r.tlog-proof", "--arrangement", world.folder / "offer.json")

    good = run(*base, "--entry", tmp_path / "entry")
    assert good.exit_code == 0, good.output
    assert f"this entry is entry {world.index} of" in " ".join(good.output.split())
    assert run(*base, "--entry", tmp_path / "other").exit_code == 1
    assert run(*base).exit_code == 2


def test_checking_needs_cryptography_and_nothing_else(world: World) -> None:
    """In a process where every other third-party package is out of reach, the ledger is checked all the same."""
    program = """
import sys
from importlib.abc import MetaPathFinder
allowed = sys.stdlib_module_names | {"comity", "cryptography", "cffi", "_cffi_backend"}
class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} is out of reach here")
sys.meta_path.insert(0, Refuse())
from pathlib import Path
from comity.verify import read_offer, verify_directory
terms = read_offer(Path(sys.argv[2]).read_bytes())
verdict = verify_directory(Path(sys.argv[1]), terms.policy, terms=terms)
assert verdict.stands and ["guard"] == [fact.name for fact in verdict.open], verdict.facts
"""
    source = Path(__file__).parents[2] / "src"
    subprocess.run(
        [sys.executable, "-c", program, world.public, world.folder / "offer.json"],
        check=True, env=os.environ | {"PYTHONPATH": str(source)},
    )  # fmt: skip


def test_keys_that_came_with_the_copy_are_called_so(world: World, tmp_path: Path) -> None:
    """A copy that brings its own arrangement is checked against it, and the first line says whose keys these are."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in FolderCopy(world.public).paths() or ():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes((world.public / path).read_bytes())
    assert run("verify", copy).exit_code == 2
    (copy / "arrangement.json").write_bytes((world.folder / "offer.json").read_bytes())
    done = run("verify", copy)

    assert done.exit_code == 0, done.output
    assert "they came with the copy itself" in done.output
    assert "Not established: keys, beside" in done.output


def test_openssl_and_coreutils_alone_check_a_checkpoint(world: World, tmp_path: Path) -> None:
    """The recipe in docs/how-to/check-a-ledger.md, run as it stands there, accepts the log's signature and no other."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "check-a-ledger.md"
    recipe = page.read_text().split("<!-- recipe -->")[1].split("```sh\n")[1].split("```")[0]
    (tmp_path / "checkpoint").write_bytes((world.public / "checkpoint").read_bytes())
    environment = os.environ | {"VKEY": world.gateway.keys.log.vkey}

    good = subprocess.run(["bash", "-ec", recipe], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert good.returncode == 0, good.stderr
    assert "Signature Verified Successfully" in good.stdout

    text = (tmp_path / "checkpoint").read_text().split("\n")
    (tmp_path / "checkpoint").write_text("\n".join([text[0], "1" + text[1], *text[2:]]))
    bad = subprocess.run(["bash", "-ec", recipe], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert bad.returncode != 0
    assert "Signature Verified Successfully" not in bad.stdout


def test_nothing_that_a_ledger_or_an_answer_says_reaches_the_terminal_raw(tmp_path: Path) -> None:
    """Escape sequences in what is checked are shown as text: a copy cannot paint its own ticks."""
    (tmp_path / "checkpoint").write_text("evil\n1\n\x1b[32m\n\n— x y\n")
    strange = tmp_path / "a\x1b[32m"
    strange.mkdir()
    (strange / "checkpoint").write_text("evil\x1b[31m")
    for arguments in (("verify", strange), ("verify", tmp_path / "checkpoint")):
        done = run(*arguments, "--log", Keys().log.vkey)
        assert done.exit_code == 1
        assert "\x1b" not in done.output


def test_misuse_is_told_from_failure(tmp_path: Path) -> None:
    """A path that is nothing, keys in two places or in a wrong form end with status 2 and say what is expected."""
    (tmp_path / "note").write_text("x")
    for arguments in (
        ("verify", tmp_path / "missing"),
        ("verify", tmp_path / "note"),
        ("verify", tmp_path / "note", "--log", "nokey"),
        ("verify", tmp_path / "note", "--witness", "a=b"),
        ("disclose", "five", "--out", tmp_path / "o", "--gateway", "http://x"),
        ("disclose", "5", "--out", tmp_path / "o"),
        ("disclose", "5", "--out", tmp_path / "o", "--gateway", "http://x"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2, (arguments, done.output)
