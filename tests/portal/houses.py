"""The house of the portal's tests: one folder, one projection, and five cases, made once for a run.

| case | between | has |
|---|---|---|
| RICH | Office for AI, Aurora Systems | an arrangement with its access ledger, sessions, files, suspensions |
| FOUND | Office for AI, Borealis Models | findings, replies, experts, claims |
| sample (2) | European Commission (sample), two providers | public lines |
| WRITTEN | Office for AI, Cirrus Labs | what the tests enter |

The clock stands at `rich_world.AT` unless a test moves it.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import specimen
from dossier import rich
from rich_world import AT, TERMS, WHO, at, rich_access, rich_case, rich_terms
from stories import Story

from comity.arrangement import Offer, Terms, countersign, offer_terms
from comity.engagement import Case, add_all, origin_of
from comity.engagement.sample import AUTHORITY, sample_cases
from comity.evaluation.plan import Plan, plan_members
from comity.evaluation.plan_text import parse_plan, write_plan
from comity.evaluation.suites import load_suite
from comity.law import load_pack
from comity.ledger import Ledger, create_ledger, open_ledger
from comity.portal.house import AccessBook, House, Opening
from comity.records import (
    CallPermitted,
    CallSettled,
    CaseOpened,
    ConflictDeclared,
    Digest,
    ExpertAppointed,
    ExpertProposed,
    Hex32,
    PlanFrozen,
    Record,
    RunBegun,
    instant_text,
    to_bytes,
)
from comity.vault import (
    CALL_PARTS,
    Epoch,
    SealedBundle,
    format_sealed,
    generate_recipient,
    parse_recipient,
)

__all__ = [
    "FOUND", "KEY", "OFFICE", "OPENED", "PLAN", "PLANNED", "RICH", "ROLES", "SAMPLES", "TOLD", "WRITTEN", "World",
    "account", "asked", "make_world", "plan_text", "url_world",
]  # fmt: skip

OFFICE: Final = "Office for AI"
RICH: Final = "e" * 32
FOUND: Final = "f" * 32
WRITTEN: Final = "d" * 32
SAMPLES: Final = tuple(one.engagement for one in sample_cases(AT))
HOST: Final = "office.example"
LAW: Final = cache(load_pack)

PLANNED: Final = Hex32("8" * 32)
"""A run under a plan that was frozen before, whose text the house may have at hand."""


def plan_text(items: int = 40, **more: Any) -> str:
    """A plan over a shipped suite, as its author has it."""
    members = plan_members(
        plan_id="5" * 32, arrangement=more.pop("arrangement", TERMS.id), title=f"Short answers, {items} items",
        suite=load_suite("short-answers"), protocol="openai", model="nova-5", items=items, seed="6" * 32,
    )  # fmt: skip
    return write_plan(members | more)


PLAN: Final[Plan] = parse_plan(plan_text(), "plan")
"""The plan of that run."""

KEY: Final = generate_recipient(lambda count: bytes(range(100, 100 + count)))
"""The evaluator's own key, to which the last call of the planned run is sealed."""
TOLD: Final = 74
"""The entry of that call."""
OPENED: Final = {
    "request": b'{"model":"nova-5","messages":[{"role":"user","content":"What is 2 + 2? \xe2\x88\x91"}]}',
    "answer": b'{"choices":[{"message":{"content":"<b>4</b>"}}]}',
}
"""What was said in it."""


def seal() -> dict[str, SealedBundle]:
    """Its two parts, sealed as a gateway seals them."""
    mine = parse_recipient("evaluator-1", KEY.public_text())
    other = parse_recipient("recovery", generate_recipient(secrets.token_bytes).public_text())
    epoch = Epoch.begin((other, mine), b"a grant", secrets.token_bytes)
    made = {}
    for part in CALL_PARTS:
        one = epoch.seal(OPENED[part], ledger=TERMS.ledger.origin, part=part, random=secrets.token_bytes)
        made[part] = SealedBundle(
            ledger=one.ledger, index=0, part=part, commitment=one.commitment, epoch=epoch.id, context=epoch.context,
            wrapped_key=one.wrapped_key, ciphertext=one.ciphertext, encapsulations=epoch.encapsulations,
        )  # fmt: skip
    return made


ROLES: Final[Mapping[str, Mapping[str, str]]] = {
    "handler": {"role": "handler", "organisation": OFFICE},
    "handler-elsewhere": {"role": "handler", "organisation": AUTHORITY},
    "evaluator": {"role": "evaluator", "organisation": OFFICE, "person": "evaluator-1"},
    "expert": {"role": "expert", "organisation": "Institute", "person": "expert-1"},
    "access": {"role": "access", "organisation": "Aurora Systems"},
    "access-elsewhere": {"role": "access", "organisation": "Somebody Else"},
    "administrator": {"role": "administrator", "organisation": OFFICE},
}
"""Account → what it is for."""


