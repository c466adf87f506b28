"""Wallets' swaps as the research reads them: rows joined with what is known about the moment of each."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from pandas.api.types import union_categoricals

from scout.archive import Reading, Side, Swap
from scout.knowledge import Moments, prices_after, samples_at
from scout.research.trades import trades_of
from trading.domain.values import LAMPORTS_PER_SOL

COLUMNS = (
    "address", "signature", "at", "mint", "symbol", "side", "sol_lamports", "usdc_raw", "token_raw", "decimals",
    "fee_lamports", "tip_lamports", "dex", "pool_lamports", "pool_price", "liquidity_usd", "volume_24h_usd",
    "token_created_at", "sol_price_usd", "price_after_sol",
)  # fmt: skip
BOTH_SIDES = 2
WALLETS_AT_ONCE = 200
CATEGORIES = ("wallet", "token", "symbol", "dex")
USDC_DECIMALS = 6


def swap_frame(addresses: Sequence[str], *, known: Moments, until: datetime) -> pd.DataFrame:
    """The columns of scout/research/columns.py for these wallets, nothing later than `until`.

    `sol_amount` has network fee and tip inside: more for a buy, less for a sale. Of a wallet whose history
    was cut off only the part without gaps; swaps in USDC count at SOL's price of the time. Liquidity is
    what was imported, else both sides of the pool, its SOL side doubled, from the swap's own transaction, else
    what the platform's samples saw.
    """
    rows = list(_rows(addresses, until=until))
    _add_samples(rows)
    _add_prices_after(rows, addresses)
    return pd.DataFrame(
        list(_described(rows, known)),
        columns=[
            "wallet", "tx_sig", "ts", "token", "symbol", "side", "sol_amount", "token_amount",
            "price_sol", "liquidity_usd", "volume_24h_usd", "token_created_ts", "sol_price_usd",
            "dex", "jito_tip", "price_after_sol",
        ],
    )  # fmt: skip


def trades_until(
    addresses: Sequence[str],
    *,
    known: Moments,
    until: datetime,
    progress: Callable[[], None] | None = None,
) -> pd.DataFrame:
    """`swap_frame` as the compact frame of scout/research/trades.py, with signatures, sorted by wallet.

    Read some wallets at a time, `progress` told after them, so that what is large is only the result.
    Rows that the research does not take are left out: they come from the chain, and a figure beyond all
    reason on it is nobody's trade.
    """
    parts = []
    for start in range(0, len(addresses), WALLETS_AT_ONCE):
        frame = swap_frame(addresses[start : start + WALLETS_AT_ONCE], known=known, until=until)
        if not frame.empty:
            parts.append(trades_of(frame, is_strict=False, keep_signatures=True).rows)
        if progress is not None:
            progress()
    if not parts:
        return pd.DataFrame()
    columns = {
        name: union_categoricals([part[name] for part in parts], sort_categories=True)
        for name in CATEGORIES
    }
    plain = [part.drop(columns=list(CATEGORIES)) for part in parts]
    joined = pd.concat(plain, ignore_index=True)
    return joined.assign(**columns)[list(parts[0].columns)]


def _rows(addresses: Sequence[str], *, until: datetime) -> Iterable[dict[str, Any]]:
    swaps = Swap.objects.filter(address__in=addresses, at__lte=until)
    cut: dict[str, datetime | None] = dict(
        Reading.objects.filter(address__in=addresses, complete_since__isnull=False).values_list(
            "address", "complete_since"
        )
    )
    for values in swaps.order_by("address", "at", "id").values_list(*COLUMNS).iterator(10_000):
        row = dict(zip(COLUMNS, values, strict=True))
        since = cut.get(row["address"])
        if (since is None or row["at"] >= since) and row["token_raw"]:
            yield row


def _add_samples(rows: Sequence[dict[str, Any]]) -> None:
    """What was seen of the token's market, for swaps that tell no depth themselves."""
    silent = [row for row in rows if row["liquidity_usd"] is None and row["pool_lamports"] is None]
    seen = samples_at([(row["mint"], row["at"]) for row in silent])
    for row, sample in zip(silent, seen, strict=True):
        if sample is not None:
            row["liquidity_usd"], row["sol_price_usd"] = sample.liquidity_usd, sample.sol_price_usd
            row["volume_24h_usd"] = sample.volume_24h_usd


def _add_prices_after(rows: Sequence[dict[str, Any]], addresses: Sequence[str]) -> None:
    seen = prices_after(addresses)
    for row in rows if seen else ():
        if row["price_after_sol"] is None:
            row["price_after_sol"] = seen.get((row["address"], row["signature"]))


def _described(rows: Iterable[dict[str, Any]], known: Moments) -> Iterable[tuple[Any, ...]]:
    for row in rows:
        sol_price = row["sol_price_usd"] or known.sol.at(row["at"])
        paid_lamports = _paid_lamports(row, sol_price)
        if paid_lamports is not None:
            yield _swap(row, known, paid_lamports=paid_lamports, sol_price=sol_price)


def _paid_lamports(row: dict[str, Any], sol_price: Decimal | None) -> int | None:
    """The swap's SOL leg; of one in USDC its worth at the time, None when nobody knows SOL's price."""
    if row["sol_lamports"] is not None or row["usdc_raw"] is None:
        known: int | None = row["sol_lamports"]
        return known
    if not sol_price:
        return None
    return int(Decimal(row["usdc_raw"]).scaleb(-USDC_DECIMALS) / sol_price * LAMPORTS_PER_SOL)


def _swap(
    row: dict[str, Any], known: Moments, *, paid_lamports: int, sol_price: Decimal | None
) -> tuple[Any, ...]:
    costs = row["fee_lamports"] + row["tip_lamports"]
    signed = costs if row["side"] == Side.BUY else -costs
    tokens = row["token_raw"] / 10 ** row["decimals"]
    created = row["token_created_at"] or known.births.get(row["mint"])
    return (
        row["address"],
        row["signature"],
        int(row["at"].timestamp()),
        row["mint"],
        row["symbol"] or known.symbols.get(row["mint"], ""),
        row["side"],
        max(0, paid_lamports + signed) / LAMPORTS_PER_SOL,
        tokens,
        paid_lamports / LAMPORTS_PER_SOL / tokens,
        _liquidity_usd(row, sol_price),
        _number(row["volume_24h_usd"]),
        None if created is None else created.timestamp(),
        _number(sol_price),
        row["dex"],
        int(row["tip_lamports"] > 0),
        _price_after(row),
    )


def _price_after(row: dict[str, Any]) -> float | None:
    """What a follower would have been quoted: as sampled a few seconds later, else the pool's own price right
    after the swap, which is it when nobody else trades in between."""
    if row["price_after_sol"] is not None:
        return float(row["price_after_sol"])
    if row["pool_price"] is None:
        return None
    return float(row["pool_price"] * 10 ** row["decimals"] / LAMPORTS_PER_SOL)


def _liquidity_usd(row: dict[str, Any], sol_price: Decimal | None) -> float | None:
    if row["liquidity_usd"] is not None:
        return float(row["liquidity_usd"])
    if row["pool_lamports"] is None or sol_price is None:
        return None
    return float(BOTH_SIDES * row["pool_lamports"] / LAMPORTS_PER_SOL * float(sol_price))


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
