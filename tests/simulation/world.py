"""The whole platform in one thread: sandbox chain, rows and processes on a virtual clock; no tests here."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from solders.keypair import Keypair

from tests import factories
from tests.simulation.process import Process, make_task
from tests.simulation.virtual_time import VirtualLoop, synchronous
from tests.simulation.wire import Wire
from trading import live
from trading.domain.lifecycle import ENDS
from trading.domain.signals import SignalRequest
from trading.domain.values import Action, Route, Strategy
from trading.gateways.base import Endpoints, GatewayError
from trading.gateways.connect import connect
from trading.gateways.transactions import KeySigner
from trading.models import Position, Signal, Submission
from trading.rows import every
from trading.services.control import request_exit
from trading.services.intake import receive_signal
from wallets.models import TradingWallet
from workers.conditions import Conditions
from workers.desk import Desk, open_desk_with
from workers.executor import Executor
from workers.exit_watcher import ExitWatcher
from workers.resolver import STEP_SECONDS as RESOLVER_SECONDS
from workers.resolver import Resolver
from workers.sandbox.app import App
from workers.sandbox.chain import Chain
from workers.sandbox.cluster import Cluster
from workers.sandbox.world import World as Market

SOL = 10**9
GENESIS_TIME = 1_790_000_000
SLOT_SECONDS = 0.4
LEADER = str(Keypair.from_seed(bytes([7] * 32)).pubkey())
OURS = Keypair.from_seed(bytes([9] * 32))
ENDPOINTS = Endpoints(
    rpc_urls=("http://sandbox/rpc/primary",),
    jito_url="http://sandbox/jito",
    jupiter_url="http://sandbox/jupiter",
    dexscreener_url="http://sandbox/dexscreener",
    timeout_seconds=1.5,
    probe_seconds=0.0,
)


@dataclass(slots=True, kw_only=True)
class Life:
    """One process's parts, over the rows and the chain as it found them."""

    process: Process
    desk: Desk
    executor: Executor
    resolver: Resolver
    watcher: ExitWatcher

    async def trade(self) -> None:
        """What the executor's process does for ever: seats for exits and entries, and the resolver."""
        await asyncio.gather(self.executor.consume(), self._resolve())

    async def _resolve(self) -> None:
        while True:
            await self.resolver.step()
            await asyncio.sleep(RESOLVER_SECONDS)

    async def catch_up(self) -> None:
        """One turn of everything: whatever is due is worked on to its end."""
        await self.desk.conditions.refresh_once()
        for step in (self.resolver.step, self.watcher.step):
            # As the daemons' loops do: what the outside does not tell now is asked again.
            with suppress(GatewayError):
                await step()
        for is_exit in (True, False):
            while await self.executor.work_once(is_exit=is_exit):
                pass


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Rows and chain, as far as it matters for what happens next; moments aside."""

    signals: tuple[Any, ...]
    submissions: tuple[Any, ...]
    positions: tuple[Any, ...]
    landed: int
    has_submission: bool


@dataclass(slots=True, kw_only=True)
class World:
    """What no death of a process changes: the chain, the rows, the network and time."""

    cluster: Cluster
    wire: Wire
    loop: VirtualLoop
    _submissions_before: int = field(default=0, init=False)
    _read_at: int = field(default=-1, init=False)
    _rows: tuple[Any, Any, Any] = field(default=((), (), ()), init=False)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(GENESIS_TIME, UTC) + timedelta(seconds=self.loop.time())

    def mint(self, symbol: str) -> str:
        return next(
            each["mint"] for each in self.cluster.world.tokens() if each["symbol"] == symbol
        )

    async def keep_time(self) -> None:
        """Close a slot every 400 ms, for ever."""
        while True:
            await asyncio.sleep(SLOT_SECONDS)
            self.tick()

    def tick(self) -> None:
        """One slot."""
        now = self.cluster.chain.unix_time + SLOT_SECONDS
        self.cluster.tick(now=now, elapsed_ms=int(SLOT_SECONDS * 1000))

    def fault(self, **rule: Any) -> None:
        """Switch a fault of the sandbox on."""
        self.cluster.faults.add(rule)

    @synchronous
    def has_position(self) -> bool:
        return Position.objects.exclude(status="CLOSED").exists()

    def set_price(self, mint: str, factor: float) -> None:
        """Trade the pool to another price, in the open slot."""
        self.cluster.world.set_price(mint, factor=factor)

    @asynccontextmanager
    async def life(self, *, watch: Callable[[str], None] | None = None) -> AsyncIterator[Life]:
        """A process that has just started. It is watched from when it is up."""
        process = Process()
        async with AsyncExitStack() as stack:
            gateways = await stack.enter_async_context(connect(ENDPOINTS))
            conditions = Conditions(
                gateways, wallet=str(OURS.pubkey()), clock=self._clock, chance=random.Random(7)
            )
            await process.do(conditions.refresh_once())
            desk = open_desk_with(
                gateways=gateways,
                writer=process.writer,
                conditions=conditions,
                signer=KeySigner(OURS),
                clock=self._clock,
            )
            process.watch = watch
            yield Life(
                process=process,
                desk=desk,
                executor=Executor(desk, entry_seats=4, exit_seats=2),
                resolver=Resolver(desk),
                watcher=ExitWatcher(
                    gateways=gateways, writer=process.writer, wallet=desk.address, clock=self._clock
                ),
            )

    def _clock(self) -> datetime:
        return self.now

    @synchronous
    def signal(self, mint: str, **fields: Any) -> UUID:
        """A signal at the common door; a SHIELD buy of 0.25 SOL unless told otherwise."""
        values: dict[str, Any] = {
            "strategy": Strategy.SHIELD,
            "action": Action.BUY,
            "symbol": "TOKEN",
            "mint": mint,
            "amount_lamports": SOL // 4,
            "leader_address": LEADER,
            "trade_uuid": f"trade-{Signal.objects.count()}",
            **fields,
        }
        return receive_signal(SignalRequest(**values), source="tests", now=self.now).uuid

    def sell_signal(self, mint: str, *, fraction: str = "1") -> UUID:
        """The leader's own sell."""
        part = Decimal(fraction)
        return self.signal(mint, strategy=Strategy.EXIT, action=Action.SELL, exit_fraction=part)

    @synchronous
    def close_by_hand(self) -> None:
        """Ask for the exit of every open position, as a person would."""
        for position in Position.objects.exclude(status="CLOSED"):
            request_exit(position.pk, actor="tests", reason="enough", now=self.now)

    @synchronous
    def begin_story(self) -> None:
        """What was signed before does not belong to it."""
        self._submissions_before = Submission.objects.count()

    @synchronous
    def state(self) -> "State":
        """What a restarted process would find. Asked at every point, so it reads again only what has changed."""
        writes = connection.connection.total_changes
        if writes != self._read_at:
            self._read_at, self._rows = writes, _rows()
        signals, submissions, positions = self._rows
        height = self.cluster.chain.block_height
        return State(
            signals=signals,
            submissions=tuple((*row, height > last) for *row, last in submissions),
            positions=positions,
            landed=self.cluster.chain.transaction_count,
            has_submission=len(submissions) > self._submissions_before,
        )

    def is_quiet(self) -> bool:
        """Nothing waits, nothing is worked on, nothing is in flight."""
        state = self.state()
        has_ended = all(status in ENDS for status, *_ in state.signals)
        return has_ended and all(status != "IN_FLIGHT" for status, *_ in state.submissions)


