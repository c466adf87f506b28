"""Somebody else holds the database: nothing can be stored, so nothing is promised."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.db import connection, transaction

from trading.models import Provider
from workers.journey.steps import Journey

LONGEST_WAIT_SECONDS = 30.0


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
    """What every signal needs, held as a stuck backup or a careless shell would hold it."""
    is_held, is_over = threading.Event(), threading.Event()
    holding = asyncio.create_task(asyncio.to_thread(_hold, is_held, is_over))
    try:
        await asyncio.to_thread(is_held.wait, LONGEST_WAIT_SECONDS)
        yield
    finally:
        is_over.set()
        await holding


def _hold(is_held: threading.Event, is_over: threading.Event) -> None:
    """SQLite's one write lock, and on PostgreSQL the row of every provider."""
    try:
        with transaction.atomic():
            list(Provider.objects.select_for_update())
            is_held.set()
            is_over.wait()
    finally:
        connection.close()
