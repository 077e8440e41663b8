"""Refusals: each "no" has its status, its clause and its sentence, is recorded, and reaches no provider."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import (
    BODIES,
    BY_CALL,
    FEATURES_OF,
    HELLO,
    PROTOCOLS,
    QUERIES,
    TOOL,
    USES,
    Use,
    allowing,
    amended,
    ask,
    assert_refused,
    path_of,
    says,
    send,
    slug_of,
    under,
)
from deciding import clause_of, decided

from comity.arrangement.features import FEATURES, NEVER
from comity.gateway.asked import MAX_BODY, MalformedRequest
from comity.gateway.headers import BETAS
from support import LiveGateway, RecordingProvider, live_gateway, now


@pytest.fixture(scope="module")
def provider() -> Iterator[RecordingProvider]:
    with RecordingProvider().running() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider: RecordingProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """One gateway whose terms allow no feature at all, over all protocols."""
    folder = tmp_path_factory.mktemp("refusals")
    with live_gateway(folder, provider.url, features=[], models__protocols=list(PROTOCOLS)) as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def fresh_minute(gateway: LiveGateway) -> None:
    """Each test begins as a minute does, so that no refusal is one too many of the equal ones."""
    gateway.ledger.transact(lambda tx: tx.execute("DELETE FROM gate_refused"))


@pytest.mark.parametrize("use", USES, ids=str)
def test_a_feature_that_was_not_agreed_is_refused_under_its_own_clause(
    gateway: LiveGateway, provider: RecordingProvider, use: Use
) -> None:
    """Where the terms list every feature but one, a use of that one is refused as `features.<name>`, over every
    call by which a field reaches it, and nothing is sent."""
    before = len(provider.asked)

    with under(gateway, allowing(gateway.terms, without=use.feature)):
        got = send(gateway, use.call, **use.body)

    record = assert_refused(gateway, got, 403, "terms-refused", f"features.{use.feature}")
    assert (BY_CALL[use.call].name, "test-model") == (record.protocol, record.model)
    assert f"features.{use.feature}=allowed" in record.because
    assert before == len(provider.asked)


def test_every_feature_of_the_terms_is_one_that_a_request_can_show() -> None:
    """The vocabulary of the terms and what the tables detect are the same list, so no clause is without effect."""
    assert set(FEATURES) == {use.feature for use in USES}
    assert set(BY_CALL) == set(FEATURES_OF)


@pytest.mark.parametrize("call", sorted(FEATURES_OF))
def test_what_a_call_can_use_is_in_the_table_of_these_tests(call: str) -> None:
    """Whatever feature a body of the same protocol makes a call use, the table above has a request for it."""
    reached: set[str] = set()
    for use in USES:
        body = json.dumps(BODIES[call] | use.body).encode()
        if BY_CALL[use.call].name != BY_CALL[call].name:
            continue
        try:
            asked = BY_CALL[call].read(path_of(call), QUERIES.get(call, "?")[1:], body)
        except MalformedRequest:
            continue
        reached |= set(asked.features)
        if use.call == call:
            assert use.feature in asked.features
            assert () == asked.unknown

    assert reached == set(FEATURES_OF[call])


USED_BY_HEADER = [
    (header, value, feature) for header, values in BETAS.items() for value, feature in values.items() if feature
]


@pytest.mark.parametrize(("header", "value", "feature"), USED_BY_HEADER, ids=[value for _, value, _ in USED_BY_HEADER])
def test_a_feature_that_a_header_switches_on_is_refused_like_one_of_the_body(
    gateway: LiveGateway, header: str, value: str, feature: str
) -> None:
    """A name in a header's list needs the feature that it stands for."""
    with under(gateway, allowing(gateway.terms, without=feature)):
        got = ask(gateway, "anthropic", headers={header: value})

    assert_refused(gateway, got, 403, "terms-refused", f"features.{feature}")


