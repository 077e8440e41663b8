"""Findings: what was concluded about a duty, in which version, what it rests on, and what was replied to which.

A finding has versions (`finding.stated`); the newest standing one is what it says now.  A reply (`finding.replied`)
names one version and the digest of the entry that says how that version reads.  So a reply to version 1 is no reply
to version 2, and no reply to version 1 as corrected since; it is shown as what it is.

**It settles** its duty, for compliance or for infringement, when all of these hold.  Otherwise `open_because` says
what is missing:

| what | why |
|---|---|
| it is final, and by the authority | an evaluation or a preliminary view settles nothing |
| it finds compliance or infringement, at limited or reasonable assurance | else nothing was concluded |
| all that it cites stands and is at hand, and something of it is evidence | what cannot be followed shows nothing |
| for an infringement: the provider was heard | Art. 94 of the AI Act; Art. 18 of Regulation (EU) 2019/1020 |

**Heard** means: a preliminary version came before, and the provider replied to it, or the time to reply was over.
The time ends with the day that the law pack's clock on `PF_SENT` gives, or with the period of a hearing that names
that version, whichever is later.  A final finding of either kind that came earlier says so in `early`.

A version is **disputed** while the provider's reply that disputes it is bound to it; the next version answers it.

Not promised: that a finding is right, or that its words say what it finds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from comity.engagement.case import Case, Entry, Item, ends_on
from comity.engagement.citations import AtHand, Cited, cited_by
from comity.engagement.clocks import CaseClock
from comity.engagement.sides import AUTHORITY, PROVIDER, side_of
from comity.engagement.when import parse_when
from comity.law import Confidence
from comity.records import FindingReplied, FindingStated, HearingHeld, HearingInvited

__all__ = ["Finding", "Reply", "ReplyTime", "Version", "publication_clocks", "read_findings", "stated_on"]

SENT: Final = "PF_SENT"
NOTIFIED: Final = "FINDINGS_NOTIFIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply, and whether it answers the version as that reads now."""

    item: Item
    record: FindingReplied
    remark: str
    """Why it does not count for the version as it reads now; empty where it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTime:
    """How long the provider may reply to a preliminary version."""

    until: date
    """The last day."""
    source: str
    """The duty of the law pack, or the hearing."""
    confidence: Confidence
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a finding."""

    item: Item
    record: FindingStated
    newest: bool
    cited: tuple[Cited, ...]
    replies: tuple[Reply, ...]
    reply_time: ReplyTime | None
    """For a preliminary version; `None` where neither law pack nor hearing sets one."""
    early: str
    """For a final version: why the provider was not heard before it; empty where they were."""
    open_because: str
    """Why it settles nothing; empty where it settles its duty."""

    @property
    def number(self) -> int:
        """Its number, from 1."""
        return self.record.finding_version

    @property
    def settles(self) -> bool:
        """Whether its duty follows from it."""
        return self.newest and not self.open_because

    @property
    def shows(self) -> bool:
        """Whether something that it cites is evidence."""
        return any(one.shows for one in self.cited)

    @property
    def disputed(self) -> tuple[Reply, ...]:
        """The provider's disputes of this version that no later version answers."""
        return tuple(one for one in self.replies if not one.remark and one.record.position == "disputes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding in all its standing versions."""

    id: str
    versions: tuple[Version, ...]
    """By number."""

    @property
    def newest(self) -> Version:
        """What it says now."""
        return self.versions[-1]


def read_findings(case: Case, hand: AtHand, clocks: Sequence[CaseClock]) -> tuple[Finding, ...]:
    """Every finding of a case with a standing version, in the order in which they were first entered."""
    stated: dict[str, list[tuple[Item, FindingStated]]] = {}
    for item, record in case.records(FindingStated):
        stated.setdefault(record.finding, []).append((item, record))
    found = []
    for name, pairs in stated.items():
        pairs.sort(key=lambda pair: pair[1].finding_version)
        versions = tuple(_version(case, pairs, place, hand, clocks) for place in range(len(pairs)))
        found.append(Finding(id=name, versions=versions))
    return tuple(found)


def publication_clocks(clocks: Iterable[CaseClock]) -> tuple[CaseClock, ...]:
    """The clocks that run on publication since findings were notified (Code S&S, Measure 3.5)."""
    return tuple(one for one in clocks if NOTIFIED in one.clock.duty.deadline.events)


def stated_on(item: Item) -> date:
    """The day on which something was stated: its exact day, else that of its entry."""
    when = parse_when(item.record.on)
    return when.day if when.exact and when.day is not None else item.entry.entered.date()


Pairs = Sequence[tuple[Item, FindingStated]]


def _version(case: Case, pairs: Pairs, place: int, hand: AtHand, clocks: Sequence[CaseClock]) -> Version:
    item, record = pairs[place]
    newest = place == len(pairs) - 1
    cited = cited_by(case, item, hand)
    early = _early(case, pairs[:place], item, clocks) if record.stage == "final" else ""
    return Version(
        item=item,
        record=record,
        newest=newest,
        cited=cited,
        replies=_replies(case, item, pairs[place + 1 :]),
        reply_time=_time(case, item, clocks) if record.stage == "preliminary" else None,
        early=early,
        open_because="a later version replaces it" if not newest else _open(case, record, cited, early),
    )


def _open(case: Case, record: FindingStated, cited: tuple[Cited, ...], early: str) -> str:
    if record.stage != "final":
        return {"preliminary": "it is preliminary"}.get(record.stage, "it is an evaluation's")
    if side_of(case, record.by) != AUTHORITY:
        return f"it is by {record.by}, not by the authority"
    if record.finds == "undetermined":
        return "it leaves open what it finds"
    if record.assurance == "none":
        return "it states no assurance"
    if lost := [one.what for one in cited if not one.stands]:
        return f"it cites what cannot be followed: {', '.join(lost)}"
    if not any(one.shows for one in cited):
        return "nothing that it cites is evidence" if cited else "it cites nothing"
    return early if record.finds == "infringement" else ""


def _replies(case: Case, item: Item, later: Pairs) -> tuple[Reply, ...]:
    return tuple(
        Reply(item=other, record=reply, remark=_remark(case, item, reply, later))
        for other, reply in case.about(item.id, FindingReplied)
    )


def _remark(case: Case, item: Item, reply: FindingReplied, later: Pairs) -> str:
    if side_of(case, reply.by) != PROVIDER:
        return f"it is by {reply.by}, not by the provider"
    if reply.digest != item.latest.digest:
        return f"it answers version {reply.finding_version} as it read before its correction"
    if later:
        newer = later[-1][1].finding_version
        return f"it answers version {reply.finding_version} and is no reply to version {newer}"
    return ""


def _early(case: Case, before: Pairs, final: Item, clocks: Sequence[CaseClock]) -> str:
    """Why the provider was not heard before a final version; empty where they were."""
    sent = [(item, record) for item, record in before if record.stage == "preliminary"]
    if not sent:
        return "no preliminary version came before it, so the provider could not reply"
    if any(_replied(case, item, final) for item, _ in sent):
        return ""
    time = _time(case, sent[-1][0], clocks)
    if time is None:
        return "the provider did not reply, and nothing sets the time to do so"
    if stated_on(final) <= time.until:
        return f"stated before the reply's time was over, which ends with {time.until} ({time.source})"
    return ""


def _replied(case: Case, sent: Item, final: Item) -> bool:
    """Whether the provider used the right to reply before the final version."""
    replies = any(
        side_of(case, reply.by) == PROVIDER and other.index < final.index
        for other, reply in case.about(sent.id, FindingReplied)
    )
    hearings = [item for item, hearing in case.records(HearingInvited) if hearing.about == sent.id]
    held = any(
        record.held != "not-used" and other.index < final.index
        for item in hearings
        for other, record in case.about(item.id, HearingHeld)
    )
    return replies or held


def _time(case: Case, sent: Item, clocks: Sequence[CaseClock]) -> ReplyTime | None:
    """The later of what the law pack and a hearing leave the provider."""
    times = []
    for one in clocks:
        bound = one.clock.earliest
        if one.clock.about == sent.id and SENT in one.clock.duty.deadline.events and bound is not None:
            duty = one.clock.duty
            source = f"{duty.id}, {duty.force}"
            until = one.clock.calendar.day_of(bound)
            times.append(ReplyTime(until=until, source=source, confidence=duty.confidence, entries=(sent.entry,)))
    for item, hearing in case.records(HearingInvited):
        if hearing.about == sent.id:
            until = _day(ends_on(case, item.id))
            source = f"hearing {item.id[:8]}"
            times.append(ReplyTime(until=until, source=source, confidence="primary", entries=(item.entry,)))
    return max(times, key=lambda time: time.until, default=None)


def _day(text: str) -> date:
    return datetime.fromisoformat(text).date()
