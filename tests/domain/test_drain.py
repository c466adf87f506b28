"""What left the wallet without us: only what lasts counts, whatever a lagging node shows meanwhile."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.facts import NOW
from trading.domain.drain import OutsidePoint, drained_lamports

SOL = 10**9


def drained(*levels: float, every: float = 5) -> int | None:
    """After these levels in SOL, one every few seconds."""
    return drained_lamports(
        [
            OutsidePoint(at=NOW + timedelta(seconds=every * place), lamports=int(level * SOL))
            for place, level in enumerate(levels)
        ]
    )


def test_a_fall_that_lasts_is_what_was_drained() -> None:
    assert drained(20, 20, 20, 20, 20, 14, 14, 14) == 0, "not yet"
    assert drained(20, 20, 20, 20, 20, 14, 14, 14, 14) == 6 * SOL
    assert drained(20, 20, 20, 20, 20, 14, 14, 12, 14) == 6 * SOL


def test_a_node_that_lags_shows_no_theft() -> None:
    assert drained(20, 20, 20, 8, 8, 8, 20, 20, 20, 20, 20) == 0, "sales it did not know of yet"
    assert drained(20, 20, 20, 32, 32, 32, 20, 20, 20, 20, 20) == 0, "buys it did not know of yet"


def test_a_deposit_that_is_taken_out_again_counts_from_its_level() -> None:
    assert drained(20, 20, *[30] * 5, *[24] * 4) == 6 * SOL


def test_what_comes_in_is_nothing_drained_and_nothing_known_is_not_zero() -> None:
    assert drained(*[20] * 5, *[30] * 5) == 0
    assert drained() is None
    assert drained(20) == 0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40))
def test_never_more_than_the_whole_fall(levels: list[float]) -> None:
    found = drained(*levels)
    assert found is not None
    assert 0 <= found <= int(max(levels) * SOL) - int(min(levels) * SOL)
