"""What is a trade and what is price, told from balances and the programs' semantics: at venues nobody has heard of."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from solders.pubkey import Pubkey
from spl.token.instructions import get_associated_token_address

from tests.ledger import FEE, RENT, Ledger, address, encode_base58, vault
from trading.domain.kinds import Kind
from trading.domain.programs import BRIDGES, LENDING, RFQ_PROGRAM, STAKE_PROGRAM, VENUES
from trading.domain.swaps import Direction, ParsedTransaction, parse_swap
from trading.domain.values import USDC_MINT, USDT_MINT, WSOL_MINT
from trading.gateways.jito import TIP_ACCOUNTS

WALLET, POOL, FRIEND = address("wallet"), vault("pool"), address("friend")
TOKEN, OTHER, SHARE = address("token"), address("other"), address("share")
NEW_VENUE, ROUTER, CURVE = address("new venue"), address("new router"), vault("curve")
TITAN = "T1TANpTeScyeqVzzgNViGDNrkQ6qHz9KrSBS4aNXvGT"
SOL = 10**9


def account(owner: str, mint: str) -> str:
    return vault(f"{owner[:12]}{mint[:12]}")


def with_pool(*mints: str, amount: int = 10**12) -> Ledger:
    """A wallet and a pool, each with an account of every mint."""
    ledger = Ledger(WALLET)
    for mint in mints:
        ledger.holds(account(WALLET, mint), mint, WALLET, amount)
        ledger.holds(account(POOL, mint), mint, POOL, amount)
    return ledger


def exchange(ledger: Ledger, given: str, got: str, *, pay: int = SOL, get: int = 777) -> None:
    """What every pool does: takes the one and pays the other."""
    ledger.transfer(account(WALLET, given), account(POOL, given), pay, by=WALLET)
    ledger.transfer(account(POOL, got), account(WALLET, got), get, by=POOL)


def parse(told: dict[str, Any], wallet: str | None = None) -> ParsedTransaction:
    return parse_swap(told, wallet=wallet, tip_accounts=TIP_ACCOUNTS)


def read(ledger: Ledger, wallet: str | None = None) -> ParsedTransaction:
    """All three forms tell the same story."""
    parsed = parse(ledger.as_json(), wallet)
    assert parse(ledger.as_parsed(), wallet) == parsed
    assert replace(parse(ledger.as_enhanced(), wallet), signature="played") == parsed
    return parsed


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
    ledger = with_pool(given, got)
    with ledger.call(NEW_VENUE):
        exchange(ledger, given, got)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (direction, base)
    assert [(leg.mint, leg.delta_raw) for leg in parsed.legs] == [(given, -SOL), (got, 777)]
    assert (parsed.venues, parsed.network_fee_lamports) == ((), FEE)


def test_a_token_leg_that_is_no_base_is_the_one_that_was_got() -> None:
    ledger = with_pool(TOKEN, OTHER)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, OTHER)
    parsed = read(ledger)
    assert (parsed.base_mint, parsed.token_mint, parsed.token_delta_raw) == ("", OTHER, 777)


def test_fee_tip_payments_and_rent_are_no_part_of_the_price() -> None:
    """Wraps SOL for the trade, opens an account for the token, tips, pays a bot, and unwraps the rest."""
    ledger = Ledger(WALLET)
    ledger.holds(account(POOL, WSOL_MINT), WSOL_MINT, POOL, 50 * SOL)
    ledger.holds(account(POOL, TOKEN), TOKEN, POOL, 10**12)
    ledger.open(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.open(account(WALLET, WSOL_MINT), WSOL_MINT, WALLET)
    ledger.wrap(WALLET, account(WALLET, WSOL_MINT), 2 * SOL)
    with ledger.call(NEW_VENUE):
        exchange(ledger, WSOL_MINT, TOKEN)
    ledger.close(account(WALLET, WSOL_MINT), to=WALLET, by=WALLET)
    ledger.send(WALLET, TIP_ACCOUNTS[3], 40_000)
    ledger.send(WALLET, FRIEND, 90_000)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw, parsed.token_delta_raw) == ("BUY", -SOL, 777)
    assert (parsed.jito_tip_lamports, parsed.other_out_lamports) == (40_000, 90_000)
    assert (parsed.rent_paid_lamports, parsed.rent_refunded_lamports) == (RENT, 0)


def test_the_rent_of_an_account_closed_after_a_sale_is_no_proceeds() -> None:
    ledger = with_pool(TOKEN, WSOL_MINT, amount=777)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, WSOL_MINT, pay=777, get=500)
    ledger.close(account(WALLET, TOKEN), to=WALLET, by=WALLET)
    ledger.close(account(WALLET, WSOL_MINT), to=WALLET, by=WALLET)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, 500)
    assert parsed.rent_refunded_lamports == 2 * RENT


def test_what_a_venue_takes_beside_the_price_belongs_to_the_price() -> None:
    """A bonding curve is paid by the system program: the curve, and the venue's own fee."""
    ledger = Ledger(WALLET)
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
        ledger.send(WALLET, CURVE, SOL)
        ledger.send(WALLET, FRIEND, SOL // 100)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.BUY, -SOL - SOL // 100)
    assert parsed.other_out_lamports == 0


def test_what_a_router_takes_beside_the_venue_is_a_payment_of_its_own() -> None:
    ledger = Ledger(WALLET)
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    with ledger.call(ROUTER):
        ledger.send(WALLET, FRIEND, 9_000)
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
            ledger.send(WALLET, CURVE, SOL)
    parsed = read(ledger)
    assert (parsed.base_delta_raw, parsed.other_out_lamports) == (-SOL, 9_000)


def test_a_curve_that_pays_without_an_instruction_is_a_sale() -> None:
    ledger = Ledger(WALLET)
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET, 777)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    ledger.lamports[CURVE] = 20 * SOL
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, TOKEN), account(CURVE, TOKEN), 777, by=WALLET)
        ledger.drain(CURVE, WALLET, SOL)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, SOL)


