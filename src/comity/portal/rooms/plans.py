"""Plans: what is left of a budget buys, what a plan would take of it, and what the frozen plans have taken.

A plan that somebody hands in is read, held against the terms and what is left, and forgotten: no part of it is kept or
entered.  Neither its seed nor its frame comes here, so what it takes is counted for the dearest items of its bank; the
evaluator's own `comity plan check`, which has both, says it to the item.  Tasks of other packages are not loaded by a
process that answers browsers: of their plans the page says what follows from the plan alone.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from comity.arrangement import Terms, money
from comity.estimate import clopper_pearson, wilson
from comity.evaluation import EvaluationError
from comity.evaluation.banks import whole_suite
from comity.evaluation.forecast import ClauseForecast, Forecast, forecast
from comity.evaluation.plan_text import parse_plan
from comity.evaluation.standing import UNASKED, Standing
from comity.evaluation.stopping import rule_of
from comity.evaluation.trade import trade_of
from comity.portal.house import the_house
from comity.portal.permissions import Allowed, Denied, decide
from comity.portal.projections.models import PlanRow, RunRow
from comity.portal.rooms.access import access_frame
from comity.portal.rooms.held_plans import bar, plan_at_hand
from comity.portal.rooms.spans import span
from comity.portal.rooms.templatetags.rooms import number

__all__ = ["bought", "curve", "plans"]

MOST: Final = 262_144
"""Bytes of a plan; the largest that the tests know has some five thousand."""
LEVEL: Final = 0.95
SIZES: Final = (25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800)
PER_PAGE: Final = 40
RUNS, FEW = 400, 10
"""Runs that a page reads, and shows of one plan; each leads to the others of its plan."""
DISTANCES: Final = (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2)
WIDE, HIGH, EDGE = 240, 80, 8
CLAUSES: Final = {"budget.input_tokens": "input_tokens", "budget.output_tokens": "output_tokens",
                  "budget.cost": "cost_nano"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What so many independent answers show."""

    items: int
    even: float
    """Half the width of the interval where the rate is one half."""
    rare: float
    """The same where it is one in ten."""
    none: float
    """Below which rate the true one is, where nothing was found."""
    mark: bool = False


