"""The fields that a plan may state beside those that every plan states, each with what holds where it is empty.

`plan/2` is `plan/1` and these.  A small plan stays small: a field is written down where the claim needs it, and its
absence has a meaning of its own, in words (`otherwise`), which `plan check` prints and a report repeats.  An object
that is stated has its `needed` fields; which other fields follow from it is said in `plan_rules`.

| form | is |
| --- | --- |
| `line`, `prose` | a text of one line, or of several |
| `lines` | a list of lines, each once |
| `slug` | lower-case letters, digits and hyphens |
| `digest` | a SHA-256 in 64 hex digits |
| `id` | 32 hex digits |
| `share` | a decimal in quotes, above 0 and below 1 |
| `count` | an integer from 0 |
| `date` | a day such as `2026-11-01`, in quotes or plain |
| `flag` | `true` or `false` |
| a tuple | one of its words |

Not promised: that what is stated is true. It was stated, before the first call.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["ABSENT", "FIELDS", "OBJECTS", "Field", "Form", "Value", "members_of", "unstated"]

Form = Literal["line", "prose", "lines", "slug", "digest", "id", "share", "count", "date", "flag"] | tuple[str, ...]
Value = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: where it stands, what it holds, and what its absence means."""

    path: str
    form: Form
    otherwise: str
    """What holds where the field is empty, as the end of a sentence; nothing where its object always states it."""
    needed: bool = False
    """Whether its object is incomplete without it."""


def _f(path: str, form: Form, otherwise: str = "", *, needed: bool = False) -> Field:
    return Field(path=path, form=form, otherwise=otherwise, needed=needed)


def _needed(path: str, form: Form) -> Field:
    return _f(path, form, needed=True)


FIELDS: Final[tuple[Field, ...]] = (
    _f("supersedes", "digest", "it takes the place of no earlier plan"),
    _f("author", "line", "its author is whoever holds the key that freezes it"),
    _f("independence", "prose", "nothing is stated about the evaluator's independence"),
    _f("legal.power", "line", "it rests on no power"),
    _f("legal.duties", "lines", "it is about no duty"),
    _f("legal.risk_area", "slug", "it belongs to no risk area"),
    _f("legal.use_domain", ("business", "education", "software", "research"), "it belongs to no use domain"),
    _f("legal.purpose", "prose", "its purpose is the estimand"),
    _f("legal.confidentiality", "line", "no class of confidentiality is set"),
    _f("legal.data_protection", "prose", "no basis for personal data is stated, so it is to hold none"),
    _f("claim.population.clusters_by", "line", "items are independent of one another"),
    _f("claim.population.strata_by", "line", "no strata are reported"),
    _f("claim.population.exclusions", "prose", "no item is left out"),
    _needed("claim.threshold.value", "share"),
    _needed("claim.threshold.direction", ("above", "below")),
    _needed("claim.threshold.source", "prose"),
    _f("claim.half_width", "share", "no width is aimed at"),
    _f("claim.margins.equivalence", "share", "no margin of equivalence is set, so nothing is called equal"),
    _f("claim.margins.smallest_effect", "share", "no smallest effect is set"),
    _f("claim.alpha", "share", "alpha is one less the level of the outputs"),
    _f("claim.sides", ("two", "one"), "decisions are two-sided"),
    _needed("claim.multiplicity.family", "lines"),
    _needed("claim.multiplicity.method", ("holm", "bonferroni")),
    _needed("claim.consequence.exceeds", "prose"),
    _needed("claim.consequence.below", "prose"),
    _needed("claim.consequence.undetermined", "prose"),
    _f("claim.secondary", "lines", "there is no secondary claim"),
    _f("target.provider", "line", "the provider is the party of the arrangement"),
    _f("target.snapshot", "line", "no snapshot is attested, so the name alone says which model it is"),
    _f("target.safeguards", ("on", "off", "unknown"), "whether safeguards are on is not known"),
    _f("target.reasoning_effort", "slug", "the provider decides how long the model reasons"),
    _f("target.tools", "lines", "the model is given no tools but a task's own"),
    _f("decoding.reasoning_summary", ("none", "auto", "concise", "detailed"), "no summary of reasoning is asked for"),
    _needed("identity.method", "line"),
    _needed("identity.canaries", "count"),
    _needed("identity.prompts_commitment", "digest"),
    _f("identity.margin", "share", "no margin is set, so a change is seen and not weighed"),
    _f("identity.alpha", "share", "an alarm is raised at 0.05"),
    _f("identity.on_alarm", "prose", "an alarm is reported and has no other effect"),
    _f("access.level", ("AL1", "AL2", "AL3"), "no level of access is claimed"),
    _f("access.provider_logs", ("forbidden", "agreed"), "what the provider may store is what the terms say"),
    _needed("access.split.main", "count"),
    _f("access.split.pilot", "count", "no calls go to a pilot"),
    _f("access.split.canary", "count", "no calls go to canaries"),
    _f("access.split.reask", "count", "repeats are bounded by access.repeats alone"),
    _f("access.split.reserve", "count", "no calls are kept back"),
    _needed("design.sampling.kind", ("srs", "stratified", "active")),
    _f("design.sampling.batch", "count", "all items are one batch"),
    _f("design.sampling.uniform_mix", "share", "no share is drawn uniformly beside the rest"),
    _f("design.sampling.strata", "count", "items are in no strata"),
    _f("design.sampling.strata_by", "line", "strata follow how hard items were, and an active sample knows no topics"),
    _f("design.sampling.allocation", ("proportional", "neyman"), "each stratum is asked in proportion to its size"),
    _f("design.sampling.frame", "digest", "the sample needs no frame"),
    _needed("design.stopping.rule", ("fixed", "betting_cs")),
    _f("design.stopping.least", "count", "it may stop after the first batch"),
    _f("design.stopping.batch", "count", "it may stop after any batch of the sampling"),
    _f("design.power.assumptions", "prose", "nothing is assumed about the rate beforehand"),
    _f("design.power.fixed_n", "count", "no fixed design is named for comparison"),
    _f("design.power.expected_n", "count", "how many items it takes is not forecast"),
    _needed("history.cutoff", "date"),
    _needed("history.digest", "digest"),
    _f("history.organisations_excluded", "lines", "no organisation is left out of the history"),
    _f("history.families_excluded", "lines", "no family of models is left out of the history"),
    _f("elicitation.protocol", "prose", "no elicitation beyond the instruction"),
    _f("elicitation.prompts_sha256", "digest", "no further prompts are pinned"),
    _f("elicitation.dev_items", "prose", "no items were used for development"),
    _f("elicitation.scaffold", "line", "no scaffold"),
    _f("elicitation.fine_tuning", "prose", "no fine-tuning"),
    _f("elicitation.attack_budget", "line", "no attack is made"),
    _f("elicitation.spurious_failures", "prose", "failures that are not the model's are not told apart"),
    _f("elicitation.effort_hours", "count", "no effort is claimed"),
    _f("elicitation.gap_margin", "share", "no margin for better elicitation is given"),
    _f("elicitation.sandbagging", "prose", "it is not checked whether the model holds back"),
    _needed("scoring.judge.recipient", "line"),
    _needed("scoring.judge.protocol", ("openai", "anthropic")),
    _needed("scoring.judge.model", "line"),
    _needed("scoring.judge.arrangement", "id"),
    _needed("scoring.judge.calls", "count"),
    _f("scoring.judge.prompt_sha256", "digest", "the judge's prompt is pinned by the task's package alone"),
    _needed("scoring.human_audit.n", "count"),
    _needed("scoring.human_audit.recipient", "line"),
    _f("scoring.human_audit.statistic", "line", "no figure of agreement is reported"),
    _f("scoring.correction", ("none", "ppi", "rogan-gladen"), "the judge's errors are not corrected for"),
    _f("scoring.refusals", "prose", "an answer that declines is judged like any other"),
    _f("scoring.truncations", "prose", "an answer cut at the limit is judged like any other"),
    _f("contamination.canary_strings", "lines", "no canary strings"),
    _f("contamination.item_age", "line", "how old the items are is not stated"),
    _f("contamination.paraphrase", "prose", "no check by paraphrase"),
    _f("baselines.human", "line", "no human baseline"),
    _f("baselines.earlier_models", "line", "no earlier model is compared"),
    _f("baselines.internet_only", "line", "no baseline without the model"),
    _f("outputs.sensitivity", "lines", "no analysis of sensitivity but the worst cases"),
    _f("outputs.change_my_mind", "prose", "what would change the conclusion is not stated"),
    _f("deviations.who", "line", "only the holder of the key that froze the plan may deviate from it"),
    _f("evidence.packages_lock", "digest", "of all packages the engine's and the task's versions alone are pinned"),
    _f("evidence.redaction", "prose", "nothing is planned to be redacted"),
    _f("evidence.retention", "line", "content is kept as the terms say"),
    _f("evidence.disclosure", "line", "nothing is planned to be disclosed to the provider"),
)


