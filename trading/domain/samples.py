"""Samples of tokens' markets over time: when to look again, and what they say of a moment in the past."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.market_readings import Known, Missing, Reading, Source, Stale, Zero

BEFORE = timedelta(hours=1)
"""A sample speaks for the hour that follows it."""
AFTER = timedelta(seconds=60)
"""What was looked at because of the very trade in question comes a moment after it."""
CADENCE = (
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(hours=24), timedelta(minutes=30)),
    (timedelta(days=7), timedelta(hours=6)),
)
"""(seen no longer ago than this, looked at this often); about eighty samples for a token seen once."""
SHORTEST_PAUSE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A token's market at one moment. None = not told, which is not zero.

    `liquidity_usd` of its deepest trusted pair; `price_sol` for one whole token; `token_created_at` of
    that pair; `sol_price_usd` at that moment.
    """

    mint: str
    at: datetime
    source: str
    liquidity_usd: Decimal | None = None
    price_sol: Decimal | None = None
    volume_24h_usd: Decimal | None = None
    token_created_at: datetime | None = None
    sol_price_usd: Decimal | None = None


def next_look(*, seen_at: datetime, now: datetime) -> datetime | None:
    """When a token that was seen last at `seen_at` is to be looked at again; None = not any more."""
    for age, pause in CADENCE:
        if now - seen_at <= age:
            return now + pause
    return None


def market_at(samples: Sequence[Sample], at: datetime) -> Reading[Sample]:
    """What samples of one token, in order of time, say of a moment. Nothing between them is made up.

    The newest one of the hour before speaks; failing that, one of the minute after, which is the look that
    the trade itself gave rise to: no later one may, for the past must not know its future. Known: there was
    liquidity. Zero: the pool was empty. Stale: only an older sample is there. Missing: nobody looked, or
    whoever was asked knew no pair.
    """
    position = bisect_right(samples, at, key=lambda sample: sample.at)
    before = samples[position - 1] if position else None
    if before is not None and at - before.at <= BEFORE:
        return _reading(before)
    if position < len(samples) and samples[position].at - at <= AFTER:
        return _reading(samples[position])
    if before is not None and before.liquidity_usd:
        return Stale(value=before, at=before.at, source=before.source)
    return Missing(at=at, source=before.source if before else Source.DEXSCREENER)


def _reading(sample: Sample) -> Reading[Sample]:
    if sample.liquidity_usd is None:
        return Missing(at=sample.at, source=sample.source)
    if sample.liquidity_usd == 0:
        return Zero(at=sample.at, source=sample.source)
    return Known(value=sample, at=sample.at, source=sample.source)
