"""The draw on the running system: a real gateway and publisher, two parties at a terminal, and an evaluator."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from tests.gateway.support import (
    ARRANGEMENT,
    ORIGIN,
    SECRET,
    Asked,
    Keys,
    LiveGateway,
    Part,
    RecordingProvider,
    completion,
    live_gateway,
    now,
    whole,
)

from comity.arrangement import draw_commit_text, draw_reveal_text, sign_act
from comity.cli.main import main
from comity.evaluation.plan import canonical_plan, open_seed, plan_members, select_ids
from comity.evaluation.plan_text import parse_plan
from comity.evaluation.scores import Row, blind, score_table
from comity.evaluation.suites import load_suite
from comity.gateway.opening import rebuild
from comity.ledger import Signer, parse_policy
from comity.ledger.publisher import Publisher
from comity.ledger.transport import Answer
from comity.ledger.witness import Witness
from comity.verify import verify_bundle

RUN = "ab" * 16
SALT = b"t" * 32
ITEMS = 7
HALF = "c3" * 32


def answering(asked: Asked) -> list[Part]:
    """The right answer to every question of the suite."""
    question = json.loads(asked.body)["messages"][-1]["content"]
    item = next((each for each in load_suite("short-answers").items if each.question == question), None)
    return whole(completion(text=item.answers[0] if item is not None else "no idea"))


@dataclass
class Living:
    """A gateway whose ledger is published over and over, and the homes around it."""

    gateway: LiveGateway
    folder: Path

    def entry(self, kind: str, **members: Any) -> httpx.Response:
        return httpx.post(
            self.gateway.door("/entries"), json={"kind": kind, **members},
            headers={"authorization": f"Bearer {SECRET}"}, timeout=10,
        )  # fmt: skip

    def half(self, signer: Signer, secret: str, *, run: str = RUN, door: str = "/draw-commits") -> httpx.Response:
        commitment = sha256(bytes.fromhex(secret)).hexdigest()
        nonce = os.urandom(16).hex()
        text = (
            draw_commit_text(ledger=ORIGIN, run=run, commitment=commitment, nonce=nonce)
            if door == "/draw-commits"
            else draw_reveal_text(ledger=ORIGIN, run=run, secret=secret, nonce=nonce)
        )
        return self.gateway.act(door, sign_act(text, signer))

    def tell(self, signer: Signer, secret: str) -> httpx.Response:
        return self.half(signer, secret, door="/draw-reveals")

    def home(self, role: str) -> Path:
        return self.folder / "homes" / role

    def comity(self, role: str, *arguments: object) -> Result:
        return CliRunner().invoke(main, ["--home", str(self.home(role)), *(str(each) for each in arguments)])

    @property
    def shared(self) -> tuple[str, ...]:
        return ("--gateway", self.gateway.url, "--terms", str(self.folder / "offer.json"))


@contextmanager
def published(living: Living) -> Iterator[None]:
    """A publisher that runs as the operator's does, with the other side's witness."""
    keys, ledger = living.gateway.keys, living.gateway.ledger
    policy = parse_policy(living.gateway.terms.ledger.policy_text)
    witness = Witness(living.folder / "witness", signer=keys.witness, clock=now)
    witness.add_log(policy)
    ending = threading.Event()

    def ask(url: str, body: bytes) -> Answer:
        return witness.add_checkpoint(body)

    def publish() -> None:
        signers = [keys.log, keys.log_mldsa]
        publisher = Publisher(ledger, living.folder / "public", signers=signers, policy=policy, clock=now, ask=ask)
        while not ending.wait(0.05):
            publisher.publish_once()

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(20)
        witness.close()


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    """A gateway, published, with a home for each party and for the evaluator."""
    keys = Keys()
    provider = RecordingProvider(answering)
    with provider.running(), live_gateway(tmp_path, provider.url, keys=keys) as gateway:
        made = Living(gateway=gateway, folder=tmp_path)
        for role in ("authority", "provider", "evaluator"):
            named = ("--role", role, "--name", role, "--host", f"{role}.example")
            done = made.comity(role, "init", made.home(role), *named)
            assert done.exit_code == 0, done.output
        given = {
            ("authority", "party"): keys.authority.private_text(),
            ("provider", "party"): keys.provider.private_text(),
            ("evaluator", "recipient"): keys.evaluator.private_text(),
            ("evaluator", "access"): SECRET,
        }
        for (role, name), text in given.items():
            (made.home(role) / "keys" / name).write_text(text + "\n")
        with published(made):
            yield made


def run_plan(living: Living) -> bytes:
    """A run as `comity run` leaves it, without an engine: plan, calls, committed scores, end."""
    suite = load_suite("short-answers")
    plan = canonical_plan(
        plan_members(
            plan_id="12" * 16, arrangement=ARRANGEMENT, title="Seven", suite=suite, protocol="openai",
            model="test-model", items=ITEMS, seed="34" * 16,
        )
    )
    digest = sha256(plan).hexdigest()
    assert living.entry("plan.frozen", plan=digest).status_code == 201
    assert living.entry("run.begun", run=RUN, plan=digest).status_code == 201
    opened = open_seed(parse_plan(plan, "plan.json"), "34" * 16)
    chosen = select_ids(opened.design, [item.id for item in suite.items])
    rows = []
    for name in chosen:
        messages = [
            {"role": "system", "content": suite.instruction},
            {"role": "user", "content": suite.item(name).question},
        ]
        answer = living.gateway.chat(messages=messages, max_tokens=24, headers={"comity-run": RUN})
        assert answer.status_code == 200, answer.text
        call = int(answer.headers["request-id"].rpartition(":")[2])
        rows.append(Row(item=blind(name, SALT), epoch=1, score=1, reason="", calls=(call,)))
    rows.sort(key=lambda row: row.item)
    table = score_table(rows, run=RUN, plan=digest)
    assert living.half(living.gateway.keys.authority, HALF).status_code == 403, "a draw comes after the scores"
    assert living.entry("seed.revealed", run=RUN, plan=digest, seed="34" * 16).status_code == 201
    committed = living.entry(
        "scores.committed", run=RUN, plan=digest, rows=sha256(table).hexdigest(), intended=ITEMS, attempted=ITEMS,
        answered=ITEMS, judged=ITEMS, unscored=0, repeated=0, correct=ITEMS,
    )  # fmt: skip
    assert committed.status_code == 201, committed.text
    kept = living.home("evaluator") / "runs" / RUN
    kept.mkdir(parents=True)
    (kept / "plan.json").write_bytes(plan)
    (kept / "seed").write_text("34" * 16)
    (kept / "scores.json").write_bytes(table)
    (kept / "scores.salt").write_text(SALT.hex() + "\n")
    return table


def finish(living: Living) -> None:
    plan = sha256((living.home("evaluator") / "runs" / RUN / "plan.json").read_bytes()).hexdigest()
    assert living.entry("run.finished", run=RUN, plan=plan, log="77" * 32, status="success").status_code == 201


def clause(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("comity", {}).get("clause", "")


def test_the_gateway_keeps_the_order_of_a_draw(living: Living) -> None:
    """Before the scores, alone, early, otherwise, twice or again: each is refused with its clause, and is no entry."""
    authority, provider = living.gateway.keys.authority, living.gateway.keys.provider
    other = "d4" * 32
    run_plan(living)
    before = living.gateway.ledger.size()
    assert clause(living.tell(authority, HALF)) == (403, "draw.secret")
    assert living.half(authority, HALF).status_code == 201
    assert clause(living.tell(authority, HALF)) == (403, "draw.secret"), "the other side has not committed"
    assert clause(living.half(authority, other)) == (403, "draw.commitment"), "once a party"
    assert clause(living.half(provider, HALF)) == (403, "draw.commitment"), "a copied commitment"
    assert living.half(provider, other).status_code == 201
    assert clause(living.tell(provider, HALF)) == (403, "draw.secret"), "not what it committed to"
    assert living.tell(provider, other).status_code == 201
    assert clause(living.tell(provider, other)) == (403, "draw.secret"), "once told"
    assert living.tell(authority, HALF).status_code == 201
    told = [record.kind for record in living.gateway.records()[before:]]
    assert told == ["draw.committed", "draw.committed", "draw.revealed", "draw.revealed"]


def test_an_act_of_a_draw_is_performed_once_by_its_party_for_its_ledger(living: Living) -> None:
    """A note that is sent again, by a stranger, at another door or for another ledger does nothing."""
    authority = living.gateway.keys.authority
    run_plan(living)
    fields = {"run": RUN, "commitment": sha256(bytes(32)).hexdigest(), "nonce": "00" * 16}
    note = sign_act(draw_commit_text(ledger=ORIGIN, **fields), authority)
    elsewhere = sign_act(draw_commit_text(ledger=ORIGIN.replace("operator", "other"), **fields), authority)
    assert living.gateway.act("/draw-commits", elsewhere).status_code == 403
    assert living.gateway.act("/draw-reveals", note).status_code == 400
    assert living.gateway.act("/draw-commits", note.replace(b"00" * 16, b"01" * 16)).status_code == 400
    assert living.gateway.act("/draw-commits", note).status_code == 201
    assert clause(living.gateway.act("/draw-commits", note)) == (403, "act.nonce")


def test_scores_cannot_be_replaced_once_a_draw_has_begun(living: Living) -> None:
    """Who knows a half of the draw may no longer choose the table."""
    run_plan(living)
    scored = living.gateway.of("scores.committed")[0].members()
    again = {name: value for name, value in scored.items() if name not in ("at", "grant", "person")}
    assert living.half(living.gateway.keys.authority, HALF).status_code == 201
    refused = living.entry("scores.committed", **again)
    assert refused.status_code == 400
    assert "can no longer be replaced" in refused.text


def test_the_tables_of_a_draw_follow_from_the_entries(living: Living) -> None:
    """Dropped and rebuilt, they say the same."""
    run_plan(living)
    living.half(living.gateway.keys.authority, HALF)
    living.half(living.gateway.keys.provider, "d4" * 32)
    living.tell(living.gateway.keys.provider, "d4" * 32)
    ledger = living.gateway.ledger

    def tables() -> list[list[tuple[Any, ...]]]:
        return [
            ledger.transact(lambda tx, name=name: tx.execute(f"SELECT * FROM {name} ORDER BY 1, 2"))
            for name in ("gate_scores", "gate_draw", "gate_act")
        ]

    before = tables()
    entries = ledger.read(0, ledger.size())
    ledger.transact(lambda tx: rebuild(tx, entries))
    assert tables() == before


def test_a_party_tells_only_when_both_halves_are_held_by_both(living: Living) -> None:
    """At the terminal: no secret leaves a home while the other side's commitment could still be taken back."""
    run_plan(living)
    done = living.comity("authority", "draw", "commit", RUN, *living.shared)
    assert done.exit_code == 0, done.output
    secret = living.home("authority") / "draws" / RUN
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().strip() not in done.output
    early = living.comity("authority", "draw", "reveal", RUN, *living.shared, "--wait", "0.2")
    assert early.exit_code == 1
    assert "no commitment of the provider is held by both sides yet" in early.output
    assert not living.gateway.of("draw.revealed")
    twice = living.comity("authority", "draw", "commit", RUN, *living.shared)
    assert twice.exit_code == 1
    assert "has committed to its half" in twice.output
    stranger = living.comity("provider", "draw", "reveal", RUN, *living.shared)
    assert stranger.exit_code == 1
    assert "this party has not committed" in stranger.output


