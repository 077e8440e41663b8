"""`comity brief` in a home of its own: terms, access ledgers, past days and refusals."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_commands import ID, ORIGIN, Houses

from comity.cli.home import Home
from comity.ledger import create_ledger
from comity.records import (
    Amount,
    CallPermitted,
    CallRefused,
    CallSettled,
    Digest,
    Hex32,
    Index,
    Instant,
    to_bytes,
)

WIDTH = 80


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time at which commands run, which a test may set."""
    times = [datetime(2026, 11, 2, 12, tzinfo=UTC)]
    monkeypatch.setattr(Home, "clock", lambda home: times[0])
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    return times


def rows(houses: Houses, who: str, *words: str) -> dict[str, list[str]]:
    """Row → texts, of the only engagement on a page."""
    (one,) = houses.json(who, "brief", *words)["engagements"]
    return {name: [line["text"] for line in lines] for name, lines in one["rows"].items()}


def calls() -> list[bytes]:
    """An access ledger's entries: a call that was answered for 0.25 EUR, and a day later one that was refused."""
    amount = Amount(input_tokens=100, output_tokens=10, cost_nano=250_000_000)
    common = {"grant": Hex32("9" * 32), "person": "evaluator-1", "protocol": "openai", "route": "chat", "irid": ""}
    records = [
        CallPermitted(
            at=Instant("2026-11-10T09:00:00.000Z"), **common, incarnation=Hex32("1" * 32), model="gemma-3-270m",
            features=(), request=Digest("d" * 64), request_bytes=40, run="", reserved=amount,
        ),
        CallSettled(
            at=Instant("2026-11-10T09:00:01.000Z"), permit=Index(0), outcome="answered", status=200,
            served="gemma-3-270m", served_check="agreed", answer="", answer_bytes=20, usage="stated", charged=amount,
            upstream_id="", millis=900,
        ),
        CallRefused(
            at=Instant("2026-11-11T09:00:00.000Z"), **common, model="gemma-3-270m", status=403, clause="features.seed",
            because="seed is not among the features", run="",
        ),
    ]  # fmt: skip
    return [to_bytes(record) for record in records]


def test_from_talks_to_calls_on_one_page(tmp_path: Path, today: list[datetime]) -> None:
    """Who pays comes from the signed terms, calls from the access ledger, and a past day knows of neither yet."""
    houses = Houses(tmp_path)
    case = houses.open("Northwind Models", "provider")
    today[0] = datetime(2026, 11, 9, 12, tzinfo=UTC)
    houses.agreed(case)
    access = tmp_path / "access.sqlite"
    ledger = create_ledger(access, origin=ORIGIN)
    ledger.append(calls())
    ledger.close()
    today[0] = datetime(2026, 11, 20, 12, tzinfo=UTC)

    before = rows(houses, "authority", "--on", "2026-11-08")
    without = rows(houses, "authority")
    first = rows(houses, "authority", "--access", str(access), "--on", "2026-11-10")
    page = rows(houses, "authority", "--access", str(access))

    assert ["dialogue since 2026-11-02, 6 days"] == before["stage"]
    assert ["no arrangement, so no calls"] == before["calls"]
    assert ["not counted: no access ledger at hand"] == without["calls"]
    assert ["1 served of 1 permitted; 0 refused; 0.25 EUR charged"] == first["calls"]
    assert ["1 served of 1 permitted; 1 refused; 0.25 EUR charged"] == page["calls"]
    assert ["access since 2026-11-09, 11 days", f"arrangement {ID[:8]}, version 2, in force until 2029-01-01"] == (
        page["stage"]
    )
    assert ["the provider; at most 1.00 EUR in all"] == page["pays"]

    told = houses.json("authority", "engagement", "show", case)["entries"]
    plain = [word for one in told if "item" not in one for word in ("--entry", str(one["index"]))]
    because = ("--by", "press office", "--because", "agreed")
    houses.ok("authority", "engagement", "clear", case, "--item", told[0]["item"], *plain, *because)
    public = rows(houses, "authority", "--access", str(access), "--public")
    assert page["stage"] == public["stage"]
    assert ([], []) == (public["calls"], public["pays"])


def test_the_page_fits_the_terminal_and_names_its_home(tmp_path: Path, today: list[datetime]) -> None:
    """The head says whose page it is and for which time, and no line is wider than the terminal."""
    houses = Houses(tmp_path)
    houses.open("Northwind Models", "provider")
    houses.open("Aurelia AI")

    text = houses.ok("authority", "brief").stdout.splitlines()

    assert "Where we stand: Office for AI" + "as of 2026-11-02 12:00 UTC".rjust(WIDTH - 29) == text[0]
    assert max(map(len, text)) <= WIDTH
    assert ["Aurelia", "AI", "Northwind", "Models"] == text[2].split()


def test_the_public_page_of_a_house_that_cleared_nothing_is_empty(tmp_path: Path, today: list[datetime]) -> None:
    """Nothing is public by default: the page says how many lines it withholds, and no engagement."""
    houses = Houses(tmp_path)
    houses.open("Northwind Models", "provider")

    text = houses.ok("authority", "brief", "--public").stdout
    page = houses.json("authority", "brief", "--public")
    everything = houses.json("authority", "brief")["engagements"][0]["rows"]

    assert "no engagement is published" in text
    assert "Northwind" not in text
    assert [] == page["engagements"]
    assert sum(map(len, everything.values())) == page["withheld"]


def test_clearing_an_item_publishes_its_line(tmp_path: Path, today: list[datetime]) -> None:
    """What `engagement clear` names is on the public page, and a correction takes it away again."""
    houses = Houses(tmp_path)
    case = houses.open("Northwind Models", "provider")
    opening = houses.json("authority", "engagement", "show", case)["entries"][0]["item"]
    words = ("--summary", "A law was adopted.", "--source", "https://law.example", "--confidence", "reported")
    noted = houses.json("authority", "engagement", "context", case, *words)["item"]
    because = ("--by", "press office", "--because", "public already")
    houses.ok("authority", "engagement", "clear", case, "--item", opening, "--item", noted, *because)

    assert ["2026-11-02: A law was adopted."] == rows(houses, "authority", "--public")["beside"]

    change = ("--corrects", noted, "--change", "summary=A bill was tabled.", "--because", "not adopted yet")
    houses.ok("authority", "engagement", "correct", case, *change)
    assert [] == rows(houses, "authority", "--public")["beside"]


def test_a_day_to_come_is_refused(tmp_path: Path, today: list[datetime]) -> None:
    """The page tells what was known, and never what will be."""
    houses = Houses(tmp_path)

    assert "expected a day that has come, by 2026-11-02T12:00:00.000Z; got 2026-11-03" in houses.refused(
        "authority", "brief", "--on", "2026-11-03"
    )
    assert "expected a day such as 2026-05-11" in houses.refused("authority", "brief", "--on", "last May")


def test_a_provider_reads_its_authorities(tmp_path: Path, today: list[datetime]) -> None:
    """In a provider's home the columns are its cases with authorities, headed by their names."""
    houses = Houses(tmp_path)
    words = ("--authority", "Office for AI", "--initiated-by", "provider", "--summary", "Access")
    houses.ok("provider", "engagement", "open", *words)

    text = houses.ok("provider", "brief").stdout.splitlines()

    assert text[0].startswith("Where we stand: Northwind Models")
    assert "Office for AI" == text[2].strip()
