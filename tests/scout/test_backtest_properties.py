"""What holds of every backtest whatever the market does."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scout.research.backtest import backtest_of
from scout.research.course import Entries, sales_of
from scout.research.entries import attempts_of
from scout.research.fills import bought, price_impact
from scout.research.replay import replay
from scout.research.setting import Assumptions, Setting
from scout.research.ticks import ticks_of
from scout.research.verdicts import summary
from trading.domain.leaders import ExitMode, Following
from trading.domain.policy import Policy

from .markets import history, wandering, wandering_rows

seeds = st.integers(0, 10**6)
strategies_ = st.sampled_from(["SHIELD", "SPEAR"])
few = settings(max_examples=8, deadline=None)


def bytes_of(trades, setting: Setting) -> bytes:
    done = replay(trades, setting=setting)
    results = [backtest_of(done, trades, wallet=each).as_json() for each in done.wallets]
    return json.dumps(results).encode()


@few
@given(seed=seeds, strategy=strategies_, mode=st.sampled_from([*ExitMode]))
def test_the_screen_leaves_out_no_tick_at_which_the_code_that_trades_would_sell(
    seed, strategy, mode
):
    given_, policy, following = Assumptions(), Policy(), Following(exit_mode=mode, follow_bps=7_000)
    ticks = ticks_of(wandering(seed), assumptions=given_)
    attempts = attempts_of(
        ticks, 0.0 * ticks.price, strategy=strategy, policy=policy, assumptions=given_
    )
    able = attempts.code == 0
    price = attempts.fill.sol[able] / attempts.fill.tokens[able]
    entries = Entries(tick=attempts.tick[able], price=price)
    quick, slow = (
        sales_of(
            entries, ticks, strategy=strategy, policy=policy, following=following,
            until=int(ticks.at.max()), is_screened=is_screened,
        )
        for is_screened in (True, False)
    )  # fmt: skip
    assert len(quick.position) >= able.sum() > 0
    assert sorted(zip(*rows(quick), strict=True)) == sorted(zip(*rows(slow), strict=True))


def rows(sales) -> list[list]:
    return [
        each.tolist() for each in (sales.position, sales.at, sales.tick, sales.reason, sales.share)
    ]


@few
@given(seed=seeds, strategy=strategies_)
def test_the_same_history_gives_the_same_bytes_in_whatever_order_it_came(seed, strategy):
    setting, listed = Setting(strategy=strategy), wandering_rows(seed)
    listed = [{**row, "tx_sig": f"sig{place}"} for place, row in enumerate(listed)]
    assert bytes_of(history(*listed), setting) == bytes_of(history(*reversed(listed)), setting)


@few
@given(seed=seeds, strategy=strategies_)
def test_the_future_changes_nothing_that_was_over_before(seed, strategy):
    trades = wandering(seed)
    middle = int(trades["ts"].median())
    past = trades[trades["ts"] <= middle].reset_index(drop=True)
    late, early = (replay(each, setting=Setting(strategy=strategy)) for each in (trades, past))
    for wallet in early.wallets:
        before = backtest_of(early, past, wallet=wallet)
        after = backtest_of(late, trades, wallet=wallet)
        end = middle + late.setting.assumptions.delay_seconds
        assert [c for c in before.copies if c.reason != "STILL_OPEN"] == [
            c for c in after.copies if c.closed_at <= end and c.reason != "STILL_OPEN"
        ]
        assert [(c.signature, c.entry_price_sol) for c in before.copies] == [
            (c.signature, c.entry_price_sol) for c in after.copies if c.opened_at <= end
        ]
        assert before.refused == tuple(each for each in after.refused if each.at <= end)


@few
@given(seed=seeds, strategy=strategies_)
def test_the_sum_of_the_trades_is_the_end_of_the_curve_and_gross_less_costs(seed, strategy):
    trades = wandering(seed)
    done = replay(trades, setting=Setting(strategy=strategy))
    table = summary(done)
    for wallet in done.wallets:
        result = backtest_of(done, trades, wallet=wallet)
        total = sum(copy.pnl_lamports for copy in result.copies)
        assert total == result.pnl_lamports == table.loc[wallet, "pnl_lamports"]
        assert total == (result.curve[-1].pnl_lamports if result.curve else 0)
        assert total == result.gross_lamports - sum(result.costs.values())
        assert result.chances == len(result.copies) + sum(result.refusals.values())
        for copy in result.copies:
            assert sum(s.tokens for s in copy.sales) == pytest.approx(copy.tokens, rel=1e-9)
            assert all(copy.opened_at <= sale.at <= copy.closed_at for sale in copy.sales)


@few
@given(seed=seeds, strategy=strategies_)
def test_a_cost_that_rises_never_makes_a_copy_better(seed, strategy):
    trades, cheap = wandering(seed), Assumptions()
    dear = replace(cheap, mev_bps=100, network_fee_lamports=100_000, market_tip_lamports=3_000_000)
    ours, theirs = (
        replay(trades, setting=Setting(strategy=strategy, assumptions=each)).copies.set_index("row")
        for each in (cheap, dear)
    )
    both = ours.index.intersection(theirs.index)
    assert len(both)
    assert (theirs.loc[both, "pnl_lamports"] < ours.loc[both, "pnl_lamports"]).all()


@given(
    small=st.floats(0.01, 1),
    factor=st.floats(1, 100),
    reserve=st.floats(0, 1e6),
    price=st.floats(1e-9, 1),
)
def test_a_bigger_size_never_has_less_impact(small, factor, reserve, price):
    given_ = Assumptions()
    impacts = [
        float(price_impact(sol=sol, reserve=reserve, assumptions=given_))
        for sol in (small, small * factor)
    ]
    assert 0 <= impacts[0] <= impacts[1] + 1e-12 <= 1 + 1e-12
    tokens = [
        float(bought(sol=sol, price=price, reserve=reserve, assumptions=given_).tokens) / sol
        for sol in (small, small * factor)
    ]
    assert tokens[1] <= tokens[0] * (1 + 1e-12)


@few
@given(seed=seeds, strategy=strategies_)
def test_without_liquidity_nothing_ever_passes(seed, strategy):
    dry = history(*({**row, "liquidity_usd": 0.0} for row in wandering_rows(seed)))
    table = summary(replay(dry, setting=Setting(strategy=strategy)))
    assert set(table["verdict"]) <= {"LIQUIDITY", "INSUFFICIENT_TRADES"}
    unknown = history(*({**row, "liquidity_usd": None} for row in wandering_rows(seed)))
    table = summary(replay(unknown, setting=Setting(strategy=strategy)))
    assert set(table["verdict"]) <= {"NO_LIQUIDITY_DATA", "INSUFFICIENT_TRADES"}


@few
@given(seed=seeds, factor=st.sampled_from([0.01, 0.5, 3.0, 1_000.0]))
def test_the_leaders_size_never_changes_the_verdict_on_a_copier_of_fixed_size(seed, factor):
    listed = wandering_rows(seed)
    larger = [
        {**row, **{name: row[name] * factor for name in ("sol_amount", "token_amount")}}
        for row in listed
    ]
    tables = [summary(replay(history(*each), setting=Setting())) for each in (listed, larger)]
    assert tables[0]["verdict"].equals(tables[1]["verdict"])
    assert (tables[0]["pnl_lamports"] - tables[1]["pnl_lamports"]).abs().max() <= 100
