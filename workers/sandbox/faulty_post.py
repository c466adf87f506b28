"""Faults acted out on the provider's deliveries: late, lost, overtaken or doubled; rules are `faults`."""

import asyncio
from contextlib import suppress

from workers.sandbox.faults import FaultKind, FaultRule, Faults, Plane

_HEAD_START_SECONDS = 0.2
"""Setting off at the same time, the one that is to be overtaken could still arrive first."""


class FaultyPost:
    """Stands between somebody who tells of trades, by the name that rules know, and who is told."""

    def __init__(self, faults: Faults, *, endpoint: str) -> None:
        self._faults, self._endpoint = faults, endpoint
        self._passing = asyncio.Event()

    async def delivers(self) -> bool:
        """Whether an attempt is sent; rules may hold it back first."""
        late = self._strike(FaultKind.LATENCY)
        if late is not None:
            await asyncio.sleep(late.seconds)
        overtaken = self._strike(FaultKind.REORDER)
        if overtaken is not None:
            # Until the next one has gone by; it goes alone when none comes for so long.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._passing.wait(), overtaken.seconds)
                await asyncio.sleep(_HEAD_START_SECONDS)
        if self._strike(FaultKind.DROP_NOTIFICATION) is not None:
            return False
        if overtaken is None:
            gone, self._passing = self._passing, asyncio.Event()
            gone.set()
        return True

    def doubles(self) -> bool:
        """Whether a delivered trade is told once more."""
        return self._strike(FaultKind.DUPLICATE) is not None

    def _strike(self, kind: FaultKind) -> FaultRule | None:
        return self._faults.strike(Plane.WEBHOOK, kinds=[kind], endpoint=self._endpoint)
