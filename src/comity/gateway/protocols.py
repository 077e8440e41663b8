"""The protocols that a gateway speaks: one value each, joining its adapter's parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from comity.gateway import anthropic, openai
from comity.gateway.asked import Asked
from comity.gateway.usage import Usage

__all__ = ["PROTOCOLS", "Protocol"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One provider protocol: how to read a request and an answer, and how to refuse in its shape."""

    name: str
    route: str
    """The path of its model call, below `/a/<id>/<name>`."""
    read: Callable[[bytes], Asked]
    served: Callable[[Mapping[str, Any]], str | None]
    usage: Callable[[Mapping[str, Any]], Usage | None]
    terminal: tuple[bytes, ...]
    error_body: Callable[[int, str, str, Mapping[str, Any]], dict[str, Any]]
    key_headers: Callable[[str], list[tuple[str, str]]]
    """The headers that carry the provider's own key."""


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "openai": Protocol(
        name="openai",
        route=openai.CHAT,
        read=openai.read_chat,
        served=openai.served,
        usage=openai.usage,
        terminal=openai.TERMINAL,
        error_body=openai.error_body,
        key_headers=lambda key: [("authorization", f"Bearer {key}")],
    ),
    "anthropic": Protocol(
        name="anthropic",
        route=anthropic.MESSAGES,
        read=anthropic.read_messages,
        served=anthropic.served,
        usage=anthropic.usage,
        terminal=anthropic.TERMINAL,
        error_body=anthropic.error_body,
        key_headers=lambda key: [("x-api-key", key)],
    ),
}
