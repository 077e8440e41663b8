"""History: what earlier runs found, item by item, and which of them a planner may look at.

A planner that knows which questions earlier models found hard needs fewer answers of the next one.  It may not know
that from the model itself, from its siblings, or from later: such history leaks, and a gain that rests on it is none.
So `admit` takes the model that will be asked and lets three rules speak, in code and not in a promise (the model
itself, by its name, is refused under any rules):

| rule | a past run is refused where |
| --- | --- |
| `earlier` | its date is not wholly before the target's, or either has none |
| `organisation` | the same organisation made both models |
| `family` | both models come from the same base |

Names are compared without regard to case.  A date may be a year or a month; it then covers all its days, and is before
another only if its last day is before the other's first.  What is refused is kept beside what is admitted, with its
reason, because a reader of the plan asks for both.

Where a file names no organisation or family, `subject_of` reads them off the model's name: the part before a "/" and
the bases that it knows (a Vicuna is a Llama), else the name's first word.  That is a reading and no knowledge; it is
marked as `inferred`.

A finished run is exported as one file of canonical JSON, `comity history/1`, which stays with the evaluator:

    {"bank":"short-answers","bank_sha256":"…","clusters":{},"date":"2026-11-30","family":"gemma",
     "format":"comity history/1","inferred":true,"model":"gemma-3-270m","organisation":"google",
     "outcomes":{"facts-001":[1,0,null]},"plan":"…","run":"…","scorer":"short-answer/1"}

`outcomes` has one place an epoch: 1, 0, or null for what is missing.  `clusters` names the cluster of each item that
has one, where the plan says what clusters them.  `date` is the day on which the run ended.  `matrices` reads a table
of models by items.

Not promised: that a base which a maker does not disclose is known.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from comity.evaluation.errors import EvaluationError
from comity.records import canonical_bytes

__all__ = [
    "LEAKY",
    "STRICT",
    "Admitted",
    "Days",
    "Export",
    "History",
    "HistoryError",
    "PastRun",
    "Rules",
    "Subject",
    "admit",
    "gather",
    "item_rates",
    "leak_of",
    "parse_days",
    "parse_export",
    "subject_of",
]

FORMAT: Final = "comity history/1"
MEMBERS: Final = frozenset(
    "bank bank_sha256 clusters date family format inferred model organisation outcomes plan run scorer".split()
)
UNEQUAL: Final = "unequal"
"""A member that stands in the file of a run whose items had unequal chances, and in no other."""
HEX_64: Final = re.compile(r"[0-9a-f]{64}")
DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:[T ].*)?")

BASES: Final[Mapping[str, tuple[str, str]]] = {
    "alpaca": ("llama", "stanford"), "baichuan": ("baichuan", "baichuan"), "chatglm": ("glm", "zhipu"),
    "claude": ("claude", "anthropic"), "codellama": ("llama", "meta"), "command": ("command", "cohere"),
    "davinci": ("gpt", "openai"), "dbrx": ("dbrx", "databricks"), "deepseek": ("deepseek", "deepseek"),
    "ernie": ("ernie", "baidu"), "falcon": ("falcon", "tii"),
    "gemini": ("gemini", "google"), "gemma": ("gemma", "google"), "glm": ("glm", "zhipu"),
    "gpt": ("gpt", "openai"), "granite": ("granite", "ibm"), "grok": ("grok", "xai"), "guanaco": ("llama", "guanaco"),
    "internlm": ("internlm", "shanghai-ai-lab"), "jamba": ("jamba", "ai21"), "kimi": ("kimi", "moonshot"),
    "koala": ("llama", "berkeley"), "llama": ("llama", "meta"), "minimax": ("minimax", "minimax"),
    "mistral": ("mistral", "mistral"), "mixtral": ("mistral", "mistral"), "nova": ("nova", "amazon"),
    "o1": ("gpt", "openai"), "o3": ("gpt", "openai"), "o4": ("gpt", "openai"), "olmo": ("olmo", "ai2"),
    "palm": ("gemini", "google"), "phi": ("phi", "microsoft"), "pythia": ("pythia", "eleutherai"),
    "qwen": ("qwen", "alibaba"), "qwq": ("qwen", "alibaba"),
    "vicuna": ("llama", "lmsys"), "wizardlm": ("llama", "wizardlm"), "yi": ("yi", "01-ai"),
    "zephyr": ("mistral", "huggingface"),
}  # fmt: skip
"""Base and usual maker by a word of a model's name; a reading of names, used where a file states neither."""
WORD: Final = re.compile(r"[a-z]+\d?(?=[^a-z]|$)|[a-z]+")


