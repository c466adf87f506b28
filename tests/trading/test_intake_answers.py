"""Every answer at the signal door, what it leaves behind, and what may be sent again as it is."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from solders.keypair import Keypair

from audit import services as audit
from audit.models import DeadLetter, PolicyRevision
from tests import factories
from tests.databases import Database
from tests.factories import LEADER, MINT
from trading.domain.lifecycle import SignalStatus
from trading.domain.policy import Policy, as_json
from trading.domain.signals import parse_signal
from trading.domain.values import USDC_MINT, Action, Strategy
from trading.hmac_auth import sign
from trading.models import (
    Delivery,
    Provider,
    ProviderSecret,
    Signal,
    SignalKey,
    Token,
    TradingState,
)
from trading.reception import Reception
from trading.services.answers import Answer
from trading.services.intake import receive_signal
from trading.writer import GroupWriter

SECRET = "correct horse battery staple"
OTHER_MINT = "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm"
BUY: dict[str, Any] = {
    "strategy": "SHIELD",
    "token": "BONK",
    "token_address": MINT,
    "action": "BUY",
    "amount_sol": "0.5",
    "wallet_address": LEADER,
}
EXIT = {"strategy": "EXIT", "action": "SELL"}
pytestmark = pytest.mark.both_databases


class Door:
    """One process's reception, knocked at with signed bodies."""

    def __init__(self, writer: GroupWriter) -> None:
        self.ahead = timedelta()
        self.reception = Reception(clock=self.now)
        self._writer = writer

    def now(self) -> datetime:
        return timezone.now() + self.ahead

    async def restart(self) -> None:
        """A process that starts now knows the secrets that are valid now."""
        await self.reception.close()
        self.reception = Reception(clock=self.now)
        await self.reception.open()

    async def knock(self, *, secret: str = SECRET, at: int | None = None, **changes: Any) -> Answer:
        body = json.dumps({**BUY, **changes}).encode()
        return await self.knock_with(body, secret=secret, at=at)

    async def knock_with(
        self, body: bytes, *, secret: str = SECRET, at: int | None = None
    ) -> Answer:
        stamp = str(int(self.now().timestamp()) if at is None else at)
        headers = {
            "x-timestamp": stamp,
            "x-signature": sign(secret=secret, timestamp=stamp, body=body),
        }
        return await self.reception.answer(headers=headers, body=body)

    async def see(self, read: Any) -> Any:
        return await self._writer.run(read)


def seed() -> None:
    factories.make_policy_revision()
    factories.make_trading_state()
    provider = Provider.objects.create(name="ada")
    ProviderSecret.objects.create(provider=provider, secret=SECRET, created_at=timezone.now())
    Token.objects.create(mint=MINT, symbol="BONK")


@pytest.fixture
async def door(writer: GroupWriter) -> AsyncIterator[Door]:
    await writer.run(seed)
    opened = Door(writer)
    await opened.reception.open()
    yield opened
    await opened.reception.close()


async def test_a_good_signal_is_accepted_and_queued(door: Door) -> None:
    answer = await door.knock()
    assert (answer.http_status, answer.status, answer.code) == (202, "accepted", "")
    signal = await door.see(lambda: Signal.objects.get(pk=answer.trade_uuid))
    assert (signal.status, signal.source, signal.priority) == (SignalStatus.QUEUED, "ada", 1)
    delivery = await door.see(Delivery.objects.get)
    assert (delivery.http_status, delivery.signal_id) == (202, signal.pk)


async def test_a_duplicate_gets_the_first_ones_name_and_its_present_state(door: Door) -> None:
    first = await door.knock(trade_uuid="7")
    await door.see(lambda: Signal.objects.update(status=SignalStatus.EXECUTING))
    again = await door.knock(trade_uuid="7", amount_sol="0.6")
    assert (again.http_status, again.code, again.state) == (200, "duplicate_signal", "EXECUTING")
    assert again.trade_uuid == first.trade_uuid
    assert await door.see(Signal.objects.count) == 1
    assert await door.see(Delivery.objects.count) == 2


async def test_a_duplicate_of_an_ended_signal_is_a_duplicate_still(door: Door) -> None:
    await door.knock(trade_uuid="7")
    await door.see(lambda: Signal.objects.update(status=SignalStatus.DEAD_LETTER))
    assert (await door.knock(trade_uuid="7", token="X")).state == "DEAD_LETTER"


