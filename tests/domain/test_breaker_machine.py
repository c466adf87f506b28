"""The circuit breaker over any history: restarts anywhere change nothing, no limit is met without a trip."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.domain.facts import NOW, SOL
from trading.domain.breaker import Window, evaluate
from trading.domain.policy import BreakerPolicy
from trading.domain.trip_sentences import sentence
from trading.domain.trips import (
    COOLS_DOWN,
    PAUSES_SPEAR_ONLY,
    Breaker,
    Phase,
    Rule,
    StateUnreadable,
    TradingMode,
    as_json,
    from_json,
)

POLICY = BreakerPolicy()
QUIET = Window(pnl_lamports=0, consecutive_losses=0, sol_price_usd=Decimal(100), rpc_calls=100)


def restarted(breaker: Breaker) -> Breaker:
    """What a new process reads of what an old one stored."""
    return from_json(json.loads(json.dumps(as_json(breaker))))


class BreakerMachine(RuleBasedStateMachine):
    """One process that lives on and one that starts again at every step see the same."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.window = NOW, QUIET
        self.living, self.reborn = Breaker(), Breaker()

    def _evaluate(self) -> None:
        self.living = evaluate(self.living, window=self.window, policy=POLICY, now=self.now)
        self.reborn = evaluate(
            restarted(self.reborn), window=self.window, policy=POLICY, now=self.now
        )

    @rule(seconds=st.integers(0, 4_000))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self._evaluate()

    @rule(pnl=st.integers(-10 * SOL, 10 * SOL), losses=st.integers(0, 8))
    def positions_close(self, pnl: int, losses: int) -> None:
        self.window = replace(self.window, pnl_lamports=pnl, consecutive_losses=losses)
        self._evaluate()

    @rule(equity=st.none() | st.integers(0, 60 * SOL), peak=st.integers(1, 60 * SOL))
    def equity_moves(self, equity: int | None, peak: int) -> None:
        self.window = replace(self.window, equity_lamports=equity, peak_lamports=peak)
        self._evaluate()

    @rule(calls=st.none() | st.integers(0, 200), share=st.integers(0, 100))
    def rpc_answers(self, calls: int | None, share: int) -> None:
        failures = (calls or 0) * share // 100
        self.window = replace(self.window, rpc_calls=calls, rpc_failures=failures)
        self._evaluate()

    @rule()
    def rpc_fails_over(self) -> None:
        self.window = replace(self.window, failed_over_at=self.now)
        self._evaluate()

    @rule(price=st.none() | st.decimals(1, 500, places=2))
    def price_comes_or_is_lost(self, price: Decimal | None) -> None:
        self.window = replace(self.window, sol_price_usd=price)
        self._evaluate()

    @rule()
    def a_person_resets(self) -> None:
        self.living = self.reborn = Breaker()
        self.window = replace(self.window, pnl_lamports=0, consecutive_losses=0)
        self._evaluate()

    @invariant()
    def a_restart_changes_nothing(self) -> None:
        assert self.living == self.reborn

    @invariant()
    def evaluating_twice_changes_nothing(self) -> None:
        again = evaluate(self.living, window=self.window, policy=POLICY, now=self.now)
        if self.living != Breaker() or self.now != NOW:
            assert [(t.rule, t.phase) for t in again.trips] == [
                (t.rule, t.phase) for t in self.living.trips
            ]

    @invariant()
    def a_limit_that_is_met_is_tripped(self) -> None:
        if self.window.consecutive_losses >= POLICY.maximum_consecutive_losses:
            assert self.living.trip(Rule.CONSECUTIVE_LOSSES).phase is Phase.TRIPPED

    @invariant()
    def every_rule_has_at_most_one_trip_and_a_sentence(self) -> None:
        assert len({trip.rule for trip in self.living.trips}) == len(self.living.trips)
        for trip in self.living.trips:
            assert all((sentence(trip).what, sentence(trip).effect, sentence(trip).remedy))

    @invariant()
    def entries_stop_exactly_for_rules_that_stop_them(self) -> None:
        stops = any(trip.rule not in PAUSES_SPEAR_ONLY for trip in self.living.trips)
        assert stops == (self.living.mode is not TradingMode.ACTIVE)
        assert self.living.is_spear_paused == bool(self.living.trips)

    @invariant()
    def only_money_cools_down_and_beyond_its_time_only_unmeasured(self) -> None:
        unmeasured = {
            Rule.DRAWDOWN: self.window.equity_lamports is None,
            Rule.DAILY_LOSS: self.window.sol_price_usd is None,
        }
        for trip in self.living.trips:
            if trip.phase is Phase.COOLDOWN:
                assert trip.rule in COOLS_DOWN
                assert trip.cooling_since is not None
                cooled = self.now - trip.cooling_since
                is_over = cooled >= timedelta(seconds=POLICY.cooldown_seconds)
                assert not is_over or unmeasured.get(trip.rule, False)


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)


GOOD = as_json(
    evaluate(Breaker(), window=replace(QUIET, consecutive_losses=5), policy=POLICY, now=NOW)
)
UNREADABLE: list[Any] = [
    None,
    {},
    "ACTIVE",
    [None],
    [{}],
    [{**GOOD[0], "rule": "WEATHER"}],
    [{**GOOD[0], "phase": "ACTIVE"}],
    [{**GOOD[0], "phase": "BROKEN"}],
    [{**GOOD[0], "measured": "much"}],
    [{**GOOD[0], "measured": None}],
    [{**GOOD[0], "tripped_at": None}],
    [{**GOOD[0], "tripped_at": "yesterday"}],
    [{**GOOD[0], "tripped_at": "2026-11-22T12:00:00"}],
    [*GOOD, *GOOD],
]


@pytest.mark.parametrize("stored", UNREADABLE)
def test_what_is_no_breaker_is_named_as_such(stored: Any) -> None:
    with pytest.raises(StateUnreadable):
        from_json(stored)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values | st.lists(st.fixed_dictionaries(dict.fromkeys(GOOD[0], json_values))))
def test_whatever_is_stored_is_read_or_refused_by_name(stored: Any) -> None:
    try:
        assert from_json(json.loads(json.dumps(stored))) is not None
    except StateUnreadable:
        return
