"""Anthropic messages, and what the calls of this protocol share.

Route: `POST /v1/messages`.  Output is bounded by `max_tokens`, which the
protocol requires, or by `thinking.budget_tokens` where that is more.  Input is
the sum of uncached, cache-written and cache-read tokens.  A stream ends with
`event: message_stop`; its usage comes in two parts, input in `message_start` and
the running output in `message_delta`.

A tool that the provider runs states its bound in `max_uses`; those that have no
such member (code execution, tool search, MCP) state none, and are refused.

Sources: the published API reference and the official SDK's parameter types.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from comity.gateway.asked import (
    Asked,
    Field,
    MalformedRequest,
    Query,
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
    stream,
    tier,
    user_content,
    uses,
    whole_number,
)
from comity.gateway.stream import Ending
from comity.gateway.usage import Usage, count, dear, member, unknown_counts

__all__ = [
    "ENDING",
    "FIELDS",
    "MESSAGES",
    "QUERY",
    "SHARED",
    "error_body",
    "read_messages",
    "served",
    "usage",
]

MESSAGES: Final = "/v1/messages"
QUERY: Final[Query] = {"beta": frozenset({"true"})}
"""The official SDK's beta calls carry `?beta=true`; what they ask for stands in headers and body."""
ENDING: Final = Ending(
    lines=(
        b"event: message_stop",
        b"event:message_stop",
        b'data: {"type":"message_stop"',
        b'data: {"type": "message_stop"',
    ),
)
"""How the lines begin at which a client holds a whole stream."""

_CACHE: Final = inside("cache_control", {"type": core, "ttl": core}, "prompt_caching")
_CITED: Final = inside("citations", {"enabled": core}, "citations")


def _thinking(reading: Reading, value: Any) -> None:
    kind = object_of("thinking", value).get("type")
    if kind not in ("enabled", "adaptive", "between_tools", "disabled"):
        reading.strange(f"thinking.type={kind}")
    if kind != "disabled":
        reading.use("reasoning")
        if value.get("display") != "omitted":
            reading.use("reasoning_summary")
    table: dict[str, Field] = {"type": core, "budget_tokens": limit("thinking.budget_tokens"), "display": core}
    read_fields(reading, value, table, "thinking.")


def _max_uses(reading: Reading, value: Any) -> None:
    reading.use("server_tools", whole_number("tools.max_uses", value, least=0))


_TOOL: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "name", "strict", "defer_loading", "allowed_callers"), core),
    "cache_control": _CACHE,
}
_CALLERS: Final[Mapping[str, Field]] = {
    **_TOOL,
    **dict.fromkeys(("description", "max_characters", "eager_input_streaming"), core),
    **dict.fromkeys(("input_schema", "input_examples"), user_content),
}
_PROVIDERS: Final[Mapping[str, Field]] = {
    **_TOOL,
    **dict.fromkeys(("max_content_tokens", "use_cache", "response_inclusion"), core),
    **dict.fromkeys(("allowed_domains", "blocked_domains", "user_location"), user_content),
    "max_uses": _max_uses,
    "citations": _CITED,
}
_CALLERS_KIND: Final = re.compile(r"custom|(bash|text_editor|memory)_\d{8}")
_PROVIDERS_KIND: Final = re.compile(r"(web_search|web_fetch|code_execution)_\d{8}|tool_search_tool_[a-z0-9]+(_\d{8})?")


def _tools(reading: Reading, value: Any) -> None:
    for tool in items("tools", value):
        reading.tools += 1
        kind = str(tool.get("type") or "custom")
        if _CALLERS_KIND.fullmatch(kind):
            reading.use("tools")
            read_fields(reading, tool, _CALLERS, "tools.")
        elif _PROVIDERS_KIND.fullmatch(kind):
            reading.use("server_tools", 0)
            if tool.get("max_uses") is None or not kind.startswith("web_"):
                reading.use_unbounded("server_tools")
            read_fields(reading, tool, _PROVIDERS, "tools.")
        else:
            reading.strange(f"tools.type={kind}")


