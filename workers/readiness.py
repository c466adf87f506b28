"""How a process shows that it works: an answered request or a fresh heartbeat. No probe ever raises."""

from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from django.db import DatabaseError

from audit.models import Heartbeat
from workers import redis_server
from workers.child import Child
from workers.supervisor import Ready

REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=2)


def http(url: str) -> Ready:
    """Ready when GET `url` is answered with 200."""

    async def probe(_: Child) -> bool:
        try:
            async with (
                aiohttp.ClientSession(timeout=REQUEST_TIMEOUT) as session,
                session.get(url) as response,
            ):
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    return probe


def heartbeat(name: str) -> Ready:
    """Ready when this very child, and no other of its name, has beaten in the database of this process."""

    async def probe(child: Child) -> bool:
        started_at = datetime.fromtimestamp(child.started_at_unix, tz=UTC)
        beats = Heartbeat.objects.filter(name=name, pid=child.pid, beat_at__gte=started_at)
        try:
            return await beats.aexists()
        except DatabaseError:
            return False

    return probe


def redis(socket_path: Path) -> Ready:
    """Ready when the server behind the socket answers."""

    async def probe(_: Child) -> bool:
        return await redis_server.answers(socket_path)

    return probe
