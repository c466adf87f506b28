"""First in, first out: nothing is lost between a lot and what is taken out of it, however it is split."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trading.domain.lots import OpenLot, Taken, take

RAW = st.integers(1, 2**64 - 1)
LAMPORTS = st.integers(0, 10**15)


def lot(bought: int, cost: int) -> OpenLot:
    return OpenLot(bought_raw=bought, cost_lamports=cost, left_raw=bought)


LOTS = st.lists(st.builds(lot, RAW, LAMPORTS), min_size=1, max_size=4)


def after(lots: list[OpenLot], taken: list[Taken]) -> list[OpenLot]:
    """The lots once this has been taken out of them."""
    left = {each.lot: each.left_raw for each in taken}
    return [
        replace(each, left_raw=left.get(place, each.left_raw)) for place, each in enumerate(lots)
    ]


def held(lots: list[OpenLot]) -> int:
    return sum(each.left_raw for each in lots)


def test_the_oldest_lot_goes_first_and_brings_its_own_cost() -> None:
    lots = [lot(100, 1_000), lot(50, 2_000)]
    assert take(lots, token_raw=120, proceeds_lamports=600) == [
        Taken(lot=0, token_raw=100, cost_lamports=1_000, proceeds_lamports=500, left_raw=0),
        Taken(lot=1, token_raw=20, cost_lamports=800, proceeds_lamports=100, left_raw=30),
    ]


def test_more_than_there_is_takes_what_there_is_and_nothing_takes_nothing() -> None:
    [taken] = take([lot(10, 100)], token_raw=11, proceeds_lamports=7)
    assert (taken.token_raw, taken.cost_lamports, taken.proceeds_lamports) == (10, 100, 7)
    assert take([lot(10, 100)], token_raw=0, proceeds_lamports=0) == []
    assert take([], token_raw=5, proceeds_lamports=0) == []


@given(LOTS, st.data())
def test_no_lamport_of_cost_or_proceeds_is_ever_lost(
    lots: list[OpenLot], data: st.DataObject
) -> None:
    bought, cost = held(lots), sum(each.cost_lamports for each in lots)
    taken_raw = taken_cost = got = paid_out = 0
    for _ in range(data.draw(st.integers(1, 5))):
        proceeds = data.draw(LAMPORTS)
        taken = take(lots, token_raw=data.draw(RAW), proceeds_lamports=proceeds)
        lots = after(lots, taken)
        taken_raw += sum(each.token_raw for each in taken)
        taken_cost += sum(each.cost_lamports for each in taken)
        got += sum(each.proceeds_lamports for each in taken)
        paid_out += proceeds if taken else 0
        assert all(each.cost_lamports >= 0 and each.proceeds_lamports >= 0 for each in taken)
        assert taken_raw + held(lots) == bought
        assert taken_cost + sum(each.left_cost_lamports for each in lots) == cost
        assert got == paid_out


@given(LOTS, st.data())
def test_split_sales_cost_what_one_sale_costs(lots: list[OpenLot], data: st.DataObject) -> None:
    """And so their PnL is the same at every point on the way, not only at the end."""
    total = data.draw(st.integers(1, held(lots)))
    cuts = sorted(data.draw(st.sets(st.integers(1, total), max_size=6)) | {total})
    at_once = take(lots, token_raw=total, proceeds_lamports=0)
    in_parts, rest = 0, lots
    for before, cut in pairwise([0, *cuts]):
        taken = take(rest, token_raw=cut - before, proceeds_lamports=0)
        in_parts += sum(each.cost_lamports for each in taken)
        rest = after(rest, taken)
    assert in_parts == sum(each.cost_lamports for each in at_once)
    assert rest == after(lots, at_once)
