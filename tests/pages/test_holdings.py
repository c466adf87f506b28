"""What a position is worth and where its stop and next tier lie."""

from decimal import Decimal

import pytest

from tests.factories import (
    FEE_LAMPORTS,
    TIP_LAMPORTS,
    make_fill,
    make_policy_revision,
    make_position,
    make_signal,
    make_submission,
    sol,
)
from trading.domain.exits import ExitReason, OpenPosition, evaluate
from trading.domain.policy import Policy
from trading.holdings import open_holdings

pytestmark = pytest.mark.django_db
COSTS = TIP_LAMPORTS + FEE_LAMPORTS


def the_holding():
    (holding,) = open_holdings()
    return holding


def test_a_fresh_position_has_lost_its_fee_and_tip():
    make_position(gain=0)
    assert the_holding().pnl_lamports == -COSTS


def test_pnl_moves_with_the_price():
    make_position(gain="0.2")
    holding = the_holding()
    assert holding.unrealised_lamports == sol("0.05")
    assert holding.pnl_lamports == sol("0.05") - COSTS
    assert holding.gain == Decimal("0.2")


def test_a_partial_exit_is_realised_and_the_rest_stays_at_the_price():
    position = make_position(gain="0.5", bought_raw=900_000_000)
    selling = make_signal(action="SELL", strategy="EXIT", status="COMPLETED", position=position)
    submission = make_submission(selling, position=position)
    make_fill(submission, position, sol_lamports=sol("0.125"), token_raw=300_000_000)
    position.held_raw = 600_000_000
    position.realised_pnl_lamports = sol("0.125") - sol("0.25") // 3 - 2 * COSTS
    position.save()
    holding = the_holding()
    # a third cost 0.08333 and brought 0.125; two thirds stand at +50 %
    assert holding.pnl_lamports == pytest.approx(sol("0.125") - 2 * COSTS, abs=2)
    assert holding.held_share == Decimal(2) / 3


@pytest.mark.parametrize(
    ("strategy", "peak", "reason"),
    [
        ("SHIELD", "0.05", ExitReason.HARD_STOP),
        ("SPEAR", "0.2", ExitReason.HARD_STOP),
        ("SHIELD", "0.3", ExitReason.TRAILING_STOP),
        ("SPEAR", "0.9", ExitReason.TRAILING_STOP),
    ],
)
def test_the_stop_shown_is_the_price_at_which_the_rules_sell(strategy, peak, reason):
    position = make_position(strategy=strategy, peak=peak, tiers_taken=3)
    outlook = the_holding().outlook
    known = OpenPosition(
        strategy=strategy,
        entry_price_sol=position.entry_price_sol,
        peak_price_sol=position.peak_price_sol,
        tiers_taken=3,
        opened_at=position.opened_at,
    )

    def exit_at(factor: str):
        price = outlook.stop_price_sol * Decimal(factor)
        return evaluate(known, price_sol=price, policy=Policy(), now=position.opened_at)

    assert exit_at("1.0005") is None
    assert exit_at("0.9999").reason is reason
    assert outlook.is_trailing == (reason is ExitReason.TRAILING_STOP)


def test_the_track_runs_from_the_stop_to_the_next_tier():
    make_position(gain="0.25", peak="0.25", tiers_taken=1)
    outlook = the_holding().outlook
    assert outlook.tier_gain == Decimal("0.5")
    assert outlook.tiers_taken == 1
    assert 0 < outlook.along < 1


def test_past_every_tier_there_is_no_next_one():
    make_position(gain="1.5", tiers_taken=3)
    outlook = the_holding().outlook
    assert outlook.tier_gain is None
    assert outlook.along == 1


def test_the_active_policy_sets_the_stop():
    from dataclasses import replace

    policy = Policy()
    strict = replace(policy, shield=replace(policy.shield, hard_stop_bps=100))
    make_policy_revision(strict, number=991)
    position = make_position()
    assert the_holding().outlook.stop_price_sol == position.entry_price_sol * Decimal("0.99")
