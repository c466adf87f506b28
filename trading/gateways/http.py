"""One HTTP host: bounded replies, time-outs, and every way it can fail as a named error; what the
JSON means is the gateways' business.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TypeVar

import aiohttp
import orjson
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from trading.gateways.base import Endpoints, InvalidReply, RateLimited, Refused, Unavailable
from trading.gateways.waiting import waiting

T = TypeVar("T")

# Statuses by which a server says that it read the request and will not do it.
_REFUSING_STATUSES = frozenset({400, 413, 414, 415, 422})
_MESSAGE_LENGTH = 200
_SHORTEST_SECRET = 8
_TROUBLES: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientSSLError, "its certificate is not accepted"),
    (aiohttp.ClientConnectorDNSError, "its name cannot be looked up"),
    (aiohttp.ClientConnectorError, "nobody answers at its address"),
    (aiohttp.ServerDisconnectedError, "it hung up"),
    (aiohttp.ClientOSError, "the connection was cut off"),
)
"""The first that fits: each is also one of those below it."""
_CHUNK_BYTES = 64 * 1024

begins_to_leave: ContextVar[Callable[[], None] | None] = ContextVar("begins_to_leave", default=None)
"""Called when a request body of the present task starts on its way, connection made and all."""
silence_seconds: ContextVar[float | None] = ContextVar("silence_seconds", default=None)
"""After so long without an answer a request of the present task, and of those it starts, is made once more
beside the first: it may have been lost. None: it is waited for. Only what reads may set it.
"""


def new_session(endpoints: Endpoints) -> aiohttp.ClientSession:
    """A session for one host: keep-alive, no cookies, no proxies from the environment."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=30, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=endpoints.timeout_seconds, sock_connect=endpoints.connect_timeout_seconds
        ),
        trust_env=False,
    )


class _ToldBody(aiohttp.BytesPayload):
    """A body that tells when it begins to leave; tracing would cost every request what only few need."""

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        told = begins_to_leave.get()
        if told is not None:
            told()
        await super().write_with_length(writer, content_length)


def authority_of(url: str) -> str:
    """Host and port, without user or password; all that may be told of a URL."""
    try:
        return URL(url).raw_authority.rpartition("@")[2] or "unnamed host"
    except ValueError:
        return "unnamed host"


class CutOff(Unavailable):
    """The connection ended before the answer: most often a kept one that the server had closed meanwhile."""


