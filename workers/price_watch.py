"""Asks what a leader's token costs some five seconds after each swap that was heard, when nobody else wants to ask."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from trading.domain.market_readings import Known, Zero
from trading.domain.values import QUOTE_MINTS
from trading.gateways.prices import Prices, PriceSources
from trading.gateways.quota import Urgency, urgent
from trading.services.prices_after import (
    EARLIEST,
    LATEST,
    LOOK_BACK,
    LeaderSwap,
    Missed,
    Seen,
    keep_prices_after,
    swaps_without_price,
)
from trading.writer import GroupWriter

log = logging.getLogger("price_watch")
STEP_SECONDS = 1.0
PATIENCE_SECONDS = 4.0
SWEEP_EVERY = timedelta(minutes=1)
NEAR = timedelta(minutes=2)


class PriceWatch:
    """Every swap's window ends as a price or as a miss with its reason; a late price is never taken.

    What is wanted follows from the rows, so that a restart misses what passed meanwhile and nothing else.
    """

    def __init__(
        self, *, sources: PriceSources, writer: GroupWriter, clock: Callable[[], datetime]
    ) -> None:
        self._sources, self._writer, self._clock = sources, writer, clock
        self._asked: set[LeaderSwap] = set()
        self._swept_at: datetime | None = None

    async def step(self) -> int:
        """Look at the windows that are open now and close those that are over; how many ended."""
        now = self._clock()
        since = now - self._horizon(now)
        swaps = await self._writer.read(lambda: swaps_without_price(since=since))
        swaps = [swap for swap in swaps if swap.mint not in QUOTE_MINTS]
        ended = [_missed(swap, self._asked) for swap in swaps if _is_over(swap, now)]
        open_now = [swap for swap in swaps if _is_open(swap, now)]
        ended += await self._look(open_now)
        if ended:
            await self._writer.run(lambda: keep_prices_after(ended), is_patient=True)
        self._asked.difference_update(seen.swap for seen in ended)
        return len(ended)

    def _horizon(self, now: datetime) -> timedelta:
        """Mostly the last minutes; now and then a whole day, for what passed while nobody ran."""
        if self._swept_at is not None and now - self._swept_at < SWEEP_EVERY:
            return NEAR
        self._swept_at = now
        return LOOK_BACK

    async def _look(self, swaps: Sequence[LeaderSwap]) -> list[Seen]:
        if not swaps:
            return []
        prices = await self._ask(sorted({swap.mint for swap in swaps}))
        self._asked.update(swaps)
        if prices is None:
            return []
        seen = (_seen(swap, prices) for swap in swaps)
        return [each for each in seen if each is not None]

    async def _ask(self, mints: Sequence[str]) -> Prices | None:
        try:
            with urgent(Urgency.SAMPLE):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await self._sources.ask(mints)
        except TimeoutError:
            log.info("%s prices after swaps: no turn in time", len(mints))
            return None


def _is_open(swap: LeaderSwap, now: datetime) -> bool:
    return swap.swapped_at is not None and EARLIEST <= now - swap.swapped_at <= LATEST


def _is_over(swap: LeaderSwap, now: datetime) -> bool:
    """Whether no price of now can be the one that is wanted; one without a time waits for it as long."""
    return now - (swap.swapped_at or swap.heard_at) > LATEST


def _missed(swap: LeaderSwap, asked: set[LeaderSwap]) -> Seen:
    if swap.swapped_at is None:
        return Seen(swap=swap, missed=Missed.NO_TIME)
    if swap.heard_at - swap.swapped_at > LATEST:
        return Seen(swap=swap, missed=Missed.HEARD_LATE)
    reason = Missed.NOT_TOLD if swap in asked else Missed.NOT_RUNNING
    return Seen(swap=swap, missed=reason)


def _seen(swap: LeaderSwap, prices: Prices) -> Seen | None:
    """The price as told within the window; None when nobody told one, so that it is asked for again."""
    match prices.by_mint[swap.mint]:
        case Known(value=price, at=at, source=source) if _is_open(swap, at):
            return Seen(swap=swap, price_sol=price.sol, at=at, source=source)
        case Zero(at=at, source=source) if _is_open(swap, at):
            return Seen(swap=swap, source=source, missed=Missed.WORTHLESS)
    return None
