"""What only looks like a trade is none, and is called what it is."""

from collections.abc import Callable

import pytest

from tests.domain.trades import (
    CURVE,
    FRIEND,
    NEW_VENUE,
    POOL,
    SHARE,
    SOL,
    TITAN,
    TOKEN,
    WALLET,
    account,
    exchange,
    parse,
    read,
    swapped,
    with_pool,
)
from tests.ledger import FEE, Ledger, address
from trading.domain.kinds import Kind
from trading.domain.programs import BRIDGES, LENDING, STAKE_PROGRAM, VENUES
from trading.domain.swaps import Direction
from trading.domain.values import USDC_MINT, WSOL_MINT


def deposit_for_shares(ledger: Ledger) -> None:
    ledger.open(account(WALLET, SHARE), SHARE, WALLET)
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, TOKEN), account(POOL, TOKEN), 500, by=WALLET)
        ledger.mint(account(WALLET, SHARE), 400)


def redeem_shares(ledger: Ledger) -> None:
    ledger.holds(account(WALLET, SHARE), SHARE, WALLET, 400)
    with ledger.call(NEW_VENUE):
        ledger.burn(account(WALLET, SHARE), 400, by=WALLET)
        ledger.transfer(account(POOL, TOKEN), account(WALLET, TOKEN), 500, by=POOL)


def rebalance(ledger: Ledger) -> None:
    """Takes both out of one position and puts both into another, in other proportions."""
    for source, to, by in ((POOL, WALLET, POOL), (WALLET, POOL, WALLET)):
        with ledger.call(NEW_VENUE):
            ledger.transfer(
                account(source, TOKEN), account(to, TOKEN), 300 if by == POOL else 500, by=by
            )
            ledger.transfer(
                account(source, USDC_MINT),
                account(to, USDC_MINT),
                900 if by == POOL else 700,
                by=by,
            )


def borrow(ledger: Ledger) -> None:
    """Collateral in with one instruction, the loan out with the next."""
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, TOKEN), account(POOL, TOKEN), 500, by=WALLET)
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(POOL, USDC_MINT), account(WALLET, USDC_MINT), 90, by=POOL)


def lend_at_once(ledger: Ledger) -> None:
    with ledger.call(min(LENDING)):
        exchange(ledger, TOKEN, USDC_MINT, pay=500, get=90)


def buy_a_picture(ledger: Ledger) -> None:
    picture = address("picture")
    ledger.holds(account(WALLET, picture), picture, WALLET, 0, decimals=0)
    ledger.holds(account(POOL, picture), picture, POOL, 1, decimals=0)
    with ledger.call(NEW_VENUE):
        exchange(ledger, USDC_MINT, picture, pay=500, get=1)


def claim_for_a_fee(ledger: Ledger) -> None:
    with ledger.call(NEW_VENUE):
        ledger.send(WALLET, FRIEND, 1_000_000)
        ledger.transfer(account(POOL, TOKEN), account(WALLET, TOKEN), 500, by=POOL)


def go_round(ledger: Ledger) -> None:
    with ledger.call(NEW_VENUE):
        exchange(ledger, USDC_MINT, TOKEN, pay=100_000, get=500)
    with ledger.call(address("second venue")):
        exchange(ledger, TOKEN, USDC_MINT, pay=499, get=100_100)


def go_round_with_dust_both_ways(ledger: Ledger) -> None:
    ledger.tokens[account(WALLET, TOKEN)]["amount"] = 10**9
    with ledger.call(NEW_VENUE):
        exchange(ledger, USDC_MINT, TOKEN, pay=100_000, get=1_000_000)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, USDC_MINT, pay=1_000_003, get=100_010)


def open_an_order(ledger: Ledger) -> None:
    """Tokens go to escrow; an order of before is closed and its rent comes back, without an instruction."""
    ledger.lamports[CURVE] = 3_000_000
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, TOKEN), account(POOL, TOKEN), 500, by=WALLET)
        ledger.drain(CURVE, WALLET, 3_000_000)


