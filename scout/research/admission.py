"""Whom to admit when many are judged at once: false-discovery control."""

import numpy as np

DISCOVERY_RATE = 0.10


def q_values(p_values: np.ndarray) -> np.ndarray:
    """Benjamini & Hochberg 1995: the false-discovery rate at which each would just be admitted.

    NaN stays NaN and does not count as a test.
    """
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    tests = len(order)
    raw = p_values[order] * tests / np.arange(1, tests + 1)
    result = np.full(len(p_values), np.nan)
    result[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return result


def expected_by_luck(p_values: np.ndarray) -> np.ndarray:
    """How many of all tested would have a record as good as each, if none were worth copying."""
    return np.asarray(p_values * np.sum(~np.isnan(p_values)))
