"""WQS v2 is computed as published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.research.wqs import wqs_of_one

GOOD = {
    "roi_7d_pct": 15.0, "roi_30d_pct": 45.0, "trades": 127, "consistency": 0.65, "win_rate": None,
    "drawdown_pct": 8.5,
}  # fmt: skip

records = st.fixed_dictionaries(
    {
        "roi_7d_pct": st.floats(-100, 1e4),
        "roi_30d_pct": st.floats(-100, 1e4),
        "trades": st.integers(0, 500),
        "consistency": st.none() | st.floats(0, 1),
        "win_rate": st.floats(0, 1),
        "drawdown_pct": st.floats(0, 100),
    }
)


def test_the_published_check_value():
    assert wqs_of_one(**GOOD) == pytest.approx(77.55)


@pytest.mark.parametrize(
    ("change", "score"),
    [
        ({"drawdown_pct": 18.5}, 75.55),
        ({"trades": 49}, 72.55),
        ({"trades": 19}, 74.25 / 2 - 1.7),  # halved before the drawdown is taken off
        ({"roi_7d_pct": 91.0}, 62.55),
        ({"roi_7d_pct": 90.0}, 77.55),
        ({"roi_30d_pct": 400.0}, 91.3),
        ({"roi_30d_pct": -500.0}, 0.0),
        ({"consistency": None, "win_rate": 0.6}, 50 + 11.25 + 9 - 1.7 + 5),
        ({"roi_30d_pct": 400.0, "consistency": 1.0, "drawdown_pct": 0.0}, 100.0),
    ],
)
def test_each_term_counts_as_written(change, score):
    assert wqs_of_one(**GOOD | change) == pytest.approx(score)


@pytest.mark.parametrize(
    "gap",
    [{"roi_30d_pct": np.nan}, {"drawdown_pct": np.nan}, {"consistency": None}],
)
def test_no_data_is_no_score(gap):
    assert wqs_of_one(**GOOD | gap) is None


@given(records)
def test_a_score_stays_within_its_bounds(record):
    assert 0 <= wqs_of_one(**record) <= 100


@given(records, st.floats(0, 100))
def test_more_drawdown_never_raises_a_score(record, more):
    worse = record | {"drawdown_pct": min(record["drawdown_pct"] + more, 100)}
    assert wqs_of_one(**worse) <= wqs_of_one(**record)


@given(records, st.floats(0, 1))
def test_more_consistency_never_lowers_a_score(record, better):
    low, high = sorted((record["consistency"] or 0.0, better))
    better_score = wqs_of_one(**record | {"consistency": high})
    assert wqs_of_one(**record | {"consistency": low}) <= better_score


@given(records, st.integers(0, 500))
def test_more_trades_never_lower_a_score(record, more):
    assert wqs_of_one(**record) <= wqs_of_one(**record | {"trades": record["trades"] + more})
