"""The circuit breaker on the pages and in the admin: what holds trading back, and who may do what about it."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.models import Entry
from tests.factories import make_closed_position, make_position, make_trading_state, sol
from trading.domain.trips import Breaker, Phase, Rule, Trip, as_json
from trading.models import Position, Signal, TradingState

pytestmark = pytest.mark.django_db
LOSS = "<b>Lost $512.30 in 24 h (limit $500).</b> Entries are halted, exits go on."
ROW = "<b>5 losing closes in a row (limit 5).</b> SPEAR is paused, SHIELD and exits go on."


def tripped(rule: Rule, measured: str, limit: int, phase: Phase = Phase.TRIPPED) -> Trip:
    now = timezone.now()
    return Trip(
        rule=rule,
        phase=phase,
        tripped_at=now - timedelta(minutes=3),
        measured=Decimal(measured),
        limit=Decimal(limit),
        clears_at=now + timedelta(minutes=30),
        cooling_since=now if phase is Phase.COOLDOWN else None,
    )


def hold_back(*trips: Trip, **fields) -> None:
    make_trading_state(trips=as_json(Breaker(trips=trips)), **fields)


@pytest.fixture
def strip(trader):
    """The health strip's HTML, its spaces as single ones."""

    def read() -> str:
        page = trader.get("/").content.decode().replace("\N{NO-BREAK SPACE}", " ")
        section = page[page.index('id="health"') : page.index('id="money"')]
        return re.sub(r"\s+", " ", section)

    return read


def test_the_strip_says_what_tripped_against_which_limit_and_what_ends_it(strip):
    hold_back(tripped(Rule.DAILY_LOSS, "512.3", 500))
    text = strip()
    assert LOSS in text
    assert ">Entries halted</strong>" in text
    assert "It ends when the loss is below the limit again" in text
    assert "or by a reset." in text
    assert "Entries are halted by" not in text, "nobody did it by hand"


def test_a_pause_of_spear_reads_as_one(strip):
    hold_back(tripped(Rule.CONSECUTIVE_LOSSES, "5", 5))
    text = strip()
    assert ROW in text
    assert ">SPEAR paused</strong>" in text
    assert "Entries halted" not in text


def test_a_cooldown_says_until_when(strip):
    trip = tripped(Rule.DAILY_LOSS, "20", 500, Phase.COOLDOWN)
    hold_back(trip)
    assert f"cooling down until {trip.clears_at:%H:%M} UTC" in strip()


def test_a_drawdown_says_that_losers_are_being_closed(strip):
    hold_back(tripped(Rule.DRAWDOWN, "1600", 1_500))
    assert ">Entries halted, closing losers</strong>" in strip()


def test_every_reason_at_once_is_shown(strip):
    hold_back(
        tripped(Rule.DAILY_LOSS, "512.3", 500),
        tripped(Rule.CONSECUTIVE_LOSSES, "5", 5),
        entries_halted=True,
        actor="ada",
        reason="odd fills",
    )
    text = strip()
    assert LOSS in text
    assert ROW in text
    assert "Entries are halted by ada" in text


def test_an_unreadable_breaker_reads_as_halted_and_offers_a_reset(strip):
    make_trading_state(trips=["?"])
    text = strip()
    assert "stored state cannot be read. Exits go on." in text
    assert 'id="act-reset"' in text


def test_only_what_can_be_done_is_offered(strip):
    make_trading_state()
    assert re.findall(r'id="act-([a-z-]+)"', strip()) == ["halt"]
    make_position()
    assert re.findall(r'id="act-([a-z-]+)"', strip()) == ["close-everything", "halt"]
    hold_back(tripped(Rule.DAILY_LOSS, "512.3", 500), entries_halted=True)
    acts = re.findall(r'id="act-([a-z-]+)"', strip())
    assert acts == ["reset", "close-everything", "resume"]
    hold_back(entries_halted=True, is_closing_all=True)
    assert re.findall(r'id="act-([a-z-]+)"', strip()) == ["resume"]


