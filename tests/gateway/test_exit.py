"""Exit: a side leaves with the notice agreed, and from its day on nothing passes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import assert_refused, says
from deciding import asked_by, clause_of, standing

from comity.arrangement import exit_text, parse_terms_json, sign_act
from comity.gateway.decide import decide
from comity.gateway.life import Life
from comity.gateway.opening import rebuild
from comity.gateway.state import millis
from comity.ledger import Signer
from comity.records import canonical_bytes
from support import MONDAY, ORIGIN, Keys, LiveGateway, RecordingProvider, SetClock, dated_gateway, terms_value

NOTICE = {"exit": {"by": ["authority", "provider"], "notice_days": 5, "statement": "recorded"}}
DAY = timedelta(days=1)
WINDOW = {"window__from": "2026-12-01T00:00:00Z", "window__until": "2026-12-31T00:00:00Z"}


def leave(gateway: LiveGateway, signer: Signer, on: datetime, cause: str = "purpose-met") -> httpx.Response:
    text = exit_text(ledger=ORIGIN, cause=cause, effective=on, nonce=os.urandom(16).hex())
    return gateway.act("/exit", sign_act(text, signer))


def midnight(days: int) -> datetime:
    return MONDAY.replace(hour=0) + days * DAY


@pytest.mark.parametrize("party", ["authority", "provider"])
def test_from_its_day_on_nothing_passes(tmp_path: Path, party: str) -> None:
    """Until then calls pass as before; from midnight UTC each is refused under exit, and nobody can take it back."""
    clock = SetClock(MONDAY)
    with (
        RecordingProvider().running() as provider,
        dated_gateway(tmp_path, provider.url, clock, **NOTICE) as gateway,
    ):
        signer = getattr(gateway.keys, party)
        assert 201 == leave(gateway, signer, midnight(5)).status_code
        [entry] = gateway.of("access.exited")
        assert (party, "purpose-met", 5, "2026-12-12T00:00:00.000Z") == (
            entry.by, entry.cause, entry.notice_days, entry.effective
        )  # fmt: skip

        clock.on(days=4, hours=13, minutes=59)
        gateway.keep()
        assert 200 == gateway.chat().status_code
        clock.on(minutes=1)
        gateway.keep()
        record = assert_refused(gateway, gateway.chat(), 403, "terms-refused", "exit")
        assert f"the {party} left this arrangement, and access has ended: purpose-met" == record.because
        assert 403 == gateway.resume(signer).status_code
        again = leave(gateway, signer, midnight(30))
        assert (403, "exit.by") == (again.status_code, says(again)["clause"])
        assert 1 == len(provider.asked)


@pytest.mark.parametrize(
    ("days", "because"),
    [(4, "5 days of notice agreed, this gives 4; access may end from 2026-12-12 on"), (-1, "this gives -1")],
)
def test_less_notice_than_agreed_is_refused(tmp_path: Path, days: int, because: str) -> None:
    """Notice is counted from the day on which the exit is recorded, so an old date on the note buys nothing."""
    with (
        RecordingProvider().running() as provider,
        dated_gateway(tmp_path, provider.url, SetClock(MONDAY), **NOTICE) as gateway,
    ):
        got = leave(gateway, gateway.keys.provider, midnight(days))

        assert (403, "exit.notice_days") == (got.status_code, says(got)["clause"])
        assert because in says(got)["because"]
        assert [] == gateway.of("access.exited")
        assert 200 == gateway.chat().status_code


@pytest.mark.parametrize(
    ("agreed", "cause", "clause"),
    [
        ({"by": ["authority"]}, "no-agreement", "exit.by"),
        ({}, "unstated", "exit.statement"),
        ({"statement": "public"}, "unstated", "exit.statement"),
    ],
)
def test_an_exit_that_the_terms_do_not_give_is_refused(
    tmp_path: Path, agreed: dict[str, Any], cause: str, clause: str
) -> None:
    """Who may not leave, and who may not leave without a word, is told by the clause that says so."""
    terms = {"by": ["authority", "provider"], "notice_days": 0, "statement": "recorded"} | agreed
    with (
        RecordingProvider().running() as provider,
        dated_gateway(tmp_path, provider.url, SetClock(MONDAY), exit=terms) as gateway,
    ):
        got = leave(gateway, gateway.keys.provider, midnight(0), cause)

        assert (403, clause) == (got.status_code, says(got)["clause"])
        assert 200 == gateway.chat().status_code


def test_terms_may_let_a_side_leave_without_a_word(tmp_path: Path) -> None:
    """With exit.statement none and no notice, access ends at once and the entry says that no cause is stated."""
    terms = {"by": ["provider"], "notice_days": 0, "statement": "none"}
    with (
        RecordingProvider().running() as provider,
        dated_gateway(tmp_path, provider.url, SetClock(MONDAY), exit=terms) as gateway,
    ):
        assert 201 == leave(gateway, gateway.keys.provider, midnight(0), "unstated").status_code
        record = assert_refused(gateway, gateway.chat(), 403, "terms-refused", "exit")
        assert record.because.endswith("access has ended: unstated")


def test_the_earlier_of_two_exits_ends_access_and_the_tables_follow_from_the_entries(tmp_path: Path) -> None:
    """Where both sides leave, the earlier day holds, whoever came first; a rebuilt ledger decides alike."""
    clock = SetClock(MONDAY)
    with (
        RecordingProvider().running() as provider,
        dated_gateway(tmp_path, provider.url, clock, **NOTICE) as gateway,
    ):
        assert 201 == leave(gateway, gateway.keys.authority, midnight(9)).status_code
        assert 201 == leave(gateway, gateway.keys.provider, midnight(6), "model-withdrawn").status_code
        entries = tuple(gateway.ledger.read(0, gateway.ledger.size()))
        before = gateway.gate.query("SELECT * FROM gate_life")
        gateway.ledger.transact(lambda tx: rebuild(tx, entries))
        assert before == gateway.gate.query("SELECT * FROM gate_life")

        clock.on(days=6)
        gateway.keep()
        assert "the provider left" in assert_refused(gateway, gateway.chat(), 403, "terms-refused", "exit").because


@pytest.mark.parametrize(("early", "passes"), [(1, True), (0, False), (-1, False)])
def test_an_exit_ends_access_to_the_millisecond(early: int, passes: bool) -> None:
    """The decision compares the instant of the call with the instant of the exit, and nothing else."""
    now = datetime(2026, 12, 7, 12, tzinfo=UTC)
    life = Life(version=1, exit_by="provider", exit_cause="operational", exit_ms=millis(now) + early, closed=0)

    terms = parse_terms_json(canonical_bytes(terms_value(Keys(), **WINDOW)))
    decided = decide(terms, standing(life=life), asked_by(), now=now)

    assert ("" if passes else "exit") == clause_of(decided)


def test_status_says_which_terms_are_in_force_and_who_leaves(tmp_path: Path) -> None:
    """A caller and both parties read version, digest, exit and closing where they read stops and suspensions."""
    clock = SetClock(MONDAY)
    with (
        RecordingProvider().running() as provider,
        dated_gateway(tmp_path, provider.url, clock, **NOTICE) as gateway,
    ):
        headers = {"authorization": f"Bearer {gateway.secret}"}
        before = httpx.get(gateway.door("/status"), headers=headers).json()
        assert 201 == leave(gateway, gateway.keys.provider, midnight(5)).status_code
        after = httpx.get(gateway.door("/status"), headers=headers).json()

    assert (1, gateway.terms.digest, None, False) == tuple(
        before[name] for name in ("version", "digest", "leaves", "closed")
    )
    assert {"by": "provider", "cause": "purpose-met", "from": "2026-12-12T00:00:00.000Z"} == after["leaves"]
