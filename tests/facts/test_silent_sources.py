"""A source that fails is asked again within the deadline; then a code of its own says so, which blames nobody."""

import asyncio
import time
from typing import Any

import pytest

from tests.cluster import Sandbox
from tests.facts.desks import SIZE, Asker, mint_of, request
from trading.domain.decision import LeaderFill
from trading.domain.safety import SafetyCode, judge, sale_gates
from trading.facts.fills import leader_fill
from trading.facts.shelf import DEADLINE_SECONDS, deadline

LIMITED = {"kind": "http_error", "status": 429}
HANGING = {"kind": "timeout", "seconds": 9}
GARBAGE = {"kind": "garbage"}
BROKEN = {"kind": "http_error", "status": 503}
PLACES = [
    {"plane": "rpc", "method": "getAccountInfo"},
    {"plane": "rpc", "method": "getTokenLargestAccounts"},
    {"plane": "rpc", "method": "getMultipleAccounts"},
    {"plane": "jupiter", "method": "price*"},
    {"plane": "dexscreener"},
]
SLACK_SECONDS = 1.0


@pytest.fixture
def mint(sandbox: Sandbox) -> str:
    return mint_of(sandbox, "BONK")


@pytest.mark.parametrize("kind", [LIMITED, HANGING, GARBAGE], ids=lambda kind: kind["kind"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(place.values()))
async def test_a_source_that_fails_is_named_and_blames_nobody(
    asker: Asker, mint: str, place: dict[str, Any], kind: dict[str, Any]
) -> None:
    asker.sandbox.fault(**place, **kind)
    begun = time.monotonic()
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert time.monotonic() - begun < DEADLINE_SECONDS + SLACK_SECONDS
    assert facts.unavailable
    for strategy in ("SHIELD", "SPEAR"):
        code = judge(facts, strategy=strategy, policy=asker.policy, now=asker.clock())
        assert code is SafetyCode.SAFETY_UNAVAILABLE


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(place.values()))
async def test_a_source_that_fails_twice_is_asked_a_third_time(
    asker: Asker, mint: str, place: dict[str, Any]
) -> None:
    asker.sandbox.fault(**place, **BROKEN, count=2)
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert not facts.unavailable
    assert judge(facts, strategy="SHIELD", policy=asker.policy, now=asker.clock()) is None


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(place.values()))
async def test_a_source_that_asks_to_wait_a_second_is_asked_again_then_and_still_in_time(
    asker: Asker, mint: str, place: dict[str, Any]
) -> None:
    asker.sandbox.fault(**place, **LIMITED, count=1)
    begun = time.monotonic()
    facts = await asker.tokens.facts(mint, policy=asker.policy)
    assert not facts.unavailable
    assert time.monotonic() - begun >= 1.0


async def test_what_failed_is_not_kept(asker: Asker, mint: str) -> None:
    asker.sandbox.fault(plane="rpc", **BROKEN)
    assert (await asker.tokens.facts(mint, policy=asker.policy)).unavailable
    asker.sandbox.clear()
    assert not (await asker.tokens.facts(mint, policy=asker.policy)).unavailable


@pytest.mark.parametrize("kind", [LIMITED, HANGING, GARBAGE, BROKEN], ids=lambda kind: kind["kind"])
@pytest.mark.parametrize(
    "place",
    [
        {"plane": "rpc", "method": "simulateTransaction"},
        {"plane": "jupiter", "method": "swap-instructions"},
        {"plane": "jupiter", "method": "quote"},
    ],
    ids=lambda place: place["method"],
)
async def test_a_rehearsal_that_cannot_be_run_is_no_verdict(
    asker: Asker, mint: str, place: dict[str, Any], kind: dict[str, Any]
) -> None:
    quote = await asker.quote(mint)
    asker.sandbox.fault(**place, **kind)
    begun = time.monotonic()
    rehearsal = await asker.sales.rehearse(quote, policy=asker.policy, until=deadline())
    assert time.monotonic() - begun < DEADLINE_SECONDS + SLACK_SECONDS
    [gate] = sale_gates(rehearsal.sale, asker.policy)
    assert (gate.code, gate.is_passed) == (SafetyCode.SAFETY_UNAVAILABLE, False)
    asker.sandbox.clear()
    again = await asker.sales.rehearse(quote, policy=asker.policy, until=deadline())
    assert all(gate.is_passed for gate in sale_gates(again.sale, asker.policy))


async def test_a_trap_is_named_even_while_everybody_else_is_silent(asker: Asker) -> None:
    asker.sandbox.fault(plane="dexscreener", **HANGING)
    asker.sandbox.fault(plane="jupiter", **LIMITED)
    begun = time.monotonic()
    facts = await asker.tokens.facts(mint_of(asker.sandbox, "HOOK"), policy=asker.policy)
    assert time.monotonic() - begun < DEADLINE_SECONDS
    code = judge(facts, strategy="SHIELD", policy=asker.policy, now=asker.clock())
    assert code is SafetyCode.UNSAFE_EXTENSION


