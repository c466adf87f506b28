"""What the pools behind our positions hold, by two sources, each compared with its own word at entry."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.liquidity import Depth, left_bps
from trading.domain.market_readings import Failed, Known, Missing, Reading, Stale, Zero, told
from trading.models import Position
from workers.pairs import Pairs

ASK_EVERY = timedelta(seconds=10)
"""Thirty positions then use one of the 50 calls that DexScreener allows in ten seconds."""


class Depths:
    """The source of prices comes first; where it says nothing, DexScreener is asked beside the looks."""

    def __init__(self, pairs: Pairs, *, clock: Callable[[], datetime]) -> None:
        self._pairs, self._clock = pairs, clock

    def of(self, position: Position, routable: Reading[Decimal] | None) -> Depth | None:
        """What is left of the position's liquidity at entry; None when nobody can tell now.

        `routable` is what came with the price of the first source, None without such a price.
        """
        if routable is not None:
            depth = depth_of(routable, entry_usd=position.entry_routable_usd)
            if depth is not None:
                return depth
        if position.entry_liquidity_usd is None:
            return None
        self._pairs.want(position.mint, every=ASK_EVERY)
        return depth_of(self._of_pair(position.mint), entry_usd=position.entry_liquidity_usd)

    @property
    def is_asking(self) -> bool:
        return self._pairs.is_asking

    def _of_pair(self, mint: str) -> Reading[Decimal]:
        match self._pairs.seen(mint):
            case Known(value=pair, at=at, source=source):
                return told(pair.liquidity_usd, at=at, source=source)
            case Missing() | Failed() as nothing:
                return nothing
        raise AssertionError("pairs are known, missing or failed")


def depth_of(liquidity: Reading[Decimal], *, entry_usd: Decimal | None) -> Depth | None:
    """What a reading says of the liquidity at entry: nothing left is an answer, not knowing is none."""
    match liquidity:
        case Known(value=usd, at=at):
            left = left_bps(entry_usd=entry_usd, now_usd=usd)
        case Zero(at=at):
            left = left_bps(entry_usd=entry_usd, now_usd=Decimal(0))
        case Stale() | Missing() | Failed():
            return None
    return None if left is None else Depth(left_bps=left, at=at)
