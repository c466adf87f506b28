"""The stock client sends and simulates; preflight, duplicates and expiry behave as on a node."""

import json

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Processed
from solana.rpc.core import RPCException
from solana.rpc.models import TxOpts
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.rpc.responses import SimulateTransactionResp
from solders.signature import Signature
from solders.transaction import Transaction, VersionedTransaction
from spl.memo.constants import MEMO_PROGRAM_ID
from spl.memo.instructions import create_memo
from spl.memo.models import MemoParams
from spl.token.instructions import create_idempotent_associated_token_account

from tests.cluster import Sandbox
from tests.sandbox.payer import Payer, in_base64, send_wire
from workers.sandbox.base58 import encode


def text_of(error: pytest.ExceptionInfo[BaseException]) -> str:
    return str(error.value.args[0])


async def test_a_transfer_is_sent_confirmed_and_counted(client: AsyncClient, payer: Payer):
    receiver = Keypair().pubkey()
    latest = (await client.get_latest_blockhash(Confirmed)).value
    transaction = payer.sign(payer.pay(receiver, 10**7), blockhash=latest.blockhash)
    opts = TxOpts(
        skip_confirmation=False,
        preflight_commitment=Confirmed,
        last_valid_block_height=latest.last_valid_block_height,
    )
    sent = await client.send_transaction(transaction, opts)
    assert sent.value == transaction.signatures[0]
    assert (await client.get_balance(receiver, Confirmed)).value == 10**7


async def test_a_legacy_transaction_is_taken_and_read_as_legacy(payer: Payer):
    instruction = payer.pay(Keypair().pubkey(), 10**6)
    message = Message.new_with_blockhash([instruction], payer.address, payer.blockhash())
    legacy = Transaction([payer.keypair], message, payer.blockhash())
    wire = VersionedTransaction.from_legacy(legacy)
    signature = send_wire(payer.sandbox, wire, preflightCommitment="confirmed")["result"]
    config = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    found = payer.sandbox.rpc("getTransaction", signature, config)["result"]
    assert found["version"] == "legacy"
    assert "addressTableLookups" not in found["transaction"]["message"]


async def test_a_blockhash_younger_than_the_preflight_commitment_is_not_found(slot_payer: Payer):
    """solana-py's default preflight is finalized, which does not know a confirmed blockhash."""
    async with AsyncClient(slot_payer.sandbox.rpc_url) as client:
        young = (await client.get_latest_blockhash(Processed)).value.blockhash
        transaction = slot_payer.sign(slot_payer.pay(Keypair().pubkey(), 10**6), blockhash=young)
        with pytest.raises(RPCException) as refused:
            await client.send_transaction(transaction)
        assert "Blockhash not found" in text_of(refused)
        sent = await client.send_transaction(transaction, TxOpts(preflight_commitment=Processed))
        assert sent.value == transaction.signatures[0]


async def test_preflight_answers_a_failure_with_its_error_and_logs(
    client: AsyncClient, payer: Payer
):
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**15))
    with pytest.raises(RPCException) as refused:
        await client.send_transaction(transaction, TxOpts(preflight_commitment=Confirmed))
    assert "custom program error: 0x1" in text_of(refused)
    error = send_wire(payer.sandbox, transaction, preflightCommitment="confirmed")["error"]
    assert error["code"] == -32002
    assert error["data"]["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert any("insufficient lamports" in line for line in error["data"]["logs"])
    assert payer.sandbox.rpc("getSignatureStatuses", [str(transaction.signatures[0])])["result"][
        "value"
    ] == [None]


async def test_an_unfunded_payer_is_refused_in_words(sandbox: Sandbox):
    poor = Payer(sandbox=sandbox, keypair=Keypair())
    transaction = poor.sign(poor.pay(Keypair().pubkey(), 1))
    error = send_wire(sandbox, transaction, preflightCommitment="confirmed")["error"]
    assert error["data"]["err"] == "AccountNotFound"
    assert "no record of a prior credit" in error["message"]


async def test_a_forged_signature_is_refused(client: AsyncClient, payer: Payer):
    good = payer.sign(payer.pay(Keypair().pubkey(), 10**6))
    forged = VersionedTransaction.populate(good.message, [Signature.new_unique()])
    with pytest.raises(RPCException) as refused:
        await client.send_transaction(forged)
    assert "TransactionSignatureVerificationFailure" in text_of(refused)
    assert send_wire(payer.sandbox, forged)["error"]["code"] == -32003


async def test_the_same_bytes_twice_execute_once(payer: Payer):
    receiver = Keypair().pubkey()
    transaction = payer.sign(payer.pay(receiver, 10**7))
    answers = [
        send_wire(payer.sandbox, transaction, skipPreflight=True)["result"] for _ in range(3)
    ]
    assert len(set(answers)) == 1
    assert payer.sandbox.rpc("getBalance", str(receiver))["result"]["value"] == 10**7
    error = send_wire(payer.sandbox, transaction, preflightCommitment="processed")["error"]
    assert error["data"]["err"] == "AlreadyProcessed"


async def test_an_expired_transaction_never_lands(payer: Payer):
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**6))
    payer.sandbox.advance(slots=160)
    signature = send_wire(payer.sandbox, transaction, skipPreflight=True)["result"]
    assert payer.sandbox.rpc("getSignatureStatuses", [signature])["result"]["value"] == [None]
    error = send_wire(payer.sandbox, transaction)["error"]
    assert error["data"]["err"] == "BlockhashNotFound"