@pytest.mark.parametrize("kind", [LIMITED, HANGING, GARBAGE, BROKEN], ids=lambda kind: kind["kind"])
async def test_the_leaders_fill_is_not_known_when_the_chain_is_silent(
    asker: Asker, mint: str, kind: dict[str, Any]
) -> None:
    asker.sandbox.fault(plane="rpc", **kind)
    asked = request(mint, str(asker.keypair.pubkey()), source_signature="1" * 64)
    fill = await leader_fill(asker.gateways, asked, is_needed=True, until=deadline())
    assert fill == LeaderFill(unknown="the chain did not answer")


async def test_fifty_that_ask_at_once_are_one_question(asker: Asker, mint: str) -> None:
    methods = ("getAccountInfo", "getTokenLargestAccounts", "getMultipleAccounts")
    rules = [asker.count("rpc", method) for method in methods]
    rules += [asker.count("dexscreener"), asker.count("jupiter", "price*")]
    found = await asyncio.gather(
        *(asker.tokens.facts(mint, policy=asker.policy) for _ in range(50))
    )
    assert all(facts == found[0] for facts in found)
    assert [asker.counted(rule) for rule in rules] == [1] * len(rules)
    await asker.tokens.facts(mint, policy=asker.policy)
    assert [asker.counted(rule) for rule in rules] == [1] * len(rules)


async def test_fifty_rehearsals_at_once_are_one(asker: Asker, mint: str) -> None:
    quote = await asker.quote(mint, SIZE)
    runs = asker.count("rpc", "simulateTransaction")
    asked = asker.count("jupiter")
    found = await asyncio.gather(
        *(asker.sales.rehearse(quote, policy=asker.policy, until=deadline()) for _ in range(50))
    )
    assert {each.sale.proceeds_lamports for each in found} == {found[0].sale.proceeds_lamports}
    assert asker.counted(runs) == 1
    assert asker.counted(asked) == 3, "a sale quote and the instructions of both"


async def test_one_that_gives_up_leaves_the_question_to_the_others(asker: Asker, mint: str) -> None:
    asker.sandbox.fault(plane="dexscreener", kind="latency", seconds=0.3)
    impatient = asyncio.create_task(asker.tokens.facts(mint, policy=asker.policy))
    patient = asyncio.create_task(asker.tokens.facts(mint, policy=asker.policy))
    await asyncio.sleep(0.1)
    impatient.cancel()
    facts = await patient
    assert not facts.unavailable
    assert impatient.cancelled()


@pytest.mark.parametrize(
    ("after", "asked_again"),
    [
        ({"seconds": 59}, set()),
        ({"seconds": 61}, {"dexscreener", "price"}),
        ({"minutes": 59}, {"dexscreener", "price"}),
        ({"minutes": 61}, {"dexscreener", "price", "mint", "holders"}),
    ],
)
async def test_facts_live_an_hour_and_the_market_a_minute(
    asker: Asker, mint: str, after: dict[str, float], asked_again: set[str]
) -> None:
    await asker.tokens.facts(mint, policy=asker.policy)
    rules = {
        "dexscreener": asker.count("dexscreener"),
        "price": asker.count("jupiter", "price*"),
        "mint": asker.count("rpc", "getAccountInfo"),
        "holders": asker.count("rpc", "getTokenLargestAccounts"),
    }
    asker.clock.advance(**after)
    await asker.tokens.facts(mint, policy=asker.policy)
    assert {name for name, rule in rules.items() if asker.counted(rule)} == asked_again


@pytest.mark.parametrize(
    ("symbol", "method"), [("PRESS", "getAccountInfo"), ("THRONE", "getTokenLargestAccounts")]
)
async def test_a_refusal_is_looked_at_again_after_ten_minutes(
    asker: Asker, symbol: str, method: str
) -> None:
    mint = mint_of(asker.sandbox, symbol)
    await asker.tokens.facts(mint, policy=asker.policy)
    # The holders' question may still be under way when the mint alone was enough to refuse.
    await asyncio.sleep(0.1)
    rule = asker.count("rpc", method)
    asker.clock.advance(minutes=9)
    await asker.tokens.facts(mint, policy=asker.policy)
    assert asker.counted(rule) == 0
    asker.clock.advance(minutes=1, seconds=1)
    await asker.tokens.facts(mint, policy=asker.policy)
    await asyncio.sleep(0.1)
    assert asker.counted(rule) == 1


async def test_a_mint_that_is_not_there_yet_is_looked_for_every_time(asker: Asker) -> None:
    nobody = str(asker.keypair.pubkey())
    rule = asker.count("rpc", "getAccountInfo")
    for _ in range(2):
        facts = await asker.tokens.facts(nobody, policy=asker.policy)
        assert facts.facts is None
    assert asker.counted(rule) >= 1
