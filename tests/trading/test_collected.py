"""Many items, one verb: whatever has come in by the writer's turn is given to it together."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing

import pytest
from django.db import connection

from tests.databases import Database
from tests.trading.test_writer import Gate
from trading.collected import Collected
from trading.writer import GroupWriter, StorageUnavailable


async def test_what_comes_in_meanwhile_is_given_to_one_call(writer: GroupWriter) -> None:
    calls: list[list[int]] = []

    def double(items: Sequence[int]) -> list[int]:
        calls.append(list(items))
        return [2 * item for item in items]

    gate, doubled = Gate(), Collected(writer, double)
    holding = asyncio.ensure_future(writer.run(gate.hold))
    await asyncio.to_thread(gate.is_reached.wait, 5)
    running = [asyncio.ensure_future(doubled(item)) for item in range(5)]
    await asyncio.sleep(0.01)
    gate.open()
    await holding
    assert await asyncio.gather(*running) == [0, 2, 4, 6, 8]
    assert calls == [[0, 1, 2, 3, 4]]
    assert await doubled(7) == 14
    assert calls[1:] == [[7]]


async def test_a_pause_lets_others_come_along(writer: GroupWriter) -> None:
    calls: list[list[str]] = []

    def note(items: Sequence[str]) -> list[None]:
        calls.append(list(items))
        return [None] * len(items)

    noted = Collected(writer, note, pause_seconds=0.2)
    early = asyncio.ensure_future(noted("early"))
    await asyncio.sleep(0.01)
    await asyncio.gather(early, noted("late"))
    assert calls == [["early", "late"]]


async def test_an_error_of_the_one_call_reaches_all_who_are_in_it(writer: GroupWriter) -> None:
    def refuse(items: Sequence[int]) -> list[int]:
        raise ValueError(len(items))

    refused = Collected(writer, refuse)
    outcomes = await asyncio.gather(*(refused(item) for item in range(3)), return_exceptions=True)
    assert all(isinstance(outcome, ValueError) for outcome in outcomes)
    with pytest.raises(ValueError, match="1"):
        await refused(1)


async def test_a_database_that_does_not_even_begin_leaves_nobody_waiting(
    writer: GroupWriter, database: Database
) -> None:
    await writer.run(lambda: connection.settings_dict["OPTIONS"].update(timeout=0.05))
    called = Collected(writer, list)
    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        outcomes = await asyncio.gather(*(called(item) for item in "ab"), return_exceptions=True)
        other.execute("ROLLBACK")
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable] * 2
    # The writer has reconnected since; whoever comes now is served.
    assert await called("c") == "c"


async def test_a_lock_that_is_soon_free_is_waited_for(
    writer: GroupWriter, database: Database
) -> None:
    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(writer.run(lambda: "stored"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        other.execute("ROLLBACK")
        assert await waiting == "stored"


async def test_a_busy_writer_lets_others_have_the_lock(
    writer: GroupWriter, database: Database
) -> None:
    """As a person's kill switch needs it while the queue is full."""
    is_over = False

    async def keep_busy() -> None:
        while not is_over:
            await writer.run(lambda: time.sleep(0.001))

    busy = [asyncio.ensure_future(keep_busy()) for _ in range(20)]
    try:
        for _ in range(10):
            # Raises when it has not got it within five seconds.
            await asyncio.to_thread(_take_the_lock, database)
    finally:
        is_over = True
        await asyncio.gather(*busy)


def _take_the_lock(database: Database) -> None:
    with closing(sqlite3.connect(database.file, isolation_level=None, timeout=5)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


async def test_a_turn_whose_items_were_taken_already_is_no_call(writer: GroupWriter) -> None:
    calls: list[list[int]] = []

    def remember(items: Sequence[int]) -> Sequence[int]:
        calls.append(list(items))
        return items

    gate, asked = Gate(), Collected(writer, remember)
    holding = asyncio.ensure_future(writer.run(gate.hold))
    await asyncio.to_thread(gate.is_reached.wait, 5)
    first = asyncio.ensure_future(asked(1))
    await asyncio.sleep(0.01)
    # As when the first turn begins between the coming of the second item and the look at the flag.
    asked._is_called = False
    second = asyncio.ensure_future(asked(2))
    await asyncio.sleep(0.01)
    gate.open()
    assert await asyncio.gather(first, second) == [1, 2]
    await holding
    await writer.run(lambda: None)
    assert calls == [[1, 2]], "a verb cannot do anything with nothing"
