"""Gemini: generateContent and streamGenerateContent.

Routes: `POST /v1/models/{model}:generateContent`, `…:streamGenerateContent?alt=sse`,
and both below `/v1beta`.  The path names the model.  Output is bounded by the
larger of `maxOutputTokens` and `thinkingBudget`, times `candidateCount`.

Google's servers take a field's name in lowerCamelCase and in snake_case; both are
read as the same field, and both at once are refused.  They take one object where
a list is expected; so does this reader.

A stream without `alt=sse` would be one JSON array, and is refused.  A stream has
no last line of its own: from the event on that states a `finishReason`, or that
the prompt was blocked, everything is held until the outcome is durable.

A tool that the provider runs (search, code, addresses, maps) states no bound of
its uses, and is refused.

Sources: the published API reference and the official SDK's types.  No server of
this protocol runs on a machine of one's own: this adapter is tested with the
official client against answers of our own writing.
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
    candidates,
    core,
    flagged,
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
from comity.gateway.stream import Ending
from comity.gateway.usage import Usage, count, member, unknown_counts

__all__ = [
    "ENDING",
    "FIELDS",
    "GENERATE",
    "PATH",
    "QUERY",
    "STREAM",
    "STREAM_QUERY",
    "error_body",
    "read_generate",
    "read_stream",
    "served",
    "usage",
]

GENERATE: Final = "/{version}/models/{model}:generateContent"
STREAM: Final = "/{version}/models/{model}:streamGenerateContent"
PATH: Final = re.compile(r"/(v1|v1beta)/models/([A-Za-z0-9._-]{1,200}):(generateContent|streamGenerateContent)")
QUERY: Final[Query] = {"alt": frozenset({"json"})}
STREAM_QUERY: Final[Query] = {"alt": frozenset({"sse"})}


def _ends(event: Mapping[str, Any]) -> bool:
    finished = any(isinstance(one, dict) and one.get("finishReason") for one in _told(event, "candidates"))
    return finished or bool(member(event, "promptFeedback").get("blockReason"))


def _told(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []


ENDING: Final = Ending(event=_ends, marks=(b'"finishReason"', b'"blockReason"'))

_WORD: Final = re.compile("_([a-z0-9])")
_CAPITAL: Final = re.compile("[A-Z]")


def _camel(name: str) -> str:
    return _WORD.sub(lambda found: found[1].upper(), name)


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name)


def _read(reading: Reading, value: Mapping[str, Any], table: Mapping[str, Field], where: str) -> None:
    """Read an object whose members may be spelled in either way; a mixture of both is a field that no table knows."""
    members: dict[str, Any] = {}
    for name, item in value.items():
        known = _camel(name)
        known = known if known in table and name in (known, _snake(known)) else name
        if known in members:
            raise MalformedRequest(f"{where}{name}: this field stands twice, in both of its spellings")
        members[known] = item
    read_fields(reading, members, table, where)


def _object(name: str, table: Mapping[str, Field], feature: str | None = None) -> Field:
    def read(reading: Reading, value: Any) -> None:
        if feature is not None:
            reading.use(feature)
        _read(reading, object_of(name, value), table, f"{name}.")

    return read


def _list(name: str, value: Any) -> list[Mapping[str, Any]]:
    given = value if isinstance(value, list) else [value]
    return [object_of(name, item) for item in given]


_BLOB: Final = dict.fromkeys(("data", "mimeType", "displayName"), core)
_KINDS: Final = {"image": "images", "audio": "audio", "video": "images"}


def _blob(reading: Reading, value: Any) -> None:
    blob = object_of("contents.parts.inlineData", value)
    kind = str(blob.get("mimeType") or blob.get("mime_type")).lower()
    reading.use(_KINDS.get(kind.partition("/")[0], "files"))
    _read(reading, blob, _BLOB, "contents.parts.inlineData.")


def _file(reading: Reading, value: Any) -> None:
    file = object_of("contents.parts.fileData", value)
    address = str(file.get("fileUri") or file.get("file_uri"))
    reading.use("files")
    reading.use("file_ids" if "/files/" in address and "googleapis.com/" in address else "urls")
    _read(reading, file, {"fileUri": core, "mimeType": core, "displayName": core}, "contents.parts.fileData.")


def _thought(reading: Reading, value: Any) -> None:
    if value is not False:
        reading.use("reasoning")


def _result_parts(reading: Reading, value: Any) -> None:
    for part in _list("functionResponse.parts", value):
        _read(reading, part, {"inlineData": _blob, "fileData": _file}, "functionResponse.parts.")


_PART: Final[Mapping[str, Field]] = {
    "text": core,
    "thought": _thought,
    "thoughtSignature": core,
    "inlineData": _blob,
    "fileData": _file,
    "functionCall": _object("functionCall", {"id": core, "name": core, "args": user_content}, "tools"),
    "functionResponse": _object(
        "functionResponse",
        {**dict.fromkeys(("id", "name"), core), "response": user_content, "parts": _result_parts},
        "tools",
    ),
    "executableCode": lambda reading, value: reading.use("server_tools", 0),
    "codeExecutionResult": lambda reading, value: reading.use("server_tools", 0),
}


def _parts(reading: Reading, value: Any) -> None:
    for part in _list("contents.parts", value):
        _read(reading, part, _PART, "contents.parts.")


_CONTENT: Final[Mapping[str, Field]] = {"role": core, "parts": _parts}


def _contents(reading: Reading, value: Any) -> None:
    contents = _list("contents", value)
    reading.messages += len(contents)
    for content in contents:
        _read(reading, content, _CONTENT, "contents.")
        if content.get("role") not in ("user", "model", "function", None):
            reading.strange(f"contents.role={content.get('role')}")
    if contents and contents[-1].get("role") == "model":
        reading.use("prefill")


def _system(reading: Reading, value: Any) -> None:
    reading.use("system_prompt")
    _read(reading, object_of("systemInstruction", value), _CONTENT, "systemInstruction.")


_DECLARATION: Final[Mapping[str, Field]] = {
    **dict.fromkeys(("name", "description", "behavior"), core),
    **dict.fromkeys(("parameters", "parametersJsonSchema", "response", "responseJsonSchema"), user_content),
}


def _declarations(reading: Reading, value: Any) -> None:
    reading.use("tools")
    for declaration in _list("tools.functionDeclarations", value):
        reading.tools += 1
        _read(reading, declaration, _DECLARATION, "tools.functionDeclarations.")


def _provided(reading: Reading, value: Any) -> None:
    reading.tools += 1
    reading.use_unbounded("server_tools")


_TOOL: Final[Mapping[str, Field]] = {
    "functionDeclarations": _declarations,
    **dict.fromkeys(("googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps"), _provided),
    "mcpServers": lambda reading, value: reading.use_unbounded("mcp"),
}


def _tools(reading: Reading, value: Any) -> None:
    for tool in _list("tools", value):
        _read(reading, tool, _TOOL, "tools.")


_CALLING: Final = _object("toolConfig.functionCallingConfig", {"mode": core, "allowedFunctionNames": core})


def _safety(reading: Reading, value: Any) -> None:
    reading.use("safety_settings")
    for setting in _list("safetySettings", value):
        _read(reading, setting, dict.fromkeys(("category", "threshold", "method"), core), "safetySettings.")


def _budget(reading: Reading, value: Any) -> None:
    """Tokens of thought: -1 leaves them to the model, 0 switches them off."""
    tokens = whole_number("generationConfig.thinkingConfig.thinkingBudget", value, least=-1)
    if tokens:
        reading.use("reasoning")
    if tokens > 0:
        reading.limit("generationConfig.thinkingConfig.thinkingBudget", tokens)


_THINKING: Final[Mapping[str, Field]] = {
    "thinkingBudget": _budget,
    "thinkingLevel": uses("reasoning"),
    "includeThoughts": flagged("reasoning_summary"),
}


def _mime_type(reading: Reading, value: Any) -> None:
    if value != "text/plain":
        reading.use("structured_output")


def _modalities(reading: Reading, value: Any) -> None:
    for modality in value if isinstance(value, list) else [value]:
        match str(modality).upper():
            case "TEXT":
                pass
            case "AUDIO":
                reading.use_unbounded("audio")
            case _:
                reading.strange(f"generationConfig.responseModalities={modality}")


def _logprobs(reading: Reading, value: Any) -> None:
    reading.use_most("logprobs", whole_number("generationConfig.logprobs", value, least=0))


def _log(reading: Reading, value: Any) -> None:
    if value is not False:
        reading.use_most("logprobs", 0)


_CONFIG: Final[Mapping[str, Field]] = {
    "maxOutputTokens": limit("generationConfig.maxOutputTokens"),
    "candidateCount": candidates("generationConfig.candidateCount"),
    **dict.fromkeys(("temperature", "topP", "topK"), uses("sampling")),
    **dict.fromkeys(("presencePenalty", "frequencyPenalty"), uses("penalties")),
    "seed": uses("seed"),
    "stopSequences": uses("stop"),
    "responseMimeType": _mime_type,
    **dict.fromkeys(("responseSchema", "responseJsonSchema"), uses("structured_output")),
    "responseLogprobs": _log,
    "logprobs": _logprobs,
    "thinkingConfig": _object("generationConfig.thinkingConfig", _THINKING),
    "responseModalities": _modalities,
    "speechConfig": lambda reading, value: reading.use_unbounded("audio"),
    "mediaResolution": core,
}

FIELDS: Final[Mapping[str, Field]] = {
    "contents": _contents,
    "systemInstruction": _system,
    "generationConfig": _object("generationConfig", _CONFIG),
    "tools": _tools,
    "toolConfig": _object("toolConfig", {"functionCallingConfig": _CALLING}, "tools"),
    "safetySettings": _safety,
    "cachedContent": uses("stored_prompts"),
    "labels": uses("metadata"),
}
"""Every field of a request that this gateway knows, and what it uses of the terms."""


def _read_call(path: str, query: str, body: bytes, route: str, known: Query, stream: bool) -> Asked:
    found = PATH.fullmatch(path)
    if found is None:
        raise MalformedRequest("expected /v1beta/models/<model>:generateContent, with a model's name in it")
    reading, members = Reading(), read_body(body)
    if not members.get("contents"):
        raise MalformedRequest("contents: expected at least one content")
    if stream:
        reading.use("streaming")
        if "alt=sse" not in query.split("&"):
            raise MalformedRequest("query alt: a stream passes as server-sent events alone; ask for ?alt=sse")
    _read(reading, members, FIELDS, "")
    target = path + read_query(reading, query, known)
    known_route = route.replace("{version}", found[1])
    return reading.asked(protocol="gemini", route=known_route, target=target, model=read_model(found[2]), body=body)


def read_generate(path: str, query: str, body: bytes) -> Asked:
    """Read a request for a whole answer; raises `MalformedRequest`."""
    return _read_call(path, query, body, GENERATE, QUERY, stream=False)


def read_stream(path: str, query: str, body: bytes) -> Asked:
    """Read a request for a stream; raises `MalformedRequest`."""
    return _read_call(path, query, body, STREAM, STREAM_QUERY, stream=True)


def served(event: Mapping[str, Any]) -> str | None:
    """The model that an answer or a stream's event names, if it names one."""
    name = event.get("modelVersion")
    return name if isinstance(name, str) and name else None


