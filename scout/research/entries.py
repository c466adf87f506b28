"""Which of a leader's buys we would have tried: the gates of `trading.domain.decision`, over whole arrays.

Only gates whose facts history keeps are judged. Mint authorities, holders and the rehearsed sale are not in
it, breaker and portfolio are nobody's past; a test holds these gates against `decide` itself. Holding,
cooldown and the number of positions depend on what went before: see `scout.research.holding`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from scout.research.fills import Fill, Floats, bought, price_impact
from scout.research.setting import Assumptions
from scout.research.ticks import Ticks, Whole
from trading.domain.denials import DenialCode
from trading.domain.policy import Policy
from trading.domain.safety import SafetyCode
from trading.domain.tips import TipFloor, TipPrice, price_tip
from trading.domain.values import LAMPORTS_PER_SOL, QUOTE_MINTS

ENTERED = "ENTERED"
HOLDING_CODES: tuple[str, ...] = (
    DenialCode.REENTRY_COOLDOWN,
    DenialCode.ALREADY_HELD,
    DenialCode.TOO_MANY_POSITIONS,
)
SAFETY_CODES: tuple[str, ...] = (
    SafetyCode.NOT_SPECULATIVE,
    SafetyCode.BLOCKED_MINT,
    SafetyCode.LIQUIDITY_UNKNOWN,
    SafetyCode.LIQUIDITY_TOO_LOW,
    SafetyCode.TOKEN_AGE_UNKNOWN,
    SafetyCode.TOKEN_TOO_NEW,
    SafetyCode.NO_PRICE_SOURCE,
)
TRADE_CODES: tuple[str, ...] = (
    DenialCode.SIZE_TOO_SMALL,
    DenialCode.TIP_TOO_HIGH,
    DenialCode.COST_TOO_HIGH,
    DenialCode.PRICE_IMPACT,
    DenialCode.PRICE_MOVED,
)
CODES: tuple[str, ...] = (ENTERED, *SAFETY_CODES, *HOLDING_CODES, *TRADE_CODES)
"""Codes of attempts by number, in the order in which the gates are asked."""
NUMBER = {code: number for number, code in enumerate(CODES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Every buy of every leader, by wallet and then in the order of the ticks; `tick` is its place there.

    `code` is the number (`CODES`) of the first gate that says no, 0 for none. `size_lamports` is what we
    would spend, `fill` what that would bring.
    """

    tick: Whole
    code: Whole
    size_lamports: Whole
    fill: Fill


def market_tip(policy: Policy, *, percentile: int, assumptions: Assumptions) -> TipPrice:
    """What `price_tip` makes of the assumed market."""
    tip = assumptions.market_tip_lamports
    market = TipFloor(
        p25_lamports=tip,
        p50_lamports=tip,
        p75_lamports=tip,
        p95_lamports=tip,
        p99_lamports=tip,
        ema50_lamports=tip,
    )
    return price_tip(policy=policy, percentile=percentile, market=market)


def attempts_of(
    ticks: Ticks,
    created: Floats,
    *,
    strategy: str,
    policy: Policy,
    assumptions: Assumptions,
    only: Collection[str] | None = None,
) -> Attempts:
    """Judge every buy, or those of `only` some wallets; `created` is when each tick's token came to be (unix
    seconds), NaN for unknown.
    """
    is_buy = ~ticks.is_sale & (ticks.row >= 0)
    if only is not None:
        is_buy &= ticks.wallets.isin(list(only))[ticks.wallet]
    tick = np.flatnonzero(is_buy)
    tick = tick[np.argsort(ticks.wallet[tick], kind="stable")]
    price, reserve = ticks.own_price[tick], ticks.reserve[tick]
    size = copy_size_lamports(
        reserve_sol=reserve, policy=policy, requested_lamports=assumptions.size_lamports
    )
    fill = bought(
        sol=size / LAMPORTS_PER_SOL, price=price, reserve=reserve, assumptions=assumptions
    )
    failing = _safety(ticks, tick, created, strategy=strategy, policy=policy)
    failing |= _trade(ticks, tick, size, fill, strategy=strategy, policy=policy, given=assumptions)
    code = np.zeros(len(tick), dtype=np.int64)
    for name in reversed((*SAFETY_CODES, *TRADE_CODES)):
        code = np.where(failing[name], NUMBER[name], code)
    return Attempts(tick=tick, code=code, size_lamports=size, fill=fill)


