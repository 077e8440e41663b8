"""The numbers of a report: one file of canonical JSON, every member of it out of the record.

`comity report/1`; docs/reference/report.md says of each member what it is counted from.  Nothing in it is typed by
hand and nothing depends on when or where it is made: the same terms, plan, score table and entries give the same bytes.

    numbers(terms=…, plan=…, scores=…, entries=…, run=…) -> Numbers

Before it counts, it refuses inputs that do not belong together: the plan is the one whose digest is frozen, the table
is the one whose digest is committed, its counts are those committed with it, and the terms are those of the ledger.
What rests on a field of the plan is not printed where the plan leaves that field empty (`comity.verify.planned`).

Decimals are text, as estimates write them (rounded outwards at the sixth place); money is in billionths of the terms'
currency.  The terms' clauses that bound a sum stand beside what was taken of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, cast

from comity.arrangement import Terms
from comity.estimate import SAMPLE_METHODS, Method, Sampled, estimate_rate
from comity.records import NotCanonical, SeedRevealed, canonical_bytes, parse_canonical
from comity.report.account import Account, read_account
from comity.report.errors import NotReportable
from comity.verify.errors import MalformedPlanFile, VerifyError
from comity.verify.labels import label_members, latest
from comity.verify.planned import alpha_of, empty_fields, planned_members
from comity.verify.sample import sample_of
from comity.verify.scores import read_scores, sample_estimates

__all__ = ["FORMAT", "MAX_FILE", "Numbers", "numbers", "read_file"]

FORMAT: Final = "comity report/1"
SCORES_FORMATS: Final = ("comity scores/1", "comity scores/2")
MAX_FILE: Final = 1 << 28
"""Bytes of a plan or score table: a million rows take about 150 MB."""
METHODS: Final = SAMPLE_METHODS["srs"]
NO_LABELS: Final[Mapping[str, bytes]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The report's file, its members, and the account and plan that a page needs beside them."""

    data: bytes
    members: Mapping[str, Any]
    account: Account
    plan: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hex: what `report.published` holds."""
        return sha256(self.data).hexdigest()


def numbers(
    *,
    terms: Terms,
    plan: bytes,
    scores: bytes,
    entries: Sequence[bytes],
    run: str,
    labels: Mapping[str, bytes] = NO_LABELS,
    frame: bytes | None = None,
) -> Numbers:
    """Count everything that is published about `run`; `labels` are raters' files by pseudonym.

    `frame` is what the sample was drawn from, where the plan states one.

    Raises `NotReportable`, also where the ledger holds labels whose file is not given: none is left out.
    """
    account = read_account(entries, run)
    planned, rows = _belonging(terms, plan, scores, account)
    try:
        sample = _sample(planned, rows, account, frame)
        members = _members(terms, planned, rows, account, sample)
        first = [row["score"] for row in rows if row["epoch"] == 1]
        digest, run_id = account.committed.plan, account.committed.run
        if stated := planned_members(planned, first, account.planned, run=run_id, digest=digest, sample=sample):
            members["planned"] = stated
        if labelled := _labels(scores, float(planned["outputs"]["level"]), account, labels):
            members["labels"] = labelled
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotReportable(f"the plan or the score table lacks a member that a report needs: {error!r}") from None
    except MalformedPlanFile as error:
        raise NotReportable(str(error)) from None
    for path, empty in empty_fields(members, planned):
        said = f"the plan leaves {empty} empty, so nobody said beforehand what it would be"
        raise NotReportable(f"{path} cannot be printed: {said}")
    return Numbers(data=canonical_bytes(members), members=members, account=account, plan=planned)


def _sample(
    plan: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], account: Account, frame: bytes | None
) -> Sampled | None:
    """The run's sample, drawn again by the seed that its ledger tells, where it was drawn from a frame."""
    told = [one.seed for _, one in account.planned if isinstance(one, SeedRevealed)]
    seed = str(plan["design"].get("seed") or (told[0] if told else ""))
    scores = {str(row["item"]): row["score"] for row in rows if row["epoch"] == 1}
    return sample_of(plan, alpha_of(plan), frame, seed, scores)


