"""A command's own platform: a data directory of its own, and an end that takes the processes with it."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

T = TypeVar("T")
MARK = "CHIMERA_THROWAWAY"
# Everything else would point to another platform, whose database and keys must stay out of this.
KEPT = ("PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR", "XDG_RUNTIME_DIR", "VIRTUAL_ENV")
KEPT_PREFIXES = ("LC_", "PYTHON", "COVERAGE")


def enter(name: str, **extra: str) -> None:
    """Return in a new, empty data directory that carries this name; the process starts again for it,
    as settings are read before any command runs. `extra` are variables of its environment.
    """
    if os.environ.get(MARK) == str(settings.DATA_DIR):
        return
    data_dir = str(Path(tempfile.mkdtemp(prefix=f"chimera-{name}-")).resolve())
    kept = {
        variable: value
        for variable, value in os.environ.items()
        if variable in KEPT or variable.startswith(KEPT_PREFIXES)
    }
    own = {"CHIMERA_MODE": "sandbox", "CHIMERA_DATA_DIR": data_dir, MARK: data_dir}
    environment = {**kept, **extra, **own}
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606


async def until_told_to_stop(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work; SIGTERM cancels it as Ctrl-C does."""
    task = asyncio.create_task(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
