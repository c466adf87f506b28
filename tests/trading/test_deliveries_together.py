"""A list of requests is answered as if they had come one after the other: each counts for those behind it."""

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from solders.keypair import Keypair
from solders.signature import Signature

from audit.models import DeadLetter, PolicyRevision
from tests import factories
from tests.factories import LEADER, MINT
from trading.domain.lifecycle import SignalStatus
from trading.domain.policy import Policy
from trading.domain.signals import SignalInvalid, SignalRequest, parse_signal
from trading.domain.values import USDC_MINT
from trading.hmac_auth import Caller
from trading.models import (
    Delivery,
    LeaderLeg,
    LeaderTrade,
    Provider,
    Signal,
    SignalEvent,
    SignalKey,
    Token,
)
from trading.services.answers import Answer
from trading.services.deliveries import Request, receive_deliveries
from trading.services.measures import EntryQueue

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 12, 0, 30, tzinfo=UTC)
BUY = {
    "strategy": "SHIELD",
    "token": "BONK",
    "token_address": MINT,
    "action": "BUY",
    "amount_sol": "0.5",
    "wallet_address": LEADER,
}


@pytest.fixture(autouse=True)
def _rules(db: None) -> None:
    factories.make_policy_revision(Policy(queue_capacity=10))
    factories.make_trading_state()


def provider(name: str = "ada", *, tokens: int = 100) -> Provider:
    found, _ = Provider.objects.get_or_create(
        name=name, defaults={"bucket_tokens": tokens, "bucket_filled_at": NOW.timestamp()}
    )
    return found


def request(*, key: str = "", source: Provider | None = None, **changes: Any) -> Request:
    body = json.dumps({**BUY, **changes}).encode()
    parsed: SignalRequest | SignalInvalid
    try:
        parsed = parse_signal(body)
    except SignalInvalid as error:
        parsed = error
    owner = source or provider()
    caller = Caller(
        provider_id=owner.pk,
        provider_name=owner.name,
        replay_key=key or factories.signature(),
    )
    return Request(caller=caller, body=body, parsed=parsed, received_at=NOW)


def answers(*requests: Request) -> list[str]:
    return [f"{each.http_status} {each.code}".strip() for each in receive_deliveries(requests)]


def test_copies_in_one_list_are_one_signal() -> None:
    found = receive_deliveries([request(trade_uuid="7") for _ in range(5)])
    assert [each.http_status for each in found] == [202, 200, 200, 200, 200]
    assert len({each.trade_uuid for each in found}) == 1
    assert {each.state for each in found} == {"QUEUED"}
    assert (Signal.objects.count(), Delivery.objects.count()) == (1, 5)


def test_one_request_twice_in_one_list_is_a_replay() -> None:
    assert answers(request(key="a", trade_uuid="1"), request(key="a", trade_uuid="1")) == [
        "202",
        "401 replayed_request",
    ]
    assert Delivery.objects.filter(replay_key="a").count() == 1


def test_the_bucket_empties_in_the_middle_of_a_list() -> None:
    poor, rich = provider("poor", tokens=2), provider("rich")
    found = answers(
        *(request(source=poor, trade_uuid=str(number)) for number in range(3)),
        request(source=rich, trade_uuid="r"),
    )
    assert found == ["202", "202", "429 rate_limited", "202"]
    poor.refresh_from_db()
    assert poor.bucket_tokens == 0


def test_a_replay_takes_nothing_out_of_the_bucket() -> None:
    poor = provider("poor", tokens=2)
    found = answers(
        request(key="a", source=poor, trade_uuid="1"),
        request(key="a", source=poor, trade_uuid="1"),
        request(key="b", source=poor, trade_uuid="2"),
    )
    assert found == ["202", "401 replayed_request", "202"]


def test_a_limited_request_may_come_again_behind_itself() -> None:
    poor = provider("poor", tokens=0)
    assert answers(*(request(key="a", source=poor) for _ in range(2))) == ["429 rate_limited"] * 2
    assert not Delivery.objects.filter(replay_key="a").exists()


def test_a_provider_that_is_switched_off_has_an_empty_bucket() -> None:
    off = provider("off")
    Provider.objects.filter(pk=off.pk).update(is_enabled=False)
    assert answers(request(source=off)) == ["429 rate_limited"]


