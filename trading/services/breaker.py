"""The circuit breaker on the rows: what happened lately, what is tripped now, and its reset by a person.

Everything it needs is stored, so that any process may evaluate it and a restart changes nothing.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.db.models import F

from audit import services as audit
from audit.models import Heartbeat
from trading import live
from trading.domain.breaker import WINDOW, Window, evaluate
from trading.domain.drain import OutsidePoint, drained_lamports
from trading.domain.lifecycle import PositionStatus
from trading.domain.pnl import apportioned_cost_lamports, value_lamports
from trading.domain.policy import BreakerPolicy
from trading.domain.trip_sentences import sentence
from trading.domain.trips import Breaker, Phase, Rule, StateUnreadable, Trip, as_json, from_json
from trading.models import EquityPoint, Position, TradingState
from trading.rows import every, first, load_all, moment, parameter, update
from trading.services.incidents import close_incidents
from trading.services.policy import policy_for_exits
from trading.services.portfolio import (
    open_cost_lamports,
    position_value_lamports,
)

ACTOR = "circuit breaker"
PRICE_INCIDENT = "sol_price"
UNREADABLE_INCIDENT = "breaker:unreadable"
CLOSES_LOOKED_AT = 100
# A block's own time may be a little off ours; what the last reset covered is known by its pardon anyway.
CLOCK_TOLERANCE = timedelta(days=1)
HEARTBEAT_LIFETIME = timedelta(seconds=15)
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

    Without new equity the drawdown stays as it was and a day of points need not be read. A missing row stays
    missing and an unreadable one stays unreadable: both halt entries by themselves.
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
    update(
        TradingState,
        {"id": 1},
        trips=as_json(after),
        evaluated_at=now,
        sol_price_usd=state.sol_price_usd,
        sol_priced_at=state.sol_priced_at,
    )


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


def measure(
    state: TradingState, policy: BreakerPolicy, now: datetime, *, is_equity_new: bool
) -> Window:
    """What happened in the window that the rules look at."""
    closed_pnl, oldest_loss_at = _closed(now)
    since = max(now - WINDOW, state.reset_at or now - WINDOW)
    equity, peak = _equity(since) if is_equity_new else (None, None)
    calls, failures, failed_over_at = _rpc(policy, now)
    drain_since = now - timedelta(seconds=policy.drain_window_seconds)
    drain_since = max(drain_since, state.reset_at or drain_since)
    drained = _drained(drain_since) if is_equity_new else None
    return Window(
        pnl_lamports=closed_pnl + _open_pnl(),
        consecutive_losses=_consecutive_losses(state),
        oldest_close_at=oldest_loss_at,
        equity_lamports=equity,
        peak_lamports=peak,
        sol_price_usd=state.sol_price_usd,
        drained_lamports=drained,
        rpc_calls=calls,
        rpc_failures=failures,
        failed_over_at=failed_over_at,
    )


def _open_pnl() -> int:
    """The result of everything open since the last reset: realised, fees and tips too, and unrealised."""
    rows = every(
        "SELECT held_raw, bought_raw, decimals, cost_lamports, last_price_sol,"
        " realised_pnl_lamports - COALESCE(pardoned_lamports, 0)"
        " FROM trading_position WHERE status IN ('ACTIVE', 'EXITING')"
    )
    return sum(
        realised
        + value_lamports(token_raw=int(held), decimals=decimals, price_sol=Decimal(str(price)))
        - apportioned_cost_lamports(cost_lamports=cost, held_raw=int(held), bought_raw=int(bought))
        for held, bought, decimals, cost, price, realised in rows
    )


def _pnl_lamports(position: Position) -> int:
    """Realised so far, fees and tips too, and what is still held at its last price."""
    unrealised = position_value_lamports(position) - open_cost_lamports(position)
    return position.realised_pnl_lamports + unrealised


def _closed(now: datetime) -> tuple[int, datetime | None]:
    """(PnL of positions closed in the last 24 h, when the first losing one of them was closed)."""
    row = first(
        "SELECT sum(realised_pnl_lamports - COALESCE(pardoned_lamports, 0)),"
        " min(CASE WHEN realised_pnl_lamports < COALESCE(pardoned_lamports, 0) THEN closed_at END)"
        " FROM trading_position WHERE status = 'CLOSED' AND closed_at >= %s",
        parameter(Position, "closed_at", now - WINDOW),
    )
    pnl, oldest = row or (None, None)
    return int(pnl or 0), moment(oldest)


def _consecutive_losses(state: TradingState) -> int:
    """Losing closes since the last one that was not, or since the reset. Breaking even is no loss."""
    since = state.reset_at - CLOCK_TOLERANCE if state.reset_at else None
    rows = every(
        "SELECT realised_pnl_lamports - COALESCE(pardoned_lamports, 0) FROM trading_position"  # noqa: S608
        " WHERE status = 'CLOSED'"
        " AND (pardoned_lamports IS NULL OR pardoned_lamports <> realised_pnl_lamports)"
        f"{' AND closed_at >= %s' if since else ''}"
        " ORDER BY closed_at DESC, opened_at DESC LIMIT %s",
        *([parameter(Position, "closed_at", since)] if since else []),
        CLOSES_LOOKED_AT,
    )
    count = 0
    for (pnl,) in rows:
        if pnl >= 0:
            break
        count += 1
    return count


def _equity(since: datetime) -> tuple[int | None, int | None]:
    """(equity now, its peak): the peak as it would have been with today's deposits and withdrawals."""
    newest = first(
        "SELECT balance_lamports + positions_lamports, outside_lamports FROM trading_equitypoint"
        " WHERE at > %s AND outside_lamports IS NOT NULL ORDER BY at DESC LIMIT 1",
        parameter(EquityPoint, "at", since),
    )
    if newest is None:
        return None, None
    highest = first(
        "SELECT max(balance_lamports + positions_lamports - outside_lamports)"
        " FROM trading_equitypoint WHERE at > %s",
        parameter(EquityPoint, "at", since),
    )
    return newest[0], (highest[0] + newest[1] if highest else None)


def _drained(since: datetime) -> int | None:
    """What has left since then without a trade of ours."""
    points = EquityPoint.objects.filter(at__gt=since, outside_lamports__isnull=False)
    rows = points.order_by("at").values_list("at", "outside_lamports")
    return drained_lamports(
        [OutsidePoint(at=at, lamports=told) for at, told in rows if told is not None]
    )


def _rpc(policy: BreakerPolicy, now: datetime) -> tuple[int | None, int, datetime | None]:
    """(calls, failures, last failover) of the process that fares worst; None where nobody told lately."""
    beats = every(
        "SELECT CAST(detail AS TEXT) FROM audit_heartbeat WHERE beat_at >= %s",
        parameter(Heartbeat, "beat_at", now - HEARTBEAT_LIFETIME),
    )
    details = [json.loads(detail) for (detail,) in beats]
    told = [each["rpc"] for each in details if isinstance(each, dict) and "rpc" in each]
    if not told:
        return None, 0, None
    many = [each for each in told if each["calls"] >= policy.rpc_minimum_calls]
    worst = max(many or told, key=lambda each: Decimal(each["failures"]) / (each["calls"] or 1))
    return worst["calls"], worst["failures"], _latest(each["failed_over_at"] for each in told)


def _latest(moments: Iterable[str | None]) -> datetime | None:
    return max((datetime.fromisoformat(at) for at in moments if at), default=None)


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
