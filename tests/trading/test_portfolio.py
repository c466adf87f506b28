"""What we hold as a decision sees it: everybody else's positions and reservations, never its own signal."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from tests import factories
from tests.factories import LEADER, MINT
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.values import Action, Strategy
from trading.models import Position
from trading.services.portfolio import (
    has_live_submission,
    in_flight,
    mark_price,
    open_positions,
    position_to_sell,
    snapshot,
)

pytestmark = pytest.mark.usefixtures("database")
SOL = 10**9
NOW = timezone.now()
OTHER = "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm"


def seen(*, balance: int | None = 10 * SOL, signal: Any = None, mint: str = MINT) -> Any:
    return snapshot(signal=signal or uuid4(), mint=mint, balance_lamports=balance)


def reserving(lamports: int = SOL, **fields: Any) -> Any:
    return factories.make_signal(
        status=SignalStatus.EXECUTING, reserved_lamports=lamports, **fields
    )


def test_with_nothing_there_is_only_the_balance() -> None:
    portfolio = seen()
    assert (portfolio.balance_lamports, portfolio.open_positions, portfolio.capital_lamports) == (
        10 * SOL,
        0,
        10 * SOL,
    )
    assert (portfolio.is_held, portfolio.last_closed_at) == (False, None)
    assert seen(balance=None).balance_lamports is None


def test_a_signal_does_not_stand_in_its_own_way() -> None:
    own = reserving()
    portfolio = seen(signal=own.pk)
    assert (portfolio.open_positions, portfolio.shield_lamports, portfolio.is_held) == (0, 0, False)
    assert portfolio.balance_lamports == 10 * SOL


def test_what_others_reserved_is_open_and_not_ours_to_spend() -> None:
    reserving(strategy=Strategy.SPEAR, mint=OTHER)
    portfolio = seen()
    assert (portfolio.spear_lamports, portfolio.open_positions) == (SOL, 1)
    assert portfolio.balance_lamports == 9 * SOL
    assert portfolio.capital_lamports == 10 * SOL
    assert not portfolio.is_held
    assert seen(mint=OTHER).is_held


@pytest.mark.parametrize(
    "status", [status for status in SignalStatus if status is not SignalStatus.EXECUTING]
)
def test_only_a_buy_at_work_reserves(status: SignalStatus) -> None:
    factories.make_signal(status=status, reserved_lamports=SOL)
    assert seen().open_positions == 0


def test_positions_count_at_the_cost_of_what_is_left() -> None:
    factories.make_position(cost_lamports=SOL, held_raw=250, bought_raw=1_000)
    factories.make_position(
        strategy=Strategy.SPEAR, mint=OTHER, cost_lamports=2 * SOL, status=PositionStatus.EXITING
    )
    portfolio = seen()
    assert (portfolio.shield_lamports, portfolio.spear_lamports) == (SOL // 4, 2 * SOL)
    assert (portfolio.token_lamports, portfolio.is_held, portfolio.open_positions) == (
        SOL // 4,
        True,
        2,
    )


def test_a_closed_position_only_says_when() -> None:
    for minutes in (90, 5, 30):
        factories.make_closed_position(
            pnl_lamports=0, mint=MINT, closed_at=NOW - timedelta(minutes=minutes)
        )
    factories.make_closed_position(pnl_lamports=0, mint=OTHER, closed_at=NOW)
    portfolio = seen()
    assert portfolio.last_closed_at == NOW - timedelta(minutes=5)
    assert (portfolio.open_positions, portfolio.shield_lamports, portfolio.is_held) == (0, 0, False)


def test_a_price_is_remembered_and_the_peak_never_falls() -> None:
    position = factories.make_position()
    entry = position.entry_price_sol
    for factor in ("1.5", "0.5", "1.2"):
        mark_price(position, price_sol=entry * Decimal(factor), now=NOW)
    stored = Position.objects.get()
    assert stored.last_price_sol == position.last_price_sol == entry * Decimal("1.2")
    assert stored.peak_price_sol == position.peak_price_sol == entry * Decimal("1.5")
    assert stored.priced_at == NOW


def test_a_closed_position_is_priced_no_more() -> None:
    position = factories.make_closed_position(pnl_lamports=0)
    before = Position.objects.values().get()
    mark_price(position, price_sol=Decimal(5), now=NOW)
    assert Position.objects.values().get() == before


def test_a_sell_means_the_named_position_or_the_leaders_oldest_open_one() -> None:
    def meant(**named: Any) -> Position | None:
        values = {"leader_address": LEADER, "mint": MINT, "position": None, "received_at": NOW}
        return position_to_sell(**{**values, **named}).position

    assert meant() is None
    factories.make_closed_position(pnl_lamports=0, closed_at=NOW - timedelta(hours=1))
    assert meant() is None
    old = factories.make_position(opened_at=NOW - timedelta(minutes=9))
    new = factories.make_position(opened_at=NOW - timedelta(minutes=1))
    assert meant() == old
    assert meant(position=new.pk) == new
    assert meant(leader_address=OTHER) is None
    assert meant(mint=OTHER) is None


def test_a_buy_that_is_booked_between_two_looks_is_still_found() -> None:
    """The position was not there yet when it was looked for, and then nothing was on its way any more."""
    signal = factories.make_signal(status=SignalStatus.EXECUTING, received_at=NOW)
    position = factories.make_position(signal=signal)
    Position.objects.update(status=PositionStatus.CLOSED)
    connection.connection.set_trace_callback(
        lambda sql: booked_elsewhere() if "SELECT 1 FROM trading_signal" in sql else None
    )
    found = position_to_sell(leader_address=LEADER, mint=MINT, position=None, received_at=NOW)
    connection.connection.set_trace_callback(None)
    assert (found.position, found.is_buy_pending) == (position, False)


def booked_elsewhere() -> None:
    """What another process's booking does to the rows, seen by this one's next statement."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other, other:
        other.execute("UPDATE trading_position SET status = 'ACTIVE'")
        other.execute("UPDATE trading_signal SET status = 'COMPLETED'")


