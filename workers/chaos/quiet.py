"""From the storm to the calm: nothing broken any more, everybody alive, every row at its end."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from asgiref.sync import sync_to_async

from trading.domain.lifecycle import ENDS, PositionStatus, SubmissionStatus
from trading.models import Position, Signal, Submission
from workers.chaos.traffic import Traffic
from workers.chaos.weather import Weather
from workers.journey import outcomes
from workers.journey.house import House

Say = Callable[[str], None]
QUIET_SECONDS = 150.0
"""A time-out for machines without time, no expectation."""
TELL_SECONDS = 10.0
POLL_SECONDS = 0.3
STILL_SECONDS = 3.0
SOLD_AT_THE_END = 0.6


async def settle(house: House, weather: Weather, traffic: Traffic, *, seed: int, say: Say) -> bool:
    """Make the outside well, wait for quiet, sell a good part of what is held and wait again.

    False when something is still on its way after a long time.
    """
    say("fair weather; waiting for every process")
    for name in house.names:
        await house.wait_ready(name)
    await _clear(weather)
    if not await _wait_for_quiet(say):
        return False
    await _sell(traffic, chance=random.Random(f"chaos-end-{seed}"), say=say)
    return await _wait_for_quiet(say)


async def _clear(weather: Weather) -> None:
    while True:
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            await weather.clear()
            return
        await asyncio.sleep(POLL_SECONDS)


async def _wait_for_quiet(say: Say) -> bool:
    """True once nothing has been on its way for some seconds: the watcher may ask for the next exit."""
    deadline, told = time.monotonic() + QUIET_SECONDS, time.monotonic()
    still_since: float | None = None
    while time.monotonic() < deadline:
        if await outcomes.is_quiet():
            still_since = still_since or time.monotonic()
            if time.monotonic() - still_since >= STILL_SECONDS:
                return True
        else:
            still_since = None
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            say(f"waiting for {await sync_to_async(_unfinished)()}")
        await asyncio.sleep(POLL_SECONDS)
    return False


async def _sell(traffic: Traffic, *, chance: random.Random, say: Say) -> None:
    """Leaders go out of most of what is open, in an order that the seed decides; the rest stays."""
    open_positions = await sync_to_async(_open_positions)()
    sold = [each for each in open_positions if chance.random() < SOLD_AT_THE_END]
    say(f"{len(open_positions)} positions are open; {len(sold)} of them are sold now")
    for number, each in enumerate(sold):
        await traffic.sell(
            name=f"chaos-end-{number}",
            leader=each.leader_address,
            mint=each.mint,
            symbol=each.symbol,
        )


def _open_positions() -> list[Position]:
    return list(Position.objects.exclude(status=PositionStatus.CLOSED).order_by("mint"))


def _unfinished() -> str:
    signals = Signal.objects.exclude(status__in=list(ENDS))
    told = [f"{row} {row.status} {row.code} (try {row.attempts})" for row in signals[:4]]
    in_flight = Submission.objects.filter(status=SubmissionStatus.IN_FLIGHT).count()
    return f"{signals.count()} signals, {in_flight} submissions: {'; '.join(told)}"
