"""The prices that history knows: one tick for every swap of every wallet, in the order they could be seen.

Between two swaps nothing is known. A tick is what a follower could be quoted `delay_seconds` after a swap:
the recorded `price_after_sol`, or else the swap's own price without the pool's fee.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scout.research.fills import Floats, reserve_sol
from scout.research.setting import Assumptions

Whole = np.ndarray
ALL_OF_IT = 0.999
"""A sale of more than this share of what is held sells it all; the rest is rounding."""
STRANGER = -1
"""The wallet of a tick that is nobody's swap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Parallel arrays, by token, then moment, then place in the file. `row` is that place, -1 without one.

    `price` is the pool's marginal price in SOL per token, the last known one where a row has none;
    `own_price` the one a copier of this very swap meets, `fill_price` what the swap itself paid, both NaN
    where the row does not tell. `reserve` is the pool's SOL, NaN where this row does not
    tell; `last_reserve` the newest known by then. `fraction` is the part of its holding that a sale sold.
    """

    token: Whole
    at: Whole
    row: Whole
    wallet: Whole
    is_sale: np.ndarray
    price: Floats
    own_price: Floats
    fill_price: Floats
    liquidity_usd: Floats
    sol_price_usd: Floats
    reserve: Floats
    last_reserve: Floats
    fraction: Floats
    end: Whole
    """One past the token's last tick."""
    wallets: pd.Index
    tokens: pd.Index


def ticks_of(
    trades: pd.DataFrame, *, assumptions: Assumptions, others: pd.DataFrame | None = None
) -> Ticks:
    """Ticks of all trades (the frame of `scout.research.trades`), and of `others`: prices known from elsewhere.

    `others` has token, ts (when the price was seen), price_sol and, where known, liquidity_usd and
    sol_price_usd. Those of tokens that nobody in `trades` swapped are left out.
    """
    wallet, wallets = pd.factorize(trades["wallet"], sort=True)
    token, tokens = pd.factorize(trades["token"], sort=True)
    own = _columns(trades, assumptions=assumptions)
    own |= {"wallet": wallet, "token": token, "row": np.arange(len(trades))}
    own["fraction"] = _fractions(own, amount=_floats(trades, "token_amount"))
    columns = own if others is None else _joined(own, _strangers(others, tokens, assumptions))
    order = np.lexsort((columns["row"], columns["at"], columns["token"]))
    columns = {name: values[order] for name, values in columns.items()}
    reserve = reserve_sol(
        liquidity_usd=columns["liquidity_usd"], sol_price_usd=columns["sol_price_usd"]
    )
    columns["price"] = _last_known(columns["price"], columns["token"])
    return Ticks(
        **columns,
        reserve=reserve,
        last_reserve=_last_known(reserve, columns["token"]),
        end=np.searchsorted(columns["token"], columns["token"], side="right"),
        wallets=_names(wallets),
        tokens=_names(tokens),
    )


def _names(values: Any) -> pd.Index:
    return pd.Index(np.asarray(values, dtype=object), dtype="str")


def _columns(trades: pd.DataFrame, *, assumptions: Assumptions) -> dict[str, np.ndarray]:
    is_sale = ~trades["is_buy"].to_numpy(dtype=bool)
    paid = _floats(trades, "price_sol")
    stripped = np.where(
        is_sale, paid / (1 - assumptions.pool_fee), paid * (1 - assumptions.pool_fee)
    )
    quoted = _floats(trades, "price_after_sol")
    has_quote = quoted > 0
    worse = 1 + assumptions.adverse * np.where(is_sale, -1, 1)
    return {
        "at": trades["ts"].to_numpy(dtype=np.int64) + assumptions.delay_seconds,
        "is_sale": is_sale,
        "price": np.where(has_quote, quoted, stripped),
        "own_price": np.where(has_quote, quoted, stripped * worse),
        "fill_price": paid,
        "liquidity_usd": _floats(trades, "liquidity_usd"),
        "sol_price_usd": _sol_prices(trades, assumptions),
    }


def _last_known(values: Floats, token: Whole) -> Floats:
    return np.asarray(pd.Series(values).groupby(token).ffill(), dtype=np.float64)


def _floats(frame: pd.DataFrame, name: str) -> Floats:
    """The column, or NaN where there is none."""
    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(frame[name], dtype=np.float64)


def _sol_prices(frame: pd.DataFrame, assumptions: Assumptions) -> Floats:
    prices = _floats(frame, "sol_price_usd")
    if assumptions.sol_price_usd is None:
        return prices
    return np.where(np.isnan(prices), assumptions.sol_price_usd, prices)


def _fractions(columns: dict[str, np.ndarray], *, amount: Floats) -> Floats:
    """The part of what a wallet held of a token that each of its sales sold, 0 < part ≤ 1; 0 for buys.

    Tokens that came without a buy are not known: a sale of more than is known sells everything.
    """
    order = np.lexsort((columns["row"], columns["at"], columns["token"], columns["wallet"]))
    group = (
        columns["wallet"][order] * (columns["token"].max(initial=0) + 1) + columns["token"][order]
    )
    signed = np.where(columns["is_sale"], -amount, amount)[order]
    total = pd.Series(signed).groupby(group).cumsum()
    owed = total.groupby(group).cummin().clip(upper=0.0)
    before = (total - owed).groupby(group).shift(fill_value=0.0).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(before > 0, np.minimum(1.0, -signed / before), 1.0)
    part = np.where(part >= ALL_OF_IT, 1.0, part)
    fractions = np.zeros(len(part))
    fractions[order] = np.where(signed < 0, part, 0.0)
    return fractions


def _strangers(
    others: pd.DataFrame, tokens: Any, assumptions: Assumptions
) -> dict[str, np.ndarray]:
    token = pd.Index(tokens).get_indexer(pd.Index(others["token"]))
    known = others[(token >= 0) & (_floats(others, "price_sol") > 0)]
    count, price = len(known), _floats(known, "price_sol")
    return {
        "token": pd.Index(tokens).get_indexer(pd.Index(known["token"])),
        "at": known["ts"].to_numpy(dtype=np.int64),
        "row": np.full(count, -1),
        "wallet": np.full(count, STRANGER),
        "is_sale": np.zeros(count, dtype=bool),
        "price": price,
        "own_price": price,
        "fill_price": price,
        "liquidity_usd": _floats(known, "liquidity_usd"),
        "sol_price_usd": _sol_prices(known, assumptions),
        "fraction": np.zeros(count),
    }


def _joined(own: dict[str, np.ndarray], strangers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([own[name], strangers[name]]) for name in own}
