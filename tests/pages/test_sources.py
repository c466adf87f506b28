"""The Sources page: who tells of leaders' trades, how soon, what nobody told, and how far leaders are known."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import services as audit
from audit.models import Heartbeat
from tests import factories
from trading.domain.hearing import WATCHER
from trading.domain.tiers import Tier
from trading.models import LeaderCursor
from trading.services.hearings import Told, judge_trades, note_hearing
from trading.sources import source_views, watcher_view

pytestmark = pytest.mark.django_db


def hear(source: str, *, signature: str, seconds: float = 1.0, is_recovered: bool = False) -> None:
    """A source tells of a trade of five minutes ago, so many seconds after it."""
    at = timezone.now().replace(microsecond=0) - timedelta(minutes=5)
    told = Told(
        leader_address=factories.LEADER,
        signature=signature,
        heard_at=at + timedelta(seconds=seconds),
        traded_at=at,
        slot=3,
        is_recovered=is_recovered,
    )
    note_hearing(told, source=source)


def cursor(**fields: object) -> LeaderCursor:
    now = timezone.now()
    values = {
        "address": factories.LEADER,
        "signature": "5" * 88,
        "slot": 4_242,
        "began_at": now,
        "complete_at": now,
        "tier": Tier.HOT,
        **fields,
    }
    return LeaderCursor.objects.create(**values)


def beat(**detail: object) -> None:
    now = timezone.now()
    Heartbeat.objects.create(
        name="wallet_watcher", host="here", pid=7, beat_at=now, started_at=now, detail=detail
    )


@pytest.fixture
def page(trader: Client) -> str:
    return trader.get(reverse("sources")).content.decode()


def test_an_empty_page_says_what_to_do_next(page: str):
    assert 'ws-connect="/ws/live/sources/"' in page
    assert 'aria-current="page">Sources' in page
    assert "Nobody has told of a leader" in page
    assert "No leader is watched" in page


def test_each_source_is_told_with_what_it_heard_and_missed(trader: Client):
    hear(WATCHER, signature="a")
    hear(WATCHER, signature="b", is_recovered=True)
    hear("Alice", signature="a", seconds=20)
    hear("Alice", signature="old", seconds=-3_000)
    judge_trades(now=timezone.now())
    alice, ours = source_views(timezone.now())
    assert {each.how: each.count for each in alice.shares} == {
        "heard": 1,
        "late": 1,
        "recovered": 0,
        "lost": 1,
    }
    assert {each.how: each.count for each in ours.shares}["recovered"] == 1
    assert (alice.total, ours.is_ours) == (3, True)
    assert sum(each.count for each in alice.columns) == 2
    assert alice.columns[0].height > 0
    text = trader.get(reverse("sources")).content.decode()
    for expected in ("Alice", "recovered", "lost", "<svg", "our own eyes"):
        assert expected in text


def test_a_silent_source_is_marked(trader: Client):
    hear("Alice", signature="a")
    audit.open_incident(key="source:Alice", title="Nothing heard from Alice", now=timezone.now())
    assert [each.is_silent for each in source_views(timezone.now())] == [True]
    assert 'badge bad">silent' in trader.get(reverse("sources")).content.decode()


def test_every_leaders_cursor_is_shown_with_how_it_is_heard(trader: Client):
    factories.make_leader(factories.LEADER, name="Grace")
    cursor(is_subscribed=True, complete_at=timezone.now() - timedelta(hours=1))
    text = trader.get(reverse("sources")).content.decode()
    for expected in ("Grace", "HOT", "socket", "4242", "55555555"):
        assert expected in text
    assert '<td class="loss"><time' in text


@pytest.mark.parametrize(
    ("socket", "expected"),
    [("open", "3 of 4 subscribed"), ("none", "the lists are read"), ("silent for 10 s", "down")],
)
def test_the_socket_is_told_as_it_is(trader: Client, socket: str, expected: str):
    beat(socket=socket, subscribed=3, leaders=4, connections=2, slot=9)
    assert expected in trader.get(reverse("sources")).content.decode()


def test_a_watcher_that_does_not_run_is_told():
    beat(socket="open")
    view = watcher_view(timezone.now() + timedelta(minutes=2))
    assert view is not None
    assert not view.is_alive


def test_the_metrics_have_the_same_names(trader: Client):
    hear("Zoe", signature="a")
    text = trader.get("/metrics", REMOTE_ADDR="127.0.0.1").content.decode()
    assert 'chimera_source_events_total{how="heard",source="Zoe"}' in text
    assert 'chimera_source_delay_seconds_bucket{le="1.0",source="Zoe"}' in text
