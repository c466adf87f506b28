"""Which of the prices that the watcher sees are kept for the charts, written a few seconds' worth at a time."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from trading.services.ticks import KEEP_EVERY, Tick, add_ticks
from trading.writer import GroupWriter, StorageUnavailable

log = logging.getLogger("ticks")
WRITE_EVERY = timedelta(seconds=5)
LEAST_MOVE = Decimal("0.001")
MOST_PENDING = 2_000


class Ticks:
    """A price is kept when it moved by a thousandth since the last one kept, or half a minute went by.

    What has not been written yet is lost with the process: a gap of some seconds in a chart, and
    nothing else rests on it.
    """

    def __init__(self, *, writer: GroupWriter, clock: Callable[[], datetime]) -> None:
        self._writer, self._clock = writer, clock
        self._last: dict[str, Tick] = {}
        self._pending: list[Tick] = []
        self._written_at = clock()

    def see(self, *, mint: str, price_sol: Decimal, source: str) -> None:
        """Note a price that the watcher acted on; costs no I/O."""
        tick = Tick(mint=mint, at=self._clock(), price_sol=price_sol, source=source)
        if self._is_news(tick) and len(self._pending) < MOST_PENDING:
            self._last[mint] = tick
            self._pending.append(tick)

    def _is_news(self, tick: Tick) -> bool:
        last = self._last.get(tick.mint)
        if last is None or tick.at - last.at >= KEEP_EVERY:
            return True
        return abs(tick.price_sol - last.price_sol) >= last.price_sol * LEAST_MOVE

    async def write_if_due(self) -> None:
        """Write what has gathered, in one statement, behind everybody else's work."""
        now = self._clock()
        if not self._pending or now - self._written_at < WRITE_EVERY:
            return
        ticks, self._pending, self._written_at = self._pending, [], now
        try:
            await self._writer.run(lambda: add_ticks(ticks), is_patient=True)
        except StorageUnavailable as error:
            log.warning("%s prices are not kept: %s", len(ticks), error)

    def forget_all_but(self, mints: set[str]) -> None:
        """What is no longer held begins anew when it is bought again."""
        for gone in self._last.keys() - mints:
            del self._last[gone]
