"""What a leader did becomes signals by the roster's rules, once, whoever tells of it and however often."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from tests import factories
from tests.factories import LEADER, MINT, sol
from tests.trading.leader_swaps import enhanced, of_node
from trading.domain.denials import DenialCode
from trading.domain.leader_trades import Untraded
from trading.domain.lifecycle import SignalStatus
from trading.domain.policy import Policy
from trading.domain.signals import SignalRequest
from trading.domain.swaps import TransactionUnreadable
from trading.domain.values import USDC_MINT, WSOL_MINT, Action, Strategy
from trading.models import Hearing, LeaderLeg, LeaderTrade, Signal
from trading.services.intake import receive_signal
from trading.services.leader_trades import Heard, Taken, followed, take_in
from wallets.models import LeaderStatus, LeaderStrategy

pytestmark = pytest.mark.django_db
OTHER = "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN"
TOKENS = 5_000_000


@pytest.fixture(autouse=True)
def _rules(db: None) -> None:
    factories.make_policy_revision(Policy())
    factories.make_trading_state(sol_price_usd=Decimal(200), sol_priced_at=timezone.now())
    factories.make_leader(LEADER)


def heard(told: dict[str, Any], *, source: str = "helius", **fields: Any) -> Heard:
    signature = told.get("signature") or told["transaction"]["signatures"][0]
    values: dict[str, Any] = {
        "leader_address": LEADER,
        "signature": signature,
        "transaction": told,
        "heard_at": timezone.now(),
        "source": source,
        **fields,
    }
    return Heard(**values)


def taken(told: dict[str, Any], **fields: Any) -> Taken:
    with transaction.atomic():
        return take_in(heard(told, **fields), now=timezone.now())


def bought(*, at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    changes = {WSOL_MINT: -sol(2), MINT: TOKENS}
    return enhanced(LEADER, changes, at=at or timezone.now(), **fields)


def sold(share: str = "1", *, at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    changes = {WSOL_MINT: sol(3), MINT: -TOKENS}
    before = {MINT: int(TOKENS / Decimal(share))}
    return of_node(LEADER, changes, at=at or timezone.now(), before=before, **fields)


def only_leg() -> LeaderLeg:
    return LeaderLeg.objects.select_related("signal", "trade").get()


def test_a_leaders_purchase_becomes_a_buy_of_its_strategy():
    told = bought()
    [uuid] = taken(told).signals
    signal = Signal.objects.get()
    assert signal.uuid == uuid
    assert (signal.action, signal.strategy, signal.mint) == (Action.BUY, Strategy.SHIELD, MINT)
    assert (signal.amount_lamports, signal.leader_address) == (sol(2), LEADER)
    assert (signal.source, signal.source_signature) == ("helius", told["signature"])
    leg = only_leg()
    assert (leg.signal_id, leg.code, leg.amount_raw) == (uuid, "", TOKENS)
    assert (leg.trade.direction, leg.trade.kind) == ("BUY", "SWAP")


def test_a_spear_leader_is_bought_after_as_spear():
    spear = factories.make_leader(factories.TOKEN_ACCOUNT, strategy=LeaderStrategy.SPEAR).address
    told = enhanced(spear, {WSOL_MINT: -sol(1), MINT: TOKENS}, at=timezone.now())
    taken(told, leader_address=spear)
    assert Signal.objects.get().strategy == Strategy.SPEAR


@pytest.mark.parametrize(("share", "fraction"), [("1", "1"), ("0.5", "0.5"), ("0.04", "0.04")])
def test_a_sale_is_followed_by_the_share_of_the_holding_that_was_sold(share: str, fraction: str):
    taken(sold(share))
    signal = Signal.objects.get()
    assert (signal.strategy, signal.action) == (Strategy.EXIT, Action.SELL)
    assert signal.exit_fraction == Decimal(fraction)


def test_a_form_without_holdings_takes_the_share_from_who_asked_for_it():
    told = enhanced(LEADER, {WSOL_MINT: sol(3), MINT: -TOKENS}, at=timezone.now())
    taken(told, shares={MINT: Decimal("0.25")})
    assert Signal.objects.get().exit_fraction == Decimal("0.25")


def test_one_token_for_another_sells_the_one_and_buys_the_other():
    told = of_node(LEADER, {MINT: -TOKENS, OTHER: 7_000}, at=timezone.now())
    result = taken(told)
    assert result.codes == (Untraded.VALUE_UNKNOWN,)
    exit_leg, entry_leg = LeaderLeg.objects.order_by("id")
    assert (exit_leg.action, exit_leg.mint) == (Action.SELL, MINT)
    assert exit_leg.signal is not None
    assert (entry_leg.action, entry_leg.mint, entry_leg.signal) == (Action.BUY, OTHER, None)


def test_what_is_paid_in_dollars_is_worth_its_sol():
    taken(of_node(LEADER, {USDC_MINT: -(10**7), MINT: TOKENS}, at=timezone.now()))
    # The builder writes every token with 5 decimals: 100 dollars, at 200 for one SOL.
    assert only_leg().value_lamports == sol("0.5")


def test_dollars_without_a_fresh_price_of_sol_are_recorded_and_not_bought():
    factories.make_trading_state(sol_priced_at=timezone.now() - timedelta(hours=1))
    result = taken(of_node(LEADER, {USDC_MINT: -(10**7), MINT: TOKENS}, at=timezone.now()))
    assert result.codes == (Untraded.VALUE_UNKNOWN,)
    assert not Signal.objects.exists()


def test_money_for_money_is_no_token():
    result = taken(of_node(LEADER, {USDC_MINT: -(10**7), WSOL_MINT: sol(1)}, at=timezone.now()))
    assert result.codes == (Untraded.MONEY_ONLY,)
    assert LeaderTrade.objects.get().code == Untraded.MONEY_ONLY


def test_what_is_no_swap_is_recorded_with_its_kind():
    result = taken(enhanced(LEADER, {WSOL_MINT: -sol(1)}, at=timezone.now()))
    assert result.codes == (Untraded.NOT_A_SWAP,)
    trade = LeaderTrade.objects.get()
    assert (trade.direction, trade.code) == ("NONE", Untraded.NOT_A_SWAP)
    assert trade.kind
    # Nobody has to tell of it, so nobody can have missed it.
    assert Hearing.objects.count() == 0


def test_a_failed_transaction_is_never_a_signal_whatever_its_type_says():
    taken(bought(transactionError={"InstructionError": [2, {"Custom": 6001}]}, type="SWAP"))
    assert LeaderTrade.objects.get().kind.startswith("FAILED")
    assert not Signal.objects.exists()


def test_a_swap_of_type_unknown_is_a_swap():
    assert taken(bought(type="UNKNOWN", source="UNKNOWN")).signals


def test_a_late_purchase_is_recorded_and_not_traded():
    result = taken(bought(at=timezone.now() - timedelta(seconds=40)))
    assert result.codes == (Untraded.LATE,)
    assert only_leg().code == Untraded.LATE
    assert only_leg().text.startswith("Heard of too late to be bought: 4")


def test_a_late_sale_is_always_acted_on():
    assert taken(sold(at=timezone.now() - timedelta(days=3)), is_recovered=True).signals


def test_strangers_and_leaders_who_are_not_active_are_not_bought_after():
    factories.make_leader(OTHER, status=LeaderStatus.CANDIDATE)
    for wallet, code in (
        (OTHER, DenialCode.LEADER_NOT_ACTIVE),
        (factories.TOKEN_ACCOUNT, DenialCode.LEADER_UNKNOWN),
    ):
        told = enhanced(wallet, {WSOL_MINT: -sol(1), MINT: TOKENS}, at=timezone.now())
        assert taken(told, leader_address=wallet).codes == (code,)
    assert not Signal.objects.exists()


def test_halted_entries_are_recorded_and_exits_go_through():
    factories.make_trading_state(entries_halted=True)
    assert taken(bought()).codes == ("circuit_breaker_triggered",)
    assert taken(sold()).signals


def test_who_told_is_noted_once_each_and_the_signal_is_one():
    told = bought()
    later = of_node(
        LEADER, {WSOL_MINT: -sol(2), MINT: TOKENS}, at=timezone.now(), signature=told["signature"]
    )
    assert len(taken(told).signals) == 1
    assert taken(told) == Taken()
    assert taken(later, source="watcher") == Taken()
    assert Signal.objects.count() == LeaderTrade.objects.count() == LeaderLeg.objects.count() == 1
    assert set(Hearing.objects.values_list("source", flat=True)) == {"helius", "watcher"}


def test_a_form_that_shows_the_swap_corrects_one_that_did_not():
    told = bought()
    blind = {**told, "accountData": [{**told["accountData"][0], "tokenBalanceChanges": []}]}
    assert taken(blind).codes == (Untraded.NOT_A_SWAP,)
    assert len(taken(told, source="watcher").signals) == 1
    trade = LeaderTrade.objects.get()
    assert (trade.direction, trade.code, trade.is_judged) == ("BUY", "", False)


def naming(told: dict[str, Any], **fields: Any) -> SignalRequest:
    """A webhook's signal of this purchase, with the transaction's name."""
    return SignalRequest(
        strategy=Strategy.SHIELD,
        action=Action.BUY,
        symbol="BONK",
        mint=MINT,
        amount_lamports=sol(2),
        leader_address=LEADER,
        source_signature=told["signature"],
        **fields,
    )


def test_what_the_webhook_named_is_the_same_signal():
    told = bought()
    request = naming(told, trade_uuid="their own")
    receipt = receive_signal(request, source="provider", now=timezone.now())
    assert taken(told) == Taken()
    assert only_leg().signal_id == receipt.uuid
    assert Signal.objects.count() == 1


def unnamed(action: Action = Action.BUY, *, share: str = "1", at: datetime | None = None) -> UUID:
    """A webhook's signal that names no transaction."""
    request = SignalRequest(
        strategy=Strategy.SHIELD if action is Action.BUY else Strategy.EXIT,
        action=action,
        symbol="BONK",
        mint=MINT,
        amount_lamports=sol(1),
        leader_address=LEADER,
        exit_fraction=Decimal(share),
        trade_uuid=factories.signature()[:12],
    )
    return receive_signal(request, source="provider", now=at or timezone.now()).uuid