def _output(reading: Reading, value: Any) -> None:
    table: dict[str, Field] = {"effort": uses("reasoning"), "format": uses("structured_output")}
    read_fields(reading, object_of("output_config", value), table, "output_config.")


def _container(reading: Reading, value: Any) -> None:
    reading.use("file_ids")
    if not isinstance(value, str):
        read_fields(reading, object_of("container", value), {"id": core}, "container.")


_SOURCE: Final = dict.fromkeys(("type", "data", "media_type", "url", "file_id", "content"), core)


def _source(where: str) -> Field:
    def read(reading: Reading, value: Any) -> None:
        match kind := object_of(where, value).get("type"):
            case "base64" | "text":
                pass
            case "url":
                reading.use("urls")
            case "file":
                reading.use("file_ids")
            case "content":
                _content(reading, value.get("content"), where)
            case _:
                reading.strange(f"{where}.type={kind}")
        read_fields(reading, value, _SOURCE, f"{where}.")

    return read


_CALLER: Final = inside("caller", {"type": core, "tool_id": core})
_USED: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "id", "name"), core),
    "input": user_content,
    "caller": _CALLER,
    "cache_control": _CACHE,
}
_RESULT: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "tool_use_id", "is_error"), core),
    "content": user_content,
    "caller": _CALLER,
    "cache_control": _CACHE,
}
_BLOCKS: Final[Mapping[str, tuple[str | None, Mapping[str, Field]]]] = {
    "text": (None, {"type": core, "text": core, "cache_control": _CACHE, "citations": uses("citations")}),
    "image": ("images", {"type": core, "source": _source("image.source"), "cache_control": _CACHE}),
    "document": (
        "files",
        {
            **dict.fromkeys(("type", "title", "context"), core),
            "source": _source("document.source"),
            "citations": _CITED,
            "cache_control": _CACHE,
        },
    ),
    "search_result": (
        "files",
        {
            **dict.fromkeys(("type", "title", "source"), core),
            "content": lambda reading, value: _content(reading, value, "search_result"),
            "citations": _CITED,
            "cache_control": _CACHE,
        },
    ),
    "tool_use": ("tools", _USED),
    "tool_result": ("tools", {**_RESULT, "content": lambda reading, value: _content(reading, value, "tool_result")}),
    "thinking": ("reasoning", dict.fromkeys(("type", "thinking", "signature"), core)),
    "redacted_thinking": ("reasoning", {"type": core, "data": core}),
    "container_upload": ("file_ids", {"type": core, "file_id": core, "cache_control": _CACHE}),
}
"""Block → the feature that it uses, and its members."""
_HISTORY: Final[Mapping[str, tuple[str, Mapping[str, Field]]]] = {
    "server_tool_use": ("server_tools", _USED),
    **dict.fromkeys(
        (
            "web_search_tool_result",
            "web_fetch_tool_result",
            "code_execution_tool_result",
            "bash_code_execution_tool_result",
            "text_editor_code_execution_tool_result",
            "tool_search_tool_result",
        ),
        ("server_tools", _RESULT),
    ),
    "mcp_tool_use": ("mcp", {**_USED, "server_name": core}),
    "mcp_tool_result": ("mcp", _RESULT),
}
"""Blocks that an earlier answer held: what the provider's tools did then, and no use of them now."""


def _content(reading: Reading, content: Any, where: str) -> None:
    if isinstance(content, str):
        return
    for block in items(where, content):
        kind = block.get("type")
        if isinstance(kind, str) and kind in _BLOCKS:
            feature, table = _BLOCKS[kind]
            if feature is not None:
                reading.use(feature)
            read_fields(reading, block, table, f"{where}.{kind}.")
        elif isinstance(kind, str) and kind in _HISTORY:
            feature, table = _HISTORY[kind]
            reading.use(feature, 0)
            read_fields(reading, block, table, f"{where}.{kind}.")
        else:
            reading.strange(f"{where}.type={kind}")


