"""Refusals: each "no" has its status, its clause and its sentence, is recorded, and reaches no provider."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import ANTHROPIC_FEATURES, HELLO, OPENAI_FEATURES, TOOL, ask, assert_refused, says, slug_of

from comity.arrangement import FEATURES, Terms
from comity.gateway import PROTOCOLS
from comity.gateway.asked import MAX_BODY, MalformedRequest
from comity.gateway.decide import Reservation, decide
from comity.gateway.refusal import Refusal
from comity.gateway.state import Grant, Standing
from comity.records import Amount, instant_text
from support import LiveGateway, RecordingProvider, live_gateway, now


@pytest.fixture(scope="module")
def provider() -> Iterator[RecordingProvider]:
    with RecordingProvider().running() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider: RecordingProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """One gateway whose terms allow no feature at all."""
    with live_gateway(tmp_path_factory.mktemp("refusals"), provider.url, features=[]) as gateway:
        yield gateway


USES = [("openai", name, body) for name, body in OPENAI_FEATURES.items()] + [
    ("anthropic", name, body) for name, body in ANTHROPIC_FEATURES.items()
]


@pytest.mark.parametrize(("protocol", "feature", "body"), USES, ids=[f"{p}-{f}" for p, f, _ in USES])
def test_a_feature_that_was_not_agreed_is_refused_under_its_own_clause(
    gateway: LiveGateway, provider: RecordingProvider, protocol: str, feature: str, body: dict[str, Any]
) -> None:
    """What the terms do not list is refused as `features.<name>`, on both protocols, and nothing is sent."""
    before = len(provider.asked)

    got = ask(gateway, protocol, **body)

    record = assert_refused(gateway, got, 403, "terms-refused", f"features.{feature}")
    assert (protocol, "test-model") == (record.protocol, record.model)
    assert before == len(provider.asked)


def test_every_feature_of_the_terms_is_one_that_a_request_can_show() -> None:
    """The vocabulary of the terms and what the tables detect are the same list, so no clause is without effect."""
    assert set(FEATURES) == set(OPENAI_FEATURES) | set(ANTHROPIC_FEATURES)


@pytest.mark.parametrize(("protocol", "feature", "body"), USES, ids=[f"{p}-{f}" for p, f, _ in USES])
def test_what_the_tables_note_are_names_of_the_terms(protocol: str, feature: str, body: dict[str, Any]) -> None:
    """An adapter can note only features that terms can list; else a request could never be allowed."""
    request = {"model": "m", "max_tokens": 1, "messages": HELLO} | body

    asked = PROTOCOLS[protocol].read(json.dumps(request).encode())

    assert feature in asked.features
    assert set(asked.features) <= set(FEATURES)
    assert () == asked.unknown


DIALECT = {
    "n_predict": 4096,
    "max_length": 4096,
    "max_new_tokens": 4096,
    "chat_template_kwargs": {"enable_thinking": True},
    "cache_prompt": True,
    "grammar": "root ::= .*",
    "id_slot": 0,
    "ignore_eos": True,
    "lora": [],
    "prediction": {"type": "content", "content": "x"},
    "previous_response_id": "resp_1",
    "Max_Tokens": 9,
    "max_output_tokens": 9,
    "extra_body": {},
}


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
@pytest.mark.parametrize("field", DIALECT)
def test_a_field_that_no_table_knows_is_refused(gateway: LiveGateway, protocol: str, field: str) -> None:
    """Dialects of upstreams (a second output limit, templates, caches) are refused by name, never passed on."""
    got = ask(gateway, protocol, **{field: DIALECT[field]})

    record = assert_refused(gateway, got, 400, "feature-unknown", "features")
    assert field in record.because


NESTED: list[tuple[str, dict[str, Any], str]] = [
    ("openai", {"stream_options": {"chunk": 1}}, "stream_options.chunk"),
    ("openai", {"tools": [TOOL | {"cache_control": {}}]}, "tools.cache_control"),
    ("openai", {"tools": [{"type": "function", "function": {"name": "a", "eval": 1}}]}, "tools.function.eval"),
    ("openai", {"response_format": {"type": "json_object", "schema": {}}}, "response_format.schema"),
    ("openai", {"messages": [{"role": "user", "content": "a", "weight": 1}]}, "messages.weight"),
    ("openai", {"messages": [{"role": "tutor", "content": "a"}]}, "messages.role=tutor"),
    ("openai", {"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.content.type=video"),
    ("anthropic", {"thinking": {"type": "enabled", "effort": 9}}, "thinking.effort"),
    ("anthropic", {"tools": [{"name": "a", "input_schema": {}, "defer_loading": True}]}, "tools.defer_loading"),
    ("anthropic", {"output_config": {"verbosity": 1}}, "output_config.verbosity"),
    ("anthropic", {"metadata": {"session": "s"}}, "metadata.session"),
    ("anthropic", {"messages": [{"role": "system", "content": "a"}]}, "messages.role=system"),
    ("anthropic", {"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.content.type=video"),
]


@pytest.mark.parametrize(("protocol", "body", "name"), NESTED, ids=[name for _, _, name in NESTED])
def test_a_field_inside_a_field_is_refused_too(
    gateway: LiveGateway, protocol: str, body: dict[str, Any], name: str
) -> None:
    """An unknown member of a known object is refused by its whole name."""
    record = assert_refused(gateway, ask(gateway, protocol, **body), 400, "feature-unknown", "features")
    assert name in record.because


HEADERS = [
    ("openai", {"openai-organization": "org-1"}, "header openai-organization"),
    ("openai", {"openai-project": "p"}, "header openai-project"),
    ("openai", {"openai-beta": "assistants=v2"}, "header openai-beta"),
    ("anthropic", {"anthropic-beta": "context-1m-2025-08-07"}, "header anthropic-beta: context-1m-2025-08-07"),
    ("anthropic", {"anthropic-version": "2099-01-01"}, "header anthropic-version: 2099-01-01"),
    ("openai", {"cookie": "session=1"}, "header cookie"),
    ("openai", {"content-type": "application/xml"}, "header content-type: application/xml"),
    ("openai", {"content-encoding": "identity"}, "header content-encoding"),
    ("openai", {"x-model-override": "other"}, "header x-model-override"),
]


@pytest.mark.parametrize(("protocol", "headers", "name"), HEADERS, ids=[next(iter(h)) for _, h, _ in HEADERS])
def test_a_header_that_no_list_knows_is_refused(
    gateway: LiveGateway, protocol: str, headers: dict[str, str], name: str
) -> None:
    """A header, or a value of one, to which a provider could give a meaning is refused by name."""
    got = ask(gateway, protocol, headers=headers)

    assert name in assert_refused(gateway, got, 400, "feature-unknown", "features").because


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
def test_a_query_parameter_is_refused(gateway: LiveGateway, protocol: str) -> None:
    """A model call has no parameters in its address: `?beta=true` and `?api-version=…` choose other behaviour."""
    got = ask(gateway, protocol, query="?beta=true")

    assert "query beta=true" in assert_refused(gateway, got, 400, "feature-unknown", "features").because


GOOD = b'{"model":"test-model","max_tokens":8,"messages":[{"role":"user","content":"hi"}]}'
MALFORMED = {
    "no JSON": b"2+2?",
    "nothing": b"",
    "a list": b"[]",
    "a limit twice": GOOD.replace(b'"max_tokens":8', b'"max_tokens":8,"max_tokens":4096'),
    "a limit twice, once escaped": GOOD.replace(b'"max_tokens":8', b'"max_tokens":8,"max_tok\\u0065ns":4096'),
    "a key twice inside": GOOD.replace(b'"role":"user"', b'"role":"user","role":"system"'),
    "NaN": GOOD.replace(b"8", b"NaN"),
    "Infinity": GOOD.replace(b"8", b"Infinity"),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "not UTF-8": GOOD.replace(b"hi", b"\xff\xfe"),
    "half a surrogate pair": GOOD.replace(b"hi", b"\\ud800"),
    "half a surrogate pair in a name": GOOD.replace(b"test-model", b"test-\\udfff"),
    "half a surrogate pair in a key": GOOD.replace(b'"max_tokens"', b'"\\ud83d":1,"max_tokens"'),
    "nested too deep": GOOD.replace(b'"hi"', b"[" * 100 + b"]" * 100),
    "nested far too deep": b"[" * 200_000,
    "an endless number": GOOD.replace(b"8", b"9" * 5_000),
    "a limit of 0": GOOD.replace(b"8", b"0"),
    "a limit with a point": GOOD.replace(b"8", b"8.0"),
    "a limit that is true": GOOD.replace(b"8", b"true"),
    "a limit in quotes": GOOD.replace(b"8", b'"8"'),
    "a model that is none": GOOD.replace(b'"test-model"', b"7"),
    "no messages": b'{"model":"test-model","max_tokens":8}',
    "empty messages": b'{"model":"test-model","max_tokens":8,"messages":[]}',
    "messages that are none": b'{"model":"test-model","max_tokens":8,"messages":["hi"]}',
    "content that is none": GOOD.replace(b'"hi"', b"7"),
    "two objects": GOOD + GOOD,
    "too large": GOOD + b" " * MAX_BODY,
}


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
@pytest.mark.parametrize("what", MALFORMED)
def test_a_body_on_which_two_readers_could_differ_is_refused(
    gateway: LiveGateway, provider: RecordingProvider, protocol: str, what: str
) -> None:
    """A body that is not strict JSON of the protocol's shape is malformed, recorded and not sent."""
    before = len(provider.asked)

    got = ask(gateway, protocol, content=MALFORMED[what])

    assert_refused(gateway, got, 400, "request-malformed", "request.body")
    assert before == len(provider.asked)


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_the_reader_of_requests_is_total(name: str) -> None:
    """Cut anywhere, a body is read or refused with the one error; null counts as absent."""
    rich = json.dumps({"model": "m", "max_tokens": 3, "messages": HELLO, "tools": [TOOL], "stop": None}).encode()
    for cut in range(len(rich)):
        with pytest.raises(MalformedRequest):
            PROTOCOLS[name].read(rich[:cut])

    asked = PROTOCOLS[name].read(rich)

    assert "stop" not in asked.features


