"""Attacks on the exchange: accounts and programs that are not the pool's are refused."""

from dataclasses import replace

import pytest
from solders.account import Account
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from tests.sandbox.actors import SOL, WSOL, Actor, keypair, new_chain, present, vault_amounts
from tests.sandbox.test_program_swap import failed_with
from workers.sandbox import amm
from workers.sandbox.holdings import TOKEN_2022_PROGRAM, TOKEN_PROGRAM

POOL, USER, USER_BASE, USER_QUOTE, BASE_VAULT, QUOTE_VAULT = range(6)
BASE_MINT, QUOTE_MINT, BASE_PROGRAM, QUOTE_PROGRAM = range(6, 10)


@pytest.fixture
def market():
    chain = new_chain()
    maker, thief = Actor(chain, "maker"), Actor(chain, "thief")
    mint = maker.create_mint("token")
    pool = maker.open_pool(mint)
    thief.must(*thief.buy(pool, mint, SOL))
    thief.must(thief.open_account(WSOL), *thief.wrap(WSOL.account_of(thief.address), SOL))
    return chain, maker, thief, mint, pool


def attempt(market, *, place: int, key: Pubkey, buys: bool = True):
    """A swap with one account exchanged; the pool must be as it was afterwards."""
    chain, _, thief, mint, pool = market
    honest = thief.swap(pool, mint, buys=buys, amount=1000)
    accounts = list(honest.accounts)
    meta = accounts[place]
    accounts[place] = type(meta)(key, meta.is_signer, meta.is_writable)
    before = vault_amounts(chain, pool)
    record = thief.send(Instruction(amm.AMM_PROGRAM_ID, honest.data, accounts))
    assert vault_amounts(chain, pool) == before
    return record


@pytest.mark.parametrize("place", [BASE_PROGRAM, QUOTE_PROGRAM])
def test_a_fake_token_program_is_refused(market, place):
    """It would be called with the pool's signature and could pass that on to the real one."""
    for fake in (amm.AMM_PROGRAM_ID, TOKEN_2022_PROGRAM):
        assert failed_with(attempt(market, place=place, key=fake), amm.ERROR_WRONG_PROGRAM)


@pytest.mark.parametrize("place", [BASE_VAULT, QUOTE_VAULT])
def test_a_foreign_vault_is_refused(market, place):
    _, _, thief, mint, _ = market
    own = (mint if place == BASE_VAULT else WSOL).account_of(thief.address)
    assert failed_with(attempt(market, place=place, key=own), amm.ERROR_WRONG_ACCOUNT)


@pytest.mark.parametrize("place", [BASE_MINT, QUOTE_MINT])
def test_a_foreign_mint_is_refused(market, place):
    other = market[1].create_mint("other").address
    assert failed_with(attempt(market, place=place, key=other), amm.ERROR_WRONG_ACCOUNT)


def test_a_copy_of_the_pool_owned_by_nobody_is_refused(market):
    chain, _, _, _, pool = market
    forged = keypair("forged pool").pubkey()
    data = present(chain, pool.address).data
    chain.set_account(forged, Account(SOL, data, Pubkey.default()))
    assert failed_with(attempt(market, place=POOL, key=forged), amm.ERROR_WRONG_ACCOUNT)


def test_a_second_pool_cannot_spend_the_first_ones_vaults(market):
    _, maker, _, mint, pool = market
    address, _ = amm.pool_address(base_mint=mint.address, quote_mint=WSOL.address, index=1)
    vaults = {"base_vault": mint.account_of(address), "quote_vault": WSOL.account_of(address)}
    parties = {
        "admin": maker.address,
        "base_mint": mint.address,
        "quote_mint": WSOL.address,
        "base_program": TOKEN_PROGRAM,
        "quote_program": TOKEN_PROGRAM,
        "fee_bps": 30,
        "index": 1,
    }
    maker.must(maker.open_account(mint, address), maker.open_account(WSOL, address))
    stolen = vaults | {"quote_vault": pool.quote_vault}
    record = maker.send(amm.initialize_pool_instruction(**parties, **stolen))
    assert failed_with(record, amm.ERROR_WRONG_ACCOUNT)
    maker.must(amm.initialize_pool_instruction(**parties, **vaults))
    assert failed_with(attempt(market, place=POOL, key=address), amm.ERROR_WRONG_ACCOUNT)


@pytest.mark.parametrize(("place", "buys"), [(USER_BASE, True), (USER_QUOTE, False)])
def test_the_pools_own_vault_is_no_destination(market, place, buys):
    pool = market[4]
    vault = pool.base_vault if place == USER_BASE else pool.quote_vault
    record = attempt(market, place=place, key=vault, buys=buys)
    assert failed_with(record, amm.ERROR_WRONG_ACCOUNT)


def test_another_wallets_tokens_cannot_be_sold(market):
    _, maker, _, mint, _ = market
    maker.must(maker.open_account(mint), maker.mint_to(mint, mint.account_of(maker.address), 10**9))
    victim = mint.account_of(maker.address)
    record = attempt(market, place=USER_BASE, key=victim, buys=False)
    assert failed_with(record, 4)  # the token program's OwnerMismatch


def test_a_pool_is_created_once(market):
    _, maker, _, mint, pool = market
    again = amm.initialize_pool_instruction(
        admin=maker.address,
        base_mint=mint.address,
        quote_mint=WSOL.address,
        base_vault=pool.base_vault,
        quote_vault=pool.quote_vault,
        base_program=TOKEN_PROGRAM,
        quote_program=TOKEN_PROGRAM,
        fee_bps=0,
    )
    assert maker.send(again).err is not None


def test_a_pool_with_a_fake_token_program_is_never_created(market):
    _, maker, _, mint, pool = market
    fake = replace(pool, base_program=amm.AMM_PROGRAM_ID)
    record = maker.send(
        amm.initialize_pool_instruction(
            admin=maker.address,
            base_mint=mint.address,
            quote_mint=WSOL.address,
            base_vault=pool.base_vault,
            quote_vault=pool.quote_vault,
            base_program=fake.base_program,
            quote_program=TOKEN_PROGRAM,
            fee_bps=0,
        )
    )
    assert failed_with(record, amm.ERROR_WRONG_PROGRAM)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x09", bytes(18), b"\x01\x02" + bytes(16)])
def test_garbled_instructions_are_refused(market, data):
    _, _, thief, mint, pool = market
    honest = thief.swap(pool, mint, buys=True, amount=1000)
    record = thief.send(Instruction(amm.AMM_PROGRAM_ID, data, honest.accounts))
    assert failed_with(record, amm.ERROR_INVALID_INSTRUCTION)
