"""Reading an engine's log: what became of each sample, and which model calls belong to it.

Inspect scores a sample that a limit stopped on whatever is there, and calls the run a success.  So nothing here is
taken from the log's own summary.  A sample is judged only if its last model call was answered (HTTP 2xx) and neither
an error, a limit nor a content filter ended it; otherwise its score is `None` with a reason:

| reason | meaning |
| --- | --- |
| `not-attempted` | no call was sent for it |
| `refused:<status>` | the gateway or the provider refused or failed the last call |
| `no-answer` | the connection broke, or the answer holds nothing |
| `limit:<kind>` | one of the engine's limits stopped the sample |
| `content-filter` | the provider withheld the answer |
| `error` | the sample ended in an error although its last call was answered |
| `judge-failed` | it was answered, and the call to the judge was refused or failed |
| `interrupted` | the run broke off during the sample, and it was not asked again |
| `unscored` | the guest's scorer gave no score, or one that its plan calls missing |
| `unmapped` | the guest's scorer gave a value that its plan does not list |

An answer that was cut at `max_tokens` is an answer: its first line is judged like any other.

A call is one HTTP attempt.  The engine logs the `request-id` of each, hidden repeats included; the gateway puts the
ledger's origin and the entry's index there.

A run that was resumed has a log for each of its legs.  A sample that was under way when a leg broke off stands there as
cancelled: it is unfinished, its calls belong to its row, and what it answered is not judged.  `merge_legs` makes one
sample of the unfinished ones and the one that ended.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from comity.evaluation.errors import EvaluationError
from comity.evaluation.scoring import score_short_answer

HEADER: Final = "request-id"
CANCELLED: Final = ("CancelledError(", "Cancelled(")
"""How the engine's error begins on a sample that was under way when its process was interrupted."""

Judge = Callable[[Any], tuple[int | None, str]]
"""What an answered sample scores: 1, 0, or `None` and why."""


class UnreadableLog(EvaluationError):
    """The engine's log does not say what this release expects of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """One HTTP attempt of a model call, as the engine logged it."""

    request_id: str
    """`<origin>:<index>`; empty where the answer carried none."""
    status: int
    """HTTP status; 0 where no answer came."""
    irid: str
    """The engine's own id of the request, which it also sent as `x-irid`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSample:
    """What became of one item in one epoch."""

    item: str
    epoch: int
    calls: tuple[LoggedCall, ...]
    answered: bool
    score: int | None
    """1 right, 0 wrong, `None` missing."""
    reason: str
    """Why the score is missing; empty where it is not."""
    finished: bool = True
    """It ended, in whatever way; false if the run broke off while it was under way."""
    judge_calls: tuple[LoggedCall, ...] = ()
    """The calls by which a judge model was asked about it, under an arrangement of its own."""


def read_logged(
    samples: Iterable[Any], items: Container[str], judge: Judge, *, first_epoch: int = 1, roles: Container[str] = ()
) -> tuple[LoggedSample, ...]:
    """Read the samples of one log, whose own first epoch is the plan's `first_epoch`; `roles` are the judge's."""
    return tuple(_read_sample(sample, items, judge, first_epoch, roles) for sample in samples)


def judge_short_answers(accepted: Mapping[str, tuple[str, ...]]) -> Judge:
    """The judge of a suite: the exact check, which the engine's own scorer has made too."""

    def judge(sample: Any) -> tuple[int | None, str]:
        score = int(score_short_answer(sample.output.completion, accepted[str(sample.id)]))
        _agrees(sample, score)
        return score, ""

    return judge


def merge_legs(logged: Iterable[LoggedSample]) -> tuple[LoggedSample, ...]:
    """One sample an item and epoch; raises `UnreadableLog` where one that had ended was asked again."""
    found: dict[tuple[str, int], LoggedSample] = {}
    for sample in logged:
        before = found.get((sample.item, sample.epoch))
        if before is None:
            found[sample.item, sample.epoch] = sample
        elif before.finished and sample.finished:
            raise UnreadableLog(f"the logs hold {sample.item} (epoch {sample.epoch}) twice, ended both times")
        else:
            last = before if before.finished else sample
            calls = before.calls + sample.calls
            reason = last.reason
            if calls and reason == "not-attempted":
                reason = "no-answer" if last.finished else "interrupted"
            judged = before.judge_calls + sample.judge_calls
            found[sample.item, sample.epoch] = replace(last, calls=calls, reason=reason, judge_calls=judged)
    return tuple(found.values())


def _read_sample(
    sample: Any, items: Container[str], judge: Judge, first_epoch: int, roles: Container[str]
) -> LoggedSample:
    item, epoch = str(sample.id), int(sample.epoch) + first_epoch - 1
    if item not in items:
        raise UnreadableLog(f"the log has a sample {item!r}, which the plan does not ask")
    every = [event for event in sample.events if event.event == "model"]
    events = [event for event in every if getattr(event, "role", None) not in roles]
    calls = tuple(call for event in events for call in read_calls(event))
    judged = tuple(call for event in every if getattr(event, "role", None) in roles for call in read_calls(event))
    if sample.error is not None and str(getattr(sample.error, "message", "")).startswith(CANCELLED):
        named = tuple(call for call in calls if call.request_id)  # the others are known from the ledger, if they are
        return LoggedSample(
            item=item,
            epoch=epoch,
            calls=named,
            answered=False,
            score=None,
            reason="interrupted" if named else "not-attempted",
            finished=False,
            judge_calls=tuple(call for call in judged if call.request_id),
        )
    last = calls[-1] if calls else None
    answered = last is not None and 200 <= last.status < 300 and events[-1].error is None
    reason = _missing(sample, last, answered)
    if reason == "error" and judged and not 200 <= judged[-1].status < 300:
        reason = "judge-failed"
    score: int | None = None
    if not reason:
        score, reason = judge(sample)
    return LoggedSample(
        item=item, epoch=epoch, calls=calls, answered=answered, score=score, reason=reason, judge_calls=judged
    )


def _missing(sample: Any, last: LoggedCall | None, answered: bool) -> str:
    if last is None:
        return "not-attempted"
    if not answered:
        return f"refused:{last.status}" if last.status and not 200 <= last.status < 300 else "no-answer"
    if sample.limit is not None:
        return f"limit:{sample.limit.type}"
    if sample.error is not None:
        return "error"
    if not getattr(sample.output, "choices", True):
        return "no-answer"  # answered, and nothing in it
    if sample.output.stop_reason == "content_filter":
        return "content-filter"
    return ""


def read_calls(event: Any) -> list[LoggedCall]:
    """The HTTP attempts of one model event; one without an id still was a call."""
    if getattr(event, "cache", None) == "read":
        raise UnreadableLog("the log has an answer from a cache: nothing was asked, so nothing was measured")
    request = event.call.request if event.call is not None else None
    headers = request.get("extra_headers") if isinstance(request, Mapping) else None
    irid = str(headers.get("x-irid", "")) if isinstance(headers, Mapping) else ""
    found = [
        LoggedCall(request_id=one.id, status=one.status, irid=irid)
        for one in event.request_ids or ()
        if one.header.lower() == HEADER
    ]
    if found:
        return found
    status = 0 if event.error is not None else 200
    return [LoggedCall(request_id="", status=status, irid=irid)]


def _agrees(sample: Any, score: int) -> None:
    """The engine's scorer is ours; where the two disagree, the log was edited or another scorer ran."""
    values = [one.value for one in (sample.scores or {}).values()]
    if values != ["C" if score else "I"]:
        raise UnreadableLog(f"sample {sample.id}: the log says {values}, the scorer says {score}; the log was changed")