class HistoryError(EvaluationError):
    """A file of history cannot be read, or runs that do not belong together were to be joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The days that a date covers: one, a month or a year."""

    first: date
    last: date

    def before(self, other: "Days") -> bool:
        """Whether all of it lies before all of the other."""
        return self.last < other.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Which model a run was of, as far as leakage is concerned."""

    model: str
    organisation: str
    family: str
    """The base that the model was made from; its own name where it is a base."""
    days: Days | None
    inferred: bool = False
    """Organisation or family were read off the model's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One earlier run over the items of a history, in their order; `None` where an item has no outcome."""

    subject: Subject
    outcomes: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Earlier runs over one bank."""

    bank: str
    items: tuple[str, ...]
    runs: tuple[PastRun, ...]

    @property
    def dated(self) -> bool:
        """Whether every run has a date, so that the rule `earlier` can be kept and leaves something over."""
        return all(run.subject.days is not None for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which of the three rules are in force; a plan that switches one off says so."""

    earlier: bool = True
    organisation: bool = True
    family: bool = True

    def off(self) -> tuple[str, ...]:
        """The rules that are not in force, by name."""
        return tuple(name for name in ("earlier", "organisation", "family") if not getattr(self, name))


STRICT: Final = Rules()
LEAKY: Final = Rules(earlier=False, organisation=False, family=False)
"""Only ever to be printed beside the strict number, to show what leakage would have been worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What a planner may look at, and what was kept from it, with the reason of each."""

    history: History
    refused: tuple[tuple[Subject, str], ...]
    rules: Rules


def leak_of(past: Subject, target: Subject, rules: Rules = STRICT) -> str:
    """Why a past run would leak into a plan for this target; empty where it does not."""
    if past.model.casefold() == target.model.casefold():
        return "it is the model itself"
    if rules.organisation and past.organisation.casefold() == target.organisation.casefold():
        return f"the same organisation, {target.organisation}, made both"
    if rules.family and past.family.casefold() == target.family.casefold():
        return f"both come from the base {target.family}"
    if rules.earlier:
        if past.days is None or target.days is None:
            return "one of the two has no date, so nothing shows that it is earlier"
        if not past.days.before(target.days):
            return f"its date, {past.days.last}, is not before {target.days.first}"
    return ""


def admit(history: History, target: Subject, rules: Rules = STRICT) -> Admitted:
    """The runs that may inform a plan for this target."""
    admitted, refused = [], []
    for run in history.runs:
        if why := leak_of(run.subject, target, rules):
            refused.append((run.subject, why))
        else:
            admitted.append(run)
    kept = History(bank=history.bank, items=history.items, runs=tuple(admitted))
    return Admitted(history=kept, refused=tuple(refused), rules=rules)


def item_rates(history: History) -> tuple[float | None, ...]:
    """The mean outcome of each item over the runs that have one; `None` for an item that nobody was asked."""
    rates: list[float | None] = []
    for outcomes in zip(*(run.outcomes for run in history.runs), strict=True) if history.runs else ():
        known = [outcome for outcome in outcomes if outcome is not None]
        rates.append(sum(known) / len(known) if known else None)
    return tuple(rates) if history.runs else (None,) * len(history.items)


def parse_days(text: str) -> Days:
    """The days of `2026`, `2026-11`, `2026-11-30` or a timestamp that begins like the last; raises `HistoryError`."""
    found = DATE.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError("no date")
        year, month, day = found.groups()
        if month is None:
            return Days(first=date(int(year), 1, 1), last=date(int(year), 12, 31))
        if day is None:
            first = date(int(year), int(month), 1)
            following = (first + timedelta(days=31)).replace(day=1)
            return Days(first=first, last=following - timedelta(days=1))
        only = date(int(year), int(month), int(day))
        return Days(first=only, last=only)
    except (ValueError, OverflowError):
        raise HistoryError(f"{text[:40]!r} is no date; expected 2026-11-30, or a year or a month alone") from None


