"""What can be read off a transaction without running it: size, accounts, fee offer. No state."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from solders.message import MessageV0, MessageV1, VersionedMessage
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from workers.sandbox.records import Malformed, Version

MAX_WIRE_BYTES = 1232
MAX_WIRE_BYTES_V1 = 4096
DEFAULT_UNITS_PER_INSTRUCTION = 200_000
MAX_UNITS = 1_400_000
MICRO_LAMPORTS = 1_000_000

COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
LOOKUP_TABLE_PROGRAM = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")

_V1_FIRST_BYTE = 0x81
_UNIT_LIMIT_TAG, _UNIT_PRICE_TAG = 2, 3
_TABLE_ADDRESSES_AT = 56
_KEY = 32


def decode(wire: bytes) -> VersionedTransaction:
    """Read a transaction. Malformed when it is too long, garbled, or signed by the wrong number of
    signers; signatures themselves are not checked."""
    limit = MAX_WIRE_BYTES_V1 if wire[:1] == bytes([_V1_FIRST_BYTE]) else MAX_WIRE_BYTES
    if len(wire) > limit:
        raise Malformed(f"transaction too large: {len(wire)} bytes (max: {limit})")
    try:
        transaction = VersionedTransaction.from_bytes(wire)
        transaction.sanitize()
    except Exception as refused:  # solders raises several unrelated types of its own
        raise Malformed(f"failed to deserialize transaction: {refused}") from refused
    if not transaction.signatures:
        raise Malformed("transaction has no signer")
    return transaction


def check_size(wire: bytes, version: Version) -> None:
    """Malformed when the bytes do not fit into a packet (the VM itself would run them)."""
    limit = MAX_WIRE_BYTES_V1 if version == 1 else MAX_WIRE_BYTES
    if len(wire) > limit:
        raise Malformed(f"transaction too large: {len(wire)} bytes (max: {limit})")


def version_of(message: VersionedMessage) -> Version:
    """ "legacy", 0 or 1, as getTransaction writes it."""
    if isinstance(message, MessageV0):
        return 0
    return 1 if isinstance(message, MessageV1) else "legacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """All accounts of a message in index order: static, loaded writable, loaded read-only."""

    keys: Sequence[Pubkey]
    writable: Sequence[int]
    """Indexes of those it may change."""
    static_count: int
    loaded_writable_count: int


def static_accounts(message: VersionedMessage) -> Accounts:
    """The accounts the message itself names."""
    keys = message.account_keys
    return Accounts(
        keys=keys,
        writable=_static_writable(message, len(keys)),
        static_count=len(keys),
        loaded_writable_count=0,
    )


def with_lookups(message: MessageV0, tables: Sequence[bytes | None]) -> Accounts:
    """The accounts including what its lookup tables hold (`tables`: their data, None where a table
    does not exist; the VM refuses such a transaction)."""
    static = message.account_keys
    writable: list[Pubkey] = []
    readonly: list[Pubkey] = []
    for lookup, data in zip(message.address_table_lookups, tables, strict=True):
        writable += _entries(data or b"", lookup.writable_indexes)
        readonly += _entries(data or b"", lookup.readonly_indexes)
    count = len(static)
    return Accounts(
        keys=[*static, *writable, *readonly],
        writable=[*_static_writable(message, count), *range(count, count + len(writable))],
        static_count=count,
        loaded_writable_count=len(writable),
    )


def _static_writable(message: VersionedMessage, count: int) -> list[int]:
    header = message.header
    signers = header.num_required_signatures
    writable_signers = signers - header.num_readonly_signed_accounts
    writable_end = count - header.num_readonly_unsigned_accounts
    return [*range(writable_signers), *range(signers, writable_end)]


def _entries(table: bytes, indexes: bytes) -> list[Pubkey]:
    starts = (_TABLE_ADDRESSES_AT + _KEY * index for index in indexes)
    return [Pubkey(table[at : at + _KEY]) for at in starts if at + _KEY <= len(table)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeOffer:
    """What the sender asks for and pays beyond the base fee."""

    unit_limit: int
    unit_price: int
    """Micro-lamports per compute unit."""
    flat_lamports: int = 0
    """Priority fee a v1 message states as one sum."""


def fee_offer(message: VersionedMessage) -> FeeOffer:
    """Read from the compute-budget instructions, or from the config of a v1 message."""
    if isinstance(message, MessageV1):
        return _v1_offer(message)
    keys = message.account_keys
    limit: int | None = None
    price = others = 0
    for instruction in message.instructions:
        if keys[instruction.program_id_index] != COMPUTE_BUDGET:
            others += 1
            continue
        data = instruction.data
        if data[:1] == bytes([_UNIT_LIMIT_TAG]) and len(data) == 5:
            (limit,) = struct.unpack_from("<I", data, 1)
        elif data[:1] == bytes([_UNIT_PRICE_TAG]) and len(data) == 9:
            (price,) = struct.unpack_from("<Q", data, 1)
    if limit is None:
        limit = _default_units(others)
    return FeeOffer(unit_limit=min(limit, MAX_UNITS), unit_price=price)


def _v1_offer(message: MessageV1) -> FeeOffer:
    config = message.config
    limit = config.compute_unit_limit or _default_units(len(message.instructions))
    flat = config.priority_fee or 0
    return FeeOffer(unit_limit=limit, unit_price=flat * MICRO_LAMPORTS // limit, flat_lamports=flat)


def _default_units(instructions: int) -> int:
    return min(instructions * DEFAULT_UNITS_PER_INSTRUCTION, MAX_UNITS)
