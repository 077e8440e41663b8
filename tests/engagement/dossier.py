"""Dossiers for tests: a story that claims, shows, checks and finds, and what follows from it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from stories import Story

from comity.engagement import case_clocks
from comity.engagement.assertions import Assertion, read_assertions
from comity.engagement.assessment import Assessment, assess
from comity.engagement.case import Case
from comity.engagement.citations import AtHand
from comity.engagement.findings import Finding, read_findings
from comity.law import Pack, load_pack
from comity.records import (
    ArrangementSigned,
    AssertionChecked,
    AssertionMade,
    AssertionSupported,
    Digest,
    DocumentationReceived,
    DocumentAttached,
    FindingReplied,
    FindingStated,
    Hex32,
    Instant,
    MessageExchanged,
    ScopeStated,
    SessionAnswered,
    SessionHeld,
    SubmissionReceived,
    instant_text,
    to_bytes,
)

DUTY = "AIA-53-1A"
ACCESS = f"operator.example/a/{'a' * 32}"
FINDING = "f" * 32

law = cache(load_pack)


def act() -> Pack:
    """The AI Act as it ships."""
    return law("eu-ai-act", "2026-07-27")


def signed() -> bytes:
    """An entry of an access ledger, any."""
    return to_bytes(
        ArrangementSigned(
            at=Instant("2026-09-01T00:00:00.000Z"), arrangement=Hex32("a" * 32), terms_version=1,
            digest=Digest("d" * 64), previous="", note="signed",
        )
    )  # fmt: skip


def at_hand(*indexes: int, origin: str = ACCESS) -> AtHand:
    """An access ledger that holds entries at these indexes."""
    return AtHand(ledgers={origin: {index: signed() for index in indexes}})


class Dossier(Story):
    """A story about one model, with short words for what an assessment reads."""

    def document(self, to: str = "", by: str = "provider", **members: Any) -> str:
        """A sealed file, attached to an item or to a message of its own; returns the document's id."""
        home = to or self.tell(MessageExchanged, by=by, to=("authority",), subject="papers", summary="Papers.")
        name = f"{len(self.records):031x}d"
        self.tell(
            DocumentAttached, document=name, to=home, part="evidence", title="paper", media_type="text/plain", length=5,
            sealed_to=("key",), commitment=Digest("c" * 64), **members,
        )  # fmt: skip
        return name

    def claim(self, *duties: str, by: str = "provider", claim: str = "It is so.", subject: str = "nova-5") -> str:
        return self.tell(AssertionMade, by=by, claim=claim, subject=subject, duties=duties or (DUTY,))

    def support(self, claim: str, *cites: str) -> str:
        return self.tell(AssertionSupported, assertion=claim, by="provider", cites=cites, summary="s")

    def check(self, claim: str, outcome: str, *cites: str, by: str = "authority") -> str:
        return self.tell(AssertionChecked, assertion=claim, by=by, outcome=outcome, cites=cites, summary="s")

    def submit(self, *cites: str, duty: str = DUTY, about: str = "nova-5", by: str = "provider") -> str:
        return self.tell(SubmissionReceived, by=by, duties=(duty,), about=about, cites=cites, summary="s")

    def finding(
        self, stage: str, finds: str, *cites: str, version: int = 1, finding: str = FINDING, **members: Any
    ) -> str:
        stated: dict[str, Any] = {
            "by": "authority", "duty": DUTY, "subject": "nova-5", "conclusion": "c", "assurance": "limited",
        }  # fmt: skip
        return self.tell(
            FindingStated, finding=Hex32(finding), finding_version=version, stage=stage, finds=finds, cites=cites,
            **stated | members,
        )  # fmt: skip

    def reply(self, item: str, position: str = "disputes", by: str = "provider", **members: Any) -> str:
        """A reply to a version as it reads now."""
        version = self.case().items[item]
        record = version.record
        assert isinstance(record, FindingStated)
        return self.tell(
            FindingReplied, finding=record.finding, finding_version=record.finding_version,
            digest=version.latest.digest, by=by, position=position, summary="s", **members,
        )  # fmt: skip

    def scope(self, scope: str, holds: str = "yes", by: str = "authority", subject: str = "", cites: Any = ()) -> str:
        return self.tell(ScopeStated, by=by, scope=scope, holds=holds, subject=subject, because="b", cites=cites)

    def assertion(self, hand: AtHand | None = None, **how: Any) -> Assertion:
        """The only claim of the story."""
        (one,) = read_assertions(self.case(**how), hand or AtHand())
        return one

    def findings(self, hand: AtHand | None = None, **how: Any) -> tuple[Finding, ...]:
        case = self.case(**how)
        return read_findings(case, hand or AtHand(), case_clocks(case, self.now, (act(),)))

    def assessed(self, hand: AtHand | None = None, subject: str = "nova-5", **how: Any) -> Assessment:
        return assessment_of(self.case(**how), self, hand, subject)

    def status(self, hand: AtHand | None = None, duty: str = DUTY, **how: Any) -> str:
        """The status of one duty."""
        return self.assessed(hand, **how).cell(duty).status


