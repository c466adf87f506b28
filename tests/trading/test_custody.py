"""What the chain holds for a position, told by its watcher; and the end of one that is dead, ordered by a person."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry, Incident
from tests import factories
from tests.factories import FEE_LAMPORTS, RENT_LAMPORTS, TIP_LAMPORTS
from trading.domain.lifecycle import PositionStatus, SignalStatus, SubmissionStatus
from trading.domain.values import Action, Strategy
from trading.models import Disposal, Lot, Position, Signal, Submission
from trading.services.custody import SETTLING, in_custody, see_custody
from trading.services.losses import UnableToWriteOff, write_off

pytestmark = [pytest.mark.usefixtures("database"), pytest.mark.both_databases]
NOW = timezone.now()
LONG_AGO = NOW - timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _trading(database: Any) -> None:
    factories.make_policy_revision()
    factories.make_trading_state()


def held() -> Position:
    """An open position, all of its transactions settled."""
    position = factories.make_position(opened_at=LONG_AGO)
    Submission.objects.update(resolved_at=LONG_AGO)
    return position


def look(position: Position, chain_raw: int, *, seconds: int = 0) -> bool:
    now = NOW + timedelta(seconds=seconds)
    [each] = [row for row in in_custody(now=now) if row.position == position.pk]
    return see_custody(each, chain_raw=chain_raw, now=now)


def owed(position: Position | None, *, attempts: int, **fields: Any) -> Signal:
    return factories.make_signal(
        strategy=Strategy.EXIT,
        action=Action.SELL,
        priority=0,
        status=SignalStatus.RETRY,
        attempts=attempts,
        position=position,
        next_attempt_at=NOW + timedelta(minutes=2),
        **fields,
    )


def end(position: Position) -> Position:
    write_off(position.pk, actor="ada", reason="dead", now=NOW)
    return Position.objects.get(pk=position.pk)


def test_a_shortage_is_told_when_it_is_seen_twice_and_ends_when_it_is_over() -> None:
    position = held()
    assert not look(position, 1)
    assert not Incident.objects.exists()
    assert look(position, 1, seconds=3)
    incident = Incident.objects.get()
    assert (incident.key, incident.resolved_at) == (f"holding:{position.pk}", None)
    assert not look(position, position.held_raw, seconds=6)
    assert Incident.objects.get().resolved_at is not None
    assert not look(position, 1, seconds=9), "and twice again"


def test_more_than_the_books_hold_is_no_shortage() -> None:
    position = held()
    assert not look(position, position.held_raw + 5)
    assert not look(position, position.held_raw + 5, seconds=3)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": SubmissionStatus.IN_FLIGHT},
        {"resolved_at": NOW - SETTLING + timedelta(seconds=1)},
    ],
    ids=["on its way", "just landed"],
)
def test_what_moves_is_not_compared(changes: dict[str, Any]) -> None:
    held()
    Submission.objects.update(**changes)
    assert in_custody(now=NOW) == []


def test_a_position_that_changed_during_the_look_is_left_alone() -> None:
    position = held()
    [seen] = in_custody(now=NOW)
    Position.objects.update(exit_generation=1)
    assert not see_custody(seen, chain_raw=0, now=NOW)
    assert Position.objects.get(pk=position.pk).chain_raw is None


def test_a_write_off_makes_a_loss_of_what_is_left_and_calls_owed_exits_at_once() -> None:
    position = held()
    look(position, 0)
    of_leader = owed(None, attempts=1, mint=position.mint, leader_address=position.leader_address)
    exits = [owed(position, attempts=9), of_leader]
    other = owed(None, attempts=9, mint="another", leader_address=position.leader_address)
    closed = end(position)
    assert (closed.status, closed.held_raw) == (PositionStatus.CLOSED, 0)
    costs = FEE_LAMPORTS + TIP_LAMPORTS + RENT_LAMPORTS
    assert closed.realised_pnl_lamports == -position.cost_lamports - costs
    assert Lot.objects.get().left_raw == 0
    [part] = Disposal.objects.all()
    assert (part.kind, part.fill) == ("LOST", None)
    assert (part.token_raw, part.cost_lamports) == (position.held_raw, position.cost_lamports)
    due = set(Signal.objects.filter(next_attempt_at__lte=NOW, status="RETRY"))
    assert due == set(exits)
    assert other not in due
    entry = Entry.objects.get(action="position.written_off")
    assert (entry.actor, entry.reason, entry.target) == ("ada", "dead", str(position.pk))


def test_what_is_there_and_unsellable_is_abandoned_and_the_rest_lost() -> None:
    position = held()
    look(position, 400)
    owed(position, attempts=2)
    with pytest.raises(UnableToWriteOff, match="close it instead"):
        end(position)
    owed(position, attempts=3)
    end(position)
    raw = dict(Disposal.objects.values_list("kind", "token_raw"))
    assert raw == {"LOST": position.held_raw - 400, "ABANDONED": 400}
    costs = Disposal.objects.values_list("cost_lamports", flat=True)
    assert sum(costs) == position.cost_lamports


def test_nothing_is_written_off_on_old_or_no_sight_nor_twice_nor_during_a_sale() -> None:
    position = held()
    with pytest.raises(UnableToWriteOff, match="nobody has seen"):
        end(position)
    look(position, 0)
    Position.objects.update(chain_seen_at=NOW - timedelta(seconds=61))
    with pytest.raises(UnableToWriteOff, match="nobody has seen"):
        end(position)
    Position.objects.update(chain_seen_at=NOW, status=PositionStatus.EXITING)
    with pytest.raises(UnableToWriteOff, match="being sold"):
        end(position)
    Position.objects.update(status=PositionStatus.ACTIVE)
    end(position)
    with pytest.raises(UnableToWriteOff, match="no such open position"):
        end(position)
    assert Disposal.objects.count() == 1
