"""The ledger's own arithmetic: what one transaction changed, read from its record alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

from tests.cluster import Sandbox
from tests.sandbox.payer import TIP_ACCOUNT, Payer, send_wire
from trading.reconciliation.ledger import LedgerEntry, Unreadable, decode_base58, read_entry

CONFIRMED = {"commitment": "confirmed"}


def entry_of(sandbox: Sandbox, signature: str, *wallets: Pubkey) -> LedgerEntry:
    options = {**CONFIRMED, "encoding": "json", "maxSupportedTransactionVersion": 1}
    record = sandbox.rpc("getTransaction", signature, options)["result"]
    ours = frozenset(str(wallet) for wallet in wallets)
    return read_entry(record, signature=signature, wallets=ours)


@pytest.fixture
def payer(sandbox: Sandbox) -> Payer:
    return Payer(sandbox=sandbox, keypair=sandbox.funded_keypair())


@given(st.binary(min_size=32, max_size=32))
def test_base58_is_read_as_everybody_else_reads_it(raw: bytes) -> None:
    assert decode_base58(str(Pubkey(raw))) == raw


@given(st.binary(min_size=64, max_size=64))
def test_long_base58_too(raw: bytes) -> None:
    assert decode_base58(str(Signature.from_bytes(raw))) == raw


def test_a_payment_is_sent_money_and_a_fee(sandbox: Sandbox, payer: Payer) -> None:
    signature = payer.send(payer.pay(Keypair().pubkey(), 2_000_000), payer.tip(30_000))
    entry = entry_of(sandbox, signature, payer.address)
    assert entry.change_lamports == -2_030_000 - 5_000
    assert (entry.sent_lamports, entry.fee_lamports, entry.rent_lamports) == (2_030_000, 5_000, 0)
    assert entry.sol_lamports == 0
    assert entry.is_signed_by_us
    assert not entry.is_received


def test_the_other_side_received_it(sandbox: Sandbox, payer: Payer) -> None:
    receiver = Keypair().pubkey()
    signature = payer.send(payer.pay(receiver, 2_000_000))
    entry = entry_of(sandbox, signature, receiver)
    assert (entry.change_lamports, entry.fee_lamports, entry.sent_lamports) == (2_000_000, 0, 0)
    assert entry.is_received


def test_between_our_own_wallets_only_the_fee_is_lost(sandbox: Sandbox, payer: Payer) -> None:
    second = Keypair().pubkey()
    signature = payer.send(payer.pay(second, 3_000_000))
    entry = entry_of(sandbox, signature, payer.address, second)
    assert (entry.change_lamports, entry.sent_lamports) == (-5_000, 0)


def test_a_new_token_account_is_rent(sandbox: Sandbox, payer: Payer) -> None:
    mint = payer.issue(supply=500)
    account = payer.token_account(mint)
    signature = sandbox.rpc("getSignaturesForAddress", str(account), CONFIRMED)["result"][0][
        "signature"
    ]
    entry = entry_of(sandbox, signature, payer.address)
    assert entry.rent_lamports == 2_039_280
    assert entry.token_changes == {str(mint): 500}
    assert entry.token_accounts == {str(account)}


def test_what_failed_sent_nothing_but_cost_its_fee(sandbox: Sandbox, payer: Payer) -> None:
    too_much = payer.sign(payer.tip(30_000), payer.pay(Keypair().pubkey(), 10**12))

    send_wire(sandbox, too_much, skipPreflight=True)
    entry = entry_of(sandbox, str(too_much.signatures[0]), payer.address)
    assert entry.is_failed
    assert (entry.change_lamports, entry.sent_lamports, entry.fee_lamports) == (-5_000, 0, 5_000)
    assert str(TIP_ACCOUNT) not in entry.token_accounts


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


@given(record=st.dictionaries(st.sampled_from(["meta", "transaction", "slot"]), JSON))
def test_nonsense_is_named_and_nothing_else(record: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read_entry(record, signature="x", wallets=frozenset({"w"}))


@given(meta=JSON, message=JSON)
def test_nonsense_one_layer_down_as_well(meta: Any, message: Any) -> None:
    record = {"slot": 1, "meta": meta, "transaction": {"message": message}}
    with pytest.raises(Unreadable):
        read_entry(record, signature="x", wallets=frozenset({"w"}))