def test_an_unlisted_model_is_refused(gateway: LiveGateway) -> None:
    """The clause names what was agreed beside what was asked."""
    record = assert_refused(gateway, ask(gateway, "openai", model="gpt-6"), 403, "terms-refused", "models.name")
    assert "test-model" in record.because and "gpt-6" in record.because


@pytest.mark.parametrize("limit", [{"max_tokens": 65}, {"max_tokens": 8, "max_completion_tokens": 65}])
def test_more_output_than_agreed_is_refused(gateway: LiveGateway, limit: dict[str, int]) -> None:
    """The largest of all output limits in the body counts."""
    assert_refused(gateway, ask(gateway, "openai", **limit), 403, "terms-refused", "models.max_output")


ROUTES = [
    ("POST", "/openai/v1/completions"),
    ("POST", "/openai/v1/responses"),
    ("POST", "/openai/v1/embeddings"),
    ("POST", "/openai/v1/chat/completions/"),
    ("POST", "/openai/v1//chat/completions"),
    ("POST", "/openai/v1/chat%2Fcompletions"),
    ("POST", "/OpenAI/v1/chat/completions"),
    ("GET", "/openai/v1/chat/completions"),
    ("POST", "/anthropic/v1/messages/count_tokens"),
    ("POST", "/anthropic/v1/messages/batches"),
    ("GET", "/anthropic/v1/models"),
    ("POST", "/slots/0?action=erase"),
    ("GET", "/props"),
    ("DELETE", "/entries"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=[f"{m} {r}" for m, r in ROUTES])
def test_a_route_that_is_no_route_is_refused(gateway: LiveGateway, method: str, route: str) -> None:
    """Only the protocols' own model calls exist, byte for byte; everything else is 404 and recorded."""
    got = httpx.request(method, gateway.door(route), headers={"authorization": f"Bearer {gateway.secret}"})

    assert_refused(gateway, got, 404, "route-unknown", "routes")


def test_a_path_outside_every_arrangement_says_so(gateway: LiveGateway) -> None:
    """Where no arrangement is named there is no ledger to record in: 404 in plain text."""
    size = gateway.ledger.size()
    paths = ("/", "/a", "/a/none/openai/v1/chat/completions", "/v1/chat/completions", "/a/" + "x" * 3000)

    assert {404} == {httpx.post(gateway.url + path).status_code for path in paths}
    assert size == gateway.ledger.size()


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
@pytest.mark.parametrize("key", [{}, {"authorization": "Bearer wrong"}, {"x-api-key": "wrong"}, {"authorization": "x"}])
def test_an_unknown_key_is_counted_and_not_recorded(
    gateway: LiveGateway, provider: RecordingProvider, protocol: str, key: dict[str, str]
) -> None:
    """Who shows no known key gets 401 and leaves no entry, only a number in the status."""
    size, counted, sent = gateway.ledger.size(), gateway.gate.unauthenticated, len(provider.asked)
    route = gateway.door(f"/{protocol}{PROTOCOLS[protocol].route}")

    got = httpx.post(route, content=GOOD, headers=key)

    assert (401, "key-unknown", "grant.key") == (got.status_code, slug_of(got), says(got)["clause"])
    assert "false" == got.headers["x-should-retry"]
    assert "request-id" not in got.headers and "entry" not in says(got)
    assert (size, counted + 1, sent) == (gateway.ledger.size(), gateway.gate.unauthenticated, len(provider.asked))


def test_an_expired_key_is_refused_and_recorded(tmp_path: Path) -> None:
    """After the grant's time every route answers 401, and a call's refusal names when it expired."""
    ahead = timedelta(0)
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, clock=lambda: now() + ahead) as gateway:
            ahead = timedelta(minutes=31)
            gateway.keep()
            record = assert_refused(gateway, gateway.chat(), 401, "key-expired", "grant.expires")

            [grant] = gateway.of("grant.issued")
            assert grant.expires in record.because
            headers = {"authorization": f"Bearer {gateway.secret}"}
            assert 401 == httpx.get(gateway.door("/status"), headers=headers).status_code
            assert_refused(gateway, gateway.chat(content=b"{"), 401, "key-expired", "grant.expires")
        assert [] == provider.asked


