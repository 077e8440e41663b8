"""Status: how an arrangement stands, from the gateway's own tables.

    {"ledger","entries","published",               entries recorded; entries under the newest checkpoint with quorum
     "stopped":{"by","cause"}|null,"open_calls",
     "clauses":{"budget.calls":{"agreed","taken"},…,"budget.cost":{"agreed","taken","unit":"nano EUR"}},
     "plans","runs":{"begun","open","finished","aborted"},
     "refusals":{"budget.calls":3,…},"unauthenticated"}

What is taken is settled and reserved together.  Refusals include those of the running minute that were only counted.
The difference of `entries` and `published` is how far the publisher is behind; before the first checkpoint it is all.
"""

from pathlib import Path
from typing import Any

from comity.gateway import state
from comity.gateway.admission import EQUAL_REFUSALS_A_MINUTE
from comity.gateway.gate import Gate
from comity.ledger import LedgerError
from comity.ledger.reader import TileDirectory

__all__ = ["status_of"]


def status_of(gate: Gate, published: Path) -> dict[str, Any]:
    """The members of the module's text."""
    query, budget = gate.query, gate.terms.budget
    calls, spent_in, spent_out, cost, open_calls = query(
        "SELECT calls, input_tokens, output_tokens, cost_nano, open_calls FROM gate_total WHERE one = 1"
    )[0]
    stop = state.find_stop(query)
    runs = dict(query("SELECT open, count(*) FROM gate_run GROUP BY open"))
    return {
        "ledger": gate.ledger.origin,
        "entries": gate.ledger.size(),
        "published": _published(published),
        "stopped": None if stop is None else {"by": stop.by, "cause": stop.cause},
        "open_calls": open_calls,
        "clauses": {
            "budget.calls": {"agreed": budget.calls, "taken": calls},
            "budget.input_tokens": {"agreed": budget.input_tokens, "taken": spent_in},
            "budget.output_tokens": {"agreed": budget.output_tokens, "taken": spent_out},
            "budget.cost": {"agreed": budget.cost_nano, "taken": cost, "unit": f"nano {budget.currency}"},
        },
        "plans": query("SELECT count(*) FROM gate_plan")[0][0],
        "runs": {
            "begun": sum(runs.values()),
            "open": runs.get(state.OPEN, 0),
            "finished": runs.get(state.FINISHED, 0),
            "aborted": runs.get(state.ABORTED, 0),
        },
        "refusals": _refusals(gate),
        "unauthenticated": gate.unauthenticated,
    }


def _refusals(gate: Gate) -> dict[str, int]:
    found = dict(gate.query("SELECT clause, seen FROM gate_refusal"))
    for clause, seen in gate.query("SELECT clause, seen FROM gate_refused"):
        found[clause] = found.get(clause, 0) + max(0, seen - EQUAL_REFUSALS_A_MINUTE)
    return dict(sorted(found.items()))


def _published(folder: Path) -> int:
    try:
        return TileDirectory(folder).size()
    except (LedgerError, OSError):
        return 0  # no checkpoint yet; one that cannot be read is the publisher's to say
