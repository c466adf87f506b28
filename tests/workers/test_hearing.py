"""What was posted about leaders is read exactly once, whenever who reads it dies."""

import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.utils import timezone
from solders.keypair import Keypair

from audit.models import DeadLetter
from tests import factories
from tests.cluster import REPOSITORY, Sandbox
from tests.databases import Database
from tests.factories import LEADER, MINT, sol
from tests.gateways.trader import Trader
from tests.platform import SOL, Platform, endpoints_of
from tests.trading.leader_swaps import enhanced
from trading.domain.values import WSOL_MINT, Action
from trading.gateways.connect import connect
from trading.hmac_auth import KnownSecret
from trading.models import Door, Hearing, LeaderLeg, LeaderTrade, Notice, Provider, Signal
from trading.services.notices import Post, receive_notices
from workers.hearing import NoticeReader


def post(*told: Any) -> None:
    """What the door does with it."""
    provider, _ = Provider.objects.get_or_create(
        name="helius", defaults={"door": Door.HELIUS, "bucket_tokens": 100}
    )
    caller = KnownSecret(provider_id=provider.pk, provider_name=provider.name, secret="")
    body = orjson.dumps(list(told))
    one = Post(caller=caller, body=body, transactions=len(told), received_at=timezone.now())
    [answer] = receive_notices([one])
    assert answer.http_status == 200


def bought(**fields: Any) -> dict[str, Any]:
    changes = {WSOL_MINT: -sol(1), MINT: 7_000}
    return enhanced(LEADER, changes, at=fields.pop("at", timezone.now()), **fields)


def reader(platform: Platform) -> NoticeReader:
    desk = platform.desk
    return NoticeReader(rpc=desk.gateways.rpc, writer=desk.writer, clock=platform.clock)


@pytest.fixture(autouse=True)
async def _leader(platform: Platform) -> None:
    await platform.see(lambda: factories.make_leader(LEADER))


async def test_what_was_posted_becomes_a_signal_and_is_read_once(platform: Platform):
    told = bought()
    await platform.see(lambda: post(told))
    assert await reader(platform).step() == 1
    assert await reader(platform).step() == 0
    signal = await platform.see(Signal.objects.get)
    notice = await platform.see(Notice.objects.get)
    assert (signal.source, signal.source_signature) == ("helius", told["signature"])
    assert signal.received_at == notice.received_at
    assert (notice.trades, notice.unreadable) == (1, 0)
    assert notice.read_at is not None


async def test_the_same_trade_posted_over_and_over_is_one_signal(platform: Platform):
    told = bought()
    for _ in range(3):
        await platform.see(lambda: post(told, told))
    assert await reader(platform).step() == 3
    for model in (Signal, LeaderTrade, LeaderLeg, Hearing):
        assert await platform.see(model.objects.count) == 1


async def test_good_elements_are_used_and_bad_ones_set_aside(platform: Platform):
    broken = {**bought(), "accountData": [{"account": LEADER, "nativeBalanceChange": "much"}]}
    forged = bought(signature="no signature at all")
    beyond_time = bought()
    beyond_time["timestamp"] = 2**63
    told = [None, 7, "\x00", {}, broken, forged, beyond_time, bought()]
    await platform.see(lambda: post(*told))
    await reader(platform).step()
    notice = await platform.see(Notice.objects.get)
    assert (notice.transactions, notice.trades, notice.unreadable) == (8, 1, 7)
    assert await platform.see(Signal.objects.count) == 1
    letters = await platform.see(lambda: list(DeadLetter.objects.values_list("code", "source")))
    assert letters == [("TRANSACTION_UNREADABLE", "helius")] * 7


async def test_transactions_of_strangers_leave_nothing_but_the_notice(platform: Platform):
    stranger = str(Keypair().pubkey())
    told = enhanced(stranger, {WSOL_MINT: -sol(1), MINT: 7_000}, at=timezone.now())
    await platform.see(lambda: post(told))
    await reader(platform).step()
    assert (await platform.see(Notice.objects.get)).trades == 0
    assert not await platform.see(LeaderTrade.objects.exists)


