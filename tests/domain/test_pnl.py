"""Prices, values and gains: exact integers in, nothing made of nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.pnl import apportioned_cost_lamports, gain_bps, price_sol, value_lamports

amounts = st.integers(1, 2**64 - 1)
lamports = st.integers(1, 10**15)
decimals = st.integers(0, 12)


def test_a_price_is_sol_per_whole_token() -> None:
    assert price_sol(lamports=500_000_000, token_raw=2_000_000, decimals=6) == Decimal("0.25")
    assert price_sol(lamports=1, token_raw=1, decimals=0) == Decimal("1e-9")


@given(lamports, amounts, decimals)
def test_what_was_paid_is_what_it_is_worth_at_its_own_price(
    paid: int, raw: int, places: int
) -> None:
    price = price_sol(lamports=paid, token_raw=raw, decimals=places)
    assert abs(value_lamports(token_raw=raw, decimals=places, price_sol=price) - paid) <= 1


@given(st.integers(0, 10**15), amounts, st.data())
def test_cost_of_the_rest_and_of_the_sold_part_add_up(
    cost: int, bought: int, data: st.DataObject
) -> None:
    held = data.draw(st.integers(0, bought))
    rest = apportioned_cost_lamports(cost_lamports=cost, held_raw=held, bought_raw=bought)
    assert 0 <= rest <= cost
    assert rest * bought <= cost * held < (rest + 1) * bought


def test_nothing_held_costs_nothing_and_everything_costs_all() -> None:
    assert apportioned_cost_lamports(cost_lamports=7, held_raw=0, bought_raw=3) == 0
    assert apportioned_cost_lamports(cost_lamports=7, held_raw=3, bought_raw=3) == 7
    assert apportioned_cost_lamports(cost_lamports=7, held_raw=0, bought_raw=0) == 0


@pytest.mark.parametrize(
    ("price", "bps"),
    [
        ("1", 0),
        ("1.25", 2_500),
        ("0.92", -800),
        ("0.92001", -800),
        ("0.919999", -801),
        ("0", -10_000),
    ],
)
def test_a_gain_is_rounded_against_us(price: str, bps: int) -> None:
    assert gain_bps(entry_price_sol=Decimal(1), price_sol=Decimal(price)) == bps


@pytest.mark.parametrize("entry", ["0", "-1"])
def test_no_gain_without_an_entry_price(entry: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        gain_bps(entry_price_sol=Decimal(entry), price_sol=Decimal(1))
