"""What a place in the block is worth to us: the market's percentile between the policy's floor and ceiling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.policy import Policy
from trading.domain.tips import TipFloor, tip_lamports

POLICY = Policy()
LOW, HIGH = POLICY.minimum_tip_lamports, POLICY.maximum_tip_lamports
MARKET = TipFloor(
    p25_lamports=1_000_000,
    p50_lamports=2_000_000,
    p75_lamports=3_000_000,
    p95_lamports=5_000_000,
    p99_lamports=90_000_000,
    ema50_lamports=2_100_000,
)


@pytest.mark.parametrize(
    ("percentile", "lamports"),
    [(25, 1_000_000), (50, 2_000_000), (75, 3_000_000), (95, 5_000_000), (99, HIGH)],
)
def test_the_markets_percentile_is_paid_up_to_the_ceiling(percentile: int, lamports: int) -> None:
    assert tip_lamports(policy=POLICY, percentile=percentile, floor=MARKET) == lamports


def test_a_cheap_market_is_paid_the_policys_floor() -> None:
    cheap = TipFloor(
        p25_lamports=5,
        p50_lamports=10,
        p75_lamports=20,
        p95_lamports=30,
        p99_lamports=40,
        ema50_lamports=10,
    )
    assert tip_lamports(policy=POLICY, percentile=50, floor=cheap) == LOW


def test_without_a_market_twice_the_floor_is_paid_not_the_ceiling() -> None:
    assert tip_lamports(policy=POLICY, percentile=50, floor=None) == 2 * LOW


def test_every_retry_offers_a_fifth_more_until_the_ceiling() -> None:
    tips = [
        tip_lamports(policy=POLICY, percentile=50, floor=MARKET, attempt=attempt)
        for attempt in (1, 2, 3, 4, 20, 1_000)
    ]
    assert tips == [2_000_000, 2_400_000, 2_880_000, 3_456_000, HIGH, HIGH]


def test_a_percentile_that_nobody_publishes_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such percentile: 60"):
        MARKET.percentile(60)


@given(
    percentile=st.sampled_from([25, 50, 75, 95, 99]),
    lamports=st.none() | st.integers(0, 10**12),
    attempt=st.integers(1, 60),
)
def test_no_tip_is_outside_the_policys_bounds(
    percentile: int, lamports: int | None, attempt: int
) -> None:
    floor = lamports and TipFloor(
        p25_lamports=lamports,
        p50_lamports=lamports,
        p75_lamports=lamports,
        p95_lamports=lamports,
        p99_lamports=lamports,
        ema50_lamports=lamports,
    )
    tip = tip_lamports(policy=POLICY, percentile=percentile, floor=floor or None, attempt=attempt)
    again = tip_lamports(
        policy=POLICY, percentile=percentile, floor=floor or None, attempt=attempt + 1
    )
    assert LOW <= tip <= again <= HIGH
