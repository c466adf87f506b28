"""Known, zero, stale, missing and failed each end in a verdict of their own before a buy."""

from decimal import Decimal
from typing import Any

import pytest

from tests.cluster import Sandbox
from tests.facts.desks import Asker, mint_of
from trading.domain.safety import SafetyCode, TokenFacts, token_gates
from trading.domain.values import WSOL_MINT

FAILED = {"kind": "http_error", "status": 503}
NOTHING = {"kind": "no_route"}
SOL = {"usdPrice": 150.0, "decimals": 9}


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return mint_of(sandbox, "BONK")


def verdict(asker: Asker, facts: TokenFacts) -> tuple[str, str]:
    """(code, what was measured) of the first gate that fails."""
    gates = token_gates(facts, strategy="SHIELD", policy=asker.policy, now=asker.clock())
    failed = next((each for each in gates if not each.is_passed), None)
    return ("", "") if failed is None else (failed.code, failed.measured)


def told(mint: str, **entry: Any) -> dict[str, Any]:
    """A price reply with this entry for the mint."""
    return {"kind": "http_error", "status": 200, "data": {WSOL_MINT: SOL, mint: entry}}


def pair(mint: str, usd: object) -> dict[str, Any]:
    body = {
        "chainId": "solana",
        "pairAddress": mint,
        "baseToken": {"address": mint},
        "quoteToken": {"address": WSOL_MINT},
        "priceUsd": "1",
        "priceNative": "1",
        "liquidity": {"usd": usd},
        "pairCreatedAt": 1_600_000_000_000,
    }
    return {"kind": "http_error", "status": 200, "data": {"pairs": [body]}}


async def test_known_is_judged(asker: Asker, mint: str) -> None:
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert verdict(asker, facts) == ("", "")


@pytest.mark.parametrize(
    ("usd", "code"),
    [(0, SafetyCode.LIQUIDITY_TOO_LOW), (None, SafetyCode.LIQUIDITY_UNKNOWN)],
    ids=["zero", "missing"],
)
async def test_liquidity_of_zero_and_untold_liquidity_differ(
    asker: Asker, mint: str, usd: object, code: SafetyCode
) -> None:
    asker.sandbox.fault(plane="dexscreener", **pair(mint, usd))
    assert verdict(asker, await asker.tokens.facts(mint, policy=asker.policy))[0] == code


async def test_no_pair_at_all_is_not_known_and_a_failure_blames_nobody(
    asker: Asker, mint: str
) -> None:
    rule = asker.sandbox.fault(plane="dexscreener", **NOTHING)
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert verdict(asker, facts)[0] == SafetyCode.LIQUIDITY_UNKNOWN
    asker.sandbox.control("DELETE", f"faults/{rule}")
    asker.forget()
    asker.sandbox.fault(plane="dexscreener", **FAILED)
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert verdict(asker, facts)[0] == SafetyCode.SAFETY_UNAVAILABLE


@pytest.mark.parametrize(
    ("fault", "code", "measured"),
    [
        (NOTHING, SafetyCode.NO_PRICE_SOURCE, "none"),
        (FAILED, SafetyCode.SAFETY_UNAVAILABLE, "no answer: price"),
    ],
    ids=["missing", "failed"],
)
async def test_a_missing_price_and_a_failure_differ(
    asker: Asker, mint: str, fault: dict[str, Any], code: SafetyCode, measured: str
) -> None:
    asker.sandbox.fault(plane="jupiter", method="price", **fault)
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert verdict(asker, facts) == (code, measured)


async def test_a_price_of_zero_is_told_as_such(asker: Asker, mint: str) -> None:
    asker.sandbox.fault(plane="jupiter", method="price", **told(mint, usdPrice=0, decimals=5))
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert facts.price_sol == Decimal(0)
    assert verdict(asker, facts) == (SafetyCode.NO_PRICE_SOURCE, "worth nothing")


@pytest.mark.parametrize("plane", ["jupiter", "dexscreener"])
async def test_what_is_stale_is_asked_for_again_and_never_used(
    asker: Asker, mint: str, plane: str
) -> None:
    await asker.tokens.facts(mint, policy=asker.policy)
    asker.sandbox.fault(plane=plane, **FAILED)
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert verdict(asker, facts) == ("", ""), "still fresh"
    asker.clock.advance(seconds=61)
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert verdict(asker, facts)[0] == SafetyCode.SAFETY_UNAVAILABLE
