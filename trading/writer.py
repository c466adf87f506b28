"""Threads that own a database connection each and commit what has queued up: one on SQLite, several on PostgreSQL."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error, IntegrityError, connection, transaction

from trading.cores import go_before_others
from trading.turns import END, LOOK, Kind, Mark, Turns, Work

T = TypeVar("T")
GROUP_SECONDS = 0.002
MOST_COLLISIONS = 4
COLLISIONS = ("40P01", "40001")
"""PostgreSQL's codes for a deadlock and for transactions that cannot be put in a row."""
COLLISION_REST_SECONDS = 0.01
"""Times the number of the try: begun again at once, a verb may take the row that the other was promised."""
SHORT_REST, LONG_REST = (0.25, 0.001), (1.0, 0.004)
"""Shares of the time that a group took, and the longest, in seconds."""


class StorageUnavailable(Exception):
    """The database did not take the write; nothing of it was stored."""


class _Collided(StorageUnavailable):
    """The database chose this transaction to be undone, because it and another one waited for each other."""


class GroupWriter:
    """Runs verbs for the asyncio world: each in its own savepoint, many in one COMMIT.

    An awaited `run` returns after the COMMIT, so what it answers is durable. A verb that raises undoes
    itself only. A failed COMMIT fails every verb of the group with StorageUnavailable. A group is as long
    as a few milliseconds of work: SQLite has one write lock, for which other processes wait meanwhile.

    On PostgreSQL every verb has a transaction of its own: a group would hold the rows of its first verb
    while it waits for those of its last, and two groups for each other. So many `threads` run them side by
    side, each on its own connection; verbs begin in the order in which they came, and who must not begin
    before another's COMMIT awaits that, or shares its lane. Two that wait for each other are told so by the
    server, and the one that it undid is run again: a verb must do nothing but read and write rows.

    One that `is_first` works before everybody else's threads do.
    """

    def __init__(self, *, threads: int | None = None, is_first: bool = False) -> None:
        self._queue: queue.SimpleQueue[Work | Mark] = queue.SimpleQueue()
        self._turns = Turns(self._queue)
        self._wanted_threads, self._is_first = threads, is_first
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._idle = self._cuts = 0
        self._seen = threading.local()
        self._is_stopped = self._has_ended = False

    def start(self) -> "GroupWriter":
        """Begin to work, with so many threads as the database can use (DATABASE_WRITERS)."""
        count = 1
        if connection.vendor == "postgresql":
            count = self._wanted_threads or settings.DATABASE_WRITERS
            # Bookings and prices must not take every thread from who is in a hurry.
            self._turns = Turns(self._queue, group=1, most_patient=max(1, count - 1))
        for number in range(count):
            name = f"group-writer-{number}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Commit what has queued up, then end the threads; what comes later is refused."""
        self._is_stopped = True
        for _ in self._threads:
            self._queue.put(END)
        for thread in self._threads:
            thread.join()
        self._has_ended = True
        self._refuse_late()

    async def run(
        self, verb: Callable[[], T], *, is_patient: bool = False, lane: Hashable | None = None
    ) -> T:
        """The verb's result once it is committed; its own exception, or StorageUnavailable.

        A verb that `is_patient` lets everybody else's go first. Those of one `lane` run one after the other
        in the order in which they came: they would only wait for the same rows, each with a thread, or
        they share more than rows.
        """
        return await self._queued(verb, Kind.PATIENT if is_patient else Kind.WRITE, lane)

    async def read(self, verb: Callable[[], T]) -> T:
        """The result of a verb that only reads; it sees all that was committed when it was called.

        Where nothing is to be written it asks for no write lock: SQLite has one for all processes, and
        who finds it taken has to wait.
        """
        return await self._queued(verb, Kind.READ, None)

    async def _queued(self, verb: Callable[[], T], kind: Kind, lane: Hashable | None) -> T:
        if self._is_stopped:
            raise StorageUnavailable("the writer has stopped")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(Work(verb, loop, future, kind, lane))
        if self._has_ended:
            self._refuse_late()  # since we looked: nobody else would ever answer
        # Once queued it will be committed: a cancelled caller must not look like an undone write.
        return await asyncio.shield(future)

    def _refuse_late(self) -> None:
        """Answer what was queued behind the marks of the end, by a caller that had not seen them yet."""
        late = []
        with suppress(queue.Empty):
            while True:
                came = self._queue.get_nowait()
                if isinstance(came, Work):
                    late.append(came)
        _deliver(late, [(None, StorageUnavailable("the writer has stopped"))] * len(late))

    def _work(self) -> None:
        if self._is_first:
            go_before_others()
        while self.work_off():
            pass
        connection.close()

    def work_off(self) -> bool:
        """Wait for work and do one group of it, in this thread; False once there is none left to begin."""
        group = self._next_group()
        if not group:
            return False
        begun = time.monotonic()
        is_reading = all(work.kind is Kind.READ for work in group)
        before = self._connected()
        outcomes = _read(group) if is_reading else _commit(group)
        with self._lock:
            if connection.connection is not before and _is_any_unavailable(outcomes):
                self._seen.cuts = self._cuts = self._cuts + 1
            self._turns.done(group, begun=len(outcomes))
        _deliver(group[: len(outcomes)], outcomes)
        if self._turns and not is_reading:
            is_patient = group[0].kind is Kind.PATIENT
            _rest(LONG_REST if is_patient else SHORT_REST, after_seconds=time.monotonic() - begun)
        return True

    def _connected(self) -> Any:
        """This thread's connection, if it has one that may live: where one thread's was cut off, all were."""
        cuts = self._cuts
        if getattr(self._seen, "cuts", cuts) != cuts:
            connection.close()
        self._seen.cuts = cuts
        return connection.connection

    def _next_group(self) -> list[Work]:
        """Wait for work that may be begun; nothing at the end, when the rest is others' who are at work."""
        while True:
            with self._lock:
                self._turns.look()
                group = self._turns.next_group()
                if self._idle and self._turns.may_begin():
                    self._queue.put(LOOK)
                if group or self._turns.is_last:
                    return group
                self._idle += 1
            came = self._queue.get()
            with self._lock:
                self._idle -= 1
                self._turns.take_in(came)

    @property
    def has_work(self) -> bool:
        """Whether something has queued up."""
        return bool(self._turns) or not self._queue.empty()