def _rows() -> tuple[Any, Any, Any]:
    sent = "status, route, sent_at IS NULL, last_valid_block_height"
    signal = "status, attempts, code, reserved_lamports, dead_submissions"
    return (
        tuple(every(f"SELECT {signal} FROM trading_signal")),  # noqa: S608
        tuple(every(f"SELECT {sent} FROM trading_submission")),  # noqa: S608
        tuple(every("SELECT status, held_raw, exit_generation FROM trading_position")),
    )


@pytest.fixture(scope="module")
def quiet_hints() -> Iterator[None]:
    """Hints to pages are lost here, as any hint may be: their thread has no place in one-threaded time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live._courier, "take", lambda topics: None)
        patch.setattr(live, "wake", lambda *_, **__: None)
        yield


@contextmanager
def rows_in_memory(pristine: Path) -> Iterator[None]:
    """Our tables, empty, in the memory of this process."""
    usual, usual_settings = connections["default"], connections.settings["default"]
    connections.settings["default"] = {**usual_settings, "NAME": ":memory:"}
    del connections["default"]
    try:
        connection.ensure_connection()
        with sqlite3.connect(pristine) as source:
            source.backup(connection.connection)
        source.close()
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = usual_settings
        connections["default"] = usual


@contextmanager
def open_world(*, route: Route, seed: int = 1) -> Iterator[World]:
    """A funded wallet, an ACTIVE leader, the default policy; a market that stands still."""
    chain = Chain.open(seed=seed, mode="slot", genesis_time=GENESIS_TIME)
    market = Market.open(chain, seed=seed, history_days=0, has_leaders=False)
    market.generate()
    market.resume(chain.unix_time)
    market.configure(running=False, tempo=None)
    cluster = Cluster.assemble(chain, market, seed=seed)
    cluster.block_engine.has_auction = False
    loop = VirtualLoop()
    loop.set_task_factory(make_task)
    loop.set_exception_handler(lambda _, context: None)
    wire = Wire(App(cluster))
    world = World(cluster=cluster, wire=wire, loop=loop)
    chain.fund(OURS.pubkey(), 20 * SOL)
    _seed_rows(world, route)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trading.gateways.connect.new_session", wire.session)
        # A group is cut by real time, which would make two runs differ.
        patch.setattr("trading.writer.GROUP_SECONDS", 3600.0)
        try:
            yield world
        finally:
            loop.close()


def _seed_rows(world: World, route: Route) -> None:
    now = world.now
    factories.make_policy_revision(created_at=now)
    factories.make_trading_state(changed_at=now, route=route)
    factories.make_leader(LEADER, created_at=now, status_changed_at=now)
    TradingWallet.objects.create(address=str(OURS.pubkey()), label="simulation", created_at=now)
