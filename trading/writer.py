"""One thread that owns a database connection and commits whatever has queued up in one transaction."""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

from django.db import Error, IntegrityError, connection, transaction

T = TypeVar("T")
MAXIMUM_BATCH = 256
MOST_PASSED_OVER = 8
"""Groups of prompt work in a row while patient work waits: what has landed must get into the books."""
GROUP_SECONDS = 0.002
MOST_COLLISIONS = 3
COLLISIONS = ("40P01", "40001")
"""PostgreSQL's codes for a deadlock and for transactions that cannot be put in a row."""
SHORT_REST, LONG_REST = (0.25, 0.001), (1.0, 0.004)
"""Shares of the time that a group took, and the longest, in seconds."""


class StorageUnavailable(Exception):
    """The database did not take the write; nothing of it was stored."""


class _Collided(StorageUnavailable):
    """The database chose this transaction to be undone, because it and another one waited for each other."""


class _Kind(Enum):
    READ = auto()
    WRITE = auto()
    PATIENT = auto()


@dataclass(frozen=True, slots=True)
class _Work:
    verb: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    kind: _Kind


class GroupWriter:
    """Runs verbs for the asyncio world: each in its own savepoint, many in one COMMIT.

    An awaited `run` returns after the COMMIT, so what it answers is durable. A verb that raises undoes
    itself only. A failed COMMIT fails every verb of the group with StorageUnavailable. A group is as long
    as a few milliseconds of work: SQLite has one write lock, for which other processes wait meanwhile.

    On PostgreSQL every verb has a transaction of its own: a group would hold the rows of its first verb
    while it waits for those of its last, and two groups for each other. Two verbs that do are told so by the
    server, and the one that it undid is run again: a verb must do nothing but read and write rows.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._waiting = _Waiting(self._queue)
        self._thread = threading.Thread(target=self._work, name="group-writer", daemon=True)
        self._is_stopped = self._has_ended = False

    def start(self) -> "GroupWriter":
        self._thread.start()
        return self

    def stop(self) -> None:
        """Commit what has queued up, then end the thread; what comes later is refused."""
        self._is_stopped = True
        self._queue.put(None)
        self._thread.join()
        self._has_ended = True
        self._refuse_late()

    async def run(self, verb: Callable[[], T], *, is_patient: bool = False) -> T:
        """The verb's result once it is committed; its own exception, or StorageUnavailable.

        A verb that `is_patient` lets everybody else's go first.
        """
        return await self._queued(verb, _Kind.PATIENT if is_patient else _Kind.WRITE)

    async def read(self, verb: Callable[[], T]) -> T:
        """The result of a verb that only reads, after everything queued before it but the patient.

        Where nothing is to be written it asks for no write lock: SQLite has one for all processes, and
        who finds it taken has to wait.
        """
        return await self._queued(verb, _Kind.READ)

    async def _queued(self, verb: Callable[[], T], kind: "_Kind") -> T:
        if self._is_stopped:
            raise StorageUnavailable("the writer has stopped")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Work(verb, loop, future, kind))
        if self._has_ended:
            self._refuse_late()  # since we looked: nobody else would ever answer
        # Once queued it will be committed: a cancelled caller must not look like an undone write.
        return await asyncio.shield(future)

    def _refuse_late(self) -> None:
        """Answer what was queued behind the marker of the end, by a caller that had not seen it yet."""
        late = []
        with suppress(queue.Empty):
            while True:
                work = self._queue.get_nowait()
                if work is not None:
                    late.append(work)
        _deliver(late, [(None, StorageUnavailable("the writer has stopped"))] * len(late))

    def _work(self) -> None:
        while self.work_off():
            pass
        connection.close()

    def work_off(self) -> bool:
        """Wait for work and do one group of it, in this thread; False once there will be none any more."""
        waiting = self._waiting
        waiting.look(is_blocking=not waiting)
        if not waiting:
            return not waiting.is_last
        group = waiting.next_group()
        begun = time.monotonic()
        is_reading = all(work.kind is _Kind.READ for work in group)
        outcomes = _read(group) if is_reading else _commit(group)
        waiting.give_back(group[len(outcomes) :])
        _deliver(group[: len(outcomes)], outcomes)
        if waiting and not is_reading:
            is_patient = group[0].kind is _Kind.PATIENT
            _rest(LONG_REST if is_patient else SHORT_REST, after_seconds=time.monotonic() - begun)
        return True

    @property
    def has_work(self) -> bool:
        """Whether something has queued up."""
        return bool(self._waiting) or not self._queue.empty()


class _Waiting:
    """What has queued up, in the order in which it will be done."""

    def __init__(self, source: "queue.SimpleQueue[_Work | None]") -> None:
        self._source = source
        self._prompt: deque[_Work] = deque()
        self._patient: deque[_Work] = deque()
        self._passed_over = 0
        self.is_last = False

    def __bool__(self) -> bool:
        return bool(self._prompt or self._patient)

    def look(self, *, is_blocking: bool) -> None:
        """Take in what has come; `is_blocking` waits for something."""
        try:
            while not self.is_last:
                work = self._source.get(block=is_blocking)
                is_blocking = False
                if work is None:
                    self.is_last = True
                else:
                    self._line_of(work).append(work)
        except queue.Empty:
            return

    def next_group(self) -> list[_Work]:
        """Everybody in a hurry; those who are not, when nobody is or they were passed over too often."""
        is_turn = self._passed_over >= MOST_PASSED_OVER or not self._prompt
        line = self._patient if self._patient and is_turn else self._prompt
        self._passed_over = 0 if line is self._patient else self._passed_over + bool(self._patient)
        return [line.popleft() for _ in range(min(len(line), MAXIMUM_BATCH))]

    def give_back(self, group: Sequence[_Work]) -> None:
        """Put what was not begun where it was."""
        for work in reversed(group):
            self._line_of(work).appendleft(work)

    def _line_of(self, work: _Work) -> deque[_Work]:
        return self._patient if work.kind is _Kind.PATIENT else self._prompt


def _read(batch: list[_Work]) -> list[tuple[Any, BaseException | None]]:
    outcomes: list[tuple[Any, BaseException | None]] = []
    for work in batch:
        try:
            outcomes.append((work.verb(), None))
        except Error as error:
            connection.close()
            outcomes.append((None, StorageUnavailable(str(error))))
        except Exception as error:
            outcomes.append((None, error))
    return outcomes


def _commit(group: list[_Work]) -> list[tuple[Any, BaseException | None]]:
    """The outcomes of as many verbs, from the first on, as the time of one transaction allows."""
    if connection.vendor == "postgresql":
        group = group[:1]
    for _ in range(MOST_COLLISIONS):
        outcomes = _commit_once(group)
        if not any(isinstance(error, _Collided) for _, error in outcomes):
            break
    return outcomes


def _commit_once(group: list[_Work]) -> list[tuple[Any, BaseException | None]]:
    try:
        with transaction.atomic():
            if len(group) == 1:
                return [_alone(group[0].verb)]
            outcomes = []
            until = time.monotonic() + GROUP_SECONDS
            for work in group:
                outcomes.append(_attempt(work.verb))
                if time.monotonic() >= until:
                    break
            if connection.needs_rollback:
                # The database has undone the whole group by itself (disk full): nothing will be stored.
                raise StorageUnavailable("the transaction was rolled back")
            return outcomes
    except Exception as error:
        connection.close()
        failure = _collision_or_unavailable(error)
        return [(None, failure)] * len(group)


def _rest(rest: tuple[float, float], *, after_seconds: float) -> None:
    """Leave SQLite's lock to whoever waits for it in another process, people's own orders too, before the
    next of many groups takes it again. What is patient, bookings above all, leaves it as long as it had it.
    """
    if connection.vendor == "sqlite":
        share, longest_seconds = rest
        time.sleep(min(share * after_seconds, longest_seconds))


def _alone(verb: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """A verb with the transaction to itself: what it raises undoes that, so it needs no savepoint."""
    try:
        result = verb()
    except Exception as error:
        transaction.set_rollback(True)
        return None, _told(error)
    if connection.needs_rollback:
        raise StorageUnavailable("the transaction was rolled back")
    return result, None


def _attempt(verb: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        with transaction.atomic():
            return verb(), None
    except Exception as error:
        return None, _told(error)


def _told(error: Exception) -> Exception:
    """What the caller gets to see of it: a constraint is an answer, any other trouble of the database is not."""
    is_storage = isinstance(error, Error) and not isinstance(error, IntegrityError)
    return _collision_or_unavailable(error) if is_storage else error


def _collision_or_unavailable(error: Exception) -> StorageUnavailable:
    collided = getattr(error.__cause__, "sqlstate", None) in COLLISIONS
    return _Collided(str(error)) if collided else StorageUnavailable(str(error))


def _deliver(batch: list[_Work], outcomes: list[tuple[Any, BaseException | None]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Work, Any, BaseException | None]]] = {}
    for work, (result, error) in zip(batch, outcomes, strict=True):
        by_loop.setdefault(work.loop, []).append((work, result, error))
    for loop, rows in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, rows)


def _settle(rows: list[tuple[_Work, Any, BaseException | None]]) -> None:
    for work, result, error in rows:
        if work.future.done():
            continue
        if error is None:
            work.future.set_result(result)
        else:
            work.future.set_exception(error)
