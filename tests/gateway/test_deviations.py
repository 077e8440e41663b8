"""Deviations from a frozen plan are a party's signed act, recorded before its scores are, or not at all."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from test_evidence import BEGUN, FROZEN, PLAN, SCORES, put

from comity.arrangement import ActRefused, Deviation, deviation_text, open_act, sign_act
from comity.cli.home import make_home
from comity.cli.main import main
from comity.evaluation.plan import plan_members
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.evaluation.suites import load_suite
from comity.ledger import parse_vkey
from comity.verify.signing import check_acts
from support import ORIGIN, LiveGateway, RecordingProvider, live_gateway

OTHER = "e" * 64


def text(plan: str = PLAN, amended: str = "", because: str = "the window closed early", nonce: str = "") -> str:
    return deviation_text(
        ledger=ORIGIN, plan=plan, amended=amended, because=because, nonce=nonce or os.urandom(16).hex()
    )


def deviate(gateway: LiveGateway, **changes: str) -> httpx.Response:
    return gateway.act("/deviations", sign_act(text(**changes), gateway.keys.authority))


def test_a_deviation_is_an_entry_with_its_reason_and_its_signature(tmp_path: Path) -> None:
    """Either party states it while a run goes on; the verifier finds the signed lines in the entry."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert [201, 201] == [put(gateway, members).status_code for members in (FROZEN, BEGUN)]
        note = sign_act(text(amended=OTHER), gateway.keys.provider)
        assert 201 == gateway.act("/deviations", note).status_code
        [record] = gateway.of("plan.deviated")
        assert (record.by, record.plan, record.amended) == ("provider", PLAN, OTHER)
        assert record.because == "the window closed early"
        act = open_act(record.note.encode(), parse_vkey(gateway.keys.provider.vkey))
        assert isinstance(act, Deviation) and act.amended == OTHER
        acts = check_acts(tuple(enumerate(gateway.records())), None, gateway.ledger.origin)
        assert acts.holds is None and not acts.where
        again = gateway.act("/deviations", note)
        assert (403, "act.nonce") == (again.status_code, again.json()["comity"]["clause"])


def test_after_scores_nothing_deviates_any_more(tmp_path: Path) -> None:
    """Of the plan that is left as of the one in its place: what is changed then was chosen by the scores."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        unfrozen = deviate(gateway)
        assert (403, "plan.digest") == (unfrozen.status_code, unfrozen.json()["comity"]["clause"])
        for members in (FROZEN, {**FROZEN, "plan": OTHER}, BEGUN, SCORES):
            assert 201 == put(gateway, members).status_code
        for plan, amended in ((PLAN, ""), (PLAN, OTHER), (OTHER, PLAN)):
            late = deviate(gateway, plan=plan, amended=amended)
            assert (403, "plan.deviations") == (late.status_code, late.json()["comity"]["clause"])
        assert 201 == deviate(gateway, plan=OTHER).status_code
        own = deviate(gateway, plan=OTHER, amended=OTHER)
        assert (403, "plan.digest") == (own.status_code, own.json()["comity"]["clause"])
        assert 1 == len(gateway.of("plan.deviated"))


@pytest.mark.parametrize("changes", [{"plan": "x"}, {"amended": "x"}, {"because": ""}, {"because": "two\nlines"}])
def test_a_deviation_has_one_form(changes: dict[str, str]) -> None:
    """A reason is one printable line, digests are digests."""
    with pytest.raises(ActRefused):
        text(**changes)


def test_the_command_states_a_deviation_for_a_party(tmp_path: Path) -> None:
    """The plan that takes the other's place names it; what is found under both is exploratory from then on."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        home = make_home(tmp_path / "authority", role="authority", name="Authority", host="authority.example")
        (home.path / "keys" / "party").write_text(gateway.keys.authority.private_text() + "\n")
        terms = tmp_path / "offer.json"
        made: dict[str, Any] = plan_members(
            plan_id="1" * 32, arrangement=gateway.terms.id, title="t", suite=load_suite("short-answers"),
            protocol="openai", model="test-model", items=9, seed="3" * 32,
        )  # fmt: skip
        first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
        first.write_text(write_plan(made))
        left = parse_plan(first.read_bytes(), "first.yaml")
        assert 201 == put(gateway, {"kind": "plan.frozen", "plan": left.digest}).status_code

        def deviate(*more: str) -> Any:
            common = ["--because", "fewer items than planned", "--terms", str(terms), "--gateway", gateway.url]
            return CliRunner().invoke(main, ["--home", str(home.path), "plan", "deviate", str(first), *common, *more])

        second.write_text(write_plan({**made, "title": "u"}))
        refused = deviate("--to", str(second))
        assert (refused.exit_code, "supersedes" in refused.output) == (1, True)
        second.write_text(write_plan({**made, "title": "u", "supersedes": left.digest}))
        done = deviate("--to", str(second), "--json")
        assert done.exit_code == 0, done.output
        [record] = gateway.of("plan.deviated")
        assert (record.plan, record.because) == (left.digest, "fewer items than planned")
        assert record.amended == parse_plan(second.read_bytes(), "second.yaml").digest
        assert json.loads(done.output)["ledger"] == gateway.ledger.origin
