"""Ways to close every gate of a decision in the simulated world, by the code that it denies with."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from audit.models import PolicyRevision
from tests.simulation.world import LEADER, SOL, World
from trading.domain.denials import DenialCode
from trading.domain.policy import Policy, as_json
from trading.domain.safety import SafetyCode
from trading.domain.trips import Breaker, Phase, Rule, Trip
from trading.domain.trips import as_json as trips_as_json
from trading.domain.values import Route, Strategy
from trading.models import TradingState
from trading.services.control import halt_entries
from wallets.models import CopyState, Leader, LeaderStatus

HELD, OTHER = "JUP", "BONK"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
NOWHERE = str(Pubkey(bytes([3] * 32)))
Gate = Callable[[World], dict[str, Any] | None]
"""Closes a gate; what it returns tells the buy that shall be denied from the usual one."""


def policy(**changes: Any) -> Gate:
    """A gate that is closed by the policy."""

    def close(world: World) -> None:
        stored = as_json(replace(Policy(), **changes))
        PolicyRevision.objects.filter(is_active=True).update(policy=stored)

    return close


def shield(**changes: Any) -> Gate:
    return policy(shield=replace(Policy().shield, **changes))


def leader(**columns: Any) -> Gate:
    """A gate that is closed by how the leader is copied."""

    def close(world: World) -> None:
        assert Leader.objects.filter(address=LEADER).update(**columns) == 1

    return close


def fault(*, seconds: float | None = None, **rule: Any) -> Gate:
    """Something outside fails, for so long. What a sale itself needs must come back for it to be made."""

    def close(world: World) -> None:
        world.fault(**rule)
        if seconds is not None:
            world.loop.call_later(seconds, world.cluster.faults.clear)

    return close


def spear(close: Gate) -> Gate:
    """As `close`, and the buy is a SPEAR."""

    def closed(world: World) -> dict[str, Any]:
        close(world)
        return {"strategy": Strategy.SPEAR}

    return closed


def trip(rule: Rule) -> Gate:
    """A gate that is closed by the circuit breaker."""

    def close(world: World) -> None:
        tripped = Trip(
            rule=rule,
            phase=Phase.TRIPPED,
            tripped_at=world.now,
            measured=Decimal(9_000),
            limit=Decimal(1),
        )
        trips = trips_as_json(Breaker(trips=(tripped,)))
        assert TradingState.objects.update(trips=trips) == 1

    return close


def other_hours(world: World) -> None:
    first, last = (world.now + timedelta(hours=hours) for hours in (3, 4))
    leader(hours_from=first.time(), hours_to=last.time())(world)


def stopped_lists(world: World) -> None:
    leader(blocked_mints=[world.mint(HELD), world.mint(OTHER)])(world)


def just_sold(world: World) -> dict[str, Any]:
    return {"is_traded_before": True}


def bought_once(world: World) -> dict[str, Any]:
    policy(reentry_cooldown_seconds=0)(world)
    leader(maximum_buys_per_token=1)(world)
    return {"is_traded_before": True}


def unknown(world: World) -> None:
    Leader.objects.all().delete()


def no_bundles(world: World) -> None:
    assert TradingState.objects.update(route=Route.STANDARD) == 1


def halted(world: World) -> None:
    halt_entries(actor="tests", reason="enough", now=world.now)


def same_token(world: World) -> dict[str, Any]:
    return {"mint": world.mint(HELD)}


def authority(*, at: int) -> Gate:
    """Somebody holds an authority over both mints; `at` is its option's place in a mint account."""

    def close(world: World) -> None:
        chain = world.cluster.chain
        for symbol in (HELD, OTHER):
            mint = Pubkey.from_string(world.mint(symbol))
            account = chain.account(mint)
            assert account is not None
            data = bytearray(account.data)
            data[at : at + 36] = (1).to_bytes(4, "little") + bytes([5] * 32)
            chain.set_account(mint, Account(account.lamports, bytes(data), account.owner))

    return close


def mint(address: str) -> Gate:
    return lambda world: {"mint": address}


