"""One thread that owns a database connection and commits whatever has queued up in one transaction."""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import DatabaseError, IntegrityError, connection, transaction

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")
MAXIMUM_BATCH = 256


class StorageUnavailable(Exception):
    """The database did not take the write; nothing of it was stored."""


@dataclass(frozen=True, slots=True)
class _Work:
    verb: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    is_read: bool


class GroupWriter:
    """Runs verbs for the asyncio world: each in its own savepoint, many in one COMMIT.

    An awaited `run` returns after the COMMIT, so what it answers is durable. A verb that raises undoes
    itself only. A failed COMMIT fails every verb of the group with StorageUnavailable. `opening` runs first
    in every transaction that writes: a lock there makes the writers of several processes take turns.
    """

    def __init__(self, *, opening: Callable[[], None] = lambda: None) -> None:
        self._opening = opening
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="group-writer", daemon=True)
        self._is_stopped = False

    def start(self) -> "GroupWriter":
        self._thread.start()
        return self

    def stop(self) -> None:
        """Commit what has queued up, then end the thread; what comes later is refused."""
        self._is_stopped = True
        self._queue.put(None)
        self._thread.join()

    async def run(self, verb: Callable[[], T]) -> T:
        """The verb's result once it is committed; its own exception, or StorageUnavailable."""
        return await self._queued(verb, is_read=False)

    async def read(self, verb: Callable[[], T]) -> T:
        """The result of a verb that only reads, after everything queued before it.

        Where nothing is to be written it asks for no write lock: SQLite has one for all processes, and
        who finds it taken sleeps for milliseconds.
        """
        return await self._queued(verb, is_read=True)

    async def _queued(self, verb: Callable[[], T], *, is_read: bool) -> T:
        if self._is_stopped:
            raise StorageUnavailable("the writer has stopped")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Work(verb, loop, future, is_read))
        # Once queued it will be committed: a cancelled caller must not look like an undone write.
        return await asyncio.shield(future)

    def _work(self) -> None:
        while True:
            batch, is_last = self._next_batch()
            if batch:
                is_reading = all(work.is_read for work in batch)
                _deliver(batch, _read(batch) if is_reading else _commit(batch, self._opening))
            if is_last:
                connection.close()
                return

    def _next_batch(self) -> tuple[list[_Work], bool]:
        batch: list[_Work] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == MAXIMUM_BATCH:
                return batch, False
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True


class Collected(Generic[Item, Result]):
    """An awaitable verb over single items, run by the writer over lists of them.

    `verb` gets the items in the order in which they came and answers each at the same place. An awaited
    call returns after the COMMIT. What the verb raises reaches everybody whose item it was given.
    """

    def __init__(
        self, writer: GroupWriter, verb: Callable[[Sequence[Item]], Sequence[Result]]
    ) -> None:
        self._writer, self._verb = writer, verb
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._is_called = False
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, item: Item) -> Result:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        # The verb lowers the flag before it looks: whoever finds it raised will be seen.
        if not self._is_called:
            self._is_called = True
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _run(self) -> None:
        taken: list[tuple[Item, asyncio.Future[Result]]] = []

        def work() -> Sequence[Result]:
            self._take(taken)
            return self._verb([item for item, _ in taken])

        try:
            results = await self._writer.run(work)
        except Exception as error:
            if not taken:
                # The writer could not even begin, so nobody else will ever look at what waits.
                self._take(taken)
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), result in zip(taken, results, strict=True):
                if not future.done():
                    future.set_result(result)

    def _take(self, taken: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        self._is_called = False
        while self._waiting:
            taken.append(self._waiting.popleft())


def _read(batch: list[_Work]) -> list[tuple[Any, BaseException | None]]:
    outcomes: list[tuple[Any, BaseException | None]] = []
    for work in batch:
        try:
            outcomes.append((work.verb(), None))
        except DatabaseError as error:
            connection.close()
            outcomes.append((None, StorageUnavailable(str(error))))
        except Exception as error:
            outcomes.append((None, error))
    return outcomes


def _commit(
    batch: list[_Work], opening: Callable[[], None]
) -> list[tuple[Any, BaseException | None]]:
    try:
        with transaction.atomic():
            opening()
            outcomes = [_attempt(work.verb) for work in batch]
            if connection.needs_rollback:
                # The database has undone the whole group by itself (disk full): nothing will be stored.
                raise StorageUnavailable("the transaction was rolled back")
            return outcomes
    except Exception as error:
        connection.close()
        failure = StorageUnavailable(str(error))
        return [(None, failure)] * len(batch)


def _attempt(verb: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        with transaction.atomic():
            return verb(), None
    except IntegrityError as error:
        return None, error
    except DatabaseError as error:
        return None, StorageUnavailable(str(error))
    except Exception as error:
        return None, error


def _deliver(batch: list[_Work], outcomes: list[tuple[Any, BaseException | None]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Work, Any, BaseException | None]]] = {}
    for work, (result, error) in zip(batch, outcomes, strict=True):
        by_loop.setdefault(work.loop, []).append((work, result, error))
    for loop, rows in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, rows)


def _settle(rows: list[tuple[_Work, Any, BaseException | None]]) -> None:
    for work, result, error in rows:
        if work.future.done():
            continue
        if error is None:
            work.future.set_result(result)
        else:
            work.future.set_exception(error)
