"""Slots, heights, blockhashes and commitment as time passes."""

import pytest
from solders.hash import Hash

from tests.sandbox.actors import SOL, Actor, keypair, new_chain, reached
from workers.sandbox.chain import Chain
from workers.sandbox.records import ChainEvent, Rejected, SlotClosed

RECEIVER = keypair("receiver").pubkey()


def slot_chain(**options):
    return new_chain(mode="slot", **options)


def test_a_transaction_climbs_from_processed_to_finalized():
    chain = slot_chain()
    signature = chain.fund(RECEIVER, SOL).signature
    climbed = []
    for _ in range(34):
        climbed.append(reached(chain, signature))
        chain.close_slot()
    assert climbed[0] == ("processed", 0)
    assert climbed[1] == ("confirmed", 1)
    assert climbed[31] == ("confirmed", 31)
    assert climbed[32] == climbed[33] == ("finalized", None)


def test_an_instant_chain_confirms_at_once_and_finalizes_one_slot_later():
    chain = new_chain()
    alice = Actor(chain, "alice")
    signature = chain.submit(bytes(alice.sign(alice.pay(RECEIVER, SOL))))
    assert reached(chain, signature)[0] == "confirmed"
    chain.advance(slots=1)
    assert reached(chain, signature)[0] == "finalized"


def test_an_instant_transaction_takes_no_time():
    chain = new_chain()
    alice = Actor(chain, "alice")
    before = chain.unix_time
    chain.submit(bytes(alice.sign(alice.pay(RECEIVER, SOL))))
    assert chain.unix_time == before
    chain.close_slot()
    assert chain.unix_time == pytest.approx(before + 0.4)


def test_a_blockhash_lives_for_150_blocks():
    chain = slot_chain()
    blockhash = chain.blockhash()
    assert blockhash.last_valid_block_height == blockhash.block_height + 150
    chain.advance(slots=149)
    assert chain.block_height == blockhash.last_valid_block_height
    assert chain.is_blockhash_valid(blockhash.hash)
    chain.advance(slots=1)
    assert not chain.is_blockhash_valid(blockhash.hash)


def test_an_expired_transaction_is_not_included():
    chain = slot_chain()
    alice = Actor(chain, "alice")
    transaction = alice.sign(alice.pay(RECEIVER, SOL))
    chain.advance(slots=150)
    with pytest.raises(Rejected) as refused:
        chain.execute(transaction)
    assert refused.value.err == "BlockhashNotFound"
    assert chain.account(RECEIVER) is None


def test_a_fresh_blockhash_is_unknown_to_a_finalized_bank():
    """solana-py preflights at finalized unless told otherwise: mainnet refuses this too."""
    chain = slot_chain()
    chain.advance(slots=40)
    fresh = chain.blockhash("processed").hash
    assert chain.is_blockhash_valid(fresh, "processed")
    assert not chain.is_blockhash_valid(fresh, "finalized")
    assert chain.is_blockhash_valid(chain.blockhash("finalized").hash, "finalized")
    alice = Actor(chain, "alice")
    transaction = alice.sign(alice.pay(RECEIVER, SOL))
    assert chain.simulate(transaction, commitment="finalized").err == "BlockhashNotFound"
    assert chain.simulate(transaction).err is None


def test_an_unknown_blockhash_is_never_valid():
    assert not new_chain().is_blockhash_valid(Hash.default())


def test_skipped_time_moves_the_clock_but_not_the_height():
    chain = slot_chain()
    chain.fund(RECEIVER, SOL)
    slot, height, clock = chain.slot, chain.block_height, chain.unix_time
    chain.advance(seconds=86_400)
    assert chain.slot == slot + 216_000
    assert chain.block_height == height + 1
    assert chain.unix_time == clock + 86_400
    assert chain.slot_at("finalized") == slot
    assert chain.block(slot + 1) is None


def test_blocks_name_their_parents_across_skipped_slots():
    chain = slot_chain()
    signature = chain.fund(RECEIVER, SOL).signature
    first = chain.slot
    chain.advance(seconds=60)
    second = chain.slot
    chain.close_slot()
    block, child = chain.block(first), chain.block(second)
    assert block.signatures == (signature,)
    assert (child.parent_slot, child.previous_blockhash) == (first, block.blockhash)
    assert child.block_time == block.block_time + 60


def test_listeners_hear_of_slots_until_they_stop():
    chain = slot_chain()
    heard: list[ChainEvent] = []
    stop = chain.listen(heard.append)
    chain.close_slot()
    stop()
    chain.close_slot()
    assert [type(event) for event in heard] == [SlotClosed]
    assert isinstance(heard[0], SlotClosed)
    assert (heard[0].block.slot, heard[0].open_slot, heard[0].root) == (1, 2, 0)


def test_reported_times_alone_depend_on_the_genesis_time():
    hashes = []
    for genesis_time in (0, 1_800_000_000):
        chain = Chain.open(mode="slot", genesis_time=genesis_time)
        chain.fund(RECEIVER, SOL)
        chain.advance(slots=3)
        assert chain.block_time(1) == genesis_time
        hashes.append((chain.state_hash(), chain.blockhash().hash))
    assert hashes[0] == hashes[1]
