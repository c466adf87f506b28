"""Transactions of every version: lookup tables of v0, the inline configuration of v1."""

from struct import pack

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, MessageV1, TransactionConfig
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from tests.sandbox.payer import Payer, send_wire
from tests.sandbox.test_rpc_transactions import read

LOOKUP_TABLES = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")


def make_table(payer: Payer, addresses: list[Pubkey]) -> AddressLookupTableAccount:
    """A real lookup table, usable from the next slot on."""
    slot = payer.sandbox.rpc("getSlot", {"commitment": "confirmed"})["result"]
    key, bump = Pubkey.find_program_address([bytes(payer.address), pack("<Q", slot)], LOOKUP_TABLES)
    accounts = [
        AccountMeta(key, is_signer=False, is_writable=True),
        AccountMeta(payer.address, is_signer=True, is_writable=False),
        AccountMeta(payer.address, is_signer=True, is_writable=True),
        AccountMeta(Pubkey.default(), is_signer=False, is_writable=False),
    ]
    keys = b"".join(bytes(each) for each in addresses)
    payer.send(
        Instruction(LOOKUP_TABLES, pack("<IQB", 0, slot, bump), accounts),
        Instruction(LOOKUP_TABLES, pack("<IQ", 2, len(addresses)) + keys, accounts),
    )
    payer.sandbox.advance(slots=1)
    return AddressLookupTableAccount(key=key, addresses=addresses)


def test_addresses_from_a_lookup_table_are_shown_as_loaded(payer: Payer):
    receiver = Keypair().pubkey()
    table = make_table(payer, [receiver])
    message = MessageV0.try_compile(
        payer.address, [payer.pay(receiver, 10**6)], [table], payer.blockhash()
    )
    transaction = VersionedTransaction(message, [payer.keypair])
    reply = send_wire(payer.sandbox, transaction, preflightCommitment="processed")
    found = read(payer.sandbox, reply["result"])["result"]
    assert found["meta"]["loadedAddresses"] == {"readonly": [], "writable": [str(receiver)]}
    assert str(receiver) not in found["transaction"]["message"]["accountKeys"]
    [lookup] = found["transaction"]["message"]["addressTableLookups"]
    assert (lookup["accountKey"], lookup["writableIndexes"]) == (str(table.key), [0])
    parsed = read(payer.sandbox, reply["result"], "jsonParsed")["result"]
    loaded = parsed["transaction"]["message"]["accountKeys"][-1]
    assert loaded == {
        "pubkey": str(receiver),
        "signer": False,
        "source": "lookupTable",
        "writable": True,
    }
    [payment] = parsed["transaction"]["message"]["instructions"]
    assert payment["parsed"]["info"]["destination"] == str(receiver)


def test_a_version_1_transaction_is_sent_and_read_with_its_version(payer: Payer):
    receiver = Keypair().pubkey()
    message = MessageV1.try_compile(
        payer.address,
        [payer.pay(receiver, 10**6)],
        payer.blockhash(),
        TransactionConfig(compute_unit_limit=20_000, priority_fee=7_000),
    )
    transaction = VersionedTransaction(message, [payer.keypair])
    assert bytes(transaction)[0] == 0x81
    reply = send_wire(payer.sandbox, transaction, preflightCommitment="processed")
    refused = read(payer.sandbox, reply["result"], maxSupportedTransactionVersion=0)
    assert refused["error"]["code"] == -32015
    found = read(payer.sandbox, reply["result"])["result"]
    assert found["version"] == 1
    assert found["meta"]["fee"] == 12_000
    assert found["transaction"]["message"]["transactionConfig"]["priorityFee"] == 7_000
