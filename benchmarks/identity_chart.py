"""The chart of benchmark 5, out of `identity-result.json`.

    python -m benchmarks.identity_chart

A square for each variant and number of queries: the darker, the more often one session says "changed".
"""

import json
from pathlib import Path
from typing import Any, Final

import altair as alt
import vl_convert
from benchmarks.identity import RESULT, SIZES

CHART: Final = Path(__file__).parents[1] / "docs" / "images" / "identity-power.svg"
PARTS: Final = {"completions": "completions", "first_token": "first tokens at border inputs"}


def chart(found: dict[str, Any]) -> str:
    """The chart as SVG."""
    rows = [
        {"part": title, "served": row["name"], "queries": size, "share": row[str(size)]["changed"]}
        for key, title in PARTS.items()
        for row in found[key]
        for size in SIZES
    ]
    order = [row["name"] for row in found["completions"]]
    base = alt.Chart({"values": rows}).encode(
        x=alt.X("queries:O", title="queries", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("served:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
    )
    squares = base.mark_rect(stroke="white").encode(
        color=alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], range=["#f1f5f9", "#1e3a8a"]), legend=None)
    )
    numbers = base.mark_text(fontSize=12).encode(
        text=alt.Text("share:Q", format=".2f"),
        color=alt.condition("datum.share > 0.5", alt.value("white"), alt.value("#0f172a")),
    )
    drawn = (squares + numbers).properties(width=180, height=330).facet(
        column=alt.Column("part:N", title='How often one session says "changed"', sort=list(PARTS.values()))
    )
    return str(vl_convert.vegalite_to_svg(drawn.configure_view(stroke=None).to_json()))


def main() -> None:
    """Draw the chart of the last result."""
    CHART.write_text(chart(json.loads(RESULT.read_text())))


if __name__ == "__main__":
    main()
