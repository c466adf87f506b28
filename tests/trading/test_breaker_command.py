"""`manage.py breaker`: the state in words and the orders of the pages, each with a reason on record."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from tests import factories
from trading.models import Signal, TradingState

pytestmark = pytest.mark.usefixtures("database")
TRIP = {
    "rule": "DAILY_LOSS",
    "phase": "TRIPPED",
    "tripped_at": "2026-11-22T12:00:00+00:00",
    "measured": "512.3",
    "limit": "500",
    "clears_at": None,
    "cooling_since": None,
}


def breaker(*arguments: str, **options: Any) -> str:
    output = StringIO()
    call_command("breaker", *arguments, stdout=output, **options)
    return output.getvalue()


def test_it_says_what_holds_trading_back() -> None:
    factories.make_trading_state()
    assert breaker() == "ACTIVE, closing NONE, route JITO\n"
    factories.make_trading_state(trips=[TRIP])
    assert breaker().startswith(
        "REDUCING, SPEAR paused, closing NONE, route JITO\nDAILY_LOSS TRIPPED"
    )
    assert "Lost $512.30 in 24 h (limit $500)" in breaker()


def test_a_missing_state_is_told_as_such() -> None:
    assert "held back by: the trading state is not set up yet" in breaker()
    with pytest.raises(CommandError, match="resume entries first"):
        breaker("reset", reason="because")


@pytest.mark.parametrize("reason", ["", "  ", "no"])
def test_an_order_needs_a_reason(reason: str) -> None:
    factories.make_trading_state()
    with pytest.raises(CommandError, match="reason"):
        breaker("halt", reason=reason)
    assert not TradingState.objects.get().entries_halted


def test_each_order_is_obeyed_and_on_record() -> None:
    factories.make_trading_state(trips=[TRIP])
    factories.make_position()
    assert breaker("reset", reason="looked at it").startswith("ACTIVE,")
    assert breaker("halt", reason="odd fills").startswith("REDUCING,")
    assert "held back by: odd fills" in breaker()
    assert "closing ALL" in breaker("close-everything", reason="a storm")
    assert Signal.objects.get(action="SELL").exit_reason == "KILL_SWITCH"
    assert breaker("resume", reason="calm").startswith("ACTIVE,")
    lines = Entry.objects.order_by("number").values_list("action", "reason")
    assert list(lines) == [
        ("breaker.reset", "looked at it"),
        ("entries.halted", "odd fills"),
        ("entries.halted", "a storm"),
        ("positions.close_everything", "a storm"),
        ("entries.resumed", "calm"),
    ]
    assert all(actor.endswith("(shell)") for actor in Entry.objects.values_list("actor", flat=True))
