"""One copied trade after another, by hand: what is bought, when it is sold and why, and what is left."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from scout.research.backtest import Backtest, backtest_of
from scout.research.replay import replay
from scout.research.setting import Assumptions, Setting
from trading.domain.leaders import ExitMode, Following
from trading.domain.policy import Policy

from .markets import history
from .swaps import T0

HOUR = 3_600
FREE = Assumptions(
    pool_fee_bps=0, mev_bps=0, network_fee_lamports=0, adverse_bps=0, delay_seconds=0
)
DEEP = {"liquidity_usd": 1e12}
"""So deep that our own impact is less than a lamport."""


def run(*rows: dict, setting: Setting | None = None, **options) -> Backtest:
    trades = history(*({**DEEP, **row} for row in rows))
    done = replay(trades, setting=setting or Setting(assumptions=FREE), **options)
    return backtest_of(done, trades, wallet="W1")


def sold(*, ts: int, price: float, tokens: float = 1_000.0, **more) -> dict:
    return {
        "side": "SELL", "ts": ts, "price_sol": price, "price_after_sol": price,
        "token_amount": tokens, "sol_amount": tokens * price, **more,
    }  # fmt: skip


def seen(*, ts: int, price: float, **more) -> dict:
    """A price that somebody else's swap shows."""
    return {"wallet": "W2", "ts": ts, "price_sol": price, "price_after_sol": price, **more}


def reasons(result: Backtest) -> list[list[str]]:
    return [[sale.reason for sale in copy.sales] for copy in result.copies]


def test_a_leaders_sale_is_followed_at_the_price_that_a_follower_meets():
    result = run({}, sold(ts=T0 + HOUR, price=0.0011))
    (copy,) = result.copies
    assert reasons(result) == [["LEADER_SOLD"]]
    assert (copy.opened_at, copy.closed_at, copy.size_lamports) == (T0, T0 + HOUR, 500_000_000)
    assert copy.pnl_lamports == pytest.approx(50_000_000 - 2_000_000, abs=1_000)
    assert copy.costs["tips"] == 2_000_000


def test_the_delay_is_paid_for():
    """The leader bought at 0.001 and sold at 0.0011; a moment later it was 0.00102 and 0.00105."""
    late = run(
        {"price_after_sol": 0.00102}, sold(ts=T0 + HOUR, price=0.0011, price_after_sol=0.00105)
    )
    (copy,) = late.copies
    assert copy.costs["delay"] == pytest.approx(490_196_078 * (0.02 + 0.05), rel=1e-3)
    assert late.gross_lamports - sum(late.costs.values()) == late.pnl_lamports


def test_without_a_recorded_quote_the_price_is_assumed_to_get_worse_both_ways():
    given = replace(FREE, adverse_bps=100)
    rows = ({"price_after_sol": None}, sold(ts=T0 + HOUR, price=0.001, price_after_sol=None))
    (copy,) = run(*rows, setting=Setting(assumptions=given)).copies
    assert copy.entry_price_sol == pytest.approx(0.00101)
    assert copy.sales[0].price_sol == pytest.approx(0.00099)


def test_a_hard_stop_fires_at_the_first_price_seen_below_it():
    result = run({}, seen(ts=T0 + 60, price=0.000925), seen(ts=T0 + 120, price=0.0009))
    assert reasons(result) == [["HARD_STOP"]]
    assert result.copies[0].closed_at == T0 + 120
    assert result.copies[0].sales[0].price_sol == 0.0009


def test_the_ladder_sells_a_third_of_the_rest_at_each_rung_and_the_trailing_stop_the_rest():
    result = run(
        {},
        seen(ts=T0 + 60, price=0.00126),
        seen(ts=T0 + 90, price=0.00151),
        seen(ts=T0 + 120, price=0.00135),
    )
    assert reasons(result) == [["TAKE_PROFIT", "TAKE_PROFIT", "TRAILING_STOP"]]
    shares = [sale.tokens / result.copies[0].tokens for sale in result.copies[0].sales]
    assert shares == pytest.approx([1 / 3, 2 / 9, 4 / 9], abs=1e-6)


