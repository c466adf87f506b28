"""What the circuit breaker's rules look at, measured on the rows: the last day, the curve, the nodes."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from audit.models import Heartbeat
from trading.domain.breaker import WINDOW, Window
from trading.domain.drain import OutsidePoint, drained_lamports
from trading.domain.pnl import apportioned_cost_lamports, value_lamports
from trading.domain.policy import BreakerPolicy
from trading.models import EquityPoint, Position, TradingState
from trading.rows import every, first, moment, parameter

CLOSES_LOOKED_AT = (8, 100)
"""How many of the newest closes are read for a run of losses: more only where the first few all lost."""
# A block's own time may be a little off ours; what the last reset covered is known by its pardon anyway.
CLOCK_TOLERANCE = timedelta(days=1)
HEARTBEAT_LIFETIME = timedelta(seconds=15)


def measure(
    state: TradingState, policy: BreakerPolicy, now: datetime, *, is_equity_new: bool
) -> Window:
    """What happened in the window that the rules look at; without new equity what no trade of ours changes is
    not known.
    """
    closed_pnl, oldest_loss_at = _closed(now)
    since = max(now - WINDOW, state.reset_at or now - WINDOW)
    equity, peak = _equity(since) if is_equity_new else (None, None)
    calls, failures, failed_over_at = _rpc(policy, now) if is_equity_new else (None, 0, None)
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
    return sum(realised + _unrealised(*columns) for *columns, realised in rows)


@lru_cache(maxsize=4_096)
def _unrealised(held: Any, bought: Any, decimals: int, cost: int, price: Any) -> int:
    """What a position holds at its last price less what that cost, from its columns.

    Every close asks for every open position, and hardly one has another price by the next close.
    """
    value = value_lamports(token_raw=int(held), decimals=decimals, price_sol=Decimal(str(price)))
    return value - apportioned_cost_lamports(
        cost_lamports=cost, held_raw=int(held), bought_raw=int(bought)
    )


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
    count = 0
    for at_most in CLOSES_LOOKED_AT:
        results = _newest_results(state, at_most=at_most)
        count = next((n for n, pnl in enumerate(results) if pnl >= 0), len(results))
        if count < at_most:
            break
    return count


def _newest_results(state: TradingState, *, at_most: int) -> list[int]:
    """Results of the newest closes that the last reset did not cover, the newest first."""
    since = state.reset_at - CLOCK_TOLERANCE if state.reset_at else None
    rows = every(
        "SELECT realised_pnl_lamports - COALESCE(pardoned_lamports, 0) FROM trading_position"  # noqa: S608
        " WHERE status = 'CLOSED'"
        " AND (pardoned_lamports IS NULL OR pardoned_lamports <> realised_pnl_lamports)"
        f"{' AND closed_at >= %s' if since else ''}"
        " ORDER BY closed_at DESC, opened_at DESC LIMIT %s",
        *([parameter(Position, "closed_at", since)] if since else []),
        at_most,
    )
    return [pnl for (pnl,) in rows]


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
