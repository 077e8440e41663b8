"""Stories for tests: a case that grows record by record, each with what every item needs."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, get_type_hints

from comity.engagement import Case, CaseClock, case_clocks, case_packs, read_records
from comity.law import PLAIN, Calendar
from comity.records import (
    ArrangementInForce,
    CaseItem,
    CaseOpened,
    Digest,
    GrantGiven,
    Hex32,
    Instant,
    Record,
    instant_text,
)

ENGAGEMENT = "e" * 32
ARRANGEMENT = "a" * 32


class Story:
    """Records of one case. Each `tell` is a day later unless it says when."""

    def __init__(self, begin: str = "2026-09-01", **opening: Any) -> None:
        self.now = datetime.fromisoformat(begin).replace(tzinfo=UTC, hour=9)
        self.records: list[Record] = []
        members: dict[str, Any] = {
            "engagement": Hex32(ENGAGEMENT), "track": "model", "law": "eu-ai-act", "law_version": "2026-07-27",
            "authority": "Office for AI", "provider": "Aurora Systems", "initiated_by": "provider",
            "subjects": ("nova-5",), "summary": "Talks on access.",
        }  # fmt: skip
        self.tell(CaseOpened, **members | opening)

    def tell(self, kind: type[CaseItem], *, on: str = "", at: str = "", **members: Any) -> str:
        """Enter an item; returns its id. What is left out is empty."""
        self._pass(at)
        item = f"{len(self.records):032x}"
        empty = {name: _empty(name, kind) for name in _members(kind)}
        given = {
            "at": Instant(instant_text(self.now)), "item": item, "on": on or self.now.date().isoformat(), "source": "",
            "confidence": "stated", "refs": (),
        }  # fmt: skip
        self.records.append(kind(**empty | given | members))
        return item

    def force(self, until: str = "2026-12-31", *, at: str = "") -> None:
        """Terms come into force."""
        self._pass(at)
        self.records.append(
            ArrangementInForce(
                at=Instant(instant_text(self.now)), arrangement=Hex32(ARRANGEMENT), terms_version=1,
                digest=Digest("d" * 64), until=f"{until}T00:00:00.000Z",
            )
        )  # fmt: skip

    def grant(self, *, at: str = "") -> None:
        """A person gets access."""
        self._pass(at)
        self.records.append(
            GrantGiven(
                at=Instant(instant_text(self.now)), arrangement=Hex32(ARRANGEMENT), grant=Hex32("9" * 32),
                person="evaluator-1", expires="2026-12-31T00:00:00.000Z",
            )
        )  # fmt: skip

    def _pass(self, at: str) -> None:
        if at:
            self.now = datetime.fromisoformat(at).replace(tzinfo=UTC)
        elif self.records:
            self.now += timedelta(days=1)

    def case(self, **how: Any) -> Case:
        """The case as it is told so far."""
        return read_records(self.records, **how)

    def clocks(self, day: str, calendar: Calendar = PLAIN) -> dict[str, CaseClock]:
        """The clocks at the end of a day, by duty; the last one of each."""
        at = datetime.fromisoformat(f"{day}T23:59:59.999+00:00")
        case = read_records([r for r in self.records if r.at <= instant_text(at)])
        return {one.clock.duty.id: one for one in case_clocks(case, at, case_packs(case), calendar)}


def _members(kind: type[Record]) -> list[str]:
    return [field.name for field in fields(kind) if field.name != "at"]


def _empty(name: str, kind: type[Record]) -> Any:
    hint = get_type_hints(kind)[name]
    return () if getattr(hint, "__origin__", None) is tuple else 0 if hint is int else ""