@pytest.mark.parametrize(
    ("fields", "is_pending"),
    [
        ({}, True),
        ({"status": SignalStatus.EXECUTING}, True),
        ({"status": SignalStatus.RETRY}, True),
        ({"status": SignalStatus.REJECTED}, False),
        ({"status": SignalStatus.COMPLETED}, False),
        ({"action": Action.SELL}, False),
        ({"mint": OTHER}, False),
        ({"leader_address": OTHER}, False),
        ({"received_at": NOW + timedelta(seconds=1)}, False),
    ],
)
def test_a_sell_waits_only_for_a_buy_that_may_still_come(
    fields: dict[str, Any], is_pending: bool
) -> None:
    factories.make_signal(**{"received_at": NOW, **fields})
    found = position_to_sell(leader_address=LEADER, mint=MINT, position=None, received_at=NOW)
    assert found.is_buy_pending == is_pending


def test_in_flight_is_what_the_chain_has_not_answered_oldest_first() -> None:
    rows = {}
    for number, status in enumerate([*SubmissionStatus, SubmissionStatus.IN_FLIGHT]):
        row = factories.make_submission(
            factories.make_signal(),
            status=status,
            mint=factories.address(),
            recorded_at=NOW - timedelta(seconds=number),
        )
        rows[row.pk] = status
        assert has_live_submission(row.signal_id) == (status in ("IN_FLIGHT", "LANDED"))
    found = in_flight()
    assert [rows[row.pk] for row in found] == [SubmissionStatus.IN_FLIGHT] * 2
    assert found[0].recorded_at < found[1].recorded_at


def test_open_positions_still_hold_something() -> None:
    factories.make_closed_position(pnl_lamports=0)
    exiting = factories.make_position(
        status=PositionStatus.EXITING, opened_at=NOW - timedelta(hours=1)
    )
    active = factories.make_position()
    assert open_positions() == [exiting, active]


@pytest.mark.parametrize("price", ["1e20", "1e300"])
def test_a_price_beyond_all_money_leaves_the_position_readable(price: str) -> None:
    position = factories.make_position()
    before = position.last_price_sol
    mark_price(position, price_sol=Decimal(price), now=NOW)
    [stored] = open_positions()
    assert (stored.last_price_sol, position.last_price_sol) == (before, before)
