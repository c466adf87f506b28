"""How much of the liquidity at entry is left, and when a fall of it is believed. Prices are judged elsewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

CONFIRMATION = timedelta(seconds=1)
"""A fall counts when it is seen again so much later: one absurd reading sells nothing."""
CONTINUITY = timedelta(seconds=60)
"""Two sightings that lie further apart say nothing about each other."""
FULL_BPS = 10_000
MOST_BPS = 10_000 * FULL_BPS
"""Growth beyond this says no more, and must fit its column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """What one source says of a token's pools at a moment, as a share of what it said at entry."""

    left_bps: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What is remembered of a position's liquidity: the last depth seen, and since when it is too low."""

    left_bps: int | None = None
    seen_at: datetime | None = None
    low_since: datetime | None = None

    @property
    def has_dropped(self) -> bool:
        """Whether at least two sightings in a row, a confirmation apart, were too low."""
        if self.low_since is None or self.seen_at is None:
            return False
        return self.seen_at - self.low_since >= CONFIRMATION


def left_bps(*, entry_usd: Decimal | None, now_usd: Decimal | None) -> int | None:
    """The share that is left of the liquidity at entry, rounded up; None when it cannot be told.

    Zero is known and nothing is left then; unknown, negative, or without a figure of the entry is no fall.
    """
    if entry_usd is None or now_usd is None or entry_usd <= 0 or now_usd < 0:
        return None
    share = min(now_usd / entry_usd * FULL_BPS, Decimal(MOST_BPS))
    return int(share.to_integral_value("ROUND_CEILING"))


def after(before: Sighting, depth: Depth, *, drop_bps: int) -> Sighting:
    """What is remembered once a depth was seen; the same or an older reading changes nothing.

    Too low means that more than `drop_bps` of the liquidity at entry is gone.
    """
    if before.seen_at is not None and depth.at <= before.seen_at:
        return before
    is_low = FULL_BPS - depth.left_bps > drop_bps
    return Sighting(
        left_bps=depth.left_bps,
        seen_at=depth.at,
        low_since=_low_since(before, depth) if is_low else None,
    )


def _low_since(before: Sighting, depth: Depth) -> datetime:
    is_continued = before.seen_at is not None and depth.at - before.seen_at <= CONTINUITY
    if before.low_since is None or not is_continued:
        return depth.at
    return before.low_since
