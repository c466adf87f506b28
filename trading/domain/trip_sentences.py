"""Trips in words: what tripped against which limit, what that stops, what ends it and when. Times in UTC."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.trips import COOLS_DOWN, PAUSES_SPEAR_ONLY, Phase, Rule, Trip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A trip for people: what happened against which limit, what it does, what ends it."""

    what: str
    effect: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}. {self.effect}. {self.remedy}."


def sentence(trip: Trip) -> Sentence:
    """The trip in words, times in UTC."""
    return Sentence(what=_what(trip), effect=_effect(trip), remedy=_remedy(trip))


def _what(trip: Trip) -> str:
    measured, limit = trip.measured, trip.limit
    match trip.rule:
        case Rule.DAILY_LOSS:
            return f"{_dollars(measured)} in 24 h (limit ${limit:,.0f})"
        case Rule.DRAWDOWN:
            return f"Equity is {_percent(measured)} below its 24 h peak (limit {_percent(limit)})"
        case Rule.WALLET_DRAINED:
            return f"{_sol(measured)} left the wallet without a trade of ours (limit {_sol(limit)})"
        case Rule.SOL_PRICE_UNKNOWN:
            return "Nobody has told the SOL price yet, so losses in dollars cannot be counted"
        case Rule.CONSECUTIVE_LOSSES:
            return f"{measured:.0f} losing closes in a row (limit {limit:.0f})"
        case Rule.RPC_ERRORS:
            return f"The first RPC failed {_percent(measured)} of the last minute's calls (limit {_percent(limit)})"
        case Rule.RPC_FAILOVER:
            return f"RPC failover {measured:.0f} s ago (SPEAR waits {limit:.0f} s)"


def _effect(trip: Trip) -> str:
    if trip.rule in PAUSES_SPEAR_ONLY:
        return "SPEAR is paused, SHIELD and exits go on"
    if trip.rule is Rule.DRAWDOWN and trip.phase is Phase.TRIPPED:
        return "Entries are halted, losing positions are sold, winners keep a tightened stop"
    return "Entries are halted, exits go on"


_ENDS = {
    Rule.DAILY_LOSS: "It ends when the loss is below the limit again",
    Rule.DRAWDOWN: "It ends when equity recovers or its peak is 24 h old",
    Rule.WALLET_DRAINED: "It ends only by a reset, once somebody knows who took it",
    Rule.SOL_PRICE_UNKNOWN: "It ends with the first price",
    Rule.CONSECUTIVE_LOSSES: "It ends with a close that loses nothing",
    Rule.RPC_ERRORS: "It ends when fewer calls fail",
    Rule.RPC_FAILOVER: "It ends by itself",
}


def _remedy(trip: Trip) -> str:
    if trip.phase is Phase.COOLDOWN:
        return f"Below the limit again: cooling down until {_clock(trip.clears_at)}, or a reset"
    at = "" if trip.clears_at is None else f", at {_clock(trip.clears_at)} at the latest"
    if trip.rule is Rule.DAILY_LOSS and trip.clears_at is not None:
        at = f"; the oldest close that counts is 24 h old at {_clock(trip.clears_at)}"
    after = "; then it cools down" if trip.rule in COOLS_DOWN else ""
    reset = ", or by a reset" if trip.rule in COOLS_DOWN else ""
    return f"{_ENDS[trip.rule]}{at}{after}{reset}"


def _dollars(loss: Decimal) -> str:
    return f"Lost ${loss:,.2f}" if loss > 0 else f"Gained ${-loss:,.2f}"


def _sol(lamports: Decimal) -> str:
    return f"{lamports.scaleb(-9):,.2f} SOL"


def _percent(bps: Decimal) -> str:
    return f"{max(Decimal(0), bps) / 100:.1f} %"


def _clock(at: datetime | None) -> str:
    return "" if at is None else f"{at:%H:%M} UTC"
