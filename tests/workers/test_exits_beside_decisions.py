"""On PostgreSQL decisions on buys take turns over all executors; exits do not wait in that line."""

import asyncio
from contextlib import suppress

import psycopg
import pytest

from tests.databases import Database
from tests.platform import Platform, until
from trading.domain.values import Action
from trading.models import Decision, Submission
from trading.services.orders import ENTRIES

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
LOCK = "SELECT pg_advisory_xact_lock(hashtext(%s))"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
MORE_THAN_THREADS = 6


async def test_a_sell_leaves_while_every_buy_waits_for_a_decision_elsewhere(
    platform: Platform, database: Database
) -> None:
    tokens = [*platform.sandbox.tokens("major"), *platform.sandbox.tokens("memecoin")]
    held, *others = [str(each["mint"]) for each in tokens][: 1 + MORE_THAN_THREADS]
    await platform.bought(held)
    decided = await platform.see(Decision.objects.count)
    for mint in others:
        await platform.signal(mint)

    async def is_one_at_the_lock() -> bool:
        return bool(database.rows(WAITING)[0][0])

    async def has_left() -> bool:
        sells = Submission.objects.filter(action=Action.SELL, sent_at__isnull=False)
        return await platform.see(sells.exists)

    async def are_all_decided() -> bool:
        return await platform.see(Decision.objects.count) == decided + len(others)

    working = asyncio.create_task(platform.executor.consume())
    try:
        with psycopg.connect(database.dsn) as elsewhere:
            elsewhere.execute(LOCK, [ENTRIES])
            await until(is_one_at_the_lock)
            await platform.sell_signal(held)
            await until(has_left)
            assert await platform.see(Decision.objects.count) == decided
        await until(are_all_decided)
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
