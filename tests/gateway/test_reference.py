"""The gateway's reference page says what the code does: routes, headers, fields and their features."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from asking import BODIES, BY_CALL, FEATURES_OF, QUERIES, path_of

from comity.gateway.acts import DOORS
from comity.gateway.asked import Asked, MalformedRequest
from comity.gateway.headers import BETAS, DROPPED, DROPPED_PREFIXES, FORWARDED, RETURNED
from comity.gateway.protocols import CALLS, MODELS
from comity.gateway.refusal import STATUS

DOCS = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (DOCS / "gateway.md").read_text(encoding="utf-8")
TITLES: Final = {
    "chat": "OpenAI chat completions",
    "completions": "OpenAI completions",
    "responses": "OpenAI responses",
    "embeddings": "OpenAI embeddings",
    "messages": "Anthropic messages",
    "count_tokens": "Anthropic count_tokens",
    "generateContent": "Gemini generateContent and streamGenerateContent",
}
"""Call → the heading of its table; two calls that share a table stand under the first one's."""
BLOCKS = [
    {"type": "thinking", "thinking": "x", "signature": "y"},
    {"type": "tool_use", "id": "1", "name": "add", "input": {}},
    {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
    {"type": "mcp_tool_use", "id": "1", "name": "add", "server_name": "s", "input": {}},
    {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}},
]
ITEMS = [
    {"type": "reasoning", "id": "r", "summary": []},
    {"type": "reasoning", "content": [], "encrypted_content": "x"},
    {"type": "function_call", "name": "add", "arguments": "{}"},
    {"type": "web_search_call", "id": "w"},
    {"type": "mcp_call", "id": "m"},
    {"role": "system", "content": [{"type": "input_text", "text": "x", "prompt_cache_breakpoint": {}}]},
]
GEMINI_PARTS = [
    {"functionCall": {"name": "add"}},
    {"thought": True, "text": "x"},
    {"executableCode": {}},
]
TOOLS = [
    {"type": "code_interpreter", "container": "c"},
    {"type": "file_search", "vector_store_ids": ["v"]},
    {"type": "web_fetch_20250910", "name": "web_fetch", "citations": {"enabled": True}},
    {"name": "add", "cache_control": {}},
]
PROBES: list[Any] = [
    True, 2, 0, "x", "standard", "x" * 300, ["x"], ["x", "y"], ["audio"], [1, 2], {"type": "json_schema"},
    {"user_id": "x"}, {"effort": "low"}, {"include_usage": True}, {"type": "enabled"},
    {"format": {"type": "json_schema", "schema": {}}},
    {"functionCallingConfig": {"mode": "ANY"}}, {"responseModalities": ["AUDIO"]}, {"speechConfig": {}},
    ["message.output_text.logprobs"], ["web_search_call.results"], ITEMS, *([tool] for tool in TOOLS),
    [{"type": "custom", "custom": {}}], [{"role": "assistant", "tool_calls": []}],
    [{"role": "assistant", "content": BLOCKS}], [{"role": "user", "parts": GEMINI_PARTS}],
    [{"role": "user", "content": [{"type": "text", "text": "x", "prompt_cache_breakpoint": {}}]}],
    [{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "f"}}]}],
]  # fmt: skip


def read(call: str, body: dict[str, Any]) -> Asked:
    query = QUERIES.get(call, "").removeprefix("?")
    return BY_CALL[call].read(path_of(call), query, json.dumps(body).encode())


def features_of(call: str, field: str) -> list[str]:
    """Every feature that a value of this field can use, beyond those of the call itself, found by trying values."""
    least = BODIES[call]
    always = set(read(call, least).features)
    tried = [*PROBES, *(body[field] for body in FEATURES_OF[call].values() if field in body)]
    found: set[str] = set()
    for value in tried:
        try:
            found |= set(read(call, {**least, field: value}).features)
        except MalformedRequest:
            continue
    return sorted(found - always)


def table(call: str) -> str:
    """The table of one call's fields, as the page holds it."""
    rows = [
        f"| `{field}` | {', '.join(f'`{name}`' for name in features_of(call, field)) or '—'} |"
        for field in sorted(BY_CALL[call].fields)
    ]
    return "\n".join(["| field | features that it can use |", "| --- | --- |", *rows]) + "\n"


def section(title: str, text: str = PAGE) -> str:
    """What stands below a heading of the third level."""
    found = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.mark.parametrize("call", TITLES)
def test_the_page_holds_each_field_and_its_features(call: str) -> None:
    """Who writes terms sees which field of a request needs which feature; the table is the code's."""
    assert table(call) in section(TITLES[call]), f"put this table into docs/reference/gateway.md:\n{table(call)}"


def test_every_call_has_a_table() -> None:
    """A call that is added to the gateway is added to the page, unless it shares another's fields."""
    shown = {id(BY_CALL[call].fields) for call in TITLES} | {id(BY_CALL["messages"].fields)}

    assert {id(call.fields) for call in CALLS} <= shown


def words(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def test_the_page_holds_the_header_lists() -> None:
    """Each header that passes, ends here or comes back is on the page, and no other."""
    for title, names in (
        ("Towards the provider", {*FORWARDED, *BETAS}),
        ("Ended at the gateway", {*DROPPED, *(f"{prefix}…" for prefix in DROPPED_PREFIXES)}),
        ("Towards the caller", RETURNED),
    ):
        assert words(names) in section(title), f"{title}: {words(names)}"


def test_the_page_holds_each_name_that_a_header_may_list() -> None:
    """Which name in `anthropic-beta` needs which feature is on the page; a name that is not there is refused."""
    rows = [
        f"| `{name}` | {f'`{feature}`' if feature else '—'} |"
        for table in BETAS.values()
        for name, feature in sorted(table.items())
    ]
    expected = "\n".join(["| name | feature |", "| --- | --- |", *rows]) + "\n"

    assert expected in section("Names in `anthropic-beta`"), expected


def test_the_page_holds_each_query_parameter() -> None:
    """Which parameters pass, and with which values."""
    for call in CALLS:
        for name, values in call.query.items():
            assert all(f"`?{name}={value}`" in section("Query parameters") for value in values)


def test_the_page_holds_every_route_and_door() -> None:
    """What is not in the page's table of routes is refused."""
    for call in CALLS:
        route = call.route.replace("{version}", "v1beta").replace("{model}", "<model>")
        assert f"`POST /{call.name}{route}`" in PAGE
    for listed in MODELS:
        assert f"`GET {listed}`" in PAGE
    assert "each with `/<model>` for one of them" in PAGE
    for door in DOORS:
        assert f"`POST {door}`" in PAGE, door


@pytest.mark.parametrize("slug", sorted(STATUS))
def test_every_refusal_is_shown_with_a_real_sentence(slug: str) -> None:
    """Each reason on the page of errors carries an example of what the gateway says."""
    text = section(f"`{slug}`", (DOCS / "errors.md").read_text(encoding="utf-8"))
    assert re.search(r"^> `[a-z_.]+: .+`$", text, flags=re.MULTILINE), slug
