"""Exits: asked for by the leader, by the market, by a person; in part and in full."""

import asyncio

from asgiref.sync import sync_to_async

from trading.services.breaker import reset_breaker
from trading.services.control import UnableToExit, halt_entries, request_exit, resume_entries
from workers.journey import outcomes
from workers.journey.steps import Journey
from workers.runtime import utc_now

ACTOR = "journey"
# SPEAR takes a third at +100 %, SHIELD stops at −8 %; both with room for fees and impact.
RISE, FALL = 2.3, 0.88
EXIT_SECONDS = 20.0
STALE_AFTER_SECONDS = 10.4


async def by_signal(journey: Journey) -> None:
    """Half, then the rest; then the token rests for a while."""
    before = await journey.position("BONK")
    if before is None:
        return
    await journey.sell("exit of one half", "EXIT", "BONK", exit_fraction="0.5")
    position = await journey.expect_position("BONK", status="ACTIVE")
    if position is not None:
        rest = before.bought_raw - before.bought_raw // 2
        journey.journal.expect(
            "half of it is left", holds=position.held_raw == rest, found=position.held_raw
        )
    await journey.sell("exit of the rest", "EXIT", "BONK")
    await journey.expect_position("BONK", status="CLOSED")
    body = journey.cast.body("SHIELD", "BUY", "BONK", "0.21")
    await journey.follow("bought again at once", body, expect="REENTRY_COOLDOWN")


async def hard_stop(journey: Journey) -> None:
    await _moved(journey, "MANGO", factor=FALL, reason="HARD_STOP", status="CLOSED")


async def take_profit(journey: Journey) -> None:
    await _moved(journey, "TURBO", factor=RISE, reason="TAKE_PROFIT", status="ACTIVE")


async def _moved(journey: Journey, symbol: str, *, factor: float, reason: str, status: str) -> None:
    """Move the market and wait for the exit that the rules call for."""
    position = await journey.position(symbol)
    if position is None:
        return
    mint = journey.cast.mints[symbol]
    await journey.house.sandbox("POST", f"market/{mint}/price", {"factor": factor})
    uuid = await outcomes.exit_of(position.pk, reason=reason, timeout_seconds=EXIT_SECONDS)
    title = reason.replace("_", " ").lower()
    if journey.journal.expect(f"{title}: asked for", holds=uuid is not None):
        assert uuid is not None
        await journey.end(title, uuid, expect="SOLD", answer="by the watcher")
        await journey.expect_position(symbol, status=status)


async def by_a_person(journey: Journey) -> None:
    """The close button's own verb."""
    position = await journey.position("PIXEL")
    if position is None:
        return
    try:
        receipt = await sync_to_async(request_exit)(
            position.pk, actor=ACTOR, reason="asked for by hand", now=utc_now()
        )
    except UnableToExit as error:
        journey.journal.expect("manual exit: possible", holds=False, found=error)
        return
    await journey.end("manual exit", receipt.uuid, expect="SOLD", answer="by a person")
    await journey.expect_position("PIXEL", status="CLOSED")


async def executor_stands_still(journey: Journey) -> None:
    """Entries grow stale meanwhile and may be halted; exits wait as long as it takes."""
    # The journey's own round trips lose by design: five in a row would pause SPEAR.
    await sync_to_async(reset_breaker)(actor=ACTOR, reason="losses by design", now=utc_now())
    journey.house.pause("executor")
    try:
        stale = journey.cast.body("SPEAR", "BUY", "NOVA", "0.16")
        buying = await journey.accept("a buy that waits too long", stale)
        await _halted(journey)
        leaving = journey.cast.body("EXIT", "SELL", "NEXT", "0.5")
        selling = await journey.accept("an exit while entries are halted", leaving)
        await asyncio.sleep(STALE_AFTER_SECONDS)
    finally:
        journey.house.resume("executor")
    journey.delayed |= {uuid for uuid in (buying, selling) if uuid is not None}
    if buying is not None:
        expect = {"STALE_SIGNAL", "BOUGHT"} if journey.is_rough else {"STALE_SIGNAL"}
        outcome = await journey.end("a buy that waits too long", buying, expect=expect)
        if outcome is not None and outcome.code == "BOUGHT":
            journey.bought["NOVA"] = buying
    if selling is not None:
        await journey.end("an exit while entries are halted", selling, expect="SOLD")
        await journey.expect_position("NEXT", status="CLOSED")


async def _halted(journey: Journey) -> None:
    """Halted entries are refused at the door, and may be sent again afterwards."""
    await sync_to_async(halt_entries)(actor=ACTOR, reason="journey", now=utc_now())
    body = journey.cast.body("SHIELD", "BUY", "WIF", "0.33")
    reply = await journey.offer("halted entries", body, expect="503 circuit_breaker_triggered")
    journey.journal.expect("halted entries: Retry-After is given", holds=bool(reply.retry_after))
    await sync_to_async(resume_entries)(actor=ACTOR, reason="journey", now=utc_now())
