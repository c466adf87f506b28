"""What one decision asks never takes longer because more has been traded: every look-up has its index."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from tests import factories
from trading.domain.policy import Policy
from trading.models import TradingState
from trading.services.breaker_measures import measure
from trading.services.leaders import leader_facts
from trading.services.portfolio import position_to_sell, snapshot

pytestmark = pytest.mark.usefixtures("database")
NOW = timezone.now()


def plans(verb: Callable[[], Any]) -> list[str]:
    """How SQLite goes about everything that the verb asks about positions and submissions."""
    statements: list[str] = []
    connection.ensure_connection()
    connection.connection.set_trace_callback(statements.append)
    verb()
    connection.connection.set_trace_callback(None)
    asked = [each for each in statements if "trading_position" in each or "_submission" in each]
    assert asked
    with connection.cursor() as cursor:
        found = []
        for each in asked:
            cursor.execute(f"EXPLAIN QUERY PLAN {each}")
            found += [str(row[3]) for row in cursor.fetchall()]
    return found


def test_when_a_token_was_held_last_is_looked_up_by_its_mint() -> None:
    found = plans(
        lambda: snapshot(
            signal=uuid4(), mint="m", balance_lamports=1, balance_at=NOW - timedelta(1)
        )
    )
    assert any("position_last_closed (mint=?)" in each for each in found), found
    assert not any("position_result" in each for each in found), found


def test_what_was_bought_after_a_leader_is_looked_up_by_the_leader() -> None:
    leader = factories.make_leader("leader", maximum_buys_per_token=3, daily_cap_lamports=10)
    found = plans(lambda: leader_facts(leader.address, signal=uuid4(), mint="m", now=NOW))
    of_positions = [each for each in found if "trading_position" in each]
    assert len(of_positions) == 2
    assert all("position_of_leader (leader_address=?" in each for each in of_positions), found


def test_what_a_sell_means_is_looked_up_by_leader_and_mint() -> None:
    found = plans(
        lambda: position_to_sell(leader_address="a", mint="m", position=None, received_at=NOW)
    )
    assert any("(leader_address=? AND mint=?)" in each for each in found), found


def test_what_closes_have_brought_is_read_from_an_index_alone() -> None:
    factories.make_trading_state()
    state, policy = TradingState.objects.get(), Policy().breaker
    found = plans(lambda: measure(state, policy, NOW, is_equity_new=False))
    closes = [each for each in found if "position_open" not in each]
    assert len(closes) == 2
    assert all("COVERING INDEX position_result" in each for each in closes), found
