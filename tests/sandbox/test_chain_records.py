"""What is remembered of a transaction, and how it is found again."""

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.message import Message, MessageV0
from solders.solders import create_lookup_table, extend_lookup_table
from solders.transaction import VersionedTransaction

from tests.sandbox.actors import SOL, WSOL, Actor, keypair, lamports_of, new_chain, present
from workers.sandbox import receipts
from workers.sandbox.holdings import TOKEN_PROGRAM

RECEIVER = keypair("receiver").pubkey()


@pytest.fixture
def market():
    chain = new_chain()
    maker, alice = Actor(chain, "maker"), Actor(chain, "alice")
    mint = maker.create_mint("token")
    return chain, alice, mint, maker.open_pool(mint)


def balances_of(balances, owner):
    return {b.mint: (b.amount, b.decimals, b.program_id) for b in balances if b.owner == owner}


def test_a_swap_shows_lamports_and_tokens_before_and_after(market):
    chain, alice, mint, pool = market
    record = alice.must(*alice.buy(pool, mint, SOL))
    me, vaults = str(alice.address), str(pool.address)
    assert balances_of(record.pre_token_balances, me) == {}
    assert balances_of(record.post_token_balances, me) == {
        str(mint.address): (alice.balance(mint), 6, str(TOKEN_PROGRAM))
    }
    assert balances_of(record.pre_token_balances, vaults)[str(WSOL.address)][0] == 100 * SOL
    assert balances_of(record.post_token_balances, vaults)[str(WSOL.address)][0] == 101 * SOL
    assert record.account_keys[0] == me
    assert record.pre_balances[0] - record.post_balances[0] == (
        SOL + record.fee + chain.rent_exempt(165)
    )
    index = record.post_token_balances[0].account_index
    assert lamports_of(chain, keypair("alice").pubkey()) == record.post_balances[0]
    assert 0 < index < len(record.account_keys)


def test_inner_instructions_are_in_rpc_form(market):
    _, alice, mint, pool = market
    record = alice.must(*alice.buy(pool, mint, SOL))
    swap = next(group for group in record.inner_instructions if group["index"] == 4)
    assert [call["stackHeight"] for call in swap["instructions"]] == [2, 2]
    keys = record.account_keys
    pay = swap["instructions"][0]
    assert keys[pay["programIdIndex"]] == str(TOKEN_PROGRAM)
    assert keys[pay["accounts"][0]] == str(WSOL.account_of(alice.address))
    assert isinstance(pay["data"], str)


def test_a_failed_transaction_is_remembered_with_its_fee(market):
    chain, alice, mint, pool = market
    record = alice.send(*alice.buy(pool, mint, SOL, min_out=10**15))
    assert record.err == {"InstructionError": [4, {"Custom": 6001}]}
    assert record.fee == 5000
    assert chain.status(record.signature).err == record.err
    assert chain.signatures_for(str(alice.address))[0].err == record.err


def test_a_record_survives_being_stored(market):
    _, alice, mint, pool = market
    for record in (
        alice.must(*alice.buy(pool, mint, SOL)),
        alice.send(*alice.buy(pool, mint, SOL, min_out=10**15)),
    ):
        assert receipts.unpack(receipts.pack(record)) == record


def test_a_wallets_history_is_newest_first_and_can_be_paged(market):
    chain, alice, _, _ = market
    sent = []
    for number in range(5):
        sent.append(alice.send(alice.pay(RECEIVER, SOL + number)).signature)
        if number == 2:
            chain.save()

    def page(**options):
        return [entry.signature for entry in chain.signatures_for(str(RECEIVER), **options)]

    newest_first = sent[::-1]
    assert page() == newest_first
    assert page(limit=2) == newest_first[:2]
    assert page(before=newest_first[1]) == newest_first[2:]
    assert page(until=newest_first[3]) == newest_first[:3]
    assert page(before=newest_first[0], until=newest_first[4], limit=9) == newest_first[1:4]
    assert page(before="unknown") == []


