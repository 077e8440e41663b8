"""A case under a law pack of one's own: read under it by every command; and a case as it stood on a past day."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from comity.cli.main import main

PACKS = Path(__file__).parents[1] / "law" / "packs"
ADDED = """
schema: 1
pack: house-law
version: "2026-09-01"
title: The house law
jurisdiction: EU
about: What two houses promised each other.
roles: {provider: a maker of models}
scopes: {all_models: every model}
events: {FLAW_FOUND: a test showed a flaw}
phases: {}
evidence: {flaw_report: the report}
instruments:
- {key: code, title: The code of two houses, confidence: primary}
sources: {M1: the signed copy}
"""
DUTIES = """
duties:
- id: HL-1
  ref: Section 1
  title: Tell the office of a flaw
  who: [provider]
  applies: all_models
  trigger: FLAW_FOUND
  deadline: "due:FLAW_FOUND+3BD"
  evidence: [flaw_report]
  force: voluntary
  instrument: code
  src: [M1]
  confidence: primary
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An authority's home, and a folder with a pack beside it."""
    folder = tmp_path / "packs" / "house-law" / "2026-09-01"
    folder.mkdir(parents=True)
    (folder / "pack.yaml").write_text(ADDED)
    (folder / "duties-all.yaml").write_text(DUTIES)
    words = ["init", str(tmp_path / "home"), "--role", "authority", "--name", "Office", "--host", "office.example"]
    assert 0 == CliRunner().invoke(main, words).exit_code
    return tmp_path / "home"


def run(home: Path, *words: str, packs: Path | None = None) -> Result:
    """One command at this home, with or without the folder of packs."""
    env = {"COMITY_LAW_PACKS": str(packs) if packs else None, "COLUMNS": "120"}
    return CliRunner().invoke(main, ["--home", str(home), *words], env=env)


def test_every_command_reads_a_case_under_its_own_pack(home: Path) -> None:
    """Its clocks, its assessment and the brief, by `--packs` too; without the folder each says what it misses."""
    packs = home.parent / "packs"
    opening = ("engagement", "open", "--provider", "Aurora", "--initiated-by", "provider", "--summary", "s")
    opened = run(home, *opening, "--law", "house-law", packs=packs)
    assert 0 == opened.exit_code, opened.output
    event = ("engagement", "event", "aurora", "--event", "FLAW_FOUND", "--on", "2026-09-04", "--summary", "a flaw")
    told = run(home, *event, packs=packs)
    assert 0 == told.exit_code, told.output

    asked = {("engagement", "clocks", "aurora"): "HL-1", ("law", "assess", "aurora", "--all"): "HL-1", ("brief",): ""}
    for words, shown in asked.items():
        found = run(home, *words, packs=packs)
        assert (0, True) == (found.exit_code, shown in found.output), (words, found.output)
        lost = run(home, *words)
        assert 1 == lost.exit_code and "expected one of the packs at hand" in lost.output, (words, lost.output)
    named = run(home, "law", "--packs", str(packs), "assess", "aurora", "--all")
    assert (0, True) == (named.exit_code, "HL-1" in named.output)


def test_a_folder_that_is_not_there_is_named(home: Path) -> None:
    """The variable is named, and the folder that it names."""
    opening = ("engagement", "open", "--provider", "Aurora", "--initiated-by", "provider", "--summary", "s")
    refused = run(home, *opening, packs=home / "nowhere")

    assert 1 == refused.exit_code
    assert "COMITY_LAW_PACKS: expected folders with law packs" in refused.output


def test_a_case_is_shown_as_it_stood(home: Path, tmp_path: Path) -> None:
    """By the time of entry; a day on which it was not begun, or that has not come, is refused."""
    sample = tmp_path / "sample"
    assert 0 == CliRunner().invoke(main, ["init", str(sample), "--sample"]).exit_code
    now = json.loads(run(sample, "engagement", "show", "openai", "--json").stdout)
    dates = [entry["at"][:10] for entry in now["entries"]]
    then = json.loads(run(sample, "engagement", "show", "openai", "--on", dates[3], "--json").stdout)

    assert [entry for entry in now["entries"] if entry["at"][:10] <= dates[3]] == then["entries"] != now["entries"]
    assert 1 == run(sample, "engagement", "show", "openai", "--on", "2999-01-01").exit_code
    early = run(sample, "engagement", "show", "openai", "--on", "2001-01-01")
    assert 1 == early.exit_code and "Traceback" not in early.output
