"""Several threads on PostgreSQL: side by side, and yet everything that a caller could rely on with one."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.databases import Database
from tests.trading.written import store, stored
from trading.collected import Collected
from trading.rows import change, first, serialise
from trading.services.orders import ENTRIES
from trading.writer import GroupWriter, StorageUnavailable

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
THREADS = 4


@pytest.fixture
def writer(database: Database) -> Iterator[GroupWriter]:
    started = GroupWriter(threads=THREADS).start()
    yield started
    started.stop()


@dataclass(slots=True)
class Overlap:
    """How many were inside at the same time, at most, and in which order they came in."""

    most: int = 0
    order: list[Any] = field(default_factory=list)
    _inside: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def visit(self, name: object) -> None:
        with self._lock:
            self.order.append(name)
            self._inside += 1
            self.most = max(self.most, self._inside)
        time.sleep(0.003)
        with self._lock:
            self._inside -= 1


async def settled(*running: Any) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*running), timeout=30)


async def test_verbs_run_side_by_side(writer: GroupWriter) -> None:
    all_inside = threading.Barrier(THREADS)
    await settled(*(writer.run(partial(all_inside.wait, 10)) for _ in range(THREADS)))


async def test_each_thread_has_a_connection_of_its_own(writer: GroupWriter) -> None:
    all_inside = threading.Barrier(THREADS)

    def backend() -> Any:
        all_inside.wait(10)
        return first("SELECT pg_backend_pid()")

    pids = await settled(*(writer.run(backend) for _ in range(THREADS)))
    assert len(set(pids)) == THREADS


async def test_what_a_caller_awaited_its_next_verb_sees(writer: GroupWriter) -> None:
    """However many threads there are, and whichever takes the next."""

    async def count_up(mint: str) -> int:
        await writer.run(partial(store, mint))
        for number in range(15):
            seen = await writer.read(
                lambda: first("SELECT symbol FROM trading_token WHERE mint = %s", mint)
            )
            assert seen == (mint + "x" * number,)
            await writer.run(partial(grow, mint))
        return 1

    def grow(mint: str) -> None:
        grown = change("UPDATE trading_token SET symbol = symbol || 'x' WHERE mint = %s", mint)
        assert grown == 1

    assert sum(await settled(*(count_up(f"m{number}") for number in range(8)))) == 8


async def test_no_verb_is_run_twice_or_left_out(writer: GroupWriter, database: Database) -> None:
    called: list[str] = []

    def once(mint: str) -> str:
        called.append(mint)
        return store(mint)

    wanted = [f"m{number}" for number in range(200)]
    answers = await settled(
        *(
            writer.run(
                partial(once, mint),
                is_patient=number % 3 == 0,
                lane=(None, "left", "right")[number % 5 % 3],
            )
            for number, mint in enumerate(wanted)
        )
    )
    assert answers == wanted
    assert sorted(called) == sorted(wanted)
    assert stored(database) == set(wanted)


async def test_those_of_a_lane_take_turns_in_the_order_in_which_they_came(
    writer: GroupWriter,
) -> None:
    lane, others = Overlap(), Overlap()
    await settled(
        *(writer.run(partial(lane.visit, number), lane="lane") for number in range(30)),
        *(writer.run(partial(others.visit, number)) for number in range(30)),
    )
    assert lane.order == list(range(30))
    assert lane.most == 1
    assert others.most > 1


async def test_what_is_collected_is_never_two_calls_at_once(writer: GroupWriter) -> None:
    overlap, given = Overlap(), list[int]()

    def double(items: Sequence[int]) -> list[int]:
        overlap.visit(len(items))
        given.extend(items)
        return [2 * item for item in items]

    doubled = Collected(writer, double)

    async def later(item: int) -> int:
        await asyncio.sleep(item % 7 / 1_000)
        return await doubled(item)

    assert await settled(*(later(item) for item in range(200))) == [2 * n for n in range(200)]
    assert sorted(given) == list(range(200))
    assert overlap.most == 1


@pytest.mark.parametrize("how", [{}, {"lane": "lane"}, {"is_patient": True}])
async def test_stopping_writes_what_was_promised(database: Database, how: dict[str, Any]) -> None:
    stopping = GroupWriter(threads=THREADS).start()

    def slowly(mint: str) -> str:
        time.sleep(0.005)
        return store(mint)

    wanted = [f"m{number}" for number in range(40)]
    promised = [
        asyncio.ensure_future(stopping.run(partial(slowly, mint), **how)) for mint in wanted
    ]
    await asyncio.sleep(0)
    await asyncio.to_thread(stopping.stop)
    assert await settled(*promised) == wanted
    assert stored(database) == set(wanted)


async def test_a_stopped_writer_leaves_no_connection_behind(database: Database) -> None:
    ours = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
    stopping, all_inside = GroupWriter(threads=THREADS).start(), threading.Barrier(THREADS)

    def backend() -> int:
        all_inside.wait(10)
        return int(first("SELECT pg_backend_pid()")[0])

    pids = set(await settled(*(stopping.run(backend) for _ in range(THREADS))))
    assert pids <= {row[0] for row in database.rows(ours)}
    await asyncio.to_thread(stopping.stop)
    for _ in range(100):  # the server takes a moment to see it
        left = pids & {row[0] for row in database.rows(ours)}
        if not left:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(left)


@contextmanager
def decision_elsewhere(database: Database) -> Iterator[None]:
    """Another executor is deciding on a buy meanwhile."""
    with psycopg.connect(database.dsn) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [ENTRIES])
        yield


async def test_an_exit_does_not_wait_behind_decisions_on_buys(
    writer: GroupWriter, database: Database
) -> None:
    with decision_elsewhere(database):
        deciding = [
            asyncio.ensure_future(writer.run(partial(serialise, ENTRIES), lane=ENTRIES))
            for _ in range(3 * THREADS)
        ]
        await asyncio.sleep(0.05)
        exits = [writer.run(partial(store, f"exit {number}")) for number in range(10)]
        assert len(await settled(*exits)) == 10
        assert not any(each.done() for each in deciding)
    await settled(*deciding)


async def test_what_is_patient_leaves_a_thread_for_who_is_in_a_hurry(writer: GroupWriter) -> None:
    opened = threading.Event()
    waiting = [
        asyncio.ensure_future(writer.run(partial(opened.wait, 10), is_patient=True))
        for _ in range(2 * THREADS)
    ]
    await asyncio.sleep(0.05)
    try:
        for name in ("a", "b"):
            assert await asyncio.wait_for(writer.run(partial(store, name)), timeout=5) == name
        assert not any(each.done() for each in waiting)
    finally:
        opened.set()
    await settled(*waiting)


async def test_a_verb_that_fails_takes_no_thread_with_it(
    writer: GroupWriter, database: Database
) -> None:
    def fail() -> None:
        store("half")
        raise KeyError("mine")

    failing: list[Callable[[], Any]] = [fail] * (2 * THREADS)
    outcomes = await asyncio.gather(
        *(writer.run(verb, lane="lane") for verb in failing), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {KeyError}
    assert await settled(writer.run(partial(store, "whole"), lane="lane")) == ["whole"]
    assert stored(database) == {"whole"}


async def test_when_one_connection_is_cut_the_others_are_opened_anew(
    writer: GroupWriter, database: Database
) -> None:
    """A server that went and came back refuses one verb, not one for each thread."""

    async def each_thread_once() -> set[int]:
        all_inside = threading.Barrier(THREADS)

        def backend() -> int:
            all_inside.wait(10)
            return int(first("SELECT pg_backend_pid()")[0])

        return set(await settled(*(writer.run(backend) for _ in range(THREADS))))

    before = await each_thread_once()
    database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    with pytest.raises(StorageUnavailable):
        await writer.run(partial(store, "cut"))
    after = await each_thread_once()
    assert len(after) == THREADS
    assert not after & before
    assert stored(database) == set()
