"""The decision: a signal and the facts of the moment become an Order or a Denial. Pure; every gate leaves a line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trading.domain.policy import Policy
from trading.domain.safety import SafetyCode, TokenFacts, judge
from trading.domain.signals import SignalRequest
from trading.domain.sizing import size_lamports
from trading.domain.values import Route, Strategy, lamports_to_sol


class DenialCode(StrEnum):
    """Why we do not trade; safety codes come beside these from `safety.SafetyCode`."""

    LEADER_UNKNOWN = "LEADER_UNKNOWN"
    LEADER_NOT_ACTIVE = "LEADER_NOT_ACTIVE"
    LEADER_MUTED = "LEADER_MUTED"
    LEADER_EXPIRED = "LEADER_EXPIRED"
    STALE_SIGNAL = "STALE_SIGNAL"
    ENTRIES_HALTED = "ENTRIES_HALTED"
    STRATEGY_NEEDS_BUNDLES = "STRATEGY_NEEDS_BUNDLES"
    ALREADY_HELD = "ALREADY_HELD"
    REENTRY_COOLDOWN = "REENTRY_COOLDOWN"
    TOO_MANY_POSITIONS = "TOO_MANY_POSITIONS"
    ALLOCATION_FULL = "ALLOCATION_FULL"
    PORTFOLIO_HEAT = "PORTFOLIO_HEAT"
    SIZE_TOO_SMALL = "SIZE_TOO_SMALL"
    TIP_TOO_HIGH = "TIP_TOO_HIGH"
    COST_TOO_HIGH = "COST_TOO_HIGH"
    PRICE_IMPACT = "PRICE_IMPACT"
    NO_ROUTE = "NO_ROUTE"
    QUOTE_UNAVAILABLE = "QUOTE_UNAVAILABLE"
    BALANCE_UNKNOWN = "BALANCE_UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderFacts:
    """The followed wallet as the roster knows it."""

    is_active: bool
    is_muted: bool = False
    active_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What we hold and what is on its way, in lamports at cost. Buys in flight count as open.

    `balance_lamports` is None when the chain has not told us lately.
    """

    balance_lamports: int | None
    open_positions: int
    shield_lamports: int
    spear_lamports: int
    token_lamports: int
    is_held: bool
    last_closed_at: datetime | None = None

    @property
    def capital_lamports(self) -> int:
        """Balance and open cost together."""
        return (self.balance_lamports or 0) + self.shield_lamports + self.spear_lamports


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteFacts:
    """What the quote says about the trade; `is_found` is False where no route exists."""

    is_found: bool = True
    is_available: bool = True
    out_amount_raw: int = 0
    price_impact: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a decision to buy rests on."""

    signal: SignalRequest
    received_at: datetime
    leader: LeaderFacts | None
    token: TokenFacts
    quote: QuoteFacts
    portfolio: Portfolio
    are_entries_halted: bool
    route: Route
    tip_lamports: int
    network_fee_lamports: int
    sol_price_usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One check: what was measured, against which limit, and whether it let the signal through."""

    code: str
    measured: str
    limit: str
    is_passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Buy for this many lamports by this route, all gates passed."""

    size_lamports: int
    route: Route
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """Do not buy; the first gate that said no, with a sentence for people."""

    code: str
    text: str
    gates: tuple[Gate, ...]


GateCheck = Callable[[Facts, Policy, datetime], Iterator[Gate]]


def planned_size_lamports(facts: Facts, policy: Policy) -> int:
    """What the order would be worth, before the gates that judge it; 0 when below the policy's minimum."""
    return size_lamports(
        requested_lamports=facts.signal.amount_lamports,
        policy=policy,
        balance_lamports=facts.portfolio.balance_lamports or 0,
        held_in_token_lamports=facts.portfolio.token_lamports,
        liquidity_usd=facts.token.liquidity_usd,
        sol_price_usd=facts.sol_price_usd,
    )


def decide(facts: Facts, *, policy: Policy, now: datetime) -> Order | Denial:
    """An Order, or the Denial of the first gate that fails, in the order of specification §7.

    Only buys are decided: a sell is owed whatever the gates would say.
    """
    passed: list[Gate] = []
    for gates in GATES:
        for gate in gates(facts, policy, now):
            passed.append(gate)
            if not gate.is_passed:
                return Denial(code=gate.code, text=_sentence(gate), gates=tuple(passed))
    size = planned_size_lamports(facts, policy)
    return Order(size_lamports=size, route=facts.route, gates=tuple(passed))


def _sentence(gate: Gate) -> str:
    return f"{SENTENCES.get(gate.code, gate.code)}: {gate.measured} (limit {gate.limit})"


def _gate(code: str, *, is_passed: bool, measured: object, limit: object) -> Gate:
    return Gate(code=code, measured=str(measured), limit=str(limit), is_passed=is_passed)


