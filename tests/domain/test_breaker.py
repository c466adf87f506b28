"""What trips the circuit breaker: each rule at its exact limit, no gain ever, and nothing that is not known."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.facts import NOW, SOL
from trading.domain.breaker import WINDOW, Window, evaluate
from trading.domain.policy import BreakerPolicy, Policy, PolicyInvalid
from trading.domain.trips import (
    COOLS_DOWN,
    ENDS_BY_A_PERSON,
    PAUSES_SPEAR_ONLY,
    Breaker,
    Phase,
    Rule,
    TradingMode,
    Trip,
)

POLICY = BreakerPolicy()
COOLDOWN = timedelta(minutes=30)
QUIET = Window(
    pnl_lamports=0,
    consecutive_losses=0,
    equity_lamports=50 * SOL,
    peak_lamports=50 * SOL,
    sol_price_usd=Decimal(100),
    rpc_calls=100,
)
# Just below the limit, and the limit itself.
LIMITS: dict[Rule, tuple[dict[str, Any], dict[str, Any]]] = {
    Rule.DAILY_LOSS: ({"pnl_lamports": -5 * SOL + 1}, {"pnl_lamports": -5 * SOL}),
    Rule.DRAWDOWN: (
        {"equity_lamports": 85 * SOL // 2 + 1},
        {"equity_lamports": 85 * SOL // 2},
    ),
    Rule.WALLET_DRAINED: (
        {"drained_lamports": 5 * SOL - 1},
        {"drained_lamports": 5 * SOL},
    ),
    Rule.SOL_PRICE_UNKNOWN: ({}, {"sol_price_usd": None}),
    Rule.CONSECUTIVE_LOSSES: ({"consecutive_losses": 4}, {"consecutive_losses": 5}),
    Rule.RPC_ERRORS: ({"rpc_failures": 19}, {"rpc_failures": 20}),
    Rule.RPC_FAILOVER: (
        {"failed_over_at": NOW - timedelta(seconds=300, milliseconds=1)},
        {"failed_over_at": NOW - timedelta(seconds=300)},
    ),
}


def after(breaker: Breaker = Breaker(), *, minutes: float = 0, **changes: Any) -> Breaker:
    """The breaker after these facts, so many minutes later."""
    window, now = replace(QUIET, **changes), NOW + timedelta(minutes=minutes)
    return evaluate(breaker, window=window, policy=POLICY, now=now)


def rules(breaker: Breaker) -> list[Rule]:
    return [trip.rule for trip in breaker.trips]


def test_a_quiet_day_trips_nothing() -> None:
    assert after() == Breaker()
    assert (after().mode, after().is_spear_paused) == (TradingMode.ACTIVE, False)


def test_every_rule_has_its_limits_here() -> None:
    assert set(LIMITS) == set(Rule)


@pytest.mark.parametrize("rule", list(Rule))
def test_a_rule_trips_at_its_limit_and_not_before(rule: Rule) -> None:
    below, at = LIMITS[rule]
    assert rules(after(**below)) == []
    assert rules(after(**at)) == [rule]
    assert after(**at).phase is Phase.TRIPPED


@pytest.mark.parametrize("rule", list(Rule))
def test_a_rule_stops_what_the_specification_says(rule: Rule) -> None:
    tripped = after(**LIMITS[rule][1])
    expected = {
        Rule.DRAWDOWN: TradingMode.HALTED,
        Rule.DAILY_LOSS: TradingMode.REDUCING,
        Rule.WALLET_DRAINED: TradingMode.REDUCING,
        Rule.SOL_PRICE_UNKNOWN: TradingMode.REDUCING,
    }.get(rule, TradingMode.ACTIVE)
    assert tripped.mode is expected
    assert tripped.is_spear_paused
    assert (rule in PAUSES_SPEAR_ONLY) == (expected is TradingMode.ACTIVE)


@pytest.mark.parametrize("rule", sorted(COOLS_DOWN))
def test_a_rule_about_money_cools_down_for_half_an_hour_and_is_looked_at_again(rule: Rule) -> None:
    tripped = after(**LIMITS[rule][1])
    cooling = after(tripped, minutes=1)
    assert cooling.phase is Phase.COOLDOWN
    trip = cooling.trip(rule)
    assert trip is not None
    assert (trip.tripped_at, trip.clears_at) == (NOW, NOW + timedelta(minutes=31))
    assert after(cooling, minutes=30.99).phase is Phase.COOLDOWN
    assert after(cooling, minutes=31) == Breaker()
    again = after(cooling, minutes=31, **LIMITS[rule][1])
    assert again.phase is Phase.TRIPPED
    assert again.trip(rule).tripped_at == NOW + timedelta(minutes=31)


@pytest.mark.parametrize("rule", sorted(COOLS_DOWN))
def test_a_rule_that_trips_while_cooling_down_starts_its_cooldown_anew(rule: Rule) -> None:
    cooling = after(after(**LIMITS[rule][1]), minutes=1)
    tripped = after(cooling, minutes=20, **LIMITS[rule][1])
    assert tripped.phase is Phase.TRIPPED
    cooling = after(tripped, minutes=21)
    assert after(cooling, minutes=50).phase is Phase.COOLDOWN
    assert after(cooling, minutes=51) == Breaker()


def test_a_drawdown_closes_losers_only_while_it_lasts() -> None:
    tripped = after(**LIMITS[Rule.DRAWDOWN][1])
    assert tripped.mode is TradingMode.HALTED
    assert after(tripped, minutes=1).mode is TradingMode.REDUCING


@pytest.mark.parametrize("rule", sorted(set(Rule) - COOLS_DOWN - ENDS_BY_A_PERSON))
def test_a_rule_about_the_outside_is_over_when_its_cause_is(rule: Rule) -> None:
    assert after(after(**LIMITS[rule][1]), minutes=5.01) == Breaker()


@pytest.mark.parametrize("rule", sorted(ENDS_BY_A_PERSON))
def test_what_a_person_has_to_end_is_never_over_by_itself(rule: Rule) -> None:
    tripped = after(**LIMITS[rule][1])
    assert after(tripped, minutes=60 * 24 * 30) == tripped


def test_a_failover_says_when_it_is_over() -> None:
    trip = after(failed_over_at=NOW - timedelta(seconds=60)).trip(Rule.RPC_FAILOVER)
    assert trip.clears_at == NOW + timedelta(seconds=240)


def test_a_handful_of_calls_tells_nothing_about_the_rpc() -> None:
    assert after(rpc_calls=9, rpc_failures=9) == Breaker()
    assert rules(after(rpc_calls=10, rpc_failures=2)) == [Rule.RPC_ERRORS]


def test_the_loss_says_when_the_oldest_close_that_counts_is_a_day_old() -> None:
    closed = NOW - timedelta(hours=20)
    trip = after(pnl_lamports=-6 * SOL, oldest_close_at=closed).trip(Rule.DAILY_LOSS)
    assert trip.clears_at == closed + WINDOW


UNKNOWN: list[dict[str, Any]] = [
    {"equity_lamports": None},
    {"peak_lamports": None},
    {"rpc_calls": None},
    {"sol_price_usd": None},
]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_is_not_known_neither_trips_nor_clears_a_rule(unknown: dict[str, Any]) -> None:
    everything = {name: value for _, at in LIMITS.values() for name, value in at.items()}
    everything["sol_price_usd"] = Decimal(100)
    tripped = after(**everything)
    still = after(tripped, minutes=1, **unknown)
    kept = {
        "equity_lamports": {Rule.DRAWDOWN},
        "peak_lamports": {Rule.DRAWDOWN},
        "rpc_calls": {Rule.RPC_ERRORS, Rule.RPC_FAILOVER},
        "sol_price_usd": {Rule.DAILY_LOSS},
    }[next(iter(unknown))]
    for rule in kept:
        assert still.trip(rule) == tripped.trip(rule)
        assert after(**unknown).trip(rule) is None


def test_an_old_price_still_counts_dollars() -> None:
    """Its age is an incident; the rule itself uses what it is given."""
    assert rules(after(pnl_lamports=-10 * SOL, sol_price_usd=Decimal(50))) == [Rule.DAILY_LOSS]
    assert rules(after(pnl_lamports=-10 * SOL, sol_price_usd=Decimal("49.99"))) == []


gains = st.integers(0, 10**15)
prices = st.decimals("0.01", 100_000, places=2)


@given(
    pnl=gains,
    equity=gains,
    fallen=st.integers(0, 10**15),
    price=prices,
    calls=st.integers(0, 10_000),
)
def test_no_gain_ever_trips_anything(
    pnl: int, equity: int, fallen: int, price: Decimal, calls: int
) -> None:
    window = Window(
        pnl_lamports=pnl,
        consecutive_losses=0,
        equity_lamports=equity + fallen,
        peak_lamports=equity,
        sol_price_usd=price,
        rpc_calls=calls,
    )
    assert evaluate(Breaker(), window=window, policy=POLICY, now=NOW) == Breaker()


@given(loss=gains, price=prices, limit=st.integers(1, 10**6))
def test_a_loss_trips_exactly_when_its_dollars_reach_the_limit(
    loss: int, price: Decimal, limit: int
) -> None:
    window = replace(QUIET, pnl_lamports=-loss, sol_price_usd=price)
    policy = replace(POLICY, daily_loss_limit_usd=limit)
    tripped = evaluate(Breaker(), window=window, policy=policy, now=NOW)
    assert (tripped.trip(Rule.DAILY_LOSS) is not None) == (loss * price >= limit * SOL)


@given(peak=st.integers(1, 10**15), share=st.integers(0, 10_000), limit=st.integers(1, 9_999))
def test_a_drawdown_trips_exactly_when_its_share_of_the_peak_reaches_the_limit(
    peak: int, share: int, limit: int
) -> None:
    equity = peak - peak * share // 10_000
    window = replace(QUIET, equity_lamports=equity, peak_lamports=peak)
    policy = replace(POLICY, maximum_drawdown_bps=limit)
    tripped = evaluate(Breaker(), window=window, policy=policy, now=NOW)
    expected = (peak - equity) * 10_000 >= limit * peak
    assert (tripped.trip(Rule.DRAWDOWN) is not None) == expected


@given(losses=st.integers(0, 100), limit=st.integers(1, 100))
def test_a_row_of_losses_trips_exactly_at_its_length(losses: int, limit: int) -> None:
    window = replace(QUIET, consecutive_losses=losses)
    policy = replace(POLICY, maximum_consecutive_losses=limit)
    tripped = evaluate(Breaker(), window=window, policy=policy, now=NOW)
    assert (tripped.trip(Rule.CONSECUTIVE_LOSSES) is not None) == (losses >= limit)


def test_an_empty_wallet_has_no_drawdown() -> None:
    assert after(equity_lamports=0, peak_lamports=0) == Breaker()
    assert rules(after(equity_lamports=0)) == [Rule.DRAWDOWN]


WRONG: list[tuple[str, int]] = [
    ("daily_loss_limit_usd", 0),
    ("daily_loss_limit_usd", -500),
    ("maximum_consecutive_losses", 0),
    ("maximum_drawdown_bps", 0),
    ("maximum_drawdown_bps", 10_000),
    ("tightened_distance_bps", 10_000),
    ("rpc_error_limit_bps", 10_000),
    ("rpc_minimum_calls", 0),
    ("cooldown_seconds", -1),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_limits_that_cannot_be_meant_are_refused(name: str, value: int) -> None:
    changes: dict[str, Any] = {name: value}
    with pytest.raises(PolicyInvalid) as refused:
        replace(Policy(), breaker=replace(POLICY, **changes)).validate()
    assert list(refused.value.errors) == [f"breaker.{name}"]


def test_a_policy_may_do_without_a_cooldown() -> None:
    policy = replace(POLICY, cooldown_seconds=0)
    tripped = Trip(
        rule=Rule.DAILY_LOSS,
        phase=Phase.TRIPPED,
        tripped_at=NOW,
        measured=Decimal(501),
        limit=Decimal(500),
    )
    cleared = evaluate(Breaker(trips=(tripped,)), window=QUIET, policy=policy, now=NOW)
    assert cleared == Breaker()
