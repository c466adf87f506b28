"""What the circuit breaker reads from the rows: losses, rows of them, drawdown, price and RPC."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from audit import services as audit
from audit.models import Entry, Heartbeat, Incident
from tests import factories
from trading.domain.policy import BreakerPolicy, Policy, as_json
from trading.domain.trips import Phase, Rule, TradingMode
from trading.models import EquityPoint, Position, TradingState
from trading.services.breaker import SolPrice, evaluate_breaker
from trading.services.state import trading_state

pytestmark = pytest.mark.usefixtures("database")
SOL = 10**9
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _trading(database: Any) -> None:
    factories.make_policy_revision()
    factories.make_trading_state()


def evaluated(now: datetime = NOW, *, usd: str | None = "100") -> dict[Rule, Phase]:
    """The phase of every rule that holds trading back, with SOL at this price."""
    price = None if usd is None else SolPrice(usd=Decimal(usd), at=now)
    evaluate_breaker(now=now, sol_price=price)
    return {trip.rule: trip.phase for trip in trading_state().trips}


def lost(sol: float, *, hours_ago: float = 1, **fields: Any) -> Position:
    """A position that closed with this loss (a gain when negative)."""
    closed_at = NOW - timedelta(hours=hours_ago)
    return factories.make_closed_position(
        pnl_lamports=-int(sol * SOL), closed_at=closed_at, **fields
    )


def equity(nav: float, *, outside: float | None = 10, hours_ago: float = 0) -> None:
    EquityPoint.objects.create(
        at=NOW - timedelta(hours=hours_ago),
        balance_lamports=int(nav * SOL),
        positions_lamports=0,
        outside_lamports=None if outside is None else int(outside * SOL),
        realised_pnl_lamports=0,
    )


def rpc(name: str, *, calls: int, failures: int = 0, seconds_ago: int = 0, **told: Any) -> None:
    detail = {"rpc": {"calls": calls, "failures": failures, "failed_over_at": None, **told}}
    beat_at = NOW - timedelta(seconds=seconds_ago)
    Heartbeat.objects.create(
        name=name, host="here", pid=1, started_at=NOW, beat_at=beat_at, detail=detail
    )


def test_losses_of_a_day_count_together_and_gains_against_them() -> None:
    lost(3)
    lost(3, hours_ago=23)
    lost(-1.5)
    assert evaluated() == {}
    lost(0.5)
    assert evaluated() == {Rule.DAILY_LOSS: Phase.TRIPPED}
    assert trading_state().mode is TradingMode.REDUCING
    assert trading_state().held_back_by == "Lost $500.00 in 24 h (limit $500)"


def test_what_counts_is_when_a_position_closed_not_when_it_opened() -> None:
    lost(6, hours_ago=25)
    assert evaluated() == {}
    lost(6, hours_ago=23.9, opened_at=NOW - timedelta(days=3))
    assert evaluated() == {Rule.DAILY_LOSS: Phase.TRIPPED}


def test_a_loss_leaves_the_window_a_day_after_its_close_and_cools_down() -> None:
    lost(6, hours_ago=23)
    assert evaluated() == {Rule.DAILY_LOSS: Phase.TRIPPED}
    trip = trading_state().trips[0]
    assert trip.clears_at == NOW + timedelta(hours=1)
    assert evaluated(NOW + timedelta(hours=1)) == {Rule.DAILY_LOSS: Phase.TRIPPED}
    later = NOW + timedelta(hours=1, seconds=1)
    assert evaluated(later) == {Rule.DAILY_LOSS: Phase.COOLDOWN}
    assert evaluated(later + timedelta(minutes=29)) == {Rule.DAILY_LOSS: Phase.COOLDOWN}
    assert evaluated(later + timedelta(minutes=30)) == {}


def test_an_open_loss_counts_before_it_is_realised() -> None:
    factories.make_position(cost_lamports=10 * SOL, gain="-0.4")
    assert evaluated() == {}
    factories.make_position(cost_lamports=10 * SOL, gain="-0.1", mint="m" * 44)
    assert evaluated() == {Rule.DAILY_LOSS: Phase.TRIPPED}


def test_what_an_open_position_sold_already_counts_too() -> None:
    position = factories.make_position(cost_lamports=10 * SOL)
    half = position.bought_raw // 2
    Position.objects.update(held_raw=half, realised_pnl_lamports=-5 * SOL)
    assert evaluated() == {Rule.DAILY_LOSS: Phase.TRIPPED}


def test_five_losing_closes_in_a_row_pause_spear_alone() -> None:
    for hours_ago in range(4):
        lost(0.01, hours_ago=hours_ago)
    assert evaluated() == {}
    lost(0.01, hours_ago=30)
    assert evaluated() == {Rule.CONSECUTIVE_LOSSES: Phase.TRIPPED}
    state = trading_state()
    assert (state.mode, state.is_spear_paused) == (TradingMode.ACTIVE, True)


@pytest.mark.parametrize("pnl", [0, 1])
def test_a_close_that_is_no_loss_ends_the_row(pnl: int) -> None:
    for hours_ago in (1, 2, 3, 5, 6):
        lost(0.01, hours_ago=hours_ago)
    factories.make_closed_position(pnl_lamports=pnl, closed_at=NOW - timedelta(hours=4))
    assert evaluated() == {}
    lost(0.01, hours_ago=0.5)
    lost(0.01, hours_ago=0.4)
    assert evaluated() == {Rule.CONSECUTIVE_LOSSES: Phase.TRIPPED}


def test_a_row_of_losses_is_counted_beyond_the_few_that_are_read_first() -> None:
    lost(-0.01, hours_ago=20)
    for hours in range(12):
        lost(0.01, hours_ago=hours + 1)
    assert evaluated() == {Rule.CONSECUTIVE_LOSSES: Phase.TRIPPED}
    (trip,) = trading_state().trips
    assert trip.measured == 12


def test_a_drawdown_counts_from_the_peak_of_the_day() -> None:
    equity(20, hours_ago=25)
    equity(12, hours_ago=2)
    equity(10.21)
    assert evaluated() == {}
    equity(10.2)
    EquityPoint.objects.filter(balance_lamports=int(10.21 * SOL)).delete()
    assert evaluated() == {Rule.DRAWDOWN: Phase.TRIPPED}
    assert trading_state().mode is TradingMode.HALTED


def test_a_withdrawal_is_no_drawdown_and_a_deposit_hides_none() -> None:
    equity(20, outside=20, hours_ago=2)
    equity(10, outside=10, hours_ago=1)
    assert evaluated() == {}
    equity(18, outside=20)
    assert evaluated() == {}
    EquityPoint.objects.all().delete()
    equity(20, outside=20, hours_ago=2)
    equity(22, outside=26)
    assert evaluated() == {Rule.DRAWDOWN: Phase.TRIPPED}


def test_points_from_before_deposits_were_kept_say_nothing() -> None:
    equity(50, outside=None, hours_ago=2)
    equity(10, outside=10)
    assert evaluated() == {}


def test_the_worst_process_speaks_for_the_rpc() -> None:
    rpc("watcher", calls=12)
    rpc("executor", calls=200, failures=40)
    assert evaluated() == {Rule.RPC_ERRORS: Phase.TRIPPED}


def test_a_close_leaves_what_the_nodes_do_to_the_guard() -> None:
    rpc("executor", calls=200, failures=40)
    evaluate_breaker(now=NOW, sol_price=SolPrice(usd=Decimal(100), at=NOW), is_equity_new=False)
    assert not trading_state().trips
    assert Rule.RPC_ERRORS in evaluated()
    Heartbeat.objects.all().delete()
    evaluate_breaker(now=NOW, is_equity_new=False)
    assert [trip.rule for trip in trading_state().trips] == [Rule.RPC_ERRORS]


def test_a_process_that_is_silent_says_nothing_about_the_rpc() -> None:
    rpc("executor", calls=200, failures=200, seconds_ago=16)
    assert evaluated() == {}


def test_a_failover_pauses_spear_for_five_minutes() -> None:
    rpc("executor", calls=200, failed_over_at=(NOW - timedelta(minutes=2)).isoformat())
    assert evaluated() == {Rule.RPC_FAILOVER: Phase.TRIPPED}
    rpc("watcher", calls=200)
    Heartbeat.objects.update(beat_at=NOW + timedelta(minutes=3, seconds=1))
    assert evaluated(NOW + timedelta(minutes=3, seconds=1)) == {}


def test_without_any_sol_price_entries_halt_until_one_comes() -> None:
    assert evaluated(usd=None) == {Rule.SOL_PRICE_UNKNOWN: Phase.TRIPPED}
    assert trading_state().are_entries_halted
    assert evaluated() == {}


def test_an_old_sol_price_still_counts_and_raises_an_incident() -> None:
    lost(6)
    evaluated()
    later = NOW + timedelta(minutes=5)
    assert evaluated(later, usd=None) == {Rule.DAILY_LOSS: Phase.TRIPPED}
    assert not Incident.objects.filter(key="sol_price").exists()
    later += timedelta(seconds=1)
    assert evaluated(later, usd=None) == {Rule.DAILY_LOSS: Phase.TRIPPED}
    assert Incident.objects.get(key="sol_price").resolved_at is None
    evaluated(later)
    assert Incident.objects.get(key="sol_price").resolved_at == later


def test_an_older_price_never_replaces_a_newer_one() -> None:
    evaluated(usd="100")
    old = SolPrice(usd=Decimal(50), at=NOW - timedelta(minutes=5))
    evaluate_breaker(now=NOW, sol_price=old)
    assert TradingState.objects.get().sol_price_usd == 100


def test_every_change_leaves_one_line_and_one_incident() -> None:
    lost(6, hours_ago=23.9)
    for _ in range(3):
        evaluated()
    cooling = NOW + timedelta(minutes=7)
    evaluated(cooling)
    evaluated(cooling + timedelta(minutes=30))
    lines = Entry.objects.order_by("number").values_list("action", "target", "before", "after")
    assert list(lines) == [
        ("breaker.tripped", "DAILY_LOSS", "ACTIVE", "TRIPPED"),
        ("breaker.cooling", "DAILY_LOSS", "TRIPPED", "COOLDOWN"),
        ("breaker.cleared", "DAILY_LOSS", "COOLDOWN", "ACTIVE"),
    ]
    incident = Incident.objects.get()
    assert incident.title == "Circuit breaker: daily loss"
    assert incident.detail.startswith("Lost $600.00 in 24 h (limit $500). Entries are halted")
    assert incident.resolved_at is not None


def test_the_policys_limits_are_the_ones_that_count() -> None:
    policy = replace(Policy(), breaker=BreakerPolicy(daily_loss_limit_usd=700))
    audit.propose_revision(as_json(policy), actor="ada", reason="braver", now=NOW)
    lost(6)
    assert evaluated() == {}
    lost(1)
    assert evaluated() == {Rule.DAILY_LOSS: Phase.TRIPPED}
