"""Takes stock of who told of leaders' trades: counts, judges, and raises an alarm over whoever fell silent.

It is not the wallet watcher's own work: the watcher is one of those that may fall silent.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from trading.services import hearings
from trading.writer import GroupWriter

STOCKTAKING_SECONDS = 2.0
SILENCE_EVERY = timedelta(seconds=15)
MOST_ROUNDS = 20
"""Of one step: after a long absence the rest waits for the next one."""


class Stocktaking:
    """One step looks at what is new since the last; all it knows is in the rows."""

    def __init__(
        self, *, writer: GroupWriter, clock: Callable[[], datetime], silence_seconds: float
    ) -> None:
        self._writer, self._clock = writer, clock
        self._patience = timedelta(seconds=silence_seconds)
        self._listened_at: datetime | None = None

    async def step(self) -> None:
        """Count deliveries, settle how in time they were, judge who never told, listen for silence."""
        now = self._clock()
        await self._count()
        await self._all(hearings.has_unsettled, hearings.settle_hearings)
        await self._all(
            lambda: hearings.has_unjudged(now=now), lambda: hearings.judge_trades(now=now)
        )
        if self._listened_at is None or now - self._listened_at >= SILENCE_EVERY:
            self._listened_at = now
            await self._writer.run(
                lambda: hearings.look_for_silence(now=now, patience=self._patience),
                is_patient=True,
            )

    async def _count(self) -> None:
        for _ in range(MOST_ROUNDS):
            unread = await self._writer.read(hearings.unread_deliveries)
            if not unread:
                return
            await self._writer.run(partial(hearings.count_deliveries, unread), is_patient=True)

    async def _all(self, ask: Callable[[], bool], verb: Callable[[], int]) -> None:
        """In short transactions, so that signals pass between them, and in none where there is nothing to do."""
        for _ in range(MOST_ROUNDS):
            if not await self._writer.read(ask):
                return
            await self._writer.run(verb, is_patient=True)
