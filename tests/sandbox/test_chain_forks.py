"""Forks: processed slots vanish with all they held, confirmed ones never do."""

import pytest

from tests.sandbox.actors import SOL, WSOL, Actor, keypair, lamports_of, new_chain
from workers.sandbox.records import ChainEvent, Forked, Rejected

RECEIVER = keypair("receiver").pubkey()


@pytest.fixture
def alice():
    actor = Actor(new_chain(mode="slot", confirmation_slots=4), "alice")
    actor.chain.advance(slots=5)
    return actor


def test_a_fork_takes_back_transactions_balances_and_history(alice):
    chain = alice.chain
    before = chain.account(alice.address)
    signatures = []
    for _ in range(3):
        record = alice.must(alice.open_account(WSOL), alice.pay(RECEIVER, SOL))
        signatures.append(record.signature)
        chain.close_slot()
    events: list[ChainEvent] = []
    chain.listen(events.append)
    chain.fork(4)
    assert chain.account(alice.address) == before
    assert chain.account(RECEIVER) is None
    assert chain.token_accounts_by_owner(alice.address) == []
    assert [chain.status(signature) for signature in signatures] == [None] * 3
    assert chain.signatures_for(str(RECEIVER)) == []
    assert [type(event) for event in events] == [Forked]
    assert isinstance(events[0], Forked)
    assert events[0].signatures == tuple(signatures)


def test_a_rebroadcast_with_a_surviving_blockhash_lands(alice):
    transaction = alice.sign(alice.pay(RECEIVER, SOL))
    alice.chain.execute(transaction)
    alice.chain.fork(1)
    assert alice.chain.account(RECEIVER) is None
    alice.chain.execute(transaction)
    assert lamports_of(alice.chain, RECEIVER) == SOL


def test_a_rebroadcast_whose_blockhash_was_on_the_lost_fork_does_not_land(alice):
    alice.chain.close_slot()
    transaction = alice.sign(alice.pay(RECEIVER, SOL))
    alice.chain.execute(transaction)
    alice.chain.fork(2)
    with pytest.raises(Rejected) as refused:
        alice.chain.execute(transaction)
    assert refused.value.err == "BlockhashNotFound"


def test_building_goes_on_in_a_later_slot_upon_the_last_common_block(alice):
    chain = alice.chain
    chain.advance(slots=2)
    slot, height = chain.slot, chain.block_height
    lost = chain.block(slot - 1).blockhash
    chain.fork(3)
    assert (chain.slot, chain.block_height) == (slot + 1, height - 2)
    assert chain.block(slot - 1) is None
    chain.close_slot()
    block = chain.block(slot + 1)
    assert block.parent_slot == slot - 3
    assert block.blockhash != lost


def test_confirmed_slots_never_roll_back(alice):
    with pytest.raises(ValueError, match="confirmed"):
        alice.chain.fork(5)
    with pytest.raises(ValueError, match="confirmed"):
        alice.chain.fork(0)


def test_a_saved_fork_stays_lost(tmp_path):
    path = tmp_path / "chain"
    chain = new_chain(path=path, mode="slot", confirmation_slots=4)
    alice = Actor(chain, "alice")
    chain.advance(slots=5)
    signature = alice.must(alice.pay(RECEIVER, SOL)).signature
    chain.close_slot()
    chain.save()
    chain.fork(2)
    expected = chain.state_hash()
    chain.close()
    reopened = new_chain(path=path, mode="slot", confirmation_slots=4)
    assert reopened.state_hash() == expected
    assert reopened.status(signature) is None
    reopened.close()


def test_nothing_from_before_a_restart_can_be_forked_away(tmp_path):
    path = tmp_path / "chain"
    chain = new_chain(path=path, mode="slot")
    chain.fund(RECEIVER, SOL)
    chain.close()
    reopened = new_chain(path=path, mode="slot")
    with pytest.raises(ValueError, match="restarted"):
        reopened.fork(1)
    assert lamports_of(reopened, RECEIVER) == SOL
    reopened.close()
