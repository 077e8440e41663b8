"""The reference of refusals says, clause by clause, the very sentence that the decision gives.

`COMITY_WRITE=1 pytest tests/gateway/test_refusal_texts.py` writes the page anew.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from deciding import GRANT, asked_by, decided, taken

from comity.arrangement import Terms, parse_terms_json
from comity.arrangement.clauses import CLAUSES
from comity.arrangement.features import BOUNDED, NEVER
from comity.gateway.life import UNLIMITED
from comity.gateway.refusal import Refusal
from comity.gateway.state import Stop, Suspension
from comity.records import canonical_bytes
from support import Keys, terms_value

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "refusals.md"
KEYS: Final = Keys()
AT: Final = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ALWAYS: Final = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "until": "24:00"}
WINDOW: Final = {"from": "2026-11-23T00:00:00Z", "until": "2026-12-23T00:00:00Z", "hours": ALWAYS}
OFFICE: Final = WINDOW | {"hours": {"days": ["mon", "wed"], "from": "08:00", "until": "18:00"}}
MODEL: Final = {"models__protocols": ["openai", "anthropic", "gemini"]}


def terms(**changes: Any) -> Terms:
    return parse_terms_json(canonical_bytes(terms_value(KEYS, **({"window": WINDOW} | MODEL | changes))))


class Case:
    """One request that is refused: under which terms, by which standing, asked how and when."""

    def __init__(
        self,
        when: str,
        *,
        call: str = "chat",
        asked: dict[str, Any] | None = None,
        at: datetime = AT,
        standing: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        self.when, self.call, self.asked, self.at = when, call, asked or {}, at
        self.standing, self.changes = standing or {}, changes

    def refusal(self) -> Refusal:
        made = terms(**self.changes)
        decision = decided(made, asked_by(self.call, **self.asked), at=self.at, **self.standing)
        assert isinstance(decision, Refusal), f"{self.when}: it passed"
        return decision


LEFT: Final = UNLIMITED._replace(exit_by="provider", exit_cause="no-agreement", exit_ms=1)
WHOLE: Final = ("window.hours", "exit", "closed")
"""What refuses as a whole: hours and exit by all of their clauses, and the closing, which both sides sign."""
DAY: Final = {"calls": 10, "input_tokens": 1_000, "output_tokens": 500, "cost": "0.001"}

CASES: Final = (
    Case("no grant has this key", standing={"grant": None}),
    Case("the grant was revoked", standing={"grant": GRANT._replace(revoked="person-eligibility")}),
    Case("the grant is over", standing={"grant": GRANT._replace(expires="2026-11-30T00:00:00.000Z")}),
    Case("a party stopped", standing={"stop": Stop("provider", "containment")}),
    Case("a party suspended", standing={"suspension": Suspension("authority", "legal-order")}),
    Case("both closed the access", standing={"life": UNLIMITED._replace(closed=1)}),
    Case("a party left", standing={"life": LEFT}),
    Case("too early", at=datetime(2026, 11, 1, tzinfo=UTC)),
    Case("too late", at=datetime(2027, 1, 1, tzinfo=UTC)),
    Case("outside the hours", window=OFFICE),
    Case("nobody of the terms", standing={"grant": GRANT._replace(person="somebody-else")}),
    Case("a person who may not", people=[{"id": "evaluator-1", "role": "evaluator", "eligible": False}]),
    Case("another model", asked={"model": "other-model"}),
    Case("another protocol", models__protocols=["anthropic"]),
    Case("a field that no table knows", asked={"n_predict": 4096}),
    Case("an answer in the background", call="responses", asked={"background": True}),
    Case("a feature that was not agreed", asked={"logprobs": True}),
    Case(
        "more than its bound",
        asked={"logprobs": True, "top_logprobs": 9},
        features=["logprobs"],
        limits={"logprobs": 5},
    ),
    Case(
        "provider-run tools without a bound",
        call="messages",
        asked={"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        features=["server_tools"],
        limits={"server_tools": 3},
    ),
    Case("the provider may keep it", call="responses", asked={"store": True}, features=["stored_state"]),
    Case("no output limit", asked={"max_tokens": None}, budget__output_unstated="refuse"),
    Case("too long an answer", asked={"max_tokens": 65}),
    Case("a run that is not open", standing={"run_open": False}),
    Case("a reservation was exceeded", standing={"overrun": "budget.output_tokens"}),
    Case("no calls left", standing={"all": taken(calls=1000)}),
    Case("no input tokens left", standing={"all": taken(input_tokens=999_990)}),
    Case("no output tokens left", standing={"all": taken(output_tokens=99_995)}),
    Case("no money left", standing={"all": taken(cost_nano=999_999_000)}),
    Case("what is kept for repeated runs", budget__rerun_reserve=10, standing={"all": taken(calls=900)}),
    Case("no calls left today", budget__per_day=DAY, standing={"day": taken(calls=10)}),
    Case("no input tokens left today", budget__per_day=DAY, standing={"day": taken(input_tokens=990)}),
    Case("no output tokens left today", budget__per_day=DAY, standing={"day": taken(output_tokens=495)}),
    Case("no money left today", budget__per_day=DAY, standing={"day": taken(cost_nano=999_000)}),
    Case("too many at once", standing={"open_calls": 64}),
    Case("too many calls a minute", standing={"minute_calls": 10_000, "oldest": int(AT.timestamp()) - 30}),
    Case(
        "too many tokens a minute",
        rate__tokens_per_minute=1_000,
        standing={"minute_tokens": 900, "oldest": int(AT.timestamp()) - 50},
    ),
    Case("a call beyond a whole minute's tokens", rate__tokens_per_minute=100),
)


def page() -> str:
    """The page, from what the decision says."""
    rows = []
    for case in CASES:
        refusal = case.refusal()
        again = f", `Retry-After: {refusal.retry_after}`" if refusal.retry_after is not None else ""
        text = refusal.because.replace("|", "\\|")
        rows.append(f"| {case.when} | `{refusal.clause}` | {refusal.status}{again} | `{refusal.slug}` | {text} |")
    bounded = "\n".join(f"| `limits.{name}` | {counted} |" for name, counted in BOUNDED.items())
    never = "\n".join(f"| `features.{name}` | {why} |" for name, why in NEVER.items())
    return f"""# Refusals

