"""Each verdict where it belongs, with a sentence that names the figures."""

import pandas as pd
import pytest

from scout.research.backtest import backtest_of
from scout.research.replay import replay
from scout.research.setting import Setting
from scout.research.verdicts import Limits, summary

from .markets import history
from .swaps import T0

DAY = 86_400


def trip(number: int, *, gain: float = 0.05, **entry) -> list[dict]:
    """A buy and its sale an hour later, a day after the one before."""
    start, price = T0 + number * DAY, 0.001 * (1 + gain)
    token = f"T{number}"
    return [
        {"ts": start, "token": token, "liquidity_usd": 1e9, **entry},
        {
            "ts": start + 3_600, "token": token, "side": "SELL", "token_amount": 1_000.0,
            "sol_amount": 1_000 * price, "price_sol": price, "price_after_sol": price,
            "liquidity_usd": 1e9,
        },
    ]  # fmt: skip


def verdict(trips: list[list[dict]], **options) -> tuple[str, str]:
    trades = history(*(row for each in trips for row in each))
    result = backtest_of(replay(trades, setting=Setting()), trades, wallet="W1", **options)
    return result.verdict, result.text


def good(count: int) -> list[list[dict]]:
    return [trip(number) for number in range(count)]


def test_five_good_trades_pass_and_four_do_not_suffice():
    assert verdict(good(5))[0] == "PASSED"
    assert verdict(good(4)) == (
        "INSUFFICIENT_TRADES",
        "4 copies of 4 chances: at least 5 are asked for",
    )


@pytest.mark.parametrize(
    ("expected", "entry"),
    [
        ("NO_LIQUIDITY_DATA", {"liquidity_usd": None}),
        ("LIQUIDITY", {"liquidity_usd": 9_999.0}),
        ("LIQUIDITY", {"liquidity_usd": 0.0}),
        ("SLIPPAGE", {"price_after_sol": 0.0012}),
        ("TOO_MANY_REFUSED", {"token_created_ts": T0 + 400 * DAY}),
    ],
)
def test_more_than_half_refused_is_named_by_its_cause(expected, entry):
    refused = [trip(number, **entry) for number in range(20, 26)]
    code, text = verdict(good(5) + refused)
    assert code == expected
    assert text.startswith("6 of 11 chances refused")
    assert verdict(good(6) + refused)[0] == "PASSED"


def test_different_causes_together_are_too_many_refused():
    refused = [trip(number, liquidity_usd=1.0) for number in range(5, 8)]
    refused += [trip(number, price_after_sol=0.0012) for number in range(8, 11)]
    assert verdict(good(5) + refused)[0] == "TOO_MANY_REFUSED"


def test_buying_more_of_what_is_held_is_no_refusal():
    more = [
        {"ts": T0 + number * DAY + 60 * n, "token": f"T{number}", "liquidity_usd": 1e9}
        for number in range(5)
        for n in range(1, 5)
    ]
    assert verdict([*good(5), more])[0] == "PASSED"


def test_what_loses_after_costs_does_not_pass():
    code, text = verdict([trip(number, gain=0.01) for number in range(6)])
    assert code == "NEGATIVE_PNL"
    assert "before costs" in text


def test_what_costs_eat_up_almost_wholly_does_not_pass():
    code, text = verdict([trip(number, gain=0.0145) for number in range(6)])
    assert code == "PNL_REDUCTION"
    assert text.startswith("costs and delay leave +0.0")


def test_a_score_is_asked_for_only_where_a_limit_is_set_and_none_reaches_no_limit():
    limits = Limits(minimum_score=70)
    assert verdict(good(5), limits=limits, score=70)[0] == "PASSED"
    assert verdict(good(5), limits=limits, score=69.9) == (
        "SCORE_TOO_LOW",
        "score 69.9, asked for 70",
    )
    assert verdict(good(5), limits=limits)[0] == "SCORE_TOO_LOW"


def test_only_what_was_bought_since_then_is_judged():
    trips = good(6) + [trip(number, gain=-0.05) for number in range(6, 12)]
    assert verdict(trips, since=T0 + 6 * DAY)[0] == "NEGATIVE_PNL"
    assert verdict(trips, since=T0 + 8 * DAY)[0] == "INSUFFICIENT_TRADES"


def test_the_summary_has_every_wallet_and_scores_by_wallet():
    rows = [row for each in good(5) for row in each]
    both = history(*rows, *({**row, "wallet": "W2"} for row in rows))
    done = replay(both, setting=Setting())
    table = summary(done, limits=Limits(minimum_score=1), scores=pd.Series({"W2": 2.0}))
    assert table["verdict"].to_dict() == {"W1": "SCORE_TOO_LOW", "W2": "PASSED"}
    assert table["copies"].tolist() == [5, 5]
