"""What the documentation shows of a run: the tables of the page on speed, and its chart.

    python -m benchmarks.published RESULT.json

`make bench-gateway ARGS=--record` calls it after a run.  The result, as `--json` prints it, is kept beside this file,
so that the page can be written again without measuring again.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.peers.machine import ROOT

__all__ = ["BEGIN", "END", "RESULT", "chart", "publish", "replaced", "tables"]

RESULT: Final = Path(__file__).with_name("gateway-result.json")
PAGE: Final = ROOT / "docs" / "explanation" / "speed.md"
CHART: Final = ROOT / "docs" / "images" / "gateway-speed.svg"
BEGIN: Final = "<!-- measured: written by make bench-gateway ARGS=--record -->"
END: Final = "<!-- end of what was measured -->"

NAMES: Final = {
    "direct": "no gateway",
    "nginx": "nginx, plain proxy",
    "litellm": "LiteLLM",
    "portkey": "Portkey",
    "comity": "Comity",
    "interpreted": "Comity, interpreted",
}
LEVELS: Final = ("c1", "c32", "c256")
TO_REACH: Final = {"comity / litellm": 60, "comity / portkey": 6, "comity / nginx": 1 / 20}
"""What Comity's rate at 32 connections is held to, as a multiple of a peer's."""
MOST_ADDED_MS: Final = 2
"""What it may add to the median call at one connection."""
INK: Final = {"c1": "#9fb8d1", "c32": "#1d4f7c", "c256": "#b4632d"}
GREY: Final = {"line": "#d5dbe3", "text": "#4d5968"}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if abs(value) >= 100 else f"{value:.1f} ms" if abs(value) >= 10 else f"{value:.2f} ms"


def _effort(name: str, figures: Mapping[str, Any]) -> list[str]:
    """A gateway's processor time for a call at 32 connections, and its memory; nothing where there is no gateway."""
    if name == "direct":
        return ["", ""]
    return [f"{figures['c32']['cpu_us']:,.0f} µs", f"{figures['rss_mb']:.1f} MB"]


def _calls(result: Mapping[str, Any]) -> list[str]:
    found = [name for name in NAMES if name in result]
    rates = [
        [NAMES[name], *(f"{result[name][level]['rps']:,.0f}" for level in LEVELS), *_effort(name, result[name])]
        for name in found
    ]
    waits = [
        [NAMES[name], *(_ms(result[name][level][f"{kind}_ms"]) for level in LEVELS for kind in ("p50", "p99"))]
        for name in found
    ]
    parts = [
        _table(["calls a second", *(f"{level[1:]} open" for level in LEVELS), "core for a call", "memory"], rates),
        _table(["a call takes", *(f"{level[1:]}: {kind}" for level in LEVELS for kind in ("p50", "p99"))], waits),
    ]
    ratios = result.get("ratios", {})
    rows = [
        [
            NAMES[name.partition(" / ")[2]],
            f"{ratios[name]:.3g} ×",
            f"≥ {least:g} ×",
            "reached" if ratios[name] >= least else "missed",
        ]
        for name, least in TO_REACH.items()
        if name in ratios
    ]
    if rows:
        head = ["Comity's calls a second, at 32 connections, as a multiple of", "measured", "held to", ""]
        parts.append(_table(head, rows))
    if "added_p50_ms" in result.get("comity", {}).get("c1", {}):
        added = [result["comity"]["c1"][f"added_{kind}_ms"] for kind in ("p50", "p99")]
        state = "reached" if added[0] <= MOST_ADDED_MS else "missed"
        parts.append(
            f"At 1 connection Comity adds {_ms(added[0])} to a call (p50; held to ≤ {MOST_ADDED_MS} ms, {state}) and "
            f"{_ms(added[1])} (p99)."
        )
    return parts


def _streams(result: Mapping[str, Any]) -> list[str]:
    found = result.get("streams", {})
    rows = [
        [
            NAMES[name],
            *(_ms(found[name][member]) for member in ("p50_ms", "p99_ms")),
            *(_ms(found[name][member]) if member in found[name] else "" for member in ("added_p50_ms", "added_p99_ms")),
            "" if name == "direct" else f"{found[name]['cpu_us']:,.0f} µs",
            f"{found[name]['whole']} of {found[name]['streams']}",
        ]
        for name in NAMES
        if name in found
    ]
    head = ["an event takes, with 500 streams open", "p50", "p99", "added, p50", "p99", "core for an event", "whole"]
    return [_table(head, rows)] if rows else []


