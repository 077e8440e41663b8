"""Two cheats with a finished report: a run that is left out, and a number that is edited in the page.

Both start from the honest bundle that `comity report` makes, change it as consistently as a forger can
(`comity.cli.demo.edit`), and give it to a stranger with `comity verify` and the signed terms, and nothing else.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

from comity.cli.demo.scene import Cheat, Scene, facts

__all__ = ["edit_page", "leave_out_a_run", "make_report"]

POINT = "estimates.0.point"


def make_report(scene: Scene) -> Path:
    """The evaluator reports the better of its runs, and nothing of the other; the honest bundle."""
    better = max(scene.runs, key=lambda run: int(run["estimates"][0]["successes"]))
    scene.reported = better
    made = scene.stage.run_json(
        "evaluator", "report", better["run"], "--gateway", scene.story.gateway,
        "--terms", scene.story.mail("terms.json"), "--out", scene.story.mail("report"),
    )  # fmt: skip
    return Path(made["bundle"])


def leave_out_a_run(scene: Scene, bundle: Path) -> None:
    """The evaluator claims that the run it reports is the only one."""
    honest = scene.verify(bundle)
    altered = scene.evidence("5-only-one-run.zip")
    counts = {"plans_frozen": 1, "begun": 1, "finished": 1}
    changes = [part for name, value in counts.items() for part in ("--set", f"runs.{name}={value}")]
    scene.cheat("edit", "", "--bundle", str(bundle), "--out", str(altered), *changes)
    verdict = scene.verify(altered)
    said = any("1 of 2 runs" in fact["detail"] for fact in honest["facts"] if fact["name"] == "covers")
    cheat = Cheat(
        who="evaluator",
        what="Reports one of its two runs, and claims that there was no other.",
        caught_by="anyone with `comity verify`",
        evidence=str(altered),
        caught=honest["stands"] and said and _named(verdict, "runs.begun"),
    )
    scene.told(
        cheat,
        "Every run is an entry before its first call, so the ledger counts them whatever the report says.",
        *facts(honest, "covers", brief=True),
        *facts(verdict, "report", brief=True),
    )


def edit_page(scene: Scene, bundle: Path) -> None:
    """The publisher writes a better number into the page."""
    edited = scene.evidence("6-edited-page.zip")
    true = Decimal(scene.reported["estimates"][0]["point"])
    better = true + Decimal("0.25") if true < Decimal("0.7") else true - Decimal("0.25")
    scene.cheat("edit", "", "--bundle", str(bundle), "--out", str(edited), "--page-only", "--set", f"{POINT}={better}")
    verdict = scene.verify(edited)
    cheat = Cheat(
        who="publisher",
        what=f"Edits the number in the report's page: {true:.1%} becomes {better:.1%}.",
        caught_by="anyone with `comity verify`",
        evidence=str(edited),
        caught=_named(verdict, POINT),
    )
    scene.told(
        cheat,
        "Each number is computed again from the committed scores, and the edited one is named.",
        *facts(verdict, "page", brief=True),
    )


def _named(verdict: dict[str, Any], path: str) -> bool:
    """Whether the verdict fails and names this number."""
    return not verdict["stands"] and any(
        path in fact["where"] + fact["detail"] for fact in verdict["facts"] if fact["holds"] is False
    )
