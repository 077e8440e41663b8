"""The decision without a gateway: a standing that a test states, and what is asked, read from a real body."""

import json
from datetime import datetime
from typing import Any

from asking import BODIES, BY_CALL, QUERIES, path_of

from comity.arrangement import Terms
from comity.gateway.asked import Asked
from comity.gateway.decide import Reservation, decide
from comity.gateway.life import UNLIMITED
from comity.gateway.refusal import Refusal
from comity.gateway.state import NO_TIME, NOTHING, Grant, Standing, Taken
from support import now

GRANT = Grant(grant="0" * 32, person="evaluator-1", expires="2099-01-01T00:00:00.000Z", revoked="")


def taken(calls: int = 0, input_tokens: int = 0, output_tokens: int = 0, cost_nano: int = 0) -> Taken:
    """Sums of one span of calls."""
    return Taken(calls=calls, input_tokens=input_tokens, output_tokens=output_tokens, cost_nano=cost_nano)


def standing(**changes: Any) -> Standing:
    """A grant in force and nothing taken, but for the changes."""
    fields: dict[str, Any] = {
        "lease_ms": 2**50,
        "grant": GRANT,
        "stop": None,
        "suspension": None,
        "clock": NO_TIME,
        "all": NOTHING,
        "day": NOTHING,
        "rerun": NOTHING,
        "open_calls": 0,
        "minute_calls": 0,
        "minute_tokens": 0,
        "oldest": 0,
        "overrun": "",
        "run_open": True,
        "run_repeats": False,
        "life": UNLIMITED,
    }
    return Standing(**(fields | changes))


def asked_by(call: str = "chat", query: str | None = None, **changes: Any) -> Asked:
    """What a call asks for whose least body is changed so."""
    body = json.dumps(BODIES[call] | changes).encode()
    return BY_CALL[call].read(path_of(call), (QUERIES.get(call, "?") if query is None else query)[1:], body)


def decided(terms: Terms, asked: Asked | None = None, *, at: datetime | None = None, **changes: Any) -> Any:
    """The decision on a call under terms: a `Reservation` or a `Refusal`."""
    return decide(terms, standing(**changes), asked or asked_by(), now=at or now())


def clause_of(decision: Reservation | Refusal) -> str:
    """The clause under which a call is refused; empty where it may pass."""
    return decision.clause if isinstance(decision, Refusal) else ""
