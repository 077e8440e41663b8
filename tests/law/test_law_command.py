"""`comity law`: what it answers to people and to scripts, and how it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import icalendar
import pytest
from click.testing import CliRunner, Result
from made_law import PACKS

from comity.cli.main import main
from comity.law import known_packs

MADE = ("law", "--packs", str(PACKS))
SHIPS = "eu-ai-act" in known_packs()


def run(*words: str, env: dict[str, str] | None = None) -> Result:
    """One command, in a terminal of 120 columns."""
    return CliRunner().invoke(main, list(words), env={"COLUMNS": "120", **(env or {})})


def answered(*words: str) -> Any:
    """Its JSON."""
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.skipif(not SHIPS, reason="needs the pack of the AI Act")
def test_two_weeks_after_the_condition_is_known() -> None:
    """The notification of Art. 52(1), with the date, the reason, the source and the mark."""
    found = answered("law", "clock", "eu-ai-act", "AIA-52-1", "--on", "SR_CONDITION_MET_OR_KNOWN=2026-03-02")

    assert found["due"] == "2026-03-16"
    assert found["reasons"][0] == (
        "2 weeks after SR_CONDITION_MET_OR_KNOWN (2026-03-02, that day not counted): ends with 2026-03-16 (UTC)"
    )
    assert (found["ref"], found["confidence"], found["state"]) == ("Art. 52(1)", "primary", "overdue")


def test_packs_are_listed_with_how_sure_they_are() -> None:
    """Each pack, its versions, and its marks."""
    result = run(*MADE, "packs")

    assert result.exit_code == 0
    assert "test-law 2026-07-01  Nowhere" in result.stdout
    assert "also       test-law@2026-01-01" in result.stdout
    assert "test-law" in [pack["pack"] for pack in answered(*MADE, "packs")]


def test_further_packs_come_by_a_variable_as_well() -> None:
    """COMITY_LAW_PACKS names folders, as --packs does."""
    result = run("law", "duties", "test-law", "--json", env={"COMITY_LAW_PACKS": str(PACKS)})

    assert json.loads(result.stdout)["version"] == "2026-07-01"


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--who", "office"], ["T-10"]),
        (["--force", "code"], ["T-3", "T-5"]),
        (["--text", "business"], ["T-3"]),
        (["--text", "RECEIPT", "--force", "binding"], ["T-1", "T-4"]),
        (["--applies", "all_things", "--text", "no such words"], []),
    ],
)
def test_duties_can_be_chosen(filters: list[str], ids: list[str]) -> None:
    """By role, scope, force and words."""
    found = answered(*MADE, "duties", "test-law@2026-01-01", *filters)

    assert [duty["id"] for duty in found["duties"]] == ids


def test_a_duty_is_shown_with_its_mark() -> None:
    """Nobody reads an unconfirmed duty without seeing that it is one."""
    result = run(*MADE, "duties", "test-law@2026-01-01", "--text", "business days")

    assert "T-3  Report in business days [unconfirmed]" in result.stdout
    assert "1 of 14 duties of test-law 2026-01-01" in result.stdout


def clock(*more: str) -> Result:
    """The clock of one duty of the made pack."""
    return run(*MADE, "clock", "test-law@2026-01-01", *more)


def test_a_clock_shows_every_step() -> None:
    """Due time, state, reason, who owes it, what shows it, and each source in words."""
    said = clock("T-1", "--on", "STARTED=2026-03-02", "--at", "2026-03-10").stdout

    assert "due        2026-03-16, to the end of the day (UTC); 6 days left" in said
    assert "state      running" in said
    assert "owed by    maker (who makes a thing)" in said
    assert "shown by   note.s1, receipt" in said
    assert "law        test-law 2026-01-01, Art. 1; binding; The Test Law (T-1)" in said
    assert "read in    T1: the test law itself" in said
    assert "calendar   plain: Monday to Friday, without holidays; days end in UTC" in said


@pytest.mark.parametrize(
    ("at", "left"),
    [("2026-03-15", "1 day left"), ("2026-03-16", "today is the last day"), ("2026-03-17", "1 day late"),
     ("2026-03-16T12:00:00Z", "today is the last day"), ("2026-03-26", "10 days late")],
)  # fmt: skip
def test_a_clock_says_how_long_is_left(at: str, left: str) -> None:
    """In days where days are counted, whether a day or an instant is asked for."""
    assert f"; {left}" in clock("T-1", "--on", "STARTED=2026-03-02", "--at", at).stdout


def test_a_clock_by_the_hour_says_hours() -> None:
    """The last days of a limit in hours are told in hours."""
    said = clock("T-4", "--on", "NOTICED=2026-03-02T11:30:00+02:00", "--at", "2026-03-05T08:00:00Z").stdout

    assert "due        2026-03-05 09:30 UTC; 1 h 30 min left" in said


def test_stops_and_extensions_are_counted_and_shown() -> None:
    """A suspension and an extension, each with its cause."""
    said = clock(
        "T-1", "--on", "STARTED=2026-03-02", "--stop", "2026-03-05..2026-03-08=export control",
        "--extend", "P10D=asked for", "--at", "2026-03-09",
    ).stdout  # fmt: skip

    assert "due        2026-03-29, to the end of the day (UTC); 20 days left" in said
    assert "stood      from 2026-03-05 until 2026-03-08: export control" in said
    assert "extended by 10 days: asked for" in " ".join(said.split())


def test_a_stop_that_lasts_leaves_the_date_open() -> None:
    """While the clock stands still nobody knows its end."""
    said = clock("T-1", "--on", "STARTED=2026-03-02", "--stop", "2026-03-05..=export control", "--at", "2026-03-09")

    assert "due        not known while it stands still" in said.stdout
    assert "stood      from 2026-03-05 on: export control" in said.stdout


def test_a_request_s_day_and_the_day_of_meeting_it() -> None:
    """A duty on request is due when the request says, and is met in time or late."""
    words = ("T-8", "--until", "2026-04-01=request 7", "--at", "2026-05-01", "--json")

    assert json.loads(clock(*words).stdout)["state"] == "overdue"
    assert json.loads(clock(*words, "--met", "2026-04-01").stdout)["state"] == "met"
    assert json.loads(clock(*words, "--met", "2026-04-02").stdout)["state"] == "met late"


def test_a_legacy_duty_and_a_calendar_by_name() -> None:
    """The later day for what was there before; a country's holidays for business days."""
    assert json.loads(clock("T-9", "--legacy", "--json").stdout)["due"] == "2027-06-01"
    words = ("T-3", "--on", "NOTICED=2026-07-20", "--json")
    assert json.loads(clock(*words).stdout)["due"] == "2026-07-27"
    assert json.loads(clock(*words, "--calendar", "BE").stdout)["due"] == "2026-07-28"


