"""Estimates: how sure is this number?

A rate from a sample is a point with an interval, a method, a number of units and a count of what is
missing.  This package makes such values from counts, in pure Python: no SciPy, no NumPy, nothing of
ours, so that a third party who checks a result needs no more than this package.

    >>> print(wilson(72, 100, 0.95))
    72.0% (62.5%–79.9%, 95% wilson, n=100, missing 0)

There is no way to print the point alone.
"""

from comity.estimate.corrected import Corrected, Correction
from comity.estimate.drawn import Bets, Draw, Drawn, assisted_mean, drawn_interval, drawn_mean
from comity.estimate.estimate import Anytime, Estimate, Method
from comity.estimate.evidence import capital_of, decisive_p, e_of_p
from comity.estimate.foreseen import Foresight
from comity.estimate.frame import FRAME, Frame, Past, Placed, frame_of, history_digest, leak_in
from comity.estimate.functions import (
    EstimateError,
    beta_quantile,
    normal_quantile,
    regularised_beta,
    student_quantile,
)
from comity.estimate.judge import JudgeError, agreement, judge_error, rogan_gladen
from comity.estimate.mean import Mean, mean_of, paired_difference
from comity.estimate.multiple import benjamini_hochberg, e_bh, holm
from comity.estimate.paired import mean_test, sign_test
from comity.estimate.powered import powered_mean, powered_rate
from comity.estimate.proportion import clopper_pearson, jeffreys, wilson, worst_case
from comity.estimate.rare import pass_at_k, tries_needed, zero_event_bound
from comity.estimate.rate import estimate_rate
from comity.estimate.sampled import KINDS, SAMPLE_METHODS, Decided, Design, Sampled
from comity.estimate.sequence import Decision, betting_sequence, decide
from comity.estimate.stopping import Expected, Reached, Rule
from comity.estimate.strata import StrataMethod, Stratum, allocate, disproportion, estimate_strata
from comity.estimate.tries import best_of, best_over_bank
from comity.estimate.twosample import Comparison, Kind, compare, power_of, similarity

__all__ = [
    "FRAME",
    "KINDS",
    "SAMPLE_METHODS",
    "Anytime",
    "Bets",
    "Comparison",
    "Corrected",
    "Correction",
    "Decided",
    "Decision",
    "Design",
    "Draw",
    "Drawn",
    "Estimate",
    "EstimateError",
    "Expected",
    "Foresight",
    "Frame",
    "JudgeError",
    "Kind",
    "Mean",
    "Method",
    "Past",
    "Placed",
    "Reached",
    "Rule",
    "Sampled",
    "StrataMethod",
    "Stratum",
    "agreement",
    "allocate",
    "assisted_mean",
    "benjamini_hochberg",
    "best_of",
    "best_over_bank",
    "beta_quantile",
    "betting_sequence",
    "capital_of",
    "clopper_pearson",
    "compare",
    "decide",
    "decisive_p",
    "disproportion",
    "drawn_interval",
    "drawn_mean",
    "e_bh",
    "e_of_p",
    "estimate_rate",
    "estimate_strata",
    "frame_of",
    "history_digest",
    "holm",
    "jeffreys",
    "judge_error",
    "leak_in",
    "mean_of",
    "mean_test",
    "normal_quantile",
    "paired_difference",
    "pass_at_k",
    "power_of",
    "powered_mean",
    "powered_rate",
    "regularised_beta",
    "rogan_gladen",
    "sign_test",
    "similarity",
    "student_quantile",
    "tries_needed",
    "wilson",
    "worst_case",
    "zero_event_bound",
]
