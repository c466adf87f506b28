"""The load's own clock and connections: nobody is sent late without its latency showing it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from workers.bench.load import Provider, Spec, play, send_at_rate, send_at_will

ANSWER = json.dumps({"status": "accepted", "trade_uuid": "a"}).encode()


class Slow:
    """A server of one connection after the other that takes its time."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.requests = seconds, 0
        self.serving: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await self._head(reader):
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            await reader.readexactly(length)
            self.requests += 1
            await asyncio.sleep(self.seconds)
            size = str(len(ANSWER)).encode()
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: " + size + b"\r\n\r\n" + ANSWER)
        writer.close()
        await writer.wait_closed()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


@pytest.fixture
async def slow() -> AsyncIterator[tuple[Slow, int]]:
    behaviour = Slow(0.02)
    server = await asyncio.start_server(behaviour.accept, "127.0.0.1", 0)
    yield behaviour, server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.gather(*behaviour.serving)


@pytest.fixture
async def providers() -> AsyncIterator[Callable[[int], Provider]]:
    """Makes providers that send to a port, and hangs up for them."""
    made: list[Provider] = []

    def make(port: int) -> Provider:
        made.append(Provider(spec_of(port)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def spec_of(port: int) -> Spec:
    return Spec(
        host="127.0.0.1",
        port=port,
        path="/",
        secret="s",
        bodies_file="",
        results_file="",
        rate=0,
        clients=0,
        seconds=0,
    )


async def test_an_open_loop_sends_at_its_rate_whatever_the_answers_take(
    slow: tuple[Slow, int], providers: Callable[[int], Provider]
) -> None:
    behaviour, port = slow
    sender = providers(port)
    await send_at_rate(sender, [b"{}"] * 20, rate=200.0)
    assert behaviour.requests == 20
    assert [(status, name) for status, _, name in sender.results()] == [(202, "a")] * 20


async def test_a_late_request_counts_from_when_it_was_due(
    slow: tuple[Slow, int], providers: Callable[[int], Provider]
) -> None:
    sender = providers(slow[1])
    await sender.send(b"{}", due=time.perf_counter() - 5.0)
    [(_, microseconds, _)] = sender.results()
    assert microseconds >= 5_000_000


async def test_a_closed_loop_stops_when_its_bodies_or_its_time_are_over(
    slow: tuple[Slow, int], providers: Callable[[int], Provider]
) -> None:
    behaviour, port = slow
    sender = providers(port)
    await send_at_will(sender, [b"{}"] * 6, clients=2, seconds=60.0)
    assert behaviour.requests == 6
    await send_at_will(sender, [b"{}"] * 6, clients=2, seconds=0.0)
    assert behaviour.requests == 6


async def test_the_sender_tells_how_busy_it_was_itself(slow: tuple[Slow, int]) -> None:
    spec = replace(spec_of(slow[1]), clients=2, seconds=60.0)
    found = await play(spec, [b"{}"] * 6)
    assert [(status, name) for status, _, name in found["results"]] == [(202, "a")] * 6
    assert found["cpu_seconds"] > 0


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def test_nobody_at_the_other_end_is_no_answer(
    slow: tuple[Slow, int], providers: Callable[[int], Provider]
) -> None:
    server = await asyncio.start_server(_hang_up, "127.0.0.1", 0)
    sender = providers(server.sockets[0].getsockname()[1])
    await sender.send(b"{}", due=time.perf_counter())
    assert sender.results()[0][0] == 0
    server.close()
