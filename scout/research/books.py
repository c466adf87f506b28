"""The books of a replay: what every sale brought, what every copy made of it, and where the rest went."""

import numpy as np
import pandas as pd

from scout.research.course import REASONS, Sales
from scout.research.entries import Attempts, market_tip
from scout.research.fills import Fill, Floats, sold
from scout.research.setting import Setting
from scout.research.ticks import Ticks, Whole
from trading.domain.exits import ExitReason
from trading.domain.tips import exit_tip_lamports
from trading.domain.values import LAMPORTS_PER_SOL

COSTS: tuple[str, ...] = ("delay", "impact", "pool_fee", "mev", "tips", "network_fees")
"""What lies between the leader's prices and our PnL; columns `<name>_lamports`. Delay may be a gain."""


def booked(
    attempts: Attempts, entered: Whole, ticks: Ticks, sales: Sales, *, setting: Setting
) -> dict[str, pd.DataFrame]:
    """`sales` and `copies` of a `Replay`; `entered` are the places of the attempts that were."""
    given = setting.assumptions
    is_led = sales.reason == REASONS.index(ExitReason.LEADER_SOLD)
    own = np.where(np.isnan(ticks.own_price), ticks.price, ticks.own_price)
    price = np.where(is_led, own[sales.tick], ticks.price[sales.tick])
    fill = sold(
        tokens=attempts.fill.tokens[sales.position] * sales.share,
        price=price,
        reserve=ticks.last_reserve[sales.tick],
        assumptions=given,
    )
    proceeds = _lamports(fill.sol)
    led_price = ticks.fill_price[sales.tick] / (1 - given.pool_fee)
    delay = np.where(is_led, fill.tokens * (led_price - price), 0.0)
    frame = pd.DataFrame(
        {
            "copy": sales.position,
            "at": sales.at,
            "tick": sales.tick,
            "tokens": fill.tokens,
            "price_sol": price,
            "proceeds_lamports": proceeds,
            "reason": sales.reason,
            "delay_lamports": _lamports(np.nan_to_num(delay)),
            "impact_lamports": _lamports(fill.impact),
            "pool_fee_lamports": _lamports(fill.pool_fee),
            "mev_lamports": _lamports(fill.mev),
            "tips_lamports": _exit_tips(proceeds, setting=setting),
            "network_fees_lamports": given.network_fee_lamports,
        }
    )
    return {"sales": frame, "copies": _copies(attempts, entered, ticks, frame, setting=setting)}


def _copies(
    attempts: Attempts, entered: Whole, ticks: Ticks, sales: pd.DataFrame, *, setting: Setting
) -> pd.DataFrame:
    """One row a copy. PnL is what came in less what went out, tips and network fees; the rest is attribution."""
    tick, size = attempts.tick[entered], attempts.size_lamports[entered]
    costs = _entry_costs(attempts.fill, entered, ticks, tick, setting=setting)
    by_copy = sales.groupby("copy", sort=True)
    for name in COSTS:
        costs[name] = costs[name] + by_copy[f"{name}_lamports"].sum().to_numpy()
    pnl = by_copy["proceeds_lamports"].sum().to_numpy() - size
    pnl = pnl - costs["tips"] - costs["network_fees"]
    return pd.DataFrame(
        {
            "wallet": ticks.wallet[tick],
            "token": ticks.token[tick],
            "row": ticks.row[tick],
            "opened_at": ticks.at[tick],
            "closed_at": by_copy["at"].max().to_numpy(),
            "size_lamports": size,
            "tokens": attempts.fill.tokens[entered],
            "entry_price_sol": attempts.fill.sol[entered] / attempts.fill.tokens[entered],
            "reason": by_copy["reason"].last().to_numpy(),
            "ticks": by_copy["tick"].last().to_numpy() - tick,
            "pnl_lamports": pnl,
            **{f"{name}_lamports": values for name, values in costs.items()},
        },
        index=pd.Index(entered, name="copy"),
    )


def _entry_costs(
    fill: Fill, entered: Whole, ticks: Ticks, tick: Whole, *, setting: Setting
) -> dict[str, Whole]:
    given = setting.assumptions
    rules = setting.policy.for_strategy(setting.strategy)
    tip = market_tip(setting.policy, percentile=rules.tip_percentile, assumptions=given).lamports
    leaders = ticks.fill_price[tick] * (1 - given.pool_fee)
    delay = fill.tokens[entered] * (ticks.own_price[tick] - leaders)
    return {
        "delay": _lamports(np.nan_to_num(delay)),
        "impact": _lamports(fill.impact[entered]),
        "pool_fee": _lamports(fill.pool_fee[entered]),
        "mev": np.zeros(len(tick), dtype=np.int64),
        "tips": np.full(len(tick), tip),
        "network_fees": np.full(len(tick), given.network_fee_lamports),
    }


def _exit_tips(proceeds: Whole, *, setting: Setting) -> list[int]:
    price = market_tip(
        setting.policy,
        percentile=setting.policy.exit_tip_percentile,
        assumptions=setting.assumptions,
    )
    return [
        exit_tip_lamports(price, proceeds_lamports=each, policy=setting.policy)
        for each in proceeds.tolist()
    ]


def _lamports(sol: Floats) -> Whole:
    """Whole lamports, rounded toward minus infinity."""
    return np.asarray(np.floor(sol * LAMPORTS_PER_SOL), dtype=np.int64)
