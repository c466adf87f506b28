"""The circuit breaker: what happened lately and what is tripped already become what is tripped now. Pure.

A rule at its limit is TRIPPED; below it again it is in COOLDOWN, then gone. Rules about money cool down for as
long as the policy says; rules about the outside carry their waiting time in their own windows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.policy import BreakerPolicy
from trading.domain.trips import COOLS_DOWN, ENDS_BY_A_PERSON, Breaker, Phase, Rule, Trip
from trading.domain.values import LAMPORTS_PER_SOL

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What happened lately. None is "not known", never zero.

    `pnl_lamports` is what positions closed in the last 24 h and open ones have made since the last reset
    (− is a loss). Equity and its peak (since the later of 24 h ago and the last reset) count our trading only:
    deposits and withdrawals are taken off. `drained_lamports` is what left the wallet within the policy's
    window without a trade of ours, from the highest point on. `rpc_calls` of the last minute to the first RPC.
    """

    pnl_lamports: int
    consecutive_losses: int
    oldest_close_at: datetime | None = None
    equity_lamports: int | None = None
    peak_lamports: int | None = None
    sol_price_usd: Decimal | None = None
    drained_lamports: int | None = None
    rpc_calls: int | None = None
    rpc_failures: int = 0
    failed_over_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One rule measured now."""

    is_over: bool
    measured: Decimal
    limit: Decimal
    clears_at: datetime | None = None


def evaluate(breaker: Breaker, *, window: Window, policy: BreakerPolicy, now: datetime) -> Breaker:
    """The breaker after what happened. A rule that cannot be measured stays as it is."""
    trips = (
        _next(rule, breaker.trip(rule), _measure(rule, window, policy, now), policy, now)
        for rule in Rule
    )
    return Breaker(trips=tuple(trip for trip in trips if trip is not None))


def _next(
    rule: Rule, before: Trip | None, reading: _Reading | None, policy: BreakerPolicy, now: datetime
) -> Trip | None:
    if reading is None:
        return before
    if reading.is_over:
        was_tripped = before is not None and before.phase is Phase.TRIPPED
        return Trip(
            rule=rule,
            phase=Phase.TRIPPED,
            tripped_at=before.tripped_at if before is not None and was_tripped else now,
            measured=reading.measured,
            limit=reading.limit,
            clears_at=reading.clears_at,
        )
    if before is not None and rule in ENDS_BY_A_PERSON:
        return before
    if before is None or rule not in COOLS_DOWN:
        return None
    since = before.cooling_since or now
    if now - since >= timedelta(seconds=policy.cooldown_seconds):
        return None
    return Trip(
        rule=rule,
        phase=Phase.COOLDOWN,
        tripped_at=before.tripped_at,
        measured=reading.measured,
        limit=reading.limit,
        clears_at=since + timedelta(seconds=policy.cooldown_seconds),
        cooling_since=since,
    )


def _measure(rule: Rule, window: Window, policy: BreakerPolicy, now: datetime) -> _Reading | None:
    match rule:
        case Rule.DAILY_LOSS:
            return _daily_loss(window, policy)
        case Rule.DRAWDOWN:
            return _drawdown(window, policy)
        case Rule.WALLET_DRAINED:
            drained = window.drained_lamports
            return None if drained is None else _at_least(drained, policy.drain_limit_lamports)
        case Rule.SOL_PRICE_UNKNOWN:
            is_unknown = window.sol_price_usd is None
            return _Reading(is_over=is_unknown, measured=Decimal(is_unknown), limit=Decimal(1))
        case Rule.CONSECUTIVE_LOSSES:
            return _at_least(window.consecutive_losses, policy.maximum_consecutive_losses)
        case Rule.RPC_ERRORS:
            return _rpc_errors(window, policy)
        case Rule.RPC_FAILOVER:
            return _rpc_failover(window, policy, now)


def _at_least(
    measured: Decimal | int, limit: int, *, clears_at: datetime | None = None
) -> _Reading:
    """Reaching the limit trips; nothing that is not above 0 ever does."""
    value = Decimal(measured)
    return _Reading(
        is_over=value > 0 and value >= limit,
        measured=value,
        limit=Decimal(limit),
        clears_at=clears_at,
    )


def _daily_loss(window: Window, policy: BreakerPolicy) -> _Reading | None:
    if window.sol_price_usd is None:
        return None
    loss_usd = Decimal(-window.pnl_lamports) * window.sol_price_usd / LAMPORTS_PER_SOL
    oldest = window.oldest_close_at
    clears_at = None if oldest is None else oldest + WINDOW
    return _at_least(loss_usd, policy.daily_loss_limit_usd, clears_at=clears_at)


def _drawdown(window: Window, policy: BreakerPolicy) -> _Reading | None:
    """In basis points of the peak, from the equity that already contains the open loss."""
    if window.equity_lamports is None or window.peak_lamports is None:
        return None
    if window.peak_lamports <= 0:
        return None
    fallen = Decimal(window.peak_lamports - window.equity_lamports) / window.peak_lamports
    return _at_least(fallen * 10_000, policy.maximum_drawdown_bps)


def _rpc_errors(window: Window, policy: BreakerPolicy) -> _Reading | None:
    if window.rpc_calls is None:
        return None
    if window.rpc_calls < policy.rpc_minimum_calls:
        return _at_least(0, policy.rpc_error_limit_bps)
    rate = Decimal(window.rpc_failures * 10_000) / window.rpc_calls
    return _at_least(rate, policy.rpc_error_limit_bps)


def _rpc_failover(window: Window, policy: BreakerPolicy, now: datetime) -> _Reading | None:
    """In seconds since the last failover; the last of the waiting time still counts."""
    if window.rpc_calls is None:
        return None
    limit = Decimal(policy.rpc_failover_seconds)
    at = window.failed_over_at
    if at is None:
        return _Reading(is_over=False, measured=Decimal(0), limit=limit)
    ago = Decimal(int((now - at).total_seconds()))
    return _Reading(
        is_over=now - at <= timedelta(seconds=policy.rpc_failover_seconds),
        measured=ago,
        limit=limit,
        clears_at=at + timedelta(seconds=policy.rpc_failover_seconds),
    )
