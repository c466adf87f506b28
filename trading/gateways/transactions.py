"""Builds and signs our own v0 transactions from Jupiter's instructions; sends nothing.

Formats: formats.md sections 1 and 3; address lookup tables as in Solana's
address-lookup-table program (56 bytes of meta, then 32 bytes an address).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha512
from typing import Protocol

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import ID as COMPUTE_BUDGET_ID
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.errors import BincodeError, SignerError
from solders.hash import Hash, ParseHashError
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import CompileError, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_PROGRAM_ID
from spl.token.instructions import close_account as close_token_account
from spl.token.models import CloseAccountParams

from trading.gateways.base import GatewayError, InvalidReply
from trading.gateways.panics import panics_as

# What fits into one packet: the limit of legacy and v0 transactions.
SIZE_LIMIT_BYTES = 1232

_TABLE_META_BYTES = 56
_TABLE_TYPE = 1
_NEVER_DEACTIVATED = 2**64 - 1
_LIMIT_TAG, _PRICE_TAG = 2, 3
_HARVEST_WITHHELD = bytes([26, 4])
"""Token-2022's TransferFeeExtension, HarvestWithheldTokensToMint: needs nobody's signature."""
# Stands in a table for an address that must stay in the message itself; nobody owns its key.
_MASK = Pubkey(b"\xff" * 32)


class UnableToAssemble(GatewayError):
    """The instructions do not make a transaction that we alone can sign."""


class TransactionTooLarge(UnableToAssemble):
    """More than 1232 bytes on the wire; `size_bytes` says how many."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes, {SIZE_LIMIT_BYTES} are allowed")
        self.size_bytes = size_bytes


class MalformedTransaction(GatewayError):
    """The bytes are no signed transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapInstructions:
    """One swap in the order it has to run: setup, swap, cleanup (unwrapping SOL)."""

    compute_budget: tuple[Instruction, ...]
    setup: tuple[Instruction, ...]
    swap: Instruction
    cleanup: tuple[Instruction, ...]
    lookup_table_addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    account: str
    lamports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Our own token account, empty after a full exit, whose rent comes back to us.

    `withheld_of` is the mint of a Token-2022 account that may hold withheld transfer fees: these forbid
    closing it, and anybody may send them to the mint first.
    """

    account: Pubkey
    program: Pubkey = TOKEN_PROGRAM_ID
    withheld_of: Pubkey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """`signature` is the transaction's id, known before anything is sent."""

    signature: str
    wire: bytes


class Signer(Protocol):
    """Who pays, and what makes a message a transaction with an id of its own."""

    @property
    def pubkey(self) -> Pubkey: ...

    def sign(self, message: MessageV0) -> VersionedTransaction:
        """The transaction of exactly this message; its first signature names it."""


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signs with a key. Deriving its address costs 20 microseconds, so it is kept."""

    keypair: Keypair
    pubkey: Pubkey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pubkey", self.keypair.pubkey())

    def sign(self, message: MessageV0) -> VersionedTransaction:
        """Raises SignerError when the message wants somebody else's signature too."""
        return VersionedTransaction(message, [self.keypair])


@dataclass(frozen=True, slots=True)
class PaperSigner:
    """Names a transaction without any key: where the signature belongs stands a digest of the message.

    No node would take it: the digest is no signature of anybody.
    """

    pubkey: Pubkey

    def sign(self, message: MessageV0) -> VersionedTransaction:
        digest = sha512(b"chimera paper" + bytes(message)).digest()
        return VersionedTransaction.populate(message, [Signature.from_bytes(digest)])


def assemble(
    *,
    instructions: SwapInstructions,
    signer: Signer,
    blockhash: str,
    compute_unit_limit: int | None = None,
    compute_unit_price_micro_lamports: int | None = None,
    tip: Tip | None = None,
    closing: Closing | None = None,
    lookup_tables: Sequence[AddressLookupTableAccount] = (),
) -> SignedTransaction:
    """The signed v0 transaction: compute budget, setup, swap, cleanup, close, tip.

    A given compute unit limit or price replaces Jupiter's.
    The tip is the last instruction and its account never comes from a lookup table.
    Raises UnableToAssemble, TransactionTooLarge.
    """
    steps = [
        *_compute_budget(instructions, compute_unit_limit, compute_unit_price_micro_lamports),
        *instructions.setup,
        instructions.swap,
        *instructions.cleanup,
    ]
    if closing is not None:
        steps += _close(closing, signer.pubkey)
    tables = list(lookup_tables)
    if tip is not None:
        tip_account = _pubkey(tip.account)
        steps.append(_transfer(signer.pubkey, tip_account, tip.lamports))
        tables = [_without(table, tip_account) for table in tables]
    return _sign(steps, signer, blockhash, tables)


def unsigned(
    *,
    instructions: SwapInstructions,
    payer_pubkey: Pubkey,
    compute_unit_limit: int,
    lookup_tables: Sequence[AddressLookupTableAccount] = (),
) -> bytes:
    """The wire bytes of a transaction to simulate: without a signature nobody can send it.

    Raises UnableToAssemble, TransactionTooLarge.
    """
    steps = [
        *_compute_budget(instructions, compute_unit_limit, None),
        *instructions.setup,
        instructions.swap,
        *instructions.cleanup,
    ]
    message = _compile(steps, payer_pubkey, Hash.default(), list(lookup_tables))
    return _checked_wire(VersionedTransaction.populate(message, [Signature.default()]))


