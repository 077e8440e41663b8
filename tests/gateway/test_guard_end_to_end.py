"""Gateway and guard together: a call under the terms passes both, and nothing else passes the guard."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from guarding import LiveGuard, live_guard, reason

from comity.arrangement import counter, countersign, offer_terms, verify_offer
from comity.cli.guard_amendments import Amendments
from comity.gateway import rebuild
from comity.gateway.guard_counters import sign_counters
from comity.gateway.guard_reconcile import Reconciliation, reconcile
from comity.gateway.permit_note import HEADER
from support import (
    UPSTREAM_KEY,
    Answering,
    Asked,
    HangUp,
    Keys,
    LiveGateway,
    Part,
    RecordingProvider,
    completion,
    delta,
    events,
    live_gateway,
    wait_until,
    whole,
)


@contextmanager
def guarded_gateway(
    folder: Path, answering: Answering | None = None, **changes: Any
) -> Iterator[tuple[LiveGateway, LiveGuard, RecordingProvider]]:
    """A gateway whose provider keeps a guard: gateway → guard → provider, all on loopback."""
    keys = Keys()
    guard = {"by": "provider", "permit_key": keys.permit.vkey, "key": keys.guard.vkey}
    with RecordingProvider(answering).running() as provider:
        with live_gateway(folder, provider.url, keys=keys, guard=guard, **changes):
            pass  # the ledger begins; the guard is under its terms
        offer = verify_offer((folder / "offer.json").read_bytes())
        with (
            live_guard(folder / "guard", provider.url, keys=keys, offer=offer) as watching,
            live_gateway(folder, f"{watching.url}/v1", keys=keys) as gateway,
        ):
            yield gateway, watching, provider


def compared(gateway: LiveGateway, guard: LiveGuard) -> Reconciliation:
    """The guard's day against the ledger's, index by index."""
    return reconcile(guard.counters(), enumerate(gateway.records()), tuple(guard.passed()))


def test_calls_through_the_gateway_pass_the_guard_and_both_count_the_same(tmp_path: Path) -> None:
    """Whole answers and streams, over two protocols: each carries its own permit, and guard and ledger agree."""

    def answering(asked: Asked) -> Iterator[Part]:
        yield from events(delta("a"), b"data: [DONE]\n\n") if b'"stream": true' in asked.body else whole(completion())

    with guarded_gateway(tmp_path, answering) as (gateway, guard, provider):
        answers = [gateway.chat(), gateway.chat(stream=True), gateway.chat()]
        assert [200, 200, 200] == [answer.status_code for answer in answers]
        indexes = [int(answer.headers["request-id"].rpartition(":")[2]) for answer in answers]
        assert indexes == guard.passed()
        found = compared(gateway, guard)

    assert ("equal", 3, 0) == (found.outcome, found.sure, found.open)
    assert not any(HEADER in asked.headers for asked in provider.asked)


def test_a_call_around_the_gateway_with_its_own_upstream_key_is_refused(tmp_path: Path) -> None:
    """The upstream key alone opens nothing, and neither does a permit that was seen on its way."""
    with guarded_gateway(tmp_path) as (gateway, guard, provider):
        assert 200 == gateway.chat().status_code
        seen = provider.asked[0].body
        around = httpx.post(
            f"{guard.url}/v1/chat/completions", content=seen, headers={"authorization": f"Bearer {UPSTREAM_KEY}"}
        )

        assert (403, "missing") == (around.status_code, reason(around))
        assert 1 == len(provider.asked)
        assert "equal" == compared(gateway, guard).outcome


def test_a_permit_signed_beside_the_ledger_shows_as_a_surplus(tmp_path: Path) -> None:
    """The operator's own permit key can open the guard, and the comparison names the call that has no entry."""
    with guarded_gateway(tmp_path) as (gateway, guard, _):
        assert 200 == gateway.chat().status_code
        assert 200 == guard.ask(guard.permit(999)).status_code
        found = compared(gateway, guard)

    assert ("more", (999,)) == (found.outcome, found.beyond)


