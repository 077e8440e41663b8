"""Adequacy, versions and the terms' clocks in the terminal: a home, its files, and what the commands print."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import specimen
from click.testing import CliRunner, Result
from rich_world import AT, CASE, TERMS, page, rich_access, rich_case

from comity.arrangement import countersign, offer_terms
from comity.cli.adequacy_text import fit, lines
from comity.cli.home import Home
from comity.cli.main import main
from comity.engagement.adequacy_cells import Cell
from comity.ledger import create_ledger
from comity.records import to_bytes


class Desk:
    """An authority's home that holds the rich story."""

    def __init__(self, root: Path) -> None:
        self.home, self.access = root / "home", root / "access.sqlite"
        self.run("init", str(self.home), "--role", "authority", "--name", "Office for AI", "--host", "office.example")
        folder = self.home / "engagements" / ("e" * 32)
        folder.mkdir(parents=True)
        self._write(folder / "ledger.sqlite", CASE, [to_bytes(record) for record in rich_case().records])
        self._write(self.access, TERMS.ledger.origin, [to_bytes(record) for record in rich_access().records])
        agreed = countersign(offer_terms(TERMS, specimen.PROVIDER), specimen.AUTHORITY)
        terms = self.home / "arrangements" / TERMS.id / "terms-1.json"
        terms.parent.mkdir(parents=True)
        terms.write_bytes(agreed.envelope)

    @staticmethod
    def _write(path: Path, origin: str, entries: list[bytes]) -> None:
        ledger = create_ledger(path, origin=origin)
        ledger.append(entries, tags=("case",))
        ledger.close()

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, words, catch_exceptions=False)

    def ok(self, *words: str) -> str:
        result = self.run("--home", str(self.home), "engagement", *words)
        assert 0 == result.exit_code, result.output
        return result.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))

    def refused(self, *words: str) -> str:
        result = self.run("--home", str(self.home), "engagement", *words)
        assert 1 == result.exit_code, result.output
        return result.stderr


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk on 25 November."""
    monkeypatch.setattr(Home, "clock", lambda home: AT)
    return Desk(tmp_path)


def test_the_page_in_the_terminal(desk: Desk) -> None:
    """A row an item, a row a clause, the days and what took them; each figure as the story has it."""
    text = desk.ok("adequacy", "Aurora Systems", "--access", str(desk.access))

    assert re.search(r"Chains of thought +● agreed +◐ evidenced +1 call +1 refusal", text)
    assert re.search(r"Source code +◐ agreed +! contested +– +declined", text)
    assert re.search(r"Free of charge +○ agreed +○ attested +· +–", text)
    assert "31 of 30 promised; the Code's example is 20" in text
    assert "2026-11-10 to 11-11  2 days, suspension by the provider: operational (access" in text
    assert "The draft is not known to be adopted" in text


def test_every_cell_of_the_json_names_its_entries_in_full(desk: Desk) -> None:
    """A script can follow each status to the ledger that it is in."""
    members = desk.json("adequacy", "aurora", "--access", str(desk.access))
    (one,) = members["pages"]
    cells = [row[name] for row in one["items"] + one["clauses"] for name in ("promised", "delivered", "used", "denied")]
    entries = {entry.partition("#")[0] for cell in cells for entry in cell["entries"]}

    assert {CASE, TERMS.ledger.origin} == entries
    assert (31, 7, 6) == (len(one["days"]["granted"]), len(one["days"]["lost"]), one["days"]["to_come"])
    assert {"draft": True, "confidence": "secondary"}.items() <= one["items"][-1].items()


def test_one_item_in_full(desk: Desk) -> None:
    """Words and entries of each cell of an item or a clause; a name that is none is refused."""
    text = desk.ok("adequacy", "aurora", "--access", str(desk.access), "--item", "raw-outputs")
    assert "◐ evidenced: 5 answers to calls that asked for logprobs" in text
    assert "entries access" in text
    clause = desk.ok("adequacy", "aurora", "--item", "successor.access_days")
    assert "nova-6 overdue, due 2026-11-14" in clause
    said = desk.refused("adequacy", "aurora", "--item", "colour")
    assert "expected an item or a clause of the page; got 'colour'" in said


def test_without_the_access_ledger_the_page_says_so(desk: Desk) -> None:
    """Calls are not known, and no day is counted."""
    text = desk.ok("adequacy", "aurora")
    assert "not known: no access ledger at hand; --access FILE names one" in text
    assert "Business days are counted once the terms and the access ledger are at hand." in text
    assert "no arrangement of this case that came into force is called 'zzzz'" in desk.refused(
        "adequacy", "aurora", "--arrangement", "zzzz"
    )


def test_the_page_of_a_past_day(desk: Desk) -> None:
    """On 8 October nobody had called."""
    members = desk.json("adequacy", "aurora", "--access", str(desk.access), "--on", "2026-10-08")
    found = {row["item"]: row for row in members["pages"][0]["items"]}
    assert "evidenced" == found["activations"]["delivered"]["status"]
    assert "not used" == found["raw-outputs"]["used"]["status"]
    assert "expected a day that has come" in desk.refused("adequacy", "aurora", "--on", "2027-01-01")


def test_a_case_before_any_arrangement_has_its_page(desk: Desk) -> None:
    """What was asked is shown, and that nothing was promised."""
    text = desk.ok("adequacy", "aurora", "--on", "2026-09-01")
    assert "no arrangement came into force" in text


def test_versions_of_a_provider(desk: Desk) -> None:
    """Released, notified, access, depth, untested and overdue, each with its entries."""
    text = desk.ok("versions", "Aurora Systems", "--access", str(desk.access))
    assert re.search(r"nova-6\n +released +2026-10-15 \(case \d+\)\n +notified +2026-11-05 \(case \d+\)", text)
    assert "access     no entry says so" in text
    assert "tested     never" in text and "untested   41 days since its release" in text
    words = " ".join(text.split())
    assert "OVERDUE Give access to a newer version: due 2026-11-14 (successor.access_days; case" in words
    assert "1 run, 5 items, 11 answers, the last on 2026-10-16" in words
    members = desk.json("versions", "aurora", "--access", str(desk.access))
    assert ["nova-6", "nova-5", "nova-5-open"] == [one["version"] for one in members["versions"]]
    assert "expected the name of a provider with an engagement here" in desk.refused("versions", "Borealis")
    assert "not known: no access ledger at hand" in desk.ok("versions", "aurora")


def test_a_missed_notice_is_among_what_is_due(desk: Desk) -> None:
    """The terms' clocks stand beside the law's, by the clause."""
    due = {one["duty"]: one for one in desk.json("due")["due"]}
    assert ("2026-11-14", "overdue", "provider") == tuple(due["successor.access"][x] for x in ("due", "state", "by"))
    clocks = {one["duty"]: one for one in desk.json("clocks", "aurora", "--all")["clocks"]}
    assert "met late" == clocks["successor.notice"]["state"]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_the_table_fits_its_terminal(width: int) -> None:
    """No line is wider than the terminal, down to the 66 columns that the cells take."""
    for shown in (page(), page(no_access=True), page(at=datetime(2026, 10, 8, 20, tzinfo=UTC))):
        text = [re.sub(r"\x1b\[\d*m", "", line) for line in lines(shown, width)]
        widest = max(text, key=len)
        assert len(widest) <= max(width, 66), widest


@pytest.mark.parametrize(
    ("cell", "columns", "shown"),
    [
        (Cell(status="agreed", words="api", mark="attested"), 20, "○ agreed: api"),
        (Cell(status="agreed", words="api", mark="attested"), 11, "○ agreed"),
        (Cell(status="used", words="18 of 400 calls", short="18 calls"), 12, "18 calls"),
        (Cell(status="used", words="18 of 400 calls", short="18 calls"), 15, "18 of 400 calls"),
        (Cell(status="denied", words="far too long for this"), 8, "denied"),
        (Cell(status="contested", words="by the provider"), 12, "! contested"),
        (Cell(status="not promised"), 12, "–"),
        (Cell(status="not recorded", words="no entry could show it"), 12, "·"),
        (Cell(status="not known", words="no access ledger at hand"), 11, "not known"),
    ],
)
def test_a_cell_shows_as_much_as_fits(cell: Cell, columns: int, shown: str) -> None:
    """Words, else the figure, else the status; a mark stands before what is kept or shown."""
    assert shown == fit(cell, columns)
