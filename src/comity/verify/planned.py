"""What was planned: the seed that a plan committed to, deviations from it, its judge, and what it decides.

A report about a run under a `plan/2` has the member `planned`:

    {"decision":{…},"deviations":[{"amended","because","by","entry","plan"},…],
     "judges":[{"ledger","model","permitted","recipient","refused"},…],
     "seed":{"commitment","revealed"},"standing":"as-planned"}

| member | follows from |
| --- | --- |
| `standing` | `exploratory` where a deviation names the run's plan, as what was left or as what was put in its place |
| `deviations` | every `plan.deviated` about the run's plan |
| `seed` | the plan's commitment and the entry that tells what it commits to; empty where the seed stands in the plan |
| `judges` | every `judge.called` of the run |
| `decision` | the plan's threshold, and the exact interval below; absent where the plan states no threshold |

A decision counts what is missing against itself, both ways: the interval goes from Clopper and Pearson's lower end with
every missing row wrong to their upper end with every missing row right, so no assumption about why rows are missing
goes into it.  Its alpha is the plan's, divided by the number of decisions in the family: the first step of Holm, which
holds whatever the other decisions find.  Two-sided, each end has half of it; one-sided, each end has all of it.  Under
`betting_cs` the ends are those of the bank's betting sequence, as the stopping rule looks at it (`comity.estimate`).
Of a sample that was drawn from a frame `comity.estimate.Sampled` decides: by pooled counts where it is stratified, by
the bets at the threshold where it is active.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, cast

from comity.estimate import Estimate, Sampled, betting_sequence, clopper_pearson
from comity.records import JudgeCalled, PlanDeviated, Record, ScoresCommitted, SeedRevealed
from comity.verify.errors import MalformedPlanFile
from comity.verify.facts import Fact, Faults, counted
from comity.verify.history import History, entry

__all__ = ["PRINTED", "alpha_of", "check_planned", "decide_by_plan", "empty_fields", "planned_members"]

FORMATS: Final = ("plan/2",)
"""Plans about which a report says what was planned; `plan/1` states nothing of it."""

PRINTED: Final[tuple[tuple[str, str], ...]] = (
    ("title", "title"),
    ("suite", "claim.population"),
    ("model", "target.model"),
    ("protocol", "target.protocol"),
    ("counts.intended", "design.items"),
    ("missing", "missing"),
    ("estimates.0.point", "claim.estimand"),
    ("estimates.0.method", "outputs.methods"),
    ("estimates.0.level", "outputs.level"),
    ("calls.run", "access.calls"),
    ("planned.decision.threshold", "claim.threshold.value"),
    ("planned.decision.source", "claim.threshold.source"),
    ("planned.judges.0.permitted", "scoring.judge.model"),
    ("planned.seed.revealed", "design.seed_commitment"),
)
"""What a report prints, and the field of the plan without which it may not be printed."""


def empty_fields(report: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What stands in a report although the plan leaves the field empty on which it rests."""
    return tuple((path, field) for path, field in PRINTED if _at(report, path) and not _at(plan, field))


def planned_members(
    plan: Mapping[str, Any],
    scores: Iterable[int | None],
    entries: Iterable[tuple[int, Record]],
    *,
    run: str,
    digest: str,
    sample: Sampled | None = None,
) -> dict[str, Any]:
    """The member `planned` of a report; empty for a plan that states nothing of it.

    `scores` are those of the first epoch, `entries` those that the report covers, `digest` is the plan's.  Raises
    `MalformedPlanFile` where the plan's threshold cannot be read.
    """
    if plan.get("plan") not in FORMATS:
        return {}
    try:
        return _planned(plan, tuple(scores), tuple(entries), run, digest, sample)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise MalformedPlanFile(f"what it plans cannot be read: {error!r:.200}") from None


def _planned(
    plan: Mapping[str, Any],
    scores: tuple[int | None, ...],
    known: tuple[tuple[int, Record], ...],
    run: str,
    digest: str,
    sample: Sampled | None,
) -> dict[str, Any]:
    deviations = [
        {
            "entry": index,
            "by": record.by,
            "plan": record.plan,
            "amended": record.amended,
            "because": record.because,
        }
        for index, record in known
        if isinstance(record, PlanDeviated) and digest in (record.plan, record.amended)
    ]
    judges = [
        {
            "recipient": record.recipient,
            "model": record.model,
            "ledger": record.ledger,
            "permitted": record.permitted,
            "refused": record.refused,
        }
        for _, record in known
        if isinstance(record, JudgeCalled) and record.run == run
    ]
    commitment = plan["design"].get("seed_commitment")
    told = [index for index, record in known if isinstance(record, SeedRevealed) and record.run == run]
    decided = decide_by_plan(plan, scores, sample)
    return {
        "standing": "exploratory" if deviations else "as-planned",
        "deviations": deviations,
        "judges": judges,
        "seed": {"commitment": commitment, "revealed": told[0]} if commitment and told else {},
        **({"decision": decided} if decided else {}),
    }


