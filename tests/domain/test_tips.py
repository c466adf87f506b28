"""What a place in the block is worth to us: market and own tips joined, between the policy's floor and ceiling."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.facts import NOW, SOL, facts, request
from trading.domain.decision import Order, decide
from trading.domain.policy import ENGINE_MINIMUM_TIP_LAMPORTS, Policy
from trading.domain.tips import LEAST_SAMPLES, TipFloor, exit_tip_lamports, price_tip

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
OWN = tuple(range(4_000_000, 4_100_000, 1_000))
"""One hundred tips of ours, a little apart."""


def flat(lamports: int) -> TipFloor:
    return TipFloor(
        p25_lamports=lamports,
        p50_lamports=lamports,
        p75_lamports=lamports,
        p95_lamports=lamports,
        p99_lamports=lamports,
        ema50_lamports=lamports,
    )


def tip(**how: object) -> int:
    return price_tip(**{"policy": POLICY, "percentile": 50, "market": MARKET, **how}).lamports


@pytest.mark.parametrize(
    ("percentile", "lamports"),
    [(25, 1_000_000), (50, 2_000_000), (75, 3_000_000), (95, 5_000_000), (99, HIGH)],
)
def test_the_markets_percentile_is_paid_up_to_the_ceiling(percentile: int, lamports: int) -> None:
    assert tip(percentile=percentile) == lamports


def test_a_cheap_market_is_paid_the_policys_floor() -> None:
    assert tip(market=flat(10)) == LOW
    assert tip(market=flat(0)) == LOW


@pytest.mark.parametrize(("percentile", "own"), [(25, 4_024_000), (50, 4_049_000), (75, 4_074_000)])
def test_the_mean_of_the_market_and_of_our_own_landed_tips_is_paid(
    percentile: int, own: int
) -> None:
    price = price_tip(policy=POLICY, percentile=percentile, market=MARKET, own_landed=OWN)
    market = MARKET.percentile(percentile)
    assert (price.market_lamports, price.own_lamports, price.own_samples) == (market, own, 100)
    assert price.lamports == (market + own) // 2


def test_fewer_than_ten_of_our_own_count_for_nothing() -> None:
    assert tip(own_landed=OWN[: LEAST_SAMPLES - 1]) == MARKET.p50_lamports
    assert tip(own_landed=OWN[:LEAST_SAMPLES]) > MARKET.p50_lamports


def test_without_a_market_our_own_stand_alone() -> None:
    assert tip(market=None, own_landed=OWN) == 4_049_000


def test_knowing_nothing_twice_the_floor_is_paid_not_the_ceiling() -> None:
    assert tip(market=None) == 2 * LOW
    assert tip(market=None, own_landed=OWN[:9]) == 2 * LOW


def test_what_once_was_paid_is_not_held_on_to() -> None:
    """A spike is over: tip by tip ours come back to the market, whatever was paid before."""
    market, landed = flat(2_000_000), [9_000_000] * 100
    for _ in range(1_500):
        landed = [*landed[1:], tip(market=market, own_landed=landed)]
    assert landed[-1] == pytest.approx(2_000_000, rel=0.05)


def test_a_leaders_fixed_tip_stands_for_all_and_stays_within_the_bounds() -> None:
    assert tip(fixed_lamports=3_333_333, own_landed=OWN) == 3_333_333
    assert tip(fixed_lamports=0) == LOW
    assert tip(fixed_lamports=10 * HIGH) == HIGH


def test_every_retry_offers_a_fifth_more_until_the_ceiling() -> None:
    tips = [tip(attempt=attempt) for attempt in (1, 2, 3, 4, 20, 1_000_000)]
    assert tips == [2_000_000, 2_400_000, 2_880_000, 3_456_000, HIGH, HIGH]


def test_a_percentile_that_nobody_publishes_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such percentile: 60"):
        MARKET.percentile(60)


POLICIES = st.builds(
    lambda low, more, share: replace(
        POLICY, minimum_tip_lamports=low, maximum_tip_lamports=low + more, maximum_tip_bps=share
    ),
    st.integers(ENGINE_MINIMUM_TIP_LAMPORTS, 10**8),
    st.integers(0, 10**9),
    st.integers(0, 10_000),
)
PRICES = st.fixed_dictionaries(
    {
        "percentile": st.sampled_from([25, 50, 75, 95, 99]),
        "market": st.none() | st.integers(0, 10**12).map(flat),
        "own_landed": st.lists(st.integers(1, 10**12), max_size=100),
        "fixed_lamports": st.none() | st.integers(0, 10**12),
        "attempt": st.integers(1, 60),
    }
)


@given(policy=POLICIES, how=PRICES)
def test_no_tip_is_outside_the_policys_bounds_and_a_retry_never_offers_less(
    policy: Policy, how: dict
) -> None:
    first = price_tip(policy=policy, **how).lamports
    again = price_tip(policy=policy, **{**how, "attempt": how["attempt"] + 1}).lamports
    assert policy.minimum_tip_lamports <= first <= again <= policy.maximum_tip_lamports


@given(policy=POLICIES, how=PRICES, proceeds=st.integers(0, 10**12))
def test_an_exits_tip_is_within_its_share_of_the_proceeds_or_not_paid_at_all(
    policy: Policy, how: dict, proceeds: int
) -> None:
    price = price_tip(policy=policy, **how)
    paid = exit_tip_lamports(price, proceeds_lamports=proceeds, policy=policy)
    assert paid <= min(price.lamports, proceeds * policy.maximum_tip_bps // 10_000)
    assert paid == 0 or paid >= ENGINE_MINIMUM_TIP_LAMPORTS


@given(policy=POLICIES, how=PRICES, size=st.integers(SOL // 100, SOL))
def test_no_buy_is_ordered_with_a_tip_above_any_cap(policy: Policy, how: dict, size: int) -> None:
    price = price_tip(policy=policy, **how)
    asked = facts(signal=request(amount_lamports=size), tip_lamports=price.lamports, tip=price)
    decision = decide(asked, policy=policy, now=NOW)
    if isinstance(decision, Order):
        assert price.lamports <= policy.maximum_tip_lamports
        assert price.lamports * 10_000 <= decision.size_lamports * policy.maximum_tip_bps
    else:
        assert decision.code in ("TIP_TOO_HIGH", "COST_TOO_HIGH")
