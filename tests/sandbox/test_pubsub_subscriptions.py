"""The stock websocket client is told of slots, roots, signatures, logs, accounts and programs."""

import asyncio
import json
from typing import Any

import pytest
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.models import MemcmpOpts
from solana.rpc.websocket_api import SolanaWsClient, UnsubscribeError
from solders.keypair import Keypair
from solders.rpc.config import RpcTransactionLogsFilterMentions
from solders.signature import Signature
from spl.token.constants import TOKEN_PROGRAM_ID
from websockets.asyncio.client import connect

from tests.cluster import Sandbox
from tests.sandbox.payer import Payer, send_wire

PATIENCE_SECONDS = 5.0
SILENCE_SECONDS = 0.3


async def next_of(pubsub: SolanaWsClient) -> Any:
    return await asyncio.wait_for(pubsub.recv(), PATIENCE_SECONDS)


async def is_silent(pubsub: SolanaWsClient) -> bool:
    try:
        await asyncio.wait_for(pubsub.recv(), SILENCE_SECONDS)
    except TimeoutError:
        return True
    return False


async def test_every_opened_slot_is_announced(pubsub: SolanaWsClient, sandbox: Sandbox):
    await pubsub.slot_subscribe()
    sandbox.advance(slots=2)
    first, second = await next_of(pubsub), await next_of(pubsub)
    assert second.result.slot == first.result.slot + 1
    assert second.result.parent == first.result.slot
    assert second.result.root < first.result.slot


async def test_roots_are_announced_in_order(pubsub: SolanaWsClient, sandbox: Sandbox):
    await pubsub.root_subscribe()
    sandbox.advance(slots=3)
    roots = [(await next_of(pubsub)).result for _ in range(3)]
    assert roots == sorted(set(roots))


async def test_a_signature_is_announced_once_and_unsubscribed(pubsub: SolanaWsClient, payer: Payer):
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**6))
    subscription = await pubsub.signature_subscribe(
        signature=transaction.signatures[0], commitment=Processed
    )
    send_wire(payer.sandbox, transaction, skipPreflight=True)
    told = await next_of(pubsub)
    assert told.result.value.err is None
    payer.sandbox.advance(slots=3)
    assert await is_silent(pubsub)
    with pytest.raises((UnsubscribeError, KeyError, ValueError)):
        await pubsub.unsubscribe(subscription)


async def test_a_signature_that_landed_before_is_announced_at_once(
    pubsub: SolanaWsClient, payer: Payer
):
    signature = Signature.from_string(payer.send(payer.pay(Keypair().pubkey(), 10**6)))
    await pubsub.signature_subscribe(signature=signature, commitment=Confirmed)
    assert (await next_of(pubsub)).result.value.err is None


async def test_a_failed_transaction_is_announced_with_its_error(payer: Payer):
    """Read raw: solders' parser gives up on a custom error in this notification."""
    transaction = payer.sign(payer.pay(Keypair().pubkey(), 10**15))
    signature = str(transaction.signatures[0])
    async with connect(payer.sandbox.ws_url) as raw:
        call = {"jsonrpc": "2.0", "id": 1, "method": "signatureSubscribe", "params": [signature]}
        await raw.send(json.dumps(call))
        await raw.recv()
        send_wire(payer.sandbox, transaction, skipPreflight=True)
        payer.sandbox.advance(slots=2)
        told = json.loads(await raw.recv())
    assert told["params"]["result"]["value"] == {"err": {"InstructionError": [0, {"Custom": 1}]}}


async def test_commitments_are_announced_in_their_order(slot_payer: Payer):
    sandbox, receiver = slot_payer.sandbox, Keypair().pubkey()
    async with SolanaWsClient(sandbox.ws_url) as pubsub:
        for commitment in (Finalized, Confirmed, Processed):
            await pubsub.account_subscribe(pubkey=receiver, commitment=commitment)
        slot_payer.send(slot_payer.pay(receiver, 10**6))
        ids = []
        for slots in (1, 1, 32):
            sandbox.advance(slots=slots)
            ids.append((await next_of(pubsub)).subscription)
            assert await is_silent(pubsub)
        assert ids == sorted(ids, reverse=True)


async def test_logs_of_everybody_are_announced(pubsub: SolanaWsClient, payer: Payer):
    await pubsub.logs_subscribe(commitment=Processed)
    signature = payer.send(payer.pay(Keypair().pubkey(), 10**6))
    value = (await next_of(pubsub)).result.value
    assert str(value.signature) == signature
    assert value.logs[-1].endswith("success")


