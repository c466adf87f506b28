"""Sold whatever the price does: time, a pool that dries up, the circuit breaker, the kill switch."""

from asgiref.sync import sync_to_async

from trading.services.control import close_everything, resume_entries
from workers.journey import people
from workers.journey.scenes.exits import left
from workers.journey.scenes.standstill import start_anew
from workers.journey.steps import Journey
from workers.runtime import utc_now

SAGGING = 0.95
DRAINED = 0.6


async def everything_goes(journey: Journey) -> None:
    """One reason after the other; entries are possible again afterwards."""
    await _time_is_up(journey)
    await _pool_dries_up(journey)
    await _losers_go(journey)
    await _all_goes(journey)


async def _time_is_up(journey: Journey) -> None:
    """SPEAR may not stay in what does not rise."""
    mint = journey.cast.mints["MICRO"]
    await journey.house.sandbox("POST", f"market/{mint}/price", {"factor": SAGGING})
    async with people.another_policy("a second for SPEAR", spear={"time_limit_seconds": 1}):
        await left(journey, "MICRO", reason="TIME_LIMIT")


async def _pool_dries_up(journey: Journey) -> None:
    """Both sides of the pool shrink alike, so that the price alone tells nothing."""
    mint = journey.cast.mints["NOVA"]
    drain = {"fraction": DRAINED, "balanced": True}
    await journey.house.sandbox("POST", f"market/{mint}/withdraw", drain)
    await left(journey, "NOVA", reason="LIQUIDITY_DROP")


async def _losers_go(journey: Journey) -> None:
    """Tips and fees have cost a basis point of our equity: for this policy, a drawdown."""
    async with people.another_policy("no drawdown", breaker={"maximum_drawdown_bps": 1}):
        for symbol in ("PIXEL", "BONK", "GECKO"):
            await left(journey, symbol, reason="BREAKER")
    await start_anew()


async def _all_goes(journey: Journey) -> None:
    """The kill switch with "close everything"."""
    who = {"actor": people.ACTOR, "reason": "journey"}
    await sync_to_async(close_everything)(**who, now=utc_now())
    await left(journey, "TURBO", reason="KILL_SWITCH", answer="by a person")
    await sync_to_async(resume_entries)(**who, now=utc_now())
