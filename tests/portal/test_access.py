"""The page of an access: the figures of the ledger, kept fresh, and the stop in a party's own hand."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import specimen
from houses import RICH, World
from rich_world import TERMS

from comity.arrangement import Stop, Suspension, open_act
from comity.engagement import read_access

CAUSE = "security-incident"
PAGE = f"/case/{RICH}/access/{TERMS.id}/"


@pytest.fixture
def party(world: World) -> Iterator[World]:
    """The house with the authority's key, and a gateway that keeps what it is handed."""
    from comity.portal.house import HouseRefused, enter, the_house

    before = the_house()

    def send(arrangement: str, door: str, note: bytes) -> Mapping[str, object]:
        if len(world.sent) == 2:
            raise HouseRefused("the gateway refuses (403): stopped already")
        world.sent.append((arrangement, door, note))
        return {"index": 40 + len(world.sent), "ledger": TERMS.ledger.origin}

    world.sent.clear()
    enter(world.house(signer=lambda: specimen.AUTHORITY, send=send))
    yield world
    enter(before)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_figures_are_those_of_the_ledger(world: World, visit: Callable[[str], Any]) -> None:
    """Calls, refusals by clause, models and spend, each as `read_access` counts them and against what was agreed."""
    record = read_access(world.access[0].origin, world.access[0].entries)
    said = text_of(visit("evaluator").get(PAGE))

    assert f"Calls permitted {record.calls.permitted.count}" in said
    assert f"Refused {record.calls.refused.count}" in said
    for clause, figure in record.refused.items():
        assert f"{clause} {figure.count}" in said
    for model in record.models:
        assert model in said
    share = record.calls.permitted.count / TERMS.budget.calls
    assert f"budget.calls {record.calls.permitted.count} {TERMS.budget.calls:,}" in said and f"{share:.1%}" in said
    assert f"Follows from {record.size} entries" in said


def test_the_middle_of_the_page_is_fresh_or_not_sent_again(
    world: World, visit: Callable[[str], Any], project: Callable[[], int]
) -> None:
    """A script that asks again gets 304 until an entry came, and then the new figures."""
    from comity.portal.house import AccessBook

    browser = visit("handler")
    first = browser.get(f"{PAGE}stand/")
    assert 304 == browser.get(f"{PAGE}stand/", headers={"If-None-Match": first["ETag"]}).status_code
    whole = world.access[0]
    entries = list(whole.entries)
    try:
        world.access[0] = AccessBook(origin=whole.origin, entries=entries[:-3])
        world.access.append(AccessBook(origin=f"office.example/a/{'b' * 32}", entries=[]))
        project()
        shorter = browser.get(f"{PAGE}stand/", headers={"If-None-Match": first["ETag"]})
        assert 200 == shorter.status_code and shorter["ETag"] != first["ETag"]
    finally:
        del world.access[1:]
        world.access[0] = whole
        project()
    assert 304 == browser.get(f"{PAGE}stand/", headers={"If-None-Match": first["ETag"]}).status_code


def test_a_ledger_that_grows_is_read_once(world: World) -> None:
    """Read in parts, an access ledger gives what it gives when read at once, with nothing read twice."""
    from comity.engagement.access_record import AccessReader

    entries = list(world.access[0].entries)
    whole = read_access(world.access[0].origin, entries)
    parts = AccessReader(world.access[0].origin)
    for place, entry in enumerate(entries):
        parts.read([entry])
        assert place + 1 == parts.size
        parts.record()

    assert whole == parts.record()


def test_a_stop_is_signed_and_handed_to_the_gateway(party: World, visit: Callable[[str], Any]) -> None:
    """The note names the ledger and the cause, bears the authority's signature, and the page says which entry it is."""
    browser = visit("handler")
    answer = browser.post(f"{PAGE}stop/", {"cause": CAUSE})

    assert f"{PAGE}?done=stop&entry=41" == answer["Location"]
    ((arrangement, door, note),) = party.sent
    act = open_act(note, specimen.AUTHORITY.verifier)
    assert (TERMS.id, "stop") == (arrangement, door)
    assert isinstance(act, Stop) and (TERMS.ledger.origin, CAUSE) == (act.ledger, act.cause)
    assert "entry 41" in text_of(browser.get(answer["Location"]))


def test_a_suspension_without_a_cause_is_not_signed(party: World, visit: Callable[[str], Any]) -> None:
    """No cause, no note; and what the gateway refuses is shown in its own words."""
    browser = visit("handler")

    assert 422 == browser.post(f"{PAGE}suspend/", {"cause": "nonsense"}).status_code
    assert [] == party.sent
    assert [302, 302] == [browser.post(f"{PAGE}suspend/", {"cause": CAUSE}).status_code for _ in range(2)]
    assert isinstance(open_act(party.sent[0][2], specimen.AUTHORITY.verifier), Suspension)
    refused = browser.post(f"{PAGE}suspend/", {"cause": CAUSE})
    assert 422 == refused.status_code and "stopped already" in text_of(refused)


