"""Evaluation: which calls teach most, and what did we learn?

A plan says beforehand what will be asked and how it will be judged (`plan`).  Its digest enters the
arrangement's ledger before the first call.  A run executes it with Inspect, which reaches the model
through a gateway's URL and in no other way (`engine`).  What the engine's log says is then read with
care (`reading`), compared with what the ledger says (`reconciliation`), and committed as a table of
scores (`scores`).

This package imports no engine at import time: Inspect takes seconds to load, and only a run needs it.
"""

from comity.evaluation.errors import EvaluationError

__all__ = ["EvaluationError"]
