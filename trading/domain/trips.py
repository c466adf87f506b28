"""What the circuit breaker may be in: rules, phases, trips, and the form in which they are stored."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, DecimalException
from enum import StrEnum
from typing import Any


class TradingMode(StrEnum):
    """ACTIVE: entries and exits. REDUCING: exits only. HALTED: exits only, and losers are closed."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class Closing(StrEnum):
    """Which open positions are to be sold, whatever their own rules say."""

    NONE = "NONE"
    LOSERS = "LOSERS"
    ALL = "ALL"


class Phase(StrEnum):
    """Where a rule, or the whole breaker, stands."""

    ACTIVE = "ACTIVE"
    COOLDOWN = "COOLDOWN"
    TRIPPED = "TRIPPED"


class Rule(StrEnum):
    """What may trip."""

    DAILY_LOSS = "DAILY_LOSS"
    DRAWDOWN = "DRAWDOWN"
    WALLET_DRAINED = "WALLET_DRAINED"
    SOL_PRICE_UNKNOWN = "SOL_PRICE_UNKNOWN"
    CONSECUTIVE_LOSSES = "CONSECUTIVE_LOSSES"
    RPC_ERRORS = "RPC_ERRORS"
    RPC_FAILOVER = "RPC_FAILOVER"


PAUSES_SPEAR_ONLY = frozenset({Rule.CONSECUTIVE_LOSSES, Rule.RPC_ERRORS, Rule.RPC_FAILOVER})
ENDS_BY_A_PERSON = frozenset({Rule.WALLET_DRAINED})
"""What time must not heal: whoever took our money may take more."""
COOLS_DOWN = frozenset({Rule.DAILY_LOSS, Rule.DRAWDOWN, Rule.CONSECUTIVE_LOSSES})


class StateUnreadable(ValueError):
    """What is stored is no breaker state; whoever reads it must treat trading as halted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A rule that holds trading back. Units of `measured` and `limit` are the rule's: see `sentence`.

    `clears_at` is when time alone brings it below its limit, where that can be told.
    """

    rule: Rule
    phase: Phase
    tripped_at: datetime
    measured: Decimal
    limit: Decimal
    clears_at: datetime | None = None
    cooling_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """All trips, in the order of `Rule`; at most one a rule."""

    trips: tuple[Trip, ...] = ()

    @property
    def phase(self) -> Phase:
        """The worst of its trips."""
        phases = {trip.phase for trip in self.trips}
        if Phase.TRIPPED in phases:
            return Phase.TRIPPED
        return Phase.COOLDOWN if phases else Phase.ACTIVE

    @property
    def mode(self) -> TradingMode:
        """What the trips leave of trading; a drawdown closes losers only while it lasts."""
        is_halting = any(trip.rule not in PAUSES_SPEAR_ONLY for trip in self.trips)
        drawdown = self.trip(Rule.DRAWDOWN)
        if drawdown is not None and drawdown.phase is Phase.TRIPPED:
            return TradingMode.HALTED
        return TradingMode.REDUCING if is_halting else TradingMode.ACTIVE

    @property
    def is_spear_paused(self) -> bool:
        """Whatever halts entries pauses SPEAR too."""
        return bool(self.trips)

    def trip(self, rule: Rule) -> Trip | None:
        return next((trip for trip in self.trips if trip.rule is rule), None)


def as_json(breaker: Breaker) -> list[dict[str, Any]]:
    """The stored form."""
    return [
        {
            "rule": trip.rule,
            "phase": trip.phase,
            "tripped_at": trip.tripped_at.isoformat(),
            "measured": str(trip.measured),
            "limit": str(trip.limit),
            "clears_at": _text(trip.clears_at),
            "cooling_since": _text(trip.cooling_since),
        }
        for trip in breaker.trips
    ]


def from_json(stored: Any) -> Breaker:
    """The breaker that was stored; StateUnreadable for anything else."""
    try:
        trips = tuple(_trip(each) for each in _listed(stored))
    except (LookupError, TypeError, ValueError, AttributeError, DecimalException) as error:
        raise StateUnreadable(f"not a stored breaker: {error!r}") from error
    if len({trip.rule for trip in trips}) != len(trips):
        raise StateUnreadable("a rule is stored twice")
    return Breaker(trips=trips)


def _listed(stored: Any) -> list[Any]:
    if not isinstance(stored, list):
        raise StateUnreadable("not a list of trips")
    return stored


def _trip(stored: dict[str, Any]) -> Trip:
    phase = Phase(stored["phase"])
    if phase is Phase.ACTIVE:
        raise StateUnreadable("a trip is never ACTIVE")
    tripped_at = _moment(stored["tripped_at"])
    if tripped_at is None:
        raise StateUnreadable("a trip without its moment")
    return Trip(
        rule=Rule(stored["rule"]),
        phase=phase,
        tripped_at=tripped_at,
        measured=Decimal(stored["measured"]),
        limit=Decimal(stored["limit"]),
        clears_at=_moment(stored["clears_at"]),
        cooling_since=_moment(stored["cooling_since"]),
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise StateUnreadable("a moment without its zone")
    return at


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