async def test_logs_are_announced_to_those_mentioned_only(pubsub: SolanaWsClient, payer: Payer):
    watched = Keypair().pubkey()
    await pubsub.logs_subscribe(
        filter_=RpcTransactionLogsFilterMentions(watched), commitment=Confirmed
    )
    payer.send(payer.pay(Keypair().pubkey(), 10**6))
    signature = payer.send(payer.pay(watched, 10**6))
    assert str((await next_of(pubsub)).result.value.signature) == signature
    assert await is_silent(pubsub)


async def test_an_account_is_announced_when_it_changes(pubsub: SolanaWsClient, payer: Payer):
    receiver = Keypair().pubkey()
    await pubsub.account_subscribe(pubkey=receiver, commitment=Processed, encoding="base64")
    payer.send(payer.pay(receiver, 10**6))
    payer.send(payer.pay(receiver, 2 * 10**6))
    lamports = [(await next_of(pubsub)).result.value.lamports for _ in range(2)]
    assert lamports == [10**6, 3 * 10**6]


async def test_a_token_account_is_announced_parsed(pubsub: SolanaWsClient, payer: Payer):
    await pubsub.program_subscribe(
        program_id=TOKEN_PROGRAM_ID, commitment=Confirmed, encoding="jsonParsed", filters=[165]
    )
    mint = payer.issue(supply=5)
    told = (await next_of(pubsub)).result.value
    assert told.pubkey == payer.token_account(mint)
    assert told.account.data.parsed["info"]["tokenAmount"]["amount"] == "5"


async def test_a_programs_accounts_are_announced_through_filters(
    pubsub: SolanaWsClient, payer: Payer
):
    where = MemcmpOpts(offset=0, bytes=str(Keypair().pubkey()))
    await pubsub.program_subscribe(
        program_id=TOKEN_PROGRAM_ID, commitment=Confirmed, encoding="base64", filters=[where]
    )
    payer.issue()
    assert await is_silent(pubsub)


async def test_nothing_comes_after_unsubscribing(pubsub: SolanaWsClient, sandbox: Sandbox):
    subscription = await pubsub.slot_subscribe()
    await pubsub.unsubscribe(subscription)
    sandbox.advance(slots=2)
    assert await is_silent(pubsub)


async def test_what_a_fork_took_back_is_never_announced_as_confirmed(slot_payer: Payer):
    sandbox, receiver = slot_payer.sandbox, Keypair().pubkey()
    async with SolanaWsClient(sandbox.ws_url) as pubsub:
        await pubsub.account_subscribe(pubkey=receiver, commitment=Processed)
        await pubsub.account_subscribe(pubkey=receiver, commitment=Confirmed)
        slot_payer.send(slot_payer.pay(receiver, 10**6))
        sandbox.advance(slots=1)
        await next_of(pubsub)
        sandbox.control("POST", "fork", {"slots": 1})
        sandbox.advance(slots=40)
        assert await is_silent(pubsub)


RAW_CALLS = {
    "unknown method": ("blockSubscribe", ["all"], -32601),
    "unknown subscription": ("slotUnsubscribe", [10**9], -32602),
    "two mentions": (
        "logsSubscribe",
        [{"mentions": ["11111111111111111111111111111111"] * 2}],
        -32602,
    ),
    "no address": ("accountSubscribe", [], -32602),
    "not a key": ("accountSubscribe", ["nonsense"], -32602),
}


@pytest.mark.parametrize("name", RAW_CALLS)
async def test_a_bad_subscription_is_an_error(sandbox: Sandbox, name: str):
    method, params, code = RAW_CALLS[name]
    async with connect(sandbox.ws_url) as raw:
        await raw.send(json.dumps({"jsonrpc": "2.0", "id": 9, "method": method, "params": params}))
        reply = json.loads(await raw.recv())
    assert (reply["id"], reply["error"]["code"]) == (9, code)


async def test_the_notification_has_the_shape_recorded_on_mainnet(payer: Payer, recorded: Any):
    lines = (recorded / "streams" / "logsSubscribe_pumpfun.jsonl").read_text().splitlines()
    theirs = json.loads(json.loads(lines[1])["raw"])
    async with connect(payer.sandbox.ws_url) as raw:
        call = {"jsonrpc": "2.0", "id": 1, "method": "logsSubscribe", "params": ["all"]}
        call["params"] = ["all", {"commitment": "processed"}]
        await raw.send(json.dumps(call))
        assert set(json.loads(await raw.recv())) == set(json.loads(json.loads(lines[0])["raw"]))
        payer.send(payer.pay(Keypair().pubkey(), 10**6))
        ours = json.loads(await raw.recv())
    assert shape(ours) == shape(theirs)


def shape(notification: Any) -> Any:
    params = notification["params"]
    result = params["result"]
    return [
        set(each) for each in (notification, params, result, result["context"], result["value"])
    ]
