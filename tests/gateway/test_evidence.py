"""Evidence: plans, runs and scores go in by their order, and proofs come out for who may see them."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from comity.ledger import Publisher, parse_receipt
from comity.ledger.publish_files import DiskFolder
from comity.ledger.witness import Witness
from comity.records import parse_record
from comity.vault import open_item, parse_sealed
from support import LiveGateway, RecordingProvider, live_gateway, now

PLAN, RUN, LOG = "a" * 64, "b" * 32, "c" * 64
SCORES = {
    "kind": "scores.committed", "run": RUN, "plan": PLAN, "rows": "d" * 64, "intended": 3, "attempted": 3,
    "answered": 3, "judged": 3, "unscored": 0, "repeated": 0, "correct": 2,
}  # fmt: skip
FROZEN = {"kind": "plan.frozen", "plan": PLAN}
BEGUN = {"kind": "run.begun", "plan": PLAN, "run": RUN}
FINISHED = {"kind": "run.finished", "plan": PLAN, "run": RUN, "log": LOG, "status": "success"}
LABELS = {
    "kind": "labels.committed", "run": RUN, "plan": PLAN, "rows": "d" * 64, "labels": "e" * 64, "rater": "rater-1",
    "drawn": 2, "judged": 3, "labelled": 2,
}  # fmt: skip
ABORTED = {"kind": "run.aborted", "plan": PLAN, "run": RUN, "because": "the provider stopped answering"}


def put(gateway: LiveGateway, members: dict[str, Any], secret: str | None = None) -> httpx.Response:
    key = {"authorization": f"Bearer {secret or gateway.secret}"}
    return httpx.post(gateway.door("/entries"), content=json.dumps(members).encode(), headers=key)


def get(gateway: LiveGateway, door: str, *, key: bool = True) -> httpx.Response:
    return httpx.get(gateway.door(door), headers={"authorization": f"Bearer {gateway.secret}"} if key else {})


def test_a_run_leaves_its_evidence_in_order(tmp_path: Path) -> None:
    """Frozen, begun, called, scored, finished: each is an entry with its person, and the calls name the run."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert [201, 201] == [put(gateway, members).status_code for members in (FROZEN, BEGUN)]
        assert 200 == gateway.chat(headers={"comity-run": RUN}).status_code
        scores, finished, labels = (put(gateway, members) for members in (SCORES, FINISHED, LABELS))

        assert [201, 201, 201] == [scores.status_code, finished.status_code, labels.status_code]
        assert ["rater-1"] == [record.rater for record in gateway.of("labels.committed")]
        assert gateway.ledger.origin == scores.json()["ledger"]
        record: Any = gateway.records()[scores.json()["index"]]
        [grant] = gateway.of("grant.issued")
        assert ("evaluator-1", grant.grant, 2) == (record.person, record.grant, record.correct)
        assert [RUN] == [permit.run for permit in gateway.of("call.permitted")]
        late = gateway.chat(headers={"comity-run": RUN})
        assert (400, "request.run") == (late.status_code, late.json()["comity"]["clause"])


def test_a_plan_is_frozen_once(tmp_path: Path) -> None:
    """Freezing the same plan again answers with the first entry: its time is when it was first held."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        first, second = put(gateway, FROZEN), put(gateway, FROZEN)
        assert first.json() == second.json()
        assert 1 == len(gateway.of("plan.frozen"))


OUT_OF_ORDER: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "a run without a plan": ([], BEGUN),
    "a second run of one id": ([FROZEN, BEGUN], BEGUN),
    "an end without a beginning": ([FROZEN], FINISHED),
    "scores without a run": ([FROZEN], SCORES),
    "scores under another plan": ([FROZEN, BEGUN], SCORES | {"plan": "e" * 64}),
    "two ends": ([FROZEN, BEGUN, FINISHED], ABORTED),
    "scores after the end": ([FROZEN, BEGUN, ABORTED], SCORES),
    "labels of a run that goes on": ([FROZEN, BEGUN, SCORES], LABELS),
    "labels of a run that was aborted": ([FROZEN, BEGUN, SCORES, ABORTED], LABELS),
    "the disclosure of no call": ([], {"kind": "content.disclosed", "permit": 0, "part": "request", "to": "x"}),
    "a kind that is the gateway's own": ([], {"kind": "call.settled"}),
    "no kind": ([], {}),
    "a member too many": ([], FROZEN | {"more": 1}),
    "a member too few": ([], {"kind": "plan.frozen"}),
    "a digest that is none": ([], FROZEN | {"plan": "A" * 64}),
    "a negative count": ([FROZEN, BEGUN], SCORES | {"correct": -1}),
    "a count beyond all bounds": ([FROZEN, BEGUN], SCORES | {"correct": 2**60}),
    "half a surrogate pair": ([FROZEN, BEGUN], ABORTED | {"because": "\ud800"}),
    "a text too long": ([FROZEN, BEGUN], ABORTED | {"because": "x" * 20_000}),
}


@pytest.mark.parametrize("what", OUT_OF_ORDER)
def test_evidence_out_of_order_or_form_is_refused(tmp_path: Path, what: str) -> None:
    """What does not follow from the entries before it is refused with what was expected, and leaves no entry."""
    before, members = OUT_OF_ORDER[what]
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        for each in before:
            assert 201 == put(gateway, each).status_code
        size = gateway.ledger.size()

        got = put(gateway, members)

        assert (400, "request-malformed") == (got.status_code, got.json()["error"]["code"])
        assert "false" == got.headers["x-should-retry"]
        assert size == gateway.ledger.size()


def test_nobody_speaks_for_another(tmp_path: Path) -> None:
    """Person, grant and time are the gateway's to state; a run is its own key's; no key, no entry."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        at = "2020-01-01T00:00:00.000Z"
        got = put(gateway, FROZEN | {"person": "somebody", "grant": "f" * 32, "at": at})
        record: Any = gateway.records()[got.json()["index"]]
        assert ("evaluator-1", True) == (record.person, record.at > "2026")
        assert 201 == put(gateway, BEGUN).status_code
        assert 201 == gateway.grant("second-secret").status_code
        assert 400 == put(gateway, FINISHED, "second-secret").status_code
        stranger = httpx.post(
            f"{gateway.openai}/chat/completions",
            json={"model": "test-model", "max_tokens": 8, "messages": [{"role": "user", "content": "?"}]},
            headers={"authorization": "Bearer second-secret", "comity-run": RUN},
        )
        assert (400, "request.run") == (stranger.status_code, stranger.json()["comity"]["clause"])
        size = gateway.ledger.size()
        assert 401 == put(gateway, FROZEN | {"plan": "9" * 64}, "no-secret").status_code
        assert 201 == gateway.revoke("second-secret").status_code
        assert 401 == put(gateway, FROZEN | {"plan": "9" * 64}, "second-secret").status_code
        assert size + 1 == gateway.ledger.size()


