"""The signal provider: tells a webhook, signed, what leaders did; it decides nothing itself."""

import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp
import orjson

from workers.sandbox.trades import LeaderTrade, Side

LAMPORTS_PER_SOL = 1_000_000_000
QUEUE_SIZE = 1_000
WORKERS = 8
ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
MAX_AMOUNT_SOL = 100.0


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """How well the provider behaves; late ones come `late_seconds` (a range) after the trade."""

    enabled: bool = True
    duplicate_probability: float = 0.05
    late_probability: float = 0.03
    late_seconds: tuple[float, float] = (3.0, 8.0)
    duplicate_seconds: tuple[float, float] = (0.3, 2.0)


def signal_body(trade: LeaderTrade) -> bytes:
    """The webhook's JSON for one trade: BUY with the leader's strategy, a sale as EXIT."""
    is_buy = trade.side is Side.BUY
    body: dict[str, Any] = {
        "strategy": trade.profile.strategy.value if is_buy else "EXIT",
        "token": trade.symbol,
        "token_address": trade.mint,
        "action": trade.side.value,
        "amount_sol": _amount_sol(trade.amount_lamports),
        "wallet_address": trade.address,
        "source_signature": trade.signature,
    }
    if not is_buy:
        body["exit_fraction"] = round(min(1.0, max(0.0001, trade.fraction)), 4)
    if trade.profile.sends_trade_uuid:
        body["trade_uuid"] = f"{trade.profile.strategy.lower()}-{trade.signature[:24]}"
    return orjson.dumps(body)


def sign(body: bytes, *, secret: str, timestamp: int) -> dict[str, str]:
    """Headers of the webhook contract: hex HMAC-SHA256 over the timestamp's text and the body."""
    message = str(timestamp).encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Timestamp": str(timestamp),
        "X-Signature": digest,
    }


@dataclass(slots=True, kw_only=True)
class Provider:
    """Delivers trades in the background: bounded, retried with the same identity, never in the way.

    `interfere` and `doubles` are where webhook faults enter: the first may await and answers whether
    an attempt is sent at all, the second whether a delivered trade is told once more. `counters` says
    what became of everything.
    """

    url: str
    secret: str
    seed: int = 1
    behaviour: Behaviour = field(default_factory=Behaviour)
    interfere: Callable[[], Awaitable[bool]] | None = None
    doubles: Callable[[], bool] | None = None
    counters: Counter[str] = field(default_factory=Counter)
    _queue: asyncio.Queue[LeaderTrade] = field(init=False)
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        self._queue = asyncio.Queue(QUEUE_SIZE)
        self._random = Random(f"provider-{self.seed}")

    def enqueue(self, trade: LeaderTrade) -> None:
        """Take a trade for delivery; with a full queue it is counted as lost, never waited for."""
        if not self.behaviour.enabled:
            self.counters["skipped"] += 1
            return
        try:
            self._queue.put_nowait(trade)
            self.counters["queued"] += 1
        except asyncio.QueueFull:
            self.counters["lost"] += 1

    def configure(self, change: dict[str, Any]) -> dict[str, Any]:
        """Apply `enabled`, `duplicate_probability`, `late_probability`; ValueError on nonsense."""
        for name in ("duplicate_probability", "late_probability"):
            if name in change:
                setattr(self.behaviour, name, _probability(name, change[name]))
        if "enabled" in change:
            if not isinstance(change["enabled"], bool):
                raise ValueError("enabled must be true or false")
            self.behaviour.enabled = change["enabled"]
        return self.state()

    def state(self) -> dict[str, Any]:
        """The switch, the probabilities, what waits and what became of the rest."""
        return {
            "enabled": self.behaviour.enabled,
            "duplicate_probability": self.behaviour.duplicate_probability,
            "late_probability": self.behaviour.late_probability,
            "waiting": self._queue.qsize(),
            "counters": dict(self.counters),
        }

    async def run(self) -> None:
        """Deliver until cancelled."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work(session))

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            trade = await self._queue.get()
            if self._random.random() < self.behaviour.late_probability:
                self.counters["late"] += 1
                await asyncio.sleep(self._random.uniform(*self.behaviour.late_seconds))
            timestamp = await self._deliver(session, trade, after=0)
            is_drawn = self._random.random() < self.behaviour.duplicate_probability
            if is_drawn or (self.doubles is not None and self.doubles()):
                self.counters["duplicates"] += 1
                await asyncio.sleep(self._random.uniform(*self.behaviour.duplicate_seconds))
                await self._deliver(session, trade, after=timestamp)

    async def _deliver(
        self, session: aiohttp.ClientSession, trade: LeaderTrade, *, after: int
    ) -> int:
        """Post until answered for good; returns the last timestamp used, for it must not repeat."""
        body = signal_body(trade)
        timestamp = after
        for attempt in range(ATTEMPTS):
            # Two equal timestamps would give two equal signatures, which is a replay.
            timestamp = max(int(time.time()), timestamp + 1)
            pause = await self._post(session, body, timestamp=timestamp, attempt=attempt)
            if pause is None:
                return timestamp
            self.counters["retried"] += 1
            await asyncio.sleep(pause)
        self.counters["given_up"] += 1
        return timestamp

    async def _post(
        self, session: aiohttp.ClientSession, body: bytes, *, timestamp: int, attempt: int
    ) -> float | None:
        """One attempt: None when the answer is final, else the seconds to wait before the next."""
        if self.interfere is not None and not await self.interfere():
            self.counters["dropped"] += 1
            return None
        headers = sign(body, secret=self.secret, timestamp=timestamp)
        try:
            async with session.post(self.url, data=body, headers=headers) as response:
                await response.read()
                status, retry_after = response.status, response.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.counters["unreachable"] += 1
            return _pause(attempt, None)
        self.counters[f"status_{status}"] += 1
        if status == 429 or status >= 500:
            return _pause(attempt, retry_after)
        return None


def _pause(attempt: int, retry_after: str | None) -> float:
    if retry_after is not None:
        try:
            return min(max(float(retry_after), 0.0), LONGEST_PAUSE_SECONDS)
        except ValueError:
            pass  # an HTTP date: our own pace will do
    return float(min(FIRST_PAUSE_SECONDS * 2.0**attempt, LONGEST_PAUSE_SECONDS))


def _probability(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1")
    return float(value)


def _amount_sol(lamports: int) -> float:
    """Nine decimals survive a float up to 100 SOL; the contract asks for more than zero."""
    return min(MAX_AMOUNT_SOL, max(lamports, 1) / LAMPORTS_PER_SOL)
