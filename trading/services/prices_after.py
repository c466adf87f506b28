"""What the tokens of leaders' swaps cost a few seconds later: which are still wanted, keeping them, Scout's reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from trading.domain.market_readings import Failed, Known, Reading, Zero
from trading.models import LeaderTrade, PriceAfter
from trading.rows import every, moment, parameter

EARLIEST, LATEST = timedelta(seconds=4), timedelta(seconds=15)
"""A price counts from the first of these after the swap to the second; a later one says something else."""
LOOK_BACK = timedelta(hours=24)
MOST_AT_ONCE = 500


NOT_STORED = (
    " AND NOT EXISTS (SELECT 1 FROM trading_priceafter p WHERE p.signature = t.signature"
    " AND p.wallet = t.leader_address AND p.mint = x.mint)"
)
SWAPS_WITHOUT_PRICE = (
    "SELECT t.signature, t.leader_address, x.mint, t.traded_at, t.first_heard_at"  # noqa: S608
    " FROM trading_leadertrade t JOIN trading_leaderleg x ON x.trade_id = t.id"
    f" WHERE t.first_heard_at >= %s{NOT_STORED}"
    " UNION SELECT t.signature, t.leader_address, x.mint, t.traded_at, t.first_heard_at"
    " FROM trading_signal x JOIN trading_leadertrade t ON t.signature = x.source_signature"
    f" AND t.leader_address = x.leader_address WHERE x.received_at >= %s{NOT_STORED}"
    " ORDER BY 5 LIMIT %s"
)


class Missed(StrEnum):
    """Why there is no price; a later one is never taken in its place."""

    HEARD_LATE = "HEARD_LATE"
    NOT_RUNNING = "NOT_RUNNING"
    NOT_TOLD = "NOT_TOLD"
    WORTHLESS = "WORTHLESS"
    NO_TIME = "NO_TIME"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderSwap:
    """One token of one leader's swap. `swapped_at` is the block's time, None while nobody knows it."""

    signature: str
    wallet: str
    mint: str
    swapped_at: datetime | None
    heard_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of one swap's window: a price, or why there is none."""

    swap: LeaderSwap
    price_sol: Decimal | None = None
    at: datetime | None = None
    source: str = ""
    missed: str = ""


def swaps_without_price(*, since: datetime, limit: int = MOST_AT_ONCE) -> list[LeaderSwap]:
    """Leaders' swaps heard since then of which neither a price nor a miss is stored, oldest first.

    Those that were read from transactions, and those that a provider's signal named by their signature.
    """
    heard = parameter(LeaderTrade, "first_heard_at", since)
    rows = every(SWAPS_WITHOUT_PRICE, heard, heard, limit)
    return [
        LeaderSwap(
            signature=signature,
            wallet=wallet,
            mint=mint,
            swapped_at=moment(traded_at),
            heard_at=_heard(heard_at),
        )
        for signature, wallet, mint, traded_at, heard_at in rows
    ]


def _heard(value: object) -> datetime:
    at = moment(value)
    assert at is not None, "the column allows no null"
    return at


def keep_prices_after(seen: Sequence[Seen]) -> None:
    """Store these; one that is stored already stays as it is."""
    PriceAfter.objects.bulk_create(map(_row, seen), ignore_conflicts=True)


def _row(seen: Seen) -> PriceAfter:
    swap = seen.swap
    swapped_at = swap.swapped_at or swap.heard_at
    after = None
    if seen.at is not None:
        after = max(0, round((seen.at - swapped_at) / timedelta(milliseconds=1)))
    return PriceAfter(
        signature=swap.signature,
        wallet=swap.wallet,
        mint=swap.mint,
        swapped_at=swapped_at,
        price_sol=seen.price_sol,
        after_milliseconds=after,
        source=seen.source,
        missed=seen.missed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterSwap:
    """What Scout reads of one swap: the price as a reading, and how long after the swap it was seen."""

    signature: str
    mint: str
    swapped_at: datetime
    price_sol: Reading[Decimal]
    after_seconds: Decimal | None


def prices_after(wallet: str, *, since: datetime, until: datetime) -> list[AfterSwap]:
    """Of every swap of a wallet in that time, in order of time; one that is not listed was never heard.

    Known: the price about five seconds later. Zero: told to be worth nothing. Failed: missed, and its text
    is the code of `Missed`; no later price was taken for it.
    """
    rows = PriceAfter.objects.filter(
        wallet=wallet, swapped_at__gte=since, swapped_at__lte=until
    ).order_by("swapped_at", "id")
    return [_after_swap(row) for row in rows]


def _after_swap(row: PriceAfter) -> AfterSwap:
    after = None
    if row.after_milliseconds is not None:
        after = Decimal(row.after_milliseconds) / 1_000
    return AfterSwap(
        signature=row.signature,
        mint=row.mint,
        swapped_at=row.swapped_at,
        price_sol=_reading(row),
        after_seconds=after,
    )


def _reading(row: PriceAfter) -> Reading[Decimal]:
    at = row.swapped_at
    if row.price_sol is not None and row.price_sol > 0:
        return Known(value=row.price_sol, at=at, source=row.source)
    if row.missed == Missed.WORTHLESS:
        return Zero(at=at, source=row.source)
    return Failed(text=row.missed, at=at)
