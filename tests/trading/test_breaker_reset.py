"""A reset by a person: what was lost before never trips again, what is lost after it does; restarts keep it all."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry, Incident
from tests import factories
from trading.domain.trips import Closing, Phase, Rule, TradingMode
from trading.models import EquityPoint, Position, TradingState
from trading.services.breaker import SolPrice, UnableToReset, evaluate_breaker, reset_breaker
from trading.services.state import MISSING, UNREADABLE, breaker_of, trading_state

pytestmark = pytest.mark.usefixtures("database")
SOL = 10**9
NOW = timezone.now()
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _trading(database: Any) -> None:
    factories.make_policy_revision()
    factories.make_trading_state()


def evaluated(now: Any = LATER) -> set[Rule]:
    evaluate_breaker(now=now, sol_price=SolPrice(usd=Decimal(100), at=now))
    return {trip.rule for trip in trading_state().trips}


def lost(sol: float, **fields: Any) -> Position:
    fields = {"closed_at": NOW - timedelta(hours=1), **fields}
    return factories.make_closed_position(pnl_lamports=-int(sol * SOL), **fields)


def reset(now: Any = NOW) -> None:
    reset_breaker(actor="ada", reason="looked into it", now=now)


def equity(nav: float, *, at: Any) -> None:
    EquityPoint.objects.create(
        at=at,
        balance_lamports=int(nav * SOL),
        positions_lamports=0,
        outside_lamports=0,
        realised_pnl_lamports=0,
    )


def test_old_losses_do_not_trip_again_and_new_ones_do() -> None:
    for _ in range(5):
        lost(2)
    assert evaluated(NOW) == {Rule.DAILY_LOSS, Rule.CONSECUTIVE_LOSSES}
    reset()
    assert trading_state().mode is TradingMode.ACTIVE
    assert evaluated() == set()
    lost(4.9, closed_at=LATER)
    assert evaluated() == set()
    lost(0.1, closed_at=LATER)
    assert evaluated() == {Rule.DAILY_LOSS}
    for _ in range(3):
        lost(0.001, closed_at=LATER)
    assert evaluated() == {Rule.DAILY_LOSS, Rule.CONSECUTIVE_LOSSES}


def test_a_close_whose_block_says_it_was_before_the_reset_still_counts_after_it() -> None:
    reset()
    for _ in range(5):
        lost(1.2, closed_at=NOW - timedelta(seconds=3))
    assert evaluated() == {Rule.DAILY_LOSS, Rule.CONSECUTIVE_LOSSES}


def test_an_open_loss_is_pardoned_up_to_the_reset() -> None:
    position = factories.make_position(cost_lamports=20 * SOL, gain="-0.3")
    assert evaluated(NOW) == {Rule.DAILY_LOSS}
    reset()
    assert evaluated() == set()
    Position.objects.update(last_price_sol=position.entry_price_sol * Decimal("0.45"))
    assert evaluated() == {Rule.DAILY_LOSS}, "five SOL more"


def test_closing_what_was_open_at_the_reset_counts_what_came_after_it_only() -> None:
    position = factories.make_position(cost_lamports=20 * SOL, gain="-0.3")
    reset()
    Position.objects.update(
        status="CLOSED", held_raw=0, closed_at=LATER, realised_pnl_lamports=-7 * SOL
    )
    assert evaluated() == set()
    Position.objects.filter(pk=position.pk).update(realised_pnl_lamports=-12 * SOL)
    assert evaluated() == {Rule.DAILY_LOSS}


def test_a_second_reset_pardons_what_the_first_could_not() -> None:
    factories.make_position(cost_lamports=20 * SOL, gain="-0.3")
    reset()
    Position.objects.update(
        status="CLOSED", held_raw=0, closed_at=LATER, realised_pnl_lamports=-12 * SOL
    )
    assert evaluated() == {Rule.DAILY_LOSS}
    reset(LATER)
    assert evaluated(LATER + timedelta(seconds=5)) == set()


def test_the_peak_starts_anew_at_the_reset() -> None:
    equity(20, at=NOW - timedelta(hours=1))
    equity(10, at=NOW - timedelta(seconds=5))
    assert evaluated(NOW) == {Rule.DRAWDOWN}
    assert trading_state().closing is Closing.LOSERS
    reset()
    assert evaluated() == set()
    equity(10, at=NOW + timedelta(seconds=5))
    assert evaluated() == set()
    equity(8.5, at=NOW + timedelta(seconds=10))
    assert evaluated() == {Rule.DRAWDOWN}


def test_a_reset_is_on_record_and_closes_the_incidents() -> None:
    lost(6)
    evaluated(NOW)
    reset()
    line = Entry.objects.order_by("-number").first()
    assert line is not None
    assert (line.actor, line.action, line.reason) == ("ada", "breaker.reset", "looked into it")
    assert [trip["rule"] for trip in line.before] == ["DAILY_LOSS"]
    assert line.after == []
    assert not Incident.objects.filter(resolved_at__isnull=True).exists()
    assert TradingState.objects.get().reset_at == NOW


def test_a_reset_leaves_the_kill_switch_on() -> None:
    factories.make_trading_state(entries_halted=True, reason="a storm")
    lost(6)
    evaluated(NOW)
    reset()
    assert trading_state().are_entries_halted
    assert trading_state().held_back_by == "a storm"


def test_without_a_trading_state_nothing_can_be_reset_and_entries_are_halted() -> None:
    TradingState.objects.all().delete()
    assert trading_state().are_entries_halted
    assert trading_state().closing is Closing.NONE
    assert trading_state().held_back_by == MISSING
    evaluate_breaker(now=NOW)
    assert not TradingState.objects.exists()
    with pytest.raises(UnableToReset):
        reset()


def test_an_unreadable_breaker_halts_entries_sells_nothing_and_waits_for_a_reset() -> None:
    TradingState.objects.update(trips=[{"rule": "WEATHER"}])
    state = trading_state()
    assert (state.mode, state.closing) == (TradingMode.REDUCING, Closing.NONE)
    assert state.held_back_by == UNREADABLE
    evaluate_breaker(now=NOW)
    assert trading_state().are_entries_halted
    assert Incident.objects.get().key == "breaker:unreadable"
    reset()
    assert not trading_state().are_entries_halted
    assert Incident.objects.get().resolved_at is not None


def test_what_a_new_process_reads_is_what_the_old_one_stored() -> None:
    lost(6)
    evaluated(NOW)
    before = trading_state()
    breaker_of.cache_clear()
    assert trading_state() == before
    assert before.trips[0].phase is Phase.TRIPPED


def test_the_kill_switch_does_not_hide_a_drawdown_that_closes_losers() -> None:
    equity(20, at=NOW - timedelta(hours=1))
    equity(10, at=NOW - timedelta(seconds=5))
    evaluated(NOW)
    TradingState.objects.update(entries_halted=True)
    state = trading_state()
    assert (state.mode, state.closing) == (TradingMode.HALTED, Closing.LOSERS)
    TradingState.objects.update(is_closing_all=True)
    assert trading_state().closing is Closing.ALL


def test_closing_all_needs_the_kill_switch() -> None:
    TradingState.objects.update(is_closing_all=True)
    assert trading_state().closing is Closing.NONE
