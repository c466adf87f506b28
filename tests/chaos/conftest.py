"""The traded wallet as evidence: honest rows and the chain they came from."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import aiohttp
import pytest

from audit import services as audit
from tests.journeys.trades import Traded, trade
from tests.platform import Platform
from workers.chaos.evidence import Evidence, Sent, read_rows
from workers.chaos.ledger import read_ledger

Gather = Callable[[], Awaitable[Evidence]]


@pytest.fixture
async def traded(platform: Platform) -> Traded:
    traded = await trade(platform)
    now = platform.clock()
    # One that was killed has left its last beat behind.
    for pid, age in ((1, timedelta()), (2, timedelta(seconds=40))):
        await platform.see(partial(_beat, pid=pid, now=now - age))
    return traded


def _beat(*, pid: int, now: datetime) -> None:
    audit.beat(name="executor", host="here", pid=pid, started_at=now, now=now, detail={})


@pytest.fixture
def gather(traded: Traded) -> Gather:
    """The evidence as of now; the provider was told 202 for every signal there is."""
    platform = traded.platform

    async def evidence() -> Evidence:
        # Instant slots: what landed last is confirmed two slots later.
        platform.sandbox.advance(slots=3)
        rows = await platform.see(read_rows)
        async with aiohttp.ClientSession() as session:
            ledger = await read_ledger(
                session, url=platform.sandbox.rpc_url, wallet=platform.desk.address
            )
        sent = Sent(
            accepted=frozenset(str(uuid) for uuid in rows["signals"]),
            named={
                row.provider_trade_uuid: frozenset({str(row.pk)})
                for row in rows["signals"].values()
            },
        )
        return Evidence(
            **rows, ledger=ledger, books=await traded.check(), sent=sent, now=platform.clock()
        )

    return evidence
