"""Who told of which leader's trade: in time, late, recovered, lost; and the alarm when somebody falls silent."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from audit.models import Incident
from tests import factories
from trading.domain.hearing import LOST_AFTER, WATCHER, How, how_heard
from trading.models import Hearing, LeaderTrade, Provider, Source
from trading.services.hearings import (
    ROWS_AT_ONCE,
    Told,
    count_deliveries,
    has_unsettled,
    judge_trades,
    look_for_silence,
    note_hearing,
    note_hearings,
    settle_hearings,
    unread_deliveries,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)
LEADER = factories.LEADER
PATIENCE = timedelta(minutes=5)


def told(
    signature: str = "", *, seconds: float = 1.0, at: datetime = NOW, **fields: object
) -> Told:
    """Of a trade at this time, so many seconds after it."""
    values = {
        "leader_address": LEADER,
        "signature": signature or factories.signature(),
        "slot": 7,
        "traded_at": at,
        "heard_at": at + timedelta(seconds=seconds),
        **fields,
    }
    return Told(**values)


def hows(source: str) -> dict[str, str]:
    rows = Hearing.objects.filter(source=source)
    return dict(rows.values_list("trade__signature", "how"))


def provider(name: str) -> Provider:
    return Provider.objects.get_or_create(name=name)[0]


def deliver(signature: str, *, at: datetime) -> None:
    """A signal of a provider about a leader's transaction."""
    signal = factories.make_signal(source_signature=signature, leader_address=LEADER)
    factories.make_delivery(signal, provider=provider("Alice"), received_at=at)


def count() -> int:
    """In how many portions everything told at the webhook was counted."""
    portions = 0
    while unread := unread_deliveries():
        count_deliveries(unread)
        portions += 1
    return portions


@pytest.mark.parametrize(
    ("seconds", "is_recovered", "how"),
    [
        (-2, False, How.HEARD),
        (10, False, How.HEARD),
        (11, False, How.LATE),
        (1, True, How.RECOVERED),
    ],
)
def test_how_in_time_it_was(seconds: float, is_recovered: bool, how: How):
    at = NOW + timedelta(seconds=seconds)
    assert how_heard(traded_at=NOW, heard_at=at, is_recovered=is_recovered) is how


def test_only_the_first_word_of_a_source_counts():
    first = told("a", seconds=2)
    assert note_hearing(first, source=WATCHER)
    assert not note_hearing(told("a", seconds=40), source=WATCHER)
    [hearing] = Hearing.objects.all()
    assert (hearing.how, hearing.heard_at) == (How.HEARD, first.heard_at)


def test_one_trade_told_by_three_is_one_trade():
    for source in (WATCHER, "helius", "Alice"):
        assert note_hearing(told("a"), source=source)
    assert LeaderTrade.objects.count() == 1
    assert Hearing.objects.count() == 3


def test_the_same_transaction_of_two_leaders_is_two_trades():
    other = factories.address()
    assert note_hearings([told("a"), told("a", leader_address=other)], source=WATCHER) == 2
    assert LeaderTrade.objects.count() == 2


def test_a_webhook_is_counted_without_the_doors_help_and_settled_once_the_chain_has_spoken():
    deliver("a", at=NOW + timedelta(seconds=3))
    deliver("b", at=NOW + timedelta(seconds=60))
    assert count() == 1
    assert count() == 0
    assert settle_hearings() == 0
    assert not has_unsettled()
    note_hearings([told("a"), told("b")], source=WATCHER)
    assert has_unsettled()
    assert settle_hearings() == 2
    assert hows("Alice") == {"a": How.HEARD, "b": How.LATE}


def test_a_signal_that_names_no_transaction_is_told_of_no_trade():
    deliver("", at=NOW)
    assert count() == 1
    assert not LeaderTrade.objects.exists()


def test_more_deliveries_than_fit_into_one_look_are_all_counted():
    number = ROWS_AT_ONCE * 3
    owner = provider("Alice")
    for place in range(number):
        signal = factories.make_signal(source_signature=f"s{place}", leader_address=LEADER)
        factories.make_delivery(signal, provider=owner, received_at=NOW)
    looks = count()
    assert Hearing.objects.filter(source="Alice").count() == number
    assert looks < 10


def test_whoever_never_told_of_a_trade_of_its_leader_has_lost_it():
    note_hearings([told("old", at=NOW - timedelta(hours=1))], source="Alice")
    note_hearings([told("old", at=NOW - timedelta(hours=1)), told("new")], source=WATCHER)
    assert judge_trades(now=NOW + LOST_AFTER) == 1
    assert "new" not in hows("Alice")
    assert judge_trades(now=NOW + LOST_AFTER + timedelta(seconds=1)) == 1
    assert hows("Alice")["new"] == How.LOST
    assert judge_trades(now=NOW + timedelta(hours=1)) == 0


def test_nobody_loses_the_trades_of_leaders_that_it_never_told_of():
    stranger = factories.address()
    note_hearing(told("old", leader_address=stranger, at=NOW - timedelta(days=1)), source="Alice")
    note_hearing(told("new"), source=WATCHER)
    judge_trades(now=NOW + timedelta(hours=1))
    assert "new" not in hows("Alice")


def test_what_is_no_trade_counts_for_nobody():
    note_hearing(told("old", at=NOW - timedelta(hours=1)), source="Alice")
    assert not note_hearing(told("a", is_trade=False), source=WATCHER)
    LeaderTrade.objects.filter(signature="a").update(direction="NONE")
    judge_trades(now=NOW + timedelta(hours=1))
    assert set(hows("Alice")) == {"old"}
    assert not hows(WATCHER)


def test_what_was_given_up_for_lost_can_be_recovered():
    note_hearing(told("old", at=NOW - timedelta(hours=1)), source=WATCHER)
    note_hearing(told("new"), source="helius")
    judge_trades(now=NOW + timedelta(hours=1))
    assert hows(WATCHER)["new"] == How.LOST
    assert note_hearing(told("new", seconds=4_000), source=WATCHER)
    assert hows(WATCHER)["new"] == How.RECOVERED


def silence(source: str, *, minutes: float, others: int) -> datetime:
    """The source has told of this leader, then of nothing, while another told of so many trades."""
    note_hearing(told(), source=source)
    for number in range(others):
        at = NOW + timedelta(seconds=10 + number)
        note_hearing(told(at=at), source="another")
    return NOW + timedelta(minutes=minutes, seconds=1)


@pytest.mark.parametrize("source", ["Alice", "helius", WATCHER])
def test_a_source_that_falls_silent_is_an_incident_until_it_speaks_again(source: str):
    now = silence(source, minutes=5, others=3)
    assert look_for_silence(now=now, patience=PATIENCE) == [source]
    incidents = Incident.objects.filter(key=f"source:{source}", resolved_at__isnull=True)
    assert "3 trades" in incidents.get().detail
    note_hearing(told(at=now), source=source)
    assert not incidents.exists()
    assert look_for_silence(now=now, patience=PATIENCE) == []


@pytest.mark.parametrize(("minutes", "others"), [(4.9, 10), (60, 2), (60, 0)])
def test_nobody_is_silent_while_there_is_little_to_tell(minutes: float, others: int):
    now = silence("Alice", minutes=minutes, others=others)
    assert "Alice" not in look_for_silence(now=now, patience=PATIENCE)


def test_a_source_that_never_spoke_is_not_missed():
    provider("Alice")
    count()
    silence(WATCHER, minutes=5, others=5)
    assert not Source.objects.filter(name="Alice").exists()
    assert look_for_silence(now=NOW + timedelta(hours=1), patience=PATIENCE) == [WATCHER]
