"""The NAV curve: its geometry, its labels, and how few points it needs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_equity
from trading.curve.nav import HEIGHT, MOST_POINTS, WIDTH, draw, nav_curve
from trading.models import EquityPoint

START = datetime(2026, 1, 1, tzinfo=UTC)


def points(navs):
    return [(START + timedelta(minutes=index), nav) for index, nav in enumerate(navs)]


def test_fewer_than_two_points_are_no_curve():
    assert draw([]).spots == ()
    assert draw(points([5])).spots == ()


def test_a_higher_nav_is_drawn_higher():
    low, high = draw(points([1_000_000, 2_000_000])).spots
    assert high.y < low.y
    assert high.change_lamports == 1_000_000


def test_a_flat_line_has_a_scale_of_its_own():
    curve = draw(points([7, 7, 7]))
    assert curve.change_lamports == 0
    assert len({spot.y for spot in curve.spots}) == 1


@given(st.lists(st.integers(0, 10**15), min_size=2, max_size=40))
def test_every_point_lies_inside_the_picture(navs):
    curve = draw(points(navs))
    assert all(0 <= spot.x <= WIDTH and 0 <= spot.y <= HEIGHT for spot in curve.spots)
    assert [spot.x for spot in curve.spots] == sorted(spot.x for spot in curve.spots)
    assert all(spot.strip_width >= 0 for spot in curve.spots)


@pytest.mark.django_db
def test_a_day_of_points_is_thinned_and_keeps_the_newest():
    make_equity([10 + index / 1000 for index in range(2_000)], every=timedelta(seconds=20))
    newest = EquityPoint.objects.latest("at")
    curve = nav_curve(now=newest.at)
    assert MOST_POINTS <= len(curve.spots) <= MOST_POINTS * 2
    assert curve.spots[-1].at == newest.at


@pytest.mark.django_db
def test_points_older_than_a_day_are_left_out():
    make_equity([1, 2, 3], every=timedelta(hours=20))
    curve = nav_curve(now=EquityPoint.objects.latest("at").at)
    assert [spot.nav_lamports for spot in curve.spots] == [2 * 10**9, 3 * 10**9]