def test_money_that_a_payee_passed_on_to_the_venue_is_the_price() -> None:
    """A bot's account gets the SOL and pays the curve with it."""
    bot = vault("bot")
    ledger = Ledger(WALLET)
    ledger.lamports[bot] = SOL
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    with ledger.call(ROUTER):
        ledger.send(WALLET, bot, SOL)
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
            ledger.send(bot, CURVE, SOL)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw, parsed.other_out_lamports) == ("BUY", -SOL, 0)


def test_a_temporary_account_closed_to_somebody_else_gave_its_rent_away() -> None:
    ledger = with_pool(TOKEN, USDC_MINT)
    ledger.open(account(WALLET, WSOL_MINT), WSOL_MINT, WALLET)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, USDC_MINT)
    ledger.close(account(WALLET, WSOL_MINT), to=FRIEND, by=WALLET)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, 777)
    assert (parsed.other_out_lamports, parsed.rent_paid_lamports) == (RENT, 0)


def test_rent_for_somebody_elses_account_is_rent_too() -> None:
    ledger = with_pool(TOKEN, USDC_MINT)
    ledger.open(account(FRIEND, TOKEN), TOKEN, FRIEND)
    with ledger.call(NEW_VENUE):
        exchange(ledger, USDC_MINT, TOKEN)
    assert read(ledger).rent_paid_lamports == RENT


def test_sol_from_another_signer_is_a_gift_and_no_proceeds() -> None:
    ledger = with_pool(TOKEN, WSOL_MINT)
    ledger.signers = (WALLET, FRIEND)
    ledger.lamports[FRIEND] = SOL
    ledger.send(FRIEND, WALLET, 12_345)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, WSOL_MINT)
    assert read(ledger).base_delta_raw == 777


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


def test_a_failed_trade_is_none_whatever_its_instructions_say() -> None:
    ledger = with_pool(TOKEN, WSOL_MINT)
    with ledger.call(TITAN):
        exchange(ledger, TOKEN, WSOL_MINT)
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


def test_owners_that_an_old_node_left_out_are_found() -> None:
    wallet, mint = Pubkey.from_string(WALLET), Pubkey.from_string(TOKEN)
    own = str(get_associated_token_address(wallet, mint))
    ledger = with_pool(USDC_MINT)
    ledger.holds(own, TOKEN, WALLET)
    ledger.holds(account(POOL, TOKEN), TOKEN, POOL, 10**9)
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, USDC_MINT), account(POOL, USDC_MINT), 50, by=WALLET)
        ledger.transfer(account(POOL, TOKEN), own, 777, by=POOL)
    told = ledger.as_json()
    for row in told["meta"]["preTokenBalances"] + told["meta"]["postTokenBalances"]:
        del row["owner"]
    parsed = parse(told)
    assert (parsed.direction, parsed.base_delta_raw, parsed.token_delta_raw) == ("BUY", -50, 777)


def test_an_old_account_of_no_known_owner_is_whose_payment_the_pool_answered() -> None:
    ledger = with_pool(USDC_MINT)
    ledger.holds(vault("auxiliary"), TOKEN, WALLET)
    ledger.holds(vault("fees"), TOKEN, FRIEND)
    ledger.holds(account(POOL, TOKEN), TOKEN, POOL, 10**9)
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, USDC_MINT), account(POOL, USDC_MINT), 50, by=WALLET)
        ledger.transfer(account(POOL, TOKEN), vault("fees"), 7, by=POOL)
        ledger.transfer(account(POOL, TOKEN), vault("auxiliary"), 777, by=POOL)
    told = ledger.as_json()
    for row in told["meta"]["preTokenBalances"] + told["meta"]["postTokenBalances"]:
        del row["owner"]
    parsed = parse(told)
    assert (parsed.direction, parsed.token_delta_raw) == (Direction.BUY, 777)


