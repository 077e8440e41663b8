"""What the error is read by: the gain that history would give if nothing had to be learned from the answers.

The predictor explains a model's outcomes by directions in which earlier models differ, and learns how far the model
goes along each from the answers that it pays for.  Here the coefficients are fitted by least squares to all outcomes
of the bank, those included that no run would ask for.  No other coefficients leave a smaller squared residual on that
bank, so this is the best that simple random sampling with the difference estimator can do with these directions (C.-E.
Särndal et al., 1992).  Drawn in proportion to √(f (1 − f)), without the share that a run draws equally, the same
residuals count by what they are divided by (J. Neyman, 1934).  The better of the two is printed.

Nobody has it before the last answer, so it is no design.  It is no bound either on predictions that are not linear in
these directions, or on a run whose weights happen to suit its residuals better.
"""

from typing import Final

import numpy as np
from benchmarks.learning.cells import queries_for
from benchmarks.learning.matrices import Target

from comity.evaluation.predictor import Predictor
from comity.evaluation.sampling import FLOOR

__all__ = ["gain_in_hindsight"]

LEAST: Final = 1e-12


def gain_in_hindsight(target: Target, queries: int, spread: float) -> float:
    """How many times as many queries a design needs that pays `spread`, for the error that hindsight has."""
    predictor = Predictor(target.history, target.topics)
    bank = len(target.outcomes)
    columns = np.column_stack([predictor.base, predictor.columns])
    coefficients = np.linalg.lstsq(columns, target.outcomes, rcond=None)[0]
    foreseen = columns @ coefficients
    squares = (target.outcomes - foreseen) ** 2
    sure = np.clip(foreseen, FLOOR, 1.0 - FLOOR)
    share = np.sqrt(sure * (1.0 - sure))
    residual = min(float(squares.mean()), float((squares * share.mean() / share).mean()))
    return queries_for(max(residual * (1 / queries - 1 / bank), LEAST), spread, bank) / queries
