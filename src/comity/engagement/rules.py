"""Rules: what an item of a case must hold, apart from what stands beside it.

A record is bytes with a form; an item of a case is one that the law and the house can work with.  Here are the
closed vocabularies, the members that may not be empty with the provision that asks for them, and the few rules
that tie members of one item together.  What an item may follow from is `comity.engagement.case`.

Each `check_item` raises `NotACase` and says what was expected, what came and, for an act of the law, under which
article.  An access request that lacks what Art. 92(4) of the AI Act asks for cannot be written, by whatever door.

Not promised: that a reason given is a good one. Only that one is given.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from comity.engagement.errors import NotACase
from comity.engagement.when import parse_when
from comity.records import (
    AccessRequested,
    CaseItem,
    CommitmentOffered,
    DocumentationReceived,
    FindingStated,
    IncidentOpened,
    InformationAnswered,
    InformationRequested,
    MeasureRequested,
    MeetingRecorded,
    Record,
    SessionHeld,
    parse_instant,
)

__all__ = ["REQUIRED", "VOCABULARY", "check_item"]

CONFIDENCE: Final = ("stated", "reported", "unconfirmed")

SIDES: Final = ("authority", "provider")
INCIDENT_KINDS: Final = (
    "critical-infrastructure", "cybersecurity", "model-exfiltration", "death", "health", "fundamental-rights",
    "property", "environment", "imminent-danger", "loss-of-control", "deception", "catastrophic",
)  # fmt: skip

VOCABULARY: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "case.opened": {"track": ("model", "system"), "initiated_by": (*SIDES, "unstated")},
    "party.named": {
        "role": (
            "authority", "board", "panel", "expert", "national-authority", "provider", "representative", "lawyer",
            "downstream-provider", "external-evaluator", "third-party",
        )
    },
    "meeting.recorded": {"form": ("in-person", "remote", "call", "unstated")},
    "document.attached": {
        "part": ("minutes", "attachment", "original", "identity", "answer", "report", "evidence", "notes")
    },
    "item.answered": {
        "answer": ("accepted", "partly", "declined", "withdrawn", "fulfilled", "acted-upon", "closed", "noted")
    },
    "information.requested": {"addressee": ("provider", "representative", "lawyer")},
    "access.requested": {"ground": ("a", "b")},
    "dialogue.opened": {"article": ("91", "92", "93")},
    "commitment.decided": {"decision": ("binding", "declined", "released", "broken", "reopened")},
    "measure.requested": {"point": ("a", "b", "c")},
    "hearing.held": {"held": ("orally", "in-writing", "not-used")},
    "alert.received": {"ground": ("a", "b")},
    "incident.opened": {"kinds": INCIDENT_KINDS, "involvement": ("established", "suspected")},
    "incident.reported": {"report": ("initial", "intermediate", "final")},
    "suspension.imposed": {"cause": ("legal-order", "third-party-suspension", "security", "operational")},
    "assertion.checked": {"outcome": ("upheld", "contradicted", "inconclusive")},
    "documentation.received": {"view": ("aio", "nca", "dp")},
    "conflict.declared": {
        "relation": (
            "none", "ownership", "employment", "contract", "funding", "governance", "personal", "other",
        )
    },
    "version.approved": {"of": SIDES},
    "contract.signed": {
        "role": SIDES, "stamped": ("yes", "no"), "revocation": ("not revoked", "no information in the file"),
    },
    "session.held": {
        "by": SIDES,
        "form": ("source-code", "on-premises", "weights", "activations", "interview", "document-room"),
    },
    "session.answered": {"by": SIDES, "answer": ("countersigned", "contested")},
    "scope.stated": {"holds": ("yes", "no")},
    "finding.stated": {
        "stage": ("evaluation", "preliminary", "final"),
        "finds": ("compliance", "infringement", "undetermined"),
        "assurance": ("limited", "reasonable", "none"),
    },
    "finding.replied": {"position": ("agrees", "disputes", "remarks")},
}  # fmt: skip
"""Kind → member → the words that it may hold; a list may hold each of them."""

REQUIRED: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "case.opened": (("authority", "provider", "summary"), ""),
    "party.named": (("party", "organisation"), ""),
    "contact.named": (("person", "party", "function"), ""),
    "topic.opened": (("topic",), ""),
    "topic.closed": (("because",), ""),
    "meeting.recorded": (("count",), ""),
    "message.exchanged": (("by", "to"), ""),
    "document.attached": (("title", "sealed_to"), ""),
    "document.disclosed": (("shown_to", "because"), ""),
    "document.erased": (("because",), "Art. 78(2)"),
    "item.corrected": (("changes", "because"), ""),
    "item.withdrawn": (("because",), ""),
    "item.answered": (("by",), ""),
    "publication.cleared": (("by", "because"), ""),
    "period.extended": (("until", "because"), ""),
    "event.stated": (("event",), ""),
    "offer.stated": (("by", "to", "summary"), ""),
    "information.requested": (("legal_basis", "purpose", "asked", "until", "fines_notice"), "Art. 91(4)"),
    "information.answered": (("by", "answers"), "Art. 91(5)"),
    "access.requested": (
        ("legal_basis", "purpose", "reasons", "subject", "means", "until", "fines_notice", "board_consulted"),
        "Art. 92(1), (3) and (4)",
    ),
    "dialogue.closed": (("outcome",), ""),
    "commitment.offered": (("by", "commitment"), "Art. 93(3)"),
    "commitment.decided": (("because",), "Art. 93(3)"),
    "measure.requested": (("legal_basis", "measure", "reasons", "until"), "Art. 93(1)"),
    "hearing.invited": (("about", "grounds", "remedies", "until"), "Art. 94"),
    "alert.received": (("contact", "facts", "reasons"), "Art. 90(3)"),
    "complaint.received": (("by", "contact", "facts", "provisions", "reasons"), "Art. 89(2)"),
    "incident.opened": (("by", "kinds", "summary"), "Art. 55(1)(c)"),
    "suspension.imposed": (("by", "summary"), ""),
    "suspension.eased": (("for_whom", "summary"), ""),
    "context.noted": (("summary",), ""),
    "scope.stated": (("by", "scope", "because"), ""),
    "assertion.made": (("by", "claim"), ""),
    "assertion.supported": (("by", "cites"), ""),
    "assertion.checked": (("by", "summary"), ""),
    "submission.received": (("by", "duties"), ""),
    "documentation.received": (("form", "form_version", "subject", "by"), ""),
    "expert.proposed": (("expert", "proposed_by", "qualifications"), "Art. 68(2)"),
    "conflict.declared": (("expert", "with_whom"), "Art. 68(4)"),
    "expert.appointed": (("expert", "act"), "Art. 92(2)"),
    "terms.commented": (("clause", "by", "text"), ""),
    "version.approved": (("person", "note"), ""),
    "contract.signed": (("level", "checked"), ""),
    "session.held": (("participants", "shown"), ""),
    "finding.stated": (("by", "duty", "conclusion"), ""),
    "finding.replied": (("by", "summary"), ""),
    "note.written": (("text",), ""),
}
"""Kind → members that may not be empty, and the provision that asks for them."""

DAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "information.requested": ("until",),
    "access.requested": ("until", "board_consulted"),
    "measure.requested": ("until",),
    "hearing.invited": ("until",),
    "period.extended": ("until",),
    "alert.received": ("complete",),
    "conflict.declared": ("begin", "end"),
}
"""Kind → members that are a day, where they are not empty."""

CLOCK_SKEW: Final = timedelta(days=1)
"""How far ahead of `at` what happened may lie: a day in another zone, no more."""


def check_item(record: Record) -> None:
    """Raise `NotACase` for a record that no case may hold, whatever stands beside it."""
    kind = record.kind
    for member, words in VOCABULARY.get(kind, {}).items():
        value = getattr(record, member)
        for word in value if isinstance(value, tuple) else (value,):
            if word not in words:
                raise NotACase(f"{kind}: expected {member} to be {_or(words)}; got {word[:40]!r}")
    required, provision = REQUIRED.get(kind, ((), ""))
    missing = [name for name in required if not _filled(getattr(record, name))]
    if missing:
        asks = f" ({provision} of the AI Act asks for it)" if provision else ""
        raise NotACase(f"{kind}: expected {_and(missing)}; got nothing there{asks}")
    for member in DAYS.get(kind, ()):
        if text := getattr(record, member):
            _day(kind, member, text)
    if isinstance(record, CaseItem):
        _check_knowledge(record, kind, record.at)
    for kinds, rule in _RULES:
        if isinstance(record, kinds):
            rule(record)


def _filled(value: Any) -> bool:
    return any(_filled(item) for item in value) if isinstance(value, tuple) else bool(str(value).strip())


def _check_knowledge(item: CaseItem, kind: str, at: str) -> None:
    if item.confidence not in CONFIDENCE:
        raise NotACase(f"{kind}: expected confidence to be {_or(CONFIDENCE)}; got {item.confidence[:40]!r}")
    if item.confidence != "stated" and not item.source.strip():
        raise NotACase(f"{kind}: expected the source of what is {item.confidence}; got none")
    when = parse_when(item.on)
    if kind not in ("event.stated",) and when.after(parse_instant(at) + CLOCK_SKEW):
        raise NotACase(f"{kind}: expected what has happened, by {at[:10]}; got {item.on}, which is still to come")


def _day(kind: str, member: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise NotACase(f"{kind}: expected {member} to be a day such as 2026-09-15; got {text[:40]!r}")
    return day


def _not_before(record: CaseItem, kind: str, member: str) -> None:
    """A period ends no earlier than the act that sets it."""
    until, when = date.fromisoformat(getattr(record, member)), parse_when(record.on)
    if when.day is not None and until < when.day:
        raise NotACase(f"{kind}: expected {member} on or after {when.text}; got {until}")


def _information_request(record: InformationRequested) -> None:
    _not_before(record, record.kind, "until")


def _information_answer(record: InformationAnswered) -> None:
    for answer in record.answers:
        number, said = (*answer, "", "")[:2]
        if not (number.isascii() and number.isdigit()) or said not in ("supplied", "partly", "refused", "not-held"):
            raise NotACase(
                "information.answered: expected each answer as the asked item's number and supplied, partly, "
                f"refused or not-held; got {' '.join(answer)[:60]!r}"
            )


def _access_request(record: AccessRequested) -> None:
    _not_before(record, record.kind, "until")
    consulted, when = date.fromisoformat(record.board_consulted), parse_when(record.on)
    if when.last is not None and consulted > (when.last.date() if isinstance(when.last, datetime) else when.last):
        raise NotACase(
            f"access.requested: expected the Board to be consulted before the request of {record.on} "
            f"(Art. 92(1) of the AI Act); got {consulted}"
        )
    if record.ground == "a" and not record.insufficiency.strip():
        raise NotACase(
            "access.requested: expected insufficiency on ground a: why information under Art. 91 does not suffice, "
            "or the item that shows it (Art. 92(1)(a) of the AI Act); got nothing there"
        )


def _measure(record: MeasureRequested) -> None:
    _not_before(record, record.kind, "until")
    if record.point == "b" and not record.evaluation:
        raise NotACase(
            "measure.requested: expected evaluation on point b: the item of the evaluation under Art. 92 that raised "
            "a serious and substantiated concern (Art. 93(1)(b) of the AI Act); got nothing there"
        )
    if bool(record.hearing) == bool(record.urgency.strip()):
        raise NotACase(
            "measure.requested: expected either the hearing to which the provider was invited or why it could not "
            f"wait (Art. 94 of the AI Act); got {'both' if record.hearing else 'neither'}"
        )


def _meeting(record: MeetingRecorded) -> None:
    if not record.count.isprintable() or len(record.count) > 20:
        raise NotACase(f"meeting.recorded: expected count as 1, 4–5, 3+ or several; got {record.count[:40]!r}")


def _incident(record: IncidentOpened) -> None:
    if record.aware and not parse_when(record.aware).exact:
        raise NotACase(
            "incident.opened: expected aware to be a day or an instant, because clocks count from it; "
            f"got {record.aware[:40]!r}"
        )


def _session(record: SessionHeld) -> None:
    if parse_instant(record.begin) >= parse_instant(record.end):
        raise NotACase(f"session.held: expected it to end after it begins at {record.begin}; got {record.end}")


def _documentation(record: DocumentationReceived) -> None:
    without = [row[0] if row else "" for row in record.withheld if len(row) != 2 or not row[1].strip()]
    if without:
        raise NotACase(f"documentation.received: expected the reason why {without[0][:40]!r} is withheld; got none")
    if both := sorted(set(record.received) & {row[0] for row in record.withheld}):
        raise NotACase(f"documentation.received: expected {both[0]} to be received or withheld; got both")


def _finding(record: FindingStated) -> None:
    if record.finding_version < 1:
        raise NotACase("finding.stated: expected finding_version from 1; got 0")


def _commitment(record: CommitmentOffered) -> None:
    if record.by == "authority":
        raise NotACase(
            "commitment.offered: expected a provider's commitment (Art. 93(3) of the AI Act); got the authority's"
        )


_RULES: Final[tuple[tuple[type[Record], Callable[[Any], None]], ...]] = (
    (InformationRequested, _information_request),
    (InformationAnswered, _information_answer),
    (AccessRequested, _access_request),
    (MeasureRequested, _measure),
    (MeetingRecorded, _meeting),
    (IncidentOpened, _incident),
    (SessionHeld, _session),
    (DocumentationReceived, _documentation),
    (FindingStated, _finding),
    (CommitmentOffered, _commitment),
)


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