def _rest(result: Mapping[str, Any]) -> list[str]:
    parts = []
    if "stop" in result:
        found, stop = result["stop"], result["stop"]["stop"]
        parts.append(
            f"After a party's signed stop the last byte of {found['streams']} open streams came {_ms(stop['max_ms'])} "
            f"later at the latest (p50 {_ms(stop['p50_ms'])}; held to ≤ 1 s); {found['cut']} streams were cut, and "
            f"every connection was closed after {_ms(stop['closed_max_ms'])}."
        )
    if "memory" in result:
        found = result["memory"]["rss_mb_after_calls"]
        rows = [[f"{int(calls):,}", f"{megabytes:.1f} MB"] for calls, megabytes in found.items()]
        parts.append(_table(["after so many calls at 32 connections", "Comity's memory"], rows))
    if "ledger_size" in result:
        rows = [
            [
                f"{int(entries):,} entries, {found['megabytes']:,.0f} MB",
                *(f"{found[level]['rps']:,.0f}" for level in ("c1", "c32")),
                *(_ms(found[level]["p50_ms"]) for level in ("c1", "c32")),
            ]
            for entries, found in result["ledger_size"].items()
        ]
        head = ["Comity's ledger holds", "calls a second, 1", "calls a second, 32", "a call takes, 1: p50", "32: p50"]
        parts.append(_table(head, rows))
    return parts


def tables(result: Mapping[str, Any]) -> str:
    """Everything that a run measured, as the page shows it."""
    machine = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in result["machine"].items())
    versions = ", ".join(f"{NAMES.get(name, name)} {value}" for name, value in result["versions"].items())
    parts = [
        f"One run, on {result['date']}, on one machine.\nThe machine: {machine}.\nVersions: {versions}.\n"
        f"Durability of Comity's ledger: {result['durability']}.",
        *_calls(result),
        *_streams(result),
        *_rest(result),
        *(f"{NAMES.get(name, name)}: not measured: {why}" for name, why in result.get("not_measured", {}).items()),
    ]
    return "\n\n".join(parts)


def replaced(page: str, text: str, begin: str = BEGIN, end: str = END) -> str:
    """A page with its measured part written anew; raises `ValueError` where it has no such part."""
    before, begun, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"expected the page to hold the marks {begin} and {end}")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def chart(result: Mapping[str, Any]) -> str:
    """Calls a second of each peer at each number of connections, on a logarithmic scale, as an SVG drawing."""
    import altair as alt  # here, because a bench that records nothing needs no charts
    import vl_convert

    rows = [
        {"peer": NAMES[name], "rate": result[name][level]["rps"], "at": level[1:]}
        for name in NAMES
        if name in result
        for level in LEVELS
    ]
    order = [row["peer"] for row in rows[:: len(LEVELS)]]
    levels = [level[1:] for level in LEVELS]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "rate:Q",
            title="calls a second (logarithmic)",
            scale=alt.Scale(type="log", nice=True),
            axis=alt.Axis(format="~s", values=[10, 100, 1000, 10_000, 100_000]),
        ),
        y=alt.Y("peer:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=10)),
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        color=alt.Color(
            "at:N",
            sort=levels,
            scale=alt.Scale(domain=levels, range=[INK[level] for level in LEVELS]),
            legend=alt.Legend(title="connections", orient="top", symbolOpacity=1),
        )
    )
    numbers = (
        base.transform_filter("datum.at == '32'")
        .mark_text(dy=-14, color=INK["c32"], fontSize=12)
        .encode(text=alt.Text("rate:Q", format=",.0f"))
    )
    drawn = (
        alt.layer(points, numbers)
        .properties(width=560, height=52 * len(order), padding=12)
        .configure(background="#fff", font="sans-serif")
        .configure_view(strokeOpacity=0)
        .configure_axis(
            labelColor=GREY["text"], titleColor=GREY["text"], gridColor=GREY["line"], domainColor=GREY["line"],
            tickColor=GREY["line"], labelFontSize=13, titleFontSize=13, titleFontWeight="normal", titlePadding=10,
        )
        .configure_legend(labelColor=GREY["text"], titleColor=GREY["text"], labelFontSize=13, titleFontSize=13)
        .configure_axisX(domain=False)
    )  # fmt: skip
    return str(vl_convert.vegalite_to_svg(drawn.to_dict())) + "\n"


def publish(result: Mapping[str, Any]) -> None:
    """Keep a run's result, and write the page's tables and the chart from it."""
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), tables(result)), encoding="utf-8")
    CHART.write_text(chart(result), encoding="utf-8")


def main() -> None:
    """Write page and chart from a result that was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, nargs="?", default=RESULT)
    publish(json.loads(parser.parse_args().result.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
