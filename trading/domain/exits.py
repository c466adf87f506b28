"""When to sell: one position and one price become an exit or none. The same code trades and backtests."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trading.domain.pnl import gain_bps
from trading.domain.policy import Policy, StrategyPolicy
from trading.domain.trips import Closing


class ExitReason(StrEnum):
    """Why a position is sold."""

    HARD_STOP = "HARD_STOP"
    LIQUIDITY_DROP = "LIQUIDITY_DROP"
    TAKE_PROFIT = "TAKE_PROFIT"
    TRAILING_STOP = "TRAILING_STOP"
    TIME_LIMIT = "TIME_LIMIT"
    LEADER_SOLD = "LEADER_SOLD"
    MANUAL = "MANUAL"
    BREAKER = "BREAKER"
    KILL_SWITCH = "KILL_SWITCH"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """What the exit rules need to know; prices in SOL per whole token."""

    strategy: str
    entry_price_sol: Decimal
    peak_price_sol: Decimal
    tiers_taken: int
    opened_at: datetime
    has_liquidity_dropped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """Sell this fraction of what is held. `tier` is the number of ladder tiers taken once it has landed."""

    reason: ExitReason
    fraction: Decimal
    tiers_taken: int


def evaluate(
    position: OpenPosition,
    *,
    price_sol: Decimal,
    policy: Policy,
    now: datetime,
    closing: Closing = Closing.NONE,
    takes_own_profit: bool = True,
) -> Exit | None:
    """The exit this price and moment call for (specification §11), the most urgent first, or None.

    Tiers count by index, so a tier never fires twice whatever happens to the prices in between. `closing`
    is what kill switch and breaker want sold: everything, or the losers, which tightens the winners' stop.
    Without `takes_own_profit` the ladder and the untightened trailing stop are left to the leader; whatever
    limits a loss or the time works all the same.
    """
    rules = policy.for_strategy(position.strategy)
    gain = gain_bps(entry_price_sol=position.entry_price_sol, price_sol=price_sol)
    if closing is Closing.ALL:
        return _whole(position, ExitReason.KILL_SWITCH)
    tightened_bps = policy.breaker.tightened_distance_bps if closing is Closing.LOSERS else None
    return (
        _hard_stop(position, rules, gain)
        or _liquidity_drop(position)
        or _loser(position, gain, closing)
        or (
            _trailing_stop(position, rules, price_sol, tightened_bps)
            if takes_own_profit or tightened_bps is not None
            else None
        )
        or (_take_profit(position, rules, gain) if takes_own_profit else None)
        or _time_limit(position, rules, gain, now)
    )


def _whole(position: OpenPosition, reason: ExitReason) -> Exit:
    return Exit(reason=reason, fraction=Decimal(1), tiers_taken=position.tiers_taken)


def _hard_stop(position: OpenPosition, rules: StrategyPolicy, gain: int) -> Exit | None:
    return _whole(position, ExitReason.HARD_STOP) if gain <= -rules.hard_stop_bps else None


def _liquidity_drop(position: OpenPosition) -> Exit | None:
    """Getting out becomes dearer with every lamport that leaves the pool, whatever the price says."""
    return _whole(position, ExitReason.LIQUIDITY_DROP) if position.has_liquidity_dropped else None


def _loser(position: OpenPosition, gain: int, closing: Closing) -> Exit | None:
    is_unwanted = closing is Closing.LOSERS and gain < 0
    return _whole(position, ExitReason.BREAKER) if is_unwanted else None


def _trailing_stop(
    position: OpenPosition, rules: StrategyPolicy, price: Decimal, tightened_bps: int | None
) -> Exit | None:
    """A tightened stop needs no activation and is never wider than the strategy's own."""
    peak = max(position.peak_price_sol, price)
    risen = gain_bps(entry_price_sol=position.entry_price_sol, price_sol=peak)
    if tightened_bps is None and risen < rules.trailing_activation_bps:
        return None
    distance = rules.trailing_distance_bps
    if tightened_bps is not None:
        distance = min(distance, tightened_bps)
    if price > peak * (10_000 - distance) / 10_000:
        return None
    return _whole(position, ExitReason.TRAILING_STOP)


def _take_profit(position: OpenPosition, rules: StrategyPolicy, gain: int) -> Exit | None:
    """A third of the remainder for each tier passed; several tiers passed at once are one sale."""
    ladder = rules.take_profit_bps
    passed = sum(1 for tier in ladder if gain >= tier)
    if passed <= position.tiers_taken:
        return None
    fraction = ladder_fraction(tiers_taken=position.tiers_taken, tiers_passed=passed)
    return Exit(reason=ExitReason.TAKE_PROFIT, fraction=fraction, tiers_taken=passed)


def ladder_fraction(*, tiers_taken: int, tiers_passed: int) -> Decimal:
    """Share of what is held that brings a position from one rung of the ladder to a higher one."""
    kept = (Decimal(2) / Decimal(3)) ** (tiers_passed - tiers_taken)
    return (1 - kept).quantize(Decimal("1e-9"))


def _time_limit(
    position: OpenPosition, rules: StrategyPolicy, gain: int, now: datetime
) -> Exit | None:
    if (now - position.opened_at).total_seconds() < rules.time_limit_seconds:
        return None
    if rules.time_limit_only_when_losing and gain > 0:
        return None
    return _whole(position, ExitReason.TIME_LIMIT)


def amount_to_sell(*, held_raw: int, fraction: Decimal) -> int:
    """Raw tokens of a fraction of what is held, rounded down, but at least one; all of it for 1."""
    if fraction == 1:
        return held_raw
    return min(held_raw, max(1, int(held_raw * fraction)))
