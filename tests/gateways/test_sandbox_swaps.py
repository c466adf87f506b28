"""Whole swaps on the real sandbox: what was quoted is what the chain's own books show."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from solders.pubkey import Pubkey

from tests.cluster import Sandbox
from tests.gateways.trader import TIP, UNIT_LIMIT, WSOL, Trader, trading_on
from trading.gateways.base import Refused
from trading.gateways.jito import TIP_ACCOUNTS, InflightState
from trading.gateways.jupiter import NoRoute
from trading.gateways.transactions import (
    Closing,
    KeySigner,
    SignedTransaction,
    assemble,
    round_trip,
)

SPENT = 100_000_000
BASE_FEE = 5_000
STRANGER = str(Pubkey(b"\x09" * 32))


@pytest.fixture
async def trader(sandbox: Sandbox) -> AsyncIterator[Trader]:
    async with trading_on(sandbox) as opened:
        yield opened


def token_of(sandbox: Sandbox, kind: str) -> dict[str, Any]:
    return sandbox.tokens(kind)[0]


async def test_a_buy_gives_what_was_quoted_and_costs_what_the_chain_says(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "memecoin")["mint"]
    rpc = trader.gateways.rpc
    before = await rpc.balance(trader.address)
    quote = await trader.quote_buy(mint, SPENT)
    signed = await trader.sign(quote, tip=TIP, compute_unit_price_micro_lamports=10_000)

    simulation = await rpc.simulate_transaction(signed.wire, accounts=[trader.address])
    assert simulation.err is None
    assert await rpc.send_transaction(signed.wire) == signed.signature

    [status] = await rpc.signature_statuses([signed.signature])
    assert status is not None
    assert (status.err, status.confirmation_status) == (None, "confirmed")
    transaction = await rpc.transaction(signed.signature)
    assert transaction is not None
    fee = BASE_FEE + UNIT_LIMIT * 10_000 // 10**6
    assert (transaction["meta"]["err"], transaction["meta"]["fee"]) == (None, fee)
    holding = await trader.holding(mint)
    assert holding.amount_raw == quote.out_amount_raw
    rent = await rpc.minimum_rent(165)
    assert await rpc.balance(trader.address) == before - SPENT - TIP.lamports - fee - rent
    assert simulation.accounts[0] is not None
    assert simulation.accounts[0].lamports == await rpc.balance(trader.address)
    history = await rpc.signatures_for_address(trader.address, limit=1)
    assert history[0]["signature"] == signed.signature


async def sell_all(trader: Trader, mint: str) -> tuple[SignedTransaction, int]:
    """Sells what we hold, closing its account; the transaction and the lamports quoted."""
    holding = await trader.holding(mint)
    quote = await trader.quote_sell(mint, holding.amount_raw)
    signed = await trader.sign(
        quote,
        closing=Closing(
            account=Pubkey.from_string(holding.account),
            program=Pubkey.from_string(holding.token_program),
        ),
        tip=TIP,
    )
    await trader.gateways.rpc.send_transaction(signed.wire)
    return signed, quote.out_amount_raw


async def test_a_full_exit_closes_our_account_and_brings_its_rent_back(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "memecoin")["mint"]
    rpc = trader.gateways.rpc
    await trader.buy(mint, SPENT)
    before = await rpc.balance(trader.address)
    signed, quoted = await sell_all(trader, mint)
    [status] = await rpc.signature_statuses([signed.signature])
    assert status is not None
    assert status.err is None
    assert await trader.holding(mint) is None
    gained = await rpc.balance(trader.address) - before
    assert gained == quoted + await rpc.minimum_rent(165) - TIP.lamports - BASE_FEE


async def test_an_account_with_withheld_transfer_fees_cannot_be_closed(trader: Trader) -> None:
    token = token_of(trader.sandbox, "transfer_fee")
    await trader.buy(token["mint"], SPENT)
    assert (await trader.holding(token["mint"])).token_program == token["token_program"]
    signed, _ = await sell_all(trader, token["mint"])
    [status] = await trader.gateways.rpc.signature_statuses([signed.signature])
    assert status is not None
    # Token-2022's AccountHasWithheldTransferFees; it undoes the whole exit.
    assert isinstance(status.err, dict)
    assert status.err["InstructionError"][1] == {"Custom": 35}
    assert (await trader.holding(token["mint"])).amount_raw > 0


async def test_a_price_that_moved_away_fails_on_chain_with_slippage(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "thin")["mint"]
    signed = await trader.sign(await trader.quote_buy(mint, SPENT, slippage_bps=1))
    await trader.buy(mint, SPENT)
    await trader.gateways.rpc.send_transaction(signed.wire)
    [status] = await trader.gateways.rpc.signature_statuses([signed.signature])
    assert status is not None
    assert isinstance(status.err, dict)
    assert status.err["InstructionError"][1] == {"Custom": 6001}


async def test_the_same_bytes_twice_are_one_transaction(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "memecoin")["mint"]
    signed = await trader.buy(mint, SPENT)
    amount = (await trader.holding(mint)).amount_raw
    assert await trader.gateways.rpc.send_transaction(signed.wire) == signed.signature
    assert (await trader.holding(mint)).amount_raw == amount


async def test_what_was_never_sent_is_dead_once_its_blockhash_is(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "memecoin")["mint"]
    rpc = trader.gateways.rpc
    sent = await trader.buy(mint, SPENT)
    last_valid = (await rpc.latest_blockhash()).last_valid_block_height
    unsent = await trader.sign(await trader.quote_buy(mint, SPENT + 1))
    assert not await rpc.has_expired(unsent.signature, last_valid_block_height=last_valid)
    trader.sandbox.advance(slots=200)
    assert await rpc.block_height() > last_valid
    assert await rpc.has_expired(unsent.signature, last_valid_block_height=last_valid)
    assert not await rpc.has_expired(sent.signature, last_valid_block_height=last_valid)


async def test_a_round_trip_shows_what_selling_again_would_bring(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "memecoin")["mint"]
    rpc, jupiter = trader.gateways.rpc, trader.gateways.jupiter
    buy = await trader.quote_buy(mint, SPENT)
    sell = await trader.quote_sell(mint, buy.minimum_out_raw, slippage_bps=9_000)
    both = round_trip(
        await jupiter.swap_instructions(buy, owner=trader.address),
        await jupiter.swap_instructions(sell, owner=trader.address),
    )
    signed = assemble(
        instructions=both,
        signer=KeySigner(trader.keypair),
        blockhash=(await rpc.latest_blockhash()).hash,
        compute_unit_limit=400_000,
    )
    before = await rpc.balance(trader.address)
    simulation = await rpc.simulate_transaction(signed.wire, accounts=[trader.address])
    assert simulation.err is None
    assert simulation.accounts[0] is not None
    rent = await rpc.minimum_rent(165)
    lost = before - simulation.accounts[0].lamports - rent - BASE_FEE
    assert 0 < lost < SPENT // 20
    assert await rpc.balance(trader.address) == before


async def test_a_token_that_no_pool_can_move_has_no_route(trader: Trader) -> None:
    with pytest.raises(NoRoute) as caught:
        await trader.quote_buy(token_of(trader.sandbox, "transfer_hook")["mint"], SPENT)
    assert caught.value.code == "COULD_NOT_FIND_ANY_ROUTE"


async def test_market_facts_and_prices_agree_with_the_pool(trader: Trader) -> None:
    token = token_of(trader.sandbox, "memecoin")
    mint = token["mint"]
    facts = await trader.gateways.market_data.pair(mint)
    prices = await trader.gateways.jupiter.prices_usd([WSOL, mint, STRANGER])
    assert facts is not None
    assert facts.pair_address == token["pool"]
    assert facts.created_at is not None
    assert int(facts.created_at.timestamp()) == int(token["created_at"])
    assert facts.liquidity_usd is not None
    assert abs(facts.liquidity_usd - (prices[mint].liquidity_usd or 0)) < 1
    assert facts.price_usd is not None
    assert abs(facts.price_usd / prices[mint].usd - 1) < Decimal("0.000001")
    assert (prices[WSOL].decimals, prices[mint].decimals) == (9, token["decimals"])
    assert STRANGER not in prices
    assert await trader.gateways.market_data.pair(STRANGER) is None


async def test_the_chain_tells_about_accounts_and_itself(trader: Trader) -> None:
    token = token_of(trader.sandbox, "memecoin")
    rpc = trader.gateways.rpc
    mint, nothing = await rpc.accounts([token["mint"], STRANGER])
    assert nothing is None
    assert mint is not None
    assert (mint.owner, mint.data[44]) == (token["token_program"], token["decimals"])
    assert await rpc.account(token["mint"]) == mint
    largest = await rpc.token_largest_accounts(token["mint"])
    assert [amount for _, amount in largest] == sorted((a for _, a in largest), reverse=True)
    await rpc.health()
    latest = await rpc.latest_blockhash()
    assert await rpc.is_blockhash_valid(latest.hash)
    assert not await rpc.is_blockhash_valid(STRANGER)
    assert await rpc.block_height("processed") <= await rpc.slot("processed")
    assert await rpc.transaction("1" * 64) is None
    assert await rpc.signature_statuses(["1" * 64]) == [None]


async def test_a_bundle_lands_as_one_and_is_found_by_its_own_id(trader: Trader) -> None:
    mints = [token["mint"] for token in trader.sandbox.tokens("memecoin")[:2]]
    engine = trader.gateways.block_engine
    first = await trader.sign(await trader.quote_buy(mints[0], SPENT))
    second = await trader.sign(await trader.quote_buy(mints[1], SPENT), tip=TIP)
    expected = engine.bundle_id([first.signature, second.signature])

    assert await engine.send_bundle([first.wire, second.wire]) == expected
    [status] = await engine.bundle_statuses([expected])
    assert status is not None
    assert (status.signatures, status.err) == ((first.signature, second.signature), None)
    [inflight] = await engine.inflight_statuses([expected])
    assert inflight is not None
    assert (inflight.state, inflight.landed_slot) == (InflightState.LANDED, status.slot)
    for mint in mints:
        assert (await trader.holding(mint)).amount_raw > 0


async def test_a_bundle_of_which_one_fails_leaves_no_trace(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "memecoin")["mint"]
    engine, rpc = trader.gateways.block_engine, trader.gateways.rpc
    good = await trader.sign(await trader.quote_buy(mint, SPENT))
    too_much = await trader.sign(await trader.quote_buy(mint, 10**12), tip=TIP)
    before = await rpc.balance(trader.address)
    sent = await engine.send_bundle([good.wire, too_much.wire])
    assert await engine.bundle_statuses([sent]) == [None]
    [inflight] = await engine.inflight_statuses([sent])
    assert inflight is not None
    assert inflight.state is InflightState.FAILED
    assert await rpc.signature_statuses([good.signature]) == [None]
    assert await rpc.balance(trader.address) == before


async def test_a_bundle_sent_twice_counts_as_taken(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "memecoin")["mint"]
    engine = trader.gateways.block_engine
    signed = await trader.sign(await trader.quote_buy(mint, SPENT), tip=TIP)
    assert await engine.send_bundle([signed.wire]) == await engine.send_bundle([signed.wire])


async def test_a_bundle_without_a_tip_is_refused(trader: Trader) -> None:
    mint = token_of(trader.sandbox, "memecoin")["mint"]
    signed = await trader.sign(await trader.quote_buy(mint, SPENT))
    with pytest.raises(Refused) as caught:
        await trader.gateways.block_engine.send_bundle([signed.wire])
    assert "tip" in caught.value.message


async def test_a_bundle_nobody_sent_is_unknown(trader: Trader) -> None:
    engine = trader.gateways.block_engine
    unknown = engine.bundle_id(["a"])
    assert await engine.bundle_statuses([unknown]) == [None]
    [inflight] = await engine.inflight_statuses([unknown])
    assert inflight is None or inflight.state is InflightState.INVALID


async def test_the_engine_names_our_tip_accounts_and_a_rising_floor(trader: Trader) -> None:
    assert await trader.gateways.block_engine.tip_accounts() == TIP_ACCOUNTS
    floor = await trader.gateways.block_engine.tip_floor()
    percentiles = [floor.p25_lamports, floor.p50_lamports, floor.p75_lamports, floor.p99_lamports]
    assert percentiles == sorted(percentiles)
    assert 0 < floor.p50_lamports < 10**8
