"""The outside misbehaves: bundles that do not land, an RPC without time, a death at the worst moment."""

import asyncio

from trading.models import Submission
from workers.journey import outcomes
from workers.journey.killer import Killer
from workers.journey.steps import Journey

DEAF_SECONDS = 1.5
WINDOW_SECONDS = 2.0


async def bundle_lost(journey: Journey) -> None:
    """The engine takes the bundle and it does not land: the same bytes are offered again."""
    if "NOVA" in journey.bought:
        return
    async with journey.house.fault(plane="jito", kind="bundle_drop", count=1):
        position = await journey.buy("bundle that does not land at first", "SHIELD", "NOVA", "0.2")
    if position is not None and not journey.is_rough:
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


async def death_before_sending(journey: Journey, killer: Killer) -> None:
    """Kill the executor between recording a sale and hearing that it was taken."""
    symbol = next((name for name in ("GECKO", "MICRO", "WIF") if name in journey.bought), None)
    if symbol is None:
        return
    async with journey.house.fault(plane="jito", kind="latency", seconds=WINDOW_SECONDS):
        strategy = "SPEAR" if symbol == "MICRO" else "SHIELD"
        selling = asyncio.create_task(
            journey.sell("death between record and send", strategy, symbol)
        )
        signature = await outcomes.unsent_submission(timeout_seconds=20.0)
        journey.journal.expect("death between record and send: recorded", holds=bool(signature))
        await killer.kill("executor")
    await selling
