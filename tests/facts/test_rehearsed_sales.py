"""A sale is tried on the real chain before the buy, and shows what the static checks cannot."""

import asyncio
import json
from dataclasses import replace

import pytest
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from spl.token.instructions import get_associated_token_address

from tests.facts.desks import SIZE, SOL, Asker, mint_of, request
from tests.gateways.trader import Trader
from tests.platform import Platform
from trading.domain.holders import parse_token_account
from trading.domain.policy import Policy
from trading.domain.safety import SafetyCode, SaleFacts, sale_gates
from trading.facts.fills import leader_fill
from trading.facts.sales import STALE_QUOTE, read_simulation
from trading.facts.shelf import deadline
from trading.gateways.chain_facts import Simulation
from trading.gateways.transactions import unsigned
from workers.inquiry import inquire


def verdict(sale: SaleFacts | None, policy: Policy) -> str | None:
    return next((gate.code for gate in sale_gates(sale, policy) if not gate.is_passed), None)


@pytest.mark.parametrize("symbol", ["BONK", "WIF", "MANGO", "GECKO", "NEXT"])
async def test_a_good_token_brings_nearly_all_of_it_back(asker: Asker, symbol: str) -> None:
    sale = await asker.sale(mint_of(asker.sandbox, symbol))
    assert 9_500 < sale.proceeds_bps() < 10_000, sale


async def test_a_rehearsal_leaves_no_trace_on_the_chain(asker: Asker) -> None:
    before = asker.sandbox.control("GET", "state")["transactions"]
    balance = await asker.gateways.rpc.balance(str(asker.keypair.pubkey()))
    await asker.sale(mint_of(asker.sandbox, "BONK"))
    assert asker.sandbox.control("GET", "state")["transactions"] == before
    assert await asker.gateways.rpc.balance(str(asker.keypair.pubkey())) == balance


async def test_what_is_rehearsed_carries_no_signature(asker: Asker) -> None:
    quote = await asker.quote(mint_of(asker.sandbox, "BONK"))
    owner = asker.keypair.pubkey()
    buying = await asker.gateways.jupiter.swap_instructions(quote, owner=str(owner))
    wire = unsigned(instructions=buying, payer_pubkey=owner, compute_unit_limit=400_000)
    parsed = VersionedTransaction.from_bytes(wire)
    assert bytes(parsed.signatures[0]) == bytes(64)
    assert (await asker.gateways.rpc.simulate_transaction(wire)).err is None


async def test_a_tenth_lost_to_transfer_fees_is_measured(asker: Asker) -> None:
    """Five percent each way and two percent of tolerance."""
    sale = await asker.sale(mint_of(asker.sandbox, "TOLL"))
    assert 8_500 < sale.proceeds_bps() < 9_100
    assert verdict(sale, Policy()) is None
    assert verdict(sale, Policy(minimum_sellback_bps=9_500)) == SafetyCode.NOT_SELLABLE


async def test_a_honeypot_that_has_frozen_us_is_seen(asker: Asker) -> None:
    cage = mint_of(asker.sandbox, "CAGE")
    assert verdict(await asker.sale(cage), Policy()) is None, "nobody is frozen yet"
    trader = Trader(
        sandbox=asker.sandbox,
        gateways=asker.gateways,
        keypair=asker.keypair,
        pubkey=asker.keypair.pubkey(),
    )
    await trader.buy(cage, SIZE)
    await spring_the_trap(asker, trader.pubkey)
    asker.clock.advance(seconds=61)
    sale = await asker.sale(cage)
    assert verdict(sale, Policy()) == SafetyCode.NOT_SELLABLE
    assert "17" in sale.problem, "AccountFrozen"


