"""A distribution drawn as columns: heights by count, within by bound, and nothing that cannot be seen."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trading.columns import LEAST_HEIGHT, Column, Frame, columns

FRAME = Frame(width=560, height=120, left=14, top=8, bottom=20)


def drawn(*counts: int, limit: float = 2) -> tuple[Column, ...]:
    """One column for each count, at the bounds 1, 2, 3 … and without one for the last."""
    bounds = (*range(1, len(counts)), math.inf)
    buckets = tuple(zip(bounds, counts, strict=True))
    return columns(buckets, frame=FRAME, limit=limit, label=lambda bound: f"{bound:g}")


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_columns_stand_side_by_side_within_their_frame(counts: list[int]) -> None:
    found = drawn(*counts)
    assert [each.count for each in found] == counts
    for each in found:
        assert FRAME.top - 0.1 <= each.y <= FRAME.base_y
        assert abs(each.y + each.height - FRAME.base_y) <= 0.1
        assert (each.height >= LEAST_HEIGHT) == (each.count > 0)
    for left, right in pairwise(found):
        assert left.edge <= right.x
    assert found[-1].edge <= FRAME.width - FRAME.left


def test_the_highest_reaches_the_top_and_the_others_their_share() -> None:
    assert [each.height for each in drawn(92, 46, 0)] == [FRAME.reach, FRAME.reach / 2, 0]


def test_a_column_is_within_up_to_its_limit_inclusive() -> None:
    assert [each.is_within for each in drawn(1, 1, 1, 1)] == [True, True, False, False]


def test_without_values_columns_have_no_height_and_without_buckets_there_is_none() -> None:
    assert [each.height for each in drawn(0, 0)] == [0, 0]
    assert columns((), frame=FRAME, limit=1, label=str) == ()
