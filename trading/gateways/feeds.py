"""A socket that tells which followed address a landed transaction names: one logsSubscribe for each.

It promises nothing: what it loses, repeats or tells late is found and told apart by whoever reads the chain
itself. Shapes are those of Solana's pubsub.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp
import orjson

from trading.gateways.base import InvalidReply
from trading.gateways.http import authority_of
from trading.gateways.shapes import as_integer, as_object, as_signature, field

log = logging.getLogger("feed")

_HANDSHAKE_SECONDS = 8.0
_LARGEST_MESSAGE_BYTES = 4 * 1024 * 1024
_MOST_PENDING = 50
_REFUSED_SECONDS = 60.0
_STABLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """Where the socket is and how long it is believed.

    `subscriptions` is what one connection may hold. Slots are announced several times a second, so a
    socket that says nothing for `silence_seconds` is dead though it may answer pings.
    """

    url: str
    subscriptions: int = 1_000
    silence_seconds: float = 10.0
    ping_seconds: float = 10.0
    reply_seconds: float = 5.0
    first_pause_seconds: float = 0.25
    longest_pause_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A confirmed transaction that names a followed address."""

    address: str
    signature: str
    slot: int
    has_failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """How the socket is now. `trouble` is why the last connection ended; it never holds the URL."""

    is_open: bool
    subscribed: int
    refused: int
    connections: int
    slot: int | None
    trouble: str


class _ConnectionLost(Exception):
    """The socket ended, or is as good as ended; the text says how."""