class World:
    """Ledgers in a folder, and a clock that tests may move."""

    def __init__(self, path: Path, now: datetime = AT) -> None:
        self.path, self.now = path, now
        self.access: list[AccessBook] = []
        self.terms: dict[str, Terms] = {}
        self.offers: list[Offer] = []
        self.sent: list[tuple[str, str, bytes]] = []
        self.sealed: dict[tuple[str, int, str], bytes] = {}

    def write(self, engagement: str, records: Sequence[Record]) -> None:
        """Begin a case with these entries."""
        folder = self.path / "engagements" / engagement
        folder.mkdir(parents=True)
        ledger = create_ledger(folder / "ledger.sqlite", origin=origin_of(HOST, engagement))
        try:
            add_all(ledger, records, self.now)
        finally:
            ledger.close()

    @contextmanager
    def open_case(self, engagement: str) -> Iterator[Ledger]:
        ledger = open_ledger(self.path / "engagements" / engagement / "ledger.sqlite")
        try:
            yield ledger
        finally:
            ledger.close()

    @contextmanager
    def books(self) -> Iterator[list[AccessBook]]:
        yield self.access

    @contextmanager
    def book(self, arrangement: str) -> Iterator[AccessBook | None]:
        yield next((one for one in self.access if one.arrangement == arrangement), None)

    def stamp(self, engagement: str) -> object:
        with self.open_case(engagement) as ledger:
            return ledger.size()

    def terms_of(self, case: Case) -> dict[str, Terms]:
        named = {str(getattr(entry.record, "arrangement", "")) for entry in case.plain}
        return {name: terms for name, terms in self.terms.items() if name in named}

    def offers_of(self, arrangement: str) -> list[Offer]:
        return [offer for offer in self.offers if offer.terms.id == arrangement]

    def begin(self, said: Opening) -> str:
        """Open a case of the authority's."""
        engagement = secrets.token_hex(16)
        opening = Story().records[0].members() | {
            "engagement": engagement, "provider": said.other, "authority": OFFICE, "summary": said.summary,
            "subjects": list(said.subjects), "track": said.track, "initiated_by": said.initiated_by, "on": said.on,
            "at": instant_text(self.now), "refs": list(said.refs),
        }  # fmt: skip
        self.write(engagement, [CaseOpened.from_members(opening)])
        return engagement

    def house(self, **more: Any) -> House:
        made: dict[str, Any] = {
            "path": self.path / "portal", "name": OFFICE, "role": "authority", "host": HOST,
            "clock": lambda: self.now, "random": secrets.token_bytes, "secret_key": secrets.token_urlsafe(48),
            "case_ids": lambda: [path.parent.name for path in (self.path / "engagements").glob("*/ledger.sqlite")],
            "open_case": self.open_case, "case_stamp": self.stamp, "terms_of": self.terms_of,
            "offers_of": self.offers_of, "access": self.books, "access_of": self.book,
            "access_stamp": lambda: len(self.access), "law": LAW, "begin": self.begin,
            "plan_of": {PLAN.digest: PLAN.canonical}.get,
            "sealed_of": lambda *named: self.sealed.get(named),
        }  # fmt: skip
        return House(**made | more)


def make_world(path: Path) -> World:
    """The five cases."""
    world = World(path)
    world.terms[TERMS.id] = TERMS
    newer = rich_terms(version=2, previous=TERMS.digest, access_days=25)
    world.offers += [countersign(offer_terms(TERMS, specimen.PROVIDER), specimen.AUTHORITY)]
    world.offers += [offer_terms(newer, specimen.PROVIDER)]
    autumn, planned = rich_access(), Digest(PLAN.digest)
    autumn.add(PlanFrozen(at=at("11-24T10:00"), plan=planned, **WHO))
    autumn.add(RunBegun(at=at("11-24T10:05"), run=PLANNED, plan=planned, **WHO))
    for minute in range(10, 22):
        autumn.call(f"11-24T10:{minute}", "nova-5", "sampling", run=PLANNED)
    assert len(autumn.records) - 2 == TOLD
    parts = {name: replace(one, index=TOLD) for name, one in seal().items()}
    world.sealed = {(TERMS.ledger.origin, TOLD, name): format_sealed(one) for name, one in parts.items()}
    committed = {name: Digest(one.commitment) for name, one in parts.items()}
    permitted, settled = autumn.records[-2:]
    assert isinstance(permitted, CallPermitted) and isinstance(settled, CallSettled)
    autumn.records[-2:] = [
        replace(permitted, request=committed["request"]), replace(settled, answer=committed["answer"], answer_bytes=48)
    ]  # fmt: skip
    entries = [to_bytes(record) for record in autumn.records]
    world.access.append(AccessBook(origin=TERMS.ledger.origin, entries=entries))
    world.write(RICH, rich_case().records)
    found = rich()
    found.tell(ExpertProposed, expert="expert-1", proposed_by="authority", qualifications=("red teaming",))
    found.tell(ConflictDeclared, expert="expert-1", with_whom="Borealis Models", relation="none")
    found.tell(ExpertAppointed, expert="expert-1", act="Decision 7")
    world.write(FOUND, renamed(found.records, FOUND, "Borealis Models"))
    for one in sample_cases(AT):
        world.write(one.engagement, one.records)
    world.write(WRITTEN, renamed(Story().records, WRITTEN, "Cirrus Labs"))
    return world


def renamed(records: Sequence[Record], engagement: str, provider: str) -> list[Record]:
    """The same story with another id and provider."""
    opening, *rest = records
    assert isinstance(opening, CaseOpened)
    members = opening.members() | {"engagement": engagement, "provider": provider}
    return [CaseOpened.from_members(members), *rest]


def account(name: str) -> Any:
    """The account of `ROLES` with this name."""
    from comity.portal.accounts.invitations import make_account

    return make_account(name, **ROLES[name], name=name.capitalize())


def url_world() -> dict[str, Any]:
    """A value for every converter that an address may have."""
    return {
        "engagement": RICH, "index": 1, "secret": "0" * 64, "name": "portal/portal.css", "username": "administrator",
    }  # fmt: skip


def asked(browser: Any, page: str) -> int:
    """Queries that a page takes, over both databases."""
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connections["projections"]) as cases:
        with CaptureQueriesContext(connections["default"]) as own:
            browser.get(page)
    return len(cases) + len(own)
