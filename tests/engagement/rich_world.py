"""A rich story for adequacy: a case, its terms and its access ledger, in which everything happened once.

    1 October 2026   terms in force until 1 December; a gateway starts
    2 October        access to source code and activations is requested, by the 9th; the first grant is on the 5th
    6 October        three papers are asked for; on the 12th one comes, one is said to, one is refused
    7 October        activations are seen, and countersigned
    8 October        source code is seen, and contested
    9 October        an interview, which nobody answered
    12 to 16 October calls
    15 October       the provider releases nova-6; notice comes on 5 November, one week late; access never
    20 to 22 October a third party's act suspends access: two days are lost
    10 to 12 November the provider suspends access: two days are lost
    16 and 17 November no gateway runs: two days are lost
    19 November      both calls fail at the provider: one day is lost
"""

from datetime import UTC, datetime
from typing import Any

import specimen
from stories import Story

from comity.arrangement import Terms, parse_terms_json
from comity.engagement import read_entries
from comity.engagement.access_record import AccessRecord, read_access
from comity.engagement.adequacy import Adequacy, read_adequacy
from comity.engagement.sessions import sign_answer
from comity.law import load_pack, named_calendar
from comity.records import (
    AccessRequested,
    AccessResumed,
    AccessSuspended,
    Amount,
    ArrangementInForce,
    ArrangementSigned,
    CallAbandoned,
    CallPermitted,
    CallRefused,
    CallSettled,
    CallsRefused,
    Digest,
    DocumentAttached,
    EventStated,
    GatewayEnded,
    GatewayStarted,
    GrantGiven,
    GrantIssued,
    Hex32,
    Index,
    InformationAnswered,
    InformationRequested,
    Instant,
    ItemAnswered,
    Record,
    RunBegun,
    ScoresCommitted,
    SessionAnswered,
    SessionHeld,
    SuspensionImposed,
    SuspensionLifted,
    UpstreamAnomaly,
    canonical_bytes,
    to_bytes,
)

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
CASE = f"office.example/e/{'e' * 32}"
ONE, TWO = Hex32("1" * 32), Hex32("2" * 32)
WHO: dict[str, Any] = {"grant": Hex32("9" * 32), "person": "evaluator-1"}
RUN = Hex32("7" * 32)


