"""Values for the tests of the rules: everything in order unless a test says otherwise; no tests here."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from solders.keypair import Keypair

from trading.domain.decision import Facts, LeaderFill, Portfolio, QuoteFacts
from trading.domain.leaders import CopySettings, LeaderFacts
from trading.domain.safety import MintFacts, SaleFacts, TokenFacts
from trading.domain.signals import SignalRequest
from trading.domain.values import LAMPORTS_PER_SOL, TOKEN_PROGRAM, Action, Route, Strategy

SOL = LAMPORTS_PER_SOL
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINT = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"
LEADER = str(Keypair.from_seed(bytes(32)).pubkey())
SOUND_MINT = MintFacts(
    token_program=TOKEN_PROGRAM,
    decimals=5,
    supply_raw=10**15,
    has_mint_authority=False,
    has_freeze_authority=False,
)
SOUND_TOKEN = TokenFacts(
    mint=MINT,
    facts=SOUND_MINT,
    liquidity_usd=Decimal(400_000),
    holder_bps=2_000,
    created_at=NOW - timedelta(days=30),
    price_sol=Decimal("0.0000002"),
)
ROOMY = Portfolio(
    balance_lamports=50 * SOL,
    open_positions=0,
    shield_lamports=0,
    spear_lamports=0,
    token_lamports=0,
    is_held=False,
)


def request(**changes: Any) -> SignalRequest:
    values: dict[str, Any] = {
        "strategy": Strategy.SHIELD,
        "action": Action.BUY,
        "symbol": "BONK",
        "mint": MINT,
        "amount_lamports": SOL // 2,
        "leader_address": LEADER,
    }
    return SignalRequest(**{**values, **changes})


def facts(**changes: Any) -> Facts:
    """Facts under which a SHIELD buy of half a SOL passes every gate."""
    values: dict[str, Any] = {
        "signal": request(),
        "received_at": NOW - timedelta(seconds=1),
        "leader": LeaderFacts(status="ACTIVE"),
        "token": SOUND_TOKEN,
        "quote": quote(),
        "sale": SaleFacts(spent_lamports=SOL // 2, proceeds_lamports=SOL // 2 - SOL // 100),
        "fill": LeaderFill(lamports_per_raw=Decimal("0.5")),
        "portfolio": ROOMY,
        "are_entries_halted": False,
        "route": Route.JITO,
        "tip_lamports": SOL // 1_000,
        "network_fee_lamports": 8_000,
        "sol_price_usd": Decimal(150),
    }
    return Facts(**{**values, **changes})


def copied(
    *,
    buys_of_token: int = 0,
    spent_lamports: int = 0,
    quality_bps: int | None = None,
    **settings: Any,
) -> LeaderFacts:
    """An ACTIVE leader with these copy settings."""
    return LeaderFacts(
        status="ACTIVE",
        copying=CopySettings(**settings),
        buys_of_token=buys_of_token,
        spent_lamports=spent_lamports,
        quality_bps=quality_bps,
    )


def quote(**changes: Any) -> QuoteFacts:
    """Half a SOL for a billion raw units: the leader's own price unless a test says otherwise."""
    values: dict[str, Any] = {
        "in_amount_lamports": SOL // 2,
        "out_amount_raw": 10**9,
        "price_impact": Decimal("0.001"),
    }
    return QuoteFacts(**{**values, **changes})


def token(**changes: Any) -> TokenFacts:
    return replace(SOUND_TOKEN, **changes)


def mint(**changes: Any) -> MintFacts:
    return replace(SOUND_MINT, **changes)


def portfolio(**changes: Any) -> Portfolio:
    return replace(ROOMY, **changes)
