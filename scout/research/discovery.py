"""Whom to look at next: wallets that trade what good leaders trade, and early buyers of tokens that did well.

These are reasons to read and score a wallet, never to follow it: who was early by luck or by inside knowledge
looks the same from here, and is told apart by the score and the backtest.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

DAY = 86_400
RUN_DAYS = 14
"""How recent a runner's first known price must be."""
RUN_FACTOR = 3.0
"""How many times its first price a runner reached, on the median of the prices of some later day."""
EARLY_FACTOR = 1.5
"""An early buyer paid at most this many times the first price."""
LEAST_TRADERS = 5
"""A token that fewer wallets trade is nobody's success but its maker's."""
LEAST_LIQUIDITY_USD = 10_000
LAUNCH_SECONDS = 60
"""Whoever buys this soon after a token's creation is a sniper or knew of it: no follower can be as early."""
LEAST_SHARED = 3
OCCASION_SECONDS = 6 * 3_600


class Source(StrEnum):
    """How a wallet was come upon."""

    CO_TRADER = "CO_TRADER"
    WINNER = "WINNER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A wallet worth reading. `rank` compares candidates of one source; higher is sooner."""

    wallet: str
    source: Source
    rank: float
    evidence: dict[str, Any]
    text: str


def discover(
    trades: pd.DataFrame, *, leaders: Collection[str], known: Collection[str], as_of: int
) -> tuple[Candidate, ...]:
    """Candidates among the wallets of a frame of trades that are neither leaders nor `known`.

    One entry a wallet and source, the best of each source in turn, so that neither crowds the other out of a
    small budget. Only trades up to `as_of` count. Pure: the same input gives the same list.
    """
    past = trades[trades["ts"] <= as_of]
    skipped = {*leaders, *known}
    found = [
        [each for each in source if each.wallet not in skipped]
        for source in (co_traders(past, leaders=leaders), winners(past, as_of=as_of))
    ]
    longest = max(map(len, found))
    turns = (source[turn] for turn in range(longest) for source in found if turn < len(source))
    return tuple(turns)


def co_traders(trades: pd.DataFrame, *, leaders: Collection[str]) -> list[Candidate]:
    """Wallets by how alike their buys are to those of the leaders, best first.

    Cosine of two vectors over occasions (a token in a quarter of a day), one weighing log(wallets / its
    buyers): what everybody buys says nothing, and who buys everything is like nobody (Salton and Buckley
    1988). Without the time the same tokens say little: everybody trades the large ones some day.
    """
    buys = trades[trades["is_buy"]]
    is_led = buys["wallet"].isin(list(leaders)).to_numpy()
    if not is_led.any() or is_led.all():
        return []
    occasion, count = _occasions(buys)
    wallet, wallets = pd.factorize(buys["wallet"], sort=True)
    pairs = np.unique(occasion << 32 | wallet)
    occasion_of, wallet_of = pairs >> 32, pairs & 0xFFFFFFFF
    weight = np.log(len(wallets) / np.bincount(occasion_of, minlength=count))
    led = np.zeros(count, dtype=bool)
    led[occasion[is_led]] = True
    square = weight[occasion_of] ** 2

    def total(weights: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(wallet_of, weights=weights, minlength=len(wallets)))

    common, scale = total(square * led[occasion_of]), np.sqrt(total(square))
    scale *= np.sqrt((weight[led] ** 2).sum())
    table = pd.DataFrame(
        {
            "cosine": np.divide(common, scale, out=np.zeros_like(common), where=scale > 0),
            "shared": total(led[occasion_of].astype(float)).astype(int),
            "occasions": np.bincount(wallet_of, minlength=len(wallets)),
        },
        index=pd.Index(wallets.astype("str"), name="wallet"),
    )
    table = table[~table.index.isin(list(leaders)) & (table["shared"] >= LEAST_SHARED)]
    table = table[table["cosine"] > 0].reset_index()
    ranked = table.sort_values(["cosine", "wallet"], ascending=[False, True])
    return [_co_trader(row) for row in ranked.to_dict("records")]


def _occasions(buys: pd.DataFrame) -> tuple[np.ndarray, int]:
    """The number of each row's token and time, and how many there are."""
    token = pd.factorize(buys["token"])[0].astype(np.int64)
    when = buys["ts"].to_numpy(dtype=np.int64) // OCCASION_SECONDS
    occasion, known = pd.factorize(token << 32 | when)
    return occasion.astype(np.int64), len(known)


