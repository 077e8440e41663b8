"""Identity: that a baseline was taken, and that answers were compared with it.  Commitments alone, no prompt."""

from comity.records.record import Digest, Hex32, Record

__all__ = ["IdentityEnrolled", "IdentityTested"]


class IdentityEnrolled(Record, kind="identity.enrolled", version=1):
    """A baseline of a model's answers was taken; what was asked stays secret until it is disclosed."""

    grant: Hex32
    person: str
    enrolment: Hex32
    model: str
    calls: int
    """Calls that the enrolment took, searching and failed ones too."""
    commitment: Digest
    """HMAC-SHA-256 of prompts, answers, margins and seed under a salt that is disclosed with them."""


class IdentityTested(Record, kind="identity.tested", version=1):
    """Answers were compared with a baseline; what was found stays secret until it is disclosed."""

    grant: Hex32
    person: str
    enrolment: Hex32
    number: int
    """1 for the first comparison with this baseline, and so on: none can be left out unseen."""
    run: str
    """The run among whose calls these were, or empty."""
    calls: int
    commitment: Digest
    """HMAC-SHA-256 of answers and result under a salt that is disclosed with them."""
