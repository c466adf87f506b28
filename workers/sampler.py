"""Looks at the market of every token that was seen, again and again, and keeps what it is told: Scout's history."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.market_readings import Known, Missing, Reading, Source
from trading.domain.samples import Sample
from trading.gateways.base import GatewayError, InvalidReply, Refused
from trading.gateways.market_data import MINTS_PER_CALL, MarketData, PairFacts
from trading.gateways.prices import price_of_pair
from trading.gateways.quota import Urgency, urgent
from trading.services.breaker import SolPrice
from trading.services.samples import (
    OVERLAP,
    due_tokens,
    keep_samples,
    notice,
    noticed_until,
    postpone,
    unnoticed,
)
from trading.writer import GroupWriter

log = logging.getLogger("sampler")
STEP_SECONDS = 2.0
RETRY_AFTER = timedelta(minutes=1)
ODD_AFTER = timedelta(hours=1)
SOL_LIFETIME = timedelta(minutes=5)


class Sampler:
    """One call a step, for as many due tokens as a call takes, when nobody else wants to ask.

    All it knows is in the rows: a restart goes on where it was, and what was not seen meanwhile has no
    sample: nothing is made up for it.
    """

    def __init__(
        self,
        *,
        market_data: MarketData,
        writer: GroupWriter,
        clock: Callable[[], datetime],
        seen_sol: Callable[[], SolPrice | None],
    ) -> None:
        self._market_data, self._writer = market_data, writer
        self._clock, self._seen_sol = clock, seen_sol
        self._since: datetime | None = None

    async def step(self) -> int:
        """Notice what is new and look at what is due; how many samples were kept."""
        await self._notice()
        now = self._clock()
        mints = await self._writer.read(lambda: due_tokens(now=now, limit=MINTS_PER_CALL))
        if not mints:
            return 0
        with urgent(Urgency.SAMPLE):
            samples = await self._ask(mints)
        await self._writer.run(lambda: keep_samples(samples, now=self._clock()), is_patient=True)
        return len(samples)

    async def _notice(self) -> None:
        now = self._clock()
        if self._since is None:
            self._since = await self._writer.read(lambda: noticed_until(now=now))
        since = self._since
        seen = await self._writer.read(lambda: unnoticed(since=since, now=now))
        if seen:
            await self._writer.run(lambda: notice(seen, now=now), is_patient=True)
        # A little back: what was received before now may be committed after it.
        self._since = max(since, now - OVERLAP)

    async def _ask(self, mints: Sequence[str]) -> list[Sample]:
        try:
            found = await self._market_data.pairs(mints)
        except (Refused, InvalidReply) as error:
            return await self._ask_each(mints, error)
        except GatewayError as error:
            log.warning("%s tokens are not looked at: %s", len(mints), error)
            await self._postpone(mints, RETRY_AFTER)
            return []
        at, sol = self._clock(), self._sol()
        return [_sample(mint, pair, sol, at) for mint, pair in found.items()]

    async def _ask_each(self, mints: Sequence[str], error: GatewayError) -> list[Sample]:
        """One token that they cannot answer for must not hide the others."""
        if len(mints) == 1:
            log.warning("%s is not looked at: %s", mints[0], error)
            await self._postpone(mints, ODD_AFTER)
            return []
        kept = [await self._ask([mint]) for mint in mints]
        return [sample for samples in kept for sample in samples]

    async def _postpone(self, mints: Sequence[str], pause: timedelta) -> None:
        until = self._clock() + pause
        await self._writer.run(lambda: postpone(mints, until=until), is_patient=True)

    def _sol(self) -> Reading[Decimal]:
        seen = self._seen_sol()
        if seen is None or self._clock() - seen.at > SOL_LIFETIME:
            return Missing(at=self._clock(), source=Source.JUPITER)
        return Known(value=seen.usd, at=seen.at, source=Source.JUPITER)


def _sample(mint: str, pair: PairFacts | None, sol: Reading[Decimal], at: datetime) -> Sample:
    if pair is None:
        return Sample(mint=mint, at=at, source=Source.DEXSCREENER)
    price = price_of_pair(pair, sol_usd=sol, at=at)
    return Sample(
        mint=mint,
        at=at,
        source=Source.DEXSCREENER,
        liquidity_usd=pair.liquidity_usd,
        price_sol=price.value.sol if isinstance(price, Known) else None,
        volume_24h_usd=pair.volume_24h_usd,
        token_created_at=pair.created_at,
        sol_price_usd=sol.value if isinstance(sol, Known) else None,
    )
