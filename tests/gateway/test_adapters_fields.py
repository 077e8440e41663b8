"""The official SDKs' request types, field by field: each is in an adapter's table, or refused on purpose.

A new release of an SDK that brings a field fails here, until somebody has read what the field does.
"""

import importlib
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from google.genai import types as google_types
from typing_extensions import get_type_hints, is_typeddict

from comity.gateway.asked import MalformedRequest, Reading
from comity.gateway.protocols import CALLS, Protocol

BY_CALL = {one.call: one for one in CALLS}

SDK_TYPES = {
    "chat": "openai.types.chat.completion_create_params:CompletionCreateParamsStreaming",
    "completions": "openai.types.completion_create_params:CompletionCreateParamsStreaming",
    "responses": "openai.types.responses.response_create_params:ResponseCreateParamsStreaming",
    "embeddings": "openai.types.embedding_create_params:EmbeddingCreateParams",
    "messages": "anthropic.types.message_create_params:MessageCreateParamsStreaming",
    "count_tokens": "anthropic.types.message_count_tokens_params:MessageCountTokensParams",
    "beta": "anthropic.types.beta.message_create_params:MessageCreateParamsStreaming",
}

REFUSED = {
    "chat": {
        "moderation": "a second model reads what is sent and written",
        "prediction": "rejected tokens are charged beyond the output limit",
    },
    "completions": {},
    "responses": {
        "access_programs": "changes what the model may answer",
        "background_options": "an answer is never fetched later",
        "context_management": "the provider rewrites what is read, and charges for it",
        "image": "compresses what was sent",
        "moderation": "a second model reads what is sent and written",
    },
    "embeddings": {},
    "messages": {
        "diagnostics": "refers to an earlier answer that the provider keeps",
        "inference_geo": "changes the price by a factor that no price of the terms names",
        "user_profile_id": "names somebody who is registered at the provider",
        "workspace_id": "names another account",
    },
    "count_tokens": {
        "user_profile_id": "names somebody who is registered at the provider",
        "workspace_id": "names another account",
    },
    "beta": {
        "betas": "travels as the header anthropic-beta",
        "billing_policy": "changes who pays",
        "compaction": "the provider rewrites what is read, and charges for it",
        "context_management": "the provider rewrites what is read, and charges for it",
        "diagnostics": "refers to an earlier answer that the provider keeps",
        "fallback_credit_token": "changes who pays",
        "fallbacks": "another model may answer",
        "inference_geo": "changes the price by a factor that no price of the terms names",
        "thread": "refers to what the provider keeps",
        "user_profile_id": "names somebody who is registered at the provider",
        "workspace_id": "names another account",
    },
}
"""Field of an SDK's type that no table knows → why not."""


