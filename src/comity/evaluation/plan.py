"""Plans: what will be asked, of whom, how often, and how it will be judged, said before the first call.

A plan is `plan/2`, written in YAML (`plan_text`) and known by its digest: the SHA-256 of the RFC 8785 bytes of the
same members.  The digest enters the arrangement's ledger as `plan.frozen`; a run names it; so anyone sees which plan
stood before the first answer, and how many runs exist beside the reported one.  `plan/1`, which is read too, has the
core alone; what a plan may state beyond it is in `plan_fields`, and as values in `plan_parts`.

The sample.  A simple random sample without replacement is drawn by a seed: the items are ordered by

    SHA-256("comity selection/1\\n" + seed + "\\n" + item id)

and the first `items` are asked, in that order.  The plan holds the seed's commitment,

    SHA-256("comity seed/1\\n" + plan id + "\\n" + seed)

and the seed itself is told in the ledger when the run has ended (`seed.revealed`), so anyone can draw the sample again,
and nobody who reads the plan beforehand knows what will be asked.  A seed may stand in the plan in the clear, and in
`plan/1` it does.  Whoever wrote the plan could have tried several seeds: what a frozen plan shows is that the seed was
fixed before the answers, not that it was drawn by chance.

The population is one of two kinds.  A `suite` ships with this release.  A `task` is somebody else's Inspect task, a
guest: the plan pins its name, its arguments, the release of the package that holds it and the digest of its data set
(`guests`), and states how its scorer's values become right, wrong or missing.

What is missing is missing: a sample that a limit stopped, that was refused or that an error ended is never scored 0.
That is the only rule.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, Literal

from comity.estimate import Frame
from comity.evaluation.errors import EvaluationError
from comity.evaluation.plan_fields import Value
from comity.evaluation.plan_parts import Parts
from comity.evaluation.suites import Suite
from comity.records import canonical_bytes

FORMAT: Final = "plan/2"
CORE_FORMAT: Final = "plan/1"
"""The format before: the core, a selection and a seed in the clear, and nothing more."""
ENGINE: Final = "inspect_ai"
ENGINE_VERSION: Final = "0.3.285"
"""The one release whose log format is read; any other is refused at the start of a run."""

OWN_INSTRUCTION: Final = "the task's own"
"""What a guest's plan says in place of an instruction: the task's solver speaks for itself."""

Protocol = Literal["openai", "anthropic"]
Mark = Literal["right", "wrong", "missing"]
"""What one value of a guest's scorer counts as."""


