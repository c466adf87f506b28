"""Who is admitted: few trades may be enough, a record that hides its losses never is."""

import numpy as np
import pandas as pd

from scout.research.facts import no_facts
from scout.research.trades import trades_of
from scout.scoring import score

from .populace import AS_OF, DAY, START, frame, population, round_trip
from .swaps import ORDINARY


def scored(rows: list[dict]) -> pd.DataFrame:
    return score(trades_of(frame(rows), is_strict=True), facts=no_facts(), as_of=AS_OF)


def never_sells_a_loser(name: str, *, wins: int) -> list[dict]:
    """Takes 15 % whenever it can get them; one loser is still held, at half of what it cost."""
    rows = []
    for n in range(wins):
        hour = 20 + 150 * n
        prices = np.full(90 * 24 + 1, 1e-4)
        prices[hour + 5 :] *= 1.15
        rows += round_trip(name, 100 + n, prices, hour, 6)
    bought = rows[0] | {"token": "BAG", "ts": START + 30 * DAY}
    sol = bought["sol_amount"] / 2
    later = {"ts": AS_OF - DAY, "sol_amount": sol, "price_sol": sol / bought["token_amount"]}
    seen = bought | later | {"wallet": "P0", "price_after_sol": later["price_sol"]}
    return [
        ORDINARY | row | {"tx_sig": f"{name}{n}"} for n, row in enumerate([*rows, bought, seen])
    ]


def test_who_never_sold_a_loser_is_no_leader_whatever_the_record():
    scores = scored(population() + never_sells_a_loser("B", wins=14))
    holder = scores.loc["B"]
    assert (holder["archetype"], holder["status"]) == ("BAG_HOLDER", "REJECTED")
    assert "losses never sold" in holder["reasons"]


def test_few_trades_admit_the_best_and_tell_the_others_what_is_missing():
    scores = scored(population(skilled=10, plain=50, trades=25))
    active = scores[scores["status"] == "ACTIVE"]
    assert len(active) >= 1
    assert {name[0] for name in active.index} == {"S"}
    waiting = scores[(scores["status"] == "CANDIDATE") & (scores["expected_copy_return"] > 0)]
    assert len(waiting) >= 1
    assert waiting["reasons"].str.contains("not ACTIVE yet: ").all()
    assert waiting["reasons"].str.contains("score it again with a longer history").all()


def test_nobody_is_admitted_where_nobody_has_skill():
    assert not scored(population(skilled=0, plain=60))["status"].eq("ACTIVE").any()


def test_who_goes_round_and_round_for_nothing_is_a_wash_trader():
    rows = []
    for n in range(12):
        opened = {"wallet": "W", "token": "RING", "ts": START + n * 3_600, "tx_sig": f"W{n}b"}
        sold = {"sol_amount": 0.99, "price_sol": 0.00099, "price_after_sol": 0.00099}
        closed = opened | sold | {"side": "SELL", "ts": opened["ts"] + 80, "tx_sig": f"W{n}s"}
        rows += [ORDINARY | opened, ORDINARY | closed]
    churner = scored(population() + rows).loc["W"]
    assert (churner["archetype"], churner["status"]) == ("WASH_TRADER", "REJECTED")
    assert "mean return" in churner["reasons"]


def test_who_picks_worse_than_others_is_not_called_skilled():
    rows = population()
    unlucky = [row for row in population(seed=2, drift=-0.004) if row["wallet"] == "P0"]
    rows += [row | {"wallet": "L", "tx_sig": f"L{n}"} for n, row in enumerate(unlucky)]
    found = scored(rows).loc["L"]
    assert found["net_so_far"] < -0.01
    assert found["skilled"] < 0.1
