"""Acts from the pages: a reason first, one call, and what it left behind."""

import pytest
from django.urls import reverse

from audit.models import Entry
from tests.factories import make_closed_position, make_position
from trading.models import Signal, TradingState

pytestmark = pytest.mark.django_db


def test_halting_stops_entries_and_leaves_a_line_in_the_log(trader, trading):
    answer = trader.post(reverse("halt"), {"reason": "fills look odd"}, follow=True)
    assert "Entries are halted." in answer.content.decode()
    state = TradingState.objects.get()
    assert (state.entries_halted, state.actor, state.reason) == (True, "trader", "fills look odd")
    assert Entry.objects.get().reason == "fills look odd"


def test_resuming_is_for_staff(trader, staff, trading):
    trader.post(reverse("halt"), {"reason": "fills look odd"})
    assert trader.post(reverse("resume"), {"reason": "fine again"}).status_code == 403
    assert TradingState.objects.get().entries_halted
    staff.post(reverse("resume"), {"reason": "fine again"})
    assert not TradingState.objects.get().entries_halted


@pytest.mark.parametrize("reason", ["", "  ", "no", "x" * 301])
def test_nothing_happens_without_a_proper_reason(trader, trading, reason):
    answer = trader.post(reverse("halt"), {"reason": reason})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not TradingState.objects.get().entries_halted


def test_looking_at_a_confirmation_changes_nothing(trader, trading):
    position = make_position()
    trader.get(reverse("halt"))
    trader.get(reverse("close_position", args=[position.uuid]))
    assert not TradingState.objects.get().entries_halted
    assert not Signal.objects.filter(action="SELL").exists()


def test_closing_a_position_sends_an_exit_through_the_common_door(trader, trading):
    position = make_position()
    url = reverse("close_position", args=[position.uuid])
    trader.post(url, {"reason": "taking it off"})
    selling = Signal.objects.get(action="SELL")
    assert (selling.strategy, selling.position_id) == ("EXIT", position.uuid)
    trader.post(url, {"reason": "clicked twice"})
    assert Signal.objects.filter(action="SELL").count() == 1


def test_closing_what_is_closed_says_so(trader, trading):
    position = make_closed_position(pnl_lamports=1)
    url = reverse("close_position", args=[position.uuid])
    answer = trader.post(url, {"reason": "too late"}, follow=True)
    assert "is not open" in answer.content.decode()


def test_the_dialog_is_the_form_alone(trader, trading):
    page = trader.get(reverse("halt")).content.decode()
    dialog = trader.get(reverse("halt"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" in page
    assert "<html" not in dialog
    assert 'name="reason"' in dialog
