"""How one leader is copied: its settings as values, and the gates that judge a buy by them alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trading.domain.denials import DenialCode
from trading.domain.gates import Gate, gate
from trading.domain.policy import Policy
from trading.domain.values import lamports_to_sol

ACTIVE = "ACTIVE"
"""The one place on the roster that is copied."""


class CopyState(StrEnum):
    """Whether a leader's buys are copied. In every state what is held is sold, also when the leader sells."""

    ON = "ON"
    CLOSES_ONLY = "CLOSES_ONLY"
    OFF = "OFF"


class SizeMode(StrEnum):
    """What a buy's size is taken from: an amount, the leader's own trade, our capital, or an amount scaled by
    the leader's quality.
    """

    FIXED = "FIXED"
    RATIO = "RATIO"
    PERCENT_OF_CAPITAL = "PERCENT_OF_CAPITAL"
    QUALITY = "QUALITY"


class ExitMode(StrEnum):
    """Who takes profit: the leader, our own rules, or whichever comes first."""

    MIRROR = "MIRROR"
    OWN = "OWN"
    MIXED = "MIXED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySettings:
    """How a leader's buys are copied; None and an empty list mean no limit. The default copies its size.

    `size_lamports` serves FIXED and, as the size after a leader of the highest quality, QUALITY; `size_bps`
    is the share of the leader's trade or of our capital. Hours are times of day in `hours_zone`; a range
    that ends before it begins spans midnight.
    """

    copy_state: CopyState = CopyState.ON
    size_mode: SizeMode = SizeMode.RATIO
    size_lamports: int | None = None
    size_bps: int = 10_000
    minimum_size_lamports: int | None = None
    maximum_size_lamports: int | None = None
    minimum_leader_trade_lamports: int | None = None
    maximum_leader_trade_lamports: int | None = None
    maximum_buys_per_token: int | None = None
    daily_cap_lamports: int | None = None
    hours_from: time | None = None
    hours_to: time | None = None
    hours_zone: str = "UTC"
    allowed_mints: tuple[str, ...] = ()
    blocked_mints: tuple[str, ...] = ()
    slippage_bps: int | None = None
    tip_lamports: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a leader's own sells mean for what we hold from it.

    Stops, time limits, breaker, kill switch and people sell in every mode.
    """

    exit_mode: ExitMode = ExitMode.MIXED
    follow_bps: int = 10_000

    def sells_with_leader(self, policy: Policy, *, strategy: str) -> bool:
        """Whether the leader's sells are followed at all for positions of this strategy."""
        return policy.mirrors(strategy) and self.exit_mode is not ExitMode.OWN

    def takes_own_profit(self, policy: Policy, *, strategy: str) -> bool:
        """Whether our ladder and trailing stop work; without a leader to follow they always do."""
        return not policy.mirrors(strategy) or self.exit_mode is not ExitMode.MIRROR

    def share(self, fraction: Decimal) -> Decimal:
        """How much of a position to sell when the leader sells this fraction of its own."""
        return (fraction * self.follow_bps / 10_000).quantize(Decimal("1e-9"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderFacts:
    """The followed wallet as the roster knows it, and what we have bought after it so far.

    `buys_of_token` counts for ever, `spent_lamports` the last 24 hours; both with buys on their way, and
    both may be 0 where no setting asks for them. `roster_run` names the run of Scout that gave the wallet its
    place; empty when a person did. `status` is the roster's word for its place. `quality_bps` is its quality
    score, 10000 the highest; None: not known.
    """

    status: str
    active_until: datetime | None = None
    copying: CopySettings = CopySettings()
    buys_of_token: int = 0
    spent_lamports: int = 0
    roster_run: str = ""
    quality_bps: int | None = None

    @property
    def is_active(self) -> bool:
        """Whether the roster says that its buys are to be copied."""
        return self.status == ACTIVE


def roster_gates(leader: LeaderFacts | None, *, now: datetime) -> Iterator[Gate]:
    """Whether this leader is copied at all now; without a leader there is but the first gate."""
    yield gate(
        DenialCode.LEADER_UNKNOWN,
        is_passed=leader is not None,
        measured="on the roster" if leader else "not on the roster",
        limit="on the roster",
    )
    if leader is None:
        return
    yield gate(
        DenialCode.LEADER_NOT_ACTIVE,
        is_passed=leader.is_active,
        measured=leader.status,
        limit=ACTIVE,
    )
    yield gate(
        DenialCode.LEADER_MUTED,
        is_passed=leader.copying.copy_state is CopyState.ON,
        measured=leader.copying.copy_state,
        limit=CopyState.ON,
    )
    until = leader.active_until
    yield gate(
        DenialCode.LEADER_EXPIRED,
        is_passed=until is None or now <= until,
        measured="no time limit" if until is None else f"active until {until:%Y-%m-%d %H:%M}",
        limit=f"{now:%Y-%m-%d %H:%M}",
    )
    yield _hours_gate(leader.copying, now=now)


def _hours_gate(copying: CopySettings, *, now: datetime) -> Gate:
    begin, end = copying.hours_from, copying.hours_to
    if begin is None or end is None:
        return gate(
            DenialCode.OUTSIDE_ACTIVE_HOURS, is_passed=True, measured="any hour", limit="any hour"
        )
    limit = f"{begin:%H:%M} to {end:%H:%M} {copying.hours_zone}"
    try:
        local = now.astimezone(ZoneInfo(copying.hours_zone)).time()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return gate(
            DenialCode.OUTSIDE_ACTIVE_HOURS,
            is_passed=False,
            measured="no such time zone",
            limit=limit,
        )
    is_inside = begin <= local < end if begin < end else local >= begin or local < end
    return gate(
        DenialCode.OUTSIDE_ACTIVE_HOURS,
        is_passed=is_inside,
        measured=f"{local:%H:%M}",
        limit=limit,
    )


def trade_gates(copying: CopySettings, *, mint: str, leader_trade_lamports: int) -> Iterator[Gate]:
    """Whether this trade of the leader is one to copy."""
    least = copying.minimum_leader_trade_lamports
    most = copying.maximum_leader_trade_lamports
    is_small = least is not None and leader_trade_lamports < least
    is_large = most is not None and leader_trade_lamports > most
    yield gate(
        DenialCode.LEADER_TRADE_SIZE,
        is_passed=not is_small and not is_large,
        measured=_sol(leader_trade_lamports),
        limit=f"{_sol(least or 0)} to {_sol(most)}",
    )
    is_missing = bool(copying.allowed_mints) and mint not in copying.allowed_mints
    is_blocked = mint in copying.blocked_mints
    yield gate(
        DenialCode.LEADER_TOKEN_LIST,
        is_passed=not is_missing and not is_blocked,
        measured="blocked" if is_blocked else "not allowed" if is_missing else "allowed",
        limit="allowed and not blocked",
    )


def buys_gate(leader: LeaderFacts) -> Gate:
    """How often this token may be bought after this leader."""
    most = leader.copying.maximum_buys_per_token
    return gate(
        DenialCode.MAX_BUYS_PER_TOKEN,
        is_passed=most is None or leader.buys_of_token < most,
        measured="not counted" if most is None else f"bought {leader.buys_of_token} times",
        limit="any number" if most is None else most,
    )


def daily_cap_gate(leader: LeaderFacts, *, size_lamports: int) -> Gate:
    """How much may be spent after this leader within 24 hours, this buy included."""
    cap, spent = leader.copying.daily_cap_lamports, leader.spent_lamports + size_lamports
    return gate(
        DenialCode.LEADER_DAILY_CAP,
        is_passed=cap is None or spent <= cap,
        measured="not counted" if cap is None else _sol(spent),
        limit=_sol(cap),
    )


def _sol(lamports: int | None) -> str:
    return "any amount" if lamports is None else f"{lamports_to_sol(lamports):f} SOL"
