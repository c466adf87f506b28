"""A scripted other side: a real HTTP server on a free port that answers with the bytes it is told
to and remembers what it was asked.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0


Script = Callable[[Seen], Answer]


def raw(body: bytes, *, status: int = 200, **headers: str) -> Script:
    return lambda seen: Answer(body=body, status=status, headers=headers)


def json(value: object, *, status: int = 200) -> Script:
    return raw(orjson.dumps(value), status=status)


def late(seconds: float) -> Script:
    return lambda seen: Answer(body=b"{}", delay_seconds=seconds)


def envelope(**members: object) -> Script:
    """A JSON-RPC reply to the very request that is asked."""

    def answer(seen: Seen) -> Answer:
        asked = orjson.loads(seen.body)
        return Answer(body=orjson.dumps({"jsonrpc": "2.0", "id": asked["id"], **members}))

    return answer


def result(value: object) -> Script:
    return envelope(result=value)


def error(code: object, *, message: str = "no", **more: object) -> Script:
    return envelope(error={"code": code, "message": message, **more})


def by_method(**scripts: Script) -> Script:
    """The script for the JSON-RPC method that is asked."""
    return lambda seen: scripts[seen.json["method"]](seen)


class Outside:
    """Answers by `script`; several scripts are used one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.url = ""
        self._scripts: list[Script] = [json({})]

    def will(self, *scripts: Script) -> None:
        self._scripts = list(scripts)

    async def answer(self, request: web.Request) -> web.Response:
        seen = Seen(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=await request.read(),
        )
        self.seen.append(seen)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        answer = script(seen)
        if answer.delay_seconds:
            await asyncio.sleep(answer.delay_seconds)
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)


@asynccontextmanager
async def open_outside() -> AsyncIterator[Outside]:
    outside = Outside()
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{tail:.*}", outside.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        outside.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield outside
    finally:
        await runner.cleanup()


Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def open_socket(talk: Connection) -> AsyncIterator[str]:
    """A TCP server that need not speak HTTP at all; yields its http:// URL."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def says(data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads one request head, writes the bytes and hangs up."""
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
