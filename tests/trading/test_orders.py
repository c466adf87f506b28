"""Deciding and writing down: one capital is spent once, and nothing is sent that is not on record."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from audit.models import PolicyRevision
from tests import factories
from tests.domain import facts as given
from tests.factories import LEADER, MINT
from trading.domain.decision import Denial, DenialCode, Facts, Order
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.trips import Breaker, Phase, Rule, Trip, as_json
from trading.domain.values import Action, Route, Strategy
from trading.models import Decision, Position, Signal, Submission, Token, TradingState
from trading.services.booking import book_refused
from trading.services.claims import Claim
from trading.services.control import halt_entries
from trading.services.decisions import Balance, decide_buy
from trading.services.orders import (
    Sent,
    SignedOrder,
    go_public,
    mark_sent,
    offering_again,
    record_buy,
    record_sell,
)
from trading.services.policy import PolicyMissing
from trading.services.steps import EntriesHalted, NotOurs, PositionBusy
from wallets.models import Chooser, Episode

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
SOL = 10**9
NOW = timezone.now()
OTHER_MINT = "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm"


@pytest.fixture(autouse=True)
def ready(database: Any) -> None:
    factories.make_policy_revision()
    factories.make_trading_state()
    factories.make_leader()


def claimed(**fields: Any) -> Claim:
    factories.make_signal(**{"received_at": NOW, "amount_lamports": SOL // 2, **fields})
    is_exit = fields.get("priority") == 0
    claim = factories.claim_one(token="me", is_exit=is_exit, now=NOW)
    assert claim is not None
    return claim


def decided(claim: Claim, *, balance: int | None = 50 * SOL, **outside: Any) -> Order | Denial:
    """Decide with our own rows and everything outside in order unless `outside` says otherwise."""

    def build_facts(*, policy: Any, state: Any, **own: Any) -> Facts:
        token = replace(given.SOUND_TOKEN, mint=claim.request.mint, created_at=NOW - timedelta(9))
        held_back = {"are_entries_halted": state.are_entries_halted, "route": state.route}
        asked = {"signal": claim.request, "received_at": claim.received_at}
        return replace(given.facts(token=token), **{**held_back, **asked, **own, **outside})

    return decide_buy(
        claim,
        build_facts=build_facts,
        sign=not_signed,
        balance=Balance(lamports=balance),
        now=NOW,
    ).verdict


def not_signed(order: Order) -> None:
    """Something has to be asked before the order can be signed."""


def signed(**fields: Any) -> SignedOrder:
    values: dict[str, Any] = {
        "action": Action.BUY,
        "route": Route.JITO,
        "signature": factories.signature(),
        "bundle_id": "b" * 64,
        "wire": b"\1signed",
        "last_valid_block_height": 150,
        "tip_lamports": 1_000_000,
        "in_amount_raw": SOL // 2,
        "quoted_out_raw": 2**64 - 1,
        "waited_microseconds": 9,
    }
    return SignedOrder(**{**values, **fields})


def stolen(claim: Claim) -> Claim:
    """The claim as somebody holds it who has lost it."""
    Signal.objects.filter(pk=claim.uuid).update(claim="somebody else")
    return claim


def test_an_order_reserves_its_capital_and_is_on_record() -> None:
    claim = claimed()
    order = decided(claim)
    assert isinstance(order, Order)
    signal = Signal.objects.get(pk=claim.uuid)
    assert (signal.status, signal.reserved_lamports) == (SignalStatus.EXECUTING, SOL // 2)
    decision = Decision.objects.get()
    assert (decision.is_order, decision.size_lamports, decision.policy_revision) == (
        True,
        SOL // 2,
        1,
    )
    assert decision.facts["balance_lamports"] == 50 * SOL
    assert decision.code_version


@pytest.mark.parametrize("balance", [50 * SOL, 0])
def test_a_decision_names_the_run_that_gave_its_leader_the_place_it_has(balance: int) -> None:
    for run in ("an-earlier-run", "", "the-last-run"):
        Episode.objects.create(
            leader_address=LEADER, at=NOW, chosen_by=Chooser.SCOUT, after="ACTIVE", run=run
        )
    Episode.objects.create(
        leader_address=MINT, at=NOW, chosen_by=Chooser.SCOUT, after="ACTIVE", run="another's"
    )
    decided(claimed(), balance=balance)
    assert Decision.objects.get().roster_run == "the-last-run"


def test_a_denial_ends_the_signal_and_keeps_the_reason() -> None:
    claim = claimed(leader_address=OTHER_MINT)
    denial = decided(claim)
    assert isinstance(denial, Denial)
    signal = Signal.objects.get(pk=claim.uuid)
    assert (signal.status, signal.code, signal.text) == (
        SignalStatus.REJECTED,
        "LEADER_UNKNOWN",
        denial.text,
    )
    decision = Decision.objects.get()
    assert (decision.is_order, decision.code, decision.size_lamports) == (
        False,
        "LEADER_UNKNOWN",
        None,
    )
    assert [gate["is_passed"] for gate in decision.gates] == [False]


def test_two_buys_cannot_spend_the_same_capital() -> None:
    """Capital of 7 SOL in which the strategy may have 4.9: two buys of half a SOL at 4.2 are one too many."""
    factories.make_position(cost_lamports=42 * SOL // 10, mint=factories.address())
    balance = 28 * SOL // 10
    outcomes = [
        decided(claimed(), balance=balance),
        decided(claimed(mint=OTHER_MINT), balance=balance),
    ]
    assert isinstance(outcomes[0], Order)
    assert isinstance(outcomes[1], Denial)
    assert outcomes[1].code == "ALLOCATION_FULL"
    reserved = Signal.objects.filter(status=SignalStatus.EXECUTING)
    assert [signal.reserved_lamports for signal in reserved] == [SOL // 2]


def test_a_reservation_takes_room_and_money_from_the_next_decision() -> None:
    decided(claimed())
    seen: dict[str, Any] = {}

    def build_facts(*, portfolio: Any, **own: Any) -> Facts:
        seen["portfolio"] = portfolio
        raise KeyError("enough seen")

    with pytest.raises(KeyError):
        decide_buy(
            claimed(mint=OTHER_MINT),
            build_facts=build_facts,
            sign=not_signed,
            balance=Balance(lamports=9 * SOL),
            now=NOW,
        )
    portfolio = seen["portfolio"]
    assert portfolio.balance_lamports == 9 * SOL - SOL // 2
    assert (portfolio.shield_lamports, portfolio.open_positions) == (SOL // 2, 1)
    assert portfolio.capital_lamports == 9 * SOL


def test_a_second_buy_of_a_mint_that_is_being_bought_is_denied() -> None:
    decided(claimed())
    denial = decided(claimed(received_at=NOW - timedelta(seconds=1)))
    assert isinstance(denial, Denial)
    assert denial.code == "ALREADY_HELD"


def test_entries_that_were_halted_a_moment_ago_are_denied() -> None:
    claim = claimed()
    TradingState.objects.update(entries_halted=True)
    denial = decided(claim)
    assert isinstance(denial, Denial)
    assert denial.code == "ENTRIES_HALTED"


def test_whoever_lost_the_signal_decides_nothing() -> None:
    with pytest.raises(NotOurs):
        decided(stolen(claimed()))
    assert not Decision.objects.exists()


def test_without_a_policy_nothing_is_decided() -> None:
    claim = claimed()
    PolicyRevision.objects.update(is_active=False)
    with pytest.raises(PolicyMissing):
        decided(claim)
    assert Signal.objects.get().status == SignalStatus.EXECUTING


def test_a_refusal_that_lies_in_the_mint_is_kept_without_lending_it_a_name() -> None:
    token = replace(given.SOUND_TOKEN, facts=given.mint(has_freeze_authority=True))
    decided(claimed(), token=token)
    kept = Token.objects.get(mint=MINT)
    assert (kept.refusal_code, kept.symbol) == ("FREEZE_AUTHORITY", "")
    assert kept.refused_until == NOW + timedelta(minutes=10)


def test_a_refusal_keeps_the_name_of_a_known_token() -> None:
    Token.objects.create(mint=MINT, symbol="BONK")
    token = replace(given.SOUND_TOKEN, facts=given.mint(has_mint_authority=True))
    decided(claimed(), token=token)
    assert Token.objects.get(mint=MINT).symbol == "BONK"


def test_a_refusal_that_may_pass_is_not_kept() -> None:
    decided(claimed(), token=replace(given.SOUND_TOKEN, liquidity_usd=None))
    assert not Token.objects.exists()


def test_a_signed_buy_is_stored_whole() -> None:
    claim, order = claimed(), signed()
    number = record_buy(claim, order, now=NOW)
    submission = Submission.objects.get(pk=number)
    assert (submission.signature, bytes(submission.wire)) == (order.signature, b"\1signed")
    assert (submission.status, submission.attempt) == (SubmissionStatus.IN_FLIGHT, 1)
    assert (submission.quoted_out_raw, submission.in_amount_raw) == (2**64 - 1, SOL // 2)
    assert (submission.sent_at, submission.position_id) == (None, None)
    mark_sent([Sent(submission=number, route=Route.STANDARD, at=NOW)])
    submission.refresh_from_db()
    assert (submission.sent_at, submission.route) == (NOW, Route.STANDARD)


def test_what_went_to_the_nodes_is_not_called_private_by_a_first_offer_that_hung() -> None:
    number = record_buy(claimed(), signed(), now=NOW)
    assert Submission.objects.get(pk=number).route == Route.JITO
    go_public(number, now=NOW)
    mark_sent([Sent(submission=number, route=Route.JITO, at=NOW)])
    submission = Submission.objects.get(pk=number)
    assert (submission.route, submission.sent_at) == (Route.STANDARD, NOW)


def test_what_is_not_in_the_books_is_named_and_keeps_nobody_else_from_being_marked(caplog) -> None:
    number = record_buy(claimed(), signed(), now=NOW)
    mark_sent([Sent(submission=each, route=Route.JITO, at=NOW) for each in (4_242, number)])
    assert "4242 is not on record" in caplog.text
    assert Submission.objects.get(pk=number).sent_at == NOW


def test_a_refusal_and_a_second_offer_exclude_each_other() -> None:
    """Whoever commits first: bytes that may be taken are never taken for dead, nor the other way round."""
    offered = record_buy(claimed(), signed(), now=NOW)
    assert offering_again([offered]) == {offered: False}
    assert not book_refused(offered, text="not today", now=NOW)
    refused = record_buy(claimed(mint=OTHER_MINT), signed(signature="2" * 88), now=NOW)
    assert book_refused(refused, text="not today", now=NOW)
    assert offering_again([offered, refused]) == {offered: False}
    assert not Submission.objects.get(pk=refused).is_offered_again


def test_a_buy_is_not_recorded_by_whoever_lost_it() -> None:
    with pytest.raises(NotOurs):
        record_buy(stolen(claimed()), signed(), now=NOW)
    assert not Submission.objects.exists()


def test_a_buy_is_not_recorded_twice() -> None:
    claim = claimed()
    record_buy(claim, signed(), now=NOW)
    with pytest.raises(NotOurs):
        record_buy(claim, signed(), now=NOW)
    with pytest.raises(NotOurs):
        record_buy(replace(claim, attempt=2), signed(), now=NOW)
    assert Submission.objects.count() == 1


def test_a_buy_is_not_recorded_while_another_of_the_mint_is_in_flight() -> None:
    record_buy(claimed(), signed(), now=NOW)
    with pytest.raises(NotOurs):
        record_buy(claimed(received_at=NOW - timedelta(seconds=1)), signed(), now=NOW)


@pytest.mark.parametrize("status", [PositionStatus.ACTIVE, PositionStatus.EXITING])
def test_a_buy_is_not_recorded_while_the_mint_is_held(status: PositionStatus) -> None:
    claim = claimed()
    factories.make_position(status=status, mint=MINT)
    with pytest.raises(NotOurs, match="ALREADY_HELD"):
        record_buy(claim, signed(), now=NOW)


def exit_of(position: Position) -> Claim:
    return claimed(strategy=Strategy.EXIT, action=Action.SELL, priority=0, leader_address=LEADER)


def record(claim: Claim, position: Position) -> int:
    return record_sell(
        claim,
        signed(action=Action.SELL),
        position=position.pk,
        exit_generation=position.exit_generation,
        now=NOW,
    )


def replace_generation(position: Position) -> Position:
    """The position as somebody read it before another sell of it landed."""
    stale = Position.objects.get(pk=position.pk)
    Position.objects.filter(pk=position.pk).update(exit_generation=position.exit_generation + 1)
    return stale


def test_a_signed_sell_marks_its_position_in_the_same_breath() -> None:
    position = factories.make_position()
    number = record(exit_of(position), position)
    position.refresh_from_db()
    assert (position.status, position.exiting_since) == (PositionStatus.EXITING, NOW)
    assert Submission.objects.get(pk=number).position_id == position.pk


def test_a_second_sell_of_a_position_is_not_recorded() -> None:
    position = factories.make_position()
    first, second = exit_of(position), exit_of(position)
    record(first, position)
    with pytest.raises(PositionBusy):
        record(second, position)


def test_a_sell_computed_before_another_one_landed_is_not_recorded() -> None:
    position = factories.make_position()
    stale = replace_generation(position)
    with pytest.raises(PositionBusy):
        record(exit_of(position), stale)
    position.refresh_from_db()
    assert position.status == PositionStatus.ACTIVE


def test_a_buy_that_was_decided_before_the_halt_is_not_recorded() -> None:
    claim = claimed()
    halt_entries(actor="ann", reason="stop", now=NOW)
    with pytest.raises(EntriesHalted):
        record_buy(claim, signed(), now=NOW)
    assert not Submission.objects.exists()


def test_a_spear_that_was_decided_before_its_pause_is_not_recorded_and_a_shield_is() -> None:
    spear, shield = claimed(strategy="SPEAR"), claimed()
    paused = Trip(
        rule=Rule.RPC_FAILOVER,
        phase=Phase.TRIPPED,
        tripped_at=NOW,
        measured=Decimal(9_000),
        limit=Decimal(1),
    )
    TradingState.objects.update(trips=as_json(Breaker(trips=(paused,))))
    with pytest.raises(EntriesHalted) as caught:
        record_buy(spear, signed(), now=NOW)
    assert caught.value.code == DenialCode.SPEAR_PAUSED
    assert not Submission.objects.exists()
    record_buy(shield, signed(), now=NOW)


def test_a_sell_is_recorded_whatever_is_halted() -> None:
    position = factories.make_position()
    claim = exit_of(position)
    halt_entries(actor="ann", reason="stop", now=NOW)
    number = record(claim, position)
    assert Submission.objects.get(pk=number).action == Action.SELL


def test_a_sell_that_is_no_longer_ours_leaves_its_position_as_it_was() -> None:
    position = factories.make_position()
    claim = stolen(exit_of(position))
    with pytest.raises(NotOurs):
        record(claim, position)
    position.refresh_from_db()
    assert (position.status, position.exiting_since) == (PositionStatus.ACTIVE, None)


def test_recording_renews_the_lease() -> None:
    claim = claimed()
    later = NOW + timedelta(seconds=4)
    record_buy(claim, signed(), now=later)
    assert Signal.objects.get(pk=claim.uuid).claimed_at == later
