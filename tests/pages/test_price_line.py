"""The price of a position since its entry, with its levels and fills, drawn from the prices that were kept."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from trading.curve.price import HEIGHT, MOST_POINTS, WIDTH, PriceLine, price_line
from trading.holdings import describe
from trading.models import Position
from trading.services.ticks import Tick, add_ticks, thinned_ticks

pytestmark = pytest.mark.django_db
NOW = timezone.now()
SECOND = timedelta(seconds=1)


@pytest.fixture
def position() -> Position:
    return factories.make_position(
        opened_at=NOW - 600 * SECOND,
        cost_lamports=10**9,
        bought_raw=10**9,
        gain="0.05",
        peak="0.1",
    )


def tick(position: Position, *prices: str, every: timedelta = SECOND) -> None:
    add_ticks(
        [
            Tick(
                mint=position.mint,
                at=position.opened_at + (number + 1) * every,
                price_sol=Decimal(price),
                source="jupiter",
            )
            for number, price in enumerate(prices)
        ]
    )


def line_of(position: Position) -> PriceLine:
    return price_line(describe([position])[0], position.fills.order_by("id"), now=NOW)


def test_without_a_price_there_is_no_line(position: Position) -> None:
    assert line_of(position).line == ""
    tick(position, "0.001")
    assert len(line_of(position).spots) == 1


def test_a_price_stays_until_the_next_one_and_the_last_to_the_end(position: Position) -> None:
    tick(position, "0.001", "0.0012", every=280 * SECOND)
    chart = line_of(position)
    first, second = chart.spots
    assert chart.line.split() == [
        f"{first.x},{first.y}",
        f"{second.x},{first.y}",
        f"{second.x},{second.y}",
        f"{float(WIDTH)},{second.y}",
    ]


def test_a_price_nobody_looked_at_again_is_not_drawn_to_the_end(position: Position) -> None:
    tick(position, "0.001", "0.0012")
    chart = line_of(position)
    end = float(chart.line.split()[-1].split(",")[0])
    assert chart.spots[-1].x < end < WIDTH


def test_prices_levels_and_fills_lie_inside_the_picture_and_in_order(position: Position) -> None:
    tick(position, "0.001", "0.0012", "0.0009", "0.00105")
    chart = line_of(position)
    assert [float(spot.gain) for spot in chart.spots] == pytest.approx([0, 0.2, -0.1, 0.05])
    assert chart.spots[1].y < chart.spots[0].y < chart.spots[2].y
    entry, stop, *_ = chart.levels
    assert (entry.name, stop.name, stop.label) == ("entry", "hard stop", "stop")
    assert stop.y > entry.y
    heights = [each.y for each in chart.spots] + [each.y for each in chart.levels]
    assert all(0 <= height <= HEIGHT for height in heights)
    assert all(0 <= spot.x <= WIDTH for spot in chart.spots)


def test_a_tier_far_above_would_press_the_line_flat_and_is_left_out(position: Position) -> None:
    tick(position, "0.001", "0.00102")
    assert "tier 1" in [level.name for level in line_of(position).levels]
    Position.objects.filter(pk=position.pk).update(strategy="SPEAR")
    position.refresh_from_db()
    assert [level.name for level in line_of(position).levels] == ["entry", "hard stop"]


def test_a_buy_points_up_and_a_sale_down_at_their_own_prices(position: Position) -> None:
    tick(position, "0.001", "0.0012")
    submission = factories.make_submission(factories.make_signal(), action="SELL")
    factories.make_fill(
        submission,
        position,
        sol_lamports=10**9,
        token_raw=position.bought_raw // 2,
        filled_at=NOW - 300 * SECOND,
    )
    buy, sale = line_of(position).marks
    assert (buy.is_buy, sale.is_buy) == (True, False)
    assert (buy.price_sol, sale.price_sol) == (Decimal("0.001"), Decimal("0.002"))
    assert sale.share == Decimal("0.5")


def test_a_closed_position_ends_at_its_close_and_has_no_stop(position: Position) -> None:
    tick(position, *["0.001"] * 20)
    position.status, position.closed_at = "CLOSED", position.opened_at + 10 * SECOND
    position.save()
    chart = line_of(position)
    assert len(chart.spots) == 10
    assert [level.name for level in chart.levels] == ["entry"]


def test_a_long_time_is_thinned_and_keeps_the_newest(position: Position) -> None:
    tick(position, *(f"0.00{1000 + number}" for number in range(1_000)), every=SECOND / 2)
    ticks = thinned_ticks(position.mint, since=position.opened_at, until=NOW, most=MOST_POINTS)
    assert MOST_POINTS <= len(ticks) <= 2 * MOST_POINTS
    assert ticks[-1].price_sol == Decimal("0.001999")
    assert ticks == sorted(ticks, key=lambda each: each.at)


def test_the_page_draws_it_and_says_what_comes_where_nothing_is_kept(
    trader: Client, position: Position
) -> None:
    factories.make_trading_state()
    page = trader.get(f"/positions/{position.pk}/").content.decode()
    assert "The line starts with the first price kept" in page
    tick(position, "0.001", "0.0012")
    page = trader.get(f"/positions/{position.pk}/").content.decode()
    assert 'aria-label="Price since the entry' in page
    assert "hard stop" in page