def bought(left: int) -> list[Bought]:
    """What calls that are left buy, at one call an item, in steps and for all of them."""
    sizes = sorted({size for size in SIZES if size < left} | ({left} if left else set()))
    return [
        Bought(
            items=n, even=_half(n // 2, n), rare=_half(round(n / 10), n), none=clopper_pearson(0, n, LEVEL).high,
            mark=n == left,
        )
        for n in sizes
    ]  # fmt: skip


def _half(right: int, n: int) -> float:
    found = wilson(right, n, LEVEL)
    return (found.high - found.low) / 2


def curve(points: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """Widths over items, as the places of a line: each doubling of the items is as wide as the next."""
    if len(points) < 2:
        return {}
    first, last = math.log(points[0][0]), math.log(points[-1][0])
    across, up = (WIDE - 2 * EDGE) / (last - first), (HIGH - 2 * EDGE) / (max(width for _n, width in points) or 1.0)
    places = [
        (round(EDGE + across * (math.log(n) - first), 1), round(HIGH - EDGE - up * width, 1)) for n, width in points
    ]
    ends = [(*place, number(n), f"±{width:.1%}") for place, (n, width) in zip(places, points, strict=True)]
    return {
        "line": " ".join(f"{x},{y}" for x, y in places), "places": places, "first": ends[0], "last": ends[-1],
        "wide": WIDE, "high": HIGH, "foot": HIGH + 8,
    }  # fmt: skip


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def plans(request: HttpRequest, engagement: str, arrangement: str) -> HttpResponse:
    """What the budget buys, before and while plans run."""
    context = access_frame(request, engagement, arrangement)
    may = decide("plan.see", request.user, context["case"])
    if isinstance(may, Denied) and request.method == "POST":
        raise PermissionDenied(may.because)
    found = span(PlanRow.objects.filter(arrangement=arrangement), "-frozen", PER_PAGE, request, read=int)
    steps = bought(_left(context))
    context |= {
        "may_see": isinstance(may, Allowed), "span": found, "plans": list(_standing_plans(found.rows, context)),
        "steps": steps, "curve": curve([(one.items, one.even) for one in steps]), "faults": (),
    }  # fmt: skip
    if request.method == "POST":
        try:
            context |= _checked(request, context)
        except EvaluationError as refused:
            context["faults"] = str(refused).splitlines()
    return render(request, "portal/plans.html", context, status=422 if context["faults"] else 200)


def _left(context: Mapping[str, Any]) -> int:
    agreed, access = context["arrangement"].agreed, context["access"]
    if not agreed:
        return 0
    taken = access.stand["calls"]["permitted"]["count"] if access is not None else 0
    return max(0, int(agreed["calls"]) - int(taken))


def _standing_plans(rows: Sequence[PlanRow], context: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The frozen plans with their runs, and how far they are where the plan's text is at hand."""
    runs: dict[str, list[RunRow]] = {}
    wanted = RunRow.objects.filter(arrangement=context["arrangement"].arrangement, plan__in=[one.plan for one in rows])
    for run in wanted.order_by("-begun").defer("stand")[:RUNS]:
        runs.setdefault(run.plan, []).append(run)
    sees = isinstance(decide("plan.see", context["viewer"], context["case"]), Allowed)
    for row in rows:
        mine = runs.get(row.plan, [])[:FEW]
        plan = plan_at_hand(row.plan) if sees else None
        planned = plan.access.calls * max(1, row.runs) if plan is not None else 0
        yield {
            "row": row, "runs": mine, "more": row.runs - len(mine), "plan": plan, "planned": planned,
            "bar": bar(row.calls, planned),
        }


def _checked(request: HttpRequest, context: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan that is handed in takes and shows; raises `EvaluationError` with every fault."""
    file: Any = request.FILES.get("plan")
    if file is None or not file.size or file.size > MOST:
        raise EvaluationError(_("Choose the file of a plan; it has at most 256 kilobytes."))
    plan = parse_plan(file.read(), "plan")
    terms = _terms(context)
    bank = whole_suite(plan)
    made = forecast(plan, bank, terms, _standing(context), now=the_house().clock()) if bank and terms else None
    trade, rule = trade_of(plan), rule_of(plan)
    expected = [] if rule is None else [
        (found, found.above if distance > 0 else found.below)
        for distance in DISTANCES
        if 0.0 <= rule.threshold + distance <= 1.0
        for found in (rule.expect(rule.threshold + distance),)
    ]  # fmt: skip
    frozen = PlanRow.objects.filter(arrangement=context["arrangement"].arrangement, plan=plan.digest).first()
    return {
        "plan": plan, "forecast": made, "clauses": [] if made is None else [_clause(one, made) for one in made.clauses],
        "trade": trade, "rule": rule, "expected": expected, "frozen": frozen, "whole": bank is not None and not terms,
        "plan_curve": curve([(n, uniform) for n, uniform, _own in trade.widths]),
        "elsewhere": plan.arrangement != context["arrangement"].arrangement,
        "output": plan.access.calls * plan.decoding.max_tokens,
    }  # fmt: skip


def _clause(one: ClauseForecast, made: Forecast) -> dict[str, Any]:
    said = money if one.clause == "budget.cost" else number
    return {
        "clause": f"{one.clause} ({made.currency})" if one.clause == "budget.cost" else one.clause,
        "left": said(one.left), "expected": said(one.expected), "most": said(one.most),
        "repeated": said(one.with_repeats), "fits": one.fits, "items": one.items, "bar": bar(one.most, one.left),
    }  # fmt: skip


def _terms(context: Mapping[str, Any]) -> Terms | None:
    row = context["arrangement"]
    offers = the_house().offers_of(row.arrangement)
    return next((one.terms for one in offers if one.terms.version == row.version and len(one.signed_by) > 1), None)


def _standing(context: Mapping[str, Any]) -> Standing:
    """What the access ledger says is taken and what stands in the way; of this day alone the tables say nothing."""
    access = context["access"]
    if access is None:
        return UNASKED
    stand = access.stand
    taken = {"budget.calls": int(stand["calls"]["permitted"]["count"])}
    taken |= {clause: int(stand["taken"][name]) for clause, name in CLAUSES.items()}
    against = tuple(f"{one['kind']}: by the {one['by']}: {one['cause']}" for one in stand["standing"])
    return Standing(taken=taken, by_repeats={}, against=against, stood=UNASKED.stood)
