"""What the rows say about a leader for one decision: its settings, and what was bought after it so far."""

from datetime import datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from tests import factories
from tests.factories import LEADER, MINT
from trading.domain.leaders import (
    CopySettings,
    CopyState,
    ExitMode,
    Following,
    LeaderFacts,
    SizeMode,
)
from trading.domain.lifecycle import SignalStatus
from trading.services.leaders import following, leader_facts
from wallets.models import COPY_SETTINGS, Leader, LeaderStatus

pytestmark = pytest.mark.usefixtures("database")
SOL = 10**9
NOW = timezone.now()
OTHER = "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm"


def seen(*, signal: UUID | None = None, mint: str = MINT, now: datetime = NOW) -> LeaderFacts:
    facts = leader_facts(LEADER, signal=signal or uuid4(), mint=mint, now=now)
    assert facts is not None
    return facts


def coming(lamports: int = SOL, **fields: object) -> UUID:
    signal = factories.make_signal(
        status=SignalStatus.EXECUTING, reserved_lamports=lamports, **fields
    )
    return signal.pk


def test_a_leader_is_what_the_roster_says() -> None:
    assert leader_facts(LEADER, signal=uuid4(), mint=MINT, now=NOW) is None
    until = NOW + timedelta(hours=1)
    factories.make_leader(copy_state="CLOSES_ONLY", active_until=until)
    facts = seen()
    assert (facts.is_active, facts.active_until) == (True, until)
    assert facts.copying == CopySettings(copy_state=CopyState.CLOSES_ONLY)


@pytest.mark.parametrize("status", [LeaderStatus.CANDIDATE, LeaderStatus.REJECTED])
def test_only_an_active_leader_is_active(status: LeaderStatus) -> None:
    factories.make_leader(status=status)
    assert not seen().is_active


def test_every_setting_reaches_the_rules() -> None:
    settings = {
        "copy_state": "OFF",
        "size_mode": "PERCENT_OF_CAPITAL",
        "size_lamports": 1,
        "size_bps": 2,
        "minimum_size_lamports": 3,
        "maximum_size_lamports": 4,
        "minimum_leader_trade_lamports": 5,
        "maximum_leader_trade_lamports": 6,
        "maximum_buys_per_token": 7,
        "daily_cap_lamports": 8,
        "hours_from": time(9, 30),
        "hours_to": time(17),
        "hours_zone": "Europe/Berlin",
        "allowed_mints": [MINT, OTHER],
        "blocked_mints": [LEADER],
        "slippage_bps": 9,
        "tip_lamports": 10,
    }
    following_too = {"exit_mode": "OWN", "follow_bps": 11}
    assert settings.keys() | following_too.keys() == set(COPY_SETTINGS)
    factories.make_leader(**settings, **following_too)
    copying = seen().copying
    assert copying == CopySettings(
        **settings
        | {
            "copy_state": CopyState.OFF,
            "size_mode": SizeMode.PERCENT_OF_CAPITAL,
            "allowed_mints": (MINT, OTHER),
            "blocked_mints": (LEADER,),
        }
    )
    assert following(LEADER) == Following(exit_mode=ExitMode.OWN, follow_bps=11)


def test_quality_is_what_the_roster_tells_or_not_known() -> None:
    leader = factories.make_leader()
    assert seen().quality_bps is None
    Leader.objects.filter(pk=leader.pk).update(quality_bps=7_755)
    assert seen().quality_bps == 7_755


def test_what_landed_and_what_is_on_its_way_are_counted_in_one_statement() -> None:
    """Else one that is booked between two would be in neither, and a limit passed."""
    factories.make_leader(daily_cap_lamports=SOL, maximum_buys_per_token=1)
    statements: list[str] = []
    connection.connection.set_trace_callback(statements.append)
    seen()
    connection.connection.set_trace_callback(None)
    about_buys = [sql for sql in statements if "trading_" in sql]
    assert len(about_buys) == 2
    assert all("position" in sql and "signal" in sql for sql in about_buys)


def test_a_leader_who_left_the_roster_is_followed_as_by_default() -> None:
    assert following(LEADER) == Following()


def test_buys_of_a_token_count_for_ever_and_those_on_their_way_too() -> None:
    factories.make_leader(maximum_buys_per_token=5)
    factories.make_closed_position(pnl_lamports=0, mint=MINT, closed_at=NOW - timedelta(days=90))
    factories.make_position(mint=MINT)
    factories.make_position(mint=OTHER)
    factories.make_position(mint=MINT, leader_address=OTHER)
    coming(mint=MINT)
    coming(mint=MINT, leader_address=OTHER)
    own = coming(mint=MINT)
    assert seen(signal=own).buys_of_token == 3
    assert seen(mint=LEADER).buys_of_token == 0


def test_a_day_is_what_was_bought_in_24_hours_and_what_is_reserved() -> None:
    factories.make_leader(daily_cap_lamports=100 * SOL)
    for hours, cost in ((1, 1), (23, 2), (24, 4), (48, 8)):
        factories.make_position(
            mint=factories.address(), cost_lamports=cost, opened_at=NOW - timedelta(hours=hours)
        )
    factories.make_closed_position(pnl_lamports=-5, cost_lamports=16, mint=OTHER, closed_at=NOW)
    factories.make_position(mint=MINT, cost_lamports=32, leader_address=OTHER)
    coming(64)
    coming(128, leader_address=OTHER)
    own = coming(256)
    assert seen(signal=own).spent_lamports == 1 + 2 + 16 + 64


def test_what_no_setting_limits_is_not_counted() -> None:
    factories.make_leader()
    factories.make_position(mint=MINT)
    assert (seen().buys_of_token, seen().spent_lamports) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"copy_state": "MAYBE"}, {"size_mode": "MORE"}, {"exit_mode": "NEVER"}, {"follow_bps": 0}],
)
def test_no_row_can_say_what_the_rules_could_not_read(wrong: dict[str, object]) -> None:
    factories.make_leader()
    with pytest.raises(IntegrityError), transaction.atomic():
        Leader.objects.update(**wrong)