def _is_any_unavailable(outcomes: list[tuple[Any, BaseException | None]]) -> bool:
    return any(isinstance(error, StorageUnavailable) for _, error in outcomes)


def _read(batch: list[Work]) -> list[tuple[Any, BaseException | None]]:
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


def _commit(group: list[Work]) -> list[tuple[Any, BaseException | None]]:
    """The outcomes of as many verbs, from the first on, as the time of one transaction allows."""
    for number in range(MOST_COLLISIONS):
        if number:
            # Not for no time at all: asking to sleep for that costs every transaction a tenth of a millisecond.
            time.sleep(number * COLLISION_REST_SECONDS)
        outcomes = _commit_once(group)
        if not any(isinstance(error, _Collided) for _, error in outcomes):
            break
    return outcomes


def _commit_once(group: list[Work]) -> list[tuple[Any, BaseException | None]]:
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


def _deliver(batch: list[Work], outcomes: list[tuple[Any, BaseException | None]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Work, Any, BaseException | None]]] = {}
    for work, (result, error) in zip(batch, outcomes, strict=True):
        by_loop.setdefault(work.loop, []).append((work, result, error))
    for loop, rows in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, rows)


def _settle(rows: list[tuple[Work, Any, BaseException | None]]) -> None:
    for work, result, error in rows:
        if work.future.done():
            continue
        if error is None:
            work.future.set_result(result)
        else:
            work.future.set_exception(error)
