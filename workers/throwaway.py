"""A command's own platform: a data directory of its own, and an end that takes the processes with it."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.management import CommandError, call_command

from trading.models import Signal

T = TypeVar("T")
MARK = "CHIMERA_THROWAWAY"
# Everything else would point to another platform, whose database and keys must stay out of this.
KEPT = (
    "PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR", "XDG_RUNTIME_DIR", "VIRTUAL_ENV",
    "REALTIME_CORES",
)  # fmt: skip
KEPT_PREFIXES = ("LC_", "PYTHON", "COVERAGE")


def add_database_argument(parser: ArgumentParser) -> None:
    """The option by which the platform uses another database than a file in its own directory."""
    parser.add_argument(
        "--database", default="", help="URL of an empty PostgreSQL database instead of SQLite"
    )


def enter(name: str, *, database: str = "") -> None:
    """Return in a new, empty data directory that carries this name; the process starts again for it,
    as settings are read before any command runs. `database` is a DATABASE_URL, empty for SQLite.
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
    if database:
        own["DATABASE_URL"] = database
    environment = kept | own
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606


def prepare_database() -> None:
    """Make the tables. CommandError when somebody has traded in them: their books are not ours to add to."""
    call_command("migrate", verbosity=0, interactive=False)
    if Signal.objects.exists():
        leave()
        raise CommandError(
            "the database given with --database has signals in it; name an empty one"
        )


def leave(*, is_kept: bool = False) -> None:
    """Delete the directory of the processes' sockets, and that of the data unless it `is_kept`."""
    shutil.rmtree(settings.RUNTIME_DIR, ignore_errors=True)
    if not is_kept:
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


async def until_told_to_stop(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work; SIGTERM cancels it as Ctrl-C does."""
    task = asyncio.create_task(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
