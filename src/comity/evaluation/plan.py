"""Plans: what will be asked, of whom, how often, and how it will be judged, said before the first call.

A plan is `plan/1`, written in YAML (`plan_text`) and known by its digest: the SHA-256 of the RFC 8785 bytes of the
same members.  The digest enters the arrangement's ledger as `plan.frozen`; a run names it; so anyone sees which plan
stood before the first answer, and how many runs exist beside the reported one.

The sample.  `srs/1` is a simple random sample without replacement: the suite's items are ordered by

    SHA-256("comity selection/1\\n" + seed + "\\n" + item id)

and the first `items` are asked, in that order.  The seed stands in the plan, so anyone can draw the sample again, and
whoever wrote the plan could have tried several seeds: what a frozen plan shows is that the seed was fixed before the
answers, not that it was drawn by chance.

What is missing is missing: a sample that a limit stopped, that was refused or that an error ended is never scored 0.
In `plan/1` that is the only rule.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from comity.estimate import Method
from comity.evaluation.suites import Item, Suite
from comity.records import canonical_bytes

FORMAT: Final = "plan/1"
ENGINE: Final = "inspect_ai"
ENGINE_VERSION: Final = "0.3.285"
"""The one release whose log format is read; any other is refused at the start of a run."""

Protocol = Literal["openai", "anthropic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The bank that the claim is about."""

    suite: str
    version: int
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What will be estimated, of which population."""

    estimand: str
    population: Population


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
    """How many items, which, and how often each."""

    items: int
    selection: Literal["srs/1"]
    seed: str
    epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """The scorer and its version."""

    scorer: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Which intervals will be reported, at which level; both come with the counts."""

    methods: tuple[Method, ...]
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the run takes from the budget."""

    calls: int
    """Calls if none is repeated: items times epochs."""
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
    scoring: Scoring
    missing: Literal["never-scored"]
    outputs: Outputs
    access: Access
    engine: Engine
    canonical: bytes

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


def select_items(plan: Plan, suite: Suite) -> tuple[Item, ...]:
    """The plan's sample of the suite, in the order in which it is asked."""

    def place(item: Item) -> bytes:
        return sha256(f"comity selection/1\n{plan.design.seed}\n{item.id}".encode()).digest()

    return tuple(sorted(suite.items, key=place)[: plan.design.items])


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
    sampled = protocol == "openai"  # Anthropic's dialect takes neither a temperature nor a seed
    return {
        "plan": FORMAT,
        "id": plan_id,
        "arrangement": arrangement,
        "title": title,
        "claim": {
            "estimand": "chance that the model answers a question of the suite right, under the instruction below",
            "population": {
                "suite": suite.name,
                "version": suite.version,
                "sha256": suite.sha256,
                "size": len(suite.items),
            },
        },
        "target": {"protocol": protocol, "model": model},
        "instruction": suite.instruction,
        "decoding": {
            "temperature": "0" if sampled else "unset",
            "max_tokens": max_tokens,
            "seed": 1 if sampled else "unset",
        },
        "design": {"items": items, "selection": "srs/1", "seed": seed, "epochs": epochs},
        "scoring": {"scorer": suite.scorer, "version": suite.scorer_version},
        "missing": "never-scored",
        "outputs": {"methods": ["wilson", "clopper-pearson"], "level": "0.95"},
        "access": {"calls": items * epochs, "repeats": 2, "connections": 4},
        "engine": {"name": ENGINE, "version": ENGINE_VERSION},
    }


def canonical_plan(members: dict[str, Any]) -> bytes:
    """The bytes that a plan's digest is of."""
    return canonical_bytes(members)
