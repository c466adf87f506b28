"""What two tell at the same moment: a trade by a webhook and from the chain, the same trades at two doors."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from solders.keypair import Keypair

from tests import factories
from tests.databases import Database
from tests.factories import LEADER, MINT, sol
from tests.trading.leader_swaps import enhanced
from trading.domain.policy import Policy
from trading.domain.signals import parse_signal, signal_uuid
from trading.domain.values import WSOL_MINT
from trading.hmac_auth import Caller
from trading.models import Provider, Signal
from trading.services.deliveries import Request, receive_deliveries
from trading.services.intake import Arrival, store_signals
from trading.services.leader_trades import Heard, take_in

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
PATIENCE_SECONDS = 20


def body(**fields: str) -> bytes:
    told = {
        "strategy": "SHIELD",
        "token": "BONK",
        "token_address": MINT,
        "action": "BUY",
        "amount_sol": "0.5",
        "wallet_address": LEADER,
    }
    return json.dumps({**told, **fields}).encode()


def by_webhook() -> None:
    provider = Provider.objects.get(name="ada")
    caller = Caller(provider_id=provider.pk, provider_name="ada", replay_key="once")
    now = timezone.now()
    receive_deliveries(
        [Request(caller=caller, body=body(), parsed=parse_signal(body()), received_at=now)]
    )


def from_the_chain() -> None:
    now = timezone.now()
    told = enhanced(LEADER, {WSOL_MINT: -sol(2), MINT: 5_000_000}, at=now)
    heard = Heard(
        leader_address=LEADER,
        signature=told["signature"],
        transaction=told,
        heard_at=now,
        source="helius",
    )
    take_in(heard, now=now)


@pytest.mark.parametrize(
    ("first", "second"),
    [(by_webhook, from_the_chain), (from_the_chain, by_webhook)],
    ids=["webhook first", "chain first"],
)
def test_two_that_tell_at_once_make_one_signal(
    database: Database, first: Callable[[], None], second: Callable[[], None]
) -> None:
    factories.make_policy_revision(Policy())
    factories.make_trading_state()
    factories.make_leader(LEADER)
    Provider.objects.create(name="ada")
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            first()
            told = other.submit(_alone, second)
            _until_held_up(database, told)
        told.result(PATIENCE_SECONDS)
    assert Signal.objects.count() == 1


def test_two_doors_that_store_the_same_trades_do_not_wait_for_each_other(
    database: Database,
) -> None:
    """Told in opposite orders, and held up in the middle until both have begun."""
    arrivals = sorted((_arrival() for _ in range(3)), key=lambda each: each.uuid)
    with ThreadPoolExecutor(2) as doors:
        with transaction.atomic():
            store_signals(arrivals[1:2])
            told = [
                doors.submit(_alone, partial(store_signals, each))
                for each in (arrivals, arrivals[::-1])
            ]
            _until_held_up(database, *told)
            transaction.set_rollback(True)
        refusals = [each.exception(PATIENCE_SECONDS) for each in told]
    assert {type(each) for each in refusals} == {type(None), IntegrityError}
    assert Signal.objects.count() == 3


def _arrival() -> Arrival:
    signature = str(Keypair().sign_message(b"swap"))
    return Arrival(
        uuid=signal_uuid(signature),
        request=parse_signal(body(source_signature=signature)),
        keys=(signature,),
        source="ada",
        received_at=timezone.now(),
    )


def _alone(tell: Callable[[], None]) -> None:
    try:
        with transaction.atomic():
            tell()
    finally:
        connection.close()


def _until_held_up(database: Database, *told: "Future[None]") -> None:
    """Until each waits for somebody's lock, or has not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and not all(each.done() for each in told):
        if len(database.rows("SELECT 1 FROM pg_locks WHERE NOT granted")) >= len(told):
            return
        time.sleep(0.01)
