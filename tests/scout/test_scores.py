"""Scores of a population: what they must depend on, and what they must not."""

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scout import scoring
from scout.research.facts import Facts, no_facts
from scout.research.scores import COLUMNS, Settings
from scout.research.trades import trades_of
from scout.scoring import NothingToScore, score

from .populace import AS_OF, DAY, START, frame, population, round_trip
from .swaps import ORDINARY

SKILL = ["skill", "skill_p_positive", "expected_copy_return"]
Rows = list[dict]


def scored(rows: Rows, *, facts: Facts | None = None, as_of: int = AS_OF, **options: Any):
    trades = trades_of(frame(rows), is_strict=True)
    return score(trades, facts=facts or no_facts(), as_of=as_of, **options)


def as_bytes(scores: pd.DataFrame) -> bytes:
    return scores[list(COLUMNS)].to_csv(float_format="%.8g").encode()


@pytest.fixture(scope="module")
def rows() -> Rows:
    return population()


@pytest.fixture(scope="module")
def scores(rows: Rows) -> pd.DataFrame:
    return scored(rows)


def added(rows: Rows, *more: dict) -> Rows:
    return rows + [ORDINARY | {"tx_sig": f"more{n}"} | row for n, row in enumerate(more)]


def test_the_skilled_come_first_and_the_others_stay_out(scores: pd.DataFrame):
    assert [name[0] for name in scores.index[:5]] == ["S"] * 5
    active = scores.index[scores["status"] == "ACTIVE"]
    assert len(active) >= 3
    assert {name[0] for name in active} == {"S"}


def test_the_order_of_the_rows_does_not_matter(rows: Rows, scores: pd.DataFrame):
    shuffled = rows.copy()
    random.Random(3).shuffle(shuffled)
    assert as_bytes(scored(shuffled)) == as_bytes(scores)


def test_neither_parts_nor_processes_show(
    rows: Rows, scores: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scoring, "SWAPS_OF_A_PART", 400)
    assert as_bytes(scored(rows)) == as_bytes(scores)
    assert as_bytes(scored(rows, processes=2)) == as_bytes(scores)


def test_what_comes_later_changes_nothing(rows: Rows, scores: pd.DataFrame):
    later = [
        row | {"ts": AS_OF + 60, "price_sol": 9.0, "tx_sig": f"l{n}"}
        for n, row in enumerate(rows[:50])
    ]
    later.append(ORDINARY | {"wallet": "NEW", "tx_sig": "x", "token": "NEW", "ts": AS_OF + 1})
    assert as_bytes(scored(rows + later)) == as_bytes(scores)


def test_the_past_is_judged_as_it_was_known_then(rows: Rows):
    then = AS_OF - 30 * DAY
    known = [row for row in rows if row["ts"] <= then]
    assert as_bytes(scored(rows, as_of=then)) == as_bytes(scored(known, as_of=then))


@pytest.mark.parametrize("factor", [0.01, 50.0])
@pytest.mark.parametrize("name", ["S0", "P0"])
def test_a_leaders_size_does_not_change_the_verdict_on_a_copier(
    rows: Rows, scores: pd.DataFrame, name: str, factor: float
):
    sized = [
        row | {key: row[key] * factor for key in ("sol_amount", "token_amount")}
        if row["wallet"] == name else row
        for row in rows
    ]  # fmt: skip
    changed = scored(sized)
    verdict = [*SKILL, "archetype", "status"]
    changed = changed.replace(
        {"archetype": "WHALE"}, "DAY_TRADER"
    )  # the one name that tells a size
    pd.testing.assert_frame_equal(
        changed[verdict].sort_index(), scores[verdict].sort_index(), rtol=1e-9
    )


def test_a_token_that_became_a_rug_still_counts_in_its_past(rows: Rows, scores: pd.DataFrame):
    rug = pd.DataFrame(
        {"created_ts": [START], "price_sol": [1e-12], "liquidity_usd": [0.0]}, index=["TOK1"]
    )
    facts = Facts(tokens=rug, wallets=no_facts().wallets, as_of=AS_OF)
    knowing = scored(rows, facts=facts)
    assert knowing["n_copied"].sum() == scores["n_copied"].sum()
    assert as_bytes(knowing) == as_bytes(scores)  # nobody holds it any more


