"""How a leader is copied by the clock, and what its own sells and our own exits mean in each exit mode."""

from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.facts import copied
from trading.domain.denials import DenialCode
from trading.domain.gates import Gate
from trading.domain.leaders import ExitMode, Following, roster_gates
from trading.domain.policy import SPEAR_DEFAULTS, Policy
from trading.domain.values import Strategy
from wallets.models import CopyState as StoredState
from wallets.models import ExitMode as StoredExitMode
from wallets.models import SizeMode as StoredSizeMode


def hours(at: datetime, begin: str, end: str, zone: str = "UTC") -> Gate:
    leader = copied(
        hours_from=time.fromisoformat(begin), hours_to=time.fromisoformat(end), hours_zone=zone
    )
    gates = {gate.code: gate for gate in roster_gates(leader, now=at)}
    return gates[DenialCode.OUTSIDE_ACTIVE_HOURS]


def utc(hour: int, minute: int = 0, *, month: int = 1) -> datetime:
    return datetime(2026, month, 15, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "begin", "end", "is_inside"),
    [
        (utc(9), "09:00", "17:00", True),
        (utc(16, 59), "09:00", "17:00", True),
        (utc(17), "09:00", "17:00", False),
        (utc(8, 59), "09:00", "17:00", False),
        (utc(23), "22:00", "06:00", True),
        (utc(5, 59), "22:00", "06:00", True),
        (utc(6), "22:00", "06:00", False),
        (utc(12), "22:00", "06:00", False),
    ],
)
def test_hours_begin_at_their_first_minute_and_may_span_midnight(
    at: datetime, begin: str, end: str, is_inside: bool
) -> None:
    assert hours(at, begin, end).is_passed is is_inside


def test_hours_are_those_of_the_zone_in_summer_and_in_winter() -> None:
    assert not hours(utc(7, 30), "09:00", "17:00", "Europe/Berlin").is_passed
    summer = hours(utc(7, 30, month=7), "09:00", "17:00", "Europe/Berlin")
    assert summer.is_passed
    assert (summer.measured, summer.limit) == ("09:30", "09:00 to 17:00 Europe/Berlin")


@pytest.mark.parametrize("zone", ["Nowhere/Else", "", "../../etc/passwd"])
def test_a_zone_that_nobody_knows_is_a_denial(zone: str) -> None:
    assert hours(utc(12), "09:00", "17:00", zone).measured == "no such time zone"
    assert not hours(utc(12), "09:00", "17:00", zone).is_passed


@given(st.times(), st.times(), st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_either_in_the_hours_or_in_the_rest_of_the_day(
    begin: time, end: time, at: datetime
) -> None:
    if begin != end:
        inside = hours(at, begin.isoformat(), end.isoformat())
        outside = hours(at, end.isoformat(), begin.isoformat())
        assert inside.is_passed is not outside.is_passed


@pytest.mark.parametrize(
    ("mode", "mirrors", "sells", "takes"),
    [
        (ExitMode.MIXED, True, True, True),
        (ExitMode.MIRROR, True, True, False),
        (ExitMode.OWN, True, False, True),
        (ExitMode.MIXED, False, False, True),
        (ExitMode.MIRROR, False, False, True),
        (ExitMode.OWN, False, False, True),
    ],
)
def test_somebody_always_takes_profit(
    mode: ExitMode, mirrors: bool, sells: bool, takes: bool
) -> None:
    follow, policy = Following(exit_mode=mode), Policy(mirror_exits=mirrors)
    for strategy in Strategy.SHIELD, Strategy.SPEAR:
        assert follow.sells_with_leader(policy, strategy=strategy) is sells
        assert follow.takes_own_profit(policy, strategy=strategy) is takes
    assert sells or takes


def test_a_strategy_may_leave_exits_to_its_own_rules_while_the_other_follows() -> None:
    policy, follow = Policy(spear=replace(SPEAR_DEFAULTS, mirror_exits=False)), Following()
    assert follow.sells_with_leader(policy, strategy="SHIELD")
    assert not follow.sells_with_leader(policy, strategy="SPEAR")
    only_mirrors = Following(exit_mode=ExitMode.MIRROR)
    assert not only_mirrors.takes_own_profit(policy, strategy="SHIELD")
    assert only_mirrors.takes_own_profit(policy, strategy="SPEAR"), "somebody always takes profit"


@given(st.integers(1, 10_000), st.decimals("0.0001", 1, places=4))
def test_never_more_is_sold_than_the_leader_sold(follow_bps: int, fraction: Decimal) -> None:
    share = Following(follow_bps=follow_bps).share(fraction)
    assert 0 < share <= fraction
    assert Following().share(fraction) == fraction


def test_the_rows_know_the_words_of_the_rules() -> None:
    from trading.domain.leaders import CopyState, SizeMode

    assert set(StoredState.values) == set(CopyState)
    assert set(StoredSizeMode.values) == set(SizeMode)
    assert set(StoredExitMode.values) == set(ExitMode)
