"""The door for clients: what is taken, in what order it lands, what never does."""

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.message import MessageV1, TransactionConfig
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from tests.sandbox.actors import (
    SOL,
    Actor,
    keypair,
    lamports_of,
    landed,
    new_chain,
    reached,
    readonly,
)
from workers.sandbox.mempool import BLOCK_UNIT_LIMIT
from workers.sandbox.messages import MAX_UNITS
from workers.sandbox.records import Malformed, Rejected

RECEIVER = keypair("receiver").pubkey()


@pytest.fixture
def alice():
    return Actor(new_chain(mode="slot"), "alice")


def priced(actor, price, *, units=1000, lamports=SOL):
    budget = [set_compute_unit_limit(units), set_compute_unit_price(price)]
    return actor.sign(*budget, actor.pay(RECEIVER, lamports))


def submit(actor, transaction):
    return actor.chain.submit(bytes(transaction))


def test_a_transaction_waits_for_the_next_slot(alice):
    signature = submit(alice, priced(alice, 1))
    assert alice.chain.status(signature) is None
    alice.chain.close_slot()
    assert reached(alice.chain, signature)[0] == "processed"


def test_the_best_payer_goes_first(alice):
    signatures = [submit(alice, priced(alice, price)) for price in (5, 500, 50)]
    alice.chain.close_slot()
    alice.chain.close_slot()
    block = alice.chain.block(alice.chain.slot - 1)
    assert block.signatures == (signatures[1], signatures[2], signatures[0])


def test_equal_offers_go_by_arrival(alice):
    signatures = [submit(alice, priced(alice, 7, lamports=n)) for n in (3, 2, 1)]
    alice.chain.close_slot()
    alice.chain.close_slot()
    assert list(alice.chain.block(alice.chain.slot - 1).signatures) == signatures


def test_a_full_block_leaves_the_cheapest_for_later(alice):
    fits = BLOCK_UNIT_LIMIT // MAX_UNITS
    transactions = [priced(alice, n + 1, units=MAX_UNITS, lamports=10**6) for n in range(fits + 1)]
    signatures = [submit(alice, transaction) for transaction in transactions]
    alice.chain.close_slot()
    assert alice.chain.status(signatures[0]) is None
    assert all(alice.chain.status(signature) for signature in signatures[1:])
    alice.chain.close_slot()
    assert alice.chain.status(signatures[0]) is not None


def test_a_waiting_transaction_dies_with_its_blockhash(alice):
    transaction = priced(alice, 1)
    alice.chain.advance(slots=150)
    signature = submit(alice, transaction)
    alice.chain.advance(slots=3)
    assert alice.chain.status(signature) is None
    assert alice.chain.account(RECEIVER) is None


def test_the_same_bytes_run_once(alice):
    wire = bytes(priced(alice, 1))
    assert alice.chain.submit(wire) == alice.chain.submit(wire)
    alice.chain.close_slot()
    alice.chain.submit(wire)
    alice.chain.close_slot()
    assert lamports_of(alice.chain, RECEIVER) == SOL


def test_an_instant_chain_names_duplicates():
    alice = Actor(new_chain(), "alice")
    wire = bytes(priced(alice, 1))
    alice.chain.submit(wire)
    with pytest.raises(Rejected) as refused:
        alice.chain.submit(wire)
    assert refused.value.err == "AlreadyProcessed"


def test_a_wrong_signature_is_refused(alice):
    signed = priced(alice, 1)
    forged = VersionedTransaction.populate(signed.message, [Signature.new_unique()])
    with pytest.raises(Rejected) as refused:
        submit(alice, forged)
    assert refused.value.err == "SignatureFailure"


def test_trusted_execution_leaves_signatures_unchecked():
    alice = Actor(new_chain(), "alice")
    signed = priced(alice, 1)
    forged = VersionedTransaction.populate(signed.message, [Signature.new_unique()])
    with pytest.raises(Rejected) as refused:
        alice.chain.execute(forged)
    assert refused.value.err == "SignatureFailure"
    assert alice.chain.execute(forged, trusted=True).err is None


@pytest.mark.parametrize(
    "wire", [b"", b"\0", b"hello", bytes(64), bytes(1232), b"\x81" + bytes(50)]
)
def test_garbage_is_malformed(alice, wire):
    with pytest.raises(Malformed):
        alice.chain.submit(wire)


def test_more_than_a_packet_is_malformed(alice):
    fat = alice.pay(RECEIVER, 1)
    fat = type(fat)(fat.program_id, fat.data + bytes(1100), fat.accounts)
    with pytest.raises(Malformed, match="too large"):
        submit(alice, alice.sign(fat))
    with pytest.raises(Malformed, match="too large"):
        alice.chain.execute(alice.sign(fat))


def test_an_unfunded_payer_is_not_included():
    alice = Actor(new_chain(), "alice", lamports=0)
    with pytest.raises(Rejected) as refused:
        alice.send(alice.pay(RECEIVER, SOL))
    assert refused.value.err == "AccountNotFound"


def test_an_unknown_program_is_named_as_nodes_name_it(alice):
    nobody = type(alice.pay(RECEIVER, 1))(keypair("no program").pubkey(), b"", [readonly(RECEIVER)])
    with pytest.raises(Rejected) as refused:
        alice.send(nobody)
    assert refused.value.err == "ProgramAccountNotFound"


def version_1(actor, *, fee, lamports=SOL):
    config = TransactionConfig(priority_fee=fee, compute_unit_limit=1000)
    blockhash = actor.chain.blockhash().hash
    message = MessageV1.try_compile(
        actor.address, [actor.pay(RECEIVER, lamports)], blockhash, config
    )
    return VersionedTransaction(message, [actor.keypair])


def test_version_1_transactions_run_and_pay_the_fee_they_state():
    alice = Actor(new_chain(), "alice")
    before = lamports_of(alice.chain, alice.address)
    record = landed(alice.chain, submit(alice, version_1(alice, fee=7_000)))
    assert (record.version, record.fee, record.err) == (1, 12_000, None)
    assert record.pre_balances[0] == before
    assert lamports_of(alice.chain, alice.address) == before - SOL - 12_000
    assert record.compute_unit_price == 7_000_000


def test_a_version_1_fee_that_cannot_be_paid_is_refused():
    alice = Actor(new_chain(), "alice", lamports=SOL)
    with pytest.raises(Rejected) as refused:
        submit(alice, version_1(alice, fee=2 * SOL))
    assert refused.value.err == "InsufficientFundsForFee"
    assert lamports_of(alice.chain, alice.address) == SOL
