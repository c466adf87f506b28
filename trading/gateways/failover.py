"""Which RPC endpoint is fit for use: every call's outcome is remembered and a failing endpoint gives
way to the next one until it has been well for a while. Rules: spec section 9.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from trading.gateways.base import GatewayError, InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.chain_facts import read_blockhash
from trading.gateways.json_rpc import Node
from trading.gateways.quota import Allowance

T = TypeVar("T")

FAILURES_IN_A_ROW = 3
SLOW_SECONDS = 2.0
SLOT_LAG = 50
WELL_SECONDS = 300.0
WEATHER_SECONDS = 60.0

_LATENCY_SAMPLES = 40
_SAMPLES_FOR_P95 = 20
# A caller's deadline that cuts a call off after this long speaks against the endpoint.
_TELLING_WAIT_SECONDS = 1.0
# Longer than this nobody waits for our own allowance: the next endpoint, or the next try, is sooner.
_PATIENCE_SECONDS = 2.0


class EndpointHealth:
    """One endpoint's record. `now` is any clock that never goes back, in seconds.

    Unfit after three failures in a row or a 95th percentile latency above 2 s; fit again after
    `well_seconds` without a failure or a slow answer.
    """

    def __init__(self, *, well_seconds: float = WELL_SECONDS) -> None:
        self._well_seconds = well_seconds
        self._failures = 0
        self._latencies: deque[float] = deque(maxlen=_LATENCY_SAMPLES)
        self._is_fit = True
        self._well_since: float | None = None

    def succeeded(self, *, latency_seconds: float, now: float) -> None:
        self._failures = 0
        self._latencies.append(latency_seconds)
        if self._is_fit:
            if self._p95() > SLOW_SECONDS:
                self.give_way()
        elif latency_seconds > SLOW_SECONDS:
            self._well_since = None
        elif self._well_since is None:
            self._well_since = now

    def failed(self) -> None:
        self._failures += 1
        self._well_since = None
        if self._failures >= FAILURES_IN_A_ROW:
            self.give_way()

    def is_fit(self, *, now: float) -> bool:
        if not self._is_fit and self._well_since is not None:
            self._is_fit = now - self._well_since >= self._well_seconds
        return self._is_fit

    def give_way(self) -> None:
        """Unfit from now on, until well for long enough."""
        self._is_fit = False
        self._well_since = None
        self._latencies.clear()

    def _p95(self) -> float:
        """0 while there are too few samples to tell."""
        if len(self._latencies) < _SAMPLES_FOR_P95:
            return 0.0
        return sorted(self._latencies)[int(len(self._latencies) * 0.95)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """`slot` None = the last probe got no answer, or there was none yet."""

    name: str
    is_fit: bool
    slot: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcWeather:
    """How the first endpoint fared: its calls and failures within the last minute, and how long ago it
    gave way to the next one; None = not within memory, or there is no other.
    """

    calls: int
    failures: int
    failed_over_seconds_ago: float | None


class Endpoint:
    """A JSON-RPC host with its record, and what it allows us to ask."""

    def __init__(
        self,
        rpc: Node,
        *,
        well_seconds: float = WELL_SECONDS,
        requests_per_second: float = 0.0,
    ) -> None:
        self._rpc = rpc
        self.allowance = Allowance(
            rpc.name, per_second=requests_per_second, patience_seconds=_PATIENCE_SECONDS
        )
        self._slot: int | None = None
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._was_fit = True
        self._gave_way_at: float | None = None
        self.health = EndpointHealth(well_seconds=well_seconds)

    @property
    def name(self) -> str:
        return self._rpc.name

    def is_fit(self) -> bool:
        is_fit = self.health.is_fit(now=_now())
        if self._was_fit and not is_fit:
            self._gave_way_at = _now()
        self._was_fit = is_fit
        return is_fit

    def weather(self, *, has_others: bool) -> RpcWeather:
        """The last minute's record of this endpoint."""
        self._forget_old()
        self.is_fit()
        gave_way = self._gave_way_at if has_others else None
        return RpcWeather(
            calls=len(self._outcomes),
            failures=sum(not is_good for _, is_good in self._outcomes),
            failed_over_seconds_ago=None if gave_way is None else _now() - gave_way,
        )

    def state(self) -> EndpointState:
        return EndpointState(name=self.name, is_fit=self.is_fit(), slot=self._slot)

    async def call(self, method: str, params: list[Any]) -> Any:
        """As JsonRpc.call, with the outcome on the record; RateLimited also when it may not be asked now."""
        await self.allowance.take()
        return await self._recorded(self._rpc.call(method, params))

    async def call_many(self, method: str, params: Sequence[list[Any]]) -> list[Any]:
        """As JsonRpc.call_many, with the outcome on the record; each of its calls is one of our allowance."""
        for _ in params:
            await self.allowance.take()
        return await self._recorded(self._rpc.call_many(method, params))

    async def probe(self) -> int | None:
        """The endpoint's slot if it calls itself healthy and gives a blockhash, else None.

        One that asked us to wait is left alone.
        """
        self._slot = None
        if self.allowance.rest_seconds():
            return None
        try:
            self._slot = await self._recorded(self._probed_slot())
        except GatewayError:
            return None
        return self._slot

    async def _probed_slot(self) -> int:
        await self._rpc.call("getHealth", [])
        latest = await self._rpc.call("getLatestBlockhash", [{"commitment": "processed"}])
        return read_blockhash(latest).slot

    async def _recorded(self, answer: Awaitable[T]) -> T:
        """A Refused is the caller's fault and no failure of the endpoint."""
        began = _now()
        try:
            result = await answer
        except (Unavailable, InvalidReply) as error:
            if isinstance(error, RateLimited):
                self.allowance.rest(error.retry_after_seconds)
            self._failed()
            raise
        except Refused:
            self._remember(is_good=True)
            raise
        except asyncio.CancelledError:
            if _now() - began >= _TELLING_WAIT_SECONDS:
                self._failed()
            raise
        self._remember(is_good=True)
        self.health.succeeded(latency_seconds=_now() - began, now=_now())
        return result

    def _failed(self) -> None:
        self._remember(is_good=False)
        self.health.failed()

    def _remember(self, *, is_good: bool) -> None:
        self._outcomes.append((_now(), is_good))
        self._forget_old()

    def _forget_old(self) -> None:
        oldest = _now() - WEATHER_SECONDS
        while self._outcomes and self._outcomes[0][0] < oldest:
            self._outcomes.popleft()


async def probe(endpoints: Sequence[Endpoint]) -> None:
    """Asks all endpoints at once; one that lags more than 50 slots behind the best is unfit."""
    slots = await asyncio.gather(*(endpoint.probe() for endpoint in endpoints))
    best = max((slot for slot in slots if slot is not None), default=0)
    for endpoint, slot in zip(endpoints, slots, strict=True):
        if slot is not None and best - slot > SLOT_LAG:
            endpoint.health.give_way()


def in_order(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The fit ones first, of them those with room; then the unfit ones; then, as a last resort, those that
    asked us to wait; each group as configured.
    """

    def rank(endpoint: Endpoint) -> tuple[bool, bool, bool]:
        is_resting = endpoint.allowance.rest_seconds() > 0
        return is_resting, not endpoint.is_fit(), not endpoint.allowance.has_room()

    return sorted(endpoints, key=rank)


def _now() -> float:
    return asyncio.get_running_loop().time()
