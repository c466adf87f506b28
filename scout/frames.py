"""Wallets' swaps as the research reads them: rows joined with what is known about the moment of each."""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from django.db.models import Avg
from django.db.models.functions import TruncHour

from scout.archive import Reading, Side, Swap
from trading.domain.values import LAMPORTS_PER_SOL
from trading.models import EquityPoint, Token

COLUMNS = (
    "address", "signature", "at", "mint", "symbol", "side", "sol_lamports", "usdc_raw", "token_raw", "decimals",
    "fee_lamports", "tip_lamports", "dex", "pool_lamports", "liquidity_usd", "volume_24h_usd",
    "token_created_at", "sol_price_usd", "price_after_sol",
)  # fmt: skip
BOTH_SIDES = 2
USDC_DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SolPrices:
    """SOL in USD as the platform has seen it, by the hour; `fallback` where it has seen nothing at all."""

    moments: tuple[datetime, ...] = ()
    prices: tuple[Decimal, ...] = ()
    fallback: Decimal | None = None

    def at(self, moment: datetime) -> Decimal | None:
        """The last one seen by then; before the first one, that first one: SOL moves less than pools do."""
        if not self.moments:
            return self.fallback
        return self.prices[max(0, bisect.bisect_right(self.moments, moment) - 1)]


def sol_prices(*, fallback: Decimal | None) -> SolPrices:
    """What the platform's own valuations have seen."""
    seen = (
        EquityPoint.objects.filter(sol_price_usd__isnull=False)
        .annotate(hour=TruncHour("at"))
        .values("hour")
        .annotate(price=Avg("sol_price_usd"))
        .order_by("hour")
        .values_list("hour", "price")
    )
    rows = list(seen)
    return SolPrices(
        moments=tuple(hour for hour, _ in rows),
        prices=tuple(Decimal(price) for _, price in rows),
        fallback=fallback,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What is known about tokens and times besides the swaps themselves."""

    sol: SolPrices = field(default_factory=SolPrices)
    symbols: dict[str, str] = field(default_factory=dict)


def moments(*, sol_price_usd: Decimal | None) -> Moments:
    """As the platform knows them now."""
    return Moments(
        sol=sol_prices(fallback=sol_price_usd),
        symbols=dict(Token.objects.values_list("mint", "symbol")),
    )


def swap_frame(addresses: Sequence[str], *, known: Moments, until: datetime) -> pd.DataFrame:
    """The columns of scout/research/columns.py for these wallets, nothing later than `until`.

    `sol_amount` has network fee and tip inside: more for a buy, less for a sale. Of a wallet whose history
    was cut off only the part without gaps; swaps in USDC count at SOL's price of the time. Liquidity is
    both sides of the pool, its SOL side doubled, from the swap's own transaction where nobody has told it otherwise.
    """
    swaps = Swap.objects.filter(address__in=addresses, at__lte=until).order_by(
        "address", "at", "id"
    )
    cut = dict(
        Reading.objects.filter(address__in=addresses, complete_since__isnull=False).values_list(
            "address", "complete_since"
        )
    )
    rows = (
        dict(zip(COLUMNS, row, strict=True)) for row in swaps.values_list(*COLUMNS).iterator(10_000)
    )
    return pd.DataFrame(
        list(_described(rows, known, cut)),
        columns=[
            "wallet", "tx_sig", "ts", "token", "symbol", "side", "sol_amount", "token_amount",
            "price_sol", "liquidity_usd", "volume_24h_usd", "token_created_ts", "sol_price_usd",
            "dex", "jito_tip", "price_after_sol",
        ],
    )  # fmt: skip


def _described(
    rows: Iterable[dict[str, Any]], known: Moments, cut: Mapping[str, datetime | None]
) -> Iterable[tuple[Any, ...]]:
    for row in rows:
        since = cut.get(row["address"])
        if (since is not None and row["at"] < since) or not row["token_raw"]:
            continue
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
    created = row["token_created_at"]
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
        _number(row["price_after_sol"]),
    )


def _liquidity_usd(row: dict[str, Any], sol_price: Decimal | None) -> float | None:
    if row["liquidity_usd"] is not None:
        return float(row["liquidity_usd"])
    if row["pool_lamports"] is None or sol_price is None:
        return None
    return float(BOTH_SIDES * row["pool_lamports"] / LAMPORTS_PER_SOL * float(sol_price))


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
