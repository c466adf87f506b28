"""One provider's request allowance, spent in order of urgency; asks nobody and knows no provider."""

import asyncio
import heapq
import itertools
from enum import IntEnum


class Urgency(IntEnum):
    """Who goes first when requests have to wait: selling, then watching, then buying."""

    EXIT = 0
    POSITION = 1
    ENTRY = 2


class Quota:
    """A token bucket of `per_second` requests with a burst of one second's worth, at least one.

    Waiters are served by urgency and then in order of arrival. For one event loop; the allowance
    of a key that several processes share has to be divided among them.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._burst = max(1.0, per_second)
        self._tokens = self._burst
        self._filled_at: float | None = None
        self._arrivals = itertools.count()
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, urgency: Urgency) -> None:
        """Returns when the request may be made; a caller that gives up costs nothing."""
        self._refill()
        if not self._waiting and self._tokens >= 1:
            self._tokens -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._arrivals), turn))
        self._arm()
        await turn

    def pause(self, seconds: float) -> None:
        """Nothing is allowed for so long: the other side said that we were too fast."""
        self._refill()
        self._tokens = min(self._tokens, 1 - seconds * self._per_second)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._arm()

    def _refill(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._filled_at is not None:
            gained = (now - self._filled_at) * self._per_second
            self._tokens = min(self._burst, self._tokens + gained)
        self._filled_at = now

    def _arm(self) -> None:
        if self._timer is None:
            wait = max(0.0, (1 - self._tokens) / self._per_second)
            self._timer = asyncio.get_running_loop().call_later(wait, self._serve)

    def _serve(self) -> None:
        self._timer = None
        self._refill()
        while self._waiting and self._tokens >= 1:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                self._tokens -= 1
        if self._waiting:
            self._arm()