def test_a_revoked_key_is_refused_and_recorded(tmp_path: Path) -> None:
    """From the revocation's entry on the key opens nothing, and the refusal carries the cause."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url) as gateway:
            assert 200 == gateway.chat().status_code
            assert 201 == gateway.revoke().status_code
            record = assert_refused(gateway, gateway.chat(), 401, "key-revoked", "grant.revoked")

            assert "operational" in record.because
            assert 403 == gateway.revoke().status_code, "a grant is revoked once"
        assert 1 == len(provider.asked)


def test_a_protocol_that_was_not_agreed_is_refused(tmp_path: Path) -> None:
    """A model that is agreed over one protocol is not served over the other."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, models__protocols=["openai"]) as gateway:
            got = ask(gateway, "anthropic")
            assert_refused(gateway, got, 403, "terms-refused", "models.protocols")
        assert [] == provider.asked


def test_terms_can_want_every_limit_stated(tmp_path: Path) -> None:
    """With `output_unstated: refuse` a call that states no output limit is refused."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, budget__output_unstated="refuse") as gateway:
            got = gateway.chat(max_tokens=None)
            assert_refused(gateway, got, 403, "terms-refused", "budget.output_unstated")
            assert 200 == gateway.chat(max_tokens=None, max_completion_tokens=4).status_code


def test_before_the_window_nothing_passes(tmp_path: Path) -> None:
    """A grant may be given before access begins; a call may not pass."""
    at = now().replace(microsecond=0)
    window = {
        "from": (at + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "until": (at + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, window=window) as gateway:
            assert_refused(gateway, gateway.chat(), 403, "terms-refused", "window.from")
        assert [] == provider.asked


def test_beyond_the_rate_a_call_waits(tmp_path: Path) -> None:
    """The call after the agreed number in a minute gets 429 and the time after which it may come."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, rate={"calls_per_minute": 2, "concurrency": 4}) as gateway:
            assert [200, 200] == [gateway.chat().status_code for _ in range(2)]
            got = gateway.chat()
            assert_refused(gateway, got, 429, "rate-exceeded", "rate.calls_per_minute")
            assert 50 <= int(got.headers["retry-after"]) <= 60
            assert "x-should-retry" not in got.headers


