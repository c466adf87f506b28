"""Keeps a set of processes running: order, readiness, restart and a clean end; knows none of them by name."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workers.child import Child

Ready = Callable[[Child], Awaitable[bool]]
OnLine = Callable[[str, str], None]

OWN_NAME = "supervisor"
GRACE_SECONDS = 8.0
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 30.0
STABLE_AFTER_SECONDS = 30.0
CRASH_LOOP_CRASHES = 4
POLL_SECONDS = 0.1
LAST_LINES = 6


class UnableToStart(Exception):
    """Something that the rest needs did not come up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process: `after` names what must be ready before it starts.

    `ready` is asked until it says yes and never raises; without one, ready means running.
    `once` marks a job that is ready when it has ended with status 0 and whose failure stops the start.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    after: tuple[str, ...] = ()
    ready: Ready | None = None
    once: bool = False


@dataclass(slots=True, kw_only=True)
class _Unit:
    """What is known about one service while it is supervised."""

    service: Service
    depth: int
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    child: Child | None = None
    watcher: "asyncio.Task[None] | None" = None
    crashes: int = 0
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    keeper: "asyncio.Task[None] | None" = None


class Supervisor:
    """Starts services in their order, starts again what ends by itself, ends everything on `stop()`.

    Run it in the main thread's event loop: the children are tied to that thread's life. `on_line`
    gets (service name, line) for everything printed, and (OWN_NAME, line) for what happens here;
    it must not raise.
    """

    def __init__(
        self,
        *,
        services: Iterable[Service],
        on_line: OnLine,
        cwd: Path,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._on_line = on_line
        self._grace_seconds = grace_seconds
        self._cwd = cwd
        self._units: dict[str, _Unit] = {}
        for service in services:
            # Raises KeyError on a name that does not come earlier, so that no circle is possible.
            depth = 1 + max((self._units[name].depth for name in service.after), default=-1)
            self._units[service.name] = _Unit(service=service, depth=depth)
        self._is_stopping = False
        self._failure: asyncio.Future[str] | None = None

    async def start(self, *, timeout_seconds: float | None = None) -> None:
        """Return when everything is ready; UnableToStart when a job failed or the time is over."""
        self._failure = asyncio.get_running_loop().create_future()
        for unit in self._units.values():
            unit.keeper = asyncio.create_task(self._keep(unit), name=unit.service.name)
        all_ready = asyncio.create_task(self._until_all_ready())
        outcomes: set[asyncio.Future[Any]] = {all_ready, self._failure}
        await asyncio.wait(outcomes, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        if all_ready.done():
            return
        all_ready.cancel()
        if self._failure.done():
            raise UnableToStart(self._failure.result())
        raise UnableToStart(f"not ready after {timeout_seconds:g} s: {', '.join(self.waiting)}")

    async def stop(self) -> None:
        """End every process, those that others rely on last; afterwards none is left."""
        self._is_stopping = True
        for depth in sorted({unit.depth for unit in self._units.values()}, reverse=True):
            await asyncio.gather(
                *(self._end(unit) for unit in self._units.values() if unit.depth == depth)
            )

    def kill(self, name: str) -> int:
        """SIGKILL the named service's group and return its pid; it is started again by itself."""
        unit = self._units[name]
        if unit.child is None or not unit.child.is_alive:
            raise ProcessLookupError(f"{name} is not running")
        if unit.watcher:
            # An answer still on its way is about the process that we are killing.
            unit.watcher.cancel()
        unit.ready.clear()
        unit.child.kill_group()
        return unit.child.pid

    async def wait_ready(self, name: str, *, timeout_seconds: float) -> None:
        """Return when the named service is ready (again); TimeoutError otherwise."""
        await asyncio.wait_for(self._units[name].ready.wait(), timeout_seconds)

    def pid(self, name: str) -> int | None:
        child = self._units[name].child
        return child.pid if child and child.is_alive else None

    @property
    def waiting(self) -> list[str]:
        """Names of what is not ready now."""
        return [name for name, unit in self._units.items() if not unit.ready.is_set()]

    async def _until_all_ready(self) -> None:
        await asyncio.gather(*(unit.ready.wait() for unit in self._units.values()))

    async def _keep(self, unit: _Unit) -> None:
        await asyncio.gather(*(self._units[name].ready.wait() for name in unit.service.after))
        while not self._is_stopping:
            started = time.monotonic()
            status = await self._run(unit)
            if self._is_stopping or (unit.service.once and self._finish(unit, status)):
                return
            if time.monotonic() - started > STABLE_AFTER_SECONDS:
                unit.crashes = 0
            unit.crashes += 1
            await asyncio.sleep(self._report_crash(unit, status))

    async def _run(self, unit: _Unit) -> int:
        """One life of the process, from start to exit status."""
        try:
            unit.child = child = await Child.spawn(
                unit.service.argv,
                env=unit.service.env,
                cwd=self._cwd,
                on_line=lambda line: self._heard(unit, line),
            )
        except OSError as error:
            # The machine is out of processes, memory or files: the same as a crash, so tried again.
            self._heard(unit, f"cannot start: {error}")
            return os.EX_OSERR
        if self._is_stopping:
            # stop() has already looked for children, so this late one is ours to end.
            child.kill_group()
        unit.watcher = asyncio.create_task(self._watch(unit, child))
        status = await child.wait()
        unit.watcher.cancel()
        if not unit.service.once:
            unit.ready.clear()
        return status

    async def _watch(self, unit: _Unit, child: Child) -> None:
        """Set `ready` as soon as the process answers."""
        if unit.service.once:
            return
        if unit.service.ready:
            await _until_ready(unit.service.ready, child)
        unit.ready.set()
        if unit.crashes:
            self._say(f"{unit.service.name} is back (pid {child.pid})")

    def _finish(self, unit: _Unit, status: int) -> bool:
        if status == 0:
            unit.ready.set()
        elif self._failure and not self._failure.done():
            self._failure.set_result(f"{unit.service.name} failed ({described(status)})")
        return True

    def _report_crash(self, unit: _Unit, status: int) -> float:
        """Say what happened; seconds to wait before the next start."""
        name = unit.service.name
        backoff = min(FIRST_BACKOFF_SECONDS * 2.0 ** (unit.crashes - 1), LONGEST_BACKOFF_SECONDS)
        self._say(f"{name} ended ({described(status)}); starting it again in {backoff:g} s")
        if unit.crashes >= CRASH_LOOP_CRASHES:
            self._say(f"{name} HAS ENDED {unit.crashes} TIMES IN A ROW; everything else goes on.")
            self._say(f"The last it said: {' / '.join(unit.tail) or '(nothing)'}")
        return backoff

    async def _end(self, unit: _Unit) -> None:
        """SIGTERM, a time of grace, SIGKILL to the group; returns when the process is gone."""
        if unit.keeper is None:
            return
        if unit.child and unit.child.is_alive:
            unit.child.terminate()
            await asyncio.wait({unit.keeper}, timeout=self._grace_seconds)
            if unit.child.is_alive:
                self._say(f"{unit.service.name} does not end by itself; killing it")
                unit.child.kill_group()
            await asyncio.wait({unit.keeper}, timeout=self._grace_seconds)
        unit.keeper.cancel()
        with suppress(asyncio.CancelledError):
            await unit.keeper

    def _heard(self, unit: _Unit, line: str) -> None:
        unit.tail.append(line)
        self._on_line(unit.service.name, line)

    def _say(self, line: str) -> None:
        self._on_line(OWN_NAME, line)


def described(status: int) -> str:
    """An exit status in words."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"


async def _until_ready(ready: Ready, child: Child) -> None:
    while not await ready(child):  # noqa: ASYNC110  (another process cannot set an event of ours)
        await asyncio.sleep(POLL_SECONDS)
