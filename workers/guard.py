"""Has the circuit breaker evaluated every few seconds, and tells how the RPC fares as one process sees it."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from trading.domain.values import WSOL_MINT
from trading.gateways.base import GatewayError
from trading.gateways.jupiter import Jupiter
from trading.gateways.rpc import Rpc
from trading.services.breaker import SolPrice, evaluate_breaker
from trading.writer import GroupWriter

log = logging.getLogger("guard")
GUARD_SECONDS = 5.0


class Guard:
    """Evaluates with the newest SOL price that `seen_price` knows, and asks for one where it knows none.

    Give it a writer of its own: a batch that first locks the trading state and then positions could wait for
    a booking that does it the other way round.
    """

    def __init__(
        self,
        *,
        jupiter: Jupiter,
        writer: GroupWriter,
        clock: Callable[[], datetime],
        seen_price: Callable[[], SolPrice | None],
    ) -> None:
        self._jupiter, self._writer = jupiter, writer
        self._clock, self._seen_price = clock, seen_price

    async def step(self) -> None:
        """Evaluate once."""
        price = self._seen_price() or await self._ask()
        now = self._clock()
        await self._writer.run(lambda: evaluate_breaker(now=now, sol_price=price), is_patient=True)

    async def _ask(self) -> SolPrice | None:
        try:
            prices = await self._jupiter.prices_usd([WSOL_MINT])
        except GatewayError as error:
            log.warning("SOL price: %s", error)
            return None
        found = prices.get(WSOL_MINT)
        return None if found is None else SolPrice(usd=found.usd, at=self._clock())


def rpc_weather(rpc: Rpc, *, now: datetime) -> dict[str, Any]:
    """How the first RPC fares, as a heartbeat's detail; the breaker reads it from there."""
    weather = rpc.weather()
    ago = weather.failed_over_seconds_ago
    return {
        "calls": weather.calls,
        "failures": weather.failures,
        "failed_over_at": None if ago is None else (now - timedelta(seconds=ago)).isoformat(),
    }