def test_history_at_a_commitment_leaves_out_what_is_newer():
    chain = new_chain(mode="slot")
    first = chain.fund(RECEIVER, SOL).signature
    chain.close_slot()
    second = chain.fund(RECEIVER, SOL).signature

    def seen(commitment):
        return [e.signature for e in chain.signatures_for(str(RECEIVER), commitment=commitment)]

    assert (seen("processed"), seen("confirmed"), seen("finalized")) == (
        [second, first],
        [first],
        [],
    )


def test_token_accounts_are_found_by_owner_and_by_mint(market):
    chain, alice, mint, pool = market
    alice.must(*alice.buy(pool, mint, SOL), alice.open_account(WSOL))
    mine = {address for address, _ in chain.token_accounts_by_owner(alice.address)}
    assert mine == {mint.account_of(alice.address), WSOL.account_of(alice.address)}
    only = chain.token_accounts_by_owner(alice.address, mint=mint.address)
    assert [address for address, _ in only] == [mint.account_of(alice.address)]
    assert chain.largest_token_accounts(mint.address) == [
        (pool.base_vault, 10**15 - alice.balance(mint)),
        (mint.account_of(alice.address), alice.balance(mint)),
    ]
    alice.must(alice.unwrap())
    assert len(chain.token_accounts_by_owner(alice.address)) == 1
    assert pool.address in {key for key, _ in chain.program_accounts(amm_program(chain, pool))}


def amm_program(chain, pool):
    return present(chain, pool.address).owner


def lookup_table(alice, *addresses):
    chain = alice.chain
    chain.advance(slots=2)
    create, table = create_lookup_table(
        {
            "authority_address": alice.address,
            "payer_address": alice.address,
            "recent_slot": chain.slot_at("confirmed"),
        }
    )
    extend = extend_lookup_table(
        {
            "lookup_table_address": table,
            "authority_address": alice.address,
            "payer_address": alice.address,
            "new_addresses": list(addresses),
        }
    )
    alice.must(create, extend)
    chain.advance(slots=1)
    return AddressLookupTableAccount(table, list(addresses))


def test_loaded_addresses_come_after_the_static_ones(market):
    chain, alice, mint, pool = market
    static = alice.sign(*alice.buy(pool, mint, SOL)).message
    table = lookup_table(alice, *static.account_keys[1:])
    message = MessageV0.try_compile(
        alice.address, alice.buy(pool, mint, SOL), [table], chain.blockhash().hash
    )
    assert len(message.account_keys) < len(static.account_keys)
    record = chain.execute(VersionedTransaction(message, [alice.keypair]))
    assert record.err is None, record.logs
    assert record.version == 0
    assert str(pool.base_vault) in record.loaded_writable
    assert str(mint.address) in record.loaded_readonly
    assert sorted(record.account_keys) == sorted(str(key) for key in static.account_keys)
    assert record.account_keys[-len(record.loaded_readonly) :] == record.loaded_readonly
    assert chain.signatures_for(str(pool.base_vault))[0].signature == record.signature
    assert balances_of(record.post_token_balances, str(alice.address))


def test_legacy_transactions_work_and_are_named_so(market):
    chain, alice, _, _ = market
    message = Message.new_with_blockhash(
        [alice.pay(RECEIVER, SOL)], alice.address, chain.blockhash().hash
    )
    record = chain.execute(VersionedTransaction(message, [alice.keypair]))
    assert (record.version, record.err) == ("legacy", None)


def test_the_faucet_pays_with_real_transactions():
    chain = new_chain()
    records = [chain.fund(RECEIVER, SOL) for _ in range(2)]
    assert lamports_of(chain, RECEIVER) == 2 * SOL
    assert records[0].signature != records[1].signature
    assert records[0].account_keys[0] == str(chain.faucet.pubkey())
    assert [entry.signature for entry in chain.signatures_for(str(RECEIVER))] == [
        records[1].signature,
        records[0].signature,
    ]
