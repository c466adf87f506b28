"""Kills a process at every point of a story, each time in a copy of the whole world (a forked child).

A fork copies chain, rows, network and loop exactly as they are at that point, so a case costs its
recovery and nothing else, and cannot differ from the story that led there.
"""

import asyncio
import gc
import json
import os
import signal
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

from tests.simulation.oracle import problems, still_open, wrongly_held
from tests.simulation.process import Process
from tests.simulation.world import Life, World

CASE_SECONDS = 120
ENOUGH_BROKEN = 5
STORY_PAUSE_SECONDS = 0.2
LONGEST_STORY_SECONDS = 600
TURNS = 60
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.4, 5.0
Story = Callable[[World, Life], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One death: where, and what became of what was on its way. `number` replays it."""

    number: int
    where: str
    are_writes_kept: bool
    are_bytes_kept: bool

    def __str__(self) -> str:
        lost = "" if self.are_writes_kept else ", queued writes lost"
        lost += "" if self.are_bytes_kept else ", bytes on their way lost"
        return f"#{self.number} killed at {self.where}{lost}"


@dataclass(slots=True)
class Toll:
    """All deaths of one story, and what was wrong after which.

    `points` counts every step of the story. Waiting for the same thing over and over, with nothing changed
    in rows and chain, is one case.
    """

    points: int = 0
    cases: list[Case] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


class _Reaper:
    """Decides at every point of a watched process who dies there. In the child it is this process."""

    def __init__(self, world: World, *, of_sending: bool, only: int | None) -> None:
        self.toll = Toll()
        self._world, self._of_sending = world, of_sending
        self._seen: set[object] = set()
        self.is_armed = False
        self.victim: Process
        self.child: Case | None = None
        self._only = only
        self._report = -1

    def visit(self, where: str) -> None:
        """Called before every step of the process."""
        if not self.is_armed or self.child is not None or len(self.toll.broken) > ENOUGH_BROKEN:
            return
        self.toll.points += 1
        state = self._world.state()
        if self._of_sending and not state.has_submission:
            return
        for case in self._cases(where):
            key = (case.are_writes_kept, case.are_bytes_kept, state, self._left_behind(where))
            if key in self._seen:
                continue
            self._seen.add(key)
            self.toll.cases.append(case)
            if self._only is not None:
                if case.number == self._only:
                    self._die(case)
                    return
            elif self._fork(case):
                self._die(case)
                return

    def _left_behind(self, where: str) -> object:
        """What tells two deaths apart besides rows and chain: the place; while sending, only what was on its
        way, because nothing else outlives the process."""
        writer = self.victim.writer
        on_its_way = (bool(writer.queued_writes), bool(self.victim.sends_on_their_way))
        return on_its_way if self._of_sending else where

    def _cases(self, where: str) -> Iterator[Case]:
        """What is queued or on its way arrives or not; where nothing is, there is one case."""
        writes = (True, False) if self.victim.writer.queued_writes else (True,)
        sends = (True, False) if self.victim.sends_on_their_way else (True,)
        for are_writes_kept, are_bytes_kept in product(writes, sends):
            yield Case(
                number=len(self.toll.cases),
                where=where,
                are_writes_kept=are_writes_kept,
                are_bytes_kept=are_bytes_kept,
            )

    def _die(self, case: Case) -> None:
        self.child = case
        self.victim.kill(are_writes_kept=case.are_writes_kept, are_bytes_kept=case.are_bytes_kept)

    def _fork(self, case: Case) -> bool:
        """True in the child. The parent waits for its child's report."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._report = writing
            # asyncio takes a loop that runs since before a fork for another process's.
            asyncio._set_running_loop(self.victim.loop)
            gc.disable()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(CASE_SECONDS)
            return True
        os.close(writing)
        with os.fdopen(reading) as report:
            told = report.read()
        _, status = os.waitpid(pid, 0)
        found = json.loads(told) if told else [f"died of {os.waitstatus_to_exitcode(status)}"]
        self.toll.broken += [f"{case}: {each}" for each in found]
        return False

    def answer(self, found: list[str]) -> None:
        """The end of a child: its findings, and nothing of what a normal exit would do."""
        if self._report >= 0:
            with os.fdopen(self._report, "w") as report:
                json.dump(found, report)
            os._exit(0)
        self.toll.broken += [f"{self.child or 'nobody killed'}: {each}" for each in found]


def killed_everywhere(
    world: World,
    story: Story,
    *,
    prologue: Story | None = None,
    of_sending: bool = False,
    only: int | None = None,
) -> Toll:
    """Tell the story to its end, and kill its process at every point of it, each time in another copy.

    `prologue` happens in the same process, unharmed. `of_sending`: only from when a signed transaction of
    the story is in the rows, and once for each state in which a death leaves the world. `only` kills at that
    case alone, without a fork, which is how a failing one is looked at.
    """
    reaper = _Reaper(world, of_sending=of_sending, only=only)
    # What the children share with us stays shared, as long as nobody counts or collects it.
    gc.collect()
    gc.freeze()
    try:
        found = world.loop.run_until_complete(_tell(world, reaper, story, prologue))
    except BaseException:
        found = [traceback.format_exc()]
    finally:
        gc.unfreeze()
    reaper.answer(found)
    return reaper.toll


async def _tell(world: World, reaper: _Reaper, story: Story, prologue: Story | None) -> list[str]:
    """The first life up to its end or its death; then the life after it, and what the chain says."""
    clock = asyncio.create_task(world.keep_time())
    async with world.life(watch=reaper.visit) as life:
        reaper.victim = life.process
        working = life.process.spawn(life.trade())
        if prologue is not None:
            await prologue(world, life)
        world.begin_story()
        reaper.is_armed = True
        telling = asyncio.create_task(_until_told(story, world, life))
        await asyncio.wait(
            [telling, asyncio.create_task(life.process.ended.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        reaper.is_armed = False
        telling.cancel()
        life.process.kill()
        await asyncio.wait([working, telling])
    if telling.done() and not telling.cancelled() and reaper.child is None:
        telling.result()
    found = await recovered(world)
    clock.cancel()
    life.process.bury()
    return found


async def _until_told(story: Story, world: World, life: Life) -> None:
    await story(world, life)
    await until_quiet(world)


async def until_quiet(world: World) -> None:
    """Let time pass until every signal has its end; AssertionError with the rows when one never has."""
    until = asyncio.get_running_loop().time() + LONGEST_STORY_SECONDS
    while not world.is_quiet():
        late = f"not at its end after {LONGEST_STORY_SECONDS} s: {world.state()}"
        assert asyncio.get_running_loop().time() < until, late
        await asyncio.sleep(STORY_PAUSE_SECONDS)


async def recovered(world: World) -> list[str]:
    """Start again with nothing but the rows; everything ends, and whatever is held can be sold."""
    async with world.life() as life:
        await work_until_quiet(world, life)
        found = wrongly_held(world)
        world.close_by_hand()
        await work_until_quiet(world, life)
        found += await life.process.do(problems(world, life.desk.gateways.rpc))
        return found + still_open()


async def work_until_quiet(world: World, life: Life) -> None:
    """Let a process work, ever less often, until every signal has its end."""
    pause = SHORTEST_PAUSE_SECONDS
    for _ in range(TURNS):
        await life.process.do(life.catch_up())
        if world.is_quiet():
            return
        # A resolver that looks less and less often finds the same as a busy one.
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
