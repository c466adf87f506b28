"""Trades of which nodes or Helius leave something out are read all the same."""

from solders.pubkey import Pubkey
from spl.token.instructions import get_associated_token_address

from tests.domain.trades import (
    CURVE,
    FRIEND,
    NEW_VENUE,
    POOL,
    ROUTER,
    SOL,
    TOKEN,
    WALLET,
    account,
    parse,
    read,
    swapped,
    with_curve,
    with_pool,
    without_owners,
)
from tests.ledger import FEE, encode_base58, vault
from trading.domain.swaps import Direction
from trading.domain.values import USDC_MINT, WSOL_MINT


def test_owners_that_an_old_node_left_out_are_found() -> None:
    wallet, mint = Pubkey.from_string(WALLET), Pubkey.from_string(TOKEN)
    own = str(get_associated_token_address(wallet, mint))
    ledger = with_pool(USDC_MINT)
    ledger.holds(own, TOKEN, WALLET)
    ledger.holds(account(POOL, TOKEN), TOKEN, POOL, 10**9)
    with ledger.call(NEW_VENUE):
        ledger.transfer(account(WALLET, USDC_MINT), account(POOL, USDC_MINT), 50, by=WALLET)
        ledger.transfer(account(POOL, TOKEN), own, 777, by=POOL)
    parsed = parse(without_owners(ledger))
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
    parsed = parse(without_owners(ledger))
    assert (parsed.direction, parsed.token_delta_raw) == (Direction.BUY, 777)


def test_a_batch_of_token_instructions_is_read_as_each_of_them() -> None:
    ledger = swapped(TOKEN, USDC_MINT)
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
    ledger = with_curve()
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
    ledger = swapped(TOKEN, WSOL_MINT)
    for kept in (None, []):
        told = ledger.as_json()
        told["meta"]["innerInstructions"] = kept
        parsed = parse(told)
        assert (parsed.direction, parsed.base_delta_raw) == (Direction.SELL, 777)
    bare = {name: ledger.as_enhanced()[name] for name in ("signature", "accountData", "type")}
    parsed = parse(bare)
    assert (parsed.direction, parsed.network_fee_lamports) == (Direction.SELL, FEE)