def copy_size_lamports(*, reserve_sol: Floats, policy: Policy, requested_lamports: int) -> Whole:
    """`trading.domain.sizing.size_lamports` over arrays, for a wallet that holds nothing and lacks nothing."""
    share = np.nan_to_num(2 * reserve_sol) * LAMPORTS_PER_SOL * policy.maximum_pool_share_bps
    most = min(requested_lamports, policy.maximum_trade_lamports, policy.maximum_per_token_lamports)
    size = np.minimum(most, np.floor(share / 10_000)).astype(np.int64)
    return np.where(size >= policy.minimum_trade_lamports, size, 0)


def _safety(
    ticks: Ticks, tick: Whole, created: Floats, *, strategy: str, policy: Policy
) -> dict[str, np.ndarray]:
    rules = policy.for_strategy(strategy)
    liquidity, born = ticks.liquidity_usd[tick], created[tick]
    token = ticks.token[tick]
    return {
        SafetyCode.NOT_SPECULATIVE: ticks.tokens.isin(list(QUOTE_MINTS))[token],
        SafetyCode.BLOCKED_MINT: ticks.tokens.isin(list(policy.blocked_mints))[token],
        SafetyCode.LIQUIDITY_UNKNOWN: np.isnan(ticks.reserve[tick]),
        SafetyCode.LIQUIDITY_TOO_LOW: ~(liquidity >= rules.minimum_liquidity_usd),
        SafetyCode.TOKEN_AGE_UNKNOWN: np.isnan(born),
        SafetyCode.TOKEN_TOO_NEW: ~(ticks.at[tick] - born >= rules.minimum_token_age_seconds),
        SafetyCode.NO_PRICE_SOURCE: ~(ticks.own_price[tick] > 0),
    }


def _trade(
    ticks: Ticks,
    tick: Whole,
    size: Whole,
    fill: Fill,
    *,
    strategy: str,
    policy: Policy,
    given: Assumptions,
) -> dict[str, np.ndarray]:
    rules = policy.for_strategy(strategy)
    tip = market_tip(policy, percentile=rules.tip_percentile, assumptions=given).lamports
    impact = price_impact(sol=fill.sol, reserve=ticks.reserve[tick], assumptions=given)
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = (tip + given.network_fee_lamports) / size + impact
        moved = fill.sol / fill.tokens / ticks.fill_price[tick] - 1
    is_known = ticks.fill_price[tick] > 0
    has_moved = ~(np.abs(moved) * 10_000 <= policy.maximum_price_move_bps)
    return {
        DenialCode.SIZE_TOO_SMALL: size == 0,
        DenialCode.TIP_TOO_HIGH: tip > size * policy.maximum_tip_bps // 10_000,
        DenialCode.COST_TOO_HIGH: ~(cost * 10_000 <= rules.maximum_cost_bps),
        DenialCode.PRICE_IMPACT: ~(impact * 10_000 <= policy.maximum_price_impact_bps),
        DenialCode.PRICE_MOVED: np.where(
            is_known, has_moved, not policy.allow_unknown_leader_price
        ),
    }


def entry_price(fill: Fill) -> list[Decimal]:
    """What each fill paid for a token, as the books would have it; 0 where it got none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.where(fill.tokens > 0, fill.sol / fill.tokens, 0.0)
    return [Decimal(each) for each in price.tolist()]
