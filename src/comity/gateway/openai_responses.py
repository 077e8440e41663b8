"""OpenAI responses: items in, items out.

Route: `POST /v1/responses`.  Output is bounded by `max_output_tokens`, hidden
reasoning included.  The provider keeps the exchange unless the request says
`store: false`.  Tools that the provider runs are bounded by `max_tool_calls`,
which counts all of them together.  A stream ends with the event that holds the
whole response: `response.completed`, `response.incomplete` or `response.failed`;
its figures stand there.

An item that only names what the provider has stored (a reference, or reasoning
without its content) is an earlier answer.

Known and refused all the same, because no reservation bounds them:
`context_management` and compaction (the provider rewrites what is read),
`reasoning.mode`, `moderation`, tools that make pictures or use a computer, and
programs of the provider.

Sources: the published API reference and the official SDK's parameter types.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from comity.gateway.asked import (
    Asked,
    Field,
    MalformedRequest,
    Reading,
    core,
    inside,
    items,
    limit,
    object_of,
    read_body,
    read_fields,
    read_model,
    read_query,
    user_content,
    uses,
    whole_number,
)
from comity.gateway.openai import FIELDS as CHAT_FIELDS
from comity.gateway.openai import QUERY, SHARED, cache_breakpoint
from comity.gateway.stream import Ending
from comity.gateway.usage import Usage, count, dear, member, unknown_counts

__all__ = ["ENDING", "FIELDS", "RESPONSES", "read_response", "served", "usage"]

RESPONSES: Final = "/v1/responses"
_ENDS: Final = ("response.completed", "response.incomplete", "response.failed")
ENDING: Final = Ending(
    lines=tuple(f"event:{space}{name}".encode() for name in _ENDS for space in (" ", "")),
    event=lambda event: event.get("type") in _ENDS,
    marks=tuple(name.encode() for name in _ENDS),
)


def _image(reading: Reading, part: Mapping[str, Any], where: str) -> None:
    reading.use("images")
    if part.get("file_id") is not None:
        reading.use("file_ids")
    address = part.get("image_url")
    if address is not None and not str(address).startswith("data:"):
        reading.use("urls")
    table = dict.fromkeys(("type", "image_url", "file_id", "detail"), core)
    read_fields(reading, part, {**table, "prompt_cache_breakpoint": cache_breakpoint}, where)


_TEXT: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "text", "refusal"), core),
    **dict.fromkeys(("annotations", "logprobs"), user_content),
    "prompt_cache_breakpoint": cache_breakpoint,
}
_FILE: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "file_data", "filename", "detail"), core),
    "file_id": uses("file_ids"),
    "file_url": uses("urls"),
    "prompt_cache_breakpoint": cache_breakpoint,
}
_AUDIO: Final[Mapping[str, Field]] = {
    "type": core,
    "input_audio": inside("input.input_audio", {"data": core, "format": core}),
}


def _content(reading: Reading, content: Any) -> None:
    if isinstance(content, str):
        return
    for part in items("input.content", content):
        match kind := part.get("type"):
            case "input_text" | "output_text" | "refusal":
                read_fields(reading, part, _TEXT, "input.content.")
            case "input_image":
                _image(reading, part, "input.content.")
            case "input_file":
                reading.use("files")
                read_fields(reading, part, _FILE, "input.content.")
            case "input_audio":
                reading.use("audio")
                read_fields(reading, part, _AUDIO, "input.content.")
            case _:
                reading.strange(f"input.content.type={kind}")


_MESSAGE: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "role", "id", "status", "phase"), core),
    "content": _content,
}
_CALL: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "id", "call_id", "name", "status", "input", "arguments", "namespace"), core),
    **dict.fromkeys(("action", "operation"), user_content),
    "caller": inside("input.caller", {"type": core, "caller_id": core}),
}
_OUTPUT: Final[Mapping[str, Field]] = {**_CALL, "output": _content}
_REASONING: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "id", "status", "encrypted_content"), core),
    "summary": user_content,
    "content": uses("reasoning_raw"),
}
_PAST: Final[Mapping[str, Field]] = {
    **dict.fromkeys(
        ("type", "id", "status", "name", "server_label", "approval_request_id", "approve", "reason", "error", "code"),
        core,
    ),
    **dict.fromkeys(("arguments", "output", "outputs", "results", "queries", "action", "tools"), user_content),
    "container_id": uses("file_ids"),
}
_ITEMS: Final[Mapping[str, tuple[str, int, Mapping[str, Field]]]] = {
    **dict.fromkeys(("function_call", "custom_tool_call", "local_shell_call", "apply_patch_call"), ("tools", 1, _CALL)),
    **dict.fromkeys(
        ("function_call_output", "custom_tool_call_output", "local_shell_call_output", "apply_patch_call_output"),
        ("tools", 1, _OUTPUT),
    ),
    "item_reference": ("earlier_answers", 1, {"type": core, "id": core}),
    "reasoning": ("reasoning", 1, _REASONING),
    **dict.fromkeys(("web_search_call", "file_search_call", "code_interpreter_call"), ("server_tools", 0, _PAST)),
    **dict.fromkeys(("mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"), ("mcp", 0, _PAST)),
}
"""Item → the feature that it uses, how many of its items, and its members; what the provider's tools did is no use."""