async def test_the_same_request_again_is_a_replay(door: Door) -> None:
    stamp = int(door.now().timestamp())
    assert (await door.knock(at=stamp)).http_status == 202
    again = await door.knock(at=stamp)
    assert (again.http_status, again.code) == (401, "replayed_request")
    assert await door.see(Delivery.objects.count) == 2, "every authenticated request leaves a row"


@pytest.mark.parametrize("secret", ["", "wrong", SECRET.upper()])
async def test_a_wrong_secret_learns_nothing_and_leaves_nothing(door: Door, secret: str) -> None:
    answer = await door.knock(secret=secret)
    assert (answer.http_status, answer.code) == (401, "authentication_failed")
    assert (answer.trade_uuid, answer.state, answer.details) == ("", "", {})
    assert await door.see(Delivery.objects.count) == 0


@pytest.mark.parametrize(("offset", "status"), [(-62, 401), (-58, 202), (58, 202), (62, 401)])
async def test_the_window_is_a_minute_to_either_side(door: Door, offset: int, status: int) -> None:
    answer = await door.knock(at=int(door.now().timestamp()) + offset)
    assert answer.http_status == status


async def test_an_invalid_body_is_told_field_by_field_and_kept(door: Door) -> None:
    answer = await door.knock(amount_sol=0, action="HOLD")
    assert (answer.http_status, answer.code) == (422, "validation_failed")
    assert set(answer.details) == {"amount_sol", "action"}
    delivery = await door.see(Delivery.objects.get)
    assert delivery.details == answer.details
    assert delivery.signal_id is None


async def test_a_body_that_is_too_large_is_not_even_authenticated(door: Door) -> None:
    at_limit = await door.knock_with(b" " * 64 * 1024)
    above = await door.knock_with(b" " * (64 * 1024 + 1))
    assert (at_limit.http_status, above.http_status) == (422, 413)


async def test_a_symbol_alone_is_looked_up(door: Door) -> None:
    answer = await door.knock(token_address=None)
    signal = await door.see(lambda: Signal.objects.get(pk=answer.trade_uuid))
    assert signal.mint == MINT


async def test_an_unknown_symbol_is_never_guessed(door: Door) -> None:
    answer = await door.knock(token="BONKK", token_address=None)
    assert (answer.http_status, list(answer.details)) == (422, ["token"])


async def test_a_symbol_of_two_tokens_is_never_guessed(door: Door) -> None:
    await door.see(lambda: Token.objects.create(mint=OTHER_MINT, symbol="BONK"))
    answer = await door.knock(token_address=None)
    assert (answer.http_status, list(answer.details)) == (422, ["token"])
    assert (await door.knock()).http_status == 202, "an address needs no symbol"


async def test_a_mint_known_to_be_bad_is_refused_at_once_and_only_for_a_while(door: Door) -> None:
    def refuse() -> None:
        until = door.now() + timedelta(minutes=10)
        Token.objects.filter(mint=MINT).update(refusal_code="FREEZE_AUTHORITY", refused_until=until)

    await door.see(refuse)
    answer = await door.knock()
    assert (answer.http_status, answer.status, answer.code) == (200, "rejected", "FREEZE_AUTHORITY")
    assert await door.see(Signal.objects.count) == 0
    assert (await door.knock(**EXIT)).http_status == 202, "what we hold may always be sold"
    door.ahead = timedelta(minutes=11)
    assert (await door.knock()).http_status == 202


async def test_a_quote_currency_is_never_the_token(door: Door) -> None:
    answer = await door.knock(token_address=USDC_MINT)
    assert (answer.http_status, answer.code) == (200, "NOT_SPECULATIVE")
    assert (await door.knock(token_address=USDC_MINT, **EXIT)).http_status == 202


async def test_a_mint_that_the_policy_blocks_is_refused_from_its_next_revision_on(
    door: Door,
) -> None:
    assert (await door.knock(trade_uuid="before")).http_status == 202
    stored = as_json(Policy(blocked_mints=(MINT,)))
    await door.see(
        lambda: audit.propose_revision(stored, actor="tests", reason="a test", now=door.now())
    )
    answer = await door.knock(trade_uuid="after")
    assert (answer.http_status, answer.code) == (200, "BLOCKED_MINT")
    assert (await door.knock(**EXIT)).http_status == 202, "what we hold may always be sold"


