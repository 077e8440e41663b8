"""Members: the values of this room as JSON has them, with the reason and the source beside each."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from comity.law.calendar import Calendar, Moment
from comity.law.classify import Answer
from comity.law.clocks import Clock
from comity.law.pack import Duty, Pack

__all__ = ["answer_members", "clock_members", "duty_members", "moment_text", "pack_members"]


def moment_text(moment: Moment | None) -> str | None:
    """A day as `2026-03-16`, an instant as `2026-03-16T10:00:00Z`."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return moment.isoformat() if isinstance(moment, date) else None


def pack_members(pack: Pack, versions: Sequence[str] = ()) -> dict[str, Any]:
    """A pack in short: what it is, and how much it states with which mark."""
    marks = {mark: 0 for mark in ("primary", "secondary", "unconfirmed")}
    for duty in pack.duties.values():
        marks[duty.confidence] += 1
    return {
        "pack": pack.name,
        "version": pack.version,
        "versions": list(versions) or [pack.version],
        "title": pack.title,
        "jurisdiction": pack.jurisdiction,
        "about": pack.about,
        "duties": len(pack.duties),
        "marks": marks,
        "incident_classes": len(pack.incidents),
        "forms": len(pack.forms),
        "classifies": pack.classification is not None,
        "instruments": [
            {"key": one.key, "title": one.title, "id": one.id, "url": one.url, "confidence": one.confidence}
            for one in pack.instruments.values()
        ],
    }


def duty_members(duty: Duty) -> dict[str, Any]:
    """A duty as its pack states it."""
    return {
        "id": duty.id,
        "ref": duty.ref,
        "title": duty.title,
        "says": duty.says,
        "who": list(duty.who),
        "applies": duty.applies,
        "trigger": duty.trigger,
        "deadline": str(duty.deadline),
        "evidence": list(duty.evidence),
        "force": duty.force,
        "instrument": duty.instrument,
        "link": duty.link,
        "src": list(duty.src),
        "confidence": duty.confidence,
        "note": duty.note,
    }


def clock_members(clock: Clock) -> dict[str, Any]:
    """A clock at one time: state, due time, reasons, limits, and the calendar that it counts by."""
    return {
        "clock": clock.id,
        "about": clock.about,
        "pack": clock.pack,
        "version": clock.version,
        "duty": clock.duty.id,
        "ref": clock.duty.ref,
        "title": clock.duty.title,
        "who": list(clock.duty.who),
        "force": clock.duty.force,
        "deadline": str(clock.duty.deadline),
        "state": clock.state,
        "due": moment_text(clock.due),
        "due_at": moment_text(clock.due_at),
        "reasons": list(clock.why),
        "earliest": moment_text(clock.earliest),
        "keep_until": moment_text(clock.keep_until),
        "guideline": moment_text(clock.guideline),
        "limits": [
            {"clause": one.clause, "kind": one.kind, "end": moment_text(one.end), "why": one.why}
            for one in clock.limits
        ],
        "noted": {event: moment_text(on) for event, on in clock.noted.items()},
        "stops": [
            {"from": moment_text(begin), "until": moment_text(end), "cause": cause}
            for begin, end, cause in clock.stops
        ],
        "stood_seconds": int(clock.stood.total_seconds()),
        "extended": [{"by": str(by), "reason": reason} for by, reason in clock.extended],
        "met": moment_text(clock.met),
        "src": list(clock.duty.src),
        "confidence": clock.duty.confidence,
        "calendar": _calendar(clock.calendar),
    }


def _calendar(calendar: Calendar) -> Mapping[str, Any]:
    return {
        "name": calendar.name,
        "zone": calendar.zone,
        "move_last_day": calendar.move_last_day,
        "confidence": calendar.confidence,
        "about": calendar.about,
    }


def answer_members(answer: Answer) -> dict[str, Any]:
    """An answer of a classification."""
    return {
        "question": answer.question,
        "asks": answer.asks,
        "verdict": answer.verdict,
        "reasons": [
            {"text": one.text, "ref": one.ref, "src": list(one.src), "confidence": one.confidence}
            for one in answer.reasons
        ],
        "unknown": list(answer.unknown),
        "relieves": list(answer.relieves),
        "comply_by": moment_text(answer.comply_by),
    }