def zap_in(ledger: Ledger) -> None:
    """Buys one half, puts both into a pool, and keeps what was too much."""
    ledger.holds(account(WALLET, SHARE), SHARE, WALLET)
    with ledger.call(NEW_VENUE):
        exchange(ledger, USDC_MINT, TOKEN, pay=1_000, get=700)
        ledger.transfer(account(WALLET, USDC_MINT), account(POOL, USDC_MINT), 1_000, by=WALLET)
        ledger.transfer(account(WALLET, TOKEN), account(POOL, TOKEN), 650, by=WALLET)
        ledger.mint(account(WALLET, SHARE), 99)


def pay_somebody(ledger: Ledger) -> None:
    ledger.transfer(account(WALLET, TOKEN), account(POOL, TOKEN), 500, by=WALLET)


NODES_ONLY = {open_an_order}  # Helius does not tell that an account was emptied


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (deposit_for_shares, Kind.SHARE_MINT),
        (redeem_shares, Kind.SHARE_REDEEM),
        (rebalance, Kind.OTHER),
        (borrow, Kind.OTHER),
        (lend_at_once, Kind.LENDING),
        (buy_a_picture, Kind.NFT_TRADE),
        (claim_for_a_fee, Kind.OTHER),
        (go_round, Kind.ARB_CYCLE),
        (go_round_with_dust_both_ways, Kind.ARB_CYCLE),
        (open_an_order, Kind.OTHER),
        (zap_in, Kind.SHARE_MINT),
        (pay_somebody, Kind.TOKEN_TRANSFER),
    ],
)
def test_what_only_looks_like_a_trade_is_none(play: Callable[[Ledger], None], kind: Kind) -> None:
    ledger = with_pool(TOKEN, USDC_MINT)
    play(ledger)
    parsed = parse(ledger.as_json()) if play in NODES_ONLY else read(ledger)
    assert (parsed.direction, parsed.kind) == (Direction.NONE, kind)
    assert (parsed.base_delta_raw, parsed.token_delta_raw) == (None, None)


def test_a_failed_trade_is_none_whatever_its_instructions_say() -> None:
    ledger = swapped(TOKEN, WSOL_MINT, at=TITAN)
    told = ledger.as_json()
    told["meta"]["err"] = {"InstructionError": [0, {"Custom": 6001}]}
    for balances in ("Balances", "TokenBalances"):
        told["meta"][f"post{balances}"] = told["meta"][f"pre{balances}"]
    told["meta"]["postBalances"] = [10**10 - FEE, *told["meta"]["preBalances"][1:]]
    parsed = parse(told)
    assert (parsed.kind, parsed.direction) == (Kind.FAILED_SWAP, Direction.NONE)
    assert (parsed.legs, parsed.network_fee_lamports) == ((), FEE)


@pytest.mark.parametrize(
    ("program", "kind"), [(STAKE_PROGRAM, Kind.STAKE), (min(BRIDGES), Kind.BRIDGE)]
)
def test_known_programs_name_what_was_no_trade(program: str, kind: Kind) -> None:
    ledger = Ledger(WALLET)
    with ledger.call(program):
        ledger.create(WALLET, address("stake account"), SOL)
    parsed = read(ledger)
    assert (parsed.kind, parsed.rent_paid_lamports) == (kind, SOL)


def test_who_only_pays_the_fee_of_somebody_elses_trade_did_not_trade() -> None:
    ledger = Ledger(WALLET)
    for mint in (TOKEN, USDC_MINT):
        ledger.holds(account(FRIEND, mint), mint, FRIEND, 10**6)
        ledger.holds(account(POOL, mint), mint, POOL, 10**6)
    with ledger.call(min(VENUES)):
        ledger.transfer(account(FRIEND, TOKEN), account(POOL, TOKEN), 5, by=FRIEND)
        ledger.transfer(account(POOL, USDC_MINT), account(FRIEND, USDC_MINT), 9, by=POOL)
    assert read(ledger).kind is Kind.OTHERS_TRADE
    assert read(ledger, FRIEND).direction is Direction.SELL
