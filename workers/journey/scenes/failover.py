"""The first RPC endpoint fails, the second one is really used, and the first comes back."""

import asyncio
import time

from workers.journey import outcomes
from workers.journey.coverage import Failover
from workers.journey.house import FIRST_RPC, SECOND_RPC, Counter
from workers.journey.steps import Journey

# Asked every second by the executor and never by a probe: who gets these calls is the one in use.
METHOD = "getBalance"
LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 40.0
TRIP_SECONDS = 20.0


async def first_rpc_fails(journey: Journey) -> None:
    """A buy in the meantime goes by the second endpoint; SPEAR waits until the way is steady again."""
    house = journey.house
    down = {"plane": "rpc", "kind": "http_error", "status": 503, "endpoint": FIRST_RPC}
    async with (
        house.counting(endpoint=FIRST_RPC, method=METHOD) as first,
        house.counting(endpoint=SECOND_RPC, method=METHOD) as second,
    ):
        async with house.fault(**down):
            over_after = await _leads(second, first)
            journey.journal.expect("the second RPC takes over", holds=over_after is not None)
            await journey.buy("buy by way of the second RPC", "SHIELD", "GECKO", "0.2")
            await _spear_waits(journey)
            calls = await second()
        back_after = await _leads(first, second)
        journey.journal.expect("the first RPC comes back", holds=back_after is not None)
    journey.failover = Failover(
        over_after_seconds=over_after, calls_to_second=calls, back_after_seconds=back_after
    )


async def _spear_waits(journey: Journey) -> None:
    """The circuit breaker's own rule, heard of by heartbeat."""
    is_paused = await outcomes.spear_pauses(timeout_seconds=TRIP_SECONDS)
    journey.journal.expect("a failover pauses SPEAR", holds=is_paused)
    body = journey.cast.body("SPEAR", "BUY", "WIF", "0.2", trade_uuid=journey.name())
    await journey.offer("SPEAR after a failover", body, expect="503 circuit_breaker_triggered")


async def _leads(one: Counter, other: Counter) -> float | None:
    """Seconds until one endpoint is asked more often than the other; None when that never comes."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_SECONDS:
        before = await one() - await other()
        await asyncio.sleep(LOOK_SECONDS)
        if await one() - await other() > before:
            return round(time.monotonic() - begun, 1)
    return None
