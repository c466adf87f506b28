"""Prices by two sources: Jupiter first, DexScreener where it says nothing; each reading says who told it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.market_readings import (
    Failed,
    Known,
    Missing,
    Reading,
    Source,
    Zero,
    is_answer,
    or_else,
    told,
)
from trading.domain.values import WSOL_MINT
from trading.gateways.base import GatewayError
from trading.gateways.jupiter import Jupiter, PriceUsd
from trading.gateways.market_data import MarketData, PairFacts

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """SOL for one whole token, above zero, and the liquidity that this very source counts behind it."""

    sol: Decimal
    liquidity_usd: Reading[Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What was told at one moment. Every mint that was asked for has a reading."""

    sol_usd: Reading[Decimal]
    by_mint: Mapping[str, Reading[Price]]

    def unanswered(self) -> list[str]:
        """Mints whose price nobody has told yet."""
        return [mint for mint, reading in self.by_mint.items() if not is_answer(reading)]


class PriceSources:
    """Both sources behind one verb each; no method raises: what went wrong is in the readings."""

    def __init__(self, *, jupiter: Jupiter, market_data: MarketData, clock: Clock) -> None:
        self._jupiter, self._market_data, self._clock = jupiter, market_data, clock

    async def ask(self, mints: Sequence[str]) -> Prices:
        """Of both: the second is asked only for what the first did not tell."""
        first = await self.first(mints)
        lacking = first.unanswered()
        needs_sol = not is_answer(first.sol_usd)
        if not lacking and not needs_sol:
            return first
        second = await self.second(lacking, sol_usd=first.sol_usd)
        return Prices(
            sol_usd=or_else(first.sol_usd, second.sol_usd),
            by_mint={
                mint: or_else(reading, second.by_mint.get(mint, reading))
                for mint, reading in first.by_mint.items()
            },
        )

    async def sol_usd(self) -> Reading[Decimal]:
        """US dollars for one SOL."""
        return (await self.ask([])).sol_usd

    async def first(self, mints: Sequence[str]) -> Prices:
        """What Jupiter says: one call for 49 mints and SOL, which the prices are divided by."""
        try:
            found = await self._jupiter.prices_usd([WSOL_MINT, *mints])
        except GatewayError as error:
            return unanswered(mints, str(error), self._clock())
        at = self._clock()
        sol = found.get(WSOL_MINT)
        sol_usd = told(None if sol is None else sol.usd, at=at, source=Source.JUPITER)
        return Prices(
            sol_usd=sol_usd,
            by_mint={mint: _by_jupiter(found.get(mint), sol_usd, at) for mint in mints},
        )

    async def second(self, mints: Sequence[str], *, sol_usd: Reading[Decimal]) -> Prices:
        """What DexScreener says; SOL is asked for only where `sol_usd` is not known already."""
        needs_sol = not isinstance(sol_usd, Known)
        asked = [WSOL_MINT, *mints] if needs_sol else list(mints)
        try:
            pairs = await self._market_data.pairs(asked)
        except GatewayError as error:
            return unanswered(mints, str(error), self._clock())
        at = self._clock()
        if needs_sol:
            pair = pairs[WSOL_MINT]
            price = None if pair is None else pair.price_usd
            sol_usd = told(price, at=at, source=Source.DEXSCREENER)
        return Prices(
            sol_usd=sol_usd,
            by_mint={mint: price_of_pair(pairs[mint], sol_usd=sol_usd, at=at) for mint in mints},
        )


def price_of_pair(
    pair: PairFacts | None, *, sol_usd: Reading[Decimal], at: datetime
) -> Reading[Price]:
    """The price of a token by its deepest pair: told in SOL, or in dollars where SOL's price is known."""
    source = Source.DEXSCREENER
    if pair is None:
        return Missing(at=at, source=source)
    sol = pair.price_sol
    if sol is None and pair.price_usd is not None:
        return _divided(pair.price_usd, sol_usd, pair.liquidity_usd, at=at, source=source)
    return _price(sol, pair.liquidity_usd, at=at, source=source)


def _by_jupiter(price: PriceUsd | None, sol_usd: Reading[Decimal], at: datetime) -> Reading[Price]:
    if price is None:
        return Missing(at=at, source=Source.JUPITER)
    return _divided(price.usd, sol_usd, price.liquidity_usd, at=at, source=Source.JUPITER)


def _divided(
    usd: Decimal,
    sol_usd: Reading[Decimal],
    liquidity_usd: Decimal | None,
    *,
    at: datetime,
    source: str,
) -> Reading[Price]:
    match sol_usd:
        case Known(value=dollars):
            return _price(usd / dollars, liquidity_usd, at=at, source=source)
    return Failed(text=f"{source}: a price in dollars, and none of SOL", at=at)


def _price(
    sol: Decimal | None, liquidity_usd: Decimal | None, *, at: datetime, source: str
) -> Reading[Price]:
    match told(sol, at=at, source=source):
        case Known(value=value):
            liquidity = told(liquidity_usd, at=at, source=source)
            price = Price(sol=value, liquidity_usd=liquidity)
            return Known(value=price, at=at, source=source)
        case Zero() | Missing() | Failed() as no_price:
            return no_price
    raise AssertionError("a figure just told is not stale")


def unanswered(mints: Iterable[str], text: str, at: datetime) -> Prices:
    """That nobody has told any of them, and why."""
    failure = Failed(text=text, at=at)
    return Prices(sol_usd=failure, by_mint=dict.fromkeys(mints, failure))
