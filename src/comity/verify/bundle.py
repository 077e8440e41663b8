"""Bundles: does a report's number follow from the record, and how far down does the proof reach?

`verify_bundle` reads one file (`comity.verify.archive` says which names it may hold) and establishes, in this order:

1. the archive and its own list of digests                                        archive, manifest
2. the ledger in it, as a copied ledger is checked, under the terms in it         keys … guard
3. the run: its plan, its score table, its rows and their calls                   plan, planned, scores, rows, counts
   and the sample, drawn again, where it was drawn from a frame                   sample
4. the report: when published, what it covers, every member, the page, labels     published … page, labels
5. the content: sealed items, opened items, the draw, the scores of drawn rows    sealed, disclosed, draw, rescored

and says which of four rungs are reached (`comity.verify.rungs`).

Not established by any rung: that the sealed items which are not opened hold what they are labelled with; that the
entries are true; that no call went round the gateway; what a page says outside its claims.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from comity.estimate import Sampled
from comity.ledger import LedgerError, Policy
from comity.records import SeedRevealed
from comity.verify import archive as a
from comity.verify.directory import look_through
from comity.verify.errors import (
    MalformedBundle,
    MalformedLabels,
    MalformedOfferFile,
    MalformedPlanFile,
    MalformedScores,
)
from comity.verify.facts import Fact, Faults, Verdict, counted, failed, unestablished
from comity.verify.history import History, entry
from comity.verify.labels import label_members, latest
from comity.verify.page import check_page
from comity.verify.planned import alpha_of, check_planned
from comity.verify.redrawn import Rescore, check_drawn
from comity.verify.report import check_as_of, compare, read_report, recompute
from comity.verify.reported_run import ReportedRun, find_run
from comity.verify.rungs import BundleVerdict, rungs_of
from comity.verify.sample import check_sample, sample_of
from comity.verify.scores import PlanView, ScoreTable, check_counts, check_rows, read_plan, read_scores
from comity.verify.sealed import check_disclosed, check_sealed
from comity.verify.terms import TermsView, read_offer

RUN_FACTS: Final = ("plan", "planned", "scores", "rows", "counts")
REPORT_FACTS: Final = ("published", "as_of", "covers", "report", "page")
CONTENT_FACTS: Final = ("sealed", "disclosed", "draw", "rescored")


def verify_bundle(
    path: Path,
    *,
    policy: Policy | None = None,
    terms: TermsView | None = None,
    keys: Fact | None = None,
    rescore: Mapping[str, Rescore] | None = None,
) -> BundleVerdict:
    """Establish what a bundle shows. Never raises for what is in the file.

    `policy` and `terms` are what reached the reader another way; without them those in the bundle are used, and the
    first fact says that whoever made the bundle chose the keys.  `keys` says where they came from.
    """
    facts: list[Fact] = []
    try:
        with a.Archive(path) as archive:
            _verify(archive, policy, terms, keys, rescore or {}, facts)
    except MalformedBundle as error:
        facts.append(Fact(name="archive", holds=False, detail=error.because, where=error.member or path.name))
    except LedgerError as error:
        facts.append(Fact(name="copy", holds=False, detail=str(error), where="ledger/"))
    known = {fact.name for fact in facts}
    names = (*RUN_FACTS, *REPORT_FACTS, *CONTENT_FACTS)
    facts += unestablished([name for name in names if name not in known], "not looked at, because of what fails above")
    verdict = Verdict(subject=f"bundle {path.name}", facts=tuple(facts))
    return BundleVerdict(verdict=verdict, rungs=rungs_of(verdict))


def _verify(
    archive: a.Archive,
    policy: Policy | None,
    given: TermsView | None,
    keys: Fact | None,
    rescore: Mapping[str, Rescore],
    facts: list[Fact],
) -> None:
    manifest = a.read_manifest(archive.read(a.MANIFEST))
    for name in a.REQUIRED:
        if name not in archive.names:
            raise MalformedBundle(name, "missing from the bundle")
    said = f"{counted(len(archive.names), 'file')}, none but those of a bundle"
    facts.append(Fact(name="archive", holds=True, detail=said))
    wrong = a.compare_manifest(archive, manifest)
    said = f"{counted(len(manifest.files), 'file')} as bundle.json names them"
    facts.append(failed("manifest", wrong) if wrong else Fact(name="manifest", holds=True, detail=said))
    terms = _terms(archive, given, facts)
    if terms is None:
        return
    facts.append(keys or _own_keys(given))
    looked = look_through(a.ZippedLedger(archive), policy or terms.policy, terms, facts)
    if looked is None:
        return
    head, entries, history = looked
    if manifest.ledger != head.origin:
        said = f"the bundle names {manifest.ledger}, the checkpoint is of {head.origin}"
        facts.append(Fact(name="origin", holds=False, detail=said, where=a.MANIFEST))
        return
    run = find_run(history, manifest.run)
    if not _whole(run, facts):
        return
    plan, table = _plan(archive, run, facts), _scores(archive, run, facts)
    if plan is not None and run.begun is not None:
        facts.append(check_planned(plan.members, history, run=run.run, digest=run.begun[1].plan))
    if plan is not None and table is not None:
        facts += [check_rows(table, plan, run), check_counts(table, run, run.scores[0][1].members(), run.scores[0][0])]
        sample = _sample(archive, plan, table, run, history, facts)
        _report(archive, terms, plan, table, run, history, sample, facts)
    facts.append(check_sealed(archive, run, head.origin))
    disclosed, content = check_disclosed(archive, run, history, head.origin)
    facts.append(disclosed)
    if plan is not None and table is not None:
        facts += check_drawn(archive, run, plan, table, history, entries, content, rescore)


def _own_keys(given: TermsView | None) -> Fact:
    if given is not None:
        return Fact(name="keys", holds=True, detail="those in the arrangement that was given")
    said = (
        "they came with the bundle itself (terms.json): whoever made it chose them. Compare them with keys that "
        "reached you another way, or give the terms with --arrangement"
    )
    return Fact(name="keys", holds=None, detail=said)


def _terms(archive: a.Archive, given: TermsView | None, facts: list[Fact]) -> TermsView | None:
    try:
        brought = read_offer(archive.read(a.TERMS))
    except MalformedOfferFile as error:
        facts.append(Fact(name="terms", holds=False, detail=str(error), where=a.TERMS))
        return None
    if given is not None and given.digest != brought.digest:
        said = f"their digest is {brought.digest}; the terms given have {given.digest}"
        facts.append(Fact(name="terms", holds=False, detail=said, where=a.TERMS))
        return None
    return given or brought


def _whole(run: ReportedRun, facts: list[Fact]) -> bool:
    """Whether the ledger holds what a report rests on: a run begun and finished, with scores committed once."""
    wrong = []
    if run.begun is None:
        wrong.append(("bundle.json", f"the ledger holds no run {run.run[:40]}"))
    elif run.finished is None:
        ended = "was aborted" if run.aborted is not None else "has not finished"
        wrong.append((entry(run.begun[0]), f"the run {ended}; a report is about a run that finished"))
    elif len(run.scores) != 1:
        said = ", ".join(str(index) for index, _ in run.scores) or "none"
        wrong.append(("scores.json", f"scores were committed {len(run.scores)} times (entries: {said}); expected once"))
    if wrong:
        facts.append(failed("scores", wrong))
    return not wrong


def _plan(archive: a.Archive, run: ReportedRun, facts: list[Fact]) -> PlanView | None:
    if run.begun is None:
        raise AssertionError("looked at before")
    data, faults = archive.read(a.PLAN), Faults("plan")
    begun, record = run.begun
    digest = sha256(data).hexdigest()
    if digest != record.plan:
        faults.add(a.PLAN, f"its digest is {digest}; the run of entry {begun} began under {record.plan}")
    first = run.first_call
    if run.frozen is None:
        faults.add(entry(begun), "the plan was not frozen before the run began")
    elif first is not None and first < run.frozen:
        faults.add(entry(first), f"a call of this run before its plan was frozen at entry {run.frozen}")
    plan = None
    try:
        plan = read_plan(data)
    except MalformedPlanFile as error:
        faults.add(a.PLAN, str(error))
    before = "no call was permitted" if first is None else f"before its first call (entry {first})"
    facts.append(faults.fact(f"frozen at entry {run.frozen}, {before}"))
    return plan if run.frozen is not None and digest == record.plan else None


def _scores(archive: a.Archive, run: ReportedRun, facts: list[Fact]) -> ScoreTable | None:
    data, faults = archive.read(a.SCORES), Faults("scores")
    index, committed = run.scores[0]
    digest = sha256(data).hexdigest()
    table = None
    try:
        table = read_scores(data)
        if (table.run, table.plan) != (run.run, committed.plan):
            faults.add(a.SCORES, f"it is of run {table.run[:40]} and plan {table.plan[:64]}, not of this one")
    except MalformedScores as error:
        faults.add(a.SCORES, str(error))
    if digest != committed.rows:
        faults.add(a.SCORES, f"its digest is {digest}; entry {index} commits to {committed.rows}")
    rows = 0 if table is None else len(table.rows)
    facts.append(faults.fact(f"{counted(rows, 'row')}, the table that entry {index} commits to"))
    return table


def _sample(
    archive: a.Archive, plan: PlanView, table: ScoreTable, run: ReportedRun, history: History, facts: list[Fact]
) -> Sampled | None:
    """The run's sample where it was drawn from a frame, with a fact of its own."""
    frame = archive.read(a.FRAME) if a.FRAME in archive.names else None
    if not plan.sampled:
        if frame is not None:
            said = "the plan's sample is drawn from no frame"
            facts.append(Fact(name="sample", holds=False, detail=said, where=a.FRAME))
        return None
    told = [one.seed for _, one in history if isinstance(one, SeedRevealed) and one.run == run.run]
    seed = str(plan.members["design"].get("seed") or (told[0] if told else ""))
    try:
        sample = sample_of(plan.members, alpha_of(plan.members), frame, seed, table.first())
    except MalformedPlanFile as error:
        facts.append(Fact(name="sample", holds=False, detail=str(error), where=a.FRAME))
        return None
    if sample is None:
        raise AssertionError("looked at before")
    facts.append(check_sample(plan.members, sample, table.placings()))
    return sample


