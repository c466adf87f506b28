"""One decision: an order when every gate lets it through, else the denial of the first one that does not."""

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.facts import (
    LEADER,
    MINT,
    NOW,
    SOL,
    copied,
    facts,
    mint,
    portfolio,
    quote,
    request,
    token,
)
from trading.domain.decision import (
    SENTENCES,
    Denial,
    DenialCode,
    Facts,
    LeaderFill,
    Order,
    QuoteFacts,
    decide,
    planned_size_lamports,
)
from trading.domain.leaders import CopyState, LeaderFacts, SizeMode
from trading.domain.policy import Policy
from trading.domain.safety import SafetyCode, SaleFacts
from trading.domain.values import USDC_MINT, Route, Strategy

POLICY = Policy(blocked_mints=(LEADER,))
SPEAR = request(strategy=Strategy.SPEAR)
DENIED: list[tuple[str, dict[str, Any]]] = [
    (DenialCode.LEADER_UNKNOWN, {"leader": None}),
    (DenialCode.LEADER_NOT_ACTIVE, {"leader": LeaderFacts(status="CANDIDATE")}),
    (DenialCode.LEADER_MUTED, {"leader": copied(copy_state=CopyState.CLOSES_ONLY)}),
    (DenialCode.LEADER_MUTED, {"leader": copied(copy_state=CopyState.OFF)}),
    (
        DenialCode.LEADER_EXPIRED,
        {"leader": LeaderFacts(status="ACTIVE", active_until=NOW - timedelta(seconds=1))},
    ),
    (
        DenialCode.OUTSIDE_ACTIVE_HOURS,
        {"leader": copied(hours_from=time(12, 0, 1), hours_to=time(14))},
    ),
    (
        DenialCode.LEADER_TRADE_SIZE,
        {"leader": copied(minimum_leader_trade_lamports=SOL // 2 + 1)},
    ),
    (
        DenialCode.LEADER_TRADE_SIZE,
        {
            "leader": copied(maximum_leader_trade_lamports=SOL // 2 - 1),
            "signal": request(amount_lamports=SOL // 2),
        },
    ),
    (DenialCode.LEADER_TOKEN_LIST, {"leader": copied(blocked_mints=(MINT,))}),
    (DenialCode.LEADER_TOKEN_LIST, {"leader": copied(allowed_mints=(LEADER,))}),
    (DenialCode.STALE_SIGNAL, {"received_at": NOW - timedelta(seconds=30, milliseconds=1)}),
    (
        DenialCode.STALE_SIGNAL,
        {"signal": SPEAR, "received_at": NOW - timedelta(seconds=10, milliseconds=1)},
    ),
    (DenialCode.ENTRIES_HALTED, {"are_entries_halted": True}),
    (DenialCode.SPEAR_PAUSED, {"signal": SPEAR, "is_spear_paused": True}),
    (DenialCode.STRATEGY_NEEDS_BUNDLES, {"signal": SPEAR, "route": Route.STANDARD}),
    (SafetyCode.NOT_SPECULATIVE, {"token": token(mint=USDC_MINT)}),
    (SafetyCode.BLOCKED_MINT, {"token": token(mint=LEADER)}),
    (SafetyCode.SAFETY_UNAVAILABLE, {"token": token(facts=None, unavailable="chain")}),
    (SafetyCode.MINT_NOT_FOUND, {"token": token(is_found=False, facts=None)}),
    (SafetyCode.NOT_A_MINT, {"token": token(facts=None)}),
    (SafetyCode.FREEZE_AUTHORITY, {"token": token(facts=mint(has_freeze_authority=True))}),
    (SafetyCode.MINT_AUTHORITY, {"token": token(facts=mint(has_mint_authority=True))}),
    (SafetyCode.UNSAFE_EXTENSION, {"token": token(facts=mint(unsafe_extension="pausable"))}),
    (SafetyCode.TRANSFER_FEE, {"token": token(facts=mint(transfer_fee_bps=101))}),
    (SafetyCode.LIQUIDITY_UNKNOWN, {"token": token(liquidity_usd=None)}),
    (SafetyCode.LIQUIDITY_TOO_LOW, {"token": token(liquidity_usd=Decimal("9999.99"))}),
    (SafetyCode.HOLDER_CONCENTRATION, {"token": token(holder_bps=5_001)}),
    (SafetyCode.TOKEN_AGE_UNKNOWN, {"token": token(created_at=None)}),
    (SafetyCode.TOKEN_TOO_NEW, {"token": token(created_at=NOW - timedelta(seconds=1_799))}),
    (SafetyCode.NO_PRICE_SOURCE, {"token": token(price_sol=None)}),
    (
        DenialCode.REENTRY_COOLDOWN,
        {"portfolio": portfolio(last_closed_at=NOW - timedelta(seconds=59))},
    ),
    (DenialCode.ALREADY_HELD, {"portfolio": portfolio(is_held=True)}),
    (DenialCode.TOO_MANY_POSITIONS, {"portfolio": portfolio(open_positions=12)}),
    (
        DenialCode.MAX_BUYS_PER_TOKEN,
        {"leader": copied(maximum_buys_per_token=1, buys_of_token=1)},
    ),
    (DenialCode.BALANCE_UNKNOWN, {"portfolio": portfolio(balance_lamports=None)}),
    (
        DenialCode.ALLOCATION_FULL,
        {"portfolio": portfolio(balance_lamports=14 * SOL, shield_lamports=36 * SOL)},
    ),
    (
        DenialCode.PORTFOLIO_HEAT,
        {"portfolio": portfolio(balance_lamports=9 * SOL, spear_lamports=41 * SOL)},
    ),
    (DenialCode.SIZE_TOO_SMALL, {"signal": request(amount_lamports=SOL // 100 - 1)}),
    (DenialCode.SIZE_TOO_SMALL, {"sol_price_usd": None}),
    (DenialCode.SIZE_TOO_SMALL, {"leader": copied(minimum_size_lamports=SOL // 2 + 1)}),
    (
        DenialCode.LEADER_DAILY_CAP,
        {"leader": copied(daily_cap_lamports=SOL, spent_lamports=SOL // 2 + 1)},
    ),
    (DenialCode.QUOTE_UNAVAILABLE, {"quote": QuoteFacts(is_available=False)}),
    (DenialCode.NO_ROUTE, {"quote": QuoteFacts(is_found=False)}),
    (DenialCode.NO_ROUTE, {"quote": QuoteFacts(out_amount_raw=0)}),
    (SafetyCode.NOT_SELLABLE, {"sale": SaleFacts(spent_lamports=SOL, problem="frozen")}),
    (
        SafetyCode.NOT_SELLABLE,
        {"sale": SaleFacts(spent_lamports=SOL, proceeds_lamports=SOL // 2 - SOL // 10_000)},
    ),
    (SafetyCode.SAFETY_UNAVAILABLE, {"sale": None}),
    (
        SafetyCode.SAFETY_UNAVAILABLE,
        {"sale": SaleFacts(spent_lamports=SOL, proceeds_lamports=SOL, unavailable="jupiter")},
    ),
    (DenialCode.TIP_TOO_HIGH, {"tip_lamports": SOL // 20 + 1}),
    (DenialCode.COST_TOO_HIGH, {"tip_lamports": SOL // 50}),
    (
        DenialCode.PRICE_IMPACT,
        {"quote": quote(price_impact=Decimal("0.0201"))},
    ),
    (DenialCode.PRICE_MOVED, {"fill": LeaderFill(lamports_per_raw=Decimal("0.4545"))}),
    (DenialCode.PRICE_MOVED, {"fill": LeaderFill(lamports_per_raw=Decimal("0.5556"))}),
]
IDS = [f"{index}-{code}" for index, (code, _) in enumerate(DENIED)]
ALLOWED: list[tuple[str, dict[str, Any]]] = [
    ("the last second of a promotion", {"leader": LeaderFacts(status="ACTIVE", active_until=NOW)}),
    (
        "the first moment of the hours",
        {"leader": copied(hours_from=time(12), hours_to=time(13))},
    ),
    (
        "trades of just this size",
        {
            "leader": copied(
                minimum_leader_trade_lamports=SOL // 2, maximum_leader_trade_lamports=SOL // 2
            )
        },
    ),
    ("a token on the list", {"leader": copied(allowed_mints=(LEADER, MINT))}),
    ("another token blocked", {"leader": copied(blocked_mints=(LEADER,))}),
    ("the second of two buys", {"leader": copied(maximum_buys_per_token=2, buys_of_token=1)}),
    (
        "the last lamport of the day",
        {"leader": copied(daily_cap_lamports=SOL, spent_lamports=SOL // 2)},
    ),
    ("the smallest size", {"leader": copied(minimum_size_lamports=SOL // 2)}),
    ("30 seconds old", {"received_at": NOW - timedelta(seconds=30)}),
    ("SPEAR at 10 seconds", {"signal": SPEAR, "received_at": NOW - timedelta(seconds=10)}),
    ("SHIELD without bundles", {"route": Route.STANDARD, "tip_lamports": 0}),
    ("exactly the least liquidity", {"token": token(liquidity_usd=Decimal(10_000))}),
    (
        "SPEAR at half the liquidity",
        {
            "signal": request(strategy=Strategy.SPEAR, amount_lamports=SOL // 4),
            "token": token(liquidity_usd=Decimal(5_000)),
        },
    ),
    ("half an hour old", {"token": token(created_at=NOW - timedelta(seconds=1_800))}),
    ("one percent transfer fee", {"token": token(facts=mint(transfer_fee_bps=100))}),
    ("cooled down", {"portfolio": portfolio(last_closed_at=NOW - timedelta(seconds=60))}),
    ("half of the supply in ten hands", {"token": token(holder_bps=5_000)}),
    (
        "half of it comes back",
        {"sale": SaleFacts(spent_lamports=SOL, proceeds_lamports=SOL // 2)},
    ),
    ("a tenth above the leader", {"fill": LeaderFill(lamports_per_raw=Decimal(5) / 11)}),
    ("an unknown leader's price", {"fill": LeaderFill(unknown="no signature")}),
    ("no leader's price asked for", {"fill": None}),
    ("SHIELD while SPEAR is paused", {"is_spear_paused": True}),
    ("eleven open positions", {"portfolio": portfolio(open_positions=11)}),
    ("an impact of 2 %", {"quote": quote(price_impact=Decimal("0.02"))}),
    (
        "a better price than expected",
        {"quote": quote(price_impact=Decimal("-0.3"))},
    ),
]


def judged(**changes: Any) -> Order | Denial:
    return decide(facts(**changes), policy=POLICY, now=NOW)


def test_a_sound_signal_becomes_an_order_with_every_gate_on_record() -> None:
    order = judged()
    assert isinstance(order, Order)
    assert (order.size_lamports, order.route) == (SOL // 2, Route.JITO)
    assert all(gate.is_passed for gate in order.gates)
    codes = [gate.code for gate in order.gates]
    assert set(codes) == set(DenialCode) | set(SafetyCode)
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(("code", "changes"), DENIED, ids=IDS)
def test_a_gate_denies_with_its_own_code(code: str, changes: dict[str, Any]) -> None:
    denial = judged(**changes)
    assert isinstance(denial, Denial)
    assert denial.code == code
    *passed, failed = denial.gates
    assert all(gate.is_passed for gate in passed)
    assert (failed.code, failed.is_passed) == (code, False)


@pytest.mark.parametrize(("name", "changes"), ALLOWED, ids=[name for name, _ in ALLOWED])
def test_a_limit_itself_is_allowed(name: str, changes: dict[str, Any]) -> None:
    assert isinstance(judged(**changes), Order)


@pytest.mark.parametrize("later", range(1, len(DENIED)), ids=IDS[1:])
def test_the_first_gate_that_fails_gives_the_code(later: int) -> None:
    """Two things wrong at once are denied by the one that the specification checks first."""
    for earlier in range(later):
        (first, wrong), (second, worse) = DENIED[earlier], DENIED[later]
        if wrong.keys() & worse.keys() or first == second:
            continue
        denial = judged(**{**worse, **wrong})
        assert isinstance(denial, Denial)
        assert denial.code == first, (first, second)


def test_every_code_can_be_produced() -> None:
    assert {code for code, _ in DENIED} == set(DenialCode) | set(SafetyCode)


@pytest.mark.parametrize("code", [*DenialCode, *SafetyCode])
def test_every_code_has_a_sentence_that_is_not_just_the_code(code: str) -> None:
    sentence = SENTENCES[code]
    assert len(sentence.split()) >= 3
    assert "_" not in sentence
    assert sentence[0].isupper()
    assert not sentence.endswith(".")


def test_no_two_codes_say_the_same() -> None:
    assert len(set(SENTENCES.values())) == len(SENTENCES)


def test_a_denial_tells_what_was_measured_and_the_limit() -> None:
    denial = judged(portfolio=portfolio(open_positions=12))
    assert isinstance(denial, Denial)
    assert denial.text == "Too many positions are open: 12 (limit 12)"


def test_the_spear_share_is_judged_by_what_spear_holds() -> None:
    full = portfolio(balance_lamports=34 * SOL, spear_lamports=15 * SOL)
    denial = judged(signal=SPEAR, portfolio=full)
    assert isinstance(denial, Denial)
    assert denial.code == DenialCode.ALLOCATION_FULL
    assert isinstance(judged(portfolio=full), Order)


def test_allocation_is_used_up_to_the_lamport() -> None:
    """Half a SOL more fits when 70 % of capital is 35.5 SOL, and not when it is a lamport less."""
    capital = 355 * SOL // 7 + 1
    for missing, kind in ((0, Order), (2, Denial)):
        held = portfolio(balance_lamports=capital - 35 * SOL - missing, shield_lamports=35 * SOL)
        assert isinstance(judged(portfolio=held), kind)


def test_a_loss_at_every_stop_counts_what_is_held_and_what_is_bought() -> None:
    """8 % of SHIELD and 25 % of SPEAR may together be 20 % of capital, this buy included."""
    policy = Policy(maximum_heat_bps=100)
    near = portfolio(balance_lamports=42 * SOL, shield_lamports=6 * SOL)
    assert isinstance(decide(facts(portfolio=near), policy=policy, now=NOW), Denial)
    less = portfolio(balance_lamports=48 * SOL, shield_lamports=SOL)
    assert isinstance(decide(facts(portfolio=less), policy=policy, now=NOW), Order)


BY_QUALITY = {"size_mode": SizeMode.QUALITY, "size_lamports": SOL // 2}


def test_a_quality_that_is_not_known_is_said_and_never_an_average_one() -> None:
    denial = judged(leader=copied(**BY_QUALITY))
    assert isinstance(denial, Denial)
    assert denial.code == DenialCode.SIZE_TOO_SMALL
    assert "quality is not known" in denial.text
    worthless = judged(leader=copied(**BY_QUALITY, quality_bps=0))
    assert isinstance(worthless, Denial)
    assert "0 SOL after caps" in worthless.text


def test_the_size_is_what_the_leaders_settings_make_of_it() -> None:
    for settings, lamports in (
        ({"size_mode": SizeMode.FIXED, "size_lamports": SOL // 4}, SOL // 4),
        ({"size_bps": 5_000}, SOL // 4),
        ({"size_mode": SizeMode.PERCENT_OF_CAPITAL, "size_bps": 100}, SOL // 2),
        ({"maximum_size_lamports": SOL // 8}, SOL // 8),
        (BY_QUALITY | {"quality_bps": 7_500}, 3 * SOL // 8),
        (BY_QUALITY | {"quality_bps": 10_000}, SOL // 2),
    ):
        order = judged(leader=copied(**settings))
        assert isinstance(order, Order)
        assert order.size_lamports == lamports


amounts = st.integers(min_value=0, max_value=200 * SOL)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    return facts(
        signal=request(
            strategy=draw(st.sampled_from([Strategy.SHIELD, Strategy.SPEAR])),
            amount_lamports=draw(st.integers(1, 100 * SOL)),
            leader_address=LEADER,
        ),
        portfolio=portfolio(
            balance_lamports=draw(st.none() | amounts | st.integers(-SOL, 0)),
            open_positions=draw(st.integers(0, 20)),
            shield_lamports=draw(amounts),
            spear_lamports=draw(amounts),
            token_lamports=draw(amounts),
        ),
        token=token(liquidity_usd=draw(st.none() | st.decimals(0, 10**7, places=2))),
        quote=quote(
            out_amount_raw=draw(st.integers(0, 2**64)),
            price_impact=draw(st.decimals(-1, 1, places=4)),
        ),
        tip_lamports=draw(st.integers(0, SOL)),
        sol_price_usd=draw(st.none() | st.decimals(0, 1_000, places=2)),
    )


@given(any_facts())
def test_whatever_the_facts_an_order_keeps_every_limit(given_facts: Facts) -> None:
    decision = decide(given_facts, policy=POLICY, now=NOW)
    if isinstance(decision, Denial):
        assert not decision.gates[-1].is_passed
        return
    held, size = given_facts.portfolio, decision.size_lamports
    assert size == planned_size_lamports(given_facts, POLICY)
    assert held.balance_lamports is not None
    assert POLICY.minimum_trade_lamports <= size <= POLICY.maximum_trade_lamports
    assert size <= given_facts.signal.amount_lamports
    assert size <= held.balance_lamports - POLICY.reserve_lamports
    assert size + held.token_lamports <= POLICY.maximum_per_token_lamports
    assert given_facts.tip_lamports * 10 <= size
    assert held.open_positions < POLICY.maximum_positions


def test_a_leader_who_is_not_copied_is_named_by_its_place() -> None:
    denial = judged(leader=LeaderFacts(status="REJECTED"))
    assert isinstance(denial, Denial)
    assert denial.text == "The leader is not ACTIVE: REJECTED (limit ACTIVE)"
