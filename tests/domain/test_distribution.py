"""Quantiles from buckets: never further from the truth than the bucket that holds it."""

import math
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.distribution import Distribution
from trading.metrics import BOUNDS_SECONDS

BOUNDS = (0.1, 0.2, 0.5, 1.0)
values = st.lists(st.floats(0, 1.0), min_size=1, max_size=60)
shares = st.floats(0, 1)


def of(found, bounds=BOUNDS):
    counts = [0] * (len(bounds) + 1)
    for value in found:
        counts[bisect_left(bounds, value)] += 1
    return Distribution(bounds=bounds, counts=tuple(counts), total=sum(found))


def bucket(value, bounds=BOUNDS):
    return bisect_left(bounds, value)


@given(values, shares)
def test_a_quantile_lies_in_the_bucket_of_the_true_one(found, share):
    rank = max(1, math.ceil(share * len(found)))
    true = sorted(found)[rank - 1]
    place = bucket(true)
    lower = BOUNDS[place - 1] if place else 0.0
    told = of(found).quantile(share)
    assert lower - 1e-9 <= told <= BOUNDS[place] + 1e-9


@given(values, shares, shares)
def test_a_larger_share_never_has_a_smaller_quantile(found, one, other):
    low, high = sorted((one, other))
    distribution = of(found)
    assert distribution.quantile(low) <= distribution.quantile(high) + 1e-9


@given(values)
def test_everything_is_within_the_ceiling_and_something_in_its_bucket(found):
    distribution = of(found)
    assert max(found) <= distribution.ceiling
    assert bucket(max(found)) == bucket(distribution.ceiling)


@given(values, values)
def test_what_came_since_is_what_was_added(earlier, later):
    before = of(earlier)
    after = before + of(later)
    assert after.since(before).counts == of(later).counts
    assert after.since(before).total == pytest.approx(sum(later), abs=1e-9)


@given(values, values)
def test_a_count_that_was_started_anew_never_becomes_negative(earlier, later):
    fresh = of(later).since(of(earlier))
    assert min(fresh.counts) >= 0
    assert fresh.total >= 0


@given(values, st.sampled_from(BOUNDS))
def test_the_share_within_a_bound_is_exact(found, bound):
    exact = sum(value <= bound for value in found) / len(found)
    assert of(found).share_within(bound) == pytest.approx(exact)


def test_values_even_within_their_bucket_give_the_middle():
    assert of([0.3, 0.4]).quantile(0.5) == pytest.approx(0.35)


def test_what_is_above_the_last_bound_is_told_as_the_last_bound():
    beyond = of([7.0, 9.0])
    assert beyond.quantile(0.99) == BOUNDS[-1]
    assert beyond.ceiling == math.inf
    assert beyond.share_within(1.0) == 0


def test_nothing_has_no_quantile_and_no_mean():
    nothing = of([])
    assert nothing.quantile(0.5) is nothing.mean is nothing.ceiling is None
    assert nothing.share_within(0.1) is None


def test_counts_that_do_not_fit_the_bounds_are_refused():
    with pytest.raises(ValueError, match="one count for every bound"):
        Distribution(bounds=BOUNDS, counts=(1, 2))


def test_the_bar_and_the_aim_are_bounds_of_their_own():
    assert {0.002, 0.005} <= set(BOUNDS_SECONDS)
    assert list(BOUNDS_SECONDS) == sorted(set(BOUNDS_SECONDS))
