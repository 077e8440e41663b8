"""A house of any size, for measuring its portal: real ledgers, and signed terms.

A case of the usual length has some thirty entries of eight kinds; a large one has as many as asked, in the same
mixture.  A large case has an arrangement in force with an access ledger of its own, in which calls are permitted and
settled, refused, and counted into runs.  Every entry is of a kind that a person or a gateway writes, in canonical
bytes, in a ledger with its hashes: nothing is put into the portal's tables but by its projector.
"""

import random
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_type_hints

from comity.arrangement import Card, Terms, countersign, draft_from_offer, offer_terms, parse_access_offer
from comity.cli.cases import keep_offer
from comity.cli.demo.offer import Offered, offer_text
from comity.cli.home import Home, make_home
from comity.engagement import origin_of, read_entries
from comity.ledger import KeyKind, create_ledger, generate_key
from comity.records import (
    Amount,
    ArrangementInForce,
    ArrangementSigned,
    AssertionMade,
    AssertionSupported,
    CallPermitted,
    CallRefused,
    CallSettled,
    CaseOpened,
    CommitmentOffered,
    Digest,
    FindingStated,
    GatewayStarted,
    GrantGiven,
    GrantIssued,
    Hex32,
    Index,
    InformationAnswered,
    InformationRequested,
    Instant,
    MeetingRecorded,
    MessageExchanged,
    PlanFrozen,
    Record,
    RunBegun,
    RunFinished,
    ScoresCommitted,
    TopicClosed,
    TopicOpened,
    instant_text,
    to_bytes,
)
from comity.vault import generate_recipient

__all__ = ["AUTHORITY", "FULL", "QUICK", "Made", "Size", "make", "person_of", "provider_of"]

AUTHORITY: Final = "Office for AI"
HOST: Final = "office.example"
MODEL: Final = "nova-5"
DAYS: Final = 20
"""Over how many days a story goes; it ends on the day on which it is made."""
TAG: Final = "case"
USUAL: Final = 30
BATCH: Final = 2_000
CALLS_A_RUN: Final = 2_000
EMPTY: Final[dict[type[Record], dict[str, Any]]] = {}
REFUSED_OF: Final = 50
"""One refusal after so many calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is."""

    engagements: int
    large: int
    """So many of them are large, and have an arrangement and an access ledger each."""
    entries: int
    """In each large one."""
    calls: int
    """Over all access ledgers."""