async def test_a_honeypot_that_has_frozen_the_leader_is_seen_before_we_buy(asker: Asker) -> None:
    cage = mint_of(asker.sandbox, "CAGE")
    victim = asker.sandbox.funded_keypair(5 * SOL)
    trader = Trader(
        sandbox=asker.sandbox, gateways=asker.gateways, keypair=victim, pubkey=victim.pubkey()
    )
    await trader.buy(cage, SIZE)
    asked = request(cage, trader.address)
    before = await leader_fill(asker.gateways, asked, is_needed=False, until=deadline())
    assert not before.is_frozen
    await spring_the_trap(asker, trader.pubkey)
    after = await leader_fill(asker.gateways, asked, is_needed=False, until=deadline())
    assert after.is_frozen
    fine = SaleFacts(spent_lamports=SOL, proceeds_lamports=SOL)
    [gate] = sale_gates(fine, Policy(), is_leader_frozen=after.is_frozen)
    assert (gate.code, gate.is_passed) == (SafetyCode.NOT_SELLABLE, False)


async def spring_the_trap(asker: Asker, owner: Pubkey) -> None:
    """Let the market run until the honeypot has frozen its buyer."""
    account = str(get_associated_token_address(owner, Pubkey.from_string(cage_of(asker))))
    asker.sandbox.control("POST", "market", {"running": True})
    try:
        async with asyncio.timeout(10):
            while not await is_frozen(asker, account):
                await asyncio.sleep(0.05)
    finally:
        asker.sandbox.control("POST", "market", {"running": False})


async def is_frozen(asker: Asker, account: str) -> bool:
    stored = await asker.gateways.rpc.account(account)
    assert stored is not None
    parsed = parse_token_account(stored.data, program=stored.owner)
    assert parsed is not None
    return parsed.is_frozen


def cage_of(asker: Asker) -> str:
    return mint_of(asker.sandbox, "CAGE")


async def test_a_token_with_no_way_back_is_not_sellable(asker: Asker) -> None:
    quote = await asker.quote(mint_of(asker.sandbox, "MANGO"))
    asker.sandbox.fault(plane="jupiter", method="quote", kind="no_route")
    rehearsal = await asker.sales.rehearse(quote, policy=asker.policy, until=deadline())
    assert verdict(rehearsal.sale, Policy()) == SafetyCode.NOT_SELLABLE


async def test_a_hooked_token_that_somebody_quoted_is_not_sellable(asker: Asker) -> None:
    """The venue quotes none by itself, so the quote of another token is turned into one."""
    leash, hook = (mint_of(asker.sandbox, symbol) for symbol in ("LEASH", "HOOK"))
    quote = await asker.quote(leash)
    forged = replace(
        quote, output_mint=hook, raw=json.loads(json.dumps(quote.raw).replace(leash, hook))
    )
    rehearsal = await asker.sales.rehearse(forged, policy=asker.policy, until=deadline())
    assert verdict(rehearsal.sale, Policy()) == SafetyCode.NOT_SELLABLE


async def test_a_wallet_that_cannot_pay_learns_nothing_of_the_token(asker: Asker) -> None:
    sale = await asker.sale(mint_of(asker.sandbox, "BONK"), 50 * SOL)
    assert verdict(sale, Policy()) == SafetyCode.SAFETY_UNAVAILABLE


async def test_a_price_that_moved_on_the_way_is_quoted_once_more(asker: Asker) -> None:
    mint = mint_of(asker.sandbox, "NOVA")
    quote = await asker.quote(mint)
    asker.sandbox.control("POST", f"market/{mint}/price", {"factor": 1.2})
    rehearsal = await asker.sales.rehearse(quote, policy=asker.policy, until=deadline())
    asker.sandbox.control("POST", f"market/{mint}/price", {"factor": 1 / 1.2})
    assert verdict(rehearsal.sale, Policy()) is None
    assert rehearsal.quote is not quote
    assert rehearsal.replaces is quote
    assert rehearsal.quote is not None
    assert rehearsal.quote.out_amount_raw < quote.out_amount_raw