def test_a_rug_in_hand_counts_as_what_it_is_worth(rows: Rows):
    bag = [
        {"wallet": "P0", "token": f"BAG{n}", "ts": AS_OF - DAY, "liquidity_usd": 5e5}
        for n in range(5)
    ]
    tokens = pd.DataFrame(
        {"created_ts": np.nan, "price_sol": 1e-12, "liquidity_usd": 1.0},
        index=[f"BAG{n}" for n in range(5)],
    )
    facts = Facts(tokens=tokens, wallets=no_facts().wallets, as_of=AS_OF)
    with_bags = added(rows, *bag)
    known = scored(with_bags, facts=facts).loc["P0"]
    assert known["net_so_far"] < scored(with_bags).loc["P0", "net_so_far"]
    assert known["n_bags"] == 5
    assert known["expected_copy_return"] < 0


def test_no_data_is_no_score(rows: Rows):
    loner = {"wallet": "ONE", "ts": AS_OF - 60}
    seller = {"wallet": "SELLER", "side": "SELL", "ts": AS_OF - 60}
    found = scored(added(rows, loner, seller))
    assert found.loc[["ONE", "SELLER"], ["wqs", *SKILL]].isna().all(axis=None)
    assert found.loc[["ONE", "SELLER"], "status"].tolist() == ["REJECTED", "REJECTED"]
    assert "INSUFFICIENT_TRADES: 1 copyable positions of 1" in found.loc["ONE", "reasons"]
    assert "1 sales of what was never bought" in found.loc["SELLER", "reasons"]


def test_pools_nobody_knows_are_a_clear_verdict(rows: Rows):
    blind = [
        row | {"liquidity_usd": np.nan, "token": "?" + row["token"]}
        if row["wallet"] == "S0"
        else row
        for row in rows
    ]
    found = scored(blind).loc["S0"]
    assert np.isnan(found["skill"])
    assert "NO_LIQUIDITY_DATA for 100% of its purchases" in found["reasons"]


def test_wallets_known_without_swaps_are_listed_last(rows: Rows):
    wallets = pd.DataFrame(
        {"created_ts": [START, AS_OF + 1], "funder": ""}, index=["IDLE", "UNBORN"]
    )
    found = scored(rows, facts=Facts(tokens=no_facts().tokens, wallets=wallets))
    assert found.index[-1] == "IDLE"
    assert found.loc["IDLE", "reasons"] == "UNKNOWN: no swap is known"
    assert "UNBORN" not in found.index


def test_nothing_known_is_said():
    with pytest.raises(NothingToScore, match="all are later"):
        scored([ORDINARY | {"tx_sig": "a"}], as_of=START)


@pytest.mark.parametrize("count", [1, 2])
def test_a_wallet_or_two_are_scored_with_what_is_believed_of_all(rows: Rows, count: int):
    names = [f"S{n}" for n in range(count)]
    found = scored([row for row in rows if row["wallet"] in names])
    assert len(found) == count
    assert found["expected_copy_return"].between(-0.2, 0.2).all()


def test_one_big_win_is_one_win(rows: Rows):
    prices = np.full(90 * 24 + 1, 1e-4)
    prices[2_100:] *= 30
    spike = round_trip("P0", 99, prices, 2_095, 20)
    found = scored(added(rows, *spike)).loc["P0"]
    assert found["status"] != "ACTIVE"
    assert found["net_so_far"] > 0.2
    assert found["expected_copy_return"] < 0.05


def test_more_skilled_trades_make_surer(rows: Rows):
    half = [row for row in rows if row["wallet"] != "S0" or row["ts"] > AS_OF - 20 * DAY]
    assert scored(half).loc["S0", "skilled"] < scored(rows).loc["S0", "skilled"]


def test_a_rising_market_is_nobodys_skill():
    found = scored(population(drift=0.003))
    plain = found[found.index.str.startswith("P")]
    assert (plain["net_so_far"] > 0.01).mean() > 0.8
    assert plain["expected_copy_return"].median() < 0
    assert not plain["status"].eq("ACTIVE").any()


def test_of_picked_wallets_the_common_mean_is_not_taken_for_the_markets():
    rows = population(drift=0.003)
    picked = scored(rows, settings=Settings(is_chosen=True))
    assert (
        picked["expected_copy_return"].mean() > scored(rows)["expected_copy_return"].mean() + 0.01
    )


def test_silence_lowers_what_is_expected(rows: Rows, scores: pd.DataFrame):
    silent = [row for row in rows if row["wallet"] != "S0" or row["ts"] < AS_OF - 25 * DAY]
    found = scored(silent).loc["S0"]
    assert found["archetype"] == "DORMANT"
    assert found["status"] == "REJECTED"
    assert found["copies_ahead"] < 0.2 * scores.loc["S0", "copies_ahead"]
