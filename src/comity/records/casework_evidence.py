"""Evidence of a case: what was claimed, shown, seen, examined and found.

No status is written.  Whether an assertion is evidenced or verified, whether a session is countersigned,
and which version a reply answers follow from the entries that cite one another.

A citation is the id of an item or a document of the case, or `origin#index` for an entry of another ledger.
"""

from comity.records.casework_items import CaseItem
from comity.records.record import Digest, Hex32, Instant


class ScopeStated(CaseItem, kind="scope.stated", version=1):
    """Whether duties of one scope, role or instrument of the law bear on the provider or on one of its models."""

    by: str
    scope: str
    """The law pack's name for it, such as `gpai_sr`, or `code-safety-security` for a chapter that was signed."""
    subject: str
    """The model or system; empty where it is about the provider, and so about all of them."""
    holds: str
    """yes · no"""
    because: str
    cites: tuple[str, ...]


class AssertionMade(CaseItem, kind="assertion.made", version=1):
    """A side claims that something is so."""

    by: str
    claim: str
    subject: str
    duties: tuple[str, ...]
    """Ids of the law pack's duties that it bears on."""


class AssertionSupported(CaseItem, kind="assertion.supported", version=1):
    """Something is put forward that shows an assertion to be so."""

    assertion: Hex32
    by: str
    cites: tuple[str, ...]
    summary: str


class AssertionChecked(CaseItem, kind="assertion.checked", version=1):
    """Somebody other than who asserted it looked for themselves."""

    assertion: Hex32
    by: str
    outcome: str
    """upheld · contradicted · inconclusive"""
    cites: tuple[str, ...]
    summary: str


class SubmissionReceived(CaseItem, kind="submission.received", version=1):
    """Something that a duty asks for arrived, such as a notification, a framework or a model report."""

    by: str
    duties: tuple[str, ...]
    """Ids of the law pack's duties that it answers."""
    shows: tuple[str, ...]
    """What it holds, by the law pack's names of evidence, such as `notification`."""
    about: str
    """The model or system, or the item of the case that it answers; empty where it is about the provider."""
    cites: tuple[str, ...]
    """The documents."""
    summary: str


class DocumentationReceived(CaseItem, kind="documentation.received", version=1):
    """Documentation of a model arrived: which fields of a form it holds and which it withholds."""

    form: str
    """The law pack's id of it, such as `mdf`."""
    form_version: str
    subject: str
    by: str
    view: str
    """aio (AI Office) · nca (national competent authorities) · dp (downstream providers)"""
    received: tuple[str, ...]
    """Ids of fields, such as `MDF.1.1`."""
    withheld: tuple[tuple[str, ...], ...]
    """Each a field's id and the reason given."""


class ExpertProposed(CaseItem, kind="expert.proposed", version=1):
    """Somebody is to evaluate on the authority's behalf (Art. 92(2))."""

    expert: str
    """The pseudonym."""
    proposed_by: str
    qualifications: tuple[str, ...]
    """What shows expertise (Art. 68(2)), each without naming the person."""


class ConflictDeclared(CaseItem, kind="conflict.declared", version=1):
    """An expert declares a relation with a provider, or that there is none."""

    expert: str
    relation: str
    """none · ownership · employment · contract · funding · governance · personal · other"""
    with_whom: str
    begin: str
    end: str
    """When the relation ended; empty while it lasts."""
    summary: str


class ExpertAppointed(CaseItem, kind="expert.appointed", version=1):
    """The authority appoints an expert for an access request."""

    expert: str
    request: str
    """The access request's item; empty where access is voluntary."""
    act: str
    """The act of appointment, as it is called outside."""


class SessionHeld(CaseItem, kind="session.held", version=1):
    """Access that is not a call: who saw what, from when to when, under which conditions."""

    arrangement: Hex32
    by: str
    """Which side entered it: authority · provider"""
    form: str
    """source-code · on-premises · weights · activations · interview · document-room"""
    subject: str
    """The model that it was about; empty where it was about none."""
    participants: tuple[str, ...]
    hosts: tuple[str, ...]
    shown: tuple[str, ...]
    begin: Instant
    end: Instant
    conditions: tuple[str, ...]
    notes: str
    """Commitment over the notes taken, or their SHA-256; empty where none were."""


class SessionAnswered(CaseItem, kind="session.answered", version=1):
    """The other side signs a session's entry too, or contests it."""

    session: Hex32
    by: str
    answer: str
    """countersigned · contested"""
    digest: Digest
    """SHA-256 of the entry's bytes that is answered; a corrected one needs another answer."""
    because: str
    signature: str
    """The signed note over it; empty where it came on paper."""


class FindingStated(CaseItem, kind="finding.stated", version=1):
    """A conclusion about a duty, in one version."""

    finding: Hex32
    """The same for every version of one finding."""
    finding_version: int
    by: str
    stage: str
    """evaluation · preliminary · final"""
    duty: str
    subject: str
    """The model or system; empty where it is about the provider."""
    finds: str
    """compliance · infringement · undetermined"""
    conclusion: str
    assurance: str
    """limited · reasonable · none"""
    cites: tuple[str, ...]


class FindingReplied(CaseItem, kind="finding.replied", version=1):
    """The provider answers one version of a finding, and no other."""

    finding: Hex32
    finding_version: int
    digest: Digest
    """SHA-256 of the answered version's entry."""
    by: str
    position: str
    """agrees · disputes · remarks"""
    summary: str
    cites: tuple[str, ...]
