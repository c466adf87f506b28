"""A claim is kept while its process lives, taken over when it is dead, and what hopes least waits behind."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories
from trading.domain.signals import SignalRequest
from trading.domain.values import Action, Strategy
from trading.models import Signal, SignalKey
from trading.services.claims import LEASE, give_up, renew, take_over_abandoned
from trading.services.intake import receive_signal
from trading.services.portfolio import position_to_sell

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = timezone.now()
LATER = NOW + LEASE + timedelta(seconds=1)
MINT = factories.address(7)
LEADER = factories.address(8)


def take(worker: str = "me", *, is_exit: bool = False):
    return factories.claim_one(token=worker, is_exit=is_exit, now=NOW)


def buy_request() -> SignalRequest:
    return SignalRequest(
        strategy=Strategy.SHIELD,
        action=Action.BUY,
        symbol="WIF",
        mint=MINT,
        amount_lamports=10**8,
        leader_address=LEADER,
        trade_uuid="the-provider's-own",
    )


def test_a_claim_that_is_renewed_is_not_taken_over_however_long_it_takes() -> None:
    factories.make_signal(received_at=NOW)
    assert take() is not None
    assert renew({"me"}, now=LATER) == 1
    assert take_over_abandoned(now=LATER + LEASE) == 0
    assert take_over_abandoned(now=LATER + LEASE + timedelta(seconds=1)) == 1


def test_renewing_touches_only_what_is_still_ours() -> None:
    factories.make_signal(received_at=NOW)
    assert take("somebody else") is not None
    assert renew({"me"}, now=LATER) == 0
    assert Signal.objects.get().claimed_at == NOW


def test_an_exit_that_keeps_failing_stands_behind_a_fresh_one() -> None:
    exits = {"strategy": Strategy.EXIT, "action": Action.SELL, "priority": 0}
    hopeless = factories.make_signal(
        **exits, received_at=NOW - timedelta(days=4), attempts=40_000, status="RETRY"
    )
    fresh = factories.make_signal(**exits, received_at=NOW)
    first, second = take("a", is_exit=True), take("b", is_exit=True)
    assert first is not None
    assert second is not None
    assert (first.uuid, second.uuid) == (fresh.pk, hopeless.pk)
    assert second.attempt == 40_001, "more tries than a small integer holds"


def test_what_ended_as_a_dead_letter_may_be_sent_again_and_is_another_signal() -> None:
    first = receive_signal(buy_request(), source="provider", now=NOW)
    claim = take()
    assert claim is not None
    give_up(claim.uuid, code="BUILD_FAILED", text="no quote", now=NOW, token="me")
    again = receive_signal(buy_request(), source="provider", now=LATER)
    assert again.is_new
    assert again.uuid != first.uuid
    assert not receive_signal(buy_request(), source="provider", now=LATER).is_new
    assert SignalKey.objects.get().signal_id == again.uuid


def test_a_sell_never_means_what_was_bought_after_it() -> None:
    bought = factories.make_signal(mint=MINT, leader_address=LEADER, received_at=NOW)
    position = factories.make_position(signal=bought, mint=MINT, leader_address=LEADER)

    def found(seconds: int):
        return position_to_sell(
            leader_address=LEADER,
            mint=MINT,
            position=None,
            received_at=NOW + timedelta(seconds=seconds),
        ).position

    assert found(-1) is None
    assert found(1) == position
