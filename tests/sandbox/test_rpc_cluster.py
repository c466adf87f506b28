"""The stock solana-py client reads the cluster itself: slots, epochs, blockhashes, fees."""

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.jsonrpc import JsonRpcRequest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.system_program import TransferParams, transfer

from tests.cluster import Sandbox


async def test_health_version_identity_and_genesis_are_readable(
    client: AsyncClient, sandbox: Sandbox
):
    assert await client.is_connected()
    assert (await client.get_version()).value.solana_core == "4.1.2"
    assert (await client.get_identity()).value
    genesis = (await client.get_genesis_hash()).value
    assert str(genesis) == sandbox.control("GET", "health")["genesis_hash"]


async def test_the_slot_of_a_commitment_is_never_ahead_of_a_lower_one(client: AsyncClient):
    finalized = (await client.get_slot(Finalized)).value
    confirmed = (await client.get_slot(Confirmed)).value
    processed = (await client.get_slot(Processed)).value
    assert finalized <= confirmed <= processed


async def test_block_height_grows_with_the_blocks_made(client: AsyncClient, sandbox: Sandbox):
    before = (await client.get_block_height(Processed)).value
    sandbox.advance(slots=5)
    assert (await client.get_block_height(Processed)).value >= before + 5


async def test_epoch_info_and_schedule_agree(client: AsyncClient):
    info = (await client.get_epoch_info()).value
    schedule = (await client.get_epoch_schedule()).value
    assert info.slots_in_epoch == schedule.slots_per_epoch == 432_000
    assert info.absolute_slot == info.epoch * info.slots_in_epoch + info.slot_index


async def test_the_leader_of_every_slot_is_known(client: AsyncClient):
    leader = (await client.get_slot_leader()).value
    assert (await client.get_slot_leaders(0, 3)).value == [leader] * 3


async def test_a_blockhash_expires_after_150_blocks(client: AsyncClient, sandbox: Sandbox):
    latest = (await client.get_latest_blockhash(Confirmed)).value
    height = (await client.get_block_height(Confirmed)).value
    assert height <= latest.last_valid_block_height <= height + 150
    assert await is_valid(client, latest.blockhash)
    sandbox.advance(slots=151)
    assert not await is_valid(client, latest.blockhash)


async def is_valid(client: AsyncClient, blockhash: object) -> bool:
    request = JsonRpcRequest(
        method="isBlockhashValid", params=[str(blockhash), {"commitment": "processed"}]
    )
    reply = await client.send_rpc_request(request, dict)
    return bool(reply["value"])


async def test_the_fee_of_a_message_is_told_until_its_blockhash_dies(
    client: AsyncClient, sandbox: Sandbox
):
    payer = sandbox.funded_keypair()
    latest = (await client.get_latest_blockhash()).value
    message = transfer_message(payer, latest.blockhash)
    assert (await client.get_fee_for_message(message)).value == 5_000
    sandbox.advance(slots=151)
    assert (await client.get_fee_for_message(message)).value is None


def transfer_message(payer: Keypair, blockhash: Hash) -> MessageV0:
    instruction = transfer(
        TransferParams(from_pubkey=payer.pubkey(), to_pubkey=Keypair().pubkey(), lamports=10**9)
    )
    return MessageV0.try_compile(payer.pubkey(), [instruction], [], blockhash)


async def test_rent_is_what_the_chain_asks(client: AsyncClient):
    assert (await client.get_minimum_balance_for_rent_exemption(165)).value == 2_039_280


async def test_recent_prioritization_fees_cover_at_most_150_slots(
    client: AsyncClient, sandbox: Sandbox
):
    sandbox.advance(slots=200)
    fees = (await client.get_recent_prioritization_fees()).value
    assert len(fees) == 150
    assert all(each.prioritization_fee == 0 for each in fees)


async def test_an_airdrop_is_a_real_transfer(client: AsyncClient):
    address = Keypair().pubkey()
    signature = (await client.request_airdrop(address, 3_000_000)).value
    assert (await client.get_balance(address, Confirmed)).value == 3_000_000
    found = await client.get_transaction(
        signature, commitment=Confirmed, max_supported_transaction_version=1
    )
    assert found.value is not None
    assert found.value.transaction.meta.fee == 5_000


async def test_counts_blocks_and_times_are_readable(client: AsyncClient, sandbox: Sandbox):
    sandbox.fund(Keypair().pubkey())
    assert (await client.get_transaction_count(Processed)).value > 0
    assert (await client.get_first_available_block()).value == 0
    tip = (await client.get_slot(Confirmed)).value
    blocks = (await client.get_blocks(max(0, tip - 3), tip)).value
    assert blocks
    block_time = (await client.get_block_time(blocks[-1])).value
    assert block_time is not None
    assert block_time > 1_700_000_000


@pytest.mark.parametrize("ahead", [1_000, 10**9])
async def test_a_minimum_context_slot_beyond_the_tip_is_refused(sandbox: Sandbox, ahead: int):
    slot = sandbox.rpc("getSlot", {"commitment": "processed"})["result"]
    reply = sandbox.rpc("getBalance", str(Keypair().pubkey()), {"minContextSlot": slot + ahead})
    assert reply["error"]["code"] == -32016
    assert reply["error"]["data"]["contextSlot"] <= slot + 10
