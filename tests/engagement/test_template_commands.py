"""The templates' commands: a tier is listed, shown, written, and found again in terms."""

from pathlib import Path

import pytest
import yaml
from test_commands import Houses

from comity.arrangement.template import TIERS


@pytest.fixture
def houses(tmp_path: Path) -> Houses:
    return Houses(tmp_path)


def test_the_list_keeps_depth_and_time_apart(houses: Houses) -> None:
    """Tiers and timeframes are two lists, each row with its source."""
    told = houses.json("provider", "arrangement", "template", "list")

    assert list(TIERS) == [row["tier"] for row in told["tiers"]]
    assert [("short", 5), ("code-example", 20), ("standing", 120)] == [
        (row["id"], row["days"]) for row in told["timeframes"]
    ]
    assert {"text", "source", "confidence"} == set(told["tiers"][0]["aal"])


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_is_shown_with_its_sources(houses: Houses, tier: str) -> None:
    """What it promises, in whose words, and how sure that is; the text fits a terminal."""
    told = houses.json("provider", "arrangement", "template", "show", tier)
    text = houses.ok("provider", "arrangement", "template", "show", tier).stdout

    assert told["casper"]["source"] in told["sources"]
    assert all(f"{promise['item']} ({promise['means']})" in text for promise in told["offer"]["access"])
    assert max(len(line) for line in text.splitlines()) <= 96


def test_a_template_is_written_to_be_changed(houses: Houses) -> None:
    """The file is an offer that the author may edit; without a first day it begins today."""
    out = ("--model", "newest-1", "--out", houses.at("o.yaml"))
    words = ("arrangement", "template", "write", "T1", "--days", "12", *out)
    told = houses.json("provider", *words, "--set", "budget.cost=10.00", "--set", "models.prices.input=0.50")
    value = yaml.safe_load((houses.mail / "o.yaml").read_text())

    assert (12, "newest-1", "10.00", "0.50") == (
        told["days"], value["models"][0]["name"], value["budget"]["cost"], value["models"][0]["prices"]["input"],
    )  # fmt: skip
    assert told["offer"] == houses.json("provider", "arrangement", "check", "--part", houses.at("o.yaml"))["digest"]


@pytest.mark.parametrize(
    ("setting", "status", "says"),
    [
        ("budget.joy=1", 1, "no clause 'joy'"),
        ("budget.calls=1", 1, "budget.per_day.calls"),
        ("budget.calls", 2, "--set CLAUSE=VALUE"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(houses: Houses, setting: str, status: int, says: str) -> None:
    """Nothing is written that no terms could hold."""
    words = ("arrangement", "template", "write", "T1", "--out", houses.at("o.yaml"))
    result = houses.run("provider", *words, "--set", setting)

    assert status == result.exit_code
    assert says in result.output
    assert not (houses.mail / "o.yaml").exists()
    assert 2 == houses.run("provider", *words, "--from", "tomorrow").exit_code


def test_the_crosswalk_speaks_json(houses: Houses) -> None:
    """Each axis with its level, the clauses it follows from, and how they are kept."""
    houses.agreed(houses.open("Northwind Models"))
    told = houses.json("authority", "arrangement", "crosswalk", houses.at("agreed.json"))

    assert {"model", "information", "time", "ceiling", "sources"} <= set(told)
    assert told["model"]["level"]["source"] in told["sources"]
    assert told["model"]["because"]
    for width in ("64", "120"):
        text = houses.ok("authority", "arrangement", "crosswalk", houses.at("agreed.json"), "--width", width).stdout
        assert max(len(line) for line in text.splitlines()) <= int(width)
