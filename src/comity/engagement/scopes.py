"""Scopes: whether a duty bears on the provider of a case, as far as the case says.

A duty binds a role within a scope.  Both follow from what was entered; what nobody stated is *not assessed*, and
never guessed.

| of the duty | holds |
|---|---|
| `gpai_all` | on the model track |
| `ai_system…` | on the system track |
| `all` | always |
| `gpai_sr` | where one of the events `SR_CONDITION_MET_OR_KNOWN`, `NOTIFIED_52_1`, `DESIGNATION` was entered |
| `…_except_oss_non_sr` | where the model has systemic risk, because such a model is never exempt (Art. 53(2)) |
| any other scope, or against the rows above | where it was stated (`scope.stated`) |
| role `signatory` | where it was stated of the duty's chapter of the code (such as `code-safety-security`) |
| other roles of a provider's side | a provider's and a representative's: always; others where it was stated |

**Who says so counts.**  What the authority states outweighs the rest.  Anybody's word puts a duty on the provider;
a duty is taken away by the authority, or by somebody who cites evidence, and never by the provider's word alone.
Statements of equal weight that contradict each other leave it not assessed until one is withdrawn.

Not promised: that the law reads so. It says which entry makes a duty bear, and that entry can be contested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from comity.engagement.case import Case, Entry, Item
from comity.engagement.citations import AtHand, cited_by
from comity.engagement.sides import AUTHORITY, side_of
from comity.law import Duty, Pack
from comity.records import EventStated, ScopeStated

__all__ = ["PROVIDERS", "Applies", "Bearing", "bearing", "unknown_scopes"]

Applies = Literal["yes", "no", "not assessed"]

BY_ITSELF: Final = ("provider", "authorised_representative", "system_provider", "frontier_developer")
STATED: Final = ("downstream_modifier", "large_frontier_developer")
PROVIDERS: Final = (*BY_ITSELF, *STATED, "signatory")
"""Roles of the law packs that a provider may have."""

EVENTS: Final = {"gpai_sr": ("SR_CONDITION_MET_OR_KNOWN", "NOTIFIED_52_1", "DESIGNATION")}
TRACKS: Final = {
    "gpai_all": "model", "ai_system": "system", "ai_system_incl_gpai_system": "system",
}  # fmt: skip
SYSTEMS: Final = ("ai_system", "ai_system_incl_gpai_system", "ai_office_perimeter_systems")
SYSTEMIC: Final = "gpai_sr"
NEVER_EXEMPT: Final = "gpai_all_except_oss_non_sr"
TWO: Final = {"third_country_gpai_except_oss_non_sr": ("third_country_gpai", NEVER_EXEMPT)}
"""A scope that is the meeting of two others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearing:
    """Whether a duty bears on the provider, and why."""

    applies: Applies
    because: str
    entries: tuple[Entry, ...] = ()


def bearing(case: Case, pack: Pack, duty: Duty, subject: str, hand: AtHand) -> Bearing:
    """Whether a duty of the pack bears on the provider of a case, for one of its models or systems."""
    told = _Told(case, subject, hand)
    return _all(told.scope(duty.applies), told.role(duty, pack))


def unknown_scopes(case: Case, pack: Pack) -> tuple[tuple[Item, str], ...]:
    """Scopes that were stated and that the pack does not know."""
    known = {*pack.scopes, *pack.roles, *pack.instruments}
    return tuple((item, record.scope) for item, record in case.records(ScopeStated) if record.scope not in known)


def _all(*parts: Bearing) -> Bearing:
    """No if one says no, not assessed if one is not, else yes."""
    for answer in ("no", "not assessed"):
        for part in parts:
            if part.applies == answer:
                return part
    entries = tuple(dict.fromkeys(entry for part in parts for entry in part.entries))
    return Bearing(applies="yes", because="; ".join(p.because for p in parts if p.because), entries=entries)


class _Told:
    """What a case says of scopes, for one subject. Lives while one duty is read."""

    def __init__(self, case: Case, subject: str, hand: AtHand) -> None:
        self.case, self.subject, self.hand = case, subject, hand

    def scope(self, name: str) -> Bearing:
        if (stated := self.stated(name)) is not None:
            return stated
        track = self.case.opening.track
        if name == "all":
            return Bearing(applies="yes", because="it bears on everybody")
        if name in SYSTEMS and track == "model":
            return Bearing(applies="no", because="it is about systems, and this case is on the model track")
        if TRACKS.get(name) == track:
            return Bearing(applies="yes", because=f"the case is on the {track} track", entries=(self.opened,))
        if name == NEVER_EXEMPT:
            systemic = self.scope(SYSTEMIC)
            if systemic.applies == "yes":
                return systemic
        if name in TWO:
            return _all(*(self.scope(part) for part in TWO[name]))
        return Bearing(applies="not assessed", because=f"nothing says whether {name} holds")

    def role(self, duty: Duty, pack: Pack) -> Bearing:
        if set(duty.who) & set(BY_ITSELF):
            return Bearing(applies="yes", because="")
        names: Sequence[str] = [name for name in duty.who if name in STATED]
        if "signatory" in duty.who:
            codes = [name for name in pack.instruments if name.startswith("code-")]
            names = ("signatory", *((duty.instrument,) if duty.instrument in codes else codes))
        found = [stated for name in names if (stated := self.stated(name)) is not None]
        for answer in ("yes", "no"):
            for one in found:
                if one.applies == answer:
                    return one
        asked = " or ".join(name for name in names if name != "signatory")
        return found[0] if found else Bearing(applies="not assessed", because=f"nothing says whether {asked} holds")

    @property
    def opened(self) -> Entry:
        return self.case.opened.latest

    def stated(self, name: str) -> Bearing | None:
        """What was stated of one name; `None` where nothing that counts was."""
        said = [
            (item, record)
            for item, record in self.case.records(ScopeStated)
            if record.scope == name and record.subject in ("", self.subject)
        ]
        own = [(i, r) for i, r in said if side_of(self.case, r.by) == AUTHORITY]
        if own:
            return self._judged(name, [(item.entry, record.holds, record.by) for item, record in own])
        counting = [
            (item.entry, record.holds, record.by)
            for item, record in said
            if record.holds == "yes" or any(one.shows for one in cited_by(self.case, item, self.hand))
        ]
        counting += [
            (item.entry, "yes", event.event)
            for item, event in self.case.records(EventStated)
            if event.event in EVENTS.get(name, ()) and event.subject in ("", self.subject)
        ]
        if counting:
            return self._judged(name, counting)
        if said:
            because = f"that {name} does not hold is the word of {said[0][1].by} alone, which takes no duty away"
            return Bearing(applies="not assessed", because=because, entries=tuple(item.entry for item, _ in said))
        return None

    def _judged(self, name: str, told: Sequence[tuple[Entry, str, str]]) -> Bearing:
        entries = tuple(entry for entry, _, _ in told)
        answers = {answer for _, answer, _ in told}
        if len(answers) > 1:
            because = f"{name} is stated both ways; withdraw what is not so"
            return Bearing(applies="not assessed", because=because, entries=entries)
        by = ", ".join(dict.fromkeys(who for _, _, who in told))
        holds = answers == {"yes"}
        return Bearing(
            applies="yes" if holds else "no",
            because=f"{name} {'holds' if holds else 'does not hold'}, by {by}",
            entries=entries,
        )
