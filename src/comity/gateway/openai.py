"""OpenAI chat completions, and what the calls of this protocol share.

Route: `POST /v1/chat/completions`.  Output is bounded by the larger of
`max_tokens` and `max_completion_tokens`, times `n`.  A stream ends with
`data: [DONE]`; usage stands in its last chunks when the caller asks for
`stream_options.include_usage`, else the call is settled at its reservation.

Known and refused all the same, because no reservation bounds them: `prediction`
(rejected tokens are charged beyond the output limit), `moderation` (a second
model), an earlier answer's `audio`.

Sources: the published API reference and the official SDK's parameter types.
"""

from collections.abc import Mapping
from typing import Any, Final

from comity.gateway.asked import (
    Asked,
    Field,
    MalformedRequest,
    Query,
    Reading,
    candidates,
    core,
    flagged,
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
    "CHAT",
    "ENDING",
    "FIELDS",
    "QUERY",
    "SHARED",
    "cache_breakpoint",
    "error_body",
    "read_chat",
    "served",
    "usage",
]

CHAT: Final = "/v1/chat/completions"
QUERY: Final[Query] = {}
ENDING: Final = Ending(lines=(b"data: [DONE]", b"data:[DONE]"))
"""How the lines begin after which a client holds a whole stream; the SDK looks no further either."""

cache_breakpoint: Final = inside("prompt_cache_breakpoint", {"mode": core, "ttl": core}, "prompt_caching")
_CACHE_OPTIONS: Final = inside("prompt_cache_options", {"mode": core, "ttl": core}, "prompt_caching")


def _stream_options(reading: Reading, value: Any) -> None:
    table: dict[str, Field] = {"include_usage": flagged("stream_usage"), "include_obfuscation": core}
    read_fields(reading, object_of("stream_options", value), table, "stream_options.")


_FUNCTION: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("name", "description", "strict"), core),
    "parameters": user_content,
}
_CUSTOM: Final = inside("tools.custom", {"name": core, "description": core, "format": user_content})
_TOOLS: Final[Mapping[str, Mapping[str, Field]]] = {
    "function": {"type": core, "function": inside("tools.function", _FUNCTION), **_FUNCTION},
    "custom": {"type": core, "custom": _CUSTOM},
}


def _tools(reading: Reading, value: Any) -> None:
    for tool in items("tools", value):
        reading.tools += 1
        kind = tool.get("type", "function")
        if isinstance(kind, str) and kind in _TOOLS:
            reading.use("tools")
            read_fields(reading, tool, _TOOLS[kind], "tools.")
        else:
            reading.strange(f"tools.type={kind}")


def _logprobs(reading: Reading, value: Any) -> None:
    if value is not False:
        reading.use_most("logprobs", 0)


def _top_logprobs(reading: Reading, value: Any) -> None:
    if alternatives := whole_number("top_logprobs", value, least=0):
        reading.use_most("logprobs", alternatives)


def _store(reading: Reading, value: Any) -> None:
    if value is not False:
        reading.use("stored_state")
        reading.keeps = True


def _format(reading: Reading, value: Any) -> None:
    if not isinstance(object_of("response_format", value).get("type"), str):
        raise MalformedRequest("response_format: expected an object with a type")
    read_fields(reading, value, {"type": core, "json_schema": user_content}, "response_format.")
    if value["type"] != "text":
        reading.use("structured_output")


def _modalities(reading: Reading, value: Any) -> None:
    if not isinstance(value, list):
        raise MalformedRequest("modalities: expected a list")
    for modality in value:
        if modality == "audio":
            reading.use_unbounded("audio")
        elif modality != "text":
            reading.strange(f"modalities={modality}")


def _image(reading: Reading, value: Any) -> None:
    reading.use("images")
    image = object_of("messages.content.image_url", value)
    read_fields(reading, image, {"url": core, "detail": core}, "messages.content.image_url.")
    if not str(image.get("url", "")).startswith("data:"):
        reading.use("urls")


def _file(reading: Reading, value: Any) -> None:
    reading.use("files")
    table: dict[str, Field] = {"file_data": core, "filename": core, "file_id": uses("file_ids")}
    read_fields(reading, object_of("messages.content.file", value), table, "messages.content.file.")


_AUDIO: Final = inside("messages.content.input_audio", {"data": core, "format": core}, "audio")
_PART: Final[Mapping[str, Field]] = {
    "text": core,
    "refusal": core,
    "image_url": _image,
    "input_audio": _AUDIO,
    "file": _file,
}
_PARTS: Final[Mapping[str, Mapping[str, Field]]] = {
    kind: {"type": core, "prompt_cache_breakpoint": cache_breakpoint, kind: read} for kind, read in _PART.items()
}
"""Part → its members: one is named as the part is."""


