"""The page of a report: one HTML file that a person reads, on paper, on a phone, or in the dark.

It needs nothing else: no script, no font, no image, no address.  Its content policy allows one style sheet by digest
and nothing beside it.  It is well-formed XML too, so that a strict parser reads it.

Each published number is a claim (`comity.report.forms`); the words around them are those of `page.html.jinja`, the
terms in plain words those of `comity.arrangement.clauses`, each with its mark: enforced, evidenced, attested.

    render_page(numbers, terms=…, checkpoint=…) -> bytes

The page depends on its arguments alone; two makings of it are equal, byte for byte.

Not promised: that the words are complete. What a report cannot show stands in it, at the end.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from comity import __version__
from comity.arrangement import FEATURES, Terms, clauses
from comity.arrangement.terms import DAYS
from comity.ledger import CheckpointVerdict
from comity.records import parse_instant
from comity.report.chart import LABELS, interval_chart
from comity.report.forms import Claims, shown
from comity.report.numbers import Numbers
from comity.report.verify_page import page_digest

__all__ = ["POLICY", "render_page"]

POLICY: Final = "default-src 'none'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'"
"""Of all that a page may load, one style sheet inside it; `data:` is the empty icon that keeps browsers from asking."""

DAY_NAMES: Final = dict(
    zip(DAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
WIDE: Final = 700
NARROW: Final = 344
SPENT: Final = {
    "budget.calls": "Calls",
    "budget.input_tokens": "Input tokens",
    "budget.output_tokens": "Output tokens",
    "budget.cost": "Money",
}
COUNTED: Final = (
    ("intended", "asked for by the plan, each repetition on its own"),
    ("attempted", "with at least one call"),
    ("answered", "whose last call was answered"),
    ("judged", "with a score"),
    ("correct", "judged right"),
)
REASONS: Final = {
    "not-attempted": "no call was sent",
    "no-answer": "the connection broke, or the answer was empty",
    "content-filter": "the provider withheld the answer",
    "error": "the engine failed after the answer",
    "judge-failed": "it was answered, and the judge was not",
}
OUTCOMES: Final = {
    "equal": "the same calls",
    "more": "more passed the guard than the ledger holds",
    "fewer": "fewer passed the guard than were answered",
    "different": "the numbers fit; that the calls are the same is not shown",
    "uncounted": "no counters",
}
SERVED: Final = (
    ("agreed", "name an agreed model"),
    ("mismatch", "name another model"),
    ("unstated", "name no model"),
    ("none", "had no answer to check"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A share of a whole, as a drawing."""

    share: float

    def svg(self) -> Markup:
        """The bar; its number stands beside it, so it says nothing to those who listen."""
        width = f"{min(max(self.share, 0.0), 1.0) * 100:.2f}"
        return Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" '
            'aria-hidden="true"><rect class="track" width="100" height="8"/>'
            '<rect class="taken" width="{}" height="8"/></svg>'
        ).format(width)


