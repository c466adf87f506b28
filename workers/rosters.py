"""SIGHUP: the executor takes over the roster that a Scout on another machine has put into its place."""

import asyncio
import logging
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.db import connection

from audit import services as audit
from scout.roster_file import RosterRefused
from scout.services import roster

ACTOR = "SIGHUP"
INCIDENT = "roster.refused"
log = logging.getLogger("roster")


async def take_over_on_hangup(file: Path, *, clock: Callable[[], datetime]) -> None:
    """Until cancelled. It works in a thread and on a connection of its own: trading goes on meanwhile."""
    called = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, called.set)
    try:
        while True:
            await called.wait()
            called.clear()
            await asyncio.to_thread(take_over, file, now=clock())
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def take_over(file: Path, *, now: datetime) -> bool:
    """Whether the file became the roster; a refusal is an incident until the next one is taken over.

    Never raises: whatever is wrong with a roster must not end the process that trades.
    """
    try:
        return _take_over(file, now)
    except Exception:
        log.exception("the roster could not be taken over")
        return False
    finally:
        connection.close()


def _take_over(file: Path, now: datetime) -> bool:
    try:
        merged = roster.merge(file, actor=ACTOR, now=now)
    except RosterRefused as error:
        log.warning("%s", error)
        audit.open_incident(
            key=INCIDENT, title="A roster was refused", detail=f"{error.code}: {error}", now=now
        )
        return False
    audit.close_incident(key=INCIDENT, now=now)
    log.info("took over %s: %s places changed, %s kept", file.name, merged.changed, merged.kept)
    return True
