"""The reference of adequacy says what the code does: the map, every status, every event and every duty."""

import re
from pathlib import Path
from typing import get_args

from comity.arrangement.duties import DUTIES, EVENTS
from comity.engagement.adequacy_map import WAYS, Rule, Way
from comity.engagement.sessions import SessionStatus, Signed
from comity.law import load_pack

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "adequacy.md"
PART = re.compile(r"<!-- the map: a test writes this table and compares -->\n(.*?)<!-- end of the map -->", re.DOTALL)


def table() -> str:
    """The map, as the page has it."""
    titles = {item.id: item.title for item in load_pack("eu-ai-act").access}
    rows = [f"| `{name}` | {titles[name]} | {spoken(way)} | {way.why} |" for name, way in WAYS.items()]
    return "\n".join(["| item | is | spoken of by | why |", "| --- | --- | --- | --- |", *rows, ""])


def spoken(way: Way) -> str:
    """Which records speak of an item, in words."""
    parts = [
        ("calls with", [f"`{name}`" for name in way.features]),
        ("calls to models of the variant", list(way.variants)),
        ("sessions", [f"`{name}`" for name in way.forms]),
        ("words", [f"“{name}”" for name in way.words]),
        ("Art. 92 means", [f"`{name}`" for name in way.means]),
        ("refusals under", [f"`{name}`" for name in way.clauses]),
        ("rule", [f"`{way.rule}`"] if way.rule else []),
    ]
    said = [f"{what} {', '.join(names)}" for what, names in parts if names]
    return "; ".join([*said, "at most attested"] if way.ceiling == "attested" else said)


def test_the_map_of_the_page_is_the_map_of_the_code() -> None:
    """Whoever asks why a cell says so finds the rule that was applied."""
    found = PART.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    assert table() == found[1]


def test_the_page_names_every_word() -> None:
    """Statuses, signatures, rules, events and duties."""
    page = PAGE.read_text(encoding="utf-8")
    words = [*get_args(SessionStatus), *(word for word in get_args(Signed) if word), *EVENTS, *DUTIES]
    words += [rule for rule in get_args(Rule) if rule]
    words += [
        "agreed", "asked", "not promised", "evidenced", "contested", "attested", "none", "not known", "used",
        "not used", "not recorded", "denied", "nothing",
    ]  # fmt: skip
    assert [] == [word for word in words if f"`{word}`" not in page]
