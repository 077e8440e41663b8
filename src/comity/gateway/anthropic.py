"""The Anthropic protocol: messages, as a table from request fields to features.

Route: `POST /v1/messages`.  Output is bounded by `max_tokens`, which the
protocol requires.  Input is the sum of uncached, cache-written and cache-read
tokens.  A stream ends with `event: message_stop`; its usage comes in two parts,
input in `message_start` and the running output in `message_delta`.

Sources: the published API reference and the official SDK's parameter types.
"""

from collections.abc import Mapping
from typing import Any, Final

from comity.gateway.asked import (
    Asked,
    Field,
    MalformedRequest,
    Reading,
    core,
    inside,
    outside,
    read_call,
    read_fields,
    stream,
    uses,
)
from comity.gateway.usage import Usage, count, member

__all__ = ["FIELDS", "MESSAGES", "TERMINAL", "error_body", "read_messages", "served", "usage"]

MESSAGES: Final = "/v1/messages"
TERMINAL: Final = (
    b"event: message_stop",
    b"event:message_stop",
    b'data: {"type":"message_stop"',
    b'data: {"type": "message_stop"',
)
"""How the lines begin at which a client holds a whole stream."""


def _thinking(reading: Reading, value: Any) -> None:
    if not isinstance(value, dict) or value.get("type") != "disabled":
        reading.use("reasoning")
    if isinstance(value, dict):
        read_fields(reading, value, {"type": core, "budget_tokens": core, "display": core}, "thinking.")


_CACHE: Final = inside("cache_control", {"type": core, "ttl": core}, "prompt_caching")
_TOOL: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("type", "name", "description", "input_schema", "strict", "input_examples"), core),
    "cache_control": _CACHE,
}


def _tools(reading: Reading, value: Any) -> None:
    if not isinstance(value, list):
        raise MalformedRequest("tools: expected a list")
    reading.tools += len(value)
    if value:
        reading.use("tools")
    for tool in value:
        if not isinstance(tool, dict):
            raise MalformedRequest("tools: expected each tool to be an object")
        if tool.get("type", "custom") == "custom":
            read_fields(reading, tool, _TOOL, "tools.")
        else:
            reading.outside("server_tools")


def _output(reading: Reading, value: Any) -> None:
    if not isinstance(value, dict):
        raise MalformedRequest("output_config: expected an object")
    table: dict[str, Field] = {"effort": uses("reasoning"), "format": uses("structured_output")}
    read_fields(reading, value, table, "output_config.")


_BLOCK: Final[Mapping[str, Mapping[str, Field]]] = {
    "text": {
        "type": core,
        "text": core,
        "cache_control": _CACHE,
        "citations": uses("citations"),
    },
    "tool_use": {
        **{name: uses("tools") for name in ("type", "id", "name", "input")},
        "cache_control": _CACHE,
    },
    "tool_result": {
        **{name: uses("tools") for name in ("type", "tool_use_id", "content", "is_error")},
        "cache_control": _CACHE,
    },
    "thinking": {name: uses("reasoning") for name in ("type", "thinking", "signature")},
    "redacted_thinking": {name: uses("reasoning") for name in ("type", "data")},
}
_OUTSIDE: Final = {
    "image": "images",
    "document": "files",
    "container_upload": "files",
    "search_result": "files",
}


def _content(reading: Reading, content: Any, where: str) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise MalformedRequest(f"{where}: expected content to be a text or a list of blocks")
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if isinstance(kind, str) and kind in _BLOCK:
            read_fields(reading, block, _BLOCK[kind], f"{where}.{kind}.")
            if kind == "tool_result" and block.get("content") is not None:
                _content(reading, block["content"], where)
        elif isinstance(kind, str) and kind in _OUTSIDE:
            reading.outside(_OUTSIDE[kind])
        else:
            reading.strange(f"{where}.type={kind}")


def _system(reading: Reading, value: Any) -> None:
    reading.use("system_prompt")
    _content(reading, value, "system")


def _messages(reading: Reading, value: Any) -> None:
    if not isinstance(value, list) or not value:
        raise MalformedRequest("messages: expected a list with at least one message")
    for message in value:
        if not isinstance(message, dict):
            raise MalformedRequest("messages: expected each message to be an object")
        read_fields(reading, message, {"role": core, "content": core}, "messages.")
        if message.get("role") not in ("user", "assistant"):
            reading.strange(f"messages.role={message.get('role')}")
        _content(reading, message.get("content"), "messages.content")
    if value[-1].get("role") == "assistant":
        reading.use("prefill")


FIELDS: Final[Mapping[str, Field]] = {
    "model": core,
    "messages": _messages,
    "system": _system,
    "stream": stream,
    "max_tokens": lambda reading, value: reading.limit("max_tokens", value),
    "temperature": uses("sampling"),
    "top_p": uses("sampling"),
    "top_k": uses("sampling"),
    "stop_sequences": uses("stop"),
    "thinking": _thinking,
    "output_config": _output,
    "tools": _tools,
    "tool_choice": inside("tool_choice", dict.fromkeys(("type", "name", "disable_parallel_tool_use"), core), "tools"),
    "metadata": inside("metadata", {"user_id": uses("user_tag")}, "metadata"),
    "service_tier": uses("service_tier"),
    "cache_control": _CACHE,
    "container": outside("server_tools"),
    "mcp_servers": outside("server_tools"),
}
"""Every field of a message request that this gateway knows, and what it uses of the terms."""


def read_messages(body: bytes) -> Asked:
    """Read a message request; raises `MalformedRequest`."""
    asked = read_call(body, FIELDS, protocol="anthropic", route=MESSAGES)
    if asked.output_limit is None:
        raise MalformedRequest("max_tokens: expected an integer from 1, found none")
    return asked


def served(event: Mapping[str, Any]) -> str | None:
    """The model that an answer or a stream's event names, if it names one."""
    name = event.get("model") or member(event, "message").get("model")
    return name if isinstance(name, str) and name else None


def usage(event: Mapping[str, Any]) -> Usage | None:
    """The usage that an answer or a stream's event states, if it states one."""
    fields = member(event, "usage") or member(member(event, "message"), "usage")
    if not fields:
        return None
    uncached = count(fields, "input_tokens")
    cached = (count(fields, "cache_creation_input_tokens") or 0) + (count(fields, "cache_read_input_tokens") or 0)
    return Usage(
        input_tokens=None if uncached is None else uncached + cached,
        output_tokens=count(fields, "output_tokens"),
    )


def error_body(status: int, slug: str, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """A refusal in the shape that the Anthropic SDK reads, with our members beside it."""
    kind = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"}.get(status, "api_error")
    kind = {404: "not_found_error", 429: "rate_limit_error"}.get(status, kind)
    return {"type": "error", "error": {"type": kind, "message": f"{message} [{slug}]"}, "comity": dict(more)}
