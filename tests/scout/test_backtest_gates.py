"""The backtest refuses what the platform denies: its arrays against the decision itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from scout.research.entries import CODES, attempts_of, market_tip
from scout.research.fills import price_impact
from scout.research.setting import Assumptions
from scout.research.ticks import ticks_of
from trading.domain.decision import (
    Facts,
    LeaderFacts,
    LeaderFill,
    Order,
    Portfolio,
    QuoteFacts,
    decide,
    planned_size_lamports,
)
from trading.domain.leaders import CopySettings, SizeMode
from trading.domain.mints import MintFacts
from trading.domain.policy import Policy
from trading.domain.safety import SaleFacts, TokenFacts
from trading.domain.signals import SignalRequest
from trading.domain.values import (
    LAMPORTS_PER_SOL,
    TOKEN_PROGRAM,
    USDC_MINT,
    Action,
    Route,
    Strategy,
)

from .markets import history
from .swaps import T0

MINT = str(Pubkey(b"\7" * 32))
GIVEN = Assumptions()
RICH = Portfolio(
    balance_lamports=10**15, open_positions=0, shield_lamports=0, spear_lamports=0,
    token_lamports=0, is_held=False,
)  # fmt: skip

buys = st.fixed_dictionaries(
    {
        "token": st.sampled_from([MINT, MINT, MINT, USDC_MINT]),
        "liquidity_usd": st.none() | st.floats(0, 3e4) | st.floats(1e4, 1e7),
        "token_created_ts": st.none() | st.integers(T0 - 3_600, T0 - 1) | st.just(T0 - 864_000),
        "price_after_sol": st.floats(0.0008, 0.0012),
    }
)


def ours(row: dict, *, strategy: str, policy: Policy, size: int) -> tuple[str, int]:
    assumptions = replace(GIVEN, size_lamports=size)
    ticks = ticks_of(history(row), assumptions=assumptions)
    born = np.array([np.nan if row["token_created_ts"] is None else row["token_created_ts"]])
    attempt = attempts_of(ticks, born, strategy=strategy, policy=policy, assumptions=assumptions)
    return CODES[attempt.code[0]], int(attempt.size_lamports[0])


def theirs(row: dict, *, strategy: str, policy: Policy, size: int) -> tuple[str, int]:
    """What the platform decides about the same buy when all that history does not know is in order."""
    now = datetime.fromtimestamp(T0, UTC) + timedelta(seconds=GIVEN.delay_seconds)
    facts = facts_of(row, strategy=strategy, policy=policy, size=size, now=now)
    answer = decide(facts, policy=policy, now=now)
    code = "ENTERED" if isinstance(answer, Order) else answer.code
    return code, planned_size_lamports(facts, policy)


def facts_of(row: dict, *, strategy: str, policy: Policy, size: int, now: datetime) -> Facts:
    liquidity = row["liquidity_usd"]
    # Liquidity has the precision of the compact frame on both sides.
    liquidity = None if liquidity is None else Decimal(float(np.float32(liquidity)))
    created = row["token_created_ts"]
    token = TokenFacts(
        mint=row["token"],
        facts=MintFacts(
            token_program=TOKEN_PROGRAM, decimals=6, supply_raw=10**15,
            has_freeze_authority=False, has_mint_authority=False,
        ),
        liquidity_usd=liquidity,
        holder_bps=0,
        created_at=None if created is None else datetime.fromtimestamp(created, UTC),
        price_sol=Decimal(1),
    )  # fmt: skip
    rules = policy.for_strategy(strategy)
    facts = Facts(
        signal=SignalRequest(
            strategy=Strategy(strategy), symbol="T", mint=row["token"], action=Action.BUY,
            amount_lamports=LAMPORTS_PER_SOL, leader_address=MINT,
        ),
        received_at=now,
        leader=LeaderFacts(
            status="ACTIVE",
            copying=CopySettings(size_mode=SizeMode.FIXED, size_lamports=size)
        ),
        token=token,
        quote=QuoteFacts(),
        portfolio=RICH,
        are_entries_halted=False,
        route=Route.JITO,
        tip_lamports=market_tip(policy, percentile=rules.tip_percentile, assumptions=GIVEN).lamports,
        network_fee_lamports=GIVEN.network_fee_lamports,
        sol_price_usd=Decimal(150),
        sale=SaleFacts(spent_lamports=1, proceeds_lamports=1),
        fill=LeaderFill(lamports_per_raw=Decimal("0.001")),
    )  # fmt: skip
    return replace(facts, quote=quote_of(row, planned_size_lamports(facts, policy)))


def quote_of(row: dict, size: int) -> QuoteFacts:
    """What a constant-product pool of this liquidity quotes, the leader's price being 0.001."""
    reserve = np.array([np.float32(row["liquidity_usd"] or 0) / 300])
    sol = np.array([size / LAMPORTS_PER_SOL])
    impact = float(price_impact(sol=sol, reserve=reserve, assumptions=GIVEN)[0])
    tokens = size * (1 - GIVEN.pool_fee) * (1 - impact) / row["price_after_sol"]
    return QuoteFacts(
        in_amount_lamports=size, out_amount_raw=max(1, int(tokens)), price_impact=Decimal(impact)
    )


@settings(max_examples=120, deadline=None)
@given(
    row=buys,
    strategy=st.sampled_from(["SHIELD", "SPEAR"]),
    size=st.sampled_from([20_000_000, 100_000_000, LAMPORTS_PER_SOL // 2, 3 * LAMPORTS_PER_SOL]),
)
def test_the_backtest_refuses_what_the_platform_denies_and_for_the_same_reason(row, strategy, size):
    # A pool's own size cap is lifted, or hardly anything would ever be stopped by impact.
    policy = Policy(maximum_pool_share_bps=1_000)
    our_code, our_size = ours(row, strategy=strategy, policy=policy, size=size)
    their_code, their_size = theirs(row, strategy=strategy, policy=policy, size=size)
    assert our_code == their_code
    assert our_size == pytest.approx(their_size, abs=1)


@pytest.mark.parametrize("code", ["LIQUIDITY_TOO_LOW", "TOKEN_TOO_NEW", "COST_TOO_HIGH", "ENTERED"])
def test_these_rows_meet_every_kind_of_gate(code):
    rows: dict[str, dict] = {
        "LIQUIDITY_TOO_LOW": {"liquidity_usd": 9_999.0},
        "TOKEN_TOO_NEW": {"token_created_ts": T0 - 60},
        "COST_TOO_HIGH": {"liquidity_usd": 10_500.0},
        "ENTERED": {},
    }
    row = {
        "token": MINT, "liquidity_usd": 1e6, "token_created_ts": T0 - 864_000,
        "price_after_sol": 0.001, **rows[code],
    }  # fmt: skip
    policy = Policy(maximum_pool_share_bps=1_000)
    assert ours(row, strategy="SHIELD", policy=policy, size=3 * LAMPORTS_PER_SOL)[0] == code