def _labels(scores: bytes, level: float, account: Account, labels: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """What each rater's last committed labels give, by a third party's own reading of them."""
    found = []
    for rater, (index, record) in latest(account.labels, account.size).items():
        if rater not in labels:
            raise NotReportable(f"entry {index} commits to labels of {rater}, whose file is not given")
        try:
            found.append(label_members(labels[rater], record, index, scores, read_scores(scores), level))
        except VerifyError as error:
            raise NotReportable(f"the labels of {rater}: {error}") from None
    return found


def read_file(data: bytes, name: str) -> Mapping[str, Any]:
    """The members of one of our canonical files; raises `NotReportable` naming it."""
    try:
        return parse_canonical(data, limit=MAX_FILE)
    except NotCanonical as error:
        raise NotReportable(f"{name} is not canonical JSON: {error}") from None


def _belonging(
    terms: Terms, plan: bytes, scores: bytes, account: Account
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    committed = account.committed
    if account.signed is None or account.signed.digest != terms.digest:
        held = "none" if account.signed is None else account.signed.digest
        raise NotReportable(f"the ledger is kept under terms with digest {held}; those given have {terms.digest}")
    for name, data, digest in (("plan", plan, account.begun_record.plan), ("score table", scores, committed.rows)):
        if (found := sha256(data).hexdigest()) != digest:
            raise NotReportable(f"the {name} in the ledger has digest {digest}, the file given has {found}")
    table = read_file(scores, "the score table")
    rows = table.get("rows")
    if table.get("format") not in SCORES_FORMATS or table.get("run") != committed.run or not isinstance(rows, list):
        raise NotReportable(f"expected a score table ({SCORES_FORMATS[0]}) of the run {committed.run}")
    judged = sum(row.get("score") is not None for row in rows)
    correct = sum(row.get("score") == 1 for row in rows)
    said = (committed.intended, committed.judged, committed.unscored, committed.correct)
    if said != (len(rows), judged, len(rows) - judged, correct):
        raise NotReportable(
            f"scores.committed says intended, judged, unscored and correct are {said}; its own table has "
            f"{(len(rows), judged, len(rows) - judged, correct)}"
        )
    return read_file(plan, "the plan"), rows


def _members(
    terms: Terms,
    plan: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    account: Account,
    sample: Sampled | None,
) -> dict[str, Any]:
    population, target = plan["claim"]["population"], plan["target"]
    committed, budget, taken = account.committed, terms.budget, account.taken
    states = Counter(run.state for run in account.runs)
    return {
        "format": FORMAT,
        "ledger": terms.ledger.origin,
        "arrangement": terms.id,
        "terms": terms.digest,
        "run": committed.run,
        "plan": committed.plan,
        "suite": _suite(population),
        "protocol": target["protocol"],
        "model": target["model"],
        "title": plan["title"],
        "counts": {
            "intended": committed.intended,
            "attempted": committed.attempted,
            "answered": committed.answered,
            "judged": committed.judged,
            "unscored": committed.unscored,
            "repeated": committed.repeated,
            "correct": committed.correct,
        },
        "missing": dict(sorted(Counter(str(row["reason"]) for row in rows if row["score"] is None).items())),
        "estimates": _estimates(rows, plan["outputs"], plan["claim"]["population"]["size"])
        if sample is None
        else sample_estimates(sample, plan["outputs"]["methods"], str(plan["outputs"]["level"])),
        "runs": {
            "plans_frozen": account.plans_frozen,
            "begun": len(account.runs),
            "finished": states["finished"],
            "aborted": states["aborted"],
            "reported": 1,
        },
        "calls": {
            "run": len(account.permitted),
            "refused": account.refused,
            "before_freeze": account.before_freeze,
            "outside_plan": account.outside_plan,
        },
        "served": dict(account.served),
        "spend": [
            {"clause": "budget.calls", "agreed": budget.calls, "taken": account.calls},
            {"clause": "budget.input_tokens", "agreed": budget.input_tokens, "taken": taken.input_tokens},
            {"clause": "budget.output_tokens", "agreed": budget.output_tokens, "taken": taken.output_tokens},
            {"clause": "budget.cost", "agreed": budget.cost_nano, "taken": taken.cost_nano},
        ],
        "refusals": [{"clause": clause, "count": count} for clause, count in account.refusals.items()],
        "access": _access(terms, str(target["model"]), account),
        "blindness": terms.content.blindness,
        "as_of": account.size,
        "entries": {
            "plan": account.frozen,
            "begun": account.begun,
            "scores": account.scores,
            "finished": account.finished,
        },
    }


def _access(terms: Terms, name: str, account: Account) -> dict[str, Any]:
    """Who could bypass the gateway, by the terms and by the guard's counters, and when access stood still."""
    model, access = terms.model(name), account.access
    return {
        "variant": model.variant if model is not None else "",
        "guard_by": terms.guard.by,
        "guard": [day.members() for day in access.days()] if terms.guard.by != "none" else [],
        "suspensions": [suspension.members() for suspension in access.suspensions],
        "stood_still_seconds": access.stood_still_seconds(account.last_at),
    }


def _suite(population: Mapping[str, Any]) -> dict[str, Any]:
    """What the claim is about: a suite of ours, or a guest's task in the release of its package."""
    if "task" not in population:
        return {"name": population["suite"], "version": population["version"], "sha256": population["sha256"]}
    package, version = str(population["package"]), str(population["version"])
    release = version if package == "none" else f"{package} {version}"
    return {"name": population["task"], "version": release, "sha256": population["sha256"]}


def _estimates(rows: Sequence[Mapping[str, Any]], outputs: Mapping[str, Any], bank: int) -> list[dict[str, Any]]:
    """The rate by each method of the plan, over the first epoch: epochs of one item are no independent units."""
    first = [row["score"] for row in rows if row["epoch"] == 1]
    judged = [score for score in first if score is not None]
    if not judged:
        return []
    found = []
    for name in outputs["methods"]:
        if name not in METHODS:
            raise NotReportable(f"the plan asks for the method {name!r}; expected one of {', '.join(METHODS)}")
        made = estimate_rate(
            cast(Method, name), sum(judged), len(judged), float(outputs["level"]), missing=len(first) - len(judged),
            bank=bank,
        )  # fmt: skip
        members = made.as_json()
        del members["text"]
        found.append(members)
    return found
