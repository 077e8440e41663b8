"""Calling a gateway from a command: one request, and errors that a person can act on."""

import json
import urllib.error
import urllib.request
from typing import Any, Final

import click

__all__ = ["ask", "ask_json"]

SECONDS: Final = 30


def ask(url: str, *, data: bytes | None = None, secret: str = "") -> bytes:
    """GET, or POST where `data` is given; raises a `ClickException` with the gateway's own sentence."""
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"expected the gateway's address, such as https://operator.example, got {url[:80]!r}")
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    if data is not None:
        headers["content-type"] = "application/json"
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        raise click.ClickException(_sentence(error.read(), error.code)) from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise click.ClickException(f"no answer from {url.split('/a/')[0]}: {reason}") from None


def ask_json(url: str, *, data: bytes | None = None, secret: str = "") -> dict[str, Any]:
    """The same, for an answer that is a JSON object."""
    members = json.loads(ask(url, data=data, secret=secret))
    if not isinstance(members, dict):
        raise click.ClickException(f"expected a JSON object from {url.split('/a/')[0]}, got {type(members).__name__}")
    return members


def _sentence(body: bytes, status: int) -> str:
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = body[:200].decode("utf-8", "replace")
    return f"the gateway refuses ({status}): {message}"
