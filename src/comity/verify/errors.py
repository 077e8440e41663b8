"""Errors of verification: for input that is no subject of a verdict at all.

What was looked at and does not hold is a `Fact`, never an exception.
"""


class VerifyError(Exception):
    """Root of what this package raises."""


class MalformedOfferFile(VerifyError):
    """The bytes are not an offer envelope (`comity offer/1`) with terms that can be read."""


class MalformedDisclosureFile(VerifyError):
    """The bytes are not a disclosure (`comity disclosure/1`)."""


class NothingToVerify(VerifyError):
    """There is no ledger, receipt, checkpoint or disclosure where one was expected."""


class MalformedBundle(VerifyError):
    """The file is no bundle (`comity bundle/1`) that can be read safely; `member` is the file in it at fault."""

    def __init__(self, member: str, because: str) -> None:
        self.member = member
        self.because = because
        super().__init__(f"{member}: {because}" if member else because)


class MalformedScores(VerifyError):
    """The bytes are no score table (`comity scores/1`)."""


class MalformedLabels(VerifyError):
    """The bytes are no labels (`comity labels/1`), or not those that were committed."""


class MalformedPlanFile(VerifyError):
    """The bytes are no plan whose numbers can be recomputed (`plan/1`, `plan/2`)."""


class MalformedDrawn(VerifyError):
    """The bytes do not open drawn rows (`comity drawn/1`)."""


class MalformedSealedFile(VerifyError):
    """The bytes are no sealed item (`comity sealed/1`)."""