class SeedRefused(EvaluationError):
    """The plan's seed is not at hand, or another than the plan commits to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """A suite of this release: the bank that the claim is about."""

    suite: str
    version: int
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """What a page calls it."""
        return self.suite

    @property
    def release(self) -> str:
        """Its version as text."""
        return f"version {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPopulation:
    """An Inspect task of somebody else's: the data set that the claim is about, and the code that asks it."""

    task: str
    """`package/name`, `module:function` or `file.py@name`."""
    args: Mapping[str, str | int | bool]
    package: str
    """The installed distribution, or `none` where the task is a file of no package."""
    version: str
    """The distribution's version; `sha256:` and the digest of the file where there is none."""
    sha256: str
    """Digest of ids, inputs and targets, in the data set's order (`guests.dataset_digest`)."""
    size: int

    @property
    def name(self) -> str:
        """What a page calls it."""
        return self.task

    @property
    def release(self) -> str:
        """Its package and version as text."""
        return self.version if self.package == "none" else f"{self.package} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What will be estimated, of which population."""

    estimand: str
    population: Population | TaskPopulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which model is asked, in which dialect."""

    protocol: Protocol
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How answers are drawn. `None` leaves a setting to the provider, which Anthropic's dialect requires."""

    temperature: str | None
    max_tokens: int
    seed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How many items, by which seed, and how often each."""

    items: int
    seed: str
    """Empty where the plan holds the commitment alone and the seed was not opened (`open_seed`)."""
    commitment: str
    """Empty where the seed stands in the plan."""
    epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """A suite's scorer and its version."""

    scorer: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScoring:
    """Which of a guest's scorers judges, and what its values count as: by name, or from a threshold on."""

    scorer: str
    values: Mapping[str, Mark] | None
    """Each value by name; one that is not listed is missing."""
    threshold: str | None
    """A number from which on a value is right, below it wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Which intervals will be reported, at which level; both come with the counts."""

    methods: tuple[str, ...]
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the run takes from the budget."""

    calls: int
    """Calls if none is repeated: items times epochs; a multiple of that for a guest that asks several a sample."""
    repeats: int
    """How often one sample's call is repeated at most after a failure that may pass."""
    connections: int
    """Calls under way at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What executes the plan."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """What a stratified or an active sample is drawn from."""

    frame: Frame
    salt: bytes
    """Of the names in the frame, and so of the score table."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A pre-registered evaluation; `canonical` are the bytes whose digest is frozen."""

    id: str
    arrangement: str
    title: str
    claim: Claim
    target: Target
    instruction: str
    decoding: Decoding
    design: Design
    scoring: Scoring | TaskScoring
    missing: Literal["never-scored"]
    outputs: Outputs
    access: Access
    engine: Engine
    stated: Mapping[str, Value]
    """What it states beyond its core, by field."""
    parts: Parts
    canonical: bytes
    framed: Framed | None = None
    """Of a plan whose sample is drawn from a frame, once that was opened (`framing.open_frame`)."""

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, in hex."""
        return sha256(self.canonical).hexdigest()

    @property
    def level(self) -> float:
        """The intervals' level as a number."""
        return float(self.outputs.level)

    @property
    def most_calls(self) -> int:
        """Calls if every one is repeated as often as the plan allows."""
        return self.access.calls * (1 + self.access.repeats)

    @property
    def calls_a_sample(self) -> int:
        """Calls that one sample makes at most if none is repeated; one for a suite."""
        return self.access.calls // (self.design.items * self.design.epochs)


def seed_commitment(plan_id: str, seed: str) -> str:
    """What a plan holds in place of its seed."""
    return sha256(f"comity seed/1\n{plan_id}\n{seed}".encode()).hexdigest()


def open_seed(plan: Plan, seed: str) -> Plan:
    """The plan with its seed at hand; raises `SeedRefused` unless it is the one that the plan commits to."""
    if not plan.design.commitment:
        return plan
    if (found := seed_commitment(plan.id, seed)) != plan.design.commitment:
        raise SeedRefused(
            f"design.seed_commitment: the plan commits to {plan.design.commitment[:16]}…, the seed given makes "
            f"{found[:16]}…. Restore the file that was written with the plan, or make a new plan"
        )
    return replace(plan, design=replace(plan.design, seed=seed))


def select_ids(design: Design, ids: Iterable[str]) -> tuple[str, ...]:
    """The sample that a design draws from items of these ids, in the order in which it is asked."""
    if not design.seed:
        raise SeedRefused("the plan holds its seed's commitment alone; without the seed the sample is not known")

    def place(item: str) -> bytes:
        return sha256(f"comity selection/1\n{design.seed}\n{item}".encode()).digest()

    return tuple(sorted(ids, key=place)[: design.items])