async def test_the_wallets_reserve_is_never_needed_to_rehearse(platform: Platform) -> None:
    """A leader's purchase larger than our balance is rehearsed at the size that we could pay."""
    mint = mint_of(platform.sandbox, "JUP")
    policy = await platform.policy(
        maximum_trade_lamports=100 * SOL,
        maximum_per_token_lamports=100 * SOL,
        maximum_heat_bps=9_999,
        shield=replace(Policy().shield, allocation_bps=10_000),
        spear=replace(Policy().spear, allocation_bps=0),
    )
    assert policy.maximum_trade_lamports == 100 * SOL
    position = await platform.bought(mint, amount_lamports=90 * SOL)
    assert 19 * SOL < position.cost_lamports < 20 * SOL


async def test_instructions_fetched_for_the_rehearsal_are_the_ones_that_are_sent(
    platform: Platform,
) -> None:
    mint = mint_of(platform.sandbox, "JUP")
    rule = platform.sandbox.fault(
        plane="jupiter", method="swap-instructions", kind="latency", seconds=0
    )
    await platform.bought(mint)
    rules = platform.sandbox.control("GET", "faults")
    assert next(each["strikes"] for each in rules if each["id"] == rule) == 2


def failed(error: object) -> Simulation:
    return Simulation(err=error, logs=(), units_consumed=0, accounts=(None,))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"InstructionError": [5, {"Custom": 17}]}, SafetyCode.NOT_SELLABLE),
        ({"InstructionError": [5, "ProgramFailedToComplete"]}, SafetyCode.NOT_SELLABLE),
        ({"InstructionError": [8, {"Custom": 6001}]}, SafetyCode.NOT_SELLABLE),
        ({"InstructionError": [3, {"Custom": 1}]}, SafetyCode.SAFETY_UNAVAILABLE),
        ("AccountNotFound", SafetyCode.SAFETY_UNAVAILABLE),
        ("InsufficientFundsForFee", SafetyCode.SAFETY_UNAVAILABLE),
        ({"InsufficientFundsForRent": {"account_index": 0}}, SafetyCode.SAFETY_UNAVAILABLE),
        ({"InstructionError": ["what", None, 3]}, SafetyCode.SAFETY_UNAVAILABLE),
    ],
)
def test_what_failed_tells_whose_fault_it_was(error: object, code: SafetyCode) -> None:
    """Instruction 5 buys; what fails before it is our own wallet's affair."""
    sale = read_simulation(failed(error), spent_lamports=SOL, bought_at=5)
    assert verdict(sale, Policy()) == code
    assert STALE_QUOTE == {"Custom": 6001}


async def test_a_rehearsal_that_fails_is_remembered_ten_minutes_and_one_that_works_one(
    asker: Asker,
) -> None:
    mint = mint_of(asker.sandbox, "TOLL")
    asker.policy = Policy(minimum_sellback_bps=9_900)
    await asker.sale(mint)
    runs = asker.count("rpc", "simulateTransaction")
    asker.clock.advance(minutes=9, seconds=59)
    await asker.sale(mint)
    assert asker.counted(runs) == 0
    asker.clock.advance(seconds=2)
    asker.policy = Policy()
    await asker.sale(mint)
    assert asker.counted(runs) == 1
    asker.clock.advance(seconds=59)
    await asker.sale(mint)
    assert asker.counted(runs) == 1
    asker.clock.advance(seconds=2)
    await asker.sale(mint)
    assert asker.counted(runs) == 2


async def test_static_refusals_do_not_wait_for_the_simulation(platform: Platform) -> None:
    platform.sandbox.fault(plane="rpc", method="simulateTransaction", kind="timeout", seconds=9)
    platform.sandbox.fault(plane="dexscreener", kind="timeout", seconds=9)
    asked = request(mint_of(platform.sandbox, "CAGE"), platform.leader)
    found = await inquire(platform.desk, asked, Policy(), amount_lamports=SIZE)
    assert found.token.facts is not None
    assert found.sale is None
