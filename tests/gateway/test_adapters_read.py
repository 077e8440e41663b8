"""What each call is read as: how many items of a bounded feature, how much output, what has no bound, what is kept."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from asking import BODIES, BY_CALL, FEATURES_OF, QUERIES, USES, Use, path_of
from hypothesis import given
from hypothesis import strategies as st

from comity.arrangement.features import BOUNDED, FEATURES, NEVER, OUTSIDE
from comity.gateway.asked import Asked, MalformedRequest
from comity.gateway.headers import BETAS, read_headers
from comity.gateway.protocols import find_call, find_never

HELLO = [{"role": "user", "content": "2+2?"}]


def read(call: str, body: dict[str, Any], query: str | None = None) -> Asked:
    search = QUERIES.get(call, "").removeprefix("?") if query is None else query
    return BY_CALL[call].read(path_of(call), search, json.dumps(body).encode())


def changed(call: str, **members: Any) -> Asked:
    return read(call, {**BODIES[call], **members})


def image(**source: Any) -> dict[str, Any]:
    return {"type": "image", "source": source}


SEARCH = {"type": "web_search_20250305", "name": "web_search"}
FETCH = {"type": "web_fetch_20250910", "name": "web_fetch"}
MCP = {"type": "mcp", "server_label": "t", "server_url": "https://t.example"}
FILE = "https://generativelanguage.googleapis.com/v1beta/files/f1"

COUNTED: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("chat", {"n": 3}, {"n": 3}),
    ("chat", {"logprobs": True}, {"logprobs": 0}),
    ("chat", {"logprobs": True, "top_logprobs": 5}, {"logprobs": 5}),
    ("chat", {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        {"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}},
        {"type": "file", "file": {"file_id": "file-1"}}]}]}, {"images": 2, "urls": 1, "files": 1, "file_ids": 1}),
    ("completions", {"prompt": ["a", "b"], "n": 2, "best_of": 3}, {"n": 6}),
    ("completions", {"prompt": [[1, 2], [3]]}, {"n": 2}),
    ("completions", {"prompt": [1, 2, 3]}, {}),
    ("responses", {"tools": [{"type": "web_search"}, MCP], "max_tool_calls": 4}, {"server_tools": 4, "mcp": 4}),
    ("responses", {"input": [{"type": "item_reference", "id": "r"}, {"id": "m"}],
                   "previous_response_id": "resp_1"}, {"earlier_answers": 3}),
    ("responses", {"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, {"earlier_answers": 1}),
    ("responses", {"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}]}, {}),
    ("responses", {"input": [{"type": "web_search_call", "id": "w"}]}, {"server_tools": 0}),
    ("responses", {"tools": [{"type": "file_search", "vector_store_ids": ["a", "b"]}], "max_tool_calls": 1},
     {"server_tools": 1, "file_ids": 2}),
    ("messages", {"tools": [{**SEARCH, "max_uses": 2}, {**FETCH, "max_uses": 3}]}, {"server_tools": 5}),
    ("messages", {"messages": [{"role": "user", "content": [
        image(type="base64", media_type="image/png", data="AA=="), image(type="url", url="https://a.example/1.png"),
        image(type="file", file_id="f"),
        {"type": "tool_result", "tool_use_id": "t", "content": [image(type="url", url="https://a.example/2.png")]},
        {"type": "document", "source": {"type": "content", "content": [image(type="file", file_id="g")]}}]}]},
     {"images": 5, "urls": 2, "file_ids": 2, "files": 1}),
    ("messages", {"container": "c_1"}, {"file_ids": 1}),
    ("generateContent", {"generationConfig": {"candidateCount": 4, "responseLogprobs": True, "logprobs": 2}},
     {"n": 4, "logprobs": 2}),
    ("generateContent", {"contents": [{"parts": [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"inline_data": {"mime_type": "audio/wav"}},
        {"fileData": {"fileUri": FILE}}, {"fileData": {"fileUri": "https://videos.example/v"}}]}]},
     {"images": 1, "audio": 1, "files": 2, "file_ids": 1, "urls": 1}),
    ("generateContent", {"cachedContent": "cachedContents/1"}, {"stored_prompts": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("call", "members", "expected"), COUNTED)
def test_items_of_a_bounded_feature_are_counted(call: str, members: dict[str, Any], expected: dict[str, int]) -> None:
    """Each picture, address, reference, answer and use of a provider's tool that a request holds is in its counts."""
    asked = changed(call, **members)

    assert expected == asked.counts
    assert set(expected) == set(asked.features) & set(BOUNDED)
    assert () == asked.unknown == asked.unbounded
    assert asked.self_contained is not bool(set(expected) & OUTSIDE)
    assert 1 + expected.get("server_tools", 0) + expected.get("mcp", 0) == asked.turns


