"""The outside misbehaves: bundles that do not land, an RPC without time, a death at the worst moment."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from trading.domain.values import Route
from trading.models import Submission
from workers.journey import outcomes
from workers.journey.house import FIRST_RPC, House
from workers.journey.killer import Killer
from workers.journey.steps import Journey

DEAF_SECONDS = 1.5
WINDOW_SECONDS = 2.0
WAIT_SECONDS = 20.0
ASKED_TIMES = 4


async def bundle_lost(journey: Journey) -> None:
    """The engine takes the bundle and it does not land: the same bytes are offered again."""
    title = "bundle that does not land at first"
    async with journey.house.fault(plane="jito", kind="bundle_drop", count=1):
        position = await journey.buy(title, "SHIELD", "JUP", "0.2", trade_uuid=journey.name())
    if position is not None:
        count = await Submission.objects.filter(signal=position.signal_id).acount()
        journey.journal.expect("a lost bundle: signed once only", holds=count == 1, found=count)


async def bundle_refused(journey: Journey) -> None:
    """The engine says no, which proves that it did not take it: the same bytes go to the nodes."""
    refusal = {"kind": "rpc_error", "code": -32602, "message": "bundle refused"}
    async with journey.house.fault(plane="jito", method="sendBundle", count=1, **refusal):
        await _landed_by_standard(journey, "bundle that the engine refuses", "PIXEL")


async def quotes_fail(journey: Journey) -> None:
    """No route is one thing, no answer another."""
    house, quote = journey.house, {"plane": "jupiter", "method": "quote"}
    async with house.fault(kind="no_route", **quote):
        await journey.denied("no route to the token", "WIF", "NO_ROUTE")
    async with house.fault(kind="http_error", status=503, **quote):
        await journey.denied("quote that does not come", "WIF", "QUOTE_UNAVAILABLE")


async def executor_starts_anew(journey: Journey) -> None:
    """Killed and started again, it finds neither its balance nor the block engine, and knows no token."""
    house = journey.house
    down = {"kind": "http_error", "status": 503}
    async with house.fault(plane="jito", method="getTipAccounts", **down):
        async with house.fault(plane="rpc", method="getBalance", **down):
            house.kill("executor")
            await asyncio.gather(
                journey.denied("our balance is not known", "WIF", "BALANCE_UNKNOWN"),
                journey.denied(
                    "SPEAR without bundles", "WIF", "STRATEGY_NEEDS_BUNDLES", strategy="SPEAR"
                ),
            )
        await _facts_fail(journey)
        await _balance_is_asked(house)
        await _landed_by_standard(journey, "no bundles: straight to the nodes", "BONK")


async def _balance_is_asked(house: House) -> None:
    """Return when the executor has had time to learn its balance: the watcher asks more rarely."""
    async with house.counting(endpoint=FIRST_RPC, method="getBalance") as asked:

        async def enough() -> bool | None:
            return await asked() >= ASKED_TIMES or None

        await outcomes.appears(enough, timeout_seconds=WAIT_SECONDS)


async def _facts_fail(journey: Journey) -> None:
    """What others say of a token is silent, unknown, or leaves something out."""
    house, cast = journey.house, journey.cast
    async with house.fault(plane="dexscreener", kind="http_error", status=503):
        await journey.denied("market data that is silent", "TURBO", "SAFETY_UNAVAILABLE")
    reply = await house.outside(f"dexscreener/latest/dex/tokens/{cast.mints['MANGO']}")
    for pair in reply["pairs"]:
        del pair["pairCreatedAt"]
    async with house.fault(plane="dexscreener", kind="http_error", status=200, data=reply):
        await journey.denied("market data without an age", "MANGO", "TOKEN_AGE_UNKNOWN")
    async with house.fault(plane="jupiter", kind="no_route", method="price"):
        await journey.denied("nobody names a price", "PIXEL", "NO_PRICE_SOURCE")


async def _landed_by_standard(journey: Journey, title: str, symbol: str) -> None:
    leader = journey.cast.shield[1]
    extra = {"trade_uuid": journey.name(), "wallet_address": leader}
    position = await journey.buy(title, "SHIELD", symbol, "0.2", **extra)
    if position is not None:
        landed = Submission.objects.filter(signal=position.signal_id, status="LANDED")
        routes = [route async for route in landed.values_list("route", flat=True)]
        journey.journal.expect(
            f"{title}: landed by STANDARD", holds=routes == [Route.STANDARD], found=routes
        )


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
        title = "buy: killed before it is sent"
        await _dying(journey, killer, title, journey.buy(title, "SHIELD", "NOVA", "0.2"))
    for symbol, strategy in (("MICRO", "SPEAR"), ("WIF", "SHIELD")):
        if symbol in journey.bought:
            title = "sale: killed before it is sent"
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