def render_page(numbers: Numbers, *, terms: Terms, checkpoint: CheckpointVerdict) -> bytes:
    """The page about these numbers; `checkpoint` is the opened one that covers the entries counted."""
    if checkpoint.head.size != (counted := numbers.account.size):
        raise AssertionError(f"the checkpoint is of {checkpoint.head.size} entries, {counted} were counted")
    sheet = files("comity.report").joinpath("page.css").read_text(encoding="utf-8")
    environment = Environment(
        loader=PackageLoader("comity.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"date": _date, "day": _day, "moment": _moment, "listed": _listed, "because": _because}
    text = environment.get_template("page.html.jinja").render(
        style=Markup(sheet),
        policy=POLICY.format(style=_digest_of(sheet)),
        **_context(numbers, terms, checkpoint),
    )
    return text.encode()


def _digest_of(sheet: str) -> str:
    return f"sha256-{b64encode(sha256(sheet.encode()).digest()).decode()}"


def _context(numbers: Numbers, terms: Terms, checkpoint: CheckpointVerdict) -> dict[str, Any]:
    report, account = numbers.members, numbers.account
    guard = report["access"]["guard"]
    counts = report["counts"]
    return {
        "claim": Claims(report),
        "report": report,
        "account": account,
        "plan": numbers.plan,
        "planned": report.get("planned", {}),
        "sampling": _sampling(numbers.plan["design"].get("sampling", {})),
        "bank": "task" if "task" in numbers.plan["claim"]["population"] else "suite",
        "terms": terms,
        "sections": [(name, list(found)) for name, found in groupby(clauses(terms), key=lambda one: one.section)],
        "marked": {one.name: one for one in clauses(terms)},
        "served_mark": _served_mark(terms, str(report["model"])),
        "suspensions": account.access.suspensions,
        "hours": _hours(terms),
        "key_holder": _key_holder(terms),
        "guard": guard,
        "guarded": _days_of(guard, "equal"),
        "uncounted": _days_of(guard, "uncounted"),
        "differing": _days_of(guard, "more", "fewer", "different"),
        "outcomes": OUTCOMES,
        "unsettled": report["calls"]["run"] > sum(report["served"].values()),
        "charts": _charts(report),
        "labels": LABELS,
        "served": SERVED,
        "counted": [(name, words, Bar(share=_share(counts[name], counts["intended"]))) for name, words in COUNTED],
        "spend": [
            (n, SPENT[one["clause"]], Bar(share=_share(one["taken"], one["agreed"])))
            for n, one in enumerate(report["spend"])
        ],
        "unlisted": [name for name in FEATURES if name not in terms.features],
        "head": checkpoint.head,
        "root": b64encode(checkpoint.head.root).decode(),
        "cosigned": [each for each in checkpoint.cosigned_by if each.at is not None],
        "digest_of_numbers": numbers.digest,
        "digest_of_checker": page_digest(),
        "version": __version__,
    }


def _sampling(stated: Mapping[str, Any]) -> str:
    """How a sample that is no simple random one was drawn, as the beginning of a phrase."""
    match stated.get("kind"):
        case "stratified":
            by = f" by {stated['strata_by']}" if "strata_by" in stated else ", from the hardest to the easiest"
            return f"so many of each of {stated['strata']} strata{by}, "
        case "active":
            return f"in batches of {stated['batch']}, more often where the answer was hard to foresee, "
        case _:
            return ""


def _served_mark(terms: Terms, name: str) -> str:
    """How the clause is kept that says which model answers."""
    model = terms.model(name)
    return "enforced" if model is not None and model.on_mismatch == "refuse" else "evidenced"


def _days_of(guard: Sequence[Mapping[str, Any]], *outcomes: str) -> list[str]:
    return [str(day["day"]) for day in guard if day["outcome"] in outcomes]


def _key_holder(terms: Terms) -> str:
    held = terms.operator.upstream_key_held_by
    return f"operator, {terms.operator.name}" if held == "operator" else held


def _hours(terms: Terms) -> str:
    """When calls pass on which days, in words; nothing where they always do."""
    hours = terms.window.hours
    if len(hours.days) == len(DAYS) and (hours.begins, hours.until) == (0, 24 * 60):
        return ""
    begins, until = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (hours.begins, hours.until))
    return f"{_listed([DAY_NAMES[day] for day in hours.days])} from {begins} to {until} UTC"


def _charts(report: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    estimates = report["estimates"]
    if not estimates:
        return []
    told = "; ".join(
        f"{LABELS[one['method']]}: {shown(one['point'], 'percent')}, "
        f"from {shown(one['low'], 'percent')} to {shown(one['high'], 'percent')}"
        for one in estimates
    )
    return [
        (key, interval_chart(estimates, width=width, key=f"chart-{key}", label=told))
        for key, width in (("wide", WIDE), ("narrow", NARROW))
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _at(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else parse_instant(value)


def _date(value: str) -> str:
    at = date.fromisoformat(value)
    return f"{at.day} {at:%B %Y}"


def _day(value: str | datetime) -> Markup:
    at = _at(value)
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%d}", f"{at.day} {at:%B %Y}")


def _moment(value: str | datetime) -> Markup:
    at = _at(value)
    words = f"{at.day} {at:%B %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", words)


def _because(reason: str) -> str:
    """Why a row has no score, in words."""
    kind, _, what = reason.partition(":")
    match kind:
        case "refused":
            return f"refused or failed with status {what}"
        case "limit":
            return f"stopped at the engine’s limit ({what})"
        case _:
            return REASONS.get(reason, reason)


def _listed(names: list[str] | tuple[str, ...]) -> str:
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
