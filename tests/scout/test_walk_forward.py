"""What is chosen on the past is judged on what came after, and only on that."""

import pandas as pd
import pytest

from scout.research.replay import Replay, replay
from scout.research.setting import Setting
from scout.research.verdicts import Limits, summary
from scout.research.walk_forward import fold_begins, walk_forward

from .markets import history, wandering
from .swaps import T0
from .test_backtest_verdicts import DAY, trip


def replays(trips: list[list[dict]]) -> list[Replay]:
    trades = history(*(row for each in trips for row in each))
    return [replay(trades, setting=Setting(strategy=each)) for each in ("SHIELD", "SPEAR")]


def young(number: int) -> list[dict]:
    """A trade that only SPEAR may copy, for its liquidity."""
    return trip(number, liquidity_usd=9_000.0)


def test_a_wallet_that_stopped_being_good_is_judged_by_what_came_after():
    trips = [trip(n) for n in range(10)] + [trip(n, gain=-0.05) for n in range(10, 20)]
    both = replays(trips)
    assert summary(both[0]).loc["W1", "pnl_lamports"] < 0
    result = walk_forward(both, begins=[T0 + 10 * DAY])
    assert result.table.loc["W1", "verdict"] == "NEGATIVE_PNL"
    assert result.table.loc["W1", "copies"] == 10


def test_a_wallet_without_a_profit_so_far_is_not_followed():
    trips = [trip(n, gain=-0.05) for n in range(10)] + [trip(n) for n in range(10, 20)]
    result = walk_forward(replays(trips), begins=[T0 + 10 * DAY, T0 + 15 * DAY])
    assert result.choices.loc["W1"].tolist() == [-1, -1]
    assert result.table.loc["W1", "verdict"] == "INSUFFICIENT_TRADES"


def test_the_way_that_made_most_by_then_is_followed_next():
    trips = [young(n) for n in range(10)] + [trip(n) for n in range(10, 20)]
    result = walk_forward(replays(trips), begins=[T0 + 10 * DAY])
    assert result.choices.loc["W1"].tolist() == [1]
    assert result.table.loc["W1", "verdict"] == "PASSED"


def test_a_score_too_low_when_a_fold_begins_is_not_followed_in_it():
    both = replays([trip(n) for n in range(30)])
    scores = [pd.Series({"W1": 71.0}), pd.Series({"W1": 69.0}), pd.Series(dtype=float)]
    begins = [T0 + n * DAY for n in (10, 20, 25)]
    result = walk_forward(both, begins=begins, limits=Limits(minimum_score=70), scores=scores)
    assert result.choices.loc["W1"].tolist() == [0, -1, -1]
    assert result.table.loc["W1", ["copies", "verdict"]].tolist() == [10, "PASSED"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_later_trades_change_no_earlier_choice(seed):
    trades = wandering(seed, swaps_=400)
    begins = fold_begins(first=int(trades["ts"].min()), until=int(trades["ts"].max()))
    past = trades[trades["ts"] <= begins[1]].reset_index(drop=True)
    early, late = (
        walk_forward(
            [replay(each, setting=Setting(strategy=way)) for way in ("SHIELD", "SPEAR")],
            begins=begins[:2],
            limits=Limits(minimum_trades=1),
        ).choices
        for each in (past, trades)
    )
    assert early.equals(late.loc[early.index])


def test_folds_are_equal_parts_of_the_second_half():
    assert fold_begins(first=0, until=600) == (300, 400, 500)
