"""Duties of terms: what the clauses of one arrangement ask by when, as a small pack for the clock engine.

| duty | from the clause | counts from | due |
|---|---|---|---|
| `successor.notice` | `successor.notice_days` | `VERSION_RELEASED` | so many days after it |
| `successor.access` | `successor.access_days` | `VERSION_RELEASED` | so many days after it |
| `publication.review` | `publication.review_days` | `RESULTS_NOTIFIED` | so many days after it |
| `exit.notice` | `exit.notice_days` | `EXIT_SIGNED` | access ends no earlier than so many days after it |

A clause of 0 days promises nothing and makes no duty.  Days are plain days, as the clauses say; `comity.law.calendar`
says how they count.

    >>> DUTIES["successor.notice"].met_by
    'VERSION_NOTIFIED'

The force of a duty follows `basis_kind`: voluntary, under a code, or binding where the law compels access.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from comity.arrangement.terms import Terms
from comity.law import Duty, Instrument, Pack
from comity.law.deadline import parse_deadline

__all__ = ["DUTIES", "EVENTS", "TermsDuty", "duties_of"]

EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "VERSION_RELEASED": "the provider has released a newer version of a model",
        "VERSION_NOTIFIED": "the provider has told the authority of a newer version",
        "VERSION_ACCESS": "the authority can call a newer version",
        "RESULTS_NOTIFIED": "results were handed over for review before publication",
        "RESULTS_REVIEWED": "the review before publication has ended",
        "EXIT_SIGNED": "a side has signed that it leaves the arrangement",
        "EXIT_EFFECTIVE": "access has ended by an exit",
    }
)
"""What the terms' clocks count from, by the names that `event.stated` uses for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsDuty:
    """One duty that terms may make."""

    clause: str
    title: str
    by: str
    """provider · authority · other: whoever does not publish · both"""
    word: str
    event: str
    met_by: str


DUTIES: Final[Mapping[str, TermsDuty]] = MappingProxyType(
    {
        "successor.notice": TermsDuty(
            clause="successor.notice_days", title="Tell of a newer version", by="provider", word="due",
            event="VERSION_RELEASED", met_by="VERSION_NOTIFIED",
        ),
        "successor.access": TermsDuty(
            clause="successor.access_days", title="Give access to a newer version", by="provider", word="due",
            event="VERSION_RELEASED", met_by="VERSION_ACCESS",
        ),
        "publication.review": TermsDuty(
            clause="publication.review_days", title="Review results before publication", by="other", word="due",
            event="RESULTS_NOTIFIED", met_by="RESULTS_REVIEWED",
        ),
        "exit.notice": TermsDuty(
            clause="exit.notice_days", title="End access no earlier than notice allows", by="both", word="not_before",
            event="EXIT_SIGNED", met_by="EXIT_EFFECTIVE",
        ),
    }
)  # fmt: skip
"""Duty → how it is made from its clause."""

FORCE: Final = {"voluntary": "voluntary", "code": "code", "compulsory": "binding"}


def duties_of(terms: Terms) -> Pack:
    """The pack of one version of the terms; without duties where no clause sets days."""
    days = {
        "successor.notice": terms.successor.notice_days,
        "successor.access": terms.successor.access_days,
        "publication.review": terms.publication.review_days,
        "exit.notice": terms.exit.notice_days,
    }
    name = f"terms-{terms.id[:8]}"
    instrument = Instrument(key="terms", title=terms.title, id=terms.digest, url="", confidence="primary")
    return Pack(
        name=name,
        version=str(terms.version),
        title=terms.title,
        jurisdiction=terms.ledger.origin,
        about="What the clauses of an arrangement ask by when.",
        note="",
        roles={"provider": terms.parties.provider.name, "authority": terms.parties.authority.name},
        scopes={"arrangement": "this arrangement"},
        events=dict(EVENTS),
        phases={},
        evidence={"event": "the event that meets it, entered in the case"},
        instruments={"terms": instrument},
        sources={"terms": f"version {terms.version}, digest {terms.digest}"},
        dates=(),
        duties={duty: _duty(duty, count, terms) for duty, count in days.items() if count},
        incidents=(),
        classification=None,
        forms=(),
        levels=(),
        access=(),
        crosswalk=(),
    )


def _duty(name: str, days: int, terms: Terms) -> Duty:
    made = DUTIES[name]
    force = next(one for one in ("voluntary", "code", "binding") if one == FORCE[terms.basis_kind])
    return Duty(
        id=name,
        ref=made.clause,
        title=made.title,
        says=f"{made.clause} is {days}.",
        who=_who(made, terms),
        applies="arrangement",
        trigger=made.event,
        deadline=parse_deadline(f"{made.word}:{made.event}+P{days}D"),
        evidence=("event",),
        force=force,
        instrument="terms",
        link="",
        src=("terms",),
        confidence="primary",
        note="",
    )


def _who(made: TermsDuty, terms: Terms) -> tuple[str, ...]:
    if made.by != "other":
        return ("authority", "provider") if made.by == "both" else (made.by,)
    return {"authority": ("provider",), "provider": ("authority",)}.get(terms.publication.by, ("authority", "provider"))
