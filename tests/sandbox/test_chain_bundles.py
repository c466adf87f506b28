"""Bundles: all or nothing, in order, in one slot."""

import pytest

from tests.sandbox.actors import SOL, WSOL, Actor, keypair, lamports_of, new_chain
from workers.sandbox.records import ChainEvent, TransactionLanded

RECEIVER = keypair("receiver").pubkey()


@pytest.fixture
def market():
    chain = new_chain()
    maker, alice = Actor(chain, "maker"), Actor(chain, "alice")
    mint = maker.create_mint("token")
    pool = maker.open_pool(mint)
    return chain, alice, mint, pool


def test_a_bundle_lands_in_order_in_one_slot(market):
    chain, alice, mint, pool = market
    buy = alice.sign(*alice.buy(pool, mint, SOL))
    tip = alice.sign(alice.pay(RECEIVER, SOL))
    result = chain.execute_bundle([buy, tip])
    assert result.landed
    assert [record.slot for record in result.records] == [result.slot] * 2
    assert result.records[1].index == result.records[0].index + 1
    assert lamports_of(chain, RECEIVER) == SOL


def test_one_failure_undoes_everything(market):
    chain, alice, mint, pool = market
    before, count = chain.state_hash(), chain.transaction_count
    heard: list[ChainEvent] = []
    chain.listen(heard.append)
    good = alice.sign(*alice.buy(pool, mint, SOL))
    bad = alice.sign(*alice.buy(pool, mint, SOL, min_out=10**15))
    result = chain.execute_bundle([alice.sign(alice.pay(RECEIVER, SOL)), good, bad])
    assert not result.landed
    assert result.failed_index == 2
    assert result.err["InstructionError"][1] == {"Custom": 6001}
    assert any("0x1771" in line for line in result.logs)
    assert (chain.state_hash(), chain.transaction_count, heard) == (before, count, [])
    assert chain.status(str(good.signatures[0])) is None
    assert chain.token_accounts_by_owner(alice.address) == []


def test_a_bundle_that_was_undone_can_be_sent_again(market):
    chain, alice, mint, pool = market
    pay, bad = alice.sign(alice.pay(RECEIVER, SOL)), alice.sign(alice.pay(RECEIVER, 10**15))
    assert not chain.execute_bundle([pay, bad]).landed
    assert chain.execute_bundle([pay, alice.sign(*alice.buy(pool, mint, SOL))]).landed


def test_a_transaction_that_is_not_included_fails_the_bundle(market):
    chain, alice, _, _ = market
    stranger = Actor(chain, "stranger", lamports=0)
    pay = alice.sign(alice.pay(RECEIVER, SOL))
    result = chain.execute_bundle([pay, stranger.sign(stranger.pay(RECEIVER, SOL))])
    assert (result.landed, result.failed_index, result.err) == (False, 1, "AccountNotFound")
    assert chain.account(RECEIVER) is None


def test_the_same_transaction_twice_is_no_bundle(market):
    chain, alice, _, _ = market
    pay = alice.sign(alice.pay(RECEIVER, SOL))
    result = chain.execute_bundle([pay, pay])
    assert (result.landed, result.failed_index, result.err) == (False, 1, "AlreadyProcessed")
    assert chain.account(RECEIVER) is None


def test_listeners_hear_of_a_bundle_once_it_stands(market):
    chain, alice, _, _ = market
    heard: list[ChainEvent] = []
    chain.listen(heard.append)
    chain.execute_bundle(
        [alice.sign(alice.pay(RECEIVER, SOL)), alice.sign(alice.open_account(WSOL))]
    )
    assert [type(event) for event in heard] == [TransactionLanded] * 2
    assert isinstance(heard[0], TransactionLanded)
    assert RECEIVER in heard[0].writable
