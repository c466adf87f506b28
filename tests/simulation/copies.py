"""Work in a forked copy of a world, so that many cases can begin where one beginning led."""

import asyncio
import gc
import json
import os
import signal
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from tests.simulation.world import World

CASE_SECONDS = 120


def in_a_copy(world: World, work: Callable[[], Coroutine[Any, Any, list[str]]]) -> list[str]:
    """What the work found, done in a child; this world stays as it is."""
    gc.collect()
    gc.freeze()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        gc.disable()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(CASE_SECONDS)
        try:
            found = world.loop.run_until_complete(_with_time(world, work))
        except BaseException:
            found = [traceback.format_exc()]
        with os.fdopen(writing, "w") as report:
            json.dump(found, report)
        os._exit(0)
    gc.unfreeze()
    os.close(writing)
    with os.fdopen(reading) as report:
        told = report.read()
    _, status = os.waitpid(pid, 0)
    return list(json.loads(told)) if told else [f"died of {os.waitstatus_to_exitcode(status)}"]


async def _with_time(world: World, work: Callable[[], Coroutine[Any, Any, list[str]]]) -> list[str]:
    clock = asyncio.create_task(world.keep_time())
    try:
        return await work()
    finally:
        clock.cancel()