def test_an_unnamed_webhook_that_came_first_is_the_signal_of_one_trade():
    uuid = unnamed()
    told = bought()
    assert taken(told) == Taken()
    assert only_leg().signal_id == uuid
    named = naming(told)
    assert receive_signal(named, source="another", now=timezone.now()).uuid == uuid
    # The leader's next purchase is another trade.
    assert len(taken(bought()).signals) == 1
    assert Signal.objects.count() == 2


def test_an_unnamed_webhook_of_long_ago_meant_something_else():
    unnamed(at=timezone.now() - timedelta(minutes=1))
    unnamed(Action.SELL)
    assert len(taken(bought()).signals) == 1


def test_an_unnamed_webhook_that_became_a_dead_letter_is_no_trade_any_more():
    Signal.objects.filter(pk=unnamed()).update(status=SignalStatus.DEAD_LETTER)
    assert len(taken(bought()).signals) == 1


def test_a_sale_is_never_swallowed_by_a_signal_that_sells_less():
    unnamed(Action.SELL, share="0.1")
    assert len(taken(sold("0.5")).signals) == 1


def test_a_sale_told_by_an_unnamed_webhook_is_sold_once():
    unnamed(Action.SELL, share="0.5")
    assert taken(sold("0.5")) == Taken()
    assert Signal.objects.count() == 1