async def test_a_sale_is_followed_by_the_share_that_the_chain_tells(
    platform: Platform, sandbox: Sandbox
):
    mint = next(str(each["mint"]) for each in sandbox.tokens("major") if each["symbol"] == "BONK")
    keypair = sandbox.funded_keypair(5 * SOL)
    async with connect(endpoints_of(sandbox)) as gateways:
        trader = Trader(
            sandbox=sandbox, gateways=gateways, keypair=keypair, pubkey=keypair.pubkey()
        )
        await trader.buy(mint, SOL)
        held = (await trader.holding(mint)).amount_raw
        signed = await trader.sign(await trader.quote_sell(mint, held // 4))
        await gateways.rpc.send_transaction(signed.wire)
        landed = await gateways.rpc.transaction(signed.signature)
    assert landed is not None
    await platform.see(lambda: factories.make_leader(trader.address))
    changes = {WSOL_MINT: SOL // 4, mint: -(held // 4)}
    told = enhanced(trader.address, changes, at=timezone.now(), signature=signed.signature)
    await platform.see(lambda: post(told))
    await reader(platform).step()
    signal = await platform.see(Signal.objects.get)
    assert signal.action == Action.SELL
    assert abs(signal.exit_fraction - Decimal("0.25")) < Decimal("0.0001")


async def test_a_sale_whose_holding_nobody_tells_sells_all(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("workers.hearing.HOLDINGS_SECONDS", 0.3)
    told = enhanced(LEADER, {WSOL_MINT: sol(1), MINT: -7_000}, at=timezone.now())
    await platform.see(lambda: post(told))
    await reader(platform).step()
    assert (await platform.see(Signal.objects.get)).exit_fraction == 1


async def test_a_purchase_read_too_late_is_not_bought_and_a_sale_is(platform: Platform):
    await platform.see(
        lambda: post(bought(), enhanced(LEADER, {WSOL_MINT: sol(1), MINT: -1}, at=timezone.now()))
    )
    platform.clock.advance(seconds=60)
    await reader(platform).step()
    assert [each.action for each in await platform.see(lambda: list(Signal.objects.all()))] == [
        Action.SELL
    ]
    assert await platform.see(
        lambda: LeaderLeg.objects.filter(action="BUY", code="LATE", signal=None).exists()
    )


DYING = """
import os, signal
from django.utils import timezone
from trading.models import Notice
from trading.services import notices
from trading.writer import GroupWriter
from workers import hearing
import asyncio
from trading.gateways.connect import connect
from trading.gateways.base import Endpoints

take = notices.read_notice
def last_words(*arguments, **named):
    take(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
hearing.read_notice = last_words

async def main():
    where = Endpoints(rpc_urls=({url!r},), jito_url={url!r}, jupiter_url={url!r}, dexscreener_url={url!r})
    writer = GroupWriter().start()
    async with connect(where) as gateways:
        await hearing.NoticeReader(rpc=gateways.rpc, writer=writer, clock=timezone.now).step()

asyncio.run(main())
"""


async def test_kill_9_after_everything_is_written_and_before_the_commit_loses_and_doubles_nothing(
    platform: Platform, database: Database
):
    await platform.see(lambda: post(bought()))
    environment = {**os.environ, "DATABASE_URL": database.url, "CHIMERA_MODE": "sandbox"}
    script = DYING.format(url=platform.sandbox.url)
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", script],
        cwd=REPOSITORY,
        env=environment,
        check=False,
        capture_output=True,
    )
    assert done.returncode == -9, done.stderr.decode()
    assert await platform.see(Signal.objects.count) == 0
    assert (await platform.see(Notice.objects.get)).read_at is None
    assert await reader(platform).step() == 1
    assert await platform.see(Signal.objects.count) == 1


async def test_two_readers_at_once_make_one_signal(platform: Platform, database: Database):
    await platform.see(lambda: post(bought()))
    notices = [await reader(platform)._prepare(each) for each in await _unread(platform)] * 2
    for each in notices:
        await reader(platform)._take_in(each)
    assert await platform.see(Signal.objects.count) == 1
    assert (await platform.see(Notice.objects.get)).trades == 1


async def _unread(platform: Platform) -> list[Notice]:
    return await platform.see(lambda: list(Notice.objects.filter(read_at=None)))