async def test_halted_entries_are_told_to_come_again_and_exits_are_not_halted(door: Door) -> None:
    await door.see(lambda: TradingState.objects.update(entries_halted=True))
    stamp = int(door.now().timestamp())
    answer = await door.knock(at=stamp)
    assert (answer.http_status, answer.code) == (503, "circuit_breaker_triggered")
    assert answer.retry_after_seconds == 5
    assert (await door.knock(**EXIT)).http_status == 202
    await door.see(lambda: TradingState.objects.update(entries_halted=False))
    assert (await door.knock(at=stamp)).http_status == 202, "the very same request is free again"


async def test_a_missing_state_means_halted(door: Door) -> None:
    await door.see(lambda: TradingState.objects.all().delete())
    assert (await door.knock()).code == "circuit_breaker_triggered"


async def test_without_a_policy_nothing_is_taken_and_nothing_is_lost(door: Door) -> None:
    await door.see(lambda: PolicyRevision.objects.update(is_active=False))
    stamp = int(door.now().timestamp())
    answer = await door.knock(at=stamp)
    assert (answer.http_status, answer.code) == (503, "storage_unavailable")
    await door.see(lambda: PolicyRevision.objects.update(is_active=True))
    assert (await door.knock(at=stamp)).http_status == 202


@pytest.mark.parametrize(
    ("waiting", "spear", "shield"), [(7, 202, 202), (8, 503, 202), (9, 503, 202), (10, 503, 503)]
)
async def test_a_full_queue_sheds_spear_first_then_shield_and_never_exits(
    door: Door, waiting: int, spear: int, shield: int
) -> None:
    def fill() -> None:
        PolicyRevision.objects.all().delete()
        factories.make_policy_revision(Policy(queue_capacity=10))
        for number in range(waiting):
            factories.make_signal(status=SignalStatus.RETRY if number % 2 else SignalStatus.QUEUED)
        factories.make_signal(status=SignalStatus.COMPLETED)
        factories.make_signal(priority=0, action=Action.SELL, strategy=Strategy.EXIT)

    await door.see(fill)
    answers = [
        await door.knock(strategy="SPEAR", trade_uuid="a"),
        await door.knock(**EXIT, trade_uuid="b"),
    ]
    assert [answer.http_status for answer in answers] == [spear, 202]
    await door.see(
        lambda: Signal.objects.filter(provider_trade_uuid="a").update(status="COMPLETED")
    )
    assert (await door.knock(trade_uuid="c")).http_status == shield


async def test_what_was_shed_is_on_record_and_may_come_again(door: Door) -> None:
    await door.see(PolicyRevision.objects.all().delete)
    await door.see(lambda: factories.make_policy_revision(Policy(queue_capacity=1)))
    await door.see(factories.make_signal)
    stamp = int(door.now().timestamp())
    answer = await door.knock(at=stamp)
    assert (answer.code, answer.retry_after_seconds) == ("queue_full", 5)
    letter = await door.see(DeadLetter.objects.get)
    assert (letter.code, letter.source) == ("LOAD_SHED", "webhook")
    await door.see(lambda: Signal.objects.update(status=SignalStatus.COMPLETED))
    assert (await door.knock(at=stamp)).http_status == 202


async def test_the_bucket_holds_the_burst_and_refills_by_the_second(door: Door) -> None:
    await door.see(lambda: Provider.objects.update(burst=3, requests_per_second=2))
    statuses = [(await door.knock(trade_uuid=str(number))).http_status for number in range(5)]
    assert statuses[:3] == [202, 202, 202]
    assert 429 in statuses[3:]
    refused = await door.knock(trade_uuid="x")
    assert (refused.code, refused.retry_after_seconds) == ("rate_limited", 1)
    door.ahead = timedelta(seconds=2)
    assert (await door.knock(trade_uuid="y")).http_status == 202


async def test_a_clock_that_was_ahead_leaves_no_bucket_empty(door: Door) -> None:
    await door.see(lambda: Provider.objects.update(burst=1, requests_per_second=1))
    door.ahead = timedelta(days=300)
    assert (await door.knock(trade_uuid="1")).http_status == 202
    door.ahead = timedelta()
    assert (await door.knock(trade_uuid="2")).http_status == 202
    assert (await door.knock(trade_uuid="3")).http_status == 429


