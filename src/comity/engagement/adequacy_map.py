"""The map of adequacy: by which records each thing that access consists of is promised, delivered, used and denied.

One `Way` for each item of the law pack's access items, with the reason why these records and no others speak of it.
The table is data: `comity.engagement.adequacy` reads it and knows no item by name.

| member | an item is spoken of by |
|---|---|
| `features` | calls that made use of a feature |
| `variants` | calls to models whose `variant` is one of these; `OTHERS`: to all others |
| `forms` | sessions of these forms |
| `words` | sessions that showed it, and items of information requests that name it |
| `means` | access requests under Art. 92 for these means |
| `clauses` | refusals under these clauses, or clauses below them |
| `rule` | a clause of the terms that promises it: see `comity.engagement.adequacy_rules` |
| `ceiling` | the most that records can show: `attested` where only the provider can know |

Words are looked for without regard to case, hyphens and underscores.

Not promised: that a session or a document which names an item was of use. Only that it is recorded as that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

__all__ = ["LEAST_MITIGATED", "OTHERS", "WAYS", "Way", "names"]

OTHERS: Final = "other variants"
LEAST_MITIGATED: Final = ("fewest-mitigations", "helpful-only", "least-mitigated")
"""Words of `models.variant` by which terms call the version with fewest mitigations."""

Rule = Literal[
    "", "models", "time", "compute", "channel", "costs", "retention", "training", "harbour", "logging", "timely"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one item shows in the records."""

    why: str
    features: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    means: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    rule: Rule = ""
    ceiling: Literal["evidenced", "attested"] = "evidenced"


WAYS: Final[Mapping[str, Way]] = MappingProxyType({
    "most-capable-version": Way(
        variants=(OTHERS,), clauses=("models.name",), rule="models", ceiling="attested",
        why="calls show which model answered; that none on the market can do more is the provider's word",
    ),
    "reasoning": Way(
        features=("reasoning_raw",), means=("chain_of_thought",), words=("chain of thought", "chains of thought"),
        why="a call that asks for reasoning as it was written bears this feature; a summary is not it",
    ),
    "least-mitigated": Way(
        variants=LEAST_MITIGATED, means=("least_mitigated_version",), rule="models", ceiling="attested",
        why="the terms list the variant as a model; that it has the fewest mitigations is the provider's word",
    ),
    "activations": Way(
        forms=("activations",), means=("activations",), words=("activation",),
        why="no call carries activations, so that only a session can",
    ),
    "gradients": Way(
        means=("gradients",), words=("gradient",), why="no call carries gradients, and a session that did shows them",
    ),
    "raw-outputs": Way(
        features=("logprobs",), means=("logits",), words=("logits", "raw output"),
        why="log-probabilities are the raw outputs that an interface gives",
    ),
    "model-specification": Way(
        words=("model specification", "model spec"), why="a document: asked for and answered, or shown in a room",
    ),
    "system-prompt": Way(
        means=("system_prompt",), words=("system prompt",),
        why="a document: asked for and answered, or shown in a room",
    ),
    "training-data": Way(
        means=("training_data_extract",), words=("training data",),
        why="a document: asked for and answered, or shown in a room",
    ),
    "test-sets": Way(
        means=("test_sets",), words=("test set",), why="a document: asked for and answered, or shown in a room",
    ),
    "past-results": Way(
        means=("past_results",), words=("past result", "earlier result", "earlier evaluation"),
        why="a document: asked for and answered, or shown in a room",
    ),
    "time": Way(
        clauses=("window",), rule="time",
        why="business days of the window by the terms' calendar, without those that stops or outages took",
    ),
    "compute": Way(
        clauses=("budget", "rate"), rule="compute",
        why="the budget is the compute that a caller can spend; refusals under it are runs that did not fit",
    ),
    "staff": Way(forms=("interview",), words=("staff",), why="an interview is the time of the provider's people"),
    "engineering-support": Way(
        words=("engineering support",),
        why="help leaves no call; a session that names it, or an answered request, shows it",
    ),
    "channel": Way(rule="channel", why="calls come through an interface, and sessions show the other ways in"),
    "free-of-charge": Way(rule="costs", ceiling="attested", why="an invoice reaches no ledger of either side"),
    "no-storing": Way(rule="retention", ceiling="attested", why="nobody outside can see what a provider stores"),
    "no-training": Way(rule="training", ceiling="attested", why="nobody outside can see what a provider trains on"),
    "safe-harbour": Way(
        rule="harbour", ceiling="attested",
        why="what is not done to accounts is a promise; permitted calls that the provider turned away are recorded",
    ),
    "draft.api": Way(means=("api",), rule="channel", why="calls come through an interface"),
    "draft.internal-access": Way(
        forms=("on-premises",), means=("internal_api",), words=("internal interface",),
        why="a run on the provider's premises is access from inside",
    ),
    "draft.source-code": Way(
        forms=("source-code",), means=("source_code",), words=("source code",), why="reading code is a session",
    ),
    "draft.weights": Way(
        forms=("weights",), means=("weights",), words=("weights",), why="a job on weights is a session",
    ),
    "draft.hosting": Way(
        means=("hosting_infra",), words=("hosting infrastructure",),
        why="seeing machines is a session that shows them",
    ),
    "draft.state": Way(
        means=("state_inspect", "state_modify"), words=("system state", "system's state"),
        why="looking into a running system is a session that shows it",
    ),
    "draft.parity": Way(
        means=("employee_equivalent",), words=("employee level", "as employees"), ceiling="attested",
        why="what a provider's own people can do is known to the provider",
    ),
    "draft.no-logging": Way(
        rule="logging", ceiling="attested", why="an access request states it; that it is done nobody outside can see",
    ),
    "draft.timely": Way(
        rule="timely", why="the days from a request for access to the first grant, beside the period that it set",
    ),
})  # fmt: skip
"""Item of the law pack → how it shows.  What a request has to state (`request.…`) is nobody's promise."""


def names(text: str, words: tuple[str, ...]) -> bool:
    """Whether a text names one of these."""
    plain = " ".join(text.casefold().replace("-", " ").replace("_", " ").split())
    return any(word in plain for word in words)