def test_no_terms_can_allow_an_answer_that_is_fetched_later(gateway: LiveGateway) -> None:
    """A field that would take the answer out of the record is refused whatever the terms list."""
    with under(gateway, allowing(gateway.terms)):
        got = send(gateway, "responses", background=True)

    record = assert_refused(gateway, got, 403, "terms-refused", "features.background")
    assert NEVER["background"] in record.because


NEVER_ROUTES = [
    ("POST", "/openai/v1/batches", "batch"),
    ("GET", "/openai/v1/files/file-1", "batch"),
    ("POST", "/openai/v1/uploads", "batch"),
    ("POST", "/openai/v1/fine_tuning/jobs", "fine_tuning"),
    ("POST", "/openai/v1/evals", "fine_tuning"),
    ("GET", "/openai/v1/responses/resp_1", "background"),
    ("POST", "/openai/v1/responses/resp_1/cancel", "background"),
    ("POST", "/anthropic/v1/messages/batches", "batch"),
    ("POST", "/anthropic/v1/files", "batch"),
    ("POST", "/gemini/v1beta/models/test-model:batchGenerateContent", "batch"),
    ("POST", "/gemini/upload/v1beta/files", "batch"),
    ("POST", "/gemini/v1beta/tunedModels", "fine_tuning"),
]


