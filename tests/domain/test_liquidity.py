"""When a fall of liquidity is believed: twice in a row, a confirmation apart, past the policy's share."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.facts import NOW
from tests.domain.test_exits import judged, position, reason
from trading.domain.exits import ExitReason, OpenPosition, evaluate
from trading.domain.liquidity import CONTINUITY, MOST_BPS, Depth, Sighting, after, left_bps
from trading.domain.policy import Policy
from trading.domain.trips import Closing

DROP_BPS = 5_000


def seen(*readings: tuple[float, int], before: Sighting = Sighting()) -> Sighting:
    """What is remembered after readings of (seconds, bps left)."""
    for seconds, left in readings:
        depth = Depth(left_bps=left, at=NOW + timedelta(seconds=seconds))
        before = after(before, depth, drop_bps=DROP_BPS)
    return before


def test_half_of_it_is_no_drop_and_less_is_one_when_seen_twice() -> None:
    assert not seen((0, 5_000), (1, 5_000)).has_dropped
    assert seen((0, 4_999), (1, 4_999)).has_dropped


def test_one_absurd_reading_sells_nothing() -> None:
    assert not seen((0, 10_000), (1, 0)).has_dropped
    assert not seen((0, 10_000), (1, 0), (2, 9_900), (3, 0)).has_dropped
    assert not seen((0, 0), (0.4, 0)).has_dropped, "too close to each other"


def test_the_same_reading_told_twice_is_one_reading() -> None:
    once = seen((0, 0))
    assert seen((0, 0), before=once) == once
    assert seen((-5, 0), before=once) == once


def test_two_readings_a_long_silence_apart_say_nothing_about_each_other() -> None:
    late = CONTINUITY.total_seconds() + 1
    assert not seen((0, 0), (late, 0)).has_dropped
    assert seen((0, 0), (late, 0), (late + 1, 0)).has_dropped


def test_what_is_unknown_is_never_a_drop() -> None:
    known = Decimal(50_000)
    assert left_bps(entry_usd=None, now_usd=known) is None
    assert left_bps(entry_usd=known, now_usd=None) is None
    assert left_bps(entry_usd=Decimal(0), now_usd=known) is None
    assert left_bps(entry_usd=known, now_usd=Decimal(-1)) is None
    assert left_bps(entry_usd=known, now_usd=Decimal(0)) == 0, "zero is known"
    assert left_bps(entry_usd=Decimal("0.000001"), now_usd=known) == MOST_BPS


@given(entry=st.decimals("0.01", 10**9, places=2), now=st.decimals(0, 10**9, places=2))
def test_half_is_half_whatever_the_figures(entry: Decimal, now: Decimal) -> None:
    left = left_bps(entry_usd=entry, now_usd=now)
    assert left is not None
    assert (10_000 - left > DROP_BPS) is (now / entry * 10_000 <= DROP_BPS - 1)


def test_a_drop_sells_everything_whatever_the_price() -> None:
    due = judged("1.1", has_liquidity_dropped=True)
    assert due is not None
    assert (due.reason, due.fraction) == (ExitReason.LIQUIDITY_DROP, 1)
    assert reason("0.9", has_liquidity_dropped=True) is ExitReason.HARD_STOP


@pytest.mark.parametrize("takes_own_profit", [True, False])
def test_a_drop_sells_for_followers_of_every_kind(takes_own_profit: bool) -> None:
    held: OpenPosition = position(has_liquidity_dropped=True)
    due = evaluate(
        held,
        price_sol=held.entry_price_sol,
        policy=Policy(),
        now=NOW,
        closing=Closing.NONE,
        takes_own_profit=takes_own_profit,
    )
    assert due is not None
    assert due.reason is ExitReason.LIQUIDITY_DROP
