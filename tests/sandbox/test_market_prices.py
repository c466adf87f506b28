"""Prices follow seeded paths, and every venue shows the same ones."""

import pytest

from tests.sandbox.worlds import SOL, Visitor, listing_of, new_world
from workers.sandbox.paths import Motion, Path
from workers.sandbox.tokens import LAMPORTS_PER_SOL, USDC, WSOL, TokenKind, universe
from workers.sandbox.world import World

RESTLESS = Motion(volatility_per_hour=0.1, jumps_per_hour=0.3, jump_size=0.2)


@pytest.fixture
def world() -> World:
    return new_world(has_leaders=False)


def price_by_quote(world: World, symbol: str) -> float:
    """SOL per whole token, by buying a little of it."""
    token = listing_of(world, symbol).token
    quote = Visitor.arriving(world).quote(WSOL, token.mint, SOL // 1_000)
    return 0.001 / (int(quote["outAmount"]) / float(10**token.decimals))


def pair_of(world: World, symbol: str) -> dict:
    mint = listing_of(world, symbol).token.mint
    status, reply = world.dexscreener.handle(f"/latest/dex/tokens/{mint}", "GET")
    assert status == 200
    return dict(reply["pairs"][0])


def test_a_path_depends_on_name_and_seed_and_not_on_who_asks_when():
    asked_late, asked_often = (Path(name="X", seed=3, motion=RESTLESS) for _ in range(2))
    for second in range(0, 40_000, 777):
        asked_often.log_at(second)
    assert asked_late.log_at(39_999) == asked_often.log_at(39_999)
    assert Path(name="X", seed=4, motion=RESTLESS).log_at(39_999) != asked_late.log_at(39_999)
    assert Path(name="Y", seed=3, motion=RESTLESS).log_at(39_999) != asked_late.log_at(39_999)


def test_a_path_goes_on_from_its_stored_state_and_forgets_the_past():
    path = Path(name="X", seed=3, motion=RESTLESS)
    path.log_at(90_000)
    path.forget_before(80_000)
    copy = Path(name="X", seed=3, motion=RESTLESS)
    copy.restore(path.state())
    whole = Path(name="X", seed=3, motion=RESTLESS)
    for second in (79_000, 85_030, 200_000):
        assert copy.log_at(second) == whole.log_at(second)
    assert len(copy.state()["points"]) < len(whole.state()["points"])


def test_a_path_returns_to_where_it_began():
    path = Path(name="X", seed=5, motion=RESTLESS)
    day = 86_400
    assert all(abs(path.log_at(each * day)) < 4 for each in range(60))


def test_the_universe_is_as_wide_as_promised():
    tokens = universe(seed=1)
    kinds = [token.kind for token in tokens]
    good = [token for token in tokens if token.is_good and token.kind is TokenKind.MEMECOIN]
    assert len(tokens) >= 13
    assert {"BONK", "JUP", "WIF"} <= {token.symbol for token in tokens}
    assert len(good) >= 5
    assert min(token.liquidity_usd for token in good) < 10_000
    assert max(token.liquidity_usd for token in good) >= 400_000
    for kind in (
        TokenKind.THIN,
        TokenKind.RUG,
        TokenKind.FREEZE_HONEYPOT,
        TokenKind.TRANSFER_FEE,
        TokenKind.PERMANENT_DELEGATE,
        TokenKind.TRANSFER_HOOK,
    ):
        assert kind in kinds


def test_pools_are_traded_to_their_paths(world):
    before = world.chain.transaction_count
    world.market.step(6 * 3_600)
    assert world.chain.transaction_count > before
    for listing in world.market.listings.values():
        if listing.token.is_tradeable and not listing.token.transfer_fee_bps:
            price = world.market.reserves(listing).price
            assert price == pytest.approx(listing.target(world.market.clock), rel=0.012)


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_a_nudge_moves_quote_price_and_pair_alike_and_stays(world, factor):
    before = price_by_quote(world, "MANGO"), float(pair_of(world, "MANGO")["priceNative"])
    mint = listing_of(world, "MANGO").token.mint
    usd = world.jupiter.handle("/price/v3", "GET", {"ids": str(mint)}, b"")[1][str(mint)]
    world.set_price(str(mint), factor=factor)
    now = world.jupiter.handle("/price/v3", "GET", {"ids": str(mint)}, b"")[1][str(mint)]
    assert price_by_quote(world, "MANGO") / before[0] == pytest.approx(factor, rel=0.015)
    assert float(pair_of(world, "MANGO")["priceNative"]) / before[1] == pytest.approx(
        factor, rel=0.015
    )
    assert now["usdPrice"] / usd["usdPrice"] == pytest.approx(factor, rel=0.015)
    world.market.step(world.market.clock + 1)
    assert price_by_quote(world, "MANGO") / before[0] == pytest.approx(factor, rel=0.03)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_a_senseless_nudge_is_refused(world, factor):
    with pytest.raises(ValueError, match="factor"):
        world.set_price(str(listing_of(world, "MANGO").token.mint), factor=factor)


def test_an_unknown_mint_cannot_be_nudged(world):
    for mint in ("nonsense", str(WSOL)):
        with pytest.raises(KeyError):
            world.set_price(mint, factor=2)


def test_the_market_maker_undoes_what_a_copied_trade_did_to_the_price(world):
    visitor = Visitor.arriving(world)
    listing = listing_of(world, "GECKO")
    before = world.market.reserves(listing).price
    visitor.execute(visitor.quote(WSOL, listing.token.mint, 10 * SOL))
    assert world.market.reserves(listing).price > before * 1.1
    world.market.step(world.market.clock)
    assert world.market.reserves(listing).price == pytest.approx(before, rel=0.011)


def test_the_pair_tells_liquidity_age_and_volume_of_the_pool(world):
    visitor = Visitor.arriving(world)
    visitor.execute(visitor.quote(WSOL, listing_of(world, "NOVA").token.mint, SOL))
    pair, listing = pair_of(world, "NOVA"), listing_of(world, "NOVA")
    assert pair["chainId"] == "solana"
    assert pair["pairAddress"] == str(listing.pool.address)
    assert pair["liquidity"]["usd"] == pytest.approx(45_000, rel=0.03)
    assert pair["pairCreatedAt"] == int(listing.created_at * 1000)
    assert pair["txns"]["h24"]["buys"] == 1
    assert pair["volume"]["h24"] == pytest.approx(world.market.sol_usd(), rel=0.01)


def test_an_unknown_token_has_no_pairs(world):
    for mint in ("nonsense", str(Visitor.arriving(world).address)):
        assert world.dexscreener.handle(f"/latest/dex/tokens/{mint}", "GET")[1]["pairs"] is None


def test_the_dollar_price_of_sol_comes_from_the_pool(world):
    reserves = world.market.reserves(world.market.listing(USDC))
    assert world.market.sol_usd() == pytest.approx(
        reserves.base / 10**6 / (reserves.lamports / LAMPORTS_PER_SOL)
    )


def test_holders_of_good_tokens_are_many(world):
    for listing in world.market.listings.values():
        if not listing.token.is_good:
            continue
        vault = listing.pool.base_vault
        largest = world.chain.largest_token_accounts(listing.token.mint, limit=20)
        top = sorted((amount for key, amount in largest if key != vault), reverse=True)
        supply = int.from_bytes(world.chain.account(listing.token.mint).data[36:44], "little")
        assert len(top) >= 15
        assert sum(top[:10]) < supply * 0.45


def test_the_concentrated_token_is_held_by_few(world):
    listing = listing_of(world, "THRONE")
    largest = world.chain.largest_token_accounts(listing.token.mint, limit=10)
    top = sum(amount for key, amount in largest if key != listing.pool.base_vault)
    supply = int.from_bytes(world.chain.account(listing.token.mint).data[36:44], "little")
    assert top > supply * 0.6
