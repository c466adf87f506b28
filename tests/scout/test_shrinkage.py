"""Skill is told from luck by how much a record says, and forgotten when it is contradicted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.research.admission import expected_by_luck, q_values
from scout.research.shrinkage import Population, paule_mandel, population_of, posterior_of

POPULATION = Population(mean=0.0, spread=0.1, share=0.2, noise=1.0)
HAZARD = 0.04


def expected(sums: list[float], counts: list[float]) -> float:
    found = posterior_of(np.array([sums]), np.array([counts], float), POPULATION, hazard=HAZARD)
    return float(found.expected[0])


def test_paule_and_mandel_find_the_spread_that_is_there():
    rng = np.random.default_rng(1)
    variances = rng.uniform(0.005, 0.1, 4_000)
    means = rng.normal(0, 0.3, 4_000) + rng.normal(0, np.sqrt(variances))
    assert paule_mandel(means, variances) == pytest.approx(0.09, rel=0.1)
    assert paule_mandel(rng.normal(0, np.sqrt(variances)), variances) < 0.002
    assert paule_mandel(means[:1], variances[:1]) == 0.0


def test_a_population_without_skill_gives_nobody_any():
    rng = np.random.default_rng(2)
    trades = np.full(500, 100.0)
    found = population_of(rng.normal(-0.05, 0.1, 500), trades, noise=1.0)
    assert found.mean == pytest.approx(-0.05, abs=0.01)
    assert found.share * found.spread < 0.002


def test_a_population_with_some_skilled_says_how_many():
    rng = np.random.default_rng(3)
    true = np.where(np.arange(1_000) < 200, rng.normal(0.5, 0.1, 1_000), 0.0)
    found = population_of(true + rng.normal(0, 0.1, 1_000), np.full(1_000, 100.0), noise=1.0)
    assert 0.15 < found.share < 0.4


def test_the_expectation_lies_between_the_record_and_the_population():
    assert 0 < expected([10.0, 10.0], [20, 20]) < 0.5
    assert expected([0.0], [0]) == pytest.approx(POPULATION.mean, abs=1e-9)


@given(st.floats(-20, 20), st.floats(0, 5))
def test_a_better_record_never_lowers_the_expectation_of_a_good_one(total, more):
    good = max(total, 0.0)
    assert expected([good + more, 5.0], [20, 20]) >= expected([good, 5.0], [20, 20]) - 1e-9


def test_old_success_is_forgotten_when_newer_trades_contradict_it():
    weeks = np.full((2, 16), 15.0)
    sums = np.array([[8.0] * 16, [0.0] * 8 + [8.0] * 8])  # the latest first
    found = posterior_of(sums, weeks, POPULATION, hazard=HAZARD)
    assert found.skilled[0] > 0.95
    assert found.ended[1] > 0.9
    assert found.skilled[1] < 0.1


def test_a_q_value_is_the_share_of_mistakes_among_all_who_are_as_sure():
    found = q_values(np.array([0.99, np.nan, 0.9, 0.9, 0.5]))
    assert found[[0, 2, 3, 4]] == pytest.approx([0.01, 0.07, 0.07, 0.71 / 4])
    assert np.isnan(found[1])


def test_luck_is_counted_over_all_that_were_judged():
    assert expected_by_luck(np.array([0.01, np.nan, 0.5]))[0] == pytest.approx(0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_who_is_surer_never_has_a_larger_q_value(p_positive):
    found = q_values(np.array(p_positive))
    order = np.argsort(p_positive, kind="stable")[::-1]
    assert (np.diff(found[order]) >= -1e-12).all()
    assert (found <= 1 - np.array(p_positive) + 1e-12).all()
