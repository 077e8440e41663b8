"""Terms in a case: what was said of a clause, who approved a version, and signatures made elsewhere.

Each is about one version of an arrangement, named by id, number and digest: a comment on version 2 is no comment on
version 3, and an approval of one digest approves no other.
"""

from comity.records.casework_items import CaseItem
from comity.records.record import Digest, Hex32, Record


class TermsCommented(CaseItem, Record, kind="terms.commented", version=1):
    """A side said something about one clause of one version. It changes no terms."""

    arrangement: Hex32
    terms_version: int
    digest: Digest
    """Of the version that the comment is about."""
    clause: str
    """Its name, such as `budget.calls`."""
    by: str
    """The side or the pseudonym whose comment it is."""
    text: str


class VersionApproved(CaseItem, Record, kind="version.approved", version=1):
    """A second person of a side approved one version, before that side signs it."""

    arrangement: Hex32
    terms_version: int
    digest: Digest
    """Of the version that was approved."""
    of: str
    """The side: authority · provider."""
    person: str
    """The pseudonym of whoever approved."""
    note: str
    """The approval itself: a signed note by that person's own key."""


class ContractSigned(CaseItem, Record, kind="contract.signed", version=1):
    """A side signed the rendered contract with a certificate, outside; what a check offline established of that.

    It stands beside the machine signatures and replaces none. Who signed stands in the file alone.
    """

    arrangement: Hex32
    terms_version: int
    digest: Digest
    """Of the terms."""
    rendered: Digest
    """SHA-256 of the PDF that the terms render to."""
    file: Digest
    """SHA-256 of the signed PDF."""
    role: str
    """authority · provider: the side whose signature it is, as whoever entered it states."""
    root: Digest
    """SHA-256 of the root certificate that the signer's leads to."""
    signed: str
    """When, by a trusted stamp, or else by the signer's own clock; empty where neither says."""
    stamped: str
    """yes · no: whether a trusted stamp says when"""
    revocation: str
    """not revoked · no information in the file"""
    level: str
    """What was established of its level, such as `advanced; qualified is not established offline`."""
    checked: str
    """When the certificate was checked as of."""