async def again_if_cut_off(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, asked for once more on a new connection where the first one was cut off.

    A refusal proves nothing then: the first request may have been taken, and the second be refused for that.
    """
    try:
        return await ask()
    except CutOff:
        try:
            return await ask()
        except Refused as refusal:
            raise Unavailable(f"{refusal}, after a connection was cut off") from None


class Host:
    """`get`, `post`, `put` and `delete` return the parsed JSON of a 2xx reply.

    They raise Unavailable, RateLimited, InvalidReply, or Refused for a 400-like status (its `data`
    is the parsed body). Every request may be repeated once by itself when a kept connection turns
    out dead (see `again_if_cut_off`), so only idempotent requests belong here; on Solana the same
    bytes are. Whoever finds refusals in a 2xx reply asks by `post_once` and repeats it the same way.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        reply_limit_bytes: int,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self._session = session
        self._url = url
        self._headers = dict(headers or {})
        self._reply_limit_bytes = reply_limit_bytes
        self._secrets = (*secrets, *_secrets_of(url, self._headers))
        self.name = authority_of(url)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> object:
        return await again_if_cut_off(lambda: self._request("GET", path, params=params))

    async def post(self, path: str, body: object) -> object:
        return await again_if_cut_off(lambda: self.post_once(path, body))

    async def post_once(self, path: str, body: object) -> object:
        """As `post`, and CutOff where that would ask again."""
        return await self._request("POST", path, body=orjson.dumps(body))

    async def put(self, path: str, body: object) -> object:
        return await again_if_cut_off(lambda: self._request("PUT", path, body=orjson.dumps(body)))

    async def delete(self, path: str) -> object:
        return await again_if_cut_off(lambda: self._request("DELETE", path))

    def clean(self, message: object) -> str:
        """The other side's words, fit for a log: short, on one line, without our secrets."""
        text = message if isinstance(message, str) else type(message).__name__
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return "".join(c if c.isprintable() else " " for c in text)[:_MESSAGE_LENGTH]

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> object:
        ask, silence = partial(self._ask, method, path, params, body), silence_seconds.get()
        return await (ask() if silence is None else _first_answer(ask, after_seconds=silence))

    async def _ask(
        self, method: str, path: str, params: Mapping[str, str] | None, body: bytes | None
    ) -> object:
        try:
            with waiting():
                reply = await self._exchange(method, path, params, body)
        except TimeoutError:
            raise Unavailable(f"{self.name}: no answer in time") from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            is_sent = not isinstance(error, aiohttp.ClientConnectorError)
            failure = CutOff if is_sent else Unavailable
            raise failure(f"{self.name}: {_words(error)}") from None
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            raise Unavailable(f"{self.name}: {_words(error)}") from None
        return self._judge(*reply)

    async def _exchange(
        self, method: str, path: str, params: Mapping[str, str] | None, body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        data = None if body is None else _ToldBody(body, content_type="application/json")
        url = self._url if not path else self._url.rstrip("/") + path
        # A redirect would carry the key to a host nobody configured.
        async with self._session.request(
            method, url, params=params, data=data, headers=self._headers, allow_redirects=False
        ) as response:
            return response.status, response.headers, await self._read(response)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        left = self._reply_limit_bytes
        async for part in response.content.iter_chunked(_CHUNK_BYTES):
            left -= len(part)
            if left < 0:
                raise InvalidReply(
                    f"{self.name}: reply larger than {self._reply_limit_bytes} bytes"
                )
            parts.append(part)
        return b"".join(parts)

    def _judge(self, status: int, headers: Mapping[str, str], raw: bytes) -> object:
        if status == 429:
            wait = _seconds(headers.get("Retry-After"))
            raise RateLimited(f"{self.name}: rate limited", retry_after_seconds=wait)
        if status in _REFUSING_STATUSES:
            raise self._refusal(status, raw)
        if not 200 <= status < 300:
            raise Unavailable(f"{self.name}: HTTP {status}", status=status)
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise InvalidReply(f"{self.name}: the reply is not JSON") from None

    def _refusal(self, status: int, raw: bytes) -> Refused:
        try:
            data = orjson.loads(raw)
        except orjson.JSONDecodeError:
            data = None
        message = self.clean(_message_of(data)) if isinstance(data, dict) else ""
        text = f"{self.name}: HTTP {status} {message}".rstrip()
        return Refused(text, code=status, message=message, data=data)


def _words(error: Exception) -> str:
    """What went wrong, for people. The library's own text can hold the whole URL, key included: never that."""
    return next((text for kind, text in _TROUBLES if isinstance(error, kind)), type(error).__name__)


async def _first_answer(ask: Callable[[], Awaitable[object]], *, after_seconds: float) -> object:
    """The answer, asked for a second time beside the first after so long a silence.

    Where one of the two fails, the other may still answer.
    """
    asking = {asyncio.ensure_future(ask())}
    try:
        done, _ = await asyncio.wait(asking, timeout=after_seconds)
        if done:
            return done.pop().result()
        asking.add(asyncio.ensure_future(ask()))
        done, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        if asking and all(each.exception() for each in done):
            done, asking = await asyncio.wait(asking)
        return min(done, key=lambda each: each.exception() is not None).result()
    finally:
        for each in asking:
            each.cancel()


def _message_of(body: Mapping[str, object]) -> object:
    error = body.get("error")
    if isinstance(error, dict):
        return error.get("message")
    return error if isinstance(error, str) else body.get("message", "")


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text) if text else None
    except ValueError:
        return None
    return seconds if seconds is not None and math.isfinite(seconds) and seconds >= 0 else None


def _secrets_of(url: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Everything in our own request that could be a key and so must not come back in a text."""
    try:
        parsed = URL(url)
    except ValueError:
        return (url,)
    found = {url, *headers.values(), *parsed.query.values(), *parsed.parts, parsed.password or ""}
    return tuple(sorted((s for s in found if len(s) >= _SHORTEST_SECRET), key=len, reverse=True))
