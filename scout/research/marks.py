"""What was known of tokens at a moment: the price of a bag, the depth of a pool."""

import numpy as np
import pandas as pd

LIQUIDITY_HOLDS_SECONDS = 86_400
"""How long a sighting of a pool's liquidity stands in for one that was not made."""


def token_age(rows: pd.DataFrame) -> np.ndarray:
    """Seconds between a token's creation and each swap; NaN unknown, never below 0."""
    age = rows["ts"].to_numpy() - rows["token_created_ts"].to_numpy()
    return np.asarray(np.maximum(age, 0.0))


def known_liquidity(rows: pd.DataFrame) -> np.ndarray:
    """USD in the pool at each swap; a gap takes the last sighting of the token by anyone, if fresh.

    NaN where there is none: the copier does not buy into a pool he knows nothing of.
    """
    liquidity = rows["liquidity_usd"].to_numpy(float)
    known = liquidity > 0
    if known.all():
        return np.asarray(liquidity)
    ts, token = rows["ts"].to_numpy(), rows["token"].cat.codes.to_numpy()
    order = np.lexsort((np.arange(len(rows)), ts, token))
    seen = np.maximum.accumulate(np.where(known[order], np.arange(len(rows)), -1))
    source = order[np.maximum(seen, 0)]
    is_fresh = (seen >= 0) & (token[source] == token[order])
    is_fresh &= ts[order] - ts[source] <= LIQUIDITY_HOLDS_SECONDS
    filled = np.empty(len(rows))
    filled[order] = np.where(is_fresh, liquidity[source], np.nan)
    return filled


def marks_at(rows: pd.DataFrame, tokens: pd.DataFrame, *, sol_usd: float) -> pd.DataFrame:
    """Per token of `rows` (all of them known): `price_sol`, and `depth_sol` of its pool.

    `tokens` (see `Facts.tokens_known_at`) knows better than the last swap anyone made.
    """
    names = rows["token"].cat.categories
    ts, token = rows["ts"].to_numpy(), rows["token"].cat.codes.to_numpy()
    order = np.argsort(ts, kind="stable")
    last = np.full(len(names), -1)
    last[token[order]] = order
    seen = rows.iloc[np.maximum(last, 0)]
    after = seen["price_after_sol"].to_numpy()
    price = np.where(after > 0, after, seen["price_sol"].to_numpy())
    facts = tokens.reindex(names)
    price = np.where(facts["price_sol"] > 0, facts["price_sol"], price)
    liquidity = seen["liquidity_usd"].to_numpy(float)
    liquidity = np.where(facts["liquidity_usd"] > 0, facts["liquidity_usd"], liquidity)
    seen_sol_usd = seen["sol_price_usd"].to_numpy(float)
    sol_usd_then = np.where(seen_sol_usd > 0, seen_sol_usd, sol_usd)
    return pd.DataFrame(
        {"price_sol": price, "depth_sol": liquidity / 2 / sol_usd_then}, index=names
    )