*Reference: what a gateway says where a clause does not allow a call, in its own words.*

Written by `COMITY_WRITE=1 pytest tests/gateway/test_refusal_texts.py`, and held equal to the code by the same test.
The same sentence stands in the ledger's entry, in the caller's answer and in each side's status.
[Errors](errors.md) says what each code means and what to do; [Terms](terms.md) says what each clause means.

The checks come in this order.
So the same call under the same standing is refused under the same clause on every gateway.

| when | clause | status | code | what it says |
| --- | --- | --- | --- | --- |
{chr(10).join(rows)}

A feature that was not agreed is refused under its own name, `features.<name>`, for each feature of the terms.

## Bounds

These features need a bound beside them, and a request beyond it is refused under the bound's name.

| clause | counts |
| --- | --- |
{bounded}

## What no terms can allow

| clause | why |
| --- | --- |
{never}

A route of a batch or of fine-tuning is answered with 404 and the same clause.

## After the call was permitted

| clause | status | when |
| --- | --- | --- |
| `models.serves` | 403 | the answer names a model that was not agreed, and `models.on_mismatch` is `refuse` |
| `models.unstated` | 403 | the answer names no model, and `models.unstated` is `refuse` |
| `stop.by` | 403 | a party stopped while the call was under way |
| `provider` | 502, 504 | the provider gave no whole answer |
| `ledger` | 503 | the call or its outcome could not be recorded |
"""


def test_the_page_says_what_the_gateway_says() -> None:
    """Each row of the reference is the decision's own clause, status, code and sentence."""
    made = page()
    if os.environ.get("COMITY_WRITE"):
        PAGE.write_text(made)
    assert made == PAGE.read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.when)
def test_each_clause_that_refuses_is_a_clause_of_the_terms(case: Case) -> None:
    """What a refusal names can be looked up: in the terms, or as a part of the request or of the grant."""
    clause = case.refusal().clause

    known = clause in CLAUSES or clause.startswith(("grant.", "request.")) or clause in WHOLE
    assert known or clause.removeprefix("features.") in NEVER
