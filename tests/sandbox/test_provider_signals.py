"""The signal provider: signed as the contract says, patient, bounded, and out of the way."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from tests.sandbox.worlds import SOL
from workers.sandbox.archetypes import Profile, Strategy, cast
from workers.sandbox.provider import QUEUE_SIZE, Behaviour, Provider, sign, signal_body
from workers.sandbox.trades import LeaderTrade, Side

SECRET = "s3cret-ключ"
PATIENCE_SECONDS = 10.0


def profile(*, strategy: Strategy, sends_trade_uuid: bool) -> Profile:
    return next(
        each
        for each in cast()
        if each.strategy is strategy and each.sends_trade_uuid is sends_trade_uuid
    )


TRADE = LeaderTrade(
    address="7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU",
    profile=profile(strategy=Strategy.SPEAR, sends_trade_uuid=True),
    side=Side.BUY,
    symbol="MANGO",
    mint="EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    amount_lamports=123_456_789,
    fraction=1.0,
    signature="5" * 88,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    timestamp: str
    signature: str
    body: bytes

    @property
    def is_genuine(self) -> bool:
        message = self.timestamp.encode() + self.body
        wanted = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
        return wanted == self.signature


@dataclass(slots=True, kw_only=True)
class Receiver:
    """A webhook that answers what `answers` says, 202 when it runs out."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append(
            Received(
                timestamp=request.headers["X-Timestamp"],
                signature=request.headers["X-Signature"],
                body=await request.read(),
            )
        )
        status, headers = self.answers.pop(0) if self.answers else (202, {})
        return web.json_response({"status": "accepted"}, status=status, headers=headers)


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[Receiver]:
    app = web.Application()
    app.router.add_post("/webhook", receiver.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(provider: Provider) -> AsyncIterator[Provider]:
    task = asyncio.create_task(provider.run())
    try:
        yield provider
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def punctual(*, duplicate_probability: float = 0, late_probability: float = 0) -> Behaviour:
    return Behaviour(
        duplicate_probability=duplicate_probability,
        late_probability=late_probability,
        late_seconds=(1, 1),
        duplicate_seconds=(0, 0),
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_buy_is_told_with_the_leaders_strategy():
    body = json.loads(signal_body(TRADE))
    assert body == {
        "strategy": "SPEAR",
        "token": "MANGO",
        "token_address": TRADE.mint,
        "action": "BUY",
        "amount_sol": 0.123456789,
        "wallet_address": TRADE.address,
        "source_signature": TRADE.signature,
        "trade_uuid": body["trade_uuid"],
    }
    assert 0 < len(body["trade_uuid"]) <= 64


def test_a_sale_is_told_as_an_exit_of_its_fraction():
    sale = replace(TRADE, side=Side.SELL, fraction=0.5)
    body = json.loads(signal_body(sale))
    assert (body["strategy"], body["action"], body["exit_fraction"]) == ("EXIT", "SELL", 0.5)


def test_not_every_leader_sends_an_id_of_its_own():
    plain = replace(TRADE, profile=profile(strategy=Strategy.SHIELD, sends_trade_uuid=False))
    assert "trade_uuid" not in json.loads(signal_body(plain))


@pytest.mark.parametrize("lamports", [0, 1, 10**9 + 1, 99 * SOL + 1, 400 * SOL])
def test_amounts_keep_to_the_contract(lamports):
    text = signal_body(replace(TRADE, amount_lamports=lamports))
    amount = json.loads(text, parse_float=str)["amount_sol"]
    assert 0 < float(amount) <= 100
    assert round(float(amount) * SOL) == min(max(lamports, 1), 100 * SOL)


def test_the_signature_covers_timestamp_and_body():
    headers = sign(b"{}", secret=SECRET, timestamp=1_700_000_000)
    assert headers["X-Timestamp"] == "1700000000"
    received = Received(timestamp="1700000000", signature=headers["X-Signature"], body=b"{}")
    assert received.is_genuine
    assert not replace(received, body=b"[]").is_genuine


async def test_a_trade_arrives_once_genuine_and_fresh():
    async with listening(Receiver()) as receiver:
        provider = Provider(url=receiver.url, secret=SECRET, behaviour=punctual())
        async with running(provider):
            provider.enqueue(TRADE)
            await until(lambda: provider.counters["status_202"] == 1)
            await asyncio.sleep(0.1)
    [received] = receiver.received
    assert received.is_genuine
    assert abs(int(received.timestamp) - time.time()) < 5


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_refusal_that_may_pass_is_retried_freshly_signed_with_the_same_trade(status):
    receiver = Receiver(answers=[(status, {"Retry-After": "0"}), (status, {"Retry-After": "x"})])
    async with listening(receiver):
        provider = Provider(url=receiver.url, secret=SECRET, behaviour=punctual())
        async with running(provider):
            provider.enqueue(TRADE)
            await until(lambda: provider.counters["status_202"] == 1)
    assert len(receiver.received) == 3
    assert len({each.signature for each in receiver.received}) == 3
    assert len({each.body for each in receiver.received}) == 1
    assert all(each.is_genuine for each in receiver.received)


async def test_retry_after_is_waited_for():
    receiver = Receiver(answers=[(429, {"Retry-After": "0.6"})])
    async with listening(receiver):
        provider = Provider(url=receiver.url, secret=SECRET, behaviour=punctual())
        async with running(provider):
            provider.enqueue(TRADE)
            await until(lambda: provider.counters["status_429"] == 1)
            started = time.monotonic()
            await until(lambda: provider.counters["status_202"] == 1)
    assert 0.5 < time.monotonic() - started < 5


@pytest.mark.parametrize("status", [200, 401, 413, 422])
async def test_a_final_answer_is_not_argued_with(status):
    receiver = Receiver(answers=[(status, {})])
    async with listening(receiver):
        provider = Provider(url=receiver.url, secret=SECRET, behaviour=punctual())
        async with running(provider):
            provider.enqueue(TRADE)
            await until(lambda: provider.counters[f"status_{status}"] == 1)
            await asyncio.sleep(0.3)
    assert len(receiver.received) == 1


async def test_an_unreachable_webhook_is_tried_again_until_it_is_there():
    async with listening(Receiver()) as gone:
        pass
    provider = Provider(url=gone.url, secret=SECRET, behaviour=punctual())
    async with running(provider):
        provider.enqueue(TRADE)
        await until(lambda: provider.counters["unreachable"] >= 2)
    assert provider.counters["retried"] >= 1


async def test_duplicates_carry_the_same_trade_under_a_new_signature():
    async with listening(Receiver()) as receiver:
        behaviour = punctual(duplicate_probability=1)
        provider = Provider(url=receiver.url, secret=SECRET, behaviour=behaviour)
        async with running(provider):
            provider.enqueue(TRADE)
            await until(lambda: provider.counters["status_202"] == 2)
    first, second = receiver.received
    assert first.body == second.body
    assert first.signature != second.signature
    assert second.is_genuine


async def test_late_ones_come_late_with_a_timestamp_of_the_sending():
    async with listening(Receiver()) as receiver:
        behaviour = punctual(late_probability=1)
        provider = Provider(url=receiver.url, secret=SECRET, behaviour=behaviour)
        async with running(provider):
            started = time.time()
            provider.enqueue(TRADE)
            await until(lambda: provider.counters["status_202"] == 1)
    assert time.time() - started >= 1
    assert int(receiver.received[0].timestamp) >= int(started + 1)


async def test_a_full_queue_loses_the_newest_and_counts_it():
    provider = Provider(url="http://127.0.0.1:9/", secret=SECRET)
    for _ in range(QUEUE_SIZE + 3):
        provider.enqueue(TRADE)
    assert provider.counters["lost"] == 3
    assert provider.state()["waiting"] == QUEUE_SIZE


async def test_switched_off_it_says_nothing():
    provider = Provider(url="http://127.0.0.1:9/", secret=SECRET)
    state = provider.configure({"enabled": False, "late_probability": 0.5})
    provider.enqueue(TRADE)
    assert state["enabled"] is False
    assert state["late_probability"] == 0.5
    assert provider.state()["waiting"] == 0
    assert provider.counters["skipped"] == 1


@pytest.mark.parametrize(
    "change", [{"enabled": "no"}, {"late_probability": 2}, {"duplicate_probability": True}]
)
async def test_a_senseless_setting_is_refused(change):
    provider = Provider(url="http://127.0.0.1:9/", secret=SECRET)
    with pytest.raises(ValueError, match=next(iter(change))):
        provider.configure(change)


async def test_a_webhook_fault_can_swallow_a_signal():
    async def swallow() -> bool:
        return False

    async with listening(Receiver()) as receiver:
        provider = Provider(
            url=receiver.url, secret=SECRET, behaviour=punctual(), interfere=swallow
        )
        async with running(provider):
            provider.enqueue(TRADE)
            await until(lambda: provider.counters["dropped"] == 1)
    assert receiver.received == []