def type_of(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def call_of(name: str) -> Protocol:
    return BY_CALL["messages" if name == "beta" else name]


@pytest.mark.parametrize("name", SDK_TYPES)
def test_each_field_of_the_sdk_is_known_or_refused_on_purpose(name: str) -> None:
    """What the SDK can send is in the table of its call or in the list of what is refused, never in neither."""
    fields = set(get_type_hints(type_of(SDK_TYPES[name])))

    assert fields == (fields & set(call_of(name).fields)) | set(REFUSED[name])
    assert not set(REFUSED[name]) & set(call_of(name).fields)


EARLIER = {"messages": {"temperature", "top_p", "top_k"}}
"""Fields that the newest types leave out, and that the models of earlier years still take."""


@pytest.mark.parametrize("name", [name for name in SDK_TYPES if name != "beta"])
def test_no_table_knows_a_field_that_the_protocol_does_not_have(name: str) -> None:
    """A table holds no upstream's dialect: each of its fields is one that the official SDK sends."""
    sent = set(get_type_hints(type_of(SDK_TYPES[name])))
    if name in ("messages", "count_tokens"):
        sent |= set(get_type_hints(type_of(SDK_TYPES["beta"])))

    assert set(call_of(name).fields) <= sent | EARLIER.get(name, set())


def literals(hint: Any, member: str) -> Iterator[str]:
    """Every value that a member called `type` may have, of each object of a union."""
    if is_typeddict(hint):
        found = get_type_hints(hint).get(member)
        yield from (value for value in get_args(found) if isinstance(value, str))
    elif get_origin(hint) is not None or hasattr(hint, "__value__"):
        for one in get_args(getattr(hint, "__value__", hint)):
            yield from literals(one, member)


SDK_UNIONS = {
    "chat tools": ("openai.types.chat:ChatCompletionToolUnionParam", "chat", "tools"),
    "responses tools": ("openai.types.responses:ToolParam", "responses", "tools"),
    "responses items": ("openai.types.responses:ResponseInputItemParam", "responses", "input"),
    "messages tools": ("anthropic.types:ToolUnionParam", "messages", "tools"),
    "messages blocks": ("anthropic.types:ContentBlockParam", "messages", "messages"),
}
REFUSED_KINDS = {
    "chat tools": set(),
    "responses tools": {
        "computer", "computer_use_preview", "image_generation", "namespace", "programmatic_tool_calling", "shell",
        "tool_search",
    },
    "responses items": {
        "additional_tools", "apply_patch", "compaction", "compaction_trigger", "computer_call", "computer_call_output",
        "configuration_update", "image_generation_call", "program", "program_output", "shell_call",
        "shell_call_output", "tool_search_call", "tool_search_output",
    },
    "messages tools": {"browser_toolset_20260801", "computer_toolset_20260801"},
    "messages blocks": set(),
}  # fmt: skip
"""Kinds of tools, items and blocks that no table knows: their cost has no bound, or they use a computer."""


@pytest.mark.parametrize("name", SDK_UNIONS)
def test_each_kind_of_the_sdk_is_known_or_refused_on_purpose(name: str) -> None:
    """Tools, items and content blocks that an SDK can send are known or refused, each by its kind."""
    place, call, field = SDK_UNIONS[name]
    strange = set()
    for kind in set(literals(type_of(place), "type")):
        one: dict[str, Any] = {"type": kind}
        value = [{"role": "user", "content": [one]}] if field == "messages" else [one]
        if any(f"type={kind}" in unknown for unknown in unknown_of(call, field, value)):
            strange.add(kind)

    assert REFUSED_KINDS[name] & set(literals(type_of(place), "type")) == strange


def unknown_of(call: str, field: str, value: Any) -> list[str]:
    reading = Reading()
    try:
        BY_CALL[call].fields[field](reading, value)
    except MalformedRequest:
        return []
    return reading.unknown


GOOGLE_REFUSED = {
    "GenerationConfig": {
        "audioTimestamp", "audioTranscriptionConfig", "enableAffectiveDialog", "enableEnhancedCivicAnswers",
        "modelSelectionConfig", "responseFormat", "routingConfig", "translationConfig",
    },
    "Part": {
        "audioMetadata", "audioTranscription", "documentMetadata", "mediaProcessing", "mediaResolution", "partMetadata",
        "speechMetadata", "spreadsheetMetadata", "toolCall", "toolResponse", "videoMetadata",
    },
    "Tool": {
        "computerUse", "enterpriseWebSearch", "exaAiSearch", "fileSearch", "parallelAiSearch", "retrieval",
    },
    "ThinkingConfig": set(),
    "FunctionDeclaration": set(),
    "Content": set(),
    "SafetySetting": set(),
    "Blob": set(),
    "FileData": set(),
}  # fmt: skip
GOOGLE_AT: dict[str, Any] = {
    "GenerationConfig": lambda value: ("generationConfig", value),
    "ThinkingConfig": lambda value: ("generationConfig", {"thinkingConfig": value}),
    "Content": lambda value: ("contents", [value]),
    "Part": lambda value: ("contents", [{"role": "user", "parts": [value]}]),
    "Blob": lambda value: ("contents", [{"parts": [{"inlineData": value}]}]),
    "FileData": lambda value: ("contents", [{"parts": [{"fileData": value}]}]),
    "Tool": lambda value: ("tools", [value]),
    "FunctionDeclaration": lambda value: ("tools", [{"functionDeclarations": [value]}]),
    "SafetySetting": lambda value: ("safetySettings", [value]),
}


@pytest.mark.parametrize("name", GOOGLE_AT)
def test_each_member_of_googles_types_is_known_or_refused_on_purpose(name: str) -> None:
    """As for the other SDKs, whose types are flat: here the types of the parts of a request."""
    fields = {field.alias or known for known, field in getattr(google_types, name).model_fields.items()}
    strange = set()
    for member in fields:
        field, value = GOOGLE_AT[name]({member: {}})
        if any(unknown.endswith(f".{member}") for unknown in unknown_of("generateContent", field, value)):
            strange.add(member)

    assert GOOGLE_REFUSED[name] == strange
