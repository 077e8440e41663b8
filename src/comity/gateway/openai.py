"""The OpenAI protocol: chat completions, as a table from request fields to features.

Routes: `POST /v1/chat/completions`, `GET /v1/models`.  Output is bounded by the
larger of `max_tokens` and `max_completion_tokens`, times `n`.  A stream ends
with `data: [DONE]`; usage stands in its last chunks when the caller asks for
`stream_options.include_usage`, else the call is settled at its reservation.

Sources: the published API reference and the official SDK's parameter types.
"""

from collections.abc import Mapping
from typing import Any, Final

from comity.gateway.asked import (
    MAX_CANDIDATES,
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

__all__ = ["CHAT", "FIELDS", "TERMINAL", "error_body", "read_chat", "served", "usage"]

CHAT: Final = "/v1/chat/completions"
TERMINAL: Final = (b"data: [DONE]", b"data:[DONE]")
"""How the lines begin after which a client holds a whole stream; the SDK looks no further either."""


def _limit(name: str) -> Field:
    def read(reading: Reading, value: Any) -> None:
        reading.limit(name, value)

    return read


def _flagged(feature: str) -> Field:
    def read(reading: Reading, value: Any) -> None:
        if value is not False:
            reading.use(feature)

    return read


def _stream_options(reading: Reading, value: Any) -> None:
    if not isinstance(value, dict):
        raise MalformedRequest("stream_options: expected an object")
    table: dict[str, Field] = {"include_usage": _flagged("stream_usage"), "include_obfuscation": core}
    read_fields(reading, value, table, "stream_options.")


def _candidates(reading: Reading, value: Any) -> None:
    if type(value) is not int or not 1 <= value <= MAX_CANDIDATES:
        raise MalformedRequest(f"n: expected an integer from 1 to {MAX_CANDIDATES}, got {str(value)[:40]!r}")
    reading.candidates = value
    if value > 1:
        reading.use("n")


_FUNCTION: Final[Mapping[str, Field]] = dict.fromkeys(("name", "description", "parameters", "strict"), core)
_TOOL: Final[Mapping[str, Field]] = {"type": core, "function": inside("tools.function", _FUNCTION), **_FUNCTION}


def _tools(reading: Reading, value: Any) -> None:
    if not isinstance(value, list):
        raise MalformedRequest("tools: expected a list")
    reading.tools += len(value)
    reading.use("tools")
    for tool in value:
        if not isinstance(tool, dict):
            raise MalformedRequest("tools: expected each tool to be an object")
        if tool.get("type", "function") == "function":
            read_fields(reading, tool, _TOOL, "tools.")
        else:
            reading.outside("server_tools")


def _logprobs(reading: Reading, value: Any) -> None:
    if value is not False and value != 0:
        reading.use("logprobs")


def _store(reading: Reading, value: Any) -> None:
    if value is not False:
        reading.outside("stored_state")


def _format(reading: Reading, value: Any) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise MalformedRequest("response_format: expected an object with a type")
    read_fields(reading, value, {"type": core, "json_schema": core}, "response_format.")
    if value["type"] != "text":
        reading.use("structured_output")


_PARTS: Final = {"image_url": "images", "input_audio": "audio", "file": "files"}
_MESSAGE: Final[Mapping[str, Field]] = {
    "role": core,
    "content": core,
    "name": core,
    "refusal": core,
    "tool_calls": uses("tools"),
    "tool_call_id": uses("tools"),
    "function_call": uses("tools"),
}


def _content(reading: Reading, content: Any) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise MalformedRequest("messages: expected content to be a text or a list of parts")
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "refusal"):
            read_fields(reading, part, {"type": core, "text": core, "refusal": core}, "messages.content.")
        elif isinstance(kind, str) and kind in _PARTS:
            reading.outside(_PARTS[kind])
        else:
            reading.strange(f"messages.content.type={kind}")


def _messages(reading: Reading, value: Any) -> None:
    if not isinstance(value, list) or not value:
        raise MalformedRequest("messages: expected a list with at least one message")
    for message in value:
        if not isinstance(message, dict):
            raise MalformedRequest("messages: expected each message to be an object")
        read_fields(reading, message, _MESSAGE, "messages.")
        match message.get("role"):
            case "system" | "developer":
                reading.use("system_prompt")
            case "tool" | "function":
                reading.use("tools")
            case "user" | "assistant":
                pass
            case role:
                reading.strange(f"messages.role={role}")
        _content(reading, message.get("content"))
    if value[-1].get("role") == "assistant":
        reading.use("prefill")


FIELDS: Final[Mapping[str, Field]] = {
    "model": core,
    "messages": _messages,
    "stream": stream,
    "stream_options": _stream_options,
    "max_tokens": _limit("max_tokens"),
    "max_completion_tokens": _limit("max_completion_tokens"),
    "n": _candidates,
    "temperature": uses("sampling"),
    "top_p": uses("sampling"),
    "frequency_penalty": uses("penalties"),
    "presence_penalty": uses("penalties"),
    "logit_bias": uses("penalties"),
    "seed": uses("seed"),
    "stop": uses("stop"),
    "logprobs": _logprobs,
    "top_logprobs": _logprobs,
    "response_format": _format,
    "tools": _tools,
    "functions": _tools,
    "tool_choice": uses("tools"),
    "function_call": uses("tools"),
    "parallel_tool_calls": uses("tools"),
    "reasoning_effort": uses("reasoning"),
    "user": uses("user_tag"),
    "safety_identifier": uses("user_tag"),
    "metadata": uses("metadata"),
    "service_tier": uses("service_tier"),
    "store": _store,
    "prompt_cache_key": uses("prompt_caching"),
    "prompt_cache_retention": uses("prompt_caching"),
    "modalities": uses("audio"),
    "audio": outside("audio"),
    "web_search_options": outside("server_tools"),
}
"""Every field of a chat completion that this gateway knows, and what it uses of the terms."""


def read_chat(body: bytes) -> Asked:
    """Read a chat completion; raises `MalformedRequest`."""
    return read_call(body, FIELDS, protocol="openai", route=CHAT)


def served(event: Mapping[str, Any]) -> str | None:
    """The model that an answer or a stream's event names, if it names one."""
    name = event.get("model")
    return name if isinstance(name, str) and name else None


def usage(event: Mapping[str, Any]) -> Usage | None:
    """The usage that an answer or a stream's event states, if it states one."""
    fields = member(event, "usage")
    spent_in, spent_out = count(fields, "prompt_tokens"), count(fields, "completion_tokens")
    if spent_in is None or spent_out is None:
        return None
    return Usage(input_tokens=spent_in, output_tokens=spent_out)


def error_body(status: int, slug: str, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """A refusal in the shape that the OpenAI SDK reads, with our members beside it."""
    kind = "invalid_request_error" if status < 500 else "api_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": slug}, "comity": dict(more)}
