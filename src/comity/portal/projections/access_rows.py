"""What the tables hold of an access ledger: its figures, each with the entries behind it."""

from datetime import datetime
from typing import Any

from comity.engagement.access_record import AccessRecord, Calls, Figure
from comity.portal.projections.models import AccessRow
from comity.records import instant_text

__all__ = ["access_row"]


def access_row(record: AccessRecord, at: datetime) -> AccessRow:
    """One access ledger at one time."""
    return AccessRow(
        key=record.origin, engagement="", arrangement=record.arrangement, origin=record.origin, size=record.size,
        stand=_stand(record, at),
    )  # fmt: skip


def _stand(record: AccessRecord, at: datetime) -> dict[str, Any]:
    now = instant_text(at)
    closures = [
        {"kind": one.kind, "by": one.by, "cause": one.cause, "from": one.since, "until": one.until,
         "entries": list(one.entries)}
        for one in record.closures.found
    ]  # fmt: skip
    return {
        "last": instant_text(record.last_at) if record.last_at else "",
        "calls": _calls(record.calls),
        "models": {name: _calls(one) for name, one in sorted(record.models.items())},
        "refused": {clause: _figure(one) for clause, one in sorted(record.refused.items())},
        "mismatched": _figure(record.mismatched),
        "anomalies": {what: _figure(one) for what, one in sorted(record.anomalies.items())},
        "charged": _amount(record.charged),
        "taken": _amount(record.taken),
        "under_way": len(record.open),
        "days": {day.isoformat(): [one.sent.count, one.failed.count] for day, one in sorted(record.days.items())},
        "grants": [
            {"person": one.person, "expires": instant_text(one.expires), "entry": one.index}
            for one in record.grants.values()
        ],
        "runs": {
            name: {"begun": run.begun, "scores": run.scores, "items": run.items, "models": sorted(run.models)}
            for name, run in record.runs.items()
        },
        "closures": closures,
        "standing": [one for one in closures if not one["until"] or str(one["until"]) > now],
    }  # fmt: skip


def _figure(one: Figure) -> dict[str, Any]:
    return {"count": one.count, "entries": list(one.cites), "sampled": not one.in_full}


def _calls(one: Calls) -> dict[str, Any]:
    return {
        "permitted": _figure(one.permitted), "answered": _figure(one.answered), "refused": _figure(one.refused),
        "abandoned": _figure(one.abandoned), "tokens": one.tokens,
    }  # fmt: skip


def _amount(one: Any) -> dict[str, int]:
    return {"input_tokens": one.input_tokens, "output_tokens": one.output_tokens, "cost_nano": one.cost_nano}
