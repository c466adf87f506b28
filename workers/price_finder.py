"""What the positions we hold are worth now: by Jupiter, by DexScreener, or by what their sale would bring."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.market_readings import (
    Failed,
    Known,
    Missing,
    Reading,
    Source,
    Stale,
    Zero,
    aged,
    is_answer,
)
from trading.domain.values import WSOL_MINT
from trading.gateways.connect import Gateways
from trading.gateways.prices import Price, Prices, PriceSources, price_of_pair, unanswered
from trading.models import Position
from trading.services.portfolio import PRICE_CEILING_SOL
from workers.pairs import Pairs
from workers.quotes import SaleQuotes

log = logging.getLogger("prices")
FIRST_PATIENCE_SECONDS = 1.0
"""How long a look waits for the first source; what it says later serves the next look."""
PAIR_EVERY = timedelta(seconds=2)
PAIR_LIFETIME = timedelta(seconds=10)
PAIR_PATIENCE_SECONDS = 0.5


class PriceFinder:
    """One look asks the first source for everything; the others only where it says nothing.

    What they are asked is asked beside the looks: whoever is priced by the first source waits for nobody.
    """

    def __init__(self, gateways: Gateways, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.sources = PriceSources(
            jupiter=gateways.jupiter, market_data=gateways.market_data, clock=clock
        )
        self._quotes = SaleQuotes(gateways.jupiter)
        self.pairs = Pairs(gateways.market_data, clock=clock)
        self.sol_usd: Known[Decimal] | None = None
        self._asking: asyncio.Task[Prices] | None = None

    @property
    def is_asking(self) -> bool:
        """Whether the first source owes an answer."""
        return self._asking is not None

    async def look(self, mints: Collection[str]) -> dict[str, Reading[Price]]:
        """What the first source says of every one of these mints, and of SOL, which is remembered."""
        prices = await self._first(sorted(mints))
        self.pairs.forget_all_but({*mints, WSOL_MINT})
        match prices.sol_usd:
            case Known() as known:
                self.sol_usd = known
            case Failed(text=text):
                log.warning("prices: %s", text)
        for mint in prices.unanswered():
            self.pairs.want(mint, every=PAIR_EVERY)
        self._take_second_sol(prices.sol_usd)
        return dict(prices.by_mint)

    async def _first(self, mints: Sequence[str]) -> Prices:
        """Its answer, to this question or to one that was put before; a source that hangs has not answered."""
        if self._asking is None:
            self._asking = asyncio.create_task(self.sources.first(mints))
        asked = self._asking
        done, _ = await asyncio.wait({asked}, timeout=FIRST_PATIENCE_SECONDS)
        nothing = unanswered(mints, f"{Source.JUPITER}: not told yet", self._clock())
        if not done:
            return nothing
        self._asking = None
        told = asked.result()
        found = {mint: told.by_mint.get(mint, failure) for mint, failure in nothing.by_mint.items()}
        return Prices(sol_usd=told.sol_usd, by_mint=found)

    def _take_second_sol(self, first: Reading[Decimal]) -> None:
        if is_answer(first):
            return
        self.pairs.want(WSOL_MINT, every=PAIR_EVERY)
        match self.pairs.seen(WSOL_MINT):
            case Known(value=pair, at=at, source=source) if pair.price_usd:
                if self.sol_usd is None or at > self.sol_usd.at:
                    self.sol_usd = Known(value=pair.price_usd, at=at, source=source)

    async def price(self, position: Position, first: Reading[Price]) -> Known[Decimal] | None:
        """SOL per whole token and who told it; None when nobody can tell now."""
        match first:
            case Known(value=price, at=at, source=source) if price.sol < PRICE_CEILING_SOL:
                return Known(value=price.sol, at=at, source=source)
            case Missing() | Failed():
                by_pair = await self._by_pair(position.mint)
                if by_pair is not None:
                    return by_pair
        # Told to be worth nothing, or more than all money: only a sale tells what it would bring.
        quoted = await self._quotes.price_sol(position)
        at = self._clock()
        return None if quoted is None else Known(value=quoted, at=at, source=Source.QUOTE)

    async def _by_pair(self, mint: str) -> Known[Decimal] | None:
        await self.pairs.wait(seconds=PAIR_PATIENCE_SECONDS)
        match aged(self.pairs.seen(mint), now=self._clock(), lifetime=PAIR_LIFETIME):
            case Known(value=pair, at=at, source=source):
                sol = self.sol_usd or Missing(at=at, source=source)
                reading = price_of_pair(pair, sol_usd=sol, at=at)
                if isinstance(reading, Known) and reading.value.sol < PRICE_CEILING_SOL:
                    return Known(value=reading.value.sol, at=at, source=source)
        return None


def routable_of(seen: Reading[Price]) -> Reading[Decimal] | None:
    """The liquidity that came with the first source's price; None where there is no such price."""
    match seen:
        case Known(value=price):
            return price.liquidity_usd
        case Zero() | Stale() | Missing() | Failed():
            return None
