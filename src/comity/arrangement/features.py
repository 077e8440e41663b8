"""Features: what a request may make use of, under names that outlive any protocol.

A clause `features.<name>` allows one feature for every model of the terms; what
is not listed is refused.  The gateway's feature table maps each field of each
protocol to one of these names; the terms know no field names.

A feature of `BOUNDED` needs a bound of its own beside it, `limits.<name>`: how
many of its items one request may hold.  Those of `OUTSIDE` bring in content that
the request's bytes do not bound, so that such a request reserves the model's
whole context window (and once more for each turn that the provider's own tools
may take).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["BOUNDED", "FEATURES", "NEVER", "OUTSIDE"]

FEATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "streaming": "answers may arrive in pieces",
        "stream_usage": "a streamed answer may end with its token counts",
        "sampling": "temperature, nucleus and top-k sampling may be set",
        "seed": "the random seed of an answer may be set",
        "stop": "texts that end an answer may be set",
        "penalties": "repetition and presence penalties and token biases may be set",
        "n": "several answers to one request may be asked for",
        "logprobs": "log-probabilities of the answer's tokens, and of their alternatives, may be asked for",
        "system_prompt": "the caller's own system or developer instructions may be sent",
        "prefill": "the beginning of the model's answer may be sent",
        "completion": "a bare text may be continued, without turns and roles",
        "embeddings": "vectors of texts may be asked for",
        "token_counting": "the provider may be asked how many tokens a request has",
        "tools": "tools that the caller runs itself may be declared, called and answered",
        "server_tools": "tools that the provider runs (search, code execution) may be asked for",
        "mcp": "tools of servers that the provider calls (Model Context Protocol) may be asked for",
        "structured_output": "the answer may be held to JSON or to a schema",
        "reasoning": "reasoning may be switched and sized",
        "reasoning_summary": "reasoning may be returned as the provider's summary",
        "reasoning_raw": "reasoning may be returned as it was written",
        "images": "pictures may be sent in the request",
        "audio": "sound may be sent in the request, or asked for",
        "files": "documents may be sent in the request",
        "urls": "content may be referred to by an address that the provider fetches",
        "file_ids": "files stored at the provider may be referred to",
        "earlier_answers": "earlier answers or conversations stored at the provider may be referred to",
        "stored_prompts": "prompts or cached contents stored at the provider may be referred to",
        "stored_state": "the provider may keep the exchange to be referred to later",
        "citations": "the answer may be asked to cite what was sent",
        "prompt_caching": "the provider may be told which part of a request to cache",
        "service_tier": "the provider's latency or priority class may be chosen",
        "safety_settings": "the provider's content filters may be set",
        "metadata": "labels may be attached to a request",
        "user_tag": "an opaque tag for the person behind a request may be sent",
    }
)

BOUNDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "n": "answers to one request",
        "logprobs": "alternatives of each token",
        "server_tools": "uses of the provider's tools in one request",
        "mcp": "uses of such tools in one request",
        "images": "pictures in one request",
        "audio": "pieces of sound in one request",
        "files": "documents in one request",
        "urls": "addresses in one request",
        "file_ids": "stored files in one request",
        "earlier_answers": "earlier answers or conversations in one request",
        "stored_prompts": "stored prompts in one request",
    }
)
"""Feature → what its bound `limits.<name>` counts; 0 is no bound that a feature can have, but for logprobs."""

OUTSIDE: Final = frozenset("server_tools mcp images audio files urls file_ids earlier_answers stored_prompts".split())
"""Features whose content the request's bytes do not bound in tokens."""

NEVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "background": "an answer that is fetched later would reach its reader outside the record of its call",
        "batch": "a batch is many calls in one file, and each call needs a permit of its own before it is sent",
        "fine_tuning": "training is no call with an answer: its cost and its result have no bound that a permit states",
    }
)
"""Features that no terms of this release can allow, and why; the refusal says so."""
