"""Many verbs, one COMMIT: each undoes only itself, none is answered before it is durable."""

import asyncio
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction

from tests.databases import Database
from tests.trading.written import store, stored
from trading.turns import MAXIMUM_BATCH, MOST_PASSED_OVER
from trading.writer import GroupWriter, StorageUnavailable

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not split the groups that these tests are about."""
    monkeypatch.setattr("trading.writer.GROUP_SECONDS", 60.0)


@pytest.fixture
def writer(database: Database) -> Iterator[GroupWriter]:
    """With one thread, as on SQLite ever, so that what is queued behind a gate waits for it."""
    started = GroupWriter(threads=1).start()
    yield started
    started.stop()


def fail(error: Exception) -> Any:
    store("half")
    raise error


class Gate:
    """A verb that holds the writer until it is opened, so that what follows becomes one group."""

    def __init__(self) -> None:
        self.is_reached, self._opened = threading.Event(), threading.Event()

    def hold(self) -> None:
        self.is_reached.set()
        assert self._opened.wait(5)

    def open(self) -> None:
        self._opened.set()


async def grouped(writer: GroupWriter, *verbs: Any) -> list[Any]:
    """The outcomes of verbs that were certainly committed together."""
    gate = Gate()
    holding = asyncio.ensure_future(writer.run(gate.hold))
    await asyncio.to_thread(gate.is_reached.wait, 5)
    running = [asyncio.ensure_future(writer.run(verb)) for verb in verbs]
    await asyncio.sleep(0)
    gate.open()
    await holding
    return await asyncio.gather(*running, return_exceptions=True)


async def test_a_result_comes_after_its_commit(writer: GroupWriter, database: Database) -> None:
    for number in range(20):
        mint = await writer.run(lambda number=number: store(f"m{number}"))
        assert mint in stored(database)


async def test_one_verb_that_fails_undoes_itself_alone(
    writer: GroupWriter, database: Database
) -> None:
    outcomes = await grouped(
        writer, lambda: store("a"), lambda: fail(KeyError("mine")), lambda: store("b")
    )
    assert outcomes[0] == "a"
    assert isinstance(outcomes[1], KeyError)
    assert outcomes[2] == "b"
    assert stored(database) == {"a", "b"}


async def test_a_broken_constraint_is_told_to_its_own_caller(
    writer: GroupWriter, database: Database
) -> None:
    outcomes = await grouped(writer, lambda: store("a"), lambda: store("a"), lambda: store("b"))
    assert [type(outcome) for outcome in outcomes] == [str, IntegrityError, str]
    assert stored(database) == {"a", "b"}


async def test_a_statement_that_the_database_refuses_is_storage_unavailable(
    writer: GroupWriter, database: Database
) -> None:
    def nonsense() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")

    outcomes = await grouped(writer, nonsense, lambda: store("a"))
    assert isinstance(outcomes[0], StorageUnavailable)
    assert stored(database) == {"a"}


async def test_a_group_that_the_database_undid_by_itself_fails_as_a_whole(
    writer: GroupWriter, database: Database
) -> None:
    """As SQLite does when the disk is full: the transaction is gone, whatever had been answered.

    On PostgreSQL the others have transactions of their own.
    """

    def run_out_of_disk() -> None:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
        raise RuntimeError("disk full")

    outcomes = await grouped(writer, lambda: store("a"), run_out_of_disk, lambda: store("b"))
    others = set() if database.vendor == "sqlite" else {"a", "b"}
    assert isinstance(outcomes[1], Exception)
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} == others
    assert stored(database) == others
    assert await writer.run(lambda: store("c")) == "c"
    assert stored(database) == others | {"c"}


async def test_a_verb_that_asks_for_a_rollback_undoes_nobody_silently(
    writer: GroupWriter, database: Database
) -> None:
    outcomes = await grouped(
        writer, lambda: store("a"), lambda: transaction.set_rollback(True), lambda: store("b")
    )
    answered = {outcome for outcome in outcomes if isinstance(outcome, str)}
    assert answered == stored(database)


async def test_a_commit_that_fails_fails_everybody_in_it(
    writer: GroupWriter, database: Database
) -> None:
    def break_a_reference_at_commit() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO trading_signalkey (key, signal_id) VALUES ('k', %s)", ["0" * 32]
            )

    outcomes = await grouped(writer, lambda: store("a"), break_a_reference_at_commit)
    others = set() if database.vendor == "sqlite" else {"a"}
    assert isinstance(outcomes[1], StorageUnavailable)
    assert {outcome for outcome in outcomes if isinstance(outcome, str)} == others
    assert stored(database) == others
    assert await writer.run(lambda: store("b")) == "b"


async def test_a_caller_that_is_cancelled_has_written_all_the_same(
    writer: GroupWriter, database: Database
) -> None:
    gate = Gate()
    holding = asyncio.ensure_future(writer.run(gate.hold))
    await asyncio.to_thread(gate.is_reached.wait, 5)
    caller = asyncio.ensure_future(writer.run(lambda: store("a")))
    await asyncio.sleep(0)
    caller.cancel()
    assert (await asyncio.gather(caller, return_exceptions=True))[0].__class__ is (
        asyncio.CancelledError
    )
    gate.open()
    await holding
    await writer.run(lambda: None)
    assert stored(database) == {"a"}


async def test_more_than_a_batch_at_once_is_all_written(
    writer: GroupWriter, database: Database
) -> None:
    wanted = {f"m{number}" for number in range(MAXIMUM_BATCH * 2 + 5)}
    assert set(await grouped(writer, *(lambda mint=mint: store(mint) for mint in wanted))) == wanted
    assert stored(database) == wanted


async def test_verbs_run_in_the_order_in_which_they_came(writer: GroupWriter) -> None:
    seen: list[int] = []
    await grouped(writer, *(lambda number=number: seen.append(number) for number in range(50)))
    assert seen == list(range(50))


async def test_stopping_writes_what_was_promised(database: Database) -> None:
    stopping, gate = GroupWriter(threads=1).start(), Gate()
    holding = asyncio.ensure_future(stopping.run(gate.hold))
    await asyncio.to_thread(gate.is_reached.wait, 5)
    promised = asyncio.ensure_future(stopping.run(lambda: store("a")))
    await asyncio.sleep(0)
    gate.open()
    await asyncio.to_thread(stopping.stop)
    await holding
    assert await promised == "a"
    assert stored(database) == {"a"}


async def test_a_hint_leaves_only_after_the_commit(writer: GroupWriter, database: Database) -> None:
    seen: list[set[str]] = []

    def store_and_tell() -> None:
        store("a")
        transaction.on_commit(lambda: seen.append(stored(database)))

    await writer.run(store_and_tell)
    assert seen == [{"a"}]


async def test_the_writers_connection_is_its_own(writer: GroupWriter) -> None:
    here = connections["default"]
    there = await writer.run(lambda: connections["default"])
    assert there is not here


async def test_a_stopped_writer_refuses_at_once(database: Database) -> None:
    stopped = GroupWriter().start()
    stopped.stop()
    with pytest.raises(StorageUnavailable, match="stopped"):
        await stopped.run(lambda: None)


@pytest.mark.parametrize("is_busy", [False, True])
async def test_who_comes_at_the_moment_of_the_end_is_answered_too(
    database: Database, monkeypatch: pytest.MonkeyPatch, *, is_busy: bool
) -> None:
    """It stops between a caller's look and what the caller queues; `is_busy`, it has not ended by then."""
    stopping, gate = GroupWriter(threads=1).start(), Gate()
    holding = asyncio.ensure_future(stopping.run(gate.hold))
    await asyncio.to_thread(gate.is_reached.wait, 5)
    ending = threading.Thread(target=stopping.stop)
    loop = asyncio.get_running_loop()
    make = loop.create_future

    def stop_in_between() -> Any:
        monkeypatch.undo()
        ending.start()
        while not stopping._is_stopped or stopping._queue.empty():
            pass
        if not is_busy:
            gate.open()
            ending.join()
        return make()

    monkeypatch.setattr(loop, "create_future", stop_in_between)
    late = asyncio.ensure_future(stopping.run(lambda: store("late")))
    await asyncio.sleep(0)
    gate.open()
    with pytest.raises(StorageUnavailable, match="stopped"):
        await asyncio.wait_for(late, timeout=10)
    await holding
    assert stored(database) == set()