def test_the_queue_fills_up_in_the_middle_of_a_list() -> None:
    spears = [request(strategy="SPEAR", trade_uuid=f"s{number}") for number in range(9)]
    shields = [request(trade_uuid=f"h{number}") for number in range(3)]
    exits = [request(action="SELL", trade_uuid=f"e{number}") for number in range(2)]
    found = answers(*spears, *shields, *exits)
    assert found[:9] == ["202"] * 8 + ["503 queue_full"]
    assert found[9:12] == ["202", "202", "503 queue_full"]
    assert found[12:] == ["202", "202"], "an exit is never refused"
    assert DeadLetter.objects.filter(code="LOAD_SHED").count() == 2
    assert Delivery.objects.filter(code="queue_full", replay_key__isnull=False).count() == 0


def move(one: Signal, to: SignalStatus) -> None:
    """A step of the executor's, told as it tells them."""
    Signal.objects.filter(pk=one.pk).update(status=to)
    SignalEvent.objects.create(signal=one, at=NOW, status=to)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_a_queue_that_is_kept_refuses_what_counting_every_time_would(seed: int) -> None:
    rng, queue, refused = random.Random(seed), EntryQueue(), 0
    waiting = {"status__in": (SignalStatus.QUEUED, SignalStatus.RETRY), "priority__gt": 0}
    for turn in range(25):
        room = 10 - Signal.objects.filter(**waiting).count()
        several = [request(trade_uuid=f"{turn}-{number}") for number in range(rng.randrange(1, 5))]
        found = [each.http_status for each in receive_deliveries(several, queue=queue)]
        assert found == [202 if number < room else 503 for number in range(len(several))]
        refused += found.count(503)
        for one in list(Signal.objects.exclude(status=SignalStatus.COMPLETED)):
            if one.status == SignalStatus.EXECUTING:
                move(one, rng.choice([SignalStatus.RETRY, SignalStatus.COMPLETED]))
            elif rng.random() < 0.3:
                move(one, SignalStatus.EXECUTING)
    assert refused, "the queue was full at times"


@pytest.mark.django_db(transaction=True)
def test_what_was_counted_in_an_undone_transaction_is_forgotten() -> None:
    queue = EntryQueue()
    with transaction.atomic():
        receive_deliveries([request(action="SELL", trade_uuid=str(n)) for n in range(4)])
        receive_deliveries([request(trade_uuid="b")], queue=queue)
        transaction.set_rollback(True)
    for number in range(12):
        expected = 202 if number < 10 else 503
        answer = receive_deliveries([request(trade_uuid=f"c{number}")], queue=queue)[0]
        assert answer.http_status == expected


def test_each_kind_of_request_gets_its_own_answer() -> None:
    Token.objects.create(mint=MINT, symbol="BONK")
    bad = str(Keypair().pubkey())
    Token.objects.create(
        mint=bad,
        symbol="BAD",
        refusal_code="FREEZE_AUTHORITY",
        refused_until=NOW.replace(hour=13),
    )
    found = answers(
        request(trade_uuid="1", token_address=None),
        request(trade_uuid="2", token_address=bad),
        request(trade_uuid="3", token_address=USDC_MINT),
        request(trade_uuid="4", amount_sol="-1"),
        request(trade_uuid="5", token_address=None, token="WHO"),
        request(trade_uuid="6", token_address=bad, action="SELL"),
    )
    assert found == [
        "202",
        "200 FREEZE_AUTHORITY",
        "200 NOT_SPECULATIVE",
        "422 validation_failed",
        "422 validation_failed",
        "202",
    ]
    assert Signal.objects.get(provider_trade_uuid="1").mint == MINT


def test_the_freed_identity_of_a_dead_letter_becomes_another_signal() -> None:
    first = receive_deliveries([request(trade_uuid="7")])[0]
    SignalKey.objects.all().delete()
    again = receive_deliveries([request(trade_uuid="7"), request(trade_uuid="7")])
    assert [each.http_status for each in again] == [202, 200]
    assert again[0].trade_uuid == again[1].trade_uuid != first.trade_uuid


