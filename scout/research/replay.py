"""A follower's replay: every buy of every leader in a history as we would have traded it, and what it made.

Causal: what is said of a moment rests on rows up to that moment. What lies after the end of history changes
only positions that are still open then.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scout.research.books import booked
from scout.research.course import REASONS, STILL_OPEN, Entries, Sales, sales_of
from scout.research.entries import ENTERED, NUMBER, Attempts, attempts_of
from scout.research.facts import Facts
from scout.research.fills import Floats
from scout.research.holding import taken
from scout.research.setting import Setting
from scout.research.ticks import Ticks, Whole, ticks_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What became of everything, in integers of lamports.

    `attempts`: one row for every buy of a leader, by wallet, token and moment: wallet and token (places in `wallets`
    and `tokens`), row (place in the trades), at (unix seconds, our moment), code (number in `entries.CODES`).
    `copies`: one row for each attempt that was entered, indexed by its place in `attempts`: opened_at,
    closed_at, size_lamports, tokens, entry_price_sol, reason of its last sale (number in `course.REASONS`),
    ticks (prices known from entry to end), pnl_lamports and the costs; an open position is marked at the end.
    `sales`: one row a sale: copy (place in `attempts`), at, tokens, price_sol, proceeds_lamports, reason.
    """

    attempts: pd.DataFrame
    copies: pd.DataFrame
    sales: pd.DataFrame
    wallets: pd.Index
    followed: pd.Index
    tokens: pd.Index
    setting: Setting
    until: int


def replay(
    trades: pd.DataFrame,
    *,
    setting: Setting,
    others: pd.DataFrame | None = None,
    until: int | None = None,
    only: Collection[str] | None = None,
) -> Replay:
    """Follow every wallet in `trades`, or `only` some, each as if it were the only one.

    `trades` is the frame of `scout.research.trades`; `others` are further known prices (see `ticks_of`);
    `until` is the end of history in unix seconds, by default the moment of the last trade. Swaps of wallets
    that are not followed are prices all the same.
    """
    given = setting.assumptions
    ticks = ticks_of(trades, assumptions=given, others=others)
    end = int(ticks.at.max(initial=0)) if until is None else until + given.delay_seconds
    attempts = attempts_of(
        ticks,
        _births(trades, ticks, setting=setting),
        strategy=setting.strategy,
        policy=setting.policy,
        assumptions=given,
        only=only,
    )
    sales = _courses(attempts, ticks, setting=setting, until=end)
    code = _taken(attempts, ticks, sales, setting=setting)
    entered = np.flatnonzero(code == NUMBER[ENTERED])
    sales = _only(sales, code == NUMBER[ENTERED])
    return Replay(
        attempts=pd.DataFrame(
            {
                "wallet": ticks.wallet[attempts.tick],
                "token": ticks.token[attempts.tick],
                "row": ticks.row[attempts.tick],
                "at": ticks.at[attempts.tick],
                "code": code,
            }
        ),
        **booked(attempts, entered, ticks, sales, setting=setting),
        wallets=ticks.wallets,
        followed=ticks.wallets if only is None else ticks.wallets[ticks.wallets.isin(list(only))],
        tokens=ticks.tokens,
        setting=setting,
        until=end,
    )


def known_prices(facts: Facts, until: int) -> pd.DataFrame:
    """What is told of tokens at the end of history, as ticks: it marks what is still open."""
    told = facts.tokens_known_at(until)
    frame = told[["price_sol", "liquidity_usd"]].rename_axis("token").reset_index()
    return frame.assign(ts=until)


def with_births(trades: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """The trades with their tokens' creation where only the facts tell it."""
    told = trades["token"].astype("str").map(facts.tokens["created_ts"])
    return trades.assign(token_created_ts=trades["token_created_ts"].fillna(told.astype(float)))


def _births(trades: pd.DataFrame, ticks: Ticks, *, setting: Setting) -> Floats:
    """When each tick's token came to be; where nobody says, the first trade seen, once that is old enough."""
    said = np.full(len(ticks.row), np.nan)
    if "token_created_ts" in trades:
        created = trades["token_created_ts"].to_numpy(dtype=np.float64, na_value=np.nan)
        said = np.where(ticks.row >= 0, created[ticks.row], np.nan)
    start = np.searchsorted(ticks.token, ticks.token, side="left")
    seen = ticks.at[start] if len(start) else ticks.at
    least = setting.policy.for_strategy(setting.strategy).minimum_token_age_seconds
    is_proven = ticks.at - seen >= least
    return np.where(np.isnan(said) & is_proven, seen, said)


def _courses(attempts: Attempts, ticks: Ticks, *, setting: Setting, until: int) -> Sales:
    """Sales of every attempt that no gate refuses, as if it were the only one; positions are attempts."""
    able = np.flatnonzero(attempts.code == NUMBER[ENTERED])
    price = attempts.fill.sol[able] / attempts.fill.tokens[able]
    sales = sales_of(
        Entries(tick=attempts.tick[able], price=price),
        ticks,
        strategy=setting.strategy,
        policy=setting.policy,
        following=setting.following,
        until=until,
    )
    return Sales(
        position=able[sales.position],
        tick=sales.tick,
        at=sales.at,
        share=sales.share,
        reason=sales.reason,
    )


def _taken(attempts: Attempts, ticks: Ticks, sales: Sales, *, setting: Setting) -> Whole:
    closed_at = np.zeros(len(attempts.tick), dtype=np.int64)
    is_end = sales.reason != REASONS.index(STILL_OPEN)
    np.maximum.at(closed_at, sales.position, np.where(is_end, sales.at, np.iinfo(np.int64).max))
    return taken(
        wallet=ticks.wallet[attempts.tick],
        token=ticks.token[attempts.tick],
        at=ticks.at[attempts.tick],
        closed_at=closed_at,
        code=attempts.code,
        policy=setting.policy,
    )


def _only(sales: Sales, is_kept: np.ndarray) -> Sales:
    """The sales of some positions, in order of position and moment."""
    kept = np.flatnonzero(is_kept[sales.position])
    kept = kept[np.lexsort((kept, sales.at[kept], sales.position[kept]))]
    return Sales(
        position=sales.position[kept],
        tick=sales.tick[kept],
        at=sales.at[kept],
        share=sales.share[kept],
        reason=sales.reason[kept],
    )
