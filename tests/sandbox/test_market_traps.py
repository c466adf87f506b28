"""Bad tokens are bad by the real token programs, and good ones have nothing to hide."""

import pytest

from tests.sandbox.worlds import SOL, Visitor, first_of, listing_of, new_world
from workers.sandbox.extensions import extensions_json
from workers.sandbox.token_layouts import read_mint
from workers.sandbox.tokens import TOKEN_2022_PROGRAM, WSOL, TokenKind
from workers.sandbox.wallet import Wallet, buy_order
from workers.sandbox.world import World

FROZEN = {"Custom": 17}


@pytest.fixture(scope="module")
def world() -> World:
    return new_world(has_leaders=False)


@pytest.fixture(scope="module")
def visitor(world) -> Visitor:
    return Visitor.arriving(world)


def mint_of(world: World, kind: TokenKind):
    listing = first_of(world, kind)
    return read_mint(world.chain.account(listing.token.mint))


def test_good_tokens_have_no_authorities(world):
    for listing in world.market.listings.values():
        if listing.token.is_good:
            mint = read_mint(world.chain.account(listing.token.mint))
            assert mint is not None
            assert mint.mint_authority is None
            assert mint.freeze_authority is None
            assert mint.decimals == listing.token.decimals


def test_authorities_stay_where_the_kind_says_so(world):
    assert mint_of(world, TokenKind.FREEZE_HONEYPOT).freeze_authority is not None
    assert mint_of(world, TokenKind.MINT_AUTHORITY).mint_authority is not None
    assert mint_of(world, TokenKind.STABLE).freeze_authority is not None


def test_a_buyer_of_the_honeypot_is_frozen_and_cannot_sell(world, visitor):
    mint = first_of(world, TokenKind.FREEZE_HONEYPOT).token.mint
    assert visitor.execute(visitor.quote(WSOL, mint, SOL)).err is None
    world.market.step(world.market.clock)
    assert world.chain.account(visitor.token_account(mint)).data[108] == 2
    failed = visitor.execute(visitor.quote(mint, WSOL, visitor.holds(mint)))
    assert failed.err["InstructionError"][1] == FROZEN


def test_a_round_trip_through_the_fee_token_costs_a_tenth(world, visitor):
    mint = first_of(world, TokenKind.TRANSFER_FEE).token.mint
    assert visitor.execute(visitor.quote(WSOL, mint, SOL)).err is None
    back = int(visitor.quote(mint, WSOL, visitor.holds(mint))["outAmount"])
    assert 0.87 * SOL < back < 0.91 * SOL


def test_a_hooked_token_cannot_even_be_bought_from_its_pool(world, visitor):
    listing = first_of(world, TokenKind.TRANSFER_HOOK)
    order = buy_order(
        pool=listing.pool, owner=visitor.address, lamports=SOL, min_out=0, micro_lamports=0
    )
    wallet = Wallet(keypair=visitor.keypair, address=visitor.address)
    assert wallet.run(world.chain, order).err is not None
    assert visitor.holds(listing.token.mint) == 0


def test_a_rug_leaves_buyers_with_nothing(world, visitor):
    mint = first_of(world, TokenKind.RUG).token.mint
    assert visitor.execute(visitor.quote(WSOL, mint, SOL)).err is None
    worth = int(visitor.quote(mint, WSOL, visitor.holds(mint))["outAmount"])
    world.withdraw(str(mint), fraction=0.995)
    assert int(visitor.quote(mint, WSOL, visitor.holds(mint))["outAmount"]) < worth / 100
    world.market.step(world.market.clock + 60)
    pair = world.dexscreener.handle(f"/latest/dex/tokens/{mint}", "GET")[1]["pairs"][0]
    assert pair["liquidity"]["usd"] < 500


def test_withdrawing_a_part_lowers_liquidity_by_that_part(world):
    listing = listing_of(world, "NOVA")
    before = world.market.reserves(listing)
    reply = world.withdraw(str(listing.token.mint), fraction=0.6)
    after = world.market.reserves(listing)
    assert after.lamports == pytest.approx(before.lamports * 0.4, rel=1e-6)
    assert after.base == before.base
    assert reply["pool_sol"] == pytest.approx(after.lamports / SOL)


def test_a_balanced_withdrawal_takes_both_sides_and_leaves_the_price(world):
    listing = listing_of(world, "NOVA")
    before = world.market.reserves(listing)
    world.withdraw(str(listing.token.mint), fraction=0.6, is_balanced=True)
    after = world.market.reserves(listing)
    assert after.lamports == pytest.approx(before.lamports * 0.4, rel=1e-6)
    assert after.price == pytest.approx(before.price, rel=1e-6)


def test_the_permanent_delegate_takes_tokens_back_from_whoever_holds_them(world, visitor):
    mint = first_of(world, TokenKind.PERMANENT_DELEGATE).token.mint
    visitor.execute(visitor.quote(WSOL, mint, SOL))
    held = visitor.holds(mint)
    reply = world.claw_back(str(mint), holder=str(visitor.address), fraction=0.25)
    assert int(reply["amount_raw"]) == int(held * 0.25)
    assert visitor.holds(mint) == held - int(held * 0.25)
    plain = str(listing_of(world, "NOVA").token.mint)
    with pytest.raises(ValueError, match="no permanent delegate"):
        world.claw_back(plain, holder=str(visitor.address), fraction=1)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1, float("nan")])
def test_a_senseless_withdrawal_is_refused(world, fraction):
    with pytest.raises(ValueError, match="fraction"):
        world.withdraw(str(listing_of(world, "NOVA").token.mint), fraction=fraction)


def test_the_thin_pool_moves_by_a_single_sol(world, visitor):
    mint = first_of(world, TokenKind.THIN).token.mint
    assert float(visitor.quote(WSOL, mint, SOL)["priceImpactPct"]) > 0.15


@pytest.mark.parametrize(
    ("kind", "extension"),
    [
        (TokenKind.TRANSFER_FEE, "transferFeeConfig"),
        (TokenKind.PERMANENT_DELEGATE, "permanentDelegate"),
        (TokenKind.TRANSFER_HOOK, "transferHook"),
    ],
)
def test_the_extension_stands_in_the_mint_as_the_real_program_wrote_it(world, kind, extension):
    account = world.chain.account(first_of(world, kind).token.mint)
    assert account.owner == TOKEN_2022_PROGRAM
    assert extension in str(extensions_json(account.data))


def test_one_good_token_is_a_plain_token_2022(world):
    listing = listing_of(world, "NEXT")
    account = world.chain.account(listing.token.mint)
    assert listing.token.is_good
    assert account.owner == TOKEN_2022_PROGRAM
    assert "metadataPointer" in str(extensions_json(account.data))