def test_a_calendar_out_of_a_file(tmp_path: Path) -> None:
    """Its own holidays count, and its faults are named."""
    path = tmp_path / "own.yaml"
    path.write_text("calendar: 1\nname: own\nholidays: [2026-03-04]\nyears: {from: 2026, until: 2026}\n")
    words = ("T-3", "--on", "NOTICED=2026-03-02", "--calendar", str(path), "--json")
    assert json.loads(clock(*words).stdout)["due"] == "2026-03-10"

    path.write_text("calendar: 1\n")
    refused = clock(*words)
    assert (refused.exit_code, "own.yaml:1: name: expected this member" in refused.stderr) == (1, True)


def test_a_clock_is_written_as_a_calendar_file(tmp_path: Path) -> None:
    """For whatever program keeps the days."""
    path = tmp_path / "due.ics"
    clock("T-1", "--on", "STARTED=2026-03-02", "--at", "2026-03-03", "--ical", str(path))
    (event,) = icalendar.Calendar.from_ical(path.read_bytes()).walk("VEVENT")

    assert str(event["SUMMARY"]) == "T-1: Tell the office"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("T-99",), 2, "expected a duty of test-law 2026-01-01; got 'T-99'"),
        (("T-1", "--on", "STARTED"), 2, "expected EVENT=DATE; got 'STARTED'"),
        (("T-1", "--on", "STARTED=2026-02-30"), 2, "expected a day such as 2026-03-02"),
        (("T-1", "--on", "STARTED=2026-03-02T09:00:00"), 2, "an instant with its zone"),
        (("T-1", "--on", "NOTICED=2026-03-02"), 1, "expected one of its events, STARTED; got NOTICED"),
        (("T-1", "--stop", "2026-03-05=x"), 2, "expected FROM..TO=CAUSE"),
        (("T-1", "--stop", "2026-03-05..2026-03-01=x"), 1, "before it was stopped"),
        (("T-1", "--extend", "P1X=x"), 2, "expected a length of time such as P2W"),
        (("T-1", "--calendar", "nowhere"), 1, "expected plain, eu-institutions, a country's code"),
        (("T-1", "--calendar", "nowhere.yaml"), 2, "expected a calendar's file that can be read"),
    ],
)
def test_a_mistake_is_named_and_no_date_is_given(words: tuple[str, ...], status: int, message: str) -> None:
    """Misuse is 2 and what cannot be is 1; neither prints a date."""
    result = clock(*words)

    assert result.exit_code == status
    assert message in result.stderr
    assert not result.stdout


