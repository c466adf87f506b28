"""Has the circuit breaker evaluated every few seconds, and tells how the RPC fares as one process sees it."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from trading.domain.market_readings import Failed, Known, Missing, Stale, Zero
from trading.gateways.prices import PriceSources
from trading.gateways.rpc import Rpc
from trading.services.breaker import SolPrice, evaluate_breaker
from trading.writer import GroupWriter

log = logging.getLogger("guard")
GUARD_SECONDS = 5.0


class Guard:
    """Evaluates with the newest SOL price that `seen_price` knows, and asks for one where it knows none.

    Give it a writer of its own: what it reads takes longer than the price marks that would wait behind it.
    """

    def __init__(
        self,
        *,
        sources: PriceSources,
        writer: GroupWriter,
        clock: Callable[[], datetime],
        seen_price: Callable[[], SolPrice | None],
    ) -> None:
        self._sources, self._writer = sources, writer
        self._clock, self._seen_price = clock, seen_price

    async def step(self) -> None:
        """Evaluate once."""
        price = self._seen_price() or await self._ask()
        now = self._clock()
        await self._writer.run(lambda: evaluate_breaker(now=now, sol_price=price), is_patient=True)

    async def _ask(self) -> SolPrice | None:
        match await self._sources.sol_usd():
            case Known(value=usd, at=at):
                return SolPrice(usd=usd, at=at)
            case Failed(text=text):
                log.warning("SOL price: %s", text)
            case Zero() | Stale() | Missing():
                log.warning("SOL price: none is told")
        return None


def rpc_weather(rpc: Rpc, *, now: datetime) -> dict[str, Any]:
    """How the first RPC fares, as a heartbeat's detail; the breaker reads it from there."""
    weather = rpc.weather()
    ago = weather.failed_over_seconds_ago
    return {
        "calls": weather.calls,
        "failures": weather.failures,
        "failed_over_at": None if ago is None else (now - timedelta(seconds=ago)).isoformat(),
    }