def test_the_first_trade_of_a_token_fills_its_creators_vault_and_pays_the_fee_after() -> None:
    ledger = Ledger(WALLET)
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
        ledger.send(WALLET, vault("creator"), 400_000)
        ledger.send(WALLET, vault("creator"), 30_000)
        ledger.send(WALLET, CURVE, SOL)
    parsed = parse(ledger.as_json())
    assert (parsed.base_delta_raw, parsed.rent_paid_lamports) == (-SOL - 30_000, 400_000)


def test_a_launchpad_that_lets_another_program_move_its_tokens_still_takes_the_price() -> None:
    ledger = Ledger(WALLET)
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    with ledger.call(ROUTER):
        ledger.send(WALLET, CURVE, SOL)
        ledger.send(WALLET, FRIEND, 9_000)
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
    parsed = read(ledger)
    assert (parsed.base_delta_raw, parsed.other_out_lamports) == (-SOL, 9_000)


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


def test_a_sale_is_paid_unseen_though_a_bot_sent_a_little_back() -> None:
    ledger = Ledger(WALLET)
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET, 777)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    ledger.lamports |= {CURVE: 20 * SOL, POOL: SOL}
    with ledger.call(ROUTER):
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(WALLET, TOKEN), account(CURVE, TOKEN), 777, by=WALLET)
            ledger.drain(CURVE, WALLET, SOL)
        ledger.send(POOL, WALLET, 5_000)
    parsed = read(ledger)
    assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, SOL + 5_000)


def test_a_batch_of_token_instructions_is_read_as_each_of_them() -> None:
    ledger = with_pool(TOKEN, USDC_MINT)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, USDC_MINT)
    apart, told, parsed = read(ledger), ledger.as_json(), ledger.as_parsed()
    group = told["meta"]["innerInstructions"][0]
    first, second = group["instructions"]
    parts = [bytes([3]) + amount.to_bytes(8, "little") for amount in (SOL, 777)]
    data = b"\xff" + b"".join(bytes([3, len(each)]) + each for each in parts)
    batch = first | {"accounts": first["accounts"] + second["accounts"]}
    group["instructions"] = [batch | {"data": encode_base58(data)}]
    assert parse(told) == apart
    group = parsed["meta"]["innerInstructions"][0]
    each = [one["parsed"] for one in group["instructions"]]
    group["instructions"] = [
        group["instructions"][0] | {"parsed": {"type": "batch", "info": {"instructions": each}}}
    ]
    assert parse(parsed) == apart


def test_without_depths_the_accounts_tell_who_issued_what() -> None:
    ledger = Ledger(WALLET)
    ledger.holds(account(WALLET, TOKEN), TOKEN, WALLET)
    ledger.holds(account(CURVE, TOKEN), TOKEN, CURVE, 10**12)
    with ledger.call(ROUTER):
        with ledger.call(NEW_VENUE):
            ledger.transfer(account(CURVE, TOKEN), account(WALLET, TOKEN), 777, by=CURVE)
            ledger.send(WALLET, CURVE, SOL)
        ledger.send(WALLET, FRIEND, 9_000)
    told = ledger.as_json()
    keys = told["transaction"]["message"]["accountKeys"]
    venue, *inner = told["meta"]["innerInstructions"][0]["instructions"]
    venue["accounts"] = [
        keys.index(each) for each in (WALLET, CURVE, account(CURVE, TOKEN), account(WALLET, TOKEN))
    ]
    for each in (venue, *inner):
        del each["stackHeight"]
    parsed = parse(told)
    assert (parsed.base_delta_raw, parsed.other_out_lamports) == (-SOL, 9_000)


def test_where_no_inner_instruction_was_kept_balances_alone_decide() -> None:
    ledger = with_pool(TOKEN, WSOL_MINT)
    with ledger.call(NEW_VENUE):
        exchange(ledger, TOKEN, WSOL_MINT)
    for kept in (None, []):
        told = ledger.as_json()
        told["meta"]["innerInstructions"] = kept
        parsed = parse(told)
        assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, 777)
    bare = {name: ledger.as_enhanced()[name] for name in ("signature", "accountData", "type")}
    parsed = parse(bare)
    assert (parsed.direction, parsed.network_fee_lamports) == (Direction.SELL, FEE)