def test_a_pack_that_does_not_hold_is_refused_with_its_faults(tmp_path: Path) -> None:
    """Each fault with its file and line."""
    shutil.copytree(PACKS / "test-law" / "2026-01-01", tmp_path / "test-law" / "2026-01-01")
    path = tmp_path / "test-law" / "2026-01-01" / "duties-all.yaml"
    path.write_text(path.read_text().replace("who: [maker]", "who: [taker]"))
    result = run("law", "--packs", str(tmp_path), "duties", "test-law")

    assert result.exit_code == 1
    assert "test-law/2026-01-01/duties-all.yaml:2: duties[0].who[0]: expected one of maker, office" in result.stderr


def test_an_incident_lists_every_regime_at_once() -> None:
    """Each clock with its date, its reason and its source, and which regimes start none."""
    words = (*MADE, "incident", "--kind", "cybersecurity", "--pack", "test-law@2026-01-01",
             "--aware", "2027-03-01T09:30:00Z", "--at", "2027-03-02")  # fmt: skip
    said = run(*words).stdout
    found = {one["duty"]: one for one in answered(*words)["clocks"]}

    assert "2027-03-04 09:30 UTC  T-4: Report in hours" in said
    assert "2027-03-08            T-3: Report in business days [unconfirmed]" in said
    assert "no date yet           T-5: Report again and again" in said
    assert "Break-in (Art. 3): a break-in is urgent" in said
    assert found["T-4"]["why_this_clock"] == ["a break-in is urgent"]
    assert found["T-3"]["due"] == "2027-03-08"


def test_an_incident_that_no_regime_knows_says_so() -> None:
    """No clock is an answer as well."""
    result = run(*MADE, "incident", "--kind", "environment", "--pack", "test-law", "--aware", "2026-03-02")

    assert result.stdout == "No regime at hand starts a clock for that.\n"


def test_nobody_becomes_aware_in_the_future() -> None:
    """A slip in the year is not counted from."""
    result = run(*MADE, "incident", "--kind", "death", "--aware", "2027-03-02", "--at", "2026-03-02")

    assert (result.exit_code, "expected a time that is not after 2026-03-02" in result.stderr) == (2, True)


def test_a_model_is_classified_with_reasons() -> None:
    """Each question with its verdict, and what is unknown."""
    words = (*MADE, "classify", "test-law@2026-01-01", "--hardware",
             "units=16384,seconds=4665600,peak=989e12,utilisation=0.40", "--modality", "text",
             "--placed", "2025-06-01", "--condition", "licence=yes", "--not-designated")  # fmt: skip
    said = run(*words).stdout
    found = {one["question"]: one for one in answered(*words)["answers"]}

    assert "YES      Is its cumulative training compute more than 1.0e25 FLOP (presumption)?" in said
    assert answered(*words)["compute"].startswith("3.0e25 FLOP (hardware: 16384 units")
    assert {name: one["verdict"] for name, one in found.items()} == {
        "general": "yes", "systemic": "yes", "designation": "no", "modifier": "unknown", "open-source": "no",
        "legacy": "yes",
    }  # fmt: skip
    assert found["legacy"]["comply_by"] == "2027-08-02"
    assert found["general"]["reasons"][0]["confidence"] == "secondary"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--compute", "much"), "expected a number such as 1e25"),
        (("--compute", "1e25", "--architecture", "parameters=1,tokens=1"), "expected one of --compute, --hardware"),
        (("--architecture", "parameters=1e9"), "expected --architecture parameters=…,tokens=…"),
        (("--condition", "licence"), "expected ID=yes or ID=no"),
        (("--condition", "colour=yes"), "expected conditions out of licence"),
    ],
)
def test_facts_that_cannot_be_are_refused(words: tuple[str, ...], message: str) -> None:
    """A number that is none, two estimates, a condition that nobody asks."""
    result = run(*MADE, "classify", "test-law@2026-01-01", *words)

    assert (result.exit_code, message in result.stderr) == (2, True)


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_nothing_is_wider_than_the_terminal(columns: str) -> None:
    """Whatever the terminal, only an address may be longer than a line."""
    for words in (
        ("packs",), ("duties", "test-law"), ("clock", "test-law@2026-01-01", "T-3", "--on", "NOTICED=2026-03-02"),
        ("classify", "test-law@2026-01-01", "--compute", "1e25"),
        ("incident", "--kind", "death", "--aware", "2026-03-02"),
    ):  # fmt: skip
        said = run(*MADE, *words, env={"COLUMNS": columns}).stdout
        wide = [line for line in said.splitlines() if len(line) > int(columns) and "https://" not in line]
        assert not wide, wide
