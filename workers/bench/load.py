"""`python -m workers.bench.load`: a provider that sends signed signals at a fixed rate or as quickly as it can.

A process of its own, so that it never waits for what it measures. Latencies of an open loop count from
the moment at which a request was due, not from when a busy sender got to it (coordinated omission).
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httptools
import uvloop

CONNECTIONS = 64
LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What to send: the bodies of a file, `rate` a second, or by `clients` that each wait for their answer."""

    host: str
    port: int
    path: str
    secret: str
    bodies_file: str
    results_file: str
    rate: float
    clients: int
    seconds: float


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, on_free: Callable[["Connection"], None]) -> None:
        self._on_free = on_free
        self._answered: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: Any = None
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result((0, b""))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        assert self._answered is not None
        if not self._answered.done():
            self._answered.set_result((self._parser.get_status_code(), self._body))
        self._body = b""

    def close(self) -> None:
        self._transport.close()

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body; status 0 when the connection broke or nobody answered."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                return await self._answered
        except TimeoutError:
            self._transport.close()
            return 0, b""
        finally:
            if not self._transport.is_closing():
                self._on_free(self)


class Provider:
    """Signs and sends over a pool of connections; remembers what came back."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._free: deque[Connection] = deque()
        self._results: list[tuple[int, int, str]] = []

    async def open(self, count: int) -> None:
        for _ in range(count):
            self._free.append(await self._connect())

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in self._free:
            connection.close()

    async def send(self, body: bytes, *, due: float) -> None:
        """Send one body now; its latency counts from `due` on the clock of time.perf_counter."""
        connection = self._free.popleft() if self._free else await self._connect()
        status, answer = await connection.send(self._request(body))
        microseconds = int((time.perf_counter() - due) * 1e6)
        name = json.loads(answer).get("trade_uuid", "") if status == 202 else ""
        self._results.append((status, microseconds, name))

    def results(self) -> list[tuple[int, int, str]]:
        """(status, microseconds, name of the signal when accepted) of every request."""
        return self._results

    async def _connect(self) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._free.append), self._spec.host, self._spec.port
        )
        return connection

    def _request(self, body: bytes) -> bytes:
        stamp = str(int(time.time()))
        signature = hmac.new(self._spec.secret.encode(), stamp.encode() + body, hashlib.sha256)
        return (
            f"POST {self._spec.path} HTTP/1.1\r\nHost: {self._spec.host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-Timestamp: {stamp}\r\nX-Signature: {signature.hexdigest()}\r\n\r\n"
        ).encode() + body


async def send_at_rate(provider: Provider, bodies: Sequence[bytes], *, rate: float) -> None:
    """One body every 1/rate seconds, whether or not the ones before it have been answered."""
    begun = time.perf_counter() + 0.1
    sending: set[asyncio.Task[None]] = set()
    for number, body in enumerate(bodies):
        due = begun + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(provider.send(body, due=due))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)


async def send_at_will(
    provider: Provider, bodies: Sequence[bytes], *, clients: int, seconds: float
) -> None:
    """`clients` that send their next one as soon as the last is answered, for so long."""
    remaining: Iterator[bytes] = iter(bodies)
    end = time.perf_counter() + seconds

    async def client() -> None:
        for body in remaining:
            now = time.perf_counter()
            if now >= end:
                return
            await provider.send(body, due=now)

    await asyncio.gather(*(client() for _ in range(clients)))


async def play(spec: Spec, bodies: Sequence[bytes]) -> dict[str, Any]:
    """Send everything; what came back, how long it took and how much of that a processor's time."""
    provider = Provider(spec)
    await provider.open(spec.clients or CONNECTIONS)
    begun, busy = time.perf_counter(), time.process_time()
    if spec.clients:
        await send_at_will(provider, bodies, clients=spec.clients, seconds=spec.seconds)
    else:
        await send_at_rate(provider, bodies, rate=spec.rate)
    took, used = time.perf_counter() - begun, time.process_time() - busy
    provider.close()
    return {"took_seconds": took, "cpu_seconds": used, "results": provider.results()}


def main() -> None:
    """Read the bodies, play them, write the results down."""
    spec = Spec(**json.load(sys.stdin))
    bodies = Path(spec.bodies_file).read_bytes().splitlines()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(play(spec, bodies))
    Path(spec.results_file).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
