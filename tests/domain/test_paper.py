"""A paper fill: the quote less the penalty, and where the penalty comes from."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.paper import (
    FEWEST_SAMPLES,
    PRIOR_PENALTY_BPS,
    PaperError,
    PenaltySource,
    assumed_fill,
    failure,
    observed_fill,
)

RAW = st.integers(min_value=0, max_value=2**64 - 1)
BPS = st.decimals(min_value=-10_000, max_value=10_000, places=4)


def test_an_observed_fill_is_what_the_second_quote_said() -> None:
    fill = observed_fill(quoted_out_raw=1_000_000, out_at_landing_raw=985_000)
    assert (fill.out_raw, fill.penalty_bps) == (985_000, Decimal(150))
    assert (fill.source, fill.samples) == (PenaltySource.OBSERVED, 1)


def test_with_too_few_observations_the_prior_is_the_penalty() -> None:
    fill = assumed_fill(quoted_out_raw=1_000_000, observed_bps=[Decimal(1)] * (FEWEST_SAMPLES - 1))
    assert (fill.source, fill.penalty_bps) == (PenaltySource.PRIOR, PRIOR_PENALTY_BPS)
    assert fill.out_raw == 990_000


@pytest.mark.parametrize(
    ("each", "penalty"), [(Decimal(40), Decimal(40)), (Decimal(-40), Decimal(0))]
)
def test_a_measured_penalty_is_the_mean_of_ours_and_never_in_our_favour(
    each: Decimal, penalty: Decimal
) -> None:
    fill = assumed_fill(quoted_out_raw=1_000_000, observed_bps=[each] * FEWEST_SAMPLES)
    assert (fill.source, fill.penalty_bps) == (PenaltySource.MEASURED, penalty)
    assert fill.samples == FEWEST_SAMPLES


@given(quoted=RAW, observed=st.lists(BPS, max_size=30))
def test_an_assumed_fill_is_never_more_than_quoted(quoted: int, observed: list[Decimal]) -> None:
    assert 0 <= assumed_fill(quoted_out_raw=quoted, observed_bps=observed).out_raw <= quoted


@given(quoted=RAW, out=RAW)
def test_an_observed_fill_has_a_penalty_that_a_column_holds(quoted: int, out: int) -> None:
    fill = observed_fill(quoted_out_raw=quoted, out_at_landing_raw=out)
    assert fill.out_raw == out
    assert abs(fill.penalty_bps) < 10**8


@pytest.mark.parametrize(
    ("minimum", "paid", "error"),
    [
        (990, 10, None),
        (991, 10, PaperError.SLIPPAGE),
        (None, 10, None),
        (990, 11, PaperError.INSUFFICIENT_FUNDS),
    ],
)
def test_it_fails_as_the_chain_would(
    minimum: int | None, paid: int, error: PaperError | None
) -> None:
    fill = observed_fill(quoted_out_raw=1_000, out_at_landing_raw=990)
    assert failure(fill, minimum_out_raw=minimum, paid_raw=paid, owned_raw=10) is error