def test_time_runs_out_between_two_prices_with_the_older_one():
    day = 24 * HOUR
    result = run({}, seen(ts=T0 + HOUR, price=0.00102), seen(ts=T0 + 2 * day, price=0.5))
    assert reasons(result) == [["TIME_LIMIT"]]
    assert result.copies[0].closed_at == T0 + day
    assert result.copies[0].sales[0].price_sol == 0.00102


def test_a_spear_in_profit_outlives_the_time_limit_until_it_loses():
    day = 24 * HOUR
    result = run(
        {},
        seen(ts=T0 + HOUR, price=0.0012),
        seen(ts=T0 + 2 * day, price=0.0011),
        seen(ts=T0 + 3 * day, price=0.00099),
        setting=Setting(strategy="SPEAR", assumptions=FREE),
    )
    assert reasons(result) == [["TIME_LIMIT"]]
    assert result.copies[0].closed_at == T0 + 3 * day


def test_falling_liquidity_sells_whatever_the_price_says():
    result = run({}, seen(ts=T0 + HOUR, price=0.001, liquidity_usd=0.49e12))
    assert reasons(result) == [["LIQUIDITY_DROP"]]
    nothing_known = run({}, seen(ts=T0 + HOUR, price=0.001, liquidity_usd=None))
    assert reasons(nothing_known) == [["STILL_OPEN"]]


def test_part_of_the_leaders_holding_sold_is_the_same_part_of_ours_and_the_follow_ratio_scales_it():
    rows = (
        {},
        sold(ts=T0 + 60, price=0.001, tokens=250.0),
        sold(ts=T0 + 120, price=0.001, tokens=750.0),
    )
    (copy,) = run(*rows).copies
    assert [sale.tokens / copy.tokens for sale in copy.sales] == pytest.approx([0.25, 0.75])
    half = Setting(assumptions=FREE, following=Following(follow_bps=5_000))
    (copy,) = run(*rows, setting=half).copies
    assert [sale.tokens / copy.tokens for sale in copy.sales] == pytest.approx(
        [0.125, 0.4375, 0.4375]
    )
    assert copy.reason == "STILL_OPEN"


def test_with_own_exits_the_leaders_sale_is_not_followed_and_with_mirrored_ones_no_profit_is_taken():
    rows = ({}, seen(ts=T0 + 30, price=0.0013), sold(ts=T0 + 60, price=0.0013))
    own = Setting(assumptions=FREE, following=Following(exit_mode=ExitMode.OWN))
    assert reasons(run(*rows, setting=own)) == [["TAKE_PROFIT", "STILL_OPEN"]]
    mirror = Setting(assumptions=FREE, following=Following(exit_mode=ExitMode.MIRROR))
    assert reasons(run(*rows, setting=mirror)) == [["LEADER_SOLD"]]


def test_a_refused_entry_removes_its_exit_too():
    result = run({"liquidity_usd": 9_000.0}, sold(ts=T0 + 60, price=0.002))
    assert (result.copies, result.pnl_lamports) == ((), 0)
    assert result.refusals == {"LIQUIDITY_TOO_LOW": 1}


def test_what_is_held_is_not_bought_again_and_after_the_sale_comes_a_cooldown():
    result = run(
        {},
        {"ts": T0 + 10},
        sold(ts=T0 + 100, price=0.001, tokens=2_000.0),
        {"ts": T0 + 130},
        {"ts": T0 + 160},
    )
    assert [copy.opened_at - T0 for copy in result.copies] == [0, 160]
    assert [(each.code, each.at - T0) for each in result.refused] == [
        ("ALREADY_HELD", 10),
        ("REENTRY_COOLDOWN", 130),
    ]
    assert (result.chances, result.repeated) == (2, 2)


def test_no_more_positions_at_once_than_the_policy_allows():
    rows = [{"ts": T0 + n, "token": f"T{n}"} for n in range(4)]
    result = run(*rows, setting=Setting(assumptions=FREE, policy=Policy(maximum_positions=3)))
    assert [each.code for each in result.refused] == ["TOO_MANY_POSITIONS"]


def test_what_is_open_at_the_end_is_marked_with_the_costs_of_getting_out():
    given = replace(FREE, pool_fee_bps=30, mev_bps=20)
    result = run({}, seen(ts=T0 + 60, price=0.00105), setting=Setting(assumptions=given))
    assert reasons(result) == [["STILL_OPEN"]]
    left = 500_000_000 * 0.997 * 1.05 * 0.997 * 0.998
    assert result.pnl_lamports == pytest.approx(left - 500_000_000 - 2_000_000, abs=100)


