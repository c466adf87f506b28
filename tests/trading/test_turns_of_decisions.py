"""Whoever gets the turn to decide reads what the one before has committed, however the two are asked for."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from tests import factories
from tests.databases import Database
from trading.rows import change
from trading.services.decisions import Rules, rules
from trading.services.orders import ENTRIES
from trading.writer import GroupWriter

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def writer(database: Database) -> Iterator[GroupWriter]:
    started = GroupWriter(threads=2).start()
    yield started
    started.stop()


async def test_a_halt_of_the_one_before_is_seen(writer: GroupWriter, database: Database) -> None:
    def set_up() -> None:
        factories.make_policy_revision()
        factories.make_trading_state()

    await writer.run(set_up)
    is_mine = threading.Event()

    def halt() -> bool:
        before = rules(turn=ENTRIES).state.are_entries_halted
        is_mine.set()
        until = time.monotonic() + 5
        while not database.rows(WAITING)[0][0] and time.monotonic() < until:
            time.sleep(0.01)
        assert change("UPDATE trading_tradingstate SET entries_halted = true WHERE id = 1") == 1
        return before

    def look() -> Rules:
        assert is_mine.wait(5)
        return rules(turn=ENTRIES)

    was_halted, seen = await asyncio.gather(writer.run(halt), writer.run(look))
    assert not was_halted
    assert seen.state.are_entries_halted
    assert seen.revision == 1