WITHOUT_BOUND: list[tuple[str, dict[str, Any], str]] = [
    ("chat", {"web_search_options": {}}, "server_tools"),
    ("chat", {"modalities": ["text", "audio"]}, "audio"),
    ("responses", {"tools": [{"type": "web_search"}]}, "server_tools"),
    ("responses", {"tools": [MCP]}, "mcp"),
    ("messages", {"tools": [SEARCH]}, "server_tools"),
    ("messages", {"tools": [{**SEARCH, "max_uses": 2}, FETCH]}, "server_tools"),
    ("messages", {"tools": [{"type": "code_execution_20250825", "name": "x", "max_uses": 1}]}, "server_tools"),
    ("messages", {"tools": [{"type": "tool_search_tool_bm25_20251119", "name": "x"}]}, "server_tools"),
    ("messages", {"mcp_servers": [{"type": "url", "url": "https://t.example", "name": "t"}]}, "mcp"),
    ("generateContent", {"tools": [{"google_search": {}}]}, "server_tools"),
    ("generateContent", {"tools": {"codeExecution": {}}}, "server_tools"),
    ("generateContent", {"generationConfig": {"responseModalities": ["AUDIO"]}}, "audio"),
]


@pytest.mark.parametrize(("call", "members", "feature"), WITHOUT_BOUND)
def test_what_states_no_bound_is_said_to_have_none(call: str, members: dict[str, Any], feature: str) -> None:
    """A tool of the provider's without a number of uses, or an answer in sound, can never be reserved for."""
    assert (feature,) == changed(call, **members).unbounded


def test_what_the_provider_keeps_is_said() -> None:
    """A response is kept unless the request says otherwise; null says nothing."""
    kept = [{"store": True}, {"store": None}]
    assert [True, True] == [changed("responses", **members).keeps for members in kept]
    unsaid = {name: value for name, value in BODIES["responses"].items() if name != "store"}
    assert read("responses", unsaid).keeps
    assert "stored_state" in read("responses", unsaid).features
    assert not changed("responses", store=False).keeps
    assert [True, False, False] == [changed("chat", store=store).keeps for store in (True, False, None)]


def test_what_no_terms_can_allow_is_told_apart() -> None:
    """An answer that is fetched later is a feature of none; the routes of batches and training stand for theirs."""
    assert ("background",) == changed("responses", background=True).never
    assert () == changed("responses", background=False).never
    for method, rest, feature in (
        ("POST", "/openai/v1/batches", "batch"),
        ("GET", "/openai/v1/files/file-1/content", "batch"),
        ("POST", "/openai/v1/fine_tuning/jobs", "fine_tuning"),
        ("GET", "/openai/v1/responses/resp_1", "background"),
        ("POST", "/anthropic/v1/messages/batches", "batch"),
        ("POST", "/gemini/v1beta/models/m:batchGenerateContent", "batch"),
        ("GET", "/gemini/v1beta/tunedModels", "fine_tuning"),
        ("POST", "/gemini/v1beta/models/m:batchEmbedContents", None),
        ("POST", "/openai/v1/chat/completions", None),
    ):
        assert feature == find_never(method, rest)
        assert feature is None or feature in NEVER
        assert feature is None or find_call(method, rest) is None


def test_counting_tokens_and_embedding_write_nothing() -> None:
    """Neither reserves output; only counting is free."""
    facts = {call: (changed(call).writes, changed(call).bills) for call in BODIES}
    assert {(True, True)} == {fact for call, fact in facts.items() if call not in ("embeddings", "count_tokens")}
    assert ((False, True), (False, False)) == (facts["embeddings"], facts["count_tokens"])


LIMITS: dict[str, list[tuple[str, ...]]] = {
    "chat": [("max_tokens",), ("max_completion_tokens",)],
    "completions": [("max_tokens",)],
    "responses": [("max_output_tokens",)],
    "messages": [("max_tokens",), ("thinking", "budget_tokens")],
    "generateContent": [
        ("generationConfig", "maxOutputTokens"), ("generationConfig", "thinkingConfig", "thinkingBudget"),
    ],
    "streamGenerateContent": [
        ("generation_config", "max_output_tokens"), ("generation_config", "thinking_config", "thinking_budget"),
    ],
}  # fmt: skip


