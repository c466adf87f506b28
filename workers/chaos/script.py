"""One run from its first act to its verdict: carry out the schedule, let all become quiet, ask the chain."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import aiohttp
from asgiref.sync import sync_to_async
from django.conf import settings

from audit import services as audit
from trading.domain.policy import Policy, as_json
from workers.chaos.killer import Killer
from workers.chaos.quiet import settle
from workers.chaos.report import ChaosReport
from workers.chaos.schedule import Act, Kind, Schedule
from workers.chaos.traffic import Traffic
from workers.chaos.verdict import reach
from workers.chaos.weather import Weather
from workers.journey.cast import Cast, choose
from workers.journey.client import Client
from workers.journey.house import House, running_house
from workers.runtime import utc_now

Say = Callable[[str], None]
TRADING = (
    "redis",
    "sandbox",
    "seed",
    "ingress",
    "executor",
    "resolver",
    "watcher",
    "wallet_watcher",
)
"""What a short run starts; a longer one has everything."""
TELL_SECONDS = 10.0
HAND_ATTEMPTS, HAND_PAUSE_SECONDS = 40, 0.5


@dataclass(slots=True, kw_only=True)
class Run:
    """Everything that an act needs, and what has been done so far."""

    house: House
    cast: Cast
    traffic: Traffic
    weather: Weather
    killer: Killer
    say: Say
    forks: int = 0
    price_moves: int = 0
    leader_trades: int = 0
    troubles: list[str] = field(default_factory=list)

    async def perform(self, act: Act) -> None:
        """Carry out one line of the schedule."""
        told = act.details
        match act.kind:
            case Kind.KILL:
                await self.killer.kill(told["process"], in_flight=told["in_flight"])
            case Kind.FREEZE:
                await self.killer.freeze(told["process"], seconds=told["seconds"])
            case Kind.FAULT:
                rule = {name: value for name, value in told.items() if name != "holds_seconds"}
                await self.weather.hold(rule, seconds=told["holds_seconds"])
            case Kind.FORK:
                self.forks += await self._sandbox("fork", {"slots": 1})
            case Kind.PRICE:
                path = f"market/{self.cast.mints[told['symbol']]}/price"
                self.price_moves += await self._sandbox(path, {"factor": told["factor"]})
            case Kind.LEADER_TRADE:
                await self._leader_trade(act)
            case _:
                await self.traffic.send(act)

    async def _leader_trade(self, act: Act) -> None:
        told = act.details
        leaders = self.cast.spear if told["strategy"] == "SPEAR" else self.cast.shield
        address = leaders[told["leader"] % len(leaders)]
        body = {"side": told["side"], "mint": self.cast.mints[told["symbol"]]}
        if told["side"] == "BUY":
            body["sol"] = told["sol"]
        self.leader_trades += await self._sandbox(f"leaders/{address}/trade", body)

    async def _sandbox(self, path: str, body: dict[str, object]) -> bool:
        """Whether the sandbox did it: it may be dead for a while, or find that it cannot be done."""
        for _ in range(HAND_ATTEMPTS):
            try:
                await self.house.sandbox("POST", path, body)
            except aiohttp.ClientResponseError:
                return False
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(HAND_PAUSE_SECONDS)
            else:
                return True
        return False


async def unleash(schedule: Schedule, *, say: Say) -> ChaosReport:
    """The whole run in a platform of its own; UnableToStart when that does not come up."""
    say("starting a platform of its own")
    async with (
        running_house(
            seed=schedule.seed, names=_names(schedule), has_rival=schedule.has_rival
        ) as house,
        aiohttp.ClientSession() as session,
    ):
        run = await _prepare(house, session, seed=schedule.seed, say=say)
        say(f"everything is ready; {len(schedule.acts)} acts in {schedule.seconds:g} s")
        begun = time.monotonic()
        await _carry_out(schedule, run)
        is_quiet = await settle(run.house, run.weather, run.traffic, seed=schedule.seed, say=say)
        if not is_quiet:
            run.troubles.append("it did not become quiet")
        say("asking the chain")
        counted = await reach(run.house, run.traffic, run.killer, session)
        say("stopping everything")
    return ChaosReport(
        seed=schedule.seed,
        minutes=schedule.seconds / 60,
        seconds=time.monotonic() - begun,
        faults=dict(run.weather.struck),
        forks=run.forks,
        price_moves=run.price_moves,
        leader_trades=run.leader_trades,
        troubles=tuple(run.troubles),
        **counted,
    )


def _names(schedule: Schedule) -> tuple[str, ...]:
    return TRADING if schedule.is_short else (*TRADING, "web", "worker", "beat")


async def _prepare(house: House, session: aiohttp.ClientSession, *, seed: int, say: Say) -> Run:
    await sync_to_async(_loosen_limits)()
    secret = (settings.DATA_DIR / "webhook_secret").read_text()
    client = Client(session, url=f"{house.wiring.ingress_url}/api/v1/webhook", secret=secret)
    tokens, leaders = await house.sandbox("GET", "tokens"), await house.sandbox("GET", "leaders")
    cast = choose(tokens, leaders, random.Random(f"chaos-cast-{seed}"))
    weather = Weather(house)
    return Run(
        house=house,
        cast=cast,
        traffic=Traffic(client, cast),
        weather=weather,
        killer=Killer(house, weather, say=say),
        say=say,
    )


def _loosen_limits() -> None:
    """Losses are made on purpose here: the limits that they would reach must not end the load."""
    usual = Policy()
    breaker = replace(
        usual.breaker,
        daily_loss_limit_usd=1_000_000,
        maximum_consecutive_losses=1_000,
        maximum_drawdown_bps=9_000,
    )
    policy = replace(
        usual, reentry_cooldown_seconds=1, maximum_heat_bps=9_000, breaker=breaker
    ).validate()
    audit.propose_revision(as_json(policy), actor="chaos", reason="a trial", now=utc_now())


async def _carry_out(schedule: Schedule, run: Run) -> None:
    """Every act at its time, none waiting for another; returns when all have come to their end."""
    begun = time.monotonic()
    helpers = [
        asyncio.create_task(run.weather.run()),
        asyncio.create_task(_tell(schedule, run, begun)),
    ]
    acting: set[asyncio.Task[None]] = set()
    try:
        for act in schedule.acts:
            await asyncio.sleep(max(0.0, begun + act.at_seconds - time.monotonic()))
            acting.add(asyncio.create_task(_guarded(run, act, run.perform(act))))
        await asyncio.gather(*acting)
    finally:
        for task in (*helpers, *acting):
            task.cancel()
        await asyncio.gather(*helpers, *acting, return_exceptions=True)


async def _guarded(run: Run, act: Act, doing: Awaitable[None]) -> None:
    try:
        await doing
    except Exception as error:
        # The run goes on: what it has found so far must be told in any case.
        run.troubles.append(f"{act}: {error!r}")
        run.say(f"TROUBLE {run.troubles[-1]}")


async def _tell(schedule: Schedule, run: Run, begun: float) -> None:
    """A line about the state of things now and then."""
    while True:
        await asyncio.sleep(TELL_SECONDS)
        killed = sum(Counter(run.killer.kills).values())
        run.say(
            f"{time.monotonic() - begun:.0f} of {schedule.seconds:.0f} s:"
            f" {run.traffic.sent} signals sent, {len(run.traffic.accepted)} accepted,"
            f" {killed} killed, {sum(run.weather.struck.values())} faults struck"
        )
