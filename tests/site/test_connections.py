"""Who sends too long a head, or too slowly, is told so and hung up on; nobody else is."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from chimera_site.connections import (
    HEAD_LIMIT_BYTES,
    REQUEST_LIMIT_BYTES,
    REQUEST_SECONDS,
    Connection,
)

HEAD = b"POST / HTTP/1.1\r\nHost: door\r\nContent-Length: 4\r\n"


class Line(asyncio.Transport):
    """The other end of a connection: what was written to it, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.is_closed = b"", False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        """There is no more than what a test says."""

    def is_closing(self) -> bool:
        return self.is_closed

    @property
    def answer(self) -> tuple[int, str]:
        """Status and reason of what was written; (0, "") for nothing."""
        if not self.written:
            return 0, ""
        head, body = self.written.split(b"\r\n\r\n", 1)
        return int(head.split()[1]), json.loads(body)["reason"]


class Clock:
    """An event loop's timers, which run when a test says so, and tasks that are never begun."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, call: Callable[..., None], *arguments: Any) -> "Timer":
        self.timers.append(Timer(seconds, call, arguments))
        return self.timers[-1]

    def create_task(self, begun: Any) -> Any:
        begun.close()
        return Mock()

    def run(self) -> None:
        """Let all time pass."""
        for timer in self.timers:
            timer.run()


class Timer:
    def __init__(self, seconds: float, call: Callable[..., None], arguments: Any) -> None:
        self.seconds, self._call, self._arguments, self._is_cancelled = (
            seconds,
            call,
            arguments,
            False,
        )

    def cancel(self) -> None:
        self._is_cancelled = True

    def run(self) -> None:
        if not self._is_cancelled:
            self._call(*self._arguments)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def connection(clock: Clock, line: Line) -> Connection:
    config = Config("workers.bench.floor:application", ws="none", log_config=None)
    config.load()
    made = Connection(config=config, server_state=ServerState(), app_state={}, _loop=clock)
    made.connection_made(line)
    return made


@pytest.mark.parametrize("said", [b"", b"PO", HEAD, HEAD + b"\r\n", HEAD + b"\r\nxyz"])
def test_what_has_not_come_in_time_is_not_waited_for(
    connection: Connection, clock: Clock, line: Line, said: bytes
) -> None:
    connection.data_received(said)
    assert not line.is_closed
    assert [timer.seconds for timer in clock.timers] == [REQUEST_SECONDS]
    clock.run()
    assert (line.is_closed, line.answer) == (True, (408, "request_timeout"))


def test_what_has_come_is_ours_however_long_it_takes(
    connection: Connection, clock: Clock, line: Line
) -> None:
    connection.data_received(HEAD + b"\r\nxyz!")
    clock.run()
    assert (line.is_closed, line.answer) == (False, (0, ""))


def test_the_next_request_of_a_connection_has_its_own_time(
    connection: Connection, clock: Clock, line: Line
) -> None:
    connection.data_received(HEAD + b"\r\nxyz!")
    connection.data_received(HEAD)
    clock.run()
    assert line.is_closed


def test_a_head_without_end_is_refused_as_soon_as_it_is_too_long(
    connection: Connection, line: Line
) -> None:
    connection.data_received(HEAD)
    piece = b"X-More: " + b"x" * 1_000 + b"\r\n"
    sent = 0
    while not line.is_closed and sent < 2 * HEAD_LIMIT_BYTES:
        connection.data_received(piece)
        sent += len(piece)
    assert HEAD_LIMIT_BYTES < sent <= HEAD_LIMIT_BYTES + 2 * len(piece)
    assert line.answer == (431, "head_too_large")


def test_a_long_body_is_no_head(connection: Connection, line: Line) -> None:
    size = 4 * HEAD_LIMIT_BYTES
    connection.data_received(
        f"POST / HTTP/1.1\r\nHost: door\r\nContent-Length: {size}\r\n\r\n".encode()
    )
    for _ in range(3):
        connection.data_received(b"x" * HEAD_LIMIT_BYTES)
    connection.data_received(b"x" * HEAD_LIMIT_BYTES + HEAD)
    assert not line.is_closed


@pytest.mark.parametrize("piece", [b"X-Trailer: " + b"x" * 60_000 + b"\r\n", b"x" * 60_000])
def test_what_stands_behind_a_body_has_an_end_too(
    connection: Connection, line: Line, piece: bytes
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.data_received(head + b"4\r\nxyz!\r\n0\r\n")
    if not piece.startswith(b"X"):
        connection.data_received(b"X-Trailer: ")
    sent = 0
    while not line.is_closed and sent < 2 * REQUEST_LIMIT_BYTES:
        connection.data_received(piece)
        sent += len(piece)
    assert sent <= REQUEST_LIMIT_BYTES + 2 * len(piece)
    assert line.answer == (413, "body_too_large")


def test_what_is_no_http_is_told_so_in_the_one_envelope(
    connection: Connection, clock: Clock, line: Line
) -> None:
    connection.data_received(b"\x16\x03\x01\x02\x00\x01\x00")
    assert (line.is_closed, line.answer) == (True, (400, "invalid_http"))
    clock.run()
    assert line.written.count(b"HTTP/1.1 400 ") == 1
