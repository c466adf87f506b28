"""Every dealing of every leader, and what a copier would have made of it.

The copier puts the same stake into every purchase, whatever the leader's size, and sells the same
share of what he holds. All money here is in stakes: 1.0 is the copier's size.

Two results. *Gross*: at the leader's own prices without their fees, so it is what the leader's
choice of token and moment was worth. *Net*: at the price a few seconds after the leader
(`price_after_sol`; where it is missing, the leader's price moved by `Costs.drift`), with our own
impact on a constant-product pool, fees and what is taken from our sales. The difference is the
price of copying, which is known far better than either.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scout.research.costs import Costs
from scout.research.marks import token_age

FULL_EXIT = 0.999
"""A sale of more than this share of what is held closes the position: the rest is dust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swaps:
    """Columns of the frame, sorted by wallet, token, then as in the frame; one entry a swap."""

    wallet: np.ndarray
    token: np.ndarray
    ts: np.ndarray
    is_buy: np.ndarray
    tokens: np.ndarray
    price: np.ndarray
    """The leader's, without the exchange's fee; SOL a token."""
    quote: np.ndarray
    """The one a copier meets; SOL a token."""
    has_quote: np.ndarray
    """True where that was observed, not modelled."""
    depth: np.ndarray
    """SOL side of the pool in stakes; NaN unknown."""
    can_copy: np.ndarray
    """False for sales, and where the copier would not buy: pool too thin, or not known."""
    age: np.ndarray
    """Of the token, seconds; NaN unknown."""
    row: np.ndarray
    """Where the swap stands in the frame."""


def swaps_of(rows: pd.DataFrame, *, liquidity: np.ndarray, costs: Costs) -> Swaps:
    """From `rows` of `Trades`, with the `known_liquidity` of each in USD."""
    # Codes of few categories are 8-bit numbers: too small to compute with.
    wallet, token = (rows[name].cat.codes.to_numpy(np.int64) for name in ("wallet", "token"))
    is_buy, age = rows["is_buy"].to_numpy(), token_age(rows)
    price = rows["price_sol"].to_numpy() * np.where(
        is_buy, 1 - costs.dex_fee, 1 / (1 - costs.dex_fee)
    )
    sol_usd = rows["sol_price_usd"].to_numpy(float)
    sol_usd = np.where(sol_usd > 0, sol_usd, costs.assumed_sol_usd)
    order = np.lexsort((np.arange(len(rows)), token, wallet))
    columns = {
        "wallet": wallet, "token": token, "ts": rows["ts"].to_numpy(), "is_buy": is_buy,
        "tokens": rows["token_amount"].to_numpy(), "price": price,
        "has_quote": rows["price_after_sol"].to_numpy() > 0,
        "quote": _quote(rows["price_after_sol"].to_numpy(), price, is_buy, costs.drift(age)),
        "depth": liquidity / 2 / sol_usd / costs.stake_sol,
        "can_copy": is_buy & (liquidity >= costs.least_liquidity_usd),
        "age": age, "row": np.arange(len(rows)),
    }  # fmt: skip
    return Swaps(**{name: values[order] for name, values in columns.items()})


def _quote(
    after: np.ndarray, price: np.ndarray, is_buy: np.ndarray, drift: np.ndarray
) -> np.ndarray:
    return np.asarray(np.where(after > 0, after, price * np.where(is_buy, 1 + drift, 1 - drift)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Per swap: `opener` is the index of the swap that opened its position, −1 if nothing was held;
    `share` of the holding sold, as `sold` tokens of the leader's; what the sale brings the copier,
    `gross` and `net`; what leader and copier hold after it; is it the last of its pair?"""

    opener: np.ndarray
    share: np.ndarray
    sold: np.ndarray
    gross: np.ndarray
    net: np.ndarray
    is_last: np.ndarray
    held: np.ndarray
    gross_held: np.ndarray
    net_held: np.ndarray


FIGURES = ("share", "sold", "gross", "net", "held", "gross_held", "net_held")


def follow(swaps: Swaps, *, costs: Costs) -> Outcome:
    """Walk through all dealings at once: the k-th step is the k-th swap of every (wallet, token).

    A sale of what was never bought has no position; one of more than is held sells what is held.
    """
    size = len(swaps.ts)
    per_swap = {name: np.zeros(size) for name in FIGURES}
    opener, is_last = np.full(size, -1), np.zeros(size, bool)
    gross_bought, net_bought = _bought(swaps, costs)
    held = gross_held = net_held = np.zeros(0)
    opened = np.zeros(0, int)
    for at, is_end in _steps(swaps):
        if len(held) < len(at):  # only the first step is longer than what there is
            held, gross_held, net_held = np.zeros((3, len(at)))
            opened = np.full(len(at), -1)
        held, gross_held, net_held, opened = (
            state[: len(at)] for state in (held, gross_held, net_held, opened)
        )
        is_buy = swaps.is_buy[at]
        opened = np.where(is_buy & (held <= 0), at, opened)
        share = _share(swaps.tokens[at], held, is_buy)
        opener[at] = np.where(is_buy | (share > 0), opened, -1)
        per_swap["share"][at], per_swap["sold"][at] = share, share * held
        per_swap["gross"][at] = share * gross_held * swaps.price[at]
        per_swap["net"][at] = costs.proceeds(share * net_held * swaps.quote[at], swaps.depth[at])
        held = np.where(is_buy, held + swaps.tokens[at], held * (1 - share))
        gross_held = gross_held * (1 - share) + gross_bought[at]
        net_held = net_held * (1 - share) + net_bought[at]
        for name, state in (("held", held), ("gross_held", gross_held), ("net_held", net_held)):
            per_swap[name][at] = state
        is_last[at] = is_end
    return Outcome(opener=opener, is_last=is_last, **per_swap)


def _bought(swaps: Swaps, costs: Costs) -> tuple[np.ndarray, np.ndarray]:
    """Tokens that one stake buys, at the leader's price and at ours."""
    can = swaps.can_copy & (swaps.price > 0) & (swaps.quote > 0)
    price, quote = np.where(can, swaps.price, 1.0), np.where(can, swaps.quote, 1.0)
    depth = np.where(can, swaps.depth, 1.0)
    ours = (1 - costs.dex_fee) / (quote * (1 + 1 / depth))
    return np.where(can, 1 / price, 0.0), np.where(can, ours, 0.0)


def _share(tokens: np.ndarray, held: np.ndarray, is_buy: np.ndarray) -> np.ndarray:
    can_sell = ~is_buy & (held > 0)
    share = np.where(can_sell, np.minimum(tokens / np.where(can_sell, held, 1.0), 1.0), 0.0)
    return np.asarray(np.where(share >= FULL_EXIT, 1.0, share))


def _steps(swaps: Swaps) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of the k-th swap of every pair that has so many, longest dealings first, and which of
    them are the pair's last."""
    if not len(swaps.ts):
        return
    is_new = np.r_[True, (np.diff(swaps.wallet) != 0) | (np.diff(swaps.token) != 0)]
    starts = np.flatnonzero(is_new)
    sizes = np.diff(np.r_[starts, len(is_new)])
    longest_first = np.argsort(-sizes, kind="stable")
    starts, sizes = starts[longest_first], sizes[longest_first]
    for k in range(int(sizes[0])):
        count = int(np.searchsorted(-sizes, -k, side="left"))
        yield starts[:count] + k, sizes[:count] == k + 1
