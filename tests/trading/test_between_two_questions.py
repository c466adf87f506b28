"""What is booked between two questions of one verb: PostgreSQL answers each from another moment, SQLite never does."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit import services as audit
from audit.models import Incident
from tests import factories
from tests.databases import Database
from tests.factories import LEADER, MINT, RENT_LAMPORTS, TOKEN_ACCOUNT, sol
from trading.domain.leaders import LeaderFacts
from trading.domain.lifecycle import SignalStatus, SubmissionStatus
from trading.domain.swaps import BalanceChange
from trading.models import EquityPoint, Submission
from trading.services.booking import book_landed
from trading.services.leaders import leader_facts
from trading.services.portfolio import ToSell, position_to_sell, record_equity

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
NOW = timezone.now()
PATIENCE_SECONDS = 20
SIZE = sol("0.25")
BOUGHT = BalanceChange(
    native_lamports=-SIZE - 8_000 - 1_000_000 - RENT_LAMPORTS,
    sol_lamports=-SIZE,
    token_raw=1_000_000,
    token_account=TOKEN_ACCOUNT,
    decimals=6,
    network_fee_lamports=8_000,
    tip_lamports=1_000_000,
    rent_lamports=RENT_LAMPORTS,
    error="",
    slot=77,
    block_time=NOW,
)
PAUSE = """
CREATE SCHEMA paused;
CREATE FUNCTION paused.pause() RETURNS boolean STABLE LANGUAGE plpgsql AS
 $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN true; END $$;
CREATE VIEW paused.trading_position AS SELECT * FROM public.trading_position WHERE paused.pause();
"""
"""Who reads the positions through that view waits between the moment that the answer is of and the answer."""


@pytest.fixture(autouse=True)
def paused(database: Database) -> Iterator[None]:
    factories.make_policy_revision()
    factories.make_trading_state()
    with connection.cursor() as cursor:
        cursor.execute(PAUSE)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA paused CASCADE")


def buying() -> Submission:
    """A buy on its way, its capital reserved."""
    signal = factories.make_signal(
        status=SignalStatus.EXECUTING,
        attempts=1,
        reserved_lamports=SIZE,
        received_at=NOW - timedelta(seconds=2),
    )
    return factories.make_submission(
        signal, status=SubmissionStatus.IN_FLIGHT, slot=None, resolved_at=None
    )


def while_booked(ask: Callable[[], Any], submission: Submission, database: Database) -> Any:
    """What `ask` finds when the buy is booked after its first question about positions has been put."""
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(1)")
            asked = other.submit(_through_the_view, ask)
            _until_held_up(database, asked)
            assert book_landed(submission.pk, change=BOUGHT, sol_price_usd=None, now=NOW)
        return asked.result(PATIENCE_SECONDS)


def test_it_does_not_escape_its_leaders_limits(database: Database) -> None:
    factories.make_leader(LEADER, maximum_buys_per_token=1, daily_cap_lamports=SIZE)

    def ask() -> LeaderFacts | None:
        return leader_facts(LEADER, signal=uuid4(), mint=MINT, now=NOW)

    found = while_booked(ask, buying(), database)
    assert (found.buys_of_token, found.spent_lamports) == (1, SIZE)


def test_its_leaders_sell_does_not_end_for_nothing(database: Database) -> None:
    def ask() -> ToSell:
        return position_to_sell(leader_address=LEADER, mint=MINT, position=None, received_at=NOW)

    found = while_booked(ask, buying(), database)
    assert found.is_buy_pending or found.position is not None


def test_it_makes_no_dip_in_the_equity_curve(database: Database) -> None:
    outside = sol(10)

    def record() -> None:
        record_equity(outside_lamports=outside, sol_price_usd=None, now=NOW)

    while_booked(record, buying(), database)
    point = EquityPoint.objects.get()
    assert (point.balance_lamports, point.positions_lamports) == (outside, 0)
    assert point.realised_pnl_lamports == 0


def test_an_incident_that_two_raise_at_once_is_one(database: Database) -> None:
    def raise_it() -> None:
        audit.open_incident(key="exit:1", title="Selling keeps failing", now=NOW)

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            raise_it()
            raised = other.submit(_through_the_view, raise_it)
            _until_held_up(database, raised)
        raised.result(PATIENCE_SECONDS)
    assert Incident.objects.get().times_seen == 2


def _through_the_view(ask: Callable[[], Any]) -> Any:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET search_path = paused, public")
        with transaction.atomic():
            return ask()
    finally:
        connection.close()


def _until_held_up(database: Database, asked: Any) -> None:
    """Until it waits for somebody's lock, which it has to."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not database.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert not asked.done(), asked.exception()
        assert time.monotonic() < deadline
        time.sleep(0.01)
