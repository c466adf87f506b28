"""The wallet watcher on the real sandbox: whatever the socket loses and whenever it dies, nothing is missed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.utils import timezone
from solders.keypair import Keypair

from audit.models import DeadLetter
from scout.models import ScoutRun, WalletScore
from tests import factories
from tests.cluster import Sandbox
from tests.databases import Database
from tests.platform import Clock, endpoints_of
from tests.sandbox.payer import Payer, send_wire
from trading.domain.tiers import Pace, Tier
from trading.gateways.connect import connect
from trading.gateways.feeds import FeedSettings
from trading.models import LeaderCursor
from trading.services import cursors
from trading.services.leader_trades import Heard
from trading.writer import GroupWriter
from wallets.models import Leader, LeaderStatus
from workers.wallet_watcher import Means, WalletWatcher, wallet_scores

PATIENCE_SECONDS = 20.0
CHAIN_AHEAD_SECONDS = 7_200
"""Other tests may have moved the shared cluster's clock on: what it lists has to be old all the same."""
QUICK = Pace(hot_seconds=0.2, warm_seconds=0.2, cold_seconds=0.2, behind_socket_factor=1.0)
SELDOM = Pace(hot_seconds=600, warm_seconds=600, cold_seconds=600, behind_socket_factor=1.0)


@dataclass
class Running:
    """A watcher at work and what it took in, in order."""

    watcher: WalletWatcher
    taken: list[Heard]

    def signatures(self) -> list[str]:
        return [each.signature for each in self.taken]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await asyncio.sleep(0.02)

    async def takes(self, *signatures: str) -> None:
        await self.until(lambda: set(signatures) <= set(self.signatures()))

    async def follows(self, *addresses: str) -> None:
        """Until everything that these have done is known."""
        await self.until(lambda: set(addresses) <= self.watcher.completeness().keys())

    async def subscribed(self, *addresses: str) -> None:
        feed = self.watcher.feed
        assert feed is not None
        await self.until(lambda: all(feed.hears(each) for each in addresses))


@dataclass
class Ledger:
    """Everything taken in over several lives of the watcher; a signature in `broken` cannot be."""

    taken: list[Heard] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def hear(self, heard: Heard) -> None:
        if heard.signature in self.broken:
            raise ValueError("cannot be read")
        self.taken.append(heard)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@asynccontextmanager
async def watching(
    sandbox: Sandbox,
    writer: GroupWriter,
    ledger: Ledger,
    *,
    pace: Pace = QUICK,
    clock: Callable[[], datetime] = timezone.now,
    ws_url: str | None = "",
    **socket: Any,
) -> AsyncIterator[Running]:
    """One life. `ws_url` None: without a socket; another one than the sandbox's, to be refused."""
    settings = {"first_pause_seconds": 0.02, "longest_pause_seconds": 0.1, **socket}
    async with connect(endpoints_of(sandbox)) as gateways:
        watcher = WalletWatcher(
            Means(
                rpc=gateways.rpc,
                writer=writer,
                hear=ledger.hear,
                clock=clock,
                chance=Random(7),
                socket=None
                if ws_url is None
                else FeedSettings(url=ws_url or sandbox.ws_url, **settings),
                pace=pace,
            )
        )
        tasks = [asyncio.ensure_future(each) for each in watcher.loops()]
        try:
            yield Running(watcher=watcher, taken=ledger.taken)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await watcher.drain()


def new_leader(sandbox: Sandbox) -> Payer:
    return Payer(sandbox=sandbox, keypair=sandbox.funded_keypair())


def trade(payer: Payer) -> str:
    return payer.send(payer.pay(Keypair().pubkey(), 10**6))


@pytest.fixture
async def leader(sandbox: Sandbox, writer: GroupWriter) -> Payer:
    """On the roster, with a past."""
    payer = new_leader(sandbox)
    trade(payer)
    await writer.run(lambda: factories.make_leader(str(payer.address)))
    return payer


