"""Helius: the registration of webhooks, and the posts about the wallets that are registered."""

import asyncio
import hmac
import ipaddress
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from solders.pubkey import Pubkey

from workers.sandbox.asgi import Request
from workers.sandbox.chain import Chain
from workers.sandbox.enhanced import enhanced
from workers.sandbox.trades import LeaderTrade

Json = dict[str, Any]
API_KEY = "sandbox-helius-key"
PATH = "/v0/webhooks"
MOST_ADDRESSES = 100_000
NOTE = "helius"
QUEUE_SIZE, WORKERS = 1_000, 4
PATIENCE_SECONDS, TRIES, PAUSE_SECONDS = 1.0, 4, 1.0
"""It wants its answer within a second and tries three times more; then the event is gone."""
_GIVEN = ("webhookURL", "transactionTypes", "accountAddresses", "webhookType")


class Wrong(Exception):
    """What is wrong with a request, as Helius says it."""


@dataclass(slots=True, kw_only=True)
class Helius:
    """The registered webhooks live among the chain's notes; what is not posted yet dies with the process."""

    chain: Chain
    interfere: Callable[[], Awaitable[bool]] | None = None
    doubles: Callable[[], bool] | None = None
    is_posting: bool = True
    counters: Counter[str] = field(default_factory=Counter)
    _queue: "asyncio.Queue[tuple[Json, bytes]]" = field(init=False)

    def __post_init__(self) -> None:
        self._queue = asyncio.Queue(QUEUE_SIZE)

    @property
    def webhooks(self) -> list[Json]:
        """Everything registered, as it was given, with its id."""
        stored = self.chain.notes.get(NOTE)
        found: list[Json] = orjson.loads(stored) if stored else []
        return found

    def handle(self, request: Request, path: str) -> tuple[int, Any]:
        """(HTTP status, JSON) of `/v0/webhooks[/{id}]`; every change costs 100 credits."""
        key = request.query.get("api-key", "")
        if not hmac.compare_digest(key.encode(), API_KEY.encode()):
            return 401, {"error": "invalid api key provided"}
        if path != PATH and not path.startswith(f"{PATH}/"):
            return 404, {"error": "not found"}
        self.counters["credits"] += 100
        try:
            return self._answer(request, path.removeprefix(PATH).removeprefix("/"))
        except Wrong as error:
            return 400, {"error": str(error)}

    def tell(self, trade: LeaderTrade) -> None:
        """Post a leader's trade to every webhook that names the leader."""
        hooks = [each for each in self.webhooks if trade.address in each["accountAddresses"]]
        record = self.chain.transaction(trade.signature) if hooks and self.is_posting else None
        if record is None:
            return
        body = orjson.dumps([enhanced(record)])
        for hook in hooks:
            try:
                self._queue.put_nowait((hook, body))
                self.counters["events"] += 1
            except asyncio.QueueFull:
                self.counters["lost"] += 1

    def configure(self, change: Json) -> Json:
        """`is_posting`: whether anything is posted; ValueError on nonsense."""
        if "is_posting" in change:
            if not isinstance(change["is_posting"], bool):
                raise ValueError("is_posting must be true or false")
            self.is_posting = change["is_posting"]
        return self.state()

    def state(self) -> Json:
        """The switch, how many wallets are registered, and what became of the posts."""
        return {
            "is_posting": self.is_posting,
            "webhooks": len(self.webhooks),
            "addresses": sum(len(each["accountAddresses"]) for each in self.webhooks),
            "waiting": self._queue.qsize(),
            "counters": dict(self.counters),
        }

    async def run(self) -> None:
        """Post until cancelled."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work(session))

    def _answer(self, request: Request, identifier: str) -> tuple[int, Any]:
        hooks = {each["webhookID"]: each for each in self.webhooks}
        if identifier and identifier not in hooks:
            return 404, {"error": f"no webhook found with ID: {identifier}"}
        match request.method, bool(identifier):
            case "GET", False:
                return 200, list(hooks.values())
            case "GET", True:
                return 200, hooks[identifier]
            case "POST", False:
                identifier = str(uuid.uuid4())
                hooks[identifier] = _read(request.body, identifier)
            case "PUT", True:
                hooks[identifier] = _read(request.body, identifier)
            case "DELETE", True:
                del hooks[identifier]
            case _:
                return 405, {"error": "method not allowed"}
        self.chain.notes[NOTE] = orjson.dumps(list(hooks.values()))
        self.chain.is_saved = False
        return 200, hooks.get(identifier, {"success": True})

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            hook, body = await self._queue.get()
            await self._deliver(session, hook, body)
            if self.doubles is not None and self.doubles():
                self.counters["duplicates"] += 1
                await self._deliver(session, hook, body)

    async def _deliver(self, session: aiohttp.ClientSession, hook: Json, body: bytes) -> None:
        if self.interfere is not None and not await self.interfere():
            self.counters["dropped"] += 1
            return
        for number in range(TRIES):
            if number:
                self.counters["retried"] += 1
                await asyncio.sleep(PAUSE_SECONDS)
            if await self._post(session, hook, body):
                return
        self.counters["gone"] += 1

    async def _post(self, session: aiohttp.ClientSession, hook: Json, body: bytes) -> bool:
        headers = {"Content-Type": "application/json", "Authorization": hook.get("authHeader", "")}
        try:
            async with session.post(hook["webhookURL"], data=body, headers=headers) as response:
                await response.read()
                self.counters[f"status_{response.status}"] += 1
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.counters["unreachable"] += 1
            return False


def _read(body: bytes, identifier: str) -> Json:
    """A full object without nulls; Wrong says what is missing."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Wrong("the body is not JSON") from None
    if not isinstance(given, dict) or any(value is None for value in given.values()):
        raise Wrong("a webhook is an object without nulls")
    for name in _GIVEN:
        if not given.get(name):
            raise Wrong(f"{name} is required")
    if not _is_loopback(str(given["webhookURL"])):
        raise Wrong("the sandbox posts to this machine only")
    _check_addresses(given["accountAddresses"])
    kept = {name: given[name] for name in _GIVEN}
    return {
        "webhookID": identifier,
        **kept,
        "authHeader": str(given.get("authHeader", "")),
        "active": True,
    }


def _check_addresses(addresses: Any) -> None:
    if not isinstance(addresses, list) or len(addresses) > MOST_ADDRESSES:
        raise Wrong(f"accountAddresses: a list of at most {MOST_ADDRESSES}")
    for each in addresses:
        try:
            Pubkey.from_string(each)
        except (ValueError, TypeError):
            raise Wrong(f"invalid address: {str(each)[:44]}") from None


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