def alpha_of(plan: Mapping[str, Any]) -> float:
    """The chance that the plan's decision may be wrong with: its alpha, divided by the decisions of the family."""
    claim = plan["claim"]
    whole = Decimal(claim["alpha"]) if "alpha" in claim else 1 - Decimal(plan["outputs"]["level"])
    return float(whole) / _family(claim)


def _family(claim: Mapping[str, Any]) -> int:
    return len(claim.get("multiplicity", {}).get("family", ())) or 1


def decide_by_plan(
    plan: Mapping[str, Any], scores: tuple[int | None, ...], sample: Sampled | None = None
) -> dict[str, Any]:
    """What the plan's threshold and these scores decide; empty where the plan states no threshold."""
    claim = plan["claim"]
    if "threshold" not in claim:
        return {}
    threshold, family = claim["threshold"], _family(claim)
    alpha, sides = alpha_of(plan), str(claim.get("sides", "two"))
    level = 1 - alpha if sides == "two" else 1 - 2 * alpha
    sequential = plan["design"].get("stopping", {}).get("rule", "fixed") == "betting_cs"
    right, missing = sum(score == 1 for score in scores), sum(score is None for score in scores)
    bank = int(claim["population"]["size"]) if sequential else None
    low, high = "0.000000", "1.000000"
    if scores:
        low = _ends(right, len(scores), 1 - alpha if sequential else level, bank)[0]
        high = _ends(right + missing, len(scores), 1 - alpha if sequential else level, bank)[1]
    at = Decimal(str(threshold["value"]))
    verdict = "exceeds" if Decimal(low) > at else "below" if Decimal(high) < at else "undetermined"
    method = "betting-bank" if sequential else "clopper-pearson"
    if sample is not None:
        active = sample.design.kind == "active"
        made = sample.decide(float(threshold["value"]), 1 - alpha if active else level)
        low, high, method = made.low, made.high, made.method
        verdict = {"above": "exceeds", "below": "below", "open": "undetermined"}[made.decision]
    shown = {"above": {"exceeds": "shown", "below": "refuted"}, "below": {"below": "shown", "exceeds": "refuted"}}
    return {
        "threshold": str(threshold["value"]),
        "direction": str(threshold["direction"]),
        "source": _line(threshold["source"]),
        "alpha": f"{alpha:.12g}",
        "family": family,
        "sides": sides,
        "method": method,
        "n": len(scores),
        "missing": missing,
        "low": low,
        "high": high,
        "verdict": verdict,
        "claim": shown[threshold["direction"]].get(verdict, "open"),
        "consequence": _line(claim.get("consequence", {}).get(verdict, "")),
    }


def check_planned(plan: Mapping[str, Any], history: History, *, run: str, digest: str) -> Fact:
    """The seed that was told is the one that the plan commits to; deviations came before what they could bend."""
    faults = Faults("planned")
    commitment = plan.get("design", {}).get("seed_commitment")
    told = [(index, record) for index, record in history if isinstance(record, SeedRevealed) and record.run == run]
    if commitment and not told:
        faults.add("plan.json", "it commits to a seed, and no entry of the run tells it: nobody can draw again")
    for index, revealed in told:
        found = sha256(f"comity seed/1\n{plan.get('id')}\n{revealed.seed}".encode()).hexdigest()
        if found != commitment:
            faults.add(entry(index), f"the seed told makes {found}, the plan commits to {commitment}")
    scored = {str(record.plan): index for index, record in reversed(history) if isinstance(record, ScoresCommitted)}
    deviations = 0
    for index, record in history:
        if not isinstance(record, PlanDeviated):
            continue
        for name, about in (("", str(record.plan)), ("amended ", record.amended)):
            if about in scored and scored[about] < index:
                said = f"scores under the {name}plan {about} stood at entry {scored[about]} already: it came after them"
                faults.add(entry(index), said)
        deviations += digest in (record.plan, record.amended)
    seed = f"its seed was told at entry {told[0][0]}" if told else "its seed stands in the clear"
    held = f"exploratory: {counted(deviations, 'deviation')} from it" if deviations else "no deviation from it"
    return faults.fact(f"{seed}; {held}")


def _line(text: Any) -> str:
    """A text of the plan in one line."""
    return " ".join(str(text).split())


def _ends(right: int, n: int, level: float, bank: int | None) -> tuple[str, str]:
    """The interval's ends as an estimate writes them, rounded outwards."""
    exact = bank is None
    made: Estimate = clopper_pearson(right, n, level) if exact else betting_sequence(right, n, level, bank=bank)
    members = made.as_json()
    return cast(str, members["low"]), cast(str, members["high"])


def _at(members: Mapping[str, Any], path: str) -> Any:
    """What stands at a path, or nothing."""
    found: Any = members
    for step in path.split("."):
        if isinstance(found, list):
            found = found[int(step)] if int(step) < len(found) else None
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found if found not in (None, "", [], {}) else None