@pytest.mark.parametrize(("method", "route", "feature"), NEVER_ROUTES, ids=[f"{m} {r}" for m, r, _ in NEVER_ROUTES])
def test_a_route_that_no_terms_can_allow_says_why(
    gateway: LiveGateway, method: str, route: str, feature: str
) -> None:
    """Batches, training and answers fetched later have no route: 404 under their feature, with the reason."""
    got = httpx.request(method, gateway.door(route), headers={"authorization": f"Bearer {gateway.secret}"})

    record = assert_refused(gateway, got, 404, "route-unknown", f"features.{feature}")
    assert NEVER[feature] in record.because


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
    "n_cmpl": 8,
    "best_of": 8,
    "guided_json": {},
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
    ("openai", {"service_tier": "priority"}, "service_tier=priority"),
    ("anthropic", {"speed": "fast"}, "speed=fast"),
    ("anthropic", {"thinking": {"type": "enabled", "effort": 9}}, "thinking.effort"),
    ("anthropic", {"tools": [{"name": "a", "input_schema": {}, "retries": 3}]}, "tools.retries"),
    ("anthropic", {"output_config": {"verbosity": 1}}, "output_config.verbosity"),
    ("anthropic", {"metadata": {"session": "s"}}, "metadata.session"),
    ("anthropic", {"messages": [{"role": "tutor", "content": "a"}]}, "messages.role=tutor"),
    ("anthropic", {"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.content.type=video"),
    ("gemini", {"generationConfig": {"routingConfig": {}}}, "generationConfig.routingConfig"),
    ("gemini", {"contents": [{"parts": [{"text": "a", "weight": 1}]}]}, "contents.parts.weight"),
    ("gemini", {"tools": [{"computerUse": {}}]}, "tools.computerUse"),
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


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("query", ["?api-version=1", "?beta=yes", "?be%74a=true", "?beta=true&beta=true", "?alt=media"])
def test_a_query_parameter_that_no_list_knows_is_refused(gateway: LiveGateway, protocol: str, query: str) -> None:
    """A parameter, a value of one, or another spelling of either could choose another behaviour."""
    got = ask(gateway, protocol, query=query)

    record = assert_refused(gateway, got, 400, "feature-unknown", "features")
    assert f"query {query[1:].partition('=')[0]}" in record.because


def test_a_secret_in_an_address_is_refused_and_not_repeated(gateway: LiveGateway) -> None:
    """Addresses end in logs: a key in the query is malformed, and the sentence says where it belongs."""
    got = send(gateway, "generateContent", query="?key=AIza-something")

    record = assert_refused(gateway, got, 400, "request-malformed", "request.body")
    assert "x-goog-api-key" in record.because and "AIza" not in record.because


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


@pytest.mark.parametrize("call", sorted(BY_CALL))
def test_the_reader_of_requests_is_total(call: str) -> None:
    """Cut anywhere, a body is read or refused with the one error; null counts as absent."""
    more = {"messages": HELLO, "tools": [TOOL], "stop": None} if call == "chat" else {"user": None}
    rich = json.dumps(BODIES[call] | more).encode()
    for cut in range(len(rich)):
        with pytest.raises(MalformedRequest):
            BY_CALL[call].read(path_of(call), QUERIES.get(call, "?")[1:], rich[:cut])

    asked = BY_CALL[call].read(path_of(call), QUERIES.get(call, "?")[1:], rich)

    assert not {"stop", "user_tag"} & set(asked.features)


def test_an_unlisted_model_is_refused(gateway: LiveGateway) -> None:
    """The clause names what was agreed beside what was asked."""
    record = assert_refused(gateway, ask(gateway, "openai", model="gpt-6"), 403, "terms-refused", "models.name")
    assert "test-model" in record.because and "gpt-6" in record.because


@pytest.mark.parametrize("limit", [{"max_tokens": 65}, {"max_tokens": 8, "max_completion_tokens": 65}])
def test_more_output_than_agreed_is_refused(gateway: LiveGateway, limit: dict[str, int]) -> None:
    """The largest of all output limits in the body counts."""
    assert_refused(gateway, ask(gateway, "openai", **limit), 403, "terms-refused", "models.max_output")


ROUTES = [
    ("POST", "/openai/v1/chat/completions/"),
    ("POST", "/openai/v1//chat/completions"),
    ("POST", "/openai/v1/chat%2Fcompletions"),
    ("POST", "/OpenAI/v1/chat/completions"),
    ("GET", "/openai/v1/chat/completions"),
    ("POST", "/openai/v1/images/generations"),
    ("POST", "/openai/v1/models"),
    ("GET", "/anthropic/v1/messages"),
    ("POST", "/gemini/v1beta/models/test-model:countTokens"),
    ("POST", "/gemini/v2/models/test-model:generateContent"),
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
    route = {"openai": f"{gateway.openai}/chat/completions", "anthropic": f"{gateway.anthropic}/v1/messages"}[protocol]

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


BUDGETS: dict[str, dict[str, Any]] = {
    "budget.calls": {"budget__calls": 1},
    "budget.input_tokens": {"budget__input_tokens": 180},
    "budget.output_tokens": {"budget__output_tokens": 9},
    "budget.cost": {"budget__cost": "0.000026"},
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


def test_a_person_whom_the_terms_no_longer_allow_is_refused(gateway: LiveGateway) -> None:
    """A grant outlives nobody's eligibility: the person is looked up in the terms for every call."""
    terms = gateway.terms
    [person] = terms.people
    gone, barred = amended(terms, people=()), amended(terms, people=(replace(person, eligible=False),))

    assert "" == clause_of(decided(terms))
    for changed, clause in ((gone, "people.id"), (barred, "people.eligible")):
        assert clause == clause_of(decided(changed))
        with under(gateway, changed):
            assert_refused(gateway, ask(gateway, "openai"), 403, "terms-refused", clause)


def test_a_run_that_is_not_open_takes_no_call(gateway: LiveGateway) -> None:
    """A call that names a run names one that its own key began and did not end."""
    got = ask(gateway, "openai", headers={"comity-run": "0" * 32})

    assert_refused(gateway, got, 400, "request-malformed", "request.run")


def test_the_order_of_checks_is_fixed(gateway: LiveGateway) -> None:
    """With everything wrong at once the clause is the same on every gateway: key first, rate last."""
    got = ask(gateway, "openai", secret="unknown", model="other", n_predict=9)
    assert (401, "grant.key") == (got.status_code, says(got)["clause"])
    got = ask(gateway, "openai", model="other", n_predict=9, max_tokens=9_999, temperature=0)
    assert_refused(gateway, got, 403, "terms-refused", "models.name")
    got = ask(gateway, "openai", n_predict=9, max_tokens=9_999, temperature=0)
    assert_refused(gateway, got, 400, "feature-unknown", "features")
    got = ask(gateway, "openai", max_tokens=9_999, temperature=0)
    assert_refused(gateway, got, 403, "terms-refused", "features.sampling")
