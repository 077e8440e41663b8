"""`comity ask`: one model call by hand, with its entry.

It sends what an SDK would send, to the same route with the same key, and prints
the answer with the number of its entry, or the refusal with its clause.
"""

import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

import click

from comity.cli.home import Home

__all__ = ["ask"]

ROUTES: Final = {"openai": "/openai/v1/chat/completions", "anthropic": "/anthropic/v1/messages"}
SECONDS: Final = 600


@click.command()
@click.argument("prompt")
@click.option("--ledger", required=True, help="The ledger's origin, as the terms state it.")
@click.option("--gateway", required=True, help="The gateway's address, such as https://operator.example.")
@click.option("--model", required=True, help="The model, as the terms name it.")
@click.option("--protocol", type=click.Choice(sorted(ROUTES)), default="openai", show_default=True)
@click.option("--max-tokens", default=32, show_default=True, help="The most that the answer may take.")
@click.option("--set", "settings", multiple=True, metavar="FIELD=JSON", help="A further field of the request.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_obj
def ask(
    home: Home,
    prompt: str,
    ledger: str,
    gateway: str,
    model: str,
    protocol: str,
    max_tokens: int,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make one model call with this person's key, and show its entry."""
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": prompt}],
        **dict(_setting(text) for text in settings),
    }
    status, request_id, answer = _post(
        f"{gateway.rstrip('/')}/a/{ledger.rpartition('/')[2]}{ROUTES[protocol]}", home.secret(), body
    )
    entry = request_id.rpartition(":")[2]
    said = answer.get("comity")
    if status == 200:
        members: dict[str, Any] = {"status": status, "entry": entry, "answer": answer}
        text = f"{_text(answer)}\n(entry {entry} of {ledger})"
    elif isinstance(said, dict):
        members = {"status": status, "entry": entry, "clause": said.get("clause"), "because": said.get("because")}
        text = f"refused ({status}), entry {entry}: {members['clause']}: {members['because']}"
    else:
        members = {"status": status, "entry": entry, "answer": answer}
        text = f"the provider answered {status} (entry {entry}): {json.dumps(answer)[:300]}"
    click.echo(json.dumps(members) if as_json else text)
    if status != 200:
        raise click.exceptions.Exit(1)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.UsageError(f"--set: expected FIELD=JSON such as logprobs=true, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _post(url: str, secret: str, body: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise click.UsageError(f"--gateway: expected an address such as https://operator.example, got {url[:80]!r}")
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=SECONDS)
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
    if "/anthropic/" in url:
        headers["anthropic-version"] = "2023-06-01"
    try:
        connection.request("POST", parts.path, json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise click.ClickException(f"no answer from {parts.netloc}: {error}") from None
    finally:
        connection.close()
    try:
        members = json.loads(content)
    except ValueError:
        members = {"text": content[:500].decode("utf-8", "replace")}
    return answer.status, answer.headers.get("request-id", ""), members if isinstance(members, dict) else {}


def _text(answer: dict[str, Any]) -> str:
    """The answer's text in either protocol."""
    for choice in answer.get("choices", []):
        return str(choice.get("message", {}).get("content", ""))
    return "".join(str(block.get("text", "")) for block in answer.get("content", []))
