"""Exits: asked for by the leader, by the market, by a person; in part and in full."""

from asgiref.sync import sync_to_async

from trading.services.control import UnableToExit, request_exit
from workers.journey import outcomes, people
from workers.journey.steps import Journey
from workers.runtime import utc_now

# SPEAR takes a third at +100 %, SHIELD stops at −8 %; both with room for fees and impact.
RISE, FALL = 2.3, 0.88
# SHIELD takes its first third here, and lets go of the rest a tenth below the peak.
CLIMB, SLIP = 1.4, 0.86
EXIT_SECONDS = 20.0


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


async def trailing_stop(journey: Journey) -> None:
    """Up, which takes profit on the way, and down again."""
    await _moved(journey, "GECKO", factor=CLIMB, reason="TAKE_PROFIT", status="ACTIVE")
    await _moved(journey, "GECKO", factor=SLIP, reason="TRAILING_STOP", status="CLOSED")


async def _moved(journey: Journey, symbol: str, *, factor: float, reason: str, status: str) -> None:
    """Move the market and wait for the exit that the rules call for."""
    if await journey.position(symbol) is not None:
        mint = journey.cast.mints[symbol]
        await journey.house.sandbox("POST", f"market/{mint}/price", {"factor": factor})
        await left(journey, symbol, reason=reason, status=status)


async def left(
    journey: Journey,
    symbol: str,
    *,
    reason: str,
    status: str = "CLOSED",
    answer: str = "by the watcher",
) -> None:
    """Wait until the position has been sold for this reason; `answer` says who asked for it."""
    position = await journey.position(symbol)
    if position is None:
        return
    uuid = await outcomes.exit_of(position.pk, reason=reason, timeout_seconds=EXIT_SECONDS)
    title = f"{reason.replace('_', ' ').lower()} of {symbol}"
    if journey.journal.expect(f"{title}: asked for", holds=uuid is not None):
        assert uuid is not None
        await journey.end(title, uuid, expect="SOLD", answer=answer)
        await journey.expect_position(symbol, status=status)


async def by_a_person(journey: Journey) -> None:
    """The close button's own verb."""
    position = await journey.position("PIXEL")
    if position is None:
        return
    try:
        receipt = await sync_to_async(request_exit)(
            position.pk, actor=people.ACTOR, reason="asked for by hand", now=utc_now()
        )
    except UnableToExit as error:
        journey.journal.expect("manual exit: possible", holds=False, found=error)
        return
    await journey.end("manual exit", receipt.uuid, expect="SOLD", answer="by a person")
    await journey.expect_position("PIXEL", status="CLOSED")
