"""Figures per group for rows that carry the number of their group."""

import numpy as np


def total(values: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """Sum of `values` in each of the groups 0 … count−1."""
    # Without any row the answer would be integers.
    return np.bincount(group, weights=values, minlength=count).astype(float, copy=False)


def number(group: np.ndarray, count: int) -> np.ndarray:
    """Rows in each group, as floats."""
    return np.bincount(group, minlength=count).astype(float)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where the whole is 0."""
    return np.asarray(np.where(whole != 0, part, np.nan) / np.where(whole != 0, whole, 1.0))


def median(values: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """Lower median of the known values in each group; NaN where none is known."""
    known = ~np.isnan(values)
    values, group = values[known], group[known]
    order = np.lexsort((values, group))
    sizes = np.bincount(group, minlength=count)
    middle = np.r_[0, np.cumsum(sizes)[:-1]] + np.maximum(sizes - 1, 0) // 2
    result = np.full(count, np.nan)
    has = sizes > 0
    result[has] = values[order][middle[has]]
    return result


def extreme(values: np.ndarray, group: np.ndarray, count: int, *, largest: bool) -> np.ndarray:
    """Largest or smallest value in each group; NaN in an empty one."""
    result = np.full(count, -np.inf if largest else np.inf)
    (np.maximum if largest else np.minimum).at(result, group, values)
    return np.asarray(np.where(np.isinf(result), np.nan, result))