def assessment_of(case: Case, story: Story, hand: AtHand | None = None, subject: str = "nova-5") -> Assessment:
    """The assessment of a case at the end of a story."""
    clocks = case_clocks(case, story.now, (act(),))
    return assess(case, act(), subject, clocks, hand or AtHand())


def statuses(assessment: Assessment) -> Mapping[str, str]:
    """Duty → status, where there is one."""
    return {cell.duty.id: cell.status for cell in assessment.cells if cell.status != "not assessed"}


def rich() -> Dossier:
    """A case with a cell of every status, evidence of every sort, and links that go more than one step."""
    story = Dossier()
    story.force()
    story.scope("gpai_sr", by="provider")
    story.scope("code-safety-security", cites=(story.document(),))
    both = story.claim("AIA-53-1A", "AIA-53-1B")
    story.support(both, story.document())
    checked = story.claim("AIA-55-1A")
    story.check(checked, "upheld", story.document(by="authority"), by="evaluator-1")
    story.check(story.claim("AIA-55-1B"), "contradicted", f"{ACCESS}#3", by="evaluator-1")
    story.claim("AIA-53-1C")
    story.submit(story.document(), duty="AIA-53-1D")
    session = story.tell(
        SessionHeld, arrangement=Hex32("a" * 32), by="authority", form="source-code", participants=("e",),
        shown=("x",), begin=Instant(instant_text(story.now)), end=Instant("2026-12-01T00:00:00.000Z"),
    )  # fmt: skip
    story.tell(
        SessionAnswered, session=session, by="provider", answer="countersigned",
        digest=story.case().items[session].latest.digest,
    )  # fmt: skip
    sent = story.tell(
        DocumentationReceived, form="annex-xii", form_version="1", subject="nova-5", by="provider", view="dp",
        received=("XII.1.a",), withheld=(("XII.1.b", "a secret"),),
    )  # fmt: skip
    story.document(to=sent)
    story.finding("evaluation", "compliance", session, finding="1" * 32, duty="SS-A3.4A", by="evaluator-1")
    story.finding("final", "compliance", f"{ACCESS}#5", f"{ACCESS}#6", finding="2" * 32, duty="AIA-53-3")
    paper = story.document(by="authority")
    first = story.finding("preliminary", "infringement", paper, finding="3" * 32, duty="SS-1.1")
    story.reply(first)
    story.finding("final", "infringement", paper, finding="3" * 32, duty="SS-1.1", version=2)
    disputed = story.finding("final", "compliance", story.document(), finding="4" * 32, duty="SS-6.1")
    story.reply(disputed)
    met = story.document(by="authority")
    story.finding("final", "compliance", met, finding="5" * 32, duty="AIA-55-1D")
    return story


HAND = at_hand(3, 5, 6)
"""The access ledger that the rich case cites."""