def _system(reading: Reading, value: Any) -> None:
    reading.use("system_prompt")
    _content(reading, value, "system")


def _message_content(reading: Reading, value: Any) -> None:
    _content(reading, value, "messages.content")


def _messages(reading: Reading, value: Any) -> None:
    messages = items("messages", value)
    reading.messages = len(messages)
    for message in messages:
        read_fields(reading, message, {"role": core, "content": _message_content}, "messages.")
        match message.get("role"):
            case "system":
                reading.use("system_prompt")
            case "user" | "assistant":
                pass
            case role:
                reading.strange(f"messages.role={role}")
    if messages and messages[-1].get("role") == "assistant":
        reading.use("prefill")


SHARED: Final[Mapping[str, Field]] = {
    "model": core,
    "messages": _messages,
    "system": _system,
    "thinking": _thinking,
    "output_config": _output,
    "tools": _tools,
    "tool_choice": inside("tool_choice", dict.fromkeys(("type", "name", "disable_parallel_tool_use"), core), "tools"),
    "cache_control": _CACHE,
    "speed": tier("speed"),
    "mcp_servers": lambda reading, value: reading.use_unbounded("mcp"),
}
"""Fields that a request to count tokens has too."""

FIELDS: Final[Mapping[str, Field]] = {
    **SHARED,
    "stream": stream,
    "max_tokens": limit("max_tokens"),
    "temperature": uses("sampling"),
    "top_p": uses("sampling"),
    "top_k": uses("sampling"),
    "stop_sequences": uses("stop"),
    "metadata": inside("metadata", {"user_id": uses("user_tag")}, "metadata"),
    "service_tier": tier("service_tier"),
    "container": _container,
}
"""Every field of a message request that this gateway knows, and what it uses of the terms."""


def read_messages(path: str, query: str, body: bytes) -> Asked:
    """Read a message request; raises `MalformedRequest`."""
    reading, members = Reading(), read_body(body)
    model = read_model(members.get("model"))
    if not members.get("messages"):
        raise MalformedRequest("messages: expected a list with at least one message")
    if members.get("max_tokens") is None:
        raise MalformedRequest("max_tokens: expected an integer from 1, found none")
    read_fields(reading, members, FIELDS)
    target = path + read_query(reading, query, QUERY)
    return reading.asked(protocol="anthropic", route=MESSAGES, target=target, model=model, body=body)


def served(event: Mapping[str, Any]) -> str | None:
    """The model that an answer or a stream's event names, if it names one."""
    name = event.get("model") or member(event, "message").get("model")
    return name if isinstance(name, str) and name else None


_USAGE: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")),
    "cache_creation": {"ephemeral_5m_input_tokens": None, "ephemeral_1h_input_tokens": None},
    "output_tokens_details": {"thinking_tokens": None},
}


def usage(event: Mapping[str, Any]) -> Usage | None:
    """The usage that an answer or a stream's event states, if it states one."""
    fields = member(event, "usage") or member(member(event, "message"), "usage")
    if not fields:
        return None
    uncached = count(fields, "input_tokens")
    written, read = count(fields, "cache_creation_input_tokens"), count(fields, "cache_read_input_tokens")
    return Usage(
        input_tokens=None if uncached is None else uncached + (written or 0) + (read or 0),
        output_tokens=count(fields, "output_tokens"),
        cached_read=read,
        cache_write=written,
        unpriced=unknown_counts(fields, _USAGE) or dear(fields.get("service_tier")) or dear(fields.get("speed")),
    )


def error_body(status: int, slug: str, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """A refusal in the shape that the Anthropic SDK reads, with our members beside it."""
    kind = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"}.get(status, "api_error")
    kind = {404: "not_found_error", 429: "rate_limit_error"}.get(status, kind)
    return {"type": "error", "error": {"type": kind, "message": f"{message} [{slug}]"}, "comity": dict(more)}
