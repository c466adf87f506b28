"""What people order: stop, resume, sell; done at once, on record, and not twice."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from audit.models import Entry
from tests import factories
from trading.domain.exits import ExitReason
from trading.domain.lifecycle import PositionStatus, SignalStatus
from trading.models import Position, Signal, TradingState
from trading.services.control import (
    UnableToExit,
    close_everything,
    halt_entries,
    request_exit,
    request_exit_of,
    resume_entries,
)

pytestmark = pytest.mark.usefixtures("database")
NOW = timezone.now()
WHO = {"actor": "ada", "reason": "a storm", "now": NOW}


def test_halting_and_resuming_are_on_record_with_both_states() -> None:
    factories.make_trading_state()
    halt_entries(**WHO)
    state = TradingState.objects.get()
    assert (state.entries_halted, state.reason, state.actor) == (True, "a storm", "ada")
    resume_entries(**WHO)
    assert not TradingState.objects.get().entries_halted
    lines = Entry.objects.order_by("number").values_list("action", "before", "after")
    assert [line[0] for line in lines] == ["entries.halted", "entries.resumed"]
    assert lines[0][1] != lines[0][2]


def test_halting_works_without_a_state_to_begin_with() -> None:
    halt_entries(**WHO)
    assert TradingState.objects.get().entries_halted


def test_an_exit_sells_everything_by_the_common_door() -> None:
    position = factories.make_position()
    receipt = request_exit(position.pk, **WHO)
    signal = Signal.objects.get(pk=receipt.uuid)
    assert receipt.is_new
    assert (signal.status, signal.priority, signal.exit_fraction) == (SignalStatus.QUEUED, 0, 1)
    assert (signal.position_id, signal.exit_reason, signal.source) == (
        position.pk,
        ExitReason.MANUAL,
        "people",
    )
    assert Entry.objects.get().action == "position.exit_requested"


def test_asking_twice_is_one_exit() -> None:
    position = factories.make_position()
    first, again = request_exit(position.pk, **WHO), request_exit(position.pk, **WHO)
    assert (again.uuid, again.is_new) == (first.uuid, False)


def test_after_a_sale_the_same_exit_may_be_asked_for_again() -> None:
    position = factories.make_position()
    first = request_exit(position.pk, **WHO)
    Position.objects.update(exit_generation=1)
    assert request_exit(position.pk, **WHO).uuid != first.uuid


def test_a_more_urgent_exit_stands_beside_the_first() -> None:
    position = factories.make_position()
    fields = {"fraction": Decimal(1), "source": "exit_watcher", "now": NOW}
    uuids = {
        request_exit_of(position, reason=reason, **fields).uuid
        for reason in (ExitReason.HARD_STOP, ExitReason.TIME_LIMIT, ExitReason.HARD_STOP)
    }
    assert len(uuids) == 2


def test_an_exit_keeps_its_name_for_days() -> None:
    position = factories.make_position()
    fields = {"reason": ExitReason.HARD_STOP, "fraction": Decimal(1), "source": "exit_watcher"}
    first = request_exit_of(position, now=NOW, **fields)
    later = request_exit_of(position, now=NOW + timedelta(days=2), **fields)
    assert (later.uuid, later.is_new) == (first.uuid, False)


def test_what_is_closed_or_unknown_cannot_be_sold() -> None:
    closed = factories.make_closed_position(pnl_lamports=0)
    for uuid in (closed.pk, factories.unknown_uuid()):
        with pytest.raises(UnableToExit):
            request_exit(uuid, **WHO)
    assert not Entry.objects.exists()


def test_closing_everything_halts_and_sells_every_open_position_once() -> None:
    factories.make_trading_state()
    held = {factories.make_position().pk for _ in range(3)}
    held.add(factories.make_position(status=PositionStatus.EXITING).pk)
    factories.make_closed_position(pnl_lamports=0)
    before = Signal.objects.filter(status=SignalStatus.QUEUED).count()
    assert close_everything(**WHO) == 4
    assert close_everything(**WHO) == 4
    exits = Signal.objects.filter(status=SignalStatus.QUEUED, priority=0)
    assert {signal.position_id for signal in exits} == held
    assert exits.count() == 4
    assert before == 0
    assert TradingState.objects.get().entries_halted
