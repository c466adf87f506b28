"""The policy: every number that decides about trading, as one frozen value with its own validation.

A stored revision of it (audit.PolicyRevision) is exactly `as_json(policy)`; defaults are those of the
specification. Percentages of money are basis points, ladders are (gain in basis points) in rising order.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from solders.pubkey import Pubkey

from trading.domain.scouting import ScoutPolicy, scout_contradictions
from trading.domain.values import LAMPORTS_PER_SOL

ENGINE_MINIMUM_TIP_LAMPORTS = 1_000
GAINS_BPS = frozenset({"trailing_activation_bps"})
"""Gains are not shares: a price may rise by more than all of itself."""


class PolicyInvalid(ValueError):
    """The proposed policy contradicts itself; `errors` names each field and the remedy."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyPolicy:
    """Numbers that differ between SHIELD and SPEAR."""

    allocation_bps: int
    minimum_liquidity_usd: int
    minimum_token_age_seconds: int = 1_800
    maximum_signal_age_seconds: int
    maximum_cost_bps: int
    hard_stop_bps: int
    take_profit_bps: tuple[int, ...]
    trailing_activation_bps: int
    trailing_distance_bps: int
    time_limit_seconds: int
    time_limit_only_when_losing: bool
    tip_percentile: int
    liquidity_drop_bps: int = 5_000
    """Sold when more than this share of the liquidity at entry is gone; 10000 switches the rule off."""
    mirror_exits: bool = True
    """Whether the leader's sells are followed, where the policy as a whole and its copy settings do."""


