"""Watch: what stands beside the engine while it runs, as a hook that the engine requires.

It counts samples and calls for the progress line.  Before each call it

 1. refuses a model other than the plan's, and any call that a scorer makes but one to the plan's judge: the run is
    aborted, because such a call would take answers to a model that no arrangement names;
 2. refuses what a sample asks beyond the plan: its calls, times the repeats that the plan allows; repeats in all
    beyond what the plan sets aside for them (`access.split.reask`), counted in each leg; and calls to the judge beyond
    its own;
 3. puts the run's name on the call and holds its output to the plan's limit, whatever a guest's solver says;
 4. sees to it that the request is noted in the run's journal before it is sent (`journal`).

The engine swallows what a hook raises, except its own error for a limit: so 1 and 2 raise that one, and the gateway,
which holds the budget, swallows nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from comity.evaluation.errors import EvaluationError
from comity.evaluation.journal import Journal
from comity.evaluation.plan import Plan

HOOK: Final = "run"
RUN_HEADER: Final = "comity-run"

Progress = Callable[[int, int, int], None]
"""Called with samples done, calls made and calls refused so far."""


class ForeignModel(EvaluationError):
    """A guest asked a model that the plan does not name, or judged with one."""


class Watch:
    """One leg of a run, watched. Mutable while it lasts; the engine's hook and client call it."""

    def __init__(
        self, *, plan: Plan, run: str, journal: Journal, judge_journal: Journal, progress: Progress, done: int
    ) -> None:
        self.first_epoch = 1
        self.stopped = ""
        """Why no further call is made; empty while all is well."""
        self._run, self._journal, self._progress = run, journal, progress
        self._judge_journal, self._judged = judge_journal, 0
        self._judge: Any = None
        self._judge_calls = 0 if plan.parts.judge is None else plan.parts.judge.calls
        self._max_tokens, self._once = plan.decoding.max_tokens, plan.calls_a_sample
        self._calls_a_sample = plan.calls_a_sample * (1 + plan.access.repeats)
        self._reask, self._reasked = plan.parts.split.reask, 0
        self._done, self._refused = done, 0
        self._calls: set[str] = set()
        self._asked: dict[str, int] = {}
        self._scoring: set[str] = set()
        self._model: Any = None

    def attach(self, model: Any) -> None:
        """Watch this model's requests; again harmless, and needed when its client was made anew."""
        self._model = model
        _listen(model, self._note)

    def attach_judge(self, model: Any) -> None:
        """Watch the requests to this judge, which scorers may ask."""
        self._judge = model
        _listen(model, self._note_judge)

    def ended_sample(self) -> None:
        """One more sample ended."""
        self._done += 1
        self._progress(self._done, len(self._calls), self._refused)

    def ended_call(self, event: Any) -> None:
        """Count a call once; the engine tells of it when it begins and when it ends."""
        if event.uuid and not event.pending and event.uuid not in self._calls:
            self._calls.add(event.uuid)
            self._refused += event.error is not None and "cancelled" not in event.error
            self._progress(self._done, len(self._calls), self._refused)

    def began_scoring(self) -> None:
        """The sample under way is being judged from here on."""
        active = _active()
        if active is not None:
            self._scoring.add(active.id)

    def before_call(self, name: str, config: Any) -> None:
        """Let a call pass, as the plan says; raises the engine's error for a limit where it must not."""
        active = _active()
        sample = "" if active is None else active.id
        if self._judge is not None and name == str(self._judge) and sample in self._scoring:
            self._before_judging(config)
            return
        if name != str(self._model):
            self._stop(f"a call to {name} was about to be made; the plan asks {self._model} and no other model")
        if sample in self._scoring:
            self._stop(f"the scorer was about to ask {name}, which is not the plan's judge: no answer goes to it")
        if self.stopped:
            raise _limit(self.stopped)
        asked = self._asked.get(sample, 0)
        if asked >= self._calls_a_sample:
            raise _limit(f"the plan allows {self._calls_a_sample} calls a sample, repeats among them")
        if asked >= self._once and self._reask is not None:
            if self._reasked >= self._reask:
                raise _limit(f"access.split.reask: {self._reask} repeats are set aside, and all of them were made")
            self._reasked += 1
        self._asked[sample] = asked + 1
        self.attach(self._model)
        config.extra_headers = {**(config.extra_headers or {}), RUN_HEADER: self._run}
        config.max_tokens = min(config.max_tokens or self._max_tokens, self._max_tokens)

    def _before_judging(self, config: Any) -> None:
        if self.stopped:
            raise _limit(self.stopped)
        if self._judged >= self._judge_calls:
            raise _limit(f"scoring.judge.calls: {self._judge_calls} calls to the judge are planned, and all were made")
        self._judged += 1
        self.attach_judge(self._judge)
        config.extra_headers = {**(config.extra_headers or {}), RUN_HEADER: self._run}

    def _stop(self, because: str) -> None:
        self.stopped = self.stopped or because

    async def _note(self, request: Any) -> None:
        """The client's own hook: an error in it keeps the request from being sent."""
        self._write(self._journal, request)

    async def _note_judge(self, request: Any) -> None:
        """The same for the judge's client."""
        self._write(self._judge_journal, request)

    def _write(self, journal: Journal, request: Any) -> None:
        irid, active = request.headers.get("x-irid", ""), _active()
        if irid and active is not None:
            journal.note(irid=irid, item=str(active.sample.id), epoch=active.epoch + self.first_epoch - 1)


def _listen(model: Any, note: Callable[[Any], Awaitable[None]]) -> None:
    hooks = model.api.client._client.event_hooks["request"]
    if note not in hooks:
        hooks.insert(0, note)


def require(watch: Watch) -> str:
    """Register the hook; returns the name under which the engine requires it."""
    from inspect_ai._util.registry import registry_info
    from inspect_ai.hooks import BeforeModelGenerate, Hooks, SampleEnd, SampleEvent, SampleScoring, hooks

    watching: list[Hooks] = []

    @hooks(name=HOOK, description="Holds a run to its plan, and counts its samples and calls.")
    class Watching(Hooks):
        def __init__(self) -> None:
            watching.append(self)  # the decorator makes the one instance, and registers it by a name of its own

        async def on_sample_event(self, data: SampleEvent) -> None:
            if data.event.event == "model":
                watch.ended_call(data.event)

        async def on_sample_end(self, data: SampleEnd) -> None:
            watch.ended_sample()

        async def on_sample_scoring(self, data: SampleScoring) -> None:
            watch.began_scoring()

        async def on_before_model_generate(self, data: BeforeModelGenerate) -> None:
            watch.before_call(data.model_name, data.config)

    return registry_info(watching[0]).name


def _active() -> Any:
    """The engine's sample under way in this task, or `None`."""
    from inspect_ai.log._samples import sample_active

    return sample_active()


def _limit(because: str) -> Exception:
    from inspect_ai.util import LimitExceededError

    return LimitExceededError("custom", value=1, limit=0, message=because)
