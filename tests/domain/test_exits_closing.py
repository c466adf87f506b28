"""What kill switch and circuit breaker add to the exits: all, or the losers and a tighter stop for winners."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.facts import NOW
from trading.domain.exits import Exit, ExitReason, OpenPosition, evaluate
from trading.domain.policy import Policy
from trading.domain.trips import Closing

ENTRY = Decimal("0.000002")


def judged(factor: str, closing: Closing, *, peak: str = "1", **changes: Any) -> Exit | None:
    """The exit at this multiple of the entry price, after this highest one."""
    values: dict[str, Any] = {
        "strategy": "SHIELD",
        "entry_price_sol": ENTRY,
        "peak_price_sol": ENTRY * Decimal(peak),
        "tiers_taken": 0,
        "opened_at": NOW - timedelta(minutes=5),
        **changes,
    }
    return evaluate(
        OpenPosition(**values),
        price_sol=ENTRY * Decimal(factor),
        policy=Policy(),
        now=NOW,
        closing=closing,
    )


@pytest.mark.parametrize("factor", ["0.5", "1", "3"])
def test_closing_everything_sells_winners_and_losers_whole(factor: str) -> None:
    due = judged(factor, Closing.ALL)
    assert due is not None
    assert (due.reason, due.fraction) == (ExitReason.KILL_SWITCH, 1)


def test_a_loser_is_sold_at_any_loss_and_not_at_its_entry() -> None:
    due = judged("0.9999", Closing.LOSERS)
    assert due is not None
    assert (due.reason, due.fraction) == (ExitReason.BREAKER, 1)
    assert judged("1", Closing.LOSERS) is None
    assert judged("0.9999", Closing.NONE) is None


def test_a_hard_stop_keeps_its_own_reason() -> None:
    due = judged("0.9", Closing.LOSERS)
    assert due is not None
    assert due.reason is ExitReason.HARD_STOP


def test_a_winner_stays_until_it_falls_five_percent_from_its_peak() -> None:
    assert judged("1.1401", Closing.LOSERS, peak="1.2") is None
    due = judged("1.14", Closing.LOSERS, peak="1.2")
    assert due is not None
    assert due.reason is ExitReason.TRAILING_STOP
    assert judged("1.14", Closing.NONE, peak="1.2") is None, "not active below +25 %"


def test_a_tightened_stop_is_never_wider_than_the_strategys_own() -> None:
    tight = Policy()
    assert tight.breaker.tightened_distance_bps < tight.shield.trailing_distance_bps
    for factor in ("1.4", "1.36"):
        usual = judged(factor, Closing.NONE, peak="1.5", tiers_taken=1)
        held = judged(factor, Closing.LOSERS, peak="1.5", tiers_taken=1)
        assert usual is None
        assert held is not None


@given(
    factor=st.decimals("0.01", 20, places=4),
    peak=st.decimals(1, 20, places=4),
    strategy=st.sampled_from(["SHIELD", "SPEAR"]),
)
def test_a_halt_only_ever_adds_exits(factor: Decimal, peak: Decimal, strategy: str) -> None:
    usual = judged(str(factor), Closing.NONE, peak=str(peak), strategy=strategy)
    for closing in (Closing.LOSERS, Closing.ALL):
        due = judged(str(factor), closing, peak=str(peak), strategy=strategy)
        assert usual is None or due is not None
