"""What this package raises, under one root."""


class EvaluationError(Exception):
    """Root of what `comity.evaluation` raises for bad input or a failed exchange."""