def _content(reading: Reading, content: Any) -> None:
    if isinstance(content, str):
        return
    for part in items("messages.content", content):
        kind = part.get("type")
        if isinstance(kind, str) and kind in _PARTS:
            read_fields(reading, part, _PARTS[kind], "messages.content.")
        else:
            reading.strange(f"messages.content.type={kind}")


_MESSAGE: Final[Mapping[str, Field]] = {
    "role": core,
    "content": _content,
    "name": core,
    "refusal": core,
    "tool_calls": uses("tools"),
    "tool_call_id": uses("tools"),
    "function_call": uses("tools"),
    "reasoning_content": uses("reasoning_raw"),
}


def _messages(reading: Reading, value: Any) -> None:
    messages = items("messages", value)
    reading.messages = len(messages)
    for message in messages:
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
    if messages and messages[-1].get("role") == "assistant":
        reading.use("prefill")


SHARED: Final[Mapping[str, Field]] = {
    "model": core,
    "stream": stream,
    "temperature": uses("sampling"),
    "top_p": uses("sampling"),
    "user": uses("user_tag"),
}
"""Fields that the calls which write an answer have in common."""

FIELDS: Final[Mapping[str, Field]] = {
    **SHARED,
    "messages": _messages,
    "stream_options": _stream_options,
    "max_tokens": limit("max_tokens"),
    "max_completion_tokens": limit("max_completion_tokens"),
    "n": candidates("n"),
    "frequency_penalty": uses("penalties"),
    "presence_penalty": uses("penalties"),
    "logit_bias": uses("penalties"),
    "seed": uses("seed"),
    "stop": uses("stop"),
    "logprobs": _logprobs,
    "top_logprobs": _top_logprobs,
    "response_format": _format,
    "tools": _tools,
    "functions": _tools,
    "tool_choice": uses("tools"),
    "function_call": uses("tools"),
    "parallel_tool_calls": uses("tools"),
    "reasoning_effort": uses("reasoning"),
    "verbosity": core,
    "safety_identifier": uses("user_tag"),
    "metadata": uses("metadata"),
    "service_tier": tier("service_tier"),
    "store": _store,
    "prompt_cache_key": uses("prompt_caching"),
    "prompt_cache_retention": uses("prompt_caching"),
    "prompt_cache_options": _CACHE_OPTIONS,
    "modalities": _modalities,
    "audio": lambda reading, value: reading.use_unbounded("audio"),
    "web_search_options": lambda reading, value: reading.use_unbounded("server_tools"),
}
"""Every field of a chat completion that this gateway knows, and what it uses of the terms."""


def read_chat(path: str, query: str, body: bytes) -> Asked:
    """Read a chat completion; raises `MalformedRequest`."""
    reading, members = Reading(), read_body(body)
    model = read_model(members.get("model"))
    if not members.get("messages"):
        raise MalformedRequest("messages: expected a list with at least one message")
    read_fields(reading, members, FIELDS)
    target = path + read_query(reading, query, QUERY)
    return reading.asked(protocol="openai", route=CHAT, target=target, model=model, body=body)


def served(event: Mapping[str, Any]) -> str | None:
    """The model that an answer or a stream's event names, if it names one."""
    name = event.get("model")
    return name if isinstance(name, str) and name else None


_USAGE: Final[Mapping[str, Any]] = {
    "prompt_tokens": None,
    "completion_tokens": None,
    "total_tokens": None,
    "prompt_tokens_details": {"cached_tokens": None, "cache_write_tokens": None, "text_tokens": None},
    "completion_tokens_details": dict.fromkeys(
        ("reasoning_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens", "text_tokens")
    ),
}


def usage(event: Mapping[str, Any]) -> Usage | None:
    """The usage that an answer or a stream's event states, if it states one.

    Some providers leave reasoning out of `completion_tokens` and count it in the
    total alone; what the total holds beyond the prompt is output.
    """
    fields = member(event, "usage")
    spent_in, spent_out = count(fields, "prompt_tokens"), count(fields, "completion_tokens")
    if spent_in is None or spent_out is None:
        return None
    details = member(fields, "prompt_tokens_details")
    return Usage(
        input_tokens=spent_in,
        output_tokens=max(spent_out, (count(fields, "total_tokens") or 0) - spent_in),
        cached_read=count(details, "cached_tokens") if details else None,
        cache_write=count(details, "cache_write_tokens") if details else None,
        unpriced=unknown_counts(fields, _USAGE) or dear(event.get("service_tier")),
    )


def error_body(status: int, slug: str, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """A refusal in the shape that the OpenAI SDK reads, with our members beside it."""
    kind = "invalid_request_error" if status < 500 else "api_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": slug}, "comity": dict(more)}