def round_trip(buy: SwapInstructions, sell: SwapInstructions) -> SwapInstructions:
    """The buy and then the sell of what it gave, for a simulation that shows whether a token can be
    sold again; its compute budget has to be given to `assemble`.

    Quote the sell for the buy's `minimum_out_raw`: the simulated buy gives at least that.
    """
    return SwapInstructions(
        compute_budget=(),
        setup=(*buy.setup, buy.swap, *buy.cleanup, *sell.setup),
        swap=sell.swap,
        cleanup=sell.cleanup,
        lookup_table_addresses=tuple(
            dict.fromkeys((*buy.lookup_table_addresses, *sell.lookup_table_addresses))
        ),
    )


@panics_as(MalformedTransaction)
def signature_of(wire: bytes) -> str:
    """The first signature of a signed transaction: its id."""
    try:
        return str(VersionedTransaction.from_bytes(wire).signatures[0])
    except (BincodeError, ValueError, IndexError):
        raise MalformedTransaction("the bytes are no signed transaction") from None


def read_lookup_table(address: str, data: bytes) -> AddressLookupTableAccount:
    """The table in the data of a fetched account; raises InvalidReply if it is no live one."""
    body = data[_TABLE_META_BYTES:]
    if (
        len(data) < _TABLE_META_BYTES
        or int.from_bytes(data[0:4], "little") != _TABLE_TYPE
        or int.from_bytes(data[4:12], "little") != _NEVER_DEACTIVATED
        or len(body) % 32
    ):
        raise InvalidReply(f"{address}: no live address lookup table")
    addresses = [Pubkey(body[start : start + 32]) for start in range(0, len(body), 32)]
    return AddressLookupTableAccount(key=_pubkey(address), addresses=addresses)


def _compute_budget(
    instructions: SwapInstructions, limit: int | None, price: int | None
) -> list[Instruction]:
    replaced = {tag for tag, ours in ((_LIMIT_TAG, limit), (_PRICE_TAG, price)) if ours is not None}
    steps = [step for step in instructions.compute_budget if _budget_tag(step) not in replaced]
    if limit is not None:
        steps.append(set_compute_unit_limit(limit))
    if price is not None:
        steps.append(set_compute_unit_price(price))
    return steps


def _budget_tag(step: Instruction) -> int | None:
    data = bytes(step.data)
    return data[0] if step.program_id == COMPUTE_BUDGET_ID and data else None


def _close(closing: Closing, owner: Pubkey) -> list[Instruction]:
    steps = []
    if closing.withheld_of is not None:
        accounts = [
            AccountMeta(closing.withheld_of, is_signer=False, is_writable=True),
            AccountMeta(closing.account, is_signer=False, is_writable=True),
        ]
        steps.append(Instruction(closing.program, _HARVEST_WITHHELD, accounts))
    close = CloseAccountParams(
        program_id=closing.program, account=closing.account, dest=owner, owner=owner
    )
    return [*steps, close_token_account(close)]


def _transfer(payer: Pubkey, to: Pubkey, lamports: int) -> Instruction:
    return transfer(TransferParams(from_pubkey=payer, to_pubkey=to, lamports=lamports))


def _without(table: AddressLookupTableAccount, address: Pubkey) -> AddressLookupTableAccount:
    if address not in table.addresses:
        return table
    kept = [_MASK if entry == address else entry for entry in table.addresses]
    return AddressLookupTableAccount(key=table.key, addresses=kept)


@panics_as(UnableToAssemble)
def _sign(
    steps: Sequence[Instruction],
    signer: Signer,
    blockhash: str,
    tables: Sequence[AddressLookupTableAccount],
) -> SignedTransaction:
    try:
        message = _compile(steps, signer.pubkey, Hash.from_string(blockhash), tables)
        transaction = signer.sign(message)
    except (SignerError, ParseHashError, ValueError) as error:
        raise UnableToAssemble(f"{type(error).__name__}: {error}") from None
    wire = _checked_wire(transaction)
    return SignedTransaction(signature=str(transaction.signatures[0]), wire=wire)


def _compile(
    steps: Sequence[Instruction],
    payer_pubkey: Pubkey,
    blockhash: Hash,
    tables: Sequence[AddressLookupTableAccount],
) -> MessageV0:
    try:
        return MessageV0.try_compile(payer_pubkey, list(steps), list(tables), blockhash)
    except (CompileError, ValueError) as error:
        raise UnableToAssemble(f"{type(error).__name__}: {error}") from None


def _checked_wire(transaction: VersionedTransaction) -> bytes:
    wire = bytes(transaction)
    if len(wire) > SIZE_LIMIT_BYTES:
        raise TransactionTooLarge(len(wire))
    return wire


def _pubkey(address: str) -> Pubkey:
    try:
        return Pubkey.from_string(address)
    except ValueError:
        raise UnableToAssemble(f"{address[:60]!r} is no address") from None