async def test_a_transaction_larger_than_a_packet_is_refused(payer: Payer):
    memo = create_memo(
        MemoParams(program_id=MEMO_PROGRAM_ID, signer=payer.address, message=b"x" * 1_300)
    )
    error = send_wire(payer.sandbox, payer.sign(memo))["error"]
    assert error["code"] == -32602
    assert "too large" in error["message"]


async def test_a_simulation_changes_nothing_and_tells_everything(client: AsyncClient, payer: Payer):
    receiver = Keypair().pubkey()
    transaction = payer.sign(payer.pay(receiver, 10**7))
    outcome = await client.simulate_transaction(transaction, sig_verify=True, commitment=Confirmed)
    assert outcome.value.err is None
    assert outcome.value.logs
    assert outcome.value.units_consumed
    assert (await client.get_balance(receiver, Confirmed)).value == 0


async def test_a_simulation_shows_accounts_as_they_would_be(client: AsyncClient, payer: Payer):
    receiver = Keypair().pubkey()
    transaction = payer.sign(payer.pay(receiver, 10**7))
    outcome = await client.simulate_transaction(
        transaction, commitment=Confirmed, accounts_addresses=[receiver]
    )
    assert outcome.value.accounts is not None
    [account] = outcome.value.accounts
    assert account is not None
    assert account.lamports == 10**7


async def test_a_simulation_may_replace_a_dead_blockhash(client: AsyncClient, payer: Payer):
    instruction = payer.pay(Keypair().pubkey(), 10**6)
    transaction = payer.sign(instruction, blockhash=Hash.new_unique())
    dead = await client.simulate_transaction(transaction, commitment=Confirmed)
    assert "BlockhashNotFound" in str(dead.value.err)
    alive = await client.simulate_transaction(
        transaction, commitment=Confirmed, replace_recent_blockhash=True
    )
    assert alive.value.err is None


async def test_a_simulation_shows_inner_instructions_parsed(payer: Payer):
    mint = payer.issue()
    friend = Payer(sandbox=payer.sandbox, keypair=Keypair())
    transaction = payer.sign(
        create_idempotent_associated_token_account(payer.address, friend.address, mint)
    )
    config = {"encoding": "base64", "innerInstructions": True, "commitment": "confirmed"}
    reply = payer.sandbox.rpc("simulateTransaction", in_base64(transaction), config)
    assert isinstance(SimulateTransactionResp.from_json(json.dumps(reply)), SimulateTransactionResp)
    [inner] = reply["result"]["value"]["innerInstructions"]
    assert inner["instructions"][-1]["parsed"]["type"] == "initializeAccount3"


async def test_verifying_and_replacing_at_once_is_refused(payer: Payer):
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**6))
    config = {"encoding": "base64", "sigVerify": True, "replaceRecentBlockhash": True}
    error = payer.sandbox.rpc("simulateTransaction", in_base64(transaction), config)["error"]
    assert error["message"] == "sigVerify may not be used with replaceRecentBlockhash"


async def test_priority_fees_show_up_for_the_account_that_was_written(payer: Payer):
    receiver = Keypair().pubkey()
    signature = payer.send(
        set_compute_unit_limit(50_000), set_compute_unit_price(70_000), payer.pay(receiver, 10**6)
    )
    status = payer.sandbox.rpc("getSignatureStatuses", [signature])["result"]["value"][0]
    rows = payer.sandbox.rpc("getRecentPrioritizationFees", [str(receiver)])["result"]
    fees = {each["slot"]: each["prioritizationFee"] for each in rows}
    assert fees[status["slot"]] == 70_000


async def test_a_base58_transaction_is_taken_by_default(payer: Payer):
    old = payer.blockhash("finalized")
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**6), blockhash=old)
    reply = payer.sandbox.rpc("sendTransaction", encode(bytes(transaction)))
    assert reply["result"] == str(transaction.signatures[0])
