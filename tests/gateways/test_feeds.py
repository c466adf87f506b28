"""The socket that tells of followed addresses: what it hears, and that it comes back from everything."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import pytest
from solders.keypair import Keypair

from tests.cluster import Sandbox
from tests.sandbox.payer import Payer
from trading.gateways.feeds import FeedSettings, LogsFeed, Mention

PATIENCE_SECONDS = 20.0


@dataclass
class Ear:
    """A running feed and what it has told."""

    feed: LogsFeed
    mentions: list[Mention] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await asyncio.sleep(0.01)

    async def hears(self, *addresses: str) -> None:
        self.feed.want(addresses)
        await self.until(lambda: all(self.feed.hears(each) for each in addresses))

    async def told_of(self, signature: str) -> None:
        await self.until(lambda: signature in [each.signature for each in self.mentions])


@asynccontextmanager
async def listening(url: str, **settings: float) -> AsyncIterator[Ear]:
    mentions: list[Mention] = []
    opened: list[str] = []
    quick = {"first_pause_seconds": 0.02, "longest_pause_seconds": 0.1, **settings}
    feed = LogsFeed(
        FeedSettings(url=url, **quick),
        chance=Random(1),
        told=mentions.append,
        opened=opened.append,
    )
    task = asyncio.create_task(feed.run())
    try:
        yield Ear(feed=feed, mentions=mentions, opened=opened)
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), "the feed ended by itself"


@pytest.fixture
async def ear(sandbox: Sandbox) -> AsyncIterator[Ear]:
    async with listening(sandbox.ws_url) as started:
        yield started


@pytest.fixture
def payer(sandbox: Sandbox) -> Payer:
    return Payer(sandbox=sandbox, keypair=sandbox.funded_keypair())


def trade(payer: Payer) -> str:
    """A transaction that names the payer."""
    return payer.send(payer.pay(Keypair().pubkey(), 10**6))


async def test_a_wanted_address_is_told_of_and_no_other(ear: Ear, sandbox: Sandbox, payer: Payer):
    stranger = Payer(sandbox=sandbox, keypair=sandbox.funded_keypair())
    await ear.hears(str(payer.address))
    trade(stranger)
    signature = trade(payer)
    await ear.told_of(signature)
    [mention] = ear.mentions
    assert (mention.address, mention.has_failed) == (str(payer.address), False)
    assert mention.slot > 0
    assert ear.opened == [str(payer.address)]


async def test_what_is_wanted_changes_without_a_new_connection(
    ear: Ear, sandbox: Sandbox, payer: Payer
):
    second = Payer(sandbox=sandbox, keypair=sandbox.funded_keypair())
    await ear.hears(str(payer.address))
    await ear.hears(str(second.address))
    await ear.until(lambda: not ear.feed.hears(str(payer.address)))
    trade(payer)
    await ear.told_of(trade(second))
    assert {each.address for each in ear.mentions} == {str(second.address)}
    assert ear.feed.state().connections == 1


@pytest.mark.parametrize("kind", ["disconnect", "garbage"])
async def test_a_connection_that_breaks_is_made_again_with_its_subscriptions(
    ear: Ear, sandbox: Sandbox, payer: Payer, kind: str
):
    await ear.hears(str(payer.address))
    sandbox.fault(plane="ws", kind=kind, method="slotNotification", count=1)
    await ear.until(lambda: ear.opened.count(str(payer.address)) == 2)
    await ear.told_of(trade(payer))
    assert ear.feed.state().trouble


async def test_an_open_socket_that_says_nothing_is_given_up(sandbox: Sandbox, payer: Payer):
    async with listening(sandbox.ws_url, silence_seconds=1.5) as ear:
        await ear.hears(str(payer.address))
        sandbox.fault(plane="ws", kind="half_open", method="slotNotification", count=1)
        await ear.until(lambda: ear.opened.count(str(payer.address)) == 2)
        assert "silent" in ear.feed.state().trouble
        await ear.told_of(trade(payer))


async def test_a_refused_handshake_is_tried_again(sandbox: Sandbox, payer: Payer):
    sandbox.fault(plane="ws", kind="http_error", status=429, method="connect", count=3)
    async with listening(sandbox.ws_url) as ear:
        await ear.hears(str(payer.address))
        await ear.told_of(trade(payer))


async def test_a_refused_subscription_is_told_as_not_heard(
    ear: Ear, sandbox: Sandbox, payer: Payer
):
    sandbox.fault(plane="ws", kind="rpc_error", method="logsSubscribe", count=1)
    ear.feed.want([str(payer.address)])
    await ear.until(lambda: ear.feed.state().refused == 1)
    assert not ear.feed.hears(str(payer.address))


async def test_slots_that_are_not_to_be_had_do_not_end_the_connection(
    sandbox: Sandbox, payer: Payer
):
    sandbox.fault(plane="ws", kind="rpc_error", method="slotSubscribe", count=1)
    async with listening(sandbox.ws_url, silence_seconds=0.2) as ear:
        await ear.hears(str(payer.address))
        await asyncio.sleep(0.6)
        await ear.told_of(trade(payer))
        assert ear.feed.state().connections == 1


async def test_only_as_many_are_asked_for_as_a_connection_holds(sandbox: Sandbox):
    addresses = [str(Keypair().pubkey()) for _ in range(5)]
    async with listening(sandbox.ws_url, subscriptions=3) as ear:
        await ear.hears(*addresses[:3])
        ear.feed.want(addresses)
        await asyncio.sleep(0.1)
        assert [ear.feed.hears(each) for each in addresses] == [True] * 3 + [False] * 2


async def test_hundreds_are_subscribed_to(ear: Ear):
    addresses = [str(Keypair().pubkey()) for _ in range(180)]
    await ear.hears(*addresses)
    assert sorted(ear.opened) == sorted(addresses)


async def test_no_word_about_trouble_holds_the_key():
    async with listening("ws://127.0.0.1:1/?api-key=very-secret-key") as ear:
        await ear.until(lambda: ear.feed.state().trouble)
        assert "secret" not in repr(ear.feed.state())
