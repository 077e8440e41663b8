"""Status: how an arrangement stands, from the gateway's own tables.

    {"ledger","entries","published",               entries recorded; entries under the newest checkpoint with quorum
     "version","digest",                            of the terms in force
     "stopped":{"by","cause"}|null,"suspended":{"by","cause"}|null,"stood_ms",
     "leaves":{"by","cause","from"}|null,           the exit that ends access first
     "closed":true|false,
     "window":{"from","until","left_ms"},           its end as signed, and what is left by its own clock
    "open_calls","minute":{"calls","tokens"},
     "clauses":{"budget.calls":{"agreed","taken"},…,"budget.cost":{"agreed","taken","unit":"nano EUR"},
                "budget.per_day.calls":{"agreed","taken"},…},
     "rerun_reserve":percent,"rerun":{"calls","input_tokens","output_tokens","cost_nano"},
     "plans","runs":{"begun","open","finished","aborted"},
     "recipients":[{"name","kind","what","endpoint"},…], who is given answers beside the holders of keys
     "refusals":{"budget.calls":3,…},"overrun":["budget.cost",…],
     "provider":{"<model>":{"denied":2,"slow":1}},"unauthenticated"}

What is taken is settled and reserved together, of the current day in UTC under `per_day`.  Refusals include those of
the running minute that were only counted.  `stood_ms` is how long the window's clock stood still in suspensions.
The difference of `entries` and `published` is how far the publisher is behind; before the first checkpoint it is all.

No member holds content, a key or a person: either party may read it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from comity.arrangement import Terms
from comity.gateway import state
from comity.gateway.admission import EQUAL_REFUSALS_A_MINUTE
from comity.gateway.gate import Gate
from comity.gateway.life import Life, find_life
from comity.gateway.state import Query, Taken
from comity.ledger import LedgerError
from comity.ledger.reader import TileDirectory
from comity.records import instant_text

__all__ = ["status_of"]


def status_of(gate: Gate, published: Path, query: Query | None = None) -> dict[str, Any]:
    """The members of the module's text, read by `query` where it is given and else by the gate's own."""
    query, now_ms = query or gate.query, state.millis(gate.clock())
    stood = state.find_clock(query).stood(now_ms)
    stop, suspension, life = state.find_stop(query), state.find_suspension(query), find_life(query)
    runs: dict[int, int] = dict(query("SELECT open, count(*) FROM gate_run GROUP BY open", ()))
    open_calls = query("SELECT open_calls FROM gate_sum WHERE span = 'all'", ())[0][0]
    calls, tokens = query(
        "SELECT coalesce(sum(calls), 0), coalesce(sum(input_tokens + output_tokens), 0) FROM gate_sum "
        "WHERE span = 'second' AND at >= ?",
        (now_ms // 1000 - state.MINUTE_SECONDS,),
    )[0]
    return {
        "ledger": gate.ledger.origin,
        "entries": gate.ledger.size(),
        "published": _published(published),
        "version": life.version,
        "digest": gate.terms.digest,
        "stopped": None if stop is None else stop._asdict(),
        "suspended": None if suspension is None else suspension._asdict(),
        "stood_ms": stood,
        "leaves": _leaves(life),
        "closed": bool(life.closed),
        "window": _window(gate.terms, now_ms - stood),
        "open_calls": open_calls,
        "minute": {"calls": calls, "tokens": tokens},
        "clauses": _clauses(gate.terms, state.taken(query, "all"), state.taken(query, "day", now_ms // state.DAY_MS)),
        "rerun_reserve": gate.terms.budget.rerun_reserve,
        "rerun": state.taken(query, "rerun")._asdict(),
        "plans": query("SELECT count(*) FROM gate_plan", ())[0][0],
        "runs": {
            "begun": sum(runs.values()),
            "open": runs.get(state.OPEN, 0),
            "finished": runs.get(state.FINISHED, 0),
            "aborted": runs.get(state.ABORTED, 0),
        },
        "refusals": _refusals(query),
        "recipients": [
            {"name": one.name, "kind": one.kind, "what": one.what, "endpoint": one.endpoint}
            for one in gate.terms.content.receivers
        ],
        "overrun": [clause for (clause,) in query("SELECT clause FROM gate_overrun ORDER BY clause", ())],
        "provider": _anomalies(query),
        "unauthenticated": gate.unauthenticated,
    }


def _leaves(life: Life) -> dict[str, str] | None:
    if not life.exit_by:
        return None
    begins = datetime.fromtimestamp(life.exit_ms / 1000, UTC)
    return {"by": life.exit_by, "cause": life.exit_cause, "from": instant_text(begins)}


def _window(terms: Terms, clock_ms: int) -> dict[str, Any]:
    begins, until = terms.window.begins, terms.window.until
    left = state.millis(until) - max(clock_ms, state.millis(begins))
    return {"from": instant_text(begins), "until": instant_text(until), "left_ms": max(0, left)}


def _clauses(terms: Terms, whole: Taken, day: Taken) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for clause, agreed, taken in (("budget", terms.budget, whole), ("budget.per_day", terms.budget.per_day, day)):
        for name in ("calls", "input_tokens", "output_tokens"):
            found[f"{clause}.{name}"] = {"agreed": getattr(agreed, name), "taken": getattr(taken, name)}
        unit = f"nano {terms.budget.currency}"
        found[f"{clause}.cost"] = {"agreed": agreed.cost_nano, "taken": taken.cost_nano, "unit": unit}
    return found


def _refusals(query: Query) -> dict[str, int]:
    found: dict[str, int] = dict(query("SELECT clause, seen FROM gate_refusal", ()))
    for clause, seen in query("SELECT clause, seen FROM gate_refused", ()):
        found[clause] = found.get(clause, 0) + max(0, seen - EQUAL_REFUSALS_A_MINUTE)
    return dict(sorted(found.items()))


def _anomalies(query: Query) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for model, what, seen in query("SELECT model, what, seen FROM gate_anomaly ORDER BY model, what", ()):
        found.setdefault(model, {})[what] = seen
    return found


def _published(folder: Path) -> int:
    try:
        return TileDirectory(folder).size()
    except (LedgerError, OSError):
        return 0  # no checkpoint yet; one that cannot be read is the publisher's to say
