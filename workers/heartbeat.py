"""A process's sign of life in the database: missing ones are what the health page shows."""

import os
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any

from audit import services as audit
from trading.writer import GroupWriter

BEAT_SECONDS = 2.0


class Heart:
    """Beats for one process; `detail` is asked for at every beat."""

    def __init__(
        self,
        name: str,
        *,
        writer: GroupWriter,
        clock: Callable[[], datetime],
        detail: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._name, self._writer, self._clock, self._detail = name, writer, clock, detail
        self._started_at = clock()

    async def beat(self) -> None:
        """Write one sign of life."""
        now, detail = self._clock(), self._detail()
        await self._writer.run(
            lambda: audit.beat(
                name=self._name,
                host=socket.gethostname(),
                pid=os.getpid(),
                started_at=self._started_at,
                now=now,
                detail=detail,
            )
        )
