"""What the platform has seen of markets besides the swaps themselves: SOL's price, tokens' births, names and marks."""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from django.db.models import Avg, Min, QuerySet
from django.db.models.functions import TruncHour

from scout.models import Candidate
from scout.research.facts import Facts, no_facts
from trading.domain.market_readings import Known
from trading.domain.samples import BEFORE, Sample
from trading.models import EquityPoint, LiquiditySample, PriceAfter, PriceTick, Token
from trading.services.samples import markets_of

MINTS_AT_ONCE = 500
TICK_SECONDS = 10
"""Of several prices of a token within so long the last is taken: leaders' copies live for minutes."""


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
    """What the platform's valuations and its samples of tokens have seen."""
    hours = dict(_by_hour(LiquiditySample.objects.all()))
    hours |= dict(_by_hour(EquityPoint.objects.all()))
    known = sorted(hours.items())
    return SolPrices(
        moments=tuple(hour for hour, _ in known),
        prices=tuple(Decimal(price) for _, price in known),
        fallback=fallback,
    )


def _by_hour(rows: QuerySet[Any]) -> list[tuple[datetime, Any]]:
    seen = rows.filter(sol_price_usd__gt=0).annotate(hour=TruncHour("at")).values("hour")
    hours = seen.annotate(price=Avg("sol_price_usd")).order_by("hour")
    return list(hours.values_list("hour", "price"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What is known about tokens and times besides the swaps themselves."""

    sol: SolPrices = field(default_factory=SolPrices)
    symbols: dict[str, str] = field(default_factory=dict)
    births: dict[str, datetime] = field(default_factory=dict)


def moments(*, sol_price_usd: Decimal | None) -> Moments:
    """As the platform knows them now; a token's birth does not change, so a later sample may tell it."""
    told = LiquiditySample.objects.filter(token_created_at__isnull=False).values("mint")
    births = told.annotate(born=Min("token_created_at")).order_by().values_list("mint", "born")
    return Moments(
        sol=sol_prices(fallback=sol_price_usd),
        symbols=dict(Token.objects.values_list("mint", "symbol")),
        births=dict(births),
    )


def prices_after(addresses: Sequence[str]) -> dict[tuple[str, str], Decimal]:
    """(wallet, signature) → the token's price some five seconds later, where it was seen."""
    rows = PriceAfter.objects.filter(wallet__in=addresses, price_sol__isnull=False)
    return {
        (wallet, signature): price
        for wallet, signature, price in rows.values_list("wallet", "signature", "price_sol")
        if price is not None
    }


def funders(addresses: Sequence[str]) -> pd.Series:
    """By wallet who funded it, as far as an import has told."""
    told = Candidate.objects.filter(address__in=addresses).order_by("address")
    by_wallet = {
        address: str(evidence["funder"])
        for address, evidence in told.values_list("address", "evidence")
        if evidence.get("funder")
    }
    return pd.Series(by_wallet, dtype="str")


def samples_at(asked: Sequence[tuple[str, datetime]]) -> list[Sample | None]:
    """What was seen of each (mint, moment), nothing later and nothing stale."""
    return [each.value if isinstance(each, Known) else None for each in markets_of(asked)]


def prices_seen(mints: Sequence[str], *, since: datetime, until: datetime) -> pd.DataFrame:
    """What the platform saw of these tokens between their swaps, as a replay takes it: token, ts,
    price_sol, liquidity_usd and sol_price_usd (NaN not told), oldest first; at most one row in
    `TICK_SECONDS` of each token and source.
    """
    ticks: list[tuple[Any, ...]] = []
    samples: list[tuple[Any, ...]] = []
    for start in range(0, len(mints), MINTS_AT_ONCE):
        asked = {"mint__in": mints[start : start + MINTS_AT_ONCE], "price_sol__gt": 0}
        asked |= {"at__gte": since, "at__lte": until}
        ticks += _thinned(PriceTick.objects.filter(**asked), "mint", "at", "price_sol")
        samples += _thinned(
            LiquiditySample.objects.filter(**asked),
            *("mint", "at", "price_sol", "liquidity_usd", "sol_price_usd"),
        )
    columns = ["token", "ts", "price_sol", "liquidity_usd", "sol_price_usd"]
    frame = pd.DataFrame([*samples, *((*tick, None, None) for tick in ticks)], columns=columns)
    types = {"ts": "int64"} | dict.fromkeys(columns[2:], "float64")
    return frame.astype(types).sort_values(["token", "ts"], kind="stable", ignore_index=True)


def _thinned(rows: QuerySet[Any], *columns: str) -> list[tuple[Any, ...]]:
    """The last row of each token in every `TICK_SECONDS`, moments as unix seconds."""
    kept: dict[tuple[str, int], tuple[Any, ...]] = {}
    for mint, at, *rest in rows.order_by("at").values_list(*columns).iterator():
        seconds = int(at.timestamp())
        kept[mint, seconds // TICK_SECONDS] = (mint, seconds, *rest)
    return list(kept.values())


def token_facts(*, until: datetime) -> Facts:
    """Tokens' prices and depths at that moment, by which what is still held is marked."""
    recent = LiquiditySample.objects.filter(at__gt=until - BEFORE, at__lte=until)
    mints = list(recent.order_by("mint").values_list("mint", flat=True).distinct())
    seen = samples_at([(mint, until) for mint in mints])
    rows = [(mint, each) for mint, each in zip(mints, seen, strict=True) if each is not None]
    if not rows:
        return no_facts()
    tokens = pd.DataFrame(
        {
            "created_ts": [_seconds(each.token_created_at) for _, each in rows],
            "price_sol": [_float(each.price_sol) for _, each in rows],
            "liquidity_usd": [_float(each.liquidity_usd) for _, each in rows],
        },
        index=pd.Index([mint for mint, _ in rows], name="token"),
        dtype="float64",
    )
    return Facts(tokens=tokens, wallets=no_facts().wallets, as_of=int(until.timestamp()))


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
