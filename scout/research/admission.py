"""Whom to admit when many are judged at once: false-discovery control."""

import numpy as np

DISCOVERY_RATE = 0.10
CERTAIN_ENOUGH = 0.8
"""P(net return per copy > 0) demanded of each by itself."""
LEAST_EVIDENCE = 0.05
"""Largest p-value of a wallet's own record: no population's good name stands in for it."""


def q_values(p_positive: np.ndarray) -> np.ndarray:
    """The false-discovery rate at which each would just be admitted: the mean probability of not
    being worth it among all who are at least as sure (Storey 2003; Efron 2008).

    These probabilities have seen the whole population: who shares it with many lucky ones needs a
    better record. NaN stays NaN.
    """
    known = np.flatnonzero(~np.isnan(p_positive))
    order = known[np.argsort(-p_positive[known], kind="stable")]
    rates = np.cumsum(1 - p_positive[order]) / np.arange(1, len(order) + 1)
    # Who is equally sure is admitted together.
    last = np.searchsorted(-p_positive[order], -p_positive[order], side="right") - 1
    result = np.full(len(p_positive), np.nan)
    result[order] = rates[last]
    return result


def expected_by_luck(p_values: np.ndarray) -> np.ndarray:
    """How many of all tested would have a record as good as each, if none were worth copying."""
    return np.asarray(p_values * np.sum(~np.isnan(p_values)))