def _input(reading: Reading, value: Any) -> None:
    if isinstance(value, str):
        reading.messages += 1
        return
    entries = items("input", value)
    reading.messages += len(entries)
    for item in entries:
        kind = item.get("type")
        if kind is None and item.keys() <= {"type", "id"}:
            reading.use("earlier_answers")
        elif kind is None or kind == "message":
            _message(reading, item)
        elif isinstance(kind, str) and kind in _ITEMS:
            feature, uses_of_it, table = _ITEMS[kind]
            reading.use(feature, uses_of_it)
            read_fields(reading, item, table, f"input.{kind}.")
            if kind == "reasoning" and not item.get("encrypted_content") and not item.get("content"):
                reading.use("earlier_answers")
        else:
            reading.strange(f"input.type={kind}")
    if entries and entries[-1].get("role") == "assistant":
        reading.use("prefill")


def _message(reading: Reading, item: Mapping[str, Any]) -> None:
    read_fields(reading, item, _MESSAGE, "input.")
    match role := item.get("role"):
        case "system" | "developer":
            reading.use("system_prompt")
        case "user" | "assistant":
            pass
        case _:
            reading.strange(f"input.role={role}")


_CALLERS_TOOL: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "name", "description", "strict"), core),
    **dict.fromkeys(("parameters", "format", "output_schema"), user_content),
}


def _vector_stores(reading: Reading, value: Any) -> None:
    reading.use("file_ids", len(value) if isinstance(value, list) else 1)


def _container(reading: Reading, value: Any) -> None:
    if isinstance(value, str):
        reading.use("file_ids")
        return
    table: dict[str, Field] = {"type": core, "memory_limit": core, "file_ids": _vector_stores}
    read_fields(reading, object_of("tools.container", value), table, "tools.container.")


_PROVIDERS_TOOL: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "search_context_size", "max_num_results", "external_web_access"), core),
    **dict.fromkeys(("filters", "user_location", "ranking_options"), user_content),
    "vector_store_ids": _vector_stores,
    "container": _container,
}
_MCP_TOOL: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "server_label", "server_description", "server_url", "connector_id"), core),
    **dict.fromkeys(("authorization", "headers", "allowed_tools", "require_approval"), user_content),
}
_CALLERS_KIND: Final = re.compile("function|custom|local_shell|apply_patch")
_PROVIDERS_KIND: Final = re.compile(r"web_search(_preview)?(_\d{4}_\d{2}_\d{2})?|file_search|code_interpreter")


def _tools(reading: Reading, value: Any) -> None:
    for tool in items("tools", value):
        reading.tools += 1
        kind = str(tool.get("type"))
        if _CALLERS_KIND.fullmatch(kind):
            reading.use("tools")
            read_fields(reading, tool, _CALLERS_TOOL, "tools.")
        elif _PROVIDERS_KIND.fullmatch(kind):
            reading.use("server_tools", 0)
            read_fields(reading, tool, _PROVIDERS_TOOL, "tools.")
        elif kind == "mcp":
            reading.use("mcp", 0)
            read_fields(reading, tool, _MCP_TOOL, "tools.")
        else:
            reading.strange(f"tools.type={kind}")


_RUNS: Final = {"server_tools": _PROVIDERS_KIND, "mcp": re.compile("mcp")}


def _bound_tools(reading: Reading, members: Mapping[str, Any]) -> None:
    """Count the uses of the tools that the provider may run now: one bound holds for all of them."""
    most = members.get("max_tool_calls")
    kinds = [str(tool.get("type")) for tool in members.get("tools") or ()]
    for feature, runs in _RUNS.items():
        if any(map(runs.fullmatch, kinds)):
            if most is None:
                reading.use_unbounded(feature)
            else:
                reading.use_most(feature, whole_number("max_tool_calls", most, least=0))


