"""Carries SQLite's write-ahead log into its database from a thread of its own, so that no trade stops to do it."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import Error, connection

from trading.writer import StorageUnavailable

log = logging.getLogger("checkpoints")
CHECKPOINT_SECONDS = 0.25
LONG_LOG_FRAMES = 4_000
"""Every reader searches the log before the database: one of so many pages (16 MB) is begun anew."""
PATIENCE_MILLISECONDS = 20
"""Beginning anew waits for readers, and all writers wait with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How many frames the log had, how many of them are in the database now, and whether it begins anew."""

    frames: int
    carried: int
    is_new: bool = False


class Checkpoints:
    """Whoever commits the thousandth page would else carry all of them, and sync two files, before it is told.

    On PostgreSQL, which does this by itself, a step does nothing.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoints")
        self._long_at = LONG_LOG_FRAMES

    async def step(self) -> Checkpoint | None:
        """Carry over what has been committed; StorageUnavailable when the disk does not take it."""
        if connection.vendor != "sqlite":
            return None
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run)

    def close(self) -> None:
        """Let a running step end, then give the connection back."""
        self._thread.submit(connection.close)
        self._thread.shutdown()

    def _run(self) -> Checkpoint:
        try:
            done = _carry("PASSIVE")
            if done.frames < self._long_at:
                return done
            anew = _carry("RESTART")
        except Error as error:
            connection.close()
            raise StorageUnavailable(str(error)) from error
        # A page that reads for long keeps the log: it must not keep the writers as well, time and again.
        self._long_at = LONG_LOG_FRAMES if anew.is_new else anew.frames + LONG_LOG_FRAMES
        if not anew.is_new:
            log.warning("a reader keeps the log of %s pages from beginning anew", anew.frames)
        return anew


def _carry(how: str) -> Checkpoint:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MILLISECONDS}")
        busy, frames, carried = cursor.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
    return Checkpoint(frames=frames, carried=carried, is_new=how == "RESTART" and not busy)
