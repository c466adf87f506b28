"""Answers from outside, kept for as long as they may be trusted; what is asked is the caller's business."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from trading.gateways.base import GatewayError, RateLimited, Refused, Unavailable
from trading.gateways.http import silence_seconds
from trading.gateways.waiting import waiting

T = TypeVar("T")
DEADLINE_SECONDS = 1.5
FACT_LIFETIME = timedelta(hours=1)
REFUSAL_LIFETIME = timedelta(minutes=10)
MARKET_LIFETIME = timedelta(seconds=60)
RETRY_PAUSE_SECONDS = 0.1
SILENCE_SECONDS = 0.6
"""A request that is lost on the way leaves time for a second one, before the deadline."""
MOST_ATTEMPTS = 4
MOST_KEPT = 5_000


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    until: datetime


@dataclass(frozen=True, slots=True)
class _Flight(Generic[T]):
    task: "asyncio.Task[T | GatewayError]"
    until: float


class Unanswerable(GatewayError):
    """What this question rests on did not come, so that asking it again would not help."""


class Shelf(Generic[T]):
    """Values by key. One question per key is under way at a time, and what failed is not kept."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept[T]] = {}
        self._flights: dict[str, _Flight[T]] = {}

    async def get(
        self,
        key: str,
        ask: Callable[[], Awaitable[T]],
        *,
        lifetime: Callable[[T], timedelta],
        until: float,
    ) -> T | GatewayError:
        """The kept value, or the answer of the question under way, or of a new one.

        `until` is a moment of the loop's clock; the error then says that there was no answer in time.
        Whoever stops waiting leaves the question to the others, and one that is given up because
        whoever asked first has no more time is asked anew by those who have.
        """
        kept = self._trusted(key)
        if kept is not None:
            return kept.value
        while (flight := self._under_way(key)) is not None:
            # Somebody else's question: its requests are timed by whoever asked first.
            with waiting():
                answer = await within(flight.task, until=until)
            if not isinstance(answer, GatewayError) or not _is_worth_asking(flight, until):
                return answer
        task = asyncio.create_task(self._fly(key, ask, lifetime, until))
        self._flights[key] = _Flight(task, until)
        task.add_done_callback(partial(self._land, key))
        return await within(task, until=until)

    def kept(self, key: str) -> T | None:
        """The value that is still to be trusted, without asking anybody."""
        kept = self._trusted(key)
        return None if kept is None else kept.value

    def _under_way(self, key: str) -> _Flight[T] | None:
        flight = self._flights.get(key)
        is_in_time = flight is not None and flight.until > asyncio.get_running_loop().time()
        return flight if is_in_time else None

    def _trusted(self, key: str) -> _Kept[T] | None:
        kept = self._kept.get(key)
        return kept if kept is not None and self._clock() < kept.until else None

    def _land(self, key: str, task: "asyncio.Task[T | GatewayError]") -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]

    async def _fly(
        self,
        key: str,
        ask: Callable[[], Awaitable[T]],
        lifetime: Callable[[T], timedelta],
        until: float,
    ) -> T | GatewayError:
        answer = await ask_by(ask, until=until)
        if not isinstance(answer, GatewayError):
            self._keep(key, answer, lifetime(answer))
        return answer

    def _keep(self, key: str, value: T, lifetime: timedelta) -> None:
        now = self._clock()
        if len(self._kept) >= MOST_KEPT:
            self._kept = {key: kept for key, kept in self._kept.items() if now < kept.until}
        if lifetime:
            self._kept[key] = _Kept(value, now + lifetime)


def _is_worth_asking(given_up: _Flight[Any], until: float) -> bool:
    """Whether somebody else's question ended for want of time, and we have enough of it for one of our own."""
    now = asyncio.get_running_loop().time()
    return given_up.until <= now and until - now > RETRY_PAUSE_SECONDS


async def ask_by(ask: Callable[[], Awaitable[T]], *, until: float) -> T | GatewayError:
    """The answer by that moment of the loop's clock, asked for as `persist` does and no longer than that."""
    asking = asyncio.create_task(persist(ask))
    try:
        return await within(asking, until=until)
    finally:
        asking.cancel()


async def within(task: "asyncio.Task[T | GatewayError]", *, until: float) -> T | GatewayError:
    """What the task gives by that moment of the loop's clock; it goes on when it is not done by then."""
    # Not asyncio.timeout: an HTTP time-out at the same moment would swallow its cancellation.
    left = until - asyncio.get_running_loop().time()
    await asyncio.wait({task}, timeout=max(0.0, left))
    return task.result() if task.done() else Unavailable("no answer within the deadline")


async def persist(ask: Callable[[], Awaitable[T]]) -> T | GatewayError:
    """The answer, asked for a few times more when it does not come; the last error if it never does.

    A refusal is an answer: it would be the same again. Who asks to wait is asked no sooner than that. Give
    it a task of its own: its requests are made a second time when there is silence, and so are those of
    whoever awaits it.
    """
    silence_seconds.set(SILENCE_SECONDS)
    attempts = 0
    while True:
        try:
            return await ask()
        except (Refused, Unanswerable) as final:
            return final
        except GatewayError as error:
            attempts += 1
            if attempts == MOST_ATTEMPTS:
                return error
            asked = error.retry_after_seconds if isinstance(error, RateLimited) else None
        with waiting():
            await asyncio.sleep(max(RETRY_PAUSE_SECONDS * attempts, asked or 0.0))


def deadline() -> float:
    """The moment by which everything that is asked now has to be known."""
    return asyncio.get_running_loop().time() + DEADLINE_SECONDS
