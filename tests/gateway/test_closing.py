"""Closing: what stands in its way, and that it holds on every gateway, after a restart and in rebuilt tables."""

import os
import threading
from pathlib import Path

import httpx
import pytest
from asking import says

from comity.arrangement import Terms, erase_text, propose_closing, sign_act, sign_closing
from comity.gateway.opening import rebuild
from support import ORIGIN, Keys, LiveGateway, RecordingProvider, completion, live_gateway, wait_until, whole


def both(keys: Keys, terms: Terms) -> bytes:
    return sign_closing(propose_closing(terms, os.urandom(16).hex(), keys.provider), terms, keys.authority)


def close(gateway: LiveGateway) -> httpx.Response:
    return gateway.act("/close", both(gateway.keys, gateway.gate.terms))


def test_nothing_is_closed_over_a_call_under_way(tmp_path: Path) -> None:
    """While an answer is on its way the closing waits, and says for what; then it is taken once."""
    go = threading.Event()
    with (
        RecordingProvider(lambda _: [go, *whole(completion())]).running() as provider,
        live_gateway(tmp_path, provider.url) as gateway,
    ):
        with gateway.open_call() as under_way:
            wait_until(lambda: provider.asked)
            assert 201 == gateway.revoke().status_code
            early = close(gateway)
            assert (403, "closed") == (early.status_code, says(early)["clause"])
            assert "1 calls are open; access is closed once they have ended" == says(early)["because"]
            go.set()
            assert under_way.recv(100).startswith(b"HTTP/1.1 200")
            wait_until(lambda: gateway.of("call.settled"))
        assert 201 == close(gateway).status_code
        [entry] = gateway.of("access.closed")
        assert (gateway.terms.digest, 0) == (entry.digest, entry.grants)
        assert "closed already" in says(close(gateway))["because"]


def test_a_closing_holds_on_every_gateway_after_a_restart_and_in_rebuilt_tables(tmp_path: Path) -> None:
    """Even a grant that a restored table brings back opens nothing: the closing itself is what refuses."""
    with RecordingProvider().running() as provider:
        with (
            live_gateway(tmp_path, provider.url) as one,
            live_gateway(tmp_path, provider.url, keys=one.keys) as other,
        ):
            keys = one.keys
            assert 200 == other.chat().status_code
            assert 201 == one.revoke().status_code
            assert 201 == close(one).status_code
            one.ledger.transact(lambda tx: tx.execute("UPDATE gate_grant SET revoked = ''"))
            refused = other.chat()
            assert (403, "closed") == (refused.status_code, says(refused)["clause"])
        with live_gateway(tmp_path, provider.url, keys=keys) as again:
            entries = tuple(again.ledger.read(0, again.ledger.size()))
            again.ledger.transact(lambda tx: rebuild(tx, entries))
            again.ledger.transact(lambda tx: tx.execute("UPDATE gate_grant SET revoked = ''"))
            assert "closed" == says(again.chat())["clause"]
            assert 1 == len(provider.asked)


@pytest.mark.parametrize("what", ["other terms", "a stranger", "no note"])
def test_a_note_that_closes_something_else_is_refused(tmp_path: Path, what: str) -> None:
    """Terms that are not in force, keys that the terms do not name, and bytes that are no note close nothing."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        keys, terms = gateway.keys, gateway.terms
        notes = {
            "other terms": both(keys, terms).replace(terms.digest.encode(), b"0" * 64),
            "a stranger": propose_closing(terms, "0" * 32, Keys().authority),
            "no note": b"close it",
        }
        got = gateway.act("/close", notes[what])

        assert (400, "act") == (got.status_code, says(got)["clause"])
        assert 200 == gateway.chat().status_code


def test_an_order_to_erase_takes_effect_once(tmp_path: Path) -> None:
    """The same note is refused a second time; a new one finds nothing left, and says so."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        assert 200 == gateway.chat().status_code
        assert 201 == gateway.revoke().status_code
        assert 201 == close(gateway).status_code
        note = sign_act(erase_text(ledger=ORIGIN, nonce=os.urandom(16).hex()), gateway.keys.authority)
        assert 201 == gateway.act("/erase", note).status_code
        assert "act.nonce" == says(gateway.act("/erase", note))["clause"]
        later = sign_act(erase_text(ledger=ORIGIN, nonce=os.urandom(16).hex()), gateway.keys.authority)
        assert 201 == gateway.act("/erase", later).status_code

        first, second = gateway.of("content.erased")
        assert (2, 1, 0, 0) == (first.items, first.epochs, second.items, second.epochs)
