"""The gates before a buy, in the order of specification §7; each yields a line for every limit it looks at."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from trading.domain.denials import DenialCode
from trading.domain.entry_facts import Case
from trading.domain.gates import Gate, gate
from trading.domain.leaders import (
    SizeMode,
    buys_gate,
    daily_cap_gate,
    roster_gates,
    trade_gates,
)
from trading.domain.safety import sale_gates, token_gates
from trading.domain.values import Route, Strategy, lamports_to_sol

GateCheck = Callable[[Case], Iterator[Gate]]


def _leader(case: Case) -> Iterator[Gate]:
    facts = case.facts
    yield from roster_gates(facts.leader, now=case.now)
    yield from trade_gates(
        facts.copying, mint=facts.signal.mint, leader_trade_lamports=facts.signal.amount_lamports
    )


def _freshness(case: Case) -> Iterator[Gate]:
    facts, policy = case.facts, case.policy
    age = (case.now - facts.received_at).total_seconds()
    limit = policy.for_strategy(facts.signal.strategy).maximum_signal_age_seconds
    yield gate(
        DenialCode.STALE_SIGNAL, is_passed=age <= limit, measured=f"{age:.1f} s", limit=f"{limit} s"
    )


def _halt(case: Case) -> Iterator[Gate]:
    facts = case.facts
    halted = facts.are_entries_halted
    yield gate(
        DenialCode.ENTRIES_HALTED,
        is_passed=not halted,
        measured=f"halted: {facts.held_back_by or 'no reason given'}" if halted else "trading",
        limit="trading",
    )
    is_paused = facts.is_spear_paused and facts.signal.strategy is Strategy.SPEAR
    yield gate(
        DenialCode.SPEAR_PAUSED,
        is_passed=not is_paused,
        measured=f"paused: {facts.held_back_by}" if is_paused else "not paused",
        limit="trading",
    )


def _routing(case: Case) -> Iterator[Gate]:
    facts = case.facts
    is_allowed = facts.signal.strategy is not Strategy.SPEAR or facts.route is Route.JITO
    yield gate(
        DenialCode.STRATEGY_NEEDS_BUNDLES,
        is_passed=is_allowed,
        measured=facts.route,
        limit="JITO for SPEAR",
    )


def _safety(case: Case) -> Iterator[Gate]:
    facts, policy = case.facts, case.policy
    yield from token_gates(facts.token, strategy=facts.signal.strategy, policy=policy, now=case.now)


def _holding(case: Case) -> Iterator[Gate]:
    facts, policy = case.facts, case.policy
    last = facts.portfolio.last_closed_at
    since = None if last is None else (case.now - last).total_seconds()
    yield gate(
        DenialCode.REENTRY_COOLDOWN,
        is_passed=since is None or since >= policy.reentry_cooldown_seconds,
        measured="never held" if since is None else f"closed {since:.0f} s ago",
        limit=f"{policy.reentry_cooldown_seconds} s",
    )
    yield gate(
        DenialCode.ALREADY_HELD,
        is_passed=not facts.portfolio.is_held,
        measured="held" if facts.portfolio.is_held else "not held",
        limit="not held",
    )
    yield gate(
        DenialCode.TOO_MANY_POSITIONS,
        is_passed=facts.portfolio.open_positions < policy.maximum_positions,
        measured=facts.portfolio.open_positions,
        limit=policy.maximum_positions,
    )
    if facts.leader is not None:
        yield buys_gate(facts.leader)


def _exposure(case: Case) -> Iterator[Gate]:
    facts, policy = case.facts, case.policy
    portfolio, capital = facts.portfolio, facts.portfolio.capital_lamports
    yield gate(
        DenialCode.BALANCE_UNKNOWN,
        is_passed=portfolio.balance_lamports is not None,
        measured="known" if portfolio.balance_lamports is not None else "unknown",
        limit="known",
    )
    size = case.size_lamports
    is_spear = facts.signal.strategy is Strategy.SPEAR
    used = portfolio.spear_lamports if is_spear else portfolio.shield_lamports
    limit = capital * policy.for_strategy(facts.signal.strategy).allocation_bps // 10_000
    yield gate(
        DenialCode.ALLOCATION_FULL,
        is_passed=used + size <= limit,
        measured=f"{lamports_to_sol(used + size):f} SOL",
        limit=f"{lamports_to_sol(limit):f} SOL",
    )
    at_risk = portfolio.shield_lamports * policy.shield.hard_stop_bps
    at_risk += portfolio.spear_lamports * policy.spear.hard_stop_bps
    at_risk += size * policy.for_strategy(facts.signal.strategy).hard_stop_bps
    heat_limit = capital * policy.maximum_heat_bps // 10_000
    yield gate(
        DenialCode.PORTFOLIO_HEAT,
        is_passed=at_risk // 10_000 <= heat_limit,
        measured=f"{lamports_to_sol(at_risk // 10_000):f} SOL",
        limit=f"{lamports_to_sol(heat_limit):f} SOL",
    )


def _size(case: Case) -> Iterator[Gate]:
    facts, policy = case.facts, case.policy
    size = case.size_lamports
    least = max(policy.minimum_trade_lamports, facts.copying.minimum_size_lamports or 0)
    is_unknown = facts.copying.size_mode is SizeMode.QUALITY and facts.quality_bps is None
    yield gate(
        DenialCode.SIZE_TOO_SMALL,
        is_passed=size > 0,
        measured="the leader's quality is not known"
        if is_unknown
        else f"{lamports_to_sol(size):f} SOL after caps",
        limit=f"{lamports_to_sol(least):f} SOL",
    )
    if facts.leader is not None:
        yield daily_cap_gate(facts.leader, size_lamports=size)


def _quote(case: Case) -> Iterator[Gate]:
    facts = case.facts
    quote = facts.quote
    yield gate(
        DenialCode.QUOTE_UNAVAILABLE,
        is_passed=quote.is_available,
        measured="answered" if quote.is_available else "no answer",
        limit="answered",
    )
    yield gate(
        DenialCode.NO_ROUTE,
        is_passed=quote.is_found and quote.out_amount_raw > 0,
        measured="found" if quote.is_found else "none",
        limit="found",
    )


def _cost(case: Case) -> Iterator[Gate]:
    facts, policy = case.facts, case.policy
    size = case.size_lamports
    tip_limit = size * policy.maximum_tip_bps // 10_000
    yield gate(
        DenialCode.TIP_TOO_HIGH,
        is_passed=facts.tip_lamports <= tip_limit,
        measured=f"{lamports_to_sol(facts.tip_lamports):f} SOL",
        limit=f"{lamports_to_sol(tip_limit):f} SOL",
    )
    impact = max(Decimal(0), facts.quote.price_impact)
    cost = Decimal(facts.tip_lamports + facts.network_fee_lamports) / size + impact
    cost_limit = policy.for_strategy(facts.signal.strategy).maximum_cost_bps
    yield gate(
        DenialCode.COST_TOO_HIGH,
        is_passed=cost * 10_000 <= cost_limit,
        measured=f"{cost * 10_000:.0f} bps",
        limit=f"{cost_limit} bps",
    )
    yield gate(
        DenialCode.PRICE_IMPACT,
        is_passed=impact * 10_000 <= policy.maximum_price_impact_bps,
        measured=f"{impact * 10_000:.0f} bps",
        limit=f"{policy.maximum_price_impact_bps} bps",
    )


def _sale(case: Case) -> Iterator[Gate]:
    """Part of token safety that needs the quote, so it is judged once there is one."""
    facts, policy = case.facts, case.policy
    is_trap = facts.fill is not None and facts.fill.is_frozen
    yield from sale_gates(facts.sale, policy, is_leader_frozen=is_trap)


def _price(case: Case) -> Iterator[Gate]:
    """How far our price lies from the leader's, up or down: a price that fell is news as well.

    Whether a fill that nobody could read may be passed over is the policy's choice.
    """
    facts, policy = case.facts, case.policy
    fill, limit = facts.fill, policy.maximum_price_move_bps
    if fill is None or fill.lamports_per_raw is None:
        yield gate(
            DenialCode.PRICE_MOVED,
            is_passed=policy.allow_unknown_leader_price,
            measured="not known" if fill is None else f"not known: {fill.unknown}",
            limit=f"{limit} bps",
        )
        return
    moved = facts.quote.lamports_per_raw / fill.lamports_per_raw - 1
    yield gate(
        DenialCode.PRICE_MOVED,
        is_passed=abs(moved) * 10_000 <= limit,
        measured=f"{moved * 10_000:+.0f} bps",
        limit=f"{limit} bps",
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
    _sale,
    _cost,
    _price,
)
BEFORE_THE_TOKEN, BEFORE_THE_QUOTE = GATES.index(_safety), GATES.index(_exposure)
