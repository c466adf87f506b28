"""The circuit breaker on the rows: what happened lately, what is tripped now, and its reset by a person.

Everything it needs is stored, so that any process may evaluate it and a restart changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.db.models import F

from audit import services as audit
from trading import live
from trading.domain.breaker import evaluate
from trading.domain.lifecycle import PositionStatus
from trading.domain.policy import BreakerPolicy
from trading.domain.trip_sentences import sentence
from trading.domain.trips import Breaker, Phase, Rule, StateUnreadable, Trip, as_json, from_json
from trading.models import Position, TradingState
from trading.rows import load_all, update
from trading.services.breaker_measures import measure
from trading.services.incidents import close_incidents
from trading.services.policy import policy_for_exits
from trading.services.portfolio import (
    open_cost_lamports,
    position_value_lamports,
)

ACTOR = "circuit breaker"
PRICE_INCIDENT = "sol_price"
UNREADABLE_INCIDENT = "breaker:unreadable"
ACTIONS = {
    Phase.TRIPPED: "breaker.tripped",
    Phase.COOLDOWN: "breaker.cooling",
    Phase.ACTIVE: "breaker.cleared",
}


class UnableToReset(Exception):
    """There is no trading state that could be reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolPrice:
    """A price of SOL in dollars and when it was seen."""

    usd: Decimal
    at: datetime


@transaction.atomic(savepoint=False)
def evaluate_breaker(
    *, now: datetime, sol_price: SolPrice | None = None, is_equity_new: bool = True
) -> None:
    """Look at what happened lately and store what is tripped now; audit, incident and push on a change.

    Without new equity, as at every close, drawdown, drain and what the nodes do stay as they were: the guard
    looks at them every few seconds. A missing row stays missing and an unreadable one stays unreadable: both
    halt entries by themselves.
    """
    state = _locked_state()
    if state is None:
        return
    policy = policy_for_exits().breaker
    _take_price(state, sol_price, policy, now)
    before = _stored(state, now)
    if before is None:
        return
    window = measure(state, policy, now, is_equity_new=is_equity_new)
    after = evaluate(before, window=window, policy=policy, now=now)
    for rule in Rule:
        _tell(rule, before.trip(rule), after.trip(rule), now)
    stored = update(
        TradingState,
        {"id": 1},
        trips=as_json(after),
        evaluated_at=now,
        sol_price_usd=state.sol_price_usd,
        sol_priced_at=state.sol_priced_at,
    )
    assert stored == 1, "the row is locked"


def _locked_state() -> TradingState | None:
    """The one row, which nobody else changes until this transaction ends."""
    lock = " FOR UPDATE" if connection.vendor == "postgresql" else ""
    rows = load_all(TradingState, f"id = 1{lock}")
    return rows[0] if rows else None


@transaction.atomic
def reset_breaker(*, actor: str, reason: str, now: datetime) -> None:
    """Let every rule start anew from this moment: what was lost before is pardoned and never trips again.

    The kill switch stays as it is. UnableToReset when the trading state is missing.
    """
    # Positions before the state, as booking locks them: the other way round both could wait for ever.
    held = list(
        Position.objects.select_for_update().exclude(status=PositionStatus.CLOSED).order_by("pk")
    )
    state = TradingState.objects.select_for_update().filter(pk=1).first()
    if state is None:
        raise UnableToReset("the trading state is missing: resume entries first")
    for position in held:
        Position.objects.filter(pk=position.pk).update(pardoned_lamports=_pnl_lamports(position))
    closed = Position.objects.filter(status=PositionStatus.CLOSED)
    closed.exclude(pardoned_lamports=F("realised_pnl_lamports")).update(
        pardoned_lamports=F("realised_pnl_lamports")
    )
    before = state.trips
    state.trips, state.reset_at = [], now
    state.save(update_fields=["trips", "reset_at"])
    for key in (UNREADABLE_INCIDENT, *(_incident(rule) for rule in Rule)):
        audit.close_incident(key=key, now=now)
    audit.record(
        actor=actor,
        action="breaker.reset",
        target="trading",
        now=now,
        before=before,
        after=[],
        reason=reason,
    )
    transaction.on_commit(partial(live.publish, "health"))


def _pnl_lamports(position: Position) -> int:
    """Realised so far, fees and tips too, and what is still held at its last price."""
    unrealised = position_value_lamports(position) - open_cost_lamports(position)
    return position.realised_pnl_lamports + unrealised


def _stored(state: TradingState, now: datetime) -> Breaker | None:
    try:
        return from_json(state.trips)
    except StateUnreadable as error:
        audit.open_incident(
            key=UNREADABLE_INCIDENT,
            title="The circuit breaker's state cannot be read; entries are halted",
            detail=str(error),
            now=now,
        )
        return None


def _take_price(
    state: TradingState, seen: SolPrice | None, policy: BreakerPolicy, now: datetime
) -> None:
    """Dollars are counted with the last price, however old; that it is old needs a person."""
    if seen is not None and (state.sol_priced_at is None or seen.at > state.sol_priced_at):
        state.sol_price_usd, state.sol_priced_at = seen.usd, seen.at
    if state.sol_priced_at is None:
        return
    age = now - state.sol_priced_at
    if age <= timedelta(seconds=policy.maximum_sol_price_age_seconds):
        close_incidents(PRICE_INCIDENT, now=now)
        return
    audit.open_incident(
        key=PRICE_INCIDENT,
        title="The SOL price is old; losses in dollars use the last one",
        detail=f"${state.sol_price_usd:.2f} from {state.sol_priced_at:%Y-%m-%d %H:%M:%S} UTC",
        now=now,
    )


def _incident(rule: Rule) -> str:
    return f"breaker:{rule}"


def _tell(rule: Rule, before: Trip | None, after: Trip | None, now: datetime) -> None:
    """Audit row, incident and push where a rule's phase changed."""
    was = before.phase if before else Phase.ACTIVE
    becomes = after.phase if after else Phase.ACTIVE
    if was is becomes:
        return
    text = str(sentence(after)) if after else f"{rule} no longer holds trading back."
    audit.record(
        actor=ACTOR,
        action=ACTIONS[becomes],
        target=rule,
        now=now,
        before=was,
        after=becomes,
        reason=text,
    )
    if becomes is Phase.TRIPPED:
        audit.open_incident(
            key=_incident(rule), title=f"Circuit breaker: {_title(rule)}", detail=text, now=now
        )
    elif becomes is Phase.ACTIVE:
        audit.close_incident(key=_incident(rule), now=now)
    transaction.on_commit(partial(live.publish, "health"))


def _title(rule: Rule) -> str:
    return rule.replace("_", " ").lower()
