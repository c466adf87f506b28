"""One benchmark from a cold platform to its figures: floor, warm-up, fixed rates, burst."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from trading import metrics_store
from trading.metrics_buffer import COUNT_SECONDS
from trading.timings import Timings, timings_in
from wallets.models import Leader, LeaderStatus, TradingWallet
from workers.bench import rows, stage
from workers.bench.figures import Phase, Spread, count_statuses
from workers.bench.load import Spec
from workers.bench.machine import cpu_seconds, machine
from workers.bench.report import BenchReport
from workers.bench.stages import stages_of
from workers.journey.house import House, running_house
from workers.ports import lease_port

NAMES = ("redis", "sandbox", "seed", "ingress", "web", "executor", "resolver", "watcher")
WARM_UP_RATE = 20.0
BURST_CLIENTS, BURST_SECONDS = 16, 10.0
BURST_SIGNALS = 100_000
FLOOR_SECONDS = 5.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """An open loop: so many signals a second for so long."""

    per_second: float
    seconds: float


@dataclass(slots=True, kw_only=True)
class Bench:
    """A running platform and the script that is played to it."""

    house: House
    script: stage.Script
    say: Say

    async def warm_up(self) -> None:
        """Every token bought and sold once: facts are cached, connections open, code imported."""
        self.say(f"warming up with {stage.TOKENS} tokens…")
        await self._load(self.script.round(), rate=WARM_UP_RATE)
        await rows.wait_until_quiet()

    async def at(self, rate: Rate) -> Phase:
        """An open loop at this rate."""
        self.say(f"{rate.per_second:g} signals a second for {rate.seconds:g} s…")
        bodies = self.script.bodies(int(rate.per_second * rate.seconds))
        return await self._phase(
            f"{rate.per_second:g}/s", bodies, offered=rate.per_second, rate=rate.per_second
        )

    async def burst(self) -> Phase:
        """As much as the door takes from clients that wait for each answer."""
        self.say(f"a burst of {BURST_CLIENTS} clients for {BURST_SECONDS:g} s…")
        await sync_to_async(stage.open_up)(queue_capacity=stage.BURST_CAPACITY)
        bodies = self.script.bodies(BURST_SIGNALS)
        return await self._phase(
            "burst", bodies, offered=0, clients=BURST_CLIENTS, seconds=BURST_SECONDS
        )

    async def _load(self, bodies: Sequence[bytes], **how: float) -> dict[str, Any]:
        return await send(
            bodies,
            host="127.0.0.1",
            port=self.house.wiring.ingress_port,
            path="/api/v1/webhook",
            **how,
        )

    async def _phase(
        self, name: str, bodies: Sequence[bytes], *, offered: float, **how: float
    ) -> Phase:
        before, counted = cpu_seconds(self._pids()), await self._counted()
        found = await self._load(bodies, **how)
        await rows.wait_until_quiet()
        after = cpu_seconds(self._pids()) | {"load": found["cpu_seconds"]}
        took = (await self._counted()).since(counted)
        results = found["results"]
        names = [name for status, _, name in results if status == 202]
        ends, lost = await sync_to_async(rows.ends_of)(names)
        internal, waited = await sync_to_async(rows.durations_of)(names)
        return Phase(
            name=name,
            offered_per_second=offered,
            sent=len(results),
            took_seconds=found["took_seconds"],
            statuses=count_statuses([status for status, _, _ in results]),
            answer=Spread.of([each / 1_000 for _, each, _ in results]),
            internal=Spread.of(internal),
            waited=Spread.of(waited),
            ends=ends,
            lost=lost,
            cpu_milliseconds={
                name: round((used - before.get(name, 0.0)) * 1_000 / len(results), 3)
                for name, used in after.items()
            },
            stages=stages_of(took),
        )

    async def _counted(self) -> Timings:
        """What all its processes have measured until now: they count a moment after they observe."""
        await asyncio.sleep(2 * COUNT_SECONDS)
        return timings_in(metrics_store.shared(str(self.house.wiring.metrics_dir)))

    def _pids(self) -> dict[str, int | None]:
        return {name: self.house.pid(name) for name in NAMES if name != "seed"}


async def run(*, rates: Sequence[Rate], has_burst: bool, say: Say) -> BenchReport:
    """Start a platform, measure it, stop it."""
    floor = await measure_floor(say)
    async with running_house(seed=1, names=NAMES, sandbox_options=stage.SANDBOX_OPTIONS) as house:
        bench = await _prepare(house, say)
        await bench.warm_up()
        phases = [await bench.at(rate) for rate in rates]
        if has_burst:
            phases.append(await bench.burst())
    return BenchReport(phases=phases, floor=floor, machine=machine(database=connection.vendor))


async def _prepare(house: House, say: Say) -> Bench:
    tokens = await house.sandbox("GET", "tokens")
    address = (await TradingWallet.objects.aget()).address
    await house.sandbox("POST", "fund", {"address": address, "lamports": stage.CAPITAL_LAMPORTS})
    await sync_to_async(stage.open_up)(queue_capacity=1_000)
    leader = await Leader.objects.filter(status=LeaderStatus.ACTIVE).afirst()
    assert leader is not None, "the sandbox's roster has active leaders"
    script = stage.Script(mints=stage.extra_mints(tokens), leader=leader.address)
    await asyncio.sleep(2.0)
    return Bench(house=house, script=script, say=say)


async def measure_floor(say: Say) -> Spread | None:
    """Answer times of an application that does nothing, on the same server, at 100 a second."""
    say("the floor: an application that does nothing…")
    async with _floor_server() as port:
        bodies = [b"{}"] * int(100 * FLOOR_SECONDS)
        found = await send(bodies, host="127.0.0.1", port=port, path="/", rate=100.0)
    return Spread.of([each / 1_000 for _, each, _ in found["results"]])


@asynccontextmanager
async def _floor_server() -> AsyncIterator[int]:
    lease = lease_port(22_500)
    arguments = ("--loop", "uvloop", "--http", "httptools", "--no-access-log")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "workers.bench.floor:application"),
        *("--port", str(lease.port), "--log-level", "warning", *arguments),
    )
    try:
        await _until_listening(lease.port)
        yield lease.port
    finally:
        process.terminate()
        await process.wait()
        lease.lock.close()


async def _until_listening(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError("the floor's server does not listen")


async def send(
    bodies: Sequence[bytes],
    *,
    host: str,
    port: int,
    path: str,
    rate: float = 0.0,
    clients: float = 0,
    seconds: float = 0.0,
) -> dict[str, Any]:
    """Have a process of its own send these; `results`, `took_seconds` and `cpu_seconds` as load.py writes them."""
    directory = settings.DATA_DIR
    bodies_file, results_file = directory / "bodies", directory / "results.json"
    bodies_file.write_bytes(b"\n".join(bodies))
    spec = Spec(
        host=host,
        port=port,
        path=path,
        secret=settings.WEBHOOK_SECRET,
        bodies_file=str(bodies_file),
        results_file=str(results_file),
        rate=rate,
        clients=int(clients),
        seconds=seconds,
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.bench.load"), stdin=asyncio.subprocess.PIPE
    )
    await process.communicate(json.dumps(asdict(spec)).encode())
    if process.returncode:
        raise RuntimeError("the load could not be sent")
    found: dict[str, Any] = json.loads(results_file.read_text())
    return found
