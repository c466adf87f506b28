"""What the leaders themselves earned: lots bought and sold, first in, first out.

Only for the figures of the leader's own record (WQS, archetypes); what a copier earns is counted in
`scout.research.positions`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scout.research.dealings import Outcome, Swaps

LEAST_SHARE = 1e-12
"""Parts of a position smaller than this are rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderFees:
    """What a leader pays beside the swap itself, which has the exchange's fee inside; SOL."""

    network_sol: float = 0.000_105
    """Base and priority fee of a transaction."""
    tip_sol: float = 0.000_1
    """On swaps known to carry a tip."""
    rent_sol: float = 0.002_039_28
    """Locked in the token account while a position is open."""


def round_trips(
    rows: pd.DataFrame, swaps: Swaps, outcome: Outcome, *, fees: LeaderFees
) -> pd.DataFrame:
    """A row a lot, i.e. the part of one purchase sold by one sale, in the order of the positions.

    wallet, token: codes · opener: index of the position's first swap · bought_ts, sold_ts ·
    cost_sol, proceeds_sol: with fees, tips and rent.
    """
    buy, sale, tokens = _matched(swaps, outcome)
    cash = _cash(rows, swaps, outcome, fees)
    bought = np.where(swaps.tokens > 0, swaps.tokens, 1.0)
    return pd.DataFrame({
        "wallet": swaps.wallet[buy], "token": swaps.token[buy], "opener": outcome.opener[buy],
        "bought_ts": swaps.ts[buy], "sold_ts": swaps.ts[sale],
        "cost_sol": cash[buy] * tokens / bought[buy],
        "proceeds_sol": cash[sale] * tokens / bought[sale],
    })  # fmt: skip


def spent_sol(
    rows: pd.DataFrame, swaps: Swaps, outcome: Outcome, *, fees: LeaderFees
) -> np.ndarray:
    """What each purchase took, fees, tip and rent included; 0 for sales."""
    return np.asarray(np.where(swaps.is_buy, _cash(rows, swaps, outcome, fees), 0.0))


def _cash(rows: pd.DataFrame, swaps: Swaps, outcome: Outcome, fees: LeaderFees) -> np.ndarray:
    """SOL that left with each purchase or came with each sale, never below 0."""
    sol = rows["sol_amount"].to_numpy()[swaps.row]
    has_tip = rows["jito_tip"].to_numpy()[swaps.row] > 0
    fee = fees.network_sol + np.where(has_tip, fees.tip_sol, 0.0)
    is_opener = outcome.opener == np.arange(len(sol))
    rent = np.where(is_opener | (outcome.share == 1.0), fees.rent_sol, 0.0)
    return np.asarray(np.where(swaps.is_buy, sol + fee + rent, np.maximum(sol - fee + rent, 0.0)))


def _matched(swaps: Swaps, outcome: Outcome) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(purchase, sale, tokens) of every lot.

    Put the purchases of a position end to end, and its sales: where both are cut, lots begin and
    end. A lot belongs to the purchase and to the sale that end at or after its end.
    """
    used = np.flatnonzero(outcome.opener >= 0)
    position, is_buy = outcome.opener[used], swaps.is_buy[used]
    amount = np.where(is_buy, swaps.tokens[used], outcome.sold[used])
    in_time = np.argsort(position, kind="stable")
    used, position, is_buy, amount = (a[in_time] for a in (used, position, is_buy, amount))
    start = _starts(position)
    whole = (
        np.add.reduceat(np.where(is_buy, amount, 0.0), np.unique(start)) if len(start) else amount
    )
    whole = whole[np.cumsum(start == np.arange(len(start))) - 1]
    end = np.where(
        is_buy,
        _run(np.where(is_buy, amount, 0.0), start),
        _run(np.where(is_buy, 0.0, amount), start),
    )
    end = end / whole
    order = np.lexsort((end, position))
    used, position, is_buy, end, whole = (a[order] for a in (used, position, is_buy, end, whole))
    begin = np.where(np.r_[True, np.diff(position) != 0][: len(end)], 0.0, np.r_[0.0, end[:-1]])
    buy, sale = _next(is_buy, position), _next(~is_buy, position)
    is_lot = (end - begin > LEAST_SHARE) & (buy >= 0) & (sale >= 0)
    return used[buy[is_lot]], used[sale[is_lot]], ((end - begin) * whole)[is_lot]


def _starts(group: np.ndarray) -> np.ndarray:
    """Index of the first entry of the run of equal values that each entry is in."""
    is_new = np.r_[True, np.diff(group) != 0][: len(group)]
    return np.asarray(np.maximum.accumulate(np.where(is_new, np.arange(len(group)), 0)))


def _run(values: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Cumulative sum that begins anew at every start."""
    sums = np.cumsum(values)
    return np.asarray(sums - (sums - values)[start])


def _next(is_wanted: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Index of the first wanted entry at or after each, in the same group; −1 if there is none."""
    size = len(group)
    if not size:
        return np.empty(0, int)
    at = np.where(is_wanted, np.arange(size), size)
    found = np.minimum.accumulate(at[::-1])[::-1]
    is_same = (found < size) & (group[np.minimum(found, size - 1)] == group)
    return np.asarray(np.where(is_same, found, -1))