def test_without_a_gateway_the_note_is_a_file(world: World, visit: Callable[[str], Any]) -> None:
    """Who knows no gateway gets the signed note, to hand to the operator."""
    from comity.portal.house import enter, the_house

    before = the_house()
    enter(world.house(signer=lambda: specimen.AUTHORITY))
    try:
        answer = visit("handler").post(f"{PAGE}stop/", {"cause": CAUSE})
    finally:
        enter(before)
    assert isinstance(open_act(answer.content, specimen.AUTHORITY.verifier), Stop)
    assert "attachment" in answer["Content-Disposition"]


def test_only_a_party_stops(party: World, visit: Callable[[str], Any]) -> None:
    """An evaluator sees the page and no button; the other side's team is told that it signs with its own key."""
    evaluator, access = visit("evaluator"), visit("access")

    assert "/stop/" not in evaluator.get(PAGE).content.decode()
    assert 403 == evaluator.post(f"{PAGE}stop/", {"cause": CAUSE}).status_code
    refused = access.post(f"{PAGE}stop/", {"cause": CAUSE})
    assert 403 == refused.status_code and "signs with its own key" in text_of(refused)
    assert [] == party.sent


def test_who_can_prove_it_again_has_to_before_a_stop(party: World, visit: Callable[[str], Any]) -> None:
    """A handler with a password is sent to prove who they are, and nothing is signed before."""
    from comity.portal.accounts.models import Account

    browser = visit("handler")
    someone = Account.objects.get(username="handler")
    someone.set_password("a long pass phrase")
    someone.save()
    try:
        browser = visit("handler")
        answer = browser.post(f"{PAGE}stop/", {"cause": CAUSE})
        assert answer["Location"].startswith("/accounts/reauthenticate/") and [] == party.sent
        done = browser.post(answer["Location"], {"password": "a long pass phrase"}, follow=True)
        assert 1 == len(party.sent) and "entry 41" in text_of(done)
    finally:
        someone.set_unusable_password()
        someone.save()


def test_terms_read_as_a_contract(world: World, visit: Callable[[str], Any]) -> None:
    """Every provision with its mark, both signatures, and what the next version changes in a sentence."""
    from django.utils.html import escape

    from comity.arrangement import contract_of, explain

    browser = visit("access")
    first = browser.get(f"/case/{RICH}/terms/{TERMS.id}/?version=1").content.decode()
    second = browser.get(f"/case/{RICH}/terms/{TERMS.id}/?version=2").content.decode()

    for _, provision in contract_of(TERMS).numbered():
        assert escape(provision.text) in first
    assert TERMS.digest in first and "signed by both" in first and "signed by the provider" in second
    for change in explain(TERMS, world.offers[1].terms):
        assert escape(change.text) in second
    assert "Changed since the version before" in second and "Changed since" not in first


def test_a_run_is_told_by_its_entries_alone(world: World, visit: Callable[[str], Any]) -> None:
    """Counts as committed, the rate with its interval and its worst cases, and whether the plan was frozen before."""
    from rich_world import RUN

    from comity.estimate import clopper_pearson
    from comity.records import ScoresCommitted, parse_record

    entries = [parse_record(entry) for entry in world.access[0].entries]
    (scores,) = [one for one in entries if isinstance(one, ScoresCommitted) and one.run == RUN]
    said = text_of(visit("evaluator").get(f"{PAGE}runs/{RUN}/"))

    for name in ("intended", "attempted", "answered", "judged", "unscored", "repeated", "correct"):
        assert f"{name} {getattr(scores, name)}" in said
    if scores.judged:
        rate = clopper_pearson(scores.correct, scores.judged, 0.95, missing=scores.unscored)
        assert str(rate) in said
    assert "not frozen in this ledger" in said and "No other run exists under this plan." in said
    assert 404 == visit("evaluator").get(f"{PAGE}runs/{'0' * 32}/").status_code


def test_a_run_has_a_rate_once_scores_are_committed(world: World) -> None:
    """An open run has calls and no rate; committed counts give one; a run that was aborted says why."""
    from comity.portal.projections.run_rows import RunReader
    from comity.records import Digest, Hex32, Instant, PlanFrozen, RunAborted, RunBegun, ScoresCommitted

    who: dict[str, Any] = {"grant": Hex32("9" * 32), "person": "evaluator-1", "plan": Digest("c" * 64)}
    at = Instant("2026-11-01T00:00:00.000Z")
    one, two = Hex32("1" * 32), Hex32("2" * 32)
    counts = {"intended": 10, "attempted": 10, "answered": 9, "judged": 8, "unscored": 2, "repeated": 0, "correct": 6}
    reader = RunReader("office.example/a/" + "a" * 32)
    for index, record in enumerate((PlanFrozen(at=at, **who), RunBegun(at=at, run=one, **who))):
        reader.take(index, record)
    assert ["open", None] == [reader.rows()[0].status, reader.rows()[0].stand["estimate"]]
    reader.take(2, ScoresCommitted(at=at, run=one, rows=Digest("d" * 64), **who, **counts))
    reader.take(3, RunBegun(at=at, run=two, **who))
    reader.take(4, RunAborted(at=at, run=two, because="budget.calls", **who))
    first, second = reader.rows()

    assert first.stand["estimate"]["text"].startswith("75.0% (") and "missing 2" in first.stand["estimate"]["text"]
    assert (0, ["aborted", "budget.calls"]) == (first.stand["frozen"], [second.status, second.stand["because"]])