def plan_members(
    *,
    plan_id: str,
    arrangement: str,
    title: str,
    suite: Suite,
    protocol: Protocol,
    model: str,
    items: int,
    seed: str,
    max_tokens: int = 24,
    epochs: int = 1,
) -> dict[str, Any]:
    """The members of a new plan over a suite, with this release's defaults."""
    population = {"suite": suite.name, "version": suite.version, "sha256": suite.sha256, "size": len(suite.items)}
    return {
        "plan": FORMAT,
        "id": plan_id,
        "arrangement": arrangement,
        "title": title,
        "claim": {
            "estimand": "chance that the model answers a question of the suite right, under the instruction below",
            "population": population,
        },
        "target": {"protocol": protocol, "model": model},
        "instruction": suite.instruction,
        "decoding": _decoding(protocol, max_tokens),
        "design": {"items": items, "seed_commitment": seed_commitment(plan_id, seed), "epochs": epochs},
        "scoring": {"scorer": suite.scorer, "version": suite.scorer_version},
        **_closing(items * epochs),
    }


def task_plan_members(
    *,
    plan_id: str,
    arrangement: str,
    title: str,
    population: TaskPopulation,
    scoring: TaskScoring,
    protocol: Protocol,
    model: str,
    items: int,
    seed: str,
    max_tokens: int,
    epochs: int = 1,
    calls_a_sample: int = 1,
) -> dict[str, Any]:
    """The members of a new plan over a guest, with this release's defaults."""
    how = {"threshold": scoring.threshold} if scoring.values is None else {"values": dict(scoring.values)}
    return {
        "plan": FORMAT,
        "id": plan_id,
        "arrangement": arrangement,
        "title": title,
        "claim": {
            "estimand": "chance that the model's answer to a sample of the task counts as right, as the scoring says",
            "population": {
                "task": population.task,
                "args": dict(population.args),
                "package": population.package,
                "version": population.version,
                "sha256": population.sha256,
                "size": population.size,
            },
        },
        "target": {"protocol": protocol, "model": model},
        "instruction": OWN_INSTRUCTION,
        "decoding": _decoding(protocol, max_tokens),
        "design": {"items": items, "seed_commitment": seed_commitment(plan_id, seed), "epochs": epochs},
        "scoring": {"scorer": scoring.scorer, **how},
        **_closing(items * epochs * calls_a_sample),
    }


def deciding(members: Mapping[str, Any], rate: str, batch: int) -> dict[str, Any]:
    """The members of a plan that stops as soon as it is known whether the rate lies above this one."""
    claim = {**members["claim"], "threshold": {"value": rate, "direction": "above", "source": "whoever wrote the plan"}}
    design = {**members["design"], "stopping": {"rule": "betting_cs", "batch": batch}}
    active = members["design"].get("sampling", {}).get("kind") == "active"
    outputs = {**members["outputs"], "methods": ["betting-drawn" if active else "betting-bank"]}
    return {**members, "claim": claim, "design": design, "outputs": outputs}


def drawn_from(members: Mapping[str, Any], sampling: Mapping[str, Any], history: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a plan whose sample is drawn from a frame; `deciding`, if wanted, comes after it."""
    methods = ["betting-drawn"] if sampling["kind"] == "active" else ["korn-graubard"]
    if sampling["kind"] == "stratified" and sampling.get("allocation", "proportional") == "proportional":
        methods.append("clopper-pearson")
    made = {
        **members,
        "design": {**members["design"], "sampling": dict(sampling)},
        "outputs": {**members["outputs"], "methods": methods},
    }
    return {**made, "history": dict(history)} if history else made


def _decoding(protocol: Protocol, max_tokens: int) -> dict[str, Any]:
    sampled = protocol == "openai"  # Anthropic's dialect takes neither a temperature nor a seed
    return {"temperature": "0" if sampled else "unset", "max_tokens": max_tokens, "seed": 1 if sampled else "unset"}


def _closing(calls: int) -> dict[str, Any]:
    return {
        "missing": "never-scored",
        "outputs": {"methods": ["wilson", "clopper-pearson"], "level": "0.95"},
        "access": {"calls": calls, "repeats": 2, "connections": 4},
        "engine": {"name": ENGINE, "version": ENGINE_VERSION},
    }


def canonical_plan(members: dict[str, Any]) -> bytes:
    """The bytes that a plan's digest is of."""
    return canonical_bytes(members)
