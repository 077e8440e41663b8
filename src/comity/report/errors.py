"""What keeps a report from being made."""

__all__ = ["NotReportable", "ReportError"]


class ReportError(Exception):
    """The report room cannot do what was asked; the text says what was expected and what came."""


class NotReportable(ReportError):
    """Ledger, plan and score table do not yet, or do not together, carry a report about this run."""