BUDGETS: dict[str, dict[str, Any]] = {
    "budget.calls": {"budget__calls": 1},
    "budget.input_tokens": {"budget__input_tokens": 180},
    "budget.output_tokens": {"budget__output_tokens": 9},
    "budget.cost": {"budget__cost": "0.000022"},
}


@pytest.mark.parametrize("clause", BUDGETS)
def test_each_budget_refuses_what_it_cannot_hold(tmp_path: Path, clause: str) -> None:
    """The first call passes and settles below its reservation; the second would exceed the clause."""
    with RecordingProvider().running() as provider:
        with live_gateway(tmp_path, provider.url, **BUDGETS[clause]) as gateway:
            assert 200 == gateway.chat().status_code
            record = assert_refused(gateway, gateway.chat(), 403, "terms-refused", clause)

            assert "agreed" in record.because
        assert 1 == len(provider.asked)


def test_equal_refusals_beyond_sixty_a_minute_are_one_entry_with_a_count(tmp_path: Path) -> None:
    """A client that runs against a wall fills no ledger, and what it tried is still on record."""
    at = now().replace(second=1)
    with RecordingProvider().running() as provider, httpx.Client() as client:
        with live_gateway(tmp_path, provider.url, clock=lambda: at) as gateway:
            answers = [gateway.chat(client, model="other") for _ in range(75)]
            other = gateway.chat(client, max_tokens=65)

            assert 60 == sum(record.clause == "models.name" for record in gateway.of("call.refused"))
            assert {403} == {got.status_code for got in answers}
            assert [None] * 15 == [says(got)["entry"] for got in answers[60:]]
            assert {f"{gateway.ledger.origin}:counted"} == {got.headers["request-id"] for got in answers[60:]}
            assert says(other)["entry"] is not None, "an unequal refusal has its own entry"
            assert [] == gateway.of("calls.refused")
            at += timedelta(minutes=1)
            gateway.keep()
            [counted] = gateway.of("calls.refused")
            assert ("models.name", 403, 15) == (counted.clause, counted.status, counted.count)


