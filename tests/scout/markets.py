"""Markets for tests: prices that wander, wallets that trade in them, all from one seed."""

import numpy as np
import pandas as pd

from scout.research.trades import trades_of

from .swaps import T0, swaps

COLUMNS = list(swaps({})[0])


def history(*rows: dict) -> pd.DataFrame:
    """The frame of `scout.research.trades` of some swaps; see `swaps`."""
    return trades_of(
        pd.DataFrame(swaps(*rows), columns=COLUMNS), is_strict=True, keep_signatures=True
    ).rows


def wandering_rows(
    seed: int, *, swaps_: int = 200, wallets: int = 4, tokens: int = 3
) -> list[dict]:
    """Swaps of wallets that buy and sell a few tokens at prices with fat tails, rugs among them.

    Buys and sells of a wallet in a token alternate by chance; some rows lack what the input may lack.
    """
    chance = np.random.default_rng(seed)
    price = dict.fromkeys(range(tokens), 0.001)
    liquidity = {each: 10 ** chance.uniform(5, 6) for each in range(tokens)} | {0: 12_000.0}
    held: dict[tuple[int, int], float] = {}
    at, rows = T0, []
    for _ in range(swaps_):
        at += int(chance.exponential(1_200)) * int(chance.random() < 0.9)
        token, wallet = int(chance.integers(tokens)), int(chance.integers(wallets))
        step = chance.standard_t(3) * 0.06 + (np.log(0.1) if chance.random() < 0.01 else 0)
        price[token] *= float(np.exp(np.clip(step, -3, 2)))
        liquidity[token] *= float(np.exp(np.clip(step / 2, -2, 1)))
        own = held.get((wallet, token), 0.0)
        is_sale = own > 0 and chance.random() < 0.5
        size = float(chance.uniform(0.05, 3))
        amount = own * float(chance.choice([1, 0.5, 0.3])) if is_sale else size / price[token]
        held[wallet, token] = own - amount if is_sale else own + amount
        paid = price[token] * float(chance.uniform(0.99, 1.01))
        rows.append(
            {
                "wallet": f"W{wallet}", "token": f"T{token}", "symbol": f"S{token}", "ts": at,
                "side": "SELL" if is_sale else "BUY", "token_amount": amount,
                "sol_amount": amount * paid, "price_sol": paid,
                "liquidity_usd": None if chance.random() < 0.03 else liquidity[token],
                "price_after_sol": None if chance.random() < 0.2 else price[token],
                "token_created_ts": None if chance.random() < 0.05 else T0 - 7_200 + 3_600 * token,
            }
        )  # fmt: skip
    return rows


def wandering(seed: int, **options: int) -> pd.DataFrame:
    """Such a history as a frame."""
    return history(*wandering_rows(seed, **options))
