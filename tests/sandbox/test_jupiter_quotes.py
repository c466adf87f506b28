"""What Jupiter quotes is what the chain delivers, in every direction and mode."""

import pytest

from tests.sandbox.worlds import SOL, Visitor, first_of, listing_of, new_world
from workers.sandbox.tokens import USDC, WSOL, TokenKind

TRADEABLE = ["BONK", "MANGO", "MICRO", "NEXT", "TOLL", "LEASH", "PUDDLE", "USDC"]


@pytest.fixture(scope="module")
def visitor() -> Visitor:
    return Visitor.arriving(new_world(has_leaders=False))


@pytest.mark.parametrize("symbol", TRADEABLE)
def test_a_quote_executed_at_once_delivers_its_out_amount_to_the_unit(visitor, symbol):
    mint = listing_of(visitor.world, symbol).token.mint
    before = visitor.holds(mint)
    bought = visitor.quote(WSOL, mint, SOL // 3)
    assert visitor.execute(bought).err is None
    gained = visitor.holds(mint) - before
    assert gained == int(bought["outAmount"])

    sold = visitor.quote(mint, WSOL, gained)
    lamports = visitor.holds(WSOL)
    record = visitor.execute(sold)
    assert record.err is None
    assert visitor.holds(WSOL) - lamports + record.fee == int(sold["outAmount"])


def test_two_hops_through_sol_deliver_the_quoted_amount(visitor):
    bonk = listing_of(visitor.world, "BONK").token.mint
    visitor.execute(visitor.quote(WSOL, USDC, 3 * SOL))
    before = visitor.holds(bonk)
    quote = visitor.quote(USDC, bonk, 100_000_000)
    assert [step["swapInfo"]["outputMint"] for step in quote["routePlan"]] == [
        str(WSOL),
        str(bonk),
    ]
    assert visitor.execute(quote).err is None
    assert visitor.holds(bonk) - before == int(quote["outAmount"])


@pytest.mark.parametrize("symbol", ["MANGO", "TOLL", "USDC"])
def test_exact_out_asks_for_the_smallest_input_that_yields_the_output(visitor, symbol):
    mint = listing_of(visitor.world, symbol).token.mint
    wanted = 12_345_678
    quote = visitor.quote(WSOL, mint, wanted, mode="ExactOut")
    spent = int(quote["inAmount"])
    assert int(quote["outAmount"]) >= wanted
    assert int(quote["otherAmountThreshold"]) > spent
    assert int(visitor.quote(WSOL, mint, spent - 1)["outAmount"]) < wanted
    before = visitor.holds(mint)
    assert visitor.execute(quote).err is None
    assert visitor.holds(mint) - before == int(quote["outAmount"])


def test_a_stale_quote_fails_on_chain_for_slippage_and_costs_the_fee_only(visitor):
    mint = listing_of(visitor.world, "PIXEL").token.mint
    quote = visitor.quote(WSOL, mint, SOL)
    visitor.world.set_price(str(mint), factor=1.2)
    lamports = visitor.holds(WSOL)
    record = visitor.execute(quote)
    assert record.err is not None
    assert 6001 in record.err["InstructionError"][1].values()
    assert lamports - visitor.holds(WSOL) == record.fee


def test_slippage_within_the_allowance_is_tolerated(visitor):
    mint = listing_of(visitor.world, "PIXEL").token.mint
    quote = visitor.quote(WSOL, mint, SOL, bps=2_000)
    visitor.world.set_price(str(mint), factor=1.05)
    before = visitor.holds(mint)
    assert visitor.execute(quote).err is None
    gained = visitor.holds(mint) - before
    assert int(quote["otherAmountThreshold"]) <= gained < int(quote["outAmount"])


def test_price_impact_grows_with_the_size_of_the_trade(visitor):
    mint = listing_of(visitor.world, "GECKO").token.mint
    small, large = (
        float(visitor.quote(WSOL, mint, amount)["priceImpactPct"])
        for amount in (SOL // 10, 9 * SOL)
    )
    assert 0 < small < 0.01 < large < 0.2


@pytest.mark.parametrize("kind", [TokenKind.TRANSFER_HOOK])
def test_what_no_pool_can_trade_has_no_route(visitor, kind):
    mint = first_of(visitor.world, kind).token.mint
    status, reply = visitor.ask(
        "GET", "/swap/v1/quote", inputMint=WSOL, outputMint=mint, amount=SOL
    )
    assert status == 400
    assert reply["errorCode"] == "COULD_NOT_FIND_ANY_ROUTE"


def test_an_unknown_mint_and_an_amount_worth_nothing_have_no_route(visitor):
    bonk = listing_of(visitor.world, "BONK").token.mint
    for query in (
        {"inputMint": WSOL, "outputMint": visitor.address, "amount": SOL},
        {"inputMint": bonk, "outputMint": WSOL, "amount": 1},
        {"inputMint": WSOL, "outputMint": bonk, "amount": 2**64 - 1, "swapMode": "ExactOut"},
    ):
        status, reply = visitor.ask("GET", "/swap/v1/quote", **query)
        assert (status, reply["errorCode"]) == (400, "COULD_NOT_FIND_ANY_ROUTE")


@pytest.mark.parametrize(
    "change",
    [
        {"inputMint": "not-base58-0OIl"},
        {"amount": "-1"},
        {"amount": "1e9"},
        {"amount": "٣"},
        {"amount": str(2**64)},
        {"slippageBps": "10001"},
        {"swapMode": "Sideways"},
        {"outputMint": str(WSOL)},
    ],
)
def test_a_malformed_quote_request_is_answered_with_an_error(visitor, change):
    query = {"inputMint": str(WSOL), "outputMint": str(USDC), "amount": "1000"} | change
    status, reply = visitor.ask("GET", "/swap/v1/quote", **query)
    assert status == 400
    assert isinstance(reply["error"], str)
