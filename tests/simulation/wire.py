"""Our real HTTP hosts on the sandbox's real application, with the network between them played by the virtual clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from tests.simulation.process import current, outside
from trading.gateways.base import Endpoints
from workers.sandbox.app import App

ONE_WAY_SECONDS = 0.002


@dataclass(slots=True)
class Weather:
    """What the network does to sends (the calls that carry a signed transaction)."""

    held_until: float = 0.0
    """No send arrives before this moment of the loop's clock."""
    lost_answers: int = 0
    """So many sends arrive and are never answered."""
    before_send: Callable[[], None] | None = None
    """Happens once, when the next send has left us."""


@dataclass(slots=True)
class _Reply:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def content(self) -> "_Reply":
        return self

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        yield self.body


class Wire:
    """Carries requests to the sandbox. One for the whole world: it outlives the processes."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.weather = Weather()

    def session(self, endpoints: Endpoints) -> "_Session":
        """What `trading.gateways.http.new_session` gives otherwise."""
        return _Session(self, endpoints.timeout_seconds)

    def carry(self, scope: dict[str, Any], body: bytes) -> "asyncio.Future[_Reply]":
        """Put a request on its way; the future is its reply, which may never come."""
        loop, process = asyncio.get_running_loop(), current()
        process.stand()
        answered: asyncio.Future[_Reply] = loop.create_future()
        seconds, is_answered = self._fate(body)

        def arrive() -> None:
            process.sends_on_their_way.discard(handle)
            loop.create_task(self._serve(scope, body, answered if is_answered else None))

        handle = outside(lambda: loop.call_later(seconds, arrive))
        if _is_send(body):
            process.sends_on_their_way.add(handle)
        return answered

    def _fate(self, body: bytes) -> tuple[float, bool]:
        """After how long a request arrives, and whether its answer does."""
        weather = self.weather
        if not _is_send(body):
            return ONE_WAY_SECONDS, True
        if weather.before_send is not None:
            weather.before_send()
            weather.before_send = None
        weather.lost_answers -= 1
        held = weather.held_until - asyncio.get_running_loop().time()
        return max(ONE_WAY_SECONDS, held), weather.lost_answers < 0

    async def _serve(
        self, scope: dict[str, Any], body: bytes, answered: "asyncio.Future[_Reply] | None"
    ) -> None:
        reply, has_body = _Reply(), False

        async def receive() -> dict[str, Any]:
            nonlocal has_body
            if has_body:
                return {"type": "http.disconnect"}
            has_body = True
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {
                    name.decode().title(): value.decode() for name, value in message["headers"]
                }
            else:
                reply.body += message["body"]

        await self._app(scope, receive, send)
        await asyncio.sleep(ONE_WAY_SECONDS)
        if answered is not None and not answered.done():
            answered.set_result(reply)


class _Session:
    """As much of aiohttp's client session as a Host uses."""

    def __init__(self, wire: Wire, timeout_seconds: float) -> None:
        self._wire, self._timeout_seconds = wire, timeout_seconds

    async def __aenter__(self) -> "_Session":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @asynccontextmanager
    async def request(
        self, method: str, url: str, *, params: Any, data: Any, headers: Any, **_: Any
    ) -> AsyncIterator[_Reply]:
        parts = urlsplit(url)
        body = b"" if data is None else await data.as_bytes()
        scope = {
            "type": "http",
            "method": method,
            "path": parts.path or "/",
            "query_string": (urlencode(params) if params else parts.query).encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
        }
        async with asyncio.timeout(self._timeout_seconds):
            reply = await self._wire.carry(scope, body)
        yield reply


def _is_send(body: bytes) -> bool:
    call = orjson.loads(body) if body else None
    return isinstance(call, dict) and call.get("method") in ("sendBundle", "sendTransaction")
