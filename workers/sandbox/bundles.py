"""Bundles: what one is, whether it may enter the auction, and its id; running them is elsewhere."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from struct import unpack_from

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from workers.sandbox.jsonrpc import RpcError, invalid_params

TIP_ACCOUNTS = tuple(
    Pubkey.from_string(text)
    for text in (
        "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
        "HFqU5x63VTqvQss8hp11i4wVV8bD44PvwucfZ2bU7gRe",
        "Cw8CFyM9FkoMi7K7Crf6HNQqf4uEMzpKw6QNghXLvLkY",
        "ADaUMid9yfUytqMBgopwjb2DTLSokTSzL1zt6iGPaS49",
        "DfXygSm4jCyNCybVYYK6DwvWqjKee8pbDmJGcLWNDXjh",
        "ADuUkR4vqLUMWXxW9gh6D6L8pMSawimctcNZ5pGwDcEt",
        "DttWaMuVvTiduZRnguLF7jNxTgiMBZ1hyAumKUiL2KRL",
        "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT",
    )
)
MAX_TRANSACTIONS = 5
LEAST_TIP_LAMPORTS = 1_000
_SYSTEM = Pubkey.default()
_TRANSFER = 2


class BundleState(StrEnum):
    PENDING = "Pending"
    LANDED = "Landed"
    FAILED = "Failed"
    INVALID = "Invalid"


@dataclass(slots=True, kw_only=True)
class Bundle:
    """One accepted bundle. `is_dropped`: a fault lets it never take part in an auction."""

    id: str
    transactions: tuple[VersionedTransaction, ...]
    signatures: tuple[str, ...]
    tip_lamports: int
    received_slot: int
    received_unix_time: float
    state: BundleState = BundleState.PENDING
    landed_slot: int | None = None
    is_dropped: bool = False


def bundle_id(signatures: Sequence[str]) -> str:
    """SHA-256 hex over the first signatures joined by commas: computable before sending."""
    return hashlib.sha256(",".join(signatures).encode()).hexdigest()


def tip_lamports(transactions: Sequence[VersionedTransaction]) -> int:
    """What the bundle's own system transfers pay to tip accounts (not what programs pay)."""
    return sum(_tip_of(each) for each in transactions)


def _tip_of(transaction: VersionedTransaction) -> int:
    message = transaction.message
    keys = message.account_keys
    total = 0
    for instruction in message.instructions:
        program, data = instruction.program_id_index, bytes(instruction.data)
        if program >= len(keys) or keys[program] != _SYSTEM or len(data) != 12:
            continue
        tag, lamports = unpack_from("<IQ", data)
        receiver = instruction.accounts[1] if len(instruction.accounts) > 1 else len(keys)
        if tag == _TRANSFER and receiver < len(keys) and keys[receiver] in TIP_ACCOUNTS:
            total += lamports
    return total


def check_tip(transactions: Sequence[VersionedTransaction]) -> int:
    """The tip in lamports. RpcError as the block engine words it: no tip account among the static
    keys (a lookup table does not count), or less than 1000 lamports."""
    if not any(key in TIP_ACCOUNTS for each in transactions for key in each.message.account_keys):
        raise RpcError(
            -32602,
            "Bundles must write lock at least one tip account to be eligible for the auction.",
        )
    tip = tip_lamports(transactions)
    if tip < LEAST_TIP_LAMPORTS:
        raise invalid_params(f"bundle must tip at least {LEAST_TIP_LAMPORTS} lamports")
    return tip
