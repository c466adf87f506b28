"""A process that can be killed between any two of its steps, and leaves nothing but rows and bytes on their way."""

import asyncio
import contextvars
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeVar

from tests.simulation.virtual_time import synchronous
from trading.writer import GroupWriter

T = TypeVar("T")
REPOSITORY = str(Path(__file__).resolve().parents[2]) + "/"
PLUMBING = ("tests/", "trading/writer.py", "trading/gateways/http.py")
_current: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)


class Killed(BaseException):
    """The process is dead: not an Exception, so that no handler of its own takes it for trouble."""


class Process:
    """Everything that runs in one life. `watch` is told of every point at which it could die.

    A point is the moment before a task goes on, or before the writer commits. Once killed, no task of it
    goes on, and what its `finally` blocks could still do reaches neither rows nor wire.
    """

    def __init__(self, *, watch: Callable[[str], None] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.watch = watch
        self.is_dead = False
        self.ended = asyncio.Event()
        self.writer = SteppedWriter(self)
        self.sends_on_their_way: set[asyncio.TimerHandle] = set()
        self._remains: list[Coroutine[Any, Any, Any]] = []

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it as part of this process, together with every task that it creates."""
        context = contextvars.copy_context()
        context.run(_current.set, self)
        return context.run(asyncio.get_running_loop().create_task, work)

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of one piece of work of this process."""
        return await self.spawn(work)

    def kill(self, *, are_writes_kept: bool = True, are_bytes_kept: bool = True) -> None:
        """As by kill -9. What was queued for the writer, and what has left for another machine, may
        arrive or be lost.
        """
        if are_writes_kept:
            self.writer.commit_queued()
        self.is_dead = True
        for sending in self.sends_on_their_way:
            if not are_bytes_kept:
                sending.cancel()
        self.ended.set()

    def stand(self) -> None:
        """Killed, unless it lives."""
        if self.is_dead:
            raise Killed

    def may_die(self, where: str) -> None:
        """A point at which it could die; Killed when it does."""
        if self.watch is not None and not self.is_dead:
            self.watch(where)
        self.stand()

    def step(self, inner: Coroutine[Any, Any, Any]) -> None:
        self.may_die(_where(inner))

    def own(self, inner: Coroutine[Any, Any, Any]) -> None:
        """Keep it until the burial: collecting a coroutine would run its `finally` blocks."""
        self._remains.append(inner)

    def bury(self) -> None:
        """Unwind what was left, unheard, now that nothing can come of it."""
        logging.disable()
        for remains in self._remains:
            for _ in range(10):
                try:
                    remains.throw(Killed())
                except BaseException:
                    break
        self._remains.clear()
        logging.disable(logging.NOTSET)


class SteppedWriter(GroupWriter):
    """The real writer's queue and commits, without its thread: a group is committed when the loop gets to it."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._process = process
        self._is_due = False
        self.queued_writes = 0

    async def run(self, verb: Callable[[], T], **how: Any) -> T:
        self._process.stand()
        self.queued_writes += 1
        self._take_turn()
        return await super().run(verb, **how)

    async def read(self, verb: Callable[[], T]) -> T:
        self._process.stand()
        self._take_turn()
        return await super().read(verb)

    def _take_turn(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._is_due = False
        with suppress(Killed):
            self._process.may_die("before the COMMIT")
            self.commit_queued()

    def commit_queued(self) -> None:
        """Do all that has queued up."""
        self.queued_writes = 0
        while self.has_work:
            synchronous(self.work_off)()


class _Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that asks its process before every step."""

    def __init__(self, process: Process, inner: Coroutine[Any, Any, Any]) -> None:
        self._process, self._inner = process, inner
        process.own(inner)
        self.__qualname__ = getattr(inner, "__qualname__", "task")

    def send(self, value: Any) -> Any:
        self._process.step(self._inner)
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        self._process.step(self._inner)
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self._inner.__await__()


def make_task(
    loop: asyncio.AbstractEventLoop, work: Any, *, context: contextvars.Context | None = None
) -> "asyncio.Task[Any]":
    """The loop's task factory: a task belongs to the process in which it was created."""
    process = _current.get() if context is None else context.get(_current)
    if process is not None:
        work = _Stepped(process, work)
    return asyncio.Task(work, loop=loop, context=context)


def outside(call: Callable[[], T]) -> T:
    """Call it as nobody's, so that it goes on when the calling process dies."""
    context = contextvars.copy_context()
    context.run(_current.set, None)
    return context.run(call)


def current() -> Process:
    """The process in which this runs."""
    process = _current.get()
    assert process is not None, "this belongs into a process"
    return process


def _where(inner: Coroutine[Any, Any, Any]) -> str:
    """The lines of ours at which a coroutine stands, from its beginning to what it waits for."""
    lines = []
    for code, frame in _frames(inner):
        file = code.co_filename.removeprefix(REPOSITORY)
        if file is not code.co_filename and not file.startswith(PLUMBING):
            lines.append(f"{file}:{frame.f_lineno} {code.co_name}")
    return " > ".join(lines) or getattr(inner, "__qualname__", "somewhere")


def _frames(awaited: Any) -> Iterator[tuple[CodeType, FrameType]]:
    for _ in itertools.repeat(None):
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            return
        yield frame.f_code, frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
