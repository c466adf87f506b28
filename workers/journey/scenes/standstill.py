"""The executor stands still: entries grow stale, are halted, paused or shed meanwhile; exits wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from asgiref.sync import sync_to_async

from trading.services.breaker import reset_breaker
from trading.services.control import halt_entries, resume_entries
from workers.journey import outcomes, people
from workers.journey.steps import Journey
from workers.runtime import utc_now

STALE_AFTER_SECONDS = 10.4
TRIP_SECONDS = 20.0


async def start_anew() -> None:
    """The journey's own round trips lose by design: five in a row would pause SPEAR."""
    await sync_to_async(reset_breaker)(actor=people.ACTOR, reason="losses by design", now=utc_now())


@asynccontextmanager
async def standing_still(journey: Journey) -> AsyncIterator[None]:
    """The executor gets no time for as long as the block runs."""
    journey.house.pause("executor")
    try:
        yield
    finally:
        journey.house.resume("executor")


@asynccontextmanager
async def halted() -> AsyncIterator[None]:
    """The kill switch is on for as long as the block runs."""
    await sync_to_async(halt_entries)(actor=people.ACTOR, reason="journey", now=utc_now())
    try:
        yield
    finally:
        await sync_to_async(resume_entries)(actor=people.ACTOR, reason="journey", now=utc_now())


async def entries_grow_stale(journey: Journey) -> None:
    """Entries wait too long and may be halted; exits wait as long as it takes."""
    async with standing_still(journey):
        stale = journey.cast.body("SPEAR", "BUY", "NOVA", "0.16")
        buying = await journey.accept("a buy that waits too long", stale)
        async with halted():
            body = journey.cast.body("SHIELD", "BUY", "WIF", "0.33")
            reply = await journey.offer(
                "halted entries", body, expect="503 circuit_breaker_triggered"
            )
            journey.journal.expect("halted entries: Retry-After", holds=bool(reply.retry_after))
            leaving = journey.cast.body("EXIT", "SELL", "NEXT", "0.5")
            selling = await journey.accept("an exit while entries are halted", leaving)
        await asyncio.sleep(STALE_AFTER_SECONDS)
    if buying is not None:
        expect = {"STALE_SIGNAL", "BOUGHT"} if journey.is_rough else {"STALE_SIGNAL"}
        outcome = await _end(journey, "a buy that waits too long", buying, expect=expect)
        if outcome == "BOUGHT":
            journey.bought["NOVA"] = buying
    if selling is not None:
        await _end(journey, "an exit while entries are halted", selling, expect={"SOLD"})
        await journey.expect_position("NEXT", status="CLOSED")


async def queue_fills(journey: Journey) -> None:
    """With room for two: SPEAR gives way first, then SHIELD, exits never."""
    async with (
        people.another_policy("room for two", queue_capacity=2),
        standing_still(journey),
    ):
        first = journey.cast.body("SHIELD", "BUY", "WIF", "0.2", trade_uuid=journey.name())
        waiting = await journey.accept(
            "first of two in the queue", first | {"wallet_address": journey.cast.stranger}
        )
        await _shed(journey, "SPEAR at a nearly full queue", "SPEAR")
        second = first | {"trade_uuid": journey.name(), "wallet_address": journey.cast.candidate}
        last = await journey.accept("second of two in the queue", second)
        await _shed(journey, "SHIELD at a full queue", "SHIELD")
        leaving = journey.cast.body("EXIT", "SELL", "WIF", "0.5", trade_uuid=journey.name())
        selling = await journey.accept("an exit at a full queue", leaving)
    for title, uuid, code in (
        ("first of two in the queue", waiting, "LEADER_UNKNOWN"),
        ("second of two in the queue", last, "LEADER_NOT_ACTIVE"),
        ("an exit at a full queue", selling, "NO_POSITION"),
    ):
        if uuid is not None:
            await _end(journey, title, uuid, expect={code})


async def _shed(journey: Journey, title: str, strategy: str) -> None:
    body = journey.cast.body(strategy, "BUY", "WIF", "0.2", trade_uuid=journey.name())
    await journey.offer(title, body, expect="503 queue_full")


async def losses_pause_spear(journey: Journey) -> None:
    """One loss is enough for this policy: a SPEAR buy that waits already is not made any more."""
    title = "SPEAR paused while it waits"
    patience = {"maximum_signal_age_seconds": 120}
    async with standing_still(journey):
        body = journey.cast.body("SPEAR", "BUY", "WIF", "0.2", trade_uuid=journey.name())
        buying = await journey.accept(title, body)
        one_loss = {"maximum_consecutive_losses": 1}
        async with people.another_policy("one loss at most", breaker=one_loss, spear=patience):
            is_paused = await outcomes.spear_pauses(timeout_seconds=TRIP_SECONDS)
            journey.journal.expect("one loss trips the breaker", holds=is_paused)
            journey.house.resume("executor")
            if buying is not None:
                await _end(journey, title, buying, expect={"SPEAR_PAUSED"})
    await start_anew()


async def entries_are_halted(journey: Journey) -> None:
    """The kill switch holds for what was accepted before it, too."""
    title = "halted while it waits"
    async with standing_still(journey):
        body = journey.cast.body("SHIELD", "BUY", "WIF", "0.2", trade_uuid=journey.name())
        buying = await journey.accept(title, body)
        async with halted():
            journey.house.resume("executor")
            if buying is not None:
                await _end(journey, title, buying, expect={"ENTRIES_HALTED"})


async def _end(journey: Journey, title: str, uuid: UUID, *, expect: set[str]) -> str:
    """The end of a signal that the journey itself made wait; empty when there was none."""
    journey.delayed.add(uuid)
    outcome = await journey.end(title, uuid, expect=expect)
    return "" if outcome is None else outcome.code