_USAGE: Final = frozenset(
    (
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "cachedContentTokenCount",
        "toolUsePromptTokenCount",
        "totalTokenCount",
    )
)
_TOKEN_DETAILS: Final = frozenset(
    ("promptTokensDetails", "cacheTokensDetails", "candidatesTokensDetails", "toolUsePromptTokensDetails")
)


def usage(event: Mapping[str, Any]) -> Usage | None:
    """The usage that an answer or a stream's event states, if it states one; a figure of 0 is left out."""
    fields = member(event, "usageMetadata")
    prompt = count(fields, "promptTokenCount")
    if prompt is None:
        return None
    spent_in = prompt + (count(fields, "toolUsePromptTokenCount") or 0)
    spent_out = (count(fields, "candidatesTokenCount") or 0) + (count(fields, "thoughtsTokenCount") or 0)
    return Usage(
        input_tokens=spent_in,
        output_tokens=max(spent_out, (count(fields, "totalTokenCount") or 0) - spent_in),
        cached_read=count(fields, "cachedContentTokenCount"),
        unpriced=any(_is_unpriced(name, value) for name, value in fields.items() if name not in _USAGE),
    )


def _is_unpriced(name: str, value: Any) -> bool:
    """Whether a member counts what no price names: tokens of another kind than text, or something unknown."""
    if name in _TOKEN_DETAILS and isinstance(value, list):
        value = [one for one in value if not (isinstance(one, dict) and one.get("modality") == "TEXT")]
    return unknown_counts({name: value}, {})


_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_body(status: int, slug: str, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """A refusal in the shape that Google's SDK reads, with our members beside it."""
    told = {"code": status, "message": f"{message} [{slug}]", "status": _STATUS.get(status, "INTERNAL")}
    return {"error": told, "comity": dict(more)}