def rich_terms(**changes: Any) -> Terms:
    """The specimen with two models, raw outputs, reasoning and four promises."""
    value = specimen.changed()
    standard = value["models"][0]
    value["models"] = [
        {**standard, "name": "nova-5", "serves": ["nova-5"]},
        {**standard, "name": "nova-5-open", "serves": ["nova-5-open"], "variant": "helpful-only"},
    ]
    value["features"] = ["sampling", "logprobs", "reasoning", "reasoning_raw"]
    value["limits"] = {"logprobs": 5}
    value["window"] = {**value["window"], "from": "2026-10-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}
    value["access"] = [
        {"item": "activations", "means": "session", "promise": "Activations of two layers."},
        {"item": "system-prompt", "means": "document", "promise": "As deployed."},
        {"item": "draft.source-code", "means": "session", "promise": "The sampler."},
    ]
    value["calendar"], value["access_days"] = "eu-institutions", 30
    return parse_terms_json(canonical_bytes(value | changes))


TERMS = rich_terms()
PACK = load_pack("eu-ai-act")
DAYS = named_calendar(TERMS.calendar)


def at(text: str) -> Instant:
    """An instant in 2026, such as `10-05T09:00`."""
    return Instant(f"2026-{text}:00.000Z")


class Access:
    """An access ledger's records."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, record: Record) -> int:
        """Append a record; returns its index."""
        self.records.append(record)
        return len(self.records) - 1

    def call(self, when: str, model: str = "nova-5", *features: str, outcome: str = "answered", status: int = 200,
             served: str = "", run: str = "", check: str = "agreed", cost: int = 1_000) -> int:  # fmt: skip
        """A call and what became of it; `open` leaves it under way."""
        reserved = Amount(input_tokens=100, output_tokens=50, cost_nano=2 * cost)
        charged = Amount(input_tokens=80, output_tokens=20, cost_nano=cost)
        permit = self.add(
            CallPermitted(
                at=at(when), incarnation=ONE, protocol="openai", route="/v1/chat/completions", model=model,
                features=features, request=Digest("5" * 64), request_bytes=10, irid="", run=run, reserved=reserved,
                **WHO,
            )
        )  # fmt: skip
        if outcome == "abandoned":
            self.add(CallAbandoned(at=at(when), permit=Index(permit), incarnation=TWO, charged=reserved))
        elif outcome != "open":
            self.add(
                CallSettled(
                    at=at(when), permit=Index(permit), outcome=outcome, status=status, served=served or model,
                    served_check=check, answer="", answer_bytes=0, usage="stated", charged=charged, upstream_id="",
                    millis=5,
                )
            )  # fmt: skip
        return permit

    def refused(self, when: str, clause: str, model: str = "nova-5", count: int = 1) -> None:
        """A refusal, or many equal ones in one entry."""
        if count > 1:
            self.add(CallsRefused(at=at(when), status=403, clause=clause, count=count, **WHO))
            return
        self.add(
            CallRefused(
                at=at(when), protocol="openai", route="/", model=model, status=403, clause=clause, because="b",
                irid="", run="", **WHO,
            )
        )  # fmt: skip

    def read(self, **how: Any) -> AccessRecord:
        """The record of it."""
        return read_access(TERMS.ledger.origin, (to_bytes(one) for one in self.records), **how)


def opened() -> Access:
    """A ledger with terms, a gateway and a grant."""
    story = Access()
    story.add(
        ArrangementSigned(
            at=at("10-01T00:00"), arrangement=Hex32(TERMS.id), terms_version=1, digest=Digest(TERMS.digest),
            previous="", note="",
        )
    )  # fmt: skip
    story.add(GatewayStarted(at=at("10-01T00:00"), incarnation=ONE, software="comity"))
    story.add(
        GrantIssued(at=at("10-05T08:00"), key=Digest("4" * 64), expires="2026-12-01T00:00:00.000Z", note="", **WHO)
    )
    return story


def rich_access() -> Access:
    """The whole autumn."""
    story = opened()
    story.add(RunBegun(at=at("10-12T08:00"), run=RUN, plan=Digest("6" * 64), **WHO))
    for day in (12, 13, 14, 15, 16):
        story.call(f"10-{day}T09:00", "nova-5", "sampling", run=RUN)
        story.call(f"10-{day}T09:05", "nova-5", "logprobs")
    story.call("10-16T10:00", "nova-5", "reasoning", "reasoning_raw")
    story.call("10-16T10:05", "nova-5-open")
    story.call("10-16T10:10", served="nova-4", check="mismatch", outcome="withheld")
    story.call("10-16T10:20", outcome="abandoned")
    story.call("10-16T10:30", outcome="not-sent")
    story.add(
        ScoresCommitted(
            at=at("10-16T12:00"), run=RUN, plan=Digest("6" * 64), rows=Digest("3" * 64), intended=5, attempted=5,
            answered=5, judged=5, unscored=0, repeated=0, correct=3, **WHO,
        )
    )  # fmt: skip
    story.refused("10-16T12:10", "features.images")
    story.refused("10-16T12:11", "features.reasoning_raw")
    story.refused("10-16T12:12", "budget.per_day.calls")
    story.refused("10-16T12:13", "budget.per_day.calls", count=40)
    story.refused("10-16T12:14", "models.name", model="nova-6")
    story.add(AccessSuspended(at=at("11-10T00:00"), by="provider", cause="operational", clock="stops", note=""))
    story.add(AccessResumed(at=at("11-12T00:00"), by="provider", cause="operational", note=""))
    story.add(GatewayEnded(at=at("11-16T00:00"), incarnation=ONE))
    story.add(GatewayStarted(at=at("11-18T00:00"), incarnation=TWO, software="comity"))
    permit = story.call("11-19T09:00", outcome="provider-refused", status=403)
    anomaly = {"status": 403, "millis": 5, "usual_millis": 5}
    story.add(UpstreamAnomaly(at=at("11-19T09:00"), permit=Index(permit), what="denied", **anomaly))
    story.call("11-19T09:05", outcome="provider-failed", status=0)
    story.call("11-24T09:00", outcome="open")
    return story


def rich_case() -> Story:
    """The case beside it."""
    story = Story()

    def tell(day: str, kind: Any, **members: Any) -> str:
        return story.tell(kind, at=f"2026-{day}T09:00:00", on=f"2026-{day}", **members)

    story.records.append(
        ArrangementInForce(
            at=at("10-01T00:00"), arrangement=Hex32(TERMS.id), terms_version=1, digest=Digest(TERMS.digest),
            until="2026-12-01T00:00:00.000Z",
        )
    )  # fmt: skip
    wanted = tell(
        "10-02", AccessRequested, legal_basis="Art. 92(1)(b)", ground="b", purpose="p", reasons="r", subject="nova-5",
        means=("source_code", "gradients"), until="2026-10-09", fines_notice="Art. 101", board_consulted="2026-10-01",
        logging="no prompts are kept",
    )  # fmt: skip
    story.records.append(
        GrantGiven(
            at=at("10-05T08:00"), arrangement=Hex32(TERMS.id), grant=Hex32("9" * 32), person="evaluator-1",
            expires="2026-12-01T00:00:00.000Z",
        )
    )  # fmt: skip
    asked = tell(
        "10-06", InformationRequested, legal_basis="Art. 91(1)", purpose="p",
        asked=("The system prompt, as deployed", "Earlier results", "Test sets"), until="2026-10-20",
        fines_notice="Art. 101", addressee="provider",
    )  # fmt: skip
    seen = _session(story, tell, "10-07", "activations", "two layers")
    _answered(story, tell, seen, "10-08", "countersigned")
    code = _session(story, tell, "10-08", "source-code", "the sampler")
    _answered(story, tell, code, "10-09", "contested")
    _session(story, tell, "10-09", "interview", "how refusals are trained")
    paper = Hex32("c" * 32)
    tell(
        "10-12", DocumentAttached, document=paper, to=asked, part="answer", title="System prompt",
        media_type="text/plain", length=10, sealed_to=("office",), commitment=Digest("b" * 64),
    )  # fmt: skip
    answers = (("1", "supplied", "", paper), ("2", "supplied"), ("3", "refused", "trade secret"))
    tell("10-12", InformationAnswered, request=asked, by="provider", answers=answers)
    tell("10-13", ItemAnswered, answers=wanted, by="provider", answer="declined")
    tell("10-15", EventStated, event="VERSION_RELEASED", subject="nova-6")
    act = tell("10-20", SuspensionImposed, by="a third state", cause="third-party-suspension", summary="export")
    tell("10-22", SuspensionLifted, suspension=act)
    tell("11-05", EventStated, event="VERSION_NOTIFIED", subject="nova-6")
    return story


def _session(story: Story, tell: Any, day: str, form: str, shown: str) -> str:
    return str(
        tell(
            day, SessionHeld, arrangement=TERMS.id, by="authority", form=form, subject="nova-5",
            participants=("evaluator-1",), shown=(shown,), begin=at(f"{day}T09:00"), end=at(f"{day}T11:00"),
        )
    )  # fmt: skip


def _answered(story: Story, tell: Any, session: str, day: str, answer: str) -> None:
    because = "" if answer == "countersigned" else "another file"
    item = story.case().items[session]
    tell(
        day, SessionAnswered, session=session, by="provider", answer=answer, digest=item.latest.digest,
        because=because, signature=sign_answer(item, answer, because, specimen.PROVIDER),
    )  # fmt: skip


def page(
    case: Story | None = None, access: Access | None = None, *, terms: Terms | None = TERMS, no_access: bool = False,
    at: datetime = AT, case_without: Any = (), access_without: Any = (),
) -> Adequacy:  # fmt: skip
    """The page of the rich story, or of another, with entries left out."""
    told = read_entries(
        [to_bytes(record) for record in (case or rich_case()).records], until=at, leaving_out=case_without
    )
    record = (access or rich_access()).read(until=at, calendar=DAYS, leaving_out=access_without)
    return read_adequacy(
        told, CASE, TERMS.id, PACK, at, terms=terms, access=None if no_access else record
    )
