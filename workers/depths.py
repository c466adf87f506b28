"""What the pools behind our positions hold, by two sources, each compared with its own word at entry."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.liquidity import Depth, left_bps
from trading.gateways.base import GatewayError
from trading.gateways.market_data import MarketData
from trading.models import Position

log = logging.getLogger("depths")
ASK_EVERY = timedelta(seconds=10)
"""Twelve positions then use a quarter of what DexScreener allows (300 calls a minute)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routable:
    """The liquidity that came with a price."""

    usd: Decimal | None
    at: datetime


class Depths:
    """The source of prices comes first; where it says nothing, DexScreener is asked beside the looks.

    Nothing waits for DexScreener: its answer is there at the next look. One call a mint is under way.
    """

    def __init__(self, market_data: MarketData, *, clock: Callable[[], datetime]) -> None:
        self._market_data, self._clock = market_data, clock
        self._pairs: dict[str, Routable] = {}
        self._asked_at: dict[str, datetime] = {}
        self._calls: set[asyncio.Task[None]] = set()

    def of(self, position: Position, routable: Routable | None) -> Depth | None:
        """What is left of the position's liquidity at entry; None when nobody can tell now."""
        if routable is not None:
            left = left_bps(entry_usd=position.entry_routable_usd, now_usd=routable.usd)
            if left is not None:
                return Depth(left_bps=left, at=routable.at)
        if position.entry_liquidity_usd is None:
            return None
        self._ask_if_due(position.mint)
        pair = self._pairs.get(position.mint)
        if pair is None:
            return None
        left = left_bps(entry_usd=position.entry_liquidity_usd, now_usd=pair.usd)
        return None if left is None else Depth(left_bps=left, at=pair.at)

    @property
    def is_asking(self) -> bool:
        return bool(self._calls)

    def _ask_if_due(self, mint: str) -> None:
        now = self._clock()
        asked_at = self._asked_at.get(mint)
        if asked_at is not None and now - asked_at < ASK_EVERY:
            return
        self._asked_at[mint] = now
        call = asyncio.create_task(self._ask(mint))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _ask(self, mint: str) -> None:
        try:
            pair = await self._market_data.pair(mint)
        except GatewayError as error:
            log.warning("liquidity of %s: %s", mint, error)
            return
        # No pair at all may be a gap in their index: that is not known, and never zero.
        usd = None if pair is None else pair.liquidity_usd
        self._pairs[mint] = Routable(usd=usd, at=self._clock())

    def forget_all_but(self, mints: set[str]) -> None:
        """What is no longer held needs no memory, and is asked about afresh when it is bought again."""
        for gone in self._asked_at.keys() - mints:
            del self._asked_at[gone]
            self._pairs.pop(gone, None)
