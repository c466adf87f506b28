"""What DexScreener says of the tokens we hold, asked in batches beside the looks; nobody waits for it for long."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from trading.domain.market_readings import Failed, Known, Missing, Reading, Source
from trading.gateways.base import GatewayError
from trading.gateways.market_data import MarketData, PairFacts

log = logging.getLogger("pairs")


class Pairs:
    """The newest answer by mint. One call for all that is wanted is under way at a time.

    A call that fails leaves what was known as it was, with its age; a token without any is Failed.
    """

    def __init__(self, market_data: MarketData, *, clock: Callable[[], datetime]) -> None:
        self._market_data, self._clock = market_data, clock
        self._told: dict[str, Reading[PairFacts]] = {}
        self._asked_at: dict[str, datetime] = {}
        self._wanted: set[str] = set()
        self._call: asyncio.Task[None] | None = None

    def seen(self, mint: str) -> Reading[PairFacts]:
        """What was told last, however long ago."""
        nothing = Failed(text=f"{Source.DEXSCREENER}: not told yet", at=self._clock())
        return self._told.get(mint, nothing)

    def want(self, mint: str, *, every: timedelta) -> None:
        """Have it asked about, unless that was done less than so long ago."""
        now = self._clock()
        asked_at = self._asked_at.get(mint)
        if asked_at is not None and now - asked_at < every:
            return
        self._asked_at[mint] = now
        self._wanted.add(mint)
        if self._call is None:
            self._call = asyncio.create_task(self._ask_wanted())

    async def wait(self, *, seconds: float) -> None:
        """Until what is under way is answered, and no longer than that."""
        if self._call is not None:
            await asyncio.wait({self._call}, timeout=seconds)

    @property
    def is_asking(self) -> bool:
        return self._call is not None

    def forget_all_but(self, mints: set[str]) -> None:
        """What is no longer held needs no memory, and is asked about afresh when it is bought again."""
        for gone in self._asked_at.keys() - mints:
            del self._asked_at[gone]
            self._told.pop(gone, None)

    async def _ask_wanted(self) -> None:
        try:
            # Whoever looks in the same moment wants it too, and goes with the same call.
            await asyncio.sleep(0)
            while self._wanted:
                mints, self._wanted = sorted(self._wanted), set()
                await self._ask(mints)
        finally:
            self._call = None

    async def _ask(self, mints: list[str]) -> None:
        try:
            found = await self._market_data.pairs(mints)
        except GatewayError as error:
            log.warning("pairs of %s tokens: %s", len(mints), error)
            for mint in mints:
                self._told.setdefault(mint, Failed(text=str(error), at=self._clock()))
            return
        at, source = self._clock(), Source.DEXSCREENER
        for mint, pair in found.items():
            # No pair at all may be a gap in their index: that is not known, and never zero.
            self._told[mint] = (
                Missing(at=at, source=source)
                if pair is None
                else Known(value=pair, at=at, source=source)
            )
