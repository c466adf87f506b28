"""Positions as people read them: what one is worth, how far its stop is, which tier comes next. Read only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from trading.domain.lifecycle import OPEN, PositionStatus
from trading.domain.pnl import apportioned_cost_lamports, value_lamports
from trading.domain.policy import Policy, StrategyPolicy
from trading.models import Position
from trading.services.policy import PolicyMissing, active_policy
from wallets.models import Leader

ONE = Decimal(1)
FULL_BPS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Where an open position stands between its stop and its next take-profit tier.

    `along` is the way from the stop (0) to the tier (1), `entry_along` where the entry lies on it;
    `stop_room` is the fall that is left before the stop sells, as a ratio of the last price.
    """

    stop_price_sol: Decimal
    stop_room: Decimal
    is_trailing: bool
    tiers_taken: int
    tier_gain: Decimal | None
    tier_count: int
    along: Decimal
    entry_along: Decimal

    @property
    def along_percent(self) -> int:
        return int(self.along * 100)

    @property
    def entry_percent(self) -> int:
        return int(self.entry_along * 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One position with its money. `pnl_lamports` counts everything paid and got so far, fees and tips
    too, and what is still held at its last price; `gain` is the price alone, as a ratio of the entry."""

    position: Position
    leader: str
    value_lamports: int
    realised_lamports: int
    unrealised_lamports: int
    gain: Decimal
    peak_gain: Decimal
    held_share: Decimal
    outlook: Outlook | None

    @property
    def uuid(self) -> UUID:
        return self.position.uuid

    @property
    def pnl_lamports(self) -> int:
        return self.realised_lamports + self.unrealised_lamports

    @property
    def liquidity_left(self) -> Decimal | None:
        """Of the liquidity at entry, as a ratio; None while nobody has told."""
        left = self.position.liquidity_left_bps
        return None if left is None else Decimal(left) / FULL_BPS

    @property
    def missing_raw(self) -> int:
        """What the books hold and our token account did not, when it was last looked at."""
        seen = self.position.chain_raw
        is_open = self.position.status != PositionStatus.CLOSED
        return max(0, self.position.held_raw - seen) if is_open and seen is not None else 0

    @property
    def held_for(self) -> timedelta | None:
        closed_at = self.position.closed_at
        return None if closed_at is None else closed_at - self.position.opened_at

    @property
    def return_ratio(self) -> Decimal:
        """PnL over cost: the closed position's own figure, costs included."""
        cost = self.position.cost_lamports
        return Decimal(self.pnl_lamports) / cost if cost else Decimal(0)


def open_holdings() -> list[Holding]:
    """Every open position, newest first."""
    return describe(Position.objects.filter(status__in=OPEN).order_by("-opened_at"))


def closed_holdings(*, limit: int) -> list[Holding]:
    """The positions closed last, newest first."""
    closed = Position.objects.filter(status=PositionStatus.CLOSED)
    return describe(closed.order_by("-closed_at")[:limit])


def describe(positions: Iterable[Position]) -> list[Holding]:
    """Holdings of these positions with two queries, however many they are."""
    found = list(positions)
    names = leader_names(position.leader_address for position in found)
    policy = _policy()
    return [
        _holding(
            position,
            leader=names.get(position.leader_address, ""),
            policy=policy,
        )
        for position in found
    ]


def _policy() -> Policy:
    """The policy in force; the defaults where none is stored yet, so that a page can still be drawn."""
    try:
        return active_policy()[0]
    except PolicyMissing:
        return Policy()


def leader_names(addresses: Iterable[str]) -> dict[str, str]:
    """Names of followed wallets by address, where they have one."""
    found = Leader.objects.filter(address__in=set(addresses)).exclude(name="")
    return dict(found.values_list("address", "name"))


def _holding(position: Position, *, leader: str, policy: Policy) -> Holding:
    held_cost = apportioned_cost_lamports(
        cost_lamports=position.cost_lamports,
        held_raw=position.held_raw,
        bought_raw=position.bought_raw,
    )
    value = value_lamports(
        token_raw=position.held_raw,
        decimals=position.decimals,
        price_sol=position.last_price_sol,
    )
    is_open = position.status != PositionStatus.CLOSED
    return Holding(
        position=position,
        leader=leader,
        value_lamports=value,
        realised_lamports=position.realised_pnl_lamports,
        unrealised_lamports=value - held_cost if is_open else 0,
        gain=_gain(position.last_price_sol, position.entry_price_sol),
        peak_gain=_gain(position.peak_price_sol, position.entry_price_sol),
        held_share=Decimal(position.held_raw) / (position.bought_raw or 1),
        outlook=_outlook(position, policy.for_strategy(position.strategy)) if is_open else None,
    )


def _gain(price: Decimal, entry: Decimal) -> Decimal:
    return price / entry - ONE if entry else Decimal(0)


def _outlook(position: Position, rules: StrategyPolicy) -> Outlook:
    entry, last = position.entry_price_sol, position.last_price_sol
    stop, is_trailing = _stop(position, rules)
    ladder = rules.take_profit_bps
    is_tier_left = position.tiers_taken < len(ladder)
    tier_gain = Decimal(ladder[position.tiers_taken]) / FULL_BPS if is_tier_left else None
    top = entry * (ONE + tier_gain) if tier_gain is not None else position.peak_price_sol
    return Outlook(
        stop_price_sol=stop,
        stop_room=ONE - stop / last if last else Decimal(0),
        is_trailing=is_trailing,
        tiers_taken=position.tiers_taken,
        tier_gain=tier_gain,
        tier_count=len(ladder),
        along=_share(last, stop, top),
        entry_along=_share(entry, stop, top),
    )


def _stop(position: Position, rules: StrategyPolicy) -> tuple[Decimal, bool]:
    """The price that would sell now, and whether the trailing stop sets it (specification §11)."""
    entry, peak = position.entry_price_sol, position.peak_price_sol
    hard = entry * (FULL_BPS - rules.hard_stop_bps) / FULL_BPS
    if peak < entry * (FULL_BPS + rules.trailing_activation_bps) / FULL_BPS:
        return hard, False
    trailing = peak * (FULL_BPS - rules.trailing_distance_bps) / FULL_BPS
    return max(hard, trailing), trailing > hard


def _share(price: Decimal, bottom: Decimal, top: Decimal) -> Decimal:
    if top <= bottom:
        return ONE
    return min(ONE, max(Decimal(0), (price - bottom) / (top - bottom)))
