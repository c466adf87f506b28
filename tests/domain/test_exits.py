"""When a position is sold: stops, ladder, trailing stop and time limits, each at its exact limit."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.facts import NOW
from trading.domain.exits import (
    Exit,
    ExitReason,
    OpenPosition,
    amount_to_sell,
    evaluate,
    ladder_fraction,
)
from trading.domain.policy import Policy

POLICY = Policy()
ENTRY = Decimal("0.000002")
THIRD = Decimal("0.333333333")


def position(**changes: Any) -> OpenPosition:
    values: dict[str, Any] = {
        "strategy": "SHIELD",
        "entry_price_sol": ENTRY,
        "peak_price_sol": ENTRY,
        "tiers_taken": 0,
        "opened_at": NOW - timedelta(minutes=5),
    }
    return OpenPosition(**{**values, **changes})


def judged(factor: str, *, policy: Policy = POLICY, **changes: Any) -> Exit | None:
    """The exit at this multiple of the entry price."""
    return evaluate(position(**changes), price_sol=ENTRY * Decimal(factor), policy=policy, now=NOW)


def reason(factor: str, **changes: Any) -> ExitReason | None:
    due = judged(factor, **changes)
    return None if due is None else due.reason


def test_nothing_happens_at_the_entry_price() -> None:
    assert judged("1") is None


@pytest.mark.parametrize(
    ("strategy", "at", "above"), [("SHIELD", "0.92", "0.9201"), ("SPEAR", "0.75", "0.7501")]
)
def test_the_hard_stop_includes_its_own_limit(strategy: str, at: str, above: str) -> None:
    due = judged(at, strategy=strategy)
    assert due is not None
    assert (due.reason, due.fraction) == (ExitReason.HARD_STOP, 1)
    assert judged(above, strategy=strategy) is None


@pytest.mark.parametrize(
    ("strategy", "factor", "tiers"),
    [
        ("SHIELD", "1.2499", 0),
        ("SHIELD", "1.25", 1),
        ("SHIELD", "1.5", 2),
        ("SHIELD", "2", 3),
        ("SHIELD", "40", 3),
        ("SPEAR", "1.9999", 0),
        ("SPEAR", "2", 1),
        ("SPEAR", "5", 2),
        ("SPEAR", "10", 3),
    ],
)
def test_the_ladder_takes_profit_at_each_tier(strategy: str, factor: str, tiers: int) -> None:
    due = judged(factor, strategy=strategy)
    if tiers == 0:
        assert due is None
        return
    assert due is not None
    assert (due.reason, due.tiers_taken) == (ExitReason.TAKE_PROFIT, tiers)
    assert due.fraction == ladder_fraction(tiers_taken=0, tiers_passed=tiers)


def test_each_tier_sells_a_third_of_what_is_left() -> None:
    assert ladder_fraction(tiers_taken=0, tiers_passed=1) == THIRD
    assert ladder_fraction(tiers_taken=2, tiers_passed=3) == THIRD
    assert ladder_fraction(tiers_taken=0, tiers_passed=2) == Decimal("0.555555556")
    assert ladder_fraction(tiers_taken=1, tiers_passed=3) == Decimal("0.555555556")
    assert ladder_fraction(tiers_taken=0, tiers_passed=3) == Decimal("0.703703704")


def test_a_tier_that_is_taken_does_not_fire_again_when_the_price_returns() -> None:
    assert judged("1.3", tiers_taken=1) is None
    assert judged("1.5", tiers_taken=2) is None
    assert reason("2", tiers_taken=2) is ExitReason.TAKE_PROFIT


@pytest.mark.parametrize(
    ("strategy", "peak", "at", "above"),
    [("SHIELD", "1.25", "1.125", "1.1251"), ("SPEAR", "1.5", "1.2", "1.2001")],
)
def test_the_trailing_stop_wakes_at_its_activation_and_includes_its_distance(
    strategy: str, peak: str, at: str, above: str
) -> None:
    taken = {"strategy": strategy, "peak_price_sol": ENTRY * Decimal(peak), "tiers_taken": 3}
    due = judged(at, **taken)
    assert due is not None
    assert (due.reason, due.fraction) == (ExitReason.TRAILING_STOP, 1)
    assert judged(above, **taken) is None


def test_the_trailing_stop_sleeps_below_its_activation() -> None:
    assert judged("1.1", peak_price_sol=ENTRY * Decimal("1.2499")) is None


def test_the_trailing_stop_goes_before_the_ladder() -> None:
    assert reason("1.3", peak_price_sol=ENTRY * 2) is ExitReason.TRAILING_STOP


def test_the_hard_stop_goes_before_everything() -> None:
    fallen = {"peak_price_sol": ENTRY * 3, "opened_at": NOW - timedelta(days=9)}
    assert reason("0.5", **fallen) is ExitReason.HARD_STOP


@pytest.mark.parametrize(
    ("strategy", "factor", "is_due"),
    [
        ("SHIELD", "1.1", True),
        ("SHIELD", "0.95", True),
        ("SPEAR", "1.1", False),
        ("SPEAR", "1", True),
        ("SPEAR", "0.9", True),
    ],
)
def test_after_a_day_shield_leaves_and_spear_leaves_unless_in_profit(
    strategy: str, factor: str, is_due: bool
) -> None:
    day = {"strategy": strategy, "opened_at": NOW - timedelta(days=1)}
    assert (reason(factor, **day) is ExitReason.TIME_LIMIT) == is_due
    almost = {"strategy": strategy, "opened_at": NOW - timedelta(days=1) + timedelta(seconds=1)}
    assert judged(factor, **almost) is None


prices = st.decimals("0.0000000001", 1_000, places=10)
positions = st.builds(
    OpenPosition,
    strategy=st.sampled_from(["SHIELD", "SPEAR"]),
    entry_price_sol=prices,
    peak_price_sol=prices,
    tiers_taken=st.integers(0, 3),
    opened_at=st.timedeltas(timedelta(), timedelta(days=3)).map(lambda age: NOW - age),
)


@given(positions, prices)
def test_an_exit_sells_some_but_never_more_than_there_is_and_tiers_only_rise(
    held: OpenPosition, price: Decimal
) -> None:
    due = evaluate(held, price_sol=price, policy=POLICY, now=NOW)
    if due is None:
        return
    assert 0 < due.fraction <= 1
    assert due.tiers_taken >= held.tiers_taken
    if due.reason is ExitReason.TAKE_PROFIT:
        assert due.tiers_taken > held.tiers_taken
        again = OpenPosition(
            strategy=held.strategy,
            entry_price_sol=held.entry_price_sol,
            peak_price_sol=max(held.peak_price_sol, price),
            tiers_taken=due.tiers_taken,
            opened_at=held.opened_at,
        )
        after = evaluate(again, price_sol=price, policy=POLICY, now=NOW)
        assert after is None or after.reason is not ExitReason.TAKE_PROFIT


@given(st.lists(st.decimals("1", "1.5", places=4), min_size=1, max_size=20))
def test_prices_that_only_rise_never_hit_a_stop(steps: list[Decimal]) -> None:
    price, held = ENTRY, position()
    for step in steps:
        price *= step
        due = evaluate(held, price_sol=price, policy=POLICY, now=NOW)
        assert due is None or due.reason is ExitReason.TAKE_PROFIT
        held = position(
            peak_price_sol=price, tiers_taken=due.tiers_taken if due else held.tiers_taken
        )


@given(st.lists(st.decimals("0.5", "2", places=4), min_size=1, max_size=30))
def test_over_a_whole_life_every_tier_is_sold_at_most_once(steps: list[Decimal]) -> None:
    price, held, sold = ENTRY, position(), []
    for step in steps:
        price *= step
        due = evaluate(held, price_sol=price, policy=POLICY, now=NOW)
        if due is not None and due.fraction == 1:
            break
        if due is not None:
            sold += range(held.tiers_taken, due.tiers_taken)
        held = position(
            peak_price_sol=max(held.peak_price_sol, price),
            tiers_taken=due.tiers_taken if due else held.tiers_taken,
        )
    assert len(sold) == len(set(sold)) <= len(POLICY.shield.take_profit_bps)


@given(st.integers(1, 2**64 - 1), st.decimals("0.000000001", 1, places=9))
def test_what_is_sold_is_something_and_not_more_than_is_held(held: int, fraction: Decimal) -> None:
    amount = amount_to_sell(held_raw=held, fraction=fraction)
    assert 1 <= amount <= held
    if fraction == 1:
        assert amount == held
    elif amount > 1:
        assert amount <= held * fraction
