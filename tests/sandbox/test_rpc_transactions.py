"""The stock client reads what landed: transactions, statuses, address histories, blocks."""

from typing import Any

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized
from solders.keypair import Keypair
from solders.signature import Signature
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.instructions import create_idempotent_associated_token_account, transfer_checked
from spl.token.models import TransferCheckedParams

from tests.cluster import Sandbox
from tests.sandbox.payer import Payer, send_wire


def read(sandbox: Sandbox, signature: str, encoding: str = "json", **config: Any) -> Any:
    config = {"commitment": "confirmed", "maxSupportedTransactionVersion": 1, **config}
    return sandbox.rpc("getTransaction", signature, {"encoding": encoding, **config})


def move_tokens(payer: Payer, *, amount: int) -> tuple[str, Keypair]:
    mint, friend = payer.issue(decimals=6, supply=1_000_000), Keypair()
    friends_account = Payer(sandbox=payer.sandbox, keypair=friend).token_account(mint)
    moved = TransferCheckedParams(
        program_id=TOKEN_PROGRAM_ID,
        source=payer.token_account(mint),
        mint=mint,
        dest=friends_account,
        owner=payer.address,
        amount=amount,
        decimals=6,
    )
    signature = payer.send(
        create_idempotent_associated_token_account(payer.address, friend.pubkey(), mint),
        transfer_checked(moved),
    )
    return signature, friend


@pytest.mark.parametrize("encoding", ["json", "base64", "jsonParsed", "base58"])
async def test_a_transaction_is_read_in(client: AsyncClient, payer: Payer, encoding: str):
    signature = Signature.from_string(payer.send(payer.pay(Keypair().pubkey(), 10**6)))
    found = await client.get_transaction(
        signature, encoding, Confirmed, max_supported_transaction_version=1
    )
    assert found.value is not None
    meta = found.value.transaction.meta
    assert meta.err is None
    assert meta.pre_balances[0] - meta.post_balances[0] == 10**6 + meta.fee


async def test_a_version_0_transaction_is_refused_to_a_legacy_reader(payer: Payer):
    signature = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    reply = payer.sandbox.rpc("getTransaction", signature, {"commitment": "confirmed"})
    assert reply["error"]["code"] == -32015
    assert "maxSupportedTransactionVersion" in reply["error"]["message"]


async def test_an_unknown_transaction_is_null(client: AsyncClient):
    found = await client.get_transaction(Signature.new_unique(), commitment=Confirmed)
    assert found.value is None


async def test_token_balances_before_and_after_are_kept(payer: Payer):
    signature, friend = move_tokens(payer, amount=250_000)
    meta = read(payer.sandbox, signature)["result"]["meta"]
    after = {each["owner"]: each["uiTokenAmount"] for each in meta["postTokenBalances"]}
    assert after[str(friend.pubkey())]["amount"] == "250000"
    assert after[str(friend.pubkey())]["uiAmountString"] == "0.25"
    assert [each["owner"] for each in meta["preTokenBalances"]] == [str(payer.address)]


async def test_parsed_instructions_name_what_happened(payer: Payer):
    signature, friend = move_tokens(payer, amount=1)
    body = read(payer.sandbox, signature, "jsonParsed")["result"]
    create, move = body["transaction"]["message"]["instructions"]
    assert create["program"] == "spl-associated-token-account"
    assert create["parsed"]["type"] == "createIdempotent"
    assert create["parsed"]["info"]["wallet"] == str(friend.pubkey())
    assert move["parsed"]["type"] == "transferChecked"
    assert move["parsed"]["info"]["tokenAmount"]["amount"] == "1"
    [inner] = body["meta"]["innerInstructions"]
    assert "initializeAccount3" in [each["parsed"]["type"] for each in inner["instructions"]]


async def test_parsed_keys_say_who_signed_and_what_may_change(payer: Payer):
    signature = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    message = read(payer.sandbox, signature, "jsonParsed")["result"]["transaction"]["message"]
    first, second, last = message["accountKeys"]
    assert (first["pubkey"], first["signer"], first["writable"]) == (str(payer.address), True, True)
    assert (second["signer"], second["writable"]) == (False, True)
    assert (last["signer"], last["writable"]) == (False, False)


