"""The demo, told once on the real local model, under a system-call trace where there is one."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from traced import ROLES, folders_opened, tracing

from comity.arrangement import verify_offer
from comity.cli.main import main
from comity.ledger import TileDirectory, open_checkpoint_strictly
from comity.records import parse_record

pytestmark = pytest.mark.slow

ITEMS = 60


@dataclass(frozen=True, kw_only=True)
class Told:
    """One telling of the demo."""

    status: int
    output: str
    errors: str
    result: dict[str, Any]
    folder: Path
    trace: Path | None


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("demo")
    watched, trace = tracing(folder / "trace")
    command = [
        sys.executable,
        "-m",
        "comity",
        "demo",
        "--act",
        "story",
        "--no-serve",
        "--json",
        "--items",
        str(ITEMS),
        "--folder",
        str(folder),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([*watched, *command], capture_output=True, text=True, check=False, env=environment)
    lines = done.stdout.strip().splitlines()
    result = json.loads(lines[-1]) if done.returncode == 0 else {}
    yield Told(
        status=done.returncode, output=done.stdout, errors=done.stderr, result=result, folder=folder, trace=trace
    )


def test_the_story_is_told_and_its_last_line_is_its_result(told: Told) -> None:
    """The demo ends with status 0 and one JSON object that names the ledger, its keys and its numbers."""
    assert 0 == told.status, told.errors[-4000:] + told.output[-4000:]
    wanted = {"seconds", "ledger", "log_vkey", "witness_vkeys", "arrangement", "calls", "refused", "estimates"}
    assert wanted <= told.result.keys()
    assert 2 == len(told.result["witness_vkeys"])
    assert 0 < told.result["first_number_seconds"] < told.result["seconds"]


def test_the_ledger_is_a_tile_directory_that_both_sides_cosigned(told: Told) -> None:
    """The copy opens under the policy of the signed terms, with every signature, and its counts are the result's."""
    directory = TileDirectory(Path(told.result["ledger"]))
    offer = verify_offer(Path(told.result["arrangement_file"]).read_bytes())

    verdict = open_checkpoint_strictly(directory.checkpoint(), offer.terms.ledger.policy)

    kinds = Counter(parse_record(entry).kind for entry in directory.entries(0, directory.size()))
    assert {"authority", "provider"} == {each.witness for each in verdict.cosigned_by}
    assert (told.result["calls"], told.result["refused"]) == (kinds["call.permitted"], kinds["call.refused"])
    assert kinds["call.permitted"] == kinds["call.settled"] >= told.result["stopped"]["asked"] + 12
    assert 1 <= told.result["refused"]


def test_the_estimates_come_with_interval_method_and_n(told: Told) -> None:
    """No number of the demo stands without its interval, its method, its n and what is missing."""
    assert told.result["estimates"]
    for estimate in told.result["estimates"]:
        assert 0 <= estimate["low"] <= estimate["point"] <= estimate["high"] <= 1
        assert estimate["method"] and estimate["n"] > 0 and "missing" in estimate


def test_the_model_scores_between_floor_and_ceiling(told: Told) -> None:
    """The local model's real score is neither none nor all: the suite can tell a small model from a large one."""
    main_run = told.result["estimates"][0]

    assert "betting-bank" == main_run["method"]
    assert 0.05 < main_run["point"] < 0.95


def test_the_main_run_asks_no_more_than_its_question_takes(told: Told) -> None:
    """It stops when it is decided whether the rate is above a tenth, says what was saved, and its interval agrees."""
    stopped, main_run = told.result["stopped"], told.result["estimates"][0]

    assert 10 <= stopped["asked"] == main_run["n"] <= ITEMS
    assert ITEMS - stopped["asked"] == stopped["saved"]
    assert (main_run["low"] > 0.1) == (stopped["decision"] == "above")
    assert ("saved" in told.output) == (stopped["decision"] != "open")


def test_the_second_provider_is_refused_a_grant_by_its_stage(told: Told) -> None:
    """The refusal names the stage and since when, and is an entry of the case."""
    assert "no arrangement in force; stage dialogue since" in told.output


def test_a_flipped_byte_fails_verification_with_its_place(told: Told, tmp_path: Path) -> None:
    """Any flipped byte in the copy's entries is named by its file."""
    copy = tmp_path / "copy"
    shutil.copytree(told.result["ledger"], copy)
    bundle = next(path for path in sorted((copy / "tile" / "entries").rglob("*")) if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 4
    bundle.write_bytes(bytes(data))

    done = CliRunner().invoke(main, ["verify", str(copy), "--arrangement", told.result["arrangement_file"]])

    assert 1 == done.exit_code
    assert str(bundle.relative_to(copy)) in done.output


def test_the_report_says_that_the_guard_lets_only_permitted_calls_through(told: Told) -> None:
    """The provider keeps a guard, its counters are an entry, and the page does not say that bypass is not excluded."""
    page = Path(told.result["report"]).read_text()
    directory = TileDirectory(Path(told.result["ledger"]))
    kinds = Counter(parse_record(entry).kind for entry in directory.entries(0, directory.size()))

    assert "guard lets only permitted calls through" in page
    assert "Bypass not excluded" not in page
    assert 1 <= kinds["guard.counted"]
    assert "✓ guard: " in told.output


def test_no_field_of_the_offer_is_typed_again(told: Told) -> None:
    """Every clause of the signed terms comes from the offer, a card, the count of versions or the one counter."""
    offered = json.loads(json.loads((told.folder / _made(told) / "mail" / "access-offer.json").read_text())["offer"])
    terms = json.loads(json.loads(Path(told.result["arrangement_file"]).read_text())["terms"])
    countered = {"budget.calls", "budget.per_day.calls"}
    from_cards = re.compile(
        r"id|version|previous|ledger\..*|parties\..*|people\..*|content\.recipients\..*|operator\.(by|name)|guard\..*key"
    )

    typed = {
        clause
        for clause, value in _leaves(terms).items()
        if _leaves(offered).get(clause) != value and clause not in countered and not from_cards.fullmatch(clause)
    }

    assert set() == typed
    assert set(_leaves(offered)) <= set(_leaves(terms))


def test_no_process_opens_another_sides_folder(told: Told) -> None:
    """The system-call trace shows each process opening files of one side's folder at most, the courier's of none."""
    if told.trace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    opened = folders_opened(told.trace, told.folder / _made(told))

    assert {(role, role) for role in ROLES} == opened


def _made(told: Told) -> str:
    return Path(told.result["arrangement_file"]).parent.parent.name


def _leaves(value: Any, where: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for name, item in value.items() for k, v in _leaves(item, f"{where}.{name}".strip(".")).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {k: v for n, item in enumerate(value) for k, v in _leaves(item, f"{where}.{n}").items()}
    return {where: value}
