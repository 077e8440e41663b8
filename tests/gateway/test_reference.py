"""The gateway's reference page says what the code does: routes, headers, fields and their features."""

import re
from pathlib import Path
from typing import Any

import pytest
from asking import ANTHROPIC_FEATURES, OPENAI_FEATURES

from comity.gateway import PROTOCOLS, anthropic, openai
from comity.gateway.acts import DOORS
from comity.gateway.asked import MalformedRequest, Reading
from comity.gateway.headers import DROPPED, DROPPED_PREFIXES, FORWARDED, RETURNED
from comity.gateway.refusal import STATUS

DOCS = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (DOCS / "gateway.md").read_text(encoding="utf-8")
FIELDS = {"openai": openai.FIELDS, "anthropic": anthropic.FIELDS}
BODIES = {"openai": OPENAI_FEATURES, "anthropic": ANTHROPIC_FEATURES}
BLOCKS = [
    {"type": "thinking", "thinking": "x", "signature": "y"},
    {"type": "tool_use", "id": "1", "name": "add", "input": {}},
]
PROBES: list[Any] = [
    True, 2, "x", ["x"], {"type": "json_schema"}, {"user_id": "x"}, {"effort": "low"}, {"include_usage": True},
    [{"type": "function"}], [{"type": "web_search"}], [{"name": "add", "cache_control": {}}],
    [{"role": "assistant", "tool_calls": []}], [{"role": "assistant", "content": BLOCKS}],
]  # fmt: skip


def features_of(protocol: str, field: str) -> list[str]:
    """Every feature that a value of this field can use, found by trying values."""
    bodies = BODIES[protocol].values()
    probes = [*PROBES, *(body[field] for body in bodies if field in body)]
    found: set[str] = set()
    for value in probes:
        reading = Reading()
        try:
            FIELDS[protocol][field](reading, value)
        except MalformedRequest:
            continue
        found |= reading.features
    return sorted(found)


def table(protocol: str) -> str:
    """The table of one protocol's fields, as the page holds it."""
    rows = [
        f"| `{field}` | {', '.join(f'`{name}`' for name in features_of(protocol, field)) or '—'} |"
        for field in sorted(FIELDS[protocol])
    ]
    return "\n".join(["| field | features that it can use |", "| --- | --- |", *rows]) + "\n"


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_the_page_holds_each_field_and_its_features(protocol: str) -> None:
    """Who writes terms sees which field of a request needs which feature; the table is the code's."""
    assert table(protocol) in PAGE, f"put this table into docs/reference/gateway.md:\n{table(protocol)}"


def words(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def test_the_page_holds_the_header_lists() -> None:
    """Each header that passes, ends here or comes back is on the page, and no other."""
    for title, names in (
        ("Towards the provider", FORWARDED),
        ("Ended at the gateway", {*DROPPED, *(f"{prefix}…" for prefix in DROPPED_PREFIXES)}),
        ("Towards the caller", RETURNED),
    ):
        section = re.search(rf"^### {title}\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
        assert section is not None, title
        assert words(names) in section[1], f"{title}: {words(names)}"


def test_the_page_holds_every_route_and_door() -> None:
    """What is not in the page's table of routes is refused."""
    for name, protocol in PROTOCOLS.items():
        assert f"`POST /{name}{protocol.route}`" in PAGE
    for door in DOORS:
        assert f"`POST {door}`" in PAGE, door


@pytest.mark.parametrize("slug", sorted(STATUS))
def test_every_refusal_is_shown_with_a_real_sentence(slug: str) -> None:
    """Each reason on the page of errors carries an example of what the gateway says."""
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    section = re.search(rf"^### `{re.escape(slug)}`\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert section is not None
    assert re.search(r"^> `[a-z_.]+: .+`$", section[1], flags=re.MULTILINE), slug