def test_entries_and_sealed_items_are_for_keys(tmp_path: Path) -> None:
    """A key reads entries as they are and items that only their recipients open; without one there is neither."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert 200 == gateway.chat().status_code
        index = next(n for n, record in enumerate(gateway.records()) if record.kind == "call.permitted")

        entry = get(gateway, f"/entry/{index}")
        assert (200, gateway.ledger.read(index, index + 1)[0]) == (entry.status_code, entry.content)
        permit: Any = parse_record(entry.content)
        sealed = parse_sealed(get(gateway, f"/sealed/{index}/request").content)
        assert permit.request == sealed.commitment
        assert provider.asked[0].body == open_item(sealed, gateway.keys.evaluator).content
        answer = parse_sealed(get(gateway, f"/sealed/{index}/answer").content)
        assert b"four" in open_item(answer, gateway.keys.recovery).content
        doors = (f"/entry/{index}", f"/sealed/{index}/request", "/receipt/0", "/status", "/tile/0/000")
        assert {401} == {get(gateway, door, key=False).status_code for door in doors}
        for door in ("/entry/9999", "/sealed/0/request", "/receipt/9999", "/tile/0/x001/000"):
            assert 404 == get(gateway, door).status_code, door
        for door in (
            "/entry/01",
            "/entry/-1",
            "/sealed/1/both",
            "/tile/../ledger.sqlite",
            "/tile/0/%2e%2e",
            "/entry/1?a",
        ):
            assert get(gateway, door).json()["error"]["code"] == "route-unknown", door


def test_receipts_come_once_both_sides_hold_the_entry(tmp_path: Path) -> None:
    """Recorded is 202 with `Retry-After`; under a checkpoint that the policy's witnesses cosigned it is the proof.
    The checkpoint is for everyone, tiles are for keys."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert 200 == gateway.chat().status_code
        early = get(gateway, "/receipt/1")
        assert (202, "1") == (early.status_code, early.headers["retry-after"])
        assert 404 == get(gateway, "/checkpoint", key=False).status_code

        witness = Witness(tmp_path / "witness", signer=gateway.keys.witness, clock=now)
        witness.add_log(gateway.terms.ledger.policy)
        publisher = Publisher(
            gateway.ledger,
            DiskFolder(tmp_path / "public"),
            signers=(gateway.keys.log, gateway.keys.log_mldsa),
            policy=gateway.terms.ledger.policy,
            clock=now,
            ask=lambda url, body: witness.add_checkpoint(body),
        )
        publisher.publish_once()
        witness.close()

        checkpoint = get(gateway, "/checkpoint", key=False)
        assert (200, "no-cache") == (checkpoint.status_code, checkpoint.headers["cache-control"])
        got = get(gateway, "/receipt/1")
        assert 200 == got.status_code
        assert 1 == parse_receipt(got.content).index
        size = gateway.ledger.size()
        tile = get(gateway, f"/tile/0/000.p/{size}")
        assert (200, 32 * size) == (tile.status_code, len(tile.content))
        assert 200 == get(gateway, f"/tile/entries/000.p/{size}").status_code


def test_the_status_says_what_is_taken_of_each_clause(tmp_path: Path) -> None:
    """Agreed beside taken, for every budget clause; stops and strangers are counted there too."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert 200 == gateway.chat().status_code
        assert 401 == httpx.post(f"{gateway.openai}/chat/completions", content=b"{}").status_code
        assert 201 == gateway.stop().status_code
        status = json.loads(get(gateway, "/status").content)

        assert {"agreed": 1000, "taken": 1} == status["clauses"]["budget.calls"]
        assert {"agreed": 1_000_000, "taken": 20} == status["clauses"]["budget.input_tokens"]
        assert {"agreed": 10**9, "taken": 2_800, "unit": "nano EUR"} == status["clauses"]["budget.cost"]
        assert {"by": "provider", "cause": "containment"} == status["stopped"]
        assert (1, 0, gateway.ledger.size()) == (status["unauthenticated"], status["open_calls"], status["entries"])