@pytest.mark.parametrize("seed", range(5))
def test_a_list_is_answered_as_its_requests_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    provider("ada", tokens=25)
    requests = [
        request(
            key=chance.choice("abcdefgh") if chance.random() < 0.3 else "",
            trade_uuid=chance.choice("123456789"),
            strategy=chance.choice(["SHIELD", "SPEAR"]),
            action=chance.choice(["BUY", "BUY", "SELL"]),
            amount_sol=chance.choice(["0.5", "0.5", "0"]),
        )
        for _ in range(40)
    ]

    def told(found: list[Answer]) -> list[tuple[int, str, str]]:
        return [(each.http_status, each.code, each.trade_uuid) for each in found]

    with transaction.atomic():
        one_by_one = told([receive_deliveries([each])[0] for each in requests])
        transaction.set_rollback(True)
    assert told(receive_deliveries(requests)) == one_by_one


def heard_on_chain(*, action: str = "BUY", share: str = "1", seconds_ago: int = 10) -> str:
    """A trade of the leader that somebody told from the chain; its signal."""
    at, signature = NOW - timedelta(seconds=seconds_ago), factories.signature()
    signal = factories.make_signal(
        action=action, exit_fraction=Decimal(share), source_signature=signature, received_at=at
    )
    trade = LeaderTrade.objects.create(
        leader_address=LEADER, signature=signature, first_heard_at=at, traded_at=at
    )
    LeaderLeg.objects.create(
        trade=trade,
        action=action,
        mint=MINT,
        amount_raw=1,
        decimals=5,
        signal=signal,
        decided_at=at,
    )
    return str(signal.pk)


def test_a_trade_that_the_chain_told_first_is_the_unnamed_webhooks_too():
    uuid = heard_on_chain()
    both = [request(), request(amount_sol="0.7", source=provider("bob"))]
    for answer in receive_deliveries(both):
        assert (answer.http_status, answer.code) == (200, "duplicate_signal")
        assert answer.trade_uuid == uuid
    assert Signal.objects.count() == 1
    # It has that identity now, so a later copy of the same content is the same signal as well.
    LeaderTrade.objects.update(first_heard_at=NOW - timedelta(hours=1))
    assert receive_deliveries([request()])[0].trade_uuid == uuid


@pytest.mark.parametrize("at_once", [True, False])
def test_what_a_provider_tells_next_is_another_trade(at_once: bool):
    """It told of the first one already, under another id: the second one must not be lost if the chain is silent."""
    uuid = heard_on_chain(action="SELL")
    sales = [request(strategy="EXIT", action="SELL", trade_uuid=each) for each in ("1", "2", "1")]
    lists = [sales] if at_once else [[each] for each in sales]
    told = [answer for each in lists for answer in receive_deliveries(each)]
    assert [each.http_status for each in told] == [200, 202, 200]
    assert [each.trade_uuid == uuid for each in told] == [True, False, True]


def test_a_dead_letter_is_nobodys_trade():
    uuid = heard_on_chain()
    Signal.objects.filter(pk=uuid).update(status=SignalStatus.DEAD_LETTER)
    assert answers(request()) == ["202"]
    assert not SignalKey.objects.filter(signal=uuid).exists()


def test_what_names_its_transaction_or_comes_much_later_is_a_signal_of_its_own():
    heard_on_chain(seconds_ago=301)
    assert answers(request()) == ["202"]
    heard_on_chain()
    assert answers(request(source_signature=str(Signature.new_unique()))) == ["202"]


def test_a_sale_is_not_swallowed_by_one_that_sells_less():
    uuid = heard_on_chain(action="SELL", share="0.5")
    sale = {"strategy": "EXIT", "action": "SELL"}
    assert answers(request(**sale)) == ["202"]
    assert receive_deliveries([request(**sale, exit_fraction="0.5")])[0].trade_uuid == uuid


@pytest.mark.parametrize("stored", [None, {"shield": "what was this?"}])
def test_without_a_policy_buys_may_come_again_and_exits_are_taken(stored: Any) -> None:
    changes = {"is_active": False} if stored is None else {"policy": stored}
    PolicyRevision.objects.update(**changes)
    answers = receive_deliveries([request(), request(strategy="EXIT", action="SELL")])
    assert [(each.http_status, each.code) for each in answers] == [
        (503, "storage_unavailable"),
        (202, ""),
    ]
    assert Signal.objects.get().action == "SELL"
