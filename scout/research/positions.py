"""Positions: from a leader's first purchase of a token to the sale of the last of it."""

import numpy as np
import pandas as pd

from scout.research.costs import Costs
from scout.research.dealings import Outcome, Swaps
from scout.research.groups import total

MOST_GAIN = 20.0
"""Returns above +2000 % count as that: one absurd price must not carry a record."""


def positions_of(
    swaps: Swaps, outcome: Outcome, *, marks: pd.DataFrame, as_of: int, costs: Costs
) -> pd.DataFrame:
    """A row a position, by wallet, token and time; `marks` per token code (see `marks_at`).

    wallet, token: codes · opener: index of the first swap · opened_ts · age: of the token then,
    seconds · hold: seconds, to `as_of` if open · copies: purchases a copier would have made ·
    gross, cost: return per stake at the leader's prices, and what copying takes of it (net =
    gross − cost); NaN without copies · leader: return on the leader's own SOL, marked · is_open ·
    spent: the leader's SOL.
    """
    of = outcome.opener >= 0
    opener = outcome.opener[of]
    heads, index = np.unique(opener, return_inverse=True)
    size = len(heads)

    def summed(values: np.ndarray) -> np.ndarray:
        return total(values[of].astype(float), index, size)

    copies = summed(swaps.can_copy)
    end = outcome.is_last & (outcome.held > 0)
    mark = marks["price_sol"].to_numpy()[swaps.token]
    depth = marks["depth_sol"].to_numpy()[swaps.token] / costs.stake_sol
    gross = summed(outcome.gross + np.where(end, outcome.gross_held * mark, 0.0))
    rest = costs.proceeds(np.where(end, outcome.net_held * mark, 0.0), depth)
    swaps_made = copies + summed(outcome.share > 0) + summed(end)
    net = summed(outcome.net + rest) - costs.fixed_sol / costs.stake_sol * swaps_made
    spent = summed(np.where(swaps.is_buy, swaps.tokens * swaps.price, 0.0))
    brought = summed(outcome.sold * swaps.price + np.where(end, outcome.held * mark, 0.0))
    is_open = summed(end) > 0
    closed_ts = np.zeros(size)
    np.maximum.at(closed_ts, index, swaps.ts[of].astype(float))
    some = np.where(copies > 0, copies, np.nan)
    gross_return = np.clip(gross / some - 1, -1.0, MOST_GAIN)
    return pd.DataFrame({
        "wallet": swaps.wallet[heads], "token": swaps.token[heads], "opener": heads,
        "opened_ts": swaps.ts[heads],
        "age": swaps.age[heads], "hold": np.where(is_open, as_of, closed_ts) - swaps.ts[heads],
        "copies": copies, "gross": gross_return,
        "cost": gross_return - np.clip(net / some - 1, -1.5, MOST_GAIN),
        "leader": np.where(spent > 0, brought, np.nan) / np.where(spent > 0, spent, 1.0) - 1,
        "is_open": is_open, "spent": spent,
    })  # fmt: skip
