"""The access that a report was made under: who could bypass it, and when it stood still.

Recomputed from the terms and the entries that the report covers: the model's variant and who guards the way to it from
the terms, what the guard counted and each suspension from the entries.  A suspension that is in force at the last of
them has no end, and the clock stood still up to the time of that entry.
"""

from datetime import timedelta
from typing import Any

from comity.records import AccessResumed, AccessSuspended
from comity.verify.guard import guard_days
from comity.verify.history import History
from comity.verify.standstill import Standstill
from comity.verify.terms import TermsView


def state_access(history: History, terms: TermsView, model: str) -> dict[str, Any]:
    """The member `access` of a report."""
    standstill = Standstill()
    suspensions: list[dict[str, str]] = []
    for index, record in history:
        match record:
            case AccessSuspended():
                standstill.suspend(index, record)
                said = {"by": record.by, "cause": record.cause, "clock": record.clock}
                suspensions.append({**said, "from": record.at, "until": ""})
            case AccessResumed():
                standstill.resume(record)
                for suspension in suspensions:
                    if suspension["by"] == record.by and not suspension["until"]:
                        suspension["until"] = record.at
            case _:
                pass
    stood = standstill.stood(history[-1][1].at) if history else timedelta()
    clause = terms.models.get(model)
    return {
        "variant": clause.variant if clause is not None else "",
        "guard_by": terms.guard_by,
        "guard": [day.members() for day in guard_days(history)] if terms.guard_by != "none" else [],
        "suspensions": suspensions,
        "stood_still_seconds": stood // timedelta(seconds=1),
    }
