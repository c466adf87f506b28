"""Candidates: who buys what leaders buy when they do, and who was early in what did well."""

import pandas as pd

from scout.research.discovery import Source, co_traders, discover, runners, winners

from .markets import history
from .swaps import T0

HOUR, DAY = 3_600, 86_400
NOW = T0 + 10 * DAY


def buy(wallet: str, token: str, ts: int, **more) -> dict:
    return {"wallet": wallet, "token": token, "ts": ts, **more}


def market() -> list[dict]:
    """A leader and a wallet like it; one that buys the same tokens days later; one that buys all."""
    rows = []
    for n in range(8):
        at = T0 + n * DAY
        rows += [buy("leader", f"T{n}", at), buy("alike", f"T{n}", at + HOUR)]
        rows += [buy("late", f"T{n}", at + 2 * DAY), buy("all", f"T{n}", at)]
        rows += [buy("all", f"other{n}-{k}", at) for k in range(10)]
        rows += [buy(f"none{n}-{k}", f"other{n}-{k}", at) for k in range(10)]
    return rows


def run_of(token: str, *, start: float = 0.001, factor: float = 5.0) -> list[dict]:
    """A token that six wallets trade and that rises for a day: early buyers first."""
    born = {"token_created_ts": T0 - HOUR}
    early = [buy("early", token, T0 + 60, price_sol=start, price_after_sol=start, **born)]
    prices = [start] + [start * factor] * 5
    return early + [
        buy(f"{token}-{n}", token, T0 + 120 + n * 4 * HOUR, price_sol=price, **born)
        for n, price in enumerate(prices)
    ]


def test_who_buys_what_a_leader_buys_when_it_does_comes_first():
    found = co_traders(history(*market()), leaders=["leader"])
    assert [each.wallet for each in found] == ["alike", "all"]
    assert found[0].evidence == {"shared": 8, "occasions": 8}
    assert found[0].rank > 2 * found[1].rank


def test_without_leaders_there_are_no_co_traders():
    trades = history(*market())
    assert co_traders(trades, leaders=[]) == []
    assert co_traders(trades, leaders=trades["wallet"].unique()) == []


def test_early_buyers_of_runners_come_before_those_who_were_late():
    quiet = [buy("late", f"Q{n}", T0 + n) for n in range(4)]
    trades = history(
        *run_of("R1"), *run_of("R2"), *quiet, buy("late", "R1", T0 + DAY, price_sol=0.005)
    )
    found = winners(trades, as_of=NOW)
    assert found[0].wallet == "early"
    assert found[0].evidence["runners"] == ["R1", "R2"]
    assert "late" not in {each.wallet for each in found}


def test_a_sniper_of_launches_is_no_early_buyer():
    rows = [row | {"token_created_ts": row["ts"] - 30} for row in run_of("R")[:1]] + run_of("R")[1:]
    assert "early" not in {each.wallet for each in winners(history(*rows), as_of=NOW)}


def test_a_runner_is_recent_rose_for_long_and_was_traded_by_many_with_depth():
    def is_runner(rows: list[dict], *, as_of: int = NOW) -> bool:
        return "R" in runners(history(*rows), as_of=as_of).index

    assert is_runner(run_of("R"))
    assert not is_runner(run_of("R", factor=2.9))
    assert not is_runner(run_of("R"), as_of=T0 + 15 * DAY)
    assert not is_runner([row | {"liquidity_usd": 9_000.0} for row in run_of("R")])
    assert not is_runner([row | {"wallet": "one"} for row in run_of("R")])
    spike = [*run_of("R", factor=1.0), buy("x", "R", T0 + HOUR, price_sol=1.0)]
    assert not is_runner(spike)


def test_leaders_and_known_wallets_are_not_discovered_again_and_sources_take_turns():
    trades = history(*market(), *run_of("R1"), *run_of("R2"))
    found = discover(trades, leaders=["leader"], known=["all"], as_of=NOW)
    names = [each.wallet for each in found]
    assert "leader" not in names
    assert "all" not in names
    assert [each.source for each in found[:2]] == [Source.CO_TRADER, Source.WINNER]


def test_the_future_is_not_looked_at():
    trades = history(*market(), *run_of("R1"))
    past = trades[trades["ts"] <= T0 + 3 * DAY]
    assert discover(trades, leaders=["leader"], known=[], as_of=T0 + 3 * DAY) == discover(
        past, leaders=["leader"], known=[], as_of=T0 + 3 * DAY
    )


def test_an_empty_history_discovers_nobody():
    trades: pd.DataFrame = history({}).iloc[:0]
    assert discover(trades, leaders=["leader"], known=[], as_of=NOW) == ()