def _report(
    archive: a.Archive,
    terms: TermsView,
    plan: PlanView,
    table: ScoreTable,
    run: ReportedRun,
    history: History,
    sample: Sampled | None,
    facts: list[Fact],
) -> None:
    data, page = archive.read(a.REPORT), archive.read(a.PAGE)
    index, published = _published(run, sha256(data).hexdigest(), sha256(page).hexdigest())
    facts.append(published)
    told = read_report(data)
    if isinstance(told, str):
        facts.append(Fact(name="report", holds=False, detail=told, where=a.REPORT))
        return
    if plan.sampled and sample is None:
        because = "not recomputed, because its sample cannot be drawn again"
        facts.append(Fact(name="report", holds=False, detail=because, where=a.FRAME))
        return
    as_of = told["as_of"]
    size = history[-1][0] + 1 if history else 0
    facts.append(check_as_of(as_of, size if index is None else index, run, history))
    try:
        labels = _labels(archive, plan, table, run, as_of, facts)
        found = recompute(
            terms=terms, plan=plan, table=table, run=run, history=history, as_of=as_of, labels=labels, sample=sample
        )
    except MalformedPlanFile as error:
        facts.append(Fact(name="report", holds=False, detail=str(error), where=a.PLAN))
        return
    runs, calls = found["runs"], found["calls"]
    said = (
        f"this report covers 1 of {counted(runs['begun'], 'run')}: {counted(runs['plans_frozen'], 'plan')} frozen, "
        f"{runs['begun']} begun, {runs['finished']} finished, {runs['aborted']} aborted, 1 reported; "
        f"{counted(calls['before_freeze'], 'call')} before this plan was frozen, "
        f"{calls['outside_plan']} outside any plan, {calls['refused']} of this run refused"
    )
    left_out = told.get("runs") != runs or told.get("calls") != calls
    facts.append(
        Fact(name="covers", holds=False, detail=f"the report tells otherwise; {said}", where=a.REPORT)
        if left_out
        else Fact(name="covers", holds=True, detail=said)
    )
    facts += [compare(told, found), check_page(page, found)]


