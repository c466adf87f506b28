"""RPC methods about the cluster itself: slots, epochs, versions, fees; no accounts."""

from base64 import b64decode
from typing import Any

from solders.hash import Hash
from solders.message import from_bytes_versioned
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from workers.sandbox.jsonrpc import RpcError, invalid_params
from workers.sandbox.node import (
    API_VERSION,
    FEATURE_SET,
    SLOTS_PER_EPOCH,
    Method,
    Node,
    epoch_of,
)
from workers.sandbox.params import Config, Params
from workers.sandbox.records import Malformed

Json = Any
_MAX_LEADERS = 5_000
_LARGEST_AIRDROP_LAMPORTS = 1_000_000 * 10**9


def get_health(node: Node, raw: list[Json]) -> Json:
    Params(raw, count=0)
    return "ok"


def get_version(node: Node, raw: list[Json]) -> Json:
    Params(raw, count=0)
    return {"solana-core": API_VERSION, "feature-set": FEATURE_SET}


def get_identity(node: Node, raw: list[Json]) -> Json:
    Params(raw, count=0)
    return {"identity": str(node.chain.faucet.pubkey())}


def get_genesis_hash(node: Node, raw: list[Json]) -> Json:
    Params(raw, count=0)
    return str(node.chain.genesis_hash)


def get_slot(node: Node, raw: list[Json]) -> Json:
    return node.context_slot(Params(raw, count=1).config(0))


def get_block_height(node: Node, raw: list[Json]) -> Json:
    config = Params(raw, count=1).config(0)
    node.context_slot(config)
    return node.chain.block_height_at(config.commitment())


def get_transaction_count(node: Node, raw: list[Json]) -> Json:
    node.context_slot(Params(raw, count=1).config(0))
    return node.chain.transaction_count


def get_epoch_info(node: Node, raw: list[Json]) -> Json:
    config = Params(raw, count=1).config(0)
    slot = node.context_slot(config)
    return {
        "absoluteSlot": slot,
        "blockHeight": node.chain.block_height_at(config.commitment()),
        "epoch": epoch_of(slot),
        "slotIndex": slot % SLOTS_PER_EPOCH,
        "slotsInEpoch": SLOTS_PER_EPOCH,
        "transactionCount": node.chain.transaction_count,
    }


def get_epoch_schedule(node: Node, raw: list[Json]) -> Json:
    Params(raw, count=0)
    return {
        "firstNormalEpoch": 0,
        "firstNormalSlot": 0,
        "leaderScheduleSlotOffset": SLOTS_PER_EPOCH,
        "slotsPerEpoch": SLOTS_PER_EPOCH,
        "warmup": False,
    }


def get_slot_leader(node: Node, raw: list[Json]) -> Json:
    node.context_slot(Params(raw, count=1).config(0))
    return str(node.chain.faucet.pubkey())


def get_slot_leaders(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    params.whole(0)
    limit = params.whole(1)
    if not 1 <= limit <= _MAX_LEADERS:
        raise invalid_params(f"Invalid limit; max {_MAX_LEADERS}")
    return [str(node.chain.faucet.pubkey())] * limit


def get_latest_blockhash(node: Node, raw: list[Json]) -> Json:
    config = Params(raw, count=1).config(0)
    slot = node.context_slot(config)
    latest = node.chain.blockhash(config.commitment())
    value = {
        "blockhash": str(latest.hash),
        "lastValidBlockHeight": latest.last_valid_block_height,
    }
    return node.with_context(slot, value)


def is_blockhash_valid(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    config = params.config(1)
    slot = node.context_slot(config)
    try:
        blockhash = Hash.from_string(params.text(0))
    except ValueError as error:
        raise invalid_params(f"{error}") from None
    valid = node.chain.is_blockhash_valid(blockhash, config.commitment())
    return node.with_context(slot, valid)


def get_fee_for_message(node: Node, raw: list[Json]) -> Json:
    """Lamports the message would cost, or null when its blockhash is not known."""
    params = Params(raw, count=2)
    config = params.config(1)
    slot = node.context_slot(config)
    try:
        message = from_bytes_versioned(b64decode(params.text(0), validate=True))
        unsigned = [Signature.default()] * message.header.num_required_signatures
        transaction = VersionedTransaction.populate(message, unsigned)
    except ValueError as error:
        raise invalid_params(f"failed to deserialize VersionedMessage: {error}") from None
    if not node.chain.is_blockhash_valid(message.recent_blockhash, config.commitment()):
        return node.with_context(slot, None)
    return node.with_context(slot, node.chain.simulate(transaction).fee)


def get_recent_prioritization_fees(node: Node, raw: list[Json]) -> Json:
    """Newest last; per slot the price (micro-lamports per unit) that would have been enough."""
    accounts = Params(raw, count=1).pubkeys(0, most=128, default=[])
    return [{"slot": slot, "prioritizationFee": fees.floor(accounts)} for slot, fees in node.fees]


def get_minimum_balance_for_rent_exemption(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    node.context_slot(params.config(1))
    length = params.whole(0)
    if length > 10 * 1024 * 1024:
        raise invalid_params(f"Invalid param: data length {length} is larger than any account")
    return node.chain.rent_exempt(length)


def request_airdrop(node: Node, raw: list[Json]) -> Json:
    """A real transfer from the faucet; its signature."""
    params = Params(raw, count=3)
    address, lamports = params.pubkey(0), params.whole(1)
    Config(params.raw(2, {})).commitment()
    if not 0 < lamports <= _LARGEST_AIRDROP_LAMPORTS:
        raise RpcError(-32603, "Internal error")
    try:
        record = node.chain.fund(address, lamports)
    except Malformed:
        raise RpcError(-32603, "Internal error") from None
    node.chain.settle()
    return record.signature


METHODS: dict[str, Method] = {
    "getHealth": get_health,
    "getVersion": get_version,
    "getIdentity": get_identity,
    "getGenesisHash": get_genesis_hash,
    "getSlot": get_slot,
    "getBlockHeight": get_block_height,
    "getTransactionCount": get_transaction_count,
    "getEpochInfo": get_epoch_info,
    "getEpochSchedule": get_epoch_schedule,
    "getSlotLeader": get_slot_leader,
    "getSlotLeaders": get_slot_leaders,
    "getLatestBlockhash": get_latest_blockhash,
    "isBlockhashValid": is_blockhash_valid,
    "getFeeForMessage": get_fee_for_message,
    "getRecentPrioritizationFees": get_recent_prioritization_fees,
    "getMinimumBalanceForRentExemption": get_minimum_balance_for_rent_exemption,
    "requestAirdrop": request_airdrop,
}
