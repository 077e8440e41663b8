"""What the documentation shows of the portal's benchmark: a table and a chart on the page on speed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.published import PAGE, replaced

__all__ = ["BEGIN", "END", "chart", "publish", "tables"]

RESULT: Final = Path(__file__).with_name("portal-result.json")
CHART: Final = PAGE.parents[1] / "images" / "portal-speed.svg"
BEGIN: Final = "<!-- measured: written by make bench-portal ARGS=--record -->"
END: Final = "<!-- end of what was measured of the portal -->"
MOST_MS: Final = 300
"""What the 95th percentile of each page is held to."""
WIDE, ROW, LEFT = 720, 22, 170


def _ms(value: float) -> str:
    return f"{value:,.0f} ms"


def tables(result: Mapping[str, Any]) -> str:
    """Everything that a run measured, as the page shows it."""
    house, server, load = result["house"], result["server"], result["load"]
    told = {name: value for name, value in result["machine"].items() if name not in ("nginx", "wrk")}
    machine = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in told.items())
    rows = ["| page | visits | p50 | p95 | p99 | size |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, one in (*result["pages"].items(), ("every page", result["all"])):
        times = " | ".join(_ms(one[part]) for part in ("p50_ms", "p95_ms", "p99_ms"))
        rows.append(f"| {name} | {one['n']:,} | {times} | {one['bytes'] / 1e3:,.0f} kB |")
    over = [name for name, one in result["pages"].items() if one["p95_ms"] > MOST_MS]
    held = f"p95 is held to {MOST_MS} ms on every page: " + (f"missed by {', '.join(over)}." if over else "reached.")
    return "\n\n".join((
        f"One run, on {result['date']}, on one machine.\nThe machine: {machine}.\n"
        f"The house: {house['engagements']:,} engagements with {house['all_entries']:,} entries, "
        f"{house['entries']:,} in each of the largest {house['large']}, and {house['all_calls']:,} calls; "
        f"its tables take {house['tables_mb']:,.0f} MB, and the projector made them out of the ledgers in "
        f"{house['projected_s']:,.0f} s.\n"
        f"The load: {load['users']} people with {load['think_s']:g} s between two pages, for {load['seconds']:g} s: "
        f"{server['pages_per_s']:g} pages a second, {result['failed']} of which failed.\n"
        f"The server: {server['cpu_ms_per_page']:g} ms of its core for a page, {server['busy']:.0%} of it in all, "
        f"{server['rss_mb']:,.0f} MB in memory with its projector.",
        held,
        "\n".join(rows),
    ))  # fmt: skip


def chart(result: Mapping[str, Any]) -> str:
    """A line for each page from its p50 to its p99, with a mark at p95, as an SVG drawing."""
    pages = sorted(result["pages"].items(), key=lambda one: -one[1]["p95_ms"])
    most = max([MOST_MS * 1.1, *(one["p99_ms"] for _, one in pages)])
    tall = ROW * len(pages) + 56

    def x(value: float) -> float:
        return round(LEFT + (WIDE - LEFT - 30) * value / float(most), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {tall}" font-family="sans-serif" font-size="12">',
        "<title>How long each page of the portal takes: p50 to p99, with a mark at p95</title>",
        f'<rect width="{WIDE}" height="{tall}" fill="#fff"/>',
        f'<path d="M{x(MOST_MS)} 20V{tall - 34}" stroke="#b4632d" stroke-dasharray="4 3"/>',
        f'<text x="{x(MOST_MS)}" y="14" text-anchor="middle" fill="#b4632d">p95 is held to {MOST_MS} ms</text>',
    ]
    for place, (name, one) in enumerate(pages):
        y = 34 + place * ROW
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end" fill="#4d5968">{name}</text>')
        parts.append(f'<path d="M{x(one["p50_ms"])} {y}H{x(one["p99_ms"])}" stroke="#9fb8d1" stroke-width="5"/>')
        parts.append(f'<circle cx="{x(one["p95_ms"])}" cy="{y}" r="4.5" fill="#1d4f7c"/>')
    for value in range(0, int(most) + 1, 100):
        parts.append(f'<text x="{x(value)}" y="{tall - 16}" text-anchor="middle" fill="#4d5968">{value} ms</text>')
    return "\n".join((*parts, "</svg>")) + "\n"


def publish(result: Mapping[str, Any]) -> None:
    """Keep a run's result, and write the page's part and the chart from it."""
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), tables(result), BEGIN, END), encoding="utf-8")
    CHART.write_text(chart(result), encoding="utf-8")