def standing(**changes: Any) -> Standing:
    grant = Grant(grant="0" * 32, person="evaluator-1", expires="2099-01-01T00:00:00.000Z", revoked="")
    nothing = Amount(input_tokens=0, output_tokens=0, cost_nano=0)
    fields: dict[str, Any] = {
        "grant": grant,
        "stop": None,
        "calls": 0,
        "spent": nothing,
        "open_calls": 0,
        "calls_last_minute": 0,
        "oldest_ms": 0,
        "overrun": frozenset(),
        "run_open": True,
    }
    return Standing(**(fields | changes))


def decided(terms: Terms, **changes: Any) -> Refusal | Reservation:
    at = changes.pop("at", now())
    asked = PROTOCOLS["openai"].read(GOOD)
    return decide(terms, standing(**changes), asked, now=at)


def test_a_person_whom_the_terms_no_longer_allow_is_refused(gateway: LiveGateway) -> None:
    """A grant outlives nobody's eligibility: the person is looked up in the terms for every call."""
    terms = gateway.terms
    gone = replace(terms, people=())
    [person] = terms.people
    barred = replace(terms, people=(replace(person, eligible=False),))

    assert isinstance(decided(terms), Reservation)
    for changed, clause in ((gone, "people.id"), (barred, "people.eligible")):
        refusal = decided(changed)
        assert isinstance(refusal, Refusal) and (403, clause) == (refusal.status, refusal.clause)


def test_after_the_window_nothing_passes_whatever_the_grant_says(gateway: LiveGateway) -> None:
    """The window's end is the first instant at which no call passes."""
    until = gateway.terms.window.until
    last = decided(gateway.terms, at=until - timedelta(milliseconds=1))
    refusal = decided(gateway.terms, at=until)

    assert isinstance(last, Reservation)
    assert isinstance(refusal, Refusal) and "window.until" == refusal.clause
    assert instant_text(until)[:10] in refusal.because


def test_a_run_that_is_not_open_takes_no_call(gateway: LiveGateway) -> None:
    """A call that names a run names one that its own key began and did not end."""
    got = ask(gateway, "openai", headers={"comity-run": "0" * 32})

    assert_refused(gateway, got, 400, "request-malformed", "request.run")


def test_the_order_of_checks_is_fixed(gateway: LiveGateway) -> None:
    """With everything wrong at once the clause is the same on every gateway: key first, rate last."""
    got = ask(gateway, "openai", model="other", n_predict=9, max_tokens=9_999, temperature=0)
    assert_refused(gateway, got, 403, "terms-refused", "models.name")
    got = ask(gateway, "openai", n_predict=9, max_tokens=9_999, temperature=0)
    assert_refused(gateway, got, 400, "feature-unknown", "features")
    got = ask(gateway, "openai", max_tokens=9_999, temperature=0)
    assert_refused(gateway, got, 403, "terms-refused", "features.sampling")