def _labels(
    archive: a.Archive, plan: PlanView, table: ScoreTable, run: ReportedRun, as_of: int, facts: list[Fact]
) -> list[dict[str, Any]]:
    """What each rater's labels give; a fact of its own where the ledger or the bundle has any."""
    faults, found = Faults("labels"), []
    committed = latest(run.labels, as_of)
    brought = {name for name in archive.names if name.startswith("labels/")}
    for rater, (index, record) in committed.items():
        name = a.labels_name(rater)
        if name not in brought:
            faults.add(name, f"missing from the bundle; entry {index} commits to it")
            continue
        try:
            found.append(
                label_members(archive.read(name), record, index, archive.read(a.SCORES), table, float(plan.level))
            )
        except MalformedLabels as error:
            faults.add(name, str(error))
    for name in sorted(brought - {a.labels_name(rater) for rater in committed}):
        faults.add(name, "no labels of this rater were committed before the report")
    if committed or brought:
        said = f"{counted(len(committed), 'rater')}, who labelled the first answers of a draw that nobody chose"
        facts.append(faults.fact(said))
    return found


def _published(run: ReportedRun, report: str, page: str) -> tuple[int | None, Fact]:
    """Where exactly these two files were published, or which of them was not."""
    faults = Faults("published")
    both = [index for index, record in run.published if (record.report, record.page) == (report, page)]
    if both:
        later = [index for index, _ in run.published if index > both[-1]]
        more = f"; a later report stands at entry {later[-1]}" if later else ""
        fact = faults.fact(f"report.json and report.html are those published at entry {both[-1]}{more}")
        return both[-1], fact
    if not run.published:
        faults.add("ledger/", "no report about this run was published under this checkpoint")
        return None, faults.fact("")
    index, record = run.published[-1]
    for name, digest, expected in ((a.REPORT, report, record.report), (a.PAGE, page, record.page)):
        if digest != expected:
            faults.add(name, f"its digest is {digest}; entry {index} published {expected}")
    return index, faults.fact("")
