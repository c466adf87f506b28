"""A small market for tests: tokens walk at random, wallets pick among them with or without skill."""

from typing import Any

import numpy as np
import pandas as pd

from .swaps import ORDINARY, T0

DAY = 86_400
START, AS_OF = T0 - 90 * DAY, T0


def population(
    *, seed: int = 1, skilled: int = 6, plain: int = 24, trades: int = 60, drift: float = -2e-4
) -> list[dict[str, Any]]:
    """Swaps of 90 days: `S…` pick the better of four tokens more often than not, `P…` pick any.

    `drift` is the mean change of all prices in an hour."""
    rng = np.random.default_rng(seed)
    hours = 90 * 24
    prices = 1e-4 * np.exp(np.cumsum(rng.normal(drift, 0.02, (40, hours + 1)), axis=1))
    rows: list[dict[str, Any]] = []
    for name, skill in [(f"S{n}", 0.8) for n in range(skilled)] + [
        (f"P{n}", 0.0) for n in range(plain)
    ]:
        for hour in np.sort(rng.choice(hours - 30, trades, replace=False)):
            hold = int(rng.integers(4, 25))
            choice = rng.choice(len(prices), 4, replace=False)
            gain = np.log(prices[choice, hour + hold] / prices[choice, hour]) / 0.02 / hold**0.5
            noise = rng.normal(size=4)
            token = int(choice[np.argmax(skill * gain + (1 - skill**2) ** 0.5 * noise)])
            rows += round_trip(name, token, prices[token], int(hour), hold)
    return [ORDINARY | {"tx_sig": f"sig{n}"} | row for n, row in enumerate(rows)]


def round_trip(
    wallet: str, token: int, prices: np.ndarray, hour: int, hold: int, *, sol: float = 1.0
) -> list[dict[str, Any]]:
    """Bought for `sol`, sold after `hold` hours; the price moves 0.3 % against a copier."""
    amount = sol * 0.997 / prices[hour]
    shared = {
        "wallet": wallet, "token": f"TOK{token}", "token_amount": amount,
        "token_created_ts": START - 30 * DAY, "liquidity_usd": 500_000.0,
    }  # fmt: skip
    brought = amount * prices[hour + hold] * 0.997
    return [
        shared | {"ts": START + hour * 3_600, "sol_amount": sol, "price_sol": sol / amount,
                  "price_after_sol": prices[hour] * 1.003},
        shared | {"ts": START + (hour + hold) * 3_600, "side": "SELL", "sol_amount": brought,
                  "price_sol": brought / amount, "price_after_sol": prices[hour + hold] * 0.997},
    ]  # fmt: skip


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows as the columns of the CSV."""
    return pd.DataFrame(rows)