FULL: Final = Size(engagements=500, large=10, entries=10_000, calls=1_000_000)
QUICK: Final = Size(engagements=40, large=2, entries=1_000, calls=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made, for whoever visits it."""

    home: Path
    cases: tuple[str, ...]
    """Engagements, the large ones first."""
    arrangements: tuple[str, ...]
    """Of the large ones, in their order."""
    runs: tuple[str, ...]
    """One run of each arrangement."""
    findings: tuple[str, ...]
    """One finding of each large one."""
    entries: int
    """Over all ledgers of cases."""
    calls: int


def provider_of(number: int) -> str:
    """Whom the case with this number is about."""
    return f"Provider {number:03}"


def person_of(number: int) -> str:
    """The evaluator whom a large case names."""
    return f"evaluator-{number + 1}"


def make(path: Path, size: Size, now: datetime) -> Made:
    """Make the home of an authority, with its ledgers."""
    home = make_home(path, role="authority", name=AUTHORITY, host=HOST)
    cases, arrangements, runs, findings, entries, calls = [], [], [], [], 0, 0
    for number in range(size.engagements):
        large = number < size.large
        one = _id("case", number)
        cases.append(one)
        terms = _terms(home, number, now) if large else None
        records = list(_story(one, number, size.entries if large else USUAL, terms, now))
        read_entries(to_bytes(record) for record in records)  # raises for a story that no case may tell
        _write(home.path / "engagements" / one / "ledger.sqlite", origin_of(HOST, one), records, (TAG,))
        entries += len(records)
        if terms is not None:
            told = _Access(terms, number, now)
            folder = home.path / "ledgers" / terms.id
            _write(folder / "ledger.sqlite", terms.ledger.origin, told.records(size.calls // size.large))
            calls += told.calls
            arrangements.append(terms.id)
            runs.append(told.runs[0])
            findings.append(next(str(each.finding) for each in records if isinstance(each, FindingStated)))
    return Made(home=path, cases=tuple(cases), arrangements=tuple(arrangements), runs=tuple(runs),
                findings=tuple(findings), entries=entries, calls=calls)  # fmt: skip


def _id(what: str, number: int) -> Hex32:
    return Hex32(sha256(f"{what} {number}".encode()).hexdigest()[:32])


def _write(path: Path, origin: str, records: Any, tags: tuple[str, ...] = ()) -> None:
    """Append records to a new ledger, a batch in each transaction."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(create_ledger(path, origin=origin)) as ledger:
        batch: list[bytes] = []
        for record in records:
            batch.append(to_bytes(record))
            if len(batch) == BATCH:
                ledger.append(batch, tags=tags)
                batch = []
        if batch:
            ledger.append(batch, tags=tags)


def _empty(kind: type[Record]) -> dict[str, Any]:
    """Each member of a kind, with nothing in it."""
    if kind not in EMPTY:
        hints = get_type_hints(kind)
        EMPTY[kind] = {one.name: _nothing(hints[one.name]) for one in fields(kind)}
    return EMPTY[kind]


def _nothing(hint: Any) -> Any:
    return () if getattr(hint, "__origin__", None) is tuple else 0 if hint is int else ""


class _Teller:
    """Tells a case of so many entries, evenly over the days before now."""

    def __init__(self, number: int, entries: int, now: datetime) -> None:
        self.number, self.step = number, timedelta(days=DAYS) / (entries + 1)
        self.at, self.count = now - timedelta(days=DAYS), 0

    def tell(self, kind: type[Record], **members: Any) -> Any:
        """One entry."""
        self.at += self.step
        self.count += 1
        shared = {
            "at": Instant(instant_text(self.at)), "item": Hex32(sha256(f"{self.number}/{self.count}".encode())
            .hexdigest()[:32]), "on": self.at.date().isoformat(), "confidence": "stated",
        }  # fmt: skip
        whole = _empty(kind) | {name: value for name, value in shared.items() if name in _empty(kind)} | members
        return kind(**whole)


def _story(one: Hex32, number: int, entries: int, terms: Terms | None, now: datetime) -> Iterator[Record]:
    say = _Teller(number, entries, now)
    yield say.tell(
        CaseOpened, engagement=one, track="model", law="eu-ai-act", law_version="2026-07-27", authority=AUTHORITY,
        provider=provider_of(number), initiated_by="provider", subjects=(MODEL,),
        summary=f"Talks on access to {MODEL} for evaluation, and on what its documentation says.",
    )  # fmt: skip
    if terms is not None:
        yield say.tell(
            ArrangementInForce, arrangement=Hex32(terms.id), terms_version=1, digest=Digest(terms.digest),
            until=instant_text(terms.window.until),
        )  # fmt: skip
        yield say.tell(
            GrantGiven, arrangement=Hex32(terms.id), grant=_id("grant", number), person=person_of(number),
            expires=instant_text(terms.window.until),
        )  # fmt: skip
    turn, chance = 0, random.Random(number)
    while say.count < entries:
        turn += 1
        yield from _turn(say, turn, chance)


def _turn(say: _Teller, turn: int, chance: random.Random) -> Iterator[Record]:
    """A round of talks: what is asked and answered, claimed and supported, and now and then a finding."""
    topic = say.tell(TopicOpened, topic=f"Question {turn}: what is logged, and for how long")
    yield topic
    yield say.tell(MessageExchanged, by="authority", to=("provider",), summary=f"Letter {turn}, with three questions")
    due = (say.at + timedelta(days=chance.randrange(5, 40))).date().isoformat()
    asked = say.tell(
        InformationRequested, legal_basis="Art. 91(1)", purpose="To assess how the model was evaluated.",
        subject=MODEL, asked=("The evaluation report", "The system prompt as deployed"), until=due,
        fines_notice="Art. 101", addressee="provider",
    )  # fmt: skip
    yield asked
    claim = say.tell(AssertionMade, by="provider", claim=f"Claim {turn}: red teaming was done before release.",
                     subject=MODEL, duties=("AIA-55-1A",) if turn % 2 else ())  # fmt: skip
    yield claim
    yield say.tell(MeetingRecorded, count="1", form="remote", summary=f"Meeting {turn}: the questions of the letter.")
    if turn % 10:
        yield say.tell(InformationAnswered, request=asked.item, by="provider", summary="Both papers came.",
                       answers=(("1", "supplied", ""), ("2", "partly", "without examples")))  # fmt: skip
        yield say.tell(TopicClosed, topic=topic.item, because="It was answered.")
    yield say.tell(AssertionSupported, assertion=claim.item, by="provider", cites=(asked.item,))
    if turn % 3 == 1:
        yield say.tell(CommitmentOffered, by="provider", commitment=f"Logs of phase {turn} are kept for a year.")
    if turn == 1 or turn % 200 == 0:
        yield say.tell(
            FindingStated, finding=Hex32(topic.item), finding_version=1, by="authority", duty="AIA-55-1A",
            stage="evaluation", finds="undetermined", assurance="limited", cites=(claim.item,),
            conclusion="What was sent does not show how the adversarial tests were chosen.",
        )  # fmt: skip


OFFERED: Final = Offered(
    model=MODEL, serves=(MODEL,), protocols=("openai",), context_window=32_768, max_output=4_096, overhead=64,
    price_input="0.10", price_output="0.40", calls=250_000, input_tokens=10**9, output_tokens=10**9, cost="900",
)  # fmt: skip


def _terms(home: Home, number: int, now: datetime) -> Terms:
    """Terms that both signed, kept in the home as the commands keep them."""
    host, operator = f"provider-{number}.example", f"operator-{number}.example"
    party = generate_key("ed25519", host, secrets.token_bytes)
    log: tuple[KeyKind, ...] = ("ed25519", "mldsa44-cosigner")
    key = {role: generate_key("ed25519-cosigner", f"{name}/witness", secrets.token_bytes).vkey
           for role, name in (("authority", HOST), ("provider", host))}  # fmt: skip
    one = _id("arrangement", number)
    origin = f"{operator}/a/{one}"
    cards = [
        Card(role="authority", name=AUTHORITY, host=HOST, party=home.signer("party").vkey, witness=key["authority"],
             witness_url=f"https://{HOST}/witness", recipient=generate_recipient(secrets.token_bytes).public_text()),
        Card(role="provider", name=provider_of(number), host=host, party=party.vkey, witness=key["provider"],
             witness_url=f"https://{host}/witness"),
        Card(role="operator", name="Operator", host=operator, origin=origin,
             permit=generate_key("ed25519", f"{operator}/permit", secrets.token_bytes).vkey,
             log=tuple(generate_key(kind, origin, secrets.token_bytes).vkey for kind in log)),
        *(Card(role="evaluator", name=f"Evaluator {place}", host=HOST,
               recipient=generate_recipient(secrets.token_bytes).public_text()) for place in range(number + 1)),
    ]  # fmt: skip
    text = offer_text(OFFERED, provider=provider_of(number), now=now - timedelta(days=DAYS))
    signed = offer_terms(draft_from_offer(parse_access_offer(text, "offer.yaml"), cards, id=one), party)
    offer = countersign(signed, home.signer("party"))
    keep_offer(home, offer)
    folder = home.path / "ledgers" / one
    folder.mkdir(parents=True)
    (folder / "terms.json").write_bytes(offer.envelope)
    return offer.terms


FIRST_CALL: Final = 5
"""The index of an access ledger's first call."""


class _Access:
    """An access ledger's records: calls over the days of the story, each permitted and settled."""

    def __init__(self, terms: Terms, number: int, now: datetime) -> None:
        self.terms, self.now, self.calls, self.index = terms, now, 0, 0
        self.runs: list[str] = []
        self.who: dict[str, Any] = {"grant": _id("grant", number), "person": person_of(number)}

    def records(self, calls: int) -> Iterator[Record]:
        """Everything, oldest first."""
        for record in self._told(calls):
            self.index += 1
            yield record

    def _told(self, calls: int) -> Iterator[Record]:
        begin, step = self.now - timedelta(days=DAYS), timedelta(days=DAYS) / (calls + 1)
        first, incarnation = Instant(instant_text(begin)), Hex32(secrets.token_hex(16))
        yield ArrangementSigned(at=first, arrangement=Hex32(self.terms.id), terms_version=1,
                                digest=Digest(self.terms.digest), previous="", note="")  # fmt: skip
        yield GatewayStarted(at=first, incarnation=incarnation, software="comity")
        yield GrantIssued(at=first, key=Digest("4" * 64), expires=instant_text(self.terms.window.until), note="",
                          **self.who)  # fmt: skip
        yield PlanFrozen(at=first, plan=Digest(_id("plan", 0) * 2), **self.who)
        reserved = Amount(input_tokens=400, output_tokens=200, cost_nano=160_000)
        charged = Amount(input_tokens=320, output_tokens=90, cost_nano=80_000)
        while self.calls < calls:
            at = Instant(instant_text(begin + self.calls * step))
            if self.calls % CALLS_A_RUN == 0:
                yield from self._run(at)
            permit, run = self.index, self.runs[-1]
            yield CallPermitted(
                at=at, incarnation=incarnation, protocol="openai", route="/v1/chat/completions", model=MODEL,
                features=("sampling",), request=Digest(sha256(b"%d" % permit).hexdigest()), request_bytes=600, irid="",
                run=run, reserved=reserved, **self.who,
            )  # fmt: skip
            yield CallSettled(
                at=at, permit=Index(permit), outcome="answered", status=200, served=MODEL, served_check="agreed",
                answer=Digest("7" * 64), answer_bytes=900, usage="stated", charged=charged, upstream_id="", millis=40,
            )  # fmt: skip
            self.calls += 1
            if self.calls % REFUSED_OF == 0:
                yield CallRefused(
                    at=at, protocol="openai", route="/v1/chat/completions", model=MODEL, status=403,
                    clause=("features.logprobs", "rate.calls_per_minute", "limits.n")[self.calls % 3],
                    because="not agreed", irid="", run="", **self.who,
                )  # fmt: skip
        yield from self._end(Instant(instant_text(self.now)))

    def _run(self, at: Instant) -> Iterator[Record]:
        if self.runs:
            yield from self._end(at)
        self.runs.append(secrets.token_hex(16))
        yield RunBegun(at=at, run=Hex32(self.runs[-1]), plan=Digest(_id("plan", 0) * 2), **self.who)

    def _end(self, at: Instant) -> Iterator[Record]:
        run, plan = Hex32(self.runs[-1]), Digest(_id("plan", 0) * 2)
        asked = self.calls - (len(self.runs) - 1) * CALLS_A_RUN
        yield ScoresCommitted(
            at=at, run=run, plan=plan, rows=Digest("3" * 64), intended=asked, attempted=asked, answered=asked,
            judged=asked, unscored=0, repeated=0, correct=asked * 2 // 3, **self.who,
        )  # fmt: skip
        yield RunFinished(at=at, run=run, plan=plan, log=Digest("8" * 64), status="complete", **self.who)


def main() -> None:
    """Make a small one, to see how long that takes."""
    import sys
    import time

    began = time.monotonic()
    made = make(Path(sys.argv[1]), QUICK if len(sys.argv) < 3 else FULL, datetime.now(UTC))
    print(f"{len(made.cases)} cases, {made.entries} entries, {made.calls} calls: {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
