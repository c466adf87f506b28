"""Made-up histories of any size, to measure how long scoring takes; they say nothing about markets."""

import numpy as np
import pandas as pd

from scout.research.trades import Trades

DAY = 86_400
AS_OF = 1_790_000_000
DAYS = 90
TOKENS = 20_000
SWAPS_OF_A_POSITION = 4
"""Two purchases, a sale of half, a sale of the rest."""


def histories(*, wallets: int, trades: int, seed: int) -> Trades:
    """`wallets` × `trades` swaps of 90 days as they come from reading: sorted, typed, complete."""
    rng = np.random.default_rng(seed)
    positions = trades // SWAPS_OF_A_POSITION
    size = wallets * positions * SWAPS_OF_A_POSITION
    token = rng.integers(0, TOKENS, (wallets, positions), dtype=np.int32)
    opened = rng.uniform(AS_OF - DAYS * DAY, AS_OF - 2 * DAY, (wallets, positions))
    later = np.cumsum(rng.exponential(6 * 3_600, (wallets, positions, SWAPS_OF_A_POSITION)), axis=2)
    ts = np.minimum(opened[:, :, None] + later, AS_OF).astype(np.int64).reshape(wallets, -1)
    order = np.argsort(ts, axis=1, kind="stable")
    step = np.broadcast_to(np.arange(SWAPS_OF_A_POSITION, dtype=np.int8), later.shape)

    def in_time(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values.reshape(wallets, -1), order, axis=1).ravel()

    kind = in_time(step)
    is_buy = kind < 2
    price = np.exp(rng.normal(-9.0, 0.1, size))
    tokens = np.where(kind == 3, 2.0, np.where(kind == 2, 1.0, 1.5))
    names = pd.Index([f"W{n:06d}" for n in range(wallets)], dtype="str")
    mints = pd.Index([f"T{n:06d}" for n in range(TOKENS)], dtype="str")
    one = np.zeros(size, np.int8)
    rows = pd.DataFrame({
        "wallet": pd.Categorical.from_codes(np.repeat(np.arange(wallets), size // wallets), names),
        "token": pd.Categorical.from_codes(in_time(np.repeat(token[:, :, None], SWAPS_OF_A_POSITION, axis=2)), mints),
        "symbol": pd.Categorical.from_codes(one, pd.Index(["T"], dtype="str")),
        "dex": pd.Categorical.from_codes(one, pd.Index(["RAYDIUM"], dtype="str")),
        "ts": in_time(ts), "sol_amount": tokens * price, "token_amount": tokens, "price_sol": price,
        "liquidity_usd": np.float32(200_000), "volume_24h_usd": np.float32(100_000),
        "token_created_ts": float(AS_OF - 2 * DAYS * DAY), "sol_price_usd": np.float32(150),
        "price_after_sol": price * np.where(is_buy, 1.004, 0.996), "jito_tip": one, "is_buy": is_buy,
        "tx_key": rng.integers(0, 2**63, size, dtype=np.uint64),
    }, copy=False)  # fmt: skip
    return Trades(rows=rows)