def test_a_draw_from_the_terminal_reaches_every_rung(living: Living) -> None:
    """Report, commit, commit, tell, tell, open: the bundle is written anew, and a stranger scores five rows again."""
    run_plan(living)
    finish(living)
    made = living.comity("evaluator", "report", RUN, *living.shared, "--json")
    assert made.exit_code == 0, made.output
    bundle = json.loads(made.output)["bundle"]
    assert verify_bundle(Path(bundle)).reached == (1, 2)
    out = living.folder / "opened.zip"
    asked = ("draw", "open", RUN, *living.shared, "--bundle", bundle, "--out", out)
    early = living.comity("evaluator", *asked)
    assert early.exit_code == 1
    assert "nobody has committed" in early.output
    for verb in ("commit", "reveal"):
        for role in ("authority", "provider"):
            done = living.comity(role, "draw", verb, RUN, *living.shared, "--json")
            assert done.exit_code == 0, done.output
    done = living.comity("evaluator", *asked, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert len(told["rows"]) == 5

    checked = CliRunner().invoke(
        main, ["verify", str(out), "--arrangement", str(living.folder / "offer.json"), "--json"]
    )
    found = json.loads(checked.output)
    assert found["stands"], [fact for fact in found["facts"] if fact["holds"] is False]
    assert found["reached"] == [1, 2, 3, 4]
    shown = [(record.permit, record.to) for record in living.gateway.of("content.disclosed")]
    assert {call for call, _ in shown} == set(told["calls"])
    assert {to for _, to in shown} == {f"draw over {RUN}"}