@given(st.sampled_from(sorted(LIMITS)), st.data())
def test_the_output_limit_is_never_below_any_that_is_stated(call: str, data: st.DataObject) -> None:
    """Whichever names a limit goes by, and in whatever mixture, the largest counts."""
    names = ("generationConfig", "generation_config")
    body = {name: value for name, value in BODIES[call].items() if name not in names and "max_" not in name}
    stated = []
    for path in data.draw(st.lists(st.sampled_from(LIMITS[call]), min_size=1, unique=True)):
        at = body
        for name in path[:-1]:
            at = at.setdefault(name, {"type": "enabled"} if name == "thinking" else {})
        at[path[-1]] = data.draw(st.integers(1, 2**31))
        stated.append(at[path[-1]])
    if call == "messages":
        body.setdefault("max_tokens", 1)

    limit = read(call, body).output_limit

    assert limit == max(stated)


TEXTS = st.text(max_size=8) | st.sampled_from(["user", "assistant", "system", "text", "function", "model-1", "data:x"])
SCALARS = st.none() | st.booleans() | st.integers(-2, 300) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
NAMES = sorted({name for call in BY_CALL.values() for name in call.fields})
INNER = [
    "type", "role", "content", "parts", "text", "source", "name", "function", "custom", "input", "image_url", "id",
    "image_source", "max_uses", "budget_tokens", "effort", "format", "schema", "file", "thinkingConfig", "inline_data",
]  # fmt: skip
KINDS = [
    "message", "reasoning", "function_call_output", "web_search_20250305", "web_search", "mcp", "tool_result", "image",
    "document", "input_image", "input_file", "image_url", "thinking", "url", "base64", "content", "enabled",
]  # fmt: skip
VALUES = st.recursive(
    SCALARS | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER) | TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(BY_CALL)), st.dictionaries(st.sampled_from(NAMES) | TEXTS, VALUES, max_size=5))
def test_any_object_is_read_or_malformed(call: str, members: dict[str, Any]) -> None:
    """No JSON object breaks a reader, and what is read speaks the terms' vocabulary alone."""
    try:
        asked = changed(call, **members)
    except MalformedRequest as refused:
        assert str(refused)
        return

    assert set(asked.features) <= set(FEATURES)
    assert set(asked.counts) | set(asked.unbounded) == set(asked.features) & set(BOUNDED)
    assert asked.turns >= 1 <= asked.candidates
    assert asked.self_contained is not bool(set(asked.features) & OUTSIDE)
    assert all(len(unknown) <= 80 for unknown in asked.unknown)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*at, name)
        yield from places(one, (*at, name))


@given(st.sampled_from(USES), st.data())
def test_a_request_with_any_of_its_values_exchanged_is_read_or_malformed(use: Use, data: st.DataObject) -> None:
    """A reader meets every kind of value in every place of a request, and no kind of error but its own."""
    body = copy.deepcopy({**BODIES[use.call], **use.body})
    way = data.draw(st.sampled_from(sorted(places(body), key=str)))
    at = body
    for step in way[:-1]:
        at = at[step]
    at[way[-1]] = data.draw(SCALARS | st.sampled_from([[], {}, [1], ["x"], [[]], [{}], {"x": 1}, [None]]))
    try:
        asked = read(use.call, body)
    except MalformedRequest as refused:
        assert str(refused)
        return

    assert set(asked.features) <= set(FEATURES)


@given(st.sampled_from(sorted(BY_CALL)), TEXTS | st.sampled_from(["n_predict", "n_cmpl", "best_of", "guided_json"]))
def test_a_field_that_no_table_holds_is_always_unknown(call: str, name: str) -> None:
    """Whatever it is called, a field is in the call's table, in either of Google's spellings, or unknown."""
    protocol = BY_CALL[call]
    spelled = re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)
    if name in protocol.fields or (protocol.name == "gemini" and spelled in protocol.fields):
        return
    try:
        name.encode()
    except UnicodeEncodeError:
        return  # half a surrogate pair is no text: the body is malformed as a whole

    assert (name[:80],) == changed(call, **{name: 1}).unknown
    assert (name[:80],) == changed(call, **{name: None}).unknown