async def test_what_the_socket_tells_is_taken_in_once(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    async with watching(sandbox, writer, ledger) as running:
        await running.follows(str(leader.address))
        await running.subscribed(str(leader.address))
        told = [trade(leader) for _ in range(5)]
        await running.takes(*told)
        await asyncio.sleep(0.8)  # a few looks at the list behind the socket
    assert running.signatures() == told
    assert {each.leader_address for each in ledger.taken} == {str(leader.address)}
    assert not any(each.is_recovered for each in ledger.taken)


async def test_the_past_of_a_new_leader_is_not_ours(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    async with watching(sandbox, writer, ledger, ws_url=None) as running:
        await running.follows(str(leader.address))
        told = trade(leader)
        await running.takes(told)
    assert running.signatures() == [told]


async def test_a_message_that_the_socket_drops_is_found_on_the_list(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    async with watching(sandbox, writer, ledger) as running:
        await running.follows(str(leader.address))
        await running.subscribed(str(leader.address))
        sandbox.fault(plane="ws", kind="drop_notification", method="logsNotification", count=2)
        lost = [trade(leader), trade(leader)]
        await running.takes(*lost)
    assert [each.is_recovered for each in ledger.taken] == [True, True]
    assert running.signatures() == lost


@pytest.mark.parametrize("ws_url", [None, "ws://127.0.0.1:1/"])
async def test_without_a_socket_the_list_is_read(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer, ws_url: str | None
):
    async with watching(sandbox, writer, ledger, ws_url=ws_url) as running:
        await running.follows(str(leader.address))
        told = trade(leader)
        await running.takes(told)
    assert [each.is_recovered for each in ledger.taken] == [False]


async def test_what_happened_while_it_was_dead_is_found_oldest_first(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    async with watching(sandbox, writer, ledger) as running:
        await running.follows(str(leader.address))
    missed = [trade(leader) for _ in range(50)]
    async with watching(sandbox, writer, ledger) as running:
        await running.takes(*missed)
    assert running.signatures() == missed
    assert all(each.is_recovered for each in ledger.taken)


async def test_a_gap_of_several_pages_is_read_to_its_beginning(
    sandbox: Sandbox,
    writer: GroupWriter,
    ledger: Ledger,
    leader: Payer,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("workers.following.PAGE", 7)
    async with watching(sandbox, writer, ledger, ws_url=None) as running:
        await running.follows(str(leader.address))
    missed = [trade(leader) for _ in range(30)]
    async with watching(sandbox, writer, ledger, ws_url=None) as running:
        await running.takes(*missed)
    assert running.signatures() == missed


async def test_a_connection_cut_loses_nothing(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    async with watching(sandbox, writer, ledger, pace=SELDOM) as running:
        await running.subscribed(str(leader.address))
        await running.follows(str(leader.address))
        sandbox.fault(plane="ws", kind="disconnect", method="logsNotification", count=1)
        missed = [trade(leader) for _ in range(3)]
        await running.takes(*missed)


async def test_the_cursor_stays_below_what_cannot_be_had_yet(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    clock = Clock()
    async with watching(sandbox, writer, ledger, ws_url=None, clock=clock) as running:
        await running.follows(str(leader.address))
        begun = await writer.run(cursors.places)
        clock.advance(seconds=60)
        sandbox.fault(plane="rpc", kind="http_error", status=503, method="getTransaction")
        missed = trade(leader)
        await asyncio.sleep(0.6)
        assert await writer.run(cursors.places) == begun
        sandbox.clear()
        await running.takes(missed)
    assert running.signatures() == [missed]


async def test_the_cursor_follows_once_a_block_is_surely_listed_whole(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    clock = Clock()
    async with watching(sandbox, writer, ledger, ws_url=None, clock=clock) as running:
        await running.follows(str(leader.address))
        told = trade(leader)
        await running.takes(told)
        await asyncio.sleep(0.5)
        assert (await place_of(writer, leader)).signature != told
        clock.advance(seconds=CHAIN_AHEAD_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await place_of(writer, leader)).signature != told:
                await asyncio.sleep(0.05)
    assert running.signatures() == [told]


async def place_of(writer: GroupWriter, payer: Payer) -> cursors.Place:
    return (await writer.run(cursors.places))[str(payer.address)]


async def test_failed_transactions_are_not_even_asked_for(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    async with watching(sandbox, writer, ledger) as running:
        await running.follows(str(leader.address))
        await running.subscribed(str(leader.address))
        fail(leader)
        told = trade(leader)
        await running.takes(told)
        await asyncio.sleep(0.5)
    assert running.signatures() == [told]


async def test_a_transaction_that_breaks_our_code_holds_up_nobody(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    async with watching(sandbox, writer, ledger, ws_url=None) as running:
        await running.follows(str(leader.address))
    broken, whole = trade(leader), trade(leader)
    ledger.broken.add(broken)
    async with watching(sandbox, writer, ledger, ws_url=None) as running:
        await running.takes(whole)
    letters = await writer.run(lambda: list(DeadLetter.objects.values_list("code", "payload")))
    assert ("TRANSACTION_UNREADABLE", broken) in [
        (code, payload["signature"]) for code, payload in letters
    ]


async def test_the_roster_takes_effect_without_a_restart(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    second = new_leader(sandbox)
    async with watching(sandbox, writer, ledger) as running:
        await running.subscribed(str(leader.address))
        await writer.run(lambda: factories.make_leader(str(second.address)))
        await running.subscribed(str(second.address))
        await running.follows(str(second.address))
        told = trade(second)
        await running.takes(told)
        await writer.run(lambda: demote(second))
        feed = running.watcher.feed
        await running.until(lambda: not feed.hears(str(second.address)))
        trade(second)
        known = trade(leader)
        await running.takes(known)
    assert running.signatures() == [told, known]
    assert str(second.address) not in await writer.run(cursors.places)


def demote(payer: Payer) -> None:
    changed = Leader.objects.filter(address=str(payer.address)).update(
        status=LeaderStatus.CANDIDATE
    )
    assert changed == 1


async def test_whoever_left_something_with_us_is_watched_most_closely(
    writer: GroupWriter, leader: Payer
):
    def hold() -> None:
        factories.make_position(leader_address=str(leader.address))
        demote(leader)
        factories.make_leader(factories.LEADER)

    await writer.run(hold)
    watched = await writer.run(lambda: cursors.watched_leaders(now=timezone.now()))
    assert [(each.address, each.tier) for each in watched] == [
        (str(leader.address), Tier.HOT),
        (factories.LEADER, Tier.WARM),
    ]


def test_who_scores_best_is_watched_more_closely(database: Database):
    good, fair, unknown = (factories.make_leader(factories.address()) for _ in range(3))
    now = timezone.now()
    for leader, wqs in ((good, 20.0), (fair, 71.5), (good, 90.25), (unknown, None)):
        run = ScoutRun.objects.create(as_of=now, started_at=now, progressed_at=now)
        WalletScore.objects.create(run=run, address=leader.address, wqs=wqs)
    scores = wallet_scores()
    assert scores == {good.address: Decimal("90.25"), fair.address: Decimal("71.5")}
    watched = cursors.watched_leaders(now=timezone.now(), scores=scores)
    tiers = {each.address: each.tier for each in watched}
    assert watched[0].address == good.address
    assert tiers == {good.address: Tier.HOT, fair.address: Tier.WARM, unknown.address: Tier.WARM}


async def test_a_cursor_that_somebody_else_moved_is_read_again(
    sandbox: Sandbox, writer: GroupWriter, ledger: Ledger, leader: Payer
):
    clock = Clock()
    async with watching(sandbox, writer, ledger, ws_url=None, clock=clock) as running:
        await running.follows(str(leader.address))
        await writer.run(lambda: LeaderCursor.objects.update(slot=1))
        clock.advance(seconds=CHAIN_AHEAD_SECONDS)
        told = trade(leader)
        await running.takes(told)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await place_of(writer, leader)).signature != told:
                await asyncio.sleep(0.05)


def fail(payer: Payer) -> None:
    """A transfer of more than there is: lands and fails."""
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**15))
    reply = send_wire(payer.sandbox, transaction, skipPreflight=True)
    assert "result" in reply