def stale(world: World) -> dict[str, Any]:
    """The signals lie for 40 s before anybody comes."""
    return {"waits_seconds": 40.0}


def blocked(world: World) -> None:
    policy(blocked_mints=(world.mint(HELD), world.mint(OTHER)))(world)


GATES: dict[str, Gate] = {
    DenialCode.LEADER_UNKNOWN: unknown,
    DenialCode.LEADER_NOT_ACTIVE: leader(status=LeaderStatus.REJECTED),
    DenialCode.LEADER_MUTED: leader(copy_state=CopyState.OFF),
    DenialCode.LEADER_EXPIRED: leader(active_until=datetime(2020, 1, 1, tzinfo=UTC)),
    DenialCode.OUTSIDE_ACTIVE_HOURS: other_hours,
    DenialCode.LEADER_TRADE_SIZE: leader(minimum_leader_trade_lamports=5 * SOL),
    DenialCode.LEADER_TOKEN_LIST: stopped_lists,
    DenialCode.STALE_SIGNAL: stale,
    DenialCode.ENTRIES_HALTED: halted,
    DenialCode.SPEAR_PAUSED: spear(trip(Rule.CONSECUTIVE_LOSSES)),
    DenialCode.STRATEGY_NEEDS_BUNDLES: spear(no_bundles),
    DenialCode.ALREADY_HELD: same_token,
    DenialCode.REENTRY_COOLDOWN: just_sold,
    DenialCode.TOO_MANY_POSITIONS: policy(maximum_positions=1),
    DenialCode.MAX_BUYS_PER_TOKEN: bought_once,
    DenialCode.ALLOCATION_FULL: policy(
        shield=replace(Policy().shield, allocation_bps=1),
        spear=replace(Policy().spear, allocation_bps=9_999),
    ),
    DenialCode.PORTFOLIO_HEAT: policy(maximum_heat_bps=1),
    DenialCode.SIZE_TOO_SMALL: policy(minimum_trade_lamports=SOL // 2),
    DenialCode.LEADER_DAILY_CAP: leader(daily_cap_lamports=1),
    DenialCode.TIP_TOO_HIGH: policy(maximum_tip_bps=1),
    DenialCode.COST_TOO_HIGH: shield(maximum_cost_bps=1),
    DenialCode.PRICE_IMPACT: policy(maximum_price_impact_bps=0),
    DenialCode.PRICE_MOVED: policy(allow_unknown_leader_price=False),
    DenialCode.NO_ROUTE: fault(plane="jupiter", kind="no_route", method="quote", seconds=3),
    DenialCode.QUOTE_UNAVAILABLE: fault(
        plane="jupiter", kind="http_error", method="quote", seconds=3
    ),
    DenialCode.BALANCE_UNKNOWN: fault(plane="rpc", kind="http_error", method="getBalance"),
    SafetyCode.MINT_NOT_FOUND: mint(NOWHERE),
    SafetyCode.FREEZE_AUTHORITY: authority(at=46),
    SafetyCode.MINT_AUTHORITY: authority(at=0),
    SafetyCode.LIQUIDITY_UNKNOWN: fault(plane="dexscreener", kind="no_route"),
    SafetyCode.LIQUIDITY_TOO_LOW: shield(minimum_liquidity_usd=10**12),
    SafetyCode.HOLDER_CONCENTRATION: policy(maximum_holder_bps=0),
    SafetyCode.TOKEN_TOO_NEW: shield(minimum_token_age_seconds=10**9),
    SafetyCode.NOT_SELLABLE: policy(minimum_sellback_bps=10_000),
    SafetyCode.SAFETY_UNAVAILABLE: fault(plane="dexscreener", kind="http_error"),
    SafetyCode.NOT_SPECULATIVE: mint(USDC),
    SafetyCode.BLOCKED_MINT: blocked,
    SafetyCode.NO_PRICE_SOURCE: fault(plane="jupiter", kind="no_route", method="price"),
}
"""Gates in the executor."""