def test_a_transaction_of_somebody_else_is_refused_and_leaves_nothing():
    with pytest.raises(TransactionUnreadable):
        taken(bought(), leader_address=OTHER)
    assert not LeaderTrade.objects.exists()


def test_followed_are_the_roster_and_those_after_whom_something_is_held():
    factories.make_position(leader_address=OTHER)
    assert followed([LEADER, OTHER, MINT]) == {LEADER, OTHER}


def sold_later(mint: str = MINT) -> dict[str, Any]:
    """In the next slot."""
    changes = {WSOL_MINT: sol(3), mint: -TOKENS}
    return enhanced(LEADER, changes, at=timezone.now(), slot=300_000_001)


def test_a_purchase_heard_after_its_sale_is_not_bought():
    taken(sold_later())
    assert taken(bought()).codes == (Untraded.LEFT,)
    assert [each.action for each in Signal.objects.all()] == [Action.SELL]


def test_a_sale_of_another_token_or_before_the_purchase_forbids_nothing():
    taken(sold_later(OTHER))
    taken(sold_later(), leader_address=LEADER)
    assert len(taken(bought(slot=300_000_002)).signals) == 1


def test_what_somebody_told_in_time_is_no_late_purchase_when_another_tells_of_it():
    at = timezone.now() - timedelta(minutes=10)
    told = bought(at=at)
    request = SignalRequest(
        strategy=Strategy.SHIELD,
        action=Action.BUY,
        symbol="BONK",
        mint=MINT,
        amount_lamports=sol(2),
        leader_address=LEADER,
        source_signature=told["signature"],
    )
    with transaction.atomic():
        receipt = receive_signal(request, source="webhook", now=at)
    assert taken(told).signals == ()
    assert (only_leg().signal_id, only_leg().code) == (receipt.uuid, "")
