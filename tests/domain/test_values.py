"""Lamports and SOL convert exactly or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from trading.domain.values import QUOTE_MINTS, lamports_to_sol, sol_to_lamports


@given(st.integers(-(2**64), 2**64))
def test_there_and_back_is_the_same_amount(lamports: int) -> None:
    assert sol_to_lamports(lamports_to_sol(lamports)) == lamports


@pytest.mark.parametrize("sol", ["0.0000000001", "1.1234567891", "1e-10"])
def test_a_fraction_of_a_lamport_is_refused(sol: str) -> None:
    with pytest.raises(ValueError, match="whole number of lamports"):
        sol_to_lamports(Decimal(sol))


def test_the_quote_currencies_are_three_real_addresses() -> None:
    assert len({Pubkey.from_string(mint) for mint in QUOTE_MINTS}) == 3
