"""Prices of open positions as they were seen, kept for charts: bounded, and forgotten after a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F, Window
from django.db.models.functions import Mod, RowNumber

from trading.observations import PriceTick
from trading.rows import insert_many

KEEP_EVERY = timedelta(seconds=30)
"""A price that stays the same is kept so often, so that one can see that somebody looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One price of one token: SOL per whole token, when and by whom."""

    mint: str
    at: datetime
    price_sol: Decimal
    source: str


def add_ticks(ticks: Sequence[Tick]) -> None:
    """Keep these prices, in one statement."""
    insert_many(
        PriceTick,
        [{"mint": t.mint, "at": t.at, "price_sol": t.price_sol, "source": t.source} for t in ticks],
    )


def ticks_of(mint: str, *, since: datetime, until: datetime) -> list[Tick]:
    """The kept prices of a token in that time, oldest first."""
    rows = PriceTick.objects.filter(mint=mint, at__gte=since, at__lte=until).order_by("at")
    return [
        Tick(mint=mint, at=at, price_sol=price, source=source)
        for at, price, source in rows.values_list("at", "price_sol", "source")
    ]


def thinned_ticks(mint: str, *, since: datetime, until: datetime, most: int) -> list[Tick]:
    """About `most` of them, evenly taken, and always the newest: what the eye can tell apart."""
    kept = PriceTick.objects.filter(mint=mint, at__gte=since, at__lte=until)
    step = max(1, kept.count() // most)
    numbered = kept.annotate(number=Window(RowNumber(), order_by=F("at").desc()))
    thinned = numbered.annotate(offset=Mod(F("number") - 1, step)).filter(offset=0)
    rows = thinned.order_by("at").values_list("at", "price_sol", "source")
    return [Tick(mint=mint, at=at, price_sol=price, source=source) for at, price, source in rows]
