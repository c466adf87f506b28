"""The outside misbehaves: bundles that do not land, an RPC without time, a death at the worst moment."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from trading.models import Submission
from workers.journey import outcomes
from workers.journey.killer import Killer
from workers.journey.steps import Journey

DEAF_SECONDS = 1.5
WINDOW_SECONDS = 2.0
WAIT_SECONDS = 20.0


async def bundle_lost(journey: Journey) -> None:
    """The engine takes the bundle and it does not land: the same bytes are offered again."""
    async with journey.house.fault(plane="jito", kind="bundle_drop", count=1):
        position = await journey.buy("bundle that does not land at first", "SHIELD", "NOVA", "0.2")
    if position is not None:
        count = await Submission.objects.filter(signal=position.signal_id).acount()
        journey.journal.expect("a lost bundle: signed once only", holds=count == 1, found=count)


async def rpc_without_time(journey: Journey) -> None:
    """429 for the token check at first, and for the resolver for a while."""
    limited = {"plane": "rpc", "kind": "http_error", "status": 429}
    async with (
        journey.house.fault(**limited, method="getAccountInfo", count=2),
        journey.house.fault(**limited, method="getSignatureStatuses"),
    ):
        buying = asyncio.create_task(
            journey.buy("RPC that answers 429 for a while", "SHIELD", "WIF", "0.2")
        )
        await asyncio.sleep(DEAF_SECONDS)
    await buying


async def deaths_before_sending(journey: Journey, killer: Killer) -> None:
    """Kill the executor between recording a transaction and hearing that it was taken: buy and sale."""
    if "NOVA" not in journey.bought:
        title = "buy: death between record and send"
        await _dying(journey, killer, title, journey.buy(title, "SHIELD", "NOVA", "0.2"))
    for symbol, strategy in (("GECKO", "SHIELD"), ("MICRO", "SPEAR"), ("WIF", "SHIELD")):
        if symbol in journey.bought:
            title = "sale: death between record and send"
            await _dying(journey, killer, title, journey.sell(title, strategy, symbol))
            return


async def _dying(
    journey: Journey, killer: Killer, title: str, work: Coroutine[Any, Any, object]
) -> None:
    async with journey.house.fault(plane="jito", kind="latency", seconds=WINDOW_SECONDS):
        working = asyncio.create_task(work)
        signature = await outcomes.unsent_submission(timeout_seconds=WAIT_SECONDS)
        journey.journal.expect(f"{title}: recorded first", holds=bool(signature))
        await killer.kill("executor")
    await working
