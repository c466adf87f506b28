"""Who traded what for what, told from balances: at venues nobody has heard of."""

import pytest

from tests.domain.trades import (
    FRIEND,
    NEW_VENUE,
    OTHER,
    POOL,
    ROUTER,
    SHARE,
    SOL,
    TITAN,
    TOKEN,
    WALLET,
    account,
    exchange,
    read,
    swapped,
    with_pool,
)
from tests.ledger import FEE, Ledger
from trading.domain.programs import RFQ_PROGRAM
from trading.domain.swaps import Direction
from trading.domain.values import USDC_MINT, USDT_MINT, WSOL_MINT


@pytest.mark.parametrize(
    ("given", "got", "direction", "base"),
    [
        (WSOL_MINT, TOKEN, Direction.BUY, -SOL),
        (TOKEN, WSOL_MINT, Direction.SELL, 777),
        (USDC_MINT, TOKEN, Direction.BUY, -SOL),
        (TOKEN, USDC_MINT, Direction.SELL, 777),
        (WSOL_MINT, USDC_MINT, Direction.SWAP, -SOL),
        (USDT_MINT, USDC_MINT, Direction.SWAP, 777),
        (USDT_MINT, TOKEN, Direction.SWAP, None),
        (TOKEN, OTHER, Direction.SWAP, None),
    ],
)
def test_a_pool_of_an_unknown_program_is_read_like_any_other(
    given: str, got: str, direction: Direction, base: int | None
) -> None:
    ledger = swapped(given, got)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (direction, base)
    assert [(leg.mint, leg.delta_raw) for leg in parsed.legs] == [(given, -SOL), (got, 777)]
    assert (parsed.venues, parsed.network_fee_lamports) == ((), FEE)


def test_a_token_leg_that_is_no_base_is_the_one_that_was_got() -> None:
    ledger = swapped(TOKEN, OTHER)
    parsed = read(ledger)
    assert (parsed.base_mint, parsed.token_mint, parsed.token_delta_raw) == ("", OTHER, 777)


def test_a_sponsor_pays_the_fee_and_the_wallet_trades() -> None:
    ledger = Ledger(FRIEND, signers=(WALLET,))
    for mint in (TOKEN, USDC_MINT):
        ledger.holds(account(WALLET, mint), mint, WALLET, 10**12)
        ledger.holds(account(POOL, mint), mint, POOL, 10**12)
    with ledger.call(NEW_VENUE):
        exchange(ledger, USDC_MINT, TOKEN)
    parsed = read(ledger, WALLET)
    assert (parsed.direction, parsed.network_fee_lamports) == (Direction.BUY, 0)
    assert read(ledger).direction is Direction.NONE


def test_a_share_that_a_router_made_one_for_one_is_a_hop_like_any_other() -> None:
    ledger = with_pool(TOKEN, USDC_MINT)
    ledger.holds(account(WALLET, SHARE), SHARE, WALLET)
    with ledger.call(TITAN), ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, TOKEN), account(POOL, TOKEN), 500, by=WALLET)
        ledger.mint(account(WALLET, SHARE), 400)
    parsed = read(ledger)
    assert (parsed.direction, parsed.token_delta_raw, parsed.router) == ("SWAP", 400, "Titan")


def test_what_a_route_left_of_a_token_between_is_no_leg() -> None:
    ledger = with_pool(TOKEN, OTHER, USDC_MINT)
    with ledger.call(ROUTER):
        with ledger.call(NEW_VENUE):
            exchange(ledger, TOKEN, OTHER, pay=1_000, get=1_000_000)
        with ledger.call(NEW_VENUE):
            exchange(ledger, OTHER, USDC_MINT, pay=999_990, get=55)
    parsed = read(ledger)
    assert [(leg.mint, leg.delta_raw) for leg in parsed.legs] == [(TOKEN, -1_000), (USDC_MINT, 55)]


def test_the_maker_of_a_quote_sees_the_other_side() -> None:
    ledger = Ledger(FRIEND, signers=(WALLET,))
    for owner in (WALLET, FRIEND):
        for mint in (USDC_MINT, TOKEN):
            ledger.holds(account(owner, mint), mint, owner, 10**6)
    with ledger.call(RFQ_PROGRAM):
        ledger.transfer(account(WALLET, TOKEN), account(FRIEND, TOKEN), 5, by=WALLET)
        ledger.transfer(account(FRIEND, USDC_MINT), account(WALLET, USDC_MINT), 9, by=FRIEND)
    taker, maker = read(ledger, WALLET), read(ledger, FRIEND)
    assert (taker.kind, taker.direction, taker.base_delta_raw) == ("RFQ_FILL", "SELL", 9)
    assert (maker.kind, maker.direction, maker.base_delta_raw) == ("RFQ_FILL", "BUY", -9)


def test_a_gift_beside_a_trade_is_no_part_of_it() -> None:
    """Far more of another token came with another instruction."""
    ledger = with_pool(USDC_MINT, TOKEN, OTHER)
    with ledger.call(NEW_VENUE):
        exchange(ledger, USDC_MINT, TOKEN)
    with ledger.call(ROUTER):
        ledger.transfer(account(POOL, OTHER), account(WALLET, OTHER), 10**9, by=POOL)
    parsed = read(ledger)
    assert (parsed.direction, parsed.token_mint) == (Direction.BUY, TOKEN)


def test_a_large_remainder_of_a_token_between_is_not_what_was_bought() -> None:
    ledger = with_pool(TOKEN, OTHER, USDC_MINT)
    with ledger.call(ROUTER):
        with ledger.call(NEW_VENUE):
            exchange(ledger, TOKEN, OTHER, pay=1_000, get=1_000_000)
        with ledger.call(NEW_VENUE):
            exchange(ledger, OTHER, USDC_MINT, pay=900_000, get=55)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw, parsed.token_mint) == ("SELL", 55, TOKEN)
