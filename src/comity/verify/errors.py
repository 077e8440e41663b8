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
