"""A platform that turns every buy away says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Incident
from tests import factories
from trading.domain.lifecycle import SignalStatus
from trading.models import Signal
from trading.services.admissions import DROUGHT, ENOUGH_DENIED, OURS, look_for_drought
from trading.tasks import look_for_admissions

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = timezone.now()
MINUTE = timedelta(minutes=1)


def denied(*codes: str) -> list[Signal]:
    return [
        factories.make_signal(status=SignalStatus.REJECTED, code=code, received_at=NOW - MINUTE)
        for code in codes
    ]


def test_many_denied_and_none_signed_is_an_incident_that_names_the_reasons():
    denied(*["LIQUIDITY_UNKNOWN"] * (ENOUGH_DENIED - 1), "PRICE_MOVED")
    assert look_for_drought(now=NOW)
    incident = Incident.objects.get(resolved_at=None)
    assert "10 buys" in incident.detail
    assert "LIQUIDITY_UNKNOWN 9, PRICE_MOVED 1" in incident.detail


def test_few_denied_are_none():
    denied(*["LIQUIDITY_UNKNOWN"] * (ENOUGH_DENIED - 1))
    assert not look_for_drought(now=NOW)
    assert not Incident.objects.exists()


def test_what_our_own_settings_or_holdings_deny_counts_for_nothing():
    denied(*OURS)
    assert len(OURS) > ENOUGH_DENIED
    assert not look_for_drought(now=NOW)


def test_the_first_buy_that_is_signed_ends_it():
    first = denied(*["SAFETY_UNAVAILABLE"] * ENOUGH_DENIED)[0]
    factories.make_submission(
        factories.make_signal(status=SignalStatus.COMPLETED, received_at=NOW - DROUGHT - MINUTE)
    )
    assert look_for_drought(now=NOW), "what was signed before the window does not count"
    factories.make_submission(
        factories.make_signal(status=SignalStatus.COMPLETED, received_at=first.received_at)
    )
    assert not look_for_drought(now=NOW)
    assert not Incident.objects.filter(resolved_at=None).exists()


def test_it_ends_by_itself_when_nothing_is_denied_any_more():
    denied(*["NO_ROUTE"] * ENOUGH_DENIED)
    look_for_admissions()
    assert Incident.objects.filter(resolved_at=None).exists()
    assert not look_for_drought(now=NOW + DROUGHT)
    assert not Incident.objects.filter(resolved_at=None).exists()