def snake(value: Any) -> Any:
    if isinstance(value, list):
        return [snake(one) for one in value]
    if isinstance(value, dict):
        return {re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name): snake(one) for name, one in value.items()}
    return value


@pytest.mark.parametrize("feature", FEATURES_OF["generateContent"])
def test_both_of_googles_spellings_are_one_field(feature: str) -> None:
    """A request in snake_case is read as the same in lowerCamelCase; a field in both is malformed."""
    body = {**BODIES["generateContent"], **FEATURES_OF["generateContent"][feature]}
    one, other = read("generateContent", body), read("generateContent", snake(body))

    assert (one.features, one.counts, one.unbounded) == (other.features, other.counts, other.unbounded)
    assert (one.output_limit, one.candidates, one.unknown) == (other.output_limit, other.candidates, ())
    double = {**body, "generationConfig": {}, "generation_config": {"maxOutputTokens": 64}}
    with pytest.raises(MalformedRequest, match="twice"):
        read("generateContent", double)


MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("chat", {"n": 0}), ("chat", {"n": 129}), ("chat", {"n": True}), ("chat", {"top_logprobs": "5"}),
    ("chat", {"max_tokens": 0}), ("chat", {"max_tokens": 8.0}), ("chat", {"stream": 1}), ("chat", {"model": ""}),
    ("completions", {"prompt": []}), ("completions", {"prompt": ["a", 1]}), ("completions", {"prompt": {"a": 1}}),
    ("completions", {"logprobs": True}), ("responses", {"include": "reasoning.encrypted_content"}),
    ("responses", {"input": [1]}), ("responses", {"max_tool_calls": -1, "tools": [{"type": "web_search"}]}),
    ("embeddings", {"input": [{}]}), ("embeddings", {"input": None}), ("messages", {"max_tokens": None}),
    ("messages", {"tools": [{**SEARCH, "max_uses": "2"}]}), ("count_tokens", {"messages": []}),
    ("generateContent", {"generationConfig": {"maxOutputTokens": "8"}}), ("generateContent", {"contents": []}),
    ("generateContent", {"generationConfig": {"candidateCount": 0}}),
]  # fmt: skip


@pytest.mark.parametrize(("call", "members"), MALFORMED)
def test_a_number_that_is_none_is_malformed(call: str, members: dict[str, Any]) -> None:
    """What bounds a call is an integer within its range, written as one: nothing is converted or guessed."""
    with pytest.raises(MalformedRequest):
        changed(call, **members)


def test_the_target_is_the_path_with_the_parameters_that_are_known() -> None:
    """What goes upstream is the provider's own path; Gemini's names its model, and a stream asks for its events."""
    asked = read("streamGenerateContent", BODIES["streamGenerateContent"])
    assert "/v1beta/models/{model}:streamGenerateContent" == asked.route
    assert "/v1beta/models/test-model:streamGenerateContent?alt=sse" == asked.target
    assert ("test-model", True) == (asked.model, asked.stream)
    assert "/v1/messages?beta=true" == read("messages", BODIES["messages"], "beta=true").target
    assert ("query alt",) == read("generateContent", BODIES["generateContent"], "alt=sse").unknown
    assert ("query beta",) == read("messages", BODIES["messages"], "beta=true&beta=true").unknown
    for query in ("", "alt=json", "alt=sse2"):
        with pytest.raises(MalformedRequest, match="alt=sse"):
            read("streamGenerateContent", BODIES["streamGenerateContent"], query)
    with pytest.raises(MalformedRequest, match="x-goog-api-key"):
        read("generateContent", BODIES["generateContent"], "key=secret")


@given(st.lists(st.sampled_from([*BETAS["anthropic-beta"], "context-1m-2025-08-07", "", "x" * 200]), min_size=1))
def test_each_name_in_a_list_of_a_header_is_known_or_unknown(names: list[str]) -> None:
    """A list of betas uses the features of those that the table knows; each other is unknown under its own name."""
    known = BETAS["anthropic-beta"]
    got = read_headers([(b"anthropic-beta", ", ".join(names).encode())])

    assert sorted({feature for name in names if (feature := known.get(name))}) == list(got.features)
    assert [f"header anthropic-beta: {name}"[:80] for name in names if name not in known] == list(got.unknown)
    assert (("anthropic-beta", ", ".join(names)),) == got.forwarded
