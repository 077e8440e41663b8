"""What the documentation shows of a run: the tables of the page on sampling, and its chart.

    python -m benchmarks.learning.published RESULT.json
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.machine import ROOT
from benchmarks.published import replaced

__all__ = ["RESULT", "chart", "publish", "tables"]

RESULT: Final = Path(__file__).parents[1] / "evaluation-result.json"
PAGE: Final = ROOT / "docs" / "explanation" / "sampling.md"
CHART: Final = ROOT / "docs" / "images" / "queries-to-a-decision.svg"
BEGIN: Final = "<!-- measured: written by make bench-evaluation ARGS=--record -->"
END: Final = "<!-- end of what was measured -->"
INK: Final = {"stopping alone": "#9fb8d1", "with history": "#1d4f7c"}
GREY: Final = {"line": "#d5dbe3", "text": "#4d5968"}
DECISIONS: Final = ("decision_10_uniform", "decision_10_active", "decision_20_uniform", "decision_20_active")
HELD_TO: Final = {"decision_gain_10": (2, 3), "decision_gain_20": (5, 8), "rmse_gain": (1.7, 2.5)}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---", *["---:"] * (len(head) - 1)], *rows])


def _measured(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: one for name, one in result["by_matrix"].items() if "skipped" not in one}


def _targets(result: Mapping[str, Any]) -> str:
    named = {
        "decision_gain_10": "fewer queries to a decision, 10 points away",
        "decision_gain_20": "fewer queries to a decision, 20 points away",
        "rmse_gain": "fewer queries for the same error",
    }
    rows = []
    for key, (least, stretch) in HELD_TO.items():
        if key in result:
            found = result[key]
            reached = "goal beyond reached" if found >= stretch else "reached" if found >= least else "missed"
            rows.append([named[key], f"{found:.2f} ×", f"{least} ×", f"{stretch} ×", reached])
    worst = f"{result['false_decision_max']:.2%}"
    rows.append(["false decisions at the boundary, worst cell", worst, "5 %", "", _held(result["false_decision_ok"])])
    lowest, held = f"{result['coverage_min']:.2%}", _held(result["coverage_ok"])
    rows.append([f"coverage, worst of {result['coverage_cells']} cells", lowest, "95 % less chance", "", held])
    if result.get("overhead") is not None:
        overhead = float(result["overhead"])
        rows.append(["overhead of a run", f"{overhead:+.1%}", "10 %", "", _held(overhead <= 0.1)])
    return _table(["median over the matrices", "measured", "held to", "goal beyond", ""], rows)


def _held(ok: bool) -> str:
    return "reached" if ok else "missed"


def tables(result: Mapping[str, Any]) -> str:
    """Everything that a run measured, as the page shows it."""
    measured = _measured(result)
    decisions = [
        [
            name, f"{one['models']} × {one['items']:,}", str(one["history"]),
            *(f"{one[key]['gain']:.2f} ×" for key in DECISIONS),
            f"{one['decision_gain_10_finite']:.2f} ×",
            f"{one['decision_10_active']['right']:.1%}",
        ]
        for name, one in measured.items()
    ]  # fmt: skip
    errors = [
        [
            name, str(one["rmse_queries"]), f"{one['rmse_gain']:.2f} ×", f"{one['rmse_gain_hindsight']:.2f} ×",
            f"{one['rmse_gain_over_difficulty']:.2f} ×",
            f"{one['rmse_gain_leaky']:.2f} ×", f"{one['rmse_gain_shuffled']:.2f} ×", one["note"],
        ]
        for name, one in measured.items()
    ]  # fmt: skip
    boundary = [
        [name, cell["model"], f"{cell['rate']:.1%}", cell["design"], f"{cell['false']:.2%}"]
        for name, one in measured.items()
        for cell in one["boundary"]
    ]
    return "\n\n".join(
        [
            f"Each cell rests on at least {result['repetitions']:,} repetitions.",
            _targets(result),
            "![Queries to a decision](../images/queries-to-a-decision.svg)",
            "Queries to a decision, as the multiple by which 263 exceeds them:",
            _table(
                ["matrix", "models × items", "history", "stopping, 10 points", "with history", "stopping, 20 points",
                 "with history", "of a finite bank, 10 points", "decided right, 10 points"],
                decisions,
            ),
            "Queries for the same error:",
            _table(
                ["matrix", "queries", "gain", "in hindsight", "over difficulty", "leaky", "shuffled", "note"], errors
            ),
            "False decisions where the threshold is the rate itself; `anti` is history with its sign turned, "
            "`estimating` draws as a plan does that ends at no threshold:",
            _table(["matrix", "model", "rate", "design", "false"], boundary),
        ]
    )  # fmt: skip


def chart(result: Mapping[str, Any]) -> str:
    """Queries to a decision at 10 points, stopping alone and with history, as an SVG drawing."""
    import altair as alt  # here, because a bench that records nothing needs no charts
    import vl_convert

    rows = [
        {"matrix": name, "queries": one[f"decision_10_{design}"]["queries"], "how": how}
        for name, one in _measured(result).items()
        for design, how in (("uniform", "stopping alone"), ("active", "with history"))
    ]
    across = alt.X("queries:Q", title="queries to a decision 10 points away; the uniform design asks 263")
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=across,
            y=alt.Y("matrix:N", sort=None, title=None),
            yOffset=alt.YOffset("how:N", sort=list(INK)),
            color=alt.Color(
                "how:N", scale=alt.Scale(domain=list(INK), range=list(INK.values())), legend=alt.Legend(title=None)
            ),
        )
    )
    rule = alt.Chart(alt.InlineData(values=[{"queries": 263}])).mark_rule(color="#b4632d", strokeDash=[4, 3])
    drawing = (
        alt.layer(bars, rule.encode(x="queries:Q"))
        .properties(width=440, height=36 * len(rows) // 2)
        .configure(background="white", font="sans-serif")
        .configure_view(strokeOpacity=0)
        .configure_axis(
            labelColor=GREY["text"], titleColor=GREY["text"], gridColor=GREY["line"], labelLimit=240,
            titleFontWeight="normal",
        )
        .configure_axisY(grid=False)
    )  # fmt: skip
    return str(vl_convert.vegalite_to_svg(drawing.to_dict()))


def publish(result: Mapping[str, Any]) -> None:
    """Write the result, the page's measured part and the chart."""
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), tables(result), BEGIN, END), encoding="utf-8")
    CHART.write_text(chart(result) + "\n", encoding="utf-8")


def main() -> None:
    """Publish a result that was printed before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    publish(json.loads(parser.parse_args().result.read_text(encoding="utf-8").splitlines()[-1]))


if __name__ == "__main__":
    main()
