"""What was published about a run is on record, and only about a run that has finished."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from tests.arrangement import specimen
from tests.gateway.support import LiveGateway, RecordingProvider, live_gateway

from comity.cli.main import main

PLAN, RUN = "c" * 64, "d" * 32
FROZEN = {"kind": "plan.frozen", "plan": PLAN}
BEGUN = {"kind": "run.begun", "plan": PLAN, "run": RUN}
FINISHED = {"kind": "run.finished", "plan": PLAN, "run": RUN, "log": "e" * 64, "status": "success"}
ABORTED = {"kind": "run.aborted", "plan": PLAN, "run": RUN, "because": "the line broke"}
PUBLISHED = {"kind": "report.published", "plan": PLAN, "run": RUN, "report": "1" * 64, "page": "2" * 64}


def put(gateway: LiveGateway, members: dict[str, Any], secret: str = "") -> httpx.Response:
    key = {"authorization": f"Bearer {secret or gateway.secret}"}
    return httpx.post(gateway.door("/entries"), json=members, headers=key)


def test_a_report_on_a_finished_run_is_an_entry_each_time(tmp_path: Path) -> None:
    """The digests of numbers and page are held with who published them; a second report is a second entry."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        for members in (FROZEN, BEGUN, FINISHED):
            assert 201 == put(gateway, members).status_code
        first, second = put(gateway, PUBLISHED), put(gateway, PUBLISHED | {"page": "3" * 64})

        assert [201, 201] == [first.status_code, second.status_code]
        assert first.json()["index"] < second.json()["index"]
        held = gateway.of("report.published")
        assert ["2" * 64, "3" * 64] == [record.page for record in held]
        assert "evaluator-1" == held[0].person


@pytest.mark.parametrize("before", [[], [FROZEN], [FROZEN, BEGUN], [FROZEN, BEGUN, ABORTED]], ids=len)
def test_no_report_on_a_run_that_has_not_finished(tmp_path: Path, before: list[dict[str, Any]]) -> None:
    """An unknown, open or aborted run has no report; the refusal says what was expected."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        for members in before:
            assert 201 == put(gateway, members).status_code

        got = put(gateway, PUBLISHED)

        assert 400 == got.status_code
        assert "no run of this id was finished" in got.text
        assert [] == gateway.of("report.published")


def test_nobody_reports_on_anothers_run(tmp_path: Path) -> None:
    """A report is of the key that made the run, under the plan it was made under."""
    with RecordingProvider().running() as provider, live_gateway(tmp_path, provider.url) as gateway:
        for members in (FROZEN, BEGUN, FINISHED):
            assert 201 == put(gateway, members).status_code
        assert 201 == gateway.grant("second-secret").status_code

        assert 400 == put(gateway, PUBLISHED, "second-secret").status_code
        assert 400 == put(gateway, PUBLISHED | {"plan": "9" * 64}).status_code


@pytest.mark.parametrize("run", ["last", "0" * 32, "../keys", "runs"])
def test_a_run_that_is_not_there_is_said(tmp_path: Path, run: str) -> None:
    """The command names what it looked for, and opens nothing outside runs/."""
    home, terms = tmp_path / "home", tmp_path / "terms.json"
    terms.write_bytes(specimen.agreed().envelope)
    made = ["init", str(home), "--role", "evaluator", "--name", "Team", "--host", "team.example"]
    assert 0 == CliRunner().invoke(main, made).exit_code
    (home / "scores.json").write_text("{}")

    said = CliRunner().invoke(
        main, ["--home", str(home), "report", run, "--gateway", "http://127.0.0.1:9", "--terms", str(terms)]
    )

    assert 1 == said.exit_code
    assert "no finished run" in said.output
    assert sha256((home / "scores.json").read_bytes()).hexdigest() == sha256(b"{}").hexdigest()
