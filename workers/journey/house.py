"""A platform of the journey's own: its processes under the real supervisor, and the sandbox's hands."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import aiohttp
from django.conf import settings

from workers import ports
from workers.processes import Wiring, chosen, services, twin
from workers.supervisor import OWN_NAME, Service, Supervisor

NAMES = (
    "redis",
    "sandbox",
    "seed",
    "ingress",
    "web",
    "executor",
    "resolver",
    "watcher",
    "wallet_watcher",
)
START_SECONDS = 180.0
RETURN_SECONDS = 120.0
SLOT_MS = 100
# 29 minutes of market before the first signal: one token is launched in its last minutes.
HISTORY_DAYS = 0.02
SANDBOX_OPTIONS = (
    *("--slot-ms", str(SLOT_MS), "--history-days", str(HISTORY_DAYS)),
    *("--leaders", "off", "--tempo", "0"),
)
FIRST_PORT = 21_000
RIVAL = "rival"
# Two ways to the chain; the first, once it has failed, is trusted again after this long.
FIRST_RPC, SECOND_RPC = "primary", "secondary"
RPC_WELL_SECONDS = 4.0


class NoResult(Exception):
    """The chain did not understand what a scene asked."""


Counter = Callable[[], Awaitable[int]]


class House:
    """A running platform: where it listens, what it printed, and how its processes are hurt."""

    def __init__(
        self,
        supervisor: Supervisor,
        wiring: Wiring,
        session: aiohttp.ClientSession,
        *,
        names: Sequence[str],
        log: Path,
    ) -> None:
        self._supervisor = supervisor
        self._session = session
        self.wiring = wiring
        self.names = names
        self.log = log

    async def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a control route of the sandbox; aiohttp's error unless it says yes."""
        url = f"{self.wiring.sandbox_url}/sandbox/{path}"
        async with self._session.request(method, url, json=body) as response:
            response.raise_for_status()
            return await response.json()

    async def rpc(self, method: str, *params: Any) -> Any:
        """The `result` of a JSON-RPC call to the chain past every fault on the endpoints; NoResult."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._session.post(f"{self.wiring.sandbox_url}/", json=call) as response:
            reply = await response.json()
        if "result" not in reply:
            raise NoResult(f"{method}: {reply}")
        return reply["result"]

    async def outside(self, path: str) -> Any:
        """What the outside answers to a GET."""
        async with self._session.get(f"{self.wiring.sandbox_url}/{path}") as response:
            return await response.json()

    @asynccontextmanager
    async def fault(self, **rule: Any) -> AsyncIterator[None]:
        """A fault of the outside world for as long as the block runs."""
        number = (await self.sandbox("POST", "faults", rule))["id"]
        try:
            yield
        finally:
            await self.sandbox("DELETE", f"faults/{number}")

    @asynccontextmanager
    async def counting(self, *, endpoint: str, method: str) -> AsyncIterator[Counter]:
        """How often an RPC endpoint has been asked for this: a delay of nothing, which counts."""
        rule = {"plane": "rpc", "kind": "latency", "seconds": 0}
        number = (
            await self.sandbox("POST", "faults", rule | {"endpoint": endpoint, "method": method})
        )["id"]

        async def count() -> int:
            rules = await self.sandbox("GET", "faults")
            return int(next(each["strikes"] for each in rules if each["id"] == number))

        try:
            yield count
        finally:
            await self.sandbox("DELETE", f"faults/{number}")

    async def page_status(self, path: str) -> int:
        """HTTP status of a page of the web process, redirects not followed."""
        url = f"{self.wiring.web_url}{path}"
        async with self._session.get(url, allow_redirects=False) as response:
            return response.status

    def pid(self, name: str) -> int | None:
        """The process that runs under this name now."""
        return self._supervisor.pid(name)

    def kill(self, name: str) -> int:
        """SIGKILL; the supervisor starts it again. The pid; ProcessLookupError when it is down."""
        return self._supervisor.kill(name)

    def pause(self, name: str) -> None:
        """Stop a process in its tracks, as a machine without time would."""
        self._signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    async def wait_ready(self, name: str) -> None:
        """Return when the process answers; TimeoutError when it does not come back."""
        await self._supervisor.wait_ready(name, timeout_seconds=RETURN_SECONDS)

    def _signal(self, name: str, number: int) -> None:
        pid = self._supervisor.pid(name)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@asynccontextmanager
async def running_house(
    *,
    seed: int,
    names: Sequence[str] = NAMES,
    rpcs: Sequence[str] = (FIRST_RPC,),
    has_rival: bool = False,
    sandbox_options: Sequence[str] = SANDBOX_OPTIONS,
) -> AsyncIterator[House]:
    """The processes of these names, ready; afterwards none is left. UnableToStart otherwise.

    `rpcs` are ways to the one chain, the preferred first. With `has_rival` a second executor works on
    the same queue under the name `rival`.
    """
    log = settings.DATA_DIR / "platform.log"
    with ExitStack() as stack:
        wiring = _wire(stack, sandbox_options=("--seed", str(seed), *sandbox_options))
        output = stack.enter_context(log.open("a", buffering=1))
        found = chosen(services(wiring, outside=_outside(wiring, rpcs)), names=names)
        if has_rival:
            found.append(_rival(found))
        supervisor = Supervisor(
            services=found,
            on_line=partial(_write, output),
            cwd=settings.BASE_DIR,
        )
        try:
            await supervisor.start(timeout_seconds=START_SECONDS)
            print(f"{OWN_NAME:<10} everything is ready", file=output)
            async with aiohttp.ClientSession() as session:
                yield House(
                    supervisor, wiring, session, names=[each.name for each in found], log=log
                )
        finally:
            await asyncio.shield(supervisor.stop())


def _rival(found: Sequence[Service]) -> Service:
    executor = next(each for each in found if each.name == "executor")
    return twin(executor, name=RIVAL, runtime_dir=settings.RUNTIME_DIR / RIVAL)


def _write(output: TextIO, name: str, line: str) -> None:
    output.write(f"{name:<10} {line}\n")


def _outside(wiring: Wiring, rpcs: Sequence[str]) -> dict[str, str]:
    """The environment with these RPC endpoints, as an operator would configure them."""
    urls = [f"{wiring.sandbox_url}/rpc/{name}" for name in rpcs]
    return {**os.environ, "RPC_URLS": ",".join(urls), "RPC_WELL_SECONDS": str(RPC_WELL_SECONDS)}


def _wire(stack: ExitStack, *, sandbox_options: tuple[str, ...]) -> Wiring:
    leases: list[ports.Lease] = []
    for _ in range(3):
        # Each lease is held while the next one is chosen, so that all three differ.
        leases.append(ports.lease_port(FIRST_PORT + len(leases)))
        stack.callback(leases[-1].lock.close)
    return Wiring(
        mode="sandbox",
        data_dir=settings.DATA_DIR,
        runtime_dir=settings.RUNTIME_DIR,
        web_port=leases[0].port,
        ingress_port=leases[1].port,
        sandbox_port=leases[2].port,
        redis_socket=settings.RUNTIME_DIR / "redis.sock",
        sandbox_options=sandbox_options,
    )