ABSENT: Final[Mapping[str, str]] = {
    "claim.threshold": "nothing is decided, and rates are estimated",
    "claim.multiplicity": "no other decision shares its alpha",
    "claim.consequence": "what follows from a decision is not said beforehand",
    "identity": "it is not checked whether the model stays the same",
    "access.split": "all calls go to the sample, and repeats are bounded by access.repeats alone",
    "design.sampling": "the items are a simple random sample",
    "design.stopping": "the whole sample is asked",
    "history": "no earlier outcomes are looked at",
    "scoring.judge": "no model judges",
    "scoring.human_audit": "nobody labels answers",
}
"""What the absence of a whole object means, of those that are incomplete without some field."""


def members_of(prefix: str) -> tuple[str, ...]:
    """The names that an object may have beside its own, in order; `prefix` is empty for the plan itself."""
    start = f"{prefix}." if prefix else ""
    found = (field.path.removeprefix(start).partition(".")[0] for field in FIELDS if field.path.startswith(start))
    return tuple(dict.fromkeys(found))


def unstated(paths: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What holds where a plan is silent, by field, given the paths that it states; whole objects before fields."""
    told = set()
    for field in FIELDS:
        parent = field.path.rpartition(".")[0]
        if parent in ABSENT and not any(path.startswith(f"{parent}.") for path in paths):
            if parent not in told:
                yield parent, ABSENT[parent]
            told.add(parent)
        elif field.path not in paths and field.otherwise:
            yield field.path, field.otherwise


def _objects() -> tuple[str, ...]:
    found: dict[str, None] = {}
    for field in FIELDS:
        parts = field.path.split(".")
        for depth in range(1, len(parts)):
            found[".".join(parts[:depth])] = None
    return tuple(found)


OBJECTS: Final = _objects()
"""Every object that a field stands in, outer before inner."""
