"""A whole trading desk on the real sandbox and a database file of its own, driven step by step; no tests here."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from solders.keypair import Keypair

from audit import services as audit
from tests import factories
from tests.cluster import LAMPORTS_PER_SOL, Sandbox
from tests.databases import Database
from trading.domain.policy import Policy, as_json
from trading.domain.signals import SignalRequest
from trading.domain.values import Action, Strategy
from trading.gateways.base import Endpoints
from trading.gateways.connect import Gateways, connect
from trading.gateways.transactions import KeySigner, Signer
from trading.models import Position, Signal, Submission
from trading.services.intake import receive_signal
from trading.services.portfolio import landed_tips, snapshot
from trading.writer import GroupWriter
from workers.conditions import Conditions
from workers.desk import Desk, open_desk_with
from workers.executor import Executor
from workers.exit_watcher import ExitWatcher
from workers.inquiry import inquire
from workers.resolver import Resolver

T = TypeVar("T")
TRIES = 5
SOL = LAMPORTS_PER_SOL


@pytest.fixture
def writer(database: Database) -> Iterator[GroupWriter]:
    started = GroupWriter().start()
    yield started
    started.stop()


@dataclass(slots=True)
class Clock:
    """The real time plus whatever a test adds to it, or only that while it is held."""

    ahead: timedelta = timedelta()
    held: datetime | None = None

    def __call__(self) -> datetime:
        return (self.held or timezone.now()) + self.ahead

    def hold(self) -> None:
        """Stand still, however slow the machine is, but for what a test adds."""
        self.held = timezone.now()

    def advance(self, **parts: float) -> None:
        self.ahead += timedelta(**parts)


def endpoints_of(sandbox: Sandbox) -> Endpoints:
    """The sandbox as the only outside; a call that hangs is given up, a slow machine waited for."""
    return Endpoints(
        rpc_urls=(f"{sandbox.url}/rpc/primary",),
        jito_url=sandbox.jito_url,
        jupiter_url=sandbox.jupiter_url,
        dexscreener_url=sandbox.dexscreener_url,
        timeout_seconds=5.0,
        probe_seconds=0.0,
    )


@dataclass(slots=True, kw_only=True)
class Platform:
    """One process's parts. A fresh `executor` or `resolver` is what a restarted process would have."""

    sandbox: Sandbox
    database: Database
    desk: Desk
    keypair: Keypair
    clock: Clock
    leader: str
    executor: Executor = field(init=False)
    resolver: Resolver = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not in the rows."""
        self.executor = Executor(self.desk, entry_seats=8, exit_seats=4)
        self.resolver = Resolver(self.desk)

    @property
    def watcher(self) -> ExitWatcher:
        return ExitWatcher(
            gateways=self.desk.gateways,
            writer=self.desk.writer,
            wallet=self.desk.address,
            clock=self.clock,
        )

    async def see(self, read: Callable[[], T]) -> T:
        """What the rows say, or a change of them, on the writer's connection."""
        return await self.desk.writer.run(read)

    async def capital_seen(self) -> int:
        """Our free SOL as a decision would see it now."""
        conditions = self.desk.conditions
        portfolio = await self.see(
            lambda: snapshot(
                signal=uuid4(),
                mint="",
                balance_lamports=conditions.balance_lamports,
                balance_at=conditions.balance_at,
            )
        )
        assert portfolio.balance_lamports is not None
        return portfolio.balance_lamports

    async def signal(self, mint: str, **fields: Any) -> UUID:
        """A signal through the common door; a SHIELD buy of 0.25 SOL unless told otherwise."""
        values: dict[str, Any] = {
            "strategy": Strategy.SHIELD,
            "action": Action.BUY,
            "symbol": "TOKEN",
            "mint": mint,
            "amount_lamports": SOL // 4,
            "leader_address": self.leader,
            "trade_uuid": factories.signature()[:20],
            **fields,
        }
        request = SignalRequest(**values)
        receipt = await self.see(lambda: receive_signal(request, source="tests", now=self.clock()))
        return receipt.uuid

    async def sell_signal(self, mint: str, *, fraction: str = "1") -> UUID:
        """The leader's own sell."""
        return await self.signal(
            mint, strategy=Strategy.EXIT, action=Action.SELL, exit_fraction=Decimal(fraction)
        )

    async def rehearse(self, mint: str, *, lamports: int = SOL // 4) -> None:
        """Have the sale of a buy tried now, so that the next one asks for instructions only to be built."""
        request = SignalRequest(
            strategy=Strategy.SHIELD,
            action=Action.BUY,
            symbol="TOKEN",
            mint=mint,
            amount_lamports=lamports,
            leader_address=self.leader,
        )
        found = await inquire(self.desk, request, Policy(), amount_lamports=lamports)
        assert found.sale is not None
        assert not found.sale.unavailable

    async def work(self, *, is_exit: bool = False) -> bool:
        return await self.executor.work_once(is_exit=is_exit)

    async def settle(self, *, steps: int = 1) -> None:
        """Let the resolver look `steps` times."""
        for _ in range(steps):
            await self.resolver.step()

    async def bought(self, mint: str, **fields: Any) -> Position:
        """A position really bought on the sandbox."""
        uuid = await self.signal(mint, **fields)
        assert await self.work()
        await self.settle()
        return await self.see(lambda: Position.objects.get(signal=uuid))

    async def row(self, uuid: UUID) -> Signal:
        return await self.see(lambda: Signal.objects.get(pk=uuid))

    async def position(self, position: Position) -> Position:
        return await self.see(lambda: Position.objects.get(pk=position.pk))

    async def submissions(self, uuid: UUID) -> list[Submission]:
        return await self.see(
            lambda: list(Submission.objects.filter(signal=uuid).order_by("attempt"))
        )

    async def policy(self, **changes: Any) -> Policy:
        """The default policy with these changes, as the active revision."""
        policy = replace(Policy(), **changes)
        await self.see(
            lambda: audit.propose_revision(
                as_json(policy), actor="tests", reason="a test", now=self.clock()
            )
        )
        return policy

    async def landed(self) -> list[dict[str, Any]]:
        """Every transaction of our wallet that the chain has, oldest first, the funding aside."""
        rows = await self.desk.gateways.rpc.signatures_for_address(self.desk.address)
        replies = [await self.desk.gateways.rpc.transaction(row["signature"]) for row in rows]
        ours = [
            reply
            for reply in replies
            if reply is not None
            and reply["transaction"]["message"]["accountKeys"][0] == self.desk.address
        ]
        return ours[::-1]

    async def held_raw(self, mint: str) -> int:
        """What the chain says we hold."""
        holdings = await self.desk.gateways.rpc.token_holdings(self.desk.address)
        return sum(each.amount_raw for each in holdings if each.mint == mint)


@pytest.fixture
async def platform(
    sandbox: Sandbox, database: Database, writer: GroupWriter
) -> AsyncIterator[Platform]:
    """A funded desk with an ACTIVE leader, the default policy and trading on."""
    async with open_platform(sandbox, database, writer) as opened:
        yield opened


@asynccontextmanager
async def open_platform(
    sandbox: Sandbox, database: Database, writer: GroupWriter
) -> AsyncIterator[Platform]:
    keypair, clock = sandbox.funded_keypair(20 * SOL), Clock()
    leader = str(Keypair().pubkey())
    await writer.run(lambda: seed_rows(leader))
    async with connect(endpoints_of(sandbox)) as gateways:
        desk = await open_desk(gateways, writer, KeySigner(keypair), clock)
        yield Platform(
            sandbox=sandbox,
            database=database,
            desk=desk,
            keypair=keypair,
            clock=clock,
            leader=leader,
        )


async def open_desk(gateways: Gateways, writer: GroupWriter, signer: Signer, clock: Clock) -> Desk:
    """A desk whose conditions are known: on a machine that stood still for seconds they are asked for again."""
    conditions = Conditions(
        gateways,
        wallet=str(signer.pubkey),
        clock=clock,
        chance=random.Random(7),
        read_landed_tips=lambda: writer.read(landed_tips),
    )
    for _ in range(TRIES):
        await conditions.refresh_once()
        if conditions.blockhash and conditions.balance_lamports is not None:
            break
    return open_desk_with(
        gateways=gateways,
        writer=writer,
        conditions=conditions,
        signer=signer,
        clock=clock,
    )


def seed_rows(leader: str) -> None:
    """The default policy, trading on, and an ACTIVE leader."""
    factories.make_policy_revision()
    factories.make_trading_state()
    factories.make_leader(leader)


async def until(condition: Callable[[], Any], *, seconds: float = 10.0) -> None:
    """Wait in small steps for something that another task brings about."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)