async def test_a_failed_transaction_is_kept_with_its_error_and_fee(
    client: AsyncClient, payer: Payer
):
    too_much = payer.sign(payer.pay(Keypair().pubkey(), 10**15))
    signature = send_wire(payer.sandbox, too_much, skipPreflight=True)["result"]
    meta = read(payer.sandbox, signature)["result"]["meta"]
    assert meta["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert meta["status"] == {"Err": meta["err"]}
    assert meta["fee"] == 5_000
    [status] = (await client.get_signature_statuses([Signature.from_string(signature)])).value
    assert status is not None
    assert status.err is not None


async def test_statuses_climb_from_confirmed_to_finalized(client: AsyncClient, payer: Payer):
    text = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    signature = Signature.from_string(text)
    payer.sandbox.advance(slots=40)
    await client.confirm_transaction(signature, Finalized)
    [status, unknown] = (
        await client.get_signature_statuses([signature, Signature.new_unique()])
    ).value
    assert status is not None
    assert str(status.confirmation_status) == "TransactionConfirmationStatus.Finalized"
    assert unknown is None


async def test_old_statuses_are_only_found_in_the_history(payer: Payer):
    signature = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    payer.sandbox.advance(slots=400)
    recent = payer.sandbox.rpc("getSignatureStatuses", [signature])
    searched = {"searchTransactionHistory": True}
    everywhere = payer.sandbox.rpc("getSignatureStatuses", [signature], searched)
    assert recent["result"]["value"] == [None]
    assert everywhere["result"]["value"][0]["confirmationStatus"] == "finalized"


async def test_an_addresss_history_pages_newest_first(client: AsyncClient, payer: Payer):
    target = Keypair().pubkey()
    sent = [payer.send(payer.pay(target, 10**6 + each)) for each in range(4)]
    signatures = [Signature.from_string(each) for each in reversed(sent)]
    everything = await client.get_signatures_for_address(target, commitment=Confirmed)
    assert [each.signature for each in everything.value] == signatures
    page = await client.get_signatures_for_address(
        target, before=signatures[0], until=signatures[3], limit=1, commitment=Confirmed
    )
    assert [each.signature for each in page.value] == [signatures[1]]
    rest = await client.get_signatures_for_address(
        target, before=signatures[1], commitment=Confirmed
    )
    assert [each.signature for each in rest.value] == signatures[2:]


@pytest.mark.parametrize("method", ["getTransaction", "getSignaturesForAddress", "getBlock"])
async def test_processed_is_too_early_for(sandbox: Sandbox, method: str):
    first = {
        "getTransaction": str(Signature.new_unique()),
        "getSignaturesForAddress": str(Keypair().pubkey()),
        "getBlock": 1,
    }[method]
    reply = sandbox.rpc(method, first, {"commitment": "processed"})
    assert reply["error"]["code"] == -32602
    assert "below `confirmed`" in reply["error"]["message"]


@pytest.mark.parametrize("encoding", ["json", "jsonParsed", "base64"])
async def test_a_block_holds_its_transactions(client: AsyncClient, payer: Payer, encoding: str):
    signature = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    slot = read(payer.sandbox, signature)["result"]["slot"]
    payer.sandbox.advance(slots=40)
    block = (await client.get_block(slot, encoding, max_supported_transaction_version=1)).value
    assert block is not None
    assert block.transactions is not None
    assert len(block.transactions) == 1
    parent = payer.sandbox.rpc("getBlock", block.parent_slot, {"transactionDetails": "none"})
    assert parent["result"]["blockhash"] == str(block.previous_blockhash)


@pytest.mark.parametrize("detail", ["signatures", "none", "accounts"])
async def test_a_block_is_told_in_the_detail_asked_for(payer: Payer, detail: str):
    signature = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    slot = read(payer.sandbox, signature)["result"]["slot"]
    config = {
        "commitment": "confirmed",
        "transactionDetails": detail,
        "maxSupportedTransactionVersion": 0,
        "rewards": False,
    }
    block = payer.sandbox.rpc("getBlock", slot, config)["result"]
    assert "rewards" not in block
    assert block.get("signatures", [signature]) == [signature]
    assert ("transactions" in block) == (detail == "accounts")


async def test_blocks_ahead_and_skipped_slots_have_their_own_errors(sandbox: Sandbox):
    tip = sandbox.rpc("getSlot", {"commitment": "processed"})["result"]
    assert sandbox.rpc("getBlock", tip + 1_000)["error"]["code"] == -32004
    sandbox.advance(seconds=400)
    sandbox.advance(slots=40)
    assert sandbox.rpc("getBlock", tip + 100)["error"]["code"] == -32007
