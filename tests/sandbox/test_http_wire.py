"""HTTP as it comes over the wire: in pieces, several at once, from old clients, too much of it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tests.cluster import Sandbox

CALL = b'{"jsonrpc":"2.0","id":%d,"method":"getHealth","params":[]}'


def test_requests_sent_at_once_are_answered_in_order(sandbox: Sandbox):
    with connected(sandbox) as wire:
        wire.write(b"".join(request(CALL % number) for number in range(20)))
        assert [wire.read()["id"] for _ in range(20)] == list(range(20))


def test_a_request_may_come_byte_by_byte(sandbox: Sandbox):
    with connected(sandbox) as wire:
        for number in range(2):
            for byte in request(CALL % number):
                wire.write(bytes([byte]))
            assert wire.read() == {"jsonrpc": "2.0", "result": "ok", "id": number}


def test_an_answer_tells_the_hour_as_a_detour_would(sandbox: Sandbox):
    with connected(sandbox) as wire:
        wire.write(request(CALL % 1))
        wire.read()
        told = parsedate_to_datetime(wire.headers["date"])
    assert abs((datetime.now(UTC) - told).total_seconds()) < 5


def test_a_body_may_come_in_chunks(sandbox: Sandbox):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = CALL % 7
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    with connected(sandbox) as wire:
        wire.write(head + chunks + b"0\r\n\r\n")
        assert wire.read()["id"] == 7


def test_who_asks_to_hang_up_is_hung_up_on(sandbox: Sandbox):
    for asked in (request(CALL % 1, b"Connection: close\r\n"), old_request(CALL % 1)):
        with connected(sandbox) as wire:
            wire.write(asked)
            assert wire.read()["result"] == "ok"
            assert wire.headers["connection"] == "close"
            assert wire.is_over()


def test_too_large_a_body_is_refused_and_the_connection_goes_on(sandbox: Sandbox):
    with connected(sandbox) as wire:
        wire.write(request(b" " * 1_000_001))
        assert (wire.read(), wire.status) == ({"error": "body too large"}, 413)
        wire.write(request(CALL % 2))
        assert wire.read()["id"] == 2


def test_a_fault_in_the_middle_of_a_connection_keeps_the_order(sandbox: Sandbox):
    late = {"plane": "rpc", "kind": "latency", "seconds": 0.05, "count": 1}
    with connected(sandbox) as wire:
        wire.write(request(CALL % 1))
        assert wire.read()["id"] == 1
        sandbox.fault(**late)
        wire.write(request(CALL % 2) + request(CALL % 3))
        assert [wire.read()["id"] for _ in range(2)] == [2, 3]
        sandbox.clear()
        wire.write(request(CALL % 4))
        assert wire.read()["id"] == 4


def test_a_path_may_be_escaped_and_a_parameter_stand_empty(sandbox: Sandbox):
    escaped = sandbox.exchange("GET", "/jupiter/swap/v1/quot%65?inputMint=")
    assert escaped[0] == 400
    assert b"inputMint" in escaped[1]


class Wire:
    """One connection: bytes out, whole replies in."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._file = connection.makefile("rb")
        self.status = 0
        self.headers: dict[str, str] = {}

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self) -> Any:
        """The JSON of the next reply; `status` and `headers` are its own."""
        self.status = int(self._file.readline().split()[1])
        self.headers = {}
        for line in iter(self._file.readline, b"\r\n"):
            name, _, value = line.decode().strip().partition(": ")
            self.headers[name] = value
        return json.loads(self._file.read(int(self.headers["content-length"])))

    def is_over(self) -> bool:
        """Whether the other side has hung up."""
        return self._file.read(1) == b""


@contextmanager
def connected(sandbox: Sandbox) -> Iterator[Wire]:
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        yield Wire(connection)


def request(body: bytes, extra: bytes = b"") -> bytes:
    return (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n" % (len(body), extra)
    ) + body


def old_request(body: bytes) -> bytes:
    return b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body