SHIELD_DEFAULTS = StrategyPolicy(
    allocation_bps=7_000,
    minimum_liquidity_usd=10_000,
    maximum_signal_age_seconds=30,
    maximum_cost_bps=250,
    hard_stop_bps=800,
    take_profit_bps=(2_500, 5_000, 10_000),
    trailing_activation_bps=2_500,
    trailing_distance_bps=1_000,
    time_limit_seconds=86_400,
    time_limit_only_when_losing=False,
    tip_percentile=25,
)
SPEAR_DEFAULTS = StrategyPolicy(
    allocation_bps=3_000,
    minimum_liquidity_usd=5_000,
    maximum_signal_age_seconds=10,
    maximum_cost_bps=300,
    hard_stop_bps=2_500,
    take_profit_bps=(10_000, 40_000, 90_000),
    trailing_activation_bps=5_000,
    trailing_distance_bps=2_000,
    time_limit_seconds=86_400,
    time_limit_only_when_losing=True,
    tip_percentile=50,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When the circuit breaker trips (specification §8); every limit itself already trips."""

    daily_loss_limit_usd: int = 500
    maximum_consecutive_losses: int = 5
    maximum_drawdown_bps: int = 1_500
    cooldown_seconds: int = 1_800
    tightened_distance_bps: int = 500
    rpc_error_limit_bps: int = 2_000
    rpc_minimum_calls: int = 10
    rpc_failover_seconds: int = 300
    maximum_sol_price_age_seconds: int = 300
    drain_limit_lamports: int = 5 * LAMPORTS_PER_SOL
    drain_window_seconds: int = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All of it; amounts in lamports, ratios in basis points, times in seconds."""

    shield: StrategyPolicy = field(default=SHIELD_DEFAULTS)
    spear: StrategyPolicy = field(default=SPEAR_DEFAULTS)
    minimum_trade_lamports: int = LAMPORTS_PER_SOL // 100
    maximum_trade_lamports: int = LAMPORTS_PER_SOL
    maximum_per_token_lamports: int = 2 * LAMPORTS_PER_SOL
    reserve_lamports: int = LAMPORTS_PER_SOL // 20
    maximum_pool_share_bps: int = 100
    maximum_positions: int = 12
    maximum_heat_bps: int = 2_000
    maximum_price_impact_bps: int = 200
    slippage_bps: int = 200
    exit_slippage_bps: int = 500
    reentry_cooldown_seconds: int = 60
    maximum_transfer_fee_bps: int = 100
    maximum_holder_bps: int = 5_000
    minimum_sellback_bps: int = 5_000
    maximum_price_move_bps: int = 1_000
    allow_unknown_leader_price: bool = True
    blocked_mints: tuple[str, ...] = ()
    minimum_tip_lamports: int = LAMPORTS_PER_SOL // 1_000
    maximum_tip_lamports: int = LAMPORTS_PER_SOL // 100
    maximum_tip_bps: int = 1_000
    exit_tip_percentile: int = 75
    queue_capacity: int = 1_000
    shed_spear_bps: int = 8_000
    maximum_attempts: int = 3
    mirror_exits: bool = True
    turned_away_days: int = 1
    refused_body_days: int = 30
    dead_letter_days: int = 90
    breaker: BreakerPolicy = field(default=BreakerPolicy())
    scout: ScoutPolicy = field(default=ScoutPolicy())

    def for_strategy(self, strategy: str) -> StrategyPolicy:
        """Numbers of the strategy that opened (or would open) the position."""
        return self.spear if strategy == "SPEAR" else self.shield

    def mirrors(self, strategy: str) -> bool:
        """Whether positions of this strategy are sold with their leader."""
        return self.mirror_exits and self.for_strategy(strategy).mirror_exits

    def validate(self) -> "Policy":
        """The policy itself, or PolicyInvalid naming every contradiction."""
        errors = _contradictions(self)
        if errors:
            raise PolicyInvalid(errors)
        return self


def _contradictions(policy: Policy) -> dict[str, str]:
    errors: dict[str, str] = {}
    if policy.shield.allocation_bps + policy.spear.allocation_bps != 10_000:
        errors["allocation_bps"] = "SHIELD and SPEAR must add up to 10000"
    if policy.minimum_trade_lamports >= policy.maximum_trade_lamports:
        errors["minimum_trade_lamports"] = "must be below maximum_trade_lamports"
    if policy.minimum_tip_lamports > policy.maximum_tip_lamports:
        errors["minimum_tip_lamports"] = "must not exceed maximum_tip_lamports"
    elif policy.minimum_tip_lamports < ENGINE_MINIMUM_TIP_LAMPORTS:
        errors["minimum_tip_lamports"] = (
            f"the engine takes no less than {ENGINE_MINIMUM_TIP_LAMPORTS}"
        )
    if policy.maximum_attempts < 1:
        errors["maximum_attempts"] = "at least 1"
    for name in ("shield", "spear"):
        errors |= _strategy_contradictions(name, getattr(policy, name))
    errors |= _breaker_contradictions(policy.breaker)
    errors |= _out_of_range(policy.scout, prefix="scout.") | dict(
        scout_contradictions(policy.scout)
    )
    errors |= _blocked_contradictions(policy.blocked_mints)
    return errors | _out_of_range(policy, prefix="")


def _out_of_range(owner: "Policy | StrategyPolicy | ScoutPolicy", *, prefix: str) -> dict[str, str]:
    """Amounts and times below zero, shares of something above all of it."""
    errors: dict[str, str] = {}
    for item in fields(owner):
        value = getattr(owner, item.name)
        if not isinstance(value, int):
            continue
        if value < 0:
            errors[prefix + item.name] = "must not be negative"
        elif item.name.endswith("_bps") and item.name not in GAINS_BPS and value > 10_000:
            errors[prefix + item.name] = "at most 10000, which is all of it"
    return errors


def _strategy_contradictions(name: str, part: StrategyPolicy) -> dict[str, str]:
    errors = _out_of_range(part, prefix=f"{name}.")
    if not 0 < part.hard_stop_bps < 10_000:
        errors[f"{name}.hard_stop_bps"] = "a positive magnitude below 10000"
    if (
        list(part.take_profit_bps) != sorted(set(part.take_profit_bps))
        or not part.take_profit_bps
        or part.take_profit_bps[0] <= 0
    ):
        errors[f"{name}.take_profit_bps"] = "at least one tier above 0, in strictly rising order"
    if part.liquidity_drop_bps <= 0:
        errors[f"{name}.liquidity_drop_bps"] = "above 0: any small fall would sell"
    if part.trailing_distance_bps <= 0 or part.trailing_distance_bps >= 10_000:
        errors[f"{name}.trailing_distance_bps"] = "between 1 and 9999"
    if part.time_limit_seconds <= 0 or part.maximum_signal_age_seconds <= 0:
        errors[f"{name}.time_limit_seconds"] = "times must be positive"
    if part.tip_percentile not in (25, 50, 75, 95, 99):
        errors[f"{name}.tip_percentile"] = "one of 25, 50, 75, 95, 99"
    return errors


def _breaker_contradictions(part: BreakerPolicy) -> dict[str, str]:
    """A limit of 0 would trip for ever, since reaching a limit trips."""
    errors: dict[str, str] = {}
    for item in fields(part):
        if getattr(part, item.name) <= 0 and item.name != "cooldown_seconds":
            errors[f"breaker.{item.name}"] = "must be above 0"
    if part.cooldown_seconds < 0:
        errors["breaker.cooldown_seconds"] = "must not be negative"
    for name in ("maximum_drawdown_bps", "rpc_error_limit_bps", "tightened_distance_bps"):
        if getattr(part, name) >= 10_000:
            errors[f"breaker.{name}"] = "between 1 and 9999"
    return errors


def _blocked_contradictions(mints: tuple[str, ...]) -> dict[str, str]:
    """A block list that names no mint would protect from nothing."""
    for mint in mints:
        try:
            Pubkey.from_string(mint)
        except ValueError:
            return {"blocked_mints": f"{mint[:44]!r} is not a mint address"}
    return {}


def as_json(policy: Policy) -> dict[str, Any]:
    """The stored form of a revision."""
    return asdict(policy)


def from_json(stored: dict[str, Any]) -> Policy:
    """The policy of a stored revision; PolicyInvalid names unknown or wrongly typed fields."""
    known = {item.name for item in fields(Policy)} | {"minimum_token_age_seconds"}
    if not isinstance(stored, dict):
        raise PolicyInvalid({"policy": "must be an object"})
    errors = {name: "is not a field of the policy" for name in stored if name not in known}
    if errors:
        raise PolicyInvalid(errors)
    try:
        values = _with_present_fields(stored)
        for name in {"shield", "spear"} & values.keys():
            values[name] = _strategy_from_json(values[name])
        if "breaker" in stored:
            values["breaker"] = BreakerPolicy(**stored["breaker"])
        if "scout" in stored:
            values["scout"] = ScoutPolicy(**stored["scout"])
        policy = Policy(**values)
    except (TypeError, AttributeError, KeyError) as error:
        raise PolicyInvalid({"policy": str(error)}) from error
    _check_types(policy)
    return policy.validate()


def _with_present_fields(stored: dict[str, Any]) -> dict[str, Any]:
    """Revisions from before the age was the strategy's own stay readable, so that they can be activated."""
    values = dict(stored)
    age = values.pop("minimum_token_age_seconds", None)
    for name, default in (("shield", SHIELD_DEFAULTS), ("spear", SPEAR_DEFAULTS)):
        if age is not None and name in values:
            values[name] = {"minimum_token_age_seconds": age, **values[name]}
        elif age is not None:
            values[name] = {**asdict(default), "minimum_token_age_seconds": age}
    if isinstance(values.get("blocked_mints"), list):
        values["blocked_mints"] = tuple(values["blocked_mints"])
    return values


def _strategy_from_json(stored: dict[str, Any]) -> StrategyPolicy:
    values = {**stored, "take_profit_bps": tuple(stored["take_profit_bps"])}
    return StrategyPolicy(**values)


def _check_types(policy: Policy) -> None:
    for owner in (policy, policy.shield, policy.spear, policy.breaker, policy.scout):
        for item in fields(owner):
            value = getattr(owner, item.name)
            expected = {"int": int, "bool": bool, "str": str}.get(
                str(getattr(item.type, "__name__", item.type))
            )
            if expected is not None and type(value) is not expected:
                raise PolicyInvalid({item.name: f"must be {expected.__name__}"})
    for part in (policy.shield, policy.spear):
        if any(type(tier) is not int for tier in part.take_profit_bps):
            raise PolicyInvalid({"take_profit_bps": "must be whole numbers"})
    if type(policy.blocked_mints) is not tuple or any(
        type(mint) is not str for mint in policy.blocked_mints
    ):
        raise PolicyInvalid({"blocked_mints": "must be a list of addresses"})
