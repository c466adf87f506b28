"""Leaders trade for real, hold what they sell, and live by their archetypes."""

from collections import Counter

import pytest
from solders.pubkey import Pubkey

from tests.sandbox.worlds import SOL, first_of, followed, listing_of, new_world
from workers.sandbox.archetypes import README_WALLET, RosterStatus, Strategy, cast
from workers.sandbox.leaders import CannotTrade
from workers.sandbox.tokens import TokenKind
from workers.sandbox.trades import LeaderTrade, Side
from workers.sandbox.wallet import holding
from workers.sandbox.world import World

ARCHETYPES = {
    "skilled_high",
    "skilled_mid",
    "skilled_low",
    "lucky",
    "one_hit",
    "wash_trader",
    "sniper",
    "insider",
    "decayed",
    "dormant",
    "fresh",
    "whale",
}


@pytest.fixture(scope="module")
def world() -> World:
    return new_world()


def held(world: World, address: str, symbol: str) -> int:
    token = listing_of(world, symbol).token
    owner = Pubkey.from_string(address)
    return holding(world.chain, owner=owner, mint=token.mint, program=token.program)


def test_the_cast_is_as_wide_as_promised():
    profiles = cast()
    active = [each for each in profiles if each.roster_status is RosterStatus.ACTIVE]
    assert len(profiles) >= 33
    assert {each.archetype.name for each in profiles} >= ARCHETYPES
    assert {each.strategy for each in active} == {Strategy.SHIELD, Strategy.SPEAR}
    assert all(
        each.roster_status is RosterStatus.ACTIVE
        for each in profiles
        if each.archetype.name in ("skilled_high", "skilled_mid")
    )


def test_everybody_listed_has_an_address_of_its_own(world):
    rows = world.leaders()
    assert len({row["address"] for row in rows}) == len(rows) == len(cast())
    assert all(Pubkey.from_string(row["address"]) for row in rows)


def test_the_readme_wallet_is_listed_but_cannot_trade(world):
    [row] = [row for row in world.leaders() if row["address"] == README_WALLET]
    assert (row["name"], row["strategy"], row["roster_status"]) == (
        "README example",
        "SHIELD",
        "ACTIVE",
    )
    mint = str(listing_of(world, "BONK").token.mint)
    with pytest.raises(CannotTrade, match="key"):
        world.trade(README_WALLET, side=Side.BUY, mint=mint, sol=0.1)


def test_a_leader_told_to_trade_does_so_on_chain(world):
    address = followed(world)[0]
    mint = str(listing_of(world, "NOVA").token.mint)
    bought = world.trade(address, side=Side.BUY, mint=mint, sol=0.5)
    record = world.chain.transaction(bought["signature"])
    assert record.err is None
    assert record.account_keys[0] == address
    owned = held(world, address, "NOVA")
    assert owned > 0

    world.trade(address, side=Side.SELL, mint=mint, fraction=0.25)
    assert held(world, address, "NOVA") == owned - owned // 4
    world.trade(address, side=Side.SELL, mint=mint, fraction=1.0)
    assert held(world, address, "NOVA") == 0
    with pytest.raises(CannotTrade, match="holds none"):
        world.trade(address, side=Side.SELL, mint=mint, fraction=1.0)


def test_a_told_trade_is_heard_with_what_a_signal_needs(world):
    heard: list[LeaderTrade] = []
    world.on_trade(heard.append)
    address = followed(world)[1]
    listing = listing_of(world, "PIXEL")
    reply = world.trade(address, side=Side.BUY, mint=str(listing.token.mint), sol=0.25)
    world.trade(address, side=Side.SELL, mint=str(listing.token.mint), fraction=0.5)
    bought, sold = heard[-2:]
    assert (bought.side, bought.symbol, bought.amount_lamports) == (Side.BUY, "PIXEL", SOL // 4)
    assert bought.signature == reply["signature"]
    assert sold.fraction == pytest.approx(0.5)
    assert sold.amount_lamports == pytest.approx(SOL / 8, rel=0.02)


@pytest.mark.parametrize(
    ("side", "sol", "fraction"),
    [
        (Side.BUY, None, None),
        (Side.BUY, -1.0, None),
        (Side.BUY, float("nan"), None),
        (Side.BUY, 1e9, None),
        (Side.SELL, None, 1.5),
    ],
)
def test_a_senseless_trade_is_refused(world, side, sol, fraction):
    mint = str(listing_of(world, "BONK").token.mint)
    with pytest.raises(ValueError, match="must lie"):
        world.trade(followed(world)[0], side=side, mint=mint, sol=sol, fraction=fraction)


def test_unknown_leaders_and_mints_are_told_apart_from_refusals(world):
    bonk = str(listing_of(world, "BONK").token.mint)
    with pytest.raises(KeyError):
        world.trade("nobody", side=Side.BUY, mint=bonk, sol=0.1)
    with pytest.raises(KeyError):
        world.trade(followed(world)[0], side=Side.BUY, mint=README_WALLET, sol=0.1)


def test_a_leader_caught_in_the_honeypot_keeps_the_bag(world):
    address = followed(world)[2]
    mint = str(first_of(world, TokenKind.FREEZE_HONEYPOT).token.mint)
    assert world.trade(address, side=Side.BUY, mint=mint, sol=0.1)["err"] is None
    reply = world.trade(address, side=Side.SELL, mint=mint, fraction=1.0)
    assert reply["err"]["InstructionError"][1] == {"Custom": 17}


def test_swaps_look_like_those_of_real_wallets(world):
    address = followed(world)[3]
    mint = str(listing_of(world, "TURBO").token.mint)
    bought = world.chain.transaction(
        world.trade(address, side=Side.BUY, mint=mint, sol=0.3)["signature"]
    )
    programs = Counter(
        line.split()[1] for line in bought.logs if line.startswith("Program ") and "invoke" in line
    )
    assert programs["ComputeBudget111111111111111111111111111111"] == 2
    assert programs["ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"] == 2
    assert bought.fee > 5_000
    assert bought.post_balances[0] < bought.pre_balances[0] - 3 * SOL // 10
