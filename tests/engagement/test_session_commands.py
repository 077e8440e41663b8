"""Sessions in the terminal: two houses that share nothing but files hold the same entries."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_commands import Houses

from comity.cli.home import Home

HELD = (
    "--form", "source-code", "--subject", "gemma-3-270m", "--participant", "evaluator-1", "--host", "engineer-1",
    "--shown", "the sampler", "--condition", "no copies", "--begin", "2026-12-01T09:00:00.000Z",
    "--end", "2026-12-01T11:30:00.000Z",
)  # fmt: skip


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Houses, str, str]:
    """Two houses with an arrangement in force since 30 November, on the evening of 1 December."""
    today = [datetime(2026, 11, 30, 12, tzinfo=UTC)]
    monkeypatch.setattr(Home, "clock", lambda home: today[0])
    houses = Houses(tmp_path)
    case = houses.open("Northwind Models")
    houses.agreed(case)
    words = ("--authority", "Office for AI", "--initiated-by", "authority", "--summary", "Access")
    other = str(houses.json("provider", "engagement", "open", *words)["engagement"])
    houses.ok("provider", "engagement", "receive", other, houses.at("agreed.json"))
    today[0] = datetime(2026, 12, 1, 18, tzinfo=UTC)
    return houses, case, other


def test_a_session_is_entered_handed_over_countersigned_and_taken_back(both: tuple[Houses, str, str]) -> None:
    """Both ledgers end with the same two entries, and each house says the same of them."""
    houses, case, other = both
    houses.write("notes.txt", "what was seen")
    words = (*HELD, "--notes", houses.at("notes.txt"), "--out", houses.at("session.json"))
    entered = houses.json("authority", "engagement", "session", case, *words)
    assert ("entered", "authority") == (entered["status"], entered["by"])

    taken = houses.json("provider", "engagement", "session", other, "--from", houses.at("session.json"))
    assert entered["session"] == taken["session"]
    words = (taken["session"][:8], "--countersign", "--out", houses.at("answer.json"))
    given = houses.json("provider", "engagement", "answer-session", other, *words)
    words = (taken["session"][:8], "--from", houses.at("answer.json"))
    back = houses.json("authority", "engagement", "answer-session", case, *words)

    assert ("countersigned", "signed") == (given["status"], given["signed"]) == (back["status"], back["signed"])
    ours = houses.json("authority", "engagement", "show", case)["entries"][-2:]
    theirs = houses.json("provider", "engagement", "show", other)["entries"][-2:]
    assert [{**entry, "index": 0} for entry in ours] == [{**entry, "index": 0} for entry in theirs]
    assert 64 == len(ours[0]["notes"])
    text = houses.ok("authority", "engagement", "sessions", case).stdout
    assert "source-code of gemma-3-270m, 2026-12-01 09:00 to 2026-12-01 11:30 UTC: the sampler" in text
    assert "countersigned by the provider, signed" in text


def test_a_contest_says_why(both: tuple[Houses, str, str]) -> None:
    """The reason travels under the signature, and without one nothing is entered."""
    houses, case, other = both
    session = houses.json("authority", "engagement", "session", case, *HELD, "--out", houses.at("s.json"))["session"]
    houses.ok("provider", "engagement", "session", other, "--from", houses.at("s.json"))

    said = houses.refused("provider", "engagement", "answer-session", other, session[:8], "--contest")
    assert "expected the reason why the session is contested" in said
    words = (session[:8], "--contest", "--because", "it was half an hour", "--out", houses.at("a.json"))
    houses.ok("provider", "engagement", "answer-session", other, *words)
    told = houses.ok("authority", "engagement", "answer-session", case, session[:8], "--from", houses.at("a.json"))
    assert "contested by the provider, signed: it was half an hour" in told.stdout


def test_what_cannot_be_a_session_or_an_answer_is_refused(both: tuple[Houses, str, str]) -> None:
    """Each refusal says what was expected, and nothing is entered."""
    houses, case, other = both
    session = houses.json("authority", "engagement", "session", case, *HELD, "--out", houses.at("s.json"))["session"]
    before = len(houses.json("authority", "engagement", "show", case)["entries"])

    own = houses.refused("authority", "engagement", "answer-session", case, session[:8], "--countersign")
    assert "expected the other side's answer; the authority entered the session" in own
    again = houses.refused("authority", "engagement", "session", case, "--from", houses.at("s.json"))
    assert "is held already" in again
    none = houses.refused("provider", "engagement", "answer-session", other, session[:8], "--countersign")
    assert "no item of this case is called" in none
    early = [word.replace("2026-12-01T09", "2026-11-01T09") for word in HELD]
    assert "in force at 2026-11-01" in houses.refused("authority", "engagement", "session", case, *early)
    foreign = houses.refused("authority", "engagement", "answer-session", case, session, "--from", houses.at("s.json"))
    assert "expected an entry of a case" in foreign
    assert 2 == houses.run("authority", "engagement", "session", case).exit_code
    assert 2 == houses.run("authority", "engagement", "answer-session", case, session).exit_code
    assert before == len(houses.json("authority", "engagement", "show", case)["entries"])


def test_an_answer_on_paper_is_told_as_one(both: tuple[Houses, str, str]) -> None:
    """The authority may enter what came on paper; nobody takes it for a signature."""
    houses, case, _ = both
    session = houses.json("authority", "engagement", "session", case, *HELD)["session"]
    words = (session, "--countersign", "--on-paper")
    assert "on paper" == houses.json("authority", "engagement", "answer-session", case, *words)["signed"]