def _leader(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    leader = facts.leader
    yield _gate(
        DenialCode.LEADER_UNKNOWN,
        is_passed=leader is not None,
        measured="on the roster" if leader else "not on the roster",
        limit="on the roster",
    )
    if leader is None:
        return
    yield _gate(
        DenialCode.LEADER_NOT_ACTIVE,
        is_passed=leader.is_active,
        measured="ACTIVE" if leader.is_active else "not ACTIVE",
        limit="ACTIVE",
    )
    yield _gate(
        DenialCode.LEADER_MUTED,
        is_passed=not leader.is_muted,
        measured="muted" if leader.is_muted else "heard",
        limit="heard",
    )
    until = leader.active_until
    yield _gate(
        DenialCode.LEADER_EXPIRED,
        is_passed=until is None or now <= until,
        measured="no time limit" if until is None else f"active until {until:%Y-%m-%d %H:%M}",
        limit=f"{now:%Y-%m-%d %H:%M}",
    )


def _freshness(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    age = (now - facts.received_at).total_seconds()
    limit = policy.for_strategy(facts.signal.strategy).maximum_signal_age_seconds
    yield _gate(
        DenialCode.STALE_SIGNAL, is_passed=age <= limit, measured=f"{age:.1f} s", limit=f"{limit} s"
    )


def _halt(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    halted = facts.are_entries_halted
    yield _gate(
        DenialCode.ENTRIES_HALTED,
        is_passed=not halted,
        measured="halted" if halted else "trading",
        limit="trading",
    )


def _routing(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    is_allowed = facts.signal.strategy is not Strategy.SPEAR or facts.route is Route.JITO
    yield _gate(
        DenialCode.STRATEGY_NEEDS_BUNDLES,
        is_passed=is_allowed,
        measured=facts.route,
        limit="JITO for SPEAR",
    )


def _safety(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    code: SafetyCode | None = judge(
        facts.token, strategy=facts.signal.strategy, policy=policy, now=now
    )
    yield _gate(
        code or "TOKEN_SAFETY",
        is_passed=code is None,
        measured=_describe_token(facts.token, now),
        limit=f"liquidity ${policy.for_strategy(facts.signal.strategy).minimum_liquidity_usd:,}",
    )


def _describe_token(token: TokenFacts, now: datetime) -> str:
    if token.unavailable:
        return f"{token.unavailable} did not answer"
    if token.facts is None:
        return "no such mint" if not token.is_found else "not a mint"
    parts = [
        "mint authority" if token.facts.has_mint_authority else "",
        "freeze authority" if token.facts.has_freeze_authority else "",
        token.facts.unsafe_extension,
        f"transfer fee {token.facts.transfer_fee_bps} bps" if token.facts.transfer_fee_bps else "",
        "liquidity unknown" if token.liquidity_usd is None else f"${token.liquidity_usd:,.0f}",
        "" if token.created_at is None else f"age {(now - token.created_at).total_seconds():.0f} s",
    ]
    return ", ".join(part for part in parts if part)


def _holding(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    last = facts.portfolio.last_closed_at
    since = None if last is None else (now - last).total_seconds()
    yield _gate(
        DenialCode.REENTRY_COOLDOWN,
        is_passed=since is None or since >= policy.reentry_cooldown_seconds,
        measured="never held" if since is None else f"closed {since:.0f} s ago",
        limit=f"{policy.reentry_cooldown_seconds} s",
    )
    yield _gate(
        DenialCode.ALREADY_HELD,
        is_passed=not facts.portfolio.is_held,
        measured="held" if facts.portfolio.is_held else "not held",
        limit="not held",
    )
    yield _gate(
        DenialCode.TOO_MANY_POSITIONS,
        is_passed=facts.portfolio.open_positions < policy.maximum_positions,
        measured=facts.portfolio.open_positions,
        limit=policy.maximum_positions,
    )


def _exposure(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    portfolio, capital = facts.portfolio, facts.portfolio.capital_lamports
    yield _gate(
        DenialCode.BALANCE_UNKNOWN,
        is_passed=portfolio.balance_lamports is not None,
        measured="known" if portfolio.balance_lamports is not None else "unknown",
        limit="known",
    )
    size = planned_size_lamports(facts, policy)
    is_spear = facts.signal.strategy is Strategy.SPEAR
    used = portfolio.spear_lamports if is_spear else portfolio.shield_lamports
    limit = capital * policy.for_strategy(facts.signal.strategy).allocation_bps // 10_000
    yield _gate(
        DenialCode.ALLOCATION_FULL,
        is_passed=used + size <= limit,
        measured=f"{lamports_to_sol(used + size):f} SOL",
        limit=f"{lamports_to_sol(limit):f} SOL",
    )
    at_risk = portfolio.shield_lamports * policy.shield.hard_stop_bps
    at_risk += portfolio.spear_lamports * policy.spear.hard_stop_bps
    at_risk += size * policy.for_strategy(facts.signal.strategy).hard_stop_bps
    heat_limit = capital * policy.maximum_heat_bps // 10_000
    yield _gate(
        DenialCode.PORTFOLIO_HEAT,
        is_passed=at_risk // 10_000 <= heat_limit,
        measured=f"{lamports_to_sol(at_risk // 10_000):f} SOL",
        limit=f"{lamports_to_sol(heat_limit):f} SOL",
    )


def _size(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    size = planned_size_lamports(facts, policy)
    yield _gate(
        DenialCode.SIZE_TOO_SMALL,
        is_passed=size > 0,
        measured=f"{lamports_to_sol(size):f} SOL after caps",
        limit=f"{lamports_to_sol(policy.minimum_trade_lamports):f} SOL",
    )


def _quote(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    quote = facts.quote
    yield _gate(
        DenialCode.QUOTE_UNAVAILABLE,
        is_passed=quote.is_available,
        measured="answered" if quote.is_available else "no answer",
        limit="answered",
    )
    yield _gate(
        DenialCode.NO_ROUTE,
        is_passed=quote.is_found and quote.out_amount_raw > 0,
        measured="found" if quote.is_found else "none",
        limit="found",
    )


def _cost(facts: Facts, policy: Policy, now: datetime) -> Iterator[Gate]:
    size = planned_size_lamports(facts, policy)
    tip_limit = size * policy.maximum_tip_bps // 10_000
    yield _gate(
        DenialCode.TIP_TOO_HIGH,
        is_passed=facts.tip_lamports <= tip_limit,
        measured=f"{lamports_to_sol(facts.tip_lamports):f} SOL",
        limit=f"{lamports_to_sol(tip_limit):f} SOL",
    )
    impact = max(Decimal(0), facts.quote.price_impact)
    cost = Decimal(facts.tip_lamports + facts.network_fee_lamports) / size + impact
    cost_limit = policy.for_strategy(facts.signal.strategy).maximum_cost_bps
    yield _gate(
        DenialCode.COST_TOO_HIGH,
        is_passed=cost * 10_000 <= cost_limit,
        measured=f"{cost * 10_000:.0f} bps",
        limit=f"{cost_limit} bps",
    )
    yield _gate(
        DenialCode.PRICE_IMPACT,
        is_passed=impact * 10_000 <= policy.maximum_price_impact_bps,
        measured=f"{impact * 10_000:.0f} bps",
        limit=f"{policy.maximum_price_impact_bps} bps",
    )


GATES: tuple[GateCheck, ...] = (
    _leader,
    _freshness,
    _halt,
    _routing,
    _safety,
    _holding,
    _exposure,
    _size,
    _quote,
    _cost,
)
SENTENCES: dict[str, str] = {
    DenialCode.LEADER_UNKNOWN: "The followed wallet is not on the roster",
    DenialCode.LEADER_NOT_ACTIVE: "The leader is not ACTIVE",
    DenialCode.LEADER_MUTED: "The leader is muted",
    DenialCode.LEADER_EXPIRED: "The leader's promotion has run out",
    DenialCode.STALE_SIGNAL: "The signal waited too long to be bought",
    DenialCode.ENTRIES_HALTED: "Entries are halted",
    DenialCode.STRATEGY_NEEDS_BUNDLES: "SPEAR needs guaranteed inclusion",
    DenialCode.ALREADY_HELD: "The token is already held or being bought",
    DenialCode.REENTRY_COOLDOWN: "The token was sold a moment ago",
    DenialCode.TOO_MANY_POSITIONS: "Too many positions are open",
    DenialCode.ALLOCATION_FULL: "The strategy's share of capital is used up",
    DenialCode.PORTFOLIO_HEAT: "Too much would be lost if every stop were hit",
    DenialCode.SIZE_TOO_SMALL: "The trade would be too small",
    DenialCode.TIP_TOO_HIGH: "The tip would eat too much of the trade",
    DenialCode.COST_TOO_HIGH: "Tip, fees and impact would eat too much of the trade",
    DenialCode.PRICE_IMPACT: "Our own trade would move the price too far",
    DenialCode.NO_ROUTE: "No route from SOL to the token",
    DenialCode.QUOTE_UNAVAILABLE: "The quote did not come in time",
    DenialCode.BALANCE_UNKNOWN: "Our own balance is not known",
    SafetyCode.MINT_NOT_FOUND: "The mint does not exist",
    SafetyCode.NOT_A_MINT: "The address is not a mint",
    SafetyCode.FREEZE_AUTHORITY: "Somebody can freeze our tokens",
    SafetyCode.MINT_AUTHORITY: "Somebody can print more tokens",
    SafetyCode.UNSAFE_EXTENSION: "The token's own rules could keep us from selling",
    SafetyCode.TRANSFER_FEE: "The token takes a fee on every transfer",
    SafetyCode.LIQUIDITY_UNKNOWN: "Nobody could tell the pool's liquidity",
    SafetyCode.LIQUIDITY_TOO_LOW: "The pool is too shallow",
    SafetyCode.TOKEN_TOO_NEW: "The token is too young",
    SafetyCode.TOKEN_AGE_UNKNOWN: "Nobody could tell the token's age",
    SafetyCode.SAFETY_UNAVAILABLE: "The token could not be checked in time",
    SafetyCode.NOT_SPECULATIVE: "A quote currency is never bought as the token",
    SafetyCode.NO_PRICE_SOURCE: "Nobody quotes a price for the token",
}
