"""What people may order: stop and resume entries, sell a position, sell everything."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from audit import services as audit
from trading import live
from trading.domain.exits import ExitReason
from trading.domain.lifecycle import PositionStatus
from trading.domain.signals import SignalRequest
from trading.domain.values import Action, Strategy
from trading.models import Position, TradingState
from trading.services.intake import Receipt, receive_signal
from trading.services.portfolio import open_positions


class UnableToExit(Exception):
    """There is no such position, or it is closed already."""


@transaction.atomic
def halt_entries(*, actor: str, reason: str, now: datetime) -> None:
    """Stop all entries at once; exits go on. Committed before this returns."""
    _set_halted(is_halted=True, actor=actor, reason=reason, now=now)


@transaction.atomic
def resume_entries(*, actor: str, reason: str, now: datetime) -> None:
    """Switch the kill switch off; what the circuit breaker holds back stays held back."""
    _set_halted(is_halted=False, is_closing_all=False, actor=actor, reason=reason, now=now)


@transaction.atomic
def close_everything(*, actor: str, reason: str, now: datetime) -> int:
    """Stop all entries and sell whatever is held; how many positions are asked to be sold now.

    What a buy in flight still brings in is sold by the exit watcher, until entries are resumed.
    """
    held = open_positions()
    for position in held:
        request_exit_of(
            position,
            reason=ExitReason.KILL_SWITCH,
            fraction=Decimal(1),
            source="people",
            now=now,
            tiers_taken=position.tiers_taken,
        )
    # Exits before the state, as booking locks them: the other way round both could wait for ever.
    _set_halted(is_halted=True, is_closing_all=True, actor=actor, reason=reason, now=now)
    audit.record(
        actor=actor,
        action="positions.close_everything",
        target="trading",
        now=now,
        after=len(held),
        reason=reason,
    )
    return len(held)


@transaction.atomic
def request_exit(position_uuid: UUID, *, actor: str, reason: str, now: datetime) -> Receipt:
    """Sell all that a position holds, by the same door as every exit; UnableToExit when it is closed."""
    position = Position.objects.filter(pk=position_uuid).first()
    if position is None or position.status == PositionStatus.CLOSED:
        raise UnableToExit(f"position {position_uuid} is not open")
    receipt = request_exit_of(
        position, reason=ExitReason.MANUAL, fraction=Decimal(1), source="people", now=now
    )
    audit.record(
        actor=actor,
        action="position.exit_requested",
        target=str(position_uuid),
        now=now,
        reason=reason,
    )
    return receipt


def request_exit_of(
    position: Position,
    *,
    reason: ExitReason,
    fraction: Decimal,
    source: str,
    now: datetime,
    tiers_taken: int = 0,
) -> Receipt:
    """Put an exit of our own making into the queue.

    Its identity is the position, its exit generation, the reason and the tier: asking again for the same
    exit before it has happened changes nothing, a more urgent one stands beside it.
    """
    request = SignalRequest(
        strategy=Strategy.EXIT,
        action=Action.SELL,
        symbol=position.symbol,
        mint=position.mint,
        amount_lamports=position.cost_lamports,
        leader_address=position.leader_address,
        exit_fraction=fraction,
    )
    return receive_signal(
        request,
        source=source,
        now=now,
        key=f"exit:{position.pk}:{position.exit_generation}:{reason}:{tiers_taken}",
        position=position.pk,
        exit_reason=reason,
        exit_tiers_taken=tiers_taken,
    )


def _set_halted(
    *,
    is_halted: bool,
    actor: str,
    reason: str,
    now: datetime,
    is_closing_all: bool | None = None,
) -> None:
    """Without `is_closing_all` a halt leaves a sale of everything as it is."""
    closing = {} if is_closing_all is None else {"is_closing_all": is_closing_all}
    before = TradingState.objects.select_for_update().filter(pk=1).first()
    TradingState.objects.update_or_create(
        pk=1,
        defaults={
            "entries_halted": is_halted,
            "reason": reason[:500],
            "actor": actor[:150],
            "changed_at": now,
            **closing,
        },
    )
    audit.record(
        actor=actor,
        action="entries.halted" if is_halted else "entries.resumed",
        target="trading",
        now=now,
        before=None if before is None else before.entries_halted,
        after=is_halted,
        reason=reason,
    )
    transaction.on_commit(lambda: live.publish("health"))
