"""One kept connection for each host, and a kept one that died is no failure."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.gateways.conftest import endpoints
from tests.gateways.outside import Answer, Outside, Seen, open_socket, result
from trading.gateways.base import Unavailable
from trading.gateways.connect import connect

REPLY = b'{"jsonrpc":"2.0","id":%d,"result":7}'
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answer_once(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request_id: int
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    body = REPLY % request_id
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()


def counting(connections: list[int], *, answers: int) -> Talk:
    """A server that hangs up on the request after `answers` of them on one connection."""
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        connections.append(1)
        try:
            for _ in range(answers):
                asked += 1
                await answer_once(reader, writer, asked)
            await reader.readuntil(b"\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    return talk


def with_cookie(seen: Seen) -> Answer:
    return Answer(body=result(1)(seen).body, headers={"Set-Cookie": "a=b"})


async def test_many_calls_share_one_connection() -> None:
    connections: list[int] = []
    async with (
        open_socket(counting(connections, answers=1000)) as url,
        connect(endpoints(url)) as gateways,
    ):
        for _ in range(20):
            await gateways.rpc.slot()
    assert len(connections) == 1


async def test_a_kept_connection_that_the_server_gave_up_is_replaced_within_the_call() -> None:
    connections: list[int] = []
    async with (
        open_socket(counting(connections, answers=1)) as url,
        connect(endpoints(url)) as gateways,
    ):
        first = await gateways.rpc.slot()
        # The server reads the second request and hangs up; asked again, it knows id 2.
        assert (first, await gateways.rpc.slot()) == (7, 7)
    assert len(connections) == 2


async def test_a_server_that_always_hangs_up_is_unavailable() -> None:
    connections: list[int] = []
    async with (
        open_socket(counting(connections, answers=0)) as url,
        connect(endpoints(url)) as gateways,
    ):
        with pytest.raises(Unavailable):
            await gateways.rpc.slot()
    assert len(connections) == 2


async def test_no_cookie_of_the_outside_is_kept(outside: Outside) -> None:
    outside.will(with_cookie)
    async with connect(endpoints(outside.url)) as gateways:
        await gateways.rpc.slot()
        await gateways.rpc.slot()
    assert "Cookie" not in outside.seen[1].headers


async def test_after_closing_every_call_is_unavailable(outside: Outside) -> None:
    async with connect(endpoints(outside.url)) as gateways:
        pass
    with pytest.raises(Unavailable):
        await gateways.rpc.slot()


async def test_trouble_with_a_connection_is_told_in_words_and_without_its_address() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with open_socket(hang_up) as url:
        with pytest.raises(Unavailable, match=r"^[^/]+: it hung up$"):
            async with connect(endpoints(url)) as gateways:
                await gateways.rpc.slot()
        hung_up = url
    # Nobody listens there any more.
    with pytest.raises(Unavailable, match=r"^[^/]+: nobody answers at its address$"):
        async with connect(endpoints(hung_up)) as gateways:
            await gateways.rpc.slot()
