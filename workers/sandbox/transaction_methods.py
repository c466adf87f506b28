"""RPC methods that read what landed: transactions, signatures, blocks; nothing is sent here."""

from typing import Any

from workers.sandbox.jsonrpc import RpcError, invalid_params
from workers.sandbox.node import Method, Node
from workers.sandbox.params import MAX_U64, Config, Params, as_signature
from workers.sandbox.records import AddressEntry, Block, Commitment
from workers.sandbox.transaction_views import (
    TRANSACTION_ENCODINGS,
    check_version,
    status_json,
    transaction_json,
)

Json = Any
_MAX_STATUSES, _MAX_SIGNATURES, _MAX_BLOCKS = 256, 1_000, 500_000
_STATUS_CACHE_SLOTS = 300
"""How far back getSignatureStatuses looks unless told to search the history."""


def get_transaction(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    config = params.config(1)
    commitment = config.confirmed()
    newest = config.whole("maxSupportedTransactionVersion")
    record = node.chain.transaction(params.signature(0))
    if record is None or record.slot > node.chain.slot_at(commitment):
        return None
    encoding = config.choice("encoding", TRANSACTION_ENCODINGS, "json")
    body = transaction_json(record, encoding=encoding, newest=newest)
    return {"blockTime": record.block_time, "slot": record.slot, **body}


def get_signature_statuses(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    searches_history = params.config(1).flag("searchTransactionHistory")
    slot = node.chain.slot_at("processed")
    oldest = 0 if searches_history else slot - _STATUS_CACHE_SLOTS
    signatures = params.signatures(0, most=_MAX_STATUSES)
    return node.with_context(slot, [_status(node, each, oldest) for each in signatures])


def _status(node: Node, signature: str, oldest_slot: int) -> Json:
    status = node.chain.status(signature)
    if status is None or status.slot < oldest_slot:
        return None
    return {
        "confirmationStatus": status.confirmation_status,
        "confirmations": status.confirmations,
        "err": status.err,
        "slot": status.slot,
        "status": status_json(status.err),
    }


def get_signatures_for_address(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    config = params.config(1)
    commitment = config.confirmed()
    node.context_slot(config)
    limit = config.whole("limit")
    limit = _MAX_SIGNATURES if limit is None else limit
    if not 1 <= limit <= _MAX_SIGNATURES:
        raise invalid_params(f"Invalid limit; max {_MAX_SIGNATURES}")
    rows = node.chain.signatures_for(
        str(params.pubkey(0)),
        limit=limit,
        before=_optional_signature(config, "before"),
        until=_optional_signature(config, "until"),
        commitment=commitment,
    )
    finalized = node.chain.slot_at("finalized")
    return [_address_entry(each, finalized) for each in rows]


def _optional_signature(config: Config, name: str) -> str | None:
    raw = config.get(name)
    return None if raw is None else as_signature(raw)


def _address_entry(entry: AddressEntry, finalized_slot: int) -> Json:
    return {
        "blockTime": entry.block_time,
        "confirmationStatus": "finalized" if entry.slot <= finalized_slot else "confirmed",
        "err": entry.err,
        "memo": None,
        "signature": entry.signature,
        "slot": entry.slot,
    }


def get_block(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=2)
    config = params.config(1)
    block = _block_at(node, params.whole(0), config.confirmed())
    body: dict[str, Json] = {
        "blockHeight": block.block_height,
        "blockTime": block.block_time,
        "blockhash": block.blockhash,
        "parentSlot": block.parent_slot,
        "previousBlockhash": block.previous_blockhash,
    }
    detail = config.choice("transactionDetails", ("full", "accounts", "signatures", "none"), "full")
    if detail == "signatures":
        body["signatures"] = list(block.signatures)
    elif detail != "none":
        body["transactions"] = _block_transactions(node, block, config, detail)
    if config.flag("rewards", default=True):
        body["rewards"] = []
    return body


def _block_transactions(node: Node, block: Block, config: Config, detail: str) -> list[Json]:
    newest = config.whole("maxSupportedTransactionVersion")
    encoding = config.choice("encoding", TRANSACTION_ENCODINGS, "json")
    records = [node.chain.transaction(each) for each in block.signatures]
    shown = []
    for record in records:
        if record is None:
            continue
        check_version(record, newest=newest)
        body = transaction_json(
            record, encoding="jsonParsed" if detail == "accounts" else encoding, newest=newest
        )
        if detail == "accounts":
            keys = body["transaction"]["message"]["accountKeys"]
            body["transaction"] = {
                "accountKeys": keys,
                "signatures": body["transaction"]["signatures"],
            }
            for name in ("innerInstructions", "logMessages", "computeUnitsConsumed", "rewards"):
                body["meta"].pop(name)
        shown.append(body)
    return shown


def _block_at(node: Node, slot: int, commitment: Commitment) -> Block:
    if slot > node.chain.slot_at(commitment):
        raise RpcError(-32004, f"Block not available for slot {slot}")
    block = node.chain.block(slot)
    if block is None:
        raise RpcError(
            -32007, f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot"
        )
    return block


def get_block_time(node: Node, raw: list[Json]) -> Json:
    return _block_at(node, Params(raw, count=1).whole(0), "confirmed").block_time


def get_blocks(node: Node, raw: list[Json]) -> Json:
    params = Params(raw, count=3)
    start = params.whole(0)
    given = params.raw(1, None)
    has_end = given is not None and not isinstance(given, dict)
    config = params.config(2 if has_end else 1)
    end = min(params.whole(1) if has_end else MAX_U64, node.chain.slot_at(config.confirmed()))
    if end - start > _MAX_BLOCKS:
        raise invalid_params(f"Slot range too large; max {_MAX_BLOCKS}")
    return [slot for slot in range(start, end + 1) if node.chain.block(slot) is not None]


def get_first_available_block(node: Node, raw: list[Json]) -> Json:
    Params(raw, count=0)
    return 0


METHODS: dict[str, Method] = {
    "getTransaction": get_transaction,
    "getSignatureStatuses": get_signature_statuses,
    "getSignaturesForAddress": get_signatures_for_address,
    "getBlock": get_block,
    "getBlockTime": get_block_time,
    "getBlocks": get_blocks,
    "getFirstAvailableBlock": get_first_available_block,
    "minimumLedgerSlot": get_first_available_block,
}
