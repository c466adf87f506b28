"""What the roster says about a leader, read for one decision; changes of the roster are made in wallets."""

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from trading.domain.leaders import (
    CopySettings,
    CopyState,
    ExitMode,
    Following,
    LeaderFacts,
    SizeMode,
)
from trading.domain.sizing import wanted_lamports
from trading.domain.values import Route
from trading.models import Position, Signal
from trading.rows import first, moment, parameter
from trading.services.claims import Claim
from trading.services.portfolio import snapshot

DAY = timedelta(hours=24)
COLUMNS = (
    "copy_state", "size_mode", "size_lamports", "size_bps", "minimum_size_lamports",
    "maximum_size_lamports", "minimum_leader_trade_lamports", "maximum_leader_trade_lamports",
    "maximum_buys_per_token", "daily_cap_lamports", "hours_from", "hours_to", "hours_zone",
    "slippage_bps", "tip_lamports", "allowed_mints", "blocked_mints",
)  # fmt: skip
LISTS = ("allowed_mints", "blocked_mints")
_SETTINGS = (
    f"SELECT {', '.join(f'CAST({each} AS TEXT)' if each in LISTS else each for each in COLUMNS)},"  # noqa: S608
    " status, active_until, quality_bps,"
    " (SELECT run FROM wallets_episode WHERE leader_address = address ORDER BY id DESC LIMIT 1)"
    " FROM wallets_leader WHERE address = %s"
)


def leader_facts(address: str, *, signal: UUID, mint: str, now: datetime) -> LeaderFacts | None:
    """The leader as the roster knows it now, or None; what was bought after it is without `signal`.

    Buys and spending are counted only where a setting limits them.
    """
    row = first(_SETTINGS, address)
    if row is None:
        return None
    *settings, status, active_until, quality_bps, roster_run = row
    copying = _settings(*settings)
    own = parameter(Signal, "uuid", signal)
    return LeaderFacts(
        status=status,
        active_until=moment(active_until),
        copying=copying,
        buys_of_token=0 if copying.maximum_buys_per_token is None else _buys(address, mint, own),
        spent_lamports=0 if copying.daily_cap_lamports is None else _spent(address, own, now),
        roster_run=roster_run or "",
        quality_bps=quality_bps,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyPlan:
    """What a claimed buy is going to ask for by its leader's settings, and by which route it would go, before
    anything is decided.
    """

    copying: CopySettings
    wanted_lamports: int
    route: Route


def plan_buy(
    claim: Claim,
    *,
    leader: LeaderFacts | None,
    route: Route,
    balance_lamports: int | None,
    balance_at: datetime | None = None,
) -> BuyPlan:
    """The plan of a claimed buy; of a stranger, that of a leader without settings of its own."""
    copying = CopySettings() if leader is None else leader.copying
    capital = 0
    if copying.size_mode is SizeMode.PERCENT_OF_CAPITAL:
        capital = snapshot(
            signal=claim.uuid,
            mint=claim.request.mint,
            balance_lamports=balance_lamports,
            balance_at=balance_at,
        ).capital_lamports
    wanted = wanted_lamports(
        copying,
        leader_trade_lamports=claim.request.amount_lamports,
        capital_lamports=capital,
        quality_bps=None if leader is None else leader.quality_bps,
    )
    return BuyPlan(copying=copying, wanted_lamports=wanted, route=route)


def following(address: str) -> Following:
    """How this leader's sells are followed; those of a leader no longer on the roster as by default."""
    row = first("SELECT exit_mode, follow_bps FROM wallets_leader WHERE address = %s", address)
    if row is None:
        return Following()
    return Following(exit_mode=ExitMode(row[0]), follow_bps=row[1])


@lru_cache(maxsize=1_024)
def _settings(*row: Any) -> CopySettings:
    """The settings in these columns, put together once while they stay the same: every buy asks twice."""
    values = dict(zip(COLUMNS, row, strict=True))
    return CopySettings(
        **values
        | {
            "copy_state": CopyState(values["copy_state"]),
            "size_mode": SizeMode(values["size_mode"]),
            "hours_from": _time(values["hours_from"]),
            "hours_to": _time(values["hours_to"]),
        }
        | {name: tuple(json.loads(values[name])) for name in LISTS}
    )


def _time(value: Any) -> time | None:
    """A time of day as a plain SELECT returns it: text from SQLite."""
    return time.fromisoformat(value) if isinstance(value, str) else value


# One statement each: a buy that is booked between two of them would be in neither.
_BUYS = (
    "SELECT (SELECT count(*) FROM trading_position WHERE leader_address = %s AND mint = %s),"
    " (SELECT count(*) FROM trading_signal WHERE status = 'EXECUTING' AND reserved_lamports > 0"
    " AND leader_address = %s AND mint = %s AND uuid <> %s)"
)
_SPENT = (
    "SELECT (SELECT sum(cost_lamports) FROM trading_position"
    " WHERE leader_address = %s AND opened_at > %s),"
    " (SELECT sum(reserved_lamports) FROM trading_signal"
    " WHERE status = 'EXECUTING' AND reserved_lamports > 0 AND leader_address = %s AND uuid <> %s)"
)


def _buys(address: str, mint: str, own: Any) -> int:
    return _total(first(_BUYS, address, mint, address, mint, own))


def _spent(address: str, own: Any, now: datetime) -> int:
    since = parameter(Position, "opened_at", now - DAY)
    return _total(first(_SPENT, address, since, address, own))


def _total(landed_and_coming: tuple[Any, ...] | None) -> int:
    assert landed_and_coming is not None, "sums have one row"
    return sum(int(each or 0) for each in landed_and_coming)
