"""Every token of the sandbox, judged whole: the bad ones for their right reason, the good ones not at all."""

from dataclasses import replace
from typing import Any

import pytest

from tests.facts.desks import Asker, request
from tests.platform import Platform
from trading.domain.policy import Policy
from trading.domain.safety import SafetyCode, judge, sale_gates
from workers.inquiry import inquire

EXPECTED = {
    "stable": SafetyCode.NOT_SPECULATIVE,
    "major": None,
    "memecoin": None,
    "thin": SafetyCode.LIQUIDITY_TOO_LOW,
    "freeze_honeypot": SafetyCode.FREEZE_AUTHORITY,
    "mint_authority": SafetyCode.MINT_AUTHORITY,
    "concentrated": SafetyCode.HOLDER_CONCENTRATION,
    "transfer_fee": SafetyCode.TRANSFER_FEE,
    "permanent_delegate": SafetyCode.UNSAFE_EXTENSION,
    "transfer_hook": SafetyCode.UNSAFE_EXTENSION,
    # Nothing shows before the liquidity is withdrawn.
    "rug": None,
}


async def test_every_token_is_judged_for_what_it_is(platform: Platform) -> None:
    seen = set()
    for listed in platform.sandbox.tokens():
        asked = request(listed["mint"], platform.leader)
        found = await inquire(platform.desk, asked, Policy(), amount_lamports=asked.amount_lamports)
        code = judge(found.token, strategy="SHIELD", policy=Policy(), now=platform.clock())
        expected = EXPECTED[listed["kind"]]
        if listed["symbol"] == "MICRO" or await has_been_pulled(platform, listed):
            expected = SafetyCode.LIQUIDITY_TOO_LOW
        assert code is expected, (listed["symbol"], found.token)
        seen.add(listed["kind"])
        if expected is None:
            assert all(gate.is_passed for gate in sale_gates(found.sale, Policy())), found.sale
            assert found.buying is not None
    assert seen == EXPECTED.keys()


async def has_been_pulled(platform: Platform, listed: dict[str, Any]) -> bool:
    """Other tests pull rugs in the same sandbox."""
    if listed["kind"] != "rug":
        return False
    pair = await platform.desk.gateways.market_data.pair(listed["mint"])
    return pair is None or pair.liquidity_usd is None or pair.liquidity_usd < 10_000


async def test_spear_takes_the_shallower_pool_that_shield_leaves(asker: Asker) -> None:
    micro = next(each for each in asker.sandbox.tokens("memecoin") if each["symbol"] == "MICRO")
    facts = await asker.tokens.facts(micro["mint"], policy=asker.policy)
    now = asker.clock()
    assert judge(facts, strategy="SPEAR", policy=asker.policy, now=now) is None
    assert judge(facts, strategy="SHIELD", policy=asker.policy, now=now) is (
        SafetyCode.LIQUIDITY_TOO_LOW
    )


async def test_a_rug_that_was_pulled_has_no_liquidity_left(asker: Asker) -> None:
    rug = asker.sandbox.tokens("rug")[0]["mint"]
    await asker.tokens.facts(rug, policy=asker.policy)
    asker.sandbox.control("POST", f"market/{rug}/withdraw", {"fraction": 0.995})
    asker.clock.advance(seconds=61)
    after = await asker.tokens.facts(rug, policy=asker.policy)
    assert judge(after, strategy="SHIELD", policy=asker.policy, now=asker.clock()) is (
        SafetyCode.LIQUIDITY_TOO_LOW
    )


@pytest.mark.parametrize("strategy", ["SHIELD", "SPEAR"])
async def test_each_strategy_has_an_age_of_its_own(asker: Asker, strategy: str) -> None:
    [bonk, *_] = asker.sandbox.tokens("major")
    facts = await asker.tokens.facts(bonk["mint"], policy=asker.policy)
    assert facts.created_at is not None
    age = int((asker.clock() - facts.created_at).total_seconds())
    shield = replace(asker.policy.shield, minimum_token_age_seconds=age + 60)
    ages = replace(asker.policy, shield=shield)
    code = judge(facts, strategy=strategy, policy=ages, now=asker.clock())
    assert code is (SafetyCode.TOKEN_TOO_NEW if strategy == "SHIELD" else None)


async def test_a_blocked_mint_is_refused_without_asking_anybody(asker: Asker) -> None:
    [bonk, *_] = asker.sandbox.tokens("major")
    calls = asker.count("rpc")
    policy = replace(asker.policy, blocked_mints=(bonk["mint"],))
    facts = await asker.tokens.facts(bonk["mint"], policy=policy)
    assert judge(facts, strategy="SHIELD", policy=policy, now=asker.clock()) is (
        SafetyCode.BLOCKED_MINT
    )
    assert asker.counted(calls) == 0
