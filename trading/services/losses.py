"""Tokens that are gone without a sale of ours: sold down and written off. Every loss leaves an audit line."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from audit import services as audit
from trading import live
from trading.domain.lifecycle import WAITING, PositionStatus
from trading.domain.lots import DisposalKind
from trading.domain.values import Action
from trading.models import Fill, Position, Signal, TradingState
from trading.services.breaker import evaluate_breaker
from trading.services.custody import amount_in_words
from trading.services.lots import recompute_pnl, write_down
from trading.services.policy import policy_for_exits

WRITTEN_OFF = "WRITTEN_OFF"
SIGHTING_LIFETIME = timedelta(seconds=60)
ACTOR = "the chain"


class UnableToWriteOff(Exception):
    """The position is closed, being sold, can still be sold, or nobody has looked at its account lately."""


def book_shortfall(position: Position, *, left_raw: int, fill: Fill, now: datetime) -> None:
    """Take off what a landed sell of ours proves to be gone; the caller stores the position in hand.

    The transaction's own balances say what was left in our account after it.
    """
    missing = position.held_raw - left_raw
    write_down(
        position,
        kind=DisposalKind.LOST,
        token_raw=missing,
        sol_price_usd=fill.sol_price_usd,
        at=fill.filled_at,
    )
    text = (
        f"{amount_in_words(position, missing)} were on the books and not in our account when"
        f" {fill.submission.signature} sold the rest: booked as lost."
    )
    audit.record(
        actor=ACTOR,
        action="position.shortfall_booked",
        target=str(position.pk),
        now=now,
        before=position.held_raw,
        after=left_raw,
        reason=text,
    )
    audit.open_incident(
        key=f"shortfall:{position.pk}",
        title=f"{position.symbol}: part of the position was gone",
        detail=text,
        now=now,
    )
    position.held_raw = left_raw


@transaction.atomic
def write_off(position_uuid: UUID, *, actor: str, reason: str, now: datetime) -> None:
    """Close a dead position with what is left of its cost as a loss; UnableToWriteOff says why not.

    What the chain does not hold any more is LOST, what it holds and nobody takes is ABANDONED. Exits that
    are owed end by themselves at their next turn, which comes at once.
    """
    position = Position.objects.select_for_update().filter(pk=position_uuid).first()
    chain_raw = _chain_raw(position, now)
    assert position is not None
    abandoned = min(chain_raw, position.held_raw)
    state = TradingState.objects.filter(pk=1).first()
    price = None if state is None else state.sol_price_usd
    for kind, amount in (
        (DisposalKind.LOST, position.held_raw - abandoned),
        (DisposalKind.ABANDONED, abandoned),
    ):
        write_down(position, kind=kind, token_raw=amount, sol_price_usd=price, at=now)
    before = {"held_raw": str(position.held_raw), "pnl_lamports": position.realised_pnl_lamports}
    _close(position, now)
    audit.record(
        actor=actor,
        action="position.written_off",
        target=str(position.pk),
        now=now,
        before=before,
        after={"abandoned_raw": str(abandoned), "pnl_lamports": position.realised_pnl_lamports},
        reason=reason,
    )
    evaluate_breaker(now=now, is_equity_new=False)
    transaction.on_commit(partial(live.publish, "positions", "signals"))


def _chain_raw(position: Position | None, now: datetime) -> int:
    """What our account holds, when that allows a write-off."""
    if position is None or position.status == PositionStatus.CLOSED:
        raise UnableToWriteOff("there is no such open position")
    if position.status == PositionStatus.EXITING:
        raise UnableToWriteOff("it is being sold at this moment: wait for the chain's answer")
    seen_at = position.chain_seen_at
    if position.chain_raw is None or seen_at is None or now - seen_at > SIGHTING_LIFETIME:
        raise UnableToWriteOff("nobody has seen its token account within the last minute")
    if position.chain_raw > 0 and not _is_unsellable(position):
        raise UnableToWriteOff("its tokens are there and no sale has failed: close it instead")
    return int(position.chain_raw)


def _is_unsellable(position: Position) -> bool:
    """Whether an exit is owed that has had as many tries as an entry would get."""
    least = policy_for_exits().maximum_attempts
    return _owed(position).filter(attempts__gte=least).exists()


def _owed(position: Position) -> QuerySet[Signal]:
    """Exits that wait for their next try: those that name the position, and the leader's own sells."""
    named = Q(position=position)
    of_leader = Q(
        position=None,
        action=Action.SELL,
        mint=position.mint,
        leader_address=position.leader_address,
        received_at__gte=position.signal.received_at,
    )
    return Signal.objects.filter(named | of_leader, status__in=WAITING)


def _close(position: Position, now: datetime) -> None:
    position.held_raw = 0
    position.status, position.closed_at = PositionStatus.CLOSED, now
    position.exit_reason = WRITTEN_OFF
    position.exit_generation += 1
    position.save(
        update_fields=["held_raw", "status", "closed_at", "exit_reason", "exit_generation"]
    )
    recompute_pnl(position)
    for trouble in ("exit", "holding", "price"):
        audit.close_incident(key=f"{trouble}:{position.pk}", now=now)
    _owed(position).update(next_attempt_at=now)