def subject_of(model: str, *, organisation: str = "", family: str = "", days: Days | None = None) -> Subject:
    """The subject of a run, with what is not stated read off the model's name."""
    owner, _, name = model.rpartition("/")
    words = WORD.findall(name.casefold())
    known = next((BASES[key] for word in words for key in (word, word.rstrip("0123456789")) if key in BASES), None)
    own = words[0] if words else name.casefold()
    return Subject(
        model=model,
        organisation=organisation or owner.casefold() or (known[1] if known else own),
        family=family or (known[0] if known else own),
        days=days,
        inferred=not (organisation and family),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One finished run as history; see the module's text for the file."""

    bank: str
    bank_sha256: str
    subject: Subject
    run: str
    plan: str
    scorer: str
    outcomes: Mapping[str, tuple[int | None, ...]]
    clusters: Mapping[str, str] = field(default_factory=dict)
    unequal: bool = False
    """Whether its items had unequal chances, so that their share of right answers is not the bank's rate."""

    def content(self) -> bytes:
        """The file's bytes; raises `HistoryError` without a date of one day, which a run always has."""
        days = self.subject.days
        if days is None or days.first != days.last:
            raise HistoryError("a finished run has a day; expected one date")
        return canonical_bytes(
            {
                "format": FORMAT,
                "bank": self.bank,
                "bank_sha256": self.bank_sha256,
                "clusters": dict(self.clusters),
                "date": days.first.isoformat(),
                "family": self.subject.family,
                "inferred": self.subject.inferred,
                "model": self.subject.model,
                "organisation": self.subject.organisation,
                "outcomes": {item: list(scores) for item, scores in self.outcomes.items()},
                "plan": self.plan,
                "run": self.run,
                "scorer": self.scorer,
                **({UNEQUAL: True} if self.unequal else {}),
            }
        )


def parse_export(content: bytes) -> Export:
    """Read one exported run; raises `HistoryError`, nothing else."""
    try:
        members: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise HistoryError(f"expected one JSON object of format {FORMAT}") from None
    if not isinstance(members, dict) or members.get("format") != FORMAT:
        raise HistoryError(f"expected an object of format {FORMAT}")
    if set(members) - {UNEQUAL} != MEMBERS or members.get(UNEQUAL, True) is not True:
        raise HistoryError(f"expected the members {', '.join(sorted(MEMBERS))}")
    texts = {name: members[name] for name in MEMBERS - {"outcomes", "clusters", "inferred"}}
    for name, text in texts.items():
        if not isinstance(text, str) or not text:
            raise HistoryError(f"{name}: expected a text that is not empty")
    if not HEX_64.fullmatch(texts["bank_sha256"]):
        raise HistoryError("bank_sha256: expected 64 hex digits")
    days = parse_days(texts["date"])
    if days.first != days.last:
        raise HistoryError("date: expected one day")
    outcomes, clusters = members["outcomes"], members["clusters"]
    if not isinstance(members["inferred"], bool):
        raise HistoryError("inferred: expected true or false")
    if not isinstance(clusters, dict) or not all(isinstance(name, str) for name in clusters.values()):
        raise HistoryError("clusters: expected a name for each item that is in one")
    if not isinstance(outcomes, dict) or not all(_are_scores(scores) for scores in outcomes.values()):
        raise HistoryError("outcomes: expected a list of 1, 0 or null for each item")
    return Export(
        bank=texts["bank"],
        bank_sha256=texts["bank_sha256"],
        subject=Subject(
            model=texts["model"], organisation=texts["organisation"], family=texts["family"], days=days,
            inferred=members["inferred"],
        ),
        run=texts["run"],
        plan=texts["plan"],
        scorer=texts["scorer"],
        outcomes={str(item): tuple(scores) for item, scores in outcomes.items()},
        clusters=clusters,
        unequal=UNEQUAL in members,
    )


def _are_scores(scores: Any) -> bool:
    return isinstance(scores, list) and all(
        score is None or (type(score) is int and score in (0, 1)) for score in scores
    )


def gather(exports: Iterable[Export]) -> History:
    """Exported runs of one bank, one scorer and distinct runs, as a history; an item's outcome is its epochs' mean."""
    known: Sequence[Export] = tuple(exports)
    if not known:
        raise HistoryError("expected at least one exported run")
    for name, found in (
        ("banks", {(one.bank, one.bank_sha256) for one in known}),
        ("scorers", {one.scorer for one in known}),
    ):
        if len(found) > 1:
            raise HistoryError(f"these runs are of {len(found)} {name}; outcomes of different {name} do not compare")
    if len({one.run for one in known}) != len(known):
        raise HistoryError("one run stands here twice")
    items = tuple(sorted({item for one in known for item in one.outcomes}))
    runs = tuple(
        PastRun(subject=one.subject, outcomes=tuple(_mean(one.outcomes.get(item, ())) for item in items))
        for one in known
    )
    return History(bank=known[0].bank, items=items, runs=runs)


def _mean(scores: tuple[int | None, ...]) -> float | None:
    judged = [score for score in scores if score is not None]
    return sum(judged) / len(judged) if judged else None
