"""What buyers of bad tokens meet: every trap is sprung by the real token programs."""

import struct

import pytest
from solders.instruction import Instruction

from tests.sandbox.actors import (
    DEFAULT_FROZEN,
    NON_TRANSFERABLE,
    SOL,
    Actor,
    keypair,
    new_chain,
    pausable,
    permanent_delegate,
    transfer_fee,
    transfer_hook,
    writable,
)
from workers.sandbox.holdings import TOKEN_2022_PROGRAM, TOKEN_PROGRAM

FROZEN, NO_TRANSFERS, PAUSED = 0x11, 0x25, 0x43


@pytest.fixture
def chain():
    return new_chain()


@pytest.fixture
def maker(chain):
    return Actor(chain, "maker")


@pytest.fixture
def alice(chain):
    return Actor(chain, "alice")


def error_of(record):
    return record.err["InstructionError"][1] if record.err else None


def give(maker, mint, actor, amount=10**9):
    """Mint tokens into an actor's account."""
    account = mint.account_of(actor.address)
    maker.must(maker.open_account(mint, actor.address), maker.mint_to(mint, account, amount))
    return account


@pytest.mark.parametrize("program", [TOKEN_PROGRAM, TOKEN_2022_PROGRAM])
def test_a_freeze_honeypot_can_be_bought_but_not_sold(maker, alice, program):
    mint = maker.create_mint("honeypot", freezable=True, program=program)
    pool = maker.open_pool(mint)
    alice.must(*alice.buy(pool, mint, SOL))
    maker.must(maker.freeze(mint, mint.account_of(alice.address)))
    record = alice.send(*alice.sell(pool, mint, alice.balance(mint)))
    assert record.err == {"InstructionError": [1, {"Custom": FROZEN}]}


def test_an_unfrozen_mint_cannot_be_frozen(maker, alice):
    mint = maker.create_mint("plain")
    account = give(maker, mint, alice)
    assert maker.send(maker.freeze(mint, account)).err is not None


def test_a_transfer_fee_is_kept_back(maker, alice):
    mint = maker.create_mint("taxed", extension=transfer_fee(500))
    give(maker, mint, maker)
    account = mint.account_of(alice.address)
    maker.must(maker.open_account(mint, alice.address), maker.transfer_tokens(mint, account, 1000))
    assert alice.balance(mint) == 950


def test_a_raised_fee_takes_effect_two_epochs_later(chain, maker, alice):
    mint = maker.create_mint("rising", extension=transfer_fee(100, maker.address))
    give(maker, mint, maker)
    account = mint.account_of(alice.address)
    maker.must(maker.open_account(mint, alice.address))
    data = b"\x1a\x05" + struct.pack("<HQ", 10_000, 2**63)
    maker.must(Instruction(TOKEN_2022_PROGRAM, data, [writable(mint.address), maker.signer()]))
    maker.must(maker.transfer_tokens(mint, account, 1000))
    assert alice.balance(mint) == 990
    chain.advance(seconds=2 * 432_000 * 0.4)
    maker.must(maker.transfer_tokens(mint, account, 1000))
    assert alice.balance(mint) == 990


def test_a_permanent_delegate_takes_everything_back(maker, alice):
    mint = maker.create_mint("claw", extension=permanent_delegate(maker.address))
    pool = maker.open_pool(mint)
    alice.must(*alice.buy(pool, mint, SOL))
    held, account = alice.balance(mint), mint.account_of(alice.address)
    give(maker, mint, maker)
    target = mint.account_of(maker.address)
    maker.must(maker.transfer_tokens(mint, target, held, source=account))
    assert alice.balance(mint) == 0


def test_a_transfer_hook_makes_the_pool_fail(maker, alice):
    mint = maker.create_mint("hooked", extension=transfer_hook(keypair("hook").pubkey()))
    pool = maker.open_pool(mint)
    record = alice.send(*alice.buy(pool, mint, SOL))
    assert record.err is not None
    assert alice.balance(mint) == 0


def test_default_frozen_accounts_receive_nothing(maker, alice):
    mint = maker.create_mint("icy", freezable=True, extension=DEFAULT_FROZEN)
    account = mint.account_of(alice.address)
    record = maker.send(maker.open_account(mint, alice.address), maker.mint_to(mint, account, 1))
    assert error_of(record) == {"Custom": FROZEN}


def test_a_non_transferable_token_stays_where_it_is(maker, alice):
    mint = maker.create_mint("soulbound", extension=NON_TRANSFERABLE)
    give(maker, mint, alice)
    maker.must(maker.open_account(mint))
    record = alice.send(alice.transfer_tokens(mint, mint.account_of(maker.address), 1))
    assert error_of(record) == {"Custom": NO_TRANSFERS}


def test_a_paused_mint_moves_for_nobody(maker, alice):
    mint = maker.create_mint("pausable", extension=pausable(maker.address))
    give(maker, mint, alice)
    maker.must(maker.open_account(mint))
    send = alice.transfer_tokens(mint, mint.account_of(maker.address), 1)
    alice.must(send)
    pause = Instruction(TOKEN_2022_PROGRAM, b"\x2c\1", [writable(mint.address), maker.signer()])
    maker.must(pause, maker.pay(alice.address, SOL))
    alice.chain.close_slot()
    assert error_of(alice.send(send)) == {"Custom": PAUSED}


def test_a_revoked_mint_authority_mints_no_more(maker):
    mint = maker.create_mint("fixed")
    account = give(maker, mint, maker)
    revoke = Instruction(mint.program, b"\x06\0\0", [writable(mint.address), maker.signer()])
    maker.must(revoke)
    assert maker.send(maker.mint_to(mint, account, 1)).err is not None


def test_token_2022_balances_are_recorded_with_their_program(maker, alice):
    mint = maker.create_mint("taxed", decimals=3, extension=transfer_fee(500))
    give(maker, mint, maker)
    account = mint.account_of(alice.address)
    maker.must(maker.open_account(mint, alice.address))
    record = maker.must(maker.transfer_tokens(mint, account, 1000))
    received = [b for b in record.post_token_balances if b.owner == str(alice.address)]
    assert [(b.amount, b.decimals, b.program_id) for b in received] == [
        (950, 3, str(TOKEN_2022_PROGRAM))
    ]
