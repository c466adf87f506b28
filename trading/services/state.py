"""What may be done at this moment: kill switch, circuit breaker and route, read from their one row."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trading.domain.trip_sentences import sentence
from trading.domain.trips import (
    Breaker,
    Closing,
    StateUnreadable,
    TradingMode,
    Trip,
    from_json,
)
from trading.domain.values import Route
from trading.rows import first

TRADING_STATE = (
    "SELECT entries_halted, is_closing_all, reason, route, CAST(trips AS TEXT)"
    " FROM trading_tradingstate WHERE id = 1"
)
MISSING = "the trading state is not set up yet"
UNREADABLE = "the circuit breaker's stored state cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingNow:
    """What is allowed for entries; exits ask only for the route. `held_back_by` is empty while nothing is."""

    mode: TradingMode
    route: Route
    is_spear_paused: bool
    closing: Closing
    held_back_by: str
    trips: tuple[Trip, ...] = ()

    @property
    def are_entries_halted(self) -> bool:
        return self.mode is not TradingMode.ACTIVE


def trading_state() -> TradingNow:
    """The state in force. A missing row or an unreadable breaker halts entries and sells nothing."""
    return state_in(first(TRADING_STATE))


def state_in(row: tuple[Any, ...] | None) -> TradingNow:
    """What `trading_state` returns, from the row that TRADING_STATE finds."""
    if row is None:
        return _halted(Route.JITO, MISSING)
    is_switched_off, is_closing_all, reason, stored_route, trips = row
    route = _route(stored_route)
    breaker = breaker_of(trips)
    if breaker is None:
        return _halted(route, UNREADABLE)
    if is_switched_off:
        return TradingNow(
            mode=max(breaker.mode, TradingMode.REDUCING, key=list(TradingMode).index),
            route=route,
            is_spear_paused=True,
            closing=Closing.ALL if is_closing_all else _losers(breaker),
            held_back_by=reason,
            trips=breaker.trips,
        )
    return TradingNow(
        mode=breaker.mode,
        route=route,
        is_spear_paused=breaker.is_spear_paused,
        closing=_losers(breaker),
        held_back_by="; ".join(sentence(trip).what for trip in breaker.trips),
        trips=breaker.trips,
    )


@lru_cache(maxsize=8)
def breaker_of(trips: str) -> Breaker | None:
    """The breaker in the text of its column, parsed once while it stays the same; None when unreadable."""
    try:
        return from_json(json.loads(trips))
    except (StateUnreadable, ValueError, TypeError):
        return None


def _route(stored: str) -> Route:
    """Exits go by every route, so what cannot be read must not stop them."""
    return Route(stored) if stored in set(Route) else Route.STANDARD


def _losers(breaker: Breaker) -> Closing:
    return Closing.LOSERS if breaker.mode is TradingMode.HALTED else Closing.NONE


def _halted(route: Route, reason: str) -> TradingNow:
    return TradingNow(
        mode=TradingMode.REDUCING,
        route=route,
        is_spear_paused=True,
        closing=Closing.NONE,
        held_back_by=reason,
    )
