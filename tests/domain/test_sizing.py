"""How much a buy may spend: what was asked for, cut to every cap, never rounded up."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.leaders import CopySettings, SizeMode
from trading.domain.policy import Policy
from trading.domain.sizing import size_lamports, wanted_lamports
from trading.domain.values import LAMPORTS_PER_SOL as SOL

POLICY = Policy()


def size(**changes: Any) -> int:
    values: dict[str, Any] = {
        "requested_lamports": SOL // 2,
        "policy": POLICY,
        "balance_lamports": 50 * SOL,
        "held_in_token_lamports": 0,
        "liquidity_usd": Decimal(400_000),
        "sol_price_usd": Decimal(150),
    }
    return size_lamports(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "lamports"),
    [
        ({}, SOL // 2),
        ({"requested_lamports": 30 * SOL}, SOL),
        ({"requested_lamports": SOL, "held_in_token_lamports": 3 * SOL // 2}, SOL // 2),
        ({"balance_lamports": SOL // 2}, SOL // 2 - SOL // 20),
        ({"liquidity_usd": Decimal(3_000)}, SOL // 5),
        ({"requested_lamports": SOL // 100}, SOL // 100),
        ({"requested_lamports": SOL // 100 - 1}, 0),
        ({"balance_lamports": SOL // 20}, 0),
        ({"balance_lamports": 0}, 0),
        ({"balance_lamports": -SOL}, 0),
        ({"held_in_token_lamports": 2 * SOL}, 0),
        ({"held_in_token_lamports": 9 * SOL}, 0),
        ({"liquidity_usd": Decimal(0)}, 0),
        ({"liquidity_usd": None}, 0),
        ({"sol_price_usd": None}, 0),
        ({"sol_price_usd": Decimal(0)}, 0),
        ({"sol_price_usd": Decimal(-1)}, 0),
    ],
)
def test_the_smallest_cap_decides_and_below_the_minimum_nothing_is_bought(
    changes: dict[str, Any], lamports: int
) -> None:
    assert size(**changes) == lamports


caps = st.fixed_dictionaries(
    {
        "requested_lamports": st.integers(0, 200 * SOL),
        "balance_lamports": st.integers(-SOL, 200 * SOL),
        "held_in_token_lamports": st.integers(0, 5 * SOL),
        "liquidity_usd": st.decimals(0, 10**8, places=2),
        "sol_price_usd": st.decimals("0.01", 10_000, places=2),
    }
)


@given(caps)
def test_no_size_is_above_any_cap_or_between_nothing_and_the_minimum(
    values: dict[str, Any],
) -> None:
    result = size(**values)
    assert result == 0 or result >= POLICY.minimum_trade_lamports
    if result:
        pool_lamports = values["liquidity_usd"] / values["sol_price_usd"] * SOL
        assert result <= values["requested_lamports"]
        assert result <= POLICY.maximum_trade_lamports
        assert result <= values["balance_lamports"] - POLICY.reserve_lamports
        assert result <= POLICY.maximum_per_token_lamports - values["held_in_token_lamports"]
        assert result <= pool_lamports / 100


@given(caps, st.integers(1, 10 * SOL))
def test_more_balance_never_means_a_smaller_trade(values: dict[str, Any], more: int) -> None:
    richer = {**values, "balance_lamports": values["balance_lamports"] + more}
    assert size(**richer) >= size(**values)


settings = st.builds(
    CopySettings,
    size_mode=st.sampled_from(SizeMode),
    size_lamports=st.none() | st.integers(1, 50 * SOL),
    size_bps=st.integers(1, 10_000),
    minimum_size_lamports=st.none() | st.integers(1, SOL),
    maximum_size_lamports=st.none() | st.integers(1, 5 * SOL),
)


@given(settings, caps, st.integers(0, 100 * SOL), st.none() | st.integers(0, 10_000))
def test_whatever_the_settings_a_size_keeps_their_bounds_and_the_policys(
    copying: CopySettings, values: dict[str, Any], capital: int, quality_bps: int | None
) -> None:
    wanted = wanted_lamports(
        copying,
        leader_trade_lamports=values["requested_lamports"],
        capital_lamports=capital,
        quality_bps=quality_bps,
    )
    least = copying.minimum_size_lamports or 0
    result = size(**{**values, "requested_lamports": wanted, "minimum_lamports": least})
    assert result == 0 or max(POLICY.minimum_trade_lamports, least) <= result
    assert result <= wanted
    assert result <= min(copying.maximum_size_lamports or SOL, POLICY.maximum_trade_lamports)
    if copying.size_mode is SizeMode.PERCENT_OF_CAPITAL:
        assert result <= capital
    if copying.size_mode is SizeMode.QUALITY:
        assert result <= (copying.size_lamports or 0)
        assert quality_bps or not result


@given(settings, st.integers(-SOL, 0), st.integers(0, 100 * SOL))
def test_without_capital_nothing_is_bought(
    copying: CopySettings, capital: int, leader_trade: int
) -> None:
    wanted = wanted_lamports(copying, leader_trade_lamports=leader_trade, capital_lamports=capital)
    assert wanted >= 0
    assert size(requested_lamports=wanted, balance_lamports=capital) == 0
