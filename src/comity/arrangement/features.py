"""Features: what a request may make use of, under names that outlive any protocol.

A clause `features.<name>` allows one feature for every model of the terms; what
is not listed is refused.  The gateway's feature table maps each field of each
protocol to one of these names; the terms know no field names.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["FEATURES"]

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
        "tools": "tools that the caller runs itself may be declared, called and answered",
        "server_tools": "tools that the provider runs (search, code execution) may be asked for",
        "structured_output": "the answer may be held to JSON or to a schema",
        "reasoning": "reasoning may be switched, sized and returned",
        "images": "pictures may be sent",
        "audio": "sound may be sent or asked for",
        "files": "documents may be sent",
        "citations": "the answer may be asked to cite what was sent",
        "stored_state": "content stored at the provider may be referred to (stored prompts, earlier answers)",
        "prompt_caching": "the provider may be told which part of a request to cache",
        "service_tier": "the provider's latency or priority class may be chosen",
        "metadata": "labels may be attached to a request",
        "user_tag": "an opaque tag for the person behind a request may be sent",
    }
)