def test_a_reset_by_staff_pardons_and_is_on_record(staff, trader):
    make_closed_position(pnl_lamports=-sol(9))
    hold_back(tripped(Rule.DAILY_LOSS, "512.3", 500))
    assert trader.post(reverse("reset_breaker"), {"reason": "looked at it"}).status_code == 403
    assert TradingState.objects.get().trips
    answer = staff.post(reverse("reset_breaker"), {"reason": "looked at it"}, follow=True)
    assert "The circuit breaker is reset." in answer.content.decode()
    assert TradingState.objects.get().trips == []
    assert Position.objects.get().pardoned_lamports == -sol(9)
    assert (Entry.objects.get().action, Entry.objects.get().actor) == ("breaker.reset", "admin")


def test_a_reset_without_a_state_says_why_not(staff):
    answer = staff.post(reverse("reset_breaker"), {"reason": "looked at it"}, follow=True)
    assert "resume entries first" in answer.content.decode()


@pytest.mark.parametrize("name", ["reset_breaker", "close_everything"])
def test_nothing_happens_before_the_confirmation_or_without_a_reason(staff, name, trading):
    make_position()
    assert staff.get(reverse(name)).status_code == 200
    assert staff.post(reverse(name), {"reason": ""}).status_code == 422
    assert not Entry.objects.exists()
    assert not Signal.objects.filter(action="SELL").exists()


def test_closing_everything_halts_and_sells_each_position_once(staff, trader, trading):
    make_position()
    make_position(mint="m" * 44, status="EXITING")
    make_closed_position(pnl_lamports=1, mint="c" * 44)
    before = Signal.objects.filter(action="SELL").count()
    assert trader.post(reverse("close_everything"), {"reason": "a storm"}).status_code == 403
    for _ in range(2):
        page = staff.post(reverse("close_everything"), {"reason": "a storm"}, follow=True)
    assert "everything that is held is being sold" in page.content.decode()
    state = TradingState.objects.get()
    assert (state.entries_halted, state.is_closing_all) == (True, True)
    assert Signal.objects.filter(action="SELL").count() == before + 2
    actions = Entry.objects.order_by("number").values_list("action", "actor")
    assert list(actions)[:2] == [
        ("entries.halted", "admin"),
        ("positions.close_everything", "admin"),
    ]


def admin_act(client, name: str):
    url = reverse(f"admin:trading_tradingstate_{name}")
    return client.post(url, {"_form_submitted": "true", "reason": "looked at it"})


def test_the_admin_says_the_same_and_can_do_the_same(staff, trader):
    make_position()
    hold_back(tripped(Rule.DAILY_LOSS, "512.3", 500))
    page = staff.get(reverse("admin:trading_tradingstate_change", args=[1])).content.decode()
    assert "Lost $512.30 in 24 h (limit $500). Entries are halted" in page
    listed = staff.get(reverse("admin:trading_tradingstate_changelist")).content.decode()
    assert "Lost $512.30 in 24 h (limit $500)" in listed
    admin_act(trader, "reset")
    assert TradingState.objects.get().trips
    admin_act(staff, "reset")
    assert TradingState.objects.get().trips == []
    admin_act(staff, "close_everything")
    assert TradingState.objects.get().is_closing_all
    assert Signal.objects.filter(action="SELL", exit_reason="KILL_SWITCH").count() == 1


def test_the_switch_does_not_hide_what_has_tripped_in_the_admin(staff):
    hold_back(
        tripped(Rule.DAILY_LOSS, "512.3", 500), entries_halted=True, reason="odd fills", actor="ada"
    )
    page = staff.get(reverse("admin:trading_tradingstate_changelist")).content.decode()
    assert "odd fills; Lost $512.30 in 24 h (limit $500)" in page