def test_a_failing_provider_leaves_the_two_counts_reconcilable(tmp_path: Path) -> None:
    """A call that broke behind the guard is in neither side's way: the ledger holds it open, the guard passed it."""

    def failing(asked: Asked) -> Iterator[Part]:
        raise HangUp
        yield b""

    with guarded_gateway(tmp_path, failing) as (gateway, guard, _):
        assert 502 == gateway.chat().status_code
        found = compared(gateway, guard)

    assert ("equal", 1, 0, 1) == (found.outcome, found.passed, found.sure, found.open)


def test_a_stop_reaches_the_provider_through_the_guard(tmp_path: Path) -> None:
    """When a party stops the access, the connection to the model closes behind the guard too, within a second."""
    never = threading.Event()
    with guarded_gateway(tmp_path, lambda asked: events(delta("a"), never)) as (gateway, _, provider):
        connection = gateway.open_call(stream=True)
        wait_until(lambda: provider.asked)
        assert 201 == gateway.stop().status_code
        assert provider.hung_up.wait(1)
        connection.close()


def test_another_protocols_calls_carry_permits_too(tmp_path: Path) -> None:
    """The permit is over the provider's own path, whatever protocol the call is in."""
    body = b'{"model":"test-model","max_tokens":8,"messages":[{"role":"user","content":"2+2?"}]}'
    with guarded_gateway(tmp_path, lambda asked: whole(b'{"model":"test-model"}')) as (gateway, guard, provider):
        headers = {"x-api-key": gateway.secret, "content-type": "application/json", "anthropic-version": "2023-06-01"}
        answer = httpx.post(gateway.door("/anthropic/v1/messages"), content=body, headers=headers, timeout=30)

        assert (200, body) == (answer.status_code, provider.asked[0].body)
        assert "equal" == compared(gateway, guard).outcome


def test_the_guards_counters_become_an_entry_at_the_gateways_door(tmp_path: Path) -> None:
    """Posted once they are recorded, posted again refused, also after the tables were made anew from the entries."""
    with guarded_gateway(tmp_path) as (gateway, guard, _):
        assert 200 == gateway.chat().status_code
        note = sign_counters(guard.counters(), gateway.keys.guard)
        first = gateway.act("/counters", note)
        [entry] = gateway.of("guard.counted")
        entries = gateway.ledger.read(0, gateway.ledger.size())
        gateway.ledger.transact(lambda tx: rebuild(tx, entries))

        assert (201, 1, note.decode()) == (first.status_code, entry.passed, entry.note)
        assert 403 == gateway.act("/counters", note).status_code
        assert 400 == gateway.act("/counters", sign_counters(guard.counters(), gateway.keys.provider)).status_code
        assert 1 == len(gateway.of("guard.counted"))


def test_an_amendment_passes_the_guard_without_a_restart_of_either(tmp_path: Path) -> None:
    """Laid into the guard's folder, a version's permits pass; before that they are refused, and nothing reaches the
    model; a version that does not follow, or that one side signed, changes nothing."""
    said: list[str] = []
    with guarded_gateway(tmp_path) as (gateway, guard, provider):
        keys, first = gateway.keys, gateway.terms
        served = guard.guard
        assert served is not None
        folder = tmp_path / "amendments"
        folder.mkdir()

        def accept(digest: str) -> None:
            said.append(digest)
            served.accept(digest)

        watched = Amendments(folder, first, accept)
        second = counter(first, {"title": "Two"})
        half = offer_terms(second, keys.authority)
        both = countersign(half, keys.provider)
        (folder / "half.json").write_bytes(half.envelope)
        (folder / "other.json").write_bytes(b"{}")
        stray = counter(counter(first, {"title": "Another"}), {"title": "Three"})
        (folder / "stray.json").write_bytes(countersign(offer_terms(stray, keys.authority), keys.provider).envelope)
        watched.look()
        assert [] == said

        assert 201 == gateway.act("/amendments", both.envelope).status_code
        assert "signature" in gateway.chat().json()["comity"].get("reason", "")
        assert [] == provider.asked
        (folder / "both.json").write_bytes(both.envelope)
        watched.look()
        assert [second.digest] == said
        assert 200 == gateway.chat().status_code
        assert 1 == len(provider.asked)
