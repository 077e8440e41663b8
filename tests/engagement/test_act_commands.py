"""Each kind of item has its command: a clerk enters it in the terminal, and is told what the law asks for."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from comity.cli.main import main
from comity.engagement.acts import ACTS as COMMANDS
from comity.records import CaseItem, known_kinds

ELSEWHERE = {
    "case.opened", "contact.named", "document.attached", "document.disclosed", "document.erased", "message.exchanged",
    "notes.opened", "note.written", "session.held", "session.answered", "terms.commented", "version.approved",
    "contract.signed",
}  # fmt: skip
"""Kinds that other commands enter: opening, files, mail, notes, sessions and negotiation."""


class Desk:
    """An authority's home with one case, used through commands."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ok("init", str(home), "--role", "authority", "--name", "Office for AI", "--host", "office.example")
        words = ("--provider", "Aurora Systems", "--initiated-by", "provider", "--summary", "Talks on access.")
        self.case = self.json("open", *words)["engagement"]

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, words, catch_exceptions=False)

    def ok(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result.output

    def engagement(self, *words: str) -> Result:
        return self.run("--home", str(self.home), "engagement", *words)

    def json(self, *words: str) -> dict[str, Any]:
        result = self.engagement(*words, "--json")
        assert result.exit_code == 0, result.output
        told: dict[str, Any] = json.loads(result.stdout)
        return told

    def enter(self, command: str, *words: str) -> str:
        """Enter an item in the case; returns its id."""
        return str(self.json(command, self.case, *words)["item"])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A clerk's desk."""
    return Desk(tmp_path / "home")


INFORMATION = (
    "--legal-basis", "Art. 91(1)", "--purpose", "Assess compliance.", "--asked", "compute", "--asked", "energy",
    "--until", "2099-09-30", "--fines-notice", "Art. 101(1)(b)",
)  # fmt: skip


def test_every_kind_of_item_can_be_entered() -> None:
    """No kind exists that only a program can write."""
    kinds = {cls.kind for cls in known_kinds().values() if issubclass(cls, CaseItem)}

    assert kinds - ELSEWHERE == {act.kind.kind for act in COMMANDS.values()}


def test_a_request_is_answered_item_by_item(desk: Desk) -> None:
    """The beginning of an id is enough to name it, and the case says what is open."""
    request = desk.enter("request-information", *INFORMATION)
    shown = desk.json("show", "aurora")
    assert [("provider", "2099-09-30", True)] == [(m["waits_for"], m["until"], m["open"]) for m in shown["matters"]]

    answers = ("--answers", "1=supplied", "--answers", "2=not-held=no meter")
    desk.enter("answer-information", "--request", request[:6], "--by", "provider", *answers)

    (matter,) = desk.json("show", "Aurora Systems")["matters"]
    assert ("answered", False) == (matter["outcome"], matter["open"])


def test_an_item_is_named_by_its_entry(desk: Desk) -> None:
    """What `show` prints at the beginning of a line names the item; a finding's entry names the finding."""
    desk.enter("request-information", *INFORMATION)
    desk.enter("extend", "--extends", "1", "--until", "2099-10-30", "--because", "a holiday")
    words = ("--by", "authority", "--stage", "preliminary", "--duty", "AIA-53-1A", "--conclusion", "c")
    words = (*words, "--finds", "undetermined")
    desk.enter("finding", *words)
    desk.enter("finding", "--finding", "3", *words)
    entries = desk.json("show", desk.case)["entries"]

    assert entries[2]["extends"] == entries[1]["item"]
    assert (entries[3]["finding"], 2) == (entries[4]["finding"], entries[4]["finding_version"])
    assert "no item of this case is called '77'" in desk.engagement(
        "extend", desk.case, "--extends", "77", "--until", "2099-12-01", "--because", "b"
    ).output


def test_an_incomplete_request_is_refused_with_its_article(desk: Desk) -> None:
    """Nothing is entered, and the message says what is missing and why."""
    result = desk.engagement("request-access", desk.case, "--ground", "b", "--legal-basis", "Art. 92(1)(b)")

    assert 1 == result.exit_code
    assert "expected purpose, reasons, subject, means, until, fines_notice and board_consulted" in result.output
    assert "Art. 92(1), (3) and (4)" in result.output
    assert 1 == len(desk.json("show", desk.case)["entries"])


def test_a_long_text_comes_from_a_file(desk: Desk, tmp_path: Path) -> None:
    """`@` names the file; a file that is no text is refused."""
    (tmp_path / "why.txt").write_text("Because of this.\nAnd that.\n", encoding="utf-8")
    (tmp_path / "raw").write_bytes(b"\xff")
    desk.enter("topic", "--topic", "safety", "--summary", f"@{tmp_path / 'why.txt'}")

    assert "Because of this.\nAnd that." == desk.json("show", desk.case)["entries"][-1]["summary"]
    result = desk.engagement("topic", desk.case, "--topic", "x", "--summary", f"@{tmp_path / 'raw'}")
    assert (1, True) == (result.exit_code, "expected text in UTF-8" in result.output)


def test_an_officer_who_looked_earlier_is_told_what_came_since(desk: Desk) -> None:
    """With --seen, nothing is entered over what somebody else entered meanwhile."""
    desk.enter("topic", "--topic", "safety")
    result = desk.engagement("meeting", desk.case, "--topic", "safety", "--seen", "1")

    assert 1 == result.exit_code
    assert "expected the case as it was with 1 entries; since then: topic.opened" in result.output
    assert "--seen 2" in result.output
    desk.enter("meeting", "--topic", "safety", "--seen", "2")


def test_officers_at_once_lose_nothing(desk: Desk) -> None:
    """Six processes enter a topic each, all having seen one entry: one is in, five are told, none is overwritten."""
    begin = [sys.executable, "-m", "comity", "--home", str(desk.home), "engagement", "topic", desk.case, "--seen", "1"]
    pipes: dict[str, Any] = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    running = [subprocess.Popen([*begin, "--topic", f"t{n}"], **pipes) for n in range(6)]
    told = [process.communicate()[1].decode() for process in running]

    assert [0, 1, 1, 1, 1, 1] == sorted(process.returncode for process in running)
    assert 5 == sum("since then: topic.opened" in text or "moved on" in text for text in told), told
    assert 2 == len(desk.json("show", desk.case)["entries"])


def test_a_finding_gets_its_next_version_and_a_reply_its_digest(desk: Desk) -> None:
    """Whoever enters them types neither number nor digest."""
    words = ("--by", "authority", "--stage", "preliminary", "--duty", "AIA-53-1A", "--conclusion", "Parts are missing.")
    words += ("--finds", "infringement")
    desk.enter("finding", *words)
    first = desk.json("show", desk.case)["entries"][-1]
    desk.enter("finding", "--finding", first["finding"][:8], *words)
    reply = ("--by", "provider", "--position", "disputes", "--summary", "They are there.")
    desk.enter("reply", "--finding", first["finding"][:8], *reply)
    entries = desk.json("show", desk.case)["entries"]

    assert [1, 2, 2] == [entry["finding_version"] for entry in entries[-3:]]
    assert entries[-1]["digest"] != "" and entries[-2]["finding"] == first["finding"]


def test_a_correction_and_a_withdrawal_in_the_terminal(desk: Desk) -> None:
    """`show` marks what was withdrawn, and both say why."""
    meeting = desk.enter("meeting", "--on", "2026-05", "--topic", "access", "--count", "4–5")
    desk.enter("correct", "--corrects", meeting[:8], "--change", "count=several", "--because", "the press says so")
    desk.enter("withdraw", "--withdraws", meeting[:8], "--because", "entered twice")
    text = desk.engagement("show", desk.case).output

    assert "(withdrawn)" in text
    assert "entered twice" in text


def test_clocks_in_the_terminal_and_as_a_calendar_file(desk: Desk, tmp_path: Path) -> None:
    """A clock names its day, its reason and its entry; the file is a calendar."""
    desk.enter("event", "--event", "SR_CONDITION_MET_OR_KNOWN", "--subject", "nova-5", "--on", "2026-03-02")
    found = desk.json("clocks", desk.case, "--all", "--ical", str(tmp_path / "due.ics"))["clocks"]
    (clock,) = [one for one in found if one["duty"] == "AIA-52-1"]

    assert ("2026-03-16", "overdue") == (clock["due"], clock["state"])
    assert clock["entries"][0].endswith("#1")
    assert (tmp_path / "due.ics").read_bytes().startswith(b"BEGIN:VCALENDAR")
    overdue = desk.json("due", "--days", "14")["due"]
    assert "AIA-52-1" in [one["duty"] for one in overdue]
    assert [] == desk.json("due", "--at", "2026-01-01")["due"]


def test_a_case_keeps_the_version_of_the_law_it_was_opened_under(desk: Desk) -> None:
    """Another case may be opened under the older text, and its clocks are that text's."""
    words = ("--provider", "Borealis Labs", "--initiated-by", "authority", "--summary", "s", "--law")
    older = desk.json("open", *words, "eu-ai-act@2024-07-12")
    assert "eu-ai-act 2024-07-12" == older["law"]
    refused = desk.engagement("open", *words, "eu-ai-act@1999-01-01")

    assert (1, True) == (refused.exit_code, "expected a version of eu-ai-act at hand" in refused.output)


def test_tables_are_written_for_other_tools(desk: Desk) -> None:
    """Brought up to date or made anew, the rows are the same."""
    desk.enter("topic", "--topic", "safety")
    first = desk.json("tables")
    desk.enter("topic", "--topic", "access")
    grown, again = desk.json("tables"), desk.json("tables", "--rebuild")

    assert first["digest"] != grown["digest"] == again["digest"]


def test_a_finding_is_named_by_any_of_its_versions(desk: Desk) -> None:
    """The id or the entry that was printed when it was stated; what is no finding makes no new one."""
    words = ("--by", "authority", "--stage", "preliminary", "--duty", "AIA-53-1A", "--conclusion", "Parts are missing.")
    words += ("--finds", "infringement")
    first = desk.enter("finding", *words)
    desk.enter("finding", "--finding", first[:8], *words)
    entries = desk.json("show", desk.case)["entries"]
    assert [1, 2] == [entry["finding_version"] for entry in entries[-2:]]
    assert entries[-1]["finding"] == entries[-2]["finding"]

    topic = desk.enter("topic", "--topic", "t", "--summary", "s")
    result = desk.engagement("finding", desk.case, "--finding", topic[:8], *words)
    assert 1 == result.exit_code and "expected a finding or a version of one" in result.stderr
