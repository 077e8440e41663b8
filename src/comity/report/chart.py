"""The chart of a report: each estimate as a point on its interval, drawn when the page is made.

Altair describes it, vl-convert draws it; both work offline, and no font is fetched.  The result is one `<svg>`
element for use inside a page: it scales to its column, bears a title and a description for those who do not see it,
and holds no script, no style and no link.  Its colours are placeholders that the page's style sheet replaces
(`svg.chart [stroke="…"]`), so that one drawing serves paper, light and dark; without the sheet they are fit to be seen.

What it shows: for each method the interval as a bar and the point as a dot; where answers are missing, a pale band from
the rate if every missing one were wrong to the rate if every one were right.

The numbers themselves stand in the table beside it: a chart is an illustration, not a claim.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import vl_convert
from markupsafe import Markup, escape

__all__ = ["INK", "LABELS", "interval_chart"]

LABELS: Final = {
    "wilson": "Wilson", "clopper-pearson": "Clopper–Pearson", "jeffreys": "Jeffreys", "korn-graubard": "Korn–Graubard",
    "betting-bank": "betting", "betting-drawn": "betting",
}  # fmt: skip
INK: Final = {"data": "#1d4f7c", "pale": "#cfdceb", "line": "#d5dbe3", "text": "#4d5968", "paper": "#fdfdfe"}
"""Colour of each part; the style sheet of the page names the same values."""

SVG_NAMESPACE: Final = 'xmlns="http://www.w3.org/2000/svg"'


def interval_chart(estimates: Sequence[Mapping[str, Any]], *, width: int, key: str, label: str) -> Markup:
    """The drawing for a column of `width` pixels; `key` makes its ids unique in the page, `label` describes it."""
    rows = [
        {
            "method": LABELS[one["method"]],
            **{name: float(one[name]) for name in ("point", "low", "high", "worst_low", "worst_high")},
            "missing": one["missing"],
        }
        for one in estimates
    ]
    ticks = [0, 0.5, 1] if width < 500 else [0, 0.2, 0.4, 0.6, 0.8, 1]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("method:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=10))
    )
    across = alt.X(
        "low:Q",
        title="Share of judged answers that are right",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", labelFlush=False, values=ticks),
    )
    layers = [
        base.transform_filter("datum.missing > 0").mark_bar(height=30, color=INK["pale"]).encode(
            x=alt.X("worst_low:Q"), x2="worst_high:Q"
        ),
        base.mark_rule(color=INK["data"], strokeWidth=3).encode(x=across, x2="high:Q"),
        base.mark_tick(color=INK["data"], thickness=3, size=16, opacity=1).encode(x=alt.X("low:Q")),
        base.mark_tick(color=INK["data"], thickness=3, size=16, opacity=1).encode(x=alt.X("high:Q")),
        base.mark_point(filled=True, size=150, color=INK["data"], stroke=INK["paper"], strokeWidth=2, opacity=1).encode(
            x=alt.X("point:Q")
        ),
    ]  # fmt: skip
    left = 120
    padding = {"left": 2, "right": 22, "top": 4, "bottom": 2}
    chart = (
        alt.layer(*layers)
        .properties(width=width - left - 28, height=46 * len(rows), padding=padding)
        .configure(background="transparent", font="sans-serif")
        .configure_view(strokeOpacity=0)
        .configure_axis(
            labelColor=INK["text"], titleColor=INK["text"], gridColor=INK["line"], domainColor=INK["line"],
            tickColor=INK["line"], labelFontSize=13, titleFontSize=13, titleFontWeight="normal", titlePadding=10,
        )
        .configure_axisY(grid=False, minExtent=left, maxExtent=left)
    )  # fmt: skip
    return _inline(vl_convert.vegalite_to_svg(chart.to_dict()), key=key, label=label)


def _inline(svg: str, *, key: str, label: str) -> Markup:
    """The drawing as a part of a page: sized by its view box, described, and without what a page need not say twice."""
    head = re.match(r'<svg [^>]*viewBox="(?P<box>[0-9. -]+)"[^>]*>', svg)
    if head is None or "<script" in svg or "<style" in svg or " style=" in svg or "href=" in svg:
        raise AssertionError("the chart is not the plain drawing that it was asked to be")
    body = svg[head.end() :].replace('id="', f'id="{key}-').replace("url(#", f"url(#{key}-")
    opening = (
        f'<svg {SVG_NAMESPACE} class="chart" viewBox="{head["box"]}" role="img" '
        f'aria-labelledby="{key}-title {key}-desc">'
        f'<title id="{key}-title">Estimates with their intervals</title><desc id="{key}-desc">{escape(label)}</desc>'
    )
    return Markup(opening + body)  # the drawing is ours; the label is escaped