def test_a_token_that_became_a_rug_later_still_counts_in_the_past_it_belonged_to():
    rows = ({}, sold(ts=T0 + 60, price=0.00105))
    before = run(*rows)
    after = run(*rows, seen(ts=T0 + HOUR, price=1e-9, liquidity_usd=1.0))
    assert before.copies == after.copies


def test_prices_known_from_elsewhere_fire_stops_too():
    trades = history({**DEEP})
    others = trades[["token"]].assign(
        ts=T0 + 600, price_sol=0.0005, liquidity_usd=1e12, sol_price_usd=150.0
    )
    done = replay(trades, setting=Setting(assumptions=FREE), others=others, until=T0 + HOUR)
    assert reasons(backtest_of(done, trades, wallet="W1")) == [["HARD_STOP"]]


def test_an_unknown_price_of_sol_is_refused_unless_one_is_assumed():
    assert run({"sol_price_usd": None}).refusals == {"LIQUIDITY_UNKNOWN": 1}
    given = Setting(assumptions=replace(FREE, sol_price_usd=150.0))
    assert len(run({"sol_price_usd": None}, setting=given).copies) == 1


def test_a_token_whose_age_nobody_tells_is_old_enough_once_it_was_traded_that_long():
    assert run({"token_created_ts": None}).refusals == {"TOKEN_AGE_UNKNOWN": 1}
    known = run(seen(ts=T0 - 1_800, price=0.001, token_created_ts=None), {"token_created_ts": None})
    assert len(known.copies) == 1


def test_sales_without_buys_and_wallets_that_never_bought_are_no_trades():
    result = run(sold(ts=T0, price=0.001))
    assert (result.buys, result.copies, result.curve) == (0, (), ())
    assert result.verdict == "INSUFFICIENT_TRADES"


def test_a_wallet_without_a_swap_is_not_found():
    trades = history({})
    with pytest.raises(LookupError, match="STRANGER"):
        backtest_of(replay(trades, setting=Setting()), trades, wallet="STRANGER")


def test_impact_is_that_of_the_pool_at_the_time():
    """0.5 SOL into a pool with 500 SOL on its side moves the average price by 0.1 %."""
    thin = {"liquidity_usd": 150_000.0}
    (copy,) = run(thin, setting=Setting(assumptions=FREE)).copies
    assert copy.entry_price_sol == pytest.approx(0.001 * (1 + 0.5 / 500))
    value = 500 * np.float64(copy.tokens * 0.001) / (500 + copy.tokens * 0.001)
    assert copy.sales[0].proceeds_lamports == pytest.approx(float(Decimal(value)) * 1e9, abs=2)


def test_the_size_is_cut_to_a_hundredth_of_the_pool_and_to_nothing_below_the_minimum():
    size = run(
        {"liquidity_usd": 15_000.0}, setting=Setting(assumptions=replace(FREE, size_lamports=10**9))
    )
    assert [copy.size_lamports for copy in size.copies] == [10**9]
    policy = Policy(maximum_pool_share_bps=10)
    cut = run({"liquidity_usd": 15_000.0}, setting=Setting(assumptions=FREE, policy=policy))
    assert [copy.size_lamports for copy in cut.copies] == [100_000_000]
    policy = Policy(maximum_pool_share_bps=10, minimum_trade_lamports=100_000_001)
    none = run({"liquidity_usd": 15_000.0}, setting=Setting(assumptions=FREE, policy=policy))
    assert none.refusals == {"SIZE_TOO_SMALL": 1}


def test_wallets_that_are_not_followed_still_tell_prices():
    trades = history({**DEEP}, {**DEEP, **seen(ts=T0 + 60, price=0.0009)})
    everybody = replay(trades, setting=Setting(assumptions=FREE))
    alone = replay(trades, setting=Setting(assumptions=FREE), only=["W1"])
    assert backtest_of(alone, trades, wallet="W1") == backtest_of(everybody, trades, wallet="W1")
    assert reasons(backtest_of(alone, trades, wallet="W1")) == [["HARD_STOP"]]
    with pytest.raises(LookupError, match="W2"):
        backtest_of(alone, trades, wallet="W2")