async def test_a_request_that_was_too_fast_is_free_to_come_again(door: Door) -> None:
    await door.see(lambda: Provider.objects.update(burst=1, requests_per_second=1))
    stamp = int(door.now().timestamp())
    await door.knock(trade_uuid="1")
    assert (await door.knock(trade_uuid="2", at=stamp)).http_status == 429
    door.ahead = timedelta(seconds=2)
    assert (await door.knock(trade_uuid="2", at=stamp)).http_status == 202


async def test_one_providers_haste_is_not_anothers(door: Door) -> None:
    def hire() -> None:
        bob = Provider.objects.create(name="bob")
        ProviderSecret.objects.create(provider=bob, secret="bob's", created_at=timezone.now())
        Provider.objects.filter(name="ada").update(burst=1, bucket_tokens=1, requests_per_second=0)

    await door.see(hire)
    await door.restart()
    assert (await door.knock(trade_uuid="1")).http_status == 202
    assert (await door.knock(trade_uuid="2")).http_status == 429
    assert (await door.knock(trade_uuid="2", secret="bob's")).http_status == 202


async def test_an_old_secret_is_valid_until_its_time(door: Door) -> None:
    def rotate() -> None:
        ProviderSecret.objects.update(valid_until=timezone.now() + timedelta(hours=24))
        ProviderSecret.objects.create(
            provider=Provider.objects.get(), secret="new", created_at=timezone.now()
        )

    await door.see(rotate)
    await door.restart()
    assert (await door.knock(trade_uuid="1")).http_status == 202
    assert (await door.knock(trade_uuid="2", secret="new")).http_status == 202
    door.ahead = timedelta(hours=24, seconds=1)
    await door.restart()
    assert (await door.knock(trade_uuid="3")).http_status == 401
    assert (await door.knock(trade_uuid="4", secret="new")).http_status == 202


async def test_a_disabled_provider_is_a_stranger(door: Door) -> None:
    await door.see(lambda: Provider.objects.update(is_enabled=False))
    await door.restart()
    assert (await door.knock()).http_status == 401


async def test_five_hundred_copies_at_once_are_one_signal(door: Door) -> None:
    await door.see(lambda: Provider.objects.update(burst=1_000))
    answers = await asyncio.gather(
        *(door.knock(amount_sol=0.5, note=number) for number in range(500))
    )
    assert sorted(answer.http_status for answer in answers) == [200] * 499 + [202]
    assert len({answer.trade_uuid for answer in answers}) == 1
    assert await door.see(Signal.objects.count) == 1


async def test_fifty_replays_at_once_are_one_signal(door: Door) -> None:
    stamp = int(door.now().timestamp())
    answers = await asyncio.gather(*(door.knock(at=stamp) for _ in range(50)))
    assert sorted(answer.http_status for answer in answers) == [202] + [401] * 49


async def test_the_same_signal_through_fifty_processes_at_once_is_one_row(
    door: Door, database: Database
) -> None:
    """Threads with connections of their own stand for processes: only the database is between them."""
    request, now, seen = parse_signal(json.dumps(BUY).encode()), door.now(), []
    gate = threading.Barrier(50)

    def arrive() -> None:
        gate.wait()
        try:
            seen.append(receive_signal(request, source="ada", now=now))
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=arrive) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert len(seen) == 50
    assert sum(receipt.is_new for receipt in seen) == 1
    assert len({receipt.uuid for receipt in seen}) == 1
    assert await door.see(SignalKey.objects.count) == 2


async def test_the_same_wallet_may_enter_again_later(door: Door) -> None:
    first = await door.knock()
    door.ahead = timedelta(minutes=11)
    second = await door.knock()
    assert (second.http_status, first.trade_uuid != second.trade_uuid) == (202, True)


async def test_a_retry_across_the_edge_of_a_bucket_is_a_duplicate(door: Door) -> None:
    edge = 300 - time.time() % 300
    door.ahead = timedelta(seconds=edge - 1)
    assert (await door.knock()).http_status == 202
    door.ahead = timedelta(seconds=edge + 2)
    assert (await door.knock(note="again")).code == "duplicate_signal"


async def test_the_leaders_transaction_is_bought_once_whoever_tells_it(door: Door) -> None:
    signature = str(Keypair().sign_message(b"swap"))
    first = await door.knock(source_signature=signature, trade_uuid="1")
    again = await door.knock(source_signature=signature, trade_uuid="2", amount_sol="0.7")
    assert (again.code, again.trade_uuid) == ("duplicate_signal", first.trade_uuid)
