"""A whole ledger, handed over as a copy: every fact that a third party can establish without a server.

In this order, each fact on its own:

1. the keys: where they came from                                             keys
2. the checkpoint, strictly, and who signed it            checkpoint, log signatures, cosignatures, quorum
3. every file, recomputed and compared                     entries, tiles, root, files
4. every entry: canonical, of a known kind, in order of time                  kinds, times
5. the terms and the parties' acts, and who signed them                       terms, acts
6. the calls, replayed      calls, grants, gateways, overruns, stops, suspensions, disclosures, runs, draws,
                            and where there are any closing, erasures
7. the clauses, where the terms are in hand
                                 budget, days, reruns, concurrency, permits, clock, prices, models
8. what the provider's guard counted, where the terms are in hand                     counters, guard

What depends on something that fails is not established, and says so.

Not established by any of it: that the entries are true, that the log showed everybody this history (the
cosigners' business), and that no call went round the gateway: of that, `guard` says what the provider counted.
"""

from pathlib import Path
from typing import Final

from comity.ledger import LedgerError, Policy, TreeHead
from comity.records import ArrangementSigned, EngagementOpened
from comity.verify.calls import call_facts, replay_calls
from comity.verify.checkpoints import SIGNATURE_FACTS, check_checkpoint
from comity.verify.clauses import NAMES as CLAUSES
from comity.verify.clauses import check_clauses
from comity.verify.closing import check_ending
from comity.verify.draw import check_draws
from comity.verify.edge import FolderCopy
from comity.verify.facts import Fact, Verdict, unestablished
from comity.verify.files import LedgerCopy, check_files
from comity.verify.guard import NAMES as GUARD
from comity.verify.guard import check_guard
from comity.verify.history import History, check_times, read_entries
from comity.verify.runs import check_runs
from comity.verify.signing import check_acts, check_terms
from comity.verify.terms import TermsView

FILE_FACTS: Final = ("entries", "tiles", "root", "files")
HISTORY_FACTS: Final = (
    "kinds", "times", "terms", "acts", "calls", "grants", "gateways", "overruns", "stops", "suspensions",
    "disclosures", "runs", "draws",
)  # fmt: skip
TERMS_FACTS: Final = (*CLAUSES, *GUARD)
CHECKPOINT: Final = "checkpoint"


def verify_directory(
    copy: LedgerCopy | Path, policy: Policy, *, terms: TermsView | None = None, keys: Fact | None = None
) -> Verdict:
    """Establish what a copied ledger shows. Never raises for what is in the copy.

    `keys` is the caller's fact about where the policy's keys came from; it stands first.
    """
    copy = FolderCopy(copy) if isinstance(copy, Path) else copy
    facts = [keys] if keys else []
    try:
        look_through(copy, policy, terms, facts)
    except LedgerError as error:  # a server that stops answering, never the content of a file
        facts.append(Fact(name="copy", holds=False, detail=str(error), where=copy.name))
    return Verdict(subject=f"ledger {copy.name}", facts=tuple(facts))


def look_through(
    copy: LedgerCopy, policy: Policy, terms: TermsView | None, facts: list[Fact]
) -> tuple[TreeHead, tuple[bytes, ...], History] | None:
    """Add every fact about a copied ledger; its head, entries and records where they are those signed for."""
    later = (*FILE_FACTS, *HISTORY_FACTS, *TERMS_FACTS)
    data = copy.read(CHECKPOINT)
    if data is None:
        missing = "missing; a copied ledger has the files checkpoint and tile/…"
        facts.append(Fact(name="checkpoint", holds=False, detail=missing, where=CHECKPOINT))
        facts += unestablished((*SIGNATURE_FACTS, *later), "not looked at: there is no checkpoint")
        return None
    found, head = check_checkpoint(data, policy)
    facts += found
    if head is None:
        facts += unestablished(later, "not looked at, because the checkpoint does not hold")
        return None
    files = check_files(copy, head)
    facts += files.facts
    if files.entries is None:
        because = "not looked at, because these entries are not those that were signed for"
        facts += unestablished((*HISTORY_FACTS, *TERMS_FACTS), because)
        return None
    history, found = read_entries(files.entries)
    facts += found
    facts.append(check_times(history))
    facts += check_history(history, terms, head.origin)
    return head, files.entries, history


def check_history(history: History, terms: TermsView | None, origin: str) -> list[Fact]:
    """The facts about what an arrangement's entries say together."""
    if history and isinstance(history[0][1], EngagementOpened):
        about = "an engagement's ledger holds no calls"
        return list(unestablished((*HISTORY_FACTS[2:], *TERMS_FACTS), about))
    facts = []
    if terms is not None and terms.origin != origin:
        said = f"the terms name the ledger {terms.origin}, this is {origin}"
        facts.append(Fact(name="origin", holds=False, detail=said, where="arrangement"))
    facts += [check_terms(history, terms), check_acts(history, terms, origin)]
    facts += call_facts(replay_calls(history))
    facts += [check_runs(history), check_draws(history), *check_ending(history, terms, origin)]
    if terms is None:
        facts += unestablished(TERMS_FACTS, "the terms are not in hand (--arrangement)")
    elif any(isinstance(record, ArrangementSigned) and record.digest == terms.digest for _, record in history):
        facts += [*check_clauses(history, terms), *check_guard(history, terms, origin)]
    else:
        facts += unestablished(TERMS_FACTS, "the terms in hand are not those of this ledger")
    return facts