def _co_trader(row: dict[str, Any]) -> Candidate:
    return Candidate(
        wallet=row["wallet"],
        source=Source.CO_TRADER,
        rank=row["cosine"],
        evidence={"shared": row["shared"], "occasions": row["occasions"]},
        text=(
            f"{row['shared']} times of {row['occasions']} it bought what a leader bought"
            " in the same six hours"
        ),
    )


def winners(trades: pd.DataFrame, *, as_of: int) -> list[Candidate]:
    """Early buyers of recent runners, by how surely more than chance is behind it, best first.

    Against the population's own rate p of early buys among a wallet's tokens, h of n are rated with the
    Chernoff bound of the binomial tail, n (s ln(s/p) + (1-s) ln((1-s)/(1-p))) with s = h/n: one hit of one
    says less than five of ten.
    """
    recent = trades[trades["ts"] > as_of - RUN_DAYS * DAY]
    running = runners(trades, as_of=as_of)
    buys = recent[recent["is_buy"]]
    start = buys["token"].astype("str").map(running["first_price"]).to_numpy(dtype=np.float64)
    age = buys["ts"].to_numpy() - buys["token_created_ts"].to_numpy(dtype=np.float64)
    is_early = (buys["price_sol"].to_numpy() <= EARLY_FACTOR * start) & ~(age < LAUNCH_SECONDS)
    by_token = (
        buys.assign(is_early=is_early)
        .groupby(["wallet", "token"], observed=True, sort=True)["is_early"]
        .any()
        .reset_index()
    )
    rates = by_token.groupby("wallet", observed=True, sort=True)["is_early"].agg(["sum", "count"])
    base = float(rates["sum"].sum()) / max(1, int(rates["count"].sum()))
    hit = by_token[by_token["is_early"]].groupby("wallet", observed=True)["token"].agg(list)
    found = [
        _winner(
            str(wallet), int(row["sum"]), int(row["count"]), base, [str(t) for t in hit[wallet]]
        )
        for wallet, row in rates[rates["sum"] > 0].iterrows()
    ]
    return sorted((each for each in found if each.rank > 0), key=lambda e: (-e.rank, e.wallet))


def runners(trades: pd.DataFrame, *, as_of: int) -> pd.DataFrame:
    """Tokens first seen within RUN_DAYS that did well since, indexed by token: first_price, best_price.

    The first price is the median of the first hour's; the best is the highest median of a day's prices, so
    that one absurd swap makes no runner. Thin tokens and those that few wallets trade are left out.
    """
    first = trades.groupby("token", observed=True)["ts"].transform("min").to_numpy()
    young = trades[first > as_of - RUN_DAYS * DAY]
    since = young["ts"].to_numpy() - first[first > as_of - RUN_DAYS * DAY]
    token = young["token"].astype("str")
    opening = young["price_sol"][since < 3_600].groupby(token).median()
    daily = young.groupby([token, since // DAY])["price_sol"].median().groupby(level=0).max()
    facts = young.groupby(token).agg({"wallet": "nunique", "liquidity_usd": "max"})
    table = pd.DataFrame({"first_price": opening, "best_price": daily}).join(facts)
    is_runner = (
        (table["best_price"] >= RUN_FACTOR * table["first_price"])
        & (table["wallet"] >= LEAST_TRADERS)
        & (table["liquidity_usd"] >= LEAST_LIQUIDITY_USD)
    )
    return table.loc[is_runner, ["first_price", "best_price"]]


def _winner(wallet: str, hits: int, tokens: int, base: float, names: list[str]) -> Candidate:
    share = hits / tokens
    rest = (1 - share) * np.log((1 - share) / (1 - base)) if share < 1 else 0.0
    rank = tokens * (share * np.log(share / base) + rest) if share > base else 0.0
    return Candidate(
        wallet=wallet,
        source=Source.WINNER,
        rank=float(rank),
        evidence={"runners": names, "tokens": tokens, "base_rate": round(base, 6)},
        text=f"bought {hits} recent runners early among {tokens} tokens; others {base:.1%} of theirs",
    )
