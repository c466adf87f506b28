"""Runs the loops of one process together: they stop on a signal, or all when the first one fails."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import uvloop

from trading.cores import go_first, make_way
from trading.gateways.base import GatewayError
from trading.writer import StorageUnavailable

log = logging.getLogger("runtime")
T = TypeVar("T")


def utc_now() -> datetime:
    """The clock of every daemon."""
    return datetime.now(UTC)


def once(ask: Callable[[], Coroutine[Any, Any, T]]) -> Callable[[], Awaitable[T]]:
    """A question that is asked when the first one wants to know, and whose answer all others share."""
    asked: list[asyncio.Task[T]] = []

    async def answer() -> T:
        if not asked:
            asked.append(asyncio.create_task(ask()))
        # Somebody who stops waiting must not take the answer from the others.
        return await asyncio.shield(asked[0])

    return answer


class Beside:
    """Work of a step that goes on behind the next steps where it takes long, one piece of it at a time."""

    def __init__(self, *, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._task: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether something that was begun has not been seen to end."""
        return self._task is not None

    async def run(self, begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin it unless something is under way, and wait for that for a moment.

        What it raises is raised by whichever call sees its end.
        """
        if self._task is None:
            self._task = asyncio.create_task(begin())
        done, _ = await asyncio.wait({self._task}, timeout=self._patience_seconds)
        if done:
            ended, self._task = self._task, None
            ended.result()


async def run_together(*loops: Awaitable[None]) -> None:
    """Run loops until SIGTERM or SIGINT, or until the first ends; that one's exception is raised."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.ensure_future(each) for each in loops]
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in [*tasks, waiting]:
        task.cancel()
    await asyncio.gather(*tasks, waiting, return_exceptions=True)
    for task in done - {waiting}:
        task.result()
        raise RuntimeError("a loop that should run for ever has ended")


async def every(seconds: float, step: Callable[[], Awaitable[object]], *, name: str) -> None:
    """Run a step again and again. A step that fails is logged and tried again at its next time.

    The process goes on without it, so a step must leave nothing half done. That the outside or the
    database did not answer is a line in the log; anything else is our own mistake and shows where.
    """
    while True:
        try:
            await step()
        except (GatewayError, StorageUnavailable) as error:
            log.warning("%s: %s", name, error)
        except Exception:
            log.exception("%s failed", name)
        await asyncio.sleep(seconds)


def run_daemon(main: Callable[[], Awaitable[None]], *, is_first: bool = False) -> None:
    """Run a daemon's main coroutine on uvloop, its start-up objects kept out of garbage collection.

    One that `is_first`, because signals wait for it, has cores of its own; every other one makes way.
    """
    (go_first if is_first else make_way)()
    tune_for_latency()
    log.info("started, pid %s", os.getpid())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_as_coroutine(main))
    log.info("stopped")


def tune_for_latency() -> None:
    """Keep start-up objects out of garbage collection, and let loop and writer take turns quickly.

    Python lets a thread run 5 ms before another one gets its turn: longer than a whole signal may take.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(0.0005)


async def _as_coroutine(main: Callable[[], Awaitable[None]]) -> None:
    await main()