class LogsFeed:
    """Keeps one connection with the wanted subscriptions, for ever. For one event loop.

    `told` gets every mention, `opened` every address whose subscription has just begun: what happened
    before then nobody has told. Both are called in the loop and must neither block nor raise.
    """

    def __init__(
        self,
        settings: FeedSettings,
        *,
        chance: Random,
        told: Callable[[Mention], None],
        opened: Callable[[str], None],
    ) -> None:
        self._settings, self._chance = settings, chance
        self._told, self._opened = told, opened
        self._name = authority_of(settings.url)
        self._wanted: tuple[str, ...] = ()
        self._changed = asyncio.Event()
        self._connections = 0
        self._trouble = ""
        self._forget()

    def want(self, addresses: Sequence[str]) -> None:
        """Hear of these from now on, and of no others; the first ones where not all find room."""
        wanted = tuple(dict.fromkeys(addresses))[: self._settings.subscriptions]
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    def hears(self, address: str) -> bool:
        """Whether a subscription for this address is open now."""
        return address in self._numbers

    def state(self) -> FeedState:
        return FeedState(
            is_open=self._is_open,
            subscribed=len(self._numbers),
            refused=len(self._refused),
            connections=self._connections,
            slot=self._slot,
            trouble=self._trouble,
        )

    async def run(self) -> None:
        """Connect and listen until cancelled; pauses between two connections grow while none holds."""
        failures = 0
        while True:
            begun = _now()
            try:
                await self._connected()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                # The library's own text can hold the whole URL, key included.
                self._trouble = type(error).__name__
            except (_ConnectionLost, InvalidReply) as error:
                self._trouble = str(error)
            finally:
                self._forget()
            failures = 0 if _now() - begun > _STABLE_SECONDS else failures + 1
            pause = self._pause(failures)
            log.warning("%s: %s; again in %.1f s", self._name, self._trouble, pause)
            await asyncio.sleep(pause)

    def _pause(self, failures: int) -> float:
        """Doubling, and drawn from its upper half, so that many clients do not come back together."""
        longest = self._settings.longest_pause_seconds
        full = min(longest, self._settings.first_pause_seconds * 2.0 ** min(failures, 20))
        return full * self._chance.uniform(0.5, 1.0)

    def _forget(self) -> None:
        """Nothing is subscribed any more."""
        self._is_open = False
        self._has_slots = True
        self._slot: int | None = None
        self._next_id = 0
        self._pending: dict[int, tuple[str, float]] = {}
        self._numbers: dict[str, int] = {}
        self._addresses: dict[int, str] = {}
        self._refused: dict[str, float] = {}

    async def _connected(self) -> None:
        """One connection, from handshake to end; always raises."""
        settings = self._settings
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        ) as session:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                socket = await session.ws_connect(
                    settings.url,
                    heartbeat=settings.ping_seconds,
                    max_msg_size=_LARGEST_MESSAGE_BYTES,
                )
            self._connections += 1
            self._is_open = True
            tasks = [
                asyncio.create_task(self._listen(socket)),
                asyncio.create_task(self._keep_subscribed(socket)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                with suppress(aiohttp.ClientError, OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        await socket.close()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            patience = self._settings.silence_seconds if self._has_slots else None
            try:
                message = await socket.receive(timeout=patience)
            except TimeoutError:
                raise _ConnectionLost(f"silent for {patience:g} s") from None
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise _ConnectionLost(f"closed ({message.type.name.lower()})")
            self._take(message.data)

    def _take(self, text: str) -> None:
        """InvalidReply ends the connection: what the broken message told must be looked for."""
        try:
            message = as_object(orjson.loads(text), "message")
        except orjson.JSONDecodeError:
            raise InvalidReply("a message is not JSON") from None
        match message.get("method"):
            case None:
                self._take_reply(message)
            case "slotNotification":
                self._slot = as_integer(field(_result_of(message), "slot"), "slot")
            case "logsNotification":
                self._take_mention(message)

    def _take_reply(self, message: dict[str, Any]) -> None:
        id_ = message.get("id")
        address, _ = self._pending.pop(id_ if isinstance(id_, int) else 0, (None, 0.0))
        if not self._pending:
            self._changed.set()
        if "error" in message:
            self._take_refusal(address)
        elif address and message.get("result") is not True:
            number = as_integer(message.get("result"), "subscription")
            self._numbers[address] = number
            self._addresses[number] = address
            self._opened(address)

    def _take_refusal(self, address: str | None) -> None:
        if address == "":
            # Without slots only pings tell a dead socket from a quiet one.
            self._has_slots = False
        elif address is not None:
            self._refused[address] = _now()

    def _take_mention(self, message: dict[str, Any]) -> None:
        number = as_integer(field(message.get("params"), "subscription"), "subscription")
        address = self._addresses.get(number)
        if address is None:
            return
        result = _result_of(message)
        value = as_object(field(result, "value"), "value")
        mention = Mention(
            address=address,
            signature=as_signature(value.get("signature"), "signature"),
            slot=as_integer(field(field(result, "context"), "slot"), "slot"),
            has_failed=value.get("err") is not None,
        )
        self._told(mention)

    async def _keep_subscribed(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ask for what is wanted and missing, and again for what stayed without an answer."""
        await self._ask(socket, "slotSubscribe", [], address="")
        while True:
            self._changed.clear()
            for address in self._numbers.keys() - set(self._wanted):
                number = self._numbers.pop(address)
                del self._addresses[number]
                await self._ask(socket, "logsUnsubscribe", [number], address=None)
            for address in self._missing():
                given = [{"mentions": [address]}, {"commitment": "confirmed"}]
                await self._ask(socket, "logsSubscribe", given, address=address)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.reply_seconds):
                    await self._changed.wait()

    def _missing(self) -> list[str]:
        """What to ask for next: not too much at once, and nothing that was refused a moment ago."""
        now = _now()
        overdue = now - self._settings.reply_seconds
        self._pending = {id_: each for id_, each in self._pending.items() if each[1] > overdue}
        self._refused = {
            address: at for address, at in self._refused.items() if now - at < _REFUSED_SECONDS
        }
        asked = {address for address, _ in self._pending.values()}
        missing = [
            address
            for address in self._wanted
            if address not in self._numbers
            and address not in asked
            and address not in self._refused
        ]
        return missing[: max(0, _MOST_PENDING - len(self._pending))]

    async def _ask(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        method: str,
        params: list[Any],
        *,
        address: str | None,
    ) -> None:
        """Send a request. `address`: whose subscription its answer begins; empty for slots, None for none."""
        self._next_id += 1
        if address is not None:
            self._pending[self._next_id] = (address, _now())
        call = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        await socket.send_str(orjson.dumps(call).decode())


def _result_of(message: dict[str, Any]) -> Any:
    return field(message.get("params"), "result")


def _now() -> float:
    return asyncio.get_running_loop().time()
