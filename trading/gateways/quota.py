"""One provider's request allowance, spent in order of urgency; asks nobody and knows no provider."""

import asyncio
import heapq
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum

from trading.gateways.base import RateLimited
from trading.gateways.waiting import waiting


class Urgency(IntEnum):
    """Who goes first when requests have to wait: selling, then watching, then buying, then collecting."""

    EXIT = 0
    POSITION = 1
    ENTRY = 2
    SAMPLE = 3


_urgency = ContextVar("urgency", default=Urgency.POSITION)


@contextmanager
def urgent(urgency: Urgency) -> Iterator[None]:
    """Whatever is asked in here, tasks started here included, waits with this urgency."""
    before = _urgency.set(urgency)
    try:
        yield
    finally:
        _urgency.reset(before)


def present_urgency() -> Urgency:
    """That of the work under way; watching, when nothing else was said."""
    return _urgency.get()


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

    def has_room(self) -> bool:
        """Whether a request may be made at once, nobody else waiting for it."""
        self._refill()
        return not self._waiting and self._tokens >= 1

    async def take(self, urgency: Urgency) -> None:
        """Returns when the request may be made; a caller that gives up costs nothing."""
        if self.has_room():
            self._tokens -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._arrivals), turn))
        self._arm()
        with waiting():
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


LONGEST_REST_SECONDS = 120.0


class Allowance:
    """What one host lets us ask: so many requests a second (0 = as many as we like), none while it rests.

    It costs a comparison while nothing is used up. Only exits may ask a host that is to rest, and their
    callers try every other one first: what must be sold is not held up by what somebody else used up.
    """

    def __init__(self, name: str, *, per_second: float, patience_seconds: float) -> None:
        self._name = name
        self._quota = Quota(per_second) if per_second > 0 else None
        self._patience_seconds = patience_seconds
        self._rests_until = 0.0

    def rest(self, seconds: float | None) -> None:
        """The host said for how long to stay away; a limit without a word is for the callers' own patience."""
        wanted = min(seconds or 0.0, LONGEST_REST_SECONDS)
        self._rests_until = max(self._rests_until, asyncio.get_running_loop().time() + wanted)

    def rest_seconds(self) -> float:
        """How long it still is to be left alone."""
        if not self._rests_until:
            return 0.0
        return max(0.0, self._rests_until - asyncio.get_running_loop().time())

    def has_room(self) -> bool:
        """Whether it may be asked at once."""
        return not self.rest_seconds() and (self._quota is None or self._quota.has_room())

    async def take(self) -> None:
        """Returns when the request may be made; RateLimited, nothing asked, when that takes too long."""
        self._refuse_if_resting()
        if self._quota is None:
            return
        if self._quota.has_room():
            await self._quota.take(present_urgency())
            return
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._quota.take(present_urgency())
        except TimeoutError:
            raise RateLimited(f"{self._name}: our own allowance is used up") from None
        self._refuse_if_resting()

    def _refuse_if_resting(self) -> None:
        rest = self.rest_seconds()
        if rest and present_urgency() is not Urgency.EXIT:
            raise RateLimited(f"{self._name}: asked us to wait", retry_after_seconds=rest)
