"""What a plan states beyond its core, as values: how it samples, when it stops, what it decides, what it spends.

`make_parts` turns the stated fields (`plan_fields`) into these, with the defaults in the words of the table there.

The seam for samplers and stopping rules: a run asks `plan.parts.sampling`, `plan.parts.stopping` and
`plan.parts.history`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from comity.evaluation.plan_fields import Value

__all__ = [
    "Audit",
    "History",
    "Identity",
    "Judge",
    "Parts",
    "Sampling",
    "Split",
    "Stopping",
    "Tags",
    "Threshold",
    "make_parts",
]

SamplingKind = Literal["srs", "stratified", "active"]
StoppingRule = Literal["fixed", "betting_cs"]

@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which items are asked."""

    kind: SamplingKind
    batch: int
    """Items asked before the next are chosen; 0: all of them are one batch."""
    uniform_mix: str | None
    """Of an active sample, the share that is drawn uniformly."""
    strata: int
    strata_by: str
    """A field of the items; empty where strata follow how hard the items were for earlier models."""
    allocation: Literal["proportional", "neyman"]
    frame: str
    """Digest of the frame (`comity.estimate.frame`); empty for a simple random sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """When asking ends; `design.items` is the cap under either rule."""

    rule: StoppingRule
    least: int
    """Items that are judged before it may stop."""
    batch: int
    """Items between two looks; 0: at the sampling's batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Which earlier outcomes a sampler may look at."""

    cutoff: str
    digest: str
    organisations_excluded: tuple[str, ...]
    families_excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The rate about which is decided."""

    value: str
    direction: Literal["above", "below"]
    """The side on which the rate is what the claim says."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What the calls go to."""

    pilot: int
    main: int
    canary: int
    reask: int | None
    """Repeats in all; `None` where `access.repeats` alone bounds them."""
    reserve: int

    @property
    def total(self) -> int:
        """All calls that the plan sets aside."""
        return self.pilot + self.main + self.canary + (self.reask or 0) + self.reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """The model that grades, reached through a gateway of its own."""

    recipient: str
    """Its name in the clause `content.recipients` of the terms."""
    protocol: Literal["openai", "anthropic"]
    model: str
    arrangement: str
    """Under which its calls are made."""
    calls: int
    """Its calls at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Answers that people label."""

    n: int
    recipient: str
    """Their name in the clause `content.recipients` of the terms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How it is checked that the model stays the one that was agreed."""

    method: str
    canaries: int
    prompts_commitment: str
    margin: str | None
    alpha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a run is about in law; it rides in the engine's log as the task's attributes."""

    duties: tuple[str, ...]
    risk_area: str
    use_domain: str

    def attributes(self) -> dict[str, Any]:
        """The attributes by name, those alone that are stated."""
        found = {"duty": list(self.duties), "risk_area": self.risk_area, "use_domain": self.use_domain}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that a plan states beyond its core, as far as the machine acts on it."""

    sampling: Sampling
    stopping: Stopping
    split: Split
    tags: Tags
    threshold: Threshold | None
    alpha: str
    """Of the whole family of decisions."""
    sides: Literal["two", "one"]
    family: tuple[str, ...]
    """The decisions among which alpha is shared; empty: this one alone."""
    history: History | None
    judge: Judge | None
    audit: Audit | None
    identity: Identity | None
    reasoning_summary: str


def make_parts(stated: Mapping[str, Value], *, calls: int, level: str) -> Parts:
    """The parts of a plan whose fields were read and agree with one another."""

    def text(path: str, otherwise: str = "") -> str:
        return str(stated.get(path, otherwise))

    def number(path: str) -> int:
        return int(cast(int, stated.get(path, 0)))

    def several(path: str) -> tuple[str, ...]:
        return cast(tuple[str, ...], stated.get(path, ()))

    def share(path: str) -> str | None:
        return text(path) or None

    def holds(prefix: str) -> bool:
        return any(path.startswith(f"{prefix}.") for path in stated)

    return Parts(
        sampling=Sampling(
            kind=cast(SamplingKind, text("design.sampling.kind", "srs")),
            batch=number("design.sampling.batch"),
            uniform_mix=share("design.sampling.uniform_mix"),
            strata=number("design.sampling.strata"),
            strata_by=text("design.sampling.strata_by"),
            allocation=cast(Any, text("design.sampling.allocation", "proportional")),
            frame=text("design.sampling.frame"),
        ),
        stopping=Stopping(
            rule=cast(StoppingRule, text("design.stopping.rule", "fixed")),
            least=number("design.stopping.least"),
            batch=number("design.stopping.batch"),
        ),
        split=Split(
            pilot=number("access.split.pilot"),
            main=number("access.split.main") or calls,
            canary=number("access.split.canary"),
            reask=number("access.split.reask") if "access.split.reask" in stated else None,
            reserve=number("access.split.reserve"),
        ),
        tags=Tags(
            duties=several("legal.duties"), risk_area=text("legal.risk_area"), use_domain=text("legal.use_domain")
        ),
        threshold=Threshold(
            value=text("claim.threshold.value"),
            direction=cast(Any, text("claim.threshold.direction")),
            source=text("claim.threshold.source"),
        )
        if holds("claim.threshold")
        else None,
        alpha=text("claim.alpha") or complement(level),
        sides=cast(Any, text("claim.sides", "two")),
        family=several("claim.multiplicity.family"),
        history=History(
            cutoff=text("history.cutoff"),
            digest=text("history.digest"),
            organisations_excluded=several("history.organisations_excluded"),
            families_excluded=several("history.families_excluded"),
        )
        if holds("history")
        else None,
        judge=Judge(
            recipient=text("scoring.judge.recipient"),
            protocol=cast(Any, text("scoring.judge.protocol")),
            model=text("scoring.judge.model"),
            arrangement=text("scoring.judge.arrangement"),
            calls=number("scoring.judge.calls"),
        )
        if holds("scoring.judge")
        else None,
        audit=Audit(n=number("scoring.human_audit.n"), recipient=text("scoring.human_audit.recipient"))
        if holds("scoring.human_audit")
        else None,
        identity=Identity(
            method=text("identity.method"),
            canaries=number("identity.canaries"),
            prompts_commitment=text("identity.prompts_commitment"),
            margin=share("identity.margin"),
            alpha=text("identity.alpha", "0.05"),
        )
        if holds("identity")
        else None,
        reasoning_summary=text("decoding.reasoning_summary", "none"),
    )


def complement(level: str) -> str:
    """One less a decimal such as "0.95", exactly: "0.05"."""
    places = len(level.partition(".")[2])
    return f"0.{10**places - int(level.partition('.')[2]):0{places}d}" if places else "1"
