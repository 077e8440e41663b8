"""Report: what do we tell others, with which proof?

The numbers follow from the record (`numbers`), the page states them for people (`page`), and both travel with what
proves them in one file (`bundle`).  docs/reference/report.md describes the formats.

This package loads no charts at import time: only a page needs them.
"""

from comity.report.errors import NotReportable, ReportError

__all__ = ["NotReportable", "ReportError"]