async def test_a_long_group_is_committed_in_parts(
    writer: GroupWriter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others wait for the lock meanwhile; what was not begun is not lost either."""
    monkeypatch.setattr("trading.writer.GROUP_SECONDS", 0.0)
    stored_before: list[int] = []

    def look() -> None:
        stored_before.append(len(stored(database)))

    verbs = [partial(store, name) for name in "abc"]
    outcomes = await grouped(writer, verbs[0], look, verbs[1], look, verbs[2])
    assert outcomes == ["a", None, "b", None, "c"]
    assert stored_before == [1, 2]


async def test_the_patient_let_all_others_go_first(writer: GroupWriter, database: Database) -> None:
    gate, order = Gate(), []
    holding = asyncio.ensure_future(writer.run(gate.hold))
    await asyncio.to_thread(gate.is_reached.wait, 5)
    running = [
        asyncio.ensure_future(writer.run(partial(order.append, "patient 1"), is_patient=True)),
        asyncio.ensure_future(writer.run(partial(order.append, "patient 2"), is_patient=True)),
        asyncio.ensure_future(writer.run(partial(order.append, "prompt"))),
        asyncio.ensure_future(writer.read(partial(order.append, "reading"))),
    ]
    await asyncio.sleep(0.01)
    gate.open()
    await asyncio.gather(holding, *running)
    assert order == ["prompt", "reading", "patient 1", "patient 2"]


async def test_who_is_in_a_hurry_comes_between_two_who_are_not(
    writer: GroupWriter, database: Database
) -> None:
    gate, order = Gate(), []
    running = [
        asyncio.ensure_future(writer.run(gate.hold, is_patient=True)),
        asyncio.ensure_future(writer.run(partial(order.append, "patient"), is_patient=True)),
    ]
    await asyncio.to_thread(gate.is_reached.wait, 5)
    running.append(asyncio.ensure_future(writer.run(partial(order.append, "prompt"))))
    await asyncio.sleep(0.01)
    gate.open()
    await asyncio.gather(*running)
    assert order == ["prompt", "patient"]


async def test_the_patient_are_not_passed_over_for_ever(
    writer: GroupWriter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.writer.GROUP_SECONDS", 0.0)
    gate, order = Gate(), []
    holding = asyncio.ensure_future(writer.run(gate.hold))
    await asyncio.to_thread(gate.is_reached.wait, 5)
    running = [
        asyncio.ensure_future(writer.run(partial(order.append, "patient"), is_patient=True)),
        *(
            asyncio.ensure_future(writer.run(partial(order.append, "prompt")))
            for _ in range(2 * MOST_PASSED_OVER)
        ),
    ]
    await asyncio.sleep(0.01)
    gate.open()
    await asyncio.gather(holding, *running)
    assert order.index("patient") == MOST_PASSED_OVER


async def test_there_are_as_many_threads_as_the_database_can_use(database: Database) -> None:
    asked = GroupWriter(threads=3).start()

    def thread() -> int:
        time.sleep(0.02)
        return threading.get_ident()

    try:
        found = await asyncio.gather(*(asked.run(thread) for _ in range(12)))
    finally:
        await asyncio.to_thread(asked.stop)
    assert len(set(found)) == (1 if database.vendor == "sqlite" else 3)
