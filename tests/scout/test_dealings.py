"""Positions and lots, computed for all wallets at once, are those of a walk swap by swap."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scout.research.costs import Costs
from scout.research.dealings import Swaps, follow, swaps_of
from scout.research.marks import known_liquidity, marks_at
from scout.research.positions import positions_of
from scout.research.round_trips import LeaderFees, round_trips
from scout.research.trades import trades_of

from .swaps import T0, swaps

COSTS = Costs()
NO_FEES = LeaderFees(network_sol=0.0, tip_sol=0.0, rent_sol=0.0)
NO_FACTS = pd.DataFrame({"created_ts": [], "price_sol": [], "liquidity_usd": []}, dtype=float)

a_swap = st.fixed_dictionaries(
    {
        "wallet": st.sampled_from(["A", "B"]),
        "token": st.sampled_from(["X", "Y"]),
        "side": st.sampled_from(["BUY", "BUY", "SELL"]),
        "ts": st.integers(T0, T0 + 500),
        "token_amount": st.sampled_from([1.0, 2.0, 3.0, 10.0]),
        "price_sol": st.sampled_from([0.5, 1.0, 2.0]),
        "price_after_sol": st.sampled_from([0.6, 1.1, ""]),
        "liquidity_usd": st.sampled_from([1_000.0, 100_000.0]),
    }
)


def studied(rows: list[dict]) -> tuple[pd.DataFrame, Swaps]:
    for row in rows:
        row["sol_amount"] = row["token_amount"] * row["price_sol"]
    frame = trades_of(pd.DataFrame(swaps(*rows)), is_strict=True).rows
    return frame, swaps_of(frame, liquidity=known_liquidity(frame), costs=COSTS)


def positions(rows: list[dict]) -> pd.DataFrame:
    frame, table = studied(rows)
    marks = marks_at(frame, NO_FACTS, sol_usd=150)
    return positions_of(
        table, follow(table, costs=COSTS), marks=marks, as_of=T0 + 1_000, costs=COSTS
    )


def walked(table: Swaps) -> list[tuple[float, float]]:
    """What each sale brings a copier, gross and net, one swap after the other."""
    books: dict[tuple[int, int], list[float]] = {}
    brought = []
    for n in range(len(table.ts)):
        book = books.setdefault((table.wallet[n], table.token[n]), [0.0, 0.0, 0.0])
        if table.is_buy[n]:
            book[0] += table.tokens[n]
            if table.can_copy[n]:
                book[1] += 1 / table.price[n]
                book[2] += 0.997 / (table.quote[n] * (1 + 1 / table.depth[n]))
            brought.append((0.0, 0.0))
            continue
        share = min(table.tokens[n] / book[0], 1.0) if book[0] > 0 else 0.0
        value = share * book[2] * table.quote[n]
        net = value / (1 + value / table.depth[n]) * 0.997 * 0.998
        brought.append((share * book[1] * table.price[n], net))
        books[(table.wallet[n], table.token[n])] = [held * (1 - share) for held in book]
    return brought


def first_in_first_out(table: Swaps) -> list[tuple[int, int, float]]:
    """(bought at, sold at, tokens) of every lot, by a queue."""
    queues: dict[tuple[int, int], list[list[float]]] = {}
    lots = []
    for n in range(len(table.ts)):
        queue = queues.setdefault((table.wallet[n], table.token[n]), [])
        if table.is_buy[n]:
            queue.append([table.ts[n], table.tokens[n]])
            continue
        rest = table.tokens[n]
        while rest > 1e-12 and queue:
            part = min(rest, queue[0][1])
            lots.append((int(queue[0][0]), int(table.ts[n]), part))
            rest -= part
            queue[0][1] -= part
            if queue[0][1] <= 1e-12:
                queue.pop(0)
    return lots


@settings(max_examples=40, deadline=None)
@given(st.lists(a_swap, min_size=1, max_size=30))
def test_a_copier_sells_what_a_walk_swap_by_swap_would_sell(rows):
    _, table = studied(rows)
    outcome = follow(table, costs=COSTS)
    expected = np.array(walked(table))
    np.testing.assert_allclose(outcome.gross, expected[:, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(outcome.net, expected[:, 1], rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(a_swap, min_size=1, max_size=30))
def test_lots_are_first_in_first_out(rows):
    frame, table = studied(rows)
    lots = round_trips(frame, table, follow(table, costs=COSTS), fees=NO_FEES)
    expected = first_in_first_out(table)
    assert sorted(zip(lots["bought_ts"], lots["sold_ts"], strict=True)) == sorted(
        (bought, sold) for bought, sold, _ in expected
    )
    price = dict(zip(frame["ts"], frame["price_sol"], strict=True))
    if len(price) == len(frame):  # no two swaps at one moment: prices can be told by it
        spent = sum(price[bought] * tokens for bought, _, tokens in expected)
        assert lots["cost_sol"].sum() == pytest.approx(spent)


def test_fees_tips_and_rent_are_the_leaders():
    frame, table = studied(
        [{"token_amount": 1.0, "price_sol": 1.0, "jito_tip": 1},
         {"token_amount": 1.0, "price_sol": 2.0, "side": "SELL", "ts": T0 + 9}]
    )  # fmt: skip
    fees = LeaderFees(network_sol=0.01, tip_sol=0.02, rent_sol=0.5)
    lots = round_trips(frame, table, follow(table, costs=COSTS), fees=fees)
    assert lots["cost_sol"].tolist() == pytest.approx([1.53])
    assert lots["proceeds_sol"].tolist() == pytest.approx([2.49])


def test_a_sale_of_what_was_never_bought_is_no_position():
    assert positions([{"token_amount": 5.0, "price_sol": 1.0, "side": "SELL"}]).empty


def test_a_position_ends_when_all_is_sold_and_the_next_purchase_opens_another():
    rows = [
        {"token_amount": 2.0, "price_sol": 1.0, "side": side, "ts": T0 + n}
        for n, side in enumerate(["BUY", "SELL", "BUY"])
    ]
    assert positions(rows)["is_open"].tolist() == [False, True]


def test_a_bag_is_worth_what_was_last_paid_by_anyone():
    bought = {"token_amount": 2.0, "price_sol": 1.0, "price_after_sol": 1.0}
    crash = {
        "wallet": "B",
        "token_amount": 1.0,
        "price_sol": 0.1,
        "price_after_sol": 0.1,
        "ts": T0 + 5,
    }
    held = positions([bought, crash]).iloc[-1]
    assert held["is_open"]
    assert held["gross"] == pytest.approx(0.1 / 0.997 - 1)


def test_pools_too_thin_or_unknown_are_not_bought_into():
    rows = [{"token_amount": 2.0, "price_sol": 1.0, "liquidity_usd": usd, "token": f"T{usd}"}
            for usd in (4_999.0, 5_000.0, "")]  # fmt: skip
    assert sorted(positions(rows)["copies"]) == [0, 0, 1]


def test_a_gap_in_liquidity_takes_the_last_sighting_for_a_day():
    rows = [{"token_amount": 2.0, "price_sol": 1.0, "ts": T0},
            {"token_amount": 2.0, "price_sol": 1.0, "ts": T0 + 86_400, "liquidity_usd": ""},
            {"token_amount": 2.0, "price_sol": 1.0, "ts": T0 + 86_401, "liquidity_usd": ""}]  # fmt: skip
    frame, _ = studied(rows)
    assert known_liquidity(frame).tolist() == pytest.approx([100_000, 100_000, np.nan], nan_ok=True)
