"""Outside bytes and hostile instructions: a result or a named refusal, never anything else."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from solders.instruction import Instruction

from tests.sandbox.actors import SOL, WSOL, Actor, keypair, new_chain, vault_amounts, writable
from workers.sandbox import amm
from workers.sandbox.messages import decode
from workers.sandbox.records import Malformed, Rejected


class Stage:
    """A pool, and a wallet with tokens of both sides."""

    def __init__(self) -> None:
        self.chain = new_chain()
        maker, self.thief = Actor(self.chain, "maker"), Actor(self.chain, "thief")
        self.mint = maker.create_mint("token")
        self.pool = maker.open_pool(self.mint)
        self.thief.must(*self.thief.buy(self.pool, self.mint, SOL), self.thief.open_account(WSOL))
        self.chain.close_slot()


MANGLED, ATTACKED = Stage(), Stage()
WIRE = bytes(MANGLED.thief.sign(*MANGLED.thief.buy(MANGLED.pool, MANGLED.mint, SOL)))

cuts = st.lists(
    st.tuples(st.integers(0, len(WIRE) - 1), st.integers(0, 255)), min_size=1, max_size=8
)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=1300))
def test_any_bytes_are_a_transaction_or_malformed(wire):
    with contextlib.suppress(Malformed):
        decode(wire)


@settings(max_examples=400, deadline=None)
@given(cuts=cuts, length=st.integers(1, len(WIRE)))
def test_a_mangled_transaction_runs_or_is_rejected(cuts, length):
    wire = bytearray(WIRE)
    for place, value in cuts:
        wire[place] = value
    try:
        transaction = decode(bytes(wire[:length]) if length % 7 == 0 else bytes(wire))
    except Malformed:
        return
    chain = MANGLED.chain
    chain.simulate(transaction, replace_blockhash=True)
    with contextlib.suppress(Rejected):
        chain.execute(transaction, trusted=True)
        chain.fork(1)


@settings(max_examples=300, deadline=None)
@given(
    tag=st.integers(0, 255),
    body=st.binary(max_size=20),
    order=st.lists(st.integers(0, 11), max_size=14),
)
def test_no_instruction_of_a_thief_takes_from_the_pool_for_nothing(tag, body, order):
    chain, thief, mint, pool = ATTACKED.chain, ATTACKED.thief, ATTACKED.mint, ATTACKED.pool
    swap = thief.swap(pool, mint, buys=True, amount=1)
    known = [
        *swap.accounts,
        writable(keypair("nobody").pubkey()),
        writable(thief.address),
    ]
    accounts = [known[index] for index in order] if tag % 3 else list(swap.accounts)
    base, quote = vault_amounts(chain, pool)
    instruction = Instruction(amm.AMM_PROGRAM_ID, bytes([tag % 5]) + body, accounts)
    with contextlib.suppress(Rejected):
        thief.send(instruction)
    base_after, quote_after = vault_amounts(chain, pool)
    assert base_after * quote_after >= base * quote
    chain.close_slot()
