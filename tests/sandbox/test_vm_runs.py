"""The VM's wrapper: what LiteSVM leaves open and we close."""

import pytest
from solders.account import Account
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from tests.sandbox.actors import SOL, WSOL, Actor, keypair, lamports_of, new_chain
from workers.sandbox.amm import AMM_PROGRAM_ID
from workers.sandbox.vm import Vm

ALICE, RECEIVER = keypair("alice"), keypair("receiver").pubkey()
ATA_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")


@pytest.fixture
def vm():
    machine = Vm()
    machine.set_account(ALICE.pubkey(), Account(10 * SOL, b"", Pubkey.default()))
    return machine


def payment(lamports=SOL):
    pay = transfer(
        TransferParams(from_pubkey=ALICE.pubkey(), to_pubkey=RECEIVER, lamports=lamports)
    )
    return VersionedTransaction(Message([pay], ALICE.pubkey()), [ALICE])


def test_two_machines_start_with_the_same_accounts():
    """LiteSVM's airdrop pool has a random key."""
    first, second = Vm(), Vm()
    programs = [Pubkey.default(), AMM_PROGRAM_ID]
    for program in programs:
        assert first.program_accounts(program) == second.program_accounts(program)


def test_a_run_can_be_undone(vm):
    before = vm.account(ALICE.pubkey())
    run = vm.run(payment(), verify=True)
    assert vm.account(RECEIVER).lamports == SOL
    vm.undo(run.undo_log())
    assert vm.account(ALICE.pubkey()) == before
    assert vm.account(RECEIVER) is None


def test_a_simulation_leaves_no_trace_and_shows_the_state_after_it(vm):
    before = vm.account(ALICE.pubkey())
    dry = vm.simulate(payment(), verify=True)
    assert dry.outcome.err is None
    assert dry.post[RECEIVER].lamports == SOL
    assert vm.account(ALICE.pubkey()) == before
    assert vm.account(RECEIVER) is None


def test_signatures_are_checked_only_when_asked(vm):
    unsigned = VersionedTransaction.populate(payment().message, [ALICE.sign_message(b"other")])
    for _ in range(2):
        assert vm.simulate(unsigned, verify=True).outcome.err == "SignatureFailure"
        assert vm.simulate(unsigned, verify=False).outcome.err is None


def test_a_failed_run_costs_its_fee_and_is_included(vm):
    run = vm.run(payment(100 * SOL), verify=True)
    assert run.outcome.included
    assert run.outcome.err == {"InstructionError": [0, {"Custom": 1}]}
    assert vm.account(ALICE.pubkey()).lamports == 10 * SOL - 5000


def test_programs_are_fetched_once(vm):
    assert vm.account(ATA_PROGRAM) is vm.account(ATA_PROGRAM)
    assert vm.account(ATA_PROGRAM).executable


def test_the_exchange_is_a_program():
    program = Vm().account(AMM_PROGRAM_ID)
    assert program
    assert program.executable


def test_a_chain_simulates_with_the_accounts_asked_for():
    chain = new_chain()
    alice = Actor(chain, "alice")
    own = WSOL.account_of(alice.address)
    transaction = alice.sign(alice.open_account(WSOL), *alice.wrap(own, SOL))
    chain.advance(slots=200)
    assert chain.simulate(transaction).err == "BlockhashNotFound"
    dry = chain.simulate(
        transaction, replace_blockhash=True, accounts=[own, alice.address, RECEIVER]
    )
    assert dry.err is None
    assert dry.replacement_blockhash == chain.blockhash()
    assert dry.units_consumed > 1000
    wrapped, payer, nobody = dry.accounts
    assert wrapped
    assert payer
    assert wrapped.lamports == chain.rent_exempt(165) + SOL
    assert payer.lamports < lamports_of(chain, alice.address) - SOL
    assert nobody is None
    assert chain.account(own) is None
    assert dry.inner_instructions[0]["index"] == 0