_INCLUDED: Final[Mapping[str, Field]] = {
    "reasoning.encrypted_content": uses("reasoning_raw"),
    "message.output_text.logprobs": lambda reading, value: reading.use_most("logprobs", 0),
    "message.input_image.image_url": core,
    **dict.fromkeys(
        (
            "web_search_call.results",
            "web_search_call.action.sources",
            "file_search_call.results",
            "code_interpreter_call.outputs",
        ),
        lambda reading, value: reading.use("server_tools", 0),
    ),
}


def _include(reading: Reading, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MalformedRequest("include: expected a list of names")
    read_fields(reading, dict.fromkeys(value, True), _INCLUDED, "include=")


def _text(reading: Reading, value: Any) -> None:
    read_fields(reading, object_of("text", value), {"format": _format, "verbosity": core}, "text.")


def _format(reading: Reading, value: Any) -> None:
    table: dict[str, Field] = dict.fromkeys(("type", "name", "description", "strict"), core)
    read_fields(reading, object_of("text.format", value), {**table, "schema": user_content}, "text.format.")
    if value.get("type") != "text":
        reading.use("structured_output")


def _background(reading: Reading, value: Any) -> None:
    if value is not False:
        reading.never.add("background")


_SUMMARY: Final = uses("reasoning_summary")
_AS_IN_CHAT: Final = (
    "tool_choice parallel_tool_calls top_logprobs metadata service_tier safety_identifier prompt_cache_key "
    "prompt_cache_retention prompt_cache_options"
).split()

FIELDS: Final[Mapping[str, Field]] = {
    **SHARED,
    **{name: CHAT_FIELDS[name] for name in _AS_IN_CHAT},
    "input": _input,
    "instructions": uses("system_prompt"),
    "max_output_tokens": limit("max_output_tokens"),
    "max_tool_calls": core,
    "previous_response_id": uses("earlier_answers"),
    "conversation": uses("earlier_answers"),
    "prompt": uses("stored_prompts"),
    "store": core,
    "background": _background,
    "stream_options": inside("stream_options", {"include_obfuscation": core}),
    "include": _include,
    "reasoning": inside("reasoning", {"effort": core, "summary": _SUMMARY, "generate_summary": _SUMMARY}, "reasoning"),
    "text": _text,
    "tools": _tools,
    "truncation": core,
}
"""Every field of a request for a response that this gateway knows, and what it uses of the terms."""


def read_response(path: str, query: str, body: bytes) -> Asked:
    """Read a request for a response; raises `MalformedRequest`."""
    reading, members = Reading(), read_body(body)
    model = read_model(members.get("model"))
    read_fields(reading, members, FIELDS)
    _bound_tools(reading, members)
    if members.get("store") is not False:
        reading.use("stored_state")
        reading.keeps = True
    target = path + read_query(reading, query, QUERY)
    return reading.asked(protocol="openai", route=RESPONSES, target=target, model=model, body=body)


def served(event: Mapping[str, Any]) -> str | None:
    """The model that an answer or a stream's event names, if it names one."""
    name = event.get("model") or member(event, "response").get("model")
    return name if isinstance(name, str) and name else None


_USAGE: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("input_tokens", "output_tokens", "total_tokens")),
    "input_tokens_details": dict.fromkeys(("cached_tokens", "cache_write_tokens", "cache_write_tokens_details")),
    "output_tokens_details": {"reasoning_tokens": None},
}


def usage(event: Mapping[str, Any]) -> Usage | None:
    """The usage that an answer or a stream's event states, if it states one."""
    answer = event if "usage" in event else member(event, "response")
    fields = member(answer, "usage")
    spent_in, spent_out = count(fields, "input_tokens"), count(fields, "output_tokens")
    if spent_in is None or spent_out is None:
        return None
    details = member(fields, "input_tokens_details")
    return Usage(
        input_tokens=spent_in,
        output_tokens=max(spent_out, (count(fields, "total_tokens") or 0) - spent_in),
        cached_read=count(details, "cached_tokens"),
        cache_write=count(details, "cache_write_tokens"),
        unpriced=unknown_counts(fields, _USAGE)
        or unknown_counts(member(answer, "tool_usage"), {})
        or dear(answer.get("service_tier")),
    )
