"""Somebody else holds the database: nothing can be stored, so nothing is promised."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings

from workers.journey.steps import Journey


async def locked(journey: Journey) -> None:
    """A buy that cannot be stored is refused, and bought when it is sent again."""
    body = journey.cast.body("SHIELD", "BUY", "NEXT", "0.2", trade_uuid=journey.name())
    async with _write_lock():
        reply = await journey.client.send_signed(journey.client.signed(body))
    title = "storage that takes no writes"
    journey.judge_reply(title, reply, expect="503 storage_unavailable")
    journey.journal.expect(f"{title}: Retry-After", holds=bool(reply.retry_after))
    outcome = await journey.follow("the same buy again", body, expect="BOUGHT")
    if outcome is not None:
        journey.bought["NEXT"] = outcome.uuid


@asynccontextmanager
async def _write_lock() -> AsyncIterator[None]:
    """SQLite's one write lock, held as a stuck backup or a careless shell would hold it."""
    name = settings.DATABASES["default"]["NAME"]
    # Committed or rolled back by ourselves; closing gives the lock back whatever happens.
    holder = sqlite3.connect(name, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        await asyncio.to_thread(holder.execute, "BEGIN IMMEDIATE")
        yield
    finally:
        holder.close()
